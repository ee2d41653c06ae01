/* SPDX-License-Identifier: Apache-2.0 */
/* A file system that fails on demand: the nth operation of a kind, or all from there on. */
#pragma once

#include <stdbool.h>

#include "alerts/wal_io.h"

enum faulty_op { FAULTY_OPEN, FAULTY_WRITE, FAULTY_SYNC, FAULTY_ALLOCATE, FAULTY_CUT, FAULTY_RENAME, FAULTY_REMOVE, FAULTY_OPS, FAULTY_ANY = FAULTY_OPS };

struct faulty_io {
	enum faulty_op op;   /* that fails; FAULTY_ANY: each counts */
	unsigned at;         /* this one, counted from 1; 0: none */
	bool goes_on;        /* and all after it */
	int error;           /* positive; 0: a write stops after half its bytes, others succeed; -1: the process is killed there */
	unsigned count;      /* operations that were counted */
	unsigned failures;
	int storm;           /* positive: while it is set, all that this error can hit fails with it; set by faulty_storm, at any time */
	off_t bad_from, bad_to; /* bytes of any file that cannot be read */
};

void faulty_storm(struct faulty_io *f, int error);
/* -errno of the storm for an operation of that kind; 0: it is spared. */
int faulty_storm_on(const struct faulty_io *f, enum faulty_op op);

/* The io whose context is `f`. The caller changes `f` only while nothing uses it. */
struct wal_io faulty_io(struct faulty_io *f);
