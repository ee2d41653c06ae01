/* SPDX-License-Identifier: Apache-2.0 */
/* Running the automaton; automaton_build.c makes it. */
#include "engine/index/automaton.h"

#include "engine/index/automaton_parts.h"

struct scan {
	const struct automaton *a;
	struct strview text;
	literal_found *found;
	void *context;
};

/* The literals whose tails end here; their heads must stand before. */
static void report(const struct scan *s, uint32_t out, size_t end)
{
	for (const struct automaton_out *o; out; out = o->next) {
		o = &s->a->outs[out];
		if (end >= o->n && (!o->head || hash_same_bytes(s->text.p + end - o->n, o->text, o->head)))
			s->found(s->context, o->id, end);
	}
}

/* From a node that is reached before text[at]; returns the first start that is not dealt with. */
static __attribute__((noinline)) size_t walk(const struct scan *s, uint32_t node, size_t at)
{
	for (;;) {
		if (s->a->nodes[node].out)
			report(s, s->a->nodes[node].out, at);
		if (at == s->text.n)
			return at;
		unsigned char byte = (unsigned char)s->text.p[at];
		uint32_t child;
		while ((child = automaton_child(s->a, node, byte)) == NODE_NONE) {
			node = s->a->nodes[node].fail;
			if (node == NODE_NONE)
				return at - (GRAM - 1);
		}
		node = child;
		at++;
	}
}

static inline bool enter(const struct scan *s, size_t start, size_t *done)
{
	if (start < *done)
		return false;
	const struct automaton_entry *entry = automaton_entry(s->a, hash_load32(s->text.p + start));
	if (entry->node == NODE_NONE)
		return false;
	/* no shorter end of a gram is a node, so nothing is lost by not entering */
	if (start + GRAM + 2 <= s->text.n && !(entry->next & pair_bit(s->text.p + start + GRAM)))
		return false;
	*done = walk(s, entry->node, start + GRAM);
	return true;
}

/* The first even place from `at` on where a literal may begin, or may have begun one before; n when there is none. */
static size_t next_candidate(const struct automaton *a, const char *p, size_t at, size_t n)
{
	const uint64_t *filter = a->filter;
	unsigned shift = a->filter_shift;
	for (; at + GRAM + 2 <= n; at += 4) {
		uint32_t h = gram_hash(hash_load32(p + at)) >> shift, h2 = gram_hash(hash_load32(p + at + 2)) >> shift;
		if (filter[h / 64] >> h % 64 & 1)
			return at;
		if (filter[h2 / 64] >> h2 % 64 & 1)
			return at + 2;
	}
	if (at + GRAM <= n) {
		uint32_t h = gram_hash(hash_load32(p + at)) >> shift;
		if (filter[h / 64] >> h % 64 & 1)
			return at;
	}
	return n;
}

static void scan_long(const struct scan *s)
{
	size_t n = s->text.n, done = 0; /* starts below done are dealt with */
	if (n < GRAM)
		return;
	for (size_t at = 0; (at = next_candidate(s->a, s->text.p, at, n)) < n;) {
		if ((at > 0 && enter(s, at - 1, &done)) || enter(s, at, &done))
			at = MAX(at, (done + 1) & ~(size_t)1);
		else
			at += 2;
	}
	if (n % 2) /* the last start is odd: no even place told of it */
		(void)enter(s, n - GRAM, &done);
}

static uint32_t pair_of(const char *p)
{
	return (uint32_t)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

/* Short literals with this pair of bytes at p. */
static void report_short(const struct scan *s, uint32_t pair, size_t at)
{
	const struct automaton *a = s->a;
	size_t low = a->n_bytes, high = a->n_short;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (pair_of(a->literals[a->shorts[middle]].text.p) < pair)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < a->n_short; low++) {
		const struct literal *l = &a->literals[a->shorts[low]];
		if (pair_of(l->text.p) != pair)
			return;
		if (l->text.n <= s->text.n - at && memcmp(l->text.p, s->text.p + at, l->text.n) == 0)
			s->found(s->context, l->id, at + l->text.n);
	}
}

static void scan_pairs(const struct scan *s)
{
	for (size_t i = 0; i + 1 < s->text.n; i++) {
		uint32_t pair = pair_of(s->text.p + i);
		if (s->a->pairs[pair / 64] >> pair % 64 & 1)
			report_short(s, pair, i);
	}
}

static void scan_bytes(const struct scan *s)
{
	for (size_t k = 0; k < s->a->n_bytes; k++) {
		const struct literal *l = &s->a->literals[s->a->shorts[k]];
		const char *at = memchr(s->text.p, l->text.p[0], s->text.n);
		if (at)
			s->found(s->context, l->id, (size_t)(at - s->text.p) + 1);
	}
}

void automaton_scan(const struct automaton *a, struct strview text, literal_found *found, void *context)
{
	struct scan s = { a, text, found, context };
	if (text.n == 0)
		return;
	if (a->n_nodes)
		scan_long(&s);
	if (a->n_short > a->n_bytes)
		scan_pairs(&s);
	scan_bytes(&s);
}
