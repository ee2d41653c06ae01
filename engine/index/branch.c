/* SPDX-License-Identifier: Apache-2.0 */
/* Recursion is bounded by CONDITION_MAX_DEPTH. */
#include "engine/index/branch.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/index/terms.h"

struct maker {
	struct predicates *ps;
	struct arena *work;
	uint32_t event;
};

static struct branch *branch_new(struct maker *m, enum branch_type type)
{
	struct branch *b = arena_alloc(m->work, sizeof(*b));
	if (b)
		b->type = type;
	return b;
}

static struct branch *constant(struct maker *m, bool truth)
{
	return branch_new(m, truth ? BRANCH_TRUE : BRANCH_FALSE);
}

/* --- what cannot hold --------------------------------------------------------------------------------------------------- */

/* Whether the expression has no value in this event, whatever the event is. */
static bool is_missing(const struct expr *x, uint32_t event)
{
	if (x->type == EXPR_FIELD)
		return x->field->compute ? x->field->never != NULL : !x->field->by_event[event];
	for (size_t i = 0; i < x->n_args; i++)
		if (is_missing(x->args[i], event))
			return true;
	return false;
}

/* The field says that it never has one of these values here. */
static bool is_excluded(const struct test *t, uint32_t event)
{
	if (!test_is_plain(t) || !t->left->field->may_be || test_merge_op(t) != OP_EQ)
		return false;
	for (size_t i = 0; i < t->n_operands; i++)
		if (t->left->field->may_be(t->left->field, event, t->operands[i].text))
			return false;
	return true;
}

static bool cannot_hold(const struct test *t, uint32_t event)
{
	return is_missing(t->left, event) || (t->right && is_missing(t->right, event)) || is_excluded(t, event);
}

/* --- groups ------------------------------------------------------------------------------------------------------------- */

struct group {
	struct branch **p; /* owned */
	size_t n, size;
};

static int group_add(struct group *g, struct branch *b)
{
	if (g->n == g->size) {
		size_t size = g->size ? 2 * g->size : 8;
		struct branch **p = realloc(g->p, size * sizeof(struct branch *));
		if (!p)
			return -ENOMEM;
		g->p = p;
		g->size = size;
	}
	g->p[g->n++] = b;
	return 0;
}

static const struct test *test_of(const struct maker *m, const struct branch *b)
{
	return m->ps->p[b->predicate].node->test;
}

static bool merges(const struct maker *m, const struct branch *b, bool is_negated)
{
	return b->type == BRANCH_TEST && b->is_negated == is_negated && test_is_mergeable(test_of(m, b));
}

static bool merges_with(const struct maker *m, const struct branch *a, const struct branch *b)
{
	const struct test *x = test_of(m, a), *y = test_of(m, b);
	return x->left->field == y->left->field && x->op == y->op && !x->ancestor == !y->ancestor;
}

/* What group[i] merges with, i first; the others are taken out of the group. */
static int merge_at(struct maker *m, struct group *g, size_t i, bool is_negated)
{
	uint32_t *ids = malloc(g->n * sizeof(*ids));
	size_t n = 0, kept = i + 1;
	if (!ids)
		return -ENOMEM;
	ids[n++] = g->p[i]->predicate;
	for (size_t k = i + 1; k < g->n; k++) {
		if (merges(m, g->p[k], is_negated) && merges_with(m, g->p[i], g->p[k]))
			ids[n++] = g->p[k]->predicate;
		else
			g->p[kept++] = g->p[k];
	}
	g->n = kept;
	int err = 0;
	if (n > 1) {
		struct branch *b = branch_new(m, BRANCH_TEST);
		err = b ? predicate_merge(m->ps, ids, n, &b->predicate) : -ENOMEM;
		if (!err) {
			b->is_negated = is_negated;
			g->p[i] = b;
		}
	}
	free(ids);
	return err;
}

/* a or b of one field becomes "one of a, b"; not a and not b becomes "not one of". */
static int merge_all(struct maker *m, struct group *g, enum branch_type type)
{
	bool is_negated = type == BRANCH_AND;
	for (size_t i = 0; i < g->n; i++)
		if (merges(m, g->p[i], is_negated) && merge_at(m, g, i, is_negated))
			return -ENOMEM;
	return 0;
}

