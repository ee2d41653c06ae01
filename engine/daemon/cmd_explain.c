/* SPDX-License-Identifier: Apache-2.0 */
/* vedette explain: a rule's condition as a tree; on an event, which tests hold, and what the outcome turns on. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "alerts/terminal.h"
#include "engine/base/fd.h"
#include "engine/base/num.h"
#include "engine/daemon/args.h"
#include "engine/daemon/blocking.h"
#include "engine/daemon/cmd_rules.h"
#include "engine/daemon/commands.h"
#include "engine/daemon/event_json.h"
#include "engine/daemon/explain_approval.h"
#include "engine/daemon/explain_events.h"
#include "engine/enforce/approve.h"
#include "engine/index/engine.h"
#include "engine/rules/explain.h"
#include "engine/rules/set.h"

enum { EXPLAIN_MAX_PATHS = 64, EXPLAIN_MAX_EVENT = 4 * 1024 * 1024, EXPLAIN_MAX_LOG = 1024 * 1024 * 1024, LINE_TEXT = 160 };

static const char help[] = "usage: vedette explain [--json] [--rules] PATH RULE [EVENT]\n"
			   "       vedette explain [--json] --rules PATH\n"
			   "\n"
			   "Shows the condition of a rule as a tree: where each test runs, which ones the rule is found by. With an event: which tests\n"
			   "hold, and the fewest tests on which the outcome turns. Without RULE: what of each event the kernel sends under these rules,\n"
			   "and because of which, and of which part of it, it has to send all.\n"
			   "\n"
			   "RULE is the id of a rule; of a rule over several events, ID#1 is its first step. EVENT is one of\n"
			   "  {\"event\": \"file.open\", \"file.path\": \"/x\"}   fields as in a case, or a line of a log\n"
			   "  FILE:LINE                                   a line of a log\n"
			   "  case:N                                      the N-th case of the rule\n"
			   "  -                                           one object from standard input\n"
			   "\n"
			   "  --rules PATH   file or folder, may be repeated; -r for short\n"
			   "  --json         one JSON object\n"
			   "  --help         this text\n"
			   "\n"
			   "Exit status: 0 it was explained, 1 there is no such rule, or the rules or the event have faults, 2 usage.\n";

struct explain {
	const char *paths[EXPLAIN_MAX_PATHS];
	size_t n_paths;
	bool json, is_done;
	const char *rule_id, *event_arg; /* rule_id NULL: what is sent for all rules; event_arg NULL: no event */
	struct ruleset *set;             /* owned */
	struct engine *engine;           /* owned */
	struct event_builder *builder;   /* owned */
	struct diag diag;
	const struct rule *rule;
	bool is_refused;                 /* it blocks or kills, and the kernel cannot decide it: refusals say why */
	struct diag refusals;
	struct event event;              /* when event_arg, and the rule is about one event */
	bool is_as_judged;               /* it is a refused exec, and shown as the kernel saw it */
	const struct rule_case *told;    /* of a rule over several events: the case that is told */
	struct case_story story;         /* owned; when told */
	struct buf out;
};

static void explain_done(struct explain *x)
{
	engine_free(&x->engine);
	ruleset_free(&x->set);
	event_builder_free(&x->builder);
	case_story_done(&x->story);
	diag_done(&x->diag);
	diag_done(&x->refusals);
	buf_done(&x->out);
}

static int refuse(struct explain *x, const char *what, const char *detail)
{
	char quoted[160];
	diag_error(&x->diag, (struct place){ 0 }, "%s %s", what, diag_quote(sv_from(detail), quoted, sizeof(quoted)));
	return -EINVAL;
}

/* --- the event --------------------------------------------------------------------------------------------------------------- */

/* The only event of the rule, for objects that do not say. */
static const struct event_type *only_event(const struct rule *rule)
{
	uint64_t events = rule->info.events;
	return events && (events & (events - 1)) == 0 ? event_type_by_number((uint32_t)__builtin_ctzll(events)) : NULL;
}

static int event_of_text(struct explain *x, const char *name, struct strview text)
{
	struct event_text from = { .file = name, .text = text, .otherwise = only_event(x->rule), .rule = x->rule, .time_ns = x->set->loaded_ns };
	int err = event_from_json(&from, x->builder, &x->event, &x->diag);
	if (!err && x->rule->info.action == ACTION_BLOCK)
		err = event_builder_as_judged(x->builder, &x->event);
	x->is_as_judged = err == 1;
	return MIN(err, 0);
}

