/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at pairs of tests of one field that stand under one `and` or `or`. A test for given values answers for the other one: those
 * values are put to it. Errs to the side of silence.
 */
#include "engine/rules/lint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/json.h"
#include "engine/rules/contradict.h"
#include "engine/rules/computed.h"
#include "engine/rules/impossible.h"
#include "engine/rules/match.h"
#include "engine/rules/set.h"

enum {
	LITERALS_MAX = 256,
	TEXT_SHOWN = 100,
	FEW_COMPARISONS = 4096,     /* of two tests, one value with the other: not worth sorting */
	COMPARISONS_MAX = 1 << 20, /* beyond, nothing is said of the two */
};

/* A test under `not`s. */
struct literal {
	const struct condition *node;
	const struct test *test;
	bool is_negated;
	bool is_of_macro; /* written for many rules: that it adds nothing to one says little */
};

struct linter {
	const struct ruleset *set;
	const struct rule *rule;
	struct diag *diag;
	bool is_import; /* written for another program: only what can never hold is of interest */
};

/* --- reporting --------------------------------------------------------------------------------------------------------------- */

static void show(const struct condition *c, char text[static TEXT_SHOWN + 8])
{
	CLEANUP(buf_done) struct buf b = { 0 };
	condition_text(c, &b);
	size_t n = b.n > TEXT_SHOWN ? utf8_cut(b.p, TEXT_SHOWN) : b.n;
	if (n)
		memcpy(text, b.p, n);
	memcpy(text + n, b.n > n ? " ..." : "", b.n > n ? 5 : 1);
}

static void warn_pair(const struct linter *l, const struct condition *first, const struct condition *second, const char *what)
{
	char a[TEXT_SHOWN + 8], b[TEXT_SHOWN + 8];
	show(first, a);
	show(second, b);
	if (!diag_speaks_of(l->diag, second->at))
		diag_warn(l->diag, second->at, "rule '%s': '%s' %s '%s'", l->rule->info.id, b, what, a);
}

static void warn_test(const struct linter *l, const struct condition *c, const char *what)
{
	char text[TEXT_SHOWN + 8];
	show(c, text);
	if (!diag_speaks_of(l->diag, c->at))
		diag_warn(l->diag, c->at, "rule '%s': '%s' %s", l->rule->info.id, text, what);
}

/* --- what tests say of one another --------------------------------------------------------------------------------------------- */

static bool is_plain(const struct test *t)
{
	bool is_any = t->modifier == MODIFIER_NONE || t->modifier == MODIFIER_ANYOF;
	bool is_single = t->left->class != CLASS_LIST && t->left->class != CLASS_FLAGS && t->left->class != CLASS_IP;
	return t->left->type == EXPR_FIELD && is_single && !t->right && !t->ancestor && is_any && !t->left->field->is_each;
}

/* Names all values that satisfy it. */
static bool is_finite(const struct test *t)
{
	return is_plain(t) && t->op->function == op_equal && t->op->id != OP_NE && t->n_operands > 0;
}

static int by_text(const void *a, const void *b)
{
	const struct operand *const *x = a, *const *y = b;
	return sv_compare((*x)->text, (*y)->text);
}

static int by_number(const void *a, const void *b)
{
	const struct operand *const *x = a, *const *y = b;
	return ((*x)->u > (*y)->u) - ((*x)->u < (*y)->u);
}

static const struct operand **sorted(const struct test *t)
{
	const struct operand **p = calloc(t->n_operands, sizeof(const struct operand *));
	for (size_t i = 0; p && i < t->n_operands; i++)
		p[i] = &t->operands[i];
	if (p)
		qsort(p, t->n_operands, sizeof(const struct operand *), t->left->class == CLASS_STR ? by_text : by_number);
	return p;
}

