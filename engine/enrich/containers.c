/* SPDX-License-Identifier: Apache-2.0 */
/* Owns a set-associative cache of containers, in memory that is taken from the host only where it is used, and when each is read again. */
#include "engine/enrich/containers.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/enrich/region.h"

enum { WAYS = 8, SETS = CONTAINERS_MAX / WAYS, ID_BYTES = 256 };
#define RETRY_MIN_NS 1000000ull

struct slot {
	uint64_t used;   /* clock of the last use; 0: empty */
	uint64_t try_ns; /* not read: not tried before */
	unsigned tries;  /* in vain */
	enum { WANTED, READ, NEVER } state; /* NEVER: this runtime's state is not read */
	uint32_t owner;
	enum runtime runtime; /* by the path */
	size_t id_n;
	char id[ID_BYTES];
	struct container_facts facts;
};

struct containers {
	struct container_reader *reader; /* owned */
	struct slot *slots;              /* owned: SETS times WAYS */
	struct slot *last;               /* events come in runs from one container; NULL: none */
	uint64_t clock;
	unsigned reads_left;
	struct containers_stats stats;
};

int containers_new(const struct container_roots *roots, struct containers **ret)
{
	CLEANUP(containers_free) struct containers *c = calloc(1, sizeof(*c));
	void *p = NULL;
	if (!c)
		return -ENOMEM;
	int r = container_reader_new(roots, &c->reader);
	if (!r)
		r = region_new(CONTAINERS_MAX * sizeof(struct slot), &p);
	if (r)
		return r;
	c->slots = p;
	c->reads_left = CONTAINERS_READS_A_TICK;
	*ret = TAKE(c);
	return 0;
}

void containers_free(struct containers **containers)
{
	if (!*containers)
		return;
	container_reader_free(&(*containers)->reader);
	region_free((*containers)->slots, CONTAINERS_MAX * sizeof(struct slot));
	free(*containers);
	*containers = NULL;
}

/* --- slots ------------------------------------------------------------------------------------------------------------------ */

/* Whose container it is is part of the name: a user's must not be taken for one of root's. */
static bool is_slot_of(const struct slot *s, const struct container_place *place)
{
	return s->used && s->owner == place->owner && s->runtime == place->runtime && sv_equal((struct strview){ s->id, s->id_n }, place->id);
}

static struct slot *set_of(const struct containers *c, const struct container_place *place)
{
	return &c->slots[(sv_hash(place->id) + place->owner) % SETS * WAYS];
}

static struct slot *slot_find(struct containers *c, const struct container_place *place)
{
	if (c->last && is_slot_of(c->last, place))
		return c->last;
	struct slot *set = set_of(c, place);
	for (size_t i = 0; i < WAYS; i++)
		if (is_slot_of(&set[i], place))
			return &set[i];
	return NULL;
}

static void slot_reset(struct slot *s, const struct container_place *place)
{
	s->state = WANTED;
	s->try_ns = 0;
	s->tries = 0;
	s->owner = place->owner;
	s->runtime = place->runtime;
	s->id_n = place->id.n;
	memmove(s->id, place->id.p, place->id.n);
	container_facts_reset(&s->facts, place->runtime);
}

static struct slot *slot_take(struct containers *c, const struct container_place *place)
{
	struct slot *set = set_of(c, place), *oldest = set;
	for (size_t i = 1; i < WAYS; i++)
		if (set[i].used < oldest->used)
			oldest = &set[i];
	c->stats.evicted += oldest->used != 0;
	c->stats.known -= oldest->used && oldest->state == READ;
	slot_reset(oldest, place);
	return oldest;
}

/* --- reading ---------------------------------------------------------------------------------------------------------------- */

static void slot_read(struct containers *c, struct slot *s, uint64_t boot_ns)
{
	struct container_place place = { .id = { s->id, s->id_n }, .runtime = s->runtime, .owner = s->owner };
	c->reads_left--;
	int r = container_read(c->reader, &place, &s->facts);
	c->stats.cut += s->facts.cut;
	if (r == 0) {
		s->state = READ;
		c->stats.reads++;
		c->stats.known++;
		return;
	}
	if (r == -ENOTSUP) {
		s->state = NEVER;
		return;
	}
	c->stats.missing += r == -ENOENT;
	c->stats.refused += r == -EPERM;
	c->stats.damaged += r == -EBADMSG;
	c->stats.postponed += r == -EAGAIN;
	uint64_t wait_ns = s->tries < 16 ? RETRY_MIN_NS << s->tries : CONTAINERS_RETRY_MAX_NS;
	s->try_ns = boot_ns + MIN(wait_ns, CONTAINERS_RETRY_MAX_NS);
	s->tries++;
}

const struct container_facts *containers_get(struct containers *c, const struct container_place *place, uint64_t boot_ns, bool is_eager)
{
	if (!place->id.n || place->id.n > ID_BYTES)
		return NULL;
	struct slot *s = slot_find(c, place);
	if (!s)
		s = slot_take(c, place);
	s->used = ++c->clock;
	c->last = s;
	bool is_due = s->state == WANTED && (boot_ns >= s->try_ns || (is_eager && s->tries < CONTAINERS_EAGER_TRIES));
	if (is_due && c->reads_left && container_reader_may(c->reader, place->owner))
		slot_read(c, s, boot_ns);
	else
		c->stats.postponed += is_due;
	return &s->facts;
}

/* --- places ----------------------------------------------------------------------------------------------------------------- */

bool containers_place(struct containers *c, struct strview path, struct container_place *ret)
{
	*ret = container_place(path);
	if (ret->id.n)
		return true;
	int r = container_read_claim(c->reader, path, ret);
	c->stats.postponed += r == -EAGAIN;
	return r != -EAGAIN;
}

/* Podman and CRI-O put the container's processes into a cgroup of that name below the container's. */
void containers_renew(struct containers *c, struct strview path, const struct container_place *place)
{
	struct strview below = sv_from_index(path, place->n_path);
	struct slot *s = place->id.n && place->id.n <= ID_BYTES && (!below.n || sv_is(below, "/container")) ? slot_find(c, place) : NULL;
	if (!s)
		return;
	c->stats.known -= s->state == READ;
	slot_reset(s, place);
}

void containers_tick(struct containers *c)
{
	c->reads_left = CONTAINERS_READS_A_TICK;
	container_reader_tick(c->reader);
}

void containers_get_stats(const struct containers *c, struct containers_stats *ret)
{
	*ret = c->stats;
}
