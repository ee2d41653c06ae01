/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of cgroups by id, as far as they were seen: from exec records, from /proc, or found in the hierarchy. Processes
 * move between cgroups; the id in each record says where one is now.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/attr.h"
#include "engine/base/strview.h"
#include "engine/enrich/containers.h"
#include "engine/enrich/proctable.h"

enum {
	CGROUPS_MAX = 4096,        /* ids remembered */
	CGROUPS_WALK_DIRS = 4096,  /* folders looked at in one tick */
	CGROUPS_WALK_DEPTH = 12,
	CGROUPS_LOOKS_A_TICK = 64, /* ids that the kernel is asked about between two ticks */
	CGROUPS_CLAIMS = 4,        /* looks for a container, at the first execs in a cgroup whose path does not tell of one */
};
#define CGROUPS_RETRY_NS 60000000000ull /* an id that was not found is not looked for again before */

struct cgroups;

/* root: where the version 2 hierarchy is mounted, "" when it is not; kept open. table keeps the texts; containers, if not
 * NULL, is asked for containers that the path does not tell of, and told of new cgroups (both borrowed). 0 or -ENOMEM. */
int cgroups_new(const char *root, struct proctable *table, struct containers *containers, struct cgroups **ret) MUST_CHECK;
void cgroups_free(struct cgroups **cgroups);

/* Remembers a path. May drop exited images to make room: hold none over this call. */
void cgroups_learn(struct cgroups *cgroups, uint64_t id, struct strview path);
/* The same for a path out of /proc, whose id is read off the hierarchy. */
void cgroups_learn_path(struct cgroups *cgroups, struct strview path);

/*
 * Asks the kernel for the path of an id never heard of: a process moved to a cgroup in which it executed nothing, and which came after the
 * start. As cgroups_learn: hold no image over this call.
 */
void cgroups_want(struct cgroups *cgroups, uint64_t id);

struct cgroup_names {
	struct strview path;          /* n 0: none; a view into the kept text, as place.id is */
	struct container_place place; /* the container */
};
/* False when it is not known; an id asked for in vain is looked for at the next tick. */
bool cgroups_find(struct cgroups *cgroups, uint64_t id, struct cgroup_names *ret);

/*
 * In a container for rules that block: by the part of its path that root alone could name, as the kernel asks. Asks for the owner of each folder;
 * without the hierarchy, or where a folder is gone, it is the host.
 */
bool cgroups_is_container(const struct cgroups *cgroups, struct strview path) MUST_CHECK;

/* Looks for the ids asked for in vain, in one bounded walk. Hold no image over this call. */
void cgroups_tick(struct cgroups *cgroups, uint64_t boot_ns);
