/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an alert costs from the rule's verdict to the log: rendered, signed, written. And how long one alone takes until it is on the disk.
 *
 *   bench_alerts                        every case in /tmp: a line "case  time ns"
 *   bench_alerts --list                 names of the cases
 *   bench_alerts CASE COUNT             one case in /tmp; measured_run holds nothing else, for callgrind's --toggle-collect
 *   bench_alerts --rates FOLDER [CASE] COUNT   a line "CASE alerts_per_s N cpu_ns N" for each, or for that one, with the log in FOLDER
 *   bench_alerts --latency FOLDER COUNT lines "WHAT p50 NS p99 NS" of COUNT alerts, one at a time, in FOLDER: a bare fdatasync, the alert until it is durable,
 *                                       until a receiver on loopback has read the webhook's request, and what that takes beyond the durable line
 *
 * Alerts a second are those of one core: COUNT by the processor time of the whole process, the log's own thread included.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alerts/render.h"
#include "alerts/sink_file.h"
#include "alerts/sinks.h"
#include "alerts/stream.h"
#include "alerts/wal.h"
#include "benchmarks/http_desk.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/num.h"
#include "engine/config/config.h"
#include "engine/enrich/enrich.h"
#include "tests/support/record.h"

enum {
	RECORDS = 256,
	NATIVE_ALERTS = 50000,
	LOG_MAX_RECORDS = 50000,    /* of a log in memory, which is then begun anew */
	UNSIGNED_BYTES = 64 * 1024, /* written at once where nothing is signed */
	STEP_NS = 20000,            /* between two alerts, by the time that they are given */
};
#define AWAIT_NS 10000000000ull /* a request that has not come by then is a fault */

struct bench {
	char path[128];
	struct identity identity;
	struct enrich *enrich;
	struct record *records[RECORDS];
	struct event events[RECORDS];
	struct derived derived[RECORDS];
	struct stream *stream;       /* NULL: nothing is signed */
	struct renderer *renderer;
	struct sink_file *plain;
	struct wal *wal;             /* borrowed from the stream's outlet */
	struct buf text;
	struct instant now;
	uint64_t sequence;
};

static const struct rule_info rule = { .id = "shell-by-web-server", .title = "A web server started a shell", .description = "", .ruleset = "bench", .severity = SEVERITY_MEDIUM };
static const char *const no_names[] = { NULL };

_Noreturn static void fail(const char *what, int err)
{
	fprintf(stderr, "bench_alerts: %s: %s\n", what, strerror(-err));
	exit(1);
}

static void check(const char *what, int err)
{
	if (err)
		fail(what, err);
}

/* --- the events ---------------------------------------------------------------------------------------------------------------- */

static struct record *make_exec(size_t i)
{
	char path[64];
	struct record *rec = record_new(EVENT_PROC_EXEC);
	const struct actor who = { .exec_id = 4096 * (i + 1), .parent_id = i ? 4096 * (i / 8 + 1) : 0, .start_ns = 1000000 * (i + 1), .pid = (uint32_t)i + 1, .comm = "worker" };
	record_actor(rec, &who);
	(void)snprintf(path, sizeof(path), "/usr/lib/some-package/bin/program-%zu", i);
	RECORD_STR(rec, proc_exec, path, sv_from(path));
	RECORD_STR(rec, proc_exec, fs_path, sv_from(path));
	RECORD_STR(rec, proc_exec, filename, sv_from(path));
	RECORD_STR(rec, proc_exec, args, SV("program\0--config=/etc/program.conf\0--verbose\0input\0output\0"));
	RECORD_STR(rec, proc_exec, cwd, SV("/var/lib/program"));
	RECORD_STR(rec, proc_exec, cgroup, SV("/system.slice/program.service"));
	return rec;
}

static void make_events(struct bench *b)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	const struct enrich_config config = { .max_processes = 1024, .max_text_bytes = 1 << 20, .passwd = "/etc/passwd", .group = "/etc/group" };
	check("enrichment", enrich_new(&config, &b->enrich, &diag));
	check("the host's name", identity_gather(&b->identity, &diag));
	for (size_t i = 0; i < RECORDS; i++) {
		b->records[i] = make_exec(i);
		b->events[i] = record_event(b->records[i]);
		enrich_apply(b->enrich, &b->events[i]);
		enrich_derive(b->enrich, &b->events[i], &b->derived[i]);
		b->events[i].derived = &b->derived[i];
	}
	b->now = instant_now();
}

