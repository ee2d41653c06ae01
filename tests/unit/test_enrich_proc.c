/* SPDX-License-Identifier: Apache-2.0 */
/* Processes older than the sensor, and those that ended: what /proc knows, and what is kept. */
#include <errno.h>
#include <stdio.h>

#include "engine/base/fd.h"
#include "engine/enrich/outcome.h"
#include "tests/support/world.h"

/* --- /proc ----------------------------------------------------------------------------------------------------------- */

static void proc_add(struct world *w, uint32_t pid, uint32_t ppid, unsigned long long ticks, const char *exe, struct strview args)
{
	tree_process(&w->tree, &(struct tree_process){ .pid = pid, .ppid = ppid, .start_ticks = ticks, .executable = exe, .args = args,
						       .comm = "a) b (c", .cwd = "/srv", .cgroup = "0::/user.slice\n", .uid = 1000, .tty = 34816 });
}

static void the_snapshot_links_processes_older_than_the_sensor(void **state)
{
	(void)state;
	struct world w;
	struct diag diag = { 0 };
	const struct actor shell = { .exec_id = id_snapshot(60, 200), .parent_id = id_snapshot(1, 10), .pid = 60, .start_ns = 200 * ID_TICK_NS + 5, .comm = "sh" };
	world_start(&w);
	proc_add(&w, 1, 0, 10, "/sbin/init", SV("init\0"));
	proc_add(&w, 60, 1, 200, "/bin/dash (deleted)", SV("dash\0-x\0"));
	tree_process(&w.tree, &(struct tree_process){ .pid = 2, .start_ticks = 10, .comm = "kthreadd", .cgroup = "0::/\n" });
	tree_dir(&w.tree, "proc/self-made");
	tree_dir(&w.tree, "proc/71"); /* a process that ended while it was looked at */
	assert_int_equal(enrich_seed(w.e, 0, &diag), 0);
	assert_int_equal(diag.n, 0);
	assert_int_equal(world_stats(&w).seeded, 3);
	world_open(&w, &shell, "/x");
	assert_int_equal(world_stats(&w).unknown_process, 0);
	assert_text(w.d.executable, "/bin/dash");
	assert_text(w.d.command_line, "dash -x");
	assert_text(w.d.cwd, "/srv");
	assert_text(w.d.tty, "pts0");
	assert_text(w.d.cgroup_path, "/user.slice");
	assert_true(w.d.interactive && w.d.is_snapshot);
	assert_text(w.d.parent_executable, "/sbin/init");
	assert_text(w.d.parent_name, "a) b (c");
	world_end(&w);
	diag_done(&diag);
}

static void one_process_and_its_ancestors_can_be_seeded_alone(void **state)
{
	(void)state;
	struct world w;
	struct diag diag = { 0 };
	world_start(&w);
	proc_add(&w, 1, 0, 10, "/sbin/init", SV("init\0"));
	proc_add(&w, 60, 1, 200, "/bin/sh", SV("sh\0"));
	proc_add(&w, 61, 60, 300, "/bin/cat", SV("cat\0"));
	assert_int_equal(enrich_seed(w.e, 60, &diag), 0);
	assert_int_equal(world_stats(&w).processes, 2);
	diag_done(&diag);
	world_end(&w);
}

static void an_unknown_process_is_looked_up_if_it_is_still_there(void **state)
{
	(void)state;
	struct world w;
	const struct actor same = { .exec_id = 0x1111000, .parent_id = BASH, .pid = 60, .start_ns = 200 * ID_TICK_NS + 17, .comm = "x" };
	const struct actor other = { .exec_id = 0x2222000, .parent_id = BASH, .pid = 60, .start_ns = 100 * ID_TICK_NS, .comm = "gone" };
	world_start(&w);
	proc_add(&w, 60, 1, 200, "/bin/dash", SV("dash\0"));
	world_open(&w, &same, "/x");
	assert_text(w.d.executable, "/bin/dash");
	assert_true(w.d.is_snapshot);
	world_open(&w, &other, "/x");
	assert_false(IS_DERIVED(&w.d, executable));
	assert_false(IS_DERIVED(&w.d, is_snapshot));
	assert_int_equal(world_stats(&w).unknown_process, 2);
	world_open(&w, &other, "/x");
	assert_int_equal(world_stats(&w).unknown_process, 2);
	world_end(&w);
}

