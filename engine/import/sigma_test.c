/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Selections to conditions. A field's values are gathered by operator, so that a list of a thousand endings is one test. Text is
 * compared without regard to the case of ASCII letters; a field that is no text is compared by its own kind where the value can be
 * one, as text otherwise.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/import/sigma.h"
#include "engine/rules/impossible.h"
#include "engine/rules/op.h"

enum { GROUPS = 2, OF_FIELD = 0, OF_TEXT = 1 };

/* The tests of one field. */
struct gathering {
	struct sigma_scope *s;
	const struct sigma_item *item;
	const struct sigma_field *field;
	const struct expr *left[GROUPS];              /* the field, the field as text; NULL: not yet needed */
	struct value_list values[GROUPS][OP_COUNT];   /* owned */
	const struct condition **nodes;               /* owned; tests that stand for themselves */
	size_t n_nodes, size;
};

static void gathering_done(struct gathering *g)
{
	for (int group = 0; group < GROUPS; group++)
		for (int op = 0; op < OP_COUNT; op++)
			value_list_done(&g->values[group][op]);
	free(g->nodes);
}

static int refuse(struct gathering *g, struct place at, const char *why)
{
	char quoted[80];
	diag_error(g->s->c->diag, at, "field %s: %s", diag_quote(g->item->field, quoted, sizeof(quoted)), why);
	return -EINVAL;
}

static int add_node(struct gathering *g, const struct condition *node)
{
	struct compiler *c = g->s->c;
	if (!node)
		return c->no_memory ? -ENOMEM : -EINVAL;
	if (g->n_nodes == g->size) {
		size_t size = g->size ? 2 * g->size : 8;
		const struct condition **bigger = realloc(g->nodes, size * sizeof(const struct condition *));
		if (!bigger) {
			c->no_memory = true;
			return -ENOMEM;
		}
		g->nodes = bigger;
		g->size = size;
	}
	g->nodes[g->n_nodes++] = node;
	return 0;
}

static int add_value(struct gathering *g, int group, enum op_id op, struct strview text, struct place at)
{
	char quoted[80];
	if (g->values[group][op].n == TEST_MAX_VALUES) {
		diag_error(g->s->c->diag, at, "field %s: too many values (%d at most): make several selections of them", diag_quote(g->item->field, quoted, sizeof(quoted)),
			   TEST_MAX_VALUES);
		return -E2BIG;
	}
	return value_list_add(g->s->c, &g->values[group][op], (struct written_value){ .text = text, .at = at, .is_quoted = true });
}

/* --- left sides -------------------------------------------------------------------------------------------------------------- */

static const struct expr *expr_of_ref(struct sigma_scope *s, const struct field_ref *ref, struct place at)
{
	struct expr *x = arena_alloc(s->c->arena, sizeof(*x));
	if (!x) {
		s->c->no_memory = true;
		return NULL;
	}
	*x = (struct expr){ .type = EXPR_FIELD, .class = ref->class, .kind = ref->kind, .at = at, .field = ref };
	s->needs_outcome |= ref->needs_outcome;
	return x;
}

static bool is_text(enum value_class class)
{
	return class == CLASS_STR || class == CLASS_LIST;
}

/* text(x), or x itself where it is text. */
static const struct expr *expr_as_text(struct sigma_scope *s, const struct expr *x)
{
	if (!x || is_text(x->class))
		return x;
	const struct expr **args = arena_alloc(s->c->arena, sizeof(const struct expr *));
	if (!args) {
		s->c->no_memory = true;
		return NULL;
	}
	args[0] = x;
	return bind_call(s->c, &(struct expr){ .type = EXPR_CALL, .at = x->at, .call = transformer_find(SV("text")), .args = args, .n_args = 1 });
}

