/* SPDX-License-Identifier: Apache-2.0 */
/* Sinks that write files: rotation, faults of the disk, lines that are there already. */
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

#include "alerts/sinks.h"
#include "engine/base/fd.h"
#include "tests/support/faulty_io.h"
#include "tests/support/sink_log.h"

static void a_file_gets_every_line_once(void **state)
{
	struct fixture *f = *state;
	char options[160];
	(void)snprintf(options, sizeof(options), "type: file, path: %s", f->path);
	for (unsigned run = 0; run < 3; run++) {
		start_sinks(f, options);
		add_lines(f, 10);
		struct sink_status status = stop_sinks(f);
		assert_int_equal(status.state, SINK_GOOD);
		assert_file(f->path, f, 0, f->written);
		if (run == 1) { /* a crash that came between the file and the cursor */
			char cursor[160];
			(void)snprintf(cursor, sizeof(cursor), "%s/one.cursor", f->cursors);
			assert_int_equal(unlink(cursor), 0);
		}
	}
}

static void send_to_file(struct fixture *f, void *sink, size_t from, size_t to)
{
	struct sink_line line;
	struct sink_fault fault = { .text = "" };
	for (size_t i = from, done = 0; i < to; i++) {
		assert_true(sink_line_read(f->log.line[i], &line));
		assert_int_equal(sink_type_file.send(sink, &line, 1, &done, &fault), 0);
	}
}

/* A sync that fails is told by no later one: what it was for is written again, wherever the failure came. */
static void what_could_not_be_synced_is_written_again(void **state)
{
	static const struct { const char *what; bool reopens, cannot_cut; size_t kept; } cases[] = {
		{ "the settle fails", false, false, 3 },
		{ "the sync before a reopening fails", true, false, 3 },
		{ "the file cannot be cut either: it is before it is written again", false, true, 6 },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct faulty_io bad = { .op = FAULTY_ANY };
		const struct wal_io io = faulty_io(&bad);
		const struct sink_options options = { .kind = SINK_FILE, .name = "one", .path = f->path, .keep = 1 };
		struct sink_fault fault = { .text = "" };
		void *sink = NULL;
		(void)unlink(f->path);
		assert_int_equal(sink_type_file.open(&options, &io, &sink, NULL), 0);
		send_to_file(f, sink, 0, 3);
		assert_int_equal(sink_type_file.settle(sink, &fault), 0);
		send_to_file(f, sink, 3, 6);
		bad = (struct faulty_io){ .op = cases[i].cannot_cut ? FAULTY_ANY : FAULTY_SYNC, .at = 1, .goes_on = true, .error = EIO };
		if (cases[i].reopens)
			sink_type_file.reopen(sink);
		int r = sink_type_file.settle(sink, &fault);
		if (r == 0 || !fault.is_window_lost)
			fail_msg("%s: the settle says %d, window lost: %d", cases[i].what, r, fault.is_window_lost);
		bad = (struct faulty_io){ .op = FAULTY_ANY };
		assert_file(f->path, f, 0, cases[i].kept);
		assert_int_equal(sink_type_file.settle(sink, &fault), 0); /* told once; the frame goes back to its cursor */
		send_to_file(f, sink, 3, 6);
		assert_int_equal(sink_type_file.settle(sink, &fault), 0);
		sink_type_file.close(sink);
		struct stat st;
		size_t want = 0;
		for (size_t k = 0; k < 6; k++)
			want += f->log.line[k].n + 1;
		assert_int_equal(stat(f->path, &st), 0);
		assert_int_equal(st.st_size, want);
	}
}

static void a_torn_line_of_a_file_is_completed(void **state)
{
	struct fixture *f = *state;
	char options[160], cursor[160];
	struct stat st;
	(void)snprintf(options, sizeof(options), "type: file, path: %s", f->path);
	(void)snprintf(cursor, sizeof(cursor), "%s/one.cursor", f->cursors);
	start_sinks(f, options);
	add_lines(f, 10);
	stop_sinks(f);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(truncate(f->path, st.st_size - 100), 0);
	assert_int_equal(unlink(cursor), 0);
	start_sinks(f, options);
	stop_sinks(f);
	assert_file(f->path, f, 0, 10);
}

