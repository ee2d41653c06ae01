/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <unistd.h>

#include "engine/base/buf.h"
#include "engine/base/fd.h"
#include "engine/enrich/users.h"
#include "tests/support/tree.h"

static struct names *names_over(const struct tree *tree, struct diag *diag)
{
	CLEANUP(str_free) char *path = tree_path(tree, "passwd");
	struct names *names = NULL;
	assert_int_equal(names_new(path, &names, diag), 0);
	return names;
}

static void lines_that_are_malformed_are_passed_over(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct strview line;
		size_t malformed;
	} cases[] = {
		{ "no columns", SV("nonsense"), 1 },
		{ "no column after the id", SV("x:x:7"), 1 },
		{ "empty name", SV(":x:7:7::/:"), 1 },
		{ "no id", SV("x:x::7::/:"), 1 },
		{ "id not a number", SV("x:x:seven:7::/:"), 1 },
		{ "negative id", SV("x:x:-7:7::/:"), 1 },
		{ "id with a blank", SV("x:x: 7:7::/:"), 1 },
		{ "id too large", SV("x:x:4294967296:7::/:"), 1 },
		{ "id far too large", SV("x:x:99999999999999999999999999:7::/:"), 1 },
		{ "the id that means none", SV("x:x:4294967295:7::/:"), 1 },
		{ "NIS", SV("+:x:7:7::/:"), 1 },
		{ "NIS, one user out", SV("-x:x:7:7::/:"), 1 },
		{ "NUL in the name", SV("x\0y:x:7:7::/:"), 1 },
		{ "comment", SV("#x:x:7:7::/:"), 0 },
		{ "empty line", SV(""), 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tree tree;
		CLEANUP(buf_done) struct buf text = { 0 };
		buf_add_z(&text, "ann:x:1:1::/:\n");
		buf_add_sv(&text, cases[i].line);
		buf_add_z(&text, "\nbob:x:2:2::/:"); /* no newline at the end */
		tree_new(&tree);
		tree_file(&tree, "passwd", buf_sv(&text));
		struct names *names = names_over(&tree, NULL);
		if (names_find(names, 7).n || names_malformed(names) != cases[i].malformed || names_count(names) != 2)
			fail_msg("accepted: %s", cases[i].what);
		assert_true(sv_is(names_find(names, 1), "ann"));
		assert_true(sv_is(names_find(names, 2), "bob"));
		assert_int_equal(names_find(names, 3).n, 0);
		names_free(&names);
		tree_free(&tree);
	}
}

static void ids_at_the_ends_and_doubles_are_found(void **state)
{
	(void)state;
	struct tree tree;
	tree_new(&tree);
	tree_file(&tree, "passwd", SV("last:x:4294967294:1::/:\nroot:x:0:0::/:\ntoor:x:0:0::/:\nzeros:x:007:0::/:\n"));
	struct names *names = names_over(&tree, NULL);
	assert_true(sv_is(names_find(names, 0), "root")); /* the first one, as the C library */
	assert_true(sv_is(names_find(names, 4294967294u), "last"));
	assert_true(sv_is(names_find(names, 7), "zeros"));
	assert_int_equal(names_find(names, UINT32_MAX).n, 0);
	names_free(&names);
	tree_free(&tree);
}

