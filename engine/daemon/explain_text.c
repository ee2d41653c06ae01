/* SPDX-License-Identifier: Apache-2.0 */
/* vedette explain: the text form. */
#include "engine/daemon/explain.h"

#include <errno.h>

#include "alerts/terminal.h"
#include "engine/daemon/blocking.h"
#include "engine/enforce/approve.h"

/* The exception that this `not` takes off, or NULL. */
static const struct rule_exception *exception_at(const struct rule *rule, const struct condition *c)
{
	for (size_t i = 0; c->type == NODE_NOT && i < rule->n_exceptions; i++) {
		const struct place *at = &rule->exceptions[i].at;
		if (at->line == c->at.line && at->column == c->at.column && c->at.file && strcmp(at->file, c->at.file) == 0)
			return &rule->exceptions[i];
	}
	return NULL;
}

static void add_tree(struct explain *x, const struct condition *c, unsigned depth, bool is_negated)
{
	static const char *const words[] = { [NODE_AND] = "and", [NODE_OR] = "or", [NODE_NOT] = "not" };
	struct buf *out = &x->out;
	if (x->event_arg)
		buf_add_format(out, "  %-9s ", explain_truth(condition_holds_below(c, &x->event, x->set->matcher, is_negated)));
	buf_add_format(out, "%*s", (int)(2 * depth + 2), "");
	if (condition_macro(c)) {
		buf_add_z(out, "macro ");
		terminal_text(out, sv_from(condition_macro(c)));
		buf_add_z(out, ": ");
	}
	if (c->type == NODE_TEST || c->type == NODE_CONST)
		explain_test(c, out);
	else
		buf_add_z(out, words[c->type]);
	const struct rule_exception *exception = exception_at(x->rule, c);
	if (exception) {
		buf_add_z(out, ", by exception ");
		terminal_text(out, sv_from(exception->name));
	}
	if (c->type == NODE_TEST) {
		buf_add_format(out, "   [%s%s]", explain_runs_in(x), explain_is_key(x, c) ? ", key" : "");
		buf_add_z(out, x->event_arg ? "   " : "");
		if (x->event_arg)
			explain_values(x, c, out);
	}
	buf_add_char(out, '\n');
	for (size_t i = 0; i < c->n; i++)
		add_tree(x, c->children[i], depth + 1, is_negated != (c->type == NODE_NOT));
}

/* What the rule does to the events that the kernel sends. */
static void add_sent(struct explain *x, uint32_t event)
{
	struct approval_reason why;
	switch (approval_of_rule(x->set, x->rule->info.index, event, &why)) {
	case APPROVAL_PART:
		buf_add_z(&x->out, "; the kernel drops events on which it cannot hold");
		break;
	case APPROVAL_WIDE:
		buf_add_z(&x->out, "; the kernel sends nearly every such event because of this rule, which needs no more than: ");
		terminal_text(&x->out, (struct strview){ why.text.p, MIN(why.text.n, (size_t)EXPLAIN_LINE_TEXT) });
		break;
	case APPROVAL_COSTS:
		buf_add_z(&x->out, "; the kernel can tell nothing of it, and sends every such event because of this rule");
		break;
	default:
		break;
	}
	approval_reason_done(&why);
}

static void add_plans(struct explain *x)
{
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		if (!(x->rule->info.events >> i & 1))
			continue;
		struct engine_plan plan = explain_plan(x, i);
		bool is_off = plan.way == ENGINE_NEVER && !x->rule->info.is_enabled;
		static const char *const ways[] = { [ENGINE_NEVER] = "never evaluated: it cannot hold", [ENGINE_ALWAYS] = "evaluated each time: it has no key" };
		buf_add_format(&x->out, "  %s: ", event_type_by_number(i)->name);
		if (plan.way == ENGINE_KEYED && plan.n_keys == 1)
			buf_add_z(&x->out, "evaluated when its one key holds");
		else if (plan.way == ENGINE_KEYED)
			buf_add_format(&x->out, "evaluated when one of its %zu keys holds", plan.n_keys);
		else
			buf_add_z(&x->out, is_off ? "never evaluated: the rule is disabled" : ways[plan.way]);
		add_sent(x, i);
		buf_add_char(&x->out, '\n');
	}
}

static void add_turns(struct explain *x, bool fires)
{
	CLEANUP(turns_done) struct turns turns = { 0 };
	int err = condition_turn(x->rule->condition, &x->event, x->set->matcher, !fires, &turns);
	if (err) {
		buf_add_z(&x->out, err == -ENOENT ? (fires ? "It fires on every event.\n" : "It never fires: a constant is in the way.\n") : "");
		return;
	}
	buf_add_format(&x->out, fires ? "It would be quiet if %s other:\n" : "It would fire if %s other:\n", turns.n == 1 ? "this were" : "these were");
	for (size_t i = 0; i < turns.n; i++) {
		const struct condition *test = turns.p[i].test;
		buf_add_z(&x->out, "  ");
		terminal_text(&x->out, sv_from(test->at.file ? test->at.file : ""));
		buf_add_format(&x->out, ":%u:%u: ", test->at.line, test->at.column);
		explain_test(test, &x->out);
		buf_add_format(&x->out, " is %s: ", explain_truth(turns.p[i].truth));
		explain_values(x, test, &x->out);
		buf_add_char(&x->out, '\n');
	}
}

