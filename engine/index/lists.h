/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of numbers, each kept once and named by a small id: equal lists have equal ids. What the caches speak in: the predicates
 * that hold of a value, the rules that match. Bounded: when full, the owner empties it together with all that holds ids.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/base/attr.h"
#include "engine/index/hash.h"

enum {
	LIST_EMPTY = 0,         /* id of the empty list */
	LIST_NONE = 0xffff,     /* no list: there was no room */
	LISTS_MAX = LIST_NONE - 1,
};

struct list_place {
	uint32_t first, n;
};

struct lists {
	struct hash_key key;
	struct list_place *places; /* owned */
	uint32_t *items;           /* owned */
	uint16_t *slots;           /* owned; ids, open addressing, LIST_EMPTY: free */
	size_t n, max, n_items, max_items, n_slots;
	size_t n_fixed, n_fixed_items; /* stay when it is emptied */
};

int lists_init(struct lists *l, size_t max, size_t max_items) MUST_CHECK;
void lists_done(struct lists *l);

/* The id of a list; LIST_NONE when it is new and there is no room. */
uint16_t lists_id(struct lists *l, const uint32_t *items, size_t n);
/* What is there now stays. */
void lists_fix(struct lists *l);
void lists_empty(struct lists *l);

static inline const uint32_t *lists_items(const struct lists *l, uint16_t id, size_t *ret_n)
{
	*ret_n = l->places[id].n;
	return l->items + l->places[id].first;
}
