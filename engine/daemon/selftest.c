/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/selftest.h"

#include <errno.h>

#include "engine/event/builder.h"
#include "engine/state/case.h"

struct selftest {
	const struct policy *policy;
	struct event_builder *builder; /* owned */
	struct matches plain, fast;
	size_t events;
	struct diag *diag;
};

/* Twice: the second time the engine answers from its caches. what: for the message. */
static int ask_both(struct selftest *t, const char *what)
{
	struct event ev;
	if (event_builder_event(t->builder, &ev))
		return 0; /* a condition named values that no event can have together */
	t->events++;
	ruleset_evaluate(t->policy->rules, &ev, &t->plain);
	for (int i = 0; i < 2; i++) {
		engine_evaluate(t->policy->engine, &ev, &t->fast);
		if (matches_equal(&t->plain, &t->fast))
			continue;
		diag_error(t->diag, (struct place){ 0 }, "self-test: on an event %s made for %s the evaluators differ (%zu rules hold, the fast one says %zu): report this",
			   ev.type->name, what, t->plain.n, t->fast.n);
		return -EINVAL;
	}
	return 0;
}

/* Gives the event what each test of the condition asks for; what stands under `not` too, so that exceptions are met. */
static void add_values(struct selftest *t, const struct condition *c)
{
	if (condition_type(c) == NODE_TEST && condition_field(c)[0] && condition_values(c)) {
		struct strview value = condition_value(c, 0);
		IGNORE(event_builder_set(t->builder, sv_from(condition_field(c)), &value, 1)); /* the event has no such field, or the operator is of another kind */
	}
	if (condition_type(c) != NODE_AND && condition_type(c) != NODE_OR && condition_type(c) != NODE_NOT)
		return;
	for (size_t i = 0; i < condition_children(c); i++)
		add_values(t, condition_child(c, i)); /* depth is limited by the parser */
}

static int ask_about_rule(struct selftest *t, const struct rule_info *rule)
{
	int err = 0;
	for (uint32_t e = 0; !err && e < EVENT_NUMBERS; e++) {
		const struct event_type *type = rule->events >> e & 1 ? event_type_by_number(e) : NULL;
		if (!type || !type->name[0])
			continue;
		event_builder_begin(t->builder, type);
		add_values(t, ruleset_condition(t->policy->rules, rule->index));
		err = ask_both(t, rule->id);
		break; /* one of its events is enough: the others have rules of their own */
	}
	return err;
}

static int ask_about_events(struct selftest *t)
{
	int err = 0;
	for (uint32_t e = 0; !err && e < EVENT_NUMBERS; e++) {
		const struct event_type *type = event_type_by_number(e);
		if (!type || !type->name[0])
			continue;
		event_builder_begin(t->builder, type);
		err = ask_both(t, "no rule");
	}
	return err;
}

static int run_cases(const struct policy *p, struct selftest_result *ret, struct diag *diag)
{
	struct case_result cases = { 0 };
	int err = ruleset_run_cases(p->rules, &cases, diag);
	if (!err)
		err = state_run_cases(p->rules, &cases, diag);
	ret->cases = cases.passed;
	if (!err && cases.failed) {
		diag_error(diag, (struct place){ 0 }, "self-test: %zu of the rules' own cases failed", cases.failed);
		err = -EINVAL;
	}
	return err;
}

int selftest_run(const struct policy *p, struct selftest_result *ret, struct diag *diag)
{
	struct selftest t = { .policy = p, .diag = diag };
	int err = run_cases(p, ret, diag);
	if (!err)
		err = event_builder_new(&t.builder);
	if (!err)
		err = ask_about_events(&t);
	size_t n = ruleset_count(p->rules), step = n / SELFTEST_MAX_EVENTS + 1;
	for (size_t i = 0; !err && i < n; i += step)
		err = ask_about_rule(&t, ruleset_get(p->rules, i));
	event_builder_free(&t.builder);
	ret->events = t.events;
	return err;
}
