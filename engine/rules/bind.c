/* SPDX-License-Identifier: Apache-2.0 */
/* Sides and tests from what was written: types checked, tree nodes made. Reports semantic faults; the caller goes on. */
#include <errno.h>
#include <stdio.h>

#include "engine/rules/compile.h"
#include "engine/rules/coverage.h"
#include "engine/rules/op.h"

/* --- the compiler ---------------------------------------------------------------------------------------------------------- */

static void add_names(struct compiler *c, const struct field *fields, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t k = 0;
		while (k < c->n_field_names && strcmp(c->field_names[k], fields[i].name) != 0)
			k++;
		if (k == c->n_field_names && fields[i].name[0])
			c->field_names[c->n_field_names++] = fields[i].name;
	}
}

int compiler_init(struct compiler *c, struct arena *arena, struct regex_list *regexes, struct diag *diag)
{
	*c = (struct compiler){ .arena = arena, .regexes = regexes, .diag = diag };
	size_t n_common, n_derived, n = 0;
	const struct field *common = fields_common(&n_common), *derived = fields_derived(&n_derived);
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		n += event_type_by_number(i) ? event_type_by_number(i)->n_fields : 0;
	c->field_names = arena_alloc(arena, (n + n_common + n_derived) * sizeof(*c->field_names));
	if (!c->field_names)
		return -ENOMEM;
	add_names(c, common, n_common);
	add_names(c, derived, n_derived);
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		if (event_type_by_number(i))
			add_names(c, event_type_by_number(i)->fields, event_type_by_number(i)->n_fields);
	return 0;
}

void compiler_done(struct compiler *c)
{
	strmap_done(&c->lists);
	strmap_done(&c->macros);
	strmap_done(&c->imported_lists);
	strmap_done(&c->imported_macros);
	strmap_done(&c->fields);
	strmap_done(&c->computed);
}

/* --- sides ------------------------------------------------------------------------------------------------------------------- */

const struct expr *bind_field(struct compiler *c, struct strview name, struct place at)
{
	const struct field_ref *ref = field_resolve(c, name, at);
	struct expr *x = ref ? arena_alloc(c->arena, sizeof(*x)) : NULL;
	if (!x) {
		c->no_memory |= ref != NULL;
		return NULL;
	}
	*x = (struct expr){ .type = EXPR_FIELD, .class = ref->class, .kind = ref->kind, .at = at, .field = ref };
	return x;
}

static bool refuse_call(struct compiler *c, const struct expr *x, const char *why)
{
	diag_error(c->diag, x->at, "%s() %s", x->call->name, why);
	return false;
}

static bool check_call(struct compiler *c, const struct expr *x)
{
	bool is_join = strcmp(x->call->name, "join") == 0, is_getopt = strcmp(x->call->name, "getopt") == 0;
	bool takes_texts = is_join || is_getopt || strcmp(x->call->name, "concat") == 0;
	bool takes_lists = strcmp(x->call->name, "concat") != 0, takes_all = strcmp(x->call->name, "text") == 0;
	if (x->n_args < x->call->min_args || x->n_args > x->call->max_args) {
		diag_error(c->diag, x->at, "%s() takes %zu to %zu arguments, here are %zu", x->call->name, x->call->min_args, x->call->max_args, x->n_args);
		return false;
	}
	for (size_t i = 0; i < x->n_args; i++) {
		const struct expr *arg = x->args[i];
		if (arg->class != CLASS_STR && !(arg->class == CLASS_LIST && takes_lists) && !takes_all)
			return refuse_call(c, x, takes_lists ? "takes text and lists of text" : "takes text");
		if (arg->type == EXPR_TEXT && !takes_texts)
			return refuse_call(c, x, "takes a field, not a text in quotes");
	}
	if (is_join && x->args[0]->type != EXPR_TEXT)
		return refuse_call(c, x, "takes a quoted text first, to stand in between");
	if (is_getopt && (x->args[0]->class != CLASS_LIST || x->args[1]->type != EXPR_TEXT))
		return refuse_call(c, x, "takes a list of arguments and a quoted option string: getopt(process.args, \"ab:\")");
	if (x->text.p && (!is_getopt || x->text.n != 1))
		return refuse_call(c, x, is_getopt ? "takes one letter in brackets: getopt[b](...)" : "takes nothing in brackets");
	return true;
}

