/* SPDX-License-Identifier: Apache-2.0 */
/* Sinks over a real write-ahead log, to files and to receivers on loopback and unix sockets that this process plays itself. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/sinks.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/config/config.h"
#include "tests/support/faulty_io.h"
#include "tests/support/sample_log.h"

enum { WAIT_MS = 10000 };

struct fixture {
	char folder[64], wal_folder[80], cursors[80], path[80], socket[80];
	struct faulty_io fault;
	struct wal_io io;
	struct wal *wal;
	struct sinks *sinks;
	struct config *config;
	struct sample_log log;
	size_t written; /* lines of the sample that are in the log */
};

static void open_wal(struct fixture *f)
{
	struct wal_config wc = wal_defaults();
	wc.folder = f->wal_folder;
	wc.io = &f->io;
	wc.commit_ns = 0;
	wc.retry_ns = 1000000;
	wc.queue_bytes = 4 << 20;
	assert_int_equal(wal_open(&wc, &f->wal, NULL), 0);
}

static int make_fixture(void **state)
{
	static const size_t batches[] = { 1, 20, 1, 30, 40, 1, 7, 0 };
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f)
		return -1;
	*state = f;
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/vedette-sinks-XXXXXX");
	if (!mkdtemp(f->folder) || sample_log_make(&(struct sample_spec){ .batches = batches }, &f->log))
		return -1;
	(void)snprintf(f->wal_folder, sizeof(f->wal_folder), "%s/wal", f->folder);
	(void)snprintf(f->cursors, sizeof(f->cursors), "%s/sinks", f->folder);
	(void)snprintf(f->path, sizeof(f->path), "%s/out", f->folder);
	(void)snprintf(f->socket, sizeof(f->socket), "%s/socket", f->folder);
	f->io = faulty_io(&f->fault);
	open_wal(f);
	return 0;
}

static void empty_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(folder);
}

static int drop_fixture(void **state)
{
	struct fixture *f = *state;
	(void)sinks_close(&f->sinks, 0);
	wal_close(&f->wal);
	config_free(&f->config);
	sample_log_done(&f->log);
	empty_folder(f->wal_folder);
	empty_folder(f->cursors);
	empty_folder(f->folder);
	free(f);
	return 0;
}

/* The rest of a sink's mapping. */
static void start_sinks(struct fixture *f, const char *options)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	buf_add_format(&text, "rules: [r]\nagent: {folder: /a}\nwal: {folder: %s}\nsinks:\n  - {name: one, retry: {least: 1ms, most: 5ms}, %s}\n", f->wal_folder, options);
	config_free(&f->config);
	if (config_parse("c", buf_sv(&text), &f->config, &diag) || sinks_open(&f->config->sinks, f->cursors, f->wal, &f->sinks, &diag))
		fail_msg("%s", diag.n ? diag.messages[0].text : "no reason");
	assert_int_equal(sinks_start(f->sinks), 0);
}

static void add_lines(struct fixture *f, size_t n)
{
	struct outlet *o = wal_outlet(f->wal);
	for (size_t i = 0; i < n; i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		buf_add_sv(&text, f->log.line[f->written]);
		buf_add_char(&text, '\n');
		const struct outlet_batch batch = { .lines = buf_sv(&text), .first = f->written++, .count = 1 };
		assert_int_not_equal(o->ops->write(o, &batch, 0), -ENOBUFS); /* a fault of the disk is tried again */
	}
	assert_int_equal(o->ops->wait(o), 0);
}

/* Until a sink has had all there is. */
static void wait_for_lines(struct fixture *f, size_t sink, uint64_t n)
{
	struct sink_status status = { .lines = 0 };
	for (unsigned i = 0; i < WAIT_MS && status.lines < n; i++) {
		const struct timespec nap = { .tv_nsec = 1000000 };
		nanosleep(&nap, NULL);
		sinks_get_status(f->sinks, sink, &status);
	}
	assert_int_equal(status.lines, n);
}

static struct sink_status stop_sinks(struct fixture *f)
{
	struct sink_status status;
	for (unsigned i = 0; i < WAIT_MS; i++) { /* until it has all, or says why not */
		const struct timespec nap = { .tv_nsec = 1000000 };
		sinks_get_status(f->sinks, 0, &status);
		struct wal_stats stats;
		wal_get_stats(f->wal, &stats);
		if (status.lag_records == 0 && status.lines + status.refused > 0 && stats.durable == stats.next)
			break;
		nanosleep(&nap, NULL);
	}
	assert_int_equal(sinks_close(&f->sinks, 5000000000), 0);
	return status;
}

