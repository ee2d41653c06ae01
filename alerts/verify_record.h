/* SPDX-License-Identifier: Apache-2.0 */
/* One line of a log by itself, taken apart and hashed: what checkers of whole logs and of single lines begin with. Allocates in scratch only. */
#pragma once

#include "alerts/sign.h"
#include "alerts/verify.h"

enum { VERIFY_EXPLAIN_MAX = 512 };

/* Views into the line. */
struct verify_record {
	struct strview text; /* all of it */
	struct strview body; /* without its closing brace */
	struct strview raw_seal;
	struct strview dataset;
	struct strview next_key, next_epoch; /* as they stand; empty where there is none of the right type */
	uint64_t sequence;
	struct seal seal;
	uint8_t path[TREE_PATH_MAX * CRYPTO_HASH];
	uint8_t prev[CRYPTO_HASH];
	uint8_t statement[CRYPTO_HASH]; /* by verify_record_hash */
};

/* Reads a line without its line end, which must outlive *ret. VERIFY_OK, or VERIFY_NOT_A_RECORD and why. */
enum verify_fault verify_record_read(struct strview text, struct buf *scratch, char explain[static VERIFY_EXPLAIN_MAX],
				     struct verify_record *ret) MUST_CHECK;
/* From the record to the statement that was signed over it: its bytes are in scratch then, its hash in the record. VERIFY_OK, or VERIFY_EDITED and why. */
enum verify_fault verify_record_hash(struct verify_record *record, struct buf *scratch, char explain[static VERIFY_EXPLAIN_MAX]) MUST_CHECK;

/* What the open record of a stream says of the stream before it. */
struct verify_past {
	struct strview stream; /* of the line */
	uint64_t next;         /* sequence that would have followed there */
	uint8_t statement[CRYPTO_HASH];
	bool is_closed;
};
/* False: it names none, or not in the form that agents write. */
bool verify_record_past(const struct verify_record *record, struct verify_past *ret) MUST_CHECK;

/* Where a stream stands, as one knows who saw it. */
struct verify_end {
	uint64_t next;
	uint8_t statement[CRYPTO_HASH];
	bool is_closed;
	uint64_t rolled_next; /* behind its last record that named a key; 0: none has */
	uint8_t rolled_statement[CRYPTO_HASH];
};
enum verify_join {
	JOIN_FITS,
	JOIN_FORGETFUL, /* the agent lost its log, and knows as far as its key reaches back: to the record that named it. What stands behind that is not denied */
	JOIN_MISSING,   /* it went on behind the end that is known */
	JOIN_OTHER,     /* it ended otherwise */
};
/* How what the next stream says of this one, which it names, fits. */
enum verify_join verify_past_joins(const struct verify_past *past, const struct verify_end *end) PURE;