static int read_case(struct explain *x, struct strview number)
{
	uint64_t n = 0;
	char text[160];
	if (x->rule->info.is_step && x->rule->n_cases == 0) {
		snprintf(text, sizeof(text), "a step has no cases: ask for those of its rule, '%s', with", ruleset_owner(x->set, x->rule->info.index)->id);
		return refuse(x, text, x->event_arg);
	}
	snprintf(text, sizeof(text), "the rule has %zu cases, and none is", x->rule->n_cases);
	if (num_parse_u64(number, x->rule->n_cases, &n) || n == 0)
		return refuse(x, text, x->event_arg);
	if (x->rule->stateful) {
		x->told = &x->rule->cases[n - 1];
		return state_tell_case(x->set, x->rule, x->told, &x->story, &x->diag);
	}
	return case_event_build(x->builder, x->set, x->rule, &x->rule->cases[n - 1], 0, &x->event, &x->diag);
}

static struct strview line_of(struct strview text, uint64_t number)
{
	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);
		struct strview line = { text.p, end ? (size_t)(end - text.p) : text.n };
		if (--number == 0)
			return line;
		text = sv_from_index(text, line.n + 1);
	}
	return SV("");
}

static int read_line(struct explain *x, const char *colon)
{
	CLEANUP(buf_done) struct buf path = { 0 };
	CLEANUP(buf_done) struct buf text = { .max = EXPLAIN_MAX_LOG };
	uint64_t number = 0;
	buf_add(&path, x->event_arg, (size_t)(colon - x->event_arg));
	if (num_parse_u64(sv_from(colon + 1), UINT64_MAX, &number) || number == 0)
		return refuse(x, "expected an event: an object {...}, FILE:LINE, case:N or -, found", x->event_arg);
	int err = fd_read_file(buf_cstr(&path), EXPLAIN_MAX_LOG, &text);
	if (err) {
		diag_error(&x->diag, (struct place){ .file = buf_cstr(&path) }, "%s", err == -EFBIG ? "larger than 1 GiB" : strerror(-err));
		return err;
	}
	struct strview line = line_of(buf_sv(&text), number);
	if (line.n == 0)
		return refuse(x, "there is no such line, or an empty one:", x->event_arg);
	return event_of_text(x, x->event_arg, line);
}

static int read_stdin(struct explain *x)
{
	CLEANUP(buf_done) struct buf text = { .max = EXPLAIN_MAX_EVENT };
	char chunk[65536];
	ssize_t n;
	while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0)
		buf_add(&text, chunk, (size_t)n);
	if (n < 0 || buf_error(&text)) {
		diag_error(&x->diag, (struct place){ .file = "-" }, "%s", n < 0 ? strerror(errno) : "longer than 4 MiB");
		return -EINVAL;
	}
	return event_of_text(x, "-", buf_sv(&text));
}

static int read_event(struct explain *x)
{
	const char *arg = x->event_arg, *colon = arg ? strrchr(arg, ':') : NULL;
	if (!arg)
		return 0;
	if (arg[0] == '{')
		return event_of_text(x, "event", sv_from(arg));
	if (strcmp(arg, "-") == 0)
		return read_stdin(x);
	if (sv_starts(sv_from(arg), SV("case:")))
		return read_case(x, sv_from_index(sv_from(arg), 5));
	return colon ? read_line(x, colon) : refuse(x, "expected an event: an object {...}, FILE:LINE, case:N or -, found", arg);
}

/* --- what is known of a test --------------------------------------------------------------------------------------------------- */

/* A rule that blocks is decided in the kernel as a whole, or refused when it is loaded with --enforce. */
static const char *runs_in(const struct explain *x)
{
	bool is_decided = rule_is_blocking(&x->rule->info) || (rule_is_killing(&x->rule->info) && (x->rule->info.events >> EVENT_PROC_EXEC & 1));
	return is_decided && !x->is_refused ? "kernel, under --enforce" : "user space";
}

static struct engine_plan plan_of(const struct explain *x, uint32_t event)
{
	struct engine_plan plan;
	engine_explain(x->engine, x->rule->info.index, event, &plan);
	return plan;
}

/* Whether the rule is found by this test: on the event, or on one of its events. */
static bool is_key(const struct explain *x, const struct condition *test)
{
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		if (!(x->rule->info.events >> i & 1) || (x->event_arg && x->event.type->number != i))
			continue;
		struct engine_plan plan = plan_of(x, i);
		for (size_t k = 0; plan.way == ENGINE_KEYED && k < plan.n_keys; k++)
			if (plan.keys[k] == test || plan.keys[k]->test == test->test)
				return true;
	}
	return false;
}

