/* SPDX-License-Identifier: Apache-2.0 */
/* Log and sinks of a watch. */
#include "engine/daemon/delivery.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/clock.h"

#define DRAIN_NS 2000000000ull /* what sinks get at the end */

struct delivery {
	struct wal *wal;          /* the stream's, once it took the outlet */
	bool is_taken;
	struct delivery_options options; /* what it points to is borrowed */
	struct sinks *sinks;      /* owned */
	struct sinks_config one;  /* when none are configured */
	bool has_taken;           /* losses of sinks, whose records may not be in the log yet */
};

int delivery_open(const struct delivery_options *options, struct delivery **ret, struct diag *diag)
{
	CLEANUP(delivery_free) struct delivery *d = calloc(1, sizeof(*d));
	struct wal_config wc = wal_defaults();
	if (!d)
		return -ENOMEM;
	wc.folder = options->folder;
	wc.max_bytes = options->max_bytes;
	wc.queue_bytes = MAX(options->queue_bytes, (size_t)4 << 20); /* room for the last words has to be a small part of it */
	wc.full = options->full;
	d->options = *options;
	int err = wal_open(&wc, &d->wal, diag);
	if (err)
		return err;
	*ret = TAKE(d);
	return 0;
}

int delivery_connect(struct delivery *d, struct diag *diag)
{
	const struct sinks_config *sinks = d->options.sinks;
	int err = 0;
	if (!sinks || sinks->n == 0) {
		err = sinks_one_file(d->options.output, &d->one, diag);
		sinks = &d->one;
	}
	/* cursors lie in the log's folder: its lock is theirs */
	return err ? err : sinks_open(sinks, d->options.folder, d->wal, &d->sinks, diag);
}

struct outlet *delivery_take_outlet(struct delivery *d)
{
	d->is_taken = true;
	return wal_outlet(d->wal);
}

int delivery_start(struct delivery *d)
{
	return sinks_start(d->sinks);
}

bool delivery_is_new(const struct delivery *d)
{
	struct wal_head head;
	wal_get_head(d->wal, &head);
	return head.next == 0;
}

/* The file as it is, or what it was rotated to a moment ago. */
static void find_end_of_file(const char *path, struct agent *agent, struct diag *diag)
{
	CLEANUP(buf_done) struct buf line = { 0 }, rotated = { 0 };
	int err = log_end_of_file(path, &line);
	buf_add_format(&rotated, "%s.1", path);
	if (err == -ENOENT || err == -ENODATA)
		err = buf_error(&rotated) ? -ENOMEM : log_end_of_file(buf_cstr(&rotated), &line);
	if (!err)
		agent_found(agent, buf_sv(&line), diag);
}

void delivery_find_ends(const struct delivery *d, struct agent *agent, struct diag *diag)
{
	const struct sinks_config *sinks = d->options.sinks;
	struct wal_head head;
	wal_get_head(d->wal, &head);
	if (head.line.n)
		agent_found(agent, head.line, diag);
	if (!sinks || sinks->n == 0)
		find_end_of_file(d->options.output, agent, diag);
	for (size_t i = 0; sinks && i < sinks->n; i++)
		if (sinks->sinks[i].kind == SINK_FILE)
			find_end_of_file(sinks->sinks[i].path, agent, diag);
}

/* Puts the records of what was taken into the log, so that it is known behind which of them the sinks may forget it. */
static void note_told(struct delivery *d, struct stream *stream, struct instant now)
{
	struct wal_stats stats;
	if (!d->has_taken || stream_flush(stream, now) == -ENOMEM) /* they wait to be signed: tried at the next look */
		return;
	wal_get_stats(d->wal, &stats);
	sinks_told(d->sinks, stats.next);
	d->has_taken = false;
}

void delivery_tell(struct delivery *d, struct stream *stream, struct instant now)
{
	struct wal_loss loss;
	const char *name;
	uint64_t count;
	while (wal_take_loss(d->wal, &loss)) {
		const struct loss_info info = { .at = now, .what = loss.what, .event = "", .cpu = -1, .count = loss.count, .since_ns = loss.since_ns ? loss.since_ns : now.wall_ns };
		if (stream_loss(stream, &info)) { /* no room even for our own records: told at the next look */
			wal_give_back_loss(d->wal, &loss);
			break;
		}
	}
	while (d->sinks && sinks_take_loss(d->sinks, &name, &count)) {
		const struct loss_info info = { .at = now, .what = "sink", .event = "", .cpu = -1, .count = count, .since_ns = now.wall_ns, .group = name };
		if (stream_loss(stream, &info)) {
			sinks_give_back_loss(d->sinks, name, count);
			break;
		}
		d->has_taken = true;
	}
	note_told(d, stream, now);
}

