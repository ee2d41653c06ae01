/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns a ring of entries and a ring of bytes, both in order of arrival: what was taken in the middle is given back when all
 * before it has gone, at the latest by the timeout. An empty table starts over at the front, so that a quiet host
 * touches a page or two of all this memory.
 */
#include "engine/enrich/outcome.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/enrich/region.h"

enum { MAX_RECORDS = 1 << 20 };
#define MAX_BYTES ((size_t)1 << 31)
#define NONE UINT32_MAX

struct entry {
	uint64_t call_id; /* 0: taken */
	uint64_t boot_ns;
	const struct event_type *type;
	uint32_t offset, size; /* in bytes[] */
	uint32_t next;         /* entry of the same hash bucket, or NONE */
};

struct outcome_table {
	struct entry *entries; /* owned ring */
	uint32_t *buckets;     /* owned: first entry, plus one; 0: none */
	char *bytes;           /* owned ring */
	size_t max_records, max_bytes, n_buckets;
	size_t first, n;       /* entries in use, taken ones among them included */
	size_t head;           /* where the next record's bytes go */
	uint64_t timeout_ns, now_ns;
	struct outcome_stats stats;
};

int outcome_new(size_t max_records, size_t max_bytes, uint64_t timeout_ns, struct outcome_table **ret)
{
	if (max_records == 0 || max_records > MAX_RECORDS || max_bytes < RECORD_MAX || max_bytes > MAX_BYTES)
		return -EINVAL;
	CLEANUP(outcome_free) struct outcome_table *t = calloc(1, sizeof(*t));
	void *p = NULL;
	if (!t)
		return -ENOMEM;
	t->max_records = max_records;
	t->max_bytes = max_bytes & ~(size_t)7;
	t->timeout_ns = timeout_ns;
	for (t->n_buckets = 16; t->n_buckets < max_records;)
		t->n_buckets *= 2;
	if (region_new(max_records * sizeof(struct entry), &p))
		return -ENOMEM;
	t->entries = p;
	if (region_new(t->n_buckets * sizeof(uint32_t), &p))
		return -ENOMEM;
	t->buckets = p;
	if (region_new(t->max_bytes, &p))
		return -ENOMEM;
	t->bytes = p;
	*ret = TAKE(t);
	return 0;
}

void outcome_free(struct outcome_table **table)
{
	struct outcome_table *t = *table;
	if (!t)
		return;
	region_free(t->entries, t->max_records * sizeof(struct entry));
	region_free(t->buckets, t->n_buckets * sizeof(uint32_t));
	region_free(t->bytes, t->max_bytes);
	free(t);
	*table = NULL;
}

static uint32_t *bucket_of(const struct outcome_table *t, uint64_t call_id)
{
	return &t->buckets[(call_id * 0x9e3779b97f4a7c15u >> 32) & (t->n_buckets - 1)];
}

/* Place for size bytes behind the last record, in one piece; NONE when there is none. */
static uint32_t place(const struct outcome_table *t, size_t size)
{
	if (t->n == 0)
		return 0;
	size_t oldest = t->entries[t->first].offset;
	if (t->head > oldest) { /* used: oldest to head */
		if (t->max_bytes - t->head >= size)
			return (uint32_t)t->head;
		return oldest > size ? 0 : NONE; /* never up to oldest: head there means full */
	}
	return oldest - t->head > size ? (uint32_t)t->head : NONE;
}

static size_t count_of(const struct outcome_table *t, uint64_t call_id)
{
	size_t n = 0;
	for (uint32_t i = *bucket_of(t, call_id); i; i = t->entries[i - 1].next)
		n += t->entries[i - 1].call_id == call_id;
	return n;
}

int outcome_hold(struct outcome_table *t, const struct event *ev)
{
	uint64_t call_id = ev->common->call_id;
	if (!call_id)
		return -EINVAL;
	size_t size = ((size_t)ev->size + 7) & ~(size_t)7;
	uint32_t offset = t->n < t->max_records ? place(t, size) : NONE;
	if (offset == NONE || count_of(t, call_id) >= OUTCOME_MAX_PER_CALL) {
		t->stats.refused++;
		return -ENOSPC;
	}
	uint32_t at = (uint32_t)((t->first + t->n) % t->max_records);
	uint32_t *bucket = bucket_of(t, call_id);
	uint64_t latest = t->now_ns ? t->now_ns + t->timeout_ns : UINT64_MAX; /* a damaged time must not hold up those behind it */
	t->entries[at] = (struct entry){ .call_id = call_id, .boot_ns = MIN(ev->common->boot_ns, latest), .type = ev->type,
					 .offset = offset, .size = ev->size, .next = *bucket };
	*bucket = at + 1;
	memcpy(t->bytes + offset, ev->common, ev->size);
	t->head = offset + size;
	t->n++;
	t->stats.held++;
	return 0;
}

static struct event event_of(const struct outcome_table *t, const struct entry *e)
{
	return (struct event){ .type = e->type, .common = (const struct wire_common *)(const void *)(t->bytes + e->offset), .size = e->size };
}

static void entry_take(struct outcome_table *t, uint32_t at)
{
	struct entry *e = &t->entries[at];
	uint32_t *link = bucket_of(t, e->call_id);
	while (*link != at + 1)
		link = &t->entries[*link - 1].next;
	*link = e->next;
	e->call_id = 0;
	t->stats.held--;
}

/* Gives back what was taken at the old end. */
static void trim(struct outcome_table *t)
{
	while (t->n && t->entries[t->first].call_id == 0) {
		t->first = (t->first + 1) % t->max_records;
		t->n--;
	}
	if (t->n == 0)
		t->first = t->head = 0;
}

size_t outcome_take(struct outcome_table *t, uint64_t call_id, struct event ret[static OUTCOME_MAX_PER_CALL])
{
	size_t n = 0;
	if (!call_id)
		return 0;
	for (uint32_t i = *bucket_of(t, call_id), next; i && n < OUTCOME_MAX_PER_CALL; i = next) {
		const struct entry *e = &t->entries[i - 1];
		next = e->next;
		if (e->call_id != call_id)
			continue;
		ret[n++] = event_of(t, e);
		entry_take(t, i - 1);
	}
	for (size_t i = 0; i < n / 2; i++) { /* the chain has the latest first */
		struct event swap = ret[i];
		ret[i] = ret[n - 1 - i];
		ret[n - 1 - i] = swap;
	}
	trim(t);
	return n;
}

size_t outcome_expired(struct outcome_table *t, uint64_t boot_ns, struct event *ret, size_t max)
{
	size_t n = 0;
	t->now_ns = boot_ns;
	while (t->n && n < max) {
		const struct entry *e = &t->entries[t->first];
		if (e->boot_ns + t->timeout_ns > boot_ns)
			break;
		ret[n++] = event_of(t, e);
		entry_take(t, (uint32_t)t->first);
		trim(t);
	}
	t->stats.expired += n;
	return n;
}

void outcome_get_stats(const struct outcome_table *t, struct outcome_stats *ret)
{
	*ret = t->stats;
}
