/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sinks without a watch: carry CONFIG FOLDER COUNT SECONDS [RATE]. Signs COUNT records (FOLDER/log, FOLDER/keys), puts them into the
 * write-ahead log of the configuration, RATE a second by the clock (0, as without: all at once), and lets its sinks carry them until all have all
 * or SECONDS are over; SIGHUP reopens. COUNT 0: what is in the log already. Prints a JSON line for each sink. One record in ten is no alert.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "alerts/render.h"
#include "alerts/sign.h"
#include "alerts/sinks.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/json.h"
#include "engine/base/num.h"
#include "engine/config/config.h"

enum { BATCH = 16, OWN_EVERY = 10, COUNT_MAX = 10000000, TIME_2026 = 1767323045, TICK_NS = 1000000 };

static volatile sig_atomic_t wants_reopen;

static void on_hangup(int number)
{
	(void)number;
	wants_reopen = 1;
}

static void add_text(struct json *j, const char *name, const char *text)
{
	json_key(j, name);
	json_str(j, sv_from(text));
}

/* An alert as the renderer would write it, shorter. */
static void add_alert(const char *stream, uint64_t sequence, uint64_t wall_ns, struct buf *out)
{
	static const char *const severities[] = { "10", "21", "47", "73", "99" };
	CLEANUP(buf_done) struct buf time = { 0 }, message = { 0 }, id = { 0 };
	struct json j;
	clock_add_rfc3339(&time, wall_ns);
	buf_add_format(&message, "alert %llu: <nc> & \"others\" read /etc/shadow, \xc3\xa9", (unsigned long long)sequence);
	buf_add_format(&id, "%s:%llu", stream, (unsigned long long)sequence);
	json_init(&j, out);
	json_object_begin(&j);
	json_key(&j, "@timestamp");
	json_str(&j, buf_sv(&time));
	json_key(&j, "event");
	json_object_begin(&j);
	add_text(&j, "action", "file.open");
	add_text(&j, "dataset", "vedette.alert");
	json_key(&j, "id");
	json_str(&j, buf_sv(&id));
	json_key(&j, "sequence");
	json_u64(&j, sequence);
	json_key(&j, "severity");
	json_raw(&j, sv_from(severities[sequence % ARRAY_SIZE(severities)]));
	json_object_end(&j);
	json_key(&j, "host");
	json_object_begin(&j);
	add_text(&j, "name", "test");
	json_object_end(&j);
	json_key(&j, "message");
	json_str(&j, buf_sv(&message));
	json_key(&j, "rule");
	json_object_begin(&j);
	add_text(&j, "id", "shadow-file-read");
	add_text(&j, "name", "Password hashes read");
	json_object_end(&j);
	json_object_end(&j);
}

struct maker {
	struct renderer *renderer;
	struct signer *signer;
	uint64_t count;
	struct buf body;
};

static int add_record(struct maker *m, uint64_t n)
{
	static const char *const none[] = { NULL };
	struct instant at = { .wall_ns = TIME_2026 * 1000000000ull + n * 1000000, .boot_ns = n * 1000000, .clock_sync = "yes" };
	struct totals totals = { .produced = n, .delivered = n };
	struct log_counts counts = { .epoch = 0 };
	int r = 0;
	buf_reset(&m->body);
	if (n == 0)
		r = render_open(m->renderer, &(struct open_info){ .at = at, .policy_digest = "00", .config_digest = "", .sensor = "lsm", .scope = "",
				.hooks_attached = none, .hooks_missing = none }, signer_public_key(m->signer), &m->body);
	else if (n + 1 == m->count)
		r = render_close(m->renderer, n, &(struct close_info){ .at = at, .reason = "test", .totals = totals }, &counts, &m->body);
	else if (n % OWN_EVERY == 0)
		r = render_heartbeat(m->renderer, n, &(struct heartbeat_info){ .at = at, .policy_digest = "00", .sensor = "lsm", .totals = totals }, &counts, &m->body);
	else
		add_alert(signer_stream(m->signer), n, at.wall_ns, &m->body);
	if (!r)
		r = buf_error(&m->body);
	return r ? r : signer_add(m->signer, n, buf_sv(&m->body));
}

static int write_text(const char *folder, const char *name, struct strview text)
{
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd_write_all(fd, text.p, text.n);
}

static void nap(uint64_t ns)
{
	const struct timespec span = { .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };
	nanosleep(&span, NULL);
}

/* The records of the batch, under one signature. */
static int add_batch(struct maker *m, struct wal *wal, const char *folder, const struct outlet_batch *of)
{
	CLEANUP(buf_done) struct buf lines = { 0 };
	struct outlet *o = wal_outlet(wal);
	struct outlet_batch batch = *of;
	int r = 0;
	for (uint64_t i = 0; i < batch.count && !r; i++)
		r = add_record(m, batch.first + i);
	if (!r)
		r = signer_flush(m->signer, (TIME_2026 + 1) * 1000000000ull, &lines);
	if (!r)
		r = write_text(folder, "log", buf_sv(&lines));
	batch.lines = buf_sv(&lines);
	while (!r && o->ops->room(o, SEVERITY_CRITICAL) < lines.n) /* it is asked before, as a stream does */
		nap(TICK_NS);
	return r ? r : o->ops->write(o, &batch, clock_ns(CLOCK_MONOTONIC));
}

