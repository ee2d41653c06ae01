/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/attr.h"
#include "engine/daemon/tally.h"

static void each_rule_has_its_own_count(void **state)
{
	(void)state;
	struct tally t = { 0 };
	static const char *const blocks[] = { "one", "two", "one", "one-more", "one" };
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		tally_count(&t, blocks[i]);
	assert_int_equal(t.n_rows, 3);
	assert_string_equal(t.rows[0].id, "one");
	assert_int_equal(t.rows[0].n, 3);
	assert_int_equal(t.rows[2].n, 1);
	assert_int_equal(t.others, 0);
}

static void a_full_table_loses_no_count(void **state)
{
	(void)state;
	struct tally t = { 0 };
	char id[200];
	for (size_t i = 0; i < TALLY_ROWS + 10; i++) {
		snprintf(id, sizeof(id), "rule-%zu", i);
		tally_count(&t, id);
	}
	tally_count(&t, "rule-0");
	assert_int_equal(t.n_rows, TALLY_ROWS);
	assert_int_equal(t.others, 10);
	assert_int_equal(t.rows[0].n, 2);
}

static void a_long_id_is_cut_and_found_again(void **state)
{
	(void)state;
	struct tally t = { 0 };
	char id[200];
	memset(id, 'a', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	tally_count(&t, id);
	tally_count(&t, id);
	assert_int_equal(t.n_rows, 1);
	assert_int_equal(t.rows[0].n, 2);
	assert_int_equal(strlen(t.rows[0].id), TALLY_ID_BYTES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule_has_its_own_count),
		cmocka_unit_test(a_full_table_loses_no_count),
		cmocka_unit_test(a_long_id_is_cut_and_found_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