/* In every format: whole after a crash that came between the file and the cursor, and no other format's file is gone on with. */
static void a_file_has_the_format_that_was_asked_for(void **state)
{
	struct fixture *f = *state;
	char options[200], cursor[160];
	(void)snprintf(cursor, sizeof(cursor), "%s/one.cursor", f->cursors);
	add_lines(f, 12);
	for (int format = 0; format < FORMAT_COUNT; format++) {
		CLEANUP(buf_done) struct buf want = { 0 }, got = { 0 };
		for (size_t i = 0; i < 12; i++) {
			assert_int_equal(format_convert((enum format)format, f->log.line[i], 0, &want), 0);
			buf_add_char(&want, '\n');
		}
		(void)snprintf(options, sizeof(options), "type: file, path: %s, format: %s", f->path, format_name((enum format)format));
		(void)unlink(f->path);
		for (unsigned run = 0; run < 2; run++) {
			(void)unlink(cursor);
			start_sinks(f, options);
			struct sink_status status = stop_sinks(f);
			assert_int_equal(status.lines, 12);
			assert_int_equal(status.refused, 0);
			buf_reset(&got);
			assert_int_equal(fd_read_file(f->path, 16 << 20, &got), 0);
			if (!sv_equal(buf_sv(&got), buf_sv(&want)))
				fail_msg("%s, run %u: %zu bytes, not %zu", format_name((enum format)format), run, got.n, want.n);
		}
	}
	CLEANUP(diag_done) struct diag diag = { 0 };
	const struct sink_options other = { .kind = SINK_FILE, .name = "one", .path = f->path, .keep = 1, .format = "cef" };
	void *sink = NULL;
	assert_int_equal(sink_type_file.open(&other, &f->io, &sink, &diag), -EBADMSG);
}

/* Twelve starts and a kill in between: the window that comes again is of several streams. */
static void lines_of_earlier_streams_are_known_too(void **state)
{
	static const size_t batches[] = { 1, 3, 0 };
	struct fixture *f = *state;
	char options[160], cursor[160];
	CLEANUP(buf_done) struct buf text = { 0 }, want = { 0 };
	(void)snprintf(options, sizeof(options), "type: file, path: %s, rotate: {size: 8000}", f->path);
	(void)snprintf(cursor, sizeof(cursor), "%s/one.cursor", f->cursors);
	struct outlet *o = wal_outlet(f->wal);
	for (unsigned i = 1; i <= 4; i++) {
		struct sample_log log = { .n = 0 };
		assert_int_equal(sample_log_make(&(struct sample_spec){ .stream = i, .batches = batches }, &log), 0);
		const struct outlet_batch batch = { .lines = buf_sv(&log.text), .count = log.n };
		buf_add_sv(&want, buf_sv(&log.text));
		assert_int_equal(o->ops->write(o, &batch, 0), 0);
		sample_log_done(&log);
	}
	assert_int_equal(o->ops->wait(o), 0);
	for (unsigned run = 0; run < 2; run++) {
		(void)unlink(cursor);
		start_sinks(f, options);
		stop_sinks(f);
	}
	for (int i = 9; i >= 0; i--) {
		char name[120];
		(void)snprintf(name, sizeof(name), i ? "%s.%d" : "%s", f->path, i);
		if (access(name, F_OK) == 0)
			assert_int_equal(fd_read_file(name, 1 << 20, &text), 0);
	}
	assert_true(sv_equal(buf_sv(&text), buf_sv(&want)));
}

/* A kill in the middle of a rotation: PATH.1 is PATH.2 already, PATH is still PATH. */
static void lines_behind_an_interrupted_rotation_are_known(void **state)
{
	struct fixture *f = *state;
	char options[160], cursor[160], one[120], two[120];
	(void)snprintf(options, sizeof(options), "type: file, path: %s, rotate: {size: 8000, keep: 9}", f->path);
	(void)snprintf(cursor, sizeof(cursor), "%s/one.cursor", f->cursors);
	(void)snprintf(one, sizeof(one), "%s.1", f->path);
	(void)snprintf(two, sizeof(two), "%s.2", f->path);
	start_sinks(f, options);
	while (access(one, F_OK))
		add_lines(f, 1), wait_for_lines(f, 0, f->written);
	stop_sinks(f);
	assert_int_equal(rename(one, two), 0);
	assert_int_equal(unlink(cursor), 0);
	start_sinks(f, options);
	stop_sinks(f);
	assert_int_equal(access(one, F_OK), -1);
	struct stat a, b;
	size_t want = 0;
	for (size_t i = 0; i < f->written; i++)
		want += f->log.line[i].n + 1;
	assert_int_equal(stat(f->path, &a), 0);
	assert_int_equal(stat(two, &b), 0);
	assert_int_equal(a.st_size + b.st_size, want);
}

