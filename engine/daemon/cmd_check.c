/* SPDX-License-Identifier: Apache-2.0 */
/* vedette check: loads rules and says what is wrong with them. */
#include <getopt.h>
#include <stdlib.h>

#include "alerts/terminal.h"
#include "engine/daemon/blocking.h"
#include "engine/daemon/cmd_rules.h"
#include "engine/daemon/commands.h"
#include "engine/daemon/explain_approval.h"
#include "engine/rules/format.h"
#include "engine/rules/lint.h"

static const char help[] = "usage: vedette check [--cost] [--force] [--json] [--quiet] [--rules] PATH...\n"
			   "\n"
			   "Loads the rules of files and folders (*.yaml, *.yml) together and reports every problem with file, line and column.\n"
			   "Says of each imported rule, and of each other one that is not covered in full, how much of it can hold here.\n"
			   "Of rules that block it names every test that the kernel cannot decide, and what this host cannot do without and the rule\n"
			   "would block; these are errors.\n"
			   "Warns of clauses that never hold or add nothing, of rules that others cover, and of lists and macros that nothing uses.\n"
			   "A PATH of - is standard input.\n"
			   "\n"
			   "  --cost   what each rule costs, the dearest first; which rules make the kernel send all events of a type, and by which part\n"
			   "  --force  rules may block what this host cannot do without: warnings, as for a daemon that is forced\n"
			   "  --json   a JSON list with an object for each rule: rule, class, reasons, warnings, cost and what else is known of it;\n"
			   "           empty when there are faults, which go to standard error\n"
			   "  -q, --quiet   nothing but errors\n"
			   "  -r, --rules PATH   the same as a PATH without it\n"
			   "  --help   this text\n"
			   "\n"
			   "Exit status: 0 no errors, 1 errors, 2 usage.\n";

static const char *const severities[SEVERITY_COUNT] = { "info", "low", "medium", "high", "critical" };
static const char *const actions[] = { "alert", "block", "kill" };

static void add_texts(struct json *j, const char *const *texts)
{
	json_array_begin(j);
	for (; *texts; texts++)
		json_str(j, sv_from(*texts));
	json_array_end(j);
}

/* Text of a rule's author on one line: control bytes as \xHH. */
static void add_line(struct buf *out, const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			buf_add_format(out, "\\x%02x", (unsigned char)*text);
		else
			buf_add_char(out, *text);
}

/* "full", "partial", "needs source kubernetes". */
static void add_class(struct buf *out, const struct rule_info *rule)
{
	static const char *const names[] = { "full", "partial", "needs source " };
	buf_add_z(out, names[rule->coverage]);
	if (rule->coverage == COVERAGE_NEEDS_SOURCE)
		add_line(out, rule->needs_source);
}

static void json_class(struct json *j, const struct rule_info *rule)
{
	CLEANUP(buf_done) struct buf class = { 0 };
	add_class(&class, rule);
	json_key(j, "class");
	json_str(j, buf_sv(&class));
}

static void json_reasons(struct json *j, const struct rule_info *rule)
{
	json_key(j, "reasons");
	json_array_begin(j);
	for (size_t i = 0; i < rule->n_reasons; i++)
		json_str(j, sv_from(rule->reasons[i]));
	json_array_end(j);
}

/* What the author said and our own rules do not, as Falco's priority. */
static void json_remarks(struct json *j, const struct rule_info *rule)
{
	json_key(j, "remarks");
	json_array_begin(j);
	for (size_t i = 0; i < rule->n_remarks; i++) {
		json_object_begin(j);
		json_key(j, "key");
		json_str(j, sv_from(rule->remarks[i].key));
		json_key(j, "text");
		json_str(j, sv_from(rule->remarks[i].text));
		json_object_end(j);
	}
	json_array_end(j);
}

/* Overrides of the rule, the last one first. */
static void add_changes(struct json *j, const struct rule_info *rule)
{
	json_array_begin(j);
	for (const struct rule_change *change = rule->changes; change; change = change->next) {
		json_object_begin(j);
		json_key(j, "file");
		json_str(j, sv_from(change->at.file));
		json_key(j, "keys");
		json_str(j, sv_from(change->keys));
		json_key(j, "line");
		json_u64(j, change->at.line);
		json_object_end(j);
	}
	json_array_end(j);
}

