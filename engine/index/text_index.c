/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One hash over whole texts, a tree each for beginnings and ends, an automaton for what texts hold. When some test takes letters of
 * either case, everything is looked up in small letters, and tests that mind the case compare once more.
 */
#include "engine/index/text_index.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/arena.h"
#include "engine/index/hash.h"
#include "engine/index/searcher.h"
#include "engine/index/terms.h"
#include "engine/index/trie.h"

enum { INDEX_MAX_BYTES = 1 << 30 };

/* A text that is looked up, and what follows when it is found. */
struct entry {
	struct strview text;  /* in small letters, if the index folds */
	struct strview exact; /* as written, when case matters and the index folds; else p is NULL */
	uint32_t predicate;
	uint32_t next;        /* of TERM_WHOLE: the next entry with this text, plus one; 0: none */
	enum term_check check;
};

struct whole_slot {
	uint32_t hash, first; /* first entry plus one; 0: free */
};

struct predicate_list {
	uint32_t *p; /* in the arena */
	size_t n;
};

struct text_index {
	struct arena arena;
	enum value_class class;
	bool folds, has_below;
	struct entry *entries; /* in the arena */
	size_t n;
	struct hash_key key;
	struct whole_slot *whole; /* in the arena; open addressing */
	size_t whole_mask;
	struct trie *begin, *end; /* owned; NULL: none */
	struct searcher *inside; /* owned; NULL: none */
	struct predicate_list always, asked, all, paths; /* paths: with TERM_BELOW */
};

void text_index_free(struct text_index **x)
{
	if (!*x)
		return;
	trie_free(&(*x)->begin);
	trie_free(&(*x)->end);
	searcher_free(&(*x)->inside);
	arena_done(&(*x)->arena);
	free(*x);
	*x = NULL;
}

size_t text_index_bytes(const struct text_index *x)
{
	return sizeof(*x) + x->arena.used + (x->begin ? trie_bytes(x->begin) : 0) + (x->end ? trie_bytes(x->end) : 0) +
	       (x->inside ? searcher_bytes(x->inside) : 0);
}

enum text_effort text_index_effort(const struct test *test)
{
	enum terms_sort sort = terms_sort_of(test);
	if (sort != TERMS_ANY)
		return sort == TERMS_ALWAYS ? TEXT_LOOKED_UP : TEXT_ASKED;
	enum text_effort most = TEXT_LOOKED_UP;
	for (size_t i = 0; i < test->n_operands; i++) {
		struct term term;
		(void)term_of(test, &test->operands[i], &term);
		if (term.where == TERM_INSIDE)
			most = TEXT_SEARCHED;
	}
	return most;
}

/* --- small letters ------------------------------------------------------------------------------------------------------ */

/* Eight bytes at a time: adds 0x20 to those from A to Z. */
static void fold(char *to, const char *from, size_t n)
{
	const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
	size_t i = 0;
	for (; i + 8 <= n; i += 8) {
		uint64_t v = hash_load64(from + i), low = v & ~high;
		uint64_t from_a = low + ones * (0x80 - 'A'), past_z = low + ones * (0x80 - 'Z' - 1);
		v += (from_a & ~past_z & ~v & high) >> 2;
		memcpy(to + i, &v, sizeof(v));
	}
	for (; i < n; i++)
		to[i] = (char)(from[i] >= 'A' && from[i] <= 'Z' ? from[i] + 32 : from[i]);
}

/* --- finding ------------------------------------------------------------------------------------------------------------ */

struct search {
	const struct text_index *x;
	struct finder *f;
	struct strview text;  /* looked up: small letters, if the index folds */
	struct strview exact; /* as it came */
};

static void apply(const struct search *s, const struct entry *e)
{
	if (e->check == TERM_ASK)
		finder_ask(s->f, e->predicate);
	else
		finder_holds(s->f, e->predicate);
}

static void find_whole(const struct search *s)
{
	const struct text_index *x = s->x;
	if (!x->whole)
		return;
	uint64_t h = hash_bytes(&x->key, s->text.p, s->text.n, 0);
	for (size_t at = (size_t)h & x->whole_mask; x->whole[at].first; at = (at + 1) & x->whole_mask) {
		const struct entry *e = &x->entries[x->whole[at].first - 1];
		if (x->whole[at].hash != (uint32_t)(h >> 32) || !sv_equal(e->text, s->text))
			continue;
		for (;; e = &x->entries[e->next - 1]) {
			if (!e->exact.p || sv_equal(e->exact, s->exact))
				apply(s, e);
			if (!e->next)
				return;
		}
	}
}