static void a_process_that_vanished_is_found_lost(void **state)
{
	(void)state;
	struct world w;
	const struct actor vanished = { .exec_id = 0x1111000, .pid = 60, .start_ns = 200 * ID_TICK_NS, .boot_ns = 2 * SECOND, .comm = "x" };
	const struct actor reused = { .exec_id = 0x2222000, .pid = 70, .start_ns = 300 * ID_TICK_NS, .boot_ns = 2 * SECOND, .comm = "y" };
	const struct actor living = { .exec_id = 0x3333000, .pid = 80, .start_ns = 400 * ID_TICK_NS, .boot_ns = 2 * SECOND, .comm = "z" };
	world_start(&w);
	proc_add(&w, 70, 1, 900, "/bin/other", SV("other\0"));
	proc_add(&w, 80, 1, 400, "/bin/z", SV("z\0"));
	world_exec(&w, &vanished, 0, "/bin/x", SV("x\0"));
	world_exec(&w, &reused, 0, "/bin/y", SV("y\0"));
	world_exec(&w, &living, 0, "/bin/z", SV("z\0"));
	enrich_tick(w.e, 3 * SECOND);
	assert_int_equal(world_stats(&w).lost_exits, 0); /* the records may still be on their way */
	enrich_tick(w.e, 5 * SECOND);
	assert_int_equal(world_stats(&w).lost_exits, 2);
	enrich_tick(w.e, 30 * SECOND);
	assert_int_equal(world_stats(&w).processes, 1);
	assert_int_equal(world_stats(&w).lost_exits, 2);
	world_end(&w);
}

static void exited_processes_linger_for_late_records(void **state)
{
	(void)state;
	struct world w;
	struct actor end = curl;
	world_start(&w);
	world_login(&w);
	end.boot_ns = 20 * SECOND;
	record_init(w.rec, EVENT_PROC_EXIT);
	record_actor(w.rec, &end);
	world_feed(&w);
	assert_text(w.d.executable, "/usr/bin/curl");
	enrich_tick(w.e, 29 * SECOND);
	world_open(&w, &curl, "/late");
	assert_text(w.d.executable, "/usr/bin/curl");
	assert_int_equal(world_stats(&w).unknown_process, 0);
	enrich_tick(w.e, 31 * SECOND);
	world_open(&w, &curl, "/too-late");
	assert_false(IS_DERIVED(&w.d, executable));
	assert_int_equal(world_stats(&w).unknown_process, 1);
	world_end(&w);
}

static void impossible_limits_are_refused(void **state)
{
	(void)state;
	static const size_t sizes[] = { 0, 1, 7, (size_t)1 << 25 };
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct diag diag = { 0 };
		struct enrich *e = NULL;
		const struct enrich_config config = { .max_processes = sizes[i], .max_text_bytes = 1 << 20 };
		assert_int_equal(enrich_new(&config, &e, &diag), -EINVAL);
		assert_int_equal(diag.errors, 1);
		assert_null(e);
		diag_done(&diag);
	}
}

static void missing_files_are_warnings(void **state)
{
	(void)state;
	struct diag diag = { 0 };
	struct enrich *e = NULL;
	const struct enrich_config config = {
		.max_processes = 64, .max_text_bytes = 1 << 16, .proc = "/nowhere/proc", .passwd = "/nowhere/passwd",
		.group = "/nowhere/group", .cgroup_root = "/nowhere",
	};
	assert_int_equal(enrich_new(&config, &e, &diag), 0);
	assert_int_equal(diag.warnings, 3);
	assert_int_equal(enrich_seed(e, 0, &diag), -ENOENT);
	assert_int_equal(diag.errors, 1);
	enrich_tick(e, SECOND);
	enrich_free(&e);
	diag_done(&diag);
}

/* In a container, /proc numbers other processes than the records do. */
static void the_proc_of_another_pid_namespace_is_not_looked_at(void **state)
{
	(void)state;
	static const struct {
		const char *link;
		size_t seeded, warnings;
	} cases[] = { { "pid:[4026531836]", 1, 0 }, { "pid:[4026532201]", 0, 1 } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world w;
		struct diag diag = { 0 };
		world_start(&w);
		proc_add(&w, 60, 1, 200, "/bin/sh", SV("sh\0"));
		tree_dir(&w.tree, "proc/self");
		tree_dir(&w.tree, "proc/self/ns");
		tree_link(&w.tree, "proc/self/ns/pid", cases[i].link);
		CLEANUP(str_free) char *proc = tree_path(&w.tree, "proc");
		const struct enrich_config config = { .max_processes = 64, .max_text_bytes = 1 << 16, .proc = proc };
		struct enrich *e = NULL;
		struct enrich_stats stats;
		assert_int_equal(enrich_new(&config, &e, &diag), 0);
		assert_int_equal(enrich_seed(e, 0, &diag), 0);
		enrich_get_stats(e, &stats);
		assert_int_equal(stats.seeded, cases[i].seeded);
		assert_int_equal(diag.warnings, cases[i].warnings);
		enrich_free(&e);
		diag_done(&diag);
		world_end(&w);
	}
}

static size_t anonymous_bytes(void)
{
	CLEANUP(buf_done) struct buf status = { 0 };
	uint64_t kib = 0;
	assert_int_equal(fd_read_file("/proc/self/status", 1 << 16, &status), 0);
	const char *line = strstr(buf_cstr(&status), "RssAnon:");
	assert_non_null(line);
	for (line += strlen("RssAnon:"); *line && *line != '\n'; line++)
		if (*line >= '0' && *line <= '9')
			kib = kib * 10 + (uint64_t)(*line - '0');
	return kib * 1024;
}

