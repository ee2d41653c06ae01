/* SPDX-License-Identifier: Apache-2.0 */
/* Correlations of Sigma: what raises them, what is refused, whose rules stay silent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/event/builder.h"
#include "engine/rules/set.h"
#include "engine/state/case.h"
#include "engine/state/state.h"

#define BASE                                                                                                              \
	"title: A\nname: a\nid: id-a\nlogsource: {product: linux, category: process_creation}\n"                           \
	"detection: {s: {Image|endswith: /a}, condition: s}\n---\n"                                                        \
	"title: B\nname: b\nlogsource: {product: linux, category: process_creation}\n"                                     \
	"detection: {s: {Image|endswith: /b}, condition: s}\n---\n"                                                        \
	"title: W\nname: w\nlogsource: {product: windows, category: process_creation}\n"                                   \
	"detection: {s: {Image|endswith: /b}, condition: s}\n---\n"

/* A program started at a second, by a user, in a directory. */
struct start {
	unsigned second;
	const char *image, *user, *parent;
};

static unsigned alerts_of(const char *correlation, const struct start *starts, size_t n)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	CLEANUP(state_free) struct state *state = NULL;
	const struct state_config config = { .memory_bytes = STATE_MIN_MEMORY };
	struct state_alert alert;
	unsigned raised = 0;
	char text[4096];
	snprintf(text, sizeof(text), BASE "title: C\nid: c\ncorrelation: %s\n", correlation);
	if (ruleset_load_text("t.yml", sv_from(text), &set, &diag))
		fail_msg("%u:%u: %s\n%s", diag.messages[0].line, diag.messages[0].column, diag.messages[0].text, correlation);
	assert_int_equal(event_builder_new(&b), 0);
	assert_int_equal(state_new(set, &config, &state), 0);
	for (size_t i = 0; i < n; i++) {
		struct event ev;
		struct matches m = { 0 };
		char time[32];
		snprintf(time, sizeof(time), "%u000000000", starts[i].second + 1);
		event_builder_begin(b, event_type_by_name(SV("process.exec")));
		assert_int_equal(event_builder_set_text(b, "vedette.clock.boot_ns", time), 0);
		assert_int_equal(event_builder_set_text(b, "process.executable", starts[i].image), 0);
		assert_int_equal(event_builder_set_text(b, "user.name", starts[i].user), 0);
		assert_int_equal(event_builder_set_text(b, "process.parent.executable", starts[i].parent), 0);
		assert_int_equal(event_builder_event(b, &ev), 0);
		ruleset_evaluate(set, &ev, &m);
		state_event(state, &ev, &m);
		while (state_next(state, &alert))
			raised += strcmp(ruleset_get(set, alert.rule)->id, "c") == 0;
	}
	state_advance(state, UINT64_MAX);
	while (state_next(state, &alert))
		raised += strcmp(ruleset_get(set, alert.rule)->id, "c") == 0;
	return raised;
}

