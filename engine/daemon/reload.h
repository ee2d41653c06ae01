/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds a policy beside the one in force, in a thread: loads, tests, binds, and attaches what it newly needs; or only the tables of the one in force
 * anew. The thread writes nothing that the loop uses; it hands its work over when it has ended.
 */
#pragma once

#include "engine/daemon/policy.h"
#include "engine/probe/sensor.h"

enum { RELOAD_MAX_PATHS = 128 }; /* of a configuration, and of the policies that were applied */

/* Paths of rules; owned. */
struct rule_paths {
	char *items[RELOAD_MAX_PATHS];
	size_t n;
};
void rule_paths_done(struct rule_paths *paths);
int rule_paths_add(struct rule_paths *paths, const char *path) MUST_CHECK;

/* Where the rules are now, as a configuration file says. Called in the thread. 0 or -errno with the reason; warnings are told as well. */
typedef int rule_paths_function(void *context, struct rule_paths *ret, struct diag *diag);

struct reload_request {
	const struct policy *renewed;  /* no rules are loaded: its tables of verdicts are compiled anew. In force, and not changed while the thread works */
	struct policy_options policy;  /* its paths are not looked at */
	rule_paths_function *paths;
	void *paths_context;
	const struct policies *policies; /* applied under way: in force besides; NULL: none. Not changed while the thread works */
	const char *without;           /* but the one of this name; NULL: all */
	uint32_t generation;
	uint64_t more_events;          /* wanted besides what the rules look at */
	uint64_t more_outcomes;        /* the same, with their outcomes */
	struct sensor *sensor;         /* reloadable; NULL: there is none (tests) */
	const char *const *env_names;  /* of the configuration; the rules' own are added */
	struct epochs epochs;          /* of ancestors, as they are when it is begun; nothing changes them meanwhile */
	uint64_t began_ns;             /* CLOCK_MONOTONIC, when it was asked for */
};

struct reload_result {
	int error;                     /* 0 or -errno; then the two below are NULL */
	bool is_renewal;               /* they are NULL as well */
	bool is_same;                  /* a renewal: the tables are as they were, and not filled in */
	struct verdict_policy verdicts; /* owned; of a renewal */
	struct policy *policy;         /* owned */
	struct sensor_change *change;  /* owned; prepared */
	struct sensor *filled;         /* its tables to come are the policy's; dropped unless they are put in force first. NULL: they are not */
	struct diag diag;
	size_t cases, events;          /* of the self-test */
};
void reload_result_done(struct reload_result *r);

struct reload;

int reload_new(struct reload **ret) MUST_CHECK;
/* Waits for the thread. */
void reload_free(struct reload **r);

/* Becomes readable when the work is done. */
int reload_poll_fd(const struct reload *r);
bool reload_is_running(const struct reload *r);
/* 0, -EBUSY or -errno. */
int reload_start(struct reload *r, const struct reload_request *request) MUST_CHECK;
/* True, once: the work is done. The result is the caller's. */
bool reload_take(struct reload *r, struct reload_result *ret);
/* After narrowing: detaches in the thread, because that takes time. Takes the change over. */
void reload_tidy(struct reload *r, struct sensor_change **change);
