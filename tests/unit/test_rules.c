/* SPDX-License-Identifier: Apache-2.0 */
/* The whole of a set: loading, evaluating, cases, digest, messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/event/builder.h"
#include "engine/rules/ruleset.h"

static struct ruleset *load(const char *text)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct ruleset *set = NULL;
	if (ruleset_load_text("test.yaml", sv_from(text), &set, &diag)) {
		char line[2048] = "no message";
		if (diag.n)
			diag_format(&diag.messages[0], line, sizeof(line));
		fail_msg("refused: %s", line);
	}
	assert_int_equal(diag.errors, 0);
	return set;
}

static const char two_rules[] =
	"- rule: shadow\n"
	"  title: Shadow file\n"
	"  event: file.open\n"
	"  severity: high\n"
	"  attack: [T1003.008, TA0006]\n"
	"  tags: [x]\n"
	"  when: file.path = /etc/shadow\n"
	"  message: \"{process.name} {{reads}} {file.path} {process.tty.name}{file.mode}\"\n"
	"- rule: any-file\n"
	"  event: file.*\n"
	"  severity: info\n"
	"  when: true\n"
	"- rule: off\n"
	"  enabled: false\n"
	"  event: [file.open, process.exec]\n"
	"  severity: low\n"
	"  when: event.outcome = success\n";

static void rules_are_known_by_what_they_say(void **state)
{
	(void)state;
	CLEANUP(ruleset_free) struct ruleset *set = load(two_rules);
	assert_int_equal(ruleset_count(set), 3);
	const struct rule_info *rule = ruleset_get(set, 0);
	assert_string_equal(rule->id, "shadow");
	assert_string_equal(rule->title, "Shadow file");
	assert_string_equal(rule->ruleset, "test");
	assert_string_equal(rule->attack[1], "TA0006");
	assert_null(rule->attack[2]);
	assert_int_equal(rule->severity, SEVERITY_HIGH);
	assert_int_equal(rule->at.line, 1);
	assert_int_equal(rule->events, 1ull << EVENT_FILE_OPEN);
	assert_string_equal(ruleset_get(set, 1)->title, "any-file");
	assert_true(ruleset_get(set, 1)->events >> EVENT_FILE_SETXATTR & 1);
	assert_false(ruleset_get(set, 2)->is_enabled);
	assert_true(ruleset_get(set, 2)->needs_outcome);
	assert_false(ruleset_events(set) >> EVENT_PROC_EXEC & 1);
	assert_int_equal(ruleset_outcome_events(set), 0);
}

static void an_event_raises_the_rules_that_hold(void **state)
{
	(void)state;
	CLEANUP(ruleset_free) struct ruleset *set = load(two_rules);
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	CLEANUP(buf_done) struct buf text = { 0 };
	struct event ev;
	struct matches m;
	assert_int_equal(event_builder_new(&b), 0);
	event_builder_begin(b, event_type_by_number(EVENT_FILE_OPEN));
	assert_int_equal(event_builder_set_text(b, "file.path", "/etc/shadow"), 0);
	assert_int_equal(event_builder_set_text(b, "process.name", "a\x1b\xff"), 0);
	assert_int_equal(event_builder_set_text(b, "file.mode", "0640"), 0);
	assert_int_equal(event_builder_event(b, &ev), 0);
	ruleset_evaluate(set, &ev, &m);
	assert_int_equal(m.n, 2);
	assert_int_equal(m.rule[0], 0);
	assert_int_equal(m.rule[1], 1);
	assert_int_equal(m.n_undecided, 0);
	ruleset_message(set, 0, &ev, &text);
	assert_string_equal(buf_cstr(&text), "a\\x1b\\xff {reads} /etc/shadow -0640");

	event_builder_begin(b, event_type_by_number(EVENT_FILE_DELETE));
	assert_int_equal(event_builder_event(b, &ev), 0);
	ruleset_evaluate(set, &ev, &m);
	assert_int_equal(m.n, 1);
	event_builder_begin(b, event_type_by_number(EVENT_PROC_EXEC));
	assert_int_equal(event_builder_event(b, &ev), 0);
	ruleset_evaluate(set, &ev, &m);
	assert_int_equal(m.n, 0);
}

static void messages_show_what_functions_make_of_fields(void **state)
{
	static const struct {
		const char *message, *shown;
	} cases[] = {
		{ "{toupper(process.name)}|", "CAT|" },
		{ "{basename(file.path)}: {len(file.path)} bytes", "shadow: 11 bytes" },
		{ "{process.name:5}|{file.path:4}|", "cat  |/etc|" },
		{ "{toupper(process.name):2}|{concat(process.name, \": \", file.path)}", "CA|cat: /etc/shadow" },
		{ "{{{process.name}}}", "{cat}" },
		{ "{toupper(process.tty.name)}|{process.tty.name:3}|", "-|-  |" },
		{ "{falco.proc.name:6}|{toupper(proc.name)}", "cat   |CAT" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[512];
		snprintf(text, sizeof(text), "- rule: r\n  event: file.open\n  severity: low\n  when: true\n  message: '%s'\n", cases[i].message);
		CLEANUP(ruleset_free) struct ruleset *set = load(text);
		CLEANUP(event_builder_free) struct event_builder *b = NULL;
		CLEANUP(buf_done) struct buf out = { 0 };
		struct event ev;
		assert_int_equal(event_builder_new(&b), 0);
		event_builder_begin(b, event_type_by_number(EVENT_FILE_OPEN));
		assert_int_equal(event_builder_set_text(b, "file.path", "/etc/shadow"), 0);
		assert_int_equal(event_builder_set_text(b, "process.name", "cat"), 0);
		assert_int_equal(event_builder_event(b, &ev), 0);
		ruleset_message(set, 0, &ev, &out);
		if (strcmp(buf_cstr(&out), cases[i].shown) != 0)
			fail_msg("%s: shows %s", cases[i].message, buf_cstr(&out));
	}
}

static void cases_pass_and_fail(void **state)
{
	(void)state;
	CLEANUP(ruleset_free) struct ruleset *set = load("- rule: a\n"
							 "  event: [file.open, file.delete]\n"
							 "  severity: low\n"
							 "  when: file.path = /a and (file.open.read or not file.open.write exists)\n"
							 "  cases:\n"
							 "    - {event: file.open, fires: {file.path: /a, file.open.read: true}}\n"
							 "    - {event: file.delete, fires: {file.path: /a}}\n"
							 "    - {event: file.open, quiet: {file.path: /b}}\n"
							 "    - {event: file.open, fires: {file.path: /b}}\n"
							 "    - {event: file.delete, quiet: {file.path: /a}}\n"
							 "    - {event: file.open, quiet: {user.id: many}}\n");
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct case_result result;
	assert_int_equal(ruleset_run_cases(set, &result, &diag), 0);
	assert_int_equal(result.passed, 3);
	assert_int_equal(result.failed, 3);
	assert_int_equal(diag.errors, 3);
	assert_int_equal(diag.messages[0].line, 9);
	assert_string_equal(diag.messages[0].file, "test.yaml");
	assert_non_null(strstr(diag.messages[0].text, "rule 'a': should fire"));
	assert_int_equal(diag.messages[2].line, 11);
	assert_non_null(strstr(diag.messages[2].text, "'many' is no value for user.id"));
}

static void the_digest_follows_every_byte(void **state)
{
	(void)state;
	static const char *const texts[] = { "", "#\n", "- rule: a\n  event: file.open\n  severity: low\n  when: true\n",
					     "- rule: a\n  event: file.open\n  severity: low\n  when: false\n" };
	char seen[ARRAY_SIZE(texts)][65];
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP(ruleset_free) struct ruleset *set = load(texts[i]);
		assert_int_equal(strlen(ruleset_digest(set)), 64);
		memcpy(seen[i], ruleset_digest(set), 65);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(seen[k], seen[i]);
	}
	CLEANUP(ruleset_free) struct ruleset *again = load(texts[3]);
	assert_string_equal(ruleset_digest(again), seen[3]);
}

/* Who does not want to know why may pass no diag: a refusal is one all the same. */
static void faults_count_without_a_diag(void **state)
{
	(void)state;
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	assert_true(ruleset_load_text("t", SV("- {rule: a, event: file.open, severity: low, when: no.such = 1}"), &set, NULL) != 0);
	assert_null(set);
	assert_int_equal(ruleset_load_text("t", SV("- {rule: a, event: file.open, severity: low, when: true}"), &set, NULL), 0);
}

