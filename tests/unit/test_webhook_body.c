/* SPDX-License-Identifier: Apache-2.0 */
/* What people are shown of a record: whatever its words are, they stay words, and no other alert is cut away by them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alerts/webhook_body.h"
#include "engine/base/json.h"
#include "engine/base/jsonread.h"

enum { LINES_MAX = 20, LETTERS_SLACK = 40000, BYTES_TEAMS = 28 * 1024, LETTERS_PAGERDUTY = 1024 };

/* A line whose message is a text so many times, as a record has it. */
static void make_line(struct buf *text, const char *message, size_t times, unsigned sequence, struct sink_line *ret)
{
	CLEANUP(buf_done) struct buf words = { 0 };
	struct json j;
	for (size_t i = 0; i < times; i++)
		buf_add_z(&words, message);
	buf_add_format(text, "{\"@timestamp\":\"2026-01-02T03:04:05.000000006Z\",\"event\":{\"action\":\"a\",\"dataset\":\"vedette.alert\",\"sequence\":%u,\"severity\":99},"
			     "\"host\":{\"name\":\"host-1\"},\"message\":", sequence);
	json_init(&j, text);
	json_str(&j, buf_sv(&words));
	buf_add_format(text, ",\"rule\":{\"id\":\"rule-%u-end\",\"name\":\"R\"},\"vedette_sig\":{\"stream\":\"s/0\"}}", sequence);
	assert_false(text->failed);
	assert_true(sink_line_read(buf_sv(text), ret));
}

/* The one member of the body that people read, of Slack's and PagerDuty's. */
static void read_member(const struct buf *body, const char *path, struct buf *into)
{
	struct json_want want = { .path = path };
	const char *error;
	size_t at;
	assert_int_equal(json_read_members(buf_sv(body), &want, 1, &error, &at), 0);
	assert_int_equal(json_unescape(want.raw, into), 0);
}

static size_t letters_of(const struct buf *text)
{
	size_t n = 0;
	for (size_t i = 0; i < text->n; i++)
		n += ((unsigned char)text->p[i] & 0xc0) != 0x80;
	return n;
}

static void make_body(enum webhook_template template, const char *message, size_t times, struct buf *ret)
{
	struct buf text[LINES_MAX] = { 0 };
	struct sink_line line[LINES_MAX];
	const size_t n = webhook_form(template)->most;
	assert_true(n <= LINES_MAX);
	for (unsigned i = 0; i < n; i++)
		make_line(&text[i], message, times, i, &line[i]);
	assert_int_equal(webhook_body(template, line, n, SV("key"), ret), 0);
	for (unsigned i = 0; i < n; i++)
		buf_done(&text[i]);
}

static void no_alert_is_cut_away_by_the_words_of_another(void **state)
{
	(void)state;
	static const struct { const char *what, *message; } cases[] = {
		{ "words", "plain words " }, { "signs of Slack", "&" }, { "quotes", "\"" }, { "backslashes", "\\" }, { "control bytes", "\001" },
		{ "line ends", "\n" }, { "two bytes each", "\xc3\xa9" }, { "four bytes each", "\xf0\x9f\x98\x80" }, { "separators", "\xe2\x80\xa8" },
	};
	static const enum webhook_template templates[] = { WEBHOOK_SLACK, WEBHOOK_TEAMS, WEBHOOK_PAGERDUTY };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(templates); k++) {
			const struct webhook_form *form = webhook_form(templates[k]);
			CLEANUP(buf_done) struct buf body = { 0 }, shown = { 0 };
			make_body(templates[k], cases[i].message, 4000, &body);
			for (unsigned n = 0; n < form->most; n++) {
				char id[32];
				(void)snprintf(id, sizeof(id), "rule-%u-end", n);
				if (!memmem(body.p, body.n, id, strlen(id)))
					fail_msg("%s, %s: alert %u is missing", form->name, cases[i].what, n);
			}
			if (templates[k] == WEBHOOK_SLACK)
				read_member(&body, "text", &shown);
			if (templates[k] == WEBHOOK_PAGERDUTY)
				read_member(&body, "payload.summary", &shown);
			size_t n = templates[k] == WEBHOOK_TEAMS ? 2 * body.n : letters_of(&shown);
			size_t most = templates[k] == WEBHOOK_TEAMS ? BYTES_TEAMS : templates[k] == WEBHOOK_SLACK ? LETTERS_SLACK : LETTERS_PAGERDUTY;
			if (n > most || (templates[k] == WEBHOOK_SLACK && n < 20 * 250))
				fail_msg("%s, %s: %zu", form->name, cases[i].what, n);
		}
	}
}