static struct branch *group_close(struct maker *m, struct group *g, enum branch_type type)
{
	if (merge_all(m, g, type))
		return NULL;
	if (g->n == 0)
		return constant(m, type == BRANCH_AND);
	if (g->n == 1)
		return g->p[0];
	struct branch *b = branch_new(m, type);
	if (!b || !(b->children = arena_alloc(m->work, g->n * sizeof(struct branch *))))
		return NULL;
	memcpy(b->children, g->p, g->n * sizeof(struct branch *));
	b->n = g->n;
	return b;
}

/* --- the tree ----------------------------------------------------------------------------------------------------------- */

static struct branch *make(struct maker *m, const struct condition *c, bool is_negated);

static struct branch *make_one(struct maker *m, const struct condition *node, bool is_negated)
{
	struct branch *b = branch_new(m, BRANCH_TEST);
	if (!b || predicate_of(m->ps, node, &b->predicate))
		return NULL;
	b->is_negated = is_negated;
	return b;
}

/* The text that a pattern needs, as a test of its own; NULL: there is none, or no memory. */
static const struct condition *needed_text(struct maker *m, const struct condition *c)
{
	const struct test *t = c->test;
	struct term term;
	const struct condition *known = predicate_parts(m->ps, t);
	if (known)
		return known;
	bool is_one = t->n_operands == 1 && terms_sort_of(t) == TERMS_ANY && term_of(t, t->operands, &term) == TERMS_ANY;
	if (!is_one || term.check != TERM_ASK || term.where != TERM_INSIDE || term.text.n < 3)
		return NULL;
	struct test *test = arena_alloc(m->ps->arena, sizeof(*test));
	struct operand *operand = arena_alloc(m->ps->arena, sizeof(*operand));
	struct condition *node = arena_alloc(m->ps->arena, sizeof(*node));
	if (!test || !operand || !node)
		return NULL;
	*operand = (struct operand){ .text = term.text };
	*test = *t;
	test->op = operator_get(term.folds ? OP_ICONTAINS : OP_CONTAINS);
	test->operands = operand;
	*node = (struct condition){ .type = NODE_TEST, .at = c->at, .depth = 1, .weight = 1, .test = test };
	return predicate_set_parts(m->ps, t, node) ? NULL : node;
}

/* A pattern stands behind the text that it needs: texts are found all at once, and few have what most patterns need. */
static struct branch *make_guarded(struct maker *m, const struct condition *c, bool is_negated)
{
	const struct condition *needed = needed_text(m, c);
	struct branch *pattern = make_one(m, c, is_negated);
	if (!needed || !pattern)
		return pattern;
	struct branch *both = branch_new(m, is_negated ? BRANCH_OR : BRANCH_AND), *guard = make_one(m, needed, is_negated);
	if (!both || !guard || !(both->children = arena_alloc(m->work, 2 * sizeof(struct branch *))))
		return NULL;
	both->children[both->n++] = guard;
	both->children[both->n++] = pattern;
	return both;
}

/* Adds a child; one of the same type hands its own children over. */
static int adopt(struct group *g, struct branch *child, enum branch_type type)
{
	if (child->type != type)
		return group_add(g, child);
	for (size_t i = 0; i < child->n; i++)
		if (group_add(g, child->children[i]))
			return -ENOMEM;
	return 0;
}

/* `allof` is an `and` of tests, one of several texts that are searched for an `or`. */
static bool is_split(const struct test *t)
{
	if (t->n_operands == 0 || t->op->id == OP_NE || t->left->class == CLASS_FLAGS || t->right)
		return false;
	if (t->modifier == MODIFIER_ALLOF)
		return true;
	return t->n_operands > 1 && test_is_plain(t) && t->op->values == OP_VALUES_ONE && !test_is_mergeable(t) && t->op->function != NULL;
}

