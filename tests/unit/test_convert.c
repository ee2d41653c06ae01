/* SPDX-License-Identifier: Apache-2.0 */
/* Rules of other programs, written as our own and loaded again: the same rules hold on the same events. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/json.h"
#include "engine/event/builder.h"
#include "engine/event/value.h"
#include "engine/import/native.h"
#include "tests/support/corpora.h"

enum { EVENTS = 20000, MAX_TEXTS = 8192 };

/* The same numbers each time. */
static uint32_t draw(uint64_t *seed, size_t below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((*seed >> 33) % below);
}

struct texts {
	struct strview p[MAX_TEXTS];
	size_t n;
};

/* All texts that the conditions compare with: what events of a test are made of. */
static void collect(const struct condition *c, struct texts *texts)
{
	for (size_t i = 0; condition_type(c) == NODE_TEST && i < condition_values(c); i++)
		if (texts->n < MAX_TEXTS)
			texts->p[texts->n++] = condition_value(c, i);
	for (size_t i = 0; i < condition_children(c); i++)
		collect(condition_child(c, i), texts);
}

/* One of them, or two together, or one in capitals. */
static struct strview draw_text(uint64_t *seed, const struct texts *texts, char buffer[static 512])
{
	struct strview a = texts->p[draw(seed, texts->n)], b = texts->p[draw(seed, texts->n)];
	size_t n = MIN(a.n, (size_t)255);
	if (n)
		memcpy(buffer, a.p, n);
	uint32_t way = draw(seed, 4);
	if (way == 0 && b.n) {
		memcpy(buffer + n, b.p, MIN(b.n, (size_t)255));
		n += MIN(b.n, (size_t)255);
	}
	for (size_t i = 0; way == 1 && i < n; i++)
		buffer[i] = (char)(buffer[i] >= 'a' && buffer[i] <= 'z' ? buffer[i] - 32 : buffer[i]);
	for (size_t i = 0; i < n; i++)
		if (buffer[i] == '\0')
			buffer[i] = 'x'; /* no item of a list holds one */
	return (struct strview){ buffer, n };
}

static void draw_field(struct event_builder *b, uint64_t *seed, const struct field *f, const struct texts *texts)
{
	char buffers[3][512], number[32];
	struct strview items[3];
	const char *symbol = "true";
	uint64_t value = 0;
	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		items[i] = draw_text(seed, texts, buffers[i]);
	enum value_class class = kind_get(f->kind)->class;
	size_t n = class == CLASS_LIST ? ARRAY_SIZE(items) : 1;
	if (f->kind == KIND_COMM)
		items[0].n = MIN(items[0].n, (size_t)15);
	if (class == CLASS_UINT || class == CLASS_SINT) {
		snprintf(number, sizeof(number), "%u", draw(seed, 3) ? draw(seed, 3) : draw(seed, 65536));
		items[0] = sv_from(number);
	} else if (class == CLASS_ENUM || class == CLASS_FLAGS) {
		if (!symbol_at(f->kind, draw(seed, 6), &value, &symbol))
			return;
		items[0] = sv_from(symbol);
	} else if (class == CLASS_BOOL) {
		items[0] = sv_from(draw(seed, 2) ? "true" : "false");
	}
	IGNORE(event_builder_set(b, sv_from(f->name), items, n)); /* no address, too long: it stays missing */
}

static const struct event_type *draw_type(uint64_t *seed, uint64_t events)
{
	for (;;) {
		uint32_t number = draw(seed, EVENT_NUMBERS);
		if (events >> number & 1)
			return event_type_by_number(number);
	}
}

static bool draw_event(struct event_builder *b, uint64_t *seed, uint64_t events, const struct texts *texts, struct event *ret)
{
	const struct event_type *type = draw_type(seed, events);
	const struct field *fields[EVENT_MAX_FIELDS];
	size_t n = event_type_sorted_fields(type, fields);
	event_builder_begin(b, type);
	for (size_t i = 0; i < n; i++)
		if (draw(seed, 2) && fields[i]->kind != KIND_TRUNCATED && fields[i]->kind != KIND_UNCERTAIN && strcmp(fields[i]->name, "event.action") != 0)
			draw_field(b, seed, fields[i], texts);
	return event_builder_event(b, ret) == 0;
}

