/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Keys and values of the maps that the engine fills and reads: scope, wanted events, verdicts, counters. */
#pragma once

#include "bpf/decision_abi.h"

enum scope_mode {
	SCOPE_HOST,   /* every process but the engine */
	SCOPE_CGROUP, /* processes below one cgroup */
	SCOPE_TREE,   /* processes that carry the label, inherited at fork */
};

/* The engine writes it, the programs read it at each event. */
struct sensor_config {
	__u64 wanted;         /* bit N: send event number N */
	__u64 outcome_wanted; /* bit N: event N needs the outcome of its call */
	__u64 cgroup_id;      /* SCOPE_CGROUP */
	__u64 native[8];      /* tracepoint mode: bit N: system call number N serves a wanted event (engine/probe/syscalls.h) */
	__u64 compat[8];      /* the same of 32-bit calls */
	__u32 scope;          /* enum scope_mode */
	__u32 cgroup_level;   /* SCOPE_CGROUP: depth of that cgroup below the root */
	__u32 own_pid;        /* the engine: never reported */
	__u32 sensor;         /* value of vedette.sensor in records */
	__u32 canary_pid;     /* start-up self-test: exec by this process is denied; 0: none */
	__u32 n_slots;        /* scratch slots there are */
	__u32 n_asks;         /* decision slots that anybody may take; 0: there are none */
	/* Counts the tables put in force; the tables are those of its lowest bit. POLICY_NO_GENERATION: nothing is decided. Read once by a decision. */
	__u32 policy_generation;
	__u32 n_labels;       /* labels there may be before others than root get no more: LABELS_KEPT fewer than there is room for */
	/* Tables on trial: after this time since boot (0: none are) those of before decide again, whether or not the engine is there to say so. */
	__u64 policy_until_ns;
	__u32 policy_before;
	__u32 reserved_before;
	__u64 decided[2];       /* by table: bit N: event number N is decided */
	/*
	 * By table: the generation by which labels are kept at fork and exec; 0: none, for nobody asks. Both while there are tables to come or to go
	 * back to: whichever decide, their labels have missed nothing.
	 */
	__u32 labelled[2];
	__u32 is_killing[2];    /* by table: EVENT_PROC_IMAGE is decided */
	__u64 approved[2];      /* by table of approval: bit N: of event number N only what the tables approve is sent */
	__u32 approval_generation; /* as policy_generation, of the tables of approval; POLICY_NO_GENERATION: all that is wanted is sent */
	__u32 host_mnt_ns; /* mount namespace of the first process; 0: not known, and each counts as it */
	__u64 boot_wall_ns;     /* when the host booted, by the wall clock */
	__u32 is_hashing;       /* some rule asks for the hash of what is executed */
	__u32 reserved_hashing;
	__u32 host_proc, host_sysfs; /* devices of /proc and /sys; 0: not known */
	__u64 rename_lock, mount_lock; /* addresses of the kernel's; 0: not known, and a path that changes while it is read is not noticed */
};

enum { NAME_ENTRIES = 4096 /* names of files that are remembered; a power of two */ };

enum { ROW_NOT_YET = 0xffffffff };

/*
 * Decision slots: those that anybody may take, 64 for each CPU and not fewer than ASKS_LEAST; then ASKS_KEPT for what makes and begins processes,
 * and as many for user 0.
 */
enum {
	ASKS_PER_CPU = 64,
	ASKS_LEAST = 512,
	ASKS_KEPT = 64,
	ASKS_TRIES = 1 << 20, /* some ten milliseconds: longer than a task runs in one piece when others wait */
	ASKS_TRIES_FORK = 4096, /* where nobody else runs meanwhile, but on other CPUs */
};
enum { LABELS_KEPT = 2048 /* for processes of root */ };

/*
 * Ancestor predicates that hold, as tables of one generation ask for them. What is known by earlier tables is good for later ones of the same
 * epoch, which ask for no more than they did; not the other way round.
 */
struct label_part {
	__u32 generation;                    /* 0: not asked yet */
	__u32 epoch;                         /* that the bits belong to; 0: not known */
	__u64 holds[POLICY_ANCESTOR_WORDS];  /* by either name of an image */
	__u64 spares[POLICY_ANCESTOR_WORDS]; /* by both names: those that exceptions ask for */
};

