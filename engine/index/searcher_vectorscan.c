/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectorscan for large sets and longer texts; the automaton for the rest, where the library's entry alone would cost more, and
 * wherever the library refuses (a processor that it does not know, a set that it finds too large).
 */
#include "engine/index/searcher.h"

#include <errno.h>
#include <hs/hs.h>
#include <stdlib.h>

enum {
	LITERALS_WORTH_IT = 300,
	TEXT_WORTH_IT = 64, /* bytes */
};

struct searcher {
	struct automaton *automaton; /* owned */
	hs_database_t *database;     /* owned; NULL: the automaton does all */
	hs_scratch_t *scratch;       /* owned */
	size_t bytes;
};

struct arrays {
	const char **texts;
	unsigned *flags, *ids;
	size_t *lengths;
};

static void arrays_done(struct arrays *a)
{
	free((void *)a->texts);
	free(a->flags);
	free(a->ids);
	free(a->lengths);
}

static int arrays_init(struct arrays *a, const struct literal *literals, size_t n)
{
	a->texts = calloc(n, sizeof(*a->texts));
	a->flags = calloc(n, sizeof(*a->flags));
	a->ids = calloc(n, sizeof(*a->ids));
	a->lengths = calloc(n, sizeof(*a->lengths));
	if (!a->texts || !a->flags || !a->ids || !a->lengths)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		a->texts[i] = literals[i].text.p;
		a->lengths[i] = literals[i].text.n;
		a->ids[i] = literals[i].id;
	}
	return 0;
}

/* 0 also when the library refuses: then there is no database. */
static int make_database(struct searcher *s, const struct literal *literals, size_t n)
{
	CLEANUP(arrays_done) struct arrays a = { 0 };
	hs_compile_error_t *error = NULL;
	size_t database = 0, scratch = 0;
	if (arrays_init(&a, literals, n))
		return -ENOMEM;
	hs_error_t r = hs_compile_lit_multi(a.texts, a.flags, a.ids, a.lengths, (unsigned)n, HS_MODE_BLOCK, NULL, &s->database, &error);
	hs_free_compile_error(error);
	if (r == HS_SUCCESS)
		r = hs_alloc_scratch(s->database, &s->scratch);
	if (r != HS_SUCCESS) {
		hs_free_database(s->database);
		s->database = NULL;
		return 0;
	}
	if (hs_database_size(s->database, &database) == HS_SUCCESS && hs_scratch_size(s->scratch, &scratch) == HS_SUCCESS)
		s->bytes += database + scratch;
	return 0;
}

int searcher_new(const struct literal *literals, size_t n, struct searcher **ret)
{
	CLEANUP(searcher_free) struct searcher *s = calloc(1, sizeof(*s));
	if (!s || automaton_new(literals, n, &s->automaton))
		return -ENOMEM;
	s->bytes = sizeof(*s) + automaton_bytes(s->automaton);
	if (n >= LITERALS_WORTH_IT && make_database(s, literals, n))
		return -ENOMEM;
	*ret = TAKE(s);
	return 0;
}

void searcher_free(struct searcher **s)
{
	if (!*s)
		return;
	hs_free_scratch((*s)->scratch);
	hs_free_database((*s)->database);
	automaton_free(&(*s)->automaton);
	free(*s);
	*s = NULL;
}

struct hit {
	literal_found *found;
	void *context;
};

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *context)
{
	const struct hit *hit = context;
	(void)from;
	(void)flags;
	hit->found(hit->context, id, (size_t)to);
	return 0;
}

void searcher_scan(const struct searcher *s, struct strview text, literal_found *found, void *context)
{
	struct hit hit = { found, context };
	bool is_done = s->database && text.n >= TEXT_WORTH_IT && text.n <= UINT32_MAX &&
		       hs_scan(s->database, text.p, (unsigned)text.n, 0, s->scratch, on_match, &hit) == HS_SUCCESS;
	if (!is_done) /* what was told of already may be told of again */
		automaton_scan(s->automaton, text, found, context);
}

size_t searcher_bytes(const struct searcher *s)
{
	return s->bytes;
}
