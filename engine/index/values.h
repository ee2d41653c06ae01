/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of fields that were seen, each with the list of the predicates that hold of it. The whole value is compared, so a hit is
 * exact. Bounded: each value has two places where it may stand; the one not used since it was last passed over makes room. A value
 * that would stand beside another is kept when it comes the second time: of those that are new, most never come again, and what is
 * kept for nothing makes the memory that is in use larger than the processor's caches.
 */
#pragma once

#include "engine/index/lists.h"

enum {
	VALUE_MAX = 4096, /* bytes of a value that is kept */
	VALUE_SIZES = 4,
	VALUE_SMALL = 64, VALUE_MIDDLE = 192, VALUE_LARGE = 512, /* bytes of a place */
};

struct value_place {
	uint16_t n, input, list;
	uint8_t is_used;  /* found since it was last passed over */
	uint8_t tail_n;   /* bytes of its end that another field had as its value; 0: none did */
	uint16_t tail_list, unused;
	char text[];
};

struct values {
	struct hash_key key;
	struct value_rank {
		unsigned char *places; /* in memory */
		void *memory;          /* owned */
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
struct value_place *values_put(struct values *v, uint16_t input, struct strview text, uint64_t hash);
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

static inline uint32_t *value_once(const struct values *v, uint64_t hash)
{
	return &v->once[(hash >> 16) & v->once_mask];
}

static inline bool value_is(const struct value_place *place, uint16_t input, struct strview text)
{
	return place->n == text.n && place->input == input && hash_same_bytes(place->text, text.p, text.n);
}

static inline uint64_t values_hash(const struct values *v, uint16_t input, struct strview text)
{
	return hash_bytes(&v->key, text.p, text.n, input);
}

/* The place of a value of an input, by its hash; NULL: it has none. */
static inline struct value_place *values_find(struct values *v, uint16_t input, struct strview text, uint64_t hash)
{
	const struct value_rank *rank = value_rank_of(v, text.n);
	size_t at = ((size_t)hash & rank->mask) * 2;
	uint32_t tag = value_tag(hash);
	__builtin_prefetch(value_place_at(rank, at)); /* at once, not when the tag has come */
	__builtin_prefetch(value_place_at(rank, at + 1));
	at += rank->tags[at] != tag;
	if (rank->tags[at] != tag) {
		__builtin_prefetch(value_once(v, hash)); /* for values_put, a little later */
		return NULL;
	}
	struct value_place *place = value_place_at(rank, at);
	if (!value_is(place, input, text))
		return NULL; /* another of the same tag: one value in millions is looked at each time */
	place->is_used = 1;
	v->hits++;
	return place;
}
