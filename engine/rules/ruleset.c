/* SPDX-License-Identifier: Apache-2.0 */
/* A loaded set as others see it: its rules, its evaluation, its conditions. */
#include "engine/rules/ruleset.h"

#include <stdlib.h>

#include "engine/base/clock.h"
#include "engine/base/yaml.h"
#include "engine/rules/match.h"
#include "engine/rules/set.h"

void ruleset_free(struct ruleset **set)
{
	if (!*set)
		return;
	regex_list_done(&(*set)->regexes);
	matcher_free(&(*set)->matcher);
	arena_done(&(*set)->arena);
	free(*set);
	*set = NULL;
}

size_t ruleset_count(const struct ruleset *set)
{
	return set->n;
}

size_t ruleset_rules(const struct ruleset *set)
{
	size_t n = 0;
	for (size_t i = 0; i < set->n; i++)
		n += !set->rules[i].info.is_step;
	return n;
}

const struct rule_info *ruleset_owner(const struct ruleset *set, size_t index)
{
	const struct rule *rule = &set->rules[index];
	if (!rule->info.is_step || !set->first_feed || set->first_feed[index] == set->first_feed[index + 1])
		return &rule->info;
	return &set->rules[set->stateful[set->feeds[set->first_feed[index]].stateful]->rule].info;
}

size_t ruleset_files(const struct ruleset *set)
{
	return set->n_files;
}

const struct rule_info *ruleset_get(const struct ruleset *set, size_t index)
{
	return &set->rules[index].info;
}

uint64_t ruleset_events(const struct ruleset *set)
{
	return set->events;
}

bool ruleset_asks_hash(const struct ruleset *set)
{
	return set->asks_hash;
}

uint64_t ruleset_outcome_events(const struct ruleset *set)
{
	return set->outcome_events;
}

const char *ruleset_digest(const struct ruleset *set)
{
	return set->digest;
}

void matches_add(struct matches *m, uint32_t rule)
{
	if (m->n < RULES_MAX_MATCHES)
		m->rule[m->n++] = rule;
	else
		m->not_kept++;
}

void matches_add_undecided(struct matches *m, uint32_t rule)
{
	if (m->n_undecided < RULES_MAX_MATCHES)
		m->undecided[m->n_undecided++] = rule;
	else
		m->undecided_not_kept++;
}

static bool same_list(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b)
{
	return n_a == n_b && (n_a == 0 || memcmp(a, b, n_a * sizeof(*a)) == 0);
}

bool matches_equal(const struct matches *a, const struct matches *b)
{
	return same_list(a->rule, a->n, b->rule, b->n) && same_list(a->undecided, a->n_undecided, b->undecided, b->n_undecided) &&
	       a->not_kept == b->not_kept && a->undecided_not_kept == b->undecided_not_kept;
}

static void warn_expired(const struct rule *rule, const struct rule_exception *e, struct diag *diag)
{
	char name[120], owner[120];
	CLEANUP(buf_done) struct buf day = { 0 };
	clock_add_rfc3339(&day, e->expires_ns - 1);
	diag_warn(diag, e->at, "exception %s of rule '%s' has expired: its last day was %.10s%s%s; renew or remove it",
		  diag_quote(sv_from(e->name), name, sizeof(name)), rule->info.id, buf_cstr(&day), e->owner[0] ? ", its owner is " : "",
		  e->owner[0] ? diag_quote(sv_from(e->owner), owner, sizeof(owner)) : "");
}

size_t ruleset_expired(const struct ruleset *set, uint64_t after_ns, uint64_t until_ns, struct diag *diag)
{
	size_t n = 0;
	for (size_t i = 0; i < set->n; i++) {
		const struct rule *rule = &set->rules[i];
		for (size_t k = 0; k < rule->n_exceptions; k++) {
			const struct rule_exception *e = &rule->exceptions[k];
			if (!e->expires_ns || e->expires_ns <= after_ns || e->expires_ns > until_ns)
				continue;
			warn_expired(rule, e, diag);
			n++;
		}
	}
	return n;
}

void ruleset_evaluate(const struct ruleset *set, const struct event *ev, struct matches *ret)
{
	uint32_t number = ev->type->number;
	ret->n = ret->not_kept = 0;
	ret->n_undecided = ret->undecided_not_kept = 0;
	for (size_t i = 0; i < set->n_by_event[number]; i++) {
		uint32_t index = set->by_event[number][i];
		enum truth truth = condition_holds(set->rules[index].condition, ev, set->matcher);
		if (truth == TRUTH_TRUE)
			matches_add(ret, index);
		else if (truth == TRUTH_UNDECIDED)
			matches_add_undecided(ret, index);
	}
}

