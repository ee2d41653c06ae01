/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine keeps, tells and refuses. That its answers are the plain evaluator's is what test_same is for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <malloc.h>
#include <stdio.h>

#include "engine/event/builder.h"
#include "engine/index/engine.h"

struct world {
	struct ruleset *set;
	struct engine *engine;
	struct event_builder *builder;
	struct derived derived;
	struct matches matches;
};

static void world_start(struct world *w, const char *rules, const struct engine_config *config)
{
	struct diag diag = { 0 };
	*w = (struct world){ 0 };
	if (ruleset_load_text("test.yaml", sv_from(rules), &w->set, &diag))
		fail_msg("%s", diag.n ? diag.messages[0].text : "no set");
	diag_done(&diag);
	assert_int_equal(engine_new(w->set, config, &w->engine, NULL), 0);
	assert_int_equal(event_builder_new(&w->builder), 0);
}

static void world_end(struct world *w)
{
	event_builder_free(&w->builder);
	engine_free(&w->engine);
	ruleset_free(&w->set);
}

struct given {
	const char *name, *value;
};

/* An event of an image; fields up to a NULL name. */
static const struct matches *judge(struct world *w, const char *type, struct image_stamp image, const struct given *fields)
{
	struct event ev;
	event_builder_begin(w->builder, event_type_by_name(sv_from(type)));
	for (; fields->name; fields++)
		assert_int_equal(event_builder_set_text(w->builder, fields->name, fields->value), 0);
	assert_int_equal(event_builder_event(w->builder, &ev), 0);
	w->derived = *ev.derived;
	w->derived.image = image;
	ev.derived = &w->derived;
	engine_evaluate(w->engine, &ev, &w->matches);
	return &w->matches;
}

#define JUDGE(w, type, image, ...) judge(w, type, image, (const struct given[]){ __VA_ARGS__, { NULL, NULL } })

static struct engine_stats stats_of(const struct world *w)
{
	struct engine_stats s;
	engine_get_stats(w->engine, &s);
	return s;
}

static const char two_rules[] = "- {rule: shadow, severity: low, event: file.open, when: file.path = /etc/shadow and not process.executable = /bin/su}\n"
				"- {rule: tmp, severity: low, event: file.open, when: 'file.path startswith /tmp/ and process.name in (sh, bash)'}\n";

static void an_answer_is_kept_with_what_it_follows_from(void **state)
{
	(void)state;
	struct world w;
	struct image_stamp cat = { .id = 1, .version = 1, .slot = 1 };
	world_start(&w, two_rules, NULL);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(JUDGE(&w, "file.open", cat, { "process.executable", "/bin/cat" }, { "file.path", "/etc/shadow" })->n, 1);
		assert_int_equal(JUDGE(&w, "file.open", cat, { "process.executable", "/bin/cat" }, { "file.path", "/etc/hosts" })->n, 0);
	}
	struct engine_stats s = stats_of(&w);
	assert_int_equal(s.verdict_misses, 2);
	assert_int_equal(s.verdict_hits, 4);
	assert_int_equal(s.image_hits, 5);
	assert_int_equal(s.candidates, 1);
	world_end(&w);
}

/* The stamp is all that tells: the caller answers for it. */
static void a_new_version_of_an_image_is_looked_at_anew(void **state)
{
	(void)state;
	struct world w;
	struct image_stamp image = { .id = 1, .version = 1, .slot = 1 };
	world_start(&w, two_rules, NULL);
	assert_int_equal(JUDGE(&w, "file.open", image, { "process.executable", "/bin/su" }, { "file.path", "/etc/shadow" })->n, 0);
	image.version = 2;
	assert_int_equal(JUDGE(&w, "file.open", image, { "process.executable", "/bin/cat" }, { "file.path", "/etc/shadow" })->n, 1);
	image.id = 0; /* nothing may be kept */
	assert_int_equal(JUDGE(&w, "file.open", image, { "process.executable", "/bin/su" }, { "file.path", "/etc/shadow" })->n, 0);
	assert_int_equal(JUDGE(&w, "file.open", image, { "process.executable", "/bin/cat" }, { "file.path", "/etc/shadow" })->n, 1);
	world_end(&w);
}