static struct alert alert_at(const struct bench *b, uint64_t i)
{
	return (struct alert){ .ev = &b->events[i % RECORDS], .rule = &rule, .message = SV("a web server started a shell"),
			       .policy_digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" };
}

/* --- the logs ------------------------------------------------------------------------------------------------------------------ */

static void begin_stream(struct bench *b, struct outlet *outlet)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct open_info open = { b->now, "00", 1, "", "lsm", "host", no_names, no_names, 0, 0, NULL, NULL, false, false };
	check("the stream", stream_new(&b->identity, NULL, &outlet, &b->stream, &diag));
	check("the open record", stream_open_record(b->stream, &open));
}

static struct sink_file *begin_file(struct bench *b)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct sink_file *sink = NULL;
	(void)unlink(b->path);
	check(b->path, sink_file_open(&(struct sink_file_config){ .path = b->path, .queue_max_bytes = 64 << 20, .retry_ns = 1000 }, &sink, &diag));
	return sink;
}

static void begin_signed(struct bench *b)
{
	struct sink_file *sink = begin_file(b);
	begin_stream(b, sink_file_outlet(&sink));
}

static void begin_wal(struct bench *b)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct wal_config config = wal_defaults();
	config.folder = b->path;
	config.max_bytes = 64 << 20;
	config.segment_bytes = 8 << 20;
	check(b->path, wal_open(&config, &b->wal, &diag));
	wal_begin_trimming(b->wal); /* nobody reads it */
	begin_stream(b, wal_outlet(b->wal));
}

static void begin_unsigned(struct bench *b)
{
	check("the renderer", renderer_new(&b->identity, &b->renderer));
	b->plain = begin_file(b);
}

static void step_time(struct bench *b)
{
	b->now.wall_ns += STEP_NS;
	b->now.boot_ns += STEP_NS;
}

/* A log that nobody empties would fill the memory that it lies in. */
static void keep_short(struct bench *b)
{
	if (b->sequence % LOG_MAX_RECORDS == 0)
		check("the log is cut", truncate(b->path, 0) ? -errno : 0);
}

static void step_bulk(struct bench *b)
{
	struct alert alert = alert_at(b, b->sequence++);
	step_time(b);
	check("an alert", stream_alert(b->stream, &alert, b->now));
	if (stream_is_due(b->stream, b->now.boot_ns))
		check("a batch", stream_flush(b->stream, b->now));
	keep_short(b);
}

static void step_wal(struct bench *b)
{
	struct alert alert = alert_at(b, b->sequence++);
	step_time(b);
	for (int err; (err = stream_alert(b->stream, &alert, b->now)) == -ENOBUFS;) /* the log's thread has to come along */
		clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ .tv_nsec = 100000 }, NULL);
	int err = stream_is_due(b->stream, b->now.boot_ns) ? stream_flush(b->stream, b->now) : 0;
	if (err != -ENOBUFS) /* without room the lines wait */
		check("a batch", err);
}

static void step_single(struct bench *b)
{
	struct alert alert = alert_at(b, b->sequence++);
	step_time(b);
	check("an alert", stream_alert(b->stream, &alert, b->now));
	check("its signature", stream_flush(b->stream, b->now));
	keep_short(b);
}

static void step_unsigned(struct bench *b)
{
	struct alert alert = alert_at(b, b->sequence);
	step_time(b);
	check("an alert", render_alert(b->renderer, b->sequence++, &alert, &b->text));
	buf_add_char(&b->text, '\n');
	if (b->text.n >= UNSIGNED_BYTES) {
		check("the file", sink_file_write(b->plain, buf_sv(&b->text), b->now.boot_ns));
		buf_reset(&b->text);
	}
	keep_short(b);
}

