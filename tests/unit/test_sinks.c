/* SPDX-License-Identifier: Apache-2.0 */
/* The frame of all sinks: cursors, filters, what is refused, what waits and what ends. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/sinks.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "tests/support/receiver.h"
#include "tests/support/sink_log.h"

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

/* Lines that are none of ours are refused. What becomes of that when the daemon ends, however it does, before the record of it is durable? */
static void a_refusal_is_kept_until_the_record_of_it_is_durable(void **state)
{
	enum told { NOT_TAKEN, TAKEN, GIVEN_BACK, WAITS_FOR_THE_DISK, DURABLE };
	static const struct { const char *what; enum told told; bool is_kept; } cases[] = {
		{ "nobody took it", NOT_TAKEN, true },
		{ "its record waits to be signed", TAKEN, true },
		{ "its record found no room", GIVEN_BACK, true },
		{ "its record waits for the disk", WAITS_FOR_THE_DISK, true },
		{ "its record is durable", DURABLE, false },
	};
	struct fixture *f = *state;
	const struct outlet_batch batch = { .lines = SV("{}\n{}\n"), .count = 2 };
	struct outlet *o = wal_outlet(f->wal);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char options[160];
		const char *name;
		uint64_t count = 0;
		struct wal_stats stats;
		(void)snprintf(options, sizeof(options), "type: file, path: %s", f->path);
		start_sinks(f, options);
		assert_int_equal(o->ops->write(o, &batch, 0), 0);
		assert_int_equal(o->ops->wait(o), 0);
		wait_for_refused(f, 2);
		wal_get_stats(f->wal, &stats);
		if (cases[i].told != NOT_TAKEN) {
			assert_true(sinks_take_loss(f->sinks, &name, &count));
			assert_string_equal(name, "one");
			assert_int_equal(count, 2);
			assert_false(sinks_take_loss(f->sinks, &name, &count)); /* once */
		}
		if (cases[i].told == GIVEN_BACK)
			sinks_give_back_loss(f->sinks, "one", 2);
		if (cases[i].told == WAITS_FOR_THE_DISK || cases[i].told == DURABLE)
			sinks_told(f->sinks, stats.next + (cases[i].told == WAITS_FOR_THE_DISK));
		assert_int_equal(sinks_close(&f->sinks, 5000000000), 0);
		start_sinks(f, options);
		bool is_kept = sinks_take_loss(f->sinks, &name, &count);
		if (is_kept != cases[i].is_kept || (is_kept && count != 2))
			fail_msg("%s: %llu are untold after the next start", cases[i].what, is_kept ? (unsigned long long)count : 0);
		wal_get_stats(f->wal, &stats);
		sinks_told(f->sinks, stats.durable);
		assert_int_equal(sinks_close(&f->sinks, 5000000000), 0);
	}
}

/* What comes while a record is on its way has one of its own, behind it. */
static void refusals_are_told_one_record_after_the_other(void **state)
{
	struct fixture *f = *state;
	const struct outlet_batch batch = { .lines = SV("{}\n"), .count = 1 };
	struct outlet *o = wal_outlet(f->wal);
	struct wal_stats stats;
	char options[160];
	const char *name;
	uint64_t count = 0;
	(void)snprintf(options, sizeof(options), "type: file, path: %s", f->path);
	start_sinks(f, options);
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(o->ops->write(o, &batch, 0), 0);
		assert_int_equal(o->ops->wait(o), 0);
		wait_for_refused(f, i);
		assert_int_equal(sinks_take_loss(f->sinks, &name, &count), i == 1);
	}
	assert_int_equal(count, 1);
	wal_get_stats(f->wal, &stats);
	sinks_told(f->sinks, stats.durable);
	assert_true(sinks_take_loss(f->sinks, &name, &count));
	assert_int_equal(count, 2);
}

