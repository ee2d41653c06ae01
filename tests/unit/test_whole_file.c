/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are replaced whole: what is ours, what is not, and what a folder of others may hold. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/fd.h"
#include "engine/daemon/whole_file.h"
#include "tests/support/tree.h"

static bool holds(const char *path, const char *text)
{
	CLEANUP(buf_done) struct buf got = { 0 };
	return fd_read_file(path, 1000, &got) == 0 && sv_is(buf_sv(&got), text);
}

static void only_ours_may_be_replaced(void **state)
{
	(void)state;
	static const struct {
		const char *what, *content;
		int err;
	} cases[] = {
		{ "missing", NULL, 0 },
		{ "empty", "", 0 },
		{ "an earlier one", "# HELP vedette_x\n", 0 },
		{ "of others", "# HELP node_x 1\n", -EEXIST },
		{ "shorter than the beginning", "# HELP", -EEXIST },
	};
	struct tree tree;
	tree_new(&tree);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char name[16];
		snprintf(name, sizeof(name), "f%zu", i);
		if (cases[i].content)
			tree_file(&tree, name, sv_from(cases[i].content));
		char *path = tree_path(&tree, name);
		int err = whole_file_check(&(struct whole_file){ path, "# HELP vedette_", "metrics" }, NULL);
		if (err != cases[i].err)
			fail_msg("%s: %d", cases[i].what, err);
		free(path);
	}
	char *none = tree_path(&tree, "none/f");
	assert_int_equal(whole_file_check(&(struct whole_file){ none, "# HELP vedette_", "metrics" }, NULL), -ENOENT);
	assert_int_equal(whole_file_check(&(struct whole_file){ "/dev/null", "# HELP vedette_", "metrics" }, NULL), -EINVAL);
	free(none);
	tree_free(&tree);
}

static void links_that_lie_in_the_way_lead_nowhere(void **state)
{
	(void)state;
	struct tree tree;
	tree_new(&tree);
	tree_file(&tree, "precious", SV("precious"));
	char *precious = tree_path(&tree, "precious"), *file = tree_path(&tree, "f"), *new = tree_path(&tree, "f.new");
	for (int is_hard = 0; is_hard < 2; is_hard++) {
		assert_int_equal(is_hard ? link(precious, new) : symlink(precious, new), 0);
		assert_int_equal(whole_file_write(file, is_hard ? SV("two") : SV("one")), 0);
		assert_true(holds(precious, "precious"));
		assert_true(holds(file, is_hard ? "two" : "one"));
		assert_int_equal(access(new, F_OK), -1);
	}
	free(precious);
	free(file);
	free(new);
	tree_free(&tree);
}

static void what_is_kept_is_its_owners_alone(void **state)
{
	(void)state;
	struct tree tree;
	tree_new(&tree);
	char *file = tree_path(&tree, "f");
	struct stat st;
	for (int i = 0; i < 2; i++) { /* also over one that others could read */
		assert_int_equal(i ? whole_file_write(file, SV("one")) : whole_file_keep(file, SV("one")), 0);
		assert_int_equal(stat(file, &st), 0);
		assert_int_equal(st.st_mode & 0777, i ? 0644 : 0600);
		assert_int_equal(whole_file_keep(file, SV("two")), 0);
		assert_true(holds(file, "two"));
		assert_int_equal(stat(file, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	free(file);
	tree_free(&tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_ours_may_be_replaced),
		cmocka_unit_test(links_that_lie_in_the_way_lead_nowhere),
		cmocka_unit_test(what_is_kept_is_its_owners_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