static void json_cost(struct json *j, struct rule_cost cost)
{
	json_key(j, "cost");
	json_object_begin(j);
	json_key(j, "rank");
	json_str(j, cost.is_costly ? SV("costly") : SV("cheap"));
	json_key(j, "reason");
	json_str(j, sv_from(cost.reason));
	json_key(j, "units");
	json_u64(j, cost.units);
	json_object_end(j);
}

/* A rule that another covers fires only when that one does, too. */
static void lint_rule(const struct ruleset *set, uint32_t index, const uint32_t *shadows, struct diag *diag)
{
	char id[120];
	rule_lint(set, index, diag);
	if (!shadows || shadows[index] == UINT32_MAX)
		return;
	const struct rule_info *rule = ruleset_get(set, index), *other = ruleset_get(set, shadows[index]);
	diag_warn(diag, rule->at, "rule '%s' adds nothing: rule %s (%s:%u) holds whenever it does", rule->id,
		  diag_quote(sv_from(other->id), id, sizeof(id)), other->at.file, other->at.line);
}

static void json_warnings(struct json *j, const struct diag *diag)
{
	json_key(j, "warnings");
	messages_json(j, diag, false);
}

/* Of a rule that blocks or kills: whether the kernel can decide it, and if not, why. */
static void json_blocks(struct json *j, const struct ruleset *set, const struct rule_info *rule)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	if (rule->action == ACTION_ALERT)
		return;
	bool is_decided = verdict_check_rule(set, rule->index, &diag) == 0;
	if (rule->action == ACTION_BLOCK) {
		json_key(j, "blocks");
		json_bool(j, is_decided);
		json_key(j, "blocks_not");
	} else {
		json_key(j, "kills");
		json_str(j, sv_from(blocking_kill_time(rule, is_decided)));
		json_key(j, "kills_late");
	}
	json_array_begin(j);
	for (size_t i = 0; i < diag.n; i++)
		json_str(j, sv_from(diag.messages[i].text ? diag.messages[i].text : ""));
	json_array_end(j);
}

static void add_rule(struct json *j, const struct ruleset *set, const struct rule_info *rule, const uint32_t *shadows)
{
	CLEANUP(diag_done) struct diag lints = { 0 };
	lint_rule(set, rule->index, shadows, &lints);
	json_object_begin(j);
	json_key(j, "action");
	json_str(j, sv_from(actions[rule->action]));
	json_key(j, "attack");
	add_texts(j, rule->attack);
	json_blocks(j, set, rule);
	json_class(j, rule);
	json_cost(j, rule_cost_estimate(set, rule->index));
	json_key(j, "enabled");
	json_bool(j, rule->is_enabled);
	json_key(j, "events");
	json_array_begin(j);
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		if (rule->events >> i & 1)
			json_str(j, sv_from(event_type_by_number(i)->name));
	json_array_end(j);
	json_key(j, "file");
	json_str(j, sv_from(rule->at.file));
	json_key(j, "format");
	json_str(j, sv_from(rule->format ? rule->format : "vedette"));
	json_key(j, "id");
	json_str(j, sv_from(rule->id));
	json_key(j, "line");
	json_u64(j, rule->at.line);
	json_key(j, "mode");
	json_str(j, rule->mode == POLICY_ENFORCE ? SV("enforce") : SV("detect"));
	json_key(j, "overrides");
	add_changes(j, rule);
	json_reasons(j, rule);
	json_remarks(j, rule);
	json_key(j, "rule");
	json_str(j, sv_from(rule->id));
	json_key(j, "severity");
	json_str(j, sv_from(severities[rule->severity]));
	json_key(j, "title");
	json_str(j, sv_from(rule->title));
	json_warnings(j, &lints);
	json_object_end(j);
}

/* set is NULL when the load failed. */
static int print_json(const struct ruleset *set, const uint32_t *shadows)
{
	CLEANUP(buf_done) struct buf out = { .max = 256 * 1024 * 1024 };
	struct json j;
	json_init(&j, &out);
	json_array_begin(&j);
	for (size_t i = 0; set && i < ruleset_count(set); i++)
		if (!ruleset_get(set, i)->is_step)
			add_rule(&j, set, ruleset_get(set, i), shadows);
	json_array_end(&j);
	buf_add_char(&out, '\n');
	return output_write(&out);
}

