/* SPDX-License-Identifier: Apache-2.0 */
/* What records say of processes: programs, parents, lineage, outcomes, names. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/support/world.h"

static void an_exec_shows_program_parent_and_ancestors(void **state)
{
	(void)state;
	struct world w;
	world_start(&w);
	world_login(&w);
	assert_text(w.d.action, "process.exec");
	assert_text(w.d.executable, "/usr/bin/curl");
	assert_text(w.d.command_line, "curl -s http://x/");
	assert_list(w.d.args, "curl|-s|http://x/|");
	assert_text(w.d.parent_name, "bash");
	assert_text(w.d.parent_executable, "/bin/bash");
	assert_text(w.d.parent_command_line, "-bash");
	assert_list(w.d.ancestor_executables, "/bin/bash|/usr/sbin/sshd|");
	assert_list(w.d.ancestor_names, "bash|sshd|");
	assert_int_equal(w.d.time, 1001 * SECOND);
	assert_int_equal(w.d.start, 1003 * SECOND);
	assert_true(IS_DERIVED(&w.d, is_snapshot) && !w.d.is_snapshot);
	assert_int_equal(world_stats(&w).unknown_process, 0);

	world_open(&w, &curl, "/etc/ssl/certs.d/ca.crt");
	assert_text(w.d.executable, "/usr/bin/curl");
	assert_text(w.d.command_line, "curl -s http://x/");
	assert_text(w.d.file_name, "ca.crt");
	assert_text(w.d.file_directory, "/etc/ssl/certs.d");
	assert_text(w.d.file_extension, "crt");
	assert_list(w.d.ancestor_names, "bash|sshd|");
	world_end(&w);
}

static void a_forked_process_has_its_creators_program(void **state)
{
	(void)state;
	struct world w;
	const struct actor subshell = { .exec_id = SUBSHELL, .parent_id = BASH, .pid = 61, .start_ns = 3 * SECOND, .comm = "bash" };
	world_start(&w);
	world_exec(&w, &sshd, 0, "/usr/sbin/sshd", SV("sshd\0"));
	world_exec(&w, &bash, 0, "/bin/bash", SV("-bash\0"));
	world_fork(&w, &bash, SUBSHELL, 61);
	world_open(&w, &subshell, "/tmp/x");
	assert_text(w.d.executable, "/bin/bash");
	assert_text(w.d.parent_executable, "/bin/bash");
	assert_list(w.d.ancestor_executables, "/bin/bash|/usr/sbin/sshd|");
	world_end(&w);
}

/* sh -c 'exec id': sh is a program of its own, replaced by id. */
static void images_replaced_by_exec_are_ancestors(void **state)
{
	(void)state;
	struct world w;
	const struct actor sh = { .exec_id = CURL, .parent_id = BASH, .pid = 61, .start_ns = 3 * SECOND, .comm = "sh" };
	const struct actor id = { .exec_id = 0x40000, .parent_id = BASH, .pid = 61, .start_ns = 3 * SECOND, .comm = "id" };
	world_start(&w);
	world_exec(&w, &bash, 0, "/bin/bash", SV("-bash\0"));
	world_fork(&w, &bash, SUBSHELL, 61);
	world_exec(&w, &sh, SUBSHELL, "/bin/sh", SV("sh\0-c\0exec id\0"));
	assert_text(w.d.previous_executable, "/bin/bash"); /* the copy of it that called exec */
	world_exec(&w, &id, CURL, "/usr/bin/id", SV("id\0"));
	assert_text(w.d.previous_executable, "/bin/sh");
	assert_text(w.d.parent_executable, "/bin/bash");
	assert_list(w.d.ancestor_executables, "/bin/sh|/bin/bash|");
	world_end(&w);
}

