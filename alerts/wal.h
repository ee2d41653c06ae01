/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead log: what a stream seals is put in order on the disk, and sinks read it from there, each at its own pace. The caller of
 * the outlet never waits for the disk: lines go into a queue of bounded size, and a thread of the log's own writes them, many with one sync.
 * A record is acknowledged when it is durable, and readers get nothing else; so no receiver can hold what a crash takes back.
 *
 * FOLDER/NUMBER.wal are segments, named by their first record, whose number is dense over the whole life of the log. FOLDER/reserve holds
 * room for the last words on a full disk, FOLDER/id what tells this log from others. A segment goes when the cursors of all required readers have passed it.
 */
#pragma once

#include "alerts/outlet.h"
#include "alerts/wal_io.h"
#include "alerts/wal_record.h"
#include "engine/base/diag.h"

/* What happens when the disk is full, or the segments have reached their ceiling. Each leaves a signed loss record of what is missing. */
enum wal_full {
	WAL_DROP_LOWEST, /* alerts of the lowest severity get no record first; the reserve is for the others */
	WAL_DROP_OLDEST, /* segments go though a reader has not had them */
	WAL_BLOCK,       /* nothing is taken in; the kernel side fills up and counts what it loses */
	WAL_FAIL_CLOSED, /* the outlet's state is OUTLET_FAILED */
};

struct wal_config {
	const char *folder;     /* made (0700) when missing; its parent must be there */
	uint64_t max_bytes;     /* of all segments */
	uint64_t segment_bytes; /* at most WAL_SEGMENT_MAX */
	uint64_t reserve_bytes;
	size_t queue_bytes;     /* lines that wait for the disk */
	uint64_t commit_ns;     /* a record waits so long for others to be synced with it, */
	size_t commit_bytes;    /* or until there are so many bytes, or one is urgent */
	uint64_t retry_ns;      /* pause after an error of the disk */
	uint64_t wait_ns;       /* what the end of a run waits for the disk */
	enum wal_full full;
	const struct wal_io *io;
};

enum { WAL_SEGMENT_MAX = 64 * 1024 * 1024, WAL_READERS_MAX = 32, WAL_ID_TEXT = 32 };

/* All but the folder. */
struct wal_config wal_defaults(void);

struct wal;

/*
 * Takes up the log that is there, or begins one. A torn end is cut off, damage is passed over, both are told by wal_take_loss; neither keeps
 * it from starting. 0, or -errno with diag: no such folder, no right to it, no memory, or -EBUSY, another process has it.
 */
int wal_open(const struct wal_config *config, struct wal **ret, struct diag *diag) MUST_CHECK;
/* The log as an outlet, which owns it: outlet_close ends it. All readers must be gone by then. */
struct outlet *wal_outlet(struct wal *w);
/* Without an outlet: the same as closing it. */
size_t wal_close(struct wal **w);

/* What the log ended with when it was opened. */
struct wal_head {
	uint64_t next;       /* number of the next record; 0: the log is new */
	struct strview line; /* the last whole line, without its end; empty: none was readable */
	uint64_t torn_bytes;
};
void wal_get_head(const struct wal *w, struct wal_head *ret);

struct wal_stats {
	uint64_t next, durable;        /* number of the next record; all below `durable` are on the disk */
	uint64_t lines;                /* made durable since the opening; records are groups of them */
	uint64_t oldest;               /* the first that is still kept */
	uint64_t bytes, segments;
	uint64_t queued_bytes;
	uint64_t syncs, faults;        /* faults: tries of the disk that failed */
	uint64_t lost_lines;           /* found damaged, torn or dropped since the opening */
	int error;                     /* errno of the last try; 0: fine */
	bool is_full;
};
void wal_get_stats(struct wal *w, struct wal_stats *ret);
/* Drawn when the log began: cursors name it, so that none is taken for one of another log. */
const char *wal_get_id(const struct wal *w) PURE;
/* The file system that it was configured with. */
const struct wal_io *wal_get_io(const struct wal *w) PURE;

/* A loss that no record tells yet; false: there is none. */
struct wal_loss {
	const char *what;  /* log-torn, log-damaged, log-dropped */
	uint64_t count;    /* lines; records where lines cannot be told */
	uint64_t since_ns; /* wall clock of the last record before it; 0: not known */
};
bool wal_take_loss(struct wal *w, struct wal_loss *ret);
/* It could not be told after all. */
void wal_give_back_loss(struct wal *w, const struct wal_loss *loss);

/* --- readers, one for each thread -------------------------------------------------------------------------------------------------- */

struct wal_reader;

struct wal_item {
	struct wal_header header;
	struct strview lines;    /* until the next call */
	uint64_t missed;         /* lines between the item before and this one that could not be had */
};

/* Begins with record `from`, or the first that is still there. Required: segments wait for wal_reader_release. -EMFILE, -ENOMEM. */
int wal_reader_new(struct wal *w, uint64_t from, bool is_required, struct wal_reader **ret) MUST_CHECK;
void wal_reader_free(struct wal_reader **r);
/*
 * Where it begins, on the scale of wal_stats.lines: what is durable less the lines that are left for it, modulo 2^64. Reads heads of records, as many as there are; stops
 * at wal_wake and takes one line for each that is left then. To be called before the first wal_reader_next.
 */
uint64_t wal_reader_place(struct wal_reader *r) MUST_CHECK;
/* 1: an item; 0: none came in that time, or wal_wake was called; -errno of the disk: to be tried again later. */
int wal_reader_next(struct wal_reader *r, unsigned timeout_ms, struct wal_item *ret) MUST_CHECK;
/* This reader's records below `number` may go. Call only when that is durable itself. */
void wal_reader_release(struct wal_reader *r, uint64_t number);
/* Go on again with the record `number`, that wal_reader_next gave already. */
void wal_reader_rewind(struct wal_reader *r, uint64_t number);
/* From now on segments go when they can: all readers that count are there. */
void wal_begin_trimming(struct wal *w);
/* From now on none goes: readers leave one by one, and what they have not had is for the next start. */
void wal_end_trimming(struct wal *w);
/* Lets all readers that wait return. */
void wal_wake(struct wal *w);