const struct expr *bind_call(struct compiler *c, const struct expr *call)
{
	if (!check_call(c, call))
		return NULL;
	struct expr *x = arena_alloc(c->arena, sizeof(*x));
	if (!x) {
		c->no_memory = true;
		return NULL;
	}
	*x = *call;
	switch (call->call->result) {
	case TRANSFORM_UINT:
		x->class = CLASS_UINT;
		x->kind = KIND_U64;
		break;
	case TRANSFORM_STR:
		x->class = CLASS_STR;
		x->kind = KIND_STR;
		break;
	case TRANSFORM_LIST:
		x->class = CLASS_LIST;
		x->kind = KIND_LIST;
		break;
	case TRANSFORM_SAME:
		x->class = call->args[0]->class;
		x->kind = x->class == CLASS_LIST ? KIND_LIST : KIND_STR;
		break;
	}
	return x;
}

/* --- tests ----------------------------------------------------------------------------------------------------------------- */

static const char *side_name(const struct expr *x)
{
	return x->type == EXPR_FIELD ? x->field->name : x->type == EXPR_CALL ? x->call->name : "text";
}

static void refuse_operator(struct compiler *c, const struct test_draft *d)
{
	char fitting[200] = "";
	size_t n = 0;
	for (int i = 0; i < OP_COUNT; i++)
		if (operator_fits(operator_get((enum op_id)i), d->left->class) && n + 16 < sizeof(fitting))
			n += (size_t)snprintf(fitting + n, sizeof(fitting) - n, " %s", operator_get((enum op_id)i)->text);
	diag_error(c->diag, d->op_at, "operator '%s' does not fit %s, which is %s; there are%s", d->op->text, side_name(d->left),
		   kind_get(d->left->kind)->doc, fitting);
}

/* Items of a list are text. */
static enum value_class item_class(const struct expr *x)
{
	return x->class == CLASS_LIST ? CLASS_STR : x->class;
}

static bool check_right(struct compiler *c, const struct test_draft *d)
{
	if (!d->right)
		return false; /* reported */
	if (d->op->form == OP_FORM_REGEX || d->op->form == OP_FORM_PATH) { /* patterns and bytes of the event are taken as they are */
		diag_error(c->diag, d->right->at, "'%s' takes no field on its right side", d->op->text);
		return false;
	}
	bool is_same = item_class(d->left) == item_class(d->right);
	if (d->left->class == CLASS_ENUM || d->left->class == CLASS_FLAGS)
		is_same = d->left->kind == d->right->kind;
	if (!is_same)
		diag_error(c->diag, d->right->at, "%s is %s and cannot be compared with %s, which is %s", side_name(d->left),
			   kind_get(d->left->kind)->doc, side_name(d->right), kind_get(d->right->kind)->doc);
	return is_same;
}

static bool is_word(struct strview text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '.')
			return false;
	}
	return text.n > 0;
}

/* A word without quotes where the name of a list was meant, perhaps: as a text it would be compared in silence and never match. */
static void warn_of_word(struct compiler *c, const struct test_draft *d, const struct written_value *v)
{
	bool is_set = d->op->values == OP_VALUES_SET || d->modifier != MODIFIER_NONE;
	bool is_whole = d->op->form == OP_FORM_PATH || d->op->function == op_equal || d->op->function == op_starts ||
			d->op->function == op_iequal || d->op->function == op_istarts;
	bool is_text = d->left->type == EXPR_FIELD && (d->left->class == CLASS_STR || d->left->class == CLASS_LIST) && d->op->form != OP_FORM_HEX;
	if (v->is_quoted || !is_text || !is_whole || !is_word(v->text))
		return;
	char word[80];
	diag_quote(v->text, word, sizeof(word));
	const char *field = d->left->field->name;
	if (!field_holds_path(field)) {
		const char *near = is_set ? list_very_near(v->text, c->list_names, c->n_list_names) : NULL;
		if (near)
			diag_warn(c->diag, v->at, "%s is no list (did you mean '%s'?); put the word in quotes if it is meant as a text", word, near);
		return;
	}
	const char *near = diag_suggest(v->text, c->list_names, c->n_list_names);
	if (!is_set && strmap_get(&c->lists, v->text))
		diag_warn(c->diag, v->at, "%s is a list, which '%s' does not look into: use 'in' or '%s anyof'", word, d->op->text, d->op->text);
	else if (near)
		diag_warn(c->diag, v->at, "%s is no list (did you mean '%s'?) and no absolute path, which %s holds", word, near, field);
	else
		diag_warn(c->diag, v->at, "%s is no list and no absolute path, which %s holds", word, field);
}

static bool fill_operands(struct compiler *c, const struct test_draft *d, struct test *t)
{
	struct operand *operands = arena_alloc(c->arena, d->n * sizeof(*operands));
	if (!operands) {
		c->no_memory = true;
		return false;
	}
	bool is_good = true;
	for (size_t i = 0; i < d->n; i++) {
		if (!operand_read(c, d->left, d->op, &d->values[i], &operands[i])) {
			is_good = false;
			continue;
		}
		if (d->op->form != OP_FORM_HEX && d->values[i].text.n) {
			operands[i].text.p = arena_text(c->arena, d->values[i].text);
			c->no_memory |= !operands[i].text.p;
		}
		warn_of_word(c, d, &d->values[i]);
		if (d->left->class == CLASS_FLAGS)
			t->mask |= operands[i].u;
	}
	t->operands = operands;
	t->n_operands = d->n;
	return is_good && !c->no_memory;
}