static void homes_are_those_of_passwd(void **state)
{
	(void)state;
	static const struct {
		const char *what, *line, *home;
	} cases[] = {
		{ "a user's", "x:x:7:7:X:/home/x:/bin/sh", "/home/x" },
		{ "the comment is not it", "x:x:7:7:/no:/home/x:/bin/sh", "/home/x" },
		{ "no column after it", "x:x:7:7::/home/x", "" },
		{ "relative", "x:x:7:7::home/x:/bin/sh", "" },
		{ "empty", "x:x:7:7:::/bin/sh", "" },
		{ "a line of a group", "x:x:7:ann,bob", "" },
		{ "another user's", "x:x:8:7::/home/x:/bin/sh", "" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tree tree;
		CLEANUP(buf_done) struct buf text = { 0 };
		buf_add_format(&text, "ann:x:1:1::/home/ann:/bin/sh\n%s\nbob:x:2:2::/home/bob:/bin/sh\n", cases[i].line);
		tree_new(&tree);
		tree_file(&tree, "passwd", buf_sv(&text));
		struct names *names = names_over(&tree, NULL);
		if (!sv_is(names_home(names, 7), cases[i].home))
			fail_msg("%s: '" SV_FMT "'", cases[i].what, SV_ARG(names_home(names, 7)));
		assert_true(sv_is(names_home(names, 1), "/home/ann") && sv_is(names_home(names, 2), "/home/bob"));
		assert_true(sv_is(names_find(names, 1), "ann") && sv_is(names_find(names, 2), "bob"));
		names_free(&names);
		tree_free(&tree);
	}
}

static void a_name_may_be_as_long_as_the_system_allows(void **state)
{
	(void)state;
	struct tree tree;
	CLEANUP(buf_done) struct buf text = { 0 };
	for (size_t i = 0; i < NAMES_MAX_NAME; i++)
		buf_add_char(&text, 'n');
	buf_add_z(&text, ":x:5:5::/:\nm");
	for (size_t i = 0; i < NAMES_MAX_NAME; i++)
		buf_add_char(&text, 'm');
	buf_add_z(&text, ":x:6:6::/:\n");
	tree_new(&tree);
	tree_file(&tree, "passwd", buf_sv(&text));
	struct names *names = names_over(&tree, NULL);
	assert_int_equal(names_find(names, 5).n, NAMES_MAX_NAME);
	assert_int_equal(names_find(names, 6).n, 0);
	names_free(&names);
	tree_free(&tree);
}

static void more_entries_than_the_ceiling_are_left_out_with_a_warning(void **state)
{
	(void)state;
	struct tree tree;
	struct diag diag = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	for (unsigned i = 0; i < NAMES_MAX_ENTRIES + 10; i++)
		buf_add_format(&text, "user%u:x:%u:1::/:\n", i, NAMES_MAX_ENTRIES + 10 - i);
	tree_new(&tree);
	tree_file(&tree, "passwd", buf_sv(&text));
	struct names *names = names_over(&tree, &diag);
	assert_int_equal(names_count(names), NAMES_MAX_ENTRIES);
	assert_int_equal(diag.warnings, 1);
	assert_true(sv_is(names_find(names, NAMES_MAX_ENTRIES + 10), "user0"));
	assert_true(sv_is(names_find(names, 11), "user65535"));
	assert_int_equal(names_find(names, 10).n, 0);
	names_free(&names);
	tree_free(&tree);
	diag_done(&diag);
}

static void changes_are_followed_and_failures_keep_the_old_names(void **state)
{
	(void)state;
	struct tree tree;
	struct diag diag = { 0 };
	tree_new(&tree);
	CLEANUP(str_free) char *path = tree_path(&tree, "passwd");
	struct names *names = names_over(&tree, &diag);
	assert_int_equal(diag.warnings, 1); /* not there yet */
	tree_file(&tree, "passwd", SV("ann:x:1:1::/:\n"));
	assert_int_equal(names_refresh(names, NULL), 0);
	assert_true(sv_is(names_find(names, 1), "ann"));

	assert_int_equal(unlink(path), 0);
	assert_int_equal(names_refresh(names, NULL), -ENOENT);
	assert_true(sv_is(names_find(names, 1), "ann"));

	tree_dir(&tree, "passwd");
	assert_int_equal(names_refresh(names, &diag), -EISDIR);
	assert_true(sv_is(names_find(names, 1), "ann"));
	assert_int_equal(names_refresh(names, &diag), 0); /* said once */
	assert_int_equal(diag.warnings, 2);
	assert_int_equal(rmdir(path), 0);

	tree_file(&tree, "passwd", (struct strview){ path, 0 });
	assert_int_equal(truncate(path, (off_t)NAMES_MAX_FILE + 1), 0);
	assert_int_equal(names_refresh(names, &diag), -EFBIG);
	assert_true(sv_is(names_find(names, 1), "ann"));

	tree_file(&tree, "passwd", (struct strview){ path, 0 });
	assert_int_equal(names_refresh(names, &diag), 0);
	assert_int_equal(names_count(names), 0);
	names_free(&names);
	tree_free(&tree);
	diag_done(&diag);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_that_are_malformed_are_passed_over),
		cmocka_unit_test(ids_at_the_ends_and_doubles_are_found),
		cmocka_unit_test(homes_are_those_of_passwd),
		cmocka_unit_test(a_name_may_be_as_long_as_the_system_allows),
		cmocka_unit_test(more_entries_than_the_ceiling_are_left_out_with_a_warning),
		cmocka_unit_test(changes_are_followed_and_failures_keep_the_old_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
