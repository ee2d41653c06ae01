/* SPDX-License-Identifier: Apache-2.0 */
/* Render, number, sign, write: one stream. Owns the renderer, the signer and the outlet. */
#include "alerts/stream.h"

#include <errno.h>
#include <stdlib.h>

#include "alerts/agent.h"
#include "alerts/render.h"
#include "alerts/sign.h"
#include "engine/base/clock.h"

/* Kept free in the outlet for the last words: a loss and the close record. */
enum {
	RESERVE_BYTES = 2 * LINE_MAX_BYTES,
	ROLL_BYTES = 4096, /* more than a sealed record of a key roll: it holds no text of others but the host's name */
};

struct stream {
	struct renderer *renderer; /* owned */
	struct signer *signer;     /* owned */
	struct outlet *outlet;     /* owned */
	struct agent *agent;       /* borrowed; NULL: the key lives as long as the stream */
	struct buf body, lines;
	uint64_t oldest_boot_ns;   /* when the first pending record came */
	uint64_t last_sync_ns;
	uint64_t key_boot_ns;      /* when the key signed first; 0: not yet */
	bool is_urgent, needs_sync, is_closed, keeps_key, ends;
	enum severity severity;    /* the highest of the pending alerts */
	const char *roll_reason;   /* the key has to go; NULL: not yet */
	uint64_t next_roll_ns;     /* not before; boot clock */
	uint64_t next_settle_ns;   /* the same for taking the key before off the disk */
	uint64_t next_held_ns;     /* the same for counting that the key stays for want of that */
	struct log_head roll_head; /* right behind the record that named the key in force */
	uint64_t after_roll_bytes; /* of lines that the outlet took since then */
	struct log_counts counts;
	uint64_t bytes, sealed_ns;
	struct histogram sign_ns, batches;
	uint64_t untold;           /* left out since the last loss record */
	uint64_t untold_since_ns;  /* wall clock */
};

int stream_new(const struct identity *identity, struct agent *agent, struct outlet **outlet, struct stream **ret, struct diag *diag)
{
	struct crypto_key *key = NULL;
	struct stream *s = calloc(1, sizeof(*s));
	int r = s ? crypto_init() : -ENOMEM;
	if (!r)
		r = renderer_new(identity, &s->renderer);
	if (!r)
		r = agent ? agent_key(agent, &key) : crypto_key_new(&key);
	if (!r)
		r = signer_new(identity->stream, &key, &s->signer);
	if (r) {
		diag_error(diag, (struct place){ 0 }, "the signed stream '%s' cannot be made: %s", identity->stream, strerror(-r));
		crypto_key_free(&key);
		(void)stream_free(&s); /* holds no outlet yet */
		return r;
	}
	if (agent)
		signer_begin_at(s->signer, agent_epoch(agent));
	s->agent = agent;
	s->sign_ns = histogram_of_times();
	s->batches = histogram_of_batches();
	s->outlet = TAKE(*outlet);
	*ret = s;
	return 0;
}

size_t stream_free(struct stream **s)
{
	if (!*s)
		return 0;
	size_t left = outlet_close(&(*s)->outlet);
	renderer_free(&(*s)->renderer);
	signer_free(&(*s)->signer);
	buf_done(&(*s)->body);
	buf_done(&(*s)->lines);
	free(*s);
	*s = NULL;
	return left;
}

void stream_keep_key(struct stream *s)
{
	s->keeps_key = true;
}

void stream_roll(struct stream *s)
{
	s->roll_reason = "asked";
	s->next_roll_ns = 0;
}

void stream_key_line(const struct stream *s, struct buf *out)
{
	signer_key_line(s->signer, out);
}

bool stream_key_is_locked(const struct stream *s)
{
	return signer_key_is_locked(s->signer);
}

const char *stream_kept_as(const struct stream *s)
{
	return s->outlet->ops->kept_as(s->outlet);
}

enum outlet_state stream_state(const struct stream *s)
{
	return s->outlet->ops->state(s->outlet);
}

