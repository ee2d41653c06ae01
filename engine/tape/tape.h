/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tapes: files of events as the rules saw them (record, derived fields, outcome, image and lineage), so that a replay needs nothing of
 * the host they came from. docs/tape.md has every byte.
 *
 * A tape describes its events and fields by name: one of an earlier or a later version is read as far as the names are known. It is cut
 * into blocks that stand alone and have checksums; what is damaged is passed over and told.
 */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/diag.h"
#include "engine/event/event.h"

enum {
	TAPE_VERSION = 1,
	TAPE_TEXT_MAX = 255,               /* bytes of a text of the header */
	TAPE_BLOCK_BYTES = 256 * 1024,     /* a block that has so much is written */
	TAPE_BLOCK_MAX = 2 * 1024 * 1024,  /* payload of any block */
	TAPE_DICTIONARY_MAX = 32768,       /* texts of one block */
	TAPE_LINEAGE_MAX = 1024,           /* exec ids of one event */
	TAPE_DIGEST = 64,                  /* hexadecimal digits of the schema's digest */
};

typedef char tape_text[TAPE_TEXT_MAX + 1];

/* What the header tells beside the tables. */
struct tape_info {
	tape_text program;       /* version that recorded */
	tape_text agent_id, host_id, host_name, boot_id;
	tape_text kernel;        /* release */
	tape_text sensor;        /* mode */
	tape_text scope;         /* what was watched */
	tape_text policy_digest; /* of the rules that blocked meanwhile; "": none */
	int64_t wall_offset_ns;  /* wall clock minus time since boot, at the start */
	uint64_t start_ns;       /* wall clock */
};

struct tape_counts {
	uint64_t produced, delivered, lost; /* kernel records */
};

/* The end: what the kernel side counted, in all and by event. */
struct tape_totals {
	uint64_t end_ns; /* wall clock */
	struct tape_counts all;
	struct tape_counts by_event[EVENT_NUMBERS];
};

/* --- writing ------------------------------------------------------------------------------------------------------------- */

struct tape_writer;

struct tape_writer_stats {
	uint64_t events;  /* on the tape */
	uint64_t dropped; /* not on the tape: too large, or the file could not be written */
	uint64_t bytes;   /* of the file */
	int error;        /* errno of the last failure to write; 0: none */
};

/* "-" is standard output. A file that is there is refused unless `replace`; 0 or -errno with the reason. */
int tape_writer_open(const char *path, bool replace, const struct tape_info *info, struct tape_writer **ret, struct diag *diag) MUST_CHECK;
/* Takes an event with its derived fields; never allocates. What cannot be kept is counted. */
void tape_writer_add(struct tape_writer *w, const struct event *ev);
/* Writes what waits: call it once a second, or a crash takes more than that. lost: kernel records so far. */
void tape_writer_flush(struct tape_writer *w, uint64_t lost);
void tape_writer_get_stats(const struct tape_writer *w, struct tape_writer_stats *ret);
/* Writes the end. 0 or -errno: then the tape has no end, or events were dropped for that reason. */
int tape_writer_finish(struct tape_writer *w, const struct tape_totals *totals) MUST_CHECK;
void tape_writer_free(struct tape_writer **w);

/* --- reading ------------------------------------------------------------------------------------------------------------- */

struct tape_reader;

struct tape_reader_stats {
	uint64_t events;          /* handed out */
	uint64_t unknown;         /* of types that this version does not have */
	uint64_t unreadable;      /* whose content makes no event */
	uint64_t missing;         /* that stood in blocks that are damaged, as far as the blocks after tell */
	uint64_t damaged;         /* places that had to be passed over */
	uint64_t damaged_bytes;
	uint64_t lost, dropped;   /* kernel records lost, events dropped by the recorder, as far as was read */
	bool is_torn;             /* the file ends within a block */
	bool is_ended;            /* the end record was read */
};

/*
 * "-" is standard input. 0 or -errno: not a tape, a version of the format that is too new, or a damaged header. What the tape's tables and
 * ours do not share is told by tape_reader_differences.
 */
int tape_reader_open(const char *path, struct tape_reader **ret, struct diag *diag) MUST_CHECK;
/* The same from an open descriptor, which is taken over; name is for messages. */
int tape_reader_new(int fd, const char *name, struct tape_reader **ret, struct diag *diag) MUST_CHECK;
void tape_reader_free(struct tape_reader **r);

/*
 * The next event, valid until the next call: 1, or 0 at the end, or -errno of the file. Damage is a warning in diag, and reading goes on
 * behind it.
 */
int tape_reader_next(struct tape_reader *r, struct event *ret, struct diag *diag) MUST_CHECK;

const struct tape_info *tape_reader_info(const struct tape_reader *r);
void tape_reader_get_stats(const struct tape_reader *r, struct tape_reader_stats *ret);
/* NULL before the end record was read. */
const struct tape_totals *tape_reader_totals(const struct tape_reader *r);
/* Digest of the tape's tables; and one line for each event or field that only one side has, or that has another kind. Returns how many. */
const char *tape_reader_schema(const struct tape_reader *r);
size_t tape_reader_differences(const struct tape_reader *r, struct buf *out);
/* Whether events of this type can stand on the tape; this field of theirs (type NULL: a field of all events); what derived.ancestors tells. */
bool tape_reader_knows(const struct tape_reader *r, const struct event_type *type);
bool tape_reader_has(const struct tape_reader *r, const struct event_type *type, const struct field *field);
bool tape_reader_has_ancestors(const struct tape_reader *r);

/* Digest of the tables of this program. */
void tape_schema_digest(char ret[static TAPE_DIGEST + 1]);
