/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers to events that were seen, by what the rules can tell of them: the event's number, the class of the process image, the
 * lists of its own fields' values. The whole key is compared. Bounded: two places for each, as in values.h.
 */
#pragma once

#include "engine/index/lists.h"

enum { VERDICT_KEY_MAX = 30 };

struct answer {
	uint16_t key[VERDICT_KEY_MAX]; /* the first is not 0 */
	uint16_t matches;              /* list of rules */
	uint16_t open;                 /* list of plans that must be run each time */
};

struct verdicts {
	struct hash_key key;
	struct answer *places; /* in memory */
	void *memory;           /* owned */
	uint8_t *is_used;       /* owned */
	size_t mask;            /* of pairs */
	uint64_t hits, misses, evictions;
	size_t n;
};

int verdicts_init(struct verdicts *v, size_t max) MUST_CHECK;
void verdicts_done(struct verdicts *v);

void verdicts_put(struct verdicts *v, const uint16_t *key, size_t n, uint64_t hash, uint16_t matches, uint16_t open);
void verdicts_empty(struct verdicts *v);
size_t verdicts_bytes(const struct verdicts *v);

/* NULL when there is none; ret_hash is for verdicts_put. */
static inline const struct answer *verdicts_find(struct verdicts *v, const uint16_t *key, size_t n, uint64_t *ret_hash)
{
	size_t bytes = MIN(n, (size_t)VERDICT_KEY_MAX) * sizeof(*key);
	uint64_t hash = hash_bytes(&v->key, (const char *)key, bytes, 0);
	size_t first = ((size_t)hash & v->mask) * 2;
	*ret_hash = hash;
	for (size_t i = first; i < first + 2; i++) {
		if (!hash_same_bytes((const char *)v->places[i].key, (const char *)key, bytes))
			continue;
		v->is_used[i] = 1;
		v->hits++;
		return &v->places[i];
	}
	v->misses++;
	return NULL;
}
