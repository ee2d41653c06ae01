/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Start, fill and finish a record. Every record that was started is produced: delivered or counted as lost. */
#pragma once

#include "bpf/path.h"

enum { SLOT_NONE = 0xffffffff, SLOT_TRIES = 8 };

static __always_inline bool is_wanted(u32 event)
{
	return config.wanted & BIT(event);
}

static __always_inline struct event_counters *counters_of(u32 event)
{
	return bpf_map_lookup_elem(&counters, &event);
}

/* Claims a free slot, beginning at one of this CPU's own. */
static __always_inline u32 slot_claim(void)
{
	u32 n = config.n_slots, first = bpf_get_smp_processor_id() * 3;
	for (u32 i = 0; i < SLOT_TRIES; i++) {
		u32 at = first + i;
		if (at >= n)
			at = i;
		struct slot *s = bpf_map_lookup_elem(&slots, &at);
		if (s && __sync_val_compare_and_swap(&s->busy, 0, 1) == 0)
			return at;
	}
	return SLOT_NONE;
}

static __always_inline void slot_release(struct slot *s)
{
	__sync_lock_test_and_set(&s->busy, 0);
}

/* Room for n more bytes is there: SLOT_TAIL_SLACK is larger than any single copy. */
static __always_inline u8 *tail_at(struct slot *s)
{
	u32 at = s->tail;
	/* clang must not drop the mask: 6.1 loses the bound of a value it has already tested */
	asm volatile("" : "+r"(at));
	return &s->record[at & (RECORD_MAX - 1)];
}

static __always_inline bool tail_fits(const struct slot *s, u32 n)
{
	return s->tail + n <= RECORD_MAX;
}

static __always_inline void tail_done(struct slot *s, struct wire_str *str, u32 n)
{
	str->offset = s->tail;
	str->length = n;
	s->tail += n;
}

/* The path in s->path_buffer becomes a string of the record. flag: its bit in truncated and uncertain. */
static __always_inline void put_path(struct slot *s, struct wire_str *str, u32 flag)
{
	struct wire_common *c = (void *)s->record;
	u32 length = s->path.length, offset = s->path.offset;
	if (s->path.is_cut)
		c->truncated |= flag;
	if (s->path.is_unstable)
		c->uncertain |= flag;
	if (length > RECORD_PATH_MAX || !tail_fits(s, length)) {
		c->truncated |= flag;
		return;
	}
	asm volatile("" : "+r"(length), "+r"(offset));
	u32 n = length & (2 * RECORD_PATH_MAX - 1);
	if (!n || n > RECORD_PATH_MAX) /* 0: it has no name, and the field none either */
		return;
	bpf_probe_read_kernel(tail_at(s), n, &s->path_buffer[offset & (RECORD_PATH_MAX - 1)]);
	tail_done(s, str, n);
}

/* A NUL-terminated kernel string of at most max bytes (a power of two, constant). */
static __always_inline void put_kernel_str(struct slot *s, struct wire_str *str, const void *from, u32 max, u32 flag)
{
	struct wire_common *c = (void *)s->record;
	if (!from || !tail_fits(s, max))
		return;
	long n = bpf_probe_read_kernel_str(tail_at(s), max, from);
	if (n < 1) {
		c->uncertain |= flag;
		return;
	}
	if (n == max)
		c->truncated |= flag;
	tail_done(s, str, (u32)n - 1);
}

static __always_inline void put_user_str(struct slot *s, struct wire_str *str, const void *from, u32 max, u32 flag)
{
	struct wire_common *c = (void *)s->record;
	if (!from || !tail_fits(s, max))
		return;
	long n = bpf_probe_read_user_str(tail_at(s), max, from);
	if (n < 0) {
		c->uncertain |= flag;
		return;
	}
	if (n == 0) /* an empty string, whose NUL this helper does not count */
		n = 1;
	if (n == max)
		c->truncated |= flag;
	tail_done(s, str, (u32)n - 1);
}

/* Puts the finished record into its ring; the slot stays claimed. */
static __always_inline void record_send(struct slot *s, void *ring)
{
	struct wire_common *c = (void *)s->record;
	u32 size = s->tail;
	struct event_counters *n = counters_of(c->type);
	if (size > RECORD_MAX)
		size = RECORD_MAX;
	c->size = size;
	asm volatile("" : "+r"(size));
	size &= 2 * RECORD_MAX - 1; /* what the clamp above said, in a form 6.1 keeps */
	if (size > RECORD_MAX)
		size = RECORD_MAX;
	if (bpf_ringbuf_output(ring, s->record, size, 0) && n)
		__sync_fetch_and_add(&n->lost_ring, 1);
}

static __always_inline void record_finish(struct slot *s, void *ring)
{
	record_send(s, ring);
	slot_release(s);
}