static void fail_with(const struct diag *diag)
{
	char line[2048] = "no report";
	if (diag->n)
		diag_format(&diag->messages[0], line, sizeof(line));
	fail_msg("%s", line);
}

static struct ruleset *converted(const struct ruleset *from, size_t *ret_n)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(buf_done) struct buf out = { 0 };
	struct ruleset *set = NULL;
	assert_int_equal(native_write(from, NULL, &out, ret_n, &diag), 0);
	if (ruleset_load_text("converted.yaml", buf_sv(&out), &set, &diag))
		fail_with(&diag);
	return set;
}

/* Indexes in the one set are those in the other: all rules were converted. */
static void expect_equal(const struct ruleset *from, const struct ruleset *to, const struct event *ev)
{
	struct matches a = { 0 }, b = { 0 };
	ruleset_evaluate(from, ev, &a);
	ruleset_evaluate(to, ev, &b);
	for (size_t i = 0; i < MAX(a.n, b.n); i++) {
		if (i < a.n && i < b.n && a.rule[i] == b.rule[i])
			continue;
		bool is_lost = i >= b.n || (i < a.n && a.rule[i] < b.rule[i]);
		fail_msg("%s: rule '%s' %s", ev->type->name, ruleset_get(from, is_lost ? a.rule[i] : b.rule[i])->title,
			 is_lost ? "holds no more" : "holds now");
	}
}

static void expect_round_trip(const char *folder)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *from = NULL;
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	char path[4096];
	if (!corpora_path(folder, path, sizeof(path)))
		skip();
	const char *const paths[] = { path };
	if (ruleset_load(paths, 1, &from, &diag))
		fail_with(&diag);
	size_t n = 0, n_matches = 0;
	CLEANUP(ruleset_free) struct ruleset *to = converted(from, &n);
	struct texts *texts = calloc(1, sizeof(*texts));
	assert_non_null(texts);
	assert_int_equal(n, ruleset_count(to));
	assert_int_equal(n, ruleset_count(from));
	assert_int_equal(event_builder_new(&b), 0);
	for (size_t i = 0; i < n; i++) {
		bool was_unseen = ruleset_get(from, i)->coverage == COVERAGE_NEEDS_SOURCE;
		assert_int_equal(was_unseen, ruleset_get(to, i)->coverage == COVERAGE_NEEDS_SOURCE);
		collect(ruleset_condition(from, (uint32_t)i), texts);
	}
	uint64_t seed = 1;
	for (size_t i = 0; i < EVENTS; i++) {
		struct event ev;
		struct matches m = { 0 };
		if (!draw_event(b, &seed, ruleset_events(from), texts, &ev))
			continue;
		expect_equal(from, to, &ev);
		ruleset_evaluate(from, &ev, &m);
		n_matches += m.n;
	}
	free(texts);
	print_message("%zu rules, %d events, %zu matches\n", n, EVENTS, n_matches);
	assert_true(n_matches > EVENTS / 100);
}

static void sigma_rules_hold_on_the_same_events(void **state)
{
	(void)state;
	expect_round_trip("sigma");
}

static void falco_rules_hold_on_the_same_events(void **state)
{
	(void)state;
	expect_round_trip("falco");
}