static struct condition *node_new(struct compiler *c, enum node_type type, struct place at)
{
	struct condition *node = arena_alloc(c->arena, sizeof(*node));
	if (!node) {
		c->no_memory = true;
		return NULL;
	}
	*node = (struct condition){ .type = type, .at = { c->file ? c->file : at.file, at.line, at.column }, .depth = 1, .weight = 1 };
	return node;
}

/* The items of the list are processes, and the test is about each of them. name: the field as written; NULL: ancestor(). */
static void ask_each(struct test *t, const char *name)
{
	const char *list = t->left->field->name;
	if (!name)
		name = list && strcmp(list, "vedette.ancestors.name") == 0 ? "process.name" : "process.executable";
	t->ancestor = name;
	if (t->op->id == OP_IN)
		t->op = operator_get(OP_INTERSECTS); /* some creator is one of them */
	if (t->op->id == OP_IIN) { /* there is no folding form of intersects */
		t->op = operator_get(OP_IEQUALS);
		t->modifier = MODIFIER_ANYOF;
	}
}

const struct condition *bind_test(struct compiler *c, const struct test_draft *d)
{
	if (!d->left)
		return c->no_memory ? NULL : node_const(c, false, d->at);
	if (!operator_fits(d->op, d->left->class)) {
		refuse_operator(c, d);
		return node_const(c, false, d->at);
	}
	struct test *t = arena_alloc(c->arena, sizeof(*t));
	if (!t) {
		c->no_memory = true;
		return NULL;
	}
	*t = (struct test){ .left = d->left, .op = d->op, .modifier = d->modifier, .right = d->right };
	bool is_each = d->left->type == EXPR_FIELD && d->left->field->is_each;
	if (is_each || d->is_ancestor)
		ask_each(t, is_each ? d->left->field->name : NULL);
	if (d->has_right ? !check_right(c, d) : !fill_operands(c, d, t))
		return c->no_memory ? NULL : node_const(c, false, d->at);
	bool is_empty = d->op->values != OP_VALUES_NONE && !d->has_right && d->n == 0;
	if (is_empty)
		return node_const(c, false, d->at); /* in () never holds */
	t->can_hold = coverage_test_events(t);
	struct condition *node = node_new(c, NODE_TEST, d->at);
	if (node)
		node->test = t;
	return node;
}

/* --- nodes ----------------------------------------------------------------------------------------------------------------- */

const struct condition *node_settled(struct compiler *c, bool truth, struct place at, const char *why)
{
	struct condition *node = node_new(c, NODE_CONST, at);
	if (node) {
		node->truth = truth;
		node->why = why;
	}
	return node;
}

const struct condition *node_const(struct compiler *c, bool truth, struct place at)
{
	return node_settled(c, truth, at, NULL);
}

static const struct condition *check_size(struct compiler *c, const struct condition *node)
{
	if (node->depth > CONDITION_MAX_DEPTH) {
		diag_error(c->diag, node->at, "nested too deep (%d levels at most, macros included)", CONDITION_MAX_DEPTH);
		return NULL;
	}
	if (node->weight > CONDITION_MAX_NODES) {
		diag_error(c->diag, node->at, "too large: %d tests at most, those of macros counted at each use", CONDITION_MAX_NODES);
		return NULL;
	}
	return node;
}

static const struct condition *node_with(struct compiler *c, enum node_type type, const struct condition *const *children, size_t n,
					 struct place at)
{
	struct condition *node = node_new(c, type, at);
	const struct condition **copy = arena_alloc(c->arena, n * sizeof(const struct condition *));
	if (!node || !copy) {
		c->no_memory = true;
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		copy[i] = children[i];
		node->depth = MAX(node->depth, children[i]->depth + 1);
		node->weight = MIN(node->weight + children[i]->weight, (unsigned)CONDITION_MAX_NODES + 1);
	}
	node->children = copy;
	node->n = n;
	return check_size(c, node);
}

const struct condition *node_not(struct compiler *c, const struct condition *child, struct place at)
{
	return node_with(c, NODE_NOT, &child, 1, at);
}

const struct condition *node_group(struct compiler *c, enum node_type type, const struct condition *const *children, size_t n,
				   struct place at)
{
	return n == 1 ? children[0] : node_with(c, type, children, n, at);
}
