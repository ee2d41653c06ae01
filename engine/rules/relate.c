/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/rules/relate.h"

#include "engine/rules/demand.h"
#include "engine/rules/op.h"

enum {
	PAIRS_MAX = 4096, /* of values that are compared for one answer */
	STEPS_MAX = 4,    /* from a field to the one that it is made of in the end, through functions over it */
	BYTES_MAX = VALUE_MAX_BYTES + 16,
};

static const struct relation {
	const char *field, *function, *base;
	enum shape from, to;
	const char *before, *after;
	bool folds;
} relations[] = {
#define RELATION(field, function, base, from, to, before, after, folds) \
	{ field, function, base, SHAPE_##from, SHAPE_##to, before, after, folds },
#include "engine/rules/relations.def"
};

static const struct {
	const char *field, *address;
} families[] = {
#define FAMILY(field, address) { field, address },
#include "engine/rules/relations.def"
};

/* --- what a text is made of ------------------------------------------------------------------------------------------------------ */

/* One side of a test on its way to the field that it is made of. */
struct walk {
	const struct expr *side;  /* NULL: a field by its name alone */
	const char *field;        /* NULL: a function */
	struct demand demand;
	struct room *room;        /* borrowed: where its text lies, if not in the test; NULL: only the way is asked for */
};

struct room {
	char text[2][BYTES_MAX];
	unsigned used;
};

static bool is_about(const struct relation *r, const struct walk *w)
{
	return w->field ? r->field && strcmp(r->field, w->field) == 0 : r->function && strcmp(r->function, w->side->call->name) == 0;
}

static const struct relation *relation_of(const struct walk *w)
{
	for (size_t i = 0; i < ARRAY_SIZE(relations); i++)
		if (is_about(&relations[i], w) && (relations[i].from == w->demand.shape || w->demand.shape == SHAPE_NONE))
			return &relations[i];
	return NULL;
}

static void turn(struct walk *w, const struct relation *r)
{
	size_t before = strlen(r->before), after = strlen(r->after), n = w->demand.text.n;
	if (w->demand.shape == SHAPE_NONE || n + before + after > BYTES_MAX) {
		w->demand.shape = SHAPE_NONE;
		return;
	}
	char *to = w->room->text[w->room->used ^= 1];
	memcpy(to, r->before, before);
	if (n)
		memcpy(to + before, w->demand.text.p, n);
	memcpy(to + before + n, r->after, after);
	w->demand = (struct demand){ .shape = r->to, .folds = w->demand.folds || r->folds, .text = { to, before + n + after } };
}

static void stand_at(struct walk *w, const struct expr *x)
{
	w->side = x;
	w->field = x->type == EXPR_FIELD ? x->field->name : NULL;
}

/* To the field that is made of no other; false: through something that is not in the table. */
static bool walk_down(struct walk *w)
{
	for (unsigned step = 0; step < STEPS_MAX; step++) {
		const struct relation *r = relation_of(w);
		if (!r)
			return w->field != NULL;
		turn(w, r);
		if (r->base) {
			w->side = NULL;
			w->field = r->base;
			continue;
		}
		if (!w->side || w->side->args[0]->type == EXPR_TEXT) /* relations without a base are of functions */
			return false;
		stand_at(w, w->side->args[0]);
	}
	return false;
}

/* Asks for one of several texts of one value. */
static bool is_read(const struct test *t)
{
	bool is_any = t->modifier == MODIFIER_NONE || t->modifier == MODIFIER_ANYOF || t->n_operands == 1;
	bool is_each = t->left->type == EXPR_FIELD && t->left->field->is_each;
	return t->left->class == CLASS_STR && t->left->type != EXPR_TEXT && is_any && !is_each && !t->right && !t->ancestor && t->op->id != OP_NE &&
	       t->n_operands > 0;
}

static bool walk_init(struct walk *w, const struct test *t, size_t i)
{
	w->demand = demand_of(t, i);
	stand_at(w, t->left);
	return walk_down(w);
}

/* The field that a side is made of in the end, whatever is asked of it; NULL: none in the table. */
static const char *root_of(const struct expr *side)
{
	struct walk w = { .demand = { .shape = SHAPE_NONE } };
	stand_at(&w, side);
	return side->type != EXPR_TEXT && walk_down(&w) ? w.field : NULL;
}

static bool texts_are_related(const struct test *a, const struct test *b)
{
	if (a->left->class != CLASS_STR || b->left->class != CLASS_STR)
		return false;
	const char *x = root_of(a->left), *y = x ? root_of(b->left) : NULL;
	return y && strcmp(x, y) == 0;
}

static bool texts_are_apart(const struct test *a, const struct test *b)
{
	struct room rooms[2]; /* 16 KiB: only for tests that are related */
	struct walk x = { .room = &rooms[0] }, y = { .room = &rooms[1] };
	rooms[0].used = rooms[1].used = 0;
	if (!is_read(a) || !is_read(b) || a->n_operands * b->n_operands > PAIRS_MAX)
		return false;
	for (size_t i = 0; i < a->n_operands; i++) {
		if (!walk_init(&x, a, i))
			return false;
		for (size_t k = 0; k < b->n_operands; k++)
			if (!walk_init(&y, b, k) || !demands_are_apart(x.demand, y.demand))
				return false;
	}
	return true;
}

/* --- families of addresses --------------------------------------------------------------------------------------------------------- */

static bool is_of_family(const struct operand *symbol, enum kind_id kind, const struct operand *address)
{
	uint64_t ipv4 = 0, ipv6 = 0;
	bool is_known = symbol_value(kind, SV("ipv4"), &ipv4) && symbol_value(kind, SV("ipv6"), &ipv6);
	return !is_known || symbol->u == (address->net.ip.family == FAMILY_IPV4 ? ipv4 : ipv6);
}

/* type: network.type is one of these; address: an address is in one of these networks. */
static bool families_are_related(const struct test *type, const struct test *address)
{
	bool is_related = false;
	if (type->left->type != EXPR_FIELD || address->left->type != EXPR_FIELD || type->left->class != CLASS_ENUM || address->left->class != CLASS_IP)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		is_related |= strcmp(families[i].field, type->left->field->name) == 0 && strcmp(families[i].address, address->left->field->name) == 0;
	return is_related;
}

static bool families_are_apart(const struct test *type, const struct test *address)
{
	bool is_plain = type->op->function == op_equal && type->op->id != OP_NE && address->op->function == op_equal && address->op->id != OP_NE;
	if (!is_plain || type->right || address->right || type->modifier == MODIFIER_ONEOF || address->modifier == MODIFIER_ONEOF)
		return false;
	for (size_t i = 0; i < type->n_operands; i++)
		for (size_t k = 0; k < address->n_operands; k++)
			if (address->operands[k].net.prefix == 0 || is_of_family(&type->operands[i], type->left->kind, &address->operands[k]))
				return false;
	return type->n_operands > 0 && address->n_operands > 0;
}

/* --- what a value says of another field ---------------------------------------------------------------------------------------------- */

static const struct given {
	const char *field, *value, *other;
	bool is;
	const char *text; /* NULL: it is a negative number, or is none */
} givens[] = {
#define GIVEN(field, value, other, is, text) { field, value, other, is, text },
#define SIGN(field, value, other, is) { field, value, other, is, NULL },
#include "engine/rules/relations.def"
};

/* "falco.NAME" is how our own rules call it. */
static bool is_named(const struct field_ref *field, const char *name)
{
	bool is_prefixed = strncmp(field->name, "falco.", strlen("falco.")) == 0;
	return strcmp(field->name + (is_prefixed ? strlen("falco.") : 0), name) == 0;
}

static bool is_about_fields(const struct given *g, const struct test *a, const struct test *b)
{
	bool are_fields = a->left->type == EXPR_FIELD && b->left->type == EXPR_FIELD;
	return are_fields && is_named(a->left->field, g->field) && is_named(b->left->field, g->other);
}

static bool are_given(const struct test *a, const struct test *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(givens); i++)
		if (is_about_fields(&givens[i], a, b))
			return true;
	return false;
}

