/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a tape: its first bytes, heads of blocks, numbers and texts inside them. Knows nothing of events. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/buf.h"

enum {
	FRAME_FILE_HEAD = 16,  /* bytes before the first block */
	FRAME_BLOCK_HEAD = 40, /* bytes of a block's head */
	FRAME_CHECK = 16,      /* bytes of a payload's checksum (BLAKE2b) */
	FRAME_HEAD_CHECK = 8,  /* bytes of that of a head */
};

enum block_type { BLOCK_HEADER = 1, BLOCK_EVENTS = 2, BLOCK_END = 3 };

struct block_head {
	uint32_t type, length, number; /* length: of the payload; number: 0 for the header, dense */
	uint8_t check[FRAME_CHECK];
};

void frame_file_head(uint8_t ret[static FRAME_FILE_HEAD], uint32_t version);
/* False: not a tape. */
bool frame_read_file_head(const uint8_t *bytes, uint32_t *ret_version);

void frame_block_head(uint8_t ret[static FRAME_BLOCK_HEAD], enum block_type type, uint32_t number, struct strview payload);
/* A head with the right checksum and a length within bounds? Says nothing of the payload. */
bool frame_read_block_head(const uint8_t *bytes, struct block_head *ret);
bool frame_payload_is_good(const struct block_head *head, const uint8_t *payload);
/* Where in bytes[n] the next head might begin: its mark, or as much of it as still fits; n when nowhere. */
size_t frame_find_head(const uint8_t *bytes, size_t n);

/* --- inside a payload ---------------------------------------------------------------------------------------------------- */

enum { VARINT_MAX = 10 };

void put_varint(struct buf *out, uint64_t v);
void put_text(struct buf *out, struct strview text);

/* A cursor that cannot leave its bytes: after a fault it gives zeros and is_bad stays set. */
struct cursor {
	const uint8_t *p, *end;
	bool is_bad;
};

uint64_t get_varint(struct cursor *c);
struct strview get_bytes(struct cursor *c, uint64_t n);
/* A length and as many bytes. */
struct strview get_text(struct cursor *c);

static inline uint64_t zigzag(uint64_t difference)
{
	return difference << 1 ^ (0 - (difference >> 63));
}

static inline uint64_t unzigzag(uint64_t v)
{
	return v >> 1 ^ (0 - (v & 1));
}
