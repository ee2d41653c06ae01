/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream: one run's signed, dense sequence of lines. Puts the steps together: render, number, sign, write. Ties the loss accounting
 * to the sequence: what cannot be kept is left out before it gets a number, counted, and told by a loss record as soon as there is room.
 *
 * Call order: stream_open_record once, then alerts, events, heartbeats and losses as they come, stream_flush whenever
 * stream_is_due or the caller has nothing else to do, stream_close_record once, stream_free.
 */
#pragma once

#include "alerts/alert.h"
#include "alerts/identity.h"
#include "alerts/outlet.h"
#include "engine/base/histogram.h"

struct agent;
struct stream;

enum {
	STREAM_WAIT_NS = 5 * 1000 * 1000,  /* longest time that a record waits to be signed */
	STREAM_SYNC_NS = 25 * 1000 * 1000, /* shortest time between two syncs to the disk */
};
#define STREAM_ROLL_PAUSE_NS UINT64_C(1000000000) /* with an agent, whose rolls cost the disk some syncs: the shortest time between two */
#define STREAM_ROLL_NS UINT64_C(60000000000) /* a key signs for so long, while there is something to sign */

/*
 * Makes a fresh key and the signer; with an agent (begun, borrowed for the stream's life; NULL: none) its key signs, rolls at the start and
 * before the end as well, and is kept by it. Takes the outlet over when it succeeds. 0, or a negative errno with diag.
 */
int stream_new(const struct identity *identity, struct agent *agent, struct outlet **outlet, struct stream **ret, struct diag *diag) MUST_CHECK;
/* Without stream_close_record the log stays open-ended. Returns the bytes that could not be written. */
size_t stream_free(struct stream **s);

/* One key signs everything, whatever happens: for replays, of which each has to say the same. */
void stream_keep_key(struct stream *s);

/* The key has to go with the next flush, because somebody asked. */
void stream_roll(struct stream *s);

/* "vedette-key/v1 STREAM EPOCH BASE64\n": what `vedette verify --key` needs. */
void stream_key_line(const struct stream *s, struct buf *out);
/* False: the secret key lies in memory that may be swapped out. */
bool stream_key_is_locked(const struct stream *s);

/*
 * Each: 0, or a negative errno when the record was left out (and counted): -ENOBUFS no room, -EMSGSIZE, -ENOMEM. Nothing is signed
 * or written yet, except that a full batch is flushed.
 */
int stream_open_record(struct stream *s, const struct open_info *info) MUST_CHECK;
int stream_alert(struct stream *s, const struct alert *alert, struct instant now) MUST_CHECK;
int stream_event(struct stream *s, const struct event *ev, struct instant now) MUST_CHECK;
int stream_heartbeat(struct stream *s, const struct heartbeat_info *info) MUST_CHECK;
int stream_reload(struct stream *s, const struct reload_info *info) MUST_CHECK;
int stream_policy(struct stream *s, const struct policy_info *info) MUST_CHECK;
int stream_loss(struct stream *s, const struct loss_info *info) MUST_CHECK;
/* Flushes and syncs as well. */
int stream_close_record(struct stream *s, const struct close_info *info) MUST_CHECK;

/* Something should be flushed now: it waited long enough, is urgent (severity high and above), or the file can be tried again. */
bool stream_is_due(const struct stream *s, uint64_t boot_ns);
/*
 * Signs what is pending, writes, syncs when something urgent was written. 0, or a negative errno of the file: the lines wait. When the key
 * has signed for STREAM_ROLL_NS, or an alert of severity critical was among what was signed, a further record names another key, and the one
 * before is wiped: who takes the key from then on cannot sign anew what was signed with it.
 */
int stream_flush(struct stream *s, struct instant now) MUST_CHECK;

struct stream_stats {
	uint64_t records;      /* given a number */
	uint64_t alerts;       /* raised, with or without a record */
	uint64_t unwritten;    /* alerts and events left out */
	uint64_t epoch;        /* number of the signing key */
	uint64_t held;         /* times that it had to go and stayed */
	uint64_t queued_bytes; /* sealed, not written */
	int error;             /* errno of the last write, 0: fine */
	uint64_t bytes;        /* of sealed lines */
	uint64_t sealed_ns;    /* wall clock of the last batch; 0: there was none */
	struct histogram sign_ns; /* from a batch's first record to its signature */
	struct histogram batches; /* records under one signature */
};
void stream_get_stats(const struct stream *s, struct stream_stats *ret);
const char *stream_kept_as(const struct stream *s); /* an earlier log that was in the way; "": none */
enum outlet_state stream_state(const struct stream *s);