/* Asks for this value alone. */
static bool asks_only_for(const struct test *t, const char *value)
{
	bool is_equality = t->op->function == op_equal && t->op->id != OP_NE && !t->right && t->modifier != MODIFIER_ONEOF && t->n_operands > 0;
	for (size_t i = 0; is_equality && i < t->n_operands; i++)
		is_equality = sv_is(t->operands[i].text, value);
	return is_equality;
}

/* No number that compares so with the operand has that sign. */
static bool is_sign_denied(const struct test *t, int64_t i, bool is_negative)
{
	switch (t->op->id) {
	case OP_EQ:
	case OP_EQ2:
	case OP_IN:
		return is_negative ? i >= 0 : i < 0;
	case OP_LT:
		return !is_negative && i <= 0;
	case OP_LE:
		return !is_negative && i < 0;
	case OP_GT:
		return is_negative && i >= -1;
	case OP_GE:
		return is_negative && i >= 0;
	default:
		return false;
	}
}

static bool are_signs_denied(const struct given *g, const struct test *t)
{
	bool is_plain = t->left->class == CLASS_SINT && !t->right && t->modifier == MODIFIER_NONE && t->n_operands > 0;
	for (size_t i = 0; is_plain && i < t->n_operands; i++)
		is_plain = is_sign_denied(t, t->operands[i].i, g->is);
	return is_plain;
}

/* None of the texts that the test asks for can be had. */
static bool is_denied(const struct given *g, const struct test *t)
{
	if (!g->text)
		return are_signs_denied(g, t);
	if (!g->is)
		return asks_only_for(t, g->text);
	const struct demand have = { .shape = SHAPE_WHOLE, .text = sv_from(g->text) };
	if (!is_read(t))
		return false;
	for (size_t i = 0; i < t->n_operands; i++)
		if (!demands_are_apart(have, demand_of(t, i)))
			return false;
	return true;
}

static bool givens_are_apart(const struct test *a, const struct test *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(givens); i++)
		if (is_about_fields(&givens[i], a, b) && asks_only_for(a, givens[i].value) && is_denied(&givens[i], b))
			return true;
	return false;
}

bool tests_are_related(const struct test *a, const struct test *b)
{
	return are_given(a, b) || are_given(b, a) || texts_are_related(a, b) || families_are_related(a, b) || families_are_related(b, a);
}

bool related_tests_are_apart(const struct test *a, const struct test *b)
{
	if (are_given(a, b) || are_given(b, a))
		return givens_are_apart(a, b) || givens_are_apart(b, a);
	if (a->left->class == CLASS_STR)
		return texts_are_apart(a, b);
	return a->left->class == CLASS_ENUM ? families_are_apart(a, b) : families_are_apart(b, a);
}
