/* SPDX-License-Identifier: Apache-2.0 */
/* `cases:` of rules: read with the rule, run on real records. */
#include <errno.h>
#include <stdio.h>

#include "engine/event/builder.h"
#include "engine/rules/computed_functions.h"
#include "engine/rules/match.h"
#include "engine/rules/op.h"
#include "engine/rules/set.h"

enum { RULE_MAX_CASES = 256, CASE_MAX_FIELDS = 128, CASE_MAX_ITEMS = 4096 };

/* --- reading --------------------------------------------------------------------------------------------------------------- */

/* The first event of the rule, or the one that `event:` names. */
const struct event_type *case_event_type(struct compiler *c, const struct yaml_node *item, const struct rule *rule)
{
	const struct yaml_node *event = yaml_get(item, "event"), *fires = yaml_get(item, "fires"), *fields = fires ? fires : yaml_get(item, "quiet");
	if (!event && fields && fields->type == YAML_MAP) /* beside the fields, or among them */
		event = yaml_get(fields, "event");
	if (!event && rule->info.events == 0) {
		diag_error(c->diag, item->at, "case: the rule is about no event that is reported here, so it can have no cases: leave it out");
		return NULL;
	}
	if (!event) {
		bool is_one = (rule->info.events & (rule->info.events - 1)) == 0;
		if (is_one)
			return event_type_by_number((uint32_t)__builtin_ctzll(rule->info.events));
		diag_error(c->diag, item->at, "case: the rule has several events: say which with 'event:'");
		return NULL;
	}
	const struct event_type *type = event->type == YAML_SCALAR ? event_type_by_name(event->text) : NULL;
	if (type && (rule->stateful || rule->info.events >> type->number & 1)) /* any event may come between */
		return type;
	char quoted[80];
	diag_error(c->diag, event->at, "case: %s is none of the rule's events", diag_quote(event->text, quoted, sizeof(quoted)));
	return NULL;
}

static int copy_text(struct compiler *c, const struct yaml_node *node, struct strview *ret)
{
	const char *copy = arena_text(c->arena, node->text);
	if (!copy) {
		c->no_memory = true;
		return -ENOMEM;
	}
	*ret = (struct strview){ copy, node->text.n };
	return 0;
}

static int read_items(struct compiler *c, const struct yaml_node *value, struct case_field *ret)
{
	size_t n = value->type == YAML_LIST ? value->n : 1;
	const struct yaml_node *item = value->type == YAML_LIST ? value->first : value;
	if (value->type == YAML_MAP || n > CASE_MAX_ITEMS) {
		diag_error(c->diag, value->at, "case: expected a value or a list of them");
		return -EINVAL;
	}
	ret->items = arena_alloc(c->arena, n * sizeof(*ret->items));
	if (!ret->items) {
		c->no_memory = true;
		return -ENOMEM;
	}
	for (; ret->n < n; item = item->next) {
		if (item->type != YAML_SCALAR) {
			diag_error(c->diag, item->at, "case: expected text, found %s", yaml_type_name(item->type));
			return -EINVAL;
		}
		if (copy_text(c, item, &ret->items[ret->n++]))
			return -ENOMEM;
	}
	return 0;
}

static const struct field_alias *alias_find(const struct rule *rule, struct strview name, const struct event_type *type)
{
	for (size_t i = 0; i < rule->n_aliases; i++)
		if (rule->aliases[i].events >> type->number & 1 && sv_is(name, rule->aliases[i].name))
			return &rule->aliases[i];
	return NULL;
}

const struct field_ref *rule_alias(const struct rule *rule, struct strview name, const struct event_type *type)
{
	const struct field_alias *alias = alias_find(rule, name, type);
	return alias ? alias->field : NULL;
}

const char *rule_constant(const struct rule *rule, struct strview name, const struct event_type *type)
{
	const struct field_alias *alias = alias_find(rule, name, type);
	return alias ? alias->constant : NULL;
}

bool is_constant_value(const char *constant, struct strview text)
{
	const struct value v = { .class = CLASS_STR, .kind = KIND_STR, .s = text };
	return op_iequal(NULL, &v, &(struct operand){ .text = sv_from(constant) });
}

