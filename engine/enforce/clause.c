/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `not` is pushed down to the tests, `or` over one value becomes one set, and what is left is multiplied out. What a condition needs is made the
 * same way, with every test that cannot be decided taken as if it held, whatever its sign.
 */
#include "engine/enforce/clause.h"

#include <errno.h>
#include <stdlib.h>

struct maker {
	struct value_sets *all;
	uint32_t event;
	struct clause_refusals *refusals; /* NULL: it is asked what the condition needs */
	bool is_refused, is_too_big, no_memory;
};

static int compare_literals(const void *a, const void *b)
{
	const struct clause_literal *x = a, *y = b;
	if (x->dimension != y->dimension)
		return (x->dimension > y->dimension) - (x->dimension < y->dimension);
	if (x->is_negated != y->is_negated)
		return (int)x->is_negated - (int)y->is_negated;
	return (x->predicate->serial > y->predicate->serial) - (x->predicate->serial < y->predicate->serial);
}

/* --- clauses --------------------------------------------------------------------------------------------------------------- */

static struct clauses no_memory(struct maker *m)
{
	m->no_memory = true;
	return (struct clauses){ 0 };
}

static struct clauses clauses_room(struct maker *m, size_t n)
{
	struct clauses c = { .p = arena_alloc(m->all->arena, (n + 1) * sizeof(*c.p)) };
	return c.p ? c : no_memory(m);
}

/* The literals of both, each once. */
static struct clause clause_join(struct value_sets *all, const struct clause *a, const struct clause *b)
{
	struct clause_literal *literals = arena_alloc(all->arena, (a->n + b->n + 1) * sizeof(*literals));
	size_t n = 0;
	if (!literals)
		return (struct clause){ 0 };
	if (a->n)
		memcpy(literals, a->literals, a->n * sizeof(*literals));
	if (b->n)
		memcpy(literals + a->n, b->literals, b->n * sizeof(*literals));
	qsort(literals, a->n + b->n, sizeof(*literals), compare_literals);
	for (size_t i = 0; i < a->n + b->n; i++)
		if (!n || compare_literals(&literals[n - 1], &literals[i]) != 0)
			literals[n++] = literals[i];
	return (struct clause){ literals, n };
}

struct clause clause_with(struct value_sets *all, const struct clause_literal *literals, size_t n, struct clause_literal more)
{
	struct clause one = { literals, n }, other = { &more, 1 };
	return clause_join(all, &one, &other);
}

bool clause_equal(const struct clause *a, const struct clause *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (compare_literals(&a->literals[i], &b->literals[i]) != 0)
			return false;
	return true;
}

/* Every literal of a is one of b: where b holds, a does. */
static bool clause_covers(const struct clause *a, const struct clause *b)
{
	size_t k = 0;
	for (size_t i = 0; i < a->n; i++, k++) {
		while (k < b->n && compare_literals(&a->literals[i], &b->literals[k]) > 0)
			k++;
		if (k == b->n || compare_literals(&a->literals[i], &b->literals[k]) != 0)
			return false;
	}
	return true;
}

static bool literal_has_small(const struct clause_literal *l, uint64_t number)
{
	return value_set_has_number(l->predicate, number) != l->is_negated;
}

/* No number of the dimension passes all literals from..end. */
static bool has_no_small(const struct clause_literal *l, size_t n)
{
	for (uint64_t number = 0; number < dimension_small(l->dimension); number++) {
		size_t holding = 0;
		while (holding < n && literal_has_small(&l[holding], number))
			holding++;
		if (holding == n)
			return false;
	}
	return true;
}

/*
 * It can never hold. Of a pair, in and not in the same set is no contradiction: one name can be in it, and the other not.
 */
