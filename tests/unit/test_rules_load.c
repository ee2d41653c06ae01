/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files: what is refused, in what words and where; places through YAML's ways to write text; limits; files and folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/yaml.h"
#include "engine/rules/condition.h"

#define RULE "- rule: r\n  event: file.open\n  severity: low\n"
#define RULE_WHEN RULE "  when: true\n"

static void faulty_files_are_refused_at_their_place(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned line, column;
		const char *message;
	} cases[] = {
		{ "a: b", 1, 1, "expected a list of items" },
		{ "- a", 1, 3, "expected an item" },
		{ "- {x: y}", 1, 3, "not an item" },
		{ "- rule: [", 2, 1, "" },
		{ "- rule: r\n\tevent: file.open\n", 2, 1, "indented with a tab: YAML takes blanks only" },
		{ "- rule: r\n  event:\n  \t- file.open\n", 3, 3, "indented with a tab" },
		{ "- rule: r\n  title: a\x01\n", 2, 11, "control characters are not allowed" },
		{ "- rule: Bad Id\n  event: file.open\n  severity: low\n  when: true\n", 1, 9, "rule: 'Bad Id' is not an id" },
		{ "- rule: r\n  severity: low\n  when: true\n", 1, 3, "rule: 'event' is missing" },
		{ "- rule: r\n  event: file.open\n  when: true\n", 1, 3, "rule: 'severity' is missing" },
		{ RULE, 1, 3, "rule: 'when' is missing" },
		{ RULE "  scope: user.id = 0\n", 1, 3, "'scope' and 'allow' go together" },
		{ RULE "  allow: [user.id = 0]\n", 1, 3, "'scope' and 'allow' go together" },
		{ RULE "  scope: true\n  allow: user.id = 0\n", 5, 10, "allow: expected a list of conditions" },
		{ RULE "  scope: true\n  allow: [user.idd = 0]\n", 5, 11, "unknown field 'user.idd'" },
		{ RULE "  scope: user.idd = 0\n  allow: []\n", 4, 10, "unknown field 'user.idd'" },
		{ RULE_WHEN "  scope: true\n  allow: []\n", 1, 3, "'scope' and 'allow' stand instead of 'when'" },
		{ RULE "  scope: true\n  allow: []\n  threshold: {count: 2, within: 1s}\n", 1, 3, "stand instead of conditions over one event" },
		{ RULE "  when: [a]\n", 4, 9, "when: expected a condition, found a list" },
		{ RULE_WHEN "  titel: x\n", 5, 3, "unknown key 'titel' in a rule (did you mean 'title'?)" },
		{ RULE_WHEN "  title: {}\n", 5, 10, "title: expected text, found a map" },
		{ RULE_WHEN "  title: \"a\\0b\"\n", 5, 10, "holds a NUL byte" },
		{ RULE_WHEN "  attack: [T1003, T99]\n", 5, 19, "attack: 'T99' is not an ATT&CK id" },
		{ RULE_WHEN "  attack: [T1003.08]\n", 5, 12, "ATT&CK id" },
		{ RULE_WHEN "  action: shout\n", 5, 11, "action: 'shout' is not one of alert block kill" },
		{ RULE_WHEN "  action: block\n  unknown: ask\n", 6, 12, "unknown: 'ask' is not one of deny allow" },
		{ RULE_WHEN "  action: block\n  rollout: 0\n", 6, 12, "1 to 100 percent" },
		{ RULE_WHEN "  action: block\n  rollout: 101\n", 6, 12, "1 to 100 percent" },
		{ RULE_WHEN "  rollout: 5\n", 5, 12, "rollout: only rules with `action: block` have it" },
		{ RULE_WHEN "  unknown: allow\n", 5, 12, "unknown: only rules with `action: block` or `kill` have it" },
		{ RULE_WHEN "  enabled: maybe\n", 5, 12, "expected true or false" },
		{ RULE_WHEN "  message: \"{file.pth}\"\n", 5, 14, "unknown field 'file.pth'" },
		{ RULE_WHEN "  message: \"{destination.ip}\"\n", 5, 14, "none of the rule's events has the field 'destination.ip'" },
		{ RULE_WHEN "  message: \"{file.path:0}\"\n", 5, 23, "1 to 1024" },
		{ RULE_WHEN "  message: \"{file.path:wide}\"\n", 5, 23, "behind ':' stands how many characters" },
		{ RULE_WHEN "  message: \"{uper(file.path)}\"\n", 5, 14, "unknown function 'uper'" },
		{ RULE_WHEN "  message: \"{len(file.path) 3}\"\n", 5, 29, "expected the end of the field or function" },
		{ RULE_WHEN "  message: \"{tolower(vedette.new_path)}\"\n", 5, 14, "none of the rule's events has all fields of 'tolower(vedette.new_path)'" },
		{ RULE_WHEN "  message: \"a {file.path\"\n", 5, 15, "'{' without its other" },
		{ RULE_WHEN "  message: a } b\n", 5, 14, "'}' without its other" },
		{ RULE_WHEN "  tags: {a: b}\n", 5, 9, "tags: expected a list" },
		{ RULE_WHEN "  cases: x\n", 5, 10, "cases: expected a list" },
		{ RULE_WHEN "  cases: [{fires: {}, quiet: {}}]\n", 5, 11, "either 'fires' or 'quiet'" },
		{ RULE_WHEN "  cases: [{fires: {file.pth: x}}]\n", 5, 20, "unknown field 'file.pth'" },
		{ RULE_WHEN "  cases: [{fires: {destination.ip: x}}]\n", 5, 20, "file.open has no field 'destination.ip'" },
		{ RULE_WHEN "  cases: [{fires: {evt.type: open}}]\n", 5, 20, "'evt.type' is worked out of other fields" },
		{ RULE_WHEN "  cases: [{fires: {proc.cmdline: foo}}]\n", 5, 20, "'proc.cmdline' is worked out of other fields" },
		{ RULE_WHEN "  cases: [{fires: {proc.vpgid: 1}}]\n", 5, 20, "'proc.vpgid' never has a value" },
		{ "- rule: r\n  event: process.exec\n  severity: low\n  when: true\n  cases: [{quiet: {proc.cmdline: foo}}]\n", 5, 20, "give 'process.args'" },
		{ "- rule: r\n  severity: low\n  sequence: {within: 1s, steps: [{event: file.open, when: true}, {event: file.open, when: true}]}\n"
		  "  cases: [{fires: [{event: file.open, evt.type: open}]}]\n", 4, 39, "'evt.type' is worked out of other fields" },
		{ RULE_WHEN "  cases: [{fires: {}, event: file.delete}]\n", 5, 30, "'file.delete' is none of the rule's events" },
		{ "- rule: r\n  event: [file.open, file.delete]\n  severity: low\n  when: true\n  cases: [{fires: {}}]\n", 5, 11, "say which with 'event:'" },
		{ RULE_WHEN "  exceptions: x\n", 5, 15, "exceptions: expected a list" },
		{ RULE_WHEN "  exceptions: [{when: true}]\n", 5, 16, "'name' is missing" },
		{ RULE_WHEN "  exceptions: [{name: n}]\n", 5, 16, "needs 'when', or 'fields' and 'values'" },
		{ RULE_WHEN "  exceptions: [{name: n, when: file.pth = x}]\n", 5, 32, "unknown field 'file.pth'" },
		{ RULE_WHEN "  exceptions: [{name: n, fields: [file.path], values: [[a, b]]}]\n", 5, 56, "a row needs one value for each of the 1 fields" },
		{ RULE_WHEN "  exceptions: [{name: n, fields: file.path, comps: like, values: [a]}]\n", 5, 52, "operator 'like'" },
		{ RULE_WHEN "  exceptions: [{name: n, fields: file.path, comps: [in, in], values: [a]}]\n", 5, 52, "one operator for each field" },
		{ "- rule: r\n  event: file.opn\n  severity: low\n  when: true\n", 2, 10, "unknown event 'file.opn' (did you mean 'file.open'?)" },
		{ "- rule: r\n  event: nothing.*\n  severity: low\n  when: true\n", 2, 10, "unknown event 'nothing.*'" },
		{ "- rule: r\n  event: []\n  severity: low\n  when: true\n", 2, 10, "the list is empty" },
		{ RULE_WHEN RULE_WHEN, 5, 9, "rule 'r' stands twice, first in t.yaml:1" },
		{ "- {list: a, items: [x]}\n- {list: a, items: [x]}\n", 2, 10, "list 'a' stands twice, first in t.yaml:1" },
		{ "- {macro: a, when: true}\n- {macro: a, when: true}\n", 2, 11, "macro 'a' stands twice" },
		{ "- {list: a, items: [x, [y]]}\n", 1, 24, "items are text" },
		{ "- {list: a}\n", 1, 3, "'items' is missing" },
		{ "- {macro: and, when: true}\n", 1, 11, "a word of the language" },
		{ "- {macro: 1x, when: true}\n", 1, 11, "expected a name" },
		{ "- {macro: a, when: b}\n- {macro: b, when: a}\n", 2, 20, "macro 'a' is made of itself" },
		{ "- {macro: a, when: a}\n", 1, 20, "macro 'a' is made of itself" },
		{ "- {list: a, items: [a]}\n", 1, 21, "list 'a' is made of itself" },
		{ "- {policy: x}\n", 1, 12, "policy: expected a map" },
		{ "- {policy: {mode: block}}\n", 1, 19, "mode is detect or enforce" },
		{ "- {policy: {mode: detect}}\n- {policy: {mode: detect}}\n", 2, 12, "one for each file" },
		{ "- &a {list: l, items: []}\n- *a\n", 1, 3, "anchors, aliases and tags are not allowed" },
		{ "- !!map {list: l, items: []}\n", 1, 3, "anchors, aliases and tags are not allowed" },
		{ "- rule: r\n  rule: s\n", 2, 3, "key 'rule' stands twice" },
		{ "- [[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]", 1, 18, "nested too deep" },
		{ "- list: \"a\x01\"\n", 0, 0, "" },
	};
	size_t wrong = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 };
		int err = ruleset_load_text("t.yaml", sv_from(cases[i].text), &set, &diag);
		const struct diag_message *m = &diag.messages[0];
		bool is_there = cases[i].line == 0 || (diag.n && m->line == cases[i].line && m->column == cases[i].column);
		if (err && !set && diag.errors && strstr(m->text, cases[i].message) && is_there)
			continue;
		print_error("%s\n-> %d, %zu errors, %u:%u %s\n", cases[i].text, err, diag.errors, diag.n ? m->line : 0, diag.n ? m->column : 0,
			    diag.n ? m->text : "");
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