uint64_t delivery_files(const struct delivery *d)
{
	uint64_t files = 0;
	for (size_t i = 0; i < delivery_sinks(d); i++) {
		struct sink_status s;
		sinks_get_status(d->sinks, i, &s);
		files += s.files;
	}
	return files;
}

void delivery_reopen(struct delivery *d)
{
	if (d->sinks)
		sinks_reopen(d->sinks);
}

uint64_t delivery_finish(struct delivery *d)
{
	return sinks_close(&d->sinks, DRAIN_NS);
}

void delivery_free(struct delivery **delivery)
{
	struct delivery *d = TAKE(*delivery);
	if (!d)
		return;
	(void)sinks_close(&d->sinks, 0); /* delivery_finish gave them their time */
	if (!d->is_taken)
		(void)wal_close(&d->wal); /* nothing was written */
	sinks_config_done(&d->one);
	free(d);
}

void delivery_get_wal(const struct delivery *d, struct wal_stats *ret)
{
	wal_get_stats(d->wal, ret);
}

uint64_t delivery_max_bytes(const struct delivery *d)
{
	return d->options.max_bytes;
}

size_t delivery_sinks(const struct delivery *d)
{
	return d->sinks ? sinks_count(d->sinks) : 0;
}

void delivery_get_sink(const struct delivery *d, size_t i, struct sink_status *ret)
{
	sinks_get_status(d->sinks, i, ret);
}

/* --- status -------------------------------------------------------------------------------------------------------------------------- */

static void add_number(struct json *j, const char *name, uint64_t n)
{
	json_key(j, name);
	json_u64(j, n);
}

static void add_text(struct json *j, const char *name, const char *text)
{
	json_key(j, name);
	json_str(j, sv_from(text));
}

static void add_time(struct json *j, const char *name, uint64_t wall_ns)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	if (!wall_ns)
		return;
	clock_add_rfc3339(&text, wall_ns);
	json_key(j, name);
	json_str(j, buf_sv(&text));
}

void delivery_add_sinks(struct delivery *d, struct json *j)
{
	json_key(j, "sinks");
	json_array_begin(j);
	for (size_t i = 0; d->sinks && i < sinks_count(d->sinks); i++) {
		struct sink_status s;
		sinks_get_status(d->sinks, i, &s);
		json_object_begin(j);
		add_text(j, "delivered", s.delivered);
		add_number(j, "faults", s.faults);
		add_number(j, "lag_ms", s.lag_ns / 1000000);
		add_number(j, "lag_records", s.lag_records);
		if (s.last_error[0])
			add_text(j, "last_error", s.last_error);
		add_time(j, "last_error_at", s.last_error_ns);
		add_time(j, "last_good_at", s.last_good_ns);
		add_number(j, "lines", s.lines);
		add_number(j, "missed", s.missed);
		add_text(j, "name", s.name);
		add_number(j, "refused", s.refused);
		json_key(j, "required");
		json_bool(j, s.is_required);
		add_text(j, "state", sink_state_text(s.state));
		add_text(j, "type", s.kind);
		json_object_end(j);
	}
	json_array_end(j);
}

void delivery_add_wal(struct delivery *d, struct json *j)
{
	struct wal_stats s;
	wal_get_stats(d->wal, &s);
	json_key(j, "wal");
	json_object_begin(j);
	add_number(j, "bytes", s.bytes);
	add_number(j, "durable", s.durable);
	add_text(j, "error", s.error ? strerror(s.error) : "");
	add_number(j, "faults", s.faults);
	json_key(j, "full");
	json_bool(j, s.is_full);
	add_number(j, "lost_lines", s.lost_lines);
	add_number(j, "oldest", s.oldest);
	add_number(j, "queued_bytes", s.queued_bytes);
	add_number(j, "segments", s.segments);
	add_number(j, "syncs", s.syncs);
	json_object_end(j);
}
