/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/buf.h"
#include "engine/base/fd.h"
#include "engine/enrich/localpath.h"
#include "tests/support/tree.h"

static int open_below(const char *root, const char *path)
{
	static char list[1 << 20];
	struct localpath_scratch scratch = { .p = list, .n = sizeof(list) };
	CLEANUP(fd_close) int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(fd_close) int fd = localpath_open(root_fd, sv_from(path), &scratch);
	return fd < 0 ? fd : 0;
}

static void steps_stay_in_folders_of_this_host(void **state)
{
	(void)state;
	struct tree t;
	tree_new(&t);
	tree_dir(&t, "home");
	tree_dir(&t, "home/ann");
	tree_file(&t, "home/file", SV(""));
	tree_link(&t, "home/link", "ann");
	static const struct {
		const char *what, *path;
		int want;
	} cases[] = {
		{ "a folder", "/home/ann", 0 },
		{ "with more slashes than it needs", "//home//ann/", 0 },
		{ "the root itself", "/", 0 },
		{ "nothing there", "/home/bob", -ENOENT },
		{ "a link", "/home/link", -ELOOP },
		{ "below a link", "/home/link/x", -ELOOP },
		{ "below a file", "/home/file/x", -ENOTDIR },
		{ "out of the root", "/../x", -EXDEV },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int got = open_below(t.root, cases[i].path);
		if (got != cases[i].want)
			fail_msg("%s: %d", cases[i].what, got);
	}
	tree_free(&t);
}

/* Every host has some that keep no files. */
static void other_file_systems_are_not_entered(void **state)
{
	(void)state;
	assert_int_equal(open_below("/", "/proc"), -EREMOTE);
	assert_int_equal(open_below("/", "/proc/self"), -EREMOTE);
	assert_int_equal(open_below("/", "/sys/kernel"), -EREMOTE);
}

/* In a namespace of its own, so that no mount is seen outside. 0, a number that says which step failed, or 77: not allowed. */
static int try_mounts(const struct tree *t)
{
	CLEANUP(str_free) char *home = tree_path(t, "home"), *local = tree_path(t, "home/local");
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", local, "tmpfs", 0, NULL))
		return 77;
	if (open_below(t->root, "/home/local") != 0) /* as /run/user/UID is */
		return 1;
	CLEANUP(fd_close) int above = open(home, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (localpath_beneath(above, "local", O_PATH | O_DIRECTORY, RESOLVE_NO_XDEV) != -EXDEV)
		return 2;
	if (mount("none", home, "mqueue", 0, NULL))
		return 77;
	return open_below(t->root, "/home") == -EREMOTE ? 0 : 3;
}

static void what_is_mounted_on_a_home_is_looked_at_first(void **state)
{
	(void)state;
	struct tree t;
	int status = 0;
	tree_new(&t);
	tree_dir(&t, "home");
	tree_dir(&t, "home/local");
	pid_t child = fork();
	if (child == 0)
		_exit(try_mounts(&t));
	assert_int_equal(waitpid(child, &status, 0), child);
	tree_free(&t);
	if (WEXITSTATUS(status) == 77) {
		print_message("not run: mounting is not allowed\n");
		skip();
	}
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_stay_in_folders_of_this_host),
		cmocka_unit_test(other_file_systems_are_not_entered),
		cmocka_unit_test(what_is_mounted_on_a_home_is_looked_at_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
