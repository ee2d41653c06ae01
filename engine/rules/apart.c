/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/rules/apart.h"

#include "engine/rules/demand.h"
#include "engine/rules/op.h"

enum { PAIRS_MAX = 4096 }; /* of operands that are compared for one answer */

struct demand demand_of(const struct test *t, size_t i)
{
	static const struct {
		op_function *function;
		enum shape shape;
		bool folds;
	} shapes[] = {
		{ op_equal, SHAPE_WHOLE, false },  { op_iequal, SHAPE_WHOLE, true },  { op_starts, SHAPE_START, false },    { op_istarts, SHAPE_START, true },
		{ op_ends, SHAPE_END, false },     { op_iends, SHAPE_END, true },     { op_contains, SHAPE_INSIDE, false }, { op_icontains, SHAPE_INSIDE, true },
	};
	struct demand d = { .text = t->operands[i].text };
	for (size_t k = 0; k < ARRAY_SIZE(shapes); k++) {
		if (t->op->function != shapes[k].function)
			continue;
		d.shape = shapes[k].shape;
		d.folds = shapes[k].folds;
	}
	return d;
}

/* --- texts --------------------------------------------------------------------------------------------------------------------- */

static bool stands(enum shape shape, struct strview have, struct strview want, bool folds)
{
	const struct value value = { .class = CLASS_STR, .kind = KIND_STR, .s = have };
	const struct operand operand = { .text = want };
	switch (shape) {
	case SHAPE_WHOLE:
		return folds ? op_iequal(NULL, &value, &operand) : op_equal(NULL, &value, &operand);
	case SHAPE_START:
		return folds ? op_istarts(NULL, &value, &operand) : op_starts(NULL, &value, &operand);
	case SHAPE_END:
		return folds ? op_iends(NULL, &value, &operand) : op_ends(NULL, &value, &operand);
	case SHAPE_INSIDE:
		return folds ? op_icontains(NULL, &value, &operand) : op_contains(NULL, &value, &operand);
	case SHAPE_NONE:
		break;
	}
	return true;
}

bool demands_are_apart(struct demand a, struct demand b)
{
	bool folds = a.folds || b.folds;
	if (a.shape == SHAPE_NONE || b.shape == SHAPE_NONE)
		return false;
	if (a.shape == SHAPE_WHOLE)
		return !stands(b.shape, a.text, b.text, folds);
	if (b.shape == SHAPE_WHOLE)
		return !stands(a.shape, b.text, a.text, folds);
	if (a.shape != b.shape || a.shape == SHAPE_INSIDE)
		return false;
	return !stands(a.shape, a.text, b.text, folds) && !stands(a.shape, b.text, a.text, folds);
}

static bool text_implies(struct demand a, struct demand b)
{
	if (a.shape == SHAPE_NONE || b.shape == SHAPE_NONE || (a.folds && !b.folds))
		return false;
	bool is_seen = a.shape == SHAPE_WHOLE || a.shape == b.shape || b.shape == SHAPE_INSIDE;
	return is_seen && stands(b.shape, a.text, b.text, b.folds);
}

/* --- numbers ------------------------------------------------------------------------------------------------------------------- */

/* What satisfies a comparison, both ends included; signed numbers as they are ordered. */
struct range {
	uint64_t low, high;
	bool is_empty;
};

/* Signed numbers in the order of unsigned ones. */
static uint64_t ordered(const struct test *t, const struct operand *o)
{
	return t->left->class == CLASS_SINT ? (uint64_t)o->i ^ 1ull << 63 : o->u;
}

static struct range range_of(const struct test *t, size_t i)
{
	uint64_t n = ordered(t, &t->operands[i]);
	switch (t->op->id) {
	case OP_LT:
		return (struct range){ 0, n - 1, n == 0 };
	case OP_LE:
		return (struct range){ 0, n, false };
	case OP_GT:
		return (struct range){ n + 1, UINT64_MAX, n == UINT64_MAX };
	case OP_GE:
		return (struct range){ n, UINT64_MAX, false };
	default:
		return (struct range){ n, n, false };
	}
}