/* The file holds lines from..to of the sample, and nothing else. */
static void assert_file(const char *path, const struct fixture *f, size_t from, size_t to)
{
	CLEANUP(buf_done) struct buf text = { 0 }, want = { 0 };
	assert_int_equal(fd_read_file(path, 16 << 20, &text), 0);
	for (size_t i = from; i < to; i++) {
		buf_add_sv(&want, f->log.line[i]);
		buf_add_char(&want, '\n');
	}
	if (!sv_equal(buf_sv(&text), buf_sv(&want)))
		fail_msg("%s has %zu bytes, not the %zu of lines %zu to %zu", path, text.n, want.n, from, to);
}

static void assert_has_lines(const struct buf *text, const struct fixture *f, size_t n)
{
	size_t at = 0;
	for (size_t i = 0; i < n; i++) { /* in order */
		const char *p = memmem(text->p + at, text->n - at, f->log.line[i].p, f->log.line[i].n);
		if (!p)
			fail_msg("line %zu did not come, or out of order", i);
		at = (size_t)(p - text->p) + f->log.line[i].n;
	}
}

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
		{ "the file cannot be cut either: all comes again, and nothing is taken for there", false, true, 6 },
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
			want += (f->log.line[k].n + 1) * (cases[i].cannot_cut && k >= 3 ? 2 : 1);
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