static void nothing_is_kept_when_told_so(void **state)
{
	(void)state;
	struct world w;
	struct engine_config config = { .no_cache = true };
	struct image_stamp image = { .id = 1, .version = 1, .slot = 1 };
	world_start(&w, two_rules, &config);
	for (int i = 0; i < 3; i++)
		assert_int_equal(JUDGE(&w, "file.open", image, { "file.path", "/etc/shadow" })->n, 1);
	struct engine_stats s = stats_of(&w);
	assert_int_equal(s.verdict_hits + s.string_hits + s.image_hits, 0);
	world_end(&w);
}

/* More different lists than there is room for: all is emptied, and the answers stay right. */
static void full_tables_are_emptied(void **state)
{
	(void)state;
	struct world w;
	CLEANUP(buf_done) struct buf rules = { .max = 1 << 20 };
	for (int i = 0; i < 20; i++)
		buf_add_format(&rules, "- {rule: r%d, severity: low, event: file.open, when: process.executable contains x%c}\n", i, 'a' + i);
	struct engine_config config = { .max_classes = 4 };
	world_start(&w, buf_cstr(&rules), &config);
	unsigned random = 9;
	for (uint64_t i = 0; i < 2000; i++) {
		char path[64] = "/";
		size_t n = 1, expected = 0;
		random = random * 1664525u + 1013904223u;
		for (int k = 0; k < 20; k++) {
			if (!(random >> (k + 8) & 1) || n > 40)
				continue;
			path[n++] = 'x';
			path[n++] = (char)('a' + k);
			expected++;
		}
		path[n] = '\0';
		struct image_stamp image = { .id = i + 1, .version = 1, .slot = (uint32_t)i };
		assert_int_equal(JUDGE(&w, "file.open", image, { "process.executable", path })->n, expected);
	}
	assert_true(stats_of(&w).flushes > 100);
	world_end(&w);
}

static void evaluation_does_not_allocate(void **state)
{
	(void)state;
	struct world w;
	struct event events[40];
	struct event_builder *builders[40];
	world_start(&w, "- {rule: a, severity: low, event: [file.open, process.exec], when: 'file.path regex \".*x[0-9]+.*\" or process.command_line contains y1'}\n"
			"- {rule: b, severity: low, event: [file.open, process.exec], when: tolower(file.path) = /x1 and not user.name = root}\n", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "/X%zu/y%zu", i % 7, i);
		assert_int_equal(event_builder_new(&builders[i]), 0);
		event_builder_begin(builders[i], event_type_by_name(i % 2 ? SV("file.open") : SV("process.exec")));
		assert_int_equal(event_builder_set_text(builders[i], "file.path", text), 0);
		assert_int_equal(event_builder_set_text(builders[i], "process.command_line", text), 0);
		assert_int_equal(event_builder_event(builders[i], &events[i]), 0);
	}
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	for (size_t i = 0; i < 10 * ARRAY_SIZE(events); i++)
		engine_evaluate(w.engine, &events[i % ARRAY_SIZE(events)], &w.matches);
	assert_int_equal(mallinfo2().uordblks + mallinfo2().hblkhd, before);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		event_builder_free(&builders[i]);
	world_end(&w);
}

/* --- telling ---------------------------------------------------------------------------------------------------------------- */

static size_t index_bytes_of(const char *events, size_t n_values)
{
	CLEANUP(buf_done) struct buf text = { .max = 1u << 22 };
	struct world w;
	buf_add_format(&text, "- {rule: r, severity: low, event: %s, when: 'process.command_line contains anyof (", events);
	for (size_t i = 0; i < n_values; i++)
		buf_add_format(&text, "%sw%05zuk0", i ? ", " : "", i);
	buf_add_z(&text, ") and not process.args contains allof (");
	for (size_t i = 0; i < n_values; i++)
		buf_add_format(&text, "%sa%05zuk0", i ? ", " : "", i);
	buf_add_z(&text, ")'}\n");
	world_start(&w, buf_cstr(&text), NULL);
	size_t bytes = stats_of(&w).index_bytes;
	world_end(&w);
	return bytes;
}

