/* SPDX-License-Identifier: Apache-2.0 */
/* Walks conditions as the plain evaluator does. Recursion is bounded by CONDITION_MAX_DEPTH. */
#include "engine/rules/explain.h"

#include <errno.h>
#include <stdlib.h>

void turns_done(struct turns *t)
{
	free(t->p);
	*t = (struct turns){ 0 };
}

enum truth condition_holds_below(const struct condition *c, const struct event *ev, struct matcher *m, bool is_negated)
{
	enum truth sum;
	switch (c->type) {
	case NODE_CONST:
		return c->truth ? TRUTH_TRUE : TRUTH_FALSE;
	case NODE_TEST:
		return test_holds(c->test, ev, m, is_negated);
	case NODE_NOT:
		return truth_not(condition_holds_below(c->children[0], ev, m, !is_negated));
	case NODE_AND:
		sum = TRUTH_TRUE;
		for (size_t i = 0; i < c->n && sum != TRUTH_FALSE; i++)
			sum = truth_and(sum, condition_holds_below(c->children[i], ev, m, is_negated));
		return sum;
	case NODE_OR:
		sum = TRUTH_FALSE;
		for (size_t i = 0; i < c->n && sum != TRUTH_TRUE; i++)
			sum = truth_or(sum, condition_holds_below(c->children[i], ev, m, is_negated));
		return sum;
	}
	return TRUTH_FALSE;
}

struct turner {
	const struct event *ev;
	struct matcher *m;
	struct turns *turns;
	bool no_memory;
};

enum { IMPOSSIBLE = 1000000 }; /* more than a condition has tests */

/* How many tests have to turn for the part to be `wanted`. */
static unsigned cost(struct turner *t, const struct condition *c, bool wanted, bool is_negated)
{
	switch (c->type) {
	case NODE_CONST:
		return c->truth == wanted ? 0 : IMPOSSIBLE;
	case NODE_TEST:
		return test_holds(c->test, t->ev, t->m, is_negated) == (wanted ? TRUTH_TRUE : TRUTH_FALSE) ? 0 : 1;
	case NODE_NOT:
		return cost(t, c->children[0], !wanted, !is_negated);
	case NODE_AND:
	case NODE_OR:
		break;
	}
	bool needs_all = (c->type == NODE_AND) == wanted;
	unsigned sum = 0, least = IMPOSSIBLE;
	for (size_t i = 0; i < c->n; i++) {
		unsigned one = cost(t, c->children[i], wanted, is_negated);
		sum = MIN(sum + one, (unsigned)IMPOSSIBLE);
		least = MIN(least, one);
	}
	return needs_all ? sum : least;
}

static void keep(struct turner *t, const struct condition *test, bool is_negated)
{
	struct turns *turns = t->turns;
	if (turns->n == turns->size) {
		size_t size = turns->size ? 2 * turns->size : 8;
		struct turn *bigger = realloc(turns->p, size * sizeof(*bigger));
		if (!bigger) {
			t->no_memory = true;
			return;
		}
		turns->p = bigger;
		turns->size = size;
	}
	turns->p[turns->n++] = (struct turn){ test, is_negated, test_holds(test->test, t->ev, t->m, is_negated) };
}

static void collect(struct turner *t, const struct condition *c, bool wanted, bool is_negated)
{
	if (c->type == NODE_CONST || cost(t, c, wanted, is_negated) == 0)
		return;
	if (c->type == NODE_TEST) {
		keep(t, c, is_negated);
		return;
	}
	if (c->type == NODE_NOT) {
		collect(t, c->children[0], !wanted, !is_negated);
		return;
	}
	bool needs_all = (c->type == NODE_AND) == wanted;
	size_t best = 0;
	unsigned least = IMPOSSIBLE + 1;
	for (size_t i = 0; i < c->n; i++) {
		if (needs_all) {
			collect(t, c->children[i], wanted, is_negated);
			continue;
		}
		unsigned one = cost(t, c->children[i], wanted, is_negated);
		best = one < least ? i : best;
		least = MIN(least, one);
	}
	if (!needs_all && c->n)
		collect(t, c->children[best], wanted, is_negated);
}

int condition_turn(const struct condition *c, const struct event *ev, struct matcher *m, bool wanted, struct turns *ret)
{
	CLEANUP(turns_done) struct turns turns = { 0 };
	struct turner t = { .ev = ev, .m = m, .turns = &turns };
	if (cost(&t, c, wanted, false) >= IMPOSSIBLE)
		return -ENOENT;
	collect(&t, c, wanted, false);
	if (t.no_memory)
		return -ENOMEM;
	*ret = turns;
	turns = (struct turns){ 0 };
	return 0;
}

static size_t add_fields(const struct expr *x, const struct field_ref *fields[static EXPLAIN_MAX_FIELDS], size_t n)
{
	if (x->type == EXPR_FIELD) {
		for (size_t i = 0; i < n; i++)
			if (fields[i] == x->field)
				return n;
		if (n < EXPLAIN_MAX_FIELDS)
			fields[n++] = x->field;
		return n;
	}
	for (size_t i = 0; i < x->n_args; i++)
		n = add_fields(x->args[i], fields, n);
	return n;
}

size_t test_fields(const struct test *t, const struct field_ref *fields[static EXPLAIN_MAX_FIELDS])
{
	size_t n = add_fields(t->left, fields, 0);
	return t->right ? add_fields(t->right, fields, n) : n;
}
