/* SPDX-License-Identifier: Apache-2.0 */
/* The limit of all rules: its bucket, its floor, its summaries, in which nothing vanishes. And the counts of single rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/attr.h"
#include "engine/daemon/noise.h"
#include "engine/daemon/rule_counts.h"

#define MS 1000000ull
#define SECOND 1000000000ull

static bool pass(struct noise *n, const char *rule, uint64_t boot_ns)
{
	return noise_pass(n, &(struct noisy){ rule, boot_ns, boot_ns + 1000 * SECOND });
}

static void the_bucket_lets_its_burst_and_its_rate_through(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint64_t rate, burst;
		uint64_t at_ms[12]; /* 0: no more */
		const char *passes; /* y or n, one for each */
	} cases[] = {
		{ "no limit", 0, 1, { 1, 1, 1, 1 }, "yyyy" },
		{ "one a second", 1, 1, { 1000, 1001, 1999, 2000, 2001, 3000 }, "ynnyny" },
		{ "a burst of three", 1, 3, { 1000, 1000, 1000, 1000, 2000, 2000 }, "yyynyn" },
		{ "what is not used is not saved beyond the burst", 10, 2, { 1000, 9000, 9000, 9000, 9100, 9100 }, "yyynyn" },
		{ "a late event takes what is there now", 1, 1, { 5000, 1000, 6000, 2000 }, "ynyn" },
		{ "ten a second", 10, 1, { 1000, 1050, 1100, 1150, 1200 }, "ynyny" },
		{ "what is held back takes no token", 1, 1, { 1000, 1500, 1900, 2000 }, "ynny" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct noise n;
		noise_init(&n, &(struct noise_options){ .rate = cases[i].rate, .burst = cases[i].burst, .floor = SEVERITY_COUNT });
		for (size_t k = 0; cases[i].passes[k]; k++)
			if (pass(&n, "r", cases[i].at_ms[k] * MS) != (cases[i].passes[k] == 'y'))
				fail_msg("%s: alert %zu", cases[i].what, k);
	}
}

static void the_bucket_holds_at_its_extremes(void **state)
{
	(void)state;
	struct noise n;
	uint64_t passed = 0;
	noise_init(&n, &(struct noise_options){ .rate = 1, .burst = NOISE_MAX_BURST, .floor = SEVERITY_COUNT });
	for (size_t i = 0; i < NOISE_MAX_BURST + 10; i++)
		passed += pass(&n, "r", 5 * SECOND);
	assert_int_equal(passed, NOISE_MAX_BURST);
	assert_int_equal(n.held, 10);
	noise_init(&n, &(struct noise_options){ .rate = NOISE_MAX_RATE, .burst = 1, .floor = SEVERITY_COUNT });
	assert_true(pass(&n, "r", 5000));
	assert_false(pass(&n, "r", 5999));
	assert_true(pass(&n, "r", 6000));
}

static void what_is_loud_goes_by_the_floor(void **state)
{
	(void)state;
	static const struct {
		int floor;
		const char *loud; /* by severity, from info */
	} cases[] = { { SEVERITY_INFO, "yyyyy" }, { SEVERITY_HIGH, "nnnyy" }, { SEVERITY_CRITICAL, "nnnny" }, { SEVERITY_COUNT, "nnnnn" } };
	struct noise n;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		noise_init(&n, &(struct noise_options){ .floor = cases[i].floor });
		for (int s = SEVERITY_INFO; s < SEVERITY_COUNT; s++)
			if (noise_is_loud(&n, (enum severity)s) != (cases[i].loud[s] == 'y'))
				fail_msg("floor %d, severity %d", cases[i].floor, s);
	}
	noise_init(&n, NULL);
	assert_true(noise_is_loud(&n, SEVERITY_CRITICAL));
	assert_false(noise_is_loud(&n, SEVERITY_HIGH));
}

static void summaries_come_by_rule_with_first_and_last(void **state)
{
	(void)state;
	struct noise n;
	struct noise_row row;
	noise_init(&n, &(struct noise_options){ .rate = 1, .burst = 1, .floor = SEVERITY_COUNT });
	assert_true(pass(&n, "a", 100 * SECOND));
	assert_false(pass(&n, "a", 100 * SECOND + 1));
	assert_false(pass(&n, "b", 100 * SECOND + 2));
	assert_false(pass(&n, "a", 100 * SECOND + 9));
	assert_false(noise_take(&n, 110 * SECOND, &row)); /* the first was held back a nanosecond later */
	assert_true(noise_take(&n, 110 * SECOND + 1, &row));
	assert_string_equal(row.rule, "a");
	assert_int_equal(row.count, 2);
	assert_int_equal(row.first_ns, 1100 * SECOND + 1);
	assert_int_equal(row.last_ns, 1100 * SECOND + 9);
	assert_true(noise_take(&n, 110 * SECOND + 1, &row));
	assert_string_equal(row.rule, "b");
	assert_int_equal(row.count, 1);
	assert_false(noise_take(&n, 110 * SECOND + 1, &row));
	assert_false(noise_take(&n, UINT64_MAX, &row)); /* told once */
	assert_true(pass(&n, "a", 200 * SECOND));
	assert_false(pass(&n, "a", 200 * SECOND));
	assert_true(noise_take(&n, UINT64_MAX, &row)); /* the end comes before the time */
	assert_int_equal(row.count, 1);
}

