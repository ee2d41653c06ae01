/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The programs of the kernel side: which are loaded and which are attached, and why not. They are loaded from an object of their own that shares the
 * maps and is gone afterwards: libbpf keeps every instruction of an object, which is more memory than all the rest.
 */
#pragma once

#include "engine/probe/sensor.h"

struct bpf_object;
struct btf;

/* Bit N: event N. */
struct programs_wanted {
	uint64_t events, outcome_events;
	uint64_t decided_events; /* verdicts are asked of them */
};

struct programs {
	struct sensor_hook hooks[SENSOR_MAX_HOOKS];
	char reasons[SENSOR_MAX_HOOKS][160];
	const char *refused[SENSOR_MAX_HOOKS]; /* why the kernel does not run that hook; NULL: it does, or was not asked */
	int fds[SENSOR_MAX_HOOKS];             /* loaded programs; -1: not loaded */
	int links[SENSOR_MAX_HOOKS];           /* what holds them attached; -1: not attached */
	size_t n;
	struct programs_wanted wanted;         /* now */
};

struct programs_source {
	const void *elf;
	size_t elf_bytes;
	struct bpf_object *maps; /* of the same bytes, loaded */
	const struct btf *kernel;
	enum sensor_mode mode;
	const struct sensor_options *options;
};

void programs_init(struct programs *s);
/* Detaches, and closes all; then it can be loaded again. */
void programs_done(struct programs *s);

/* What is not essential and refused by this kernel is noted, not an error. 0 or -errno with the reason. */
int programs_load(struct programs *s, const struct programs_source *source, struct diag *diag) MUST_CHECK;
void programs_load_failed(int err, struct diag *diag);
/* Attaches what these events need; returns how many LSM programs. Failures are noted. */
size_t programs_attach(struct programs *s, const struct programs_wanted *wanted);
void programs_detach(struct programs *s);
struct programs_change;
/* A program that must give verdicts of these events and is neither attached nor coming (NULL: none is), with the reason; NULL: all are. */
const char *programs_undecidable(const struct programs *s, const struct programs_change *coming, uint64_t events, const char **ret_why) MUST_CHECK;

/* See sensor.h: prepare in any thread, widen and narrow between two events, done in any thread. */
struct programs_change {
	int links[SENSOR_MAX_HOOKS];  /* before widening: new ones; after narrowing: those that nobody needs any more; -1: none */
	int errors[SENSOR_MAX_HOOKS]; /* negative errno of what could not be attached */
};
void programs_change_prepare(const struct programs *s, const struct programs_wanted *wanted, struct programs_change *ret);
void programs_widen(struct programs *s, const struct programs_wanted *wanted, struct programs_change *c);
void programs_narrow(struct programs *s, const struct programs_wanted *wanted, struct programs_change *c);
void programs_change_done(struct programs_change *c);
