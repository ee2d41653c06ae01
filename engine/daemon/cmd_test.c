/* SPDX-License-Identifier: Apache-2.0 */
/* vedette test: runs the cases that stand with the rules. */
#include <getopt.h>
#include <stdlib.h>

#include "alerts/terminal.h"
#include "engine/daemon/cmd_rules.h"
#include "engine/daemon/commands.h"
#include "engine/rules/case_coverage.h"
#include "engine/state/case.h"

static const char help[] = "usage: vedette test [--coverage] [--json] [--quiet] [--rules] PATH...\n"
			   "\n"
			   "Loads the rules of files and folders together and runs their cases: each makes an event of the fields given, and its\n"
			   "rule has to fire, or to be quiet, on it. A PATH of - is standard input.\n"
			   "\n"
			   "  --coverage   tests that no case ever decided, or that were never true or never false\n"
			   "  --json       one JSON object: passed, failed, rules without cases, problems, coverage\n"
			   "  -q, --quiet  nothing but errors\n"
			   "  -r, --rules PATH   the same as a PATH without it\n"
			   "  --help       this text\n"
			   "\n"
			   "Exit status: 0 all cases passed, 1 a case failed or the rules have errors, 2 usage.\n";

/* "never true, never decides"; "" when it has no gap. */
static void add_gap(struct buf *out, const struct case_gap *gap)
{
	buf_add_z(out, gap->was_true ? "" : "never true");
	buf_add_z(out, gap->was_false ? "" : gap->was_true ? "never false" : ", never false");
	if (!gap->decided)
		buf_add_z(out, gap->was_true && gap->was_false ? "never decides" : ", never decides");
}

static void json_coverage(struct json *j, const struct ruleset *set, const struct case_coverage *coverage)
{
	json_key(j, "coverage");
	json_object_begin(j);
	json_key(j, "decided");
	json_u64(j, coverage->decided);
	json_key(j, "gaps");
	json_array_begin(j);
	for (size_t i = 0; i < coverage->n_gaps; i++) {
		const struct case_gap *gap = &coverage->gaps[i];
		struct place at = condition_place(gap->test);
		CLEANUP(buf_done) struct buf text = { 0 };
		condition_text(gap->test, &text);
		json_object_begin(j);
		json_key(j, "column");
		json_u64(j, at.column);
		json_key(j, "decided");
		json_bool(j, gap->decided);
		json_key(j, "file");
		json_str(j, sv_from(at.file ? at.file : ""));
		json_key(j, "line");
		json_u64(j, at.line);
		json_key(j, "rule");
		json_str(j, sv_from(ruleset_get(set, gap->rule)->id));
		json_key(j, "text");
		json_str(j, buf_sv(&text));
		json_key(j, "was_false");
		json_bool(j, gap->was_false);
		json_key(j, "was_true");
		json_bool(j, gap->was_true);
		json_object_end(j);
	}
	json_array_end(j);
	json_key(j, "tests");
	json_u64(j, coverage->tests);
	json_object_end(j);
}

/* One line for each gap, then the sum. */
static void add_coverage(struct buf *out, const struct ruleset *set, const struct case_coverage *coverage)
{
	for (size_t i = 0; i < coverage->n_gaps; i++) {
		const struct case_gap *gap = &coverage->gaps[i];
		struct place at = condition_place(gap->test);
		CLEANUP(buf_done) struct buf text = { 0 };
		condition_text(gap->test, &text);
		terminal_text(out, sv_from(at.file ? at.file : ""));
		buf_add_format(out, ":%u:%u: ", at.line, at.column);
		terminal_text(out, sv_from(ruleset_get(set, gap->rule)->id));
		buf_add_z(out, ": ");
		terminal_text(out, (struct strview){ text.p, MIN(text.n, (size_t)120) });
		buf_add_z(out, text.n > 120 ? " ...: " : ": ");
		add_gap(out, gap);
		buf_add_char(out, '\n');
	}
	buf_add_format(out, "%zu of %zu tests decide a case\n", coverage->decided, coverage->tests);
}

/* coverage is NULL when it was not asked for. */
static int print_json(const struct ruleset *set, const struct case_result *result, const struct case_coverage *coverage, const struct diag *diag)
{
	CLEANUP(buf_done) struct buf out = { .max = 256 * 1024 * 1024 };
	struct json j;
	json_init(&j, &out);
	json_object_begin(&j);
	if (coverage)
		json_coverage(&j, set, coverage);
	json_key(&j, "failed");
	json_u64(&j, result->failed);
	json_key(&j, "passed");
	json_u64(&j, result->passed);
	problems_json(&j, diag);
	json_key(&j, "rules_without_cases");
	json_u64(&j, result->rules_without_cases);
	json_object_end(&j);
	buf_add_char(&out, '\n');
	return output_write(&out);
}

static int print_counts(const struct ruleset *set, const struct case_result *result, const struct case_coverage *coverage)
{
	CLEANUP(buf_done) struct buf out = { .max = 256 * 1024 * 1024 };
	if (coverage)
		add_coverage(&out, set, coverage);
	add_count(&out, result->passed, "case");
	buf_add_format(&out, " passed, %zu failed\n", result->failed);
	return output_write(&out);
}

int cmd_test(int argc, char **argv)
{
	CLEANUP(rules_options_done) struct rules_options options = { 0 };
	int status = rules_options_read(argc, argv, help, (const char *const[]){ "coverage", NULL }, &options);
	if (status || options.is_done)
		return status;
	if (options.n_paths == 0) {
		fprintf(stderr, "vedette test: no file or folder given; try 'vedette test --help'\n");
		return EXIT_USAGE;
	}
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(case_coverage_done) struct case_coverage coverage = { 0 };
	struct case_result result = { 0 };
	int err = ruleset_load(options.paths, options.n_paths, &set, &diag);
	if (!err)
		err = ruleset_run_cases(set, &result, &diag);
	if (!err)
		err = state_run_cases(set, &result, &diag);
	if (!err && options.more)
		err = ruleset_case_coverage(set, &coverage);
	bool is_good = !err && result.failed == 0;
	if (options.json) {
		status = print_json(set, &result, options.more && !err ? &coverage : NULL, &diag);
		return is_good ? status : EXIT_FAILED;
	}
	if (options.is_quiet) {
		errors_print(stderr, &diag);
		return is_good ? EXIT_FINE : EXIT_FAILED;
	}
	problems_print(stderr, &diag);
	if (err) {
		say_errors(diag.errors, ": no case was run");
		return EXIT_FAILED;
	}
	if (result.rules_without_cases)
		fprintf(stderr, "%zu %s no cases\n", result.rules_without_cases, result.rules_without_cases == 1 ? "rule has" : "rules have");
	status = print_counts(set, &result, options.more ? &coverage : NULL);
	return is_good ? status : EXIT_FAILED;
}
