/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a signed stream and delivers it to the sinks of a configuration, as the daemon does, but without a sensor: no privileges.
 *
 *   courier CONFIG KEY_FILE ALERTS PER_SECOND WAIT_MS
 *
 * KEY_FILE gets the line that verifiers take, before the first alert. Waits at most WAIT_MS for required sinks to have all, and for the others to
 * have failed; prints the status of the sinks as JSON.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "alerts/sinks.h"
#include "alerts/stream.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/num.h"
#include "engine/config/config.h"
#include "tests/support/record.h"

#define DRAIN_NS 3000000000ull
enum { TICK_MS = 5, FLUSH_EVERY = 8, CRITICAL_EVERY = 400, LARGEST = 40000 };

struct courier {
	struct config *config;
	struct wal *wal;       /* the stream's */
	struct sinks *sinks;
	struct stream *stream;
	struct record *record;
	struct buf message;
	uint64_t alerts, per_second, wait_ms;
};

static int refuse(const struct diag *diag, const char *what)
{
	(void)fprintf(stderr, "courier: %s\n", what);
	for (size_t i = 0; i < diag->n; i++)
		(void)fprintf(stderr, "courier: %s\n", diag->messages[i].text);
	return 1;
}

static void nap(void)
{
	const struct timespec t = { .tv_nsec = TICK_MS * 1000000 };
	(void)nanosleep(&t, NULL); /* only paces */
}

/* --- the stream ---------------------------------------------------------------------------------------------------------------------------- */

