/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The checker of logs: takes lines one by one, in bounded memory, and says of the first bad one what is wrong with it. Uses nothing of
 * the program but the bytes of the log and the public keys. docs/verify.md states the rules; docs/verify_log.py is their twin.
 */
#pragma once

#include <stdint.h>

#include "alerts/crypto.h"
#include "alerts/head.h"
#include "alerts/identity.h"
#include "engine/base/diag.h"

enum {
	VERIFY_LINE_MAX = 1024 * 1024, /* bytes of a line without its end */
	VERIFY_BATCH_MAX = 65536,      /* records under one signature: 16 hashes of path */
	VERIFY_KEYS_MAX = 16384,       /* lines of a key file */
};

struct verify_key {
	char stream[STREAM_NAME_MAX + 1];
	uint64_t epoch;
	uint8_t public_key[CRYPTO_PUBLIC];
};

struct verify_keys {
	struct verify_key *key; /* owned */
	size_t n;
};

/* Reads a file of lines "vedette-key/v1 STREAM EPOCH BASE64"; blank lines and lines that begin with # are skipped. 0 or -errno. */
int verify_keys_read(const char *path, struct verify_keys *ret, struct diag *diag) MUST_CHECK;
int verify_keys_parse(const char *name, struct strview text, struct verify_keys *ret, struct diag *diag) MUST_CHECK;
void verify_keys_done(struct verify_keys *keys);
/* One line of it, without its end. */
bool verify_key_parse(struct strview line, struct verify_key *ret) MUST_CHECK;
/* The first one for the stream's agent and the epoch, or NULL: epochs are numbered through all streams of an agent. */
const struct verify_key *verify_keys_find(const struct verify_keys *keys, struct strview stream, uint64_t epoch) PURE;
/* The latest one for the stream's agent that is of an earlier epoch, or NULL. */
const struct verify_key *verify_keys_find_earlier(const struct verify_keys *keys, struct strview stream, uint64_t epoch) PURE;

/* What is wrong with a line: stable words, for machines. */
enum verify_fault {
	VERIFY_OK,
	VERIFY_NOT_A_RECORD,   /* no line of a log of ours */
	VERIFY_EDITED,         /* signature or proof do not fit the bytes */
	VERIFY_WRONG_KEY,      /* no key for the stream and epoch */
	VERIFY_SPLICED,        /* of another agent */
	VERIFY_DELETED,        /* records before it are missing, of its stream or of earlier ones of its agent */
	VERIFY_REPLAYED,       /* its sequence was there before: copied or moved */
	VERIFY_CHAIN_BROKEN,   /* signed after another past than the one that stands here */
	VERIFY_AFTER_CLOSE,    /* follows the stream's close */
	VERIFY_FAULT_COUNT,
};
const char *verify_fault_text(enum verify_fault fault) PURE;

/* A time of which the log says that something is missing. Not a fault of the log: it is signed as it stands. */
enum verify_gap_kind {
	VERIFY_GAP_STOPPED, /* the agent was stopped and started again */
	VERIFY_GAP_UNCLEAN, /* it ended without a close record, and started again */
	VERIFY_GAP_LOSS,    /* a loss record */
	VERIFY_GAP_SILENCE, /* no record for more than three heartbeats */
	VERIFY_GAP_COUNT,
};
struct verify_gap {
	enum verify_gap_kind kind;
	uint64_t from_ns, to_ns; /* wall clock; 0: not known; to_ns may be before from_ns when the clock was set back */
	uint64_t count;          /* loss: what it counts; unclean: records that were signed and are not there */
	const char *what;        /* loss: of what; stopped: why; as written in the log; borrowed */
	const char *stream;      /* that it is in, or behind; borrowed */
	uint64_t next;           /* sequence at which it is */
};
const char *verify_gap_text(enum verify_gap_kind kind) PURE;

struct verify_options {
	bool from_middle; /* the log may begin within a stream */
	/* Called with each key that signed: that of the first record, then each that a verified record named. May be NULL. */
	void (*on_key)(void *context, const struct verify_key *key);
	/* Called with each gap. May be NULL. */
	void (*on_gap)(void *context, const struct verify_gap *gap);
	void *context;
};

struct verifier;

/* keys are borrowed for the verifier's life. 0 or -ENOMEM. */
int verifier_new(const struct verify_keys *keys, const struct verify_options *options, struct verifier **ret) MUST_CHECK;
void verifier_free(struct verifier **v);

/*
 * One line without its line end. VERIFY_OK, or what is wrong: then `explain` has it in words, and the verifier takes no further line.
 */
enum verify_fault verifier_line(struct verifier *v, struct strview line) MUST_CHECK;
const char *verifier_explain(const struct verifier *v);

struct verify_result {
	uint64_t records;    /* that verified, of all streams */
	uint64_t streams;    /* of the agent, one behind the other */
	uint64_t unclosed;   /* of these, without a close record, though another follows */
	uint64_t next;       /* sequence that would follow */
	bool is_closed;      /* the stream's close record was the last */
	uint64_t epoch;      /* number of the key of the last record */
	uint64_t missing;    /* records of the last batch that are not there: signed, hence made */
	const char *stream;  /* "" before the first record */
	const char *follows; /* stream that the first one names as its past, and that is not here; "": none */
	const char *first_time; /* statement's time of the first batch, "" */
	const char *last_time;  /* of the last one */
};
void verifier_result(const struct verifier *v, struct verify_result *ret);
/* Where the log stands: after the last verified line. */
void verifier_head(const struct verifier *v, struct log_head *ret);
