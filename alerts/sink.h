/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a kind of sink is: a handful of functions that the frame (sink_run.c) calls from a thread of the sink's own. They may wait for a receiver up to the
 * sink's time-out, and no longer than until `cancel` is called. The frame reads the write-ahead log, filters, keeps the order, waits between tries and keeps the cursor; a
 * kind only carries lines.
 */
#pragma once

#include "alerts/format.h"
#include "alerts/wal_io.h"
#include "engine/config/sinks.h"
#include "engine/rules/ruleset.h"

/* One record, and what was read of it. All borrowed. */
struct sink_line {
	struct strview text;    /* the signed line, without its end, in the sink's format */
	uint64_t sequence;
	enum severity severity; /* of own records: SEVERITY_INFO */
	bool is_alert;
	/* as they stand in the line; empty when they do not */
	struct strview stream, time, rule, action, host, message; /* message: escapes as written */
	struct strview dataset, title; /* title: of the rule, escapes as written */
	struct strview tags;    /* the array */
};

enum { SINK_FAULT_TEXT = 200 };

/* Why a send failed. */
struct sink_fault {
	char text[SINK_FAULT_TEXT]; /* for people; never a secret */
	bool is_window_lost;        /* what was sent since the last settle may be lost with its connection: it is sent again */
	bool is_final;              /* this receiver will never take this line: go on with the next, and count */
	bool is_gone;               /* this receiver wants no more at all: it is asked again after a restart or SIGHUP */
	bool may_be_line;           /* the receiver answered, and perhaps it is the first line that it does not like */
	size_t refused;             /* see send */
	uint64_t wait_ns;           /* the receiver said how long to wait; 0: it did not */
};
void sink_fault_set(struct sink_fault *fault, const char *format, ...) PRINTF_LIKE(2, 3);

struct sink_type {
	const char *delivered;  /* what a line that was sent is: written, sent, accepted */
	const char *delivered_doc;
	/* Checks what can be checked here, connects nothing; options and io are borrowed for the sink's life. 0, or -errno with diag. */
	int (*open)(const struct sink_options *options, const struct wal_io *io, void **ret, struct diag *diag);
	/*
	 * Sends lines in order; *ret_done: how many are done, also after a fault, which is about the one after them. 0, or -errno with fault.
	 * fault->refused counts those of the done ones that the receiver will never take.
	 */
	int (*send)(void *sink, const struct sink_line *lines, size_t n, size_t *ret_done, struct sink_fault *fault);
	bool gathers; /* lines of several records are sent together, as batch.count, batch.bytes and batch.time say */
	/* Makes what was sent last, before the cursor is kept. NULL: there is nothing to do. */
	int (*settle)(void *sink, struct sink_fault *fault);
	uint64_t linger_ns; /* a connection has to last so long after a line for the line to be done: what its end took is sent again */
	uint64_t (*files)(const void *sink); /* files that it has opened so far, for who keeps others off them. NULL: it writes none */
	/* Begins anew with its file or connection, after a signal. NULL: nothing to do. */
	void (*reopen)(void *sink);
	/*
	 * From another thread, once, when the time of the end is over: whatever waits for a receiver returns at once, now and in every later call; what
	 * waits in a library that cannot be called off, within seconds that are bounded and documented.
	 * NULL: nothing here waits for longer than a moment.
	 */
	void (*cancel)(void *sink);
	void (*close)(void *sink);
};

extern const struct sink_type sink_type_file, sink_type_stdout, sink_type_syslog, sink_type_journald, sink_type_webhook, sink_type_otlp, sink_type_nats;

/* What its lines are written as, and the longest there may be: what does not fit even cut is refused. */
enum format sink_format(const struct sink_options *options) PURE;
size_t sink_line_max(const struct sink_options *options) PURE;

/* Reads a signed line; false: it is none. */
bool sink_line_read(struct strview text, struct sink_line *ret) MUST_CHECK;
/*
 * What receivers that keep out doubles know it by: stream, sequence, and what nobody can know before the line is signed, so that nobody can be there
 * first with another one. The same whenever the line comes again.
 */
void sink_line_id(const struct sink_line *line, struct buf *out);
/* Does it pass what the options ask for? */
bool sink_line_fits(const struct sink_line *line, const struct sink_options *options) PURE;
