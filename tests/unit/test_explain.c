/* SPDX-License-Identifier: Apache-2.0 */
/* Explaining: the fewest tests on which an outcome turns; events out of JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/clock.h"
#include "engine/base/jsonread.h"
#include "engine/daemon/event_json.h"
#include "engine/rules/explain.h"
#include "engine/rules/set.h"

static struct ruleset *load(const char *when)
{
	struct ruleset *set = NULL;
	CLEANUP(buf_done) struct buf text = { 0 };
	buf_add_format(&text, "- rule: r\n  event: file.open\n  severity: low\n  when: >\n    %s\n", when);
	assert_int_equal(ruleset_load_text("t.yaml", buf_sv(&text), &set, NULL), 0);
	return set;
}

/* The event of all cases: /x, opened for reading by a process named p. */
static void make_event(struct event_builder *b, struct event *ev)
{
	event_builder_begin(b, event_type_by_name(SV("file.open")));
	assert_int_equal(event_builder_set_text(b, "file.path", "/x"), 0);
	assert_int_equal(event_builder_set_text(b, "process.name", "p"), 0);
	assert_int_equal(event_builder_set_text(b, "file.open.read", "true"), 0);
	assert_int_equal(event_builder_event(b, ev), 0);
}

static void the_fewest_tests_are_found(void **state)
{
	(void)state;
	static const struct {
		const char *when;
		bool wanted;
		const char *turns; /* the tests, joined by "; "; "impossible" */
	} cases[] = {
		{ "file.path = /x", true, "" },
		{ "file.path = /y", true, "file.path = /y" },
		{ "file.path = /x", false, "file.path = /x" },
		{ "file.path = /y and process.name = q", true, "file.path = /y; process.name = q" },
		{ "file.path = /x and process.name = q", true, "process.name = q" },
		{ "file.path = /y or process.name = q", true, "file.path = /y" },
		{ "(file.path = /y and process.name = q) or user.id = 5", true, "user.id = 5" },
		{ "file.path = /x and process.name = p", false, "file.path = /x" },
		{ "file.path = /x or process.name = p", false, "file.path = /x; process.name = p" },
		{ "file.path = /x and not process.name = p", true, "process.name = p" },
		{ "not (file.path = /y or process.name = q)", false, "file.path = /y" },
		{ "not (file.path = /x and process.name = p)", true, "file.path = /x" },
		{ "false and file.path = /x", true, "impossible" },
		{ "true or file.path = /x", false, "impossible" },
		{ "false or file.path = /y", true, "file.path = /y" },
		{ "container.id != abc", true, "container.id != abc" },
	};
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	struct event ev;
	assert_int_equal(event_builder_new(&b), 0);
	make_event(b, &ev);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(ruleset_free) struct ruleset *set = load(cases[i].when);
		CLEANUP(turns_done) struct turns turns = { 0 };
		CLEANUP(buf_done) struct buf got = { 0 };
		int err = condition_turn(ruleset_condition(set, 0), &ev, set->matcher, cases[i].wanted, &turns);
		for (size_t k = 0; k < turns.n; k++) {
			buf_add_z(&got, k ? "; " : "");
			condition_text(turns.p[k].test, &got);
		}
		if (err)
			buf_add_z(&got, "impossible");
		if (strcmp(buf_cstr(&got), cases[i].turns) != 0)
			fail_msg("%s to be %d: %s", cases[i].when, cases[i].wanted, buf_cstr(&got));
		assert_int_equal(condition_holds_below(ruleset_condition(set, 0), &ev, set->matcher, false),
				 condition_holds(ruleset_condition(set, 0), &ev, set->matcher));
	}
}

static void fields_of_a_test_are_named_once(void **state)
{
	(void)state;
	CLEANUP(ruleset_free) struct ruleset *set = load("concat(process.name, \"/\", process.name) = val(file.path)");
	const struct field_ref *fields[EXPLAIN_MAX_FIELDS];
	assert_int_equal(test_fields(ruleset_condition(set, 0)->test, fields), 2);
	assert_string_equal(fields[0]->name, "process.name");
	assert_string_equal(fields[1]->name, "file.path");
}

/* --- events out of JSON ------------------------------------------------------------------------------------------------------ */