/* However YAML writes a text, a fault in it is found at its own line and column. */
static void places_survive_every_way_to_write_text(void **state)
{
	(void)state;
	static const struct {
		const char *when; /* X stands where the fault is: it is replaced by an unknown field */
		unsigned line, column;
	} cases[] = {
		{ "  when: true and X exists\n", 4, 18 },
		{ "  when: \"true and X exists\"\n", 4, 19 },
		{ "  when: 'true and X exists'\n", 4, 19 },
		{ "  when: 'file.path = \"it''s\" and X exists'\n", 4, 34 },
		{ "  when: \"file.path = \\\"a\\\" and X exists\"\n", 4, 32 },
		{ "  when: \"file.path = '\\x41\\u00e4' and X exists\"\n", 4, 39 },
		{ "  when: \"true\\n and\\tX exists\"\n", 4, 22 },
		{ "  when: true\n    and X exists\n", 5, 9 },
		{ "  when: 'true\n\n    and\n      X exists'\n", 7, 7 },
		{ "  when: |\n    true\n\n    and X exists\n", 7, 9 },
		{ "  when: >\n    true\n    and X exists\n", 6, 9 },
		{ "  when: >-\n    true and (\n      false\n      or X exists)\n", 7, 10 },
		{ "  when: >+ # why\n\n\n    true\n\n    and X exists\n\n\n", 9, 9 },
		{ "  when: |2\n      true and X exists\n", 5, 16 },
		{ "  when: >\n    file.path = \"\xc3\xa4\xe2\x82\xac\" and X exists\n", 5, 26 },
		{ "  when:\n    X exists\n", 5, 5 },
		{ "  \"when\" : X exists\n", 4, 12 },
	};
	size_t right = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 };
		const char *fault = strchr(cases[i].when, 'X');
		buf_add_z(&text, RULE);
		buf_add(&text, cases[i].when, (size_t)(fault - cases[i].when));
		buf_add_z(&text, "no.such");
		buf_add_z(&text, fault + 1);
		assert_true(ruleset_load_text("t.yaml", buf_sv(&text), &set, &diag) != 0);
		const struct diag_message *m = &diag.messages[0];
		if (diag.errors != 1 || m->line != cases[i].line || m->column != cases[i].column)
			print_error("%s\n%zu errors, %u:%u, not %u:%u: %s\n", cases[i].when, diag.errors, m->line, m->column, cases[i].line, cases[i].column, m->text);
		else
			right++;
	}
	assert_int_equal(right, ARRAY_SIZE(cases));
}

