/* SPDX-License-Identifier: Apache-2.0 */
/* What one file does to another: includes, and overrides of rules, lists and macros; exceptions that expire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/clock.h"
#include "engine/event/builder.h"
#include "engine/rules/condition.h"
#include "engine/rules/lint.h"
#include "engine/rules/ruleset.h"
#include "engine/rules/throttle.h"

#define SHIPPED                                                                                       \
	"- {list: tools, items: [/bin/a, /bin/b]}\n"                                                  \
	"- {macro: by_tool, when: 'process.executable in (tools)'}\n"                                 \
	"- rule: shipped\n"                                                                           \
	"  event: file.open\n"                                                                        \
	"  severity: high\n"                                                                          \
	"  tags: [one]\n"                                                                             \
	"  attack: [T1003]\n"                                                                         \
	"  when: file.path = /x and not by_tool\n"                                                    \
	"  exceptions: [{name: shipped, when: process.name = known}]\n"

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

static const char *const folders[] = { "top", "top/sub", "beside" };
static const char *const names[] = { "top/a.yaml", "top/b.yaml", "top/c.yaml", "top/sub/d.yaml", "top/link.yaml", "beside/out.yaml", "top/note.txt" };

static int make_folder(void **state)
{
	static struct folder f;
	memcpy(f.path, "/tmp/vedette-override-XXXXXX", sizeof("/tmp/vedette-override-XXXXXX"));
	if (!mkdtemp(f.path))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		char path[256];
		snprintf(path, sizeof(path), "%s/%s", f.path, folders[i]);
		if (mkdir(path, 0700))
			return -1;
	}
	*state = &f;
	return 0;
}

static int remove_folder(void **state)
{
	const struct folder *f = *state;
	char path[256];
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->path, names[i]);
		(void)unlink(path); /* most are not there */
	}
	for (size_t i = ARRAY_SIZE(folders); i-- > 0;) {
		snprintf(path, sizeof(path), "%s/%s", f->path, folders[i]);
		(void)rmdir(path);
	}
	return rmdir(f->path);
}

static struct ruleset *load_text(const char *text, struct diag *diag)
{
	struct ruleset *set = NULL;
	if (ruleset_load_text("t.yaml", sv_from(text), &set, diag) == 0)
		return set;
	for (size_t i = 0; i < diag->n; i++)
		print_error("%u:%u %s\n", diag->messages[i].line, diag->messages[i].column, diag->messages[i].text);
	return NULL;
}

static int load_file(const struct folder *f, const char *name, struct ruleset **set, struct diag *diag)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	return ruleset_load(&(const char *){ path }, 1, set, diag);
}

struct act {
	const char *path, *executable, *name;
	uint64_t wall_ns; /* 0: the event has no time */
};

static bool fires(const struct ruleset *set, const struct act *act)
{
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	struct event ev;
	struct matches m;
	char digits[24];
	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)act->wall_ns);
	assert_int_equal(event_builder_new(&b), 0);
	event_builder_begin(b, event_type_by_name(SV("file.open")));
	assert_int_equal(event_builder_set_text(b, "file.path", act->path), 0);
	if (act->executable)
		assert_int_equal(event_builder_set_text(b, "process.executable", act->executable), 0);
	if (act->name)
		assert_int_equal(event_builder_set_text(b, "process.name", act->name), 0);
	if (act->wall_ns)
		assert_int_equal(event_builder_set_text(b, "@timestamp", digits), 0);
	assert_int_equal(event_builder_event(b, &ev), 0);
	ruleset_evaluate(set, &ev, &m);
	return m.n > 0;
}

/* --- overrides --------------------------------------------------------------------------------------------------------------- */