/* The same as count_accepted of two tests that both name values, however many they are; false: no memory. */
static bool count_common(const struct test *t, const struct test *values, size_t *ret)
{
	int (*compare)(const void *, const void *) = t->left->class == CLASS_STR ? by_text : by_number;
	const struct operand **all = sorted(t);
	size_t n = 0;
	for (size_t i = 0; all && i < values->n_operands; i++) {
		const struct operand *one = &values->operands[i];
		n += bsearch(&one, all, t->n_operands, sizeof(const struct operand *), compare) != NULL;
	}
	bool is_done = all != NULL;
	free(all);
	*ret = n;
	return is_done;
}

/* How many of the values the other test accepts; false: too many for anyone to wait for. */
static bool count_accepted(const struct linter *l, const struct test *t, const struct test *values, size_t *ret)
{
	if (values->n_operands * t->n_operands > FEW_COMPARISONS && is_finite(t))
		return count_common(t, values, ret);
	if (values->n_operands * t->n_operands > COMPARISONS_MAX)
		return false;
	size_t n = 0;
	for (size_t i = 0; i < values->n_operands; i++)
		n += test_accepts(l->set->matcher, t, values, i);
	*ret = n;
	return true;
}

static bool is_upper(enum op_id id)
{
	return id == OP_LT || id == OP_LE;
}

static bool is_lower(enum op_id id)
{
	return id == OP_GT || id == OP_GE;
}

/* x > 5 and x < 3 */
static bool excludes(const struct test *low, const struct test *high)
{
	if (!is_lower(low->op->id) || !is_upper(high->op->id) || low->n_operands != 1 || high->n_operands != 1)
		return false;
	const struct operand *a = &low->operands[0], *b = &high->operands[0];
	bool is_signed = low->left->class == CLASS_SINT;
	bool is_above = is_signed ? a->i > b->i : a->u > b->u, is_equal = is_signed ? a->i == b->i : a->u == b->u;
	return is_above || (is_equal && (low->op->id == OP_GT || high->op->id == OP_LT));
}

static bool is_same_field(const struct test *a, const struct test *b)
{
	return is_plain(a) && is_plain(b) && a->left->field == b->left->field;
}

/* Both stand under one `and`. */
static void lint_both(const struct linter *l, const struct literal *a, const struct literal *b)
{
	if (!is_same_field(a->test, b->test))
		return;
	if (!a->is_negated && !b->is_negated && (excludes(a->test, b->test) || excludes(b->test, a->test))) {
		warn_pair(l, a->node, b->node, "can never hold together with");
		return;
	}
	const struct literal *values = is_finite(a->test) && !a->is_negated ? a : is_finite(b->test) && !b->is_negated ? b : NULL;
	if (!values)
		return;
	const struct literal *other = values == a ? b : a;
	size_t n;
	if (!count_accepted(l, other->test, values->test, &n))
		return;
	bool holds_for_none = other->is_negated ? n == values->test->n_operands : n == 0;
	bool holds_for_all = other->is_negated ? n == 0 : n == values->test->n_operands;
	if (holds_for_none)
		warn_pair(l, a->node, b->node, other->is_negated ? "always fails beside" : "can never hold together with");
	else if (holds_for_all && !l->is_import && !a->is_of_macro && !b->is_of_macro && other->test->op->id != OP_EXISTS)
		warn_pair(l, values->node, other->node, other->is_negated ? "can never hold, so its 'not' adds nothing, beside" : "always holds beside");
}

/* One of both suffices. */
static void lint_either(const struct linter *l, const struct literal *a, const struct literal *b)
{
	if (l->is_import || a->is_negated || b->is_negated || a->is_of_macro || b->is_of_macro || !is_same_field(a->test, b->test))
		return;
	const struct literal *values = is_finite(a->test) ? a : is_finite(b->test) ? b : NULL;
	const struct literal *other = values == a ? b : a;
	size_t n;
	if (values && other->test->op->id != OP_EXISTS && count_accepted(l, other->test, values->test, &n) && n == values->test->n_operands)
		warn_pair(l, other->node, values->node, "adds nothing: it is covered by");
}

