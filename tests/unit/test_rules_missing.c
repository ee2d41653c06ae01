/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions over values that are not there or not whole, and tests that are given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/event/builder.h"
#include "engine/rules/condition.h"
#include "tests/support/one_condition.h"

/* --- values that are not there, or not whole ------------------------------------------------------------------------------------ */

static void missing_fields_make_every_test_false(void **state)
{
	(void)state;
	static const struct truth cases[] = {
		{ false, "process.tty.name = x" },
		{ false, "process.tty.name != x" },
		{ true, "not process.tty.name = x" },
		{ true, "not process.tty.name != x" },
		{ false, "process.tty.name in (x)" },
		{ false, "process.tty.name glob *" },
		{ false, "process.tty.name regex \".*\"" },
		{ false, "user.audit.id != 5" },
		{ false, "process.parent.args != x" },
		{ false, "process.name = val(process.tty.name)" },
		{ false, "process.interactive" },
		{ true, "not process.interactive" },
		{ true, "container.id = \"\"" },
		{ false, "ancestor(process.name = x) or process.parent.args in (x)" },
	};
	expect_on_open(cases, ARRAY_SIZE(cases));
}

/* A field of another of the rule's events is missing; so is every item of an empty list. */
static void fields_of_other_events_and_empty_lists_are_missing(void **state)
{
	(void)state;
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	assert_int_equal(condition_load("file.open, process.exec", "not vedette.exec.script exists and not process.args exists", &set, &diag), 0);
	assert_int_equal(event_builder_new(&b), 0);
	event_builder_begin(b, event_type_by_number(EVENT_FILE_OPEN));
	assert_int_equal(event_builder_set(b, SV("process.args"), NULL, 0), 0);
	struct event ev;
	struct matches m;
	assert_int_equal(event_builder_event(b, &ev), 0);
	ruleset_evaluate(set, &ev, &m);
	assert_int_equal(m.n, 1);
	event_builder_begin(b, event_type_by_number(EVENT_PROC_EXEC));
	assert_int_equal(event_builder_event(b, &ev), 0);
	ruleset_evaluate(set, &ev, &m);
	assert_int_equal(m.n, 0);
}