void stream_get_stats(const struct stream *s, struct stream_stats *ret)
{
	*ret = (struct stream_stats){
		.records = signer_next_sequence(s->signer),
		.alerts = s->counts.alerts,
		.unwritten = s->counts.unwritten,
		.epoch = signer_epoch(s->signer),
		.held = s->counts.held,
		.queued_bytes = s->outlet->ops->queued_bytes(s->outlet),
		.error = s->outlet->ops->error(s->outlet),
		.bytes = s->bytes,
		.sealed_ns = s->sealed_ns,
		.sign_ns = s->sign_ns,
		.batches = s->batches,
	};
}

/* --- records -------------------------------------------------------------------------------------------------------------------- */

/* Would all that is pending, and spare bytes, fit the outlet when sealed? Flushes when that could help. */
static bool has_room(struct stream *s, enum severity severity, size_t spare, struct instant now)
{
	for (int tries = 0; tries < 2; tries++) {
		size_t pending = signer_pending_bytes(s->signer) + signer_pending(s->signer) * LINE_SIGNATURE_MAX;
		if (s->outlet->ops->room(s->outlet, severity) >= pending + spare)
			return true;
		if (tries == 0 && stream_flush(s, now) == -ENOMEM)
			return false;
	}
	return false;
}

static int seal_and_write(struct stream *s, struct instant now, bool may_roll);
static void settle_key(struct stream *s, struct instant now);

/* Hands s->body to the signer, flushing first when it is full; without a key roll, which would take the record's number. */
static int add_body(struct stream *s, struct instant now)
{
	uint64_t sequence = signer_next_sequence(s->signer);
	int r = signer_add(s->signer, sequence, buf_sv(&s->body));
	if (r == -EAGAIN) {
		r = seal_and_write(s, now, false); /* a fault of the file is the outlet's: the lines wait there, and the signer is free again */
		if (r == -ENOMEM)
			return r;
		r = signer_add(s->signer, sequence, buf_sv(&s->body));
	}
	if (r == 0 && signer_pending(s->signer) == 1)
		s->oldest_boot_ns = now.boot_ns;
	return r;
}

static int leave_out(struct stream *s, struct instant now, int r)
{
	if (s->untold++ == 0)
		s->untold_since_ns = now.wall_ns;
	s->counts.unwritten++;
	return r;
}

/* Tells of what was left out, before anything else is added: the record stands where the hole is. */
static int tell_losses(struct stream *s, struct instant now)
{
	if (s->untold == 0)
		return 0;
	struct loss_info info = { .at = now, .what = "output", .event = "", .cpu = -1, .count = s->untold, .since_ns = s->untold_since_ns };
	buf_reset(&s->body);
	int r = render_loss(s->renderer, signer_next_sequence(s->signer), &info, &s->body);
	if (!r)
		r = add_body(s, now);
	if (!r)
		s->untold = 0;
	return r;
}

/* Room for a record of the event lanes; -ENOBUFS when it has to be left out. */
static int begin(struct stream *s, enum severity severity, struct instant now)
{
	if (!has_room(s, severity, RESERVE_BYTES + 2 * LINE_MAX_BYTES, now))
		return -ENOBUFS;
	int r = tell_losses(s, now);
	buf_reset(&s->body);
	return r;
}

int stream_alert(struct stream *s, const struct alert *alert, struct instant now)
{
	s->counts.alerts++;
	int r = begin(s, alert_severity(alert), now);
	if (!r)
		r = render_alert(s->renderer, signer_next_sequence(s->signer), alert, &s->body);
	if (!r)
		r = add_body(s, now);
	if (r)
		return leave_out(s, now, r);
	s->severity = MAX(s->severity, alert_severity(alert));
	s->is_urgent |= alert_severity(alert) >= SEVERITY_HIGH;
	if (alert_severity(alert) == SEVERITY_CRITICAL)
		s->roll_reason = "critical";
	return 0;
}

int stream_event(struct stream *s, const struct event *ev, struct instant now)
{
	int r = begin(s, SEVERITY_INFO, now);
	if (!r)
		r = render_event(s->renderer, signer_next_sequence(s->signer), ev, &s->body);
	if (!r)
		r = add_body(s, now);
	return r ? leave_out(s, now, r) : 0;
}

