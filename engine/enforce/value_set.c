/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/enforce/value_set.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/buf.h"

void value_sets_done(struct value_sets *all)
{
	for (size_t d = 0; d < DIMENSION_COUNT; d++)
		free(all->used[d]);
	strmap_done(&all->by_canonical);
	*all = (struct value_sets){ 0 };
}

/* --- items ----------------------------------------------------------------------------------------------------------------- */

static int compare_texts(const void *a, const void *b)
{
	const struct text_item *x = a, *y = b;
	int c = sv_compare(x->text, y->text);
	c = c ? c : (int)x->is_prefix - (int)y->is_prefix;
	c = c ? c : (int)x->is_end - (int)y->is_end;
	return c ? c : (int)x->is_over - (int)y->is_over;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct number_range *x = a, *y = b;
	return x->low != y->low ? (x->low > y->low) - (x->low < y->low) : (x->high > y->high) - (x->high < y->high);
}

static int compare_networks(const void *a, const void *b)
{
	const struct network *x = a, *y = b;
	int c = memcmp(x->ip.bytes, y->ip.bytes, sizeof(x->ip.bytes));
	if (!c)
		c = (x->prefix > y->prefix) - (x->prefix < y->prefix);
	return c ? c : (x->ip.family > y->ip.family) - (x->ip.family < y->ip.family);
}

static size_t unique_texts(struct text_item *p, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (!kept || compare_texts(&p[kept - 1], &p[i]) != 0)
			p[kept++] = p[i];
	return kept;
}

static size_t unique_networks(struct network *p, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (!kept || compare_networks(&p[kept - 1], &p[i]) != 0)
			p[kept++] = p[i];
	return kept;
}

/* Ranges that touch become one. */
static size_t merge_ranges(struct number_range *p, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		struct number_range *last = kept ? &p[kept - 1] : NULL;
		if (last && (last->high == UINT64_MAX || p[i].low <= last->high + 1))
			last->high = MAX(last->high, p[i].high);
		else
			p[kept++] = p[i];
	}
	return kept;
}

static size_t item_size(enum dimension_kind kind)
{
	return kind == KIND_OF_TEXT ? sizeof(struct text_item) : kind == KIND_OF_ADDRESS ? sizeof(struct network) : sizeof(struct number_range);
}

static const void *items_of(const struct value_set *p)
{
	enum dimension_kind kind = dimension_kind(p->domain);
	return kind == KIND_OF_TEXT ? (const void *)p->texts : kind == KIND_OF_ADDRESS ? (const void *)p->networks : (const void *)p->ranges;
}

/* Sorted, without repetitions, in memory of its own; the texts' bytes are the set's, which outlives this. */
static int take_items(struct value_sets *all, struct value_set *p, const void *items, size_t n)
{
	enum dimension_kind kind = dimension_kind(p->domain);
	void *copy = arena_alloc(all->arena, (n + 1) * item_size(kind));
	if (!copy)
		return -ENOMEM;
	if (n)
		memcpy(copy, items, n * item_size(kind));
	p->texts = NULL;
	p->networks = NULL;
	p->ranges = NULL;
	if (kind == KIND_OF_TEXT) {
		qsort(copy, n, sizeof(struct text_item), compare_texts);
		p->n = unique_texts(copy, n);
		p->texts = copy;
	} else if (kind == KIND_OF_ADDRESS) {
		qsort(copy, n, sizeof(struct network), compare_networks);
		p->n = unique_networks(copy, n);
		p->networks = copy;
	} else {
		qsort(copy, n, sizeof(struct number_range), compare_ranges);
		p->n = merge_ranges(copy, n);
		p->ranges = copy;
	}
	return 0;
}

/* --- making ---------------------------------------------------------------------------------------------------------------- */

static void add_number(struct buf *out, uint64_t v)
{
	buf_add(out, &v, sizeof(v));
}