static void records_in_any_order_give_the_same_lineage(void **state)
{
	(void)state;
	static const int orders[][4] = {
		{ 0, 1, 2, 3 }, { 3, 2, 1, 0 }, { 3, 0, 1, 2 }, { 2, 3, 0, 1 }, { 1, 3, 2, 0 }, { 2, 1, 3, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		struct world w;
		world_start(&w);
		for (size_t k = 0; k < 4; k++) {
			if (orders[i][k] == 0)
				world_exec(&w, &sshd, 0, "/usr/sbin/sshd", SV("sshd\0"));
			else if (orders[i][k] == 1)
				world_exec(&w, &bash, 0, "/bin/bash", SV("-bash\0"));
			else if (orders[i][k] == 2)
				world_fork(&w, &bash, SUBSHELL, 61);
			else
				world_exec(&w, &curl, SUBSHELL, "/usr/bin/curl", SV("curl\0"));
		}
		world_open(&w, &curl, "/x");
		assert_text(w.d.parent_executable, "/bin/bash");
		assert_list(w.d.ancestor_executables, "/bin/bash|/usr/sbin/sshd|");
		world_end(&w);
	}
}

static void a_reused_pid_is_another_process(void **state)
{
	(void)state;
	struct world w;
	const struct actor later = { .exec_id = 0x90000, .parent_id = SSHD, .pid = 60, .start_ns = 90 * SECOND, .comm = "cat" };
	world_start(&w);
	world_login(&w);
	world_exec(&w, &later, 0, "/bin/cat", SV("cat\0"));
	world_open(&w, &bash, "/x");
	assert_text(w.d.executable, "/bin/bash");
	world_open(&w, &later, "/x");
	assert_text(w.d.executable, "/bin/cat");
	world_open(&w, &curl, "/x");
	assert_text(w.d.parent_executable, "/bin/bash");
	world_end(&w);
}

static void refused_and_attempted_execs_are_acts_of_the_caller(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint32_t stage, verdict;
		int64_t result;
		bool has_outcome;
		uint64_t error;
	} cases[] = {
		{ "attempt", STAGE_ATTEMPT, VERDICT_NONE, 0, false, 0 },
		{ "blocked", STAGE_ATTEMPT, VERDICT_BLOCK, 0, true, EPERM },
		{ "failed", STAGE_COMPLETED, VERDICT_NONE, -ENOENT, true, ENOENT },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world w;
		world_start(&w);
		world_login(&w);
		uint64_t before = world_stats(&w).processes;
		record_set_exec(w.rec, &bash, 0, "/tmp/evil.bin", SV("evil\0"));
		RECORD_COMMON(w.rec)->stage = cases[i].stage;
		RECORD_COMMON(w.rec)->verdict = cases[i].verdict;
		RECORD_COMMON(w.rec)->result = cases[i].result;
		world_feed(&w);
		assert_text(w.d.executable, "/bin/bash");
		assert_text(w.d.previous_executable, "/bin/bash");
		assert_text(w.d.file_name, "evil.bin");
		if (IS_DERIVED(&w.d, outcome) != cases[i].has_outcome || IS_DERIVED(&w.d, error) != cases[i].has_outcome)
			fail_msg("%s: wrong outcome", cases[i].what);
		if (cases[i].has_outcome) {
			assert_int_equal(w.d.outcome, OUTCOME_FAILURE);
			assert_int_equal(w.d.error, cases[i].error);
		}
		assert_false(IS_DERIVED(&w.d, value));
		assert_int_equal(world_stats(&w).processes, before);
		world_end(&w);
	}
}

