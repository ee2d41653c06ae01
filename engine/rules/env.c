/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/rules/env.h"

#include <errno.h>

#include "engine/rules/computed_functions.h"
#include "engine/rules/match.h"
#include "engine/rules/op.h"
#include "engine/rules/set.h"

/* --- names ----------------------------------------------------------------------------------------------------------------- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The variable's name at the begin of a text; empty: it names none, or is only a part of one. */
static struct strview name_of(struct strview text)
{
	size_t n = 0;
	while (n < text.n && (is_letter(text.p[n]) || (n && text.p[n] >= '0' && text.p[n] <= '9')))
		n++;
	if (n < text.n && text.p[n] != '=')
		n = 0;
	return (struct strview){ text.p, n > ENV_NAME_BYTES ? 0 : n };
}

static int add_name(struct ruleset *set, struct strview name)
{
	for (size_t i = 0; i < set->n_env; i++)
		if (sv_is(name, set->env_names[i]))
			return 0;
	if (set->n_env == ENV_RULE_NAMES_MAX) {
		set->n_env_left_out++;
		return 0;
	}
	set->env_names[set->n_env] = arena_text(&set->arena, name);
	set->n_env += set->env_names[set->n_env] != NULL;
	return set->env_names[set->n_env ? set->n_env - 1 : 0] ? 0 : -ENOMEM;
}

static char to_case(char c, bool is_upper)
{
	if (is_upper)
		return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int add_cases(struct ruleset *set, struct strview name)
{
	int err = add_name(set, name);
	for (int is_upper = 1; !err && is_upper >= 0; is_upper--) {
		char text[ENV_NAME_BYTES];
		for (size_t i = 0; i < name.n; i++)
			text[i] = to_case(name.p[i], is_upper);
		err = add_name(set, (struct strview){ text, name.n });
	}
	return err;
}

/* --- conditions ------------------------------------------------------------------------------------------------------------ */

/* The field below transformers that change letters or take pieces; NULL: none. */
static const struct field_ref *field_below(const struct expr *e)
{
	for (int depth = 0; e && e->type == EXPR_CALL && depth < EXPR_MAX_DEPTH; depth++)
		e = e->n_args ? e->args[0] : NULL;
	return e && e->type == EXPR_FIELD ? e->field : NULL;
}

static bool is_all_variables(const struct field_ref *f)
{
	bool is_argument = f->compute == event_arg && sv_is(f->argument, "env");
	return f->compute == process_env || is_argument || strcmp(f->name, "process.env_vars") == 0;
}

static int add_test(struct ruleset *set, const struct test *t)
{
	const struct field_ref *f = field_below(t->left);
	if (!f)
		return 0;
	if (f->compute == process_env_of)
		return f->argument.n <= ENV_NAME_BYTES ? add_name(set, f->argument) : 0;
	op_function *compare = t->op->function;
	if (!is_all_variables(f) || t->op->form == OP_FORM_HEX)
		return 0;
	bool is_either = t->left->type == EXPR_CALL || compare == op_icontains || compare == op_istarts || compare == op_iequal || compare == op_iglob;
	int err = 0;
	for (size_t i = 0; !err && i < t->n_operands; i++) {
		struct strview name = name_of(t->operands[i].text);
		if (name.n)
			err = is_either ? add_cases(set, name) : add_name(set, name);
	}
	return err;
}

/* As deep as conditions are: CONDITION_MAX_DEPTH. */
static int add_condition(struct ruleset *set, const struct condition *c)
{
	int err = 0;
	if (c->type == NODE_TEST)
		return add_test(set, c->test);
	for (size_t i = 0; !err && i < c->n; i++)
		err = add_condition(set, c->children[i]);
	return err;
}

int env_names_collect(struct ruleset *set)
{
	int err = 0;
	for (size_t i = 0; !err && i < set->n; i++) {
		const struct rule *rule = &set->rules[i];
		if (rule->info.is_enabled && !rule->stateful && rule->condition && (rule->info.events >> EVENT_PROC_EXEC & 1))
			err = add_condition(set, rule->condition);
	}
	return err;
}

const char *const *ruleset_env_names(const struct ruleset *set, size_t *ret_n, size_t *ret_left_out)
{
	*ret_n = set->n_env;
	*ret_left_out = set->n_env_left_out;
	return set->env_names;
}