/* The id, and the title where it says more. */
static void add_name(struct buf *out, const struct rule_info *rule)
{
	add_line(out, rule->id);
	if (!rule->format || strcmp(rule->id, rule->title) == 0)
		return;
	buf_add_z(out, " (");
	add_line(out, rule->title);
	buf_add_char(out, ')');
}

/* "falco: 71 full, 14 partial, 8 need a source" for each format but our own. */
static void add_totals(struct buf *out, const struct ruleset *set)
{
	for (size_t f = 0; rule_formats[f]; f++) {
		size_t n[COVERAGE_NEEDS_SOURCE + 1] = { 0 }, all = 0;
		for (size_t i = 0; i < ruleset_count(set); i++) {
			const struct rule_info *rule = ruleset_get(set, i);
			if (rule->is_step || !rule->format || strcmp(rule->format, rule_formats[f]->name) != 0)
				continue;
			n[rule->coverage]++;
			all++;
		}
		if (all > 1)
			buf_add_format(out, "%s: %zu full, %zu partial, %zu that need%s a source\n", rule_formats[f]->name, n[COVERAGE_FULL], n[COVERAGE_PARTIAL],
				       n[COVERAGE_NEEDS_SOURCE], n[COVERAGE_NEEDS_SOURCE] == 1 ? "s" : "");
	}
}

static void add_coverage(struct buf *out, const struct ruleset *set)
{
	for (size_t i = 0; i < ruleset_count(set); i++) {
		const struct rule_info *rule = ruleset_get(set, i);
		if (rule->is_step || (!rule->format && rule->coverage == COVERAGE_FULL))
			continue;
		add_name(out, rule);
		buf_add_z(out, ": ");
		add_class(out, rule);
		buf_add_z(out, rule->is_enabled ? "\n" : " (disabled)\n");
		for (size_t k = 0; k < rule->n_reasons; k++) {
			buf_add_z(out, "    ");
			add_line(out, rule->reasons[k]);
			buf_add_char(out, '\n');
		}
	}
}

/* "local.yaml:3:3: rule 'x' is overridden: severity, append exceptions" */
static void add_overrides(struct buf *out, const struct rule_info *rule)
{
	char id[120];
	for (const struct rule_change *change = rule->changes; change; change = change->next) {
		terminal_text(out, sv_from(change->at.file));
		buf_add_format(out, ":%u:%u: rule %s is overridden: %s\n", change->at.line, change->at.column, diag_quote(sv_from(rule->id), id, sizeof(id)),
			       change->keys);
	}
}

struct ranked {
	uint32_t rule;
	struct rule_cost cost;
};

static int by_cost(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	if (x->cost.is_costly != y->cost.is_costly)
		return y->cost.is_costly - x->cost.is_costly;
	return x->cost.units != y->cost.units ? (x->cost.units < y->cost.units) - (x->cost.units > y->cost.units) : (x->rule > y->rule) - (x->rule < y->rule);
}

static int add_costs(struct buf *out, const struct ruleset *set)
{
	struct ranked *all = calloc(ruleset_count(set) + 1, sizeof(*all));
	size_t n = 0;
	if (!all)
		return EXIT_FAILED;
	for (uint32_t i = 0; i < ruleset_count(set); i++)
		if (!ruleset_get(set, i)->is_stateful)
			all[n++] = (struct ranked){ i, rule_cost_estimate(set, i) };
	qsort(all, n, sizeof(*all), by_cost);
	for (size_t i = 0; i < n; i++) {
		buf_add_format(out, "%-6s %6u  ", all[i].cost.is_costly ? "costly" : "cheap", all[i].cost.units);
		add_line(out, ruleset_get(set, all[i].rule)->id);
		buf_add_format(out, all[i].cost.is_costly ? ": no key, it %s\n" : "\n", all[i].cost.reason);
	}
	free(all);
	return 0;
}