static void add_verdict(struct explain *x)
{
	const struct rule_info *info = &x->rule->info;
	if (!explain_is_of_events(x)) {
		buf_add_format(&x->out, "It does not fire: the rule is not about %s.\n", x->event.type->name);
		return;
	}
	enum truth truth = condition_holds(x->rule->condition, &x->event, x->set->matcher);
	const char *verdict = truth == TRUTH_UNDECIDED ? "It is undecided" : truth == TRUTH_FALSE ? "It does not fire" : info->is_enabled ? "It fires" : "It holds, but is disabled";
	buf_add_format(&x->out, "%s on this %s.\n", verdict, x->event.type->name);
	if (x->is_as_judged)
		buf_add_z(&x->out, "The record of a refused exec is about the caller; the rule was asked, and is asked here, with the file that was to be executed as "
				   "process.executable, and the caller as process.previous.executable.\n");
	add_turns(x, truth == TRUTH_TRUE);
}

static void add_steps(struct explain *x)
{
	const struct stateful *s = x->rule->stateful;
	buf_add_format(&x->out, "It is a %s over several events; 'vedette explain' takes each by itself:\n", stateful_kind_name(s->kind));
	for (size_t i = 0; i < s->n_inputs; i++) {
		buf_add_z(&x->out, "  ");
		terminal_text(&x->out, sv_from(ruleset_get(x->set, s->inputs[i].rule)->id));
		buf_add_char(&x->out, '\n');
	}
}

/* What check says of a rule that does not come to its full right here. */
static void add_class(struct explain *x)
{
	const struct rule_info *info = &x->rule->info;
	if (info->coverage == COVERAGE_FULL)
		return;
	buf_add_z(&x->out, info->coverage == COVERAGE_PARTIAL ? "partial:" : "it cannot fire here: it needs ");
	if (info->coverage == COVERAGE_NEEDS_SOURCE)
		terminal_text(&x->out, sv_from(info->needs_source));
	buf_add_char(&x->out, '\n');
	for (size_t i = 0; i < info->n_reasons; i++) {
		buf_add_z(&x->out, "    ");
		terminal_text(&x->out, sv_from(info->reasons[i]));
		buf_add_char(&x->out, '\n');
	}
}

/* Why a rule that asks for it does not block. */
static void add_refusals(struct explain *x)
{
	bool is_kill = x->rule->info.action == ACTION_KILL;
	if (is_kill)
		buf_add_format(&x->out, "under --enforce it ends the process %s%s\n", blocking_kill_time(&x->rule->info, !x->is_refused), x->is_refused ? ":" : "");
	else if (x->is_refused)
		buf_add_z(&x->out, "it cannot block, and is refused under --enforce:\n");
	for (size_t i = 0; x->is_refused && i < x->refusals.n; i++) {
		const struct diag_message *m = &x->refusals.messages[i];
		buf_add_z(&x->out, "    ");
		terminal_text(&x->out, sv_from(m->file ? m->file : ""));
		buf_add_format(&x->out, ":%u:%u: ", m->line, m->column);
		terminal_text(&x->out, sv_from(m->text ? m->text : ""));
		buf_add_char(&x->out, '\n');
	}
}

void explain_text(struct explain *x)
{
	const struct rule_info *info = &x->rule->info;
	buf_add_z(&x->out, "rule ");
	terminal_text(&x->out, sv_from(info->id));
	buf_add_z(&x->out, ", ");
	terminal_text(&x->out, sv_from(info->at.file));
	buf_add_format(&x->out, ":%u%s\n", info->at.line, info->is_enabled ? "" : ", disabled");
	for (const struct rule_change *change = info->changes; change; change = change->next) {
		buf_add_z(&x->out, "overridden at ");
		terminal_text(&x->out, sv_from(change->at.file));
		buf_add_format(&x->out, ":%u: %s\n", change->at.line, change->keys);
	}
	add_class(x);
	add_refusals(x);
	if (x->rule->stateful) {
		add_steps(x);
		if (x->told)
			told_case_text(&(struct told_case){ x->set, x->rule, x->told, &x->story }, &x->out);
		return;
	}
	add_plans(x);
	add_tree(x, x->rule->condition, 0, false);
	if (x->event_arg)
		add_verdict(x);
}
