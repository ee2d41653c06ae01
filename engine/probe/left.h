/* SPDX-License-Identifier: Apache-2.0 */
/* What earlier engines left in force: found, read, and undone. See pins.h for how it is kept. */
#pragma once

#include "engine/probe/sensor.h"

#define PINS_PARENT "/run/vedette"
#define PINS_FOLDER PINS_PARENT "/bpf"

/* Number of the youngest folder of pins; 0: none. */
uint32_t left_youngest(void);

/* All pins in a folder of ours, and the folder. 0 or -errno with the reason. */
int left_remove(const char *path, struct diag *diag) MUST_CHECK;

struct left;

/*
 * All that is there and belongs to no living engine. *ret is NULL when there is nothing. The programs take this process for theirs from then
 * on: they neither tell of it nor refuse it anything. 0 or -errno with the reason.
 */
int left_open(struct left **ret, struct diag *diag) MUST_CHECK;
/* What is in force stays so. */
void left_free(struct left **l);

/* The process id of a living engine whose verdicts are kept; 0: none. */
uint32_t left_living(void);

struct left_state {
	struct sensor_note note;  /* of the youngest */
	bool is_same_build;       /* its records can be read */
	size_t engines, links;
};
void left_get_state(const struct left *l, struct left_state *ret);

/* Where the youngest has its labels, and the generation of the tables that are in force. False: nobody can read them. */
struct left_origin {
	uint32_t number, generation;
	uint64_t labels_layout;
};
bool left_get_origin(const struct left *l, struct left_origin *ret);

/* Waits for acts under way, so that those whose records another sensor has no more missed are told; from then on only what it refuses is. */
void left_quiet(struct left *l);
/* Programs are detached, and nothing of it is in force any more. What the rings hold can still be read. 0, or -errno of what could not be undone. */
int left_undo(struct left *l, struct diag *diag) MUST_CHECK;

struct left_read {
	uint64_t records; /* handed on */
	uint64_t lost;    /* since the note was written: no room, or another build's, which nobody can read */
};
/* After left_undo: hands on what the rings hold, the oldest first. */
int left_consume(struct left *l, sensor_record_fn *call, void *context, struct left_read *ret) MUST_CHECK;

/* Unmounts our file system when nothing is in it. */
void left_unmount(void);
