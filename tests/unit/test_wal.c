/* SPDX-License-Identifier: Apache-2.0 */
/* What is written comes back: over restarts, behind torn ends, damage and segments that are gone. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/wal.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "tests/support/wal_lines.h"

static void what_was_written_comes_back_in_order(void **state)
{
	struct fixture *f = *state;
	struct wal *w = open_wal(f);
	struct wal_head head;
	wal_get_head(w, &head);
	assert_int_equal(head.next, 0);
	assert_int_equal(head.line.n, 0);
	add_lines(f, w, 1000);
	struct tally t = read_all(w, 0);
	assert_int_equal(t.lines, 1000);
	assert_int_equal(t.missed, 0);
	assert_true(t.is_ordered);
	assert_int_equal(wal_close(&w), 0);
}

static void a_log_goes_on_where_it_ended(void **state)
{
	struct fixture *f = *state;
	struct wal_head head;
	for (unsigned run = 0; run < 5; run++) {
		struct wal *w = open_wal(f);
		wal_get_head(w, &head);
		assert_int_equal(head.next, run * 10);
		assert_int_equal(head.torn_bytes, 0);
		if (run)
			assert_memory_equal(head.line.p, run == 1 ? "{\"line\":9," : run == 2 ? "{\"line\":19" : run == 3 ? "{\"line\":29" : "{\"line\":39", 10);
		add_synced(f, w, 10);
		assert_int_equal(read_all(w, 0).lines, (run + 1) * 10);
		assert_int_equal(wal_close(&w), 0);
	}
}

static void a_second_writer_is_refused(void **state)
{
	struct fixture *f = *state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct wal *w = open_wal(f), *second = NULL;
	assert_int_equal(wal_open(&f->config, &second, &diag), -EBUSY);
	assert_int_equal(diag.n, 1);
	assert_int_equal(wal_close(&w), 0);
}

static void a_link_is_no_folder_of_a_log(void **state)
{
	struct fixture *f = *state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct wal_config config = f->config;
	struct wal *w = NULL;
	char link[128];
	(void)snprintf(link, sizeof(link), "%s.link", f->config.folder);
	assert_int_equal(symlink(f->config.folder, link), 0);
	config.folder = link;
	assert_int_equal(wal_open(&config, &w, &diag), -ELOOP);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(diag.n, 1);
	assert_non_null(strstr(diag.messages[0].text, "is a symbolic link"));
}

/* The name of the segment that begins with this record. */
static void segment_path(const struct fixture *f, unsigned first, char ret[static 128])
{
	(void)snprintf(ret, 128, "%s/%020u.wal", f->folder, first);
}

static void a_torn_end_is_cut_wherever_it_was_torn(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct stat st;
	struct wal *w = open_wal(f);
	add_synced(f, w, 4);
	wal_close(&w);
	segment_path(f, 0, path);
	assert_int_equal(stat(path, &st), 0);
	CLEANUP(buf_done) struct buf whole = { 0 };
	assert_int_equal(fd_read_file(path, 1 << 20, &whole), 0);
	size_t record = whole.n / 4;
	for (size_t cut = 1; cut < record; cut++) {
		struct wal_loss loss;
		struct wal_head head;
		CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_TRUNC);
		assert_int_equal(fd_write_all(fd, whole.p, whole.n - cut), 0);
		w = open_wal(f);
		wal_get_head(w, &head);
		assert_int_equal(head.next, 3);
		assert_int_equal(head.torn_bytes, record - cut);
		assert_true(wal_take_loss(w, &loss));
		assert_string_equal(loss.what, "log-torn");
		f->next = 3;
		add_lines(f, w, 1); /* the same number again: nobody had got it */
		struct tally t = read_all(w, 0);
		assert_int_equal(t.lines, 4);
		assert_int_equal(t.missed, 0);
		wal_close(&w);
	}
}

/* What a failed sync left behind the place where the next segment begins, and what a kill kept from being written there. */
static void what_a_failed_sync_left_is_no_record(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct wal_head head;
	struct wal *w = open_wal(f);
	add_synced(f, w, 4);
	wal_close(&w);
	segment_path(f, 1, path);
	for (unsigned has_more = 0; has_more < 2; has_more++) {
		CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		assert_true(fd >= 0);
		w = open_wal(f);
		wal_get_head(w, &head);
		assert_int_equal(head.next, 1);
		assert_memory_equal(head.line.p, "{\"line\":0,", 10);
		struct tally t = read_all(w, 0);
		if (t.lines != 1 || t.missed)
			fail_msg("%llu lines, %llu missed", (unsigned long long)t.lines, (unsigned long long)t.missed);
		f->next = 1;
		add_synced(f, w, 2);
		t = read_all(w, 0);
		if (t.lines != 3 || t.missed || !t.is_ordered)
			fail_msg("with more behind it: %llu lines, %llu missed", (unsigned long long)t.lines, (unsigned long long)t.missed);
		wal_close(&w);
	}
}

