/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of policies: what is kept, what is only tried, what is left after an end at any moment. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/fd.h"
#include "engine/daemon/policies.h"
#include "engine/daemon/reload.h"
#include "tests/support/tree.h"

struct fixture {
	struct tree tree;
	char *folder;
	struct policies *p;
};

static void open_it(struct fixture *f)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	policies_free(&f->p);
	if (policies_open(f->folder, &f->p, &diag))
		fail_msg("%s", diag.messages[0].text);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	tree_new(&f->tree);
	f->folder = tree_path(&f->tree, "lib/policies");
	open_it(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	policies_free(&f->p);
	free(f->folder);
	tree_free(&f->tree);
	free(f);
	return 0;
}

/* "a b! .c": the paths that a load reads, . for the one that is tried; and ! for what is forced. */
static void expect(struct fixture *f, const char *without, const char *text)
{
	CLEANUP(rule_paths_done) struct rule_paths paths = { 0 };
	CLEANUP(buf_done) struct buf got = { 0 };
	assert_int_equal(policies_add_paths(f->p, without, &paths), 0);
	for (size_t i = 0; i < paths.n; i++) {
		struct policy_file owner;
		assert_true(policies_owner(f->p, paths.items[i], &owner));
		buf_add_format(&got, "%s%s%s%s", i ? " " : "", strstr(paths.items[i], "/.pending/") ? "." : "", owner.name, owner.is_forced ? "!" : "");
		assert_int_equal(access(paths.items[i], R_OK), 0);
	}
	if (strcmp(buf_cstr(&got), text) != 0)
		fail_msg("'%s', not '%s'", buf_cstr(&got), text);
}

static void stage(struct fixture *f, const char *name, const char *text, bool is_forced)
{
	assert_int_equal(policies_stage(f->p, name, sv_from(text), is_forced, NULL), 0);
}

static void keep(struct fixture *f, const char *name, const char *text, bool is_forced)
{
	stage(f, name, text, is_forced);
	assert_int_equal(policies_keep(f->p, NULL), 0);
}