static void correlations_are_raised_as_sigma_says(void **state)
{
	(void)state;
	static const struct start thrice[] = { { 1, "/a", "u", "/p" }, { 2, "/a", "u", "/q" }, { 3, "/a", "u", "/q" } };
	static const struct start two_users[] = { { 1, "/a", "u", "/p" }, { 2, "/a", "v", "/q" }, { 3, "/a", "u", "/p" } };
	static const struct start a_then_b[] = { { 1, "/a", "u", "/b" }, { 5, "/b", "u", "/a" } };
	static const struct start b_then_a[] = { { 1, "/b", "u", "/a" }, { 5, "/a", "u", "/b" } };
	static const struct start a_and_other[] = { { 1, "/a", "u", "/p" }, { 2, "/b", "v", "/p" } };
#define OF(array) (array), ARRAY_SIZE(array)
	static const struct {
		const char *correlation;
		const struct start *starts;
		size_t n;
		unsigned alerts;
	} cases[] = {
		{ "{type: event_count, rules: [a], group-by: [User], timespan: 10s, condition: {gte: 3}}", OF(thrice), 1 },
		{ "{type: event_count, rules: [id-a], group-by: [User], timespan: 10s, condition: {gt: 2}}", OF(thrice), 1 },
		{ "{type: event_count, rules: [a], group-by: [User], timespan: 10s, condition: {gte: 4}}", OF(thrice), 0 },
		{ "{type: event_count, rules: [a], group-by: [User], timespan: 10s, condition: {gte: 3}}", OF(two_users), 0 },
		{ "{type: event_count, rules: [a], timespan: 10s, condition: {gte: 3}}", OF(two_users), 1 },
		{ "{type: event_count, rules: [a], group-by: [ComputerName], timespan: 1m, condition: {gte: 3}}", OF(two_users), 1 },
		{ "{type: event_count, rules: [a], timespan: 1s, condition: {gte: 3}}", OF(thrice), 0 },
		{ "{type: event_count, rules: [a, b], timespan: 10s, condition: {gte: 2}}", OF(a_then_b), 1 },
		{ "{type: event_count, rules: [a], timespan: 10s, condition: {eq: 3}}", OF(thrice), 1 },
		{ "{type: event_count, rules: [a], timespan: 10s, condition: {lt: 3}}", OF(thrice), 0 },
		{ "{type: value_count, rules: [a], timespan: 10s, condition: {field: ParentImage, gte: 2}}", OF(thrice), 1 },
		{ "{type: value_count, rules: [a], timespan: 10s, condition: {field: ParentImage, gte: 3}}", OF(thrice), 0 },
		{ "{type: temporal, rules: [a, b], group-by: [User], timespan: 10s}", OF(a_then_b), 1 },
		{ "{type: temporal, rules: [a, b], group-by: [User], timespan: 10s}", OF(b_then_a), 1 },
		{ "{type: temporal, rules: [a, b], group-by: [User], timespan: 3s}", OF(a_then_b), 0 },
		{ "{type: temporal, rules: [a, b], group-by: [User], timespan: 10s}", OF(a_and_other), 0 },
		{ "{type: temporal, rules: [a, b], timespan: 10s, condition: {gte: 2}}", OF(a_and_other), 1 },
		{ "{type: temporal_ordered, rules: [a, b], group-by: [User], timespan: 10s}", OF(a_then_b), 1 },
		{ "{type: temporal_ordered, rules: [a, b], group-by: [User], timespan: 10s}", OF(b_then_a), 0 },
		{ "{type: temporal_ordered, rules: [a, b], group-by: [exe], timespan: 10s, aliases: {exe: {a: Image, b: ParentImage}}}", OF(a_then_b), 1 },
		{ "{type: temporal_ordered, rules: [a, b], group-by: [exe], timespan: 10s, aliases: {exe: {a: Image, b: Image}}}", OF(a_then_b), 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned alerts = alerts_of(cases[i].correlation, cases[i].starts, cases[i].n);
		if (alerts != cases[i].alerts)
			fail_msg("%u alerts, not %u (case %zu): %s", alerts, cases[i].alerts, i, cases[i].correlation);
	}
}

static void faulty_correlations_are_refused_at_their_place(void **state)
{
	(void)state;
	static const struct {
		const char *correlation;
		unsigned column;
		const char *message;
	} cases[] = {
		{ "x", 14, "correlation: expected a map" },
		{ "{type: event_count}", 14, "'rules' is missing" },
		{ "{rules: [a]}", 14, "type: expected event_count" },
		{ "{type: count, rules: [a], timespan: 1s}", 21, "type: expected event_count" },
		{ "{type: event_count, rules: [x]}", 42, "no Sigma rule among those loaded has the id or name 'x'" },
		{ "{type: event_count, rules: [a], condition: {gte: 1}}", 14, "'timespan' is missing" },
		{ "{type: event_count, rules: [a], timespan: 10, condition: {gte: 1}}", 56, "timespan: expected a number with s, m, h or d" },
		{ "{type: event_count, rules: [a], timespan: 2d, condition: {gte: 1}}", 56, "24h at most" },
		{ "{type: event_count, rules: [a], timespan: 1441m, condition: {gte: 1}}", 56, "24h at most" },
		{ "{type: event_count, rules: [a], timespan: 213504d, condition: {gte: 1}}", 56, "24h at most" }, /* a little more than 2^64 ns */
		{ "{type: event_count, rules: [a], timespan: 18446744073709551615s, condition: {gte: 1}}", 56, "24h at most" },
		{ "{type: event_count, rules: [a], timespan: 1s}", 14, "'condition' is missing" },
		{ "{type: event_count, rules: [a], timespan: 1s, condition: {}}", 71, "one of gt, gte, lt, lte and eq is missing" },
		{ "{type: event_count, rules: [a], timespan: 1s, condition: {gt: 3, lt: 4}}", 71, "no count satisfies it" },
		{ "{type: event_count, rules: [a], timespan: 1s, condition: {gte: 9999}}", 77, "4095 at most" },
		{ "{type: event_count, rules: [a], timespan: 1s, condition: {above: 3}}", 72, "unknown key 'above'" },
		{ "{type: event_count, rules: [a], timespan: 1s, condition: {gte: 3, field: User}}", 87, "'field' belongs to value_count" },
		{ "{type: value_count, rules: [a], timespan: 1s, condition: {gte: 3}}", 71, "value_count needs the 'field'" },
		{ "{type: value_count, rules: [a], timespan: 1s, condition: {gte: 3, field: Computer}}", 87, "one value in all events" },
		{ "{type: temporal, rules: [a], timespan: 1s}", 14, "rules: 2 rules at least" },
		{ "{type: temporal, rules: [a, b], timespan: 1s, condition: {gte: 1}}", 71, "all rules have to match" },
		{ "{type: temporal, rules: [a, b], timespan: 1s, group-by: {a: b}}", 70, "group-by: expected a list of fields" },
		{ "{type: temporal, rules: [a, b], timespan: 1s, window: 3}", 60, "unknown key 'window' in a correlation" },
		{ "{type: temporal, rules: [a, c], timespan: 1s}", 0, "in a circle" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		char text[4096];
		snprintf(text, sizeof(text), "title: C\nid: c\ncorrelation: %s\n---\n" BASE "[]", cases[i].correlation);
		text[strlen(text) - strlen("---\n[]")] = '\0';
		if (ruleset_load_text("t.yml", sv_from(text), &set, &diag) == 0)
			fail_msg("accepted: %s", cases[i].correlation);
		const struct diag_message *m = &diag.messages[0];
		if (!strstr(m->text, cases[i].message) || (cases[i].column && (m->line != 3 || m->column != cases[i].column)))
			fail_msg("%u:%u: %s, not %u: %s", m->line, m->column, m->text, cases[i].column, cases[i].message);
	}
}

/* Each is about the next, so that none can be made before all that follow it. Thousands are too deep, but soon known to be. */
static void correlations_may_stand_before_what_they_are_about(void **state)
{
	(void)state;
	static const int links[] = { 4, 4000 };
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		for (int k = links[i]; k > 0; k--)
			buf_add_format(&text, "title: c\nname: n%d\nid: i%d\nlevel: low\n"
					      "correlation: {type: event_count, rules: [n%d], timespan: 1m, condition: {gte: 3}}\n---\n", k, k, k - 1);
		buf_add_z(&text, "title: a\nname: n0\nlogsource: {product: linux, category: process_creation}\ndetection: {s: {Image: /x}, condition: s}\nlevel: low\n");
		assert_int_equal(buf_error(&text), 0);
		int err = ruleset_load_text("t.yml", buf_sv(&text), &set, &diag);
		if (i == 0 && err)
			fail_msg("%u: %s", diag.messages[0].line, diag.messages[0].text);
		if (i == 0)
			assert_int_equal(ruleset_count(set), 5);
		else
			assert_non_null(strstr(diag.messages[0].text, "deeper than 4 levels"));
	}
}

static void counted_rules_are_silent_unless_they_are_to_speak(void **state)
{
	(void)state;
	for (int generates = 0; generates < 2; generates++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		char text[4096];
		snprintf(text, sizeof(text), BASE "title: C\n%scorrelation: {type: event_count, rules: [a], timespan: 1s, condition: {gte: 2}}\n",
			 generates ? "generate: true\n" : "");
		assert_int_equal(ruleset_load_text("t.yml", sv_from(text), &set, &diag), 0);
		assert_string_equal(ruleset_get(set, 0)->title, "A");
		assert_int_equal(ruleset_get(set, 0)->is_step, !generates);
		assert_false(ruleset_get(set, 1)->is_step);
	}
}

static void a_correlation_needs_the_sources_of_its_rules(void **state)
{
	(void)state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	static const char text[] = BASE "title: C\ncorrelation: {type: temporal, rules: [a, w], timespan: 1s}\n";
	assert_int_equal(ruleset_load_text("t.yml", sv_from(text), &set, &diag), 0);
	assert_string_equal(ruleset_get(set, 3)->needs_source, "windows process_creation");
	assert_int_equal(ruleset_get(set, 3)->coverage, COVERAGE_NEEDS_SOURCE);
}

static void a_correlation_by_a_field_without_values_is_not_full(void **state)
{
	(void)state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	static const char text[] = BASE "title: C\ncorrelation: {type: event_count, rules: [a], group-by: [Usr], timespan: 1m, condition: {gt: 3}}\n";
	assert_int_equal(ruleset_load_text("t.yml", sv_from(text), &set, &diag), 0);
	assert_int_equal(ruleset_get(set, 3)->coverage, COVERAGE_NEEDS_SOURCE);
	assert_non_null(strstr(ruleset_get(set, 3)->reasons[0], "no event belongs to a group by"));
}

/* Those of each of its rules, where each has its own field or constant behind a name, and those of a correlation below it. */
static void cases_may_use_the_names_of_the_rules_it_is_about(void **state)
{
	(void)state;
	static const char rules[] = BASE
		"title: N\nname: n\nid: id-n\nlogsource: {product: linux, category: network_connection}\n"
		"detection: {s: {DestinationPort: 443}, condition: s}\n---\n"
		"title: C\nid: c\ncorrelation: {type: temporal_ordered, rules: [a, n], group-by: [User], timespan: 10s}\n---\n"
		"title: D\nid: d\ncorrelation: {type: event_count, rules: [c], timespan: 1m, condition: {gte: 1}}\n---\n";
	static const struct {
		const char *item;
		size_t passed, failed;
	} cases[] = {
		{ "c, cases: [{fires: [{event: process.exec, Image: /a, User: u}, {at: 1s, event: network.connect, DestinationPort: 443, User: u}]}]", 1, 0 },
		{ "c, cases: [{quiet: [{event: process.exec, Image: /a, User: u}, {at: 1s, event: network.connect, DestinationPort: 443, User: v}]}]", 1, 0 },
		{ "c, cases: [{fires: [{event: process.exec, Image: /a, User: u}, {at: 1s, event: network.accept, Initiated: 'false', DestinationPort: 443, User: u}]}]", 1, 0 },
		{ "d, cases: [{fires: [{event: process.exec, Image: /a, User: u}, {at: 1s, event: network.connect, Initiated: 'true', DestinationPort: 443, User: u}]}]", 1, 0 },
		/* rules that are counted, and silent themselves */
		{ "id-n, cases: [{fires: {event: network.accept, Initiated: 'false', DestinationPort: 443}}]", 1, 0 },
		{ "id-n, cases: [{fires: {event: network.connect, DestinationPort: 444}}]", 0, 1 },
		{ "id-a, cases: [{quiet: {Image: /b}}, {quiet: {Image: /a}}]", 1, 1 },
		{ "c, cases: [{fires: [{event: process.exec, Imgae: /a}]}]", 0, 0 },
		{ "c, cases: [{fires: [{event: network.connect, Initiated: 'false'}]}]", 0, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		struct case_result result = { 0 };
		char text[4096];
		snprintf(text, sizeof(text), "%s- {cases_for: %s}\n", rules, cases[i].item);
		int err = ruleset_load_text("t.yml", sv_from(text), &set, &diag);
		if ((err != 0) != (cases[i].passed + cases[i].failed == 0))
			fail_msg("%s: %s", cases[i].item, diag.n ? diag.messages[0].text : "accepted");
		if (err)
			continue;
		assert_int_equal(ruleset_run_cases(set, &result, &diag), 0);
		assert_int_equal(state_run_cases(set, &result, &diag), 0);
		if (result.passed != cases[i].passed || result.failed != cases[i].failed)
			fail_msg("%zu passed, %zu failed: %s", result.passed, result.failed, cases[i].item);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(correlations_are_raised_as_sigma_says),
		cmocka_unit_test(faulty_correlations_are_refused_at_their_place),
		cmocka_unit_test(correlations_may_stand_before_what_they_are_about),
		cmocka_unit_test(counted_rules_are_silent_unless_they_are_to_speak),
		cmocka_unit_test(a_correlation_needs_the_sources_of_its_rules),
		cmocka_unit_test(a_correlation_by_a_field_without_values_is_not_full),
		cmocka_unit_test(cases_may_use_the_names_of_the_rules_it_is_about),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
