/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tape/header.h"

#include <errno.h>
#include <string.h>

enum { HEADER_MAX_NAMES = 64 };

static const struct {
	const char *name;
	size_t offset;
} texts[] = {
	{ "agent.id", offsetof(struct tape_info, agent_id) },   { "agent.version", offsetof(struct tape_info, program) },
	{ "host.id", offsetof(struct tape_info, host_id) },     { "host.name", offsetof(struct tape_info, host_name) },
	{ "host.boot.id", offsetof(struct tape_info, boot_id) }, { "host.kernel", offsetof(struct tape_info, kernel) },
	{ "sensor", offsetof(struct tape_info, sensor) },       { "scope", offsetof(struct tape_info, scope) },
	{ "policy.digest", offsetof(struct tape_info, policy_digest) },
};

void header_write(const struct tape_info *info, struct strview layout, struct buf *out)
{
	put_varint(out, (uint64_t)info->wall_offset_ns);
	put_varint(out, info->start_ns);
	put_varint(out, ARRAY_SIZE(texts));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		const char *text = (const char *)info + texts[i].offset;
		put_text(out, sv_from(texts[i].name));
		put_text(out, (struct strview){ text, strnlen(text, TAPE_TEXT_MAX) });
	}
	put_text(out, layout);
}

static int set_text(struct tape_info *info, struct strview name, struct strview text)
{
	if (text.n > TAPE_TEXT_MAX || (text.n && memchr(text.p, 0, text.n)))
		return -EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char *to = (char *)info + texts[i].offset;
		if (!sv_is(name, texts[i].name))
			continue;
		memcpy(to, text.n ? text.p : "", text.n);
		to[text.n] = '\0';
	}
	return 0;
}

int header_read(struct strview payload, struct tape_info *ret_info, struct strview *ret_layout)
{
	struct tape_info info = { 0 };
	struct cursor c = { (const uint8_t *)payload.p, (const uint8_t *)payload.p + payload.n, false };
	info.wall_offset_ns = (int64_t)get_varint(&c);
	info.start_ns = get_varint(&c);
	uint64_t n = get_varint(&c);
	if (n > HEADER_MAX_NAMES)
		return -EBADMSG;
	for (uint64_t i = 0; i < n && !c.is_bad; i++) {
		struct strview name = get_text(&c), text = get_text(&c);
		if (!c.is_bad && set_text(&info, name, text))
			return -EBADMSG;
	}
	struct strview layout = get_text(&c);
	if (c.is_bad || c.p != c.end)
		return -EBADMSG;
	*ret_info = info;
	*ret_layout = layout;
	return 0;
}

static void write_counts(const struct tape_counts *counts, struct buf *out)
{
	put_varint(out, counts->produced);
	put_varint(out, counts->delivered);
	put_varint(out, counts->lost);
}

static struct tape_counts read_counts(struct cursor *c)
{
	struct tape_counts counts = { .produced = get_varint(c) };
	counts.delivered = get_varint(c);
	counts.lost = get_varint(c);
	return counts;
}

void totals_write(const struct tape_totals *totals, uint64_t events, uint64_t dropped, struct buf *out)
{
	put_varint(out, totals->end_ns);
	put_varint(out, events);
	put_varint(out, dropped);
	write_counts(&totals->all, out);
	put_varint(out, EVENT_NUMBERS);
	for (size_t i = 0; i < EVENT_NUMBERS; i++)
		write_counts(&totals->by_event[i], out);
}

int totals_read(struct strview payload, struct tape_totals *ret, uint64_t *ret_events, uint64_t *ret_dropped)
{
	struct tape_totals totals = { 0 };
	struct cursor c = { (const uint8_t *)payload.p, (const uint8_t *)payload.p + payload.n, false };
	totals.end_ns = get_varint(&c);
	uint64_t events = get_varint(&c), dropped = get_varint(&c);
	totals.all = read_counts(&c);
	uint64_t n = get_varint(&c);
	if (n > EVENT_NUMBERS)
		return -EBADMSG;
	for (uint64_t i = 0; i < n; i++)
		totals.by_event[i] = read_counts(&c);
	if (c.is_bad || c.p != c.end)
		return -EBADMSG;
	*ret = totals;
	*ret_events = events;
	*ret_dropped = dropped;
	return 0;
}