static void overrides_change_what_conditions_hold_on(void **state)
{
	(void)state;
	static const struct {
		const char *what, *override;
		struct act act;
		bool fires;
	} cases[] = {
		{ "nothing is changed", "", { "/x", "/bin/z", "z", 0 }, true },
		{ "nothing is changed: its exception", "", { "/x", "/bin/z", "known", 0 }, false },
		{ "when is replaced", "- {override: shipped, when: file.path = /y}\n", { "/y", "/bin/a", "z", 0 }, true },
		{ "when is replaced, exceptions stay", "- {override: shipped, when: file.path = /y}\n", { "/y", "/bin/a", "known", 0 }, false },
		{ "when is widened", "- {override: shipped, append: {or: file.path = /y}}\n", { "/y", "/bin/a", "z", 0 }, true },
		{ "when is narrowed", "- {override: shipped, append: {and: process.name = z}}\n", { "/x", "/bin/z", "q", 0 }, false },
		{ "or comes before and", "- {override: shipped, append: {and: process.name = z, or: file.path = /y}}\n", { "/y", "/bin/z", "q", 0 }, false },
		{ "an exception more", "- {override: shipped, append: {exceptions: [{name: n, when: process.name = z}]}}\n", { "/x", "/bin/z", "z", 0 }, false },
		{ "and the one before", "- {override: shipped, append: {exceptions: [{name: n, when: process.name = z}]}}\n", { "/x", "/bin/z", "known", 0 }, false },
		{ "exceptions are replaced", "- {override: shipped, exceptions: []}\n", { "/x", "/bin/z", "known", 0 }, true },
		{ "disabled", "- {override: shipped, enabled: false}\n", { "/x", "/bin/z", "z", 0 }, false },
		{ "disabled, and enabled later", "- {override: shipped, enabled: false}\n- {override: shipped, enabled: true}\n", { "/x", "/bin/z", "z", 0 }, true },
		{ "a list is extended", "- {override_list: tools, append: [/bin/z]}\n", { "/x", "/bin/z", "z", 0 }, false },
		{ "a list is extended: what it had", "- {override_list: tools, append: [/bin/z]}\n", { "/x", "/bin/a", "z", 0 }, false },
		{ "a list is replaced", "- {override_list: tools, items: [/bin/z]}\n", { "/x", "/bin/a", "z", 0 }, true },
		{ "a list is replaced, then extended", "- {override_list: tools, items: [/bin/z]}\n- {override_list: tools, append: [/bin/a]}\n",
		  { "/x", "/bin/a", "z", 0 }, false },
		{ "a list is extended, then replaced", "- {override_list: tools, append: [/bin/z]}\n- {override_list: tools, items: [/bin/a]}\n",
		  { "/x", "/bin/z", "z", 0 }, true },
		{ "a macro is replaced", "- {override_macro: by_tool, when: process.name = z}\n", { "/x", "/bin/a", "q", 0 }, true },
		{ "a macro is widened", "- {override_macro: by_tool, append: {or: process.name = z}}\n", { "/x", "/bin/z", "z", 0 }, false },
		{ "a macro is narrowed", "- {override_macro: by_tool, append: {and: process.name = z}}\n", { "/x", "/bin/a", "q", 0 }, true },
	};
	size_t wrong = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[2048];
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 };
		/* before the rule and behind it: the place does not matter */
		snprintf(text, sizeof(text), i % 2 ? "%s%s" : "%2$s%1$s", cases[i].override, SHIPPED);
		set = load_text(text, &diag);
		if (set && diag.warnings == 0 && fires(set, &cases[i].act) == cases[i].fires)
			continue;
		print_error("%s\n", cases[i].what);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void overrides_change_what_is_said(void **state)
{
	(void)state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set =
		load_text(SHIPPED "- {override: shipped, severity: low, title: New, append: {tags: [two], attack: T1005}}\n"
				  "- {override: shipped, action: block, references: [r], throttle: {count: 3, per: 10s, by: user.name}}\n",
			  &diag);
	assert_non_null(set);
	const struct rule_info *rule = ruleset_get(set, 0);
	assert_int_equal(rule->severity, SEVERITY_LOW);
	assert_string_equal(rule->title, "New");
	assert_string_equal(rule->tags[0], "one");
	assert_string_equal(rule->tags[1], "two");
	assert_null(rule->tags[2]);
	assert_string_equal(rule->attack[1], "T1005");
	assert_string_equal(rule->references[0], "r");
	assert_int_equal(rule->action, ACTION_BLOCK);
	assert_int_equal(rule->throttle->count, 3);
	assert_int_equal(rule->throttle->per_ns, 10000000000ull);
	assert_non_null(rule->changes);
	assert_int_equal(rule->changes->at.line, 11);
	assert_string_equal(rule->changes->keys, "action, references, throttle");
	assert_string_equal(rule->changes->next->keys, "severity, title, append tags, append attack");
	assert_null(rule->changes->next->next);
	CLEANUP(buf_done) struct buf message = { 0 };
	ruleset_message(set, 0, NULL, &message);
	assert_string_equal(buf_cstr(&message), "New");
}

