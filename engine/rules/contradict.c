/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs of tests. A test for given values answers for the other one: those values are put to it. */
#include "engine/rules/contradict.h"

#include "engine/rules/apart.h"
#include "engine/rules/computed_functions.h"
#include "engine/rules/op.h"
#include "engine/rules/relate.h"

enum {
	LITERALS_MAX = 64,  /* tests that are kept in view; more are not looked at */
	GROUPS_DEPTH = 4,   /* `or` in `or` */
	ANSWERS_MAX = 4096, /* values that are put to tests, for one condition */
};

/* A test under `not`s. */
struct literal {
	const struct condition *node;
	bool is_negated;
};

struct search {
	struct matcher *m;
	struct literal all[LITERALS_MAX];
	size_t n;
	size_t answers_left;
	const struct field_ref *only; /* NULL: tests of any field are looked at */
	struct contradiction found;
};

static const struct test *test_of(const struct literal *l)
{
	return l->node->test;
}

static bool is_plain(const struct test *t)
{
	return t->left->type == EXPR_FIELD && !t->right && !t->ancestor;
}

/* One value, compared with values that are written as it is. */
static bool is_single(const struct test *t)
{
	enum value_class class = t->left->class;
	bool is_any = t->modifier == MODIFIER_NONE || t->modifier == MODIFIER_ANYOF;
	return is_any && !t->left->field->is_each && (class == CLASS_STR || class == CLASS_UINT || class == CLASS_SINT || class == CLASS_BOOL || class == CLASS_ENUM);
}

/* Names all values that satisfy it. */
static bool is_finite(const struct test *t)
{
	return is_single(t) && t->op->function == op_equal && t->op->id != OP_NE && t->n_operands > 0;
}

bool test_accepts(struct matcher *m, const struct test *t, const struct test *values, size_t i)
{
	const struct operand *o = &values->operands[i];
	struct value v = { .class = values->left->class, .kind = values->left->kind };
	if (v.class == CLASS_STR)
		v.s = o->text;
	else if (v.class == CLASS_SINT)
		v.i = o->i;
	else
		v.u = o->u;
	if (t->op->id == OP_EXISTS)
		return true;
	for (size_t k = 0; k < t->n_operands; k++) {
		m->used = 0;
		if (t->op->function(m, &v, &t->operands[k]))
			return t->op->id != OP_NE;
	}
	return t->op->id == OP_NE;
}

/* None of the values that satisfy one is good for the other. */
static bool excludes(struct search *s, const struct literal *values, const struct literal *other)
{
	const struct test *a = test_of(values), *b = test_of(other);
	size_t work = a->n_operands * MAX(b->n_operands, (size_t)1), undecided = s->m->undecided;
	if (values->is_negated || !is_finite(a) || !is_single(b) || b->op->id == OP_EXISTS || work > s->answers_left)
		return false;
	s->answers_left -= work;
	for (size_t i = 0; i < a->n_operands; i++)
		if (test_accepts(s->m, b, a, i) != other->is_negated || s->m->undecided != undecided)
			return false;
	return true;
}

/* By what both ask of the value, whether they name all that satisfy them or not. */
static bool ask_for_others(struct search *s, const struct literal *a, const struct literal *b)
{
	size_t work = test_of(a)->n_operands * test_of(b)->n_operands;
	if (work > s->answers_left || (a->is_negated && b->is_negated))
		return false;
	s->answers_left -= work;
	if (a->is_negated)
		return test_implies(test_of(b), test_of(a));
	return b->is_negated ? test_implies(test_of(a), test_of(b)) : tests_are_apart(test_of(a), test_of(b));
}

/* Every test needs a value. */
static bool needs_what_is_not(const struct literal *a, const struct literal *b)
{
	return !a->is_negated && b->is_negated && test_of(b)->op->id == OP_EXISTS;
}

/* The same test with and without `not`: of macros, which share theirs, and of texts. */
static bool is_contrary(const struct literal *a, const struct literal *b)
{
	const struct test *x = test_of(a), *y = test_of(b);
	if (a->is_negated == b->is_negated)
		return false;
	if (x == y)
		return true;
	bool is_same = is_plain(x) && is_plain(y) && x->left->field == y->left->field && x->left->class == CLASS_STR && x->op == y->op &&
		       x->modifier == y->modifier && x->n_operands == y->n_operands;
	for (size_t i = 0; is_same && i < x->n_operands; i++)
		is_same = sv_equal(x->operands[i].text, y->operands[i].text);
	return is_same;
}