static bool clause_is_void(const struct clause *c)
{
	for (size_t from = 0, end; from < c->n; from = end) {
		const struct clause_literal *first = &c->literals[from];
		for (end = from; end < c->n && c->literals[end].dimension == first->dimension;)
			end++;
		for (size_t i = from; i < end; i++)
			if (!c->literals[i].is_negated && value_set_is_empty(c->literals[i].predicate))
				return true;
		if (dimension_kind(first->dimension) == KIND_OF_SMALL && has_no_small(first, end - from))
			return true;
		if (dimension_is_pair(first->dimension))
			continue;
		for (size_t i = from; i < end; i++)
			for (size_t k = i + 1; k < end; k++)
				if (c->literals[i].predicate == c->literals[k].predicate)
					return true; /* once in, once not in: equal ones were dropped */
	}
	return false;
}

/* Adds it unless another one covers it; takes out those that it covers. */
static void clauses_add(struct clauses *all, struct clause c)
{
	size_t kept = 0;
	if (clause_is_void(&c))
		return;
	for (size_t i = 0; i < all->n; i++)
		if (clause_covers(&all->p[i], &c))
			return;
	for (size_t i = 0; i < all->n; i++)
		if (!clause_covers(&c, &all->p[i]))
			all->p[kept++] = all->p[i];
	all->p[kept++] = c;
	all->n = kept;
}

static struct clauses clauses_true(struct maker *m)
{
	struct clauses one = clauses_room(m, 1);
	if (!m->no_memory)
		one.p[one.n++] = (struct clause){ 0 };
	return one;
}

/* Where there are too many, what is needed is something weaker. */
static bool is_room(struct maker *m, size_t n)
{
	if (n <= (m->refusals ? CLAUSES_WORKING_MAX : CLAUSES_NEEDED_MAX))
		return true;
	m->is_too_big = true;
	return false;
}

static struct clauses clauses_or(struct maker *m, const struct clauses *a, const struct clauses *b)
{
	if (!is_room(m, a->n + b->n))
		return m->refusals ? (struct clauses){ 0 } : clauses_true(m);
	struct clauses sum = clauses_room(m, a->n + b->n);
	for (size_t i = 0; i < a->n && !m->no_memory; i++)
		sum.p[sum.n++] = a->p[i];
	for (size_t i = 0; i < b->n && !m->no_memory; i++)
		clauses_add(&sum, b->p[i]);
	return sum;
}

static struct clauses clauses_and(struct maker *m, const struct clauses *a, const struct clauses *b)
{
	if (!is_room(m, a->n * b->n))
		return m->refusals ? (struct clauses){ 0 } : a->n < b->n ? *a : *b;
	struct clauses product = clauses_room(m, a->n * b->n);
	for (size_t i = 0; i < a->n && !m->no_memory; i++) {
		for (size_t k = 0; k < b->n; k++) {
			struct clause c = clause_join(m->all, &a->p[i], &b->p[k]);
			if (!c.literals)
				return no_memory(m);
			clauses_add(&product, c);
		}
	}
	return product;
}

/* --- tests ----------------------------------------------------------------------------------------------------------------- */

/* Falls back on a test that never holds, so that one load tells of all faults. */
static struct literal_test read_test(struct maker *m, const struct condition *c)
{
	struct literal_test test = { .type = LITERAL_FALSE };
	struct literal_refusal reason = { 0 };
	if (!m->refusals) {
		m->no_memory |= literal_read_needed(m->all, m->event, c, &test) != 0;
		return test;
	}
	int err = literal_read(m->all, m->event, c, &test, &reason);
	m->no_memory |= err == -ENOMEM;
	if (err != -EINVAL)
		return test;
	m->is_refused = true;
	for (size_t i = 0; i < m->refusals->n; i++)
		if (m->refusals->p[i].test == c)
			return test;
	if (m->refusals->n < CLAUSE_REFUSALS_MAX)
		m->refusals->p[m->refusals->n++] = (struct clause_refusal){ c, m->event, reason };
	return test;
}