/* It needs no setting, and can have no other value. */
static int check_constant(struct compiler *c, const struct yaml_node *key, const char *constant)
{
	const struct yaml_node *value = key->next;
	char name[80];
	if (value->type == YAML_SCALAR && is_constant_value(constant, value->text))
		return 0;
	diag_error(c->diag, value->at, "case: %s is '%s' in all events of this kind", diag_quote(key->text, name, sizeof(name)), constant);
	return -EINVAL;
}

/* The field of the record that a name stands for, which a case can set: not one whose value is worked out of others. NULL after a report. */
static const struct field *settable_field(struct compiler *c, const struct rule *rule, const struct yaml_node *key, const struct event_type *type)
{
	const struct field_ref *ref = rule_alias(rule, key->text, type);
	if (!ref)
		ref = field_resolve(c, key->text, key->at);
	if (!ref)
		return NULL;
	if (!(ref->events >> type->number & 1) && !ref->never) {
		diag_error(c->diag, key->at, "case: %s has no field '%s'", type->name, ref->name);
		return NULL;
	}
	const struct field *field = ref->by_event[type->number];
	if (field && (!ref->compute || ref->compute == base_value))
		return field;
	if (ref->never)
		diag_error(c->diag, key->at, "case: '%s' never has a value: %s", ref->name, ref->never);
	else if (field)
		diag_error(c->diag, key->at, "case: '%s' is worked out of other fields, and cannot be set: give '%s', of which it is made", ref->name,
			   field->name);
	else
		diag_error(c->diag, key->at, "case: '%s' is worked out of other fields, and cannot be set: give those of which it is made", ref->name);
	return NULL;
}

int case_fields_read(struct compiler *c, const struct rule *rule, const struct yaml_node *map, struct rule_case *ret)
{
	if (map->type != YAML_MAP || map->n > CASE_MAX_FIELDS) {
		diag_error(c->diag, map->at, "case: expected a map of fields, {field: value, ...}");
		return -EINVAL;
	}
	ret->fields = arena_alloc(c->arena, map->n * sizeof(*ret->fields));
	if (!ret->fields) {
		c->no_memory = true;
		return -ENOMEM;
	}
	int err = 0;
	for (const struct yaml_node *k = map->first; k; k = k->next->next) {
		struct case_field *field = &ret->fields[ret->n];
		if (ret->is_in_list && part_has_key(PART_CASE_EVENT, k->text))
			continue;
		if (!ret->is_in_list && sv_is(k->text, "event"))
			continue; /* said in the same breath, see case_event_type */
		const char *constant = rule_constant(rule, k->text, ret->type);
		if (constant) {
			err = check_constant(c, k, constant) ? -EINVAL : err;
			continue;
		}
		const struct field *meant = settable_field(c, rule, k, ret->type);
		if (!meant || read_items(c, k->next, field)) {
			err = -EINVAL;
			continue;
		}
		field->name = sv_from(meant->name);
		field->at = (struct place){ c->file, k->next->at.line, k->next->at.column };
		ret->n++;
	}
	return err;
}

static int read_case(struct compiler *c, const struct yaml_node *item, const struct rule *rule, struct rule_case *ret)
{
	const char *unused;
	if (item->type != YAML_MAP) {
		diag_error(c->diag, item->at, "cases: expected maps {fires: {...}} or {quiet: {...}}, found %s", yaml_type_name(item->type));
		return -EINVAL;
	}
	const struct yaml_node *fires = yaml_get(item, "fires"), *quiet = yaml_get(item, "quiet"), *name = yaml_get(item, "name");
	int err = item_check(c, item, PART_CASE);
	if (!err && name)
		err = item_text(c, name, "name", &unused);
	if (err)
		return err;
	if (!fires == !quiet) {
		diag_error(c->diag, item->at, "case: needs either 'fires' or 'quiet'");
		return -EINVAL;
	}
	*ret = (struct rule_case){ .at = item->at, .fires = fires != NULL };
	ret->at.file = c->file;
	if (rule->stateful)
		return case_events_read(c, fires ? fires : quiet, rule, ret);
	ret->type = case_event_type(c, item, rule);
	return ret->type ? case_fields_read(c, rule, fires ? fires : quiet, ret) : -EINVAL;
}

