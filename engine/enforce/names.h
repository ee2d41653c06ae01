/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Written texts as what the kernel looks up: a path stands under both names of a file, the one from the namespace's root and (device,
 * path inside the file system); on the way there symbolic links of this host are followed.
 */
#pragma once

#include "engine/enforce/value_set.h"
#include "engine/enforce/prefixes.h"
#include "engine/enrich/mounts.h"

enum {
	NAMES_MAX_KEYS = 262144, /* written texts by mounts: what the sort and the vectors are bounded by */
	NAMES_HEAD_DEVICE = 5,   /* bytes before a path of SPACE_DEVICE */
};

struct names {
	const struct mounts *mounts; /* borrowed; NULL: files have one name only */
	bool follows_links;
	struct diag *diag;
	struct prefixes *to;         /* borrowed */
	struct strmap warned;        /* texts whose links were told of */
};
void names_done(struct names *n);

/* Where the texts of a dimension are looked up. */
enum policy_space space_of_texts(enum policy_dimension domain) PURE;

/* The keys of a text predicate, marked with this number. 0; -EINVAL or -E2BIG after a report; -ENOMEM. */
int names_add(struct names *n, const struct value_set *p, uint32_t number) MUST_CHECK;
/* An entry for every device whose files have a second name by the mount table. 0 or -ENOMEM. */
int names_add_devices(struct names *n) MUST_CHECK;

/* Bytes and bits of a text as it is looked up: cut where the key ends. head: bytes of data that are filled already. */
uint32_t names_key(struct policy_text_key *key, size_t head, struct strview text);
/* The last letters of a text as SPACE_ENDING has them: how many. */
size_t names_ending(struct strview text, char ret[static POLICY_ENDING_MAX]);
/* Head of a key of SPACE_DEVICE: its length. */
size_t names_device_head(struct policy_text_key *key, uint32_t device);