static int add_all(struct maker *m, struct wal *wal, const char *folder, uint64_t rate)
{
	const uint64_t began_ns = clock_ns(CLOCK_MONOTONIC);
	struct outlet *o = wal_outlet(wal);
	int r = 0;
	for (uint64_t n = 0; n < m->count && !r;) {
		uint64_t due = rate ? MIN((clock_ns(CLOCK_MONOTONIC) - began_ns) / 1000 * rate / 1000000 + 1, m->count) : m->count;
		while (n < due && !r) {
			const struct outlet_batch of = { .first = n, .count = MIN((uint64_t)BATCH, due - n), .is_urgent = rate > 0 };
			r = add_batch(m, wal, folder, &of);
			n += of.count;
		}
		if (n < m->count)
			nap(TICK_NS);
	}
	return r ? r : o->ops->wait(o);
}

static int make(struct wal *wal, const char *folder, uint64_t count, uint64_t rate)
{
	static const uint8_t seed[32] = { 1 };
	CLEANUP(renderer_free) struct renderer *renderer = NULL;
	CLEANUP(signer_free) struct signer *signer = NULL;
	CLEANUP(buf_done) struct buf key_line = { 0 };
	const struct identity id = { .host_id = "h", .host_name = "test", .boot_id = "b", .agent_id = "00000000-0000-4000-8000-000000000000",
				     .stream = "00000000-0000-4000-8000-000000000000/0" };
	struct crypto_key *key = NULL;
	int r = crypto_init();
	if (!r)
		r = renderer_new(&id, &renderer);
	if (!r)
		r = crypto_key_from_seed(seed, &key);
	if (!r)
		r = signer_new(id.stream, &key, &signer);
	crypto_key_free(&key);
	if (r)
		return r;
	signer_key_line(signer, &key_line);
	struct maker m = { renderer, signer, count, { 0 } };
	r = write_text(folder, "keys", buf_sv(&key_line));
	if (!r)
		r = add_all(&m, wal, folder, rate);
	buf_done(&m.body);
	return r;
}

static bool have_all(struct sinks *sinks, struct wal *wal)
{
	struct wal_stats stats;
	wal_get_stats(wal, &stats);
	for (size_t i = 0; i < sinks_count(sinks); i++) {
		struct sink_status s;
		sinks_get_status(sinks, i, &s);
		if (s.lag_records || s.lines + s.refused + s.missed == 0)
			return false;
	}
	return stats.durable == stats.next;
}

static void print_status(struct sinks *sinks)
{
	for (size_t i = 0; i < sinks_count(sinks); i++) {
		CLEANUP(buf_done) struct buf out = { 0 };
		struct sink_status s;
		struct json j;
		sinks_get_status(sinks, i, &s);
		const struct { const char *name; uint64_t n; } numbers[] = {
			{ "faults", s.faults }, { "lag", s.lag_records }, { "lines", s.lines }, { "missed", s.missed }, { "refused", s.refused },
		};
		json_init(&j, &out);
		json_object_begin(&j);
		add_text(&j, "error", s.last_error);
		for (size_t k = 0; k < ARRAY_SIZE(numbers); k++) {
			json_key(&j, numbers[k].name);
			json_u64(&j, numbers[k].n);
		}
		add_text(&j, "name", s.name);
		add_text(&j, "state", sink_state_text(s.state));
		json_object_end(&j);
		puts(buf_cstr(&out));
	}
}

static int run(const struct config *c, const char *folder, uint64_t count, uint64_t seconds, uint64_t rate, struct diag *diag)
{
	struct wal_config wc = wal_defaults();
	struct wal *wal = NULL;
	struct sinks *sinks = NULL;
	char cursors[512];
	wc.folder = c->wal_folder;
	wc.max_bytes = c->wal_max;
	(void)snprintf(cursors, sizeof(cursors), "%s/sinks", folder);
	int r = wal_open(&wc, &wal, diag);
	if (!r)
		r = sinks_open(&c->sinks, cursors, wal, &sinks, diag);
	if (!r)
		r = sinks_start(sinks);
	if (!r && count)
		r = make(wal, folder, count, rate);
	uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + seconds * 1000000000;
	while (!r && !have_all(sinks, wal) && clock_ns(CLOCK_MONOTONIC) < until_ns) {
		if (wants_reopen) {
			wants_reopen = 0;
			sinks_reopen(sinks);
		}
		nap(2000000);
	}
	if (!r)
		print_status(sinks);
	(void)sinks_close(&sinks, 500000000); /* what is left stands in the log, for the next run */
	(void)wal_close(&wal);
	return r;
}

int main(int argc, char **argv)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(config_free) struct config *c = NULL;
	CLEANUP(buf_done) struct buf text = { 0 };
	uint64_t numbers[3] = { 0 };
	int r = argc < 5 || argc > 6 ? -EINVAL : fd_read_file(argv[1], 1 << 20, &text);
	for (int i = 3; i < argc && !r; i++)
		r = num_parse_u64(sv_from(argv[i]), COUNT_MAX, &numbers[i - 3]);
	(void)signal(SIGHUP, on_hangup);
	if (!r)
		r = config_parse(argv[1], buf_sv(&text), &c, &diag);
	if (!r)
		r = run(c, argv[2], numbers[0], numbers[1], numbers[2], &diag);
	for (size_t i = 0; i < diag.n; i++)
		fprintf(stderr, "%s: %s\n", diag.messages[i].file ? diag.messages[i].file : "carry", diag.messages[i].text);
	if (r && !diag.n)
		fprintf(stderr, "carry: %s\n", strerror(-r));
	return r ? 1 : 0;
}
