/* SPDX-License-Identifier: Apache-2.0 */
/* Lints: what they find in a condition, and what they let alone; rules that cover one another; cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/rules/lint.h"

#define WORDS "- {macro: by_a, when: 'process.name = a'}\n- {list: both, items: [/a, /b]}\n"

static struct ruleset *load(const char *text)
{
	struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	if (ruleset_load_text("t.yaml", sv_from(text), &set, &diag))
		fail_msg("%s\n%s", text, diag.messages[0].text);
	return set;
}

static void clauses_that_mean_nothing_are_warned_of(void **state)
{
	(void)state;
	static const struct {
		const char *when, *message; /* NULL: nothing is wrong with it */
	} cases[] = {
		{ "file.path = /a and file.path = /b", "'file.path = /b' can never hold together with 'file.path = /a'" },
		{ "file.path = /a and user.id = 1 and (process.name = x and file.path = /b)", "can never hold together" },
		{ "file.path in (/a, /b) and file.path startswith /c", "can never hold together" },
		{ "file.path in (/a, /b) and file.path startswith /a", NULL },
		{ "file.path in (/a, /ab) and file.path startswith /a", "'file.path startswith /a' always holds beside" },
		{ "file.path in (/a, /b) and not file.path = /a", NULL },
		{ "file.path in (/a, /b) and not file.path in both", "always fails beside" },
		{ "file.path in (/a, /b) and not file.path = /c", "adds nothing" },
		{ "file.path = /a and file.path != /a", "can never hold together" },
		{ "file.path = /a and file.path regex \"/[b-z]\"", "can never hold together" },
		{ "file.path = /a and file.path exists", NULL },
		{ "not (file.path != /a or file.path != /b)", NULL /* says of != only what it must: below */ },
		{ "user.id = 5 and user.id > 7", "can never hold together" },
		{ "user.id > 7 and user.id < 3", "can never hold together" },
		{ "user.id > 7 and user.id <= 7", "can never hold together" },
		{ "user.id >= 7 and user.id <= 7", NULL },
		{ "file.path = /a or file.path = /b", NULL },
		{ "file.path startswith /a or file.path = /ab", "adds nothing: it is covered by" },
		{ "file.path exists or not file.path exists", "makes the whole 'or' hold always" },
		{ "user.id = 1 and ((file.path contains a and user.id = 1) or not (file.path contains a and user.id = 1))", "makes the whole 'or' hold always" },
		{ "file.path contains a and not file.path contains a", "always fails beside" },
		{ "file.path startswith /a or file.path = /b", NULL },
		{ "process.args contains a and process.args contains b", NULL },
		{ "process.args = a and process.args = b", NULL /* a list has both */ },
		{ "user.id = 1 and file.path = /a and user.id = 1", "stands twice" },
		{ "by_a and process.name = b", "can never hold together" },
		{ "by_a and process.name in (a)", NULL /* macros are written for many */ },
		{ "file.path = /a and process.name in ()", "makes the whole 'and' never hold" },
		{ "file.path = \"etc/passwd and\"", "never holds: a path begins with '/'" },
		{ "file.name != process.name", "!= 'process.name': it is a text here, and the name of a field; val(...) stands for" },
		{ "file.name in (a, proc.name)", "in 'proc.name': it is a text here" },
		{ "file.name != val(process.name)", NULL },
		{ "file.name in (a.b, process.x)", NULL },
		{ "file.path = /tmp/", "never holds in lsm mode: a path has no '/' at its end" },
		{ "file.path startswith /tmp/", NULL },
		{ "file.path contains //", "never holds in lsm mode: a path has no '//'" },
		{ "file.path regex \"etc/.*\"", "never matches: a path begins with '/'" },
		{ "file.path regex \"(/etc|/usr)/.*\"", NULL },
		{ "file.path regex \"e?/etc\"", NULL },
		{ "file.path glob \"etc*\"", "never matches: a path begins with '/'" },
		{ "file.path glob \"*.sh\"", NULL },
		{ "file.path startswith memfd:x", NULL },
		{ "file.name = a/b", "a file's name has no '/' in it" },
		{ "user.id = 1 and not file.path != /a", "write '=' without 'not'" },
		{ "user.id = 1 and not container.id = abc", "ask 'exists' as well" },
		{ "container.id exists and not container.id = abc", NULL },
		{ "user.id = 1 and not file.path = /a", NULL },
	};
	size_t wrong = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[512];
		CLEANUP(diag_done) struct diag diag = { 0 };
		snprintf(text, sizeof(text), WORDS "- rule: r\n  event: file.open\n  severity: low\n  when: >\n    %s\n", cases[i].when);
		CLEANUP(ruleset_free) struct ruleset *set = load(text);
		rule_lint(set, 0, &diag);
		bool is_let_alone = cases[i].message == NULL;
		if (strstr(cases[i].when, "not (file.path != /a"))
			is_let_alone = diag.warnings == 0 || strstr(diag.messages[0].text, "write '='") != NULL;
		else
			is_let_alone = is_let_alone ? diag.warnings == 0 : diag.n && strstr(diag.messages[0].text, cases[i].message) && diag.messages[0].line >= 1;
		if (is_let_alone)
			continue;
		print_error("%s: %s\n", cases[i].when, diag.n ? diag.messages[0].text : "nothing");
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void a_field_that_an_event_lacks_is_a_trap_below_not(void **state)
{
	(void)state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set =
		load("- {rule: r, event: [file.open, network.connect], severity: low, when: 'user.id = 1 and not file.path = /a'}\n");
	rule_lint(set, 0, &diag);
	assert_int_equal(diag.warnings, 1);
	assert_non_null(strstr(diag.messages[0].text, "always holds in network.connect"));
}