bool ruleset_may_hold(const struct ruleset *set, uint32_t rule, const struct event *ev)
{
	if (!(set->rules[rule].info.events >> ev->type->number & 1))
		return false;
	return condition_holds(set->rules[rule].condition, ev, set->matcher) != TRUTH_FALSE;
}

/* --- conditions as trees --------------------------------------------------------------------------------------------------- */

const struct condition *ruleset_condition(const struct ruleset *set, uint32_t rule)
{
	return set->rules[rule].condition;
}

enum node_type condition_type(const struct condition *c)
{
	return c->type;
}

size_t condition_children(const struct condition *c)
{
	return c->n;
}

const struct condition *condition_child(const struct condition *c, size_t i)
{
	return c->children[i];
}

const char *condition_field(const struct condition *c)
{
	const struct test *t = c->test;
	bool is_plain = t && t->left->type == EXPR_FIELD && !t->right && t->modifier == MODIFIER_NONE;
	return is_plain ? t->left->field->name : "";
}

const char *condition_operator(const struct condition *c)
{
	if (!c->test)
		return "";
	return c->test->op->id == OP_EQ2 ? "=" : c->test->op->text;
}

size_t condition_values(const struct condition *c)
{
	return c->test ? c->test->n_operands : 0;
}

struct strview condition_value(const struct condition *c, size_t i)
{
	return c->test->operands[i].text;
}

bool condition_truth(const struct condition *c)
{
	return c->truth;
}

struct place condition_place(const struct condition *c)
{
	return c->at;
}

const char *condition_macro(const struct condition *c)
{
	return c->macro;
}

/* --- conditions as text ---------------------------------------------------------------------------------------------------- */

/* A text to be loaded again must not be taken for a word of the language or, whatever lists there will be, the name of one. */
enum text_use { TEXT_TO_READ, TEXT_TO_LOAD };

static bool may_be_name(struct strview text)
{
	bool is_plain = text.n && (text.p[0] == '/' || (text.p[0] >= '0' && text.p[0] <= '9'));
	return !is_plain && !sv_is(text, "true") && !sv_is(text, "false");
}

static bool needs_quotes(struct strview text, enum text_use use)
{
	if (use == TEXT_TO_LOAD && may_be_name(text))
		return true;
	for (size_t i = 0, len; i < text.n; i += len) {
		len = yaml_char(text.p + i, text.n - i);
		if (!len || text.p[i] == ' ' || strchr("(),=\"'\\", text.p[i]))
			return true;
	}
	return text.n == 0;
}

static void add_quoted(struct buf *out, struct strview text)
{
	buf_add_char(out, '"');
	for (size_t i = 0, len; i < text.n; i += len ? len : 1) {
		char c = text.p[i];
		len = yaml_char(text.p + i, text.n - i);
		if (!len)
			buf_add_format(out, "\\x%02x", (unsigned char)c);
		else if (c == '"' || c == '\\')
			buf_add_format(out, "\\%c", c);
		else
			buf_add(out, text.p + i, len);
	}
	buf_add_char(out, '"');
}

static void add_operand(struct buf *out, const struct test *t, const struct operand *o, enum text_use use)
{
	if (t->op->form == OP_FORM_HEX)
		for (size_t i = 0; i < o->text.n; i++)
			buf_add_format(out, "%02x", (unsigned char)o->text.p[i]);
	else if (needs_quotes(o->text, use))
		add_quoted(out, o->text);
	else
		buf_add_sv(out, o->text);
}

/* A name that means one thing in Falco's rules and another in ours, and is meant as there. */
static bool is_meant_as_in_falco(const struct field_ref *ref)
{
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		const struct field *ours = type && type->name[0] ? field_find(type, sv_from(ref->name)) : NULL;
		if (ours)
			return ref->compute || ref->by_event[i] != ours;
	}
	return false;
}

void field_ref_source(const struct field_ref *ref, struct buf *out)
{
	buf_add_z(out, is_meant_as_in_falco(ref) ? "falco." : "");
	buf_add_z(out, ref->name);
}