/* Of different fields, one of which is made of the other, or both of a third. */
static bool are_related_apart(struct search *s, const struct test *a, const struct test *b)
{
	size_t work = a->n_operands * b->n_operands;
	bool is_same = a->left->type == EXPR_FIELD && b->left->type == EXPR_FIELD && a->left->field == b->left->field;
	if (is_same || s->only || !tests_are_related(a, b) || work > s->answers_left)
		return false;
	s->answers_left -= work;
	return related_tests_are_apart(a, b);
}

/* Another name of it, as Falco has some (fd.sip and fd.snet). */
static bool is_alias(const struct field_ref *a, const struct field_ref *b)
{
	bool are_read = (!a->compute || a->compute == base_value) && (!b->compute || b->compute == base_value);
	return are_read && a->events == b->events && a->events && memcmp(a->by_event, b->by_event, sizeof(a->by_event)) == 0;
}

static bool is_same_value(const struct field_ref *a, const struct field_ref *b)
{
	return a == b || is_alias(a, b);
}

static bool are_apart(struct search *s, const struct literal *a, const struct literal *b)
{
	if (is_contrary(a, b))
		return true;
	if (!a->is_negated && !b->is_negated && are_related_apart(s, test_of(a), test_of(b)))
		return true;
	if (!is_plain(test_of(a)) || !is_plain(test_of(b)) || !is_same_value(test_of(a)->left->field, test_of(b)->left->field))
		return false;
	return needs_what_is_not(a, b) || needs_what_is_not(b, a) || excludes(s, a, b) || excludes(s, b, a) || ask_for_others(s, a, b);
}

/* Keeps the test in view; false when it excludes one that is. */
static bool add_literal(struct search *s, const struct condition *c, bool is_negated)
{
	struct literal new = { c, is_negated };
	if (s->only && (!is_plain(c->test) || c->test->left->field != s->only))
		return true;
	for (size_t i = 0; i < s->n; i++) {
		if (!are_apart(s, &s->all[i], &new))
			continue;
		if (!s->found.first)
			s->found = (struct contradiction){ s->all[i].node, c };
		return false;
	}
	if (s->n < LITERALS_MAX)
		s->all[s->n++] = new;
	return true;
}

/* The tests that have to hold, through nested groups of one sort. */
static bool add_spine(struct search *s, const struct condition *c, bool is_negated)
{
	if (c->type == NODE_TEST)
		return add_literal(s, c, is_negated);
	if (c->type == NODE_CONST || (c->type != NODE_NOT && (c->type == NODE_AND) == is_negated))
		return true;
	for (size_t i = 0; i < c->n; i++)
		if (!add_spine(s, c->children[i], is_negated != (c->type == NODE_NOT)))
			return false;
	return true;
}

static bool groups_agree(struct search *s, const struct condition *c, bool is_negated, unsigned depth);

/* Whether c agrees with what is in view; the view is as it was afterwards. */
static bool agrees(struct search *s, const struct condition *c, bool is_negated, unsigned depth)
{
	size_t n = s->n;
	bool is_good = add_spine(s, c, is_negated) && (depth == GROUPS_DEPTH || groups_agree(s, c, is_negated, depth));
	s->n = n;
	return is_good;
}

/* Each group of alternatives has one that agrees. Recursion is bounded by CONDITION_MAX_DEPTH. */
static bool groups_agree(struct search *s, const struct condition *c, bool is_negated, unsigned depth)
{
	if (c->type == NODE_TEST || c->type == NODE_CONST)
		return true;
	bool is_or = c->type != NODE_NOT && (c->type == NODE_OR) != is_negated;
	for (size_t i = 0; i < c->n; i++) {
		bool child_negated = is_negated != (c->type == NODE_NOT);
		bool is_good = is_or ? agrees(s, c->children[i], child_negated, depth + 1) : groups_agree(s, c->children[i], child_negated, depth);
		if (is_good == is_or)
			return is_or;
	}
	return !is_or;
}

bool contradiction_find(struct matcher *m, const struct condition *c, struct contradiction *ret)
{
	struct search s = { .m = m, .answers_left = ANSWERS_MAX };
	if (agrees(&s, c, false, 0) || !s.found.first)
		return false;
	*ret = s.found;
	return true;
}

bool contradiction_of_field(struct matcher *m, const struct condition *a, const struct condition *b, const struct field_ref *field,
			    struct contradiction *ret)
{
	struct search s = { .m = m, .answers_left = ANSWERS_MAX, .only = field };
	if (!add_spine(&s, a, false) || add_spine(&s, b, false) || !s.found.first)
		return false;
	*ret = s.found;
	return true;
}