static void no_damaged_byte_stops_a_reader_or_costs_more_than_its_record(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct wal *w = open_wal(f);
	add_synced(f, w, 5);
	wal_close(&w);
	segment_path(f, 0, path);
	CLEANUP(buf_done) struct buf whole = { 0 };
	assert_int_equal(fd_read_file(path, 1 << 20, &whole), 0);
	for (size_t at = 0; at < whole.n; at++) {
		CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_TRUNC);
		whole.p[at] ^= 0x41;
		assert_int_equal(fd_write_all(fd, whole.p, whole.n), 0);
		whole.p[at] ^= 0x41;
		w = open_wal(f);
		f->next = 100;
		add_lines(f, w, 1); /* so that damage at the end stands in the middle */
		struct tally t = read_all(w, 0);
		struct wal_loss loss;
		bool is_last = at >= whole.n / 5 * 4;
		if (t.lines != 5 || !t.is_ordered || !wal_take_loss(w, &loss) || strcmp(loss.what, is_last ? "log-torn" : "log-damaged") != 0 || loss.count != 1)
			fail_msg("byte %zu: %llu lines, %llu missed", at, (unsigned long long)t.lines, (unsigned long long)t.missed);
		wal_close(&w);
	}
}

static void damage_is_told_once_however_many_read(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct wal_loss loss;
	struct wal *w = open_wal(f);
	add_synced(f, w, 5);
	wal_close(&w);
	segment_path(f, 0, path);
	CLEANUP(fd_close) int fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "x", 1, 150), 1);
	w = open_wal(f);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(read_all(w, 0).lines, 4);
	assert_true(wal_take_loss(w, &loss));
	assert_int_equal(loss.count, 1);
	assert_false(wal_take_loss(w, &loss));
	wal_close(&w);
}

/* What a disk cannot read is no reason to stand still: tried some times, then passed and told. */
static void what_cannot_be_read_is_passed_and_counted(void **state)
{
	static const struct { const char *what; off_t from, to; size_t segment; uint64_t least, most; unsigned errors; } cases[] = { /* of 400 lines; errors: tries */
		{ "one block", 4096, 8192, 1 << 20, 50, 60, 2 },
		{ "a byte: what is left of its block", 10040, 10041, 1 << 20, 25, 35, 2 },
		{ "the first block", 0, 4096, 1 << 20, 50, 60, 2 },
		{ "all but the last of eight blocks", 0, 28672, 1 << 20, 380, 399, 2 },
		{ "nothing of any segment can be read", 0, (off_t)1 << 30, 8192, 400, 400, 8 },
		{ "nothing at all", 0, (off_t)1 << 30, 1 << 20, 400, 400, 2 },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct wal_reader *r = NULL;
		struct wal_item item;
		struct wal_loss loss = { .count = 0 };
		uint64_t lines = 0, told = 0;
		unsigned errors = 0;
		empty_folder(f->folder);
		f->config.segment_bytes = cases[i].segment;
		f->next = 0;
		f->fault = (struct faulty_io){ .op = FAULTY_ANY };
		struct wal *w = open_wal(f);
		add_synced(f, w, 400);
		f->fault.bad_from = cases[i].from;
		f->fault.bad_to = cases[i].to;
		assert_int_equal(wal_reader_new(w, 0, true, &r), 0);
		for (int got; errors <= 20 && (got = wal_reader_next(r, 0, &item)) != 0;) {
			lines += got == 1 ? item.header.count : 0;
			errors += got < 0;
		}
		while (wal_take_loss(w, &loss))
			told += loss.count;
		if (lines + told != 400 || told < cases[i].least || told > cases[i].most || errors != cases[i].errors)
			fail_msg("%s: %llu lines came, %llu were told to be lost, %u errors", cases[i].what, (unsigned long long)lines, (unsigned long long)told, errors);
		f->fault = (struct faulty_io){ .op = FAULTY_ANY };
		f->fault.bad_to = 0;
		add_lines(f, w, 1); /* and what comes behind it comes */
		if (wal_reader_next(r, 1000, &item) != 1 || item.header.first != 400)
			fail_msg("%s: what was written then does not come", cases[i].what);
		wal_reader_free(&r);
		wal_close(&w);
	}
}