/* A line that no format takes is counted; the others come. */
static void what_cannot_be_converted_is_refused(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf big = { 0 };
	char options[200];
	buf_add_z(&big, "{\"event\":{\"dataset\":\"vedette.event\",\"id\":\"a/0:0\",\"sequence\":0},\"l\":{");
	for (int i = 0; i < 300; i++) /* more members than a record has */
		buf_add_format(&big, "%s\"k%d\":1", i ? "," : "", i);
	buf_add_z(&big, "}}\n");
	struct outlet *o = wal_outlet(f->wal);
	const struct outlet_batch batch = { .lines = buf_sv(&big), .count = 1 };
	(void)snprintf(options, sizeof(options), "type: file, path: %s, format: leef", f->path);
	start_sinks(f, options);
	assert_int_equal(o->ops->write(o, &batch, 0), 0);
	add_lines(f, 2);
	struct sink_status status = stop_sinks(f);
	assert_int_equal(status.lines, 2);
	assert_int_equal(status.refused, 1);
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

/* Wherever the disk fails, in the log, the cursor or the file: all lines come, in order, and each once, but for those that could not be cut off again. */
static void any_fault_of_the_disk_delays_a_file_and_loses_nothing(void **state)
{
	static const struct { const char *what; enum faulty_op op; int error; bool doubles; } cases[] = {
		{ "a write of half the bytes", FAULTY_WRITE, 0, false }, { "a write without room", FAULTY_WRITE, ENOSPC, false },
		{ "a sync that fails", FAULTY_SYNC, EIO, true },         { "a renaming that fails", FAULTY_RENAME, EIO, false },
		{ "a cut that fails", FAULTY_CUT, EIO, false },          { "any operation", FAULTY_ANY, EIO, true },
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
			if (all.n < want || (!cases[i].doubles && all.n != want))
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
	stop_sinks(f);
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

/* Lines that are none of ours: refused, and told after the next start when nobody took that before. */
static void what_was_refused_last_is_told_after_the_next_start(void **state)
{
	struct fixture *f = *state;
	const struct outlet_batch batch = { .lines = SV("{}\n{}\n"), .count = 2 };
	struct outlet *o = wal_outlet(f->wal);
	char options[160];
	const char *name;
	uint64_t count;
	(void)snprintf(options, sizeof(options), "type: file, path: %s", f->path);
	start_sinks(f, options);
	assert_int_equal(o->ops->write(o, &batch, 0), 0);
	assert_int_equal(o->ops->wait(o), 0);
	assert_int_equal(stop_sinks(f).refused, 2);
	start_sinks(f, options);
	assert_true(sinks_take_loss(f->sinks, &name, &count));
	assert_string_equal(name, "one");
	assert_int_equal(count, 2);
	assert_false(sinks_take_loss(f->sinks, &name, &count));
	sinks_give_back_loss(f->sinks, "one", 2); /* no room to tell it */
	assert_true(sinks_take_loss(f->sinks, &name, &count));
	assert_int_equal(sinks_close(&f->sinks, 5000000000), 0);
	start_sinks(f, options);
	assert_false(sinks_take_loss(f->sinks, &name, &count)); /* told once */
}

/* A log that was removed, or another one beside it, says nothing about what is in this one. */
static void a_cursor_of_another_log_skips_nothing(void **state)
{
	static const struct { const char *what; size_t more; bool keeps_id; } cases[] = {
		{ "the new log is shorter than the cursor", 5, false },
		{ "the new log is longer than the cursor", 30, false },
		{ "its records alone were removed", 5, true },
	};
	struct fixture *f = *state;
	char options[160], id[100];
	(void)snprintf(id, sizeof(id), "%s/id", f->wal_folder);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf kept = { 0 };
		f->written = 0;
		(void)snprintf(options, sizeof(options), "type: file, path: %s.a%zu", f->path, i);
		start_sinks(f, options);
		add_lines(f, 10);
		stop_sinks(f);
		wal_close(&f->wal);
		assert_int_equal(fd_read_file(id, 100, &kept), 0);
		empty_folder(f->wal_folder);
		if (cases[i].keeps_id) {
			assert_int_equal(mkdir(f->wal_folder, 0700), 0);
			CLEANUP(fd_close) int fd = open(id, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
			assert_int_equal(fd_write_all(fd, kept.p, kept.n), 0);
		}
		open_wal(f);
		f->written = 0;
		add_lines(f, cases[i].more);
		(void)snprintf(options, sizeof(options), "type: file, path: %s.b%zu", f->path, i);
		start_sinks(f, options);
		struct sink_status status = stop_sinks(f);
		if (status.lines != cases[i].more)
			fail_msg("%s: %llu lines of %zu came", cases[i].what, (unsigned long long)status.lines, cases[i].more);
		wal_close(&f->wal); /* the next case begins with a log and a cursor of its own */
		empty_folder(f->wal_folder);
		empty_folder(f->cursors);
		open_wal(f);
	}
}

static void only_what_fits_the_filter_comes(void **state)
{
	static const struct { const char *what, *filter; bool alerts, own; } cases[] = {
		{ "all", "{}", true, true },
		{ "own records are left out", "{own: false}", true, false },
		{ "another rule", "{rules: [no-such-rule]}", false, true },
		{ "another tag", "{tags: [no-such-tag]}", false, true },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sink_line line;
		struct sink_options options = { .own = true, .least_severity = "info" };
		options.own = !strstr(cases[i].filter, "own: false");
		if (strstr(cases[i].filter, "rules"))
			options.rules = (config_WORDS){ .items = { "no-such-rule" }, .n = 1 };
		if (strstr(cases[i].filter, "tags"))
			options.tags = (config_WORDS){ .items = { "no-such-tag" }, .n = 1 };
		for (size_t k = 0; k < f->log.n; k++) {
			assert_true(sink_line_read(f->log.line[k], &line));
			assert_int_equal(line.sequence, k);
			if (sink_line_fits(&line, &options) != (line.is_alert ? cases[i].alerts : cases[i].own))
				fail_msg("%s: line %zu", cases[i].what, k);
		}
	}
	struct sink_line line;
	const char *text = "{\"@timestamp\":\"2026-01-02T03:04:05.000000006Z\",\"event\":{\"dataset\":\"vedette.alert\",\"sequence\":7,\"severity\":47},"
			   "\"rule\":{\"id\":\"r\"},\"tags\":[\"a\",\"b\"],\"vedette_sig\":{\"stream\":\"s/0\"}}";
	assert_true(sink_line_read(sv_from(text), &line));
	assert_int_equal(line.severity, SEVERITY_MEDIUM);
	struct sink_options options = { .least_severity = "medium", .rules = { .items = { "q", "r" }, .n = 2 }, .tags = { .items = { "b" }, .n = 1 } };
	assert_true(sink_line_fits(&line, &options));
	options.least_severity = "high";
	assert_false(sink_line_fits(&line, &options));
}

/* --- receivers --------------------------------------------------------------------------------------------------------------------------- */

static int listen_on(int type, char *address, size_t size)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 5), 0);
	(void)snprintf(address, size, "%s:127.0.0.1:%u", type == SOCK_STREAM ? "tcp" : "udp", ntohs(in.sin_port));
	return fd;
}