static void text_of(const struct condition *c, struct buf *out)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	condition_text(c, &text);
	bool is_long = text.n > LINE_TEXT;
	terminal_text(out, (struct strview){ text.p, MIN(text.n, (size_t)LINE_TEXT) });
	buf_add_z(out, is_long ? " ..." : "");
}

/* "file.path is /x, user.id is 0" */
static void values_of(const struct explain *x, const struct condition *test, struct buf *out)
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
		terminal_text(out, (struct strview){ text.p, MIN(text.n, (size_t)LINE_TEXT) });
		buf_add_z(out, text.n > LINE_TEXT ? " ..." : "");
	}
}

static const char *truth_name(enum truth truth)
{
	static const char *const names[] = { [TRUTH_FALSE] = "false", [TRUTH_TRUE] = "true", [TRUTH_UNDECIDED] = "undecided" };
	return names[truth];
}

static bool is_of_events(const struct explain *x)
{
	return x->rule->info.events >> x->event.type->number & 1;
}

/* --- as text ------------------------------------------------------------------------------------------------------------------- */

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
		buf_add_format(out, "  %-9s ", truth_name(condition_holds_below(c, &x->event, x->set->matcher, is_negated)));
	buf_add_format(out, "%*s", (int)(2 * depth + 2), "");
	if (condition_macro(c)) {
		buf_add_z(out, "macro ");
		terminal_text(out, sv_from(condition_macro(c)));
		buf_add_z(out, ": ");
	}
	if (c->type == NODE_TEST || c->type == NODE_CONST)
		text_of(c, out);
	else
		buf_add_z(out, words[c->type]);
	const struct rule_exception *exception = exception_at(x->rule, c);
	if (exception) {
		buf_add_z(out, ", by exception ");
		terminal_text(out, sv_from(exception->name));
	}
	if (c->type == NODE_TEST) {
		buf_add_format(out, "   [%s%s]", runs_in(x), is_key(x, c) ? ", key" : "");
		buf_add_z(out, x->event_arg ? "   " : "");
		if (x->event_arg)
			values_of(x, c, out);
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
		terminal_text(&x->out, (struct strview){ why.text.p, MIN(why.text.n, (size_t)LINE_TEXT) });
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
		struct engine_plan plan = plan_of(x, i);
		bool is_off = plan.way == ENGINE_NEVER && !x->rule->info.is_enabled;
		static const char *const ways[] = { [ENGINE_NEVER] = "never evaluated: it cannot hold", [ENGINE_ALWAYS] = "evaluated each time: it has no key" };
		buf_add_format(&x->out, "  %s: ", event_type_by_number(i)->name);
		if (plan.way == ENGINE_KEYED)
			buf_add_format(&x->out, "evaluated when %s of its %zu keys holds", plan.n_keys == 1 ? "the one" : "one", plan.n_keys);
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
		text_of(test, &x->out);
		buf_add_format(&x->out, " is %s: ", truth_name(turns.p[i].truth));
		values_of(x, test, &x->out);
		buf_add_char(&x->out, '\n');
	}
}

static void add_verdict(struct explain *x)
{
	const struct rule_info *info = &x->rule->info;
	if (!is_of_events(x)) {
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

static void explain_text(struct explain *x)
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

/* --- as JSON --------------------------------------------------------------------------------------------------------------------- */

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
		json_bool(j, is_key(x, c));
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
		json_str(j, sv_from(truth_name(condition_holds_below(c, &x->event, x->set->matcher, is_negated))));
	}
	json_key(j, "type");
	json_str(j, sv_from(types[c->type]));
	if (x->event_arg && c->type == NODE_TEST) {
		values_of(x, c, &values);
		json_text(j, "values", &values);
	}
	if (c->type == NODE_TEST) {
		json_key(j, "where");
		json_str(j, sv_from(runs_in(x)));
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
			json_str(j, sv_from(truth_name(turns.p[i].truth)));
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
		json_str(j, sv_from(ways[plan_of(x, i).way]));
	}
	json_object_end(j);
}

static void explain_json(struct explain *x)
{
	struct json j;
	const struct rule *rule = x->rule;
	enum truth truth = x->event_arg && !x->told && rule->condition && is_of_events(x) ? condition_holds(rule->condition, &x->event, x->set->matcher) : TRUTH_FALSE;
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
		json_str(&j, sv_from(truth_name(truth)));
		if (rule->condition && is_of_events(x))
			json_turns(x, &j, truth == TRUTH_TRUE);
	}
	json_object_end(&j);
	buf_add_char(&x->out, '\n');
}

/* --- the command ------------------------------------------------------------------------------------------------------------------ */

