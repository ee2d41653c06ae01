/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/enrich/enrich.h"
#include "engine/enrich/outcome.h"
#include "engine/event/value.h"
#include "engine/rules/compile.h"
#include "engine/rules/computed.h"
#include "engine/rules/match.h"
#include "engine/rules/op.h"
#include "tests/support/record.h"
#include "tests/support/tree.h"

#define SECOND 1000000000ull
#define BASH 0x10000ull
#define SUBSHELL 0x20000ull
#define CURL 0x30000ull
#define SSHD 0x8000ull

/* An enrichment over an empty host of its own. */
struct world {
	struct tree tree;
	struct enrich *e;
	struct record *rec;
	struct derived d;
};

static struct enrich *enrich_over(const struct tree *tree, size_t max_processes, size_t max_text)
{
	struct enrich *e = NULL;
	struct diag diag = { 0 };
	const struct enrich_config config = {
		.max_processes = max_processes, .max_text_bytes = max_text, .linger_ns = 10 * SECOND,
		.proc = tree_path(tree, "proc"), .passwd = tree_path(tree, "passwd"), .group = tree_path(tree, "group"),
		.cgroup_root = tree_path(tree, "cgroup"), .containers = { .host = tree->root, .docker = "/docker", .storage = "", .owner = geteuid() },
	};
	assert_int_equal(enrich_new(&config, &e, &diag), 0);
	enrich_set_wall_offset(e, (int64_t)(1000 * SECOND));
	free((char *)config.proc);
	free((char *)config.passwd);
	free((char *)config.group);
	free((char *)config.cgroup_root);
	diag_done(&diag);
	return e;
}

static void world_start(struct world *w)
{
	*w = (struct world){ 0 };
	tree_new(&w->tree);
	tree_dir(&w->tree, "proc");
	tree_dir(&w->tree, "cgroup");
	tree_file(&w->tree, "passwd", SV("root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/:\n"));
	tree_file(&w->tree, "group", SV("root:x:0:\nstaff:x:50:ann\n"));
	w->rec = record_new(EVENT_PROC_EXIT);
	w->e = enrich_over(&w->tree, 1024, 1 << 20);
}

static void world_end(struct world *w)
{
	enrich_free(&w->e);
	record_free(&w->rec);
	tree_free(&w->tree);
}

/* Applies and derives the record in hand. */
static void world_feed(struct world *w)
{
	struct event ev = record_event(w->rec);
	enrich_apply(w->e, &ev);
	enrich_derive(w->e, &ev, &w->d);
}

static struct enrich_stats world_stats(const struct world *w)
{
	struct enrich_stats stats;
	enrich_get_stats(w->e, &stats);
	return stats;
}

static void set_exec(struct record *rec, const struct actor *who, uint64_t previous_id, const char *path, struct strview args)
{
	record_init(rec, EVENT_PROC_EXEC);
	record_actor(rec, who);
	RECORD(rec, proc_exec)->previous_id = previous_id;
	RECORD_STR(rec, proc_exec, path, sv_from(path));
	RECORD_STR(rec, proc_exec, args, args);
}

static void feed_exec(struct world *w, const struct actor *who, uint64_t previous_id, const char *path, struct strview args)
{
	set_exec(w->rec, who, previous_id, path, args);
	world_feed(w);
}

static void feed_fork(struct world *w, const struct actor *who, uint64_t child_id, uint32_t child_pid)
{
	record_init(w->rec, EVENT_PROC_FORK);
	record_actor(w->rec, who);
	RECORD(w->rec, proc_fork)->child_id = child_id;
	RECORD(w->rec, proc_fork)->child_pid = child_pid;
	RECORD(w->rec, proc_fork)->child_start_boot_ns = who->start_ns + SECOND;
	world_feed(w);
}

static void feed_open(struct world *w, const struct actor *who, const char *path)
{
	record_init(w->rec, EVENT_FILE_OPEN);
	record_actor(w->rec, who);
	RECORD_STR(w->rec, file_open, path, sv_from(path));
	world_feed(w);
}

static void assert_text(struct strview got, const char *expected)
{
	if (!sv_is(got, expected))
		fail_msg("got '" SV_FMT "' instead of '%s'", SV_ARG(got), expected);
}