/* --- groups -------------------------------------------------------------------------------------------------------------------- */

/* The tests that stand together, through nested groups of one sort. as: what is known from above. */
static size_t collect(const struct condition *c, enum node_type type, struct literal as, struct literal *all, size_t n)
{
	if (n == LITERALS_MAX)
		return n;
	if (c->type == NODE_TEST) {
		all[n] = (struct literal){ c, c->test, as.is_negated, as.is_of_macro || c->macro };
		return n + 1;
	}
	enum node_type here = !as.is_negated ? c->type : c->type == NODE_AND ? NODE_OR : c->type == NODE_OR ? NODE_AND : c->type;
	if (c->type != NODE_NOT && here != type)
		return n;
	as.is_negated = as.is_negated != (c->type == NODE_NOT);
	as.is_of_macro |= c->macro != NULL;
	for (size_t i = 0; i < c->n; i++)
		n = collect(c->children[i], type, as, all, n);
	return n;
}

static void lint_pairs(const struct linter *l, const struct condition *group, bool is_negated)
{
	struct literal all[LITERALS_MAX];
	bool is_and = (group->type == NODE_AND) != is_negated;
	size_t n = collect(group, is_and ? NODE_AND : NODE_OR, (struct literal){ .is_negated = is_negated }, all, 0);
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++) {
			if (is_and)
				lint_both(l, &all[i], &all[k]);
			else
				lint_either(l, &all[i], &all[k]);
		}
}

static uint64_t text_hash(const struct condition *c)
{
	CLEANUP(buf_done) struct buf b = { 0 };
	condition_text(c, &b);
	return sv_hash(buf_sv(&b));
}

/* `a or not a`, and with `and`. A `not` of one child is compared with the others. */
static void lint_contraries(const struct linter *l, const struct condition *group, const uint64_t *hashes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct condition *c = group->children[i];
		uint64_t hash = c->type == NODE_NOT ? text_hash(c->children[0]) : 0;
		for (size_t k = 0; k < n && c->type == NODE_NOT; k++)
			if (k != i && hashes[k] == hash)
				warn_pair(l, group->children[k], c, group->type == NODE_OR ? "makes the whole 'or' hold always, beside" : "always fails beside");
	}
}

static void lint_twins(const struct linter *l, const struct condition *group)
{
	uint64_t hashes[LITERALS_MAX];
	size_t n = MIN(group->n, (size_t)LITERALS_MAX);
	for (size_t i = 0; i < n && !l->is_import; i++) {
		hashes[i] = text_hash(group->children[i]);
		for (size_t k = 0; k < i; k++)
			if (hashes[k] == hashes[i])
				warn_test(l, group->children[i], "stands twice");
	}
	if (!l->is_import)
		lint_contraries(l, group, hashes, n);
	for (size_t i = 0; i < n && !l->is_import; i++) {
		const struct condition *c = group->children[i];
		if (c->type == NODE_CONST && c->truth == (group->type == NODE_OR))
			warn_test(l, c, group->type == NODE_OR ? "makes the whole 'or' hold always" : "makes the whole 'and' never hold (an empty list?)");
	}
}

/* --- values -------------------------------------------------------------------------------------------------------------------- */

static bool is_word(struct strview text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.", text.p[i]))
			return false;
	return true;
}

/* Compares with the whole value, or with its beginning. */
static bool is_from_start(const struct operator *op)
{
	return op->function == op_equal || op->function == op_iequal || op->function == op_starts || op->function == op_istarts || op->function == op_path;
}

/* Words are warned of when they are read: they may have been meant as the names of lists. */
static bool was_warned_of(const struct test *t, const struct operand *o)
{
	return t->left->type == EXPR_FIELD && field_holds_path(t->left->field->name) && is_from_start(t->op) && is_word(o->text);
}

/* --- what was meant otherwise, perhaps ------------------------------------------------------------------------------------------- */