static void all_faults_of_all_items_come_at_once(void **state)
{
	(void)state;
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	const char *text = "- {macro: m, when: file.pth exists}\n"
			   "- {list: l, items: [l]}\n"
			   "- rule: a\n  event: file.opn\n  severity: no\n  when: m and no.such exists\n  colour: red\n"
			   "- rule: b\n  event: file.open\n  severity: low\n  when: destination.port = 1\n  message: '{no.such}'\n"
			   "- what\n";
	assert_true(ruleset_load_text("t.yaml", sv_from(text), &set, &diag) != 0);
	assert_int_equal(diag.errors, 9);
}

/* Files that would grow, loop or recurse without end are refused, and soon. */
static void limits_hold(void **state)
{
	(void)state;
	static const struct {
		const char *what, *message;
		const char *head, *repeat, *separator, *tail;
		size_t times;
	} cases[] = {
		{ "parentheses", "nested too deep", RULE "  when: ", "(", "", "true\n", CONDITION_MAX_DEPTH },
		{ "a deep condition over many lines", "longer than 65536 bytes", RULE "  when: true", "\n    and true", "", "\n", 8000 },
		{ "values in a test", "too many values in one list (10000 at most)", RULE "  when: file.path in (", "a", ",", ")\n", TEST_MAX_VALUES + 1 },
		{ "values in a list", "too many values in one list", "- list: a\n  items:\n", "  - x\n", "", "", TEST_MAX_VALUES + 1 },
		{ "a long value", "longer than 4096 bytes", RULE "  when: file.path = ", "a", "", "\n", VALUE_MAX_BYTES + 1 },
		{ "a long title", "longer than 4096 bytes", RULE_WHEN "  title: ", "a", "", "\n", RULE_MAX_TEXT + 1 },
		{ "attack ids", "17 items, 16 at most", RULE_WHEN "  attack: [", "T1003", ",", "]\n", RULE_MAX_ATTACK + 1 },
		{ "cases", "at most 256 maps", RULE_WHEN "  cases:\n", "  - {fires: {}}\n", "", "", 257 },
		{ "exceptions", "at most 256 maps", RULE_WHEN "  exceptions:\n", "  - {name: a, when: false}\n", "", "", 257 },
		{ "a regex", "is no regular expression", RULE "  when: file.path regex '", "((a{1000}){1000}){1000}", "", "'\n", 1 },
		{ "items", "too many values in one file", "", "- []\n", "", "", YAML_MAX_NODES + 1 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 };
		buf_add_z(&text, cases[i].head);
		for (size_t k = 0; k < cases[i].times; k++) {
			buf_add_z(&text, k ? cases[i].separator : "");
			buf_add_z(&text, cases[i].repeat);
		}
		buf_add_z(&text, cases[i].tail);
		if (ruleset_load_text("t.yaml", buf_sv(&text), &set, &diag) == 0)
			fail_msg("accepted: %s", cases[i].what);
		bool is_said = false;
		for (size_t k = 0; k < diag.n; k++)
			is_said |= strstr(diag.messages[k].text, cases[i].message) != NULL;
		if (!is_said)
			fail_msg("%s: %s", cases[i].what, diag.messages[0].text);
	}
}

