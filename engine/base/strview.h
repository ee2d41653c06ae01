/* SPDX-License-Identifier: Apache-2.0 */
/* A borrowed run of bytes. Text from outside is always one of these: it may hold NUL or invalid UTF-8. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct strview {
	const char *p; /* borrowed; NULL only when n is 0 */
	size_t n;      /* bytes */
};

#define SV(literal) ((struct strview){ (literal), sizeof(literal) - 1 })
#define SV_FMT "%.*s"
#define SV_ARG(sv) (int)(sv).n, (sv).n ? (sv).p : ""

static inline struct strview sv_from(const char *z)
{
	return (struct strview){ z, z ? strlen(z) : 0 };
}

static inline bool sv_equal(struct strview a, struct strview b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool sv_is(struct strview a, const char *z)
{
	return sv_equal(a, sv_from(z));
}

static inline bool sv_starts(struct strview s, struct strview prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool sv_ends(struct strview s, struct strview suffix)
{
	return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* Bytes from..end (clamped to the view). */
static inline struct strview sv_from_index(struct strview s, size_t from)
{
	if (from < s.n)
		return (struct strview){ s.p + from, s.n - from };
	return (struct strview){ s.n ? s.p + s.n : s.p, 0 };
}

/* Takes the text up to the next blank off *rest, and the blank; false when there is none, or it is empty. */
static inline bool sv_take_word(struct strview *rest, struct strview *ret)
{
	const char *blank = rest->n ? (const char *)memchr(rest->p, ' ', rest->n) : NULL;
	size_t n = blank ? (size_t)(blank - rest->p) : rest->n;
	*ret = (struct strview){ rest->p, n };
	*rest = sv_from_index(*rest, n + (blank != NULL));
	return n > 0;
}

/* Memory order, shorter first on a common prefix: the order of sorted tables. */
static inline int sv_compare(struct strview a, struct strview b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;
	return c ? c : (a.n > b.n) - (a.n < b.n);
}

/* FNV-1a with a final mix; for tables over trusted or bounded input (not a keyed hash). */
static inline uint64_t sv_hash(struct strview s)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (uint8_t)s.p[i]) * 0x100000001b3u;
	return h ^ (h >> 32);
}