/* What of a rule could be taken for YAML, for a word of the language or for the name of a list. */
static void odd_texts_survive(void **state)
{
	(void)state;
	static const char text[] =
		"title: \"A: 'title' # \\\"with\\\" \\\\ all\"\nid: AB_c\ndescription: \"- x: {y}\\n\\ttab \\x85\"\nauthor: \"a\\u2028b\"\n"
		"logsource: {category: process_creation}\ndetection:\n  s:\n"
		"    CommandLine|contains: ['and', 'or', 'not', '- a: b # c', \"a\\tb\\n\", '\"quoted\" \\back', '{x}', 'shells', '\xc3\xa9', '', '()', \"'\"]\n"
		"    User|wide: ['\xc3\xa9\xe2\x82\xac']\n    ParentImage: [\"/a\\u2028b\", \"/a\\u2029\", \"/\\uFFFE\", \"/\\x85\", \"/\\uFEFF\"]\n    Image|re: '(?:\\s-[^-\\s]{0,20}i|\\\"x\\\")'\n  condition: s\n";
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *from = NULL;
	if (ruleset_load_text("t.yml", sv_from(text), &from, &diag))
		fail_with(&diag);
	size_t n = 0;
	CLEANUP(ruleset_free) struct ruleset *to = converted(from, &n);
	CLEANUP(buf_done) struct buf a = { 0 };
	CLEANUP(buf_done) struct buf b = { 0 };
	condition_text(ruleset_condition(from, 0), &a);
	condition_text(ruleset_condition(to, 0), &b);
	assert_string_equal(buf_cstr(&a), buf_cstr(&b));
	assert_string_equal(ruleset_get(to, 0)->id, "ab-c");
	assert_string_equal(ruleset_get(to, 0)->title, ruleset_get(from, 0)->title);
	assert_string_equal(ruleset_get(to, 0)->description, ruleset_get(from, 0)->description);
	assert_string_equal(ruleset_get(to, 0)->author, ruleset_get(from, 0)->author);
}

/* A reason is a remark beside the rule; it is cut where it grows long, and not within a character, wherever that falls. */
static void a_long_reason_survives(void **state)
{
	(void)state;
	for (size_t blanks = 0; blanks < 4; blanks++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		buf_add_format(&text, "title: t\nid: t\nlogsource: {category: process_creation}\ndetection:\n  s:\n    Nowhere: [\"%.*s\\u2028", (int)blanks, "abcd");
		for (size_t i = 0; i < 200; i++)
			buf_add_z(&text, "\xe2\x80\x93"); /* three bytes each */
		buf_add_z(&text, "\"]\n    Image: a\n  condition: s\n");
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(ruleset_free) struct ruleset *from = NULL;
		if (ruleset_load_text("t.yml", buf_sv(&text), &from, &diag))
			fail_with(&diag);
		const struct rule_info *info = ruleset_get(from, 0);
		assert_true(info->coverage != COVERAGE_FULL && info->n_reasons > 0);
		assert_non_null(strstr(info->reasons[0], "\xe2\x80\x93..."));
		assert_true(utf8_valid(sv_from(info->reasons[0])));
		size_t n = 0;
		CLEANUP(ruleset_free) struct ruleset *to = converted(from, &n);
		assert_non_null(to);
		assert_int_equal(n, 1);
	}
}

/* A field that only Sigma's authors can write is none of ours, whatever it begins with. */
static void odd_names_of_fields_survive(void **state)
{
	(void)state;
	static const char text[] = "title: t\nid: t\nlogsource: {category: process_creation}\ndetection:\n  s:\n    container.label.a - b|contains: x\n"
				   "    Image: a\n  t:\n    container.label.a-b: x\n  condition: s or t\n";
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *from = NULL;
	if (ruleset_load_text("t.yml", sv_from(text), &from, &diag))
		fail_with(&diag);
	assert_int_not_equal(ruleset_get(from, 0)->coverage, COVERAGE_FULL);
	size_t n = 0;
	CLEANUP(ruleset_free) struct ruleset *to = converted(from, &n);
	assert_non_null(to);
	assert_int_equal(n, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(sigma_rules_hold_on_the_same_events),
		cmocka_unit_test(falco_rules_hold_on_the_same_events),
		cmocka_unit_test(odd_texts_survive),
		cmocka_unit_test(a_long_reason_survives),
		cmocka_unit_test(odd_names_of_fields_survive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
