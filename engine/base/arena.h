/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that is freed all at once, with a ceiling: for things that are built together and die together (a loaded ruleset).
 * Knows nothing of what is in it.
 */
#pragma once

#include <stddef.h>

#include "engine/base/attr.h"
#include "engine/base/strview.h"

struct arena_block;

struct arena {
	struct arena_block *blocks; /* owned */
	size_t used;                /* bytes handed out */
	size_t max;                 /* ceiling in bytes */
};

void arena_done(struct arena *arena);

/* Zeroed memory, aligned for any type; NULL at the ceiling or without memory. */
void *arena_alloc(struct arena *arena, size_t n) MUST_CHECK;
/* A copy of text, NUL-terminated beyond its end. */
char *arena_text(struct arena *arena, struct strview text) MUST_CHECK;
