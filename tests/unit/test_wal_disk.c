/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that fails or is full, and the room there is before that: what waits, what goes, and what is told. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "alerts/wal.h"
#include "engine/base/fd.h"
#include "tests/support/wal_lines.h"

static void any_fault_of_the_disk_delays_and_loses_nothing(void **state)
{
	static const struct { const char *what; enum faulty_op op; int error; bool goes_on; } cases[] = {
		{ "a write of half the bytes", FAULTY_WRITE, 0, false }, { "a write without room", FAULTY_WRITE, ENOSPC, false },
		{ "a write that fails", FAULTY_WRITE, EIO, false },      { "an interrupted write", FAULTY_WRITE, EINTR, false },
		{ "a sync that fails", FAULTY_SYNC, EIO, false },        { "a sync without room", FAULTY_SYNC, ENOSPC, false },
		{ "no room for a segment", FAULTY_ALLOCATE, ENOSPC, false }, { "no segment can be made", FAULTY_OPEN, EROFS, false },
		{ "a cut that fails", FAULTY_CUT, EIO, true },           { "a removal that fails", FAULTY_REMOVE, EIO, true },
		{ "any operation", FAULTY_ANY, EIO, false },             { "short writes throughout", FAULTY_WRITE, 0, true },
	};
	struct fixture *f = *state;
	f->config.segment_bytes = 700;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (unsigned at = 1; at <= 12; at++) {
			empty_folder(f->folder);
			f->fault = (struct faulty_io){ .op = cases[i].op, .at = at, .error = cases[i].error, .goes_on = cases[i].goes_on };
			f->next = 0;
			struct wal *w = open_wal(f);
			add_synced(f, w, 20);
			struct tally t = read_all(w, 0);
			size_t left = wal_close(&w);
			if (t.lines != 20 || t.missed || !t.is_ordered || left)
				fail_msg("%s, the %uth: %llu lines of 20, %llu missed", cases[i].what, at, (unsigned long long)t.lines, (unsigned long long)t.missed);
			w = open_wal(f);
			t = read_all(w, 0);
			if (t.lines != 20 || t.missed || !t.is_ordered)
				fail_msg("%s, the %uth: after a restart %llu lines of 20, %llu missed", cases[i].what, at, (unsigned long long)t.lines,
					 (unsigned long long)t.missed);
			wal_close(&w);
		}
	}
}

/* A segment whose first sync failed is made anew: who looked at it in the meantime reads the new one. */
static void a_reader_that_looks_during_faults_misses_nothing(void **state)
{
	struct fixture *f = *state;
	struct wal_reader *r = NULL;
	struct wal_item item;
	struct wal_loss loss;
	f->config.retry_ns = 50000000;
	struct wal *w = open_wal(f);
	struct outlet *o = wal_outlet(w);
	assert_int_equal(wal_reader_new(w, 0, true, &r), 0);
	f->fault = (struct faulty_io){ .op = FAULTY_SYNC, .at = 2, .goes_on = true, .error = EIO }; /* the folder takes the name; the file, then the folder fail */
	add_line(f, w);
	for (unsigned failures = 1; failures <= 3; failures++) {
		while (__atomic_load_n(&f->fault.failures, __ATOMIC_RELAXED) < failures)
			(void)sched_yield();
		assert_int_equal(wal_reader_next(r, 0, &item), 0);
	}
	__atomic_store_n(&f->fault.error, 0, __ATOMIC_RELAXED);
	while (o->ops->wait(o) != 0)
		(void)sched_yield();
	assert_int_equal(wal_reader_next(r, 0, &item), 1);
	assert_int_equal(item.header.number, 0);
	assert_int_equal(item.missed, 0);
	assert_false(wal_take_loss(w, &loss));
	wal_reader_free(&r);
	wal_close(&w);
}

static void what_the_disk_does_not_take_waits_and_is_told_at_the_end(void **state)
{
	struct fixture *f = *state;
	f->fault = (struct faulty_io){ .op = FAULTY_SYNC, .at = 1, .goes_on = true, .error = EIO };
	f->config.wait_ns = 10000000;
	struct wal *w = open_wal(f);
	struct outlet *o = wal_outlet(w);
	add_line(f, w);
	assert_int_equal(o->ops->wait(o), -EIO);
	assert_int_equal(o->ops->error(o), EIO);
	assert_int_equal(read_all(w, 0).lines, 0); /* no receiver gets what is not durable */
	assert_true(wal_close(&w) > 0);
}

static size_t room(struct wal *w, enum severity severity)
{
	struct outlet *o = wal_outlet(w);
	return o->ops->room(o, severity);
}

