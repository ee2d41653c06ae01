/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* All maps, and the settings. Sizes marked "set at load" are chosen by engine/probe/load.c. */
#pragma once

#include "bpf/kernel_types.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/policy_abi.h"

enum {
	SLOT_TAIL_SLACK = RECORD_ARGS_MAX + 64, /* a clamped copy may start at any offset below RECORD_MAX */
	PATH_BUFFER = RECORD_PATH_MAX + 256,    /* a component of 255 bytes may start at the last byte */
};

/* Where a path was built: from buffer end downwards. */
struct path_result {
	u32 offset, length;
	u32 is_cut, is_unstable, is_detached; /* too long; changed while it was read; not below any mount root */
	u32 fs_offset; /* where the part inside the file system begins; 0: that part is not a piece of this path */
};

/* Tracepoint mode: the system call that just ended, its arguments in the order of its verb (schemas/syscalls.def). */
struct call {
	u64 args[6];
	s64 result;
	u64 exec_id, parent_id;
	u32 verb, form;
	u32 is_compat, reserved;
};

/*
 * A record under construction. Slots are claimed by compare-and-swap, because a program can be preempted by another one on the
 * same CPU when the kernel preempts fully, and a per-CPU buffer would then be overwritten.
 */
struct slot {
	u32 busy;
	u32 tail; /* next free byte of record */
	struct path_result path;
	struct call call;
	u8 path_buffer[PATH_BUFFER];
	u8 small[512]; /* one name, one environment variable's head */
	u8 record[RECORD_MAX + SLOT_TAIL_SLACK];
};

/* For verdicts: apart from the record slots, so that telemetry can never take them all. */
struct decide_slot {
	u32 busy;
	u32 reserved;
	struct path_result path;
	u8 path_buffer[PATH_BUFFER];
	struct exec_key key;
};

struct sensor_config config;
struct sensor_facts facts;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 * 1024 * 1024); /* set at load */
} ring_priority SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 * 1024 * 1024); /* set at load */
} ring_bulk SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8); /* set at load: 3 for each CPU */
	__type(key, u32);
	__type(value, struct slot);
} slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16); /* set at load: 8 for each CPU */
	__type(key, u32);
	__type(value, struct decide_slot);
} decide_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EVENT_NUMBERS);
	__type(key, u32);
	__type(value, struct event_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MISC_COUNT);
	__type(key, u32);
	__type(value, u64);
} misc_counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} cpu_sequence SEC(".maps");

/* Preallocated on purpose: what a verdict or the lineage depends on must not need memory at fork. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768); /* set at load */
	__type(key, u32);
	__type(value, struct task_entry);
} tasks SEC(".maps");

/* A call under way whose outcome is wanted; key: thread id. */
struct call_entry {
	u64 id;
	u32 is_bulk; /* an attempt of it went to the bulk ring: the outcome must follow it there */
	u32 reserved;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u32);
	__type(value, struct call_entry);
} calls SEC(".maps");

/* Where a socket sent to last, by the socket's address: a hash of the peer's. Wrong only when a socket is made where one was that sent there. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, u64);
	__type(value, u64);
} last_peers SEC(".maps");

struct env_name {
	char text[ENV_NAME_MAX];
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct env_name);
	__type(value, u32);
} env_names SEC(".maps");

struct exec_rules {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct exec_key)); /* sizes, not types: BTF would only hold forward declarations here */
	__uint(value_size, sizeof(struct exec_verdict));
};
/* One inner trie, replaced as a whole: no event sees half a policy. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, u32);
	__array(values, struct exec_rules);
} exec_policy SEC(".maps");

#define BIT(n) (1ull << (n))

/* Events of the priority ring, which no flood of the others can fill. */
#define PRIORITY_EVENTS                                                                                                      \
	(BIT(EVENT_PROC_EXEC) | BIT(EVENT_PROC_FORK) | BIT(EVENT_PROC_EXIT) | BIT(EVENT_PROC_PTRACE) | BIT(EVENT_MODULE_LOAD) | \
	 BIT(EVENT_BPF_LOAD) | BIT(EVENT_PROC_SETUID) | BIT(EVENT_PROC_SETNS) | BIT(EVENT_PROC_UNSHARE) | BIT(EVENT_FILE_MOUNT) | \
	 BIT(EVENT_PROC_KILL))
/* For a constant event. */
#define RING_OF(event) (BIT(event) & PRIORITY_EVENTS ? (void *)&ring_priority : (void *)&ring_bulk)

/* Exact under full preemption: migration is off, so the pointer stays this CPU's, and the addition is atomic. */
static __always_inline void count_misc(u32 which)
{
	u64 *n = bpf_map_lookup_elem(&misc_counters, &which);
	if (n)
		__sync_fetch_and_add(n, 1);
}