/* The values of the test, each as a test by itself; the same ones for all the events that it stands in. */
static const struct condition *values_of(struct maker *m, const struct condition *c)
{
	const struct test *whole = c->test;
	const struct condition *known = predicate_parts(m->ps, whole);
	if (known)
		return known;
	struct test *tests = arena_alloc(m->ps->arena, whole->n_operands * sizeof(*tests));
	struct condition *nodes = arena_alloc(m->ps->arena, whole->n_operands * sizeof(*nodes));
	if (!tests || !nodes)
		return NULL;
	for (size_t i = 0; i < whole->n_operands; i++) {
		tests[i] = *whole;
		tests[i].modifier = MODIFIER_NONE;
		tests[i].operands = &whole->operands[i];
		tests[i].n_operands = 1;
		nodes[i] = (struct condition){ .type = NODE_TEST, .at = c->at, .depth = 1, .weight = 1, .test = &tests[i] };
	}
	return predicate_set_parts(m->ps, whole, nodes) ? NULL : nodes;
}

static struct branch *make_split(struct maker *m, const struct condition *c, bool is_negated)
{
	struct group g = { 0 };
	struct branch *b = NULL;
	const struct condition *values = values_of(m, c);
	bool is_good = values != NULL;
	enum branch_type type = (c->test->modifier == MODIFIER_ALLOF) != is_negated ? BRANCH_AND : BRANCH_OR;
	for (size_t i = 0; is_good && i < c->test->n_operands; i++) {
		struct branch *one = make_guarded(m, &values[i], is_negated);
		is_good = one && !adopt(&g, one, type);
	}
	if (is_good)
		b = group_close(m, &g, type);
	free(g.p);
	return b;
}

static struct branch *make_test(struct maker *m, const struct condition *c, bool is_negated)
{
	if (cannot_hold(c->test, m->event))
		return constant(m, is_negated);
	return is_split(c->test) ? make_split(m, c, is_negated) : make_guarded(m, c, is_negated);
}

static struct branch *make_group(struct maker *m, const struct condition *c, bool is_negated)
{
	enum branch_type type = (c->type == NODE_AND) != is_negated ? BRANCH_AND : BRANCH_OR;
	enum branch_type neutral = type == BRANCH_AND ? BRANCH_TRUE : BRANCH_FALSE, decides = type == BRANCH_AND ? BRANCH_FALSE : BRANCH_TRUE;
	struct group g = { 0 };
	struct branch *b = NULL;
	for (size_t i = 0; i < c->n; i++) {
		struct branch *child = make(m, c->children[i], is_negated);
		if (!child || child->type == decides) {
			free(g.p);
			return child;
		}
		if (child->type != neutral && adopt(&g, child, type)) {
			free(g.p);
			return NULL;
		}
	}
	b = group_close(m, &g, type);
	free(g.p);
	return b;
}

static struct branch *make(struct maker *m, const struct condition *c, bool is_negated)
{
	switch (c->type) {
	case NODE_CONST:
		return constant(m, c->truth != is_negated);
	case NODE_TEST:
		return make_test(m, c, is_negated);
	case NODE_NOT:
		return make(m, c->children[0], !is_negated);
	case NODE_AND:
	case NODE_OR:
		break;
	}
	return make_group(m, c, is_negated);
}

struct branch *branch_of(struct predicates *ps, struct arena *work, const struct condition *c, uint32_t event)
{
	struct maker m = { ps, work, event };
	return make(&m, c, false);
}

/* --- keys --------------------------------------------------------------------------------------------------------------- */

static int keys_of_test(const struct predicates *ps, struct arena *work, const struct branch *b, const bool *is_banned,
			struct key_set *ret)
{
	const struct predicate *p = &ps->p[b->predicate];
	*ret = (struct key_set){ 0 };
	if (b->is_negated || p->input == INPUT_NONE || (is_banned && is_banned[p->input]))
		return 0;
	ret->p = arena_alloc(work, sizeof(*ret->p));
	if (!ret->p)
		return -ENOMEM;
	ret->p[ret->n++] = b->predicate;
	ret->cost = p->key_cost;
	ret->share = p->share;
	return 0;
}

