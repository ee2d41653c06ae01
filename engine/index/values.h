/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of fields that were seen, each with the list of the predicates that hold of it. The whole value is compared, so a hit is
 * exact. Bounded: each value has two places where it may stand; the one not used since it was last passed over makes room. A value
 * that would push another out is kept when it comes the second time: most of those that never come again do not.
 */
#pragma once

#include "engine/index/lists.h"

enum {
	VALUE_MAX = 4096, /* bytes of a value that is kept */
	VALUE_SIZES = 4,
	VALUE_SMALL = 64, VALUE_MIDDLE = 160, VALUE_LARGE = 512, /* bytes of a place */
};

struct value_place {
	uint16_t n, input, list;
	uint16_t is_used; /* found since it was last passed over */
	char text[];
};

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

/* A place with the text copied to it; NULL: it is not kept this time. Its list is LIST_NONE: set it. */
uint16_t *values_put(struct values *v, uint16_t input, struct strview text, uint64_t hash);
void values_empty(struct values *v);
size_t values_bytes(const struct values *v);

static inline struct value_place *value_place_at(const struct value_rank *rank, size_t i)
{
	return (struct value_place *)(void *)(rank->places + i * rank->bytes);
}

static inline struct value_rank *value_rank_of(struct values *v, size_t n)
{
	n += sizeof(struct value_place);
	return &v->ranks[n <= VALUE_SMALL ? 0 : n <= VALUE_MIDDLE ? 1 : n <= VALUE_LARGE ? 2 : 3];
}

static inline uint32_t value_tag(uint64_t hash)
{
	return (uint32_t)(hash >> 32) | 1;
}

/* The list of a value of an input; LIST_NONE: not there. The hash is for values_put. */
static inline uint16_t values_find(struct values *v, uint16_t input, struct strview text, uint64_t *ret_hash)
{
	uint64_t hash = hash_bytes(&v->key, text.p, text.n, input);
	*ret_hash = hash;
	struct value_rank *rank = value_rank_of(v, text.n);
	size_t first = ((size_t)hash & rank->mask) * 2;
	for (size_t i = first; i < first + 2; i++) {
		if (rank->tags[i] != value_tag(hash))
			continue;
		struct value_place *place = value_place_at(rank, i);
		if (place->n != text.n || place->input != input || !hash_same_bytes(place->text, text.p, text.n))
			continue;
		place->is_used = 1;
		v->hits++;
		return place->list;
	}
	return LIST_NONE;
}