static void what_is_kept_is_there_again(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf text = { 0 };
	struct stat st;
	assert_int_equal(stat(f->folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	keep(f, "web", "one", false);
	keep(f, "app", "two", true);
	expect(f, NULL, "app! web");
	open_it(f);
	expect(f, NULL, "app! web");
	keep(f, "web", "three", true);
	keep(f, "app", "four", false);
	expect(f, NULL, "app web!");
	open_it(f);
	expect(f, NULL, "app web!");
	assert_int_equal(policies_read(f->p, "web", &text), 0);
	assert_true(sv_is(buf_sv(&text), "three"));
	assert_int_equal(policies_remove(f->p, "web", NULL), 0);
	assert_int_equal(policies_remove(f->p, "web", NULL), -ENOENT);
	expect(f, NULL, "app");
	keep(f, "web", "five", false);
	open_it(f);
	expect(f, NULL, "app web"); /* not forced: the mark of the one before is gone with it */
}

/* From now on the folder cannot be written through: whoever keeps it open has it open for its names alone. */
static void break_fsync(const char *folder)
{
	int names_only = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), fds = 0;
	struct stat is, of;
	assert_true(names_only >= 0);
	assert_int_equal(fstat(names_only, &of), 0);
	for (int fd = 3; fd < 256; fd++)
		if (fd != names_only && fstat(fd, &is) == 0 && is.st_ino == of.st_ino && is.st_dev == of.st_dev)
			fds += dup2(names_only, fd) == fd;
	assert_int_equal(fds, 1);
	close(names_only);
}

static void what_may_not_be_on_the_disk_is_undone(void **state)
{
	static const struct {
		const char *what, *name, *removed, *paths;
	} cases[] = {
		{ "a new one", "new", NULL, "web" },
		{ "one in the place of another", "web", NULL, "web" },
		{ "the removal of one", NULL, "web", "web" },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		keep(f, "web", "one", false);
		break_fsync(f->folder);
		if (cases[i].name)
			stage(f, cases[i].name, "two", false);
		int err = cases[i].name ? policies_keep(f->p, NULL) : policies_remove(f->p, cases[i].removed, NULL);
		if (err != -EBADF)
			fail_msg("%s: %d", cases[i].what, err);
		policies_unstage(f->p);
		expect(f, NULL, cases[i].paths);
		open_it(f);
		expect(f, NULL, cases[i].paths); /* nor is it there after a restart */
		assert_int_equal(policies_read(f->p, "web", &text), 0);
		if (!sv_is(buf_sv(&text), "one"))
			fail_msg("%s: the earlier one is another", cases[i].what);
	}
}

static void what_is_tried_takes_the_place_of_its_name(void **state)
{
	struct fixture *f = *state;
	keep(f, "b", "1", false);
	keep(f, "d", "1", false);
	static const struct {
		const char *name, *paths;
	} cases[] = { { "a", ".a! b d" }, { "b", ".b! d" }, { "c", "b .c! d" }, { "d", "b .d!" }, { "e", "b d .e!" } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		stage(f, cases[i].name, "2", true);
		expect(f, NULL, cases[i].paths);
		policies_unstage(f->p);
		expect(f, NULL, "b d");
	}
	expect(f, "b", "d");
	expect(f, "x", "b d");
}

static void what_was_not_confirmed_is_gone_after_a_crash(void **state)
{
	struct fixture *f = *state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	keep(f, "web", "one", false);
	stage(f, "web", "two", true);
	policies_free(&f->p); /* nobody unstaged it */
	assert_int_equal(policies_open(f->folder, &f->p, &diag), 0);
	expect(f, NULL, "web");
	policies_sweep(f->p, &diag);
	assert_int_equal(diag.warnings, 1);
	assert_non_null(strstr(diag.messages[0].text, "'web.yaml' was not confirmed"));
	expect(f, NULL, "web");
	assert_int_equal(policies_read(f->p, "web", &text), 0);
	assert_true(sv_is(buf_sv(&text), "one"));
	assert_int_equal(policies_keep(f->p, NULL), -ENOENT);
}

static void an_emptied_file_is_no_policy(void **state)
{
	struct fixture *f = *state;
	static const char *const empty[] = { "", "\n", "# a note\n\n  # another\r\n", "---\n[]\n", " \t" };
	for (size_t i = 0; i < ARRAY_SIZE(empty); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		assert_int_equal(policies_stage(f->p, "web", sv_from(empty[i]), false, &diag), -ENOENT);
		assert_non_null(strstr(diag.messages[0].text, "vedette policy remove web"));
	}
	assert_int_equal(policies_stage(f->p, "web", SV("# a note\n- rule: r\n"), false, NULL), 0);
}

static void names_are_names_of_files(void **state)
{
	(void)state;
	static const char *const good[] = { "a", "A-b_9", "0", "x23456789012345678901234567890123456789012345678901234567890123" };
	static const char *const bad[] = { "", ".", "..", "a/b", "../a", ".a", "-a", "_a", "a b", "a.yaml", "\xc3\xa4", "a\n",
					   "x234567890123456789012345678901234567890123456789012345678901234" };
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(policy_name_is_valid(sv_from(good[i])));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (policy_name_is_valid(sv_from(bad[i])))
			fail_msg("'%s' is taken for a name", bad[i]);
}

static void a_folder_that_is_not_ours_is_refused(void **state)
{
	struct fixture *f = *state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	policies_free(&f->p);
	assert_int_equal(chmod(f->folder, 0770), 0);
	assert_int_equal(policies_open(f->folder, &f->p, &diag), -EPERM);
	assert_int_equal(chmod(f->folder, 0700), 0);
	tree_file(&f->tree, "lib/policies/not a name.yaml", SV("x"));
	assert_int_equal(policies_open(f->folder, &f->p, &diag), -EINVAL);
	char *path = tree_path(&f->tree, "lib/policies/not a name.yaml");
	assert_int_equal(unlink(path), 0);
	free(path);
	tree_link(&f->tree, "link", "lib/policies");
	path = tree_path(&f->tree, "link");
	assert_int_equal(policies_open(path, &f->p, &diag), -ENOTDIR);
	free(path);
}

static void there_is_an_end_to_their_number(void **state)
{
	struct fixture *f = *state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	for (size_t i = 0; i < POLICIES_MAX; i++) {
		char name[8];
		(void)snprintf(name, sizeof(name), "p%zu", i);
		keep(f, name, "x", false);
	}
	assert_int_equal(policies_stage(f->p, "one-more", SV("x"), false, &diag), -E2BIG);
	stage(f, "p7", "y", false); /* in place of another */
	assert_int_equal(policies_keep(f->p, NULL), 0);
	open_it(f);
	const struct policy_file *files;
	assert_int_equal(policies_list(f->p, &files), POLICIES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_kept_is_there_again, setup, teardown),
		cmocka_unit_test_setup_teardown(what_may_not_be_on_the_disk_is_undone, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_tried_takes_the_place_of_its_name, setup, teardown),
		cmocka_unit_test_setup_teardown(what_was_not_confirmed_is_gone_after_a_crash, setup, teardown),
		cmocka_unit_test_setup_teardown(an_emptied_file_is_no_policy, setup, teardown),
		cmocka_unit_test(names_are_names_of_files),
		cmocka_unit_test_setup_teardown(a_folder_that_is_not_ours_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(there_is_an_end_to_their_number, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