/* Each macro names the one before twice: 2^39 tests in 40 lines. */
static void macros_do_not_grow_without_end(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	buf_add_z(&text, "- {macro: m0, when: file.path = /a}\n");
	for (int i = 1; i < 40; i++)
		buf_add_format(&text, "- {macro: m%d, when: m%d or m%d}\n", i, i - 1, i - 1);
	buf_add_z(&text, RULE "  when: m39\n");
	assert_true(ruleset_load_text("t.yaml", buf_sv(&text), &set, &diag) != 0);
	assert_non_null(strstr(diag.messages[0].text, "too large: 20000 tests at most"));
}

static void exceptions_take_rules_back(void **state)
{
	(void)state;
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	const char *file = "- {list: ids, items: [1, 2]}\n" RULE "  when: file.open.read\n"
			   "  exceptions:\n"
			   "  - {name: a, when: user.id = 0 or user.id = 7, reason: r, owner: o}\n"
			   "  - {name: b, fields: user.id, values: [ids, 5]}\n"
			   "  - {name: c, fields: user.id, comps: \">=\", values: 9}\n"
			   "  - {name: d, fields: [user.id, file.path], values: [[3, /a], [4, /b]]}\n"
			   "  - {name: e, fields: [user.id, file.path], comps: [in, startswith], values: [[[ids, 8], /c]]}\n";
	if (ruleset_load_text("t.yaml", sv_from(file), &set, &diag))
		fail_msg("%s", diag.messages[0].text);
	condition_text(ruleset_condition(set, 0), &text);
	assert_string_equal(buf_cstr(&text), "file.open.read = true and (not (user.id = 0 or user.id = 7)) and (not user.id in (1, 2, 5)) and (not user.id >= 9)"
					     " and (not ((user.id = 3 and file.path = /a) or (user.id = 4 and file.path = /b)))"
					     " and (not (user.id in (1, 2, 8) and file.path startswith /c))");
}

