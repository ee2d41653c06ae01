/* SPDX-License-Identifier: Apache-2.0 */
/* Enriched events, whose file.name lies at the end of their file.path: what the engine makes of that, against the plain evaluator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/enrich/enrich.h"
#include "engine/index/engine.h"
#include "tests/support/random.h"
#include "tests/support/record.h"

enum { EVENTS = 60000 };

static const char rules[] =
	"- {rule: a, severity: low, event: [file.open, file.delete, file.rename], when: 'file.name in (a, bb, a.so, x) and not file.path startswith /t'}\n"
	"- {rule: b, severity: low, event: [file.open, file.rename], when: 'file.path endswith /bb or file.name contains so'}\n"
	"- {rule: c, severity: low, event: file.rename, when: 'vedette.new_path endswith a and file.name = bb'}\n";

static void some_path(struct random *r, char *to, size_t size)
{
	static const char *const folders[] = { "/t/", "/etc/", "/", "", "/etc/a/", "/e/bb" };
	static const char *const names[] = { "a", "bb", "a.so", "x", "", "bb/", "yy", "so" };
	(void)snprintf(to, size, "%s%s", folders[random_below(r, ARRAY_SIZE(folders))], names[random_below(r, ARRAY_SIZE(names))]);
}

static void some_record(struct random *r, struct record *rec)
{
	static const uint32_t types[] = { EVENT_FILE_OPEN, EVENT_FILE_DELETE, EVENT_FILE_RENAME };
	uint32_t type = types[random_below(r, ARRAY_SIZE(types))];
	char path[32], to[32];
	some_path(r, path, sizeof(path));
	some_path(r, to, sizeof(to));
	record_init(rec, type);
	record_actor(rec, &(struct actor){ .exec_id = 1 + random_below(r, 5), .pid = 7, .comm = "c" });
	if (type == EVENT_FILE_OPEN) {
		RECORD_STR(rec, file_open, path, sv_from(path));
	} else if (type == EVENT_FILE_DELETE) {
		RECORD_STR(rec, file_delete, path, sv_from(path));
	} else {
		RECORD_STR(rec, file_rename, path, sv_from(path));
		RECORD_STR(rec, file_rename, new_path, sv_from(to));
	}
}

static void run(const struct engine_config *config)
{
	const struct enrich_config host = {
		.proc = "", .passwd = "/etc/passwd", .group = "/etc/group", .cgroup_root = "", .max_processes = 100, .max_text_bytes = 1 << 20, .linger_ns = 1,
	};
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct random r = { 7 };
	struct ruleset *set = NULL;
	struct engine *engine = NULL;
	struct enrich *enrich = NULL;
	struct record *rec = record_new(EVENT_FILE_OPEN);
	size_t n_matches = 0;
	assert_int_equal(ruleset_load_text("t", sv_from(rules), &set, &diag), 0);
	assert_int_equal(engine_new(set, config, &engine, &diag), 0);
	assert_int_equal(enrich_new(&host, &enrich, &diag), 0);
	for (size_t i = 0; i < EVENTS; i++) {
		struct derived derived;
		struct matches plain, fast;
		some_record(&r, rec);
		struct event ev = record_event(rec);
		enrich_apply(enrich, &ev);
		enrich_derive(enrich, &ev, &derived);
		ev.derived = &derived;
		ruleset_evaluate(set, &ev, &plain);
		engine_evaluate(engine, &ev, &fast);
		n_matches += plain.n;
		if (!matches_equal(&plain, &fast))
			fail_msg("event %zu: %zu rules hold, the engine says %zu", i, plain.n, fast.n);
	}
	assert_true(n_matches > EVENTS / 4);
	record_free(&rec);
	enrich_free(&enrich);
	engine_free(&engine);
	ruleset_free(&set);
}

static void names_at_the_end_of_paths_have_the_same_answers(void **state)
{
	(void)state;
	run(NULL);
}

static void and_so_they_have_in_small_tables(void **state)
{
	(void)state;
	run(&(struct engine_config){ .max_strings = 8 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_at_the_end_of_paths_have_the_same_answers),
		cmocka_unit_test(and_so_they_have_in_small_tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
