/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable byte buffer with a ceiling. Appending never fails at once: an append that would pass the ceiling, or that
 * gets no memory, marks the buffer as failed and drops the bytes, so that a chain of appends needs one check at its end.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "engine/base/attr.h"
#include "engine/base/strview.h"

struct buf {
	char *p;    /* owned; not NUL-terminated, see buf_cstr */
	size_t n;   /* bytes used */
	size_t cap; /* bytes allocated, never more than the ceiling */
	size_t max; /* ceiling in bytes; 0: BUF_DEFAULT_MAX */
	bool failed;
};

enum { BUF_DEFAULT_MAX = 16 * 1024 * 1024 };

void buf_done(struct buf *b);
/* Empties the buffer and clears the failure mark; keeps the memory. */
void buf_reset(struct buf *b);
/* 0, or -ENOMEM when an append was dropped since the last reset. */
int buf_error(const struct buf *b) MUST_CHECK;

/* Memory for n bytes ahead, so that appends up to there cannot allocate; 0 or -ENOMEM. */
int buf_reserve(struct buf *b, size_t n) MUST_CHECK;

/* The append that has to grow the buffer first. */
void buf_add_growing(struct buf *b, const void *bytes, size_t n);

static inline void buf_add(struct buf *b, const void *bytes, size_t n)
{
	if (b->failed || n > b->cap - b->n || n == 0) {
		buf_add_growing(b, bytes, n);
		return;
	}
	memcpy(b->p + b->n, bytes, n);
	b->n += n;
}

static inline void buf_add_char(struct buf *b, char c)
{
	if (b->failed || b->n == b->cap)
		buf_add_growing(b, &c, 1);
	else
		b->p[b->n++] = c;
}

void buf_add_sv(struct buf *b, struct strview sv);
void buf_add_z(struct buf *b, const char *z);
void buf_add_u64(struct buf *b, unsigned long long v);
void buf_add_format(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);

/* The content as a C string ("" on failure); valid until the next append. */
const char *buf_cstr(struct buf *b);

static inline struct strview buf_sv(const struct buf *b)
{
	return (struct strview){ b->p, b->n };
}