/* Two readers meet the same damage at different places. */
static void overlapping_losses_are_counted_once(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct wal_loss loss;
	struct wal_reader *r = NULL;
	struct wal_item item;
	f->config.segment_bytes = 300; /* four records each */
	struct wal *w = open_wal(f);
	add_synced(f, w, 12);
	segment_path(f, 4, path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(read_all(w, 6).missed, 2);
	assert_int_equal(wal_reader_new(w, 0, false, &r), 0);
	while (wal_reader_next(r, 0, &item) == 1)
		continue;
	wal_reader_free(&r);
	assert_int_equal(read_all(w, 5).missed, 3);
	assert_true(wal_take_loss(w, &loss));
	assert_int_equal(loss.count, 4);
	wal_close(&w);
}

static void a_segment_that_is_gone_is_passed_and_counted(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct wal_loss loss;
	f->config.segment_bytes = 300; /* four records each */
	struct wal *w = open_wal(f);
	add_synced(f, w, 12);
	struct wal_stats stats;
	wal_get_stats(w, &stats);
	assert_int_equal(stats.segments, 3);
	struct wal_reader *r = NULL;
	struct wal_item item;
	assert_int_equal(wal_reader_new(w, 0, true, &r), 0);
	assert_int_equal(wal_reader_next(r, 0, &item), 1);
	wal_reader_free(&r);
	segment_path(f, 4, path);
	assert_int_equal(unlink(path), 0);
	struct tally t = read_all(w, 0);
	assert_int_equal(t.lines, 8);
	assert_int_equal(t.missed, 4);
	assert_true(wal_take_loss(w, &loss));
	assert_int_equal(loss.count, 4);
	wal_close(&w);
}

static void segments_go_when_the_required_have_passed_them(void **state)
{
	struct fixture *f = *state;
	f->config.segment_bytes = 300;
	struct wal *w = open_wal(f);
	struct wal_reader *slow = NULL, *fast = NULL;
	struct wal_stats stats;
	assert_int_equal(wal_reader_new(w, 0, true, &slow), 0);
	assert_int_equal(wal_reader_new(w, 0, true, &fast), 0);
	add_synced(f, w, 12);
	wal_reader_release(fast, 12);
	add_synced(f, w, 1);
	wal_get_stats(w, &stats);
	assert_int_equal(stats.oldest, 0); /* nobody said yet that all readers are there */
	wal_begin_trimming(w);
	add_synced(f, w, 1);
	wal_get_stats(w, &stats);
	assert_int_equal(stats.oldest, 0); /* the slow one holds it */
	wal_reader_release(slow, 7);
	add_synced(f, w, 2);
	wal_get_stats(w, &stats);
	assert_int_equal(stats.oldest, 4);
	wal_reader_free(&slow);
	wal_reader_free(&fast);
	wal_close(&w);
	w = open_wal(f);
	assert_int_equal(read_all(w, 7).lines, 9);
	wal_close(&w);
}

static void a_batch_larger_than_a_record_is_cut_between_lines(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf text = { 0 };
	const size_t n = 60000;
	for (size_t i = 0; i < n; i++)
		buf_add_format(&text, "{\"line\":%zu,\"again\":%zu}\n", i, i);
	assert_int_equal(buf_error(&text), 0);
	assert_true(text.n > WAL_BODY_MAX);
	struct wal *w = open_wal(f);
	struct outlet *o = wal_outlet(w);
	const struct outlet_batch batch = { .lines = buf_sv(&text), .count = n };
	assert_int_equal(o->ops->write(o, &batch, 0), 0);
	assert_int_equal(o->ops->wait(o), 0);
	struct tally t = read_all(w, 0);
	assert_int_equal(t.lines, n);
	assert_int_equal(t.missed, 0);
	wal_close(&w);
}

static void a_large_log_starts_at_once(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf text = { 0 };
	f->config.commit_ns = 25000000;
	for (size_t i = 0; i < 1000; i++)
		buf_add_format(&text, "{\"line\":%zu,\"again\":%zu,\"%0900d\":0}\n", i, i, 0);
	struct wal *w = open_wal(f);
	struct outlet *o = wal_outlet(w);
	for (size_t i = 0; i < 200; i++) { /* 200 MB */
		const struct outlet_batch batch = { .lines = buf_sv(&text), .first = 1000 * i, .count = 1000 };
		while (o->ops->room(o, SEVERITY_CRITICAL) < text.n)
			assert_int_equal(o->ops->wait(o), 0);
		assert_int_equal(o->ops->write(o, &batch, 0), 0);
	}
	wal_close(&w);
	uint64_t began_ns = clock_ns(CLOCK_MONOTONIC);
	w = open_wal(f);
	uint64_t took_ns = clock_ns(CLOCK_MONOTONIC) - began_ns;
	struct wal_head head;
	wal_get_head(w, &head);
	assert_int_equal(head.next, 200);
	assert_true(took_ns < 2000000000);
	wal_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(what_was_written_comes_back_in_order),
		WITH_FOLDER(a_log_goes_on_where_it_ended),
		WITH_FOLDER(a_second_writer_is_refused),
		WITH_FOLDER(a_link_is_no_folder_of_a_log),
		WITH_FOLDER(a_torn_end_is_cut_wherever_it_was_torn),
		WITH_FOLDER(what_a_failed_sync_left_is_no_record),
		WITH_FOLDER(no_damaged_byte_stops_a_reader_or_costs_more_than_its_record),
		WITH_FOLDER(damage_is_told_once_however_many_read),
		WITH_FOLDER(what_cannot_be_read_is_passed_and_counted),
		WITH_FOLDER(overlapping_losses_are_counted_once),
		WITH_FOLDER(a_segment_that_is_gone_is_passed_and_counted),
		WITH_FOLDER(segments_go_when_the_required_have_passed_them),
		WITH_FOLDER(a_batch_larger_than_a_record_is_cut_between_lines),
		WITH_FOLDER(a_large_log_starts_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