/* What tests are taken apart into is there once, not once for each type of event. */
static void many_events_share_the_values_of_a_test(void **state)
{
	(void)state;
	size_t of_one = index_bytes_of("file.open", 2500);
	size_t of_ten = index_bytes_of("[file.open, file.create, file.delete, file.rename, file.chmod, file.mkdir, network.connect, network.bind, "
				       "network.accept, process.exec]", 2500);
	print_message("# %zu bytes for one type of event, %zu for ten\n", of_one, of_ten);
	assert_true(of_ten < 3 * of_one);
}

static void the_rarest_test_is_the_key(void **state)
{
	(void)state;
	static const struct {
		const char *when, *key; /* NULL: none */
	} cases[] = {
		{ "process.name in (bash, sh) and file.path = /etc/vedette-secret", "file.path = /etc/vedette-secret" },
		{ "file.open.write and file.path startswith /etc/cron.d/", "file.path startswith /etc/cron.d/" },
		{ "not process.name = bash", NULL },
		{ "file.path = /etc/a1 or not process.name = bash", NULL },
		{ "user.id = 0 and file.path endswith /authorized_keys and process.executable contains python", "file.path endswith /authorized_keys" },
		{ "file.path = /a1 or file.path = /a2", "file.path = /a1, /a2" },
		{ "file.path in (/a1, /a2) and not file.path = /a2", "file.path = /a1, /a2" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world w;
		struct engine_plan plan;
		CLEANUP(buf_done) struct buf rule = { .max = 4096 }, key = { .max = 4096 };
		buf_add_format(&rule, "- rule: r\n  severity: low\n  event: file.open\n  when: >\n    %s\n", cases[i].when);
		world_start(&w, buf_cstr(&rule), NULL);
		engine_explain(w.engine, 0, EVENT_FILE_OPEN, &plan);
		assert_int_equal(plan.way, cases[i].key ? ENGINE_KEYED : ENGINE_ALWAYS);
		if (cases[i].key) {
			condition_text(plan.keys[0], &key);
			if (plan.n_keys != 1 || strcmp(buf_cstr(&key), cases[i].key) != 0)
				fail_msg("%s: %zu keys, %s", cases[i].when, plan.n_keys, buf_cstr(&key));
		}
		engine_explain(w.engine, 0, EVENT_PROC_EXEC, &plan);
		assert_int_equal(plan.way, ENGINE_NEVER);
		world_end(&w);
	}
}

static void what_is_not_kept_says_why(void **state)
{
	(void)state;
	struct world w;
	struct engine_plan plan;
	world_start(&w, "- {rule: plain, severity: low, event: file.open, when: file.path = /a}\n"
			"- {rule: across, severity: low, event: file.open, when: file.path = val(process.executable)}\n"
			"- {rule: image, severity: low, event: file.open, when: process.executable = val(process.parent.executable)}\n"
			"- {rule: exec, severity: low, event: process.exec, when: file.path = /a}\n", NULL);
	engine_explain(w.engine, 0, EVENT_FILE_OPEN, &plan);
	assert_null(plan.not_cached);
	engine_explain(w.engine, 1, EVENT_FILE_OPEN, &plan);
	assert_non_null(plan.not_cached);
	engine_explain(w.engine, 2, EVENT_FILE_OPEN, &plan);
	assert_null(plan.not_cached);
	engine_explain(w.engine, 3, EVENT_PROC_EXEC, &plan);
	assert_non_null(plan.not_cached);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_kept_with_what_it_follows_from),
		cmocka_unit_test(a_new_version_of_an_image_is_looked_at_anew),
		cmocka_unit_test(nothing_is_kept_when_told_so),
		cmocka_unit_test(full_tables_are_emptied),
		cmocka_unit_test(evaluation_does_not_allocate),
		cmocka_unit_test(many_events_share_the_values_of_a_test),
		cmocka_unit_test(the_rarest_test_is_the_key),
		cmocka_unit_test(what_is_not_kept_says_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
