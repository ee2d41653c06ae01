/* SPDX-License-Identifier: Apache-2.0 */
/* Sigma rules: what each modifier and each form of a selection means, what is refused and where, what is kept of a rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/rules/ruleset.h"
#include "tests/support/sigma_event.h"

#define HEAD "title: T\nid: r\nlevel: low\nlogsource: {product: linux, category: process_creation}\n"
#define EVENT "{Image: /usr/bin/Cat, CommandLine: 'cat -n /etc/Shadow \"a*b\"', ParentImage: /usr/bin/bash, User: root, LogonId: '1000', ProcessId: '42'}"

static struct yaml_tree *parse(const char *text)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct yaml_tree *tree = NULL;
	if (yaml_parse("test", sv_from(text), &tree, &diag))
		fail_msg("test is no YAML: %s: %s", text, diag.messages[0].text);
	return tree;
}

static struct yaml_tree *shipped_mapping(void)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct yaml_tree *tree = NULL;
	if (yaml_load("schemas/mappings/sigma.yaml", &tree, &diag))
		fail_msg("%s", diag.messages[0].text);
	return tree;
}

static struct ruleset *load(const char *text, struct diag *diag)
{
	struct ruleset *set = NULL;
	if (ruleset_load_text("test.yml", sv_from(text), &set, diag) == 0)
		return set;
	char line[2048] = "no report";
	if (diag->n)
		diag_format(&diag->messages[0], line, sizeof(line));
	fail_msg("not loaded: %s\n%s", line, text);
	return NULL;
}

/* Does the first rule of the text hold on the event of this category with these fields? */
static bool holds(const char *text, const char *category, const char *event)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = load(text, &diag);
	CLEANUP(yaml_tree_free) struct yaml_tree *fields = parse(event);
	CLEANUP(yaml_tree_free) struct yaml_tree *mapping = shipped_mapping();
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	struct event ev;
	struct matches m = { 0 };
	assert_int_equal(event_builder_new(&b), 0);
	assert_int_equal(sigma_event_build(b, yaml_root(mapping)->first, category, yaml_root(fields)->first, &ev), 0);
	ruleset_evaluate(set, &ev, &m);
	assert_int_equal(m.n_undecided, 0);
	return m.n > 0;
}

struct truth {
	const char *detection; /* the selection `s`, as flow YAML */
	bool holds;
};

static void expect_selections(const struct truth *cases, size_t n, const char *event)
{
	for (size_t i = 0; i < n; i++) {
		char text[2048];
		snprintf(text, sizeof(text), HEAD "detection:\n  s: %s\n  condition: s\n", cases[i].detection);
		if (holds(text, "process_creation", event) != cases[i].holds)
			fail_msg("should %s: %s", cases[i].holds ? "hold" : "not hold", cases[i].detection);
	}
}

static void modifiers_mean_what_sigma_says(void **state)
{
	(void)state;
	static const struct truth cases[] = {
		{ "{Image: /USR/bin/cat}", true },
		{ "{Image: /usr/bin/ca}", false },
		{ "{Image: [/x, /usr/bin/CAT]}", true },
		{ "{Image|cased: /usr/bin/Cat}", true },
		{ "{Image|cased: /usr/bin/cat}", false },
		{ "{Image|cased: [/x, /usr/bin/Cat]}", true },
		{ "{Image|endswith: [/cat, /dog]}", true },
		{ "{Image|endswith|cased: /cat}", false },
		{ "{Image|startswith: /USR/}", true },
		{ "{Image|startswith: usr}", false },
		{ "{CommandLine|contains: SHADOW}", true },
		{ "{CommandLine|contains|cased: SHADOW}", false },
		{ "{CommandLine|contains: [x, -N]}", true },
		{ "{CommandLine|contains|all: [shadow, -N]}", true },
		{ "{CommandLine|contains|all: [shadow, -m]}", false },
		{ "{CommandLine|contains|all|cased: [Shadow, -n]}", true },
		{ "{CommandLine|re: 'et./Sh'}", true },
		{ "{CommandLine|re: 'et./sh'}", false },
		{ "{CommandLine|re|i: 'ET./SH'}", true },
		{ "{CommandLine|re: ['^x', 'cat$']}", false },
		{ "{CommandLine|re: ['^x', '\"$']}", true },
		{ "{CommandLine|re: '(?i)SHADOW'}", true },
		{ "{LogonId: 1000}", true },
		{ "{LogonId: 0x3e8}", true },
		{ "{LogonId: [1, 1000]}", true },
		{ "{LogonId: 1001}", false },
		{ "{LogonId|lt: 1001}", true },
		{ "{LogonId|lt: 1000}", false },
		{ "{LogonId|lte: 1000}", true },
		{ "{LogonId|gt: 999}", true },
		{ "{LogonId|gt: 1000}", false },
		{ "{LogonId|gte: 1000}", true },
		{ "{LogonId|startswith: '10'}", true },
		{ "{LogonId: '10*'}", true },
		{ "{LogonId: '1?00'}", true },
		{ "{LogonId|re: '^1.*0$'}", true },
		{ "{LogonId: '*'}", true },
		{ "{LogonId|neq: 999}", true },
		{ "{LogonId|neq: [999, 1000]}", false },
		{ "{User|neq: ROOT}", false },
		{ "{User|neq: bob}", true },
		{ "{CurrentDirectory|neq: /}", false }, /* missing: no match */
		{ "{User|exists: true}", true },
		{ "{User|exists: false}", false },
		{ "{CurrentDirectory|exists: false}", true },
		{ "{CurrentDirectory: null}", true },
		{ "{CurrentDirectory: ~}", true },
		{ "{User: null}", false },
		{ "{User: [null, root]}", true },
		{ "{CurrentDirectory: ''}", false },
		{ "{CurrentDirectory: '*'}", false },
		{ "{Image|fieldref: Image}", true },
		{ "{Image|fieldref: ParentImage}", false },
		{ "{Image|fieldref|neq: ParentImage}", true },
		{ "{CommandLine|fieldref|contains: User}", false },
		{ "{LogonId|fieldref: ProcessId}", false },
		{ "{CommandLine|windash|contains: ' /n '}", true },
		{ "{CommandLine|windash|contains: ' -n '}", true },
		{ "{CommandLine|windash|contains|all: [' /n ', 'cat']}", true },
		{ "{CommandLine|windash|contains|all: [' /n ', 'dog']}", false },
		{ "{CommandLine|expand|contains: shadow}", true },
		{ "{Hashes|contains: x}", false },
		{ "{OriginalFileName: [a, b]}", false },
		{ "{ProcessId|gte: 42}", true },
		{ "{process.executable|endswith: /cat}", true },
	};
	expect_selections(cases, ARRAY_SIZE(cases), EVENT);
}