/* Who may write to the file says that all of the agent's lines are there: nothing that is still to come may be taken for delivered. */
static void a_forged_line_takes_no_place(void **state)
{
	struct fixture *f = *state;
	char options[160], cursor[160];
	CLEANUP(buf_done) struct buf forged = { 0 }, text = { 0 };
	(void)snprintf(options, sizeof(options), "type: file, path: %s", f->path);
	(void)snprintf(cursor, sizeof(cursor), "%s/one.cursor", f->cursors);
	start_sinks(f, options);
	add_lines(f, 5);
	stop_sinks(f);
	buf_add_z(&forged, "{\"event\":{\"sequence\":9007199254740991},\"vedette_sig\":{\"stream\":\"00000000-0000-4000-8000-000000000000/0\"}}\n");
	assert_non_null(memmem(f->log.line[0].p, f->log.line[0].n, "00000000-0000-4000-8000-000000000000/0", 38));
	CLEANUP(fd_close) int fd = open(f->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(fd_write_all(fd, forged.p, forged.n), 0);
	assert_int_equal(unlink(cursor), 0); /* all comes again: what is there is known nevertheless */
	start_sinks(f, options);
	add_lines(f, 5);
	stop_sinks(f);
	assert_int_equal(fd_read_file(f->path, 1 << 20, &text), 0);
	size_t at = 0;
	for (size_t i = 0; i < 10; i++) {
		assert_true(text.n - at > f->log.line[i].n);
		assert_memory_equal(text.p + at, f->log.line[i].p, f->log.line[i].n);
		at += f->log.line[i].n + 1 + (i == 4 ? forged.n : 0);
	}
	assert_int_equal(at, text.n);
}

/* The agent's folder was lost, or another agent goes on with this log: each file verifies by itself. */
static void another_agent_begins_another_file(void **state)
{
	static const size_t batches[] = { 1, 3, 0 };
	struct fixture *f = *state;
	struct outlet *o = wal_outlet(f->wal);
	char options[160], name[120];
	(void)snprintf(options, sizeof(options), "type: file, path: %s, rotate: {size: 0}", f->path);
	for (unsigned i = 0; i < 3; i++) {
		struct sample_log log = { .n = 0 };
		assert_int_equal(sample_log_make(&(struct sample_spec){ .stream = i, .batches = batches }, &log), 0);
		const struct outlet_batch batch = { .lines = buf_sv(&log.text), .count = log.n };
		assert_int_equal(o->ops->write(o, &batch, 0), 0);
		if (i) { /* the first two at once, the third over a restart */
			assert_int_equal(o->ops->wait(o), 0);
			start_sinks(f, options);
			stop_sinks(f);
		}
		sample_log_done(&log);
	}
	for (unsigned i = 0; i < 3; i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		struct sample_log log = { .n = 0 };
		(void)snprintf(name, sizeof(name), i ? "%s.%u" : "%s", f->path, i);
		assert_int_equal(sample_log_make(&(struct sample_spec){ .stream = 2 - i, .batches = batches }, &log), 0);
		assert_int_equal(fd_read_file(name, 1 << 20, &text), 0);
		if (!sv_equal(buf_sv(&text), buf_sv(&log.text)))
			fail_msg("%s does not hold the lines of agent %u alone", name, 2 - i);
		sample_log_done(&log);
	}
}

/* Wherever the disk fails, in the log, the cursor or the file: all lines come, in order, and each once. */
static void any_fault_of_the_disk_delays_a_file_and_loses_nothing(void **state)
{
	static const struct { const char *what; enum faulty_op op; int error; } cases[] = {
		{ "a write of half the bytes", FAULTY_WRITE, 0 }, { "a write without room", FAULTY_WRITE, ENOSPC },
		{ "a sync that fails", FAULTY_SYNC, EIO },         { "a renaming that fails", FAULTY_RENAME, EIO },
		{ "a cut that fails", FAULTY_CUT, EIO },          { "any operation", FAULTY_ANY, EIO },
	};
	struct fixture *f = *state;
	char options[200];
	(void)snprintf(options, sizeof(options), "type: file, path: %s, rotate: {size: 8000, keep: 9}", f->path);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (unsigned at = 1; at <= 15; at++) {
			CLEANUP(buf_done) struct buf all = { 0 };
			char name[120];
			start_sinks(f, options);
			f->fault = (struct faulty_io){ .op = cases[i].op, .at = at, .error = cases[i].error };
			for (unsigned k = 0; k < 8; k++)
				add_lines(f, 4);
			stop_sinks(f);
			f->fault = (struct faulty_io){ .op = FAULTY_ANY };
			for (int k = 9; k >= 0; k--) {
				(void)snprintf(name, sizeof(name), k ? "%s.%d" : "%s", f->path, k);
				if (access(name, F_OK) == 0)
					assert_int_equal(fd_read_file(name, 1 << 20, &all), 0);
				(void)unlink(name);
			}
			assert_has_lines(&all, f, f->written);
			size_t want = 0;
			for (size_t k = 0; k < f->written; k++)
				want += f->log.line[k].n + 1;
			if (all.n != want)
				fail_msg("%s, the %uth: %zu bytes, not %zu", cases[i].what, at, all.n, want);
			wal_close(&f->wal); /* the next case begins with a log and a cursor of its own */
			empty_folder(f->wal_folder);
			empty_folder(f->cursors);
			open_wal(f);
			f->written = 0;
		}
	}
}