static void a_full_disk_keeps_room_for_what_matters_most(void **state)
{
	static const struct { const char *what; enum wal_full full; enum outlet_state state; bool low, high; } cases[] = {
		{ "the lowest severity goes first", WAL_DROP_LOWEST, OUTLET_READY, false, true },
		{ "the oldest goes", WAL_DROP_OLDEST, OUTLET_READY, true, true },
		{ "nothing is taken in", WAL_BLOCK, OUTLET_BLOCKED, true, true },
		{ "nothing goes on", WAL_FAIL_CLOSED, OUTLET_FAILED, true, true },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		empty_folder(f->folder);
		f->fault = (struct faulty_io){ .op = FAULTY_ALLOCATE, .at = 1, .goes_on = true, .error = ENOSPC };
		f->config.full = cases[i].full;
		f->next = 0;
		struct wal *w = open_wal(f);
		add_lines(f, w, 1); /* fits nevertheless: the reserve is gone, and what there is does */
		struct outlet *o = wal_outlet(w);
		if (o->ops->state(o) != cases[i].state || (room(w, SEVERITY_LOW) > 0) != cases[i].low || (room(w, SEVERITY_HIGH) > 0) != cases[i].high ||
		    room(w, SEVERITY_CRITICAL) == 0)
			fail_msg("%s: state %d, room %zu and %zu", cases[i].what, (int)o->ops->state(o), room(w, SEVERITY_LOW), room(w, SEVERITY_HIGH));
		wal_close(&w);
	}
}

static void what_waits_leaves_room_by_severity(void **state)
{
	struct fixture *f = *state;
	f->fault = (struct faulty_io){ .op = FAULTY_SYNC, .at = 1, .goes_on = true, .error = EIO };
	f->config.wait_ns = 1;
	struct wal *w = open_wal(f);
	size_t before = SIZE_MAX;
	for (int s = SEVERITY_CRITICAL; s >= SEVERITY_INFO; s--) {
		assert_true(room(w, (enum severity)s) < before);
		before = room(w, (enum severity)s);
	}
	CLEANUP(buf_done) struct buf text = { 0 };
	size_t line = 1000, low = room(w, SEVERITY_INFO);
	for (size_t i = 0; i < line - 1; i++)
		buf_add_char(&text, 'x');
	buf_add_char(&text, '\n');
	while (room(w, SEVERITY_INFO) >= line) {
		const struct outlet_batch batch = { .lines = buf_sv(&text), .first = f->next++, .count = 1 };
		struct outlet *o = wal_outlet(w);
		assert_true(o->ops->write(o, &batch, 0) != -ENOBUFS);
	}
	assert_true(room(w, SEVERITY_CRITICAL) > low / 2);
	assert_true(wal_close(&w) > 0); /* told */
}

static void a_ceiling_costs_the_oldest_when_that_is_wanted(void **state)
{
	struct fixture *f = *state;
	struct wal_reader *r = NULL;
	struct wal_item item;
	struct wal_loss loss;
	struct wal_stats stats;
	f->config.segment_bytes = 300;
	f->config.max_bytes = 900;
	f->config.full = WAL_DROP_OLDEST;
	struct wal *w = open_wal(f);
	assert_int_equal(wal_reader_new(w, 0, true, &r), 0);
	wal_begin_trimming(w);
	add_synced(f, w, 2);
	assert_int_equal(wal_reader_next(r, 0, &item), 1);
	add_synced(f, w, 28);
	assert_int_equal(wal_reader_next(r, 0, &item), 1); /* its descriptor is still open */
	uint64_t got = 2, missed = 0;
	while (wal_reader_next(r, 0, &item) == 1) {
		got++;
		missed += item.missed;
	}
	wal_get_stats(w, &stats);
	assert_true(stats.bytes <= 1200);
	assert_int_equal(got + missed, 30);
	assert_true(missed >= 15);
	assert_true(wal_take_loss(w, &loss));
	assert_string_equal(loss.what, "log-dropped");
	assert_int_equal(loss.count, missed);
	wal_reader_free(&r);
	wal_close(&w);
}

/* Nobody reads, and everything is critical: the log ends its growth at wal.max and the reserve, with each policy. */
static void a_ceiling_holds_for_the_most_severe_too(void **state)
{
	static const struct { const char *what; enum wal_full full; } cases[] = {
		{ "the lowest severity goes first", WAL_DROP_LOWEST },
		{ "nothing is taken in", WAL_BLOCK },
		{ "the oldest goes", WAL_DROP_OLDEST },
	};
	struct fixture *f = *state;
	f->config.segment_bytes = 16384;
	f->config.max_bytes = 100000;
	f->config.reserve_bytes = 50000;
	CLEANUP(buf_done) struct buf text = { 0 };
	buf_add_format(&text, "{\"%0996d\":0}\n", 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct wal_reader *r = NULL;
		struct wal_stats stats;
		empty_folder(f->folder);
		f->config.full = cases[i].full;
		struct wal *w = open_wal(f);
		struct outlet *o = wal_outlet(w);
		assert_int_equal(wal_reader_new(w, 0, true, &r), 0);
		wal_begin_trimming(w);
		for (size_t k = 0; k < 400; k++) {
			const struct outlet_batch batch = { .lines = buf_sv(&text), .first = k, .count = 1, .severity = SEVERITY_CRITICAL };
			if (room(w, SEVERITY_CRITICAL) >= text.n)
				assert_int_equal(o->ops->write(o, &batch, 0), 0);
			assert_int_equal(o->ops->wait(o), 0);
		}
		wal_get_stats(w, &stats);
		bool is_full = cases[i].full != WAL_DROP_OLDEST;
		if (stats.bytes > 150000 + 2000 || (is_full && (stats.bytes < 140000 || room(w, SEVERITY_CRITICAL) >= text.n)))
			fail_msg("%s: %llu bytes, room for %zu", cases[i].what, (unsigned long long)stats.bytes, room(w, SEVERITY_CRITICAL));
		wal_reader_release(r, stats.next); /* the reader has come */
		for (unsigned k = 0; k < 100 && room(w, SEVERITY_CRITICAL) < text.n; k++) {
			const struct timespec nap = { .tv_nsec = 50000000 };
			nanosleep(&nap, NULL);
		}
		if (room(w, SEVERITY_CRITICAL) < text.n)
			fail_msg("%s: there is no room again", cases[i].what);
		wal_reader_free(&r);
		wal_close(&w);
	}
}