void expr_source(const struct expr *x, struct buf *out)
{
	if (x->type == EXPR_FIELD) {
		field_ref_source(x->field, out);
		return;
	}
	if (x->type == EXPR_TEXT) {
		add_quoted(out, x->text);
		return;
	}
	buf_add_z(out, x->call->name);
	if (x->text.p)
		buf_add_format(out, "[" SV_FMT "]", SV_ARG(x->text));
	for (size_t i = 0; i < x->n_args; i++) {
		buf_add_z(out, i ? ", " : "(");
		expr_source(x->args[i], out);
	}
	buf_add_char(out, ')');
}

static void add_right(struct buf *out, const struct test *t, enum text_use use)
{
	static const char *const modifiers[] = { "", " oneof", " anyof", " allof" };
	if (t->op->values == OP_VALUES_NONE)
		return;
	buf_add_z(out, modifiers[t->modifier]);
	buf_add_char(out, ' ');
	if (t->right) {
		buf_add_z(out, t->right->type == EXPR_FIELD ? "val(" : "");
		expr_source(t->right, out);
		buf_add_z(out, t->right->type == EXPR_FIELD ? ")" : "");
		return;
	}
	bool is_list = t->op->values == OP_VALUES_SET || t->modifier != MODIFIER_NONE;
	buf_add_z(out, is_list ? "(" : "");
	for (size_t i = 0; i < t->n_operands; i++) {
		buf_add_z(out, i ? ", " : "");
		add_operand(out, t, &t->operands[i], use);
	}
	buf_add_z(out, is_list ? ")" : "");
}

static void add_test(struct buf *out, const struct test *t, enum text_use use)
{
	bool is_call = t->ancestor && !t->left->field->is_each;
	if (is_call)
		buf_add_format(out, "ancestor(%s", t->ancestor);
	else
		expr_source(t->left, out);
	buf_add_format(out, " %s", t->op->text);
	add_right(out, t, use);
	buf_add_z(out, is_call ? ")" : "");
}

void ruleset_undecided_reason(const struct ruleset *set, uint32_t rule, const struct event *ev, struct buf *out)
{
	if (condition_holds(set->rules[rule].condition, ev, set->matcher) != TRUTH_UNDECIDED)
		return;
	buf_add_z(out, "given up at its limit of steps or memory: ");
	add_test(out, set->matcher->undecided_test, TEXT_TO_READ);
}

/*
 * Of which events the field, or some field of the expression, is none. A field that no event has here may be written all the same: it
 * means what its author meant, once something fills it.
 */
bool expr_is_out_of(const struct expr *x, uint64_t events)
{
	if (x->type == EXPR_FIELD)
		return !x->field->never && !(x->field->events & events);
	for (size_t i = 0; i < x->n_args; i++)
		if (expr_is_out_of(x->args[i], events))
			return true;
	return false;
}

bool condition_is_out_of(const struct condition *c, uint64_t events)
{
	return c->type == NODE_TEST && (expr_is_out_of(c->test->left, events) || (c->test->right && expr_is_out_of(c->test->right, events)));
}

static void add_condition(struct buf *out, const struct condition *c, enum text_use use, uint64_t events)
{
	switch (c->type) {
	case NODE_CONST:
		buf_add_z(out, c->truth ? "true" : "false");
		return;
	case NODE_TEST:
		if (use == TEXT_TO_LOAD && condition_is_out_of(c, events))
			buf_add_z(out, "false"); /* no value, no truth */
		else
			add_test(out, c->test, use);
		return;
	case NODE_NOT:
		buf_add_z(out, "not ");
		break;
	case NODE_AND:
	case NODE_OR:
		break;
	}
	for (size_t i = 0; i < c->n; i++) {
		const struct condition *child = c->children[i];
		bool is_group = child->type == NODE_AND || child->type == NODE_OR || child->type == NODE_NOT;
		if (i)
			buf_add_z(out, c->type == NODE_AND ? " and " : " or ");
		buf_add_z(out, is_group ? "(" : "");
		add_condition(out, child, use, events);
		buf_add_z(out, is_group ? ")" : "");
	}
}

void condition_text(const struct condition *c, struct buf *out)
{
	add_condition(out, c, TEXT_TO_READ, UINT64_MAX);
}

void condition_source(const struct condition *c, uint64_t events, struct buf *out)
{
	add_condition(out, c, TEXT_TO_LOAD, events);
}