/* Synced bytes in a file without a name on the disk are gone after a power cut. */
static void a_new_name_is_synced_before_lines_count(void **state)
{
	struct fixture *f = *state;
	const struct sink_options options = { .kind = SINK_FILE, .name = "one", .path = f->path, .keep = 3, .rotate_size = 1 };
	struct faulty_io count = { .op = FAULTY_SYNC };
	const struct wal_io io = faulty_io(&count);
	struct sink_line line;
	struct sink_fault fault = { .text = "" };
	void *sink = NULL;
	size_t done = 0;
	CLEANUP(diag_done) struct diag diag = { 0 };
	count.at = 1; /* the folder's comes before the file's */
	count.error = EIO;
	assert_int_equal(sink_type_file.open(&options, &io, &sink, &diag), -EIO);
	assert_non_null(strstr(diag.messages[0].text, "the folder of"));
	count = (struct faulty_io){ .op = FAULTY_SYNC };
	assert_int_equal(sink_type_file.open(&options, &io, &sink, NULL), 0);
	assert_int_equal(count.count, 2);
	assert_true(sink_line_read(f->log.line[0], &line));
	assert_int_equal(sink_type_file.send(sink, &line, 1, &done, &fault), 0);
	assert_true(sink_line_read(f->log.line[1], &line));
	assert_int_equal(sink_type_file.send(sink, &line, 1, &done, &fault), 0); /* begins another file: the old one's bytes, then folder and file */
	assert_int_equal(count.count, 5);
	sink_type_file.close(sink);
}

static void files_rotate_by_size_and_the_oldest_go(void **state)
{
	struct fixture *f = *state;
	char options[200], name[120];
	CLEANUP(buf_done) struct buf all = { 0 };
	(void)snprintf(options, sizeof(options), "type: file, path: %s, rotate: {size: 20000, keep: 3}", f->path);
	start_sinks(f, options);
	add_lines(f, 100);
	assert_true(stop_sinks(f).files >= 4); /* who protects them is told of each */
	for (int i = 3; i >= 0; i--) {
		struct stat st;
		(void)snprintf(name, sizeof(name), i ? "%s.%d" : "%s", f->path, i);
		assert_int_equal(stat(name, &st), 0);
		assert_true(st.st_size > 0 && st.st_size <= 20000);
		assert_int_equal(fd_read_file(name, 1 << 20, &all), 0);
	}
	(void)snprintf(name, sizeof(name), "%s.4", f->path);
	assert_int_equal(access(name, F_OK), -1);
	/* what is kept is the end of the log, without a hole */
	const struct strview last = f->log.line[99];
	assert_true(all.n > last.n && sv_equal((struct strview){ all.p + all.n - 1 - last.n, last.n }, last));
	assert_non_null(memmem(f->log.text.p, f->log.text.n, all.p, all.n));
}

static void a_file_is_opened_anew_when_asked(void **state)
{
	struct fixture *f = *state;
	char options[160], moved[120];
	(void)snprintf(options, sizeof(options), "type: file, path: %s", f->path);
	(void)snprintf(moved, sizeof(moved), "%s.moved", f->path);
	start_sinks(f, options);
	add_lines(f, 5);
	wait_for_lines(f, 0, 5);
	assert_int_equal(rename(f->path, moved), 0);
	sinks_reopen(f->sinks);
	add_lines(f, 5);
	stop_sinks(f);
	assert_file(moved, f, 0, 5);
	assert_file(f->path, f, 5, 10);
}

