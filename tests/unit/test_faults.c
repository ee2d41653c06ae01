/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of rule files with faults: all of them at once, each once, and what was meant, where that can be guessed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/rules/lint.h"
#include "engine/rules/ruleset.h"

enum { MAX_TOLD = 12 };

struct faulty {
	const char *what, *text;
	const char *told[MAX_TOLD]; /* each is in one of the errors, and there are no others */
};

#define SIGMA(id, detection, more) "title: T\nid: " id "\nlogsource: {category: process_creation, product: linux}\ndetection:\n" detection more
#define FALCO(name, condition, more) "- rule: " name "\n  desc: d\n  condition: " condition "\n  output: o\n  priority: INFO\n" more
#define RULE(id, more) "- rule: " id "\n  severity: low\n  event: process.exec\n" more

static const struct faulty files[] = {
	{ "Sigma: a level and a selection",
	  SIGMA("a", "  s: {CommandLine|contians: b, Image|statswith: c}\n  condition: s and nosuch\n", "level: hihg\ntags: {a: b}\n"),
	  { "level: 'hihg'", "tags: expected", "'contians'", "'statswith'", "'nosuch'" } },
	{ "Sigma: a selection that the condition does not get to",
	  SIGMA("a", "  s: {Image: x}\n  t: {Image|re: '['}\n  condition: s and and t\n", ""), { "expected the name of a selection", "no regular expression" } },
	{ "Sigma: correlations hide nothing of one another",
	  SIGMA("a", "  s: {Image: x}\n  condition: s\n", "") "---\ntitle: C\nid: c\ncorrelation: {type: event_cuont, rules: [a, b], timespan: 25h}\n"
	  "---\ntitle: D\nid: d\ncorrelation: {type: event_count, rules: [a], timespan: 5x, condition: {gte: x}}\n",
	  { "has the id or name 'b'", "type: expected event_count", "24h at most", "24h at most", "4095 at most" } },
	{ "Sigma: a correlation of a rule with faults",
	  SIGMA("a", "  s: {Image|nosuch: x}\n  condition: s\n", "") "---\ntitle: D\nid: d\ncorrelation: {type: event_count, rules: [a], timespan: 5x, condition: {gte: 1}}\n",
	  { "'nosuch'", "24h at most" } },
	{ "Falco: exceptions", FALCO("a", "evt.type=open and fd.nam=x", "  exceptions:\n    - {name: e, fields: [proc.nam], comps: [inn]}\n    - {name: f, fields: [fd.sprot]}\n"
	  "    - {name: g, fields: proc.nmae, values: [[a]]}\n    - {name: h, fields: [proc.name, fd.name], values: [[a], [a, b, c]]}\n"),
	  { "'inn' is no comparison", "'proc.nam'", "'fd.sprot'", "'fd.nam'", "'proc.nmae'", "expected text, as there is one field", "one value for each field",
	    "one value for each field" } },
	{ "Falco: exceptions beside a condition that cannot be read", FALCO("a", "evt.type=open and", "  exceptions:\n    - {name: e, fields: [proc.nam], values: [[a]]}\n"),
	  { "expected a", "'proc.nam'" } },
	{ "Falco: words of other languages, names that are nearly there",
	  FALCO("a", "evt.type=open && fd.name=x", "") FALCO("b", "evt.type=open OR fd.name=x", "") "- macro: opened\n  condition: evt.type=open\n"
	  "- macro: m\n  condition: openned and procname=x\n" FALCO("c", "m", ""),
	  { "found '&&' (write 'and')", "found 'OR' (write 'or')", "unknown macro 'openned' (did you mean 'opened'?)", "'procname' (did you mean 'proc.name'?)" } },
	{ "Falco: a field that one rule is skipped for, and another is not",
	  "- macro: m\n  condition: proc.nosuch = x\n" FALCO("a", "evt.type=open and m", "  skip-if-unknown-filter: true\n") FALCO("b", "evt.type=open and m", ""),
	  { "unknown field 'proc.nosuch'" } },
	{ "native: an override with an unknown key", RULE("a", "  when: true\n") "- override: a\n  severtiy: low\n- override: b\n  title: x\n- override: a\n  severity: hihg\n",
	  { "unknown key 'severtiy'", "no rule has the id 'b'", "severity: 'hihg'" } },
	{ "native: a threshold", RULE("n", "  when: process.nam = x\n  threshold: {count: {gtt: 3}, within: 25h, by: [user.nam, file.pth], distinct: nosuch}\n"),
	  { "'process.nam'", "unknown key 'gtt'", "24h at most", "'user.nam'", "'file.pth'", "'nosuch'" } },
	{ "native: exceptions by fields", RULE("r", "  when: true\n  exceptions:\n    - {name: f, fields: [file.pth, proces.name], comps: [=, likee], values: [[a, b], [c]]}\n"
	  "    - {name: g, fields: [process.name, process.pid], values: [[a, b], [a], [b, c]]}\n"),
	  { "'file.pth'", "'likee'", "'proces.name'", "'b' is not a number", "one value for each of the 2 fields", "'c' is not a number" } },
	{ "native: a policy", "- policy: {mode: detct, nme: x}\n", { "unknown key 'nme'", "mode is detect or enforce" } },
	{ "native: steps", "- rule: s\n  severity: low\n  sequence: {within: 0s, lineage: x, by: user.nam, steps: [{event: file.opn, when: true}, {event: file.open, when: file.pth = x}]}\n",
	  { "24h at most", "lineage: expected", "'user.nam'", "'file.opn'", "'file.pth'" } },
	{ "what speaks of a rule with faults has none of its own",
	  RULE("n", "  when: process.nam = x\n") "- override: n\n  severity: low\n- cases_for: n\n  cases: []\n- rule: m\n  severity: low\n"
	  "  threshold: {count: 3, within: 1s, of: [n]}\n- rule: k\n  severity: low\n  threshold: {count: 3, within: 1s, of: [kk]}\n",
	  { "'process.nam'", "there is no rule 'kk'" } },
	{ "a document that cannot be read hides which rules there are", "x: y\n---\n- override: n\n  severity: low\n", { "expected a list of items" } },
};