static bool is_readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	return poll(&p, 1, timeout_ms) == 1;
}

/* Reads until the text holds so many messages: each ends with the end of a record. */
static size_t receive(int fd, struct buf *into, size_t messages)
{
	char bytes[65536];
	size_t seen = 0;
	while (seen < messages && is_readable(fd, WAIT_MS)) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
		if (n <= 0)
			break;
		buf_add(into, bytes, (size_t)n);
		seen = 0;
		for (const char *p = into->p; (p = memmem(p, into->n - (size_t)(p - into->p), ",\"v\":1}}", 8)); p += 8)
			seen++;
	}
	return seen;
}

static void syslog_reaches_every_kind_of_receiver(void **state)
{
	static const struct { const char *what; int type; const char *more; } cases[] = {
		{ "UDP", SOCK_DGRAM, "protocol: rfc5424" },
		{ "UDP, the older form", SOCK_DGRAM, "protocol: rfc3164" },
		{ "TCP by lines", SOCK_STREAM, "protocol: rfc5424" },
		{ "TCP by octets", SOCK_STREAM, "framing: octet-counting" },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		char address[64], options[256], name[160];
		CLEANUP(fd_close) int fd = listen_on(cases[i].type, address, sizeof(address));
		CLEANUP(fd_close) int peer = -1;
		(void)snprintf(name, sizeof(name), "%s/one.cursor", f->cursors);
		(void)unlink(name);
		f->written = MIN(f->written, (size_t)10);
		(void)snprintf(options, sizeof(options), "type: syslog, address: '%s', %s", address, cases[i].more);
		start_sinks(f, options);
		if (f->written == 0)
			add_lines(f, 10);
		if (cases[i].type == SOCK_STREAM)
			peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		size_t got = receive(peer >= 0 ? peer : fd, &text, 10);
		if (got != 10)
			fail_msg("%s: %zu messages of 10", cases[i].what, got);
		struct sink_status status = stop_sinks(f);
		assert_string_equal(status.delivered, "sent");
		assert_has_lines(&text, f, 10);
		if (strstr(cases[i].more, "octet")) { /* LENGTH SP MESSAGE, one after the other */
			size_t at = 0, n = 0;
			while (at < text.n) {
				size_t length = 0;
				for (; text.p[at] != ' '; at++)
					length = length * 10 + (size_t)(text.p[at] - '0');
				assert_int_equal(text.p[at + 1], '<');
				at += 1 + length;
				n++;
			}
			assert_int_equal(at, text.n);
			assert_int_equal(n, 10);
		}
	}
}

/* The head stays that of the record; the message is its line in the other format, and what does not fit is refused. */
static void syslog_has_the_format_that_was_asked_for(void **state)
{
	struct fixture *f = *state;
	char address[64], options[256], message[65536];
	CLEANUP(fd_close) int fd = listen_on(SOCK_DGRAM, address, sizeof(address));
	(void)snprintf(options, sizeof(options), "type: syslog, address: '%s', protocol: rfc5424, format: cef, max_bytes: 9KiB", address);
	start_sinks(f, options);
	add_lines(f, 3);
	for (size_t i = 0; i < 3; i++) {
		CLEANUP(buf_done) struct buf want = { 0 };
		assert_int_equal(format_convert(FORMAT_CEF, f->log.line[i], 0, &want), 0);
		assert_true(is_readable(fd, WAIT_MS));
		ssize_t n = recv(fd, message, sizeof(message), 0);
		struct strview got = { message, n > 0 ? (size_t)n : 0 };
		if (!sv_starts(got, SV("<")) || !sv_ends(got, buf_sv(&want)) || !memmem(got.p, got.n, " sequence=\"", 11))
			fail_msg("message %zu: " SV_FMT, i, SV_ARG(got));
	}
	assert_int_equal(stop_sinks(f).refused, 0);
	(void)snprintf(options, sizeof(options), "type: syslog, address: '%s', protocol: rfc5424, format: otlp, max_bytes: 700", address);
	start_sinks(f, options);
	add_lines(f, 1);
	assert_int_equal(stop_sinks(f).refused, 1);
}

