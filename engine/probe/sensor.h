/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel side, loaded: programs, maps and rings behind one object. Finds out by trying what this kernel can do. Knows no
 * rules: it is told which events are wanted, who is in scope, and which exec verdicts to give.
 */
#pragma once

#include "bpf/policy_abi.h"
#include "engine/base/diag.h"
#include "engine/event/event.h"

enum {
	SENSOR_MAX_HOOKS = 160, /* programs in the object */
	SENSOR_MAX_CPUS = 1024, /* identities hold 10 bits of CPU number */
	SENSOR_MAX_ENV_NAMES = 64, /* environment variables kept: entries of the kernel's table */
};

struct sensor_options {
	enum sensor_mode wanted;        /* SENSOR_NONE: try lsm, fall back on tracepoint */
	bool enforce;              /* verdicts are wanted: without lsm mode that is an error */
	bool approve;              /* sensor_put_approval will say what need not be sent; in lsm mode only */
	uint64_t events;           /* bit N: event number N is wanted; hooks that serve none of them are not attached */
	uint64_t outcome_events;   /* bit N: with its outcome */
	uint64_t decided_events;   /* bit N: verdicts will be asked of it; see sensor_set_verdicts */
	bool hold_back;            /* until sensor_tell only verdicts are told, and what is tried against the engine */
	bool protect;              /* attach what keeps others off the engine (engine/probe/guard.h); lsm mode only */
	bool reloadable;           /* load what other events would need, too, so that sensor_change_prepare can attach it */
	uint64_t ring_priority_bytes, ring_bulk_bytes; /* powers of two, at least a page */
	uint32_t max_processes;
	const char *const *env_names; /* NULL-terminated names of environment variables to keep */
};

/* A program of the object and what became of it. */
struct sensor_hook {
	const char *name;    /* program */
	const char *where;   /* section: lsm/file_open, tp_btf/sched_process_exec */
	bool is_attached;
	const char *missing; /* why not; NULL when attached or not needed */
};

struct sensor_caps {
	enum sensor_mode mode;
	bool has_lsm_list;        /* bpf stands in /sys/kernel/security/lsm, as far as readable */
	bool is_lsm_unguarded;    /* LSM programs are never skipped (__bpf_prog_enter_recur) */
	bool is_canary_seen;      /* the self-test's open was seen */
	bool is_canary_denied;    /* the self-test's exec was denied (enforce) */
	bool has_ima;             /* it can hash what is executed */
	bool is_path_checked;     /* the kernel shows rename_lock: torn paths are noticed */
	char preemption[16];      /* none, voluntary, full; "" unknown */
	char lsm_refused[160];    /* why lsm mode was not chosen; "" */
};

struct sensor;

int sensor_open(const struct sensor_options *options, struct sensor **ret, struct diag *diag) MUST_CHECK;
void sensor_close(struct sensor **s);

const struct sensor_caps *sensor_get_caps(const struct sensor *s);
size_t sensor_get_hooks(const struct sensor *s, const struct sensor_hook **ret);

/*
 * Other events from now on, without a moment in which those of before or those of after are missed:
 * - prepare attaches what is newly needed, which takes time: it may run in another thread, one at a time, beside all but those below;
 * - widen wants the events of before and of after; then the caller changes over;
 * - narrow wants those of after alone; or undo, those of before again: it cannot fail, and needs nothing that is not there already;
 * - free detaches what nobody needs any more (or, without widen, what prepare attached), which takes time: in any thread.
 * The sensor must be reloadable.
 */
struct sensor_change;
struct sensor_events {
	uint64_t events, outcome_events, decided_events; /* as in sensor_options */
};
int sensor_change_prepare(struct sensor *s, const struct sensor_events *events, struct sensor_change **ret) MUST_CHECK;
void sensor_widen(struct sensor *s, struct sensor_change *c);
void sensor_narrow(struct sensor *s, struct sensor_change *c);
void sensor_undo(struct sensor *s, struct sensor_change *c);
void sensor_change_free(struct sensor_change **c);
/*
 * Other environment variables from now on, in place of all before (names as in sensor_options; those in both are kept all the time).
 * 0 or -errno; then some may be missing.
 */