/* Lists with their items' ends shown as '|'. */
static void assert_list(struct strview got, const char *expected)
{
	char shown[8192];
	assert_true(got.n < sizeof(shown));
	for (size_t i = 0; i < got.n; i++)
		shown[i] = got.p[i] ? got.p[i] : '|';
	assert_text((struct strview){ shown, got.n }, expected);
}

static const struct actor sshd = { .exec_id = SSHD, .pid = 50, .start_ns = SECOND, .comm = "sshd" };
static const struct actor bash = { .exec_id = BASH, .parent_id = SSHD, .pid = 60, .start_ns = 2 * SECOND, .comm = "bash" };
static const struct actor curl = { .exec_id = CURL, .parent_id = BASH, .pid = 61, .start_ns = 3 * SECOND, .comm = "curl" };

/* sshd -> bash -> (fork) -> curl */
static void feed_login(struct world *w)
{
	feed_exec(w, &sshd, 0, "/usr/sbin/sshd", SV("sshd\0-D\0"));
	feed_exec(w, &bash, 0, "/bin/bash", SV("-bash\0"));
	feed_fork(w, &bash, SUBSHELL, 61);
	feed_exec(w, &curl, SUBSHELL, "/usr/bin/curl", SV("curl\0-s\0http://x/\0"));
}

static void an_exec_shows_program_parent_and_ancestors(void **state)
{
	(void)state;
	struct world w;
	world_start(&w);
	feed_login(&w);
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

	feed_open(&w, &curl, "/etc/ssl/certs.d/ca.crt");
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
	feed_exec(&w, &sshd, 0, "/usr/sbin/sshd", SV("sshd\0"));
	feed_exec(&w, &bash, 0, "/bin/bash", SV("-bash\0"));
	feed_fork(&w, &bash, SUBSHELL, 61);
	feed_open(&w, &subshell, "/tmp/x");
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
	feed_exec(&w, &bash, 0, "/bin/bash", SV("-bash\0"));
	feed_fork(&w, &bash, SUBSHELL, 61);
	feed_exec(&w, &sh, SUBSHELL, "/bin/sh", SV("sh\0-c\0exec id\0"));
	feed_exec(&w, &id, CURL, "/usr/bin/id", SV("id\0"));
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
				feed_exec(&w, &sshd, 0, "/usr/sbin/sshd", SV("sshd\0"));
			else if (orders[i][k] == 1)
				feed_exec(&w, &bash, 0, "/bin/bash", SV("-bash\0"));
			else if (orders[i][k] == 2)
				feed_fork(&w, &bash, SUBSHELL, 61);
			else
				feed_exec(&w, &curl, SUBSHELL, "/usr/bin/curl", SV("curl\0"));
		}
		feed_open(&w, &curl, "/x");
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
	feed_login(&w);
	feed_exec(&w, &later, 0, "/bin/cat", SV("cat\0"));
	feed_open(&w, &bash, "/x");
	assert_text(w.d.executable, "/bin/bash");
	feed_open(&w, &later, "/x");
	assert_text(w.d.executable, "/bin/cat");
	feed_open(&w, &curl, "/x");
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
		feed_login(&w);
		uint64_t before = world_stats(&w).processes;
		set_exec(w.rec, &bash, 0, "/tmp/evil.bin", SV("evil\0"));
		RECORD_COMMON(w.rec)->stage = cases[i].stage;
		RECORD_COMMON(w.rec)->verdict = cases[i].verdict;
		RECORD_COMMON(w.rec)->result = cases[i].result;
		world_feed(&w);
		assert_text(w.d.executable, "/bin/bash");
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
	struct derived d = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) { /* one after the other: nothing of the earlier may stay */
		enrich_outcome(&d, cases[i].result);
		assert_int_equal(d.outcome, cases[i].outcome);
		assert_int_equal(IS_DERIVED(&d, error), cases[i].has_error);
		assert_int_equal(IS_DERIVED(&d, value), cases[i].has_value);
		if (cases[i].has_error)
			assert_int_equal(d.error, -cases[i].result);
		if (cases[i].has_value)
			assert_int_equal(d.value, cases[i].result);
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
		feed_open(&w, &bash, cases[i].path);
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
	feed_fork(&w, &bash, SUBSHELL, 61);
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
	feed_exec(&w, &bash, 0, "/bin/echo", (struct strview){ args, RECORD_ARGS_MAX });
	assert_int_equal(w.d.args.n, RECORD_ARGS_MAX);
	assert_int_equal(w.d.command_line.n, RECORD_ARGS_MAX - 1);
	assert_null(memchr(w.d.command_line.p, 0, w.d.command_line.n));
	assert_int_equal(w.d.command_line.p[99], ' ');
	feed_open(&w, &bash, "/x");
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
	feed_exec(&w, &bash, 0, "/tmp/\xff\xc0", SV("\xfe\0\x80 \0\0"));
	assert_text(w.d.executable, "/tmp/\xff\xc0");
	feed_open(&w, &bash, "/x");
	assert_text(w.d.command_line, "\xfe \x80  ");
	assert_list(w.d.args, "\xfe|\x80 ||");
	world_end(&w);
}