static void outcomes_come_from_results(void **state)
{
	(void)state;
	static const struct {
		int64_t result;
		uint64_t outcome;
		bool has_error, has_value;
	} cases[] = {
		{ 0, OUTCOME_SUCCESS, false, true },     { 7, OUTCOME_SUCCESS, false, true },
		{ -1, OUTCOME_FAILURE, true, false },    { -4095, OUTCOME_FAILURE, true, false },
		{ -4096, OUTCOME_FAILURE, false, false }, { INT64_MIN, OUTCOME_FAILURE, false, false },
	};
	const struct wire_common attempt = { .sensor = SENSOR_LSM };
	struct derived d = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) { /* one after the other: nothing of the earlier may stay */
		enrich_outcome(&d, &attempt, cases[i].result);
		assert_int_equal(d.outcome, cases[i].outcome);
		assert_int_equal(IS_DERIVED(&d, error), cases[i].has_error);
		assert_int_equal(IS_DERIVED(&d, value), cases[i].has_value);
		if (cases[i].has_error)
			assert_int_equal(d.error, -cases[i].result);
		if (cases[i].has_value)
			assert_int_equal(d.value, cases[i].result);
	}
}

static void who_denied_is_said_as_far_as_it_is_known(void **state)
{
	(void)state;
	static const struct {
		struct wire_common common;
		int64_t result;
		const char *denied_by; /* NULL: missing */
	} cases[] = {
		{ { .sensor = SENSOR_LSM, .verdict = VERDICT_BLOCK, .stage = STAGE_COMPLETED }, -EPERM, "vedette" },
		{ { .sensor = SENSOR_LSM, .stage = STAGE_ATTEMPT }, -EACCES, "later" },
		{ { .sensor = SENSOR_LSM, .stage = STAGE_ATTEMPT }, -ENOENT, NULL },
		{ { .sensor = SENSOR_LSM, .stage = STAGE_ATTEMPT }, 3, NULL },
		{ { .sensor = SENSOR_LSM, .stage = STAGE_COMPLETED, .source = SOURCE_ARGUMENT }, -EACCES, "earlier" },
		{ { .sensor = SENSOR_LSM, .stage = STAGE_COMPLETED, .source = SOURCE_DESCRIPTOR }, -EPERM, "earlier" },
		{ { .sensor = SENSOR_LSM, .stage = STAGE_COMPLETED }, -EPERM, NULL }, /* a call without a hook */
		{ { .sensor = SENSOR_TRACEPOINT, .stage = STAGE_COMPLETED, .source = SOURCE_ARGUMENT }, -EACCES, NULL },
	};
	struct derived d = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enrich_outcome(&d, &cases[i].common, cases[i].result);
		assert_int_equal(cases[i].denied_by != NULL, IS_DERIVED(&d, denied_by));
		if (cases[i].denied_by)
			assert_true(sv_is(d.denied_by, cases[i].denied_by));
	}
}

static void paths_are_taken_apart(void **state)
{
	(void)state;
	static const struct {
		const char *path, *name, *directory, *extension; /* NULL: missing */
	} cases[] = {
		{ "/etc/passwd", "passwd", "/etc", NULL },
		{ "/vmlinuz", "vmlinuz", "/", NULL },
		{ "/a/b.tar.gz", "b.tar.gz", "/a", "gz" },
		{ "/root/.bashrc", ".bashrc", "/root", NULL },
		{ "/root/.x.conf", ".x.conf", "/root", "conf" },
		{ "/a/ends.", "ends.", "/a", NULL },
		{ "/a.d/plain", "plain", "/a.d", NULL },
		{ "/", NULL, "/", NULL },
		{ "memfd:x.so", "memfd:x.so", NULL, "so" },
		{ "/a/\xff\xfe.b\xff", "\xff\xfe.b\xff", "/a", "b\xff" },
	};
	struct world w;
	world_start(&w);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		world_open(&w, &bash, cases[i].path);
		if (IS_DERIVED(&w.d, file_name) != (cases[i].name != NULL) || IS_DERIVED(&w.d, file_directory) != (cases[i].directory != NULL) ||
		    IS_DERIVED(&w.d, file_extension) != (cases[i].extension != NULL))
			fail_msg("'%s': wrong parts are missing", cases[i].path);
		if (cases[i].name)
			assert_text(w.d.file_name, cases[i].name);
		if (cases[i].directory)
			assert_text(w.d.file_directory, cases[i].directory);
		if (cases[i].extension)
			assert_text(w.d.file_extension, cases[i].extension);
	}
	world_fork(&w, &bash, SUBSHELL, 61);
	assert_false(IS_DERIVED(&w.d, file_name));
	world_end(&w);
}