static void a_policy_holds_for_its_file(void **state)
{
	(void)state;
	static const struct {
		const char *policy;
		enum policy_mode mode;
		size_t warnings;
		const char *name;
	} cases[] = {
		{ "", POLICY_ENFORCE, 0, "t" },
		{ "- {policy: {name: p, mode: enforce}}\n", POLICY_ENFORCE, 0, "p" },
		{ "- {policy: {mode: detect}}\n", POLICY_DETECT, 0, "t" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 };
		buf_add_z(&text, RULE_WHEN "  action: block\n");
		buf_add_z(&text, cases[i].policy);
		assert_int_equal(ruleset_load_text("t.yaml", buf_sv(&text), &set, &diag), 0);
		assert_int_equal(ruleset_get(set, 0)->mode, cases[i].mode);
		assert_int_equal(ruleset_get(set, 0)->action, ACTION_BLOCK);
		assert_string_equal(ruleset_get(set, 0)->policy, cases[i].name);
		assert_int_equal(diag.warnings, cases[i].warnings);
	}
}

/* A mistyped name of a list is compared as a text, in silence but for the warning. */
static void words_that_are_no_list_are_warned_of(void **state)
{
	(void)state;
	static const struct {
		const char *when;
		unsigned column; /* of the warning; 0: there is none */
		const char *text;
	} cases[] = {
		{ "process.executable in (account_tolls)", 32, "'account_tolls' is no list (did you mean 'account_tools'?)" },
		{ "process.executable in account_tools", 0, NULL },
		{ "process.executable in (account_tools, /bin/x)", 0, NULL },
		{ "process.executable in (\"account_tolls\")", 0, NULL },
		{ "process.executable = account_tools", 30, "is a list, which '=' does not look into" },
		{ "process.executable = anyof (account_tools)", 0, NULL },
		{ "file.path in (qwertz)", 23, "'qwertz' is no list and no absolute path, which file.path holds" },
		{ "file.path pmatch (qwertz)", 27, "no absolute path" },
		{ "file.path startswith qwertz", 30, "no absolute path" },
		{ "file.directory = qwertz", 26, "no absolute path" },
		{ "ancestor(process.executable in (qwertz))", 41, "no absolute path" },
		{ "file.path endswith qwertz or file.path contains qwertz", 0, NULL },
		{ "file.path pmatch (*/qwertz, /tmp) or file.path glob *q", 0, NULL },
		{ "process.name in (account_tolls)", 26, "did you mean 'account_tools'?" },
		{ "process.name in (bash, account, tool)", 0, NULL },
		{ "process.name = account_tolls", 0, NULL },
		{ "process.name in ('account_tolls')", 0, NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 };
		buf_add_format(&text, "- {list: account_tools, items: [/usr/bin/passwd]}\n" RULE "  when: %s\n", cases[i].when);
		assert_int_equal(ruleset_load_text("t.yaml", buf_sv(&text), &set, &diag), 0);
		const struct diag_message *m = &diag.messages[0];
		bool is_right = cases[i].text ? diag.n == 1 && m->line == 5 && m->column == cases[i].column && strstr(m->text, cases[i].text) : diag.n == 0;
		if (!is_right)
			fail_msg("%s\n-> %zu messages, %u:%u %s", cases[i].when, diag.n, diag.n ? m->line : 0, diag.n ? m->column : 0, diag.n ? m->text : "");
	}
}

