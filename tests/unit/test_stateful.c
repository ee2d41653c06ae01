/* SPDX-License-Identifier: Apache-2.0 */
/* Stateful rules as they are loaded: what is refused and where, what comes of the good ones, what their digest depends on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/rules/set.h"

#define HEAD "- rule: r\n  severity: low\n"
#define OPEN HEAD "  event: file.open\n  when: true\n"
#define STEP "{event: file.open, when: true}"
#define OTHER "- {rule: a, severity: low, event: file.open, when: true}\n- {rule: b, severity: low, event: process.exec, when: true}\n"

static void faulty_rules_are_refused_at_their_place(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned line, column;
		const char *message;
	} cases[] = {
		{ OPEN "  threshold: 5\n", 5, 14, "threshold: expected a map" },
		{ OPEN "  threshold: {within: 1s}\n", 5, 14, "'count' is missing" },
		{ OPEN "  threshold: {count: 5}\n", 5, 14, "'within' is missing" },
		{ OPEN "  threshold: {count: 5, within: 10}\n", 5, 33, "within: expected a time with its unit" },
		{ OPEN "  threshold: {count: 5, within: 25h}\n", 5, 33, "24h at most" },
		{ OPEN "  threshold: {count: 5000, within: 1s}\n", 5, 22, "4096 at most" },
		{ OPEN "  threshold: {count: 0, within: 1s}\n", 5, 22, "a group has one at least" },
		{ OPEN "  threshold: {count: {gt: 3, lt: 4}, within: 1s}\n", 5, 22, "no number satisfies all of this" },
		{ OPEN "  threshold: {count: {lt: 0}, within: 1s}\n", 5, 27, "no count is beyond this" },
		{ OPEN "  threshold: {count: {above: 3}, within: 1s}\n", 5, 23, "unknown key 'above'" },
		{ OPEN "  threshold: {count: 2, within: 1s, by: [file.pth]}\n", 5, 42, "unknown field 'file.pth' (did you mean 'file.path'?)" },
		{ OPEN "  threshold: {count: 2, within: 1s, by: [process.args]}\n", 5, 42, "is a list" },
		{ OPEN "  threshold: {count: 2, within: 1s, by: [destination.ip]}\n", 5, 42, "file.open has no field 'destination.ip'" },
		{ OPEN "  threshold: {count: 2, within: 1s, distinct: destination.ip}\n", 5, 47, "file.open has no field 'destination.ip'" },
		{ OPEN "  threshold: {count: 2, within: 1s, windw: 3}\n", 5, 37, "unknown key 'windw' in a threshold" },
		{ OPEN "  threshold: {count: 2, within: 1s, of: [a]}\n", 5, 41, "either 'of', or 'event' and 'when'" },
		{ OPEN "  action: block\n  threshold: {count: 2, within: 1s}\n", 6, 14, "can only `action: alert`" },
		{ OPEN "  threshold: {count: 2, within: 1s}\n  absence: {}\n", 6, 12, "one of threshold, sequence, together and absence" },
		{ OPEN "  sequence: {within: 1s, steps: [" STEP ", " STEP "]}\n", 3, 10, "'event' belongs into its steps" },
		{ HEAD "  threshold: {count: 2, within: 1s}\n", 1, 3, "'event' is missing" },
		{ HEAD "  event: file.open\n  threshold: {count: 2, within: 1s}\n", 1, 3, "'when' is missing" },
		{ HEAD "  event: file.opn\n  when: true\n  threshold: {count: 2, within: 1s}\n", 3, 10, "unknown event" },
		{ HEAD "  sequence: {within: 1s, steps: [" STEP "]}\n", 3, 33, "a list of 2 to 12 maps" },
		{ HEAD "  sequence: {within: 1s}\n", 3, 13, "'steps' has to be" },
		{ HEAD "  sequence: {within: 1s, steps: [" STEP ", x]}\n", 3, 66, "expected a step" },
		{ HEAD "  sequence: {within: 1s, steps: [" STEP ", {event: file.open, when: file.pth = x}]}\n", 3, 91, "unknown field 'file.pth'" },
		{ HEAD "  sequence: {within: 1s, lineage: maybe, steps: [" STEP ", " STEP "]}\n", 3, 35, "expected true, false or parent" },
		{ HEAD "  sequence: {within: 1s, by: file.path, steps: [" STEP ", {event: file.open, when: true, by: [file.path, user.id]}]}\n", 3, 116,
		  "the same number of fields" },
		{ HEAD "  sequence: {within: 1s, by: file.path, steps: [" STEP ", {event: file.open, when: true, by: [user.id]}]}\n", 3, 81,
		  "values of 'file.path' and 'user.id' are never equal" },
		{ HEAD "  sequence: {within: 1s, steps: [{rule: r}, " STEP "]}\n", 1, 3, "in a circle" },
		{ HEAD "  sequence: {within: 1s, steps: [{rule: x}, " STEP "]}\n", 3, 41, "there is no rule 'x'" },
		{ HEAD "  sequence: {within: 1s, steps: [{rule: 'r#2'}, " STEP "]}\n", 3, 41, "there is no rule 'r#2'" },
		{ HEAD "  together: {within: 1s, lineage: true, steps: [" STEP ", " STEP "]}\n", 3, 26, "unknown key 'lineage'" },
		{ HEAD "  absence: {within: 1s, after: " STEP "}\n", 3, 12, "needs 'after'" },
		{ OTHER HEAD "  threshold: {within: 1s, count: 2, of: [a, b], by: [file.name, x]}\n", 5, 65, "unknown field 'x'" },
		{ OTHER HEAD "  threshold: {within: 1s, count: 2, of: [a, b], distinct: destination.ip}\n", 5, 42, "no event of a has the field 'destination.ip'" },
		{ OTHER HEAD "  threshold: {within: 1s, count: 2, of: [a, {rule: b, distinct: file.path}]}\n", 5, 45, "distinct: all rules or none" },
		{ OTHER HEAD "  threshold: {within: 1s, count: 2, of: []}\n", 5, 41, "a list of 1 to 32 rules" },
		{ OTHER HEAD "  threshold: {within: 1s, count: 2, of: [{by: [user.id]}]}\n", 5, 42, "expected the id of a rule" },
	};
	size_t wrong = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct ruleset *set = NULL;
		char line[2048] = "nothing";
		if (ruleset_load_text("t.yaml", sv_from(cases[i].text), &set, &diag) == 0)
			fail_msg("accepted: %s", cases[i].text);
		if (diag.n)
			diag_format(&diag.messages[0], line, sizeof(line));
		if (!strstr(line, cases[i].message) || diag.messages[0].line != cases[i].line || diag.messages[0].column != cases[i].column) {
			print_error("%s\nsays: %s\n", cases[i].text, line);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

/* Beside a fault of one key stand those of the others, and beside a rule that is missing, a circle of those that are there. */
static void all_faults_come_at_once(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t n;
		const char *messages[4];
	} cases[] = {
		{ OPEN "  action: block\n  threshold: {count: {gt: 3, lt: 2}, within: 1, by: process.nam}\n", 4,
		  { "can only `action: alert`", "no number satisfies", "unknown field 'process.nam'", "within: expected a time" } },
		{ HEAD "  threshold: {count: 2, within: 1s, of: [r]}\n- rule: q\n  severity: low\n  threshold: {count: 2, within: 1s, of: [nope]}\n", 2,
		  { "there is no rule 'nope'", "rule r: rules that count or join each other go in a circle" } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct ruleset *set = NULL;
		assert_int_equal(ruleset_load_text("t.yaml", sv_from(cases[i].text), &set, &diag), -EINVAL);
		assert_int_equal(diag.n, cases[i].n);
		for (size_t k = 0; k < cases[i].n; k++) {
			bool is_said = false;
			for (size_t j = 0; j < diag.n; j++)
				is_said |= strstr(diag.messages[j].text, cases[i].messages[k]) != NULL;
			if (!is_said)
				fail_msg("not said: %s", cases[i].messages[k]);
		}
	}
}