#define DOCKER_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct image_stamp stamp_at_open(struct world *w, const struct actor *who)
{
	feed_open(w, who, "/etc/hosts");
	return w->d.image;
}

static bool same_stamp(struct image_stamp a, struct image_stamp b)
{
	return a.id == b.id && a.version == b.version && a.slot == b.slot;
}

static void stamps_outlive_the_forks_and_execs_of_others(void **state)
{
	(void)state;
	struct world w;
	world_start(&w);
	feed_login(&w);
	struct image_stamp of_curl = w.d.image, of_bash = stamp_at_open(&w, &bash);
	assert_int_equal(of_curl.id, CURL);
	assert_int_equal(of_bash.id, BASH);
	assert_true(of_curl.slot != of_bash.slot);
	const struct actor other = { .exec_id = 0x50000, .parent_id = BASH, .pid = 70, .start_ns = 5 * SECOND, .comm = "ls" };
	feed_fork(&w, &bash, 0x40000, 70);
	feed_exec(&w, &other, 0x40000, "/bin/ls", SV("ls\0"));
	enrich_tick(w.e, 6 * SECOND);
	assert_true(same_stamp(stamp_at_open(&w, &bash), of_bash));
	assert_true(same_stamp(stamp_at_open(&w, &curl), of_curl));
	world_end(&w);
}

static void stamps_change_with_what_is_learnt_late(void **state)
{
	(void)state;
	struct world w;
	world_start(&w);
	feed_exec(&w, &curl, 0, "/usr/bin/curl", SV("curl\0"));
	struct image_stamp first = w.d.image;
	assert_true(first.id == CURL && first.version != 0);
	feed_exec(&w, &bash, 0, "/usr/bin/bash", SV("bash\0")); /* the parent turns up */
	struct image_stamp second = stamp_at_open(&w, &curl);
	assert_text(w.d.parent_executable, "/usr/bin/bash");
	assert_true(second.version != first.version);
	feed_exec(&w, &sshd, 0, "/usr/sbin/sshd", SV("sshd\0")); /* and the parent's parent */
	struct image_stamp third = stamp_at_open(&w, &curl);
	assert_list(w.d.ancestor_executables, "/usr/bin/bash|/usr/sbin/sshd|");
	assert_true(third.version != second.version);
	feed_exec(&w, &sshd, 0, "/usr/sbin/sshd", SV("sshd\0-D\0")); /* told again, otherwise */
	assert_true(stamp_at_open(&w, &curl).version != third.version);
	world_end(&w);
}

static void stamps_change_when_an_ancestor_is_dropped(void **state)
{
	(void)state;
	struct world w;
	world_start(&w);
	enrich_free(&w.e);
	w.e = enrich_over(&w.tree, 8, 1 << 20);
	feed_login(&w);
	struct image_stamp first = stamp_at_open(&w, &curl);
	assert_list(w.d.ancestor_executables, "/bin/bash|/usr/sbin/sshd|");
	for (uint64_t i = 0; i < 6; i++) { /* the replaced subshell goes first, then the oldest: sshd */
		const struct actor other = { .exec_id = 0x90000 + i, .pid = 90 + (uint32_t)i, .start_ns = 9 * SECOND, .comm = "x" };
		feed_exec(&w, &other, 0, "/bin/x", SV("x\0"));
	}
	struct image_stamp second = stamp_at_open(&w, &curl);
	assert_list(w.d.ancestor_executables, "/bin/bash|");
	assert_true(second.version != first.version);
	world_end(&w);
}