static int usage(const char *what)
{
	fprintf(stderr, "vedette explain: %s; try 'vedette explain --help'\n", what);
	return EXIT_USAGE;
}

static int read_options(int argc, char **argv, struct explain *x)
{
	static const struct option options[] = {
		{ "rules", required_argument, NULL, 'r' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	optind = 0;
	for (int c; (c = args_next("explain", argc, argv, "r:h", options)) != -1;) {
		if (c == 'j') {
			x->json = true;
		} else if (c == 'h') {
			fputs(help, stdout);
			x->is_done = true;
		} else if (c == 'r' && x->n_paths < EXPLAIN_MAX_PATHS) {
			x->paths[x->n_paths++] = optarg;
		} else {
			return c == 'r' ? usage("too many --rules, 64 at most") : EXIT_USAGE;
		}
	}
	if (x->is_done)
		return 0;
	if (x->n_paths && optind == argc)
		return 0;
	for (; x->n_paths < EXPLAIN_MAX_PATHS && optind + 1 < argc && args_is_rules(argv[optind]); optind++)
		x->paths[x->n_paths++] = argv[optind];
	if (x->n_paths == 0)
		return usage("no rules given: --rules PATH");
	if (argc - optind < 1 || argc - optind > 2)
		return usage("expected the id of a rule, and an event perhaps");
	x->rule_id = argv[optind];
	x->event_arg = argv[optind + 1];
	return 0;
}

/* The only rule of that title, or NULL: Sigma's rules are known by it. */
static const struct rule *rule_by_title(const struct explain *x)
{
	const struct rule *found = NULL;
	for (size_t i = 0; i < x->set->n; i++) {
		if (x->set->rules[i].info.is_step || strcmp(x->set->rules[i].info.title, x->rule_id) != 0)
			continue;
		if (found)
			return NULL;
		found = &x->set->rules[i];
	}
	return found;
}

static int find_rule(struct explain *x)
{
	const char **ids = calloc(x->set->n + 1, sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < x->set->n && !x->rule; i++) {
		ids[i] = x->set->rules[i].info.id;
		if (strcmp(ids[i], x->rule_id) == 0)
			x->rule = &x->set->rules[i];
	}
	if (!x->rule)
		x->rule = rule_by_title(x);
	if (!x->rule) {
		const char *near = diag_suggest(sv_from(x->rule_id), ids, x->set->n);
		char quoted[160];
		diag_error(&x->diag, (struct place){ 0 }, "no rule has the id %s%s%s%s", diag_quote(sv_from(x->rule_id), quoted, sizeof(quoted)),
			   near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
	}
	free(ids);
	return x->rule ? 0 : -ENOENT;
}

static int prepare(struct explain *x)
{
	int err = ruleset_load(x->paths, x->n_paths, &x->set, &x->diag);
	if (!err)
		err = find_rule(x);
	if (!err && x->rule->info.action != ACTION_ALERT)
		x->is_refused = verdict_check_rule(x->set, x->rule->info.index, &x->refusals) != 0;
	if (!err)
		err = engine_new(x->set, NULL, &x->engine, &x->diag);
	if (!err)
		err = event_builder_new(&x->builder);
	if (!err && x->event_arg && x->rule->stateful && !sv_starts(sv_from(x->event_arg), SV("case:")))
		err = refuse(x, "a rule over several events is not explained by one: give case:N, or ask for its steps, as", x->rule->stateful->n_inputs ? ruleset_get(x->set, x->rule->stateful->inputs[0].rule)->id : "");
	return err ? err : read_event(x);
}

/* Of all rules together. */
static int explain_sent(struct explain *x)
{
	struct json j;
	int err = ruleset_load(x->paths, x->n_paths, &x->set, &x->diag);
	if (!err && x->json) {
		json_init(&j, &x->out);
		err = approval_overview_json(x->set, &j);
		buf_add_char(&x->out, '\n');
	} else if (!err) {
		err = approval_overview_text(x->set, false, &x->out);
	}
	return err;
}

int cmd_explain(int argc, char **argv)
{
	CLEANUP(explain_done) struct explain x = { .out.max = 256 * 1024 * 1024 };
	int status = read_options(argc, argv, &x);
	if (status || x.is_done)
		return status;
	int err = x.rule_id ? prepare(&x) : explain_sent(&x);
	problems_print(stderr, &x.diag);
	if (err) {
		if (!x.diag.errors)
			fprintf(stderr, "vedette explain: %s\n", strerror(-err));
		return EXIT_FAILED;
	}
	if (x.rule_id && x.json)
		explain_json(&x);
	else if (x.rule_id)
		explain_text(&x);
	return output_write(&x.out);
}