static struct ruleset *load(const char *text)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct ruleset *set = NULL;
	char line[2048] = "no message";
	if (ruleset_load_text("t.yaml", sv_from(text), &set, &diag)) {
		if (diag.n)
			diag_format(&diag.messages[0], line, sizeof(line));
		fail_msg("refused: %s\n%s", line, text);
	}
	return set;
}

static const char example[] = OTHER HEAD
	"  title: T\n"
	"  message: \"{file.path}\"\n"
	"  sequence:\n"
	"    within: 10s\n"
	"    lineage: true\n"
	"    steps:\n"
	"      - {event: file.create, when: file.path startswith /tmp/, by: [file.path]}\n"
	"      - {rule: b, by: [process.executable]}\n"
	"      - {event: [file.delete, file.rename], when: event.outcome = success, exceptions: [{name: x, when: user.id = 1}], by: file.path}\n";

static void steps_are_entries_that_raise_nothing(void **state)
{
	(void)state;
	CLEANUP(ruleset_free) struct ruleset *set = load(example);
	assert_int_equal(ruleset_count(set), 5);
	assert_int_equal(ruleset_rules(set), 3);
	assert_int_equal(set->n_stateful, 1);
	const struct stateful *s = set->stateful[0];
	assert_int_equal(s->rule, 2);
	assert_int_equal(s->within_ns, 10000000000ull);
	assert_int_equal(s->lineage, LINEAGE_SELF);
	assert_true(ruleset_get(set, 2)->is_stateful);
	assert_false(ruleset_get(set, 2)->is_step);
	const uint32_t rules[] = { 3, 1, 4 };
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(s->inputs[i].rule, rules[i]);
		assert_int_equal(set->first_feed[rules[i] + 1] - set->first_feed[rules[i]], 1);
		assert_int_equal(set->feeds[set->first_feed[rules[i]]].input, i);
	}
	assert_int_equal(set->first_feed[1] - set->first_feed[0], 0);
	assert_string_equal(ruleset_get(set, 3)->id, "r#1");
	assert_true(ruleset_get(set, 3)->is_step);
	assert_true(ruleset_get(set, 4)->needs_outcome);
	/* the sensor must send what the steps need; the rule itself is never asked */
	assert_true(ruleset_events(set) >> EVENT_FILE_RENAME & 1);
	assert_true(ruleset_outcome_events(set) >> EVENT_FILE_DELETE & 1);
	for (size_t i = 0; i < set->n_by_event[EVENT_FILE_DELETE]; i++)
		assert_int_not_equal(set->by_event[EVENT_FILE_DELETE][i], 2);
	assert_int_equal(ruleset_get(set, 2)->events, 1ull << EVENT_FILE_DELETE | 1ull << EVENT_FILE_RENAME);
}