/* All that the defaults allow for is set aside at start, and none of it is taken from an idle host. */
static void tables_of_full_size_cost_an_idle_host_little(void **state)
{
	(void)state;
	struct enrich *e = NULL;
	struct outcome_table *held = NULL;
	const struct enrich_config config = { .max_processes = 32768, .max_text_bytes = 8 << 20, .linger_ns = 10 * SECOND };
	CLEANUP(record_free) struct record *rec = record_new(EVENT_PROC_EXEC);
	size_t before = anonymous_bytes();
	assert_int_equal(enrich_new(&config, &e, NULL), 0);
	assert_int_equal(outcome_new(OUTCOME_DEFAULT_RECORDS, OUTCOME_DEFAULT_BYTES, OUTCOME_DEFAULT_TIMEOUT_NS, &held), 0);
	for (uint64_t id = 1; id <= 300; id++) { /* as many processes as an idle host runs */
		const struct actor who = { .exec_id = id << 10, .parent_id = (id - 1) << 10, .pid = (uint32_t)id, .start_ns = id, .comm = "idle" };
		struct derived d;
		char path[64];
		(void)snprintf(path, sizeof(path), "/usr/lib/systemd/systemd-something-%u", (unsigned)id);
		record_set_exec(rec, &who, 0, path, SV("a\0b\0c\0"));
		struct event ev = record_event(rec);
		enrich_apply(e, &ev);
		enrich_derive(e, &ev, &d);
		RECORD_COMMON(rec)->call_id = id;
		struct event taken[OUTCOME_MAX_PER_CALL];
		assert_int_equal(outcome_hold(held, &ev), 0);
		assert_int_equal(outcome_take(held, id, taken), 1);
		enrich_tick(e, SECOND + id);
	}
	size_t after = anonymous_bytes();
	if (after > before + 2 * 1024 * 1024)
		fail_msg("%zu KiB are in use", (after - before) / 1024);
	outcome_free(&held);
	enrich_free(&e);
}

static int note_place(void *context, const struct ancestry *of)
{
	char (*shown)[64] = context;
	if (of->exec_id == CURL && of->n_ancestors)
		snprintf(*shown, sizeof(*shown), SV_FMT " " SV_FMT " on %u", SV_ARG(of->images[0].executable), SV_ARG(of->images[0].fs_path), of->images[0].device);
	return 0;
}

/* What decisions take it for later must be what it was when it came, not what its path leads to by then. */
static void an_ancestor_lies_where_its_record_says(void **state)
{
	(void)state;
	static const struct {
		const char *what, *fs_path;
		uint32_t device, truncated, uncertain;
		const char *expected;
	} cases[] = {
		{ "another mount than the path says", "/dpkg", 77, 0, 0, "/usr/bin/dpkg /dpkg on 77" },
		{ "a second name that is cut short", "/dpkg", 77, 2, 0, "/usr/bin/dpkg  on 77" },
		{ "a name that changed while it was read", "/dpkg", 77, 0, 1, "/usr/bin/dpkg  on 77" },
		{ "only its arguments are cut short", "/dpkg", 77, 8, 0, "/usr/bin/dpkg /dpkg on 77" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world w;
		char shown[64] = "";
		world_start(&w);
		record_set_exec(w.rec, &bash, 0, "/usr/bin/dpkg", SV("dpkg\0"));
		RECORD_STR(w.rec, proc_exec, fs_path, sv_from(cases[i].fs_path));
		RECORD(w.rec, proc_exec)->device = cases[i].device;
		RECORD(w.rec, proc_exec)->common.truncated = cases[i].truncated;
		RECORD(w.rec, proc_exec)->common.uncertain = cases[i].uncertain;
		world_feed(&w);
		world_fork(&w, &bash, SUBSHELL, 61);
		world_exec(&w, &curl, SUBSHELL, "/usr/bin/curl", SV("curl\0"));
		assert_true(enrich_each_ancestry(w.e, 1, note_place, &shown) > 0);
		if (strcmp(shown, cases[i].expected))
			fail_msg("%s: '%s'", cases[i].what, shown);
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_snapshot_links_processes_older_than_the_sensor),
		cmocka_unit_test(one_process_and_its_ancestors_can_be_seeded_alone),
		cmocka_unit_test(an_unknown_process_is_looked_up_if_it_is_still_there),
		cmocka_unit_test(a_process_that_vanished_is_found_lost),
		cmocka_unit_test(exited_processes_linger_for_late_records),
		cmocka_unit_test(impossible_limits_are_refused),
		cmocka_unit_test(missing_files_are_warnings),
		cmocka_unit_test(the_proc_of_another_pid_namespace_is_not_looked_at),
		cmocka_unit_test(tables_of_full_size_cost_an_idle_host_little),
		cmocka_unit_test(an_ancestor_lies_where_its_record_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