/* What others have had is gone; that was no sink's that came later. */
static void a_sink_that_comes_later_has_lost_nothing(void **state)
{
	struct fixture *f = *state;
	char options[400];
	struct wal_stats stats = { .oldest = 0 };
	struct sink_status status;
	struct wal_loss loss;
	wal_close(&f->wal);
	struct wal_config wc = wal_defaults();
	wc.folder = f->wal_folder;
	wc.io = &f->io;
	wc.commit_ns = 0;
	wc.segment_bytes = 8192;
	assert_int_equal(wal_open(&wc, &f->wal, NULL), 0);
	(void)snprintf(options, sizeof(options), "type: file, path: %s", f->path);
	start_sinks(f, options);
	add_lines(f, 70);
	wait_for_lines(f, 0, 70);
	for (unsigned i = 0; i < WAIT_MS && stats.oldest == 0; i++) {
		const struct timespec nap = { .tv_nsec = 1000000 };
		nanosleep(&nap, NULL);
		wal_get_stats(f->wal, &stats);
	}
	assert_true(stats.oldest > 0);
	assert_int_equal(sinks_close(&f->sinks, 5000000000), 0);
	wal_get_stats(f->wal, &stats);
	(void)snprintf(options, sizeof(options), "type: file, path: %s}\n  - {name: two, type: file, path: %s.b", f->path, f->path);
	start_sinks(f, options);
	wait_for_lines(f, 1, stats.durable - stats.oldest);
	sinks_get_status(f->sinks, 1, &status);
	assert_int_equal(status.missed, 0);
	assert_false(wal_take_loss(f->wal, &loss));
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

/* Lines of the sample as groups of so many: each is one record of the log. */
static void add_groups(struct fixture *f, size_t groups, size_t lines)
{
	struct outlet *o = wal_outlet(f->wal);
	for (size_t i = 0; i < groups; i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		const uint64_t first = f->written;
		for (size_t k = 0; k < lines; k++) {
			buf_add_sv(&text, f->log.line[f->written++]);
			buf_add_char(&text, '\n');
		}
		const struct outlet_batch batch = { .lines = buf_sv(&text), .first = first, .count = lines };
		assert_int_equal(o->ops->write(o, &batch, 0), 0);
		assert_int_equal(o->ops->wait(o), 0);
	}
}

static uint64_t lag_of(struct fixture *f, size_t sink, uint64_t want)
{
	struct sink_status status = { .lag_records = 0 };
	for (unsigned i = 0; i < WAIT_MS; i++) {
		const struct timespec nap = { .tv_nsec = 1000000 };
		sinks_get_status(f->sinks, sink, &status);
		if (status.lag_records == want)
			break;
		nanosleep(&nap, NULL);
	}
	return status.lag_records;
}

/* Records are lines, to whoever reads the status; how many of them go to the disk at once is nobody's business. */
static void what_is_behind_is_counted_in_lines(void **state)
{
	struct fixture *f = *state;
	char options[320];
	(void)snprintf(options, sizeof(options), "type: file, path: %s}\n  - {name: two, retry: {least: 1h, most: 24h}, type: syslog, address: 'unix:%s'", f->path, f->socket);
	start_sinks(f, options);
	add_groups(f, 4, 10);
	assert_int_equal(lag_of(f, 1, 40), 40);
	assert_int_equal(lag_of(f, 0, 0), 0);
	assert_int_equal(sinks_close(&f->sinks, 100000000), 40);
	assert_int_equal(wal_close(&f->wal), 0); /* another run counts what this one left */
	open_wal(f);
	start_sinks(f, options);
	assert_int_equal(lag_of(f, 1, 40), 40);
	add_groups(f, 2, 5);
	assert_int_equal(lag_of(f, 1, 50), 50);
	assert_int_equal(lag_of(f, 0, 0), 0);
	assert_int_equal(sinks_close(&f->sinks, 100000000), 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOG(what_is_behind_is_counted_in_lines),
		WITH_LOG(what_cannot_be_converted_is_refused),
		WITH_LOG(a_refusal_is_kept_until_the_record_of_it_is_durable),
		WITH_LOG(refusals_are_told_one_record_after_the_other),
		WITH_LOG(a_sink_that_comes_later_has_lost_nothing),
		WITH_LOG(a_cursor_of_another_log_skips_nothing),
		WITH_LOG(only_what_fits_the_filter_comes),
		WITH_LOG(what_a_required_sink_has_not_had_stays_while_others_end),
		WITH_LOG(a_receiver_that_is_away_is_waited_for),
		WITH_LOG(a_sink_that_hangs_does_not_hold_up_the_end),
		WITH_LOG(a_sink_that_waits_tries_at_once_when_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
