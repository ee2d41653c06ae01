/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of different sizes out of memory that is set aside once: sizes are powers of two, freed neighbours grow together again (the buddy
 * system), so that no order of use can leave memory in pieces for good. What was never used is not touched. Blocks are named by small numbers; 0 is none.
 */
#pragma once

#include <stdint.h>

#include "engine/base/attr.h"

enum {
	POOL_UNIT = 64,               /* bytes of the smallest block; all blocks are aligned to it */
	POOL_ORDERS = 14,
	POOL_MAX_BLOCK = POOL_UNIT << (POOL_ORDERS - 1), /* 512 KiB: an event with all its texts */
};

struct pool {
	unsigned char *memory; /* owned */
	uint8_t *marks;        /* owned; of each unit: is a block here, of which order, is it free */
	size_t bytes;
	size_t n_blocks, n_carved; /* of the largest size: all, and those that were ever used */
	uint32_t free[POOL_ORDERS]; /* first free block of each order */
	size_t used;           /* bytes of the blocks given out */
};

/* bytes is rounded down to whole largest blocks, one at least. 0 or -ENOMEM. */
int pool_init(struct pool *p, size_t bytes) MUST_CHECK;
void pool_done(struct pool *p);
/* Takes all blocks back. */
void pool_clear(struct pool *p);

/* 0: no room, or more than POOL_MAX_BLOCK. The memory is as it was left. */
uint32_t pool_take(struct pool *p, size_t n) MUST_CHECK;
void pool_give(struct pool *p, uint32_t block);
/* Bytes of a block. */
size_t pool_size(const struct pool *p, uint32_t block);

static inline void *pool_at(const struct pool *p, uint32_t block)
{
	return p->memory + (size_t)(block - 1) * POOL_UNIT;
}
