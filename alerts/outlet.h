/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a stream's sealed lines go: the one seam between making evidence and keeping it. An outlet never drops a line that it took. It says
 * in advance how much it would take, so that what cannot be kept is left out before it gets a number, and the chain stays whole.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/attr.h"
#include "engine/base/strview.h"
#include "engine/rules/ruleset.h"

struct outlet;

/* Lines sealed together, or one after the other: whole lines, dense in sequence. */
struct outlet_batch {
	struct strview lines;
	uint64_t first;         /* sequence of the first line */
	uint64_t count;
	enum severity severity; /* the highest of the alerts among them; SEVERITY_INFO when there is none */
	bool is_urgent;         /* to the disk at once */
};

enum outlet_state {
	OUTLET_READY,
	OUTLET_BLOCKED, /* nothing should be taken in until there is room again: the kernel side fills up, and counts */
	OUTLET_FAILED,  /* evidence cannot be kept, and the configuration says that then nothing goes on */
};

struct outlet_ops {
	/* Bytes of lines that it would still take for an alert of this severity; our own records ask as critical ones. */
	size_t (*room)(const struct outlet *o, enum severity severity);
	/* 0: taken, and there is no fault; -ENOBUFS: more than the room, nothing was taken; else -errno of the file: the lines wait. */
	int (*write)(struct outlet *o, const struct outlet_batch *batch, uint64_t now_ns);
	/* Tries what waits again when its time has come; results as write. */
	int (*retry)(struct outlet *o, uint64_t now_ns);
	/* Does anything wait whose time has come? */
	bool (*is_due)(const struct outlet *o, uint64_t now_ns);
	/* Asks for all that was written to be on the disk. 0 or -errno. */
	int (*sync)(struct outlet *o);
	/* At the end: tries what waits once more, and gives a slow reader or disk a bounded time. 0 or -errno. */
	int (*wait)(struct outlet *o);
	size_t (*queued_bytes)(const struct outlet *o); /* taken, not written */
	int (*error)(const struct outlet *o);           /* errno of the last try; 0: fine */
	enum outlet_state (*state)(const struct outlet *o);
	const char *(*kept_as)(const struct outlet *o); /* the name that an earlier log was given; "" when there was none */
	/* Waits, syncs, frees. Returns the bytes that could not be written. */
	size_t (*close)(struct outlet *o);
};

/* First member of what implements it. */
struct outlet {
	const struct outlet_ops *ops;
};

/* Closes and leaves NULL behind; bytes that could not be written. */
static inline size_t outlet_close(struct outlet **o)
{
	struct outlet *gone = TAKE(*o);
	return gone ? gone->ops->close(gone) : 0;
}