int stream_open_record(struct stream *s, const struct open_info *info)
{
	struct open_info mine = *info;
	buf_reset(&s->body);
	if (signer_next_sequence(s->signer) != 0)
		return -EINVAL;
	mine.epoch = signer_epoch(s->signer);
	mine.previous = s->agent ? agent_previous(s->agent) : NULL;
	mine.is_agent_kept = s->agent != NULL;
	int r = render_open(s->renderer, &mine, signer_public_key(s->signer), &s->body);
	if (!r)
		r = add_body(s, info->at);
	if (!r && s->agent)
		s->roll_reason = "start";
	return r;
}

/* Our own records may use one line more of the outlet than alerts and events, and count as lost only with the caller. */
static int begin_own(struct stream *s, struct instant now)
{
	if (!has_room(s, SEVERITY_CRITICAL, RESERVE_BYTES + LINE_MAX_BYTES, now))
		return -ENOBUFS;
	int r = has_room(s, SEVERITY_CRITICAL, RESERVE_BYTES + 2 * LINE_MAX_BYTES, now) ? tell_losses(s, now) : 0;
	buf_reset(&s->body);
	return r;
}

int stream_heartbeat(struct stream *s, const struct heartbeat_info *info)
{
	int r = begin_own(s, info->at);
	s->counts.queue_bytes = s->outlet->ops->queued_bytes(s->outlet);
	s->counts.epoch = signer_epoch(s->signer);
	if (!r)
		r = render_heartbeat(s->renderer, signer_next_sequence(s->signer), info, &s->counts, &s->body);
	return r ? r : add_body(s, info->at);
}

int stream_reload(struct stream *s, const struct reload_info *info)
{
	int r = begin_own(s, info->at);
	if (!r)
		r = render_reload(s->renderer, signer_next_sequence(s->signer), info, &s->body);
	return r ? r : add_body(s, info->at);
}

int stream_policy(struct stream *s, const struct policy_info *info)
{
	int r = begin_own(s, info->at);
	if (!r)
		r = render_policy(s->renderer, signer_next_sequence(s->signer), info, &s->body);
	return r ? r : add_body(s, info->at);
}

int stream_loss(struct stream *s, const struct loss_info *info)
{
	int r = begin_own(s, info->at);
	if (!r)
		r = render_loss(s->renderer, signer_next_sequence(s->signer), info, &s->body);
	return r ? r : add_body(s, info->at);
}

/* The key that signed until now does not outlive the run: the close record is signed with the next one. */
static void roll_for_stop(struct stream *s, struct instant now)
{
	if (!s->agent)
		return;
	agent_stop_writer(s->agent); /* the end has no time for later */
	IGNORE(stream_flush(s, now)); /* what fails here fails below again, and is told there */
	IGNORE(s->outlet->ops->wait(s->outlet)); /* a roll before must be on the disk first */
	s->next_settle_ns = 0;
	s->next_roll_ns = 0;
	s->roll_reason = "stop";
	settle_key(s, now);
	IGNORE(stream_flush(s, now));
}

/* After the close record: all is written, and the agent's file says where. */
static void settle_at_end(struct stream *s, struct instant now)
{
	s->next_settle_ns = 0;
	if (!s->agent || (!s->is_closed && !agent_is_unsettled(s->agent)))
		return;
	s->ends = true;
	settle_key(s, now);
}

int stream_close_record(struct stream *s, const struct close_info *info)
{
	roll_for_stop(s, info->at);
	/* the reserve is for this record: it fits, though the file takes nothing */
	int r = has_room(s, SEVERITY_CRITICAL, 2 * LINE_MAX_BYTES, info->at) ? tell_losses(s, info->at) : 0;
	buf_reset(&s->body);
	if (!r)
		r = has_room(s, SEVERITY_CRITICAL, LINE_MAX_BYTES, info->at) ? 0 : -ENOBUFS;
	if (!r)
		r = render_close(s->renderer, signer_next_sequence(s->signer), info, &s->counts, &s->body);
	if (!r)
		r = add_body(s, info->at);
	s->is_closed = r == 0;
	int flushed = stream_flush(s, info->at);
	if (flushed == -EAGAIN || (flushed == 0 && s->outlet->ops->queued_bytes(s->outlet)))
		flushed = s->outlet->ops->wait(s->outlet);
	int synced = s->outlet->ops->sync(s->outlet);
	if (s->agent)
		IGNORE(s->outlet->ops->wait(s->outlet)); /* told by the next sync, if at all */
	settle_at_end(s, info->at);
	return r ? r : flushed ? flushed : synced;
}