/* --- files and folders -------------------------------------------------------------------------------------------------------- */

struct folder {
	char path[64];
};

static void put(const struct folder *f, const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int make_folder(void **state)
{
	static struct folder f;
	char path[256];
	memcpy(f.path, "/tmp/vedette-rules-XXXXXX", sizeof("/tmp/vedette-rules-XXXXXX"));
	if (!mkdtemp(f.path))
		return -1;
	snprintf(path, sizeof(path), "%s/sub", f.path);
	if (mkdir(path, 0700))
		return -1;
	*state = &f;
	return 0;
}

static int remove_folder(void **state)
{
	const struct folder *f = *state;
	static const char *const names[] = { "a.yaml", "b.yml", "note.txt", ".hidden.yaml", "sub/c.yaml", "sub/loop", "sub", "link.yaml", "bad.yaml", "fifo.yaml", "." };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[256];
		snprintf(path, sizeof(path), "%s/%s", f->path, names[i]);
		if (unlink(path) != 0)
			(void)rmdir(path); /* most are not there */
	}
	return rmdir(f->path);
}

static void folders_are_read_in_order_and_names_hold_across_files(void **state)
{
	const struct folder *f = *state;
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	const char *const paths[] = { f->path };
	put(f, "b.yml", "- {rule: second, event: file.open, severity: low, when: m and file.path in (l)}\n");
	put(f, "a.yaml", "- {rule: first, event: file.open, severity: low, when: m}\n");
	put(f, "sub/c.yaml", "- {macro: m, when: file.open.read}\n- {list: l, items: [/x]}\n- {rule: third, event: file.open, severity: low, when: m}\n");
	put(f, "note.txt", "not YAML: [");
	put(f, ".hidden.yaml", "not YAML: [");
	if (ruleset_load(paths, 1, &set, &diag))
		fail_msg("%s", diag.messages[0].text);
	assert_int_equal(ruleset_count(set), 3);
	assert_int_equal(ruleset_files(set), 3);
	assert_string_equal(ruleset_get(set, 0)->id, "first");
	assert_string_equal(ruleset_get(set, 1)->id, "second");
	assert_string_equal(ruleset_get(set, 2)->id, "third");
	assert_string_equal(ruleset_get(set, 2)->ruleset, "c");

	/* the digest does not know where the folder lies */
	CLEANUP(ruleset_free) struct ruleset *again = NULL;
	char other[80];
	snprintf(other, sizeof(other), "%s/.", f->path);
	assert_int_equal(ruleset_load((const char *const[]){ other }, 1, &again, &diag), 0);
	assert_string_equal(ruleset_digest(again), ruleset_digest(set));
	put(f, "a.yaml", "- {rule: first, event: file.open, severity: low, when: not m}\n");
	CLEANUP(ruleset_free) struct ruleset *changed = NULL;
	assert_int_equal(ruleset_load(paths, 1, &changed, &diag), 0);
	assert_string_not_equal(ruleset_digest(changed), ruleset_digest(set));
}

static void a_file_is_read_once_however_it_is_given(void **state)
{
	const struct folder *f = *state;
	char file[256], link[256], loop[256], sub[256];
	put(f, "a.yaml", "- {rule: first, event: file.open, severity: low, when: true}\n");
	snprintf(file, sizeof(file), "%s/a.yaml", f->path);
	snprintf(link, sizeof(link), "%s/link.yaml", f->path);
	snprintf(loop, sizeof(loop), "%s/sub/loop", f->path);
	snprintf(sub, sizeof(sub), "%s/sub", f->path);
	assert_int_equal(symlink("a.yaml", link), 0);
	assert_int_equal(symlink("..", loop), 0);
	const struct {
		const char *what, *paths[3];
	} cases[] = {
		{ "twice", { file, file } },
		{ "by a link", { link, file } },
		{ "a folder with a link to the file and one to itself", { f->path } },
		{ "a folder, and a file of it", { f->path, file, f->path } },
		{ "a folder below with a link to it", { sub } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 };
		size_t n = 0;
		while (n < ARRAY_SIZE(cases[i].paths) && cases[i].paths[n])
			n++;
		if (ruleset_load(cases[i].paths, n, &set, &diag) || ruleset_count(set) != 1 || ruleset_files(set) != 1)
			fail_msg("%s: %s", cases[i].what, diag.n ? diag.messages[0].text : "read again");
	}
}