/* A rule that names no events is about those in which its condition can hold, also when an override changes that. */
static void overrides_change_the_events_of_imported_rules(void **state)
{
	(void)state;
	enum { OPEN = 1, EXEC = 2, OUTCOME = 4, PARTIAL = 8 };
	static const struct {
		const char *override;
		unsigned want;
	} cases[] = {
		{ "severity: low", EXEC | OUTCOME },
		{ "append: {and: process.executable = /bin/cat}", EXEC | OUTCOME },
		{ "append: {or: evt.type = openat and file.path = /x}", OPEN | EXEC | OUTCOME },
		{ "when: evt.type = openat and file.path = /x", OPEN },
		{ "{when: evt.type = openat and file.path = /x, message: '{evt.failed}'}", OPEN | OUTCOME },
		{ "{when: evt.type = openat and file.path = /x, cases: [{event: file.open, fires: {file.path: /x}}]}", OPEN },
		{ "when: evt.type = openat and (file.path = /x or container.image.id = y)", OPEN | PARTIAL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(buf_done) struct buf text = { 0 };
		bool is_map = cases[i].override[0] == '{';
		buf_add_z(&text, "- rule: F\n  desc: d\n  condition: evt.type = execve and proc.name = cat and evt.failed = false\n  output: x\n  priority: ERROR\n---\n");
		buf_add_format(&text, is_map ? "- {override: F, %s\n" : "- override: F\n  %s\n", cases[i].override + is_map);
		CLEANUP(ruleset_free) struct ruleset *set = load_text(buf_cstr(&text), &diag);
		assert_non_null(set);
		const struct rule_info *rule = ruleset_get(set, 0);
		struct case_result result = { 0 };
		unsigned got = (rule->events >> EVENT_FILE_OPEN & 1 ? OPEN : 0) | (rule->events >> EVENT_PROC_EXEC & 1 ? EXEC : 0) |
			       (rule->needs_outcome ? OUTCOME : 0) | (rule->coverage == COVERAGE_PARTIAL ? PARTIAL : 0);
		if (got != cases[i].want || rule->coverage == COVERAGE_NEEDS_SOURCE)
			fail_msg("%s: %u, not %u", cases[i].override, got, cases[i].want);
		if (fires(set, &(struct act){ "/x", NULL, NULL, 0 }) != ((got & OPEN) != 0))
			fail_msg("%s: on the open of /x", cases[i].override);
		assert_int_equal(ruleset_run_cases(set, &result, &diag), 0);
		assert_int_equal(result.failed, 0);
	}
}

/* A list of a document of lists alone is one list, whichever format changes it. */
static void a_shared_list_is_changed_for_both_formats(void **state)
{
#define SHARED "- {list: s, items: [sh]}\n- {list: t, items: [s, tcsh]}\n---\n"
#define FALCO "- {rule: F, desc: d, condition: evt.type = execve and proc.name in (t), output: x, priority: INFO}\n"
#define OWN "- {rule: n, event: process.exec, severity: low, when: process.name in (t)}\n"
	(void)state;
	static const struct {
		const char *what, *text, *values;
		const char *warning; /* NULL: none */
	} cases[] = {
		{ "as it is", SHARED FALCO "---\n" OWN, "(sh, tcsh)", NULL },
		{ "our append", SHARED FALCO "---\n" OWN "- {override_list: s, append: [fish]}\n", "(sh, fish, tcsh)", NULL },
		{ "our append, first of all", "- {override_list: s, append: [fish]}\n" OWN "---\n" FALCO "---\n" SHARED, "(sh, fish, tcsh)", NULL },
		{ "our replacement", SHARED FALCO "---\n" OWN "- {override_list: s, items: [fish]}\n", "(fish, tcsh)", NULL },
		{ "Falco's append", SHARED FALCO "- {list: s, items: [fish], override: {items: append}}\n---\n" OWN, "(sh, fish, tcsh)", NULL },
		{ "Falco's replacement", SHARED FALCO "- {list: s, items: [fish], override: {items: replace}}\n---\n" OWN, "(fish, tcsh)", NULL },
		{ "both append", SHARED FALCO "- {list: s, items: [fish], override: {items: append}}\n---\n" OWN "- {override_list: s, append: [ash]}\n",
		  "(sh, fish, ash, tcsh)", NULL },
		{ "Falco replaces what was appended to", SHARED FALCO "- {list: s, items: [ash], override: {items: append}}\n- {list: s, items: [fish], override: {items: replace}}\n---\n" OWN,
		  "(fish, tcsh)", NULL },
		{ "a list of ours alone", SHARED FALCO "---\n- {list: o, items: [fish, ksh]}\n" OWN "- {override_list: s, append: [o]}\n", "(sh, fish, ksh, tcsh)", NULL },
		{ "a list that is used nowhere else", SHARED FALCO "---\n- {rule: n, event: process.exec, severity: low, when: 'process.name in (sh, tcsh)'}\n", "(sh, tcsh)", NULL },
		{ "a list of Falco's alone", SHARED FALCO "- {list: o, items: [fish]}\n- {list: s, items: [o], override: {items: append}}\n---\n" OWN, NULL,
		  "to them 'o' is a text: move that list into a file of lists alone" },
		{ "Falco parts", SHARED FALCO "- {list: s, items: [fish]}\n---\n" OWN, NULL, "list 's' is defined anew, for Falco's rules alone: others keep that of t.yaml:1" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = load_text(cases[i].text, &diag);
		assert_non_null(set);
		assert_int_equal(ruleset_count(set), 2);
		ruleset_unused(set, &diag);
		bool is_said = cases[i].warning ? diag.n == 1 && strstr(diag.messages[0].text, cases[i].warning) : diag.n == 0;
		if (!is_said)
			fail_msg("%s: %zu messages, %s", cases[i].what, diag.n, diag.n ? diag.messages[0].text : "none");
		for (uint32_t k = 0; k < 2 && cases[i].values; k++) {
			CLEANUP(buf_done) struct buf condition = { 0 };
			condition_text(ruleset_condition(set, k), &condition);
			if (!strstr(buf_cstr(&condition), cases[i].values))
				fail_msg("%s: %s has %s", cases[i].what, ruleset_get(set, k)->id, buf_cstr(&condition));
		}
	}
}

/* Rows and appended conditions stand side by side: many of them nest no deeper than one. */
static void many_appended_conditions_do_not_nest(void **state)
{
	(void)state;
	static const struct {
		const char *what, *head, *repeat; /* %d in repeat: its number */
		int times;
	} cases[] = {
		{ "rows of an exception",
		  "- rule: r\n  event: file.open\n  severity: low\n  when: file.path startswith /d\n"
		  "  exceptions:\n    - name: e\n      fields: [file.path, process.name]\n      values:\n", "        - [/d/%d, cat]\n", 2000 },
		{ "overrides of a macro",
		  "- {macro: m, when: file.path = /d}\n"
		  "- {rule: r, event: file.open, severity: low, when: file.path startswith /d and not (m and process.name = cat)}\n",
		  "- {override_macro: m, append: {or: file.path = /d/%d}}\n", 2000 },
		{ "overrides of a rule",
		  "- {rule: r, event: file.open, severity: low, when: file.path startswith /d}\n",
		  "- {override: r, append: {and: not (file.path = /d/%d and process.name = cat)}}\n", 256 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(buf_done) struct buf text = { 0 };
		buf_add_z(&text, cases[i].head);
		for (int k = 0; k < cases[i].times; k++) {
			const char *number = strstr(cases[i].repeat, "%d");
			buf_add(&text, cases[i].repeat, (size_t)(number - cases[i].repeat));
			buf_add_format(&text, "%d%s", k, number + 2);
		}
		CLEANUP(ruleset_free) struct ruleset *set = load_text(buf_cstr(&text), &diag);
		if (!set)
			fail_msg("refused: %s", cases[i].what);
		assert_true(fires(set, &(struct act){ "/d/7", NULL, "dog", 0 }));
		assert_false(fires(set, &(struct act){ "/d/7", NULL, "cat", 0 }));
		assert_false(fires(set, &(struct act){ "/d/0", NULL, "cat", 0 }));
		assert_false(fires(set, &(struct act){ "/d/255", NULL, "cat", 0 }));
		assert_true(fires(set, &(struct act){ "/d/2000", NULL, "cat", 0 }));
	}
}

static void too_many_appended_conditions_are_refused(void **state)
{
	(void)state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	buf_add_z(&text, "- {rule: r, event: file.open, severity: low, when: file.path = /d}\n");
	for (int k = 0; k < 257; k++)
		buf_add_z(&text, "- {override: r, append: {or: file.path = /e}}\n");
	assert_int_not_equal(ruleset_load_text("t.yaml", buf_sv(&text), &set, &diag), 0);
	assert_int_equal(diag.errors, 1);
	assert_int_equal(diag.messages[0].line, 258);
	assert_non_null(strstr(diag.messages[0].text, "256 conditions at most"));
}

static void faulty_overrides_are_refused_at_their_place(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned line, column;
		const char *message;
	} cases[] = {
		{ "- {override: shiped, severity: low}\n", 10, 14, "no rule has the id 'shiped' (did you mean 'shipped'?)" },
		{ "- {override: shipped}\n", 10, 3, "nothing is changed" },
		{ "- {override: shipped, event: file.delete}\n", 10, 23, "unknown key 'event' in an override" },
		{ "- {override: shipped, severty: low}\n", 10, 23, "did you mean 'severity'?" },
		{ "- {override: shipped, severity: mild}\n", 10, 33, "severity: 'mild' is not one of" },
		{ "- {override: shipped, append: {severity: low}}\n", 10, 32, "unknown key 'severity' in 'append'" },
		{ "- {override: shipped, append: x}\n", 10, 31, "'append' is a map" },
		{ "- {override: shipped, when: destination.port = 1}\n", 10, 29, "field 'destination.port' is in none of the rule's events" },
		{ "- {override: shipped, append: {and: file.pth = /x}}\n", 10, 37, "unknown field 'file.pth'" },
		{ "- {override: shipped, append: {exceptions: [{name: n, when: file.pth = x}]}}\n", 10, 61, "unknown field 'file.pth'" },
		{ "- {override: [x], severity: low}\n", 10, 14, "expected the name of what is changed" },
		{ "- {override_list: tols, append: [a]}\n", 10, 19, "no list has the name 'tols' (did you mean 'tools'?)" },
		{ "- {override_list: tools, append: a}\n", 10, 34, "expected a list of values" },
		{ "- {override_list: tools, items: [[a]]}\n", 10, 33, "expected a list of values" },
		{ "- {override_list: tools, append: [tools]}\n", 10, 35, "list 'tools' is made of itself" },
		{ "- {override_macro: by_tol, when: true}\n", 10, 20, "no macro has the name 'by_tol' (did you mean 'by_tool'?)" },
		{ "- {override_macro: by_tool, append: {or: by_tool}}\n", 10, 42, "macro 'by_tool' is made of itself" },
		{ "- {override_macro: by_tool, append: {nor: true}}\n", 10, 38, "unknown key 'nor' in 'append'" },
		{ "- {cases_for: shiped, cases: []}\n", 10, 15, "no rule has the id 'shiped'" },
		{ "- {cases_for: shipped, case: []}\n", 10, 24, "unknown key 'case'" },
		{ "- {cases_for: shipped, cases: [{fires: {file.pth: x}}]}\n", 10, 41, "unknown field 'file.pth'" },
		{ "- {override: shipped, throttle: {count: 0}}\n", 10, 41, "'count' is a number from 1" },
		{ "- {override: shipped, throttle: {per: 5}}\n", 10, 39, "'per' is a time from 1s to 24h" },
		{ "- {override: shipped, throttle: {per: 25h}}\n", 10, 39, "'per' is a time from 1s to 24h" },
		{ "- {override: shipped, throttle: {by: [a, b, c, d, e]}}\n", 10, 38, "at most 4" },
		{ "- {override: shipped, throttle: {by: destination.ip}}\n", 10, 38, "none of the rule's events has the field" },
		{ "- {override: shipped, throttle: {times: 5}}\n", 10, 34, "unknown key 'times' in a throttle" },
		{ "- {override: shipped, throttle: often}\n", 10, 33, "expected a map" },
		{ "- {include: x.yaml}\n", 10, 13, "has no folder to look in" },
	};
	size_t wrong = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[2048];
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 };
		snprintf(text, sizeof(text), "%s%s", SHIPPED, cases[i].text);
		int err = ruleset_load_text("t.yaml", sv_from(text), &set, &diag);
		const struct diag_message *m = &diag.messages[0];
		if (err && !set && diag.errors && m->line == cases[i].line && m->column == cases[i].column && strstr(m->text, cases[i].message))
			continue;
		print_error("%s-> %d, %u:%u %s\n", cases[i].text, err, diag.n ? m->line : 0, diag.n ? m->column : 0, diag.n ? m->text : "");
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void cases_may_stand_apart_from_their_rule(void **state)
{
	(void)state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set =
		load_text(SHIPPED "- {cases_for: shipped, cases: [{fires: {file.path: /x}}, {quiet: {file.path: /y}}]}\n"
				  "- cases_for: shipped\n  cases:\n    - fires: {file.path: /y}\n",
			  &diag);
	struct case_result result = { 0 };
	assert_non_null(set);
	assert_int_equal(ruleset_run_cases(set, &result, &diag), 0);
	assert_int_equal(result.passed, 2);
	assert_int_equal(result.failed, 1);
	assert_int_equal(result.rules_without_cases, 0);
	assert_int_equal(diag.messages[0].line, 13);
}

/* --- includes ---------------------------------------------------------------------------------------------------------------- */

static void included_files_are_read_once(void **state)
{
	const struct folder *f = *state;
	CLEANUP(ruleset_free) struct ruleset *alone = NULL, *whole = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	put(f, "top/a.yaml", "- {include: b.yaml}\n- {include: sub/d.yaml}\n- {include: ./sub/../b.yaml}\n- {override: shipped, severity: low}\n");
	put(f, "top/b.yaml", SHIPPED);
	put(f, "top/sub/d.yaml", "- {include: ../b.yaml}\n- {list: of_d, items: []}\n");
	assert_int_equal(load_file(f, "top/a.yaml", &alone, &diag), 0);
	assert_int_equal(ruleset_count(alone), 1);
	assert_int_equal(ruleset_files(alone), 3);
	assert_int_equal(ruleset_get(alone, 0)->severity, SEVERITY_LOW);
	assert_true(strstr(ruleset_get(alone, 0)->at.file, "/top/b.yaml") != NULL);
	assert_int_equal(load_file(f, "top", &whole, &diag), 0);
	assert_int_equal(ruleset_files(whole), 3);
	put(f, "top/b.yaml", SHIPPED "\n");
	CLEANUP(ruleset_free) struct ruleset *other = NULL;
	assert_int_equal(load_file(f, "top/a.yaml", &other, &diag), 0);
	assert_string_not_equal(ruleset_digest(alone), ruleset_digest(other)); /* the digest is over included files, too */
}

static void includes_stay_within_the_folder(void **state)
{
	const struct folder *f = *state;
	char absolute[128], link[128], out[128];
	put(f, "beside/out.yaml", "- {list: out, items: []}\n");
	put(f, "top/note.txt", "- {list: note, items: []}\n");
	snprintf(link, sizeof(link), "%s/top/link.yaml", f->path);
	snprintf(out, sizeof(out), "%s/beside/out.yaml", f->path);
	snprintf(absolute, sizeof(absolute), "%s/top/b.yaml", f->path);
	put(f, "top/b.yaml", "- {list: b, items: []}\n");
	put(f, "top/c.yaml", "- {include: c.yaml}\n");
	assert_int_equal(symlink(out, link), 0);
	const struct {
		const char *what, *path, *message;
	} cases[] = {
		{ "an absolute path", absolute, "is absolute" },
		{ "a path that leads out", "../beside/out.yaml", "lies outside of the folder" },
		{ "a link that leads out", "link.yaml", "lies outside of the folder" },
		{ "no rule file", "note.txt", "is no .yaml or .yml file" },
		{ "nothing", "''", "expected the path of a file" },
		{ "no such file", "none.yaml", "No such file" },
		{ "a folder", "[sub]", "expected the path" },
		{ "itself", "a.yaml", "includes this file" },
		{ "a file that includes itself", "c.yaml", "includes this file" },
	};
	size_t wrong = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[256];
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 };
		snprintf(text, sizeof(text), "- {include: %s}\n", cases[i].path);
		put(f, "top/a.yaml", text);
		int err = load_file(f, "top/a.yaml", &set, &diag);
		if (err && !set && diag.n && strstr(diag.messages[0].text, cases[i].message) && diag.messages[0].column == 13)
			continue;
		print_error("%s: %d, %s\n", cases[i].what, err, diag.n ? diag.messages[0].text : "");
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void includes_have_a_depth(void **state)
{
	const struct folder *f = *state;
	char path[256];
	for (int i = 0; i < 20; i++) {
		char name[32], text[64];
		snprintf(name, sizeof(name), "top/sub/n%d.yaml", i);
		snprintf(text, sizeof(text), i < 19 ? "- {include: n%d.yaml}\n" : "- {list: l%d, items: []}\n", i + 1);
		put(f, name, text);
	}
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	assert_int_not_equal(load_file(f, "top/sub/n0.yaml", &set, &diag), 0);
	assert_non_null(strstr(diag.messages[0].text, "nested too deep (16 levels at most)"));
	diag_done(&diag);
	diag = (struct diag){ 0 };
	assert_int_equal(load_file(f, "top/sub/n5.yaml", &set, &diag), 0);
	for (int i = 0; i < 20; i++) {
		snprintf(path, sizeof(path), "%s/top/sub/n%d.yaml", f->path, i);
		assert_int_equal(unlink(path), 0);
	}
}

/* --- exceptions that expire -------------------------------------------------------------------------------------------------- */

#define EXPIRING                                                                                            \
	"- rule: r\n  event: file.open\n  severity: low\n  when: file.path = /x\n"                        \
	"  exceptions: [{name: backup, when: process.name = b, owner: storage team, expires: 2026-12-31}]\n"  \
	"  cases: [{quiet: {file.path: /x, process.name: b}}]\n"

static uint64_t day(const char *date)
{
	uint64_t ns = 0;
	assert_int_equal(clock_parse_date(sv_from(date), &ns), 0);
	return ns;
}

static void an_exception_ends_with_its_last_day(void **state)
{
	(void)state;
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	uint64_t end = day("2027-01-01");
	assert_int_equal(ruleset_load_text_at("t.yaml", SV(EXPIRING), end - 1, &set, &diag), 0);
	assert_int_equal(diag.warnings, 0);
	/* by the time of the event, so that it ends while the rules are in force, and an old tape judges as it did */
	assert_false(fires(set, &(struct act){ "/x", NULL, "b", end - 1 }));
	assert_true(fires(set, &(struct act){ "/x", NULL, "b", end }));
	assert_false(fires(set, &(struct act){ "/x", NULL, "b", 0 }));
	assert_true(fires(set, &(struct act){ "/x", NULL, "c", end - 1 }));
	assert_int_equal(ruleset_expired(set, 0, end - 1, &diag), 0);
	assert_int_equal(ruleset_expired(set, end, UINT64_MAX, &diag), 0);
	assert_int_equal(ruleset_expired(set, end - 1, end, &diag), 1);
	const struct diag_message *m = &diag.messages[0];
	assert_int_equal(diag.warnings, 1);
	assert_string_equal(m->text, "exception 'backup' of rule 'r' has expired: its last day was 2026-12-31, its owner is 'storage team'; renew or remove it");
	assert_int_equal(m->line, 5);
	assert_int_equal(m->column, 16);
}

static void an_expired_exception_warns_at_load_and_excepts_nothing(void **state)
{
	(void)state;
	static const struct {
		const char *now;
		size_t warnings, passed;
	} cases[] = { { "2026-12-31", 0, 1 }, { "2027-01-01", 1, 0 }, { "2030-01-01", 1, 0 } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 }, unused = { 0 };
		struct case_result result = { 0 };
		assert_int_equal(ruleset_load_text_at("t.yaml", SV(EXPIRING), day(cases[i].now), &set, &diag), 0);
		assert_int_equal(diag.warnings, cases[i].warnings);
		assert_int_equal(ruleset_run_cases(set, &result, &unused), 0);
		assert_int_equal(result.passed, cases[i].passed);
	}
}

static void dates_are_days(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t seconds;
	} good[] = { { "1970-01-01", 0 }, { "2024-02-29", 1709164800 }, { "2026-12-31", 1798675200 }, { "2261-12-31", 9214560000 } };
	static const char *const bad[] = { "", "2026-13-01", "2026-00-01", "2026-02-30", "2025-02-29", "2026-1-1", "2026-12-31 ", "26-12-31xx", "2026/12/31",
					   "1969-12-31", "2262-01-01", "2026-12-00", "+026-12-31" };
	uint64_t ns = 0;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (clock_parse_date(sv_from(good[i].text), &ns) || ns != good[i].seconds * 1000000000u)
			fail_msg("%s is %llu", good[i].text, (unsigned long long)ns);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (clock_parse_date(sv_from(bad[i]), &ns) == 0)
			fail_msg("accepted: %s", bad[i]);
}