int sensor_set_env_names(struct sensor *s, const char *const *names, struct diag *diag) MUST_CHECK;

/* Scope. Before the first call nothing is in scope. */
void sensor_scope_host(struct sensor *s);
/* Id and depth of a cgroup's folder; 0 or -EINVAL with the reason. */
int sensor_find_cgroup(const char *path, uint64_t *ret_id, uint32_t *ret_level, struct diag *diag) MUST_CHECK;
int sensor_scope_cgroup(struct sensor *s, const char *path, struct diag *diag) MUST_CHECK;
void sensor_scope_tree(struct sensor *s);
/* SCOPE_TREE: labels a process; its later children inherit the label. It must not have forked yet. */
int sensor_label(struct sensor *s, uint32_t pid, uint64_t exec_id, uint64_t parent_id) MUST_CHECK;

/*
 * Verdicts by tables (bpf/decision_abi.h): replaces all at once. A decision is taken by the tables of before or by those of now, whole; when that
 * fails, those of before stay in force. generation goes into the rule slots of records. NULL: nothing is decided any more.
 * The sensor must have been opened to enforce, and with (or changed to) the events that the tables decide; else it is refused.
 */
struct verdict_tables;
int sensor_set_verdicts(struct sensor *s, const struct verdict_tables *t, uint32_t generation, struct diag *diag) MUST_CHECK;
/*
 * The same in two steps. Between them labels are kept for both, and the caller tells with sensor_label_ancestors of the processes that were there
 * before, if the tables ask for what those in force do not: whose ancestors are not known, for them each rule's own default decides. Filling takes
 * time, and may run in another thread, one at a time, beside all but the functions about verdicts and those that put approval in force. coming: a change that is prepared and
 * will be made before the tables are put in force: its programs count as attached; NULL: none.
 */
struct sensor_change;
int sensor_fill_verdicts(struct sensor *s, const struct verdict_tables *t, uint32_t generation, const struct sensor_change *coming, struct diag *diag) MUST_CHECK;
int sensor_put_verdicts(struct sensor *s) MUST_CHECK;
/* Not put in force after all: labels are kept by those in force alone again. */
void sensor_drop_verdicts(struct sensor *s);
/*
 * The same on trial: those of before are kept until one of the two below. If neither comes, the kernel itself goes back to them at that time
 * since boot: for an engine that is gone while its programs are not.
 */
int sensor_try_verdicts(struct sensor *s, uint64_t until_boot_ns) MUST_CHECK;
/* They stay. 0 or -errno; then labels are kept by those of before, too, until the next ones come. */
int sensor_settle_verdicts(struct sensor *s) MUST_CHECK;
/* Those of before decide from now on: one word is written, nothing is needed. Labels were kept for them all the time. */
void sensor_return_verdicts(struct sensor *s);
/*
 * Approval: of the events that these tables are about, only those are sent that they approve; the rest is counted as filtered. Filling goes on beside
 * those in force, as filling of verdicts does, and may run in that thread. When it fails, in tracepoint mode, and when the sensor was not opened to
 * approve, there are none to put in force: then all is sent.
 */
int sensor_fill_approval(struct sensor *s, const struct verdict_tables *t, struct diag *diag) MUST_CHECK;
/* Those that were filled, if any. Cannot fail. */
void sensor_put_approval(struct sensor *s);
/* After sensor_send_all those that were in force before it, if any. Cannot fail; what was filled may not be put in force any more. */
void sensor_return_approval(struct sensor *s);
/* Number of the tables by which events are dropped now; 0: none are. */
uint32_t sensor_approval(const struct sensor *s);
/*
 * Of the tables in force: of what this image does, the rules that ask for more of it than the kernel knows may hold on these events only. 0 or a negative
 * errno; then, and once another image needs the room, all that they may hold on is sent.
 */