static void found_begin(void *context, uint32_t id)
{
	const struct search *s = context;
	const struct entry *e = &s->x->entries[id];
	if (e->exact.p && !sv_starts(s->exact, e->exact))
		return;
	if (e->check == TERM_BELOW && s->text.n > e->text.n && s->text.p[e->text.n] != '/')
		return;
	apply(s, e);
}

static void found_end(void *context, uint32_t id)
{
	const struct search *s = context;
	const struct entry *e = &s->x->entries[id];
	if (!e->exact.p || sv_ends(s->exact, e->exact))
		apply(s, e);
}

static void found_inside(void *context, uint32_t id, size_t end)
{
	const struct search *s = context;
	const struct entry *e = &s->x->entries[id];
	if (e->exact.p && memcmp(s->exact.p + end - e->exact.n, e->exact.p, e->exact.n) != 0) {
		/* a single byte is told of only once, wherever it stands */
		if (e->exact.n > 1 || !memchr(s->exact.p, e->exact.p[0], s->exact.n))
			return;
	}
	apply(s, e);
}

static void ask_all(struct finder *f, const struct predicate_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		finder_ask(f, list->p[i]);
}

static void find_item(struct search *s)
{
	const struct text_index *x = s->x;
	find_whole(s);
	if (x->begin)
		trie_find(x->begin, s->text, found_begin, s);
	if (x->end)
		trie_find(x->end, s->text, found_end, s);
	if (x->has_below && s->text.n && memmem(s->text.p, s->text.n, "//", 2))
		ask_all(s->f, &x->paths);
}

static void find_items(struct search *s)
{
	struct strview text = s->text, exact = s->exact;
	for (size_t at = 0, n; at < text.n; at += n + 1) {
		n = strnlen(text.p + at, text.n - at);
		s->text = (struct strview){ text.p + at, n };
		s->exact = (struct strview){ exact.p + at, n };
		find_item(s);
	}
	s->text = text;
	s->exact = exact;
}

void text_index_find(const struct text_index *x, const struct value *value, struct finder *f)
{
	struct search s = { x, f, value->s, value->s };
	if (!s.exact.p)
		s.text.p = s.exact.p = "";
	ask_all(f, &x->asked);
	if (x->class == CLASS_LIST && value->s.n == 0)
		return; /* no value to compare with, but functions may make one of it */
	for (size_t i = 0; i < x->always.n; i++)
		finder_holds(f, x->always.p[i]);
	if (x->folds && s.exact.n > FOLD_MAX) {
		ask_all(f, &x->all);
		return;
	}
	if (x->folds) {
		fold(f->folded, s.exact.p, s.exact.n);
		s.text.p = f->folded;
	}
	if (x->class == CLASS_LIST)
		find_items(&s);
	else
		find_item(&s);
	if (x->inside)
		searcher_scan(x->inside, s.text, found_inside, &s);
}

/* --- building ----------------------------------------------------------------------------------------------------------- */

struct build {
	struct text_index *x;
	const struct indexed_test *tests;
	size_t n_tests;
	enum term_where *where; /* owned; by entry */
};

static void *grab(struct text_index *x, size_t n, size_t size)
{
	return arena_alloc(&x->arena, n * size + 1);
}

static size_t count_entries(struct build *b)
{
	size_t n = 0;
	for (size_t i = 0; i < b->n_tests; i++)
		if (terms_sort_of(b->tests[i].test) == TERMS_ANY)
			n += b->tests[i].test->n_operands;
	return n;
}

/* In a list, every item must be one of the values of `in`: that one is only makes it worth asking. */
static bool is_every_item(const struct test *t)
{
	return t->left->class == CLASS_LIST && (t->op->id == OP_IN || t->op->id == OP_IIN);
}

static int add_entry(struct build *b, const struct indexed_test *t, const struct operand *o)
{
	struct text_index *x = b->x;
	struct term term;
	(void)term_of(t->test, o, &term);
	struct entry *e = &x->entries[x->n];
	*e = (struct entry){ .text = term.text, .predicate = t->predicate, .check = is_every_item(t->test) ? TERM_ASK : term.check };
	if (!e->text.p)
		e->text.p = "";
	if (x->folds) {
		char *folded = grab(x, e->text.n, 1);
		if (!folded)
			return -ENOMEM;
		fold(folded, e->text.p, e->text.n);
		if (!term.folds)
			e->exact = e->text;
		e->text.p = folded;
	}
	if (e->check == TERM_BELOW) {
		x->has_below = true;
		x->paths.p[x->paths.n++] = t->predicate;
	}
	b->where[x->n++] = term.where;
	return 0;
}

