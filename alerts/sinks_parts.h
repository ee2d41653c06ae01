/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sinks from inside: for sinks.c (all of them), sink_cursor.c (what each has delivered, on the disk) and sink_run.c (the thread of each). What stands
 * under the lock is touched under it alone; the rest belongs to the thread.
 */
#pragma once

#include <pthread.h>

#include "alerts/sink_effort.h"
#include "alerts/sinks.h"

enum {
	SINK_LINES_MAX = 1024,          /* given to a kind at once */
	SINK_TEXTS_BYTES = 1024 * 1024, /* of lines in another format, given to a kind at once */
};

struct sink {
	struct sinks *all;          /* borrowed */
	const struct sink_options *options;
	const struct sink_type *type;
	void *self;                 /* the kind's own */
	struct wal_reader *reader;
	pthread_t thread;
	bool has_thread;
	/* --- the thread's --- */
	uint64_t next;              /* record that follows what it has */
	uint64_t kept;              /* what the cursor file says */
	uint64_t lines_next, lines_kept, lines_mark, lines_held; /* lines before `next`, `kept`, `mark`, `held_first`, on the scale of wal_stats.lines */
	uint64_t kept_untold;
	uint64_t mark, mark_ns;     /* what `next` was then: done when the connection outlives it */
	uint64_t kept_at_ns;
	struct effort effort;
	bool wants_more;            /* lines to try beside the one that fails: what is held is gone on with when others have come */
	size_t probes;              /* which one is tried beside it */
	bool rewinds;               /* to what the cursor says */
	enum format format;         /* native: the lines are given as they stand in the log */
	struct buf converted;       /* the line at hand */
	struct buf texts;           /* the lines that are collected; SINK_TEXTS_BYTES from the start, so it never moves */
	struct sink_line *lines;    /* room for SINK_LINES_MAX; owned */
	struct buf held;            /* of kinds that gather: texts of lines[0..n_held) */
	size_t n_held;
	uint64_t held_first, held_ns; /* record of the first of them, and when it came */
	uint64_t held_wall_ns;      /* when that was written */
	/* --- under all->lock --- */
	bool reopens;
	struct sink_status status;
	bool is_unsettled;          /* what was sent last could not be settled, or the cursor not be kept */
	uint64_t sent, lines_sent, waits_since_ns; /* see note_place; wall clock, 0: not known */
	uint64_t untold;            /* refused lines of which no record was made, */
	uint64_t telling;           /* and those of which one was, but it may not be durable */
	uint64_t told_below;        /* it is one of the log's below that; 0: not known yet */
};

struct sinks {
	struct wal *wal;            /* borrowed */
	const struct wal_io *io;    /* the log's */
	int folder;
	pthread_mutex_t lock;
	pthread_cond_t end;         /* or something else that sinks which wait should look at; or one of them has ended */
	size_t running;             /* threads */
	bool is_ending;
	uint64_t end_ns;            /* monotonic: threads that still have something to send give up then */
	struct sink sink[SINKS_MAX];
	size_t n;
};

/* --- sink_cursor.c --- */

/* At start, before the thread. One that cannot be used is warned of. */
void sink_load_cursor(const struct sinks *all, struct sink *s, struct diag *diag);
/* What the sink has, and what is untold. 0 or a negative errno. */
int sink_write_cursor(struct sink *s, uint64_t number) MUST_CHECK;
/* Settles what was sent, and writes up to where records are done. A failure is in the status, and comes back as a negative errno. */
int sink_keep_cursor(struct sink *s, bool is_ending) MUST_CHECK;
/* Refused lines that no durable record tells. */
uint64_t sink_untold(struct sink *s);
/* Records below have been sent; and the lines that they have. */
uint64_t sink_sent_up_to(const struct sink *s);
uint64_t sink_lines_sent(const struct sink *s);

/* --- sink_run.c --- */

/* The thread of a sink, given as context: goes on until the end has come. */
void *sink_run(void *context);
/* Under the lock: until a monotonic time, or all->end. */
void sinks_wait_until(struct sinks *all, uint64_t until_ns);