static void what_is_cut_short_buys_no_exception(void **state)
{
	(void)state;
	static const struct {
		bool holds;
		const char *flag, *what; /* vedette.truncated or vedette.uncertain, and the field it names */
		uint32_t event;
		const char *condition;
	} cases[] = {
		{ false, NULL, NULL, EVENT_FILE_OPEN, "not file.path startswith /etc" },
		{ true, "vedette.truncated", "file.path", EVENT_FILE_OPEN, "not file.path startswith /etc" },
		{ true, "vedette.uncertain", "file.path", EVENT_FILE_OPEN, "not file.path startswith /etc" },
		{ false, "vedette.truncated", "vedette.file.fs_path", EVENT_FILE_OPEN, "not file.path startswith /etc" },
		{ true, "vedette.truncated", "file.path", EVENT_FILE_OPEN, "file.path startswith /etc" },
		{ true, "vedette.truncated", "file.path", EVENT_FILE_OPEN, "not (file.path startswith /etc and true)" },
		{ true, "vedette.truncated", "file.path", EVENT_FILE_OPEN, "not (file.path != /x)" },
		{ true, "vedette.truncated", "file.path", EVENT_FILE_OPEN, "not (not file.path startswith /etc)" },
		{ false, "vedette.truncated", "file.path", EVENT_FILE_OPEN, "not file.path exists" },
		{ true, "vedette.truncated", "file.path", EVENT_FILE_OPEN, "not file.name = shadow" },
		{ true, "vedette.truncated", "file.path", EVENT_FILE_OPEN, "not tolower(file.directory) = /etc" },
		{ true, "vedette.truncated", "process.args", EVENT_FILE_OPEN, "not process.command_line contains cat" },
		{ false, "vedette.truncated", "file.path", EVENT_FILE_OPEN, "not process.executable = /usr/bin/cat" },
		{ true, "vedette.truncated", "file.path", EVENT_PROC_EXEC, "not process.executable = /usr/bin/cat" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct given fields[] = { { "file.path", "/etc/shadow" }, { "process.executable", "/usr/bin/cat" }, { "process.args", "cat|x" },
						{ cases[i].flag, cases[i].what } };
		if (condition_holds_on(cases[i].condition, cases[i].event, fields, ARRAY_SIZE(fields)) != cases[i].holds)
			fail_msg("%s %s: should %shold: %s", cases[i].flag ? cases[i].flag : "whole", cases[i].what ? cases[i].what : "",
				 cases[i].holds ? "" : "not ", cases[i].condition);
	}
}

/* --- what is given up ------------------------------------------------------------------------------------------------------------ */

enum { LONG_TEXT = 2000 };

/* A path and two arguments that drive (a+)+[bc] to its limit, and one that does not. */
static void build_hard_event(struct event_builder *b, struct event *ret)
{
	char hard[LONG_TEXT + 1];
	memset(hard, 'a', LONG_TEXT);
	hard[LONG_TEXT] = '\0';
	struct strview args[] = { sv_from("short"), sv_from(hard), sv_from(hard) };
	event_builder_begin(b, event_type_by_number(EVENT_FILE_OPEN));
	assert_int_equal(event_builder_set_text(b, "file.path", hard), 0);
	assert_int_equal(event_builder_set_text(b, "process.name", "cat"), 0);
	assert_int_equal(event_builder_set(b, SV("process.args"), args, ARRAY_SIZE(args)), 0);
	assert_int_equal(event_builder_event(b, ret), 0);
}

#define HARD "file.path regex \"(a+)+[bc]\""

static void a_test_that_is_given_up_is_undecided(void **state)
{
	(void)state;
	enum { NO, YES, OPEN };
	static const struct {
		int expected;
		const char *condition;
	} cases[] = {
		{ OPEN, HARD },
		{ OPEN, "not " HARD },
		{ OPEN, "not (not " HARD ")" },
		{ NO, HARD " and process.name = bash" },
		{ NO, "process.name = bash and " HARD },
		{ OPEN, HARD " and process.name = cat" },
		{ YES, HARD " or process.name = cat" },
		{ OPEN, HARD " or process.name = bash" },
		{ OPEN, "process.name = cat and not (process.name = cat and " HARD ")" },
		{ YES, "process.name = cat and not (process.name = bash and " HARD ")" },
		{ NO, "process.name = cat and not (process.name = cat or " HARD ")" },
		/* the text that decides makes the other texts not matter */
		{ YES, "file.path regex anyof (\"(a+)+[bc]\", \"a+\")" },
		{ OPEN, "file.path regex anyof (\"(a+)+[bc]\", \"b+\")" },
		{ NO, "file.path regex allof (\"(a+)+[bc]\", \"b+\")" },
		{ OPEN, "file.path regex allof (\"(a+)+[bc]\", \"a+\")" },
		{ OPEN, "file.path regex oneof (\"(a+)+[bc]\", \"a+\")" },
		{ OPEN, "file.path regex oneof (\"(a+)+[bc]\", \"b+\")" },
		{ NO, "file.path regex oneof (\"(a+)+[bc]\", \"a+\", \".*\")" },
		/* lists: some item is enough */
		{ OPEN, "process.args regex \"(a+)+[bc]\"" },
		{ YES, "process.args regex \"(a+)+[bc]|short\"" },
		{ NO, "not process.args regex \"(a+)+[bc]|short\"" },
		/* a missing value is not an undecided one */
		{ NO, "process.tty.name regex \"(a+)+[bc]\"" },
		{ YES, "not process.tty.name regex \"(a+)+[bc]\"" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		CLEANUP(event_builder_free) struct event_builder *b = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct event ev;
		struct matches m;
		assert_int_equal(condition_load("file.open", cases[i].condition, &set, &diag), 0);
		assert_int_equal(event_builder_new(&b), 0);
		build_hard_event(b, &ev);
		ruleset_evaluate(set, &ev, &m);
		int found = m.n ? YES : m.n_undecided ? OPEN : NO;
		if (found != cases[i].expected || m.n + m.n_undecided > 1)
			fail_msg("expected %d, found %d: %s", cases[i].expected, found, cases[i].condition);
	}
}

/* Nobody buys an exception with a text that runs the exception's pattern to its limit, nor with one that is cut. */
static void an_undecided_exception_excepts_nothing_for_certain(void **state)
{
	(void)state;
	static const char text[] = "- rule: with-exception\n  severity: high\n  event: file.open\n  when: process.name = cat\n"
				   "  exceptions:\n    - name: hard\n      when: " HARD "\n"
				   "- rule: decided\n  severity: high\n  event: file.open\n  when: process.name = cat\n";
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(buf_done) struct buf why = { 0 };
	struct event ev;
	struct matches m;
	assert_int_equal(ruleset_load_text("t.yaml", SV(text), &set, &diag), 0);
	assert_int_equal(event_builder_new(&b), 0);
	build_hard_event(b, &ev);
	ruleset_evaluate(set, &ev, &m);
	assert_int_equal(m.n, 1);
	assert_int_equal(m.rule[0], 1);
	assert_int_equal(m.n_undecided, 1);
	assert_int_equal(m.undecided[0], 0);
	ruleset_undecided_reason(set, 0, &ev, &why);
	assert_string_equal(buf_cstr(&why), "given up at its limit of steps or memory: " HARD);
	buf_reset(&why);
	ruleset_undecided_reason(set, 1, &ev, &why);
	assert_int_equal(why.n, 0);
}

/* Functions over a long argv, nested until the scratch memory of a test does not hold them. */
static void a_function_without_memory_is_undecided(void **state)
{
	(void)state;
	static char item[20000];
	memset(item, 'a', sizeof(item));
	struct strview args[] = { { item, 15000 }, { item, 15000 } };
#define JOINED "join(\"-\", process.args, process.args, process.args, process.args, process.args, process.args, process.args)"
	static const struct {
		size_t n, n_undecided;
		const char *condition;
	} cases[] = {
		{ 1, 0, JOINED " startswith aaa" },
		{ 0, 1, "concat(" JOINED ", " JOINED ") startswith aaa" },
		{ 0, 1, "not concat(" JOINED ", " JOINED ") startswith aaa" },
		{ 0, 1, "concat(" JOINED ", " JOINED ") exists" },
		{ 0, 1, "process.name = concat(" JOINED ", " JOINED ")" },
	};
#undef JOINED
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		CLEANUP(event_builder_free) struct event_builder *b = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct event ev;
		struct matches m;
		assert_int_equal(condition_load("file.open", cases[i].condition, &set, &diag), 0);
		assert_int_equal(event_builder_new(&b), 0);
		event_builder_begin(b, event_type_by_number(EVENT_FILE_OPEN));
		assert_int_equal(event_builder_set_text(b, "process.name", "cat"), 0);
		assert_int_equal(event_builder_set(b, SV("process.args"), args, ARRAY_SIZE(args)), 0);
		assert_int_equal(event_builder_event(b, &ev), 0);
		ruleset_evaluate(set, &ev, &m);
		if (m.n != cases[i].n || m.n_undecided != cases[i].n_undecided)
			fail_msg("%zu match, %zu undecided: %s", m.n, m.n_undecided, cases[i].condition);
	}
}

static void undecided_rules_past_the_maximum_are_counted(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct event ev;
	struct matches m;
	for (int i = 0; i < RULES_MAX_MATCHES + 3; i++)
		buf_add_format(&text, "- {rule: r%d, severity: low, event: file.open, when: '" HARD "'}\n", i);
	assert_int_equal(ruleset_load_text("t.yaml", buf_sv(&text), &set, &diag), 0);
	assert_int_equal(event_builder_new(&b), 0);
	build_hard_event(b, &ev);
	ruleset_evaluate(set, &ev, &m);
	assert_int_equal(m.n, 0);
	assert_int_equal(m.n_undecided, RULES_MAX_MATCHES);
	assert_int_equal(m.undecided[RULES_MAX_MATCHES - 1], RULES_MAX_MATCHES - 1);
	assert_int_equal(m.undecided_not_kept, 3);
	ruleset_evaluate(set, &ev, &m);
	assert_int_equal(m.n_undecided, RULES_MAX_MATCHES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(missing_fields_make_every_test_false),
		cmocka_unit_test(fields_of_other_events_and_empty_lists_are_missing),
		cmocka_unit_test(what_is_cut_short_buys_no_exception),
		cmocka_unit_test(a_test_that_is_given_up_is_undecided),
		cmocka_unit_test(an_undecided_exception_excepts_nothing_for_certain),
		cmocka_unit_test(a_function_without_memory_is_undecided),
		cmocka_unit_test(undecided_rules_past_the_maximum_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