static const struct expr *left_of(struct gathering *g, int group)
{
	if (!g->left[OF_FIELD])
		g->left[OF_FIELD] = expr_of_ref(g->s, g->field->ref, g->item->at);
	if (group == OF_TEXT && !g->left[OF_TEXT])
		g->left[OF_TEXT] = expr_as_text(g->s, g->left[OF_FIELD]);
	return g->left[group];
}

static const struct condition *test_of(struct gathering *g, int group, enum op_id op, enum modifier modifier, const struct value_list *values)
{
	struct test_draft d = { .at = g->item->at, .op_at = g->item->at, .left = left_of(g, group), .op = operator_get(op), .modifier = modifier };
	if (!d.left)
		return NULL;
	if (values) {
		d.at = values->p[0].at;
		d.values = values->p;
		d.n = values->n;
	}
	return bind_test(g->s->c, &d);
}

static const struct condition *not_of(struct gathering *g, const struct condition *c)
{
	return c ? sigma_not(g->s->c, c, c->at) : NULL;
}

/* --- one value --------------------------------------------------------------------------------------------------------------- */

/* A text that the field's own kind can be, in the case its symbols are written in. */
static bool is_own_value(struct gathering *g, struct strview *text, struct place at)
{
	struct compiler *c = g->s->c;
	const struct expr *left = left_of(g, OF_FIELD);
	char *copies[2] = { arena_text(c->arena, *text), arena_text(c->arena, *text) };
	struct diag *diag = c->diag;
	bool is_good = false;
	if (!left || !copies[0] || !copies[1]) {
		c->no_memory = true;
		return false;
	}
	for (size_t i = 0; i < text->n; i++) {
		char byte = text->p[i];
		copies[0][i] = (char)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
		copies[1][i] = (char)(byte >= 'a' && byte <= 'z' ? byte - 32 : byte);
	}
	const struct strview forms[] = { *text, { copies[0], text->n }, { copies[1], text->n } };
	c->diag = NULL; /* only asked */
	for (size_t i = 0; i < ARRAY_SIZE(forms) && !is_good; i++) {
		struct operand unused;
		struct written_value v = { .text = forms[i], .at = at, .is_quoted = true };
		is_good = operand_read(c, left, operator_get(left->class == CLASS_FLAGS ? OP_INTERSECTS : OP_EQ), &v, &unused);
		if (is_good)
			*text = forms[i];
	}
	c->diag = diag;
	return is_good;
}

/* Why no value of the field compares so with a number that it could be by its kind: a port of 70000. NULL: some may. */
static const char *impossible(struct gathering *g, enum op_id op, struct strview text, struct place at)
{
	struct compiler *c = g->s->c;
	struct diag *diag = c->diag;
	const struct test t = { .left = left_of(g, OF_FIELD), .op = operator_get(op) };
	const struct written_value v = { .text = text, .at = at, .is_quoted = true };
	struct operand o;
	if (!t.left)
		return NULL;
	c->diag = NULL; /* only asked */
	bool is_good = operand_read(c, t.left, t.op, &v, &o);
	c->diag = diag;
	const char *why = is_good ? operand_never_holds(&t, &o) : NULL;
	return why ? why + strcspn(why, ":") + strspn(why + strcspn(why, ":"), ": ") : NULL;
}

/* A value that the field never has: told where it stands, and by the rule's class. */
static int lose_value(struct gathering *g, const struct yaml_node *value, const char *why)
{
	struct compiler *c = g->s->c;
	if (!diag_speaks_of(c->diag, value->at)) /* by another row of the mapping */
		diag_warn(c->diag, value->at, "%s: it never matches", why);
	struct lost_value *lost = arena_alloc(c->arena, sizeof(*lost));
	const char *copy = arena_text(c->arena, sv_from(why));
	if (!lost || !copy) {
		c->no_memory = true;
		return -ENOMEM;
	}
	*lost = (struct lost_value){ .at = value->at, .why = copy, .next = g->s->lost };
	g->s->lost = lost;
	return add_node(g, node_settled(c, false, value->at, copy));
}

