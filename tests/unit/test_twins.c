/* SPDX-License-Identifier: Apache-2.0 */
/* Records of one act from two sensors are told once, and nothing else is taken for such. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/daemon/twins.h"
#include "tests/support/record.h"

#define FROM 1000000000000ull
#define MS 1000000ull

static void fill(struct record *rec, uint32_t tid, uint64_t boot_ns, const char *path)
{
	record_init(rec, EVENT_FILE_OPEN);
	RECORD_STR(rec, file_open, path, sv_from(path));
	RECORD_COMMON(rec)->tid = tid;
	RECORD_COMMON(rec)->boot_ns = boot_ns;
}

static void enter(struct twins *t, uint32_t tid, uint64_t boot_ns, const char *path)
{
	struct record *rec = record_new(EVENT_FILE_OPEN);
	fill(rec, tid, boot_ns, path);
	RECORD_COMMON(rec)->exec_id = 7; /* each side gives its own */
	twins_enter(t, rec->bytes, RECORD_COMMON(rec)->size);
	record_free(&rec);
}

static bool take(struct twins *t, uint32_t tid, uint64_t boot_ns, const char *path)
{
	struct record *rec = record_new(EVENT_FILE_OPEN);
	fill(rec, tid, boot_ns, path);
	struct event ev = record_event(rec);
	bool is_twin = twins_take(t, &ev);
	record_free(&rec);
	return is_twin;
}

static struct twins *twins_from(void)
{
	struct twins *t = NULL;
	assert_int_equal(twins_new(FROM, &t), 0);
	return t;
}

static void a_twin_is_of_the_same_thread_and_texts_at_about_the_same_time(void **state)
{
	(void)state;
	static const struct {
		const char *what, *path;
		uint32_t tid;
		uint64_t boot_ns;
		bool is_twin;
	} cases[] = {
		{ "the same, a little later", "/a", 100, FROM + 10 * MS + 30, true },
		{ "the same, a little earlier", "/a", 100, FROM + 10 * MS - 30, true },
		{ "another thread", "/a", 101, FROM + 10 * MS, false },
		{ "another file", "/b", 100, FROM + 10 * MS, false },
		{ "much later", "/a", 100, FROM + 300 * MS, false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct twins *t = twins_from();
		enter(t, 100, FROM + 10 * MS, "/a");
		if (take(t, cases[i].tid, cases[i].boot_ns, cases[i].path) != cases[i].is_twin)
			fail_msg("%s", cases[i].what);
		twins_free(&t);
	}
}

static void another_event_is_no_twin(void **state)
{
	(void)state;
	struct twins *t = twins_from();
	struct record *rec = record_new(EVENT_PROC_FORK);
	RECORD_COMMON(rec)->tid = 100;
	RECORD_COMMON(rec)->boot_ns = FROM + MS;
	twins_enter(t, rec->bytes, RECORD_COMMON(rec)->size);
	record_init(rec, EVENT_PROC_EXIT);
	RECORD_COMMON(rec)->tid = 100;
	RECORD_COMMON(rec)->boot_ns = FROM + MS;
	struct event ev = record_event(rec);
	assert_false(twins_take(t, &ev));
	record_free(&rec);
	twins_free(&t);
}

/* Three alike told by those of before, of which the first has no twin, and four by ours, of which the last has none. */
static void of_acts_that_are_alike_the_nearest_is_the_twin_and_none_twice(void **state)
{
	(void)state;
	struct twins *t = twins_from();
	const uint64_t ours[] = { 2 * MS, 4 * MS, 6 * MS };
	enter(t, 100, FROM + MS, "/a");
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		enter(t, 100, FROM + ours[i] + 40000, "/a");
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		assert_true(take(t, 100, FROM + ours[i], "/a"));
	assert_false(take(t, 100, FROM + 80 * MS, "/a"));
	twins_free(&t);
}

static void what_was_told_before_ours_began_has_no_twin(void **state)
{
	(void)state;
	struct twins *t = twins_from();
	enter(t, 100, FROM - 5 * MS, "/a");
	assert_false(take(t, 100, FROM + MS, "/a"));
	twins_free(&t);
}

static void damaged_records_are_left_out(void **state)
{
	(void)state;
	struct twins *t = twins_from();
	struct record *rec = record_new(EVENT_FILE_OPEN);
	RECORD_COMMON(rec)->boot_ns = FROM + MS;
	twins_enter(t, rec->bytes, 8);
	twins_enter(t, rec->bytes, 0);
	RECORD_COMMON(rec)->type = 63;
	twins_enter(t, rec->bytes, RECORD_COMMON(rec)->size);
	record_free(&rec);
	assert_false(take(t, 100, FROM + MS, "/a"));
	twins_free(&t);
}

static void room_is_bounded_and_what_finds_none_is_counted(void **state)
{
	(void)state;
	struct twins *t = twins_from();
	for (unsigned i = 0; i < TWINS_MAX + 3u; i++)
		enter(t, i, FROM + MS, "/a");
	assert_int_equal(twins_dropped(t), 3);
	assert_true(take(t, TWINS_MAX - 1, FROM + MS, "/a"));
	assert_false(take(t, TWINS_MAX, FROM + MS, "/a"));
	twins_free(&t);
}

static void it_is_over_some_time_after_those_of_before_have_ended(void **state)
{
	(void)state;
	struct twins *t = twins_from();
	enter(t, 100, FROM + 190 * MS, "/a");
	assert_false(twins_is_over(t, FROM + 1000 * MS));
	twins_close(t, FROM + 100 * MS);
	assert_false(twins_is_over(t, FROM + 101 * MS));
	assert_true(twins_is_over(t, FROM + 200 * MS));
	assert_false(take(t, 100, FROM + 200 * MS, "/a"));
	twins_free(&t);
	twins_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_twin_is_of_the_same_thread_and_texts_at_about_the_same_time),
		cmocka_unit_test(another_event_is_no_twin),
		cmocka_unit_test(of_acts_that_are_alike_the_nearest_is_the_twin_and_none_twice),
		cmocka_unit_test(what_was_told_before_ours_began_has_no_twin),
		cmocka_unit_test(damaged_records_are_left_out),
		cmocka_unit_test(room_is_bounded_and_what_finds_none_is_counted),
		cmocka_unit_test(it_is_over_some_time_after_those_of_before_have_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
