/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>

#include "engine/enrich/outcome.h"
#include "tests/support/record.h"

#define SECOND 1000000000ull

static struct outcome_table *table_new(size_t records, size_t bytes)
{
	struct outcome_table *t = NULL;
	assert_int_equal(outcome_new(records, bytes, 5 * SECOND, &t), 0);
	return t;
}

/* Holds a file.open of size_bytes, recognised later by its inode. */
static int hold(struct outcome_table *t, uint64_t call_id, uint64_t boot_ns, uint64_t mark, size_t size_bytes)
{
	static char filler[RECORD_MAX];
	CLEANUP(record_free) struct record *rec = record_new(EVENT_FILE_OPEN);
	RECORD_COMMON(rec)->call_id = call_id;
	RECORD_COMMON(rec)->boot_ns = boot_ns;
	RECORD(rec, file_open)->inode = mark;
	memset(filler, (int)(mark & 0xff), sizeof(filler));
	if (size_bytes)
		RECORD_STR(rec, file_open, path, (struct strview){ filler, size_bytes });
	struct event ev = record_event(rec);
	return outcome_hold(t, &ev);
}

static uint64_t mark_of(const struct event *ev)
{
	return EVENT_AS(ev, file_open)->inode;
}

static struct outcome_stats stats_of(const struct outcome_table *t)
{
	struct outcome_stats stats;
	outcome_get_stats(t, &stats);
	return stats;
}

static void records_of_a_call_come_back_in_order(void **state)
{
	(void)state;
	struct outcome_table *t = table_new(64, RECORD_MAX);
	struct event got[OUTCOME_MAX_PER_CALL];
	assert_int_equal(hold(t, 7, SECOND, 1, 10), 0);
	assert_int_equal(hold(t, 8, SECOND, 2, 10), 0);
	assert_int_equal(hold(t, 7, SECOND, 3, 10), 0);
	assert_int_equal(hold(t, 7, SECOND, 4, 10), 0);
	assert_int_equal(outcome_take(t, 9, got), 0);
	assert_int_equal(outcome_take(t, 0, got), 0);
	assert_int_equal(outcome_take(t, 7, got), 3);
	for (size_t i = 0; i < 3; i++) {
		static const uint64_t marks[] = { 1, 3, 4 };
		assert_int_equal(mark_of(&got[i]), marks[i]);
		assert_ptr_equal(got[i].type, event_type_by_number(EVENT_FILE_OPEN));
		struct event again;
		assert_int_equal(event_decode(got[i].common, got[i].size, &again), 0);
	}
	assert_int_equal(outcome_take(t, 7, got), 0);
	assert_int_equal(outcome_take(t, 8, got), 1);
	assert_int_equal(stats_of(t).held, 0);
	outcome_free(&t);
}

static void what_cannot_be_held_is_refused_and_counted(void **state)
{
	(void)state;
	struct outcome_table *t = table_new(20, RECORD_MAX);
	struct event got[OUTCOME_MAX_PER_CALL];
	assert_int_equal(hold(t, 0, SECOND, 0, 0), -EINVAL);
	for (uint64_t i = 0; i < OUTCOME_MAX_PER_CALL; i++)
		assert_int_equal(hold(t, 7, SECOND, i, 0), 0);
	assert_int_equal(hold(t, 7, SECOND, 99, 0), -ENOSPC); /* too many of one call */
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(hold(t, 100 + i, SECOND, i, 0), 0);
	assert_int_equal(hold(t, 200, SECOND, 99, 0), -ENOSPC); /* too many records */
	assert_int_equal(stats_of(t).refused, 2);
	assert_int_equal(outcome_take(t, 7, got), OUTCOME_MAX_PER_CALL);
	assert_int_equal(hold(t, 200, SECOND, 99, 40000), 0);
	assert_int_equal(hold(t, 201, SECOND, 99, 40000), -ENOSPC); /* too many bytes */
	outcome_free(&t);
}