static int add_pattern(struct gathering *g, const struct sigma_pattern *p, const struct yaml_node *value)
{
	if (p->op == OP_EXISTS)
		return add_node(g, test_of(g, OF_FIELD, OP_EXISTS, MODIFIER_NONE, NULL));
	enum value_class class = g->field->ref->class;
	if (is_text(class))
		return add_value(g, OF_FIELD, p->op, p->text, value->at);
	if (p->op != OP_EQ && p->op != OP_IEQUALS)
		return add_value(g, OF_TEXT, p->op, p->text, value->at);
	struct strview text = p->text;
	enum op_id op = class == CLASS_FLAGS ? OP_INTERSECTS : OP_EQ;
	bool is_own = is_own_value(g, &text, value->at);
	const char *why = is_own ? impossible(g, op, text, value->at) : kind_get(g->field->ref->kind)->doc;
	if (g->s->c->no_memory)
		return -ENOMEM;
	if (!why)
		return add_value(g, OF_FIELD, op, text, value->at);
	char quoted[80], reason[256];
	snprintf(reason, sizeof(reason), "%s is no value that %s can have (%s)", diag_quote(text, quoted, sizeof(quoted)), g->field->ref->name, why);
	return lose_value(g, value, reason);
}

static const struct condition *gathering_join(struct gathering *g, enum node_type type);

/* Several patterns for one value of a list of which all have to be there: one of them is enough for the value. */
static int add_alternatives(struct gathering *g, const struct sigma_patterns *patterns, const struct yaml_node *value)
{
	CLEANUP(gathering_done) struct gathering inner = { .s = g->s, .item = g->item, .field = g->field };
	inner.left[OF_FIELD] = g->left[OF_FIELD];
	inner.left[OF_TEXT] = g->left[OF_TEXT];
	for (size_t i = 0; i < patterns->n; i++) {
		int err = add_pattern(&inner, &patterns->p[i], value);
		if (err)
			return err;
	}
	return add_node(g, gathering_join(&inner, NODE_OR));
}

static int add_text_value(struct gathering *g, const struct yaml_node *value)
{
	CLEANUP(sigma_patterns_done) struct sigma_patterns patterns = { 0 };
	int err = sigma_patterns_read(g->s->c, g->item, value, &patterns);
	if (err)
		return err;
	if (patterns.n == 0) {
		char quoted[80];
		diag_error(g->s->c->diag, value->at, "%s is too short: nothing of it is certain in base64", diag_quote(value->text, quoted, sizeof(quoted)));
		return -EINVAL;
	}
	if (g->item->all && patterns.n > 1)
		return add_alternatives(g, &patterns, value);
	for (size_t i = 0; i < patterns.n && !err; i++)
		err = add_pattern(g, &patterns.p[i], value);
	return err;
}

static int add_comparison(struct gathering *g, const struct yaml_node *value)
{
	static const enum op_id ops[] = { [SIGMA_LT] = OP_LT, [SIGMA_LTE] = OP_LE, [SIGMA_GT] = OP_GT, [SIGMA_GTE] = OP_GE };
	if (g->field->target == SIGMA_NEVER)
		return add_node(g, test_of(g, OF_FIELD, OP_EXISTS, MODIFIER_NONE, NULL));
	if (!operator_fits(operator_get(ops[g->item->match]), g->field->ref->class))
		return refuse(g, g->item->at, "is no number, which lt, lte, gt and gte compare");
	const struct operator *op = operator_get(ops[g->item->match]);
	const char *why = impossible(g, op->id, value->text, value->at);
	if (g->s->c->no_memory)
		return -ENOMEM;
	if (!why)
		return add_value(g, OF_FIELD, op->id, value->text, value->at);
	char quoted[80], reason[256];
	snprintf(reason, sizeof(reason), "no %s is %s %s (%s)", g->field->ref->name, op->text, diag_quote(value->text, quoted, sizeof(quoted)), why);
	return lose_value(g, value, reason);
}

