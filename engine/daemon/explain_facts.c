/* SPDX-License-Identifier: Apache-2.0 */
/* What vedette explain knows of a test. */
#include "engine/daemon/explain.h"

#include "alerts/terminal.h"

/* A rule that blocks is decided in the kernel as a whole, or refused when it is loaded with --enforce. */
const char *explain_runs_in(const struct explain *x)
{
	bool is_decided = rule_is_blocking(&x->rule->info) || (rule_is_killing(&x->rule->info) && (x->rule->info.events >> EVENT_PROC_EXEC & 1));
	return is_decided && !x->is_refused ? "kernel, under --enforce" : "user space";
}

struct engine_plan explain_plan(const struct explain *x, uint32_t event)
{
	struct engine_plan plan;
	engine_explain(x->engine, x->rule->info.index, event, &plan);
	return plan;
}

bool explain_is_key(const struct explain *x, const struct condition *test)
{
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		if (!(x->rule->info.events >> i & 1) || (x->event_arg && x->event.type->number != i))
			continue;
		struct engine_plan plan = explain_plan(x, i);
		for (size_t k = 0; plan.way == ENGINE_KEYED && k < plan.n_keys; k++)
			if (plan.keys[k] == test || plan.keys[k]->test == test->test)
				return true;
	}
	return false;
}

void explain_test(const struct condition *c, struct buf *out)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	condition_text(c, &text);
	bool is_long = text.n > EXPLAIN_LINE_TEXT;
	terminal_text(out, (struct strview){ text.p, MIN(text.n, (size_t)EXPLAIN_LINE_TEXT) });
	buf_add_z(out, is_long ? " ..." : "");
}

void explain_values(const struct explain *x, const struct condition *test, struct buf *out)
{
	const struct field_ref *fields[EXPLAIN_MAX_FIELDS];
	size_t n = test_fields(test->test, fields);
	for (size_t i = 0; i < n; i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		x->set->matcher->used = 0;
		struct value v = field_ref_value(x->set->matcher, &x->event, fields[i]);
		bool is_empty = v.is_missing || ((v.class == CLASS_LIST || v.class == CLASS_STR) && v.s.n == 0);
		field_ref_show(x->set->matcher, &x->event, fields[i], &text);
		buf_add_format(out, "%s%s ", i ? ", " : "", fields[i]->name);
		if (is_empty) {
			buf_add_z(out, v.is_missing || v.class == CLASS_LIST ? "has no value" : "is empty");
			continue;
		}
		buf_add_z(out, "is ");
		terminal_text(out, (struct strview){ text.p, MIN(text.n, (size_t)EXPLAIN_LINE_TEXT) });
		buf_add_z(out, text.n > EXPLAIN_LINE_TEXT ? " ..." : "");
	}
}

const char *explain_truth(enum truth truth)
{
	static const char *const names[] = { [TRUTH_FALSE] = "false", [TRUTH_TRUE] = "true", [TRUTH_UNDECIDED] = "undecided" };
	return names[truth];
}

bool explain_is_of_events(const struct explain *x)
{
	return x->rule->info.events >> x->event.type->number & 1;
}
