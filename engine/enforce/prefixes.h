/* SPDX-License-Identifier: Apache-2.0 */
/* Prefixes of bytes with the predicates that hold of whatever begins so: the entries of a trie in which the longest one answers for all. */
#pragma once

#include "engine/base/arena.h"

#include <stdint.h>

enum {
	PREFIX_NOTHING = UINT32_MAX, /* an entry that no predicate asks for */
	PREFIX_WALL = UINT32_MAX - 1, /* the same, and what holds of shorter ones does not hold here */
};

struct prefix {
	const uint8_t *data; /* (bits + 7) / 8 bytes; bits behind the prefix are 0 */
	uint32_t bits;
	uint32_t predicate;
	uint32_t is_not; /* the predicate does not hold here, though it does of a shorter prefix; unless it is added for the same prefix */
};

struct prefix_entry {
	const uint8_t *data;
	uint32_t bits;
	uint64_t *vector; /* bit p: predicate p holds */
};

struct prefixes {
	struct arena *arena; /* borrowed */
	struct prefix *items; /* owned */
	size_t n, size;
	struct prefix_entry *entries; /* in the arena; sorted, once each */
	size_t n_entries;
};
void prefixes_done(struct prefixes *all);

/* The bytes are copied. 0 or -ENOMEM. */
int prefixes_add(struct prefixes *all, const void *data, uint32_t bits, uint32_t predicate) MUST_CHECK;
int prefixes_add_not(struct prefixes *all, const void *data, uint32_t bits, uint32_t predicate) MUST_CHECK;
/* Makes the entries; words: of their vectors. 0 or -ENOMEM. */
int prefixes_resolve(struct prefixes *all, size_t words) MUST_CHECK;