static void events_come_out_of_json(void **state)
{
	(void)state;
	static const struct {
		const char *json, *when;
	} cases[] = {
		{ "{\"file.path\":\"/x\"}", "file.path = /x and file.name = x" },
		{ "{\"event\":\"file.open\",\"file\":{\"path\":\"/x\",\"open\":{\"read\":true}},\"user.id\":7}", "file.path = /x and file.open.read and user.id = 7" },
		{ "{\"event\":{\"action\":\"file.open\"},\"file.path\":\"/\\u00e4\\ud83d\\ude00\\n\"}", "file.path = \"/\xc3\xa4\xf0\x9f\x98\x80\\n\"" },
		{ "{\"process.args\":[\"a\",\"b c\",5]}", "process.args in (a, \"b c\", 5) and len(process.args) = 3" },
		{ "{\"process.args\":[]}", "not process.args exists" },
		{ "{\"file.path\":null}", "not file.path exists" },
		{ "{\"event\":{\"dataset\":\"vedette.event\",\"action\":\"file.open\",\"sequence\":5},\"agent\":{\"id\":\"x\"},\"file\":{\"path\":\"?\",\"path_b64\":\"L/94\"},"
		  "\"message\":\"no field\",\"vedette_sig\":{\"v\":1,\"path\":[\"x\"]}}",
		  "file.path = \"/\\xffx\"" },
		{ "{\"@timestamp\":\"2026-01-02T03:04:05.000000006Z\"}", "@timestamp = 1767323045000000006" },
		{ "{\"@timestamp\":\"2026-01-02T03:04:05.000000006Z\"}", "@timestamp = \"2026-01-02T03:04:05.000000006Z\"" },
		{ "{\"@timestamp\":\"2026-01-02T00:00:00Z\"}", "@timestamp >= \"2026-01-02\" and @timestamp <= \"2026-01-02\"" },
		{ "{\"vedette.truncated\":[\"file.path\"],\"file.path\":\"/x\"}", "file.path = /x and not not file.path = /x" },
	};
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	assert_int_equal(event_builder_new(&b), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(ruleset_free) struct ruleset *set = load(cases[i].when);
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct event ev;
		bool is_known = strstr(cases[i].json, "\"event\"") != NULL;
		struct event_text from = { .file = "t", .text = sv_from(cases[i].json), .otherwise = is_known ? NULL : event_type_by_name(SV("file.open")) };
		int err = event_from_json(&from, b, &ev, &diag);
		if (err || condition_holds(ruleset_condition(set, 0), &ev, set->matcher) != TRUTH_TRUE)
			fail_msg("%s: %d %s", cases[i].json, err, diag.n ? diag.messages[0].text : "does not hold");
	}
}

static void faulty_json_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *json, *message;
	} cases[] = {
		{ "", "no JSON" },
		{ "[]", "an event is one JSON object" },
		{ "5", "an event is one JSON object" },
		{ "{\"file.path\":\"/x\"", "no JSON" },
		{ "{\"file.path\":\"/x\"}", "which event it is has to be said" },
		{ "{\"event\":\"file.opn\"}", "no event has the name 'file.opn'" },
		{ "{\"event\":\"file.open\",\"file.pth\":\"/x\"}", "file.open has no field 'file.pth' (did you mean 'file.path'?)" },
		{ "{\"event\":\"file.open\",\"user.id\":\"x\"}", "user.id: 'x' is no value" },
		{ "{\"event\":\"file.open\",\"file.path\":[\"a\",\"b\"]}", "file.path: the list is no value" },
		{ "{\"event\":\"file.open\",\"process.args\":[[\"a\"]]}", "a list of other than texts and numbers" },
		{ "{\"event\":\"file.open\",\"file.path\":\"\\ud800\"}", "" },
		{ "{\"event\":\"file.open\",\"@timestamp\":\"2026-01-02T03:04:60Z\"}", "@timestamp" },
	};
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	assert_int_equal(event_builder_new(&b), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct event ev;
		if (event_from_json(&(struct event_text){ .file = "t", .text = sv_from(cases[i].json) }, b, &ev, &diag) == 0 || !diag.n || !strstr(diag.messages[0].text, cases[i].message))
			fail_msg("%s: %s", cases[i].json, diag.n ? diag.messages[0].text : "accepted");
	}
}

static void escapes_become_bytes(void **state)
{
	(void)state;
	static const struct {
		const char *raw, *text; /* text NULL: refused */
	} cases[] = {
		{ "", "" }, { "abc", "abc" }, { "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t" }, { "\\u0041\\u00e9\\u20ac", "A\xc3\xa9\xe2\x82\xac" },
		{ "\\uD83D\\uDE00", "\xf0\x9f\x98\x80" }, { "\\ud83d", NULL }, { "\\ude00", NULL }, { "\\ud83dx", NULL }, { "\\ud83d\\u0041", NULL },
		{ "\\x", NULL }, { "\\", NULL }, { "\\u12", NULL }, { "\\u12g4", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf out = { 0 };
		int err = json_unescape(sv_from(cases[i].raw), &out);
		if (cases[i].text ? err || strcmp(buf_cstr(&out), cases[i].text) != 0 : !err)
			fail_msg("%s: %d '%s'", cases[i].raw, err, buf_cstr(&out));
	}
}

static void times_are_read_as_they_are_written(void **state)
{
	(void)state;
	static const uint64_t times[] = { 0, 1, 999999999, 1767323045000000006, 9214646399999999999u };
	static const char *const bad[] = { "", "2026-01-02", "2026-01-02T03:04:05", "2026-01-02 03:04:05Z", "2026-01-02T24:00:00Z", "2026-01-02T03:60:00Z",
					   "2026-01-02T03:04:05.Z", "2026-01-02T03:04:05.1234567890Z", "2026-01-02T03:04:05.x0Z", "2026-13-02T03:04:05Z",
					   "2026-01-02T03:04:05,5Z", "2026-01-02T03:04:05+01:00Z" };
	uint64_t ns = 0;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		clock_add_rfc3339(&text, times[i]);
		assert_int_equal(clock_parse_rfc3339(buf_sv(&text), &ns), 0);
		assert_int_equal(ns, times[i]);
	}
	assert_int_equal(clock_parse_rfc3339(SV("1970-01-01T00:00:01.5Z"), &ns), 0);
	assert_int_equal(ns, 1500000000);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (clock_parse_rfc3339(sv_from(bad[i]), &ns) == 0)
			fail_msg("accepted: %s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fewest_tests_are_found),
		cmocka_unit_test(fields_of_a_test_are_named_once),
		cmocka_unit_test(events_come_out_of_json),
		cmocka_unit_test(faulty_json_is_refused),
		cmocka_unit_test(escapes_become_bytes),
		cmocka_unit_test(times_are_read_as_they_are_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
