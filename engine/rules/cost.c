/* SPDX-License-Identifier: Apache-2.0 */
/* What a rule costs, by the look of its condition. The engine's own plan says how it is really found; this says what an author can mend. */
#include "engine/rules/lint.h"
#include "engine/rules/op.h"
#include "engine/rules/set.h"

static unsigned test_units(const struct test *t)
{
	unsigned units = t->right ? 10 : t->op->form == OP_FORM_REGEX ? 20 : t->op->form == OP_FORM_GLOB || t->op->form == OP_FORM_PATH ? 4 :
			 t->op->function == op_contains || t->op->function == op_icontains ? 5 : t->op->function == op_equal ? 1 : 2;
	if (t->left->type == EXPR_CALL)
		units += 5;
	return units * (t->left->class == CLASS_LIST ? 4 : 1);
}

static unsigned condition_units(const struct condition *c)
{
	unsigned units = c->type == NODE_TEST ? test_units(c->test) : 0;
	for (size_t i = 0; i < c->n; i++)
		units += condition_units(c->children[i]);
	return units;
}

/* A run of three bytes or more that every match has. */
static bool has_literal(struct strview pattern)
{
	size_t run = 0, depth = 0;
	if (pattern.n && memchr(pattern.p, '|', pattern.n))
		return false;
	for (size_t i = 0; i < pattern.n; i++) {
		char c = pattern.p[i];
		bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '-' || c == ' ';
		depth += c == '(' || c == '[';
		depth -= (c == ')' || c == ']') && depth;
		bool is_optional = i + 1 < pattern.n && strchr("*?{", pattern.p[i + 1]);
		run = is_plain && depth == 0 && !is_optional ? run + 1 : 0;
		if (c == '\\')
			i++;
		if (run == 3)
			return true;
	}
	return false;
}

/* Why the test cannot be looked up, or NULL. */
static const char *no_key(const struct test *t)
{
	if (t->right)
		return "compares two fields";
	if (t->left->type == EXPR_CALL)
		return "changes the field before it compares";
	if (t->op->id == OP_NE || t->op->id == OP_EXISTS || t->left->class == CLASS_BOOL)
		return "tells apart too few events";
	for (size_t i = 0; t->op->form == OP_FORM_REGEX && i < t->n_operands; i++)
		if (!has_literal(t->operands[i].text))
			return "is a regular expression without a fixed text of three bytes";
	for (size_t i = 0; t->op->form == OP_FORM_GLOB && i < t->n_operands; i++)
		if (t->operands[i].text.n == 0 || strchr("*?[", t->operands[i].text.p[0]))
			return "is a pattern that begins with a wildcard";
	return NULL;
}

/* Why the part has no key, of which one at least holds when it does; NULL: it has. */
static const char *keyless(const struct condition *c)
{
	const char *why = "has only tests below 'not'";
	switch (c->type) {
	case NODE_CONST:
		return c->truth ? "holds always" : NULL;
	case NODE_TEST:
		return no_key(c->test);
	case NODE_NOT:
		return why;
	case NODE_AND:
		for (size_t i = 0; i < c->n; i++) {
			const char *one = keyless(c->children[i]);
			if (!one)
				return NULL;
			why = c->children[i]->type == NODE_NOT ? why : one;
		}
		return why;
	case NODE_OR:
		for (size_t i = 0; i < c->n; i++) {
			const char *one = keyless(c->children[i]);
			if (one)
				return one;
		}
		return NULL;
	}
	return why;
}

struct rule_cost rule_cost_estimate(const struct ruleset *set, uint32_t rule)
{
	const struct condition *c = set->rules[rule].condition;
	if (!c)
		return (struct rule_cost){ .reason = "" };
	const char *why = keyless(c);
	return (struct rule_cost){ .is_costly = why != NULL, .units = condition_units(c), .reason = why ? why : "" };
}
