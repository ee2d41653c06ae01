/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel's list of addresses: what is found in it, and what is no such list. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/buf.h"
#include "engine/probe/symbols.h"
#include "tests/support/tree.h"

static int find(struct strview list, uint64_t *ret_rename, uint64_t *ret_mount)
{
	struct tree tree;
	tree_new(&tree);
	tree_file(&tree, "list", list);
	char *path = tree_path(&tree, "list");
	struct symbol all[] = { { .name = "rename_lock" }, { .name = "mount_lock" } };
	int err = symbols_find(path, all, ARRAY_SIZE(all));
	*ret_rename = all[0].address;
	*ret_mount = all[1].address;
	free(path);
	tree_free(&tree);
	return err;
}

static void only_whole_names_of_the_kernel_itself_count(void **state)
{
	(void)state;
	static const struct {
		const char *what, *list;
		uint64_t rename, mount;
	} cases[] = {
		{ "both", "ffffffff81a0bc10 T other\nffffffff8200aa00 D mount_lock\nffffffff83000b40 D rename_lock\n", 0xffffffff83000b40, 0xffffffff8200aa00 },
		{ "longer and shorter names", "ffffffff83000b40 d my_rename_lock\nffffffff83000b41 d rename_lock_2\nffffffff83000b42 d rename_loc\n", 0, 0 },
		{ "a module's", "ffffffffc0000000 d rename_lock\t[evil]\n", 0, 0 },
		{ "the first counts", "ffffffff83000b40 D rename_lock\nffffffff83000b41 d rename_lock\n", 0xffffffff83000b40, 0 },
		{ "addresses are not told", "0000000000000000 D rename_lock\n0000000000000000 D mount_lock\n", 0, 0 },
		{ "no address", "xyz D rename_lock\n D mount_lock\n", 0, 0 },
		{ "no line", "ffffffff83000b40 D rename_lock", 0, 0 },
		{ "nothing", "", 0, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t rename, mount;
		int err = find(sv_from(cases[i].list), &rename, &mount);
		if (err || rename != cases[i].rename || mount != cases[i].mount)
			fail_msg("%s: %d, %llx, %llx", cases[i].what, err, (unsigned long long)rename, (unsigned long long)mount);
	}
}

/* Wherever a block of the file ends, within the line or beside it. */
static void lines_are_found_across_blocks(void **state)
{
	(void)state;
	for (size_t shift = 0; shift < 70; shift++) {
		CLEANUP(buf_done) struct buf list = { 0 };
		while (list.n < 32700 + shift)
			buf_add_z(&list, list.n + 30 < 32700 + shift ? "ffffffff81000000 T some_name\n" : "\n");
		buf_add_z(&list, "ffffffff83000b40 D rename_lock\nffffffff83000c80 D mount_lock\n");
		uint64_t rename, mount;
		assert_int_equal(find(buf_sv(&list), &rename, &mount), 0);
		assert_int_equal(rename, 0xffffffff83000b40);
		assert_int_equal(mount, 0xffffffff83000c80);
	}
}

static void what_is_no_list_is_told(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf line = { 0 };
	for (size_t i = 0; i < 70000; i++)
		buf_add_char(&line, 'f');
	uint64_t rename, mount;
	assert_int_equal(find(buf_sv(&line), &rename, &mount), -EBADMSG);
	struct symbol one = { .name = "rename_lock" };
	assert_int_equal(symbols_find("/nonexistent/list", &one, 1), -ENOENT);
	assert_int_equal(symbols_find("/", &one, 1), -EISDIR);
	assert_int_equal(one.address, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_whole_names_of_the_kernel_itself_count),
		cmocka_unit_test(lines_are_found_across_blocks),
		cmocka_unit_test(what_is_no_list_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