/* More rules hold than are kept: the rest is counted. */
static void matches_beyond_the_maximum_are_counted(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	for (int i = 0; i < RULES_MAX_MATCHES + 10; i++)
		buf_add_format(&text, "- {rule: r%d, event: file.open, severity: low, when: true, cases: [{fires: {}}]}\n", i);
	CLEANUP(ruleset_free) struct ruleset *set = load(buf_cstr(&text));
	struct event ev;
	struct matches m;
	assert_int_equal(event_builder_new(&b), 0);
	event_builder_begin(b, event_type_by_number(EVENT_FILE_OPEN));
	assert_int_equal(event_builder_event(b, &ev), 0);
	ruleset_evaluate(set, &ev, &m);
	assert_int_equal(m.n, RULES_MAX_MATCHES);
	assert_int_equal(m.not_kept, 10);
	struct case_result result;
	assert_int_equal(ruleset_run_cases(set, &result, NULL), 0);
	assert_int_equal(result.passed, RULES_MAX_MATCHES + 10);
}

/* Another name of a field sets that field. */
static void cases_set_fields_by_other_names(void **state)
{
	(void)state;
	CLEANUP(ruleset_free) struct ruleset *set = load("- rule: a\n"
							 "  event: file.open\n"
							 "  severity: low\n"
							 "  when: file.path = /a and process.name = cat\n"
							 "  cases:\n"
							 "    - {fires: {evt.abspath: /a, proc.name: cat}}\n"
							 "    - {fires: {file.path: /a, falco.proc.name: cat}}\n"
							 "    - {quiet: {evt.abspath: /a, proc.name: dog}}\n");
	struct case_result result;
	assert_int_equal(ruleset_run_cases(set, &result, NULL), 0);
	assert_int_equal(result.passed, 3);
	assert_int_equal(result.failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_are_known_by_what_they_say),
		cmocka_unit_test(an_event_raises_the_rules_that_hold),
		cmocka_unit_test(messages_show_what_functions_make_of_fields),
		cmocka_unit_test(cases_pass_and_fail),
		cmocka_unit_test(cases_set_fields_by_other_names),
		cmocka_unit_test(the_digest_follows_every_byte),
		cmocka_unit_test(faults_count_without_a_diag),
		cmocka_unit_test(matches_beyond_the_maximum_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
