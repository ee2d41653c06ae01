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

/* Some item compares with this operand; is_not: some item does not. */
static bool some_item(struct matcher *m, const struct test *t, const struct value *left, const struct operand *o, bool is_not)
{
	struct value item;
	for (size_t pos = 0; left_next(left, &pos, &item);)
		if (t->op->function(m, &item, o) != is_not)
			return true;
	return false;
}

/* The test with one of its values. */
static bool holds_with(struct matcher *m, const struct test *t, const struct value *left, const struct operand *o)
{
	if (t->op->id != OP_NE)
		return some_item(m, t, left, o, false);
	return t->ancestor ? some_item(m, t, left, o, true) : !some_item(m, t, left, o, false);
}

static bool some_operand(struct matcher *m, const struct test *t, const struct value *item, const struct right_side *right)
{
	struct operand o = { 0 };
	for (size_t pos = 0; right_next(right, &pos, &o);)
		if (t->op->function(m, item, &o))
			return true;
	return false;
}

/* `in` over a list: every item is one of the values. */
static bool every_item(struct matcher *m, const struct test *t, const struct value *left, const struct right_side *right)
{
	struct value item;
	for (size_t pos = 0; left_next(left, &pos, &item);)
		if (!some_operand(m, t, &item, right))
			return false;
	return true;
}

static bool compare(struct matcher *m, const struct test *t, const struct value *left, const struct right_side *right)
{
	if ((t->op->id == OP_IN || t->op->id == OP_IIN) && left->class == CLASS_LIST)
		return every_item(m, t, left, right);
	size_t n = 0, holding = 0;
	struct operand o = { 0 };
	for (size_t pos = 0; right_next(right, &pos, &o); n++) {
		if (holds_with(m, t, left, &o))
			holding++;
		bool is_decided = t->modifier == MODIFIER_ONEOF ? holding > 1 : t->modifier == MODIFIER_ALLOF ? holding <= n : holding > 0;
		if (is_decided)
			return t->modifier != MODIFIER_ONEOF && t->modifier != MODIFIER_ALLOF;
	}
	return t->modifier == MODIFIER_ONEOF ? holding == 1 : t->modifier == MODIFIER_ALLOF && n > 0;
}

static bool test_holds(struct evaluation *e, const struct test *t, bool is_negated)
{
	e->m->used = 0;
	/* What is not known whole must not buy an exception. */
	if (is_negated && t->op->id != OP_EXISTS && (expr_is_cut(e->ev, t->left) || (t->right && expr_is_cut(e->ev, t->right))))
		return false;
	struct value left = expr_value(e, t->left);
	if (!has_value(&left))
		return false;
	if (t->op->id == OP_EXISTS)
		return true;
	struct right_side right = { .operands = t->operands, .n = t->n_operands };
	if (t->right) {
		right = (struct right_side){ .value = expr_value(e, t->right) };
		if (!has_value(&right.value))
			return false;
	}
	if (left.class == CLASS_FLAGS) {
		uint64_t mask = t->right ? right.value.u : t->mask;
		return t->op->id == OP_IN ? (left.u & ~mask) == 0 : (left.u & mask) != 0;
	}
	return compare(e->m, t, &left, &right);
}

/* --- the tree -------------------------------------------------------------------------------------------------------------- */

static bool holds(struct evaluation *e, const struct condition *c, bool is_negated)
{
	switch (c->type) {
	case NODE_CONST:
		return c->truth;
	case NODE_TEST:
		return test_holds(e, c->test, is_negated);
	case NODE_NOT:
		return !holds(e, c->children[0], !is_negated);
	case NODE_AND:
		for (size_t i = 0; i < c->n; i++)
			if (!holds(e, c->children[i], is_negated))
				return false;
		return true;
	case NODE_OR:
		for (size_t i = 0; i < c->n; i++)
			if (holds(e, c->children[i], is_negated))
				return true;
		return false;
	}
	return false;
}

bool condition_holds(const struct condition *c, const struct event *ev, struct matcher *m)
{
	struct evaluation e = { .m = m, .ev = ev };
	return holds(&e, c, false);
}