static void wildcards_and_escapes_mean_what_sigma_says(void **state)
{
	(void)state;
	static const struct truth cases[] = {
		{ "{Image: '*/cat'}", true },          { "{Image: '/usr/*'}", true },        { "{Image: '*BIN*'}", true },
		{ "{Image: '/usr/*/c?t'}", true },     { "{Image: '/usr/*/c?at'}", false },  { "{Image|endswith: 'bin/*'}", true },
		{ "{Image|startswith: '*bin'}", true }, { "{Image|contains: 'b?/'}", false }, { "{Image|contains: 'u?r'}", true },
		{ "{Image: '*'}", true },              { "{Image: '**'}", true },            { "{Image|contains: ''}", true },
		{ "{CommandLine|contains: 'a\\*b'}", true },
		{ "{CommandLine|contains: 'a\\?b'}", false },
		{ "{CommandLine|contains: 'a\\\\*b'}", false }, /* a backslash, then anything */
		{ "{CommandLine|contains: 'n*/etc'}", true },
		{ "{CommandLine|contains: '[e]tc'}", false },
		{ "{CommandLine|contains: '?[e*tc'}", false },
	};
	static const struct truth backslashes[] = {
		{ "{Image: 'C:\\a'}", true },       { "{Image: 'C:\\\\a'}", true },   { "{Image: '?:\\a'}", true },
		{ "{Image|endswith: '\\a'}", true }, { "{Image: 'C:\\\\\\a'}", false }, { "{Image: 'C:\\\\*'}", true },
		{ "{Image: 'C:\\*'}", false },
	};
	expect_selections(cases, ARRAY_SIZE(cases), EVENT);
	expect_selections(backslashes, ARRAY_SIZE(backslashes), "{Image: 'C:\\a'}");
}