/* A place is found from the nearest mark of the file, not from its top: the load of a large file takes no longer for each rule. */
static void a_load_of_many_rules_ends_and_keeps_places(void **state)
{
	(void)state;
	enum { MANY = 20000, LINES = 4 };
	CLEANUP(buf_done) struct buf text = { .max = 4 * 1024 * 1024 };
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	for (unsigned i = 0; i < MANY; i++)
		buf_add_format(&text, "- rule: r%u\n  event: file.open\n  severity: low\n  when: \"file.path = /\xc3\xa4%u and file.open.read\"\n", i, i);
	assert_int_equal(ruleset_load_text("t.yaml", buf_sv(&text), &set, &diag), 0);
	assert_int_equal(ruleset_count(set), MANY);
	assert_int_equal(condition_place(ruleset_condition(set, MANY - 1)).line, MANY * LINES);

	size_t wrong = 0;
	for (uint32_t i = 0; i < MANY; i++) {
		const struct condition *last = condition_child(ruleset_condition(set, i), 1);
		unsigned digits = (unsigned)snprintf(NULL, 0, "%u", i);
		wrong += condition_place(last).line != (i + 1) * LINES || condition_place(last).column != 29 + digits;
	}
	assert_int_equal(wrong, 0);

	/* all in one line */
	text.n = 0;
	buf_add_z(&text, "[");
	for (unsigned i = 0; i < MANY; i++)
		buf_add_format(&text, "{rule: r%u, event: file.open, severity: low, when: file.path = /x},", i);
	buf_add_z(&text, "]");
	assert_int_equal(buf_error(&text), 0);
	const char *found = memrchr(text.p, '/', text.n);
	size_t column = (size_t)(found - text.p) + 1 - strlen("file.path = ");
	CLEANUP(ruleset_free) struct ruleset *flow = NULL;
	assert_int_equal(ruleset_load_text("t.yaml", buf_sv(&text), &flow, &diag), 0);
	assert_int_equal(condition_place(ruleset_condition(flow, MANY - 1)).line, 1);
	assert_int_equal(condition_place(ruleset_condition(flow, MANY - 1)).column, column);
}

static void unreadable_paths_are_named(void **state)
{
	const struct folder *f = *state;
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	char fifo[256];
	snprintf(fifo, sizeof(fifo), "%s/fifo.yaml", f->path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	put(f, "bad.yaml", "- what\n");
	char bad[256];
	snprintf(bad, sizeof(bad), "%s/bad.yaml", f->path);
	const char *const paths[] = { "/nonexistent/rules", fifo, bad };
	assert_true(ruleset_load(paths, 3, &set, &diag) != 0);
	assert_null(set);
	assert_int_equal(diag.errors, 3);
	assert_string_equal(diag.messages[0].file, "/nonexistent/rules");
	assert_non_null(strstr(diag.messages[1].text, "neither a file nor a folder"));
	assert_string_equal(diag.messages[2].file, bad);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faulty_files_are_refused_at_their_place),
		cmocka_unit_test(places_survive_every_way_to_write_text),
		cmocka_unit_test(all_faults_of_all_items_come_at_once),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(macros_do_not_grow_without_end),
		cmocka_unit_test(exceptions_take_rules_back),
		cmocka_unit_test(a_policy_holds_for_its_file),
		cmocka_unit_test(words_that_are_no_list_are_warned_of),
		cmocka_unit_test(a_load_of_many_rules_ends_and_keeps_places),
		cmocka_unit_test_setup_teardown(folders_are_read_in_order_and_names_hold_across_files, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(a_file_is_read_once_however_it_is_given, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(unreadable_paths_are_named, make_folder, remove_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
