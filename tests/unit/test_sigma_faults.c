/* SPDX-License-Identifier: Apache-2.0 */
/* What Sigma rules are told that say something else than they look: once, at its place, and with what to do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/rules/condition.h"
#include "engine/rules/ruleset.h"

#define HEAD       "title: T\nid: r\nlevel: low\nlogsource: {product: linux, category: process_creation}\ndetection:\n"
#define CONNECTION "title: T\nid: r\nlevel: low\nlogsource: {product: linux, category: network_connection}\ndetection:\n"
#define CORRELATED HEAD "  s: {User: root}\n  condition: s\n---\ntitle: C\nid: c\ncorrelation:\n"

/* "line:column: [warning: ]text", one for each message, in the order told. */
static void expect_messages(const char *text, const char *wanted)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(buf_done) struct buf told = { 0 };
	int err = ruleset_load_text("t.yml", sv_from(text), &set, &diag);
	for (size_t i = 0; i < diag.n; i++) {
		char line[1280];
		diag_format(&diag.messages[i], line, sizeof(line));
		buf_add_format(&told, "%s\n", line + strlen("t.yml:"));
	}
	assert_int_equal(err != 0, diag.errors != 0);
	if (strcmp(buf_cstr(&told), wanted) != 0)
		fail_msg("told:\n%snot:\n%s%.600s", buf_cstr(&told), wanted, text);
}

struct telling {
	const char *text, *messages;
};

static void expect_all(const struct telling *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect_messages(cases[i].text, cases[i].messages);
}

/* Connections have two rows of the mapping, and a rule is built for each. */
static void a_fault_is_told_once_and_nothing_follows_from_it(void **state)
{
	(void)state;
	static const struct telling cases[] = {
		{ CONNECTION "  s: {DestinationIp|cidr: 192.168.1.5/16}\n  condition: s\n",
		  "6:27: '192.168.1.5/16' has bits set behind its prefix: write the network's own address\n" },
		{ CONNECTION "  s: {Image|re: 'a('}\n  condition: s\n", "6:17: 'a(' is no regular expression: missing closing parenthesis, at offset 2\n" },
		{ HEAD "  s: {Image|re: 'a('}\n  condition: s\n", "6:17: 'a(' is no regular expression: missing closing parenthesis, at offset 2\n" },
		{ HEAD "  s: {Image|re: 'a('}\n  t: {User|contains: }\n  condition: s or t\n",
		  "6:17: 'a(' is no regular expression: missing closing parenthesis, at offset 2\n"
		  "7:22: field 'User': the value is missing here\n" },
		{ HEAD "  s: {Computer: elsewhere}\n  condition: s\n", "7:14: warning: this condition never holds\n" },
	};
	expect_all(cases, ARRAY_SIZE(cases));
}

static void too_many_values_are_told_once(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf text = { 0 };
	buf_add_z(&text, CONNECTION "  condition: s\n  s:\n    Image:\n");
	for (int i = 0; i < TEST_MAX_VALUES; i++)
		buf_add_format(&text, "      - /a%d\n", i);
	assert_int_equal(buf_error(&text), 0);
	expect_messages(buf_cstr(&text), "");
	for (int i = 0; i < 100; i++)
		buf_add_format(&text, "      - /b%d\n", i);
	assert_int_equal(buf_error(&text), 0);
	expect_messages(buf_cstr(&text), "10009:9: field 'Image': too many values (10000 at most): make several selections of them\n");
}

#define UNNAMED "warning: the condition does not name the selection 'f': it has no effect\n"