static void encodings_are_those_of_sigma(void **state)
{
	(void)state;
	static const struct {
		const char *detection, *line;
		bool holds;
	} cases[] = {
		{ "{CommandLine|base64|contains: /bin/sh}", "x L2Jpbi9zaA== y", true },
		{ "{CommandLine|base64|contains: /bin/sh}", "x L2Jpbi9zaA y", false },
		{ "{CommandLine|base64offset|contains: /bin/sh}", "L2Jpbi9zaA==", true },
		{ "{CommandLine|base64offset|contains: /bin/sh}", "eC9iaW4vc2g=", true },     /* x/bin/sh */
		{ "{CommandLine|base64offset|contains: /bin/sh}", "eHkvYmluL3NoeA==", true }, /* xy/bin/shx */
		{ "{CommandLine|base64offset|contains: /bin/sh}", "eHl6L2Jpbi9zcQ==", false },
		{ "{CommandLine|wide|base64|contains: abc}", "YQBiAGMA", true },
		{ "{CommandLine|utf16le|base64offset|contains: foobar}", "ZgBvAG8AYgBhAHIA", true },
		{ "{CommandLine|utf16be|base64|contains: abc}", "AGEAYgBj", true },
		{ "{CommandLine|utf16|base64|contains: abc}", "//5hAGIAYwA=", true },
		{ "{CommandLine|base64|contains: 'a\\*b'}", "YSpi", true },
		{ "{CommandLine|windash|contains: ' -f'}", "x \xe2\x80\x93""f y", true },
		{ "{CommandLine|windash|contains: 'a-f'}", "x a/f y", false }, /* no option: a word stands before it */
		{ "{CommandLine|base64offset|contains|all: [/bin/sh, '-c']}", "L2Jpbi9zaCAtYyA=", true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[1024], event[512];
		snprintf(text, sizeof(text), HEAD "detection:\n  s: %s\n  condition: s\n", cases[i].detection);
		snprintf(event, sizeof(event), "{CommandLine: '%s'}", cases[i].line);
		if (holds(text, "process_creation", event) != cases[i].holds)
			fail_msg("should %s: %s on %s", cases[i].holds ? "hold" : "not hold", cases[i].detection, cases[i].line);
	}
}

/* Sigma's process_creation is a program that started. */
static void failed_execs_are_no_new_processes(void **state)
{
	(void)state;
	static const char rule[] = HEAD "detection:\n  s: {Image|startswith: /tmp/}\n  condition: s\n";
	static const char again[] = "---\nsigma_mapping:\n  - logsource: {product: linux, category: process_creation}\n    event: process.exec\n    failures: true\n";
	static const struct {
		const char *what, *more;
		bool counts;
	} cases[] = {
		{ "event.outcome: success", "", true },
		{ "vedette.exec.script: false", "", true }, /* nothing is known of the outcome */
		{ "event.outcome: failure", "", false },
		{ "event.outcome: failure", again, true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct case_result result;
		char text[2048];
		snprintf(text, sizeof(text), "%s%s---\n- cases_for: r\n  cases:\n  - %s: {process.executable: /tmp/x, %s}\n", rule, cases[i].more,
			 cases[i].counts ? "fires" : "quiet", cases[i].what);
		CLEANUP(ruleset_free) struct ruleset *set = load(text, &diag);
		assert_int_equal(ruleset_run_cases(set, &result, &diag), 0);
		if (result.passed != 1)
			fail_msg("%s%s: %s", cases[i].what, cases[i].more, diag.n ? diag.messages[0].text : "");
		assert_int_equal(ruleset_outcome_events(set), 0);
	}
}

static void lists_of_maps_and_words_are_searched(void **state)
{
	(void)state;
	static const struct truth cases[] = {
		{ "[{Image|endswith: /dog}, {User: root}]", true },
		{ "[{Image|endswith: /dog}, {User: bob}]", false },
		{ "[shadow]", true },
		{ "[SHADOW, nothing]", true },
		{ "[nothing]", false },
		{ "shadow", true },
		{ "['cat*shadow']", true },
		{ "{'|all': [shadow, bash]}", true }, /* in two texts */
		{ "{'|all': [shadow, nothing]}", false },
		{ "{'|re': 'Sh.dow'}", true },
		{ "[nothing, {User: root}]", true },
	};
	expect_selections(cases, ARRAY_SIZE(cases), EVENT);
}

static void conditions_name_selections(void **state)
{
	(void)state;
	static const struct truth cases[] = {
		{ "t_1", true },
		{ "f_1", false },
		{ "not f_1", true },
		{ "not not t_1", true },
		{ "t_1 and not f_1", true },
		{ "f_1 or t_1 and t_2", true },
		{ "(f_1 or t_1) and f_2", false },
		{ "t_1 AND NOT f_1", true },
		{ "1 of t_*", true },
		{ "1 of f_*", false },
		{ "any of f_*", false },
		{ "all of t_*", true },
		{ "all of *_1", false },
		{ "1 of *_1", true },
		{ "all of them", false },
		{ "1 of them", true },
		{ "not 1 of f_* and all of t*", true },
		{ "1 of t_1", true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[1024];
		snprintf(text, sizeof(text), HEAD "detection:\n  t_1: {User: root}\n  t_2: {LogonId: 1000}\n  f_1: {User: bob}\n  f_2: {LogonId: 1}\n"
			 "  _hidden: {User: bob}\n  condition: %s\n", cases[i].detection);
		if (holds(text, "process_creation", EVENT) != cases[i].holds)
			fail_msg("should %s: %s", cases[i].holds ? "hold" : "not hold", cases[i].detection);
	}
}

static void networks_are_told_by_end_and_direction(void **state)
{
	(void)state;
	static const struct {
		const char *detection, *event;
		bool holds;
	} cases[] = {
		{ "{DestinationIp|cidr: 10.0.0.0/8}", "{DestinationIp: 10.1.2.3, Initiated: 'true'}", true },
		{ "{DestinationIp|cidr: [192.0.2.0/24, 'fc00::/7']}", "{DestinationIp: 'fd00::1', Initiated: 'true'}", true },
		{ "{DestinationIp|cidr: 10.0.0.0/8}", "{DestinationIp: 11.1.2.3, Initiated: 'true'}", false },
		{ "{DestinationIp: 10.1.2.3}", "{DestinationIp: 10.1.2.3, Initiated: 'true'}", true },
		{ "{DestinationIp|startswith: '10.'}", "{DestinationIp: 10.1.2.3, Initiated: 'true'}", true },
		{ "{DestinationIp|startswith: '10.'}", "{DestinationIp: 110.1.2.3, Initiated: 'true'}", false },
		{ "{DestinationPort: [80, 443]}", "{DestinationPort: '443', Initiated: 'true'}", true },
		{ "{Initiated: 'true', DestinationPort: 443}", "{DestinationPort: '443', Initiated: 'true'}", true },
		{ "{Initiated: 'true', DestinationPort: 443}", "{DestinationPort: '443', Initiated: 'false'}", false },
		{ "{Initiated: 'false', DestinationPort: 443}", "{DestinationPort: '443', Initiated: 'false'}", true },
		{ "{Initiated|startswith: f, DestinationPort: 443}", "{DestinationPort: '443', Initiated: 'false'}", true },
		{ "{Initiated: null}", "{Initiated: 'true'}", false },
		{ "{Initiated|exists: true}", "{Initiated: 'true'}", true },
		{ "{Protocol: TCP}", "{Protocol: tcp, Initiated: 'true'}", true },
		{ "{DestinationHostname|endswith: .example.org}", "{DestinationHostname: a.Example.org, Initiated: 'true'}", true },
		{ "{DestinationHostname: null}", "{Initiated: 'true'}", true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[1024];
		snprintf(text, sizeof(text), "title: T\nid: r\nlogsource: {category: network_connection}\ndetection:\n  s: %s\n  condition: s\n", cases[i].detection);
		if (holds(text, "network_connection", cases[i].event) != cases[i].holds)
			fail_msg("should %s: %s on %s", cases[i].holds ? "hold" : "not hold", cases[i].detection, cases[i].event);
	}
}

/* --- refusals --------------------------------------------------------------------------------------------------------------- */

#define DETECT(selection) HEAD "detection:\n  s: " selection "\n  condition: s\n"
#define CONDITION(condition) HEAD "detection:\n  sel: {User: x}\n  condition: " condition "\n"

static void faulty_rules_are_refused_at_their_place(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned line, column;
		const char *message;
	} cases[] = {
		{ "logsource: {category: x}\ndetection: {s: {a: b}, condition: s}\n", 1, 1, "'title' is missing" },
		{ "title: T\ndetection: {s: {a: b}, condition: s}\n", 1, 1, "'logsource' is missing" },
		{ "title: T\nlogsource: {definition: x}\ndetection: {s: {a: b}, condition: s}\n", 1, 1, "'logsource' is missing, or has neither" },
		{ "title: T\nlogsource: [a]\ndetection: {s: {a: b}, condition: s}\n", 2, 12, "logsource: expected a map" },
		{ "title: T\nlogsource: {category: x}\n", 1, 1, "'detection' is missing" },
		{ "title: T\nlogsource: {category: x}\ndetection: [a]\n", 3, 12, "detection: expected a map" },
		{ "title: T\nlogsource: {category: x}\ndetection: {s: {a: b}}\n", 1, 1, "'condition' is missing" },
		{ "title: '%%%'\nlogsource: {category: x}\ndetection: {s: {a: b}, condition: s}\n", 1, 8, "no letter to make an id of" },
		{ "title: T\nid: [x]\nlogsource: {category: x}\ndetection: {s: {a: b}, condition: s}\n", 2, 5, "id: expected a text" },
		{ "title: T\nlevel: severe\nlogsource: {category: x}\ndetection: {s: {a: b}, condition: s}\n", 2, 8, "level: 'severe' is not one of" },
		{ "title: T\nstatus: new\nlogsource: {category: x}\ndetection: {s: {a: b}, condition: s}\n", 2, 9, "status: 'new' is not one of" },
		{ DETECT("{User|contians: x}"), 6, 7, "modifier 'contians' is unknown (did you mean 'contains'?)" },
		{ DETECT("{User|contains|endswith: x}"), 6, 7, "modifier 'endswith' does not go together with 'contains'" },
		{ DETECT("{User|i: x}"), 6, 7, "modifier 'i' stands behind 're' only" },
		{ DETECT("{UtcTime|hour: 3}"), 6, 7, "modifier 'hour' is not supported: parts of dates" },
		{ DETECT("{User|re: 'a('}"), 6, 16, "is no regular expression: missing closing parenthesis" },
		{ DETECT("{User|re|base64: a}"), 6, 7, "modifier 're' compares no text that could be encoded" },
		{ DETECT("{User|expand: '%admins%'}"), 6, 20, "'%admins%' is not expanded" },
		{ DETECT("{User|re|expand: '%admins%'}"), 6, 23, "'%admins%' is not expanded" },
		{ DETECT("{User|base64: 'a*'}"), 6, 20, "holds a wildcard, which cannot be encoded" },
		{ DETECT("{User|base64offset|contains: a}"), 0, 0, "" },
		{ DETECT("{User|cidr: 10.0.0.0/8}"), 6, 7, "is no address, which cidr looks at" },
		{ DETECT("{User|lt: 3}"), 6, 7, "is no number, which lt, lte, gt and gte compare" },
		{ DETECT("{ProcessId|lt: x}"), 6, 21, "'x' is not a number" },
		{ DETECT("{User|exists: maybe}"), 6, 20, "expected true or false" },
		{ DETECT("{User|exists|neq: true}"), 6, 7, "modifier 'exists' stands alone" },
		{ DETECT("{User|fieldref|base64: Image}"), 6, 7, "modifier 'fieldref' names a field, which is not encoded" },
		{ DETECT("{'|fieldref': Image}"), 6, 7, "modifier 'fieldref' needs a field before it" },
		{ DETECT("{'|cidr': 10.0.0.0/8}"), 6, 7, "modifier 'cidr' needs a field before it" },
		{ DETECT("{User|fieldref: Computer}"), 6, 22, "the other field is the same in all events" },
		{ DETECT("{Computer|re: x}"), 6, 7, "is the same in all events of this kind" },
		{ DETECT("{User: {a: b}}"), 6, 13, "expected a value or a list of values, found a map" },
		{ DETECT("{User: []}"), 6, 13, "found an empty list" },
		{ DETECT("{User: [[a]]}"), 6, 14, "expected a value, found a list" },
		{ DETECT("{}"), 6, 6, "the selection is empty" },
		{ DETECT("[]"), 6, 6, "the selection is empty" },
		{ DETECT("[[a]]"), 6, 7, "expected a map of fields or a word, found a list" },
		{ HEAD "detection:\n  s:\n  CommandLine|contains: x\n  condition: s\n", 6, 5, "the selection is empty (are its fields indented below it?)" },
		{ DETECT("null"), 6, 6, "the selection is empty (are its fields indented below it?)" },
		{ DETECT("~"), 6, 6, "the selection is empty" },
		{ DETECT("[null]"), 6, 7, "'null' is no word: put it in quotes" },
		{ DETECT("\n    - foo\n    -"), 8, 6, "a word is missing here" },
		{ DETECT("[{User: x}, ~]"), 6, 18, "'~' is no word" },
		{ DETECT("{'|all': [x, null]}"), 6, 19, "'null' is no word" },
		{ DETECT("{'|re': null}"), 6, 14, "'null' is no word" },
		{ DETECT("\n    User|contains:"), 7, 19, "field 'User': the value is missing here" },
		{ DETECT("\n    User|contains:\n      - x\n      -"), 9, 8, "field 'User': the value is missing here" },
		{ DETECT("{User|contains: null}"), 6, 22, "field 'User': 'null' is no value here: put it in quotes" },
		{ DETECT("{User|startswith: Null}"), 6, 24, "'Null' is no value here" },
		{ DETECT("{User|endswith: [a, ~]}"), 6, 26, "'~' is no value here" },
		{ DETECT("{User|re: null}"), 6, 16, "'null' is no value here" },
		{ DETECT("{User|re: }"), 6, 16, "the value is missing here" },
		{ DETECT("{User|base64: null}"), 6, 20, "'null' is no value here" },
		{ DETECT("{User|windash|contains: null}"), 6, 30, "'null' is no value here" },
		{ DETECT("{User|expand: }"), 6, 20, "the value is missing here" },
		{ DETECT("{User|fieldref: null}"), 6, 22, "'null' is no value here" },
		{ DETECT("{LogonId|lt: null}"), 6, 19, "'null' is no value here" },
		{ DETECT("{Computer|contains: null}"), 6, 26, "'null' is no value here" },
		{ DETECT("{Hashes|contains: null}"), 6, 24, "'null' is no value here" },
		{ DETECT("{User|exists: null}"), 6, 20, "expected true or false" },
		{ DETECT("{User|contains: 'null'}"), 0, 0, "" },
		{ DETECT("{User|all: [null, x]}"), 0, 0, "" },
		{ CONDITION(""), 7, 13, "found the end of the condition" },
		{ CONDITION("slection"), 7, 14, "no selection has the name 'slection'" },
		{ CONDITION("sle"), 7, 14, "(did you mean 'sel'?)" },
		{ CONDITION("sel and"), 7, 21, "found the end of the condition" },
		{ CONDITION("sel and (sel"), 7, 22, "the parenthesis is never closed" },
		{ CONDITION("sel sel"), 7, 18, "expected 'and', 'or' or the end of the condition, found 'sel'" },
		{ CONDITION("(sel sel)"), 7, 19, "expected 'and', 'or' or ')'" },
		{ CONDITION("2 of sel*"), 7, 14, "expected '1 of', 'any of' or 'all of', found '2'" },
		{ CONDITION("1 of"), 7, 18, "expected 'them' or a name" },
		{ CONDITION("1 of filter_*"), 7, 19, "no selection has a name like 'filter_*'" },
		{ CONDITION("sel | count() > 5"), 7, 18, "write a correlation rule" },
		{ CONDITION("((((((((((((((((((sel))))))))))))))))))"), 7, 30, "nested too deep (16 levels at most)" },
		{ CONDITION("{a: b}"), 7, 14, "condition: expected text, found a map" },
		{ CONDITION("[]"), 7, 14, "condition: expected text, or a list" },
		{ "action: repeat\ntitle: T\n", 1, 1, "there is no rule before it" },
		{ "action: merge\ntitle: T\ndetection: {}\n", 1, 9, "action: expected global, reset or repeat" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		int err = ruleset_load_text("test.yml", sv_from(cases[i].text), &set, &diag);
		if (cases[i].line == 0) {
			if (err)
				fail_msg("refused: %s\n%s", diag.messages[0].text, cases[i].text);
			continue;
		}
		if (!err || diag.n == 0)
			fail_msg("accepted: %s", cases[i].text);
		const struct diag_message *m = &diag.messages[0];
		if (m->line != cases[i].line || m->column != cases[i].column || !strstr(m->text, cases[i].message))
			fail_msg("%u:%u: %s, not %u:%u: %s\n%s", m->line, m->column, m->text, cases[i].line, cases[i].column, cases[i].message, cases[i].text);
		assert_string_equal(m->file, "test.yml");
	}
}

static void what_can_never_match_is_a_warning(void **state)
{
	(void)state;
	static const struct {
		const char *selection;
		unsigned column;
		const char *message;
	} cases[] = {
		{ "{Imgae: x}", 7, "no mapping knows the field 'Imgae' (did you mean 'Image'?)" },
		{ "{ProcessId: x}", 18, "'x' is no value that process.pid can have" },
		{ "{User|contains|all: x}", 7, "modifier 'all' over a single value says nothing" },
		{ "{Computer: elsewhere}", 0, "this condition never holds" },
		{ "{User|contains: ['', x]}", 23, "field 'User': an empty text is part of every value" },
		{ "{User|re: ''}", 16, "an empty text is part of every value" },
		{ "['']", 7, "an empty word is part of every text" },
		{ "''", 6, "an empty word is part of every text" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		char text[512];
		snprintf(text, sizeof(text), HEAD "detection:\n  s: %s\n  condition: s\n", cases[i].selection);
		CLEANUP(ruleset_free) struct ruleset *set = load(text, &diag);
		(void)set; /* what counts is what diag says */
		assert_true(diag.warnings > 0);
		const struct diag_message *m = &diag.messages[0];
		if (!strstr(m->text, cases[i].message) || (cases[i].column && (m->line != 6 || m->column != cases[i].column)))
			fail_msg("%u:%u: %s, not %s", m->line, m->column, m->text, cases[i].message);
	}
}

/* --- metadata ---------------------------------------------------------------------------------------------------------------- */

static const char *remark(const struct rule_info *rule, const char *key)
{
	for (size_t i = 0; i < rule->n_remarks; i++)
		if (strcmp(rule->remarks[i].key, key) == 0)
			return rule->remarks[i].text;
	return "";
}

static void all_that_the_author_says_is_kept(void **state)
{
	(void)state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = load(
		"title: A Title\nid: 5638f7c0-ac70-491d-8465-2a65075e0d86\nname: short\nstatus: test\nlevel: critical\n"
		"description: |\n  One.\n  Two.\nauthor: A, B\nlicense: MIT\nreferences:\n  - https://example.org/1\n  - https://example.org/2\n"
		"related:\n  - {id: 1-2, type: derived}\n  - {id: 3-4, type: similar}\ndate: 2024-01-02\nmodified: 2024-03-04\n"
		"tags: [attack.defense-evasion, attack.t1059.004, attack.T1003, attack.s0508, attack.lateral_movement, cve.2024-1, attack.t1059.004]\n"
		"falsepositives: [Unknown, Admins]\ncustom: {a: b}\n"
		"logsource: {product: linux, category: file_event, definition: any}\ndetection: {s: {TargetFilename: /x}, condition: s}\n", &diag);
	const struct rule_info *rule = ruleset_get(set, 0);
	assert_int_equal(diag.warnings, 0);
	assert_string_equal(rule->id, "5638f7c0-ac70-491d-8465-2a65075e0d86");
	assert_string_equal(rule->title, "A Title");
	assert_string_equal(rule->description, "One.\nTwo.");
	assert_string_equal(rule->author, "A, B");
	assert_string_equal(rule->license, "MIT");
	assert_string_equal(rule->references[1], "https://example.org/2");
	assert_int_equal(rule->severity, SEVERITY_CRITICAL);
	assert_string_equal(rule->tags[5], "cve.2024-1");
	static const char *const attack[] = { "TA0005", "T1059.004", "T1003", "TA0008" };
	for (size_t i = 0; i < ARRAY_SIZE(attack); i++)
		assert_string_equal(rule->attack[i], attack[i]);
	assert_null(rule->attack[4]);
	assert_string_equal(remark(rule, "status"), "test");
	assert_string_equal(remark(rule, "name"), "short");
	assert_string_equal(remark(rule, "date"), "2024-01-02");
	assert_string_equal(remark(rule, "modified"), "2024-03-04");
	assert_string_equal(remark(rule, "falsepositives"), "Unknown, Admins");
	assert_string_equal(remark(rule, "related"), "1-2 (derived), 3-4 (similar)");
	assert_int_equal(rule->events, 1ull << EVENT_FILE_CREATE);
}

#define BODY "logsource: {category: process_creation, product: linux}\ndetection: {s: {User: root}, condition: s}\n"

static void ids_levels_and_states_have_defaults(void **state)
{
	(void)state;
	static const struct {
		const char *text, *id;
		enum severity severity;
		bool is_enabled;
	} cases[] = {
		{ "title: 'Suspicious -- Use of X (2)'\n" BODY, "suspicious-use-of-x-2", SEVERITY_MEDIUM, true },
		{ "title: T\nid: ABC_1\nlevel: informational\n" BODY, "ABC_1", SEVERITY_INFO, true },
		{ "title: T\nstatus: deprecated\nlevel: high\n" BODY, "t", SEVERITY_HIGH, false },
		{ "title: T\nstatus: unsupported\n" BODY, "t", SEVERITY_MEDIUM, false },
		{ "title: T\nstatus: experimental\nlevel: low\n" BODY, "t", SEVERITY_LOW, true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = load(cases[i].text, &diag);
		assert_string_equal(ruleset_get(set, 0)->id, cases[i].id);
		assert_int_equal(ruleset_get(set, 0)->severity, cases[i].severity);
		assert_int_equal(ruleset_get(set, 0)->is_enabled, cases[i].is_enabled);
	}
}

static void log_sources_that_nothing_reports_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *source, *needs;
	} cases[] = {
		{ "{product: windows, category: process_creation}", "windows process_creation" },
		{ "{product: linux, service: auditd}", "linux auditd" },
		{ "{product: linux}", "linux" },
		{ "{category: dns_query, product: linux}", "linux dns_query" },
		{ "{category: process_creation, service: x}", "process_creation x" },
		{ "{category: process_creation}", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		char text[512];
		snprintf(text, sizeof(text), "title: T\nlogsource: %s\ndetection: {s: {User: root}, condition: s}\n", cases[i].source);
		CLEANUP(ruleset_free) struct ruleset *set = load(text, &diag);
		const struct rule_info *rule = ruleset_get(set, 0);
		assert_int_equal(diag.warnings, 0);
		if (!cases[i].needs) {
			assert_null(rule->needs_source);
			continue;
		}
		assert_string_equal(rule->needs_source, cases[i].needs);
		assert_int_equal(rule->events, 0);
	}
}

static void global_documents_are_merged_below_the_others(void **state)
{
	(void)state;
	static const char text[] =
		"action: global\ntitle: T\nid: abc\nlevel: high\ndetection: {condition: s}\n"
		"---\nlogsource: {category: process_creation}\ndetection: {s: {User: root}}\n"
		"---\nlogsource: {category: file_event}\ndetection: {s: {TargetFilename: /x}}\n"
		"---\naction: repeat\nid: def\nlevel: low\n"
		"---\naction: reset\n"
		"---\ntitle: Other\nlogsource: {category: file_event}\ndetection: {s: {TargetFilename: /y}, condition: s}\n";
	static const struct {
		const char *id;
		enum severity severity;
		uint64_t events;
	} rules[] = {
		{ "abc", SEVERITY_HIGH, 1ull << EVENT_PROC_EXEC },
		{ "abc-2", SEVERITY_HIGH, 1ull << EVENT_FILE_CREATE },
		{ "def", SEVERITY_LOW, 1ull << EVENT_FILE_CREATE },
		{ "other", SEVERITY_MEDIUM, 1ull << EVENT_FILE_CREATE },
	};
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = load(text, &diag);
	assert_int_equal(ruleset_count(set), ARRAY_SIZE(rules));
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		assert_string_equal(ruleset_get(set, i)->id, rules[i].id);
		assert_int_equal(ruleset_get(set, i)->severity, rules[i].severity);
		assert_int_equal(ruleset_get(set, i)->events, rules[i].events);
	}
}

/* --- mapping tables ------------------------------------------------------------------------------------------------------------ */

static void a_table_of_ones_own_wins(void **state)
{
	(void)state;
	static const struct {
		const char *table, *detection, *event;
		const char *category;
		bool holds;
	} cases[] = {
		{ "[{logsource: {product: linux, category: process_creation}, event: process.exec, fields: {Exe: process.executable}}]",
		  "{Exe: /a, User: root}", "{Image: /a, User: root}", "process_creation", true },
		{ "[{logsource: {product: linux, category: process_creation}, event: process.exec, fields: {Image: process.parent.executable}}]",
		  "{Image: /a}", "{ParentImage: /a}", "process_creation", true },
		{ "[{logsource: {product: linux, category: file_event}, event: file.rename, fields: {TargetFilename: vedette.new_path}}]",
		  "{TargetFilename: /a}", "{TargetFilename: /a}", "file_rename", true },
		{ "[{logsource: {product: linux, category: file_event}, event: file.rename, fields: {TargetFilename: vedette.new_path}}]",
		  "{TargetFilename: /a}", "{TargetFilename: /a}", "file_event", true },
		{ "[{logsource: {product: linux, category: file_event}, event: file.rename, replace: true, fields: {TargetFilename: vedette.new_path}}]",
		  "{TargetFilename: /a}", "{TargetFilename: /a}", "file_event", false },
		{ "[{logsource: {product: linux, service: auditd}, event: process.exec, fields: {exe: process.executable}}]",
		  "{exe: /a}", "{Image: /a}", "process_creation", true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[2048];
		const char *source = strstr(cases[i].table, "auditd") ? "{product: linux, service: auditd}" :
				     strstr(cases[i].table, "file_event") ? "{product: linux, category: file_event}" : "{category: process_creation}";
		snprintf(text, sizeof(text), "title: T\nlogsource: %s\ndetection:\n  s: %s\n  condition: s\n---\nsigma_mapping: %s\n", source,
			 cases[i].detection, cases[i].table);
		if (holds(text, cases[i].category, cases[i].event) != cases[i].holds)
			fail_msg("should %s: %s", cases[i].holds ? "hold" : "not hold", text);
	}
}

static void faulty_tables_are_refused_at_their_place(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned column;
		const char *message;
	} cases[] = {
		{ "sigma_mapping: x", 16, "expected a list of rows" },
		{ "sigma_mapping: [x]", 17, "expected a row" },
		{ "sigma_mapping: [{event: file.open}]", 17, "row: 'logsource' is missing" },
		{ "sigma_mapping: [{logsource: {category: x}}]", 17, "row: 'event' is missing" },
		{ "sigma_mapping: [{logsource: {product: x}, event: file.open}]", 29, "a category or a service is needed" },
		{ "sigma_mapping: [{logsource: {kind: x}, event: file.open}]", 30, "unknown key 'kind' in a log source" },
		{ "sigma_mapping: [{logsource: {category: x}, event: file.opn}]", 51, "unknown event 'file.opn'" },
		{ "sigma_mapping: [{logsource: {category: x}, event: []}]", 51, "event: the list is empty" },
		{ "sigma_mapping: [{logsource: {category: x}, event: file.open, fields: [a]}]", 70, "fields: expected a map" },
		{ "sigma_mapping: [{logsource: {category: x}, event: file.open, fields: {A: file.pth}}]", 74, "unknown field 'file.pth'" },
		{ "sigma_mapping: [{logsource: {category: x}, event: file.open, fields: {A: destination.ip}}]", 74, "is not in event file.open" },
		{ "sigma_mapping: [{logsource: {category: x}, event: file.open, fields: {A: {never: a, constant: b}}}]", 74, "either 'constant' or 'never'" },
		{ "sigma_mapping: [{logsource: {category: x}, event: file.open, fields: {A: [a]}}]", 74, "expected the name of a field" },
		{ "sigma_mapping: [{logsource: {category: x}, event: file.open, keywords: x}]", 72, "keywords: expected a list" },
		{ "sigma_mapping: [{logsource: {category: x}, event: file.open, replace: x}]", 71, "expected true or false" },
		{ "{sigma_mapping: [], x: y}", 21, "unknown key 'x' in a mapping table" },
		{ "sigma_mapping: [{logsource: {category: x}, event: file.open}]\n---\ntitle: T\nlogsource: {category: x}\ndetection: {s: [w], condition: s}", 0, "names no 'keywords' fields" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		if (ruleset_load_text("test.yml", sv_from(cases[i].text), &set, &diag) == 0)
			fail_msg("accepted: %s", cases[i].text);
		const struct diag_message *m = &diag.messages[0];
		if (!strstr(m->text, cases[i].message) || (cases[i].column && (m->line != 1 || m->column != cases[i].column)))
			fail_msg("%u:%u: %s, not %s", m->line, m->column, m->text, cases[i].message);
	}
}

static void all_faults_of_a_table_are_told_and_unknown_fields_once(void **state)
{
	(void)state;
	CLEANUP(diag_done) struct diag faults = { 0 };
	CLEANUP(diag_done) struct diag doubts = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	assert_true(ruleset_load_text("t.yml", SV("sigma_mapping: [{logsource: {product: x}, event: file.opn, fields: {A: file.pth, B: {nver: x}}}]"), &set, &faults) != 0);
	assert_int_equal(faults.errors, 4);
	assert_int_equal(ruleset_load_text("t.yml", SV("sigma_mapping: [{logsource: {category: x}, event: file.open}, {logsource: {category: x}, event: file.delete}]\n"
						       "---\ntitle: T\nlogsource: {category: x}\ndetection: {s: {Nobodys: w}, condition: s}\n"), &set, &doubts), 0);
	assert_int_equal(doubts.warnings, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(modifiers_mean_what_sigma_says),
		cmocka_unit_test(wildcards_and_escapes_mean_what_sigma_says),
		cmocka_unit_test(encodings_are_those_of_sigma),
		cmocka_unit_test(failed_execs_are_no_new_processes),
		cmocka_unit_test(lists_of_maps_and_words_are_searched),
		cmocka_unit_test(conditions_name_selections),
		cmocka_unit_test(networks_are_told_by_end_and_direction),
		cmocka_unit_test(faulty_rules_are_refused_at_their_place),
		cmocka_unit_test(what_can_never_match_is_a_warning),
		cmocka_unit_test(all_that_the_author_says_is_kept),
		cmocka_unit_test(ids_levels_and_states_have_defaults),
		cmocka_unit_test(log_sources_that_nothing_reports_are_named),
		cmocka_unit_test(global_documents_are_merged_below_the_others),
		cmocka_unit_test(a_table_of_ones_own_wins),
		cmocka_unit_test(faulty_tables_are_refused_at_their_place),
		cmocka_unit_test(all_faults_of_a_table_are_told_and_unknown_fields_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