int sensor_tell_image(struct sensor *s, uint64_t exec_id, uint64_t events) MUST_CHECK;
/* Nothing is filtered from now on: cannot fail. */
void sensor_send_all(struct sensor *s);
/* Hashes of executed files are made from now on, or no longer. -EOPNOTSUPP: SENSOR_NO_HASH. */
int sensor_set_hashing(struct sensor *s, bool is_on) MUST_CHECK;
#define SENSOR_NO_HASH "this kernel cannot hash files (it has no IMA), or the sensor is not in lsm mode"
/*
 * What held for the creators of a process, its present image not among them, by the predicates of the tables that were filled last, or gone back
 * to. 0 or -errno; -E2BIG: there is no room for more.
 */
struct told_process {
	uint64_t exec_id, start_boot_ns;
	uint32_t pid;
};
int sensor_label_ancestors(struct sensor *s, const struct told_process *of, const struct label_part *creators) MUST_CHECK;
/* Whether its label says so already: it is told of, or the child of one that was. */
bool sensor_knows_ancestors(const struct sensor *s, uint32_t pid);

/* Called for every record, in ring order; the bytes are borrowed. is_priority: which ring. */
typedef void sensor_record_fn(void *context, const void *bytes, size_t size, bool is_priority);
void sensor_on_record(struct sensor *s, sensor_record_fn *call, void *context);

/* Descriptor to poll for input. */
int sensor_poll_fd(const struct sensor *s);
/*
 * Hands on what lies in the rings: the priority ring to its end before each record of the bulk ring, so that the process of
 * an event is known before the event. At most max_bulk bulk records; returns how many records were handed on, or -errno.
 */
int sensor_consume(struct sensor *s, size_t max_bulk) MUST_CHECK;

/* Bytes that wait in the rings, and their sizes; 0 where the kernel does not show it. */
struct sensor_rings {
	uint64_t priority_used, priority_size, bulk_used, bulk_size;
};
void sensor_get_rings(const struct sensor *s, struct sensor_rings *ret);

/* Ends `hold_back`. */
void sensor_tell(struct sensor *s);

/*
 * Detaches every program and waits until none runs any more: what lies in the rings then is the rest. Counters stay readable. After sensor_keep
 * nothing is detached and all is told as before: what is not read is for the engine that follows.
 */
void sensor_stop(struct sensor *s);

/* Processes that carry the label now. */
size_t sensor_labelled(const struct sensor *s);

/* Counters summed over CPUs; of one CPU with cpu >= 0. */
int sensor_get_counters(const struct sensor *s, uint32_t event, int cpu, struct event_counters *ret) MUST_CHECK;
int sensor_get_misc(const struct sensor *s, enum misc_counter which, uint64_t *ret) MUST_CHECK;
size_t sensor_cpus(const struct sensor *s);
/* Runs of programs that the kernel skipped (recursion_misses), summed. */
uint64_t sensor_missed_runs(const struct sensor *s);

/* For engine/probe/guard.c: what the programs that keep others off are told by, and what is attached. Borrowed; valid while the sensor is. */
struct guard_config;
struct sensor_guard {
	struct guard_config *config;
	int inodes_fd, objects_fd;
	const struct sensor_hook *hooks;
	const int *programs, *links; /* -1: none */
	size_t n_programs;
};
void sensor_get_guard(struct sensor *s, struct sensor_guard *ret);

/*
 * What outlives the engine (enforcement.on_exit: keep): programs stay attached and tables in force when it ends, however it ends, and a later
 * engine takes over (left.h). From this call on, whatever is attached later is kept as well. 0 or -errno with the reason.
 */
int sensor_keep(struct sensor *s, struct diag *diag) MUST_CHECK;
/* What a later engine wants to know; to be told it every second or so. */
enum { SENSOR_DIGEST_MAX = 96 };
struct sensor_note {
	char digest[SENSOR_DIGEST_MAX]; /* of the rules in force */
	uint64_t generation;            /* of the same */
	uint64_t alive_ns;              /* wall clock */
	uint64_t pid;
	uint64_t delivered, lost;       /* records; lost: those that were told */
	uint64_t is_stopped;            /* on purpose */
};
int sensor_note(struct sensor *s, const struct sensor_note *note) MUST_CHECK;
/* Links that could not be kept at a change: 0, or the last reason as -errno. */
int sensor_keep_error(const struct sensor *s);
