/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of fields that were seen, each with the list of the predicates that hold of it. The whole value is compared, so a hit is
 * exact. Bounded: each value has two places where it may stand; the one not used since it was last passed over makes room. A value
 * is kept when it comes the second time: most of those that never come again push nothing out.
 */
#pragma once

#include "engine/index/lists.h"

enum { VALUE_MAX = 4096 }; /* bytes of a value that is kept */

enum { VALUE_SIZES = 4 };

struct values {
	struct hash_key key;
	struct value_rank {
		unsigned char *places; /* owned */
		uint32_t *tags;        /* owned; two in a row are the places of a hash; 0: free */
		size_t mask;           /* of pairs */
		size_t bytes;          /* of a place */
	} ranks[VALUE_SIZES];
	uint32_t *once; /* owned; hashes of values that came once */
	size_t once_mask;
	uint64_t hits, misses, evictions;
	size_t n;
};

/* max is for the smallest values; there are less places for longer ones. 0 or -ENOMEM. */
int values_init(struct values *v, size_t max) MUST_CHECK;
void values_done(struct values *v);

/* The list of a value of an input; LIST_NONE: not there. The hash is for values_put. */
uint16_t values_find(struct values *v, uint16_t input, struct strview text, uint64_t *ret_hash);
/* A place with the text copied to it, the second time that it comes; NULL: none. Its list is LIST_NONE: set it. */
uint16_t *values_put(struct values *v, uint16_t input, struct strview text, uint64_t hash);
void values_empty(struct values *v);
size_t values_bytes(const struct values *v);