static void selections_that_no_condition_names_are_told_and_looked_at(void **state)
{
	(void)state;
	static const struct telling cases[] = {
		{ HEAD "  s: {User: root}\n  f: {User: bob}\n  condition: s\n", "7:3: " UNNAMED },
		{ CONNECTION "  s: {User: root}\n  f: {User: bob}\n  condition: s\n", "7:3: " UNNAMED },
		{ HEAD "  s: {User: root}\n  f: {User: bob}\n  condition: [s, 1 of s*]\n", "7:3: " UNNAMED },
		{ HEAD "  s: {User: root}\n  f: {ProcessId|lt: x}\n  condition: s\n",
		  "7:3: " UNNAMED "7:21: 'x' is not a number for process.pid: whole number, 0 to 4294967295\n" },
		{ HEAD "  s: {User: root}\n  f: {User|base64: 'a*'}\n  condition: [s, s]\n",
		  "7:3: " UNNAMED "7:20: 'a*' holds a wildcard, which cannot be encoded (escape it: \\* \\?)\n" },
		{ HEAD "  s: {User: root}\n  f:\n  condition: s\n", "7:3: " UNNAMED "7:5: the selection is empty (are its fields indented below it?)\n" },
		{ HEAD "  s: {User: root}\n  f: {User: bob}\n  condition: s and not f\n", "" },
		{ HEAD "  s: {User: root}\n  f: {User: bob}\n  condition: [s, f]\n", "" },
		{ HEAD "  s: {User: root}\n  f: {User: bob}\n  condition: 1 of them\n", "" },
		/* what documents share, one of them may leave */
		{ "action: global\ntitle: T\nlogsource: {product: linux, category: process_creation}\nlevel: low\ndetection:\n  f: {User: bob}\n---\n"
		  "id: a\ndetection: {s: {User: root}, condition: s}\n---\nid: b\ndetection: {s: {User: root}, condition: s and not f}\n", "" },
	};
	expect_all(cases, ARRAY_SIZE(cases));
}

/* A value that its field never has, in a selection that nothing asks for. */
static void what_no_condition_names_is_no_part_of_the_rule(void **state)
{
	(void)state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	assert_int_equal(ruleset_load_text("t.yml", SV(HEAD "  s: {User: root}\n  f: {ProcessId: x}\n  condition: s\n"), &set, &diag), 0);
	assert_int_equal(diag.warnings, 2);
	assert_int_equal(ruleset_get(set, 0)->coverage, COVERAGE_FULL);
}

