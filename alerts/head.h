/* SPDX-License-Identifier: Apache-2.0 */
/* Where a stream's log ends: what the agent's next incarnation names as its past, and what a receipt attests. */
#pragma once

#include <stdint.h>

#include "alerts/crypto.h"
#include "alerts/identity.h"
#include "engine/base/buf.h"

struct log_head {
	char stream[STREAM_NAME_MAX + 1]; /* "": there is none */
	uint64_t next;                    /* sequence of the record that would follow */
	uint64_t epoch;                   /* of the key that would sign it */
	uint8_t statement[CRYPTO_HASH];   /* SHA-256 of the statement over the last record */
	bool is_closed;                   /* that was the close record */
};

/*
 * What a sealed line without its line end says of itself, whoever signed it: to find the end of one's own log, not to prove it. 0, -ENOMEM,
 * or -EBADMSG when it is no line of a log.
 */
int log_head_of_line(struct strview line, struct log_head *ret) MUST_CHECK;
/* Is it a sealed line, with a signature by this key that fits it? */
bool log_line_is_signed(struct strview line, const uint8_t public_key[static CRYPTO_PUBLIC]) MUST_CHECK;
/*
 * Appends the last whole line of a log file, without its end; what stands behind it is not looked at. 0; -ENOENT when there is no file, -ENODATA when it
 * holds no whole line, or ends with one that is too long, else -errno.
 */
int log_end_of_file(const char *path, struct buf *out) MUST_CHECK;

/* The agent's half of a stream's name, as they stand before the first slash. */
struct strview stream_agent(struct strview stream);
/* Is a further along than b: a later incarnation, or more records of the same? Both of one agent; a head that is none is behind all. */
bool log_head_is_after(const struct log_head *a, const struct log_head *b);
/* The number behind the slash of a stream's name; 0 when there is none as agents write them: decimal, at most 2^53. */
uint64_t stream_number(struct strview stream);
/* That of its stream. */
uint64_t log_head_incarnation(const struct log_head *head);
