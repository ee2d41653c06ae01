/* SPDX-License-Identifier: Apache-2.0 */
/* vedette explain: the JSON form. */
#include "engine/daemon/explain.h"

static void json_text(struct json *j, const char *key, const struct buf *text)
{
	json_key(j, key);
	json_str(j, buf_sv(text));
}

static void json_place(struct json *j, const struct condition *c)
{
	json_key(j, "column");
	json_u64(j, c->at.column);
	json_key(j, "file");
	json_str(j, sv_from(c->at.file ? c->at.file : ""));
}

/* One row for each node, in the order of the text form, with its depth: trees may nest deeper than JSON may here. */
static void json_tree(struct explain *x, struct json *j, const struct condition *c, unsigned depth, bool is_negated)
{
	static const char *const types[] = { [NODE_AND] = "and", [NODE_OR] = "or", [NODE_NOT] = "not", [NODE_TEST] = "test", [NODE_CONST] = "constant" };
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(buf_done) struct buf values = { 0 };
	json_object_begin(j);
	json_place(j, c);
	json_key(j, "depth");
	json_u64(j, depth);
	if (c->type == NODE_TEST) {
		json_key(j, "key");
		json_bool(j, explain_is_key(x, c));
	}
	json_key(j, "line");
	json_u64(j, c->at.line);
	if (condition_macro(c)) {
		json_key(j, "macro");
		json_str(j, sv_from(condition_macro(c)));
	}
	if (c->type == NODE_TEST || c->type == NODE_CONST) {
		condition_text(c, &text);
		json_text(j, "text", &text);
	}
	if (x->event_arg) {
		json_key(j, "truth");
		json_str(j, sv_from(explain_truth(condition_holds_below(c, &x->event, x->set->matcher, is_negated))));
	}
	json_key(j, "type");
	json_str(j, sv_from(types[c->type]));
	if (x->event_arg && c->type == NODE_TEST) {
		explain_values(x, c, &values);
		json_text(j, "values", &values);
	}
	if (c->type == NODE_TEST) {
		json_key(j, "where");
		json_str(j, sv_from(explain_runs_in(x)));
	}
	json_object_end(j);
	for (size_t i = 0; i < c->n; i++)
		json_tree(x, j, c->children[i], depth + 1, is_negated != (c->type == NODE_NOT));
}

static void json_turns(struct explain *x, struct json *j, bool fires)
{
	CLEANUP(turns_done) struct turns turns = { 0 };
	json_key(j, "turns_on");
	json_array_begin(j);
	if (condition_turn(x->rule->condition, &x->event, x->set->matcher, !fires, &turns) == 0) {
		for (size_t i = 0; i < turns.n; i++) {
			CLEANUP(buf_done) struct buf text = { 0 };
			condition_text(turns.p[i].test, &text);
			json_object_begin(j);
			json_place(j, turns.p[i].test);
			json_key(j, "line");
			json_u64(j, turns.p[i].test->at.line);
			json_text(j, "text", &text);
			json_key(j, "truth");
			json_str(j, sv_from(explain_truth(turns.p[i].truth)));
			json_object_end(j);
		}
	}
	json_array_end(j);
}

static void json_plans(struct explain *x, struct json *j)
{
	static const char *const ways[] = { [ENGINE_NEVER] = "never", [ENGINE_KEYED] = "keyed", [ENGINE_ALWAYS] = "always" };
	json_key(j, "evaluated");
	json_object_begin(j);
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		if (!(x->rule->info.events >> i & 1))
			continue;
		json_key(j, event_type_by_number(i)->name);
		json_str(j, sv_from(ways[explain_plan(x, i).way]));
	}
	json_object_end(j);
}

void explain_json(struct explain *x)
{
	struct json j;
	const struct rule *rule = x->rule;
	enum truth truth = x->event_arg && !x->told && rule->condition && explain_is_of_events(x) ? condition_holds(rule->condition, &x->event, x->set->matcher) : TRUTH_FALSE;
	json_init(&j, &x->out);
	json_object_begin(&j);
	if (rule->condition) {
		json_key(&j, "condition");
		json_array_begin(&j);
		json_tree(x, &j, rule->condition, 0, false);
		json_array_end(&j);
	}
	json_key(&j, "enabled");
	json_bool(&j, rule->info.is_enabled);
	if (!rule->stateful)
		json_plans(x, &j);
	if (x->told)
		told_case_json(&(struct told_case){ x->set, rule, x->told, &x->story }, &j);
	else if (x->event_arg) {
		json_key(&j, "as_judged");
		json_bool(&j, x->is_as_judged);
		json_key(&j, "event");
		json_str(&j, sv_from(x->event.type->name));
		json_key(&j, "fires");
		json_bool(&j, truth == TRUTH_TRUE && rule->info.is_enabled);
	}
	json_key(&j, "rule");
	json_str(&j, sv_from(rule->info.id));
	if (rule->stateful) {
		json_key(&j, "steps");
		json_array_begin(&j);
		for (size_t i = 0; i < rule->stateful->n_inputs; i++)
			json_str(&j, sv_from(ruleset_get(x->set, rule->stateful->inputs[i].rule)->id));
		json_array_end(&j);
	}
	if (x->event_arg && !x->told) {
		json_key(&j, "truth");
		json_str(&j, sv_from(explain_truth(truth)));
		if (rule->condition && explain_is_of_events(x))
			json_turns(x, &j, truth == TRUTH_TRUE);
	}
	json_object_end(&j);
	buf_add_char(&x->out, '\n');
}