static void numbers_that_no_port_has_are_lost(void **state)
{
	(void)state;
	static const struct {
		const char *selection;
		enum coverage coverage;
		const char *reason;
	} cases[] = {
		{ "{DestinationPort: [443, 70000]}", COVERAGE_PARTIAL, "t.yml:6: '70000' is no value that destination.port can have (a port is 65535 at most)" },
		{ "{DestinationPort|gte: [443, 65536]}", COVERAGE_PARTIAL, "t.yml:6: no destination.port is >= '65536' (a port is 65535 at most)" },
		{ "{DestinationPort: 65536}", COVERAGE_NEEDS_SOURCE, "'65536' is no value that destination.port can have" },
		{ "{DestinationPort|gt: 65535}", COVERAGE_NEEDS_SOURCE, "no destination.port is > '65535'" },
		{ "{DestinationPort: [443, 65535]}", COVERAGE_FULL, NULL },
		{ "{DestinationPort|gt: 65534}", COVERAGE_FULL, NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		char text[512];
		snprintf(text, sizeof(text), CONNECTION "  s: %s\n  condition: s\n", cases[i].selection);
		assert_int_equal(ruleset_load_text("t.yml", sv_from(text), &set, &diag), 0);
		const struct rule_info *rule = ruleset_get(set, 0);
		assert_int_equal(rule->n_reasons, cases[i].reason ? 1 : 0);
		assert_int_equal(diag.warnings > 0, cases[i].reason != NULL);
		if (rule->coverage != cases[i].coverage || (cases[i].reason && !strstr(rule->reasons[0], cases[i].reason)))
			fail_msg("%s: class %d, %s", cases[i].selection, (int)rule->coverage, rule->n_reasons ? rule->reasons[0] : "");
	}
}

#define TWO_ROWS \
	"sigma_mapping:\n  - {logsource: {product: linux, category: file_event}, event: file.rename, fields: {TargetFilename: vedette.new_path, Image: process.executable}}\n" \
	"---\ntitle: T\nid: r\nlevel: low\nlogsource: {product: linux, category: file_event}\ndetection: {s: {TargetFilename: /x}, condition: s}\n---\n" \
	"title: C\nid: c\ncorrelation:\n  rules: [r]\n  timespan: 1m\n"

/* TargetFilename is file.path where a file is made. */
static void correlations_by_fields_that_differ_are_told(void **state)
{
	(void)state;
	static const struct telling cases[] = {
		{ TWO_ROWS "  type: event_count\n  group-by: [Image]\n  condition: {gte: 3}\n", "" },
		{ TWO_ROWS "  type: event_count\n  group-by: [TargetFilename]\n  condition: {gte: 3}\n",
		  "16:14: warning: correlation: field 'TargetFilename' is file.path in one row of the mapping and vedette.new_path in another: only the first is read\n" },
		{ TWO_ROWS "  type: value_count\n  condition: {gte: 3, field: TargetFilename}\n",
		  "16:30: warning: correlation: field 'TargetFilename' is file.path in one row of the mapping and vedette.new_path in another: only the first is read\n" },
		{ CONNECTION "  s: {DestinationPort: 1}\n  condition: s\n---\ntitle: C\nid: c\n"
		  "correlation: {type: event_count, rules: [r], timespan: 1m, condition: {gte: 3}, group-by: [SourceIp, Computer]}\n", "" },
	};
	expect_all(cases, ARRAY_SIZE(cases));
}

static void words_of_a_rule_may_be_in_either_case(void **state)
{
	(void)state;
	static const struct {
		const char *says;
		enum severity severity;
		bool is_enabled;
	} cases[] = {
		{ "level: High\nstatus: Experimental\n", SEVERITY_HIGH, true },
		{ "level: INFORMATIONAL\nstatus: Test\n", SEVERITY_INFO, true },
		{ "level: Critical\nstatus: Deprecated\n", SEVERITY_CRITICAL, false },
		{ "level: low\nstatus: UNSUPPORTED\n", SEVERITY_LOW, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		char text[512];
		snprintf(text, sizeof(text), "title: T\n%slogsource: {product: linux, category: process_creation}\ndetection: {s: {User: x}, condition: s}\n", cases[i].says);
		if (ruleset_load_text("t.yml", sv_from(text), &set, &diag))
			fail_msg("%s: %s", cases[i].says, diag.messages[0].text);
		assert_int_equal(ruleset_get(set, 0)->severity, cases[i].severity);
		assert_int_equal(ruleset_get(set, 0)->is_enabled, cases[i].is_enabled);
	}
}

static void what_is_not_supported_says_what_to_do(void **state)
{
	(void)state;
	static const struct telling cases[] = {
		{ "title: F\nlogsource: {product: linux}\nfilter: {rules: [x], selection: {User: x}, condition: not selection}\n",
		  "3:9: filters of Sigma are not read: give the rules exceptions instead, by an item with 'override' and 'append: {exceptions: ...}'\n" },
		{ CORRELATED "  type: event_count\n  rules: [r]\n  timespan: 1m\n  condition: {neq: 5}\n",
		  "15:20: correlation: condition: neq is not supported: write two correlations, one with lt and one with gt\n" },
		{ "title: W\nid: w\nlogsource: {product: windows, category: process_creation}\ndetection: {s: {User: x}, condition: s}\n---\n"
		  "- cases_for: w\n  cases: [{fires: {User: x}}]\n",
		  "7:11: case: the rule is about no event that is reported here, so it can have no cases: leave it out\n" },
		{ "sigma_mapping: [{logsource: {category: x}, event: file.renam}]\n", "1:51: event: unknown event 'file.renam' (did you mean 'file.rename'?)\n" },
		{ "sigma_mapping: [{logsource: {category: x}, event: [file.open, zzzzzz]}]\n",
		  "1:63: event: unknown event 'zzzzzz' ('vedette fields' lists them)\n" },
		{ "sigma_mapping: [{logsource: {category: x}, event: [[file.open]]}]\n", "1:52: event: unknown event '' ('vedette fields' lists them)\n" },
	};
	expect_all(cases, ARRAY_SIZE(cases));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fault_is_told_once_and_nothing_follows_from_it),
		cmocka_unit_test(too_many_values_are_told_once),
		cmocka_unit_test(selections_that_no_condition_names_are_told_and_looked_at),
		cmocka_unit_test(what_no_condition_names_is_no_part_of_the_rule),
		cmocka_unit_test(numbers_that_no_port_has_are_lost),
		cmocka_unit_test(correlations_by_fields_that_differ_are_told),
		cmocka_unit_test(words_of_a_rule_may_be_in_either_case),
		cmocka_unit_test(what_is_not_supported_says_what_to_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