/* The other numbers of a SMALL dimension, which always has one: `not` is just another set there. */
static struct value_set *complement(struct maker *m, const struct value_set *p)
{
	struct number_range others[SMALL_MAX];
	struct value_set draft = { .domain = p->domain, .at = p->at, .ranges = others };
	for (uint64_t i = 0; i < dimension_small(p->domain); i++)
		if (!value_set_has_number(p, i))
			others[draft.n++] = (struct number_range){ i, i };
	struct value_set *made = value_set_make(m->all, &draft);
	m->no_memory |= !made;
	return made;
}

static bool is_full(const struct value_set *p)
{
	return dimension_kind(p->domain) == KIND_OF_SMALL && p->n == 1 && p->ranges[0].low == 0 && p->ranges[0].high + 1 >= dimension_small(p->domain);
}

static void add_literal(struct maker *m, struct clauses *to, enum policy_dimension d, struct value_set *p, bool is_negated)
{
	struct clause none = { 0 };
	if (is_negated && dimension_kind(d) == KIND_OF_SMALL) {
		p = complement(m, p);
		is_negated = false;
	}
	if (m->no_memory)
		return;
	if (!is_negated && is_full(p)) {
		clauses_add(to, none);
		return;
	}
	struct clause c = clause_with(m->all, none.literals, 0, (struct clause_literal){ d, is_negated, p });
	if (!c.literals)
		m->no_memory = true;
	else
		clauses_add(to, c);
}

/* in must and not in must_not; negated: not in must, or in must_not. */
static struct clauses clauses_of_test(struct maker *m, const struct literal_test *t, bool is_negated)
{
	if (t->type == LITERAL_IMPLIED && is_negated)
		return clauses_true(m);
	if (t->type != LITERAL_SET && t->type != LITERAL_IMPLIED)
		return t->type == LITERAL_OPEN || (t->type == LITERAL_TRUE) != is_negated ? clauses_true(m) : (struct clauses){ 0 };
	struct clauses must = clauses_room(m, 2), must_not = clauses_room(m, 1);
	if (m->no_memory)
		return must;
	if (t->must)
		add_literal(m, &must, t->dimension, t->must, is_negated);
	if (t->must_not)
		add_literal(m, is_negated ? &must : &must_not, t->dimension, t->must_not, !is_negated);
	if (is_negated || !t->must_not || !t->must)
		return t->must_not && !t->must ? (is_negated ? must : must_not) : must;
	return clauses_and(m, &must, &must_not);
}

/* --- the tree -------------------------------------------------------------------------------------------------------------- */

/* An `or` on its way: sets over one value are held back and become one. */
struct alternatives {
	struct clauses sum;
	struct value_set *sets[DIMENSION_COUNT];
};

static struct clauses clauses_of(struct maker *m, const struct condition *c, bool is_negated);

/* Whether the node is of this type once `not`s above it are counted in. */
static bool is_group(const struct condition *c, bool is_negated, enum node_type type)
{
	return c->type == (is_negated ? (type == NODE_AND ? NODE_OR : NODE_AND) : type);
}

/* The set that a test asks for, where it asks for nothing else. */
static struct value_set *plain_set(struct maker *m, const struct literal_test *t, bool is_negated)
{
	if (t->type != LITERAL_SET && (t->type != LITERAL_IMPLIED || is_negated))
		return NULL;
	if (is_negated && dimension_kind(t->dimension) == KIND_OF_SMALL)
		return complement(m, t->must);
	if (is_negated)
		return t->must ? NULL : t->must_not;
	return t->must_not ? NULL : t->must;
}

static void add_alternative(struct maker *m, struct alternatives *a, const struct condition *c, bool is_negated)
{
	while (c->type == NODE_NOT) {
		c = c->children[0];
		is_negated = !is_negated;
	}
	if (is_group(c, is_negated, NODE_OR)) {
		for (size_t i = 0; i < c->n; i++)
			add_alternative(m, a, c->children[i], is_negated);
		return;
	}
	struct clauses more;
	if (c->type == NODE_TEST) {
		struct literal_test t = read_test(m, c);
		struct value_set *set = plain_set(m, &t, is_negated), **to = set ? &a->sets[t.dimension] : NULL;
		if (set) {
			*to = *to ? value_set_union(m->all, *to, set) : set;
			m->no_memory |= !*to;
			return;
		}
		more = clauses_of_test(m, &t, is_negated);
	} else {
		more = clauses_of(m, c, is_negated);
	}
	a->sum = clauses_or(m, &a->sum, &more);
}