static bool is_told(const struct diag *diag, bool *seen, const char *text)
{
	for (size_t i = 0; i < diag->n; i++)
		if (!seen[i] && diag->messages[i].level == DIAG_ERROR && strstr(diag->messages[i].text, text)) {
			seen[i] = true;
			return true;
		}
	return false;
}

static void all_faults_are_told_at_once_and_once(void **state)
{
	size_t wrong = 0;
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		bool seen[DIAG_MAX_MESSAGES] = { false };
		size_t n = 0;
		if (ruleset_load_text("t.yaml", sv_from(files[i].text), &set, &diag) == 0)
			fail_msg("accepted: %s", files[i].what);
		for (; n < MAX_TOLD && files[i].told[n]; n++)
			if (!is_told(&diag, seen, files[i].told[n]) && ++wrong)
				print_error("%s: not told: %s\n", files[i].what, files[i].told[n]);
		if (diag.errors == n)
			continue;
		wrong++;
		for (size_t k = 0; k < diag.n; k++)
			print_error("%s: %u:%u: %s\n", files[i].what, diag.messages[k].line, diag.messages[k].column, diag.messages[k].text);
	}
	assert_int_equal(wrong, 0);
}

static void what_other_languages_write_is_answered(void **state)
{
	static const struct {
		const char *when, *answer;
	} cases[] = {
		{ "process.name = a AND process.pid = 3", "(write 'and')" },
		{ "process.name = a && process.pid = 3", "(write 'and')" },
		{ "process.name = a OR process.pid = 3", "(write 'or')" },
		{ "process.name = a || process.pid = 3", "(write 'or')" },
		{ "NOT process.name = a", "(write 'not')" },
		{ "!process.name = a", "(write 'not')" },
		{ "process.name = b and ! (process.name = a)", "(write 'not')" },
		{ "process.name not in (a, b)", "'not' stands before the field" },
		{ "process.name = a, b", "FIELD in (a, b)" },
		{ "process.name = \"a\" or \"b\"", "needs a field" },
		{ "process.name in [a, b]", "a list stands in parentheses" },
		{ "process.name like a", "'glob' takes patterns" },
		{ "process.name is a", "(write '=')" },
		{ "process.name eq a", "(write '=')" },
		{ "process.name: a", "(write '=')" },
		{ "process.name <> a", "(write '!=')" },
		{ "process.name =~ \"a\"", "'search' finds a regular expression" },
		{ "process.name matches a", "'search' finds a regular expression" },
		{ "process.name starts a", "(write 'startswith')" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct ruleset *set = NULL;
		char text[256];
		snprintf(text, sizeof(text), RULE("r", "  when: |-\n    %s\n"), cases[i].when);
		if (ruleset_load_text("t.yaml", sv_from(text), &set, &diag) == 0)
			fail_msg("accepted: %s", cases[i].when);
		if (diag.errors != 1 || !strstr(diag.messages[0].text, cases[i].answer))
			fail_msg("%s: %zu errors, the first: %s", cases[i].when, diag.errors, diag.messages[0].text);
	}
}

/* Words that are none of the language may be names and values. */
static void words_of_other_languages_may_be_meant(void **state)
{
	static const char *const conditions[] = {
		"process.name = AND and process.name != NOT", "process.name in (like, eq, is)", "process.name = \"||\"", "process.working_directory = ~",
		"process.name = ! or process.name = &&", "NOT",
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(conditions); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		char text[256];
		snprintf(text, sizeof(text), "- macro: NOT\n  when: process.pid = 1\n" RULE("r", "  when: |-\n    %s\n"), conditions[i]);
		if (ruleset_load_text("t.yaml", sv_from(text), &set, &diag))
			fail_msg("%s: %s", conditions[i], diag.messages[0].text);
	}
}

static void keys_of_other_languages_are_answered(void **state)
{
	static const struct {
		const char *rule, *answer;
	} cases[] = {
		{ RULE("r", "  condition: true\n"), "unknown key 'condition' in a rule (did you mean 'when'?)" },
		{ RULE("r", "  when: true\n  throttle: {count: 1, window: 5s}\n"), "'window' in a throttle (did you mean 'per'?)" },
		{ RULE("r", "  when: true\n  throttle: {limit: 1, per: 5s}\n"), "'limit' in a throttle (did you mean 'count'?)" },
		{ RULE("r", "  when: true\n  threshold: {count: 1, within: 5s, group-by: user.id}\n"), "(did you mean 'by'?)" },
		{ RULE("r", "  when: true\n  output: x\n"), "(did you mean 'message'?)" },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct ruleset *set = NULL;
		if (ruleset_load_text("t.yaml", sv_from(cases[i].rule), &set, &diag) == 0)
			fail_msg("accepted: %s", cases[i].rule);
		if (diag.errors != 1 || !strstr(diag.messages[0].text, cases[i].answer))
			fail_msg("%s: %zu errors, the first: %s", cases[i].rule, diag.errors, diag.messages[0].text);
	}
}

/* Warned of, by the loader or by a look at the rules; answer NULL: not at all. */
static void slips_that_load_are_warned_of(void **state)
{
	static const struct {
		const char *what, *text, *answer;
	} cases[] = {
		{ "a star", RULE("r", "  when: process.executable startswith /tmp/*\n"), "'glob' takes patterns" },
		{ "a star at the end", RULE("r", "  when: process.executable endswith *.sh\n"), "'glob' takes patterns" },
		{ "a star in a command line", RULE("r", "  when: process.command_line contains \"rm -rf /*\"\n"), NULL },
		{ "a list in quotes", RULE("r", "  when: process.name in (\"sh,bash\")\n"), "several are written (a, b)" },
		{ "a comma", RULE("r", "  when: process.command_line = \"a,b\"\n"), NULL },
		{ "half an anchor", RULE("r", "  when: process.command_line regex \"^/etc/shadow\"\n"), "'search' finds a part of it" },
		{ "the other half", RULE("r", "  when: process.command_line regex \"shadow$\"\n"), "'search' finds a part of it" },
		{ "both", RULE("r", "  when: process.command_line regex \"^/etc/shadow$\"\n"), NULL },
		{ "an end left open", RULE("r", "  when: process.command_line regex \"^/etc/.*\"\n"), NULL },
		{ "a Sigma category", "title: T\nlogsource: {category: process_cretion, product: linux}\ndetection:\n  s: {Image: x}\n  condition: s\n",
		  "the category 'process_cretion' (did you mean 'process_creation'?)" },
		{ "a Sigma product", "title: T\nlogsource: {category: process_creation, product: linxu}\ndetection:\n  s: {Image: x}\n  condition: s\n",
		  "the product 'linxu' (did you mean 'linux'?)" },
		{ "a key of a log source", "title: T\nlogsource: {category: process_creation, prodcut: linux}\ndetection:\n  s: {Image: x}\n  condition: s\n",
		  "logsource: key 'prodcut' is not read (did you mean 'product'?)" },
		{ "a key of a Sigma rule", "title: T\nlevle: low\nlogsource: {category: process_creation, product: linux, definition: x}\ndetection:\n  s: {Image: x}\n  condition: s\n",
		  "key 'levle' is no key of Sigma (did you mean 'level'?)" },
		{ "another product", "title: T\nlogsource: {category: registry_set, product: windows}\ndetection:\n  s: {Image: x}\n  condition: s\n", NULL },
		{ "a fault in a rule about another source",
		  "title: T\nlogsource: {category: registry_set, product: windows}\ndetection:\n  s: {Image|contians: x}\n  condition: s\n",
		  "modifier 'contians' is unknown (did you mean 'contains'?)" },
		{ "a Falco event", FALCO("r", "evt.type = openatt", ""), "evt.type: there is no event 'openatt' (did you mean 'openat'?)" },
		{ "Falco events that are not seen here", FALCO("r", "evt.type in (futex, procexit, openat2)", ""), NULL },
		{ "a Falco source", FALCO("r", "evt.type = open", "  source: sycall\n"), "(did you mean 'syscall'?)" },
		{ "another Falco source", FALCO("r", "ka.verb = get", "  source: k8s_audit\n"), NULL },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		bool is_told = false;
		if (ruleset_load_text("t.yaml", sv_from(cases[i].text), &set, &diag))
			fail_msg("%s: %s", cases[i].what, diag.messages[0].text);
		rule_lint(set, 0, &diag);
		for (size_t k = 0; k < diag.n && cases[i].answer; k++)
			is_told |= strstr(diag.messages[k].text, cases[i].answer) != NULL;
		if (cases[i].answer ? !is_told || diag.warnings != 1 : diag.warnings > 0)
			fail_msg("%s: %zu warnings, the first: %s", cases[i].what, diag.warnings, diag.n ? diag.messages[0].text : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_faults_are_told_at_once_and_once),
		cmocka_unit_test(what_other_languages_write_is_answered),
		cmocka_unit_test(words_of_other_languages_may_be_meant),
		cmocka_unit_test(keys_of_other_languages_are_answered),
		cmocka_unit_test(slips_that_load_are_warned_of),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
