/* SPDX-License-Identifier: Apache-2.0 */
/* Free blocks are linked through their own memory. */
#include "engine/state/pool.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "engine/enrich/region.h"

enum { MARK_NONE, MARK_ORDER = 0x3f, MARK_FREE = 0x40 }; /* order plus one in the low bits */

struct links {
	uint32_t before, after;
};

static struct links *links_of(const struct pool *p, uint32_t block)
{
	return pool_at(p, block);
}

int pool_init(struct pool *p, size_t bytes)
{
	*p = (struct pool){ .n_blocks = MAX(bytes / POOL_MAX_BLOCK, 1u) };
	void *memory = NULL, *marks = NULL;
	p->bytes = p->n_blocks * POOL_MAX_BLOCK;
	int err = region_new(p->bytes, &memory);
	p->memory = memory;
	if (!err)
		err = region_new(p->bytes / POOL_UNIT, &marks);
	p->marks = marks;
	return err;
}

void pool_done(struct pool *p)
{
	if (p->memory)
		region_free(p->memory, p->bytes);
	if (p->marks)
		region_free(p->marks, p->bytes / POOL_UNIT);
	*p = (struct pool){ 0 };
}

void pool_clear(struct pool *p)
{
	memset(p->marks, 0, p->n_carved * (POOL_MAX_BLOCK / POOL_UNIT)); /* what was never used has no marks */
	memset(p->free, 0, sizeof(p->free));
	p->n_carved = 0;
	p->used = 0;
}

static void free_add(struct pool *p, uint32_t block, unsigned order)
{
	uint32_t after = p->free[order];
	*links_of(p, block) = (struct links){ 0, after };
	if (after)
		links_of(p, after)->before = block;
	p->free[order] = block;
	p->marks[block - 1] = (uint8_t)(MARK_FREE | (order + 1));
}

static void free_remove(struct pool *p, uint32_t block, unsigned order)
{
	struct links l = *links_of(p, block);
	if (l.before)
		links_of(p, l.before)->after = l.after;
	else
		p->free[order] = l.after;
	if (l.after)
		links_of(p, l.after)->before = l.before;
	p->marks[block - 1] = MARK_NONE;
}

/* A block of the order or of a larger one, off its list; 0: there is none. */
static uint32_t find(struct pool *p, unsigned order, unsigned *ret_order)
{
	for (unsigned o = order; o < POOL_ORDERS; o++) {
		uint32_t block = p->free[o];
		if (!block)
			continue;
		free_remove(p, block, o);
		*ret_order = o;
		return block;
	}
	if (p->n_carved == p->n_blocks)
		return 0;
	*ret_order = POOL_ORDERS - 1;
	return (uint32_t)(p->n_carved++ * (POOL_MAX_BLOCK / POOL_UNIT)) + 1;
}

uint32_t pool_take(struct pool *p, size_t n)
{
	unsigned order = 0, have = 0;
	if (n > POOL_MAX_BLOCK)
		return 0;
	while (((size_t)POOL_UNIT << order) < n)
		order++;
	uint32_t block = find(p, order, &have);
	if (!block)
		return 0;
	while (have > order) {
		have--;
		free_add(p, block + (1u << have), have);
	}
	p->marks[block - 1] = (uint8_t)(order + 1);
	p->used += (size_t)POOL_UNIT << order;
	return block;
}

void pool_give(struct pool *p, uint32_t block)
{
	assert(block && p->marks[block - 1] && !(p->marks[block - 1] & MARK_FREE));
	unsigned order = (p->marks[block - 1] & MARK_ORDER) - 1u;
	p->used -= (size_t)POOL_UNIT << order;
	p->marks[block - 1] = MARK_NONE;
	while (order < POOL_ORDERS - 1) {
		uint32_t other = ((block - 1) ^ (1u << order)) + 1;
		if (p->marks[other - 1] != (MARK_FREE | (order + 1)))
			break;
		free_remove(p, other, order);
		block = MIN(block, other);
		order++;
	}
	free_add(p, block, order);
}

size_t pool_size(const struct pool *p, uint32_t block)
{
	return (size_t)POOL_UNIT << ((p->marks[block - 1] & MARK_ORDER) - 1u);
}
