/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the sensor share; nobody else includes it. */
#pragma once

#include "bpf/guard_abi.h"
#include "engine/probe/pins.h"
#include "engine/probe/programs.h"
#include "engine/probe/ring_depth.h"
#include "engine/probe/sensor.h"
#include "vedette.skel.h"

struct ring_buffer;

struct sensor {
	struct vedette_bpf *skel; /* the maps: its programs are loaded apart */
	struct btf *kernel;
	struct sensor_caps caps;
	struct programs programs;
	int cpus;
	bool is_enforcing;     /* the maps of verdicts have their size */
	bool is_approving;     /* so have those of approval */
	uint32_t approval;     /* the last generation of tables of approval that was given out */
	uint32_t approval_filled; /* that are to come; 0: none */
	uint32_t approval_kept; /* in force, or to go back to; 0: all is sent */
	uint32_t max_processes;
	int barrier_fd;        /* owned; -1: not made yet */
	int meaning_fd;        /* owned; -1: not made yet: what the bits of labels mean, by table */
	uint32_t filled;       /* generation of the tables that were filled last */
	uint32_t told_of;      /* generation of the tables that processes are told of for */
	uint64_t told_serial;  /* of what was told last */
	struct ring_buffer *priority, *bulk;
	struct ring_depth priority_depth, bulk_depth;
	int poll_fd;
	sensor_record_fn *on_record;
	void *context;
	size_t handed_on, bulk_left;
	bool is_protected; /* the programs that keep others off are attached */
	struct pins pins;
	struct pins_about about; /* as it was written last */
	int keep_error;
};

/* The programs of a change that is prepared. */
const struct programs_change *sensor_change_programs(const struct sensor_change *c) PURE;