/* More rules than rows: every alert passes, or is told of. */
static void nothing_vanishes_when_rows_run_out(void **state)
{
	(void)state;
	struct noise n;
	struct noise_row row;
	uint64_t raised = 0, passed = 0, told = 0, nameless = 0, rows = 0;
	noise_init(&n, &(struct noise_options){ .rate = 100, .burst = 5, .floor = SEVERITY_COUNT });
	for (uint64_t i = 0; i < 30000; i++) {
		char rule[NOISE_ID_BYTES + 40];
		snprintf(rule, sizeof(rule), i % 3 ? "rule-%llu" : "a-rule-whose-id-is-as-long-as-this-one-which-is-cut-for-people-and-differs-only-behind-that-%llu",
			 (unsigned long long)(i * 7919 % 100));
		uint64_t at = SECOND + i * MS;
		raised++;
		passed += pass(&n, rule, at);
		while (noise_take(&n, at, &row)) {
			told += row.count;
			nameless += row.rule[0] ? 0 : row.count;
			rows++;
		}
	}
	while (noise_take(&n, UINT64_MAX, &row))
		told += row.count;
	assert_int_equal(raised, passed + told);
	assert_int_equal(told, n.held);
	assert_true(nameless > 0 && rows <= 4 * (NOISE_RULES + 1));
}

static void rules_are_counted_and_those_without_a_row_together(void **state)
{
	(void)state;
	struct rule_counts *c = calloc(1, sizeof(*c));
	assert_non_null(c);
	char id[RULE_COUNTS_ID_BYTES * 2];
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < RULE_COUNTS_ROWS + 44; i++) {
			snprintf(id, sizeof(id), "rule-%d", i);
			rule_counts_add(c, &(struct rule_info){ .id = id, .severity = SEVERITY_HIGH }, COUNT_ALERTS);
		}
	}
	assert_int_equal(c->n_rows, RULE_COUNTS_ROWS);
	assert_int_equal(c->others[COUNT_ALERTS], 88);
	for (size_t i = 0; i < c->n_rows; i++)
		if (c->rows[i].n[COUNT_ALERTS] != 2 || c->rows[i].n[COUNT_LIMITED] != 0 || c->rows[i].severity != SEVERITY_HIGH)
			fail_msg("row %zu (%s): %llu", i, c->rows[i].id, (unsigned long long)c->rows[i].n[COUNT_ALERTS]);
	rule_counts_add(c, &(struct rule_info){ .id = "rule-7" }, COUNT_LIMITED);
	assert_int_equal(c->rows[7].n[COUNT_LIMITED], 1);
	free(c);
}

static void a_long_id_is_cut_and_found_again(void **state)
{
	(void)state;
	struct rule_counts *c = calloc(1, sizeof(*c));
	assert_non_null(c);
	char id[RULE_COUNTS_ID_BYTES * 2 + 1];
	memset(id, 'x', sizeof(id) - 1);
	id[sizeof(id) - 1] = '\0';
	for (int i = 0; i < 3; i++)
		rule_counts_add(c, &(struct rule_info){ .id = id }, COUNT_THROTTLED);
	assert_int_equal(c->n_rows, 1);
	assert_int_equal(strlen(c->rows[0].id), RULE_COUNTS_ID_BYTES - 1);
	assert_int_equal(c->rows[0].n[COUNT_THROTTLED], 3);
	free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bucket_lets_its_burst_and_its_rate_through),
		cmocka_unit_test(the_bucket_holds_at_its_extremes),
		cmocka_unit_test(what_is_loud_goes_by_the_floor),
		cmocka_unit_test(summaries_come_by_rule_with_first_and_last),
		cmocka_unit_test(nothing_vanishes_when_rows_run_out),
		cmocka_unit_test(rules_are_counted_and_those_without_a_row_together),
		cmocka_unit_test(a_long_id_is_cut_and_found_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
