/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A record of the write-ahead log, as bytes: a header of 48 bytes, little-endian, and whole lines. One checksum covers the
 * header, another one everything: no field is taken for true before its checksum has told so. Lines are JSON and hold no NUL byte, so nobody
 * who chooses what an alert says can make what looks like a record.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/attr.h"
#include "engine/base/buf.h"

enum {
	WAL_HEADER = 48,
	WAL_BODY_MAX = 1024 * 1024, /* a larger batch becomes several records, cut between lines: what a reader holds is bounded */
};

#define WAL_NUMBER_MAX (UINT64_C(1) << 62) /* of records and lines: no sum of them overflows */

struct wal_header {
	uint64_t number;  /* dense from 0 over the whole life of the log */
	uint64_t first;   /* event.sequence of the first line */
	uint64_t wall_ns; /* when it was taken */
	uint32_t count;   /* lines */
	uint32_t length;  /* bytes of lines; 1 to WAL_BODY_MAX */
	uint8_t severity; /* the highest of the alerts among them */
};

/* Appends header and lines. */
void wal_record_add(struct buf *out, const struct wal_header *header, struct strview lines);

/* The header at p[0..WAL_HEADER), its own checksum looked at; false: there is none. */
bool wal_header_read(const void *p, struct wal_header *ret) MUST_CHECK;
/* Is this the body, whole and undamaged, of the header at p? */
bool wal_record_holds(const void *p, struct strview body) MUST_CHECK;

/*
 * The first whole, undamaged record at or after `from`, with its place; false when there is none. What is damaged is
 * passed by the next mark, not by its length.
 */
bool wal_record_find(struct strview bytes, size_t from, struct wal_header *ret, size_t *ret_at) MUST_CHECK;
/* The next mark at or after `from`; bytes.n when there is none. */
size_t wal_mark_find(struct strview bytes, size_t from) MUST_CHECK;
