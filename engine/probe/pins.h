/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What outlives the engine, and what an earlier one left. A BPF file system of our own holds a folder for each engine: its links, which keep
 * the programs attached and with them all their tables, and the maps by which a later engine reads what happened meanwhile.
 */
#pragma once

#include "engine/probe/programs.h"
#include "engine/probe/sensor.h"
#include "engine/probe/verdicts.h"

struct vedette_bpf;

enum { PINS_FORMAT = 1 };

/*
 * The map `about` of a folder: read by later versions too, so members are only added at the end, and one that changes its meaning needs another
 * format. All else in the folder may only be read by the same build.
 */
struct pins_about {
	uint64_t format;
	uint64_t build;              /* of the kernel object: the same number, the same layout of all maps */
	uint64_t own_pid_at;         /* where in the settings the engine's process id stands */
	uint64_t wanted_at;          /* and the bits of the events that are told: 8 bytes */
	struct sensor_note note;
	uint64_t labels_layout;      /* pins_labels_layout; 0: labels are not pinned */
	uint64_t in_force_at;        /* where in the settings config.policy_generation stands */
};

/* What the bits of labels mean, by table: the value of the map `meaning`. */
struct pins_meaning {
	uint64_t generation, epoch;
	struct ancestor_name names[POLICY_ANCESTORS];
};

struct pins {
	char folder[64]; /* "": nothing is pinned */
	bool is_pinned[SENSOR_MAX_HOOKS];
	int about_fd;
};

void pins_init(struct pins *p);
void pins_done(struct pins *p); /* what is pinned stays */
/* Makes a folder and pins the maps into it. meaning_fd: below 0: labels are not kept. 0 or -errno with the reason. */
int pins_start(struct pins *p, const struct vedette_bpf *maps, int meaning_fd, uint64_t build, struct pins_about *ret,
	       struct diag *diag) MUST_CHECK;
/* All that was pinned is gone again, the folder too; what cannot be taken away is told. */
void pins_undo(struct pins *p, struct diag *diag);
/* The links that there are now, and no others. 0, or -errno of what could not be pinned: all else is. */
int pins_sync(struct pins *p, const struct programs *programs) MUST_CHECK;
int pins_note(struct pins *p, const struct pins_about *about) MUST_CHECK;
/* The same number, the same layout of labels, and of what in the settings says which tables are in force. */
uint64_t pins_labels_layout(void) PURE;
/* Which kernel object this is. */
uint64_t pins_build(const void *elf, size_t bytes);