/* The exec event shows long arguments in full, the process later a part of them: these are two states. */
static void an_exec_that_shows_more_than_is_kept_has_no_stamp(void **state)
{
	(void)state;
	struct world w;
	static char args[RECORD_MAX / 2];
	world_start(&w);
	memset(args, 'a', sizeof(args) - 1);
	feed_exec(&w, &bash, 0, "/usr/bin/bash", (struct strview){ args, sizeof(args) });
	assert_int_equal(w.d.image.id, 0);
	assert_true(stamp_at_open(&w, &bash).id == BASH);
	world_end(&w);
}

static void the_line_names_forks_and_replaced_images_too(void **state)
{
	(void)state;
	struct world w;
	world_start(&w);
	feed_exec(&w, &sshd, 0, "/usr/sbin/sshd", SV("sshd\0"));
	feed_fork(&w, &sshd, SUBSHELL, 60);
	const struct actor shell = { .exec_id = BASH, .parent_id = SSHD, .pid = 60, .start_ns = 2 * SECOND, .comm = "bash" };
	feed_exec(&w, &shell, SUBSHELL, "/usr/bin/bash", SV("bash\0"));
	static const uint64_t expected[] = { BASH, SUBSHELL, SSHD };
	assert_int_equal(w.d.n_lineage, ARRAY_SIZE(expected));
	assert_memory_equal(w.d.lineage, expected, sizeof(expected));
	world_end(&w);
}

/*
 * What conditions may keep with an image must follow from its stamp: over random records, two events of one stamp have the same
 * values in every field that is said to be of the image.
 */
struct seen {
	struct image_stamp stamp;
	uint64_t hash;
};

enum { IMAGE_FIELDS_MAX = 256 };

struct image_fields {
	struct arena arena;
	struct regex_list regexes;
	struct compiler compiler;
	struct matcher *matcher;
	const struct field_ref *p[IMAGE_FIELDS_MAX];
	size_t n;
};

static void add_if_of_image(struct image_fields *f, const char *name)
{
	const struct field_ref *ref = field_lookup(&f->compiler, sv_from(name));
	if (!ref || !ref->is_of_image)
		return;
	assert_true(f->n < IMAGE_FIELDS_MAX);
	f->p[f->n++] = ref;
}

/* All that there are: of the tables, and computed ones, of each ancestor that may be asked for. */
static void image_fields_new(struct image_fields *f)
{
	char name[128];
	size_t n;
	const struct field *fields = fields_derived(&n);
	*f = (struct image_fields){ .arena.max = 1u << 26 };
	assert_int_equal(compiler_init(&f->compiler, &f->arena, &f->regexes, NULL), 0);
	assert_int_equal(matcher_new(&f->matcher), 0);
	for (size_t i = 0; i < n; i++)
		add_if_of_image(f, fields[i].name);
	for (size_t i = 0; computed_at(i); i++) {
		const struct computed *row = computed_at(i);
		static const char *const indices[] = { "[0]", "[1]", "[2]", "[3]", "[7]", "[31]" };
		for (size_t k = 0; k < (row->argument == ARGUMENT_INDEX ? ARRAY_SIZE(indices) : 1); k++) {
			(void)snprintf(name, sizeof(name), "%s%s", row->name, row->argument == ARGUMENT_INDEX ? indices[k] : "");
			add_if_of_image(f, name);
		}
	}
	assert_true(f->n > 40);
}

static void image_fields_free(struct image_fields *f)
{
	matcher_free(&f->matcher);
	compiler_done(&f->compiler);
	regex_list_done(&f->regexes);
	arena_done(&f->arena);
}

