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

/*
 * A walk under way. In a map and not on the stack: what is read back from a map the verifier does not follow from step to step, which it would
 * otherwise do for every length that a name can have; and stacks are small.
 */
enum { ROOT_UNKNOWN, ROOT_WHOLE, ROOT_PART };
struct walk {
	u64 dentry, mnt, mount_root;
	u64 first_root; /* the first mount root met */
	u32 offset, state;
	u32 fs_offset; /* offset at that root; 0: none yet */
	u32 is_stable;
	u32 renames, mounts; /* sequences it began by */
	u32 root_is; /* whether the first mount is of a whole file system */
	u32 top_flags; /* of the dentry it ended at */
	u64 met, met_before; /* what it has met, summed up; and the walk before */
	u32 sequence, is_moving; /* of a dentry that was met; one was being renamed */
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
	struct walk walk;
	struct call call;
	u8 path_buffer[PATH_BUFFER];
	u8 small[512]; /* one name, one environment variable's head */
	u8 record[RECORD_MAX + SLOT_TAIL_SLACK];
};

/* What a decision asks by, and how far it has come. Claimed like a record's slot, and apart from them: telemetry can never take them all. */
enum { NAME_TEXT_MAX = 248 };
struct ancestor_set {
	u64 holds[POLICY_ANCESTOR_WORDS], spares[POLICY_ANCESTOR_WORDS];
};
/* What was found of a cgroup, by its id, which is never used again: generation << 32 | is it a container's << 31 | class, for each table. */
struct cgroup_entry {
	u64 by_table[2];
};
/* What a text is found to be; state: CLASS_NONE when the look-up tells, else the class that says why not. */
struct ask_name {
	u32 state;
	struct policy_text text;
};
/* What must be equal for the names of a file to be the same. */
enum { NAME_INLINE = 32 }; /* bytes of a name, with its NUL, that a dentry itself has room for */
struct name_id {
	u32 renames, mounts, hash, length, dir_hash, dir_generation;
	u64 dentry, mnt, dir, dir_parent, dir_inode;
	u64 name[NAME_INLINE / 8];
};
/* What names were found to be by tables of one generation. */
struct name_answer {
	u32 generation; /* 0: not asked yet */
	u32 reserved;
	u64 clear; /* events of which the names leave no clause */
	struct policy_text text[2];
};
struct ask_file {
	u64 mnt, dentry;           /* dentry 0: no file */
	u32 is_searched;           /* the mount was searched for, and may be none that holds it */
	u32 device;                /* 0: not known yet */
	u32 has_id, is_known;      /* id is there, with the next two; its answer is remembered already */
	u32 root_is, reserved;
	u64 mount_root;
	struct name_id id;
};
/* Whether a cgroup is a container's (bpf/container.h), under way. In a map: the verifier does not follow what it reads back from there. */
struct container_walk {
	u64 at, end;            /* the byte of the path buffer that comes next; up to there root alone could give the names */
	u64 row;                /* that comes next */
	u64 no_row, no_hex;     /* of the row under way: the component is not its id */
	u64 n;                  /* bytes of the component so far */
	u64 run, run_before;    /* hexadecimal digits in a row: up to here, up to the last dot */
	u64 no_uuid, no_task, tail; /* tail: the last 8 bytes */
	u64 above, right_above, folders; /* rows of the list whose folder is a component above, the one right above, this one */
	u64 is_found;
};
struct ask {
	u32 busy;
	u32 event, generation, table; /* generation 0: no verdict is asked for; table: of whatever is looked up now */
	u32 approval, reserved;       /* generation of the tables of approval; 0: what is not denied is sent */
	u32 given, unknown;           /* bit of a dimension: number[] has its value; its value could not be read */
	u32 hidden, reserved_hidden;  /* bit of a dimension: it has a value, which nobody can tell */
	u32 is_exec, name_length;     /* the image that asks will be replaced; bytes of the text in name_key, 0: none */
	u64 number[32];               /* by dimension; of ROLLOUT: identity of the image */
	struct ask_file file[3];      /* PATH, NEW_PATH, the image */
	struct name_answer answer;    /* of the names that are looked up now */
	struct policy_address_key address;
	/* what is found of the dimension that is looked up now */
	u32 class, pair_class[2];
	struct ask_name name[4]; /* of both names; the third is for a cgroup's */
	u32 has_cgroup, cgroup_class;
	u32 is_container, reserved_container;
	struct cgroup_entry cgroup;       /* to be put into the map */
	/* what the rows so far leave: of words only those whose bit is in summary. pair_left: by the last pair alone, as far as it is known */
	u64 summary, pair_left;
	u32 n_taken; /* 0: no row so far */
	u64 words[POLICY_WORDS];
	u32 rule_slot, flags;         /* of the clause that decided; 0: none */
	struct ancestor_set set;      /* that a row is asked for */
	u32 set_row;                  /* first row that is made of it */
	struct task_label label;      /* to be put into the map */
	struct path_result path;
	struct walk walk;
	struct container_walk container;
	u8 path_buffer[PATH_BUFFER];
	u8 small[256] __attribute__((aligned(8)));
	struct policy_text_key name_key;
};

/* Set at load. Without enforcement what decides is dead code, which the verifier does not look at. */
const volatile __u32 can_decide = 0;

struct sensor_config config;
__u32 labels_used; /* entries of labels */

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

/*
 * The hash of the file that a thread is about to execute; key: address of its task, which stays when exec gives it another id. Preallocated: sleepable
 * programs may use no other. Who executes and sleeps cannot fill it for others: what is pushed out is unknown.
 */