static void rules_that_others_cover_are_found(void **state)
{
	(void)state;
	CLEANUP(ruleset_free) struct ruleset *set =
		load("- {rule: wide, event: [file.open, file.delete], severity: high, when: file.path = /a}\n"
		     "- {rule: narrow, event: file.open, severity: low, when: user.id = 1 and (file.path = /a and process.name = x)}\n"
		     "- {rule: louder, event: file.open, severity: critical, when: user.id = 1 and file.path = /a}\n"
		     "- {rule: elsewhere, event: file.rename, severity: low, when: file.path = /a and user.id = 1}\n"
		     "- {rule: other, event: file.open, severity: low, when: file.path = /b and user.id = 1}\n"
		     "- {rule: twin, event: [file.open, file.delete], severity: high, when: file.path = /a}\n"
		     "- {rule: off, event: [file.open], severity: high, when: file.path = /b, enabled: false}\n"
		     "- {rule: one, event: file.open, severity: low, when: file.path = /etc/passwd and process.name = cat}\n"
		     "- {rule: below, event: file.open, severity: low, when: file.path startswith /etc/ssh/ and not process.name = cat}\n"
		     "- {rule: all, event: file.open, severity: low, when: file.path startswith /etc/}\n"
		     "- {rule: set, event: file.open, severity: low, when: 'file.path in (/etc/a, /usr/b)'}\n"
		     "- {rule: equal, event: file.open, severity: low, when: user.id = 7}\n"
		     "- {rule: same, event: file.open, severity: low, when: user.id in (7)}\n"
		     "- {rule: folded, event: file.open, severity: low, when: file.path istartswith /etc/ssh}\n");
	static const uint32_t want[] = { UINT32_MAX, 0, UINT32_MAX, UINT32_MAX, UINT32_MAX, 0, UINT32_MAX,
					 9, 9, UINT32_MAX, UINT32_MAX, UINT32_MAX, 11, UINT32_MAX };
	uint32_t *shadows = NULL;
	assert_int_equal(ruleset_shadows(set, &shadows), 0);
	for (uint32_t i = 0; i < ARRAY_SIZE(want); i++)
		if (shadows[i] != want[i])
			fail_msg("%s: %u", ruleset_get(set, i)->id, shadows[i]);
	free(shadows);
}

