/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/enrich/procfs.h"
#include "tests/support/tree.h"

#define REST " S 7 60 60 34817 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 1000 10 0 0\n"

static void stat_lines_are_read_whatever_the_name(void **state)
{
	(void)state;
	static const struct {
		const char *text, *comm;
	} good[] = {
		{ "60 (bash)" REST, "bash" },
		{ "60 ()" REST, "" },
		{ "60 (a b)" REST, "a b" },
		{ "60 () S 1 (x)" REST, ") S 1 (x" },
		{ "60 (a\nb)" REST, "a\nb" },
		{ "60 (kworker/u8:2-events_unbound)" REST, "kworker/u8:2-ev" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct procfs_process p = { 0 };
		if (!procfs_parse_stat(sv_from(good[i].text), &p))
			fail_msg("refused: '%s'", good[i].text);
		assert_string_equal(p.comm, good[i].comm);
		assert_int_equal(p.ppid, 7);
		assert_int_equal(p.start_ticks, 4242);
		assert_string_equal(p.tty, "pts1");
	}
	static const char *const bad[] = {
		"", "60", "60 (bash", "60 bash) S 1", ")(", "60 (bash) S 7 60", "60 (bash) S x 60 60 34817 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 4242",
		"60 (bash) S 7 60 60 34817 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 -", "60 (bash) S 7 60 60 99999999999 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 4242",
		"60 (bash) S 7 60 60 34817 -1 0 1 2 3 4 5 6 7 8 20 0 1 0 99999999999999999999999",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct procfs_process p = { 0 };
		if (procfs_parse_stat(sv_from(bad[i]), &p))
			fail_msg("accepted: '%s'", bad[i]);
	}
}

static void terminals_have_their_names(void **state)
{
	(void)state;
	static const struct {
		const char *number, *name;
	} cases[] = {
		{ "0", "" }, { "-1", "" }, { "34816", "pts0" },
		{ "1025", "tty1" }, { "1088", "ttyS0" }, { "58624", "hvc0" }, { "35072", "pts256" }, { "1280", "tty-5:0" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[256];
		struct procfs_process p = { 0 };
		(void)snprintf(text, sizeof(text), "1 (x) S 0 0 0 %s -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0", cases[i].number);
		assert_true(procfs_parse_stat(sv_from(text), &p));
		if (strcmp(p.tty, cases[i].name) != 0)
			fail_msg("%s is '%s' instead of '%s'", cases[i].number, p.tty, cases[i].name);
	}
}

static void the_cgroup_of_version_2_comes_first(void **state)
{
	(void)state;
	static const struct {
		const char *text, *path;
	} cases[] = {
		{ "0::/user.slice/a\n", "/user.slice/a" },
		{ "0::/user.slice/a", "/user.slice/a" },
		{ "0::/\n", "/" },
		{ "12:pids:/p\n1:name=systemd:/s\n0::/v2\n", "/v2" },
		{ "12:pids:/p\n1:name=systemd:/s:with:colons\n0::/\n", "/s:with:colons" },
		{ "12:pids:/docker/x\n11:cpu,cpuacct:/y\n", "/docker/x" },
		{ "12:pids:/\n11:cpu,cpuacct:/y\n", "/y" },
		{ "", "" },
		{ "nonsense\n12\n:\n", "" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct strview path = procfs_parse_cgroup(sv_from(cases[i].text));
		if (!sv_is(path, cases[i].path))
			fail_msg("'%s' gave '" SV_FMT "'", cases[i].text, SV_ARG(path));
	}
}

static void the_real_user_is_read(void **state)
{
	(void)state;
	uint32_t uid = 0;
	assert_true(procfs_parse_uid(SV("Name:\tx\nUid:\t1000\t0\t0\t0\nGid:\t5\n"), &uid));
	assert_int_equal(uid, 1000);
	static const char *const bad[] = { "", "Uid:\t", "Uid:\tx\t0", "Uid: 5", "Name:\tUid:\t5\n", "Uid:\t-1\t0" };
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (procfs_parse_uid(sv_from(bad[i]), &uid))
			fail_msg("accepted: '%s'", bad[i]);
}

static void a_process_is_read_whole_and_within_bounds(void **state)
{
	(void)state;
	struct tree tree;
	static char args[3 * PROCFS_TEXT];
	static struct procfs_process p;
	tree_new(&tree);
	tree_dir(&tree, "proc");
	CLEANUP(str_free) char *path = tree_path(&tree, "proc");
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(procfs_read(fd, 5, &p), -ENOENT);

	memset(args, 'a', sizeof(args));
	struct tree_process made = { .pid = 5, .ppid = 1, .start_ticks = 9, .uid = 3, .comm = "x", .executable = "/bin/x", .cwd = "/", .cgroup = "0::/c\n" };
	static const struct {
		const char *what;
		size_t n, kept;
		bool is_cut;
	} cases[] = {
		{ "none", 0, 0, false },
		{ "written over, no NUL at the end", 5, 6, false },
		{ "just fits", PROCFS_TEXT - 1, PROCFS_TEXT, false },
		{ "far too long", 3 * PROCFS_TEXT, PROCFS_TEXT, true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		made.args = (struct strview){ args, cases[i].n };
		tree_process(&tree, &made);
		assert_int_equal(procfs_read(fd, 5, &p), 0);
		if (p.args_n != cases[i].kept || p.args_cut != cases[i].is_cut)
			fail_msg("%s: %zu bytes of arguments", cases[i].what, p.args_n);
		if (p.args_n)
			assert_int_equal(p.args[p.args_n - 1], 0);
	}
	assert_true(sv_is((struct strview){ p.executable, p.executable_n }, "/bin/x"));
	assert_true(sv_is((struct strview){ p.cgroup, p.cgroup_n }, "/c"));
	assert_int_equal(p.uid, 3);

	tree_file(&tree, "proc/5/stat", SV("damaged"));
	assert_int_equal(procfs_read(fd, 5, &p), -EBADMSG);
	assert_int_equal(procfs_read_stat(fd, 5, &p), -EBADMSG);
	tree_free(&tree);
}

static void this_process_reads_as_it_is(void **state)
{
	(void)state;
	static struct procfs_process p;
	CLEANUP(fd_close) int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char exe[PROCFS_TEXT];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe));
	assert_int_equal(procfs_read(fd, (uint32_t)getpid(), &p), 0);
	assert_int_equal(p.ppid, getppid());
	assert_int_equal(p.uid, getuid());
	assert_true(p.start_ticks > 0);
	assert_true(sv_equal((struct strview){ p.executable, p.executable_n }, (struct strview){ exe, (size_t)n }));
}

/* Of a made process whose image is this program: by the table of mounts that it has itself, else by ours. */
static void an_image_lies_on_the_mount_it_was_opened_on(void **state)
{
	(void)state;
	struct tree tree;
	static struct procfs_process p, self;
	struct statx st;
	char exe[PROCFS_TEXT] = "", place[PROCFS_TEXT], line[PROCFS_TEXT];
	tree_new(&tree);
	tree_dir(&tree, "proc");
	CLEANUP(str_free) char *path = tree_path(&tree, "proc");
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(fd_close) int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	assert_int_equal(statx(AT_FDCWD, exe, 0, STATX_MNT_ID, &st), 0);
	assert_int_equal(procfs_read(proc, (uint32_t)getpid(), &self), 0);
	assert_true(self.fs_path_n > 1 && self.device);
	snprintf(place, sizeof(place), "/home/x%.4000s", exe);
	tree_link(&tree, "proc/self", "/proc/self");
	const struct {
		const char *what, *exe;
		unsigned long long mount;
		const char *fields; /* of the line after the mount's id */
		const char *fs_path; /* NULL: as ours has it */
		uint32_t device;
	} cases[] = {
		{ "a mount of its own", exe, st.stx_mnt_id, "1 0:77 / / rw - tmpfs t rw", exe, 77 },
		{ "a folder mounted over it", exe, st.stx_mnt_id, "1 8:1 /home/x / rw - ext4 d rw", place, 8 << 20 | 1 },
		{ "that does not reach so far", exe, st.stx_mnt_id, "1 8:1 / /somewhere/else rw - ext4 d rw", "", 8 << 20 | 1 },
		{ "hidden from it", exe, st.stx_mnt_id + 1000000, "1 8:1 /home/x / rw - ext4 d rw", NULL, 0 },
		{ "a damaged table", exe, st.stx_mnt_id, "1 8 /home/x", NULL, 0 },
		{ "no such file", "/no/such/file", st.stx_mnt_id, "1 8:1 / / rw - ext4 d rw", "", 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *expected = cases[i].fs_path;
		tree_process(&tree, &(struct tree_process){ .pid = 5, .ppid = 1, .start_ticks = 9, .comm = "x", .executable = cases[i].exe, .cwd = "/", .cgroup = "0::/c\n" });
		snprintf(line, sizeof(line), "7 1 0:5 / / rw - proc p rw\n%llu %s\n", cases[i].mount, cases[i].fields);
		tree_file(&tree, "proc/5/mountinfo", sv_from(line));
		assert_int_equal(procfs_read(fd, 5, &p), 0);
		struct strview got = { p.fs_path, p.fs_path_n };
		if (!sv_equal(got, expected ? sv_from(expected) : (struct strview){ self.fs_path, self.fs_path_n }) || p.device != (expected ? cases[i].device : self.device))
			fail_msg("%s: '" SV_FMT "' on %u", cases[i].what, SV_ARG(got), p.device);
	}
	tree_free(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stat_lines_are_read_whatever_the_name),
		cmocka_unit_test(terminals_have_their_names),
		cmocka_unit_test(the_cgroup_of_version_2_comes_first),
		cmocka_unit_test(the_real_user_is_read),
		cmocka_unit_test(a_process_is_read_whole_and_within_bounds),
		cmocka_unit_test(this_process_reads_as_it_is),
		cmocka_unit_test(an_image_lies_on_the_mount_it_was_opened_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