static uint64_t hash_of_image_fields(const struct image_fields *f, const struct event *ev)
{
	uint64_t h = 0;
	for (size_t i = 0; i < f->n; i++) {
		f->matcher->used = 0;
		struct value v = field_ref_value(f->matcher, ev, f->p[i]);
		bool is_text = v.class == CLASS_STR || v.class == CLASS_LIST;
		h = h * 31 + (v.is_missing ? 1 : is_text ? sv_hash(v.s) + 4 : v.u + 2);
	}
	return h;
}

static void one_stamp_means_one_state(void **state)
{
	(void)state;
	struct world w;
	enum { IDS = 24, EVENTS = 30000 };
	static struct seen seen[EVENTS];
	struct image_fields fields;
	size_t n = 0, again = 0;
	uint64_t random = 42;
	static const char *const paths[] = { "/bin/a", "/bin/b", "/bin/c" }, *const comms[] = { "a", "b", "c" };
	world_start(&w);
	image_fields_new(&fields);
	enrich_free(&w.e);
	w.e = enrich_over(&w.tree, 16, 1 << 20);
	for (size_t i = 0; i < EVENTS; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		unsigned r = (unsigned)(random >> 33);
		uint64_t id = 0x1000 * (1 + r % IDS), other = 0x1000 * (1 + r / IDS % IDS), replaced = 0x1000 * (1 + (random >> 20) % IDS);
		const struct actor who = { .exec_id = id, .parent_id = other, .pid = 100 + r % IDS, .start_ns = SECOND, .boot_ns = i,
					   .comm = comms[r / 7 % 3] };
		unsigned what = r / 1000 % 16;
		if (what == 0)
			set_exec(w.rec, &who, r % 5 < 2 ? replaced : 0, paths[r / 11 % 3], r % 2 ? SV("x\0y\0") : SV("x\0"));
		else
			record_init(w.rec, what == 1 ? EVENT_PROC_FORK : what == 2 ? EVENT_PROC_EXIT : EVENT_FILE_OPEN);
		record_actor(w.rec, &who);
		if (what == 1) {
			RECORD(w.rec, proc_fork)->child_id = other;
			RECORD(w.rec, proc_fork)->child_pid = 200;
		}
		struct event ev = record_event(w.rec);
		enrich_apply(w.e, &ev);
		enrich_derive(w.e, &ev, &w.d);
		ev.derived = &w.d;
		if (!w.d.image.id)
			continue;
		struct seen now = { w.d.image, hash_of_image_fields(&fields, &ev) };
		for (size_t k = n > 2000 ? n - 2000 : 0; k < n; k++) {
			if (seen[k].stamp.id != now.stamp.id || seen[k].stamp.version != now.stamp.version)
				continue;
			again++;
			if (seen[k].hash != now.hash)
				fail_msg("event %zu: other values under one stamp", i);
		}
		seen[n++] = now;
	}
	assert_true(again > EVENTS / 4);
	image_fields_free(&fields);
	world_end(&w);
}

static void the_cgroup_is_that_of_the_record(void **state)
{
	(void)state;
	struct world w;
	world_start(&w);
	set_exec(w.rec, &bash, 0, "/bin/bash", SV("bash\0"));
	RECORD_COMMON(w.rec)->cgroup_id = 77;
	RECORD_STR(w.rec, proc_exec, cgroup, SV("/system.slice/docker-" DOCKER_ID ".scope"));
	world_feed(&w);
	assert_text(w.d.container_id, DOCKER_ID);

	record_init(w.rec, EVENT_FILE_OPEN);
	record_actor(w.rec, &bash);
	RECORD_COMMON(w.rec)->cgroup_id = 77;
	world_feed(&w);
	assert_text(w.d.container_id, DOCKER_ID);
	assert_text(w.d.cgroup_path, "/system.slice/docker-" DOCKER_ID ".scope");

	/* moved: the exec's cgroup is not its cgroup any more; the hierarchy knows the new one */
	tree_dir(&w.tree, "cgroup/user.slice");
	tree_dir(&w.tree, "cgroup/user.slice/deep");
	RECORD_COMMON(w.rec)->cgroup_id = tree_inode(&w.tree, "cgroup/user.slice/deep");
	world_feed(&w);
	assert_false(IS_DERIVED(&w.d, cgroup_path));
	assert_false(IS_DERIVED(&w.d, container_id));
	enrich_tick(w.e, SECOND);
	world_feed(&w);
	assert_text(w.d.cgroup_path, "/user.slice/deep");
	assert_false(IS_DERIVED(&w.d, container_id));

	/* one that is not found is looked for again a minute later */
	RECORD_COMMON(w.rec)->cgroup_id = 99999999;
	world_feed(&w);
	enrich_tick(w.e, 2 * SECOND);
	tree_dir(&w.tree, "cgroup/late");
	world_feed(&w);
	assert_false(IS_DERIVED(&w.d, cgroup_path));
	world_end(&w);
}