/* --- networks ------------------------------------------------------------------------------------------------------------------ */

/* Whether all of `inner` lies in `outer`. */
static bool network_is_in(const struct network *inner, const struct network *outer)
{
	const struct value address = { .class = CLASS_IP, .kind = KIND_IP, .ip = inner->ip };
	const struct operand operand = { .net = *outer };
	return inner->prefix >= outer->prefix && op_equal(NULL, &address, &operand);
}

/* --- tests --------------------------------------------------------------------------------------------------------------------- */

static bool is_number(const struct test *t)
{
	return t->left->class == CLASS_UINT || t->left->class == CLASS_SINT;
}

static bool values_are_apart(const struct test *a, size_t i, const struct test *b, size_t k)
{
	if (a->left->class == CLASS_STR)
		return demands_are_apart(demand_of(a, i), demand_of(b, k));
	if (a->left->class == CLASS_IP)
		return !network_is_in(&a->operands[i].net, &b->operands[k].net) && !network_is_in(&b->operands[k].net, &a->operands[i].net);
	if (!is_number(a))
		return a->operands[i].u != b->operands[k].u;
	struct range x = range_of(a, i), y = range_of(b, k);
	return x.is_empty || y.is_empty || x.high < y.low || y.high < x.low;
}

static bool value_implies(const struct test *a, size_t i, const struct test *b, size_t k)
{
	if (a->left->class == CLASS_STR)
		return text_implies(demand_of(a, i), demand_of(b, k));
	if (a->left->class == CLASS_IP)
		return network_is_in(&a->operands[i].net, &b->operands[k].net);
	if (!is_number(a))
		return a->operands[i].u == b->operands[k].u;
	struct range x = range_of(a, i), y = range_of(b, k);
	return x.is_empty || (!y.is_empty && x.low >= y.low && x.high <= y.high);
}

/* One value of the event, compared with values that are written out. */
static bool is_read(const struct test *t)
{
	enum value_class class = t->left->class;
	bool is_single = class == CLASS_STR || class == CLASS_UINT || class == CLASS_SINT || class == CLASS_BOOL || class == CLASS_ENUM || class == CLASS_IP;
	bool is_plain = t->left->type == EXPR_FIELD && !t->left->field->is_each && !t->right && !t->ancestor;
	return is_single && is_plain && t->modifier != MODIFIER_ONEOF && t->op->id != OP_NE && t->op->id != OP_EXISTS && t->n_operands > 0;
}

static bool is_all(const struct test *t)
{
	return t->modifier == MODIFIER_ALLOF;
}

/* Whether the i-th value of a leaves b nothing: of several that b asks for one will do, unless it asks for one of them. */
static bool leaves_nothing(const struct test *a, size_t i, const struct test *b)
{
	for (size_t k = 0; k < b->n_operands; k++)
		if (values_are_apart(a, i, b, k) == is_all(b))
			return is_all(b);
	return !is_all(b);
}

bool tests_are_apart(const struct test *a, const struct test *b)
{
	if (!is_read(a) || !is_read(b) || a->n_operands * b->n_operands > PAIRS_MAX)
		return false;
	for (size_t i = 0; i < a->n_operands; i++)
		if (leaves_nothing(a, i, b) == is_all(a))
			return is_all(a);
	return !is_all(a);
}

/* Whether the i-th value of a is enough for b. */
static bool suffices(const struct test *a, size_t i, const struct test *b)
{
	for (size_t k = 0; k < b->n_operands; k++)
		if (value_implies(a, i, b, k) != is_all(b))
			return !is_all(b);
	return is_all(b);
}

bool test_implies(const struct test *a, const struct test *b)
{
	if (!is_read(a) || !is_read(b) || a->n_operands * b->n_operands > PAIRS_MAX)
		return false;
	for (size_t i = 0; i < a->n_operands; i++)
		if (suffices(a, i, b) == is_all(a))
			return is_all(a);
	return !is_all(a);
}

bool test_excludes_itself(const struct test *t)
{
	return is_all(t) && tests_are_apart(t, t);
}