static struct clauses clauses_of_or(struct maker *m, const struct condition *c, bool is_negated)
{
	struct alternatives a = { 0 };
	add_alternative(m, &a, c, is_negated);
	for (size_t d = 0; d < DIMENSION_COUNT && !m->no_memory; d++) {
		struct clauses one = clauses_room(m, 1);
		if (!a.sets[d] || m->no_memory)
			continue;
		add_literal(m, &one, (enum policy_dimension)d, a.sets[d], false);
		a.sum = clauses_or(m, &a.sum, &one);
	}
	return a.sum;
}

/* As deep as CONDITION_MAX_DEPTH. */
static struct clauses clauses_of(struct maker *m, const struct condition *c, bool is_negated)
{
	if (m->no_memory)
		return (struct clauses){ 0 };
	if (c->type == NODE_CONST)
		return c->truth != is_negated ? clauses_true(m) : (struct clauses){ 0 };
	if (c->type == NODE_NOT)
		return clauses_of(m, c->children[0], !is_negated);
	if (c->type == NODE_TEST) {
		struct literal_test t = read_test(m, c);
		return clauses_of_test(m, &t, is_negated);
	}
	if (is_group(c, is_negated, NODE_OR))
		return clauses_of_or(m, c, is_negated);
	struct clauses product = clauses_true(m);
	for (size_t i = 0; i < c->n; i++) {
		struct clauses one = clauses_of(m, c->children[i], is_negated);
		product = clauses_and(m, &product, &one);
	}
	return product;
}

int clauses_make(struct value_sets *all, uint32_t event, const struct condition *c, struct clauses *ret, struct clause_refusals *refusals)
{
	struct maker m = { .all = all, .event = event, .refusals = refusals };
	struct clauses made = clauses_of(&m, c, false);
	if (m.no_memory)
		return -ENOMEM;
	if (m.is_refused)
		return -EINVAL;
	if (m.is_too_big || made.n > CLAUSES_OF_RULE_MAX)
		return -E2BIG;
	*ret = made;
	return 0;
}

int clauses_needed(struct value_sets *all, uint32_t event, const struct condition *c, struct clauses *ret)
{
	struct maker m = { .all = all, .event = event };
	struct clauses made = clauses_of(&m, c, false);
	if (m.no_memory)
		return -ENOMEM;
	*ret = made;
	return 0;
}

static bool needs_nothing(struct maker *m, const struct condition *c, bool is_negated)
{
	struct clauses needed = clauses_of(m, c, is_negated);
	return needed.n && needed.p[0].n == 0;
}

/* The side of the `or` that is taken for true whatever the event; NULL: none is alone. */
static const struct condition *open_side(struct maker *m, const struct condition *c, bool is_negated)
{
	for (size_t i = 0; i < c->n; i++)
		if (needs_nothing(m, c->children[i], is_negated))
			return c->children[i];
	return NULL;
}

const struct condition *clauses_blame(struct value_sets *all, uint32_t event, const struct condition *c, bool *ret_is_negated)
{
	struct maker m = { .all = all, .event = event };
	bool is_negated = false;
	for (;;) {
		const struct condition *inner = c->type == NODE_NOT ? c->children[0] : NULL;
		if (inner)
			is_negated = !is_negated;
		else if (is_group(c, is_negated, NODE_OR))
			inner = open_side(&m, c, is_negated);
		if (!inner) {
			*ret_is_negated = is_negated;
			return c;
		}
		c = inner;
	}
}