static void calls_whose_end_is_lost_expire_in_order(void **state)
{
	(void)state;
	struct outcome_table *t = table_new(64, RECORD_MAX);
	struct event got[2], taken[OUTCOME_MAX_PER_CALL];
	for (uint64_t i = 1; i <= 5; i++)
		assert_int_equal(hold(t, i, i * SECOND, i, 0), 0);
	assert_int_equal(outcome_take(t, 2, taken), 1);
	assert_int_equal(outcome_expired(t, 5 * SECOND, got, 2), 0);
	assert_int_equal(outcome_expired(t, 9 * SECOND, got, 2), 2);
	assert_int_equal(mark_of(&got[0]), 1);
	assert_int_equal(mark_of(&got[1]), 3);
	assert_int_equal(outcome_expired(t, 9 * SECOND, got, 2), 1);
	assert_int_equal(outcome_expired(t, 9 * SECOND, got, 2), 0);
	assert_int_equal(outcome_take(t, 1, taken), 0); /* its end comes after all: too late */
	assert_int_equal(outcome_take(t, 5, taken), 1);
	assert_int_equal(stats_of(t).expired, 3);
	outcome_free(&t);
}

static void a_time_far_ahead_does_not_hold_up_the_others(void **state)
{
	(void)state;
	struct outcome_table *t = table_new(64, RECORD_MAX);
	struct event got[4];
	assert_int_equal(outcome_expired(t, SECOND, got, 4), 0);
	assert_int_equal(hold(t, 1, UINT64_MAX, 1, 0), 0);
	assert_int_equal(hold(t, 2, 2 * SECOND, 2, 0), 0);
	assert_int_equal(outcome_expired(t, 12 * SECOND, got, 4), 2);
	outcome_free(&t);
}

/* Against a plain list: random holds, takes and expiries of records of all sizes, contents checked. */
static void any_use_is_what_a_plain_list_does(void **state)
{
	(void)state;
	enum { MODEL = 64 };
	struct outcome_table *t = table_new(48, RECORD_MAX + 30000);
	struct held {
		uint64_t call_id, boot_ns, mark;
		size_t size;
	} list[MODEL];
	size_t n = 0, refused = 0, taken = 0, expired = 0;
	uint64_t random = 1, now = 0;
	for (uint64_t step = 1; step <= 20000; step++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		uint32_t r = (uint32_t)(random >> 33);
		struct event got[OUTCOME_MAX_PER_CALL];
		now += SECOND / 16;
		if (r % 3) {
			struct held h = { 1 + r / 8 % 24, now, step, r / 1024 % (step % 50 ? 2000 : 60000) + 1 };
			int error = hold(t, h.call_id, h.boot_ns, h.mark, h.size);
			refused += error != 0;
			if (!error)
				list[n++] = h;
			assert_true(error == 0 || error == -ENOSPC);
			assert_true(n <= 48);
			continue;
		}
		size_t k, at = 0;
		uint64_t call_id = 1 + r / 8 % 24;
		bool is_take = r % 2;
		k = is_take ? outcome_take(t, call_id, got) : outcome_expired(t, now, got, OUTCOME_MAX_PER_CALL);
		*(is_take ? &taken : &expired) += k;
		for (size_t i = 0, kept = 0, all = n; i < all; i++) {
			bool is_due = is_take ? list[i].call_id == call_id : list[i].boot_ns + 5 * SECOND <= now;
			if (!is_due || at == OUTCOME_MAX_PER_CALL) {
				list[kept++] = list[i];
				n = kept;
				continue;
			}
			n = kept;
			assert_true(at < k);
			assert_int_equal(mark_of(&got[at]), list[i].mark);
			struct strview path = event_str(&got[at], EVENT_AS(&got[at], file_open)->path);
			assert_int_equal(path.n, list[i].size);
			assert_int_equal((uint8_t)path.p[0], list[i].mark & 0xff);
			assert_int_equal((uint8_t)path.p[path.n - 1], list[i].mark & 0xff);
			at++;
		}
		assert_int_equal(at, k);
		assert_int_equal(stats_of(t).held, n);
	}
	assert_true(refused > 10 && taken > 1000 && expired > 100); /* all of it was tried */
	outcome_free(&t);
}

static void impossible_sizes_are_refused(void **state)
{
	(void)state;
	static const struct {
		size_t records, bytes;
	} cases[] = { { 0, RECORD_MAX }, { (size_t)1 << 21, RECORD_MAX }, { 16, RECORD_MAX - 1 }, { 16, (size_t)1 << 32 } };
	struct outcome_table *t = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(outcome_new(cases[i].records, cases[i].bytes, SECOND, &t), -EINVAL);
	assert_null(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_a_call_come_back_in_order),
		cmocka_unit_test(what_cannot_be_held_is_refused_and_counted),
		cmocka_unit_test(calls_whose_end_is_lost_expire_in_order),
		cmocka_unit_test(a_time_far_ahead_does_not_hold_up_the_others),
		cmocka_unit_test(any_use_is_what_a_plain_list_does),
		cmocka_unit_test(impossible_sizes_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