/* So many cgroups come between that the first gives way; by its path alone it would be the host's. */
static void a_container_known_by_a_claim_stays_one_when_its_cgroup_gave_way(void **state)
{
	(void)state;
	struct world w;
	struct actor other = { .pid = 501, .exec_id = 888, .start_ns = 200 * SECOND };
	CLEANUP(buf_done) struct buf text = { 0 };
	world_start(&w);
	buf_add_format(&text, "{\"cgroup_paths\":{\"\":\"%s/cgroup/box\"}}", w.tree.root);
	tree_dir(&w.tree, "run");
	tree_dir(&w.tree, "run/runc");
	tree_dir(&w.tree, "run/runc/box");
	tree_file(&w.tree, "run/runc/box/state.json", buf_sv(&text));
	set_exec(w.rec, &bash, 0, "/bin/bash", SV("bash\0"));
	RECORD_COMMON(w.rec)->cgroup_id = 77;
	RECORD_STR(w.rec, proc_exec, cgroup, SV("/box"));
	world_feed(&w);
	assert_text(w.d.container_id, "box");
	for (uint64_t id = 1000; id < 1000 + 16 * 4096; id++) {
		set_exec(w.rec, &other, 0, "/bin/sh", SV("sh\0"));
		RECORD_COMMON(w.rec)->cgroup_id = id;
		RECORD_STR(w.rec, proc_exec, cgroup, SV("/other.slice"));
		world_feed(&w);
	}
	enrich_tick(w.e, 3 * SECOND);
	record_init(w.rec, EVENT_FILE_OPEN);
	record_actor(w.rec, &bash);
	RECORD_COMMON(w.rec)->cgroup_id = 77;
	world_feed(&w);
	assert_text(w.d.cgroup_path, "/box");
	assert_text(w.d.container_id, "box");
	assert_text(w.d.container_runtime, "runc");
	world_end(&w);
}