static int add_network(struct gathering *g, const struct yaml_node *value)
{
	if (g->field->target == SIGMA_NEVER)
		return add_node(g, test_of(g, OF_FIELD, OP_EXISTS, MODIFIER_NONE, NULL));
	if (g->field->ref->class != CLASS_IP)
		return refuse(g, g->item->at, "is no address, which cidr looks at");
	return add_value(g, OF_FIELD, OP_EQ, value->text, value->at);
}

static int add_existence(struct gathering *g, const struct yaml_node *value)
{
	bool wanted = false;
	if (yaml_bool(value, &wanted, g->s->c->diag))
		return -EINVAL;
	const struct condition *exists = test_of(g, OF_FIELD, OP_EXISTS, MODIFIER_NONE, NULL);
	return add_node(g, wanted ? exists : not_of(g, exists));
}

/* The value is the name of another field. */
static int add_reference(struct gathering *g, const struct yaml_node *value)
{
	static const enum op_id folding[] = { OP_IEQUALS, OP_ICONTAINS, OP_ISTARTSWITH, OP_IENDSWITH };
	static const enum op_id cased[] = { OP_EQ, OP_CONTAINS, OP_STARTSWITH, OP_ENDSWITH };
	struct sigma_scope *s = g->s;
	const struct sigma_field *other = sigma_row_field(s->c, s->row, value->text, value->at);
	if (!other)
		return -ENOMEM;
	if (other->target == SIGMA_CONSTANT)
		return refuse(g, value->at, "the other field is the same in all events: write its value");
	const struct expr *left = left_of(g, OF_FIELD), *right = expr_of_ref(s, other->ref, value->at);
	enum op_id op = (g->item->cased ? cased : folding)[g->item->match];
	if (left && right && !is_text(left->class) && left->class == right->class && left->kind == right->kind && g->item->match == SIGMA_EQUALS) {
		op = OP_EQ;
	} else {
		left = left_of(g, OF_TEXT);
		right = expr_as_text(s, right);
	}
	if (!left || !right)
		return s->c->no_memory ? -ENOMEM : -EINVAL;
	struct test_draft d = { .at = g->item->at, .op_at = g->item->at, .left = left, .op = operator_get(op), .right = right, .has_right = true };
	return add_node(g, bind_test(s->c, &d));
}

/* --- fields that are the same in all events -------------------------------------------------------------------------------------- */

static bool constant_matches(struct gathering *g, const struct sigma_pattern *p)
{
	if (p->op == OP_EXISTS)
		return true;
	const struct value v = { .class = CLASS_STR, .kind = KIND_STR, .s = g->field->constant };
	const struct operand o = { .text = p->text };
	return operator_get(p->op)->function(NULL, &v, &o); /* no operator over text but a regex needs scratch */
}

/* "Initiated is 'true' in all events of this kind"; NULL without memory, which the caller learns of anyway. */
static const char *constant_reason(struct gathering *g)
{
	char name[80], constant[80], why[256];
	snprintf(why, sizeof(why), "%s is %s in all events of this kind", diag_quote(g->field->name, name, sizeof(name)),
		 diag_quote(g->field->constant, constant, sizeof(constant)));
	return arena_text(g->s->c->arena, sv_from(why));
}

static int add_constant(struct gathering *g, const struct yaml_node *value)
{
	CLEANUP(sigma_patterns_done) struct sigma_patterns patterns = { 0 };
	bool holds = false;
	if (g->item->match == SIGMA_EXISTS) {
		if (yaml_bool(value, &holds, g->s->c->diag))
			return -EINVAL;
		return add_node(g, node_const(g->s->c, holds, value->at));
	}
	if (g->item->match > SIGMA_ENDSWITH || g->item->fieldref)
		return refuse(g, g->item->at, "is the same in all events of this kind: compare it with a text");
	int err = sigma_is_null(value) ? 0 : sigma_patterns_read(g->s->c, g->item, value, &patterns);
	for (size_t i = 0; i < patterns.n; i++)
		holds |= constant_matches(g, &patterns.p[i]);
	return err ? err : add_node(g, node_settled(g->s->c, holds, value->at, constant_reason(g)));
}