/* All alternatives must have keys. */
static int keys_of_any(const struct predicates *ps, struct arena *work, const struct branch *b, const bool *is_banned,
		       struct key_set *ret)
{
	struct key_set sum = { 0 };
	size_t n = 0;
	struct key_set *each = arena_alloc(work, b->n * sizeof(*each));
	if (!each)
		return -ENOMEM;
	*ret = (struct key_set){ 0 };
	for (size_t i = 0; i < b->n; i++) {
		if (branch_keys(ps, work, b->children[i], is_banned, &each[i]))
			return -ENOMEM;
		if (!each[i].n)
			return 0;
		n += each[i].n;
		sum.cost += each[i].cost;
		sum.share += each[i].share;
	}
	sum.p = arena_alloc(work, n * sizeof(*sum.p));
	if (!sum.p)
		return -ENOMEM;
	for (size_t i = 0; i < b->n; i++) {
		memcpy(sum.p + sum.n, each[i].p, each[i].n * sizeof(*sum.p));
		sum.n += each[i].n;
	}
	*ret = sum;
	return 0;
}

static int keys_of_all(const struct predicates *ps, struct arena *work, const struct branch *b, const bool *is_banned,
		       struct key_set *ret)
{
	*ret = (struct key_set){ 0 };
	for (size_t i = 0; i < b->n; i++) {
		struct key_set one;
		if (branch_keys(ps, work, b->children[i], is_banned, &one))
			return -ENOMEM;
		if (one.n && (!ret->n || one.cost < ret->cost))
			*ret = one;
	}
	return 0;
}

int branch_keys(const struct predicates *ps, struct arena *work, const struct branch *b, const bool *is_banned, struct key_set *ret)
{
	switch (b->type) {
	case BRANCH_TEST:
		return keys_of_test(ps, work, b, is_banned, ret);
	case BRANCH_AND:
		return keys_of_all(ps, work, b, is_banned, ret);
	case BRANCH_OR:
		return keys_of_any(ps, work, b, is_banned, ret);
	case BRANCH_FALSE:
	case BRANCH_TRUE:
		break;
	}
	*ret = (struct key_set){ 0 };
	return 0;
}

/* --- order -------------------------------------------------------------------------------------------------------------- */

/* In an `and`, cost over the odds of being done with it; in an `or` the other way round. */
static double rank(const struct branch *b, enum branch_type above)
{
	double done = above == BRANCH_AND ? 1 - b->share : b->share;
	return b->cost / (done > 0.001 ? done : 0.001);
}

static int by_rank_and(const void *a, const void *b)
{
	double x = rank(*(struct branch *const *)a, BRANCH_AND), y = rank(*(struct branch *const *)b, BRANCH_AND);
	return (x > y) - (x < y);
}

static int by_rank_or(const void *a, const void *b)
{
	double x = rank(*(struct branch *const *)a, BRANCH_OR), y = rank(*(struct branch *const *)b, BRANCH_OR);
	return (x > y) - (x < y);
}

static void order_test(const struct predicates *ps, struct branch *b)
{
	const struct predicate *p = &ps->p[b->predicate];
	b->n_tests = 1;
	b->share = b->is_negated ? 1 - p->share : p->share;
	b->cost = p->is_indexed ? 5 : p->cost;
}

void branch_order(const struct predicates *ps, struct branch *b)
{
	if (b->type == BRANCH_TEST)
		order_test(ps, b);
	if (b->type != BRANCH_AND && b->type != BRANCH_OR)
		return;
	for (size_t i = 0; i < b->n; i++)
		branch_order(ps, b->children[i]);
	qsort(b->children, b->n, sizeof(struct branch *), b->type == BRANCH_AND ? by_rank_and : by_rank_or);
	double reached = 1; /* odds that a child is asked at all */
	b->n_tests = 0;
	b->cost = 0;
	for (size_t i = 0; i < b->n; i++) {
		const struct branch *child = b->children[i];
		b->n_tests += child->n_tests;
		b->cost += reached * child->cost;
		reached *= b->type == BRANCH_AND ? child->share : 1 - child->share;
	}
	b->share = b->type == BRANCH_AND ? reached : 1 - reached;
}
