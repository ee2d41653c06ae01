/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing, at most half full. */
#include "engine/base/strmap.h"

#include <errno.h>
#include <stdlib.h>

void strmap_done(struct strmap *map)
{
	free(map->slots);
	*map = (struct strmap){ 0 };
}

static struct strmap_entry *slot_of(const struct strmap *map, struct strview key)
{
	size_t i = (size_t)sv_hash(key) & (map->size - 1);
	while (map->slots[i].key.p && !sv_equal(map->slots[i].key, key))
		i = (i + 1) & (map->size - 1);
	return &map->slots[i];
}

static int strmap_grow(struct strmap *map)
{
	struct strmap bigger = { .size = map->size ? map->size * 2 : 64, .n = map->n };
	bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < map->size; i++)
		if (map->slots[i].key.p)
			*slot_of(&bigger, map->slots[i].key) = map->slots[i];
	free(map->slots);
	*map = bigger;
	return 0;
}

int strmap_add(struct strmap *map, struct strview key, void *value)
{
	if (2 * (map->n + 1) > map->size) {
		int err = strmap_grow(map);
		if (err)
			return err;
	}
	if (!key.p)
		key.p = ""; /* an empty name: NULL marks free slots */
	*slot_of(map, key) = (struct strmap_entry){ key, value };
	map->n++;
	return 0;
}

void *strmap_get(const struct strmap *map, struct strview key)
{
	return map->size ? slot_of(map, key)->value : NULL;
}