/* --- a field with all its values ---------------------------------------------------------------------------------------------- */

/* `null` asks for fields without a value, where nothing is asked of the value. `exists` says itself what it takes. */
static bool takes_null(const struct sigma_item *item)
{
	return item->match == SIGMA_EXISTS || (item->match == SIGMA_EQUALS && !item->fieldref && item->n_encodings == 0);
}

/* Nothing stands where a text, a number or a name has to. As a text it would be in every value. */
static int refuse_null(struct gathering *g, const struct yaml_node *value)
{
	struct diag *diag = g->s->c->diag;
	char field[80], quoted[80];
	bool is_word = g->item->field.n == 0;
	if (is_word && value->text.n == 0)
		diag_error(diag, value->at, "a word is missing here");
	else if (is_word)
		diag_error(diag, value->at, "%s is no word: put it in quotes if the text is meant", diag_quote(value->text, quoted, sizeof(quoted)));
	else if (value->text.n == 0)
		diag_error(diag, value->at, "field %s: the value is missing here", diag_quote(g->item->field, field, sizeof(field)));
	else
		diag_error(diag, value->at, "field %s: %s is no value here: put it in quotes if the text is meant; a field without a value is asked for without modifiers",
			   diag_quote(g->item->field, field, sizeof(field)), diag_quote(value->text, quoted, sizeof(quoted)));
	return -EINVAL;
}

/* Written so on purpose, in quotes: taken at its word, and hardly meant. */
static void warn_of_empty_text(struct gathering *g, const struct yaml_node *value)
{
	bool is_part = g->item->match == SIGMA_CONTAINS || g->item->match == SIGMA_STARTSWITH || g->item->match == SIGMA_ENDSWITH || g->item->match == SIGMA_RE;
	if (!is_part || value->text.n || g->item->fieldref || diag_speaks_of(g->s->c->diag, value->at))
		return;
	char field[80];
	if (g->item->field.n)
		diag_warn(g->s->c->diag, value->at, "field %s: an empty text is part of every value: this holds wherever there is one",
			  diag_quote(g->item->field, field, sizeof(field)));
	else
		diag_warn(g->s->c->diag, value->at, "an empty word is part of every text: this holds for every event");
}

static int add_scalar(struct gathering *g, const struct yaml_node *value)
{
	if (value->type != YAML_SCALAR) {
		diag_error(g->s->c->diag, value->at, "expected a value, found %s", yaml_type_name(value->type));
		return -EINVAL;
	}
	if (sigma_is_null(value) && !takes_null(g->item))
		return refuse_null(g, value);
	warn_of_empty_text(g, value);
	if (g->field->target == SIGMA_CONSTANT)
		return add_constant(g, value);
	if (sigma_is_null(value) && g->item->match == SIGMA_EQUALS)
		return add_node(g, not_of(g, test_of(g, OF_FIELD, OP_EXISTS, MODIFIER_NONE, NULL)));
	if (g->item->fieldref)
		return add_reference(g, value);
	switch (g->item->match) {
	case SIGMA_LT:
	case SIGMA_LTE:
	case SIGMA_GT:
	case SIGMA_GTE:
		return add_comparison(g, value);
	case SIGMA_CIDR:
		return add_network(g, value);
	case SIGMA_EXISTS:
		return add_existence(g, value);
	case SIGMA_EQUALS:
	case SIGMA_CONTAINS:
	case SIGMA_STARTSWITH:
	case SIGMA_ENDSWITH:
	case SIGMA_RE:
		break;
	}
	return add_text_value(g, value);
}

