/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stream signature, version 1 (docs/verify.md has every byte). Collects the bodies of one stream, and seals all that is pending with
 * one signature over their Merkle tree; each sealed line carries the proof for itself.
 */
#pragma once

#include "alerts/crypto.h"
#include "alerts/head.h"
#include "engine/base/buf.h"

enum {
	SIGN_BATCH_MAX = 256,                    /* records under one signature: more gains nothing and delays the first */
	SIGN_PENDING_MAX_BYTES = 4 * 1024 * 1024, /* bodies that wait */
};

struct signer;

/* Takes the key over when it succeeds. stream: agent id "/" incarnation. 0, -ENOMEM, or -EINVAL for a stream name that is none. */
int signer_new(const char *stream, struct crypto_key **key, struct signer **ret) MUST_CHECK;
void signer_free(struct signer **s);

const char *signer_stream(const struct signer *s);
/* Public key of the epoch in base64, and the line that verifiers take: "vedette-key/v1 STREAM EPOCH BASE64\n". */
const char *signer_public_key(const struct signer *s);
void signer_key_line(const struct signer *s, struct buf *out);
bool signer_key_is_locked(const struct signer *s);
/* Number of the key in the stream: 0, and one more with each signer_roll. */
uint64_t signer_epoch(const struct signer *s);

/* The number of the first key, when the agent has signed before; needed before the first body. */
void signer_begin_at(struct signer *s, uint64_t epoch);
/* Where what is sealed ends, and what signs next. */
void signer_head(const struct signer *s, struct log_head *ret);

/* The event.sequence that the next body must carry. */
uint64_t signer_next_sequence(const struct signer *s);
size_t signer_pending(const struct signer *s);
size_t signer_pending_bytes(const struct signer *s);

/*
 * Takes a copy of a body, `{...}` with that event.sequence. 0; -EAGAIN when a flush is needed first; -EINVAL when it is not the next
 * in sequence or no object.
 */
int signer_add(struct signer *s, uint64_t sequence, struct strview body) MUST_CHECK;

/*
 * Seals what is pending and appends the lines to out. The statement's time is wall_ns, or that of the batch before when the clock went
 * back. 0, or -ENOMEM: then nothing is sealed, out is as it was, and all stays pending.
 */
int signer_flush(struct signer *s, uint64_t wall_ns, struct buf *out) MUST_CHECK;

/*
 * Another key from here on; the one before is wiped. The last record under it has to have named this one. Takes the key over when it
 * succeeds. 0, or -EBUSY: bodies are pending that the key before has to sign.
 */
int signer_roll(struct signer *s, struct crypto_key **key) MUST_CHECK;

enum { KEY_TEXT = 48 }; /* base64 of a public key, and its NUL */
void key_text(const struct crypto_key *key, char ret[static KEY_TEXT]);

/* --- the tree, shared with the verifier ---------------------------------------------------------------------------------------- */

enum { TREE_PATH_MAX = 16 };

void tree_leaf(struct strview body, struct strview body_end, uint8_t ret[static CRYPTO_HASH]);
void tree_node(const uint8_t left[static CRYPTO_HASH], const uint8_t right[static CRYPTO_HASH], uint8_t ret[static CRYPTO_HASH]);

struct statement {
	struct strview stream, prev, time; /* as text; prev in base64 */
	uint64_t epoch, first, count;
	uint8_t root[CRYPTO_HASH];
};
/* The signed bytes. */
void statement_text(const struct statement *st, struct buf *out);

/* The signature member's value. path: n hashes one after the other. */
struct seal {
	struct statement st;
	const uint8_t *path;
	size_t n_path;
	uint8_t signature[CRYPTO_SIGNATURE];
};
void seal_text(const struct seal *seal, struct buf *out);
#define SEAL_MEMBER ",\"vedette_sig\":"
/* Where it begins in a line: its last occurrence, as within a string it would be escaped. NULL: the line has none. */
const char *seal_find(struct strview line) PURE;