static void faulty_dates_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "tomorrow", "2026-02-30", "[2026-12-31]", "31.12.2026" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char text[512];
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 };
		snprintf(text, sizeof(text), "- rule: r\n  event: file.open\n  severity: low\n  when: true\n  exceptions: [{name: n, when: true, expires: %s}]\n", bad[i]);
		if (ruleset_load_text("t.yaml", sv_from(text), &set, &diag) == 0 || !strstr(diag.messages[0].text, "is no date") || diag.messages[0].column != 47)
			fail_msg("%s: %u %s", bad[i], diag.messages[0].column, diag.messages[0].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overrides_change_what_conditions_hold_on),
		cmocka_unit_test(overrides_change_what_is_said),
		cmocka_unit_test(overrides_change_the_events_of_imported_rules),
		cmocka_unit_test(a_shared_list_is_changed_for_both_formats),
		cmocka_unit_test(many_appended_conditions_do_not_nest),
		cmocka_unit_test(too_many_appended_conditions_are_refused),
		cmocka_unit_test(faulty_overrides_are_refused_at_their_place),
		cmocka_unit_test(cases_may_stand_apart_from_their_rule),
		cmocka_unit_test_setup_teardown(included_files_are_read_once, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(includes_stay_within_the_folder, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(includes_have_a_depth, make_folder, remove_folder),
		cmocka_unit_test(an_exception_ends_with_its_last_day),
		cmocka_unit_test(an_expired_exception_warns_at_load_and_excepts_nothing),
		cmocka_unit_test(dates_are_days),
		cmocka_unit_test(faulty_dates_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
