/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plain evaluator: walks a condition as it was written. Every faster way to evaluate is checked against this one, so it
 * stays plain. Allocates nothing; recursion is bounded by CONDITION_MAX_DEPTH and EXPR_MAX_DEPTH.
 */
#include "engine/rules/match.h"

#include "engine/rules/op.h"

struct evaluation {
	struct matcher *m;
	const struct event *ev;
};

/* --- values ---------------------------------------------------------------------------------------------------------------- */

struct value field_ref_value(struct matcher *m, const struct event *ev, const struct field_ref *ref)
{
	if (ref->compute)
		return ref->compute(m, ev, ref);
	const struct field *field = ref->by_event[ev->type->number];
	if (!field)
		return (struct value){ .is_missing = true, .class = ref->class, .kind = ref->kind };
	struct value v = event_get(ev, field);
	if (v.kind == KIND_MODE)
		v.u &= 07777; /* as it is shown: the type of the file is file.type */
	return v;
}

static struct value expr_value(struct evaluation *e, const struct expr *x)
{
	switch (x->type) {
	case EXPR_FIELD:
		return field_ref_value(e->m, e->ev, x->field);
	case EXPR_TEXT:
		return (struct value){ .class = CLASS_STR, .kind = KIND_STR, .s = x->text };
	case EXPR_CALL:
		break;
	}
	struct value args[EXPR_MAX_ARGS];
	for (size_t i = 0; i < x->n_args; i++) {
		args[i] = expr_value(e, x->args[i]);
		if (args[i].is_missing)
			return (struct value){ .is_missing = true, .class = x->class, .kind = x->kind };
	}
	return x->call->function(e->m, x, args);
}

/* An empty list and an empty set of flags hold nothing to compare with: they have no value. */
static bool has_value(const struct value *v)
{
	if (v->is_missing)
		return false;
	if (v->class == CLASS_LIST)
		return v->s.n > 0;
	return v->class != CLASS_FLAGS || v->u != 0;
}

/* Whether what the expression reads was cut short or changed while it was read. */
static bool expr_is_cut(const struct event *ev, const struct expr *x)
{
	if (x->type == EXPR_FIELD) {
		bool is_exec = ev->type->number == EVENT_PROC_EXEC;
		return (ev->common->truncated & x->field->truncated[is_exec]) || (ev->common->uncertain & x->field->uncertain[is_exec]);
	}
	for (size_t i = 0; i < x->n_args; i++)
		if (expr_is_cut(ev, x->args[i]))
			return true;
	return false;
}

/* --- tests ----------------------------------------------------------------------------------------------------------------- */

/* The right side: written values, or one value of the event (of a list: its items). */
struct right_side {
	const struct operand *operands;
	size_t n;
	struct value value; /* when operands is NULL */
};

static bool right_next(const struct right_side *r, size_t *pos, struct operand *ret)
{
	if (r->operands) {
		if (*pos == r->n)
			return false;
		*ret = r->operands[(*pos)++];
		return true;
	}
	const struct value *v = &r->value;
	if (v->class == CLASS_LIST)
		return value_next_item(v, pos, &ret->text);
	if ((*pos)++ > 0)
		return false;
	*ret = (struct operand){ .text = v->s };
	if (v->class == CLASS_IP)
		ret->net = (struct network){ v->ip, 128 };
	else if (v->class == CLASS_SINT)
		ret->i = v->i;
	else if (v->class != CLASS_STR)
		ret->u = v->u;
	return true;
}

/* Items of the left side: those of a list, or the value itself. */
static bool left_next(const struct value *v, size_t *pos, struct value *ret)
{
	if (v->class == CLASS_LIST) {
		*ret = (struct value){ .class = CLASS_STR, .kind = KIND_STR };
		return value_next_item(v, pos, &ret->s);
	}
	*ret = *v;
	return (*pos)++ == 0;
}

/*
 * One comparison. What could not be decided says so by the matcher's count, so that the functions of ops.def, of which hardly one
 * can fail, stay plain questions.
 */
static enum truth compares(struct matcher *m, const struct test *t, const struct value *item, const struct operand *o)
{
	size_t before = m->undecided;
	bool holds = t->op->function(m, item, o);
	return m->undecided != before ? TRUTH_UNDECIDED : holds ? TRUTH_TRUE : TRUTH_FALSE;
}

/* Some item compares with this operand; is_not: some item does not. */
static enum truth some_item(struct matcher *m, const struct test *t, const struct value *left, const struct operand *o, bool is_not)
{
	enum truth sum = TRUTH_FALSE;
	struct value item;
	for (size_t pos = 0; sum != TRUTH_TRUE && left_next(left, &pos, &item);) {
		enum truth one = compares(m, t, &item, o);
		sum = truth_or(sum, is_not ? truth_not(one) : one);
	}
	return sum;
}

/* The test with one of its values. */
static enum truth holds_with(struct matcher *m, const struct test *t, const struct value *left, const struct operand *o)
{
	if (t->op->id != OP_NE)
		return some_item(m, t, left, o, false);
	return t->ancestor ? some_item(m, t, left, o, true) : truth_not(some_item(m, t, left, o, false));
}

static enum truth some_operand(struct matcher *m, const struct test *t, const struct value *item, const struct right_side *right)
{
	enum truth sum = TRUTH_FALSE;
	struct operand o = { 0 };
	for (size_t pos = 0; sum != TRUTH_TRUE && right_next(right, &pos, &o);)
		sum = truth_or(sum, compares(m, t, item, &o));
	return sum;
}