/* Lines of many lengths, and bytes that receivers like to change: quotes, brackets, percent signs, DEL, text beyond ASCII, blanks at the end. */
static void make_message(struct courier *c, uint64_t n)
{
	static const size_t lengths[] = { 1, 200, 1, 1, 3000, 1, 1, 9000, 1, 1, 1, LARGEST, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	static const char odd[] = "\"] \\n %s $(x) `y` #011 <13>1 \x7f \xc2\x80 \xe2\x80\xa8 gr\xc3\xbc\xc3\x9f 12 {\"a\":1}\t\n  ";
	size_t length = lengths[n % ARRAY_SIZE(lengths)];
	buf_reset(&c->message);
	buf_add_format(&c->message, "alert %llu ", (unsigned long long)n);
	while (c->message.n < length)
		buf_add(&c->message, odd, sizeof(odd) - 1);
	buf_add(&c->message, odd, sizeof(odd) - 1);
}

static int add_alert(struct courier *c, uint64_t n)
{
	static const struct rule_info rules[] = {
		{ .id = "courier", .title = "Courier", .description = "", .ruleset = "test", .severity = SEVERITY_MEDIUM },
		{ .id = "courier-critical", .title = "Courier", .description = "", .ruleset = "test", .severity = SEVERITY_CRITICAL },
	};
	struct event ev = record_event(c->record);
	make_message(c, n);
	const struct alert alert = { .ev = &ev, .rule = &rules[n % CRITICAL_EVERY == CRITICAL_EVERY - 1], .message = buf_sv(&c->message), .policy_digest = "00" };
	return stream_alert(c->stream, &alert, instant_now());
}

static int add_alerts(struct courier *c)
{
	const uint64_t began_ns = clock_ns(CLOCK_MONOTONIC);
	int r = 0;
	for (uint64_t n = 0; n < c->alerts && !r;) {
		uint64_t due = MIN((clock_ns(CLOCK_MONOTONIC) - began_ns) / 1000 * c->per_second / 1000000 + 1, c->alerts);
		for (; n < due && !r; n++) {
			r = add_alert(c, n);
			if (!r && (n % FLUSH_EVERY == 0 || n + 1 == due))
				r = stream_flush(c->stream, instant_now());
		}
		nap();
	}
	return r;
}

static int carry(struct courier *c)
{
	static const char *const none[] = { NULL };
	const struct open_info open = { .at = instant_now(), .policy_digest = "00", .config_digest = "", .sensor = "none", .scope = "test",
					.hooks_attached = none, .hooks_missing = none };
	int r = stream_open_record(c->stream, &open);
	if (!r)
		r = add_alerts(c);
	if (!r)
		r = stream_close_record(c->stream, &(struct close_info){ .at = instant_now(), .reason = "test" });
	return r;
}

/* --- the sinks ----------------------------------------------------------------------------------------------------------------------------- */

/* Nothing is left to wait for: it has all, or, when it is not required, it failed (with TLS 1.3 a receiver refuses us after the first lines). */
static bool is_settled(struct courier *c, size_t i, uint64_t records)
{
	struct sink_status s;
	sinks_get_status(c->sinks, i, &s);
	return s.is_required ? s.lines + s.refused >= records && s.lag_records == 0 : s.faults > 0;
}

static void await_sinks(struct courier *c)
{
	const uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + c->wait_ms * 1000000;
	struct stream_stats stats;
	stream_get_stats(c->stream, &stats);
	for (size_t i = 0; i < c->config->sinks.n; i++)
		while (!is_settled(c, i, stats.records) && clock_ns(CLOCK_MONOTONIC) < until_ns)
			nap();
}

static void tell(struct courier *c)
{
	for (size_t i = 0; i < sinks_count(c->sinks); i++) {
		struct sink_status s;
		sinks_get_status(c->sinks, i, &s);
		(void)printf("%s\t%llu\t%llu\t%llu\t%s\n", s.name, (unsigned long long)s.lines, (unsigned long long)s.faults, (unsigned long long)s.refused, s.last_error);
	}
}

static int open_all(struct courier *c, struct diag *diag)
{
	CLEANUP(buf_done) struct buf cursors = { 0 };
	struct wal_config wc = wal_defaults();
	struct identity id;
	wc.folder = c->config->wal_folder;
	buf_add_format(&cursors, "%s.sinks", wc.folder);
	int r = crypto_init();
	if (!r)
		r = identity_gather(&id, diag);
	if (!r)
		r = wal_open(&wc, &c->wal, diag);
	if (r)
		return r;
	struct outlet *outlet = wal_outlet(c->wal);
	r = stream_new(&id, NULL, &outlet, &c->stream, diag);
	if (r)
		(void)wal_close(&c->wal); /* nothing was written */
	return r ? r : sinks_open(&c->config->sinks, buf_cstr(&cursors), c->wal, &c->sinks, diag);
}

static int keep_key(const struct courier *c, const char *path)
{
	CLEANUP(buf_done) struct buf line = { 0 };
	CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	stream_key_line(c->stream, &line);
	return fd < 0 ? -errno : fd_write_all(fd, line.p, line.n);
}

static int run(struct courier *c, const char *key_file, struct diag *diag)
{
	if (open_all(c, diag))
		return refuse(diag, "cannot open log and sinks");
	if (keep_key(c, key_file) || sinks_start(c->sinks))
		return refuse(diag, "cannot start");
	int r = carry(c);
	if (r)
		return refuse(diag, strerror(-r));
	await_sinks(c);
	tell(c);
	return 0;
}

int main(int argc, char **argv)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct courier c = { .record = record_new(EVENT_FILE_OPEN) };
	if (argc != 6 || num_parse_u64(sv_from(argv[3]), 10000000, &c.alerts) || num_parse_u64(sv_from(argv[4]), 10000000, &c.per_second) ||
	    num_parse_u64(sv_from(argv[5]), 600000, &c.wait_ms))
		return refuse(&diag, "usage: courier CONFIG KEY_FILE ALERTS PER_SECOND WAIT_MS");
	if (config_load(argv[1], &c.config, &diag))
		return refuse(&diag, "the configuration cannot be used");
	int status = run(&c, argv[2], &diag);
	(void)sinks_close(&c.sinks, DRAIN_NS); /* before the log; what is left was told */
	(void)stream_free(&c.stream);
	config_free(&c.config);
	record_free(&c.record);
	buf_done(&c.message);
	return status;
}
