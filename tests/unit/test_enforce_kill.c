/* SPDX-License-Identifier: Apache-2.0 */
/* What rules that kill become: arguments in the kernel's tables, and what is said of the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/event/builder.h"
#include "tests/support/compiled.h"

/* Of one process.exec: the tables say what the rule says. */
static void tables_agree_on(const struct compiled *c, const char *args, size_t n_args, bool expected)
{
	struct event_builder *builder;
	struct decide_scratch *scratch = calloc(1, sizeof(*scratch));
	struct decide_event image;
	struct strview list[8];
	struct event ev;
	struct matches found;
	assert_int_equal(0, event_builder_new(&builder));
	event_builder_begin(builder, event_type_by_name(SV("process.exec")));
	assert_int_equal(0, event_builder_set_text(builder, "process.executable", "/bin/x"));
	for (size_t i = 0; i < n_args; i++, args += list[i - 1].n + 1)
		list[i] = sv_from(args);
	assert_int_equal(0, event_builder_set(builder, SV("process.args"), list, n_args));
	assert_int_equal(0, event_builder_event(builder, &ev));
	ruleset_evaluate(c->set, &ev, &found);
	decide_image_of(&ev, NULL, &image, scratch);
	struct decide_answer answer = ask(c, &image);
	assert_int_equal(expected, found.n != 0);
	assert_int_equal(expected, answer.is_hit);
	if (answer.is_hit)
		assert_int_equal(CLAUSE_KILL, answer.flags);
	free(scratch);
	event_builder_free(&builder);
}

static void arguments_are_judged_before_the_first_instruction(void **state)
{
	(void)state;
	static const struct {
		const char *when, *args;
		size_t n;
		bool expected;
	} cases[] = {
		{ "process.args = -e", "nc\0-e", 2, true },
		{ "process.args = -e", "nc\0-ex", 2, false },
		{ "process.args = -e", "-e", 1, true },
		{ "process.args = -e", "", 0, false },
		{ "process.args startswith -e", "nc\0-ex", 2, true },
		{ "process.args startswith -e", "nc\0a-ex", 2, false },
		{ "process.args endswith .sh", "sh\0/tmp/a.sh", 2, true },
		{ "process.args endswith .sh", "sh\0/tmp/a.sh\0x", 3, true },
		{ "process.args endswith .sh", "sh\0.sh/", 2, false },
		{ "process.args endswith .sh", "sh\0sh", 2, false },
		{ "process.args glob \"--a*\"", "x\0--abc", 2, true },
		{ "process.args intersects (a, b)", "x\0b", 2, true },
		{ "process.args intersects (a, b)", "x\0ab", 2, false },
		{ "not process.args intersects (a, b)", "x\0ab", 2, true },
		{ "not process.args intersects (a, b)", "x\0a", 2, false },
		{ "process.args = a and process.args = b", "x\0a\0b", 3, true },
		{ "process.args = a and process.args = b", "x\0a", 2, false },
		{ "process.args = a and not process.args endswith b", "x\0a", 2, true },
		{ "process.args = a and not process.args endswith b", "x\0a\0bb", 3, false },
		{ "process.args = a or process.args endswith b", "x\0bb", 2, true },
		{ "process.args exists and process.executable = /bin/x", "x", 1, true },
		{ "process.args = a and process.executable = /bin/y", "a", 1, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(compiled_done) struct compiled c;
		char yaml[512];
		snprintf(yaml, sizeof(yaml), "- rule: r\n  severity: low\n  action: kill\n  event: process.exec\n  when: %s\n", cases[i].when);
		compile(&c, yaml);
		print_message("%s\n", cases[i].when);
		assert_int_equal(0, c.diag.n);
		tables_agree_on(&c, cases[i].args, cases[i].n, cases[i].expected);
	}
}

static void what_is_killed_after_the_fact_is_said(void **state)
{
	(void)state;
	static const struct {
		const char *when, *says;
	} cases[] = {
		{ "process.args contains x", "process.args contains x: the kernel compares arguments" },
		{ "process.command_line endswith x", "does not look at this field" },
		{ "process.args in (x)", "every argument" },
		{ "process.args != x", "not process.args = ..." },
		{ "process.args = x and process.name = y", "process.name = y" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(compiled_done) struct compiled c;
		char yaml[512];
		snprintf(yaml, sizeof(yaml), "- rule: r\n  severity: low\n  action: kill\n  event: process.exec\n  when: %s\n", cases[i].when);
		compile(&c, yaml);
		assert_int_equal(0, c.diag.errors);
		assert_true(says(&c.diag, "rule r ends processes after the fact"));
		assert_true(says(&c.diag, cases[i].says));
		assert_int_equal(0, c.policy.tables.head.is_killing);
	}
}

static void arguments_that_cannot_be_read_follow_the_default(void **state)
{
	(void)state;
	for (int denies = 0; denies < 2; denies++) {
		CLEANUP(compiled_done) struct compiled c;
		char yaml[512];
		snprintf(yaml, sizeof(yaml), "- rule: r\n  severity: low\n  action: kill\n  unknown: %s\n  event: process.exec\n  when: process.args = x\n",
			 denies ? "deny" : "allow");
		compile(&c, yaml);
		struct decide_event image = { .event = EVENT_PROC_IMAGE, .arguments = unreadable };
		struct decide_answer answer = ask(&c, &image);
		assert_int_equal(denies, answer.is_hit);
		assert_true(answer.is_unknown);
	}
}

static void a_rule_that_would_kill_everything_is_refused(void **state)
{
	(void)state;
	CLEANUP(compiled_done) struct compiled c;
	compile_after(&c, "- rule: r\n  severity: low\n  action: kill\n  event: process.exec\n  when: true\n", NULL);
	assert_int_equal(-EPERM, c.err);
	assert_true(says(&c.diag, "rule r cannot kill"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments_are_judged_before_the_first_instruction),
		cmocka_unit_test(what_is_killed_after_the_fact_is_said),
		cmocka_unit_test(arguments_that_cannot_be_read_follow_the_default),
		cmocka_unit_test(a_rule_that_would_kill_everything_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