/* `in` over a list: every item is one of the values. */
static enum truth every_item(struct matcher *m, const struct test *t, const struct value *left, const struct right_side *right)
{
	enum truth product = TRUTH_TRUE;
	struct value item;
	for (size_t pos = 0; product != TRUTH_FALSE && left_next(left, &pos, &item);)
		product = truth_and(product, some_operand(m, t, &item, right));
	return product;
}

/* How many of the right side's values the test holds with. */
struct tally {
	size_t n, holding, undecided;
};

/* What the values that are still to come cannot change; false: they can. */
static bool tally_is_settled(const struct tally *tally, enum modifier modifier)
{
	switch (modifier) {
	case MODIFIER_ONEOF:
		return tally->holding > 1;
	case MODIFIER_ALLOF:
		return tally->holding + tally->undecided < tally->n;
	default:
		return tally->holding > 0;
	}
}

static enum truth tally_truth(const struct tally *tally, enum modifier modifier)
{
	bool holds = tally->holding > 0;
	if (modifier == MODIFIER_ONEOF)
		holds = tally->holding == 1;
	else if (modifier == MODIFIER_ALLOF)
		holds = tally->n > 0 && tally->holding == tally->n;
	if (tally->undecided && !tally_is_settled(tally, modifier))
		return TRUTH_UNDECIDED;
	return holds ? TRUTH_TRUE : TRUTH_FALSE;
}

static enum truth compare(struct matcher *m, const struct test *t, const struct value *left, const struct right_side *right)
{
	if ((t->op->id == OP_IN || t->op->id == OP_IIN) && left->class == CLASS_LIST)
		return every_item(m, t, left, right);
	struct tally tally = { 0 };
	struct operand o = { 0 };
	for (size_t pos = 0; !tally_is_settled(&tally, t->modifier) && right_next(right, &pos, &o); tally.n++) {
		enum truth one = holds_with(m, t, left, &o);
		tally.holding += one == TRUTH_TRUE;
		tally.undecided += one == TRUTH_UNDECIDED;
	}
	return tally_truth(&tally, t->modifier);
}

/* The value of one side; false: it could not be made, which is not the same as a missing one. */
static bool side_value(struct evaluation *e, const struct expr *x, struct value *ret)
{
	size_t before = e->m->undecided;
	*ret = expr_value(e, x);
	return e->m->undecided == before;
}

static enum truth test_truth(struct evaluation *e, const struct test *t, bool is_negated)
{
	e->m->used = 0;
	/* What is not known whole must not buy an exception. */
	if (is_negated && t->op->id != OP_EXISTS && (expr_is_cut(e->ev, t->left) || (t->right && expr_is_cut(e->ev, t->right))))
		return TRUTH_FALSE;
	struct value left;
	if (!side_value(e, t->left, &left))
		return TRUTH_UNDECIDED;
	if (!has_value(&left))
		return TRUTH_FALSE;
	if (t->op->id == OP_EXISTS)
		return TRUTH_TRUE;
	struct right_side right = { .operands = t->operands, .n = t->n_operands };
	if (t->right) {
		right = (struct right_side){ 0 };
		if (!side_value(e, t->right, &right.value))
			return TRUTH_UNDECIDED;
		if (!has_value(&right.value))
			return TRUTH_FALSE;
	}
	if (left.class == CLASS_FLAGS) {
		uint64_t mask = t->right ? right.value.u : t->mask;
		bool holds = t->op->id == OP_IN ? (left.u & ~mask) == 0 : (left.u & mask) != 0;
		return holds ? TRUTH_TRUE : TRUTH_FALSE;
	}
	return compare(e->m, t, &left, &right);
}

enum truth test_holds(const struct test *t, const struct event *ev, struct matcher *m, bool is_negated)
{
	struct evaluation e = { .m = m, .ev = ev };
	enum truth truth = test_truth(&e, t, is_negated);
	if (truth == TRUTH_UNDECIDED && !m->undecided_test)
		m->undecided_test = t;
	return truth;
}

/* --- the tree -------------------------------------------------------------------------------------------------------------- */

static enum truth holds(struct evaluation *e, const struct condition *c, bool is_negated)
{
	enum truth sum;
	switch (c->type) {
	case NODE_CONST:
		return c->truth ? TRUTH_TRUE : TRUTH_FALSE;
	case NODE_TEST:
		return test_holds(c->test, e->ev, e->m, is_negated);
	case NODE_NOT:
		return truth_not(holds(e, c->children[0], !is_negated));
	case NODE_AND:
		sum = TRUTH_TRUE;
		for (size_t i = 0; sum != TRUTH_FALSE && i < c->n; i++)
			sum = truth_and(sum, holds(e, c->children[i], is_negated));
		return sum;
	case NODE_OR:
		sum = TRUTH_FALSE;
		for (size_t i = 0; sum != TRUTH_TRUE && i < c->n; i++)
			sum = truth_or(sum, holds(e, c->children[i], is_negated));
		return sum;
	}
	return TRUTH_FALSE;
}

enum truth condition_holds(const struct condition *c, const struct event *ev, struct matcher *m)
{
	struct evaluation e = { .m = m, .ev = ev };
	m->undecided_test = NULL;
	return holds(&e, c, false);
}
