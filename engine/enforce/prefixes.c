/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted, a prefix stands right before what begins with it: one walk with a stack of open ones hands down what holds. */
#include "engine/enforce/prefixes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

void prefixes_done(struct prefixes *all)
{
	free(all->items);
	*all = (struct prefixes){ 0 };
}

static int add(struct prefixes *all, const void *data, uint32_t bits, uint32_t predicate, bool is_not)
{
	if (all->n == all->size) {
		size_t size = all->size ? 2 * all->size : 256;
		struct prefix *bigger = realloc(all->items, size * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		all->items = bigger;
		all->size = size;
	}
	size_t bytes = (bits + 7) / 8;
	uint8_t *copy = arena_alloc(all->arena, bytes + 1);
	if (!copy)
		return -ENOMEM;
	if (bytes)
		memcpy(copy, data, bytes);
	all->items[all->n++] = (struct prefix){ copy, bits, predicate, is_not };
	return 0;
}

int prefixes_add(struct prefixes *all, const void *data, uint32_t bits, uint32_t predicate)
{
	return add(all, data, bits, predicate, false);
}

int prefixes_add_not(struct prefixes *all, const void *data, uint32_t bits, uint32_t predicate)
{
	return add(all, data, bits, predicate, true);
}

static int compare_prefixes(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	int c = memcmp(x->data, y->data, (MIN(x->bits, y->bits) + 7) / 8);
	if (!c)
		c = (x->bits > y->bits) - (x->bits < y->bits);
	if (!c)
		c = (int)y->is_not - (int)x->is_not; /* taken back first, then given */
	return c ? c : (x->predicate > y->predicate) - (x->predicate < y->predicate);
}

static bool is_below(const struct prefix_entry *a, const struct prefix_entry *b)
{
	uint32_t whole = a->bits / 8, rest = a->bits % 8;
	if (b->bits < a->bits || memcmp(a->data, b->data, whole) != 0)
		return false;
	return rest == 0 || ((a->data[whole] ^ b->data[whole]) & (0xff00u >> rest & 0xffu)) == 0;
}

static bool is_same(const struct prefix_entry *a, const struct prefix *b)
{
	return a->bits == b->bits && memcmp(a->data, b->data, (a->bits + 7) / 8) == 0;
}

/* The predicates of one run of equal prefixes, on top of what is handed down. Returns behind the run. */
static size_t fill_entry(const struct prefixes *all, size_t i, struct prefix_entry *e, const struct prefix_entry *above, size_t words)
{
	bool is_wall = false;
	size_t from = i;
	for (; i < all->n && is_same(e, &all->items[i]); i++)
		is_wall |= all->items[i].predicate == PREFIX_WALL;
	if (above && !is_wall)
		memcpy(e->vector, above->vector, words * sizeof(*e->vector));
	for (size_t k = from; k < i; k++) {
		uint32_t p = all->items[k].predicate;
		if (p < PREFIX_WALL && all->items[k].is_not)
			e->vector[p / 64] &= ~(1ull << p % 64);
		else if (p < PREFIX_WALL)
			e->vector[p / 64] |= 1ull << p % 64;
	}
	return i;
}

int prefixes_resolve(struct prefixes *all, size_t words)
{
	const struct prefix_entry **open = calloc(all->n + 1, sizeof(const struct prefix_entry *));
	uint64_t *vectors = arena_alloc(all->arena, (all->n * words + 1) * sizeof(*vectors));
	all->entries = arena_alloc(all->arena, (all->n + 1) * sizeof(*all->entries));
	if (!open || !vectors || !all->entries) {
		free(open);
		return -ENOMEM;
	}
	if (all->n)
		qsort(all->items, all->n, sizeof(*all->items), compare_prefixes);
	size_t depth = 0;
	for (size_t i = 0; i < all->n;) {
		struct prefix_entry *e = &all->entries[all->n_entries++];
		*e = (struct prefix_entry){ all->items[i].data, all->items[i].bits, vectors };
		vectors += words;
		while (depth && !is_below(open[depth - 1], e))
			depth--;
		i = fill_entry(all, i, e, depth ? open[depth - 1] : NULL, words);
		open[depth++] = e;
	}
	free(open);
	return 0;
}