static void ids_get_the_hosts_names(void **state)
{
	(void)state;
	struct world w;
	world_start(&w);
	record_init(w.rec, EVENT_FILE_OPEN);
	struct wire_common *c = RECORD_COMMON(w.rec);
	c->uid = 1000;
	c->euid = 0;
	c->gid = 50;
	world_feed(&w);
	assert_text(w.d.user_name, "ann");
	assert_text(w.d.effective_user_name, "root");
	assert_text(w.d.group_name, "staff");
	assert_false(IS_DERIVED(&w.d, audit_user_name));
	c->loginuid = 1000;
	c->uid = 4711;
	world_feed(&w);
	assert_text(w.d.audit_user_name, "ann");
	assert_false(IS_DERIVED(&w.d, user_name));

	tree_file(&w.tree, "passwd", SV("root:x:0:0::/root:/bin/sh\nbob:x:4711:1::/:\n"));
	enrich_tick(w.e, SECOND);
	world_feed(&w);
	assert_text(w.d.user_name, "bob");
	assert_false(IS_DERIVED(&w.d, audit_user_name));
	world_end(&w);
}

/* The event shows all of the record, though the table keeps a part. */
static void long_arguments_are_shown_in_full_at_exec(void **state)
{
	(void)state;
	struct world w;
	char *args = malloc(RECORD_ARGS_MAX);
	assert_non_null(args);
	memset(args, 'a', RECORD_ARGS_MAX);
	for (size_t i = 99; i < RECORD_ARGS_MAX; i += 100)
		args[i] = '\0';
	args[RECORD_ARGS_MAX - 1] = '\0';
	world_start(&w);
	world_exec(&w, &bash, 0, "/bin/echo", (struct strview){ args, RECORD_ARGS_MAX });
	assert_int_equal(w.d.args.n, RECORD_ARGS_MAX);
	assert_int_equal(w.d.command_line.n, RECORD_ARGS_MAX - 1);
	assert_null(memchr(w.d.command_line.p, 0, w.d.command_line.n));
	assert_int_equal(w.d.command_line.p[99], ' ');
	world_open(&w, &bash, "/x");
	assert_true(w.d.args.n > 4000 && w.d.args.n < 4200);
	assert_int_equal(w.d.args.p[w.d.args.n - 1], 0);
	assert_true(world_stats(&w).text_cut > 0);
	world_end(&w);
	free(args);
}

static void bytes_that_are_not_utf8_pass_unchanged(void **state)
{
	(void)state;
	struct world w;
	world_start(&w);
	world_exec(&w, &bash, 0, "/tmp/\xff\xc0", SV("\xfe\0\x80 \0\0"));
	assert_text(w.d.executable, "/tmp/\xff\xc0");
	world_open(&w, &bash, "/x");
	assert_text(w.d.command_line, "\xfe \x80  ");
	assert_list(w.d.args, "\xfe|\x80 ||");
	world_end(&w);
}


int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exec_shows_program_parent_and_ancestors),
		cmocka_unit_test(a_forked_process_has_its_creators_program),
		cmocka_unit_test(images_replaced_by_exec_are_ancestors),
		cmocka_unit_test(records_in_any_order_give_the_same_lineage),
		cmocka_unit_test(a_reused_pid_is_another_process),
		cmocka_unit_test(refused_and_attempted_execs_are_acts_of_the_caller),
		cmocka_unit_test(outcomes_come_from_results),
		cmocka_unit_test(who_denied_is_said_as_far_as_it_is_known),
		cmocka_unit_test(paths_are_taken_apart),
		cmocka_unit_test(ids_get_the_hosts_names),
		cmocka_unit_test(long_arguments_are_shown_in_full_at_exec),
		cmocka_unit_test(bytes_that_are_not_utf8_pass_unchanged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