int cases_read(struct compiler *c, const struct yaml_node *node, struct rule *rule)
{
	if (node->type != YAML_LIST || rule->n_cases + node->n > RULE_MAX_CASES) {
		diag_error(c->diag, node->at, "cases: expected a list of at most %d maps for a rule", RULE_MAX_CASES);
		return -EINVAL;
	}
	struct rule_case *cases = arena_alloc(c->arena, (rule->n_cases + node->n) * sizeof(*cases));
	if (!cases) {
		c->no_memory = true;
		return -ENOMEM;
	}
	if (rule->n_cases)
		memcpy(cases, rule->cases, rule->n_cases * sizeof(*cases));
	rule->cases = cases;
	int err = 0;
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		int failed = read_case(c, item, rule, &rule->cases[rule->n_cases]);
		if (!failed)
			rule->n_cases++;
		err = failed ? failed : err;
	}
	return err;
}

/* --- running --------------------------------------------------------------------------------------------------------------- */

int case_event_build(struct event_builder *b, const struct ruleset *set, const struct rule *rule, const struct rule_case *one, uint64_t wall_ns,
		     struct event *ret, struct diag *diag)
{
	event_builder_begin(b, one->type);
	/* One that does not say when it happens does so at the time of the load: exceptions that have expired except nothing in it. */
	int timed = event_builder_set_time(b, set->loaded_ns + wall_ns);
	if (timed)
		return timed;
	for (size_t i = 0; i < one->n; i++) {
		const struct case_field *f = &one->fields[i];
		int err = event_builder_set(b, f->name, f->items, f->n);
		if (!err)
			continue;
		char quoted[80];
		diag_error(diag, f->at, "case of rule '%s': %s is no value for %.*s: %s", rule->info.id,
			   f->n == 1 ? diag_quote(f->items[0], quoted, sizeof(quoted)) : "the list", (int)f->name.n, f->name.p,
			   err == -E2BIG ? "the record is full" : kind_get(field_find(one->type, f->name)->kind)->doc);
		return err;
	}
	int err = event_builder_event(b, ret);
	if (!err && rule->info.action == ACTION_BLOCK)
		err = event_builder_as_judged(b, ret);
	return MIN(err, 0);
}

static bool holds_rule(const uint32_t *rules, size_t n, uint32_t index)
{
	for (size_t i = 0; i < n; i++)
		if (rules[i] == index)
			return true;
	return false;
}

static enum truth raises(const struct ruleset *set, const struct rule *rule, const struct event *ev, struct matches *m)
{
	if (!rule->info.is_enabled)
		return condition_holds(rule->condition, ev, set->matcher);
	ruleset_evaluate(set, ev, m);
	if (holds_rule(m->rule, m->n, rule->info.index))
		return TRUTH_TRUE;
	if (holds_rule(m->undecided, m->n_undecided, rule->info.index))
		return TRUTH_UNDECIDED;
	/* Past the maximum of matches that are kept, the rule is asked by itself. */
	return m->not_kept || m->undecided_not_kept ? condition_holds(rule->condition, ev, set->matcher) : TRUTH_FALSE;
}

static bool run_case(const struct ruleset *set, const struct rule *rule, const struct rule_case *one, struct event_builder *b,
		     struct diag *diag)
{
	static const char *const found[] = { [TRUTH_FALSE] = "does not fire", [TRUTH_TRUE] = "does fire", [TRUTH_UNDECIDED] = "is undecided" };
	struct matches m;
	struct event ev;
	if (case_event_build(b, set, rule, one, 0, &ev, diag))
		return false;
	enum truth truth = raises(set, rule, &ev, &m);
	if (truth == (one->fires ? TRUTH_TRUE : TRUTH_FALSE))
		return true;
	diag_error(diag, one->at, "case of rule '%s': should %s on this %s, and %s", rule->info.id, one->fires ? "fire" : "be quiet",
		   one->type->name, found[truth]);
	return false;
}

int ruleset_run_cases(const struct ruleset *set, struct case_result *ret, struct diag *diag)
{
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	struct case_result result = { 0 };
	int err = event_builder_new(&b);
	if (err)
		return err;
	for (size_t i = 0; i < set->n; i++) {
		const struct rule *rule = &set->rules[i];
		if (rule->stateful || (rule->info.is_step && rule->n_cases == 0))
			continue; /* what one event raises says nothing of them: engine/state runs their cases. A rule that another counts may have its own */
		result.rules_without_cases += rule->n_cases == 0;
		for (size_t k = 0; k < rule->n_cases; k++) {
			if (run_case(set, rule, &rule->cases[k], b, diag))
				result.passed++;
			else
				result.failed++;
		}
	}
	*ret = result;
	return 0;
}