static void a_key_that_needs_the_outcome_asks_for_it(void **state)
{
	(void)state;
	CLEANUP(ruleset_free) struct ruleset *set = load(OTHER HEAD "  threshold: {of: [a], count: 2, within: 1s, by: [event.outcome]}\n");
	assert_true(ruleset_get(set, 0)->needs_outcome);
	assert_true(ruleset_outcome_events(set) >> EVENT_FILE_OPEN & 1);
}

static void counts_are_ranges(void **state)
{
	(void)state;
	static const struct { const char *count; uint64_t least, most; } cases[] = {
		{ "5", 5, UINT64_MAX },		       { "{gte: 5}", 5, UINT64_MAX }, { "{gt: 5}", 6, UINT64_MAX },
		{ "{lt: 5}", 1, 4 },		       { "{lte: 5}", 1, 5 },	      { "{eq: 5}", 5, 5 },
		{ "{gte: 2, lte: 5, lt: 4}", 2, 3 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[512];
		(void)snprintf(text, sizeof(text), OPEN "  threshold: {within: 1s, count: %s}\n", cases[i].count);
		CLEANUP(ruleset_free) struct ruleset *set = load(text);
		if (set->stateful[0]->least != cases[i].least || set->stateful[0]->most != cases[i].most)
			fail_msg("%s", cases[i].count);
	}
}

/* What it is called and how bad it is may change; what it waits for may not. */
static void the_digest_is_of_what_decides(void **state)
{
	(void)state;
	static const struct { const char *from, *to; bool is_same; } edits[] = {
		{ "title: T", "title: U", true },
		{ "severity: low", "severity: high", true },
		{ "within: 10s", "within: 11s", false },
		{ "lineage: true", "lineage: parent", false },
		{ "startswith /tmp/", "startswith /var/", false },
		{ "user.id = 1", "user.id = 2", false },
		{ "by: file.path}", "by: file.name}", false },
		{ "rule: r\n", "rule: s\n", false },
		{ "event: process.exec, when: true", "event: process.exec, when: false", false },
		{ "event: file.open, when: true", "event: file.open, when: false", true },
	};
	CLEANUP(ruleset_free) struct ruleset *set = load(example);
	for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		const char *at = strstr(example, edits[i].from);
		assert_non_null(at);
		buf_add(&text, example, (size_t)(at - example));
		buf_add_z(&text, edits[i].to);
		buf_add_z(&text, at + strlen(edits[i].from));
		CLEANUP(ruleset_free) struct ruleset *other = load(buf_cstr(&text));
		bool is_same = memcmp(set->stateful[0]->digest, other->stateful[0]->digest, sizeof(set->stateful[0]->digest)) == 0;
		if (is_same != edits[i].is_same)
			fail_msg("%s -> %s", edits[i].from, edits[i].to);
	}
}