/* The reserve is enough for that: nothing has to go though the policy would give it up. */
static void a_disk_that_was_full_for_a_moment_costs_nothing(void **state)
{
	struct fixture *f = *state;
	struct wal_reader *r = NULL;
	struct wal_stats stats;
	f->config.segment_bytes = 300;
	f->config.full = WAL_DROP_OLDEST;
	struct wal *w = open_wal(f);
	assert_int_equal(wal_reader_new(w, 0, true, &r), 0);
	wal_begin_trimming(w);
	add_synced(f, w, 18);
	f->fault = (struct faulty_io){ .op = FAULTY_ALLOCATE, .at = 1, .error = ENOSPC };
	add_synced(f, w, 4); /* another segment, at least */
	assert_int_equal(f->fault.failures, 1);
	wal_get_stats(w, &stats);
	assert_int_equal(stats.oldest, 0);
	assert_false(stats.is_full);
	wal_reader_free(&r);
	wal_close(&w);
}

/* Each try that finds the disk full gives up one segment, not all that there are. */
static void a_full_disk_costs_one_segment_at_a_time(void **state)
{
	struct fixture *f = *state;
	struct wal_reader *r = NULL;
	struct wal_stats stats;
	f->config.segment_bytes = 300;
	f->config.retry_ns = 100000000;
	f->config.full = WAL_DROP_OLDEST;
	struct wal *w = open_wal(f);
	assert_int_equal(wal_reader_new(w, 0, true, &r), 0);
	wal_begin_trimming(w);
	add_synced(f, w, 30);
	wal_get_stats(w, &stats);
	uint64_t before = stats.segments;
	f->fault = (struct faulty_io){ .op = FAULTY_WRITE, .at = 1, .goes_on = true, .error = ENOSPC };
	add_line(f, w);
	while (__atomic_load_n(&f->fault.failures, __ATOMIC_RELAXED) < 3) /* the first costs the reserve */
		(void)sched_yield();
	__atomic_store_n(&f->fault.error, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&f->fault.at, 0, __ATOMIC_RELAXED);
	add_lines(f, w, 1);
	wal_get_stats(w, &stats);
	assert_true(stats.oldest > 0);
	assert_true(stats.segments + 5 >= before); /* all but one would be 9 fewer */
	wal_reader_free(&r);
	wal_close(&w);
}

static void a_small_file_is_replaced_whole_or_not_at_all(void **state)
{
	struct fixture *f = *state;
	CLEANUP(fd_close) int folder = open(f->folder, O_RDONLY | O_DIRECTORY);
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/small", f->folder);
	assert_int_equal(wal_io_replace(&f->io, folder, "small", SV("before\n")), 0);
	for (unsigned at = 1; at <= 5; at++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		f->fault = (struct faulty_io){ .op = FAULTY_ANY, .at = at, .error = EIO };
		assert_int_equal(wal_io_replace(&f->io, folder, "small", SV("after, and longer\n")), -EIO);
		assert_int_equal(fd_read_file(path, 100, &text), 0);
		assert_true(sv_is(buf_sv(&text), "before\n") || (at == 5 && sv_is(buf_sv(&text), "after, and longer\n")));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(any_fault_of_the_disk_delays_and_loses_nothing),
		WITH_FOLDER(a_reader_that_looks_during_faults_misses_nothing),
		WITH_FOLDER(what_the_disk_does_not_take_waits_and_is_told_at_the_end),
		WITH_FOLDER(a_full_disk_keeps_room_for_what_matters_most),
		WITH_FOLDER(what_waits_leaves_room_by_severity),
		WITH_FOLDER(a_ceiling_costs_the_oldest_when_that_is_wanted),
		WITH_FOLDER(a_ceiling_holds_for_the_most_severe_too),
		WITH_FOLDER(a_disk_that_was_full_for_a_moment_costs_nothing),
		WITH_FOLDER(a_full_disk_costs_one_segment_at_a_time),
		WITH_FOLDER(a_small_file_is_replaced_whole_or_not_at_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
