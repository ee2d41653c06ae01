/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/index/lists.h"

#include <errno.h>
#include <stdlib.h>

int lists_init(struct lists *l, size_t max, size_t max_items)
{
	*l = (struct lists){ .max = max < LISTS_MAX ? max : LISTS_MAX, .max_items = max_items, .n = 1, .n_fixed = 1, .n_slots = 64 };
	hash_key_init(&l->key);
	while (l->n_slots < 2 * l->max)
		l->n_slots *= 2;
	l->places = calloc(l->max + 1, sizeof(*l->places));
	l->items = calloc(l->max_items + 1, sizeof(*l->items));
	l->slots = calloc(l->n_slots, sizeof(*l->slots));
	return l->places && l->items && l->slots ? 0 : -ENOMEM;
}

void lists_done(struct lists *l)
{
	free(l->places);
	free(l->items);
	free(l->slots);
	*l = (struct lists){ 0 };
}

static uint16_t *slot_of(const struct lists *l, const uint32_t *items, size_t n)
{
	size_t at = (size_t)hash_bytes(&l->key, (const char *)items, n * sizeof(*items), 0) & (l->n_slots - 1);
	for (; l->slots[at]; at = (at + 1) & (l->n_slots - 1)) {
		const struct list_place *place = &l->places[l->slots[at]];
		if (place->n == n && memcmp(l->items + place->first, items, n * sizeof(*items)) == 0)
			break;
	}
	return &l->slots[at];
}

uint16_t lists_id(struct lists *l, const uint32_t *items, size_t n)
{
	if (n == 0)
		return LIST_EMPTY;
	uint16_t *slot = slot_of(l, items, n);
	if (*slot)
		return *slot;
	if (l->n >= l->max || n > l->max_items - l->n_items)
		return LIST_NONE;
	memcpy(l->items + l->n_items, items, n * sizeof(*items));
	l->places[l->n] = (struct list_place){ (uint32_t)l->n_items, (uint32_t)n };
	l->n_items += n;
	*slot = (uint16_t)l->n++;
	return *slot;
}

void lists_fix(struct lists *l)
{
	l->n_fixed = l->n;
	l->n_fixed_items = l->n_items;
}

void lists_empty(struct lists *l)
{
	l->n = l->n_fixed;
	l->n_items = l->n_fixed_items;
	memset(l->slots, 0, l->n_slots * sizeof(*l->slots));
	for (size_t i = 1; i < l->n; i++)
		*slot_of(l, l->items + l->places[i].first, l->places[i].n) = (uint16_t)i;
}