static int add_test(struct build *b, const struct indexed_test *t)
{
	struct text_index *x = b->x;
	x->all.p[x->all.n++] = t->predicate;
	switch (terms_sort_of(t->test)) {
	case TERMS_ALWAYS:
		x->always.p[x->always.n++] = t->predicate;
		return 0;
	case TERMS_NONE:
		x->asked.p[x->asked.n++] = t->predicate;
		return 0;
	case TERMS_ANY:
		break;
	}
	for (size_t i = 0; i < t->test->n_operands; i++)
		if (add_entry(b, t, &t->test->operands[i]))
			return -ENOMEM;
	return 0;
}

static bool test_folds(const struct test *t)
{
	struct term term = { 0 };
	if (terms_sort_of(t) == TERMS_ANY && t->n_operands)
		(void)term_of(t, &t->operands[0], &term);
	return term.folds;
}

static size_t count_where(const struct build *b, enum term_where where)
{
	size_t n = 0;
	for (size_t i = 0; i < b->x->n; i++)
		n += b->where[i] == where;
	return n;
}

static int make_whole(struct build *b)
{
	struct text_index *x = b->x;
	size_t n = count_where(b, TERM_WHOLE), size = 16;
	if (!n)
		return 0;
	while (size < 2 * n)
		size *= 2;
	x->whole = grab(x, size, sizeof(*x->whole));
	if (!x->whole)
		return -ENOMEM;
	x->whole_mask = size - 1;
	for (size_t i = 0; i < x->n; i++) {
		if (b->where[i] != TERM_WHOLE)
			continue;
		uint64_t h = hash_bytes(&x->key, x->entries[i].text.p, x->entries[i].text.n, 0);
		size_t at = (size_t)h & x->whole_mask;
		while (x->whole[at].first && !sv_equal(x->entries[x->whole[at].first - 1].text, x->entries[i].text))
			at = (at + 1) & x->whole_mask;
		x->entries[i].next = x->whole[at].first;
		x->whole[at] = (struct whole_slot){ (uint32_t)(h >> 32), (uint32_t)i + 1 };
	}
	return 0;
}

static int make_trie(struct build *b, enum term_where where, enum trie_direction direction, struct trie **ret)
{
	size_t n = count_where(b, where), k = 0;
	struct trie_text *texts = calloc(n + 1, sizeof(*texts));
	if (!texts)
		return -ENOMEM;
	for (size_t i = 0; i < b->x->n; i++)
		if (b->where[i] == where)
			texts[k++] = (struct trie_text){ b->x->entries[i].text, (uint32_t)i };
	int err = n ? trie_new(texts, n, direction, ret) : 0;
	free(texts);
	return err;
}

static int make_inside(struct build *b)
{
	size_t n = count_where(b, TERM_INSIDE), k = 0;
	struct literal *literals = calloc(n + 1, sizeof(*literals));
	if (!literals)
		return -ENOMEM;
	for (size_t i = 0; i < b->x->n; i++)
		if (b->where[i] == TERM_INSIDE)
			literals[k++] = (struct literal){ b->x->entries[i].text, (uint32_t)i };
	int err = n ? searcher_new(literals, n, &b->x->inside) : 0;
	free(literals);
	return err;
}

static int fill(struct build *b)
{
	struct text_index *x = b->x;
	size_t n_entries = count_entries(b);
	x->entries = grab(x, n_entries, sizeof(*x->entries));
	x->paths.p = grab(x, n_entries, sizeof(uint32_t));
	b->where = calloc(n_entries + 1, sizeof(*b->where));
	struct predicate_list *const lists[] = { &x->always, &x->asked, &x->all };
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (!(lists[i]->p = grab(x, b->n_tests, sizeof(uint32_t))))
			return -ENOMEM;
	if (!x->entries || !x->paths.p || !b->where)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_tests; i++)
		x->folds |= test_folds(b->tests[i].test);
	for (size_t i = 0; i < b->n_tests; i++)
		if (add_test(b, &b->tests[i]))
			return -ENOMEM;
	if (make_whole(b) || make_trie(b, TERM_BEGIN, TRIE_FORWARDS, &x->begin) || make_trie(b, TERM_END, TRIE_BACKWARDS, &x->end))
		return -ENOMEM;
	return make_inside(b);
}

int text_index_new(const struct indexed_test *tests, size_t n, enum value_class class, struct text_index **ret)
{
	CLEANUP(text_index_free) struct text_index *x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	x->arena.max = INDEX_MAX_BYTES;
	x->class = class;
	hash_key_init(&x->key);
	struct build b = { .x = x, .tests = tests, .n_tests = n };
	int err = fill(&b);
	free(b.where);
	if (err)
		return err;
	*ret = TAKE(x);
	return 0;
}
