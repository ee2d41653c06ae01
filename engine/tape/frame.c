/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tape/frame.h"

#include <sodium.h>
#include <string.h>

#include "engine/tape/tape.h"

static const uint8_t file_mark[8] = { 'V', 'E', 'D', 'T', 'A', 'P', 'E', '\n' };
static const uint8_t block_mark[4] = { 'V', 'B', 0xb1, 0x0c };

enum { AT_TYPE = 4, AT_LENGTH = 8, AT_NUMBER = 12, AT_CHECK = 16, AT_HEAD_CHECK = AT_CHECK + FRAME_CHECK };
_Static_assert(AT_HEAD_CHECK + FRAME_HEAD_CHECK == FRAME_BLOCK_HEAD, "a head is the sum of its parts");

static void put_u32(uint8_t *p, uint32_t v)
{
	for (size_t i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void checksum(const uint8_t *bytes, size_t n, uint8_t ret[static FRAME_CHECK])
{
	(void)crypto_generichash(ret, FRAME_CHECK, bytes, n, NULL, 0); /* fails for lengths out of range only */
}

void frame_file_head(uint8_t ret[static FRAME_FILE_HEAD], uint32_t version)
{
	memset(ret, 0, FRAME_FILE_HEAD);
	memcpy(ret, file_mark, sizeof(file_mark));
	put_u32(ret + sizeof(file_mark), version);
}

bool frame_read_file_head(const uint8_t *bytes, uint32_t *ret_version)
{
	if (memcmp(bytes, file_mark, sizeof(file_mark)) != 0)
		return false;
	*ret_version = get_u32(bytes + sizeof(file_mark));
	return true;
}

void frame_block_head(uint8_t ret[static FRAME_BLOCK_HEAD], enum block_type type, uint32_t number, struct strview payload)
{
	uint8_t check[FRAME_CHECK];
	memcpy(ret, block_mark, sizeof(block_mark));
	put_u32(ret + AT_TYPE, (uint32_t)type);
	put_u32(ret + AT_LENGTH, (uint32_t)payload.n);
	put_u32(ret + AT_NUMBER, number);
	checksum((const uint8_t *)payload.p, payload.n, ret + AT_CHECK);
	checksum(ret, AT_HEAD_CHECK, check);
	memcpy(ret + AT_HEAD_CHECK, check, FRAME_HEAD_CHECK);
}

bool frame_read_block_head(const uint8_t *bytes, struct block_head *ret)
{
	uint8_t check[FRAME_CHECK];
	if (memcmp(bytes, block_mark, sizeof(block_mark)) != 0)
		return false;
	checksum(bytes, AT_HEAD_CHECK, check);
	if (memcmp(bytes + AT_HEAD_CHECK, check, FRAME_HEAD_CHECK) != 0)
		return false;
	struct block_head head = { .type = get_u32(bytes + AT_TYPE), .length = get_u32(bytes + AT_LENGTH), .number = get_u32(bytes + AT_NUMBER) };
	memcpy(head.check, bytes + AT_CHECK, FRAME_CHECK);
	if (head.length > TAPE_BLOCK_MAX)
		return false;
	*ret = head;
	return true;
}

bool frame_payload_is_good(const struct block_head *head, const uint8_t *payload)
{
	uint8_t check[FRAME_CHECK];
	checksum(payload, head->length, check);
	return memcmp(check, head->check, FRAME_CHECK) == 0;
}

size_t frame_find_head(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const uint8_t *at = memchr(bytes + i, block_mark[0], n - i);
		if (!at)
			return n;
		i = (size_t)(at - bytes);
		if (memcmp(at, block_mark, MIN(sizeof(block_mark), n - i)) == 0)
			return i;
	}
	return n;
}

/* --- inside a payload ---------------------------------------------------------------------------------------------------- */

void put_varint(struct buf *out, uint64_t v)
{
	char bytes[VARINT_MAX];
	size_t n = 0;
	for (; v >= 0x80; v >>= 7)
		bytes[n++] = (char)(v | 0x80);
	bytes[n++] = (char)v;
	buf_add(out, bytes, n);
}

void put_text(struct buf *out, struct strview text)
{
	put_varint(out, text.n);
	buf_add_sv(out, text);
}

uint64_t get_varint(struct cursor *c)
{
	uint64_t v = 0;
	for (unsigned shift = 0; shift < 7 * VARINT_MAX && c->p < c->end && !c->is_bad; shift += 7) {
		uint8_t byte = *c->p++;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
	c->is_bad = true;
	return 0;
}

struct strview get_bytes(struct cursor *c, uint64_t n)
{
	if (c->is_bad || n > (uint64_t)(c->end - c->p)) {
		c->is_bad = true;
		return (struct strview){ NULL, 0 };
	}
	struct strview s = { (const char *)c->p, (size_t)n };
	c->p += n;
	return s;
}

struct strview get_text(struct cursor *c)
{
	return get_bytes(c, get_varint(c));
}
