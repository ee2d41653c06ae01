/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of the write-ahead log. Knows no files. */
#include "alerts/wal_record.h"

#include "engine/base/crc32c.h"

static const char mark[4] = { 'V', 'W', 'L', '1' };

enum { /* places in the header */
	AT_MARK = 0,
	AT_SUM = 4,
	AT_NUMBER = 8,
	AT_FIRST = 16,
	AT_WALL = 24,
	AT_COUNT = 32,
	AT_LENGTH = 36,
	AT_SEVERITY = 40, /* and three bytes of zero */
	AT_HEADER_SUM = 44, /* of number to severity: so that only headers are taken for headers, and searching stays quick */
};

static void put(uint8_t *p, size_t n, uint64_t v)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t get(const uint8_t *p, size_t n)
{
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << 8 * i;
	return v;
}

static uint32_t header_sum(const uint8_t *header)
{
	return crc32c(0, header + AT_NUMBER, AT_HEADER_SUM - AT_NUMBER);
}

static uint32_t sum_of(const uint8_t *header, struct strview body)
{
	uint32_t sum = crc32c(0, header, AT_SUM);
	sum = crc32c(sum, header + AT_NUMBER, WAL_HEADER - AT_NUMBER);
	return crc32c(sum, body.p, body.n);
}

void wal_record_add(struct buf *out, const struct wal_header *header, struct strview lines)
{
	uint8_t h[WAL_HEADER] = { 0 };
	memcpy(h + AT_MARK, mark, sizeof(mark));
	put(h + AT_NUMBER, 8, header->number);
	put(h + AT_FIRST, 8, header->first);
	put(h + AT_WALL, 8, header->wall_ns);
	put(h + AT_COUNT, 4, header->count);
	put(h + AT_LENGTH, 4, lines.n);
	put(h + AT_SEVERITY, 1, header->severity);
	put(h + AT_HEADER_SUM, 4, header_sum(h));
	put(h + AT_SUM, 4, sum_of(h, lines));
	buf_add(out, h, sizeof(h));
	buf_add_sv(out, lines);
}

bool wal_header_read(const void *p, struct wal_header *ret)
{
	const uint8_t *h = p;
	if (memcmp(h + AT_MARK, mark, sizeof(mark)) != 0 || get(h + AT_HEADER_SUM, 4) != header_sum(h))
		return false;
	*ret = (struct wal_header){
		.number = get(h + AT_NUMBER, 8),
		.first = get(h + AT_FIRST, 8),
		.wall_ns = get(h + AT_WALL, 8),
		.count = (uint32_t)get(h + AT_COUNT, 4),
		.length = (uint32_t)get(h + AT_LENGTH, 4),
		.severity = h[AT_SEVERITY],
	};
	return ret->length > 0 && ret->length <= WAL_BODY_MAX && ret->number < WAL_NUMBER_MAX && ret->first < WAL_NUMBER_MAX;
}

bool wal_record_holds(const void *p, struct strview body)
{
	const uint8_t *h = p;
	return get(h + AT_LENGTH, 4) == body.n && get(h + AT_SUM, 4) == sum_of(h, body);
}

size_t wal_mark_find(struct strview bytes, size_t from)
{
	if (from >= bytes.n)
		return bytes.n;
	const char *at = memmem(bytes.p + from, bytes.n - from, mark, sizeof(mark));
	return at ? (size_t)(at - bytes.p) : bytes.n;
}

bool wal_record_find(struct strview bytes, size_t from, struct wal_header *ret, size_t *ret_at)
{
	for (size_t at = wal_mark_find(bytes, from); bytes.n - at >= WAL_HEADER; at = wal_mark_find(bytes, at + 1)) {
		struct wal_header h;
		if (!wal_header_read(bytes.p + at, &h) || h.length > bytes.n - at - WAL_HEADER)
			continue;
		if (!wal_record_holds(bytes.p + at, (struct strview){ bytes.p + at + WAL_HEADER, h.length }))
			continue;
		*ret = h;
		*ret_at = at;
		return true;
	}
	return false;
}