static void what_a_broken_connection_took_comes_again(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf text = { 0 };
	char address[64], options[256];
	CLEANUP(fd_close) int fd = listen_on(SOCK_STREAM, address, sizeof(address));
	(void)snprintf(options, sizeof(options), "type: syslog, address: '%s'", address);
	start_sinks(f, options);
	add_lines(f, 30);
	for (unsigned i = 0; i < 3; i++) { /* accepts, reads a little or nothing, resets */
		const struct linger reset = { .l_onoff = 1 };
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		char some[100];
		if (i && is_readable(peer, 1000))
			(void)recv(peer, some, sizeof(some), 0);
		(void)setsockopt(peer, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(peer);
		add_lines(f, 1);
	}
	CLEANUP(fd_close) int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	size_t got = receive(peer, &text, 33);
	assert_true(got >= 33);
	assert_has_lines(&text, f, 33);
	struct sink_status status = stop_sinks(f);
	assert_true(status.faults >= 1);
}

/* The lines went out and were settled; nothing follows them that could notice. */
static void a_connection_that_breaks_soon_after_is_noticed_though_nothing_follows(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf text = { 0 };
	const struct linger reset = { .l_onoff = 1 };
	const struct timespec settled = { .tv_nsec = 700000000 }; /* once and more, and not two seconds */
	char address[64], options[256];
	CLEANUP(fd_close) int fd = listen_on(SOCK_STREAM, address, sizeof(address));
	(void)snprintf(options, sizeof(options), "type: syslog, address: '%s'", address);
	start_sinks(f, options);
	add_lines(f, 5);
	int first = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(first >= 0);
	nanosleep(&settled, NULL);
	(void)setsockopt(first, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(first);
	if (!is_readable(fd, WAIT_MS))
		fail_msg("nobody connected again");
	CLEANUP(fd_close) int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(receive(peer, &text, 5), 5);
	assert_has_lines(&text, f, 5);
	stop_sinks(f);
}

/* A required sink has had nothing; another one keeps the end waiting, and the log is over its ceiling. */
static void what_a_required_sink_has_not_had_stays_while_others_end(void **state)
{
	struct fixture *f = *state;
	const int small = 4096;
	char address[64], options[400];
	struct wal_stats stats;
	wal_close(&f->wal);
	struct wal_config wc = wal_defaults();
	wc.folder = f->wal_folder;
	wc.io = &f->io;
	wc.commit_ns = 0;
	wc.segment_bytes = 8192;
	wc.max_bytes = 8192;
	assert_int_equal(wal_open(&wc, &f->wal, NULL), 0);
	CLEANUP(fd_close) int fd = listen_on(SOCK_STREAM, address, sizeof(address)); /* never accepts, never reads */
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	(void)snprintf(options, sizeof(options), "type: syslog, address: 'unix:%s'}\n  - {name: two, required: false, timeout: 4s, type: syslog, address: '%s'",
		       f->socket, address);
	start_sinks(f, options);
	add_lines(f, 100);
	wait_for_lines(f, 1, 100);
	wal_get_stats(f->wal, &stats);
	assert_int_equal(stats.oldest, 0);
	assert_true(stats.segments > 2);
	uint64_t began_ns = clock_ns(CLOCK_MONOTONIC);
	assert_int_equal(sinks_close(&f->sinks, 1600000000), 100);
	assert_true(clock_ns(CLOCK_MONOTONIC) - began_ns > 1500000000); /* the log's writer looked in that time */
	wal_get_stats(f->wal, &stats);
	assert_int_equal(stats.oldest, 0);
}

static void a_receiver_that_is_away_is_waited_for(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf text = { 0 };
	char options[256];
	(void)snprintf(options, sizeof(options), "type: syslog, address: 'unix:%s'", f->socket);
	start_sinks(f, options);
	add_lines(f, 20);
	struct sink_status status = { .state = SINK_GOOD };
	for (unsigned i = 0; i < WAIT_MS && status.state != SINK_BROKEN; i++) {
		const struct timespec nap = { .tv_nsec = 1000000 };
		nanosleep(&nap, NULL);
		sinks_get_status(f->sinks, 0, &status);
	}
	assert_int_equal(status.state, SINK_BROKEN);
	assert_non_null(strstr(status.last_error, f->socket));
	assert_true(status.lag_records > 0);
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	memcpy(un.sun_path, f->socket, strlen(f->socket));
	CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(receive(fd, &text, 20), 20);
	assert_has_lines(&text, f, 20);
	status = stop_sinks(f);
	assert_int_equal(status.state, SINK_GOOD);
}

/* Its time-out is an hour: what ends it is the end. */
static void a_sink_that_hangs_does_not_hold_up_the_end(void **state)
{
	static const struct { const char *what, *scheme; } cases[] = {
		{ "it takes nothing", "tcp" },
		{ "it never answers the greeting", "tls" },
	};
	struct fixture *f = *state;
	const int small = 4096;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char address[64], options[400];
		CLEANUP(fd_close) int fd = listen_on(SOCK_STREAM, address, sizeof(address)); /* never accepts, never reads */
		assert_true(fd >= 0);
		assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
		(void)snprintf(options, sizeof(options), "type: file, path: %s}\n  - {name: two, type: syslog, address: '%s:%s', timeout: 10m", f->path,
			       cases[i].scheme, address + 4);
		f->written = 0;
		start_sinks(f, options);
		add_lines(f, 100);
		wait_for_lines(f, 0, 100);
		uint64_t began_ns = clock_ns(CLOCK_MONOTONIC);
		assert_int_equal(sinks_close(&f->sinks, 100000000), 100 * (i + 1)); /* the other one has all of them */
		if (clock_ns(CLOCK_MONOTONIC) - began_ns > 3000000000)
			fail_msg("%s: the end took %llu ms", cases[i].what, (unsigned long long)((clock_ns(CLOCK_MONOTONIC) - began_ns) / 1000000));
	}
}

/* SIGHUP after the receiver was mended: nobody waits for the rest of an hour's pause. */
static void a_sink_that_waits_tries_at_once_when_asked(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf text = { 0 };
	char options[400];
	struct sink_status status = { .state = SINK_GOOD };
	(void)snprintf(options, sizeof(options), "type: file, path: %s}\n  - {name: two, retry: {least: 1h, most: 24h}, type: syslog, address: 'unix:%s'", f->path, f->socket);
	start_sinks(f, options);
	add_lines(f, 5);
	for (unsigned i = 0; i < WAIT_MS && status.faults == 0; i++) {
		const struct timespec nap = { .tv_nsec = 1000000 };
		nanosleep(&nap, NULL);
		sinks_get_status(f->sinks, 1, &status);
	}
	assert_int_equal(status.faults, 1);
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	memcpy(un.sun_path, f->socket, strlen(f->socket));
	CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	sinks_reopen(f->sinks);
	assert_int_equal(receive(fd, &text, 5), 5);
	assert_has_lines(&text, f, 5);
}

/* KEY LF LENGTH DATA LF, or KEY=VALUE LF. */
static struct strview field(const struct buf *entry, const char *key)
{
	CLEANUP(buf_done) struct buf mark = { 0 };
	buf_add_format(&mark, "%s\n", key);
	const char *p = memmem(entry->p, entry->n, mark.p, mark.n);
	uint64_t n = 0;
	if (!p)
		return SV("");
	p += mark.n;
	memcpy(&n, p, sizeof(n)); /* little-endian as this machine */
	return (struct strview){ p + 8, (size_t)n };
}

static void the_journal_gets_message_and_record(void **state)
{
	struct fixture *f = *state;
	char options[256];
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	memcpy(un.sun_path, f->socket, strlen(f->socket));
	CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	(void)snprintf(options, sizeof(options), "type: journald, socket: '%s'", f->socket);
	start_sinks(f, options);
	add_lines(f, 15);
	for (size_t i = 0; i < 15; i++) {
		CLEANUP(buf_done) struct buf entry = { 0 };
		assert_true(is_readable(fd, WAIT_MS));
		assert_int_equal(receive(fd, &entry, 1), 1);
		assert_true(sv_equal(field(&entry, "VEDETTE_RECORD"), f->log.line[i]));
		assert_true(sv_is(field(&entry, "SYSLOG_IDENTIFIER"), "vedette"));
		assert_true(field(&entry, "MESSAGE").n > 0);
	}
	stop_sinks(f);
}

/* A queue of ten or some hundred entries is full at once, and that is no fault; a journal that was started anew is found again. */
static void a_journal_that_is_behind_is_waited_for(void **state)
{
	struct fixture *f = *state;
	char options[256];
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	memcpy(un.sun_path, f->socket, strlen(f->socket));
	(void)snprintf(options, sizeof(options), "type: journald, socket: '%s'", f->socket);
	start_sinks(f, options);
	for (unsigned life = 0; life < 2; life++) {
		CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		(void)unlink(f->socket);
		assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
		f->written = 0;
		for (unsigned k = 0; k < 5; k++, f->written = 0)
			add_lines(f, 100);
		for (size_t i = 0; i < 500; i++) {
			CLEANUP(buf_done) struct buf entry = { 0 };
			const struct timespec nap = { .tv_nsec = 1000000 };
			if (i % 100 == 0)
				nanosleep(&nap, NULL); /* behind */
			assert_true(is_readable(fd, WAIT_MS));
			assert_int_equal(receive(fd, &entry, 1), 1);
			if (!sv_equal(field(&entry, "VEDETTE_RECORD"), f->log.line[i % 100]))
				fail_msg("entry %zu of life %u is another one", i, life);
		}
		wait_for_lines(f, 0, 500 * (life + 1));
	}
	assert_int_equal(stop_sinks(f).faults, 0);
}

static void an_entry_too_large_for_the_socket_goes_as_a_file(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	CLEANUP(buf_done) struct buf big = { 0 };
	memcpy(un.sun_path, f->socket, strlen(f->socket));
	CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	struct sink_options options = { .kind = SINK_JOURNALD, .name = "one", .socket = f->socket };
	struct sink_fault fault;
	void *sink = NULL;
	size_t done = 0;
	for (size_t i = 0; i < 1000000; i++)
		buf_add_char(&big, 'x');
	const struct sink_line line = { .text = buf_sv(&big), .action = SV("exec") };
	assert_int_equal(sink_type_journald.open(&options, &wal_io_real, &sink, NULL), 0);
	assert_int_equal(sink_type_journald.send(sink, &line, 1, &done, &fault), 0);
	sink_type_journald.close(sink);
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char none;
	struct iovec part = { &none, 1 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	assert_int_equal(recvmsg(fd, &m, 0), 0);
	CLEANUP(fd_close) int file = -1;
	memcpy(&file, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(file));
	CLEANUP(buf_done) struct buf entry = { 0 };
	assert_int_equal(lseek(file, 0, SEEK_SET), 0);
	assert_int_equal(fd_read_all(file, 2 << 20, &entry), 0);
	assert_int_equal(field(&entry, "VEDETTE_RECORD").n, 1000000);
}

int main(void)
{
#define WITH_LOG(test) cmocka_unit_test_setup_teardown(test, make_fixture, drop_fixture)
	const struct CMUnitTest tests[] = {
		WITH_LOG(a_file_gets_every_line_once),
		WITH_LOG(what_could_not_be_synced_is_written_again),
		WITH_LOG(a_torn_line_of_a_file_is_completed),
		WITH_LOG(syslog_has_the_format_that_was_asked_for),
		WITH_LOG(a_file_has_the_format_that_was_asked_for),
		WITH_LOG(what_cannot_be_converted_is_refused),
		WITH_LOG(lines_of_earlier_streams_are_known_too),
		WITH_LOG(lines_behind_an_interrupted_rotation_are_known),
		WITH_LOG(a_forged_line_takes_no_place),
		WITH_LOG(another_agent_begins_another_file),
		WITH_LOG(any_fault_of_the_disk_delays_a_file_and_loses_nothing),
		WITH_LOG(a_new_name_is_synced_before_lines_count),
		WITH_LOG(files_rotate_by_size_and_the_oldest_go),
		WITH_LOG(a_file_is_opened_anew_when_asked),
		WITH_LOG(what_was_refused_last_is_told_after_the_next_start),
		WITH_LOG(a_cursor_of_another_log_skips_nothing),
		WITH_LOG(only_what_fits_the_filter_comes),
		WITH_LOG(syslog_reaches_every_kind_of_receiver),
		WITH_LOG(what_a_broken_connection_took_comes_again),
		WITH_LOG(a_connection_that_breaks_soon_after_is_noticed_though_nothing_follows),
		WITH_LOG(what_a_required_sink_has_not_had_stays_while_others_end),
		WITH_LOG(a_receiver_that_is_away_is_waited_for),
		WITH_LOG(a_sink_that_hangs_does_not_hold_up_the_end),
		WITH_LOG(a_sink_that_waits_tries_at_once_when_asked),
		WITH_LOG(the_journal_gets_message_and_record),
		WITH_LOG(a_journal_that_is_behind_is_waited_for),
		WITH_LOG(an_entry_too_large_for_the_socket_goes_as_a_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