static bool is_value_of_names(const struct test *t)
{
	const struct field_ref *field = t->left->type == EXPR_FIELD ? t->left->field : NULL;
	return field && (field_holds_path(field->name) || field->kind == KIND_COMM || sv_ends(sv_from(field->name), SV(".name")));
}

/* "/tmp/?*" where every byte stands for itself. */
static bool is_literal_pattern(const struct test *t, const struct operand *o)
{
	op_function *f = t->op->function;
	bool is_text = f == op_equal || f == op_iequal || f == op_starts || f == op_istarts || f == op_ends || f == op_iends || f == op_contains ||
		       f == op_icontains;
	return is_text && t->op->form == OP_FORM_OWN && t->left->class == CLASS_STR && is_value_of_names(t) && o->text.n && memchr(o->text.p, '*', o->text.n);
}

/* "sh,bash" as one value. */
static bool is_list_in_quotes(const struct test *t, const struct operand *o)
{
	bool is_whole = t->op->function == op_equal || t->op->function == op_iequal;
	if (!is_whole || t->left->class != CLASS_STR || !is_value_of_names(t) || o->text.n < 3 || !memchr(o->text.p + 1, ',', o->text.n - 2))
		return false;
	for (size_t i = 0; i < o->text.n; i++)
		if (o->text.p[i] != ',' && o->text.p[i] != ' ' && o->text.p[i] != '/' && !is_word((struct strview){ o->text.p + i, 1 }))
			return false;
	return true;
}

/* "^/etc/shadow" or "shadow$": an anchor at one end alone says that the pattern was meant to be looked for. */
static bool is_half_anchored(const struct test *t, const struct operand *o)
{
	size_t n = o->text.n;
	if (t->op->id != OP_REGEX || n < 3)
		return false;
	bool has_begin = o->text.p[0] == '^', has_end = o->text.p[n - 1] == '$' && o->text.p[n - 2] != '\\';
	if (has_begin == has_end)
		return false;
	char open_end = has_begin ? o->text.p[n - 1] : o->text.p[0];
	return !strchr(".*+?})]([|", open_end);
}

/* `file.name != process.name` compares with that word. */
static bool is_name_of_field(const struct test *t, const struct operand *o)
{
	if (t->op->form != OP_FORM_OWN || t->left->class == CLASS_UINT || !o->text.n || !memchr(o->text.p, '.', o->text.n) || !is_word(o->text))
		return false;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		if (type && field_find(type, o->text))
			return true;
	}
	for (size_t i = 0; computed_at(i); i++)
		if (sv_is(o->text, computed_at(i)->name))
			return true;
	return false;
}

static void lint_habits(const struct linter *l, const struct condition *c)
{
	const struct test *t = c->test;
	char quoted[80], what[256];
	for (size_t i = 0; i < t->n_operands; i++) {
		const struct operand *o = &t->operands[i];
		const char *why = is_literal_pattern(t, o) ? "'*' stands for itself here; 'glob' takes patterns" :
				  is_list_in_quotes(t, o)  ? "it is one value with a comma in it; several are written (a, b)" :
				  is_name_of_field(t, o)   ? "it is a text here, and the name of a field; val(...) stands for the field's value" :
				  is_half_anchored(t, o)   ? "'regex' matches the whole value; 'search' finds a part of it" :
							     NULL;
		if (!why || diag_speaks_of(l->diag, c->at))
			continue;
		snprintf(what, sizeof(what), "%s %s: %s", t->op->text, diag_quote(o->text, quoted, sizeof(quoted)), why);
		diag_warn(l->diag, c->at, "rule '%s': %s", l->rule->info.id, what);
	}
}

static void lint_values(const struct linter *l, const struct condition *c)
{
	const struct test *t = c->test;
	const char *name = t->left->type == EXPR_FIELD ? t->left->field->name : t->left->type == EXPR_CALL ? t->left->call->name : "";
	for (size_t i = 0; i < t->n_operands; i++) {
		const struct operand *o = &t->operands[i];
		const char *why = was_warned_of(t, o) ? NULL : operand_never_holds(t, o);
		char quoted[80];
		if (!why && !was_warned_of(t, o))
			why = operand_needs_name(t, o);
		if (why && !diag_speaks_of(l->diag, c->at))
			diag_warn(l->diag, c->at, "rule '%s': %s %s %s %s", l->rule->info.id, name, t->op->text, diag_quote(o->text, quoted, sizeof(quoted)), why);
	}
}