/* Several equal values of a text as one look-up; all else by anyof or allof. */
static int join_values(struct gathering *g, int group, enum op_id op, enum node_type type)
{
	const struct value_list *values = &g->values[group][op];
	if (values->n == 0)
		return 0; /* as always where the field is constant */
	const struct expr *left = left_of(g, group);
	if (!left)
		return -ENOMEM;
	bool is_set = operator_get(op)->values == OP_VALUES_SET;
	if (values->n == 1 || (is_set && type == NODE_OR))
		return add_node(g, test_of(g, group, op, MODIFIER_NONE, values));
	if (is_set) { /* flags of which all have to be there */
		for (size_t i = 0; i < values->n; i++) {
			const struct value_list one = { .p = &values->p[i], .n = 1 };
			int err = add_node(g, test_of(g, group, op, MODIFIER_NONE, &one));
			if (err)
				return err;
		}
		return 0;
	}
	if (type == NODE_OR && left->class != CLASS_LIST && (op == OP_IEQUALS || op == OP_EQ))
		return add_node(g, test_of(g, group, op == OP_EQ ? OP_IN : OP_IIN, MODIFIER_NONE, values));
	return add_node(g, test_of(g, group, op, type == NODE_OR ? MODIFIER_ANYOF : MODIFIER_ALLOF, values));
}

static const struct condition *gathering_join(struct gathering *g, enum node_type type)
{
	for (int group = 0; group < GROUPS; group++)
		for (int op = 0; op < OP_COUNT; op++)
			if (join_values(g, group, (enum op_id)op, type))
				return NULL;
	return sigma_group(g->s->c, type, g->nodes, g->n_nodes, g->nodes[0]->at);
}

static const struct condition *field_test(struct sigma_scope *s, const struct sigma_item *item, const struct sigma_field *field,
					  const struct yaml_node *values)
{
	CLEANUP(gathering_done) struct gathering g = { .s = s, .item = item, .field = field };
	const struct yaml_node *value = values->type == YAML_LIST ? values->first : values;
	int err = 0;
	for (; value && err != -ENOMEM && err != -E2BIG; value = values->type == YAML_LIST ? value->next : NULL)
		err = worse_of(err, add_scalar(&g, value));
	if (err) {
		s->c->no_memory |= err == -ENOMEM;
		return NULL;
	}
	const struct condition *c = gathering_join(&g, item->all ? NODE_AND : NODE_OR);
	if (!c || !item->neq || field->target == SIGMA_CONSTANT)
		return c && item->neq ? not_of(&g, c) : c;
	const struct condition *both[] = { test_of(&g, OF_FIELD, OP_EXISTS, MODIFIER_NONE, NULL), not_of(&g, c) };
	return both[0] && both[1] ? sigma_group(s->c, NODE_AND, both, 2, item->at) : NULL;
}

/* --- words ----------------------------------------------------------------------------------------------------------------------- */

/* Values that may stand in any of the row's texts. */
static const struct condition *word_test(struct sigma_scope *s, const struct sigma_item *item, const struct yaml_node *values)
{
	const struct condition *any[SIGMA_MAX_KEYWORD_FIELDS];
	for (size_t i = 0; i < s->row->n_keywords; i++) {
		const struct sigma_field field = { .name = sv_from(s->row->keywords[i]->name), .target = SIGMA_FIELD, .ref = s->row->keywords[i] };
		any[i] = field_test(s, item, &field, values);
		if (!any[i])
			return NULL;
	}
	return sigma_group(s->c, NODE_OR, any, s->row->n_keywords, values->at);
}