/* A macro's clause is warned of once, however many rules use it. */
static void merge(struct diag *to, const struct diag *from)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct diag_message *m = &from->messages[i];
		bool is_there = false;
		for (size_t k = 0; k < to->n && m->file; k++) {
			const struct diag_message *t = &to->messages[k];
			is_there |= t->line == m->line && t->column == m->column && t->file && strcmp(t->file, m->file) == 0;
		}
		if (!is_there && m->text)
			diag_warn(to, (struct place){ m->file, m->line, m->column }, "%s", m->text);
	}
}

static void lint_all(const struct ruleset *set, const uint32_t *shadows, struct diag *diag)
{
	for (uint32_t i = 0; i < ruleset_count(set); i++) {
		CLEANUP(diag_done) struct diag one = { 0 };
		lint_rule(set, i, shadows, &one);
		merge(diag, &one);
	}
}

/* "2 rules block: 5 clauses, 12 KiB of tables in the kernel" */
static void add_blocking(struct buf *out, const struct verdict_counts *counts)
{
	if (!counts->rules)
		return;
	add_count(out, counts->rules, "rule");
	buf_add_z(out, counts->rules == 1 ? " blocks" : " block");
	if (counts->killing)
		buf_add_format(out, " (%zu of them by ending images before their first instruction)", counts->killing);
	if (counts->detecting)
		buf_add_format(out, " (%zu of them in policies that only detect)", counts->detecting);
	buf_add_z(out, ": ");
	add_count(out, counts->clauses, "clause");
	buf_add_format(out, ", %zu KiB of tables in the kernel\n", (counts->bytes + 1023) / 1024);
}

static int print_text(const struct ruleset *set, const struct diag *diag, const struct verdict_counts *blocking, bool with_cost)
{
	CLEANUP(buf_done) struct buf out = { .max = 256 * 1024 * 1024 };
	if (with_cost && (add_costs(&out, set) || approval_overview_text(set, true, &out)))
		return EXIT_FAILED;
	add_coverage(&out, set);
	for (size_t i = 0; i < ruleset_count(set); i++)
		add_overrides(&out, ruleset_get(set, i));
	add_totals(&out, set);
	add_blocking(&out, blocking);
	add_count(&out, ruleset_rules(set), "rule");
	buf_add_z(&out, " in ");
	add_count(&out, ruleset_files(set), "file");
	buf_add_z(&out, ", ");
	if (diag->errors) {
		add_count(&out, diag->errors, "error");
		buf_add_z(&out, ", ");
	}
	if (diag->warnings || diag->errors)
		add_count(&out, diag->warnings, "warning");
	else
		buf_add_z(&out, "no problems");
	buf_add_char(&out, '\n');
	return output_write(&out);
}

int cmd_check(int argc, char **argv)
{
	CLEANUP(rules_options_done) struct rules_options options = { 0 };
	int status = rules_options_read(argc, argv, help, (const char *const[]){ "cost", "force" }, &options);
	if (status || options.is_done)
		return status;
	if (options.n_paths == 0) {
		fprintf(stderr, "vedette check: no file or folder given; try 'vedette check --help'\n");
		return EXIT_USAGE;
	}
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	int err = ruleset_load(options.paths, options.n_paths, &set, &diag);
	struct verdict_counts blocking = { 0 };
	uint32_t *shadows = NULL;
	int refused = 0;
	if (!err)
		err = ruleset_shadows(set, &shadows);
	if (err == 1) {
		diag_warn(&diag, (struct place){ 0 }, "so many rules are alike that not all were compared: some that add nothing may not be told");
		err = 0;
	}
	if (!err) {
		refused = blocking_check(set, options.other, &blocking, &diag);
		ruleset_unused(set, &diag);
		if (!options.json && !options.is_quiet)
			lint_all(set, shadows, &diag);
	}
	if (options.is_quiet)
		errors_print(stderr, &diag);
	else
		problems_print(stderr, &diag);
	if (err && !options.is_quiet)
		say_errors(diag.errors, options.json ? ": no rule was judged, so the list is empty" : "");
	if (options.json)
		status = print_json(err ? NULL : set, shadows);
	else if (!err && !options.is_quiet)
		status = print_text(set, &diag, &blocking, options.more);
	free(shadows);
	return err || refused ? EXIT_FAILED : status;
}
