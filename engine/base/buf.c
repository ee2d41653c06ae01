/* SPDX-License-Identifier: Apache-2.0 */
/* The growable buffer; knows nothing of what is put in it. */
#include "engine/base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/num.h"

static size_t buf_ceiling(const struct buf *b)
{
	return b->max ? b->max : BUF_DEFAULT_MAX;
}

void buf_done(struct buf *b)
{
	free(b->p);
	*b = (struct buf){ .max = b->max };
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->failed = false;
}

int buf_error(const struct buf *b)
{
	return b->failed ? -ENOMEM : 0;
}

int buf_reserve(struct buf *b, size_t n)
{
	if (n > buf_ceiling(b) || b->n > buf_ceiling(b) - n)
		return -ENOMEM;
	size_t want = b->n + n;
	if (want <= b->cap)
		return 0;
	size_t cap = b->cap ? b->cap : 256;
	while (cap < want)
		cap *= 2;
	cap = MIN(cap, buf_ceiling(b));
	char *p = realloc(b->p, cap);
	if (!p)
		return -ENOMEM;
	b->p = p;
	b->cap = cap;
	return 0;
}

void buf_add_growing(struct buf *b, const void *bytes, size_t n)
{
	if (n == 0)
		return;
	if (b->failed || buf_reserve(b, n)) {
		b->failed = true;
		return;
	}
	memcpy(b->p + b->n, bytes, n);
	b->n += n;
}

void buf_add_sv(struct buf *b, struct strview sv)
{
	buf_add(b, sv.p, sv.n);
}

void buf_add_z(struct buf *b, const char *z)
{
	buf_add(b, z, strlen(z));
}

void buf_add_u64(struct buf *b, unsigned long long v)
{
	char digits[20];
	size_t at = sizeof(digits);
	if (v < 10) {
		buf_add_char(b, (char)('0' + v));
		return;
	}
	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	buf_add(b, digits + at, sizeof(digits) - at);
}

void buf_add_format(struct buf *b, const char *format, ...)
{
	char small[256];
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	if (n < 0) {
		b->failed = true;
	} else if ((size_t)n < sizeof(small)) {
		buf_add(b, small, (size_t)n);
	} else if (b->failed || buf_reserve(b, (size_t)n + 1)) {
		b->failed = true;
	} else {
		(void)vsnprintf(b->p + b->n, (size_t)n + 1, format, again); /* cannot fail: measured above */
		b->n += (size_t)n;
	}
	va_end(again);
}

const char *buf_cstr(struct buf *b)
{
	if (b->failed || buf_reserve(b, 1))
		return "";
	b->p[b->n] = '\0';
	return b->p;
}