static void rules_may_count_rules_that_count(void **state)
{
	(void)state;
	static const char chain[] = OTHER
		"- {rule: c1, severity: low, threshold: {of: [a], count: 2, within: 1s}}\n"
		"- {rule: c2, severity: low, threshold: {of: [c1], count: 2, within: 1s}}\n"
		"- {rule: c3, severity: low, threshold: {of: [c2], count: 2, within: 1s}}\n"
		"- {rule: c4, severity: low, threshold: {of: [c3, b], count: 2, within: 1s}}\n";
	CLEANUP(ruleset_free) struct ruleset *set = load(chain);
	assert_int_equal(ruleset_get(set, 5)->events, 1ull << EVENT_FILE_OPEN | 1ull << EVENT_PROC_EXEC);
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct ruleset *deeper = NULL;
	buf_add_z(&text, chain);
	buf_add_z(&text, "- {rule: c5, severity: low, threshold: {of: [c4], count: 2, within: 1s}}\n");
	assert_int_not_equal(ruleset_load_text("t.yaml", buf_sv(&text), &deeper, &diag), 0);
	assert_non_null(strstr(diag.messages[0].text, "deeper than 4 levels"));
}

static void disabled_rules_wait_for_nothing(void **state)
{
	(void)state;
	CLEANUP(ruleset_free) struct ruleset *set = load(OPEN "  enabled: false\n  threshold: {count: 2, within: 1s}\n");
	assert_int_equal(set->n_stateful, 0);
	assert_int_equal(ruleset_events(set), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faulty_rules_are_refused_at_their_place),
		cmocka_unit_test(all_faults_come_at_once),
		cmocka_unit_test(steps_are_entries_that_raise_nothing),
		cmocka_unit_test(a_key_that_needs_the_outcome_asks_for_it),
		cmocka_unit_test(counts_are_ranges),
		cmocka_unit_test(the_digest_is_of_what_decides),
		cmocka_unit_test(rules_may_count_rules_that_count),
		cmocka_unit_test(disabled_rules_wait_for_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
