/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/clock.h"
#include "engine/base/num.h"

#define SECOND_NS 1000000000ull

static void check_time(uint64_t wall_ns)
{
	CLEANUP(buf_done) struct buf got = { 0 };
	char want[64], date[32];
	time_t seconds = (time_t)(wall_ns / SECOND_NS);
	struct tm tm = { 0 };
	assert_non_null(gmtime_r(&seconds, &tm));
	assert_true(strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) > 0);
	(void)snprintf(want, sizeof(want), "%s.%09lluZ", date, (unsigned long long)(wall_ns % SECOND_NS));
	clock_add_rfc3339(&got, wall_ns);
	assert_string_equal(buf_cstr(&got), want);
}

static void every_day_that_a_time_can_be_in_is_that_of_the_library(void **state)
{
	(void)state;
	const uint64_t day_ns = 86400 * SECOND_NS;
	for (uint64_t at_ns = 0; at_ns < UINT64_MAX - day_ns; at_ns += day_ns) { /* until 2554 */
		check_time(at_ns);
		check_time(at_ns + day_ns - 1);
	}
	check_time(UINT64_MAX);
}

static void what_is_written_is_read_back(void **state)
{
	(void)state;
	static const uint64_t times[] = { 0, 1, 951782399999999999u, 951782400000000000u, 1767323045000000006u, 4107542399999999999u };
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		uint64_t back = 0;
		clock_add_rfc3339(&text, times[i]);
		assert_int_equal(clock_parse_rfc3339(buf_sv(&text), &back), 0);
		assert_int_equal(back, times[i]);
	}
}

static void text_that_is_no_time_is_0(void **state)
{
	(void)state;
	static const char *const none[] = { "", "soon", "2026-02-30T00:00:00Z", "2026-01-02", "2026-01-02T03:04:05.000000006" };
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		assert_int_equal(clock_rfc3339_ns(sv_from(none[i])), 0);
	assert_int_equal(clock_rfc3339_ns(SV("2026-01-02T03:04:05.000000006Z")), 1767323045000000006u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_day_that_a_time_can_be_in_is_that_of_the_library),
		cmocka_unit_test(what_is_written_is_read_back),
		cmocka_unit_test(text_that_is_no_time_is_0),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