/* Into a file without a name anybody can write for ever, and nobody reads it. */
static void a_file_that_somebody_removes_or_cuts_begins_anew(void **state)
{
	enum deed { REMOVES, CUTS, REMOVES_AND_ASKS };
	static const struct { const char *what; enum deed deed; const char *rotate; } cases[] = {
		{ "removed", REMOVES, "" },
		{ "cut", CUTS, "" },
		{ "removed, and the daemon is asked to open it anew", REMOVES_AND_ASKS, "" },
		{ "removed before a rotation", REMOVES, ", rotate: {size: 7000}" },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char options[200], path[90], rotated[110];
		CLEANUP(buf_done) struct buf text = { 0 };
		(void)snprintf(path, sizeof(path), "%s.%zu", f->path, i);
		(void)snprintf(options, sizeof(options), "type: file, path: %s%s", path, cases[i].rotate);
		f->written = 0;
		start_sinks(f, options);
		add_lines(f, 5);
		wait_for_lines(f, 0, 5);
		assert_int_equal(cases[i].deed == CUTS ? truncate(path, 0) : unlink(path), 0);
		add_lines(f, 5);
		if (cases[i].deed == REMOVES_AND_ASKS)
			sinks_reopen(f->sinks);
		struct sink_status status = { .last_error = "" };
		for (unsigned k = 0; k < WAIT_MS && !strstr(status.last_error, "written again"); k++) {
			const struct timespec nap = { .tv_nsec = 1000000 };
			nanosleep(&nap, NULL);
			sinks_get_status(f->sinks, 0, &status);
		}
		add_lines(f, 5);
		stop_sinks(f);
		for (unsigned k = 1; k < 10; k++) {
			(void)snprintf(rotated, sizeof(rotated), "%s.%u", path, k);
			IGNORE(fd_read_file(rotated, 1 << 20, &text)); /* there with rotation alone */
		}
		assert_int_equal(fd_read_file(path, 1 << 20, &text), 0);
		for (size_t line = 5; line < 15; line++)
			if (!memmem(text.p, text.n, f->log.line[line].p, f->log.line[line].n))
				fail_msg("%s: line %zu is lost", cases[i].what, line);
		if (!strstr(status.last_error, "written again"))
			fail_msg("%s: not told: %s", cases[i].what, status.last_error);
		wal_close(&f->wal); /* the next case begins with a log and a cursor of its own */
		empty_folder(f->wal_folder);
		empty_folder(f->cursors);
		open_wal(f);
	}
}

/* A wrong path in a configuration costs nobody his file, whether it ends with a line end or not. */
static void a_file_of_others_stays_as_it_is(void **state)
{
	static const char *const texts[] = { "hello", "{\"a\":1}", "hello\n", "a\nb", "{\"a\":1}\nhello", "{\"a\":1}\n{\"b", "CEF:0|", "\n", "\n\n{" };
	struct fixture *f = *state;
	char options[192];
	(void)snprintf(options, sizeof(options), "type: file, path: %s", f->path);
	read_options(f, options);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		CLEANUP(buf_done) struct buf after = { 0 };
		CLEANUP(diag_done) struct diag diag = { 0 };
		void *sink = NULL;
		FILE *file = fopen(f->path, "w");
		assert_non_null(file);
		assert_true(fputs(texts[i], file) >= 0);
		assert_int_equal(fclose(file), 0);
		int r = sink_type_file.open(&f->config->sinks.sinks[0], &f->io, &sink, &diag);
		assert_int_equal(fd_read_file(f->path, 1000, &after), 0);
		if (r != -EBADMSG || !sv_is(buf_sv(&after), texts[i]))
			fail_msg("'%s' gave %d, and is now '%s'", texts[i], r, buf_cstr(&after));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOG(a_file_of_others_stays_as_it_is),
		WITH_LOG(a_file_gets_every_line_once),
		WITH_LOG(what_could_not_be_synced_is_written_again),
		WITH_LOG(a_torn_line_of_a_file_is_completed),
		WITH_LOG(a_file_has_the_format_that_was_asked_for),
		WITH_LOG(lines_of_earlier_streams_are_known_too),
		WITH_LOG(lines_behind_an_interrupted_rotation_are_known),
		WITH_LOG(a_forged_line_takes_no_place),
		WITH_LOG(another_agent_begins_another_file),
		WITH_LOG(any_fault_of_the_disk_delays_a_file_and_loses_nothing),
		WITH_LOG(a_new_name_is_synced_before_lines_count),
		WITH_LOG(files_rotate_by_size_and_the_oldest_go),
		WITH_LOG(a_file_is_opened_anew_when_asked),
		WITH_LOG(a_file_that_somebody_removes_or_cuts_begins_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
