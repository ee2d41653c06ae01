/* SPDX-License-Identifier: Apache-2.0 */
/* Coverage: which tests of a rule its cases leave untried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/rules/case_coverage.h"

static void gaps_are_what_cases_leave_untried(void **state)
{
	(void)state;
	static const struct {
		const char *when, *cases, *gaps; /* "text:flags" joined by "; "; flags: T never true, F never false, D never decided */
		size_t tests, decided;
	} cases[] = {
		{ "file.path = /x", "{fires: {file.path: /x}}, {quiet: {file.path: /y}}", "", 1, 1 },
		{ "file.path = /x", "{fires: {file.path: /x}}", "file.path = /x:F", 1, 1 },
		{ "file.path = /x and user.id = 1", "{fires: {file.path: /x, user.id: 1}}, {quiet: {file.path: /y, user.id: 1}}", "user.id = 1:F", 2, 2 },
		{ "file.path = /x and user.id = 1", "{quiet: {file.path: /y, user.id: 2}}, {quiet: {file.path: /x, user.id: 2}}", "file.path = /x:D; user.id = 1:T", 2, 1 },
		{ "file.path = /x or user.id = 1", "{fires: {file.path: /x, user.id: 1}}, {quiet: {}}", "", 2, 2 },
		{ "file.path = /x or user.id = 1", "{fires: {file.path: /x, user.id: 1}}", "file.path = /x:FD; user.id = 1:FD", 2, 0 },
		{ "file.path = /x and not user.id = 1", "{fires: {file.path: /x, user.id: 2}}, {quiet: {file.path: /x, user.id: 1}}", "file.path = /x:F", 2, 2 },
		{ "file.path = /x", "", "", 0, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		CLEANUP(case_coverage_done) struct case_coverage coverage = { 0 };
		CLEANUP(buf_done) struct buf got = { 0 };
		char text[512];
		snprintf(text, sizeof(text), "- rule: r\n  event: file.open\n  severity: low\n  when: %s\n  cases: [%s]\n", cases[i].when, cases[i].cases);
		assert_int_equal(ruleset_load_text("t.yaml", sv_from(text), &set, NULL), 0);
		assert_int_equal(ruleset_case_coverage(set, &coverage), 0);
		for (size_t k = 0; k < coverage.n_gaps; k++) {
			const struct case_gap *gap = &coverage.gaps[k];
			buf_add_z(&got, k ? "; " : "");
			condition_text(gap->test, &got);
			buf_add_format(&got, ":%s%s%s", gap->was_true ? "" : "T", gap->was_false ? "" : "F", gap->decided ? "" : "D");
		}
		if (strcmp(buf_cstr(&got), cases[i].gaps) != 0 || coverage.tests != cases[i].tests || coverage.decided != cases[i].decided)
			fail_msg("%s with %s: %s, %zu of %zu", cases[i].when, cases[i].cases, buf_cstr(&got), coverage.decided, coverage.tests);
	}
}

/* Each step of a rule about several events is looked at by itself, on the events of its kind. */
static void steps_are_covered_by_the_events_of_cases(void **state)
{
	(void)state;
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(case_coverage_done) struct case_coverage coverage = { 0 };
	static const char text[] = "- rule: r\n  severity: low\n  sequence:\n    within: 10s\n    steps:\n"
				   "      - {event: file.open, when: file.path = /a and user.id = 1}\n      - {event: file.delete, when: file.path = /b}\n"
				   "  cases:\n    - fires: [{event: file.open, file.path: /a, user.id: 1}, {at: 1s, event: file.delete, file.path: /b}]\n"
				   "    - quiet: [{event: file.open, file.path: /x, user.id: 1}, {at: 1s, event: file.delete, file.path: /b}]\n";
	assert_int_equal(ruleset_load_text("t.yaml", SV(text), &set, NULL), 0);
	assert_int_equal(ruleset_case_coverage(set, &coverage), 0);
	assert_int_equal(coverage.tests, 3);
	assert_int_equal(coverage.decided, 3);
	assert_int_equal(coverage.n_gaps, 2);
	assert_string_equal(ruleset_get(set, coverage.gaps[0].rule)->id, "r#1");
	assert_true(coverage.gaps[0].was_true && !coverage.gaps[0].was_false);
	assert_string_equal(ruleset_get(set, coverage.gaps[1].rule)->id, "r#2");
	assert_true(coverage.gaps[1].was_true && !coverage.gaps[1].was_false);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(gaps_are_what_cases_leave_untried), cmocka_unit_test(steps_are_covered_by_the_events_of_cases) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