static const struct bench_case {
	const char *name;
	void (*begin)(struct bench *b);
	void (*step)(struct bench *b);
} cases[] = {
	{ "bulk", begin_signed, step_bulk },
	{ "bulk-wal", begin_wal, step_wal },
	{ "single", begin_signed, step_single },
	{ "unsigned", begin_unsigned, step_unsigned },
};

static void end_case(struct bench *b)
{
	if (b->stream) {
		struct close_info close = { b->now, "done", { 0 } };
		check("the close record", stream_close_record(b->stream, &close));
		check("lines that could not be written", stream_free(&b->stream) ? -EIO : 0);
	}
	if (b->plain)
		(void)sink_file_close(&b->plain);
	renderer_free(&b->renderer);
	for (size_t i = 0; i < RECORDS; i++)
		record_free(&b->records[i]);
	enrich_free(&b->enrich);
	buf_done(&b->text);
}

void measured_run(struct bench *b, const struct bench_case *which, uint64_t n);
__attribute__((noinline)) void measured_run(struct bench *b, const struct bench_case *which, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		which->step(b);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static void remove_log(const char *path)
{
	check(path, nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS) ? -errno : 0);
}

/* Processor time of n alerts. */
static uint64_t run_case(const struct bench_case *which, const char *folder, uint64_t n)
{
	struct bench *b = calloc(1, sizeof(*b));
	if (!b)
		fail("memory", -ENOMEM);
	(void)snprintf(b->path, sizeof(b->path), "%s/bench-%s-%d", folder, which->name, (int)getpid());
	make_events(b);
	which->begin(b);
	measured_run(b, which, RECORDS); /* first uses */
	uint64_t start = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	measured_run(b, which, n);
	uint64_t ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start;
	end_case(b);
	remove_log(b->path);
	free(b);
	return ns;
}

/* --- one alone -------------------------------------------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static void say(const char *what, uint64_t *ns, size_t n)
{
	qsort(ns, n, sizeof(*ns), by_size);
	printf("%s p50 %lu p99 %lu\n", what, (unsigned long)ns[n / 2], (unsigned long)ns[n * 99 / 100]);
}

static uint64_t sync_once(int fd, const char *bytes, size_t n)
{
	uint64_t start = clock_ns(CLOCK_MONOTONIC);
	check("write", fd_write_all(fd, bytes, n));
	check("fdatasync", fdatasync(fd) ? -errno : 0);
	return clock_ns(CLOCK_MONOTONIC) - start;
}

/* What one alert alone is measured with, beside the log. */
struct alone {
	struct bench *bench;
	struct rule_info urgent;
	struct http_desk *desk;
	struct config *config; /* of the webhook */
	struct sinks *sinks;
	int raw;               /* a file of its own, for bare syncs */
	uint64_t *raw_ns, *durable_ns, *webhook_ns, *beyond_ns;
};

/* An urgent alert, from the rule's verdict until the log says that it is durable, and until the receiver has read it. */
static void alert_once(struct alone *a, size_t i)
{
	struct bench *b = a->bench;
	struct wal_stats before, now;
	struct alert alert = alert_at(b, b->sequence++);
	char message[64];
	(void)snprintf(message, sizeof(message), "alert %zu, alone", i);
	http_desk_expect(a->desk, message);
	alert.rule = &a->urgent;
	alert.message = sv_from(message);
	wal_get_stats(b->wal, &before);
	b->now = instant_now();
	uint64_t start = clock_ns(CLOCK_MONOTONIC);
	check("an alert", stream_alert(b->stream, &alert, b->now));
	check("its signature", stream_flush(b->stream, b->now));
	do {
		clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ .tv_nsec = 50000 }, NULL);
		wal_get_stats(b->wal, &now);
	} while (now.durable < now.next || now.next == before.next);
	uint64_t durable = clock_ns(CLOCK_MONOTONIC), arrived = http_desk_await(a->desk, AWAIT_NS);
	if (!arrived)
		fail("the webhook's request", -ETIMEDOUT);
	a->durable_ns[i] = durable - start;
	a->webhook_ns[i] = arrived - start;
	a->beyond_ns[i] = arrived > durable ? arrived - durable : 0; /* it may be there before we have looked */
}

