/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What keeps others off the engine, in common: who is refused, what is told of it, and the marks of the engine's own files. The programs stand by
 * what they keep: guard.bpf.c (the process, and its BPF objects), guard_file.bpf.c, guard_mount.bpf.c.
 */
#pragma once

#include "bpf/mount_search.h"

#include "bpf/guard_abi.h"

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct hlist_node {
	struct hlist_node *next;
};
struct hlist_head {
	struct hlist_node *first;
};
struct pid___tasks {
	struct hlist_head tasks[4];
};
struct task_struct___links {
	struct hlist_node pid_links[4];
	int tgid;
};
struct ctl_table {
	const char *procname;
};
struct proc_inode {
	struct pid *pid;
	const struct ctl_table *sysctl_entry;
	struct inode vfs_inode;
};
struct mount___id {
	int mnt_id;
};
struct bpf_map {
	u32 id;
};
struct bpf_prog_aux {
	u32 id;
};
struct bpf_prog {
	struct bpf_prog_aux *aux;
};
struct bpf_link {
	u32 id;
};
#pragma clang attribute pop
struct fown_struct;

struct guard_config guard;

/* Preallocated: what is marked must not depend on memory later. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GUARD_INODES);
	__type(key, struct guard_inode);
	__type(value, u32);
} guard_inodes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GUARD_OBJECTS);
	__type(key, struct guard_object);
	__type(value, u32);
} guard_objects SEC(".maps");

enum {
	SUPER_PROC = 0x9fa0,
	SUPER_CGROUP2 = 0x63677270,
	SUPER_DEBUGFS = 0x64626720,
	MNT_IS_SHARED = 0x1000,
	NO_SIGNAL = 0xffffffff,
	INIT_TGID = 1, /* the service manager */
};

static __always_inline u32 caller(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

/* Is this to be refused, and not the engine's own doing? Without the engine (its verdicts can outlive it) there is nobody to protect. */
static __always_inline bool is_refused(void)
{
	return guard.is_on && config.own_pid && caller() != config.own_pid;
}

static __always_inline bool is_refused_but_init(void)
{
	return is_refused() && caller() != INIT_TGID;
}

/* --- the record ------------------------------------------------------------------------------------------------------------ */

/* True when this second has room for one more. Two CPUs at the turn of a second may let a few more through. */
static __always_inline bool has_pace(u64 now)
{
	u64 second = now >> 30;
	if (guard.second != second) {
		guard.second = second;
		guard.n_second = 0;
	}
	return __sync_fetch_and_add(&guard.n_second, 1) < GUARD_PER_SECOND;
}

/* Whoever it is, in the scope or not. */
static __always_inline void subject_any(struct task_struct *task, struct subject *who)
{
	struct task_entry *e = task_entry(task->tgid, start_of(task));
	if (!e) {
		task_seed(task, who);
		return;
	}
	who->exec_id = e->exec_id;
	who->parent_id = e->parent_id;
}

/*
 * A record of the current task's act; dentry 0: about no file. All refused acts are counted; a flood of them makes no flood of records, which
 * would push those of processes out of the ring. Global, so that it is verified once a program.
 */
__noinline int guard_report(u64 dentry, u64 object, u32 act, u32 signal)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct event_counters *n = counters_of(EVENT_AGENT_TAMPER);
	struct subject who;
	u32 index;
	if (!n)
		return 0;
	if (act != TAMPER_CGROUP_MOVE)
		__sync_fetch_and_add(&n->blocked, 1);
	if (!is_wanted(EVENT_AGENT_TAMPER))
		return 0;
	if (!has_pace(bpf_ktime_get_boot_ns())) {
		__sync_fetch_and_add(&n->produced, 1);
		__sync_fetch_and_add(&n->lost_ring, 1);
		return 0;
	}
	subject_any(task, &who);
	struct slot *s = record_start(task, &who, EVENT_AGENT_TAMPER, sizeof(struct wire_agent_tamper), &index);
	if (!s)
		return 0;
	struct wire_agent_tamper *r = (void *)s->record;
	r->common.stage = 1;
	r->common.call_id = 0;
	r->act = act;
	r->object = object;
	r->signal = signal;
	if (act != TAMPER_CGROUP_MOVE) { /* that one cannot be refused */
		r->common.verdict = 2;
		r->common.result = -EPERM;
	}
	NO_FILE(r);
	if (dentry) {
		struct dentry *d = (void *)dentry;
		struct inode *inode = BPF_CORE_READ(d, d_inode);
		r->device = BPF_CORE_READ(d, d_sb, s_dev);
		if (inode) {
			r->inode = BPF_CORE_READ(inode, i_ino);
			r->file_type = BPF_CORE_READ(inode, i_mode) & S_IFMT;
		}
		put_path_without_mount(s, index, dentry, &r->path);
		path_walk(0, dentry, index);
		put_path(s, &r->fs_path, FLAG_FS_PATH);
	}
	record_finish(s, &ring_priority);
	return 0;
}

/* --- marks ----------------------------------------------------------------------------------------------------------------- */

static __always_inline bool has_device(u32 device)
{
	return guard.devices >> (device & 63) & 1;
}

static __always_inline u32 mark_of(u32 device, u64 inode)
{
	u32 bit = guard_bloom_bit(device, inode);
	if (!(guard.bloom[bit / 64] >> (bit & 63) & 1))
		return 0;
	struct guard_inode key = { .device = device, .inode = inode };
	u32 *mark = bpf_map_lookup_elem(&guard_inodes, &key);
	return mark ? *mark : 0;
}

/*
 * Marks of the object, and GUARD_TREE of the folders above it. A dentry without an inode (a name that is being made) has the latter alone.
 * Its d_inode must not be read by a typed load: 6.12 takes it for a pointer that is never NULL, leaves the fault out of account (and would
 * drop a test), and the kernel would crash. Those of the folders above are neither trusted nor ever NULL.
 */
static __always_inline u32 marks_from(struct dentry *d)
{
	u32 device = d->d_sb->s_dev, found = 0;
	if (!has_device(device))
		return 0;
	u64 own = (u64)BPF_CORE_READ(d, d_inode);
	if (own) {
		struct inode *inode = (void *)own;
		found = mark_of(device, BPF_CORE_READ(inode, i_ino));
	}
	for (u32 i = 0; i < GUARD_DEPTH; i++) {
		struct dentry *parent = d->d_parent;
		if (parent == d)
			break;
		found |= mark_of(device, parent->d_inode->i_ino) & GUARD_TREE;
		d = parent;
	}
	return found;
}

/* For the engine's own proof that this program runs. */
static __always_inline bool is_canary(void)
{
	if (!guard.canary_tid || (u32)bpf_get_current_pid_tgid() != guard.canary_tid)
		return false;
	__sync_fetch_and_add(&guard.canaries, 1);
	return true;
}