enum { HASH_BYTES = 32, HASH_TEXT = 2 * HASH_BYTES + 1 };
struct exec_hash {
	u64 inode; /* address of the file's inode; 0: there is no hash */
	char text[72]; /* HASH_TEXT of them */
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, u64);
	__type(value, struct exec_hash);
} exec_hashes SEC(".maps");

/* The same, kept with the inode as long as nothing touches it. */
struct kept_hash {
	u64 size, ctime_ns, version;
	struct exec_hash hash;
};
struct {
	__uint(type, BPF_MAP_TYPE_INODE_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct kept_hash);
} kept_hashes SEC(".maps");

/* A call under way whose outcome is wanted; key: thread id. */
struct call_entry {
	u64 id;      /* 0: no attempt of it was sent */
	u32 is_bulk; /* an attempt of it went to the bulk ring: the outcome must follow it there */
	u32 reserved;
};
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, u32);
	__type(value, struct call_entry);
} calls SEC(".maps");
__u32 n_calls; /* entries there are: while there are none, the end of a call that succeeded need not look for one */

static __always_inline long call_keep(u32 tid, const struct call_entry *call)
{
	long err = bpf_map_update_elem(&calls, &tid, call, BPF_NOEXIST);
	if (!err)
		__sync_fetch_and_add(&n_calls, 1);
	return err;
}

static __always_inline void call_drop(u32 tid)
{
	if (!bpf_map_delete_elem(&calls, &tid))
		__sync_fetch_and_sub(&n_calls, 1);
}

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

/*
 * Decisions: of each table two, for the generations in force and to be, and two more for approval; the last of the heads is only written to wait
 * by.
 */
struct policy_heads {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct policy_head));
};
struct policy_rows {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_INNER_MAP); /* as many as the tables have */
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct policy_row));
};
struct policy_texts {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct policy_text_key));
	__uint(value_size, sizeof(struct policy_text));
};
struct policy_numbers {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct policy_number_key));
	__uint(value_size, sizeof(u32));
};
struct policy_port_table {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct policy_ports));
};
struct policy_addresses {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct policy_address_key));
	__uint(value_size, sizeof(u32));
};
struct policy_clauses {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_INNER_MAP);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct policy_clause));
};
struct policy_ancestor_masks {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_INNER_MAP);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct policy_ancestor_mask));
};
struct policy_ancestor_parts {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_INNER_MAP);
	__uint(key_size, sizeof(u32));
	__uint(value_size, sizeof(struct policy_ancestor_rows));
};
/* Sets of ancestor predicates that were met: their numbers. Filled by the kernel. */
struct policy_ancestor_sets {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct ancestor_set));
	__uint(value_size, sizeof(u32));
};
#define BY_TABLE(name, inner, n)                        \
	struct {                                        \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); \
		__uint(max_entries, n);                 \
		__type(key, u32);                       \
		__array(values, struct inner);          \
	} name SEC(".maps")
BY_TABLE(heads, policy_heads, TABLES_COUNT + 1);
BY_TABLE(rows, policy_rows, TABLES_COUNT);
BY_TABLE(texts, policy_texts, TABLES_COUNT);
BY_TABLE(numbers, policy_numbers, TABLES_COUNT);
BY_TABLE(ports, policy_port_table, TABLES_COUNT);
BY_TABLE(addresses, policy_addresses, TABLES_COUNT);
BY_TABLE(clauses, policy_clauses, TABLES_COUNT);
BY_TABLE(ancestor_masks, policy_ancestor_masks, 2);
BY_TABLE(ancestor_parts, policy_ancestor_parts, 2);
BY_TABLE(ancestor_sets, policy_ancestor_sets, 2);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set at load where something is decided: see ASKS_PER_CPU */
	__type(key, u32);
	__type(value, struct ask);
} asks SEC(".maps");

/* Preallocated like `tasks`, and for the same reason. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set at load with enforcement */
	__type(key, u32);
	__type(value, struct task_label);
} labels SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1); /* set at load with enforcement */
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, u32);
	__type(value, struct told_ancestors);
} told SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64); /* set at load with enforcement */
	__type(key, u64);
	__type(value, struct cgroup_entry);
} cgroups SEC(".maps");

/* What user space has told of images. One that is dropped is unknown again, and what it does is sent. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64); /* set at load where something is to be approved */
	__type(key, u64);
	__type(value, struct policy_image);
} images SEC(".maps");

#define BIT(n) (1ull << (n))

/* Events of the priority ring, which no flood of the others can fill. */
#define PRIORITY_EVENTS                                                                                                      \
	(BIT(EVENT_PROC_EXEC) | BIT(EVENT_PROC_FORK) | BIT(EVENT_PROC_EXIT) | BIT(EVENT_PROC_PTRACE) | BIT(EVENT_MODULE_LOAD) | \
	 BIT(EVENT_BPF_LOAD) | BIT(EVENT_PROC_SETUID) | BIT(EVENT_PROC_SETNS) | BIT(EVENT_PROC_UNSHARE) | BIT(EVENT_FILE_MOUNT) | \
	 BIT(EVENT_PROC_KILL) | BIT(EVENT_PROC_USERNS) | BIT(EVENT_FILE_UMOUNT))
/* For a constant event. */
#define RING_OF(event) (BIT(event) & PRIORITY_EVENTS ? (void *)&ring_priority : (void *)&ring_bulk)

/* Exact under full preemption: migration is off, so the pointer stays this CPU's, and the addition is atomic. */
static __always_inline void count_misc(u32 which)
{
	u64 *n = bpf_map_lookup_elem(&misc_counters, &which);
	if (n)
		__sync_fetch_and_add(n, 1);
}