/* --- signing and writing -------------------------------------------------------------------------------------------------------- */

bool stream_is_due(const struct stream *s, uint64_t boot_ns)
{
	if (signer_pending(s->signer) && (s->is_urgent || boot_ns - s->oldest_boot_ns >= STREAM_WAIT_NS))
		return true;
	if (s->agent && (agent_is_unsettled(s->agent) ? boot_ns >= s->next_settle_ns : s->roll_reason && !s->is_closed && boot_ns >= s->next_roll_ns))
		return true;
	return s->outlet->ops->is_due(s->outlet, boot_ns) || (s->needs_sync && boot_ns - s->last_sync_ns >= STREAM_SYNC_NS);
}

static int sync_when_due(struct stream *s, uint64_t boot_ns)
{
	if (!s->needs_sync || (s->last_sync_ns && boot_ns - s->last_sync_ns < STREAM_SYNC_NS))
		return 0;
	s->needs_sync = false;
	s->last_sync_ns = boot_ns;
	return s->outlet->ops->sync(s->outlet);
}

/*
 * Adds the sealed record that names the next key to s->lines, in which the batch before stands, and goes over to that key. What is missing for
 * it (room, memory, an agent's disk) leaves the key as it is, and the reason: it is tried again later.
 */
static void roll_key(struct stream *s, struct instant now)
{
	char next_key[KEY_TEXT];
	CLEANUP(crypto_key_free) struct crypto_key *key = NULL;
	uint64_t sequence = signer_next_sequence(s->signer);
	s->next_roll_ns = s->agent ? now.boot_ns + STREAM_ROLL_PAUSE_NS : 0;
	bool has_room = s->outlet->ops->room(s->outlet, SEVERITY_CRITICAL) >= s->lines.n + ROLL_BYTES + RESERVE_BYTES && !buf_reserve(&s->lines, ROLL_BYTES);
	int r = !has_room ? -ENOBUFS : s->agent ? agent_roll(s->agent, &key) : crypto_key_new(&key);
	if (r == -EINPROGRESS) {
		s->next_roll_ns = now.boot_ns + STREAM_WAIT_NS;
		return;
	}
	if (r) {
		s->counts.held++;
		return;
	}
	key_text(key, next_key);
	const struct key_roll_info info = { .at = now, .reason = s->roll_reason, .next_epoch = signer_epoch(s->signer) + 1, .next_key = next_key };
	buf_reset(&s->body);
	if (render_key_roll(s->renderer, sequence, &info, &s->body) || s->body.n > ROLL_BYTES - LINE_SIGNATURE_MAX ||
	    signer_add(s->signer, sequence, buf_sv(&s->body)) || signer_flush(s->signer, now.wall_ns, &s->lines))
		return; /* room for the line is reserved: what was added is sealed */
	if (signer_roll(s->signer, &key) == 0) {
		s->roll_reason = NULL;
		s->key_boot_ns = 0;
		signer_head(s->signer, &s->roll_head);
		if (s->agent)
			agent_named(s->agent);
	}
}

/*
 * How far is all on the disk, as far as it matters? Behind the record that names the key in force; at the end, to where it was signed. The outlet keeps the
 * order, and what it counts as waiting is at least the lines: when less waits than it took since that record, that one does not wait any more.
 */
static bool is_stored(const struct stream *s, struct log_head *ret)
{
	size_t queued = s->outlet->ops->queued_bytes(s->outlet);
	if (s->ends && queued == 0) {
		signer_head(s->signer, ret);
		ret->is_closed = s->is_closed;
		return true;
	}
	*ret = s->roll_head; /* and no later one: it is the place that a verifier knows, should the log be lost */
	return agent_is_unsettled(s->agent) && queued <= s->after_roll_bytes;
}

