/* SPDX-License-Identifier: Apache-2.0 */
/* vedette test: runs the cases that stand with the rules. */
#include <getopt.h>
#include <stdlib.h>

#include "engine/daemon/cmd_rules.h"
#include "engine/daemon/commands.h"
#include "engine/state/case.h"

static const char help[] = "usage: vedette test [--json] PATH...\n"
			   "\n"
			   "Loads the rules of files and folders together and runs their cases: each makes an event of the fields given, and its\n"
			   "rule has to fire, or to be quiet, on it.\n"
			   "\n"
			   "  --json   one JSON object: passed, failed, rules without cases, problems\n"
			   "  --help   this text\n"
			   "\n"
			   "Exit status: 0 all cases passed, 1 a case failed or the rules have errors, 2 usage.\n";

static int print_json(const struct case_result *result, const struct diag *diag)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	struct json j;
	json_init(&j, &out);
	json_object_begin(&j);
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

static int print_counts(const struct case_result *result)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	add_count(&out, result->passed, "case");
	buf_add_format(&out, " passed, %zu failed\n", result->failed);
	return output_write(&out);
}

int cmd_test(int argc, char **argv)
{
	struct rules_options options;
	int status = rules_options_read(argc, argv, help, &options);
	if (status || options.is_done)
		return status;
	if (optind == argc) {
		fprintf(stderr, "vedette test: no file or folder given; try 'vedette test --help'\n");
		return EXIT_USAGE;
	}
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct case_result result = { 0 };
	int err = ruleset_load((const char *const *)(argv + optind), (size_t)(argc - optind), &set, &diag);
	if (!err)
		err = ruleset_run_cases(set, &result, &diag);
	if (!err)
		err = state_run_cases(set, &result, &diag);
	bool is_good = !err && result.failed == 0;
	if (options.json) {
		status = print_json(&result, &diag);
		return is_good ? status : EXIT_FAILED;
	}
	problems_print(stderr, &diag);
	if (err) {
		say_errors(diag.errors, ": no case was run");
		return EXIT_FAILED;
	}
	if (result.rules_without_cases)
		fprintf(stderr, "%zu %s no cases\n", result.rules_without_cases, result.rules_without_cases == 1 ? "rule has" : "rules have");
	status = print_counts(&result);
	return is_good ? status : EXIT_FAILED;
}