static void begin_webhook(struct alone *a, const char *folder)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 }, cursors = { 0 };
	check("the receiver", http_desk_open(&a->desk));
	buf_add_format(&text, "rules: [r]\nagent: {folder: /a}\nwal: {folder: /w}\nsinks:\n  - {name: webhook, type: webhook, url: 'http://127.0.0.1:%u/', allow_private: true}\n",
		       http_desk_port(a->desk));
	buf_add_format(&cursors, "%s/sinks", folder);
	check("the configuration", config_parse("bench", buf_sv(&text), &a->config, &diag));
	check("the webhook", sinks_open(&a->config->sinks, buf_cstr(&cursors), a->bench->wal, &a->sinks, &diag));
	check("the webhook", sinks_start(a->sinks));
}

static void begin_alone(struct alone *a, const char *folder, size_t n)
{
	struct bench *b = a->bench = calloc(1, sizeof(*b));
	uint64_t **const times[] = { &a->raw_ns, &a->durable_ns, &a->webhook_ns, &a->beyond_ns };
	char path[160];
	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if (!b || !(*times[i] = calloc(n, sizeof(**times[i]))))
			fail("memory", -ENOMEM);
	a->urgent = rule;
	a->urgent.severity = SEVERITY_HIGH;
	(void)snprintf(b->path, sizeof(b->path), "%s/log", folder);
	(void)snprintf(path, sizeof(path), "%s/raw", folder);
	a->raw = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
	if (a->raw < 0)
		fail(path, -errno);
	make_events(b);
	begin_wal(b);
	begin_webhook(a, folder);
}

/* What is in the folder goes with it. */
static void end_alone(struct alone *a)
{
	(void)sinks_close(&a->sinks, AWAIT_NS); /* all has arrived: it was waited for */
	http_desk_close(&a->desk);
	config_free(&a->config);
	end_case(a->bench);
	fd_close(&a->raw);
	free(a->bench);
	free(a->raw_ns);
	free(a->durable_ns);
	free(a->webhook_ns);
	free(a->beyond_ns);
}

/* By turns, so that all meet the same disk. */
static int run_latency(const char *folder, size_t n)
{
	static const char line[2400];
	struct alone a = { .raw = -1 };
	begin_alone(&a, folder, n);
	for (size_t i = 0; i < n; i++) {
		a.raw_ns[i] = sync_once(a.raw, line, sizeof(line));
		alert_once(&a, i);
	}
	say("fdatasync", a.raw_ns, n);
	say("durable", a.durable_ns, n);
	say("webhook", a.webhook_ns, n);
	say("beyond", a.beyond_ns, n);
	end_alone(&a);
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: bench_alerts [--list | CASE COUNT | --rates FOLDER [CASE] COUNT | --latency FOLDER COUNT]\n");
	return 2;
}

static int run_rates(const char *folder, const char *only, uint64_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (only && strcmp(only, cases[i].name) != 0)
			continue;
		double ns = (double)run_case(&cases[i], folder, n) / (double)n;
		printf("%s alerts_per_s %.0f cpu_ns %.0f\n", cases[i].name, 1e9 / ns, ns);
	}
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t n = NATIVE_ALERTS;
	if (argc > 2 && (num_parse_u64(sv_from(argv[argc - 1]), 100000000, &n) || n == 0))
		return usage();
	if ((argc == 4 || argc == 5) && sv_is(sv_from(argv[1]), "--rates"))
		return run_rates(argv[2], argc == 5 ? argv[3] : NULL, n);
	if (argc == 4 && sv_is(sv_from(argv[1]), "--latency"))
		return run_latency(argv[2], n);
	bool is_list = argc == 2 && sv_is(sv_from(argv[1]), "--list");
	if (argc > 3 || (argc == 2 && !is_list))
		return usage();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (is_list)
			puts(cases[i].name);
		else if (argc == 1)
			printf("%-44s %10.1f ns\n", cases[i].name, (double)run_case(&cases[i], "/tmp", n) / (double)n);
		else if (sv_is(sv_from(argv[1]), cases[i].name))
			(void)run_case(&cases[i], "/tmp", n); /* counted from outside */
	}
	return 0;
}