/* Is the record that names the key in force on the disk, with all before it? Then the key before goes from there. */
static void settle_key(struct stream *s, struct instant now)
{
	struct log_head head;
	if (!s->agent || (!s->ends && !agent_is_unsettled(s->agent)) || now.boot_ns < s->next_settle_ns)
		return;
	s->next_settle_ns = now.boot_ns + STREAM_SYNC_NS;
	if (s->outlet->ops->sync(s->outlet) || !is_stored(s, &head))
		return;
	int r = agent_settle(s->agent, &head);
	if (r && r != -EINPROGRESS)
		s->next_settle_ns = now.boot_ns + STREAM_ROLL_PAUSE_NS;
}

static bool wants_roll(const struct stream *s, struct instant now, bool may_roll)
{
	return s->roll_reason && may_roll && !s->keeps_key && !s->is_closed &&
	       (!s->agent || (now.boot_ns >= s->next_roll_ns && !agent_is_unsettled(s->agent)));
}

/* A key that has to go and stays, because the one before it is not off the disk yet, is told; once for each time that it could have gone. */
static void note_held(struct stream *s, struct instant now)
{
	if (!s->agent || !s->roll_reason || s->keeps_key || s->is_closed || !agent_is_unsettled(s->agent) || now.boot_ns < MAX(s->next_roll_ns, s->next_held_ns))
		return;
	s->next_held_ns = now.boot_ns + STREAM_ROLL_PAUSE_NS;
	s->counts.held++;
}

/* Signs what waits, and notes how long that took: what a record waited, and the signing itself. */
static int sign_pending(struct stream *s, struct instant now)
{
	size_t n = signer_pending(s->signer);
	uint64_t began_ns = clock_ns(CLOCK_MONOTONIC);
	int r = signer_flush(s->signer, now.wall_ns, &s->lines);
	if (r || n == 0)
		return r;
	uint64_t waited_ns = now.boot_ns > s->oldest_boot_ns ? now.boot_ns - s->oldest_boot_ns : 0;
	histogram_add(&s->sign_ns, waited_ns + (clock_ns(CLOCK_MONOTONIC) - began_ns));
	histogram_add(&s->batches, n);
	s->sealed_ns = now.wall_ns;
	return 0;
}

static int seal_and_write(struct stream *s, struct instant now, bool may_roll)
{
	settle_key(s, now);
	if (signer_pending(s->signer) == 0 && !(s->agent && wants_roll(s, now, may_roll))) {
		int r = s->outlet->ops->retry(s->outlet, now.boot_ns);
		return r ? r : sync_when_due(s, now.boot_ns);
	}
	uint64_t first = signer_next_sequence(s->signer) - signer_pending(s->signer);
	buf_reset(&s->lines);
	int r = sign_pending(s, now);
	if (r)
		return r; /* no memory: all stays pending */
	if (!s->key_boot_ns)
		s->key_boot_ns = now.boot_ns;
	if (!s->roll_reason && now.boot_ns - s->key_boot_ns >= STREAM_ROLL_NS)
		s->roll_reason = "interval";
	uint64_t epoch = signer_epoch(s->signer);
	note_held(s, now);
	if (wants_roll(s, now, may_roll))
		roll_key(s, now);
	if (s->lines.n == 0)
		return 0; /* nothing was pending, and the key stays */
	const struct outlet_batch batch = {
		.lines = buf_sv(&s->lines),
		.first = first,
		.count = signer_next_sequence(s->signer) - first,
		.severity = s->severity,
		.is_urgent = s->is_urgent,
	};
	s->bytes += s->lines.n;
	r = s->outlet->ops->write(s->outlet, &batch, now.boot_ns);
	s->after_roll_bytes = signer_epoch(s->signer) != epoch ? 0 : r == -ENOBUFS ? s->after_roll_bytes : s->after_roll_bytes + s->lines.n;
	s->needs_sync |= s->is_urgent;
	s->is_urgent = false;
	s->severity = SEVERITY_INFO;
	if (!r)
		settle_key(s, now);
	return r ? r : sync_when_due(s, now.boot_ns);
}

int stream_flush(struct stream *s, struct instant now)
{
	return seal_and_write(s, now, true);
}
