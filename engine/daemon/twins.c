/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Twins are of one event and thread, and hold the same texts, which come from the same objects of the kernel; what differs are identities
 * that each side gives itself, and the time. A thread does one act after the other, so of several that are alike the nearest in time is the twin.
 */
#include "engine/daemon/twins.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/event/decode.h"
#include "engine/event/table.h"

#define APART_NS 50000000ull /* between the two programs the thread may have lost its processor: so long at most until it has it back */
#define EARLY_NS 1000000ull  /* the same of programs that cannot lose it */

enum { BUCKETS = 4096, NOBODY = -1 };

struct entry {
	uint64_t key, boot_ns;
	int32_t next; /* in the bucket */
	bool is_taken;
};

struct twins {
	uint64_t from_ns, until_ns; /* until_ns 0: not closed */
	uint64_t dropped;
	size_t n;
	int32_t first[BUCKETS];
	struct entry all[TWINS_MAX];
};

int twins_new(uint64_t from_boot_ns, struct twins **ret)
{
	struct twins *t = malloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->from_ns = from_boot_ns;
	t->until_ns = t->dropped = t->n = 0;
	for (size_t i = 0; i < BUCKETS; i++)
		t->first[i] = NOBODY;
	*ret = t;
	return 0;
}

void twins_free(struct twins **t)
{
	free(*t);
	*t = NULL;
}

static uint64_t key_of(const struct event *ev)
{
	struct strview texts = { (const char *)ev->common + ev->type->wire_size, ev->size - ev->type->wire_size };
	uint64_t who = (uint64_t)ev->common->tid << 32 | ev->common->type;
	return (sv_hash(texts) ^ who) * 0x9e3779b97f4a7c15u;
}

static size_t bucket_of(uint64_t key)
{
	return (size_t)(key >> 52) % BUCKETS;
}

void twins_enter(struct twins *t, const void *bytes, size_t size)
{
	struct event ev;
	if (event_decode(bytes, size, &ev) || ev.common->boot_ns + EARLY_NS < t->from_ns)
		return;
	if (t->n == TWINS_MAX) {
		t->dropped++;
		return;
	}
	struct entry *e = &t->all[t->n];
	*e = (struct entry){ .key = key_of(&ev), .boot_ns = ev.common->boot_ns };
	size_t at = bucket_of(e->key);
	e->next = t->first[at];
	t->first[at] = (int32_t)t->n++;
}

void twins_close(struct twins *t, uint64_t boot_ns)
{
	t->until_ns = boot_ns;
}

bool twins_is_over(const struct twins *t, uint64_t boot_ns)
{
	return t->until_ns && boot_ns > t->until_ns + APART_NS;
}

static uint64_t apart(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

bool twins_take(struct twins *t, const struct event *ev)
{
	uint64_t key = key_of(ev), boot_ns = ev->common->boot_ns;
	struct entry *nearest = NULL;
	if (twins_is_over(t, boot_ns))
		return false;
	for (int32_t i = t->first[bucket_of(key)]; i != NOBODY; i = t->all[i].next) {
		struct entry *e = &t->all[i];
		if (e->key != key || e->is_taken || apart(e->boot_ns, boot_ns) > APART_NS)
			continue;
		if (!nearest || apart(e->boot_ns, boot_ns) < apart(nearest->boot_ns, boot_ns))
			nearest = e;
	}
	if (nearest)
		nearest->is_taken = true;
	return nearest != NULL;
}

uint64_t twins_dropped(const struct twins *t)
{
	return t->dropped;
}