/* All of the words, each in a text of its own perhaps. */
static const struct condition *all_words_test(struct sigma_scope *s, const struct sigma_item *item, const struct yaml_node *values)
{
	const struct condition *all = NULL;
	const struct yaml_node *value = values->type == YAML_LIST ? values->first : values;
	for (; value; value = values->type == YAML_LIST ? value->next : NULL) {
		const struct condition *one = word_test(s, item, value), *both[] = { all, one };
		if (!one)
			return NULL;
		all = all ? sigma_group(s->c, NODE_AND, both, 2, values->at) : one;
		if (!all)
			return NULL;
	}
	return all;
}

static const struct condition *words_test(struct sigma_scope *s, const struct sigma_item *item, const struct yaml_node *values)
{
	if (s->row->n_keywords == 0) {
		diag_error(s->c->diag, values->at, "words without a field: the mapping of this log source names no 'keywords' fields to look in");
		return NULL;
	}
	return item->all ? all_words_test(s, item, values) : word_test(s, item, values);
}

/* --- selections ------------------------------------------------------------------------------------------------------------------- */

static const struct condition *item_test(struct sigma_scope *s, const struct yaml_node *key, const struct yaml_node *values)
{
	struct sigma_item item;
	if (sigma_item_read(s->c, key, &item))
		return NULL;
	if (values->type == YAML_MAP || (values->type == YAML_LIST && values->n == 0)) {
		diag_error(s->c->diag, values->at, "expected a value or a list of values, found %s", values->type == YAML_MAP ? "a map" : "an empty list");
		return NULL;
	}
	if (item.all && (values->type != YAML_LIST || values->n == 1))
		diag_warn(s->c->diag, key->at, "modifier 'all' over a single value says nothing");
	if (item.field.n == 0)
		return words_test(s, &item, values);
	const struct sigma_field *field = sigma_row_field(s->c, s->row, item.field, key->at);
	return field ? field_test(s, &item, field, values) : NULL;
}

static const struct condition *map_test(struct sigma_scope *s, const struct yaml_node *map)
{
	CLEANUP(gathering_done) struct gathering g = { .s = s };
	if (map->n == 0) {
		diag_error(s->c->diag, map->at, "the selection is empty");
		return NULL;
	}
	int err = 0;
	for (const struct yaml_node *k = map->first; k && err != -ENOMEM; k = k->next->next)
		err = worse_of(err, add_node(&g, item_test(s, k, k->next)));
	return err ? NULL : sigma_group(s->c, NODE_AND, g.nodes, g.n_nodes, map->at);
}

const struct condition *sigma_selection_build(struct sigma_scope *s, const struct yaml_node *node)
{
	const struct sigma_item words = { .at = node->at, .match = SIGMA_CONTAINS };
	if (node->type == YAML_MAP)
		return map_test(s, node);
	if (node->type == YAML_SCALAR && sigma_is_null(node)) {
		diag_error(s->c->diag, node->at, "the selection is empty (are its fields indented below it?)");
		return NULL;
	}
	if (node->type == YAML_SCALAR)
		return words_test(s, &words, node);
	if (node->n == 0) {
		diag_error(s->c->diag, node->at, "the selection is empty");
		return NULL;
	}
	size_t n_words = 0;
	for (const struct yaml_node *item = node->first; item; item = item->next)
		n_words += item->type == YAML_SCALAR;
	if (n_words == node->n)
		return words_test(s, &words, node);
	CLEANUP(gathering_done) struct gathering g = { .s = s };
	int err = 0;
	for (const struct yaml_node *item = node->first; item && err != -ENOMEM; item = item->next) {
		if (item->type == YAML_LIST) {
			diag_error(s->c->diag, item->at, "expected a map of fields or a word, found a list");
			err = worse_of(err, -EINVAL);
			continue;
		}
		err = worse_of(err, add_node(&g, item->type == YAML_MAP ? map_test(s, item) : words_test(s, &words, item)));
	}
	return err ? NULL : sigma_group(s->c, NODE_OR, g.nodes, g.n_nodes, node->at);
}
