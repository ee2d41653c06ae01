/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of the containers that events come from. A container's state is read once, at its first event; if it is not there yet,
 * again at later events: at the first execs at once, then after a wait that doubles from a millisecond to a minute. It is read anew when
 * the container gets a new cgroup.
 */
#pragma once

#include "engine/enrich/container_read.h"

enum {
	CONTAINERS_MAX = 1024,        /* remembered; of eight places for an id, the one used longest ago gives way */
	CONTAINERS_READS_A_TICK = 64, /* containers looked up between two ticks; the others have to wait */
	CONTAINERS_EAGER_TRIES = 16,  /* execs that do not wait */
};
#define CONTAINERS_RETRY_MAX_NS 60000000000ull

struct containers_stats {
	uint64_t known;     /* read, and in the table now */
	uint64_t reads;     /* that found the container's state */
	uint64_t missing;   /* tries that found nothing */
	uint64_t refused;   /* that found something not to be read: a link, a fifo, another user's file, one that is too large */
	uint64_t damaged;   /* that found a document which is none */
	uint64_t postponed; /* that had to wait for the next tick, looks for what a cgroup is included */
	uint64_t evicted;   /* containers dropped for others */
	uint64_t cut;       /* texts, items and files that were left out of a container */
};

struct containers;

/* Copies roots. 0, -ENAMETOOLONG or -ENOMEM. */
int containers_new(const struct container_roots *roots, struct containers **ret) MUST_CHECK;
void containers_free(struct containers **containers);

/*
 * Where a cgroup belongs, by its path or by what runc and crun say of it, in *ret. Reads files: for cgroups that are new. False: no more may be
 * read before the next tick; *ret is what the path says.
 */
bool containers_place(struct containers *containers, struct strview path, struct container_place *ret) MUST_CHECK;

/* A cgroup of this place was made: if it is the container's own, what is known of the container ends. */
void containers_renew(struct containers *containers, struct strview path, const struct container_place *place);

/*
 * What is known of the place's container, its runtime at least; NULL on the host. Borrowed until the next call. is_eager: the event begins a
 * program, which should not miss what came a moment late.
 */
const struct container_facts *containers_get(struct containers *containers, const struct container_place *place, uint64_t boot_ns, bool is_eager);

void containers_tick(struct containers *containers);
void containers_get_stats(const struct containers *containers, struct containers_stats *ret);
