/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeping others off the engine: tells the programs of bpf/guard*.bpf.c what is the engine's own, switches them, and proves by deed that
 * they run. Knows no configuration: it is told which files.
 */
#pragma once

#include "bpf/guard_abi.h"
#include "engine/probe/sensor.h"

struct guard;

/* The sensor must have been opened with `protect`. Marks what the engine has of BPF objects, its mounts' namespace and cgroup; nothing is refused yet. */
int guard_new(struct sensor *s, struct guard **ret, struct diag *diag) MUST_CHECK;
void guard_free(struct guard **g);

/*
 * Marks a file, or a folder with all that is and will be in it, the links on the way, and the folders above. Proves for each file that it
 * is refused; what is missing, does not fit or is not refused is a warning.
 */
void guard_add(struct guard *g, const char *path, struct diag *diag);
/* The same of a folder whose files nobody can open: pins. */
void guard_add_folder(struct guard *g, const char *path, struct diag *diag);
/* Forgets all files; with the protection off, before they are added anew. */
void guard_forget(struct guard *g);
/* Enters BPF objects that were made since, and forgets those that are gone. */
void guard_refresh(struct guard *g);

void guard_switch(struct guard *g, bool is_on);
bool guard_is_on(const struct guard *g);

/* Opens the canary on that processor: 0 it was seen and refused; -ENXIO the processor is not ours to run on; -EPROTO it was not. */
int guard_canary(struct guard *g, unsigned cpu) MUST_CHECK;
/* The first program whose link does not hold it any more; NULL: all are attached as they were. */
const char *guard_detached(const struct guard *g);
/* Back to the cgroup of the beginning when somebody moved us: 0 nothing to do, 1 done, or -errno. */
int guard_go_home(struct guard *g) MUST_CHECK;

struct guard_stats {
	uint64_t refused;  /* acts of others */
	uint64_t canaries; /* seen and refused */
	size_t files, unproven; /* marked; those that could not be shown to be refused */
};
void guard_get_stats(const struct guard *g, struct guard_stats *ret);