/*
 * What decisions need of a process's image; key: its process id. Made at fork and exec, or at the first decision that asks.
 * All is kept for either of two tables, so that programs that decide by the ones do not write what others read, and that the ones to come and the
 * ones to go back to have labels as good as those in force.
 */
struct task_label {
	__u64 start_boot_ns;
	struct label_part creators[2]; /* of those the image descends from */
	struct label_part own[2];      /* of the image itself, for its children */
	struct {
		__u32 generation;            /* 0: not looked up yet */
		__u32 executable[2];         /* classes of the image's two names */
		__u32 ancestor_set;          /* number of its set of ancestor predicates; ROW_NOT_YET: not looked up */
	} by_table[2];
};

/*
 * What user space tells of processes older than the sensor; key: process id. An element that is replaced is given out again at once, while somebody
 * may be reading it: a reader counts what was there only if the serials at both ends are the same before and after.
 */
struct told_ancestors {
	__u64 serial;        /* no other value has it; not 0 */
	__u64 exec_id;       /* of the image whose creators these are: what is said of an earlier one does not count */
	__u64 start_boot_ns; /* of the process, as precisely as it is known */
	struct label_part by_table[2];
	__u64 serial_again;
};

/* What the kernel side knows of a process; key: its process id. */
struct task_entry {
	__u64 exec_id;
	__u64 parent_id;
	__u64 start_boot_ns; /* 0: not checked yet (labelled from user space) */
	__u32 is_labelled;   /* SCOPE_TREE: in scope */
	__u32 is_replaced;   /* its image is being replaced: exec_id still is that of the one before */
	__u64 judged;        /* what was decided of the exec under way and its record is to say: JUDGED of bpf/decide.h; 0: nothing */
};

/* Counters of one event type on one CPU. produced = delivered + lost_ring + lost_slot once the rings are drained. */
struct event_counters {
	__u64 produced;
	__u64 lost_ring; /* ring full */
	__u64 lost_slot; /* no scratch slot free */
	__u64 blocked;   /* denied by a rule, whether the record got through or not */
	__u64 undecided; /* denied because the path could not be resolved and a rule's default is deny */
	__u64 filtered;  /* not sent, because no rule can hold on them: not among those produced */
};

/* Counters that have no event type. */
enum misc_counter {
	MISC_TASKS_FULL,    /* a process could not be entered: it has a snapshot identity or is out of scope */
	MISC_CALLS_FULL,    /* a call could not be entered: its outcome stays unknown */
	MISC_OUT_OF_SCOPE,  /* not counted: reserved */
	MISC_UNREADABLE_FD, /* tracepoint mode: the descriptor's object was gone or another */
	MISC_LABELS_FULL,   /* a process's label could not be kept: executable and ancestors are unknown to decisions */
	MISC_ANCESTORS_FULL, /* no room for another set of ancestor predicates: unknown to the decision */
	MISC_ASKS_FULL,     /* no decision slot: denied, or (next) not judged, or a process's label not kept */
	MISC_IMAGES_FULL,   /* an image was not judged by rules that kill, for want of a decision slot: it went on */
	MISC_HASHES,        /* a hash of what is executed could not be made (too large, no SHA-256) or handed on: unknown */
	MISC_COUNT,
};

/* A rule as verdict records name it: its index, and the generation of the policy it stands in, because rules are replaced under way. */
enum { EXEC_SLOT_RULE_BITS = 16 };
static inline __attribute__((always_inline)) __u32 exec_slot(__u32 generation, __u32 rule)
{
	return generation << EXEC_SLOT_RULE_BITS | (rule + 1);
}
static inline __attribute__((always_inline)) __u32 exec_slot_rule(__u32 slot)
{
	return (slot & ((1u << EXEC_SLOT_RULE_BITS) - 1)) - 1; /* no rule: a number that no rule has */
}
static inline __attribute__((always_inline)) __u32 exec_slot_generation(__u32 slot)
{
	return slot >> EXEC_SLOT_RULE_BITS;
}

enum { ENV_NAME_MAX = 32 }; /* bytes of a chosen environment variable's name, NUL-padded: key of env_names */