static void add_canonical(struct buf *out, const struct value_set *p)
{
	add_number(out, (uint64_t)p->domain << 1 | p->is_any);
	for (size_t i = 0; p->texts && i < p->n; i++) {
		add_number(out, p->texts[i].text.n << 3 | (uint64_t)p->texts[i].is_over << 2 | (uint64_t)p->texts[i].is_end << 1 | p->texts[i].is_prefix);
		buf_add_sv(out, p->texts[i].text);
	}
	for (size_t i = 0; p->networks && i < p->n; i++) {
		add_number(out, (uint64_t)p->networks[i].ip.family << 32 | p->networks[i].prefix);
		buf_add(out, p->networks[i].ip.bytes, sizeof(p->networks[i].ip.bytes));
	}
	for (size_t i = 0; p->ranges && i < p->n; i++) {
		add_number(out, p->ranges[i].low);
		add_number(out, p->ranges[i].high);
	}
}

static struct value_set *make(struct value_sets *all, const struct value_set *draft, const void *items, size_t n)
{
	CLEANUP(buf_done) struct buf canonical = { 0 };
	struct value_set *p = arena_alloc(all->arena, sizeof(*p));
	if (!p)
		return NULL;
	*p = (struct value_set){ .domain = draft->domain, .id = VALUE_SET_UNUSED, .is_any = draft->is_any, .is_derived = draft->is_derived,
			  .at = draft->at };
	if (take_items(all, p, items, p->is_any ? 0 : n))
		return NULL;
	add_canonical(&canonical, p);
	if (buf_error(&canonical))
		return NULL;
	struct value_set *known = strmap_get(&all->by_canonical, buf_sv(&canonical));
	if (known)
		return known;
	p->canonical = (struct strview){ arena_text(all->arena, buf_sv(&canonical)), canonical.n };
	p->serial = all->n_serial++;
	if (!p->canonical.p || strmap_add(&all->by_canonical, p->canonical, p))
		return NULL;
	return p;
}

struct value_set *value_set_make(struct value_sets *all, const struct value_set *draft)
{
	return make(all, draft, items_of(draft), draft->n);
}

struct value_set *value_set_union(struct value_sets *all, const struct value_set *a, const struct value_set *b)
{
	size_t size = item_size(dimension_kind(a->domain));
	struct value_set draft = { .domain = a->domain, .is_any = a->is_any || b->is_any, .is_derived = a->is_derived && b->is_derived,
				  .at = a->at };
	unsigned char *both = calloc(a->n + b->n + 1, size);
	if (!both)
		return NULL;
	if (a->n)
		memcpy(both, items_of(a), a->n * size);
	if (b->n)
		memcpy(both + a->n * size, items_of(b), b->n * size);
	struct value_set *p = make(all, &draft, both, a->n + b->n);
	free(both);
	return p;
}

int value_set_use(struct value_sets *all, struct value_set *p)
{
	enum policy_dimension d = p->domain;
	if (p->id != VALUE_SET_UNUSED)
		return 0;
	if (all->n_used[d] == all->used_size[d]) {
		size_t size = all->used_size[d] ? 2 * all->used_size[d] : 64;
		struct value_set **bigger = realloc(all->used[d], size * sizeof(struct value_set *));
		if (!bigger)
			return -ENOMEM;
		all->used[d] = bigger;
		all->used_size[d] = size;
	}
	p->id = all->n_used[d]++;
	all->used[d][p->id] = p;
	return 0;
}

bool value_set_is_empty(const struct value_set *p)
{
	return !p->is_any && p->n == 0;
}

bool value_set_has_number(const struct value_set *p, uint64_t number)
{
	if (p->is_any)
		return true;
	for (size_t i = 0; i < p->n; i++)
		if (number >= p->ranges[i].low && number <= p->ranges[i].high)
			return true;
	return false;
}

static bool has_common(const struct text_item *a, const struct text_item *b)
{
	if (a->is_end || b->is_end)
		return true; /* of beginnings and ends it cannot be told */
	if (a->is_prefix && b->is_prefix)
		return sv_starts(a->text, b->text) || sv_starts(b->text, a->text);
	if (a->is_prefix || b->is_prefix)
		return a->is_prefix ? sv_starts(b->text, a->text) : sv_starts(a->text, b->text);
	return sv_equal(a->text, b->text);
}

bool value_set_are_apart(const struct value_set *a, const struct value_set *b)
{
	if (a->is_any || b->is_any)
		return false;
	for (size_t i = 0; i < a->n; i++)
		for (size_t k = 0; k < b->n; k++)
			if (has_common(&a->texts[i], &b->texts[k]))
				return false;
	return true;
}
