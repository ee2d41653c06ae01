/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of growing memory, freed together. */
#include "engine/base/arena.h"

#include <stdlib.h>

enum { BLOCK_BYTES = 64 * 1024 };

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	_Alignas(16) char bytes[];
};

void arena_done(struct arena *arena)
{
	for (struct arena_block *b = arena->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	*arena = (struct arena){ .max = arena->max };
}

void *arena_alloc(struct arena *arena, size_t n)
{
	if (n > arena->max || arena->used > arena->max - n)
		return NULL;
	n = (n + 15) & ~(size_t)15;
	struct arena_block *b = arena->blocks;
	if (!b || b->size - b->used < n) {
		size_t size = n > BLOCK_BYTES ? n : BLOCK_BYTES;
		b = calloc(1, sizeof(*b) + size);
		if (!b)
			return NULL;
		b->size = size;
		b->next = arena->blocks;
		arena->blocks = b;
	}
	void *p = b->bytes + b->used;
	b->used += n;
	arena->used += n;
	return p;
}

char *arena_text(struct arena *arena, struct strview text)
{
	char *p = arena_alloc(arena, text.n + 1);
	if (p && text.n)
		memcpy(p, text.p, text.n);
	return p;
}