/* The state may be there a moment after the container's first program: its next event has it, and so has every later one. */
static void what_is_known_of_the_container_stands_in_its_events(void **state)
{
	(void)state;
	struct world w;
	world_start(&w);
	set_exec(w.rec, &bash, 0, "/bin/bash", SV("bash\0"));
	RECORD_COMMON(w.rec)->cgroup_id = 77;
	RECORD_STR(w.rec, proc_exec, cgroup, SV("/system.slice/docker-" DOCKER_ID ".scope"));
	world_feed(&w);
	assert_text(w.d.container_runtime, "docker");
	assert_false(IS_DERIVED(&w.d, container_name) || IS_DERIVED(&w.d, container_privileged));
	tree_dir(&w.tree, "docker");
	tree_dir(&w.tree, "docker/containers");
	tree_dir(&w.tree, "docker/containers/" DOCKER_ID);
	tree_file(&w.tree, "docker/containers/" DOCKER_ID "/config.v2.json",
		  SV("{\"Name\":\"/web\",\"Config\":{\"Image\":\"shop/web:3\",\"Labels\":{\"io.kubernetes.pod.name\":\"p\",\"io.kubernetes.pod.namespace\":\"n\"}},"
		     "\"MountPoints\":{\"/x\":{\"Source\":\"/etc\",\"Destination\":\"/x\",\"RW\":false}}}"));
	tree_file(&w.tree, "docker/containers/" DOCKER_ID "/hostconfig.json", SV("{\"Privileged\":true}"));
	world_feed(&w);
	assert_text(w.d.container_name, "web");
	assert_text(w.d.container_image, "shop/web:3");
	assert_text(w.d.container_image_tag, "3");
	assert_text(w.d.pod_name, "p");
	assert_text(w.d.pod_namespace, "n");
	assert_true(sv_equal(w.d.container_mounts, SV("/etc:/x::false:\0")));
	assert_true(sv_equal(w.d.container_labels, SV("io.kubernetes.pod.name=p\0io.kubernetes.pod.namespace=n\0")));
	assert_true(IS_DERIVED(&w.d, container_privileged) && w.d.container_privileged);
	assert_int_equal(world_stats(&w).containers.reads, 1);
	world_feed(&w);
	assert_int_equal(world_stats(&w).containers.reads, 1);

	record_init(w.rec, EVENT_FILE_OPEN);
	record_actor(w.rec, &curl);
	world_feed(&w);
	assert_false(IS_DERIVED(&w.d, container_runtime) || IS_DERIVED(&w.d, container_privileged));
	world_end(&w);
}

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
	feed_open(&w, &shell, "/x");
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
	feed_open(&w, &same, "/x");
	assert_text(w.d.executable, "/bin/dash");
	assert_true(w.d.is_snapshot);
	feed_open(&w, &other, "/x");
	assert_false(IS_DERIVED(&w.d, executable));
	assert_false(IS_DERIVED(&w.d, is_snapshot));
	assert_int_equal(world_stats(&w).unknown_process, 2);
	feed_open(&w, &other, "/x");
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
	feed_exec(&w, &vanished, 0, "/bin/x", SV("x\0"));
	feed_exec(&w, &reused, 0, "/bin/y", SV("y\0"));
	feed_exec(&w, &living, 0, "/bin/z", SV("z\0"));
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
	feed_login(&w);
	end.boot_ns = 20 * SECOND;
	record_init(w.rec, EVENT_PROC_EXIT);
	record_actor(w.rec, &end);
	world_feed(&w);
	assert_text(w.d.executable, "/usr/bin/curl");
	enrich_tick(w.e, 29 * SECOND);
	feed_open(&w, &curl, "/late");
	assert_text(w.d.executable, "/usr/bin/curl");
	assert_int_equal(world_stats(&w).unknown_process, 0);
	enrich_tick(w.e, 31 * SECOND);
	feed_open(&w, &curl, "/too-late");
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
		set_exec(rec, &who, 0, path, SV("a\0b\0c\0"));
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
		cmocka_unit_test(paths_are_taken_apart),
		cmocka_unit_test(ids_get_the_hosts_names),
		cmocka_unit_test(long_arguments_are_shown_in_full_at_exec),
		cmocka_unit_test(bytes_that_are_not_utf8_pass_unchanged),
		cmocka_unit_test(stamps_outlive_the_forks_and_execs_of_others),
		cmocka_unit_test(stamps_change_with_what_is_learnt_late),
		cmocka_unit_test(stamps_change_when_an_ancestor_is_dropped),
		cmocka_unit_test(an_exec_that_shows_more_than_is_kept_has_no_stamp),
		cmocka_unit_test(the_line_names_forks_and_replaced_images_too),
		cmocka_unit_test(one_stamp_means_one_state),
		cmocka_unit_test(the_cgroup_is_that_of_the_record),
		cmocka_unit_test(a_container_known_by_a_claim_stays_one_when_its_cgroup_gave_way),
		cmocka_unit_test(what_is_known_of_the_container_stands_in_its_events),
		cmocka_unit_test(the_snapshot_links_processes_older_than_the_sensor),
		cmocka_unit_test(one_process_and_its_ancestors_can_be_seeded_alone),
		cmocka_unit_test(an_unknown_process_is_looked_up_if_it_is_still_there),
		cmocka_unit_test(a_process_that_vanished_is_found_lost),
		cmocka_unit_test(exited_processes_linger_for_late_records),
		cmocka_unit_test(impossible_limits_are_refused),
		cmocka_unit_test(missing_files_are_warnings),
		cmocka_unit_test(the_proc_of_another_pid_namespace_is_not_looked_at),
		cmocka_unit_test(tables_of_full_size_cost_an_idle_host_little),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