static void names_that_nothing_uses_are_found(void **state)
{
	(void)state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = load("- {list: used, items: [a]}\n- {list: unused, items: [used]}\n- {macro: m, when: true}\n"
							 "- {rule: r, event: file.open, severity: low, when: process.name in (used)}\n");
	ruleset_unused(set, &diag);
	assert_int_equal(diag.warnings, 2);
	for (size_t i = 0; i < diag.n; i++)
		assert_true(diag.messages[i].line == (strstr(diag.messages[i].text, "list 'unused' is never used") ? 2 : 3));
}

static void rules_without_a_key_are_costly(void **state)
{
	(void)state;
	static const struct {
		const char *when;
		bool is_costly;
	} cases[] = {
		{ "file.path = /a", false }, { "file.path = /a or process.name = b", false }, { "not file.path = /a", true },
		{ "file.path = /a or not process.name = b", true }, { "not file.path = /a and process.name = b", false },
		{ "file.path regex \"/[a-z]+/.\"", true }, { "file.path regex \"/etc/.*\"", false }, { "file.path regex \"/etc|/usr\"", true },
		{ "tolower(file.path) = /a", true }, { "file.path = val(process.executable)", true }, { "file.open.read", true },
		{ "file.path glob \"*x\"", true }, { "file.path glob \"/x*\"", false }, { "file.path exists", true }, { "user.id != 0", true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[256];
		snprintf(text, sizeof(text), "- rule: r\n  event: file.open\n  severity: low\n  when: >\n    %s\n", cases[i].when);
		CLEANUP(ruleset_free) struct ruleset *set = load(text);
		struct rule_cost cost = rule_cost_estimate(set, 0);
		if (cost.is_costly != cases[i].is_costly || cost.is_costly != (cost.reason[0] != '\0') || cost.units == 0)
			fail_msg("%s: %d %s", cases[i].when, cost.is_costly, cost.reason);
	}
}

static void add_list(struct buf *out, const char *name, const char *each, int from, int n)
{
	buf_add_format(out, "- list: %s\n  items: [", name);
	for (int i = from; i < from + n; i++)
		buf_add_format(out, "%s%s%d", i > from ? ", " : "", each, i);
	buf_add_z(out, "]\n");
}

/* Each value with each other would be a hundred million comparisons for each pair. */
static void long_lists_are_compared_as_sets(void **state)
{
	(void)state;
	enum { MANY = 10000 };
	static const struct {
		const char *what, *when, *each;
		int from;
		bool is_found;
	} cases[] = {
		{ "texts apart", "file.path in a and file.path in b", "/f", MANY, true },
		{ "one text in common", "file.path in a and file.path in b", "/f", MANY - 1, false },
		{ "numbers apart", "user.id in a and user.id in b", "", MANY, true },
		{ "one number in common", "user.id in a and user.id in b", "", MANY - 1, false },
		{ "the same texts", "file.path in a and not file.path in b", "/f", 0, true },
		{ "texts to be searched for: nothing is said", "file.path in a and file.path contains anyof b", "/f", MANY, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(buf_done) struct buf text = { .max = 1 << 22 };
		add_list(&text, "a", cases[i].each, 0, MANY);
		add_list(&text, "b", cases[i].each, cases[i].from, MANY);
		buf_add_format(&text, "- rule: r\n  event: file.open\n  severity: low\n  when: %s\n", cases[i].when);
		buf_add_char(&text, '\0');
		CLEANUP(ruleset_free) struct ruleset *set = load(text.p);
		bool is_found = false;
		rule_lint(set, 0, &diag);
		for (size_t k = 0; k < diag.n; k++)
			is_found |= strstr(diag.messages[k].text, "can never hold together") || strstr(diag.messages[k].text, "always fails beside");
		if (is_found != cases[i].is_found)
			fail_msg("%s: %s", cases[i].what, is_found ? "warned of" : "not warned of");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clauses_that_mean_nothing_are_warned_of),
		cmocka_unit_test(long_lists_are_compared_as_sets),
		cmocka_unit_test(a_field_that_an_event_lacks_is_a_trap_below_not),
		cmocka_unit_test(rules_that_others_cover_are_found),
		cmocka_unit_test(names_that_nothing_uses_are_found),
		cmocka_unit_test(rules_without_a_key_are_costly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