/* --- fields without a value ------------------------------------------------------------------------------------------------------ */

static bool asks_exists(const struct condition *c, const struct field_ref *field)
{
	if (c->type == NODE_TEST)
		return c->test->op->id == OP_EXISTS && c->test->left->type == EXPR_FIELD && c->test->left->field == field;
	for (size_t i = 0; i < c->n; i++)
		if (asks_exists(c->children[i], field))
			return true;
	return false;
}

/* Fields that most hosts or processes have no value for. */
static bool is_often_missing(const struct field_ref *field)
{
	static const char *const names[] = {
		"container.id", "container.image.name", "container.image.tag", "container.name", "container.runtime", "orchestrator.namespace",
		"orchestrator.resource.name", "process.tty.name",
	};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(field->name, names[i]) == 0)
			return true;
	return false;
}

static void lint_missing(const struct linter *l, const struct condition *c, bool is_negated)
{
	const struct test *t = c->test;
	if (!is_negated || l->is_import || t->left->type != EXPR_FIELD || t->left->field->compute || t->op->id == OP_EXISTS)
		return;
	const struct field_ref *field = t->left->field;
	uint64_t without = l->rule->info.events & ~field->events;
	if (asks_exists(l->rule->condition, field))
		return;
	char text[160];
	if (t->op->id == OP_NE)
		warn_test(l, c, "is below 'not', which holds also when the field has no value: write '=' without 'not', or ask 'exists' as well");
	else if (is_often_missing(field))
		warn_test(l, c, "is below 'not', which holds also when the field has no value: ask 'exists' as well, if that is not meant");
	else if (without && field->class != CLASS_BOOL) { /* "not created" means what it says, also of what is never created */
		snprintf(text, sizeof(text), "is below 'not', which always holds in %s: it has no such field; ask 'exists' as well, if that is not meant",
			 event_type_by_number((uint32_t)__builtin_ctzll(without))->name);
		warn_test(l, c, text);
	}
}

/* --- a rule ---------------------------------------------------------------------------------------------------------------------- */

/* parent: the group above, as it works below the `not`s; NODE_CONST: none. */
static void lint_node(const struct linter *l, const struct condition *c, bool is_negated, enum node_type parent)
{
	enum node_type works_as = !is_negated ? c->type : c->type == NODE_AND ? NODE_OR : c->type == NODE_OR ? NODE_AND : c->type;
	bool is_group = c->type == NODE_AND || c->type == NODE_OR;
	if (c->type == NODE_TEST) {
		lint_values(l, c);
		lint_habits(l, c);
		lint_missing(l, c, is_negated);
	}
	if (is_group)
		lint_twins(l, c);
	if (is_group && works_as != parent) /* else its tests were seen with those above */
		lint_pairs(l, c, is_negated);
	for (size_t i = 0; i < c->n; i++)
		lint_node(l, c->children[i], is_negated != (c->type == NODE_NOT), is_group ? works_as : parent);
}

void rule_lint(const struct ruleset *set, uint32_t rule, struct diag *diag)
{
	struct linter l = { .set = set, .rule = &set->rules[rule], .diag = diag, .is_import = set->rules[rule].info.format != NULL };
	if (l.rule->condition)
		lint_node(&l, l.rule->condition, false, NODE_CONST);
}

void ruleset_unused(const struct ruleset *set, struct diag *diag)
{
	for (const struct unused_name *u = set->n ? set->unused : NULL; u; u = u->next) /* a file of names alone is for others */
		diag_warn(diag, u->at, "%s '%s' is never used", u->what, u->name);
}
