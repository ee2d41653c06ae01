/* SPDX-License-Identifier: Apache-2.0 */
/* The time to confirm a policy in, by a clock of the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/base/attr.h"
#include "engine/daemon/window.h"

#define S 1000000000ull

/* Blocks come at these seconds, one step a second; ends says at which second and how. */
static void it_ends_in_time_or_by_too_many_blocks(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		uint64_t length_s, breaker;
		uint64_t first_s, last_s, each; /* so many blocks in each of these seconds */
		enum window_end end;
		uint64_t end_s;
	} cases[] = {
		{ "nothing is blocked", 60, 60, 1, 0, 0, WINDOW_TIMEOUT, 60 },
		{ "as many as may be", 120, 60, 1, 60, 1, WINDOW_TIMEOUT, 120 },
		{ "as many as may be, without end", 600, 60, 1, 600, 1, WINDOW_TIMEOUT, 600 },
		{ "one too many at once", 120, 60, 5, 5, 61, WINDOW_BREAKER, 5 },
		{ "two each second", 120, 60, 1, 120, 2, WINDOW_BREAKER, 31 },
		{ "one too many, but within two minutes", 300, 60, 10, 70, 1, WINDOW_TIMEOUT, 300 },
		{ "a breaker of one", 60, 1, 7, 8, 1, WINDOW_BREAKER, 8 },
		{ "no breaker", 60, 0, 1, 59, 100000, WINDOW_TIMEOUT, 60 },
		{ "too many in the last second", 60, 60, 60, 60, 61, WINDOW_BREAKER, 60 },
		{ "too many, late in a long window", 3600, 60, 3000, 3600, 3, WINDOW_BREAKER, 3020 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const uint64_t begin = 123456789123ull;
		uint64_t blocked = 0, second = 0;
		enum window_end end = WINDOW_GOES_ON;
		struct window w = { 0 };
		window_open(&w, begin, cases[i].length_s * S, cases[i].breaker);
		while (end == WINDOW_GOES_ON && second < 10000) {
			second++;
			blocked += second >= cases[i].first_s && second <= cases[i].last_s ? cases[i].each : 0;
			end = window_step(&w, begin + second * S, blocked);
		}
		if (end != cases[i].end || second != cases[i].end_s)
			fail_msg("%s: ends with %d after %llu seconds", cases[i].what, end, (unsigned long long)second);
	}
}

static void a_closed_window_says_nothing(void **state)
{
	(void)state;
	struct window w = { 0 };
	assert_int_equal(window_step(&w, 5 * S, 1000000), WINDOW_GOES_ON);
	window_open(&w, 10 * S, 60 * S, 60);
	assert_int_equal(window_left_ns(&w, 30 * S), 40 * S);
	assert_int_equal(window_left_ns(&w, 300 * S), 0);
	window_close(&w);
	assert_int_equal(window_left_ns(&w, 30 * S), 0);
	for (uint64_t n = 1; n < 1000000; n *= 3)
		assert_int_equal(window_step(&w, (20 + n) * S, n * 1000), WINDOW_GOES_ON);
}

/* A daemon that did nothing for a while does not take old blocks for new ones, nor forget those of now. */
static void a_long_pause_counts_right(void **state)
{
	(void)state;
	struct window w = { 0 };
	window_open(&w, 0, 3600 * S, 60);
	assert_int_equal(window_step(&w, S, 60), WINDOW_GOES_ON);
	assert_int_equal(window_step(&w, 61 * S, 120), WINDOW_GOES_ON);
	assert_int_equal(window_step(&w, 1000 * S, 180), WINDOW_GOES_ON);
	assert_int_equal(window_step(&w, 1000 * S + 1, 181), WINDOW_BREAKER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_ends_in_time_or_by_too_many_blocks),
		cmocka_unit_test(a_closed_window_says_nothing),
		cmocka_unit_test(a_long_pause_counts_right),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