/* What a receiver would make links, lists and lines of. */
static void words_stay_words(void **state)
{
	(void)state;
	static const struct { enum webhook_template template; const char *message, *has, *has_not; } cases[] = {
		{ WEBHOOK_SLACK, "a <!channel> & <http://x|y>", "a &lt;!channel&gt; &amp; &lt;http://x|y&gt; (", NULL },
		{ WEBHOOK_SLACK, "*bold* _x_", "\"mrkdwn\":false", NULL },
		{ WEBHOOK_SLACK, "one\ncritical: two", "one\\\\x0acritical: two", "\\ncritical: two" },
		{ WEBHOOK_SLACK, "one\xe2\x80\xa8two", "one\\\\xe2\\\\x80\\\\xa8two", "\xe2\x80\xa8" },
		{ WEBHOOK_SLACK, "one\xe2\x80\xaetwo", "one\\\\xe2\\\\x80\\\\xaetwo", "\xe2\x80\xae" },
		{ WEBHOOK_TEAMS, "[Reset](https://x.example)", "{\"text\":\"[Reset](https://x.example)\",\"type\":\"TextRun\"}", "\"TextBlock" },
		{ WEBHOOK_TEAMS, "one\n- two", "one\\\\x0a- two", "one\\n" },
		{ WEBHOOK_PAGERDUTY, "one\ntwo", "\"summary\":\"one\\\\x0atwo\"", NULL },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf body = { 0 };
		make_body(cases[i].template, cases[i].message, 1, &body);
		const char *has_not = cases[i].has_not;
		if (!memmem(body.p, body.n, cases[i].has, strlen(cases[i].has)) || (has_not && memmem(body.p, body.n, has_not, strlen(has_not))))
			fail_msg("'%s' became: %.600s", cases[i].message, buf_cstr(&body));
	}
}

/* The buffer that holds the routing key has that room from the start, and never moves. */
static void the_longest_incident_has_room(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf body = { .max = WEBHOOK_PAGE_BYTES };
	assert_int_equal(buf_reserve(&body, WEBHOOK_PAGE_BYTES), 0);
	const char *before = body.p;
	make_body(WEBHOOK_PAGERDUTY, "\"", (LINE_MAX_BYTES - 1000) / 2, &body);
	assert_true(body.n > 2 * (LINE_MAX_BYTES - 1000));
	assert_ptr_equal(before, body.p);
}

static void what_is_long_is_cut_between_two_letters_and_says_so(void **state)
{
	(void)state;
	static const struct { const char *message, *end; } cases[] = {
		{ "&", "&amp;... (host-1" }, { "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80... (host-1" }, { "x", "x... (host-1" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf body = { 0 };
		make_body(WEBHOOK_SLACK, cases[i].message, 4000, &body);
		if (!memmem(body.p, body.n, cases[i].end, strlen(cases[i].end)))
			fail_msg("not cut as it should be: '%s'", cases[i].message);
	}
	CLEANUP(buf_done) struct buf body = { 0 };
	make_body(WEBHOOK_SLACK, "y", 1000, &body); /* just what there is room for */
	assert_null(memmem(body.p, body.n, "...", 3));
}

/* A batch may hold the end of one run and the beginning of the next, after an upgrade or with another key. */
static void records_of_two_runs_have_a_resource_each(void **state)
{
	static const struct {
		const char *agent, *version, *stream;
	} runs[] = { { "OLD", "1.0.0", "OLD/1" }, { "OLD", "1.0.0", "OLD/1" }, { "OLD", "2.0.0", "OLD/2" }, { "NEW", "2.0.0", "NEW/1" } };
	struct buf text[ARRAY_SIZE(runs)] = { 0 };
	struct sink_line line[ARRAY_SIZE(runs)];
	CLEANUP(buf_done) struct buf body = { 0 };
	const char *error;
	size_t at, resources = 0, records = 0;
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		buf_add_format(&text[i], "{\"@timestamp\":\"2026-01-02T03:04:05.000000006Z\",\"agent\":{\"id\":\"%s\",\"version\":\"%s\"},\"event\":{\"action\":\"a\","
					 "\"dataset\":\"vedette.alert\",\"id\":\"%s:%zu\",\"sequence\":%zu,\"severity\":99},\"host\":{\"name\":\"h\"},\"vedette_sig\":{\"stream\":\"%s\"}}",
			       runs[i].agent, runs[i].version, runs[i].stream, i, i, runs[i].stream);
		assert_true(sink_line_read(buf_sv(&text[i]), &line[i]));
	}
	assert_int_equal(webhook_body(WEBHOOK_OTLP, line, ARRAY_SIZE(runs), SV(""), &body), 0);
	assert_int_equal(json_check(buf_sv(&body), &error, &at), 0);
	static const char *const in_order[] = {
		"{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":\"OLD\"}}", "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"1.0.0\"}}",
		"\"sequence\\\":0", "\"sequence\\\":1",
		"{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":\"OLD\"}}", "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"2.0.0\"}}",
		"\"sequence\\\":2",
		"{\"key\":\"service.instance.id\",\"value\":{\"stringValue\":\"NEW\"}}", "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"2.0.0\"}}",
		"\"sequence\\\":3",
	};
	const char *p = body.p;
	for (size_t i = 0; i < ARRAY_SIZE(in_order); i++) {
		const char *found = memmem(p, body.n - (size_t)(p - body.p), in_order[i], strlen(in_order[i]));
		if (!found)
			fail_msg("%zu: no %s behind the one before: %s", i, in_order[i], buf_cstr(&body));
		p = found + 1;
	}
	for (p = body.p; (p = strstr(p, "\"scopeLogs\":")); p++)
		resources++;
	for (p = body.p; (p = strstr(p, "\"timeUnixNano\":")); p++)
		records++;
	assert_int_equal(resources, 3);
	assert_int_equal(records, ARRAY_SIZE(runs));
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		buf_done(&text[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_alert_is_cut_away_by_the_words_of_another),
		cmocka_unit_test(words_stay_words),
		cmocka_unit_test(the_longest_incident_has_room),
		cmocka_unit_test(what_is_long_is_cut_between_two_letters_and_says_so),
		cmocka_unit_test(records_of_two_runs_have_a_resource_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
