/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/wal.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "tests/support/faulty_io.h"

struct fixture {
	char folder[64];
	struct faulty_io fault;
	struct wal_io io;
	struct wal_config config;
	uint64_t next; /* the line that is written next */
};

static void empty_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
}

static int make_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/vedette-wal-XXXXXX");
	*state = f;
	if (!mkdtemp(f->folder))
		return -1;
	f->io = faulty_io(&f->fault);
	f->config = wal_defaults();
	f->config.folder = f->folder;
	f->config.io = &f->io;
	f->config.commit_ns = 0; /* each record at once */
	f->config.retry_ns = 1000;
	f->config.queue_bytes = 4 << 20;
	return 0;
}

static int drop_fixture(void **state)
{
	struct fixture *f = *state;
	empty_folder(f->folder);
	rmdir(f->folder);
	free(f);
	return 0;
}

static struct wal *open_wal(struct fixture *f)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct wal *w = NULL;
	if (wal_open(&f->config, &w, &diag))
		fail_msg("%s", diag.n ? diag.messages[0].text : "no reason");
	return w;
}

/* One line that says which it is, and is hard to mistake for another one. */
static void add_line(struct fixture *f, struct wal *w)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "{\"line\":%llu,\"again\":%llu}\n", (unsigned long long)f->next, (unsigned long long)f->next);
	const struct outlet_batch batch = { .lines = { line, (size_t)n }, .first = f->next, .count = 1, .severity = SEVERITY_LOW };
	struct outlet *o = wal_outlet(w);
	int r = o->ops->write(o, &batch, 0);
	if (r == -ENOBUFS)
		fail_msg("no room for line %llu", (unsigned long long)f->next);
	f->next++;
}

static void add_lines(struct fixture *f, struct wal *w, size_t n)
{
	struct outlet *o = wal_outlet(w);
	for (size_t i = 0; i < n; i++)
		add_line(f, w);
	assert_int_equal(o->ops->wait(o), 0);
}

/* Each line as a record of its own. */
static void add_synced(struct fixture *f, struct wal *w, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_lines(f, w, 1);
}

struct tally {
	uint64_t lines, missed;
	bool is_ordered; /* each after the one before */
	uint64_t last;
};

static struct tally read_all(struct wal *w, uint64_t from)
{
	struct tally t = { .is_ordered = true };
	struct wal_reader *r = NULL;
	struct wal_item item;
	assert_int_equal(wal_reader_new(w, from, false, &r), 0);
	while (wal_reader_next(r, 0, &item) == 1) {
		char want[64];
		t.missed += item.missed;
		t.is_ordered &= t.lines == 0 || item.header.first > t.last;
		for (uint32_t i = 0; i < item.header.count; i++) {
			int n = snprintf(want, sizeof(want), "{\"line\":%llu,\"again\":%llu}\n", (unsigned long long)(item.header.first + i),
					 (unsigned long long)(item.header.first + i));
			if (item.lines.n < (size_t)n || memcmp(item.lines.p, want, (size_t)n) != 0)
				fail_msg("line %llu is not what was written: %.*s", (unsigned long long)(item.header.first + i), (int)item.lines.n, item.lines.p);
			item.lines = sv_from_index(item.lines, (size_t)n);
			t.last = item.header.first + i;
			t.lines++;
		}
		assert_int_equal(item.lines.n, 0);
	}
	wal_reader_free(&r);
	return t;
}

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
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_fixture, drop_fixture)
	const struct CMUnitTest tests[] = {
		WITH_FOLDER(what_was_written_comes_back_in_order),
		WITH_FOLDER(a_log_goes_on_where_it_ended),
		WITH_FOLDER(a_second_writer_is_refused),
		WITH_FOLDER(a_torn_end_is_cut_wherever_it_was_torn),
		WITH_FOLDER(no_damaged_byte_stops_a_reader_or_costs_more_than_its_record),
		WITH_FOLDER(damage_is_told_once_however_many_read),
		WITH_FOLDER(what_cannot_be_read_is_passed_and_counted),
		WITH_FOLDER(overlapping_losses_are_counted_once),
		WITH_FOLDER(a_segment_that_is_gone_is_passed_and_counted),
		WITH_FOLDER(any_fault_of_the_disk_delays_and_loses_nothing),
		WITH_FOLDER(what_the_disk_does_not_take_waits_and_is_told_at_the_end),
		WITH_FOLDER(a_full_disk_keeps_room_for_what_matters_most),
		WITH_FOLDER(what_waits_leaves_room_by_severity),
		WITH_FOLDER(segments_go_when_the_required_have_passed_them),
		WITH_FOLDER(a_ceiling_costs_the_oldest_when_that_is_wanted),
		WITH_FOLDER(a_ceiling_holds_for_the_most_severe_too),
		WITH_FOLDER(a_disk_that_was_full_for_a_moment_costs_nothing),
		WITH_FOLDER(a_full_disk_costs_one_segment_at_a_time),
		WITH_FOLDER(a_batch_larger_than_a_record_is_cut_between_lines),
		WITH_FOLDER(a_large_log_starts_at_once),
		WITH_FOLDER(a_small_file_is_replaced_whole_or_not_at_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
