/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Tracepoint mode: what the reports of all verbs share. Records, the file behind a descriptor, names from arguments. The functions
 * are global, so that the verifier looks at each once; such functions take scalars only.
 */
#pragma once

#include "bpf/call.h"

#define MAP_ANONYMOUS 0x20
#define MODE_BITS 07777
#define ANON_INODE_MAGIC 0x09041934
#define PIDFS_MAGIC 0x50494446

enum { UNCERTAIN_ENTITY = 0x100, UNCERTAIN_ADDRESS = 0x200, SOURCE_FD = 1, SOURCE_ARGS = 2, STAGE_DONE = 1 };

/* The rows of FILE_OBJECT and TARGET_PROCESS stand first in every event that has them: they are filled through these types. */
struct wire_file {
	struct wire_common common;
	struct wire_str path, fs_path;
	u64 inode;
	u32 device, file_type;
};
struct wire_target {
	struct wire_common common;
	u64 target_id;
	u32 target_pid;
	struct wire_comm target_comm;
};
#define FIRST_ROWS(type, first, member) \
	_Static_assert(__builtin_offsetof(struct wire_##type, member) == __builtin_offsetof(struct first, member), #type)
FIRST_ROWS(proc_exec, wire_file, file_type);
FIRST_ROWS(file_open, wire_file, file_type);
FIRST_ROWS(file_mount, wire_file, file_type);
FIRST_ROWS(unix_connect, wire_file, file_type);
FIRST_ROWS(file_truncate, wire_file, file_type);
FIRST_ROWS(mprotect_exec, wire_file, file_type);
FIRST_ROWS(module_load, wire_file, file_type);
FIRST_ROWS(proc_ptrace, wire_target, target_comm);
FIRST_ROWS(proc_kill, wire_target, target_comm);

static const u16 fixed_sizes[EVENT_NUMBERS] = {
#define EVENT(number, id, type, name, category, ecs_type, doc) [number] = sizeof(struct wire_##type),
#include "schemas/events.def"
};

static __always_inline struct slot *slot_at(u32 index)
{
	return bpf_map_lookup_elem(&slots, &index);
}

/* --- records: functions that are verified once and called from every verb; scalars only ------------------------------------- */

/* An empty record in the slot that the call has claimed. Arguments are its source until an object is found. */
__noinline int tp_begin(u32 index, u32 event)
{
	struct slot *s = slot_at(index);
	if (!s)
		return 0;
	event &= EVENT_NUMBERS - 1;
	u32 fixed = fixed_sizes[event] & 1023;
	struct event_counters *n = counters_of(event);
	if (n)
		__sync_fetch_and_add(&n->produced, 1);
	u64 *words = (void *)s->record;
	for (u32 i = 0; i < 1024 / 8; i++) {
		if (i >= fixed / 8)
			break;
		words[i] = 0;
		asm volatile("" ::: "memory"); /* or clang makes it a memset call, which BPF has not */
	}
	s->tail = fixed;
	struct subject who = { .exec_id = s->call.exec_id, .parent_id = s->call.parent_id };
	struct wire_common *c = (void *)s->record;
	fill_common(c, bpf_get_current_task_btf(), &who, event, bpf_ktime_get_boot_ns());
	c->call_id = 0;
	c->stage = STAGE_DONE;
	c->source = SOURCE_ARGS;
	c->result = s->call.result;
	return 0;
}

__noinline int tp_finish(u32 index)
{
	struct slot *s = slot_at(index);
	if (!s)
		return 0;
	struct wire_common *c = (void *)s->record;
	if (BIT(c->type & 63) & PRIORITY_EVENTS)
		record_send(s, &ring_priority);
	else
		record_send(s, &ring_bulk);
	return 0;
}

/* The file behind a descriptor of the current task, without a reference: another thread may replace or close it at any time. */
static __always_inline struct file *file_of(u64 descriptor)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **all = BPF_CORE_READ(table, fd), *file = NULL;
	u32 fd = (u32)descriptor;
	if (fd < BPF_CORE_READ(table, max_fds))
		bpf_probe_read_kernel(&file, sizeof(file), all + fd);
	return file;
}

/* A descriptor that a call has just used and that is empty now: another thread closed it. */
static __always_inline void note_no_file(struct slot *s, u32 flag)
{
	struct wire_common *c = (void *)s->record;
	if (s->call.result == -EBADF || s->call.result == -ENOTSOCK)
		return;
	count_misc(MISC_UNREADABLE_FD);
	c->uncertain |= flag;
}

/* The record's file is this dentry on this mount. */
__noinline int tp_put_object(u32 index, u64 mnt, u64 dentry)
{
	struct slot *s = slot_at(index);
	if (!s)
		return 0;
	struct wire_file *r = (void *)s->record;
	PUT_FILE(s, index, r, mnt, dentry);
	r->common.source = SOURCE_FD;
	return 0;
}

static __always_inline void put_file_of(u32 index, struct file *file)
{
	tp_put_object(index, (u64)BPF_CORE_READ(file, f_path.mnt), (u64)BPF_CORE_READ(file, f_path.dentry));
}

/*
 * A path from the arguments becomes the string at offset `at` of the record: what the name is relative to, then the name as given,
 * symbolic links and dots included. A root that is not the namespace's counts as well.
 */
__noinline int tp_put_name(u32 index, u64 dirfd, u64 name, u32 at, u32 flag)
{
	struct slot *s = slot_at(index);
	struct task_struct *task = bpf_get_current_task_btf();
	if (!s)
		return 0;
	struct wire_common *c = (void *)s->record;
	struct wire_str *str = (void *)&s->record[at & 1023], part;
	struct fs_struct *fs = readable(task)->fs;
	u32 start = s->tail;
	u64 mnt = 0, dentry = 0;
	char first = 0;
	if (bpf_probe_read_user(&first, 1, (void *)name)) {
		c->uncertain |= flag;
		return 0;
	}
	if (first == '/') {
		mnt = (u64)BPF_CORE_READ(fs, root.mnt);
		dentry = (u64)BPF_CORE_READ(fs, root.dentry);
	} else if ((s32)dirfd == AT_FDCWD) {
		mnt = (u64)BPF_CORE_READ(fs, pwd.mnt);
		dentry = (u64)BPF_CORE_READ(fs, pwd.dentry);
	} else {
		struct file *dir = file_of(dirfd);
		if (dir) {
			mnt = (u64)BPF_CORE_READ(dir, f_path.mnt);
			dentry = (u64)BPF_CORE_READ(dir, f_path.dentry);
		} else {
			note_no_file(s, flag);
		}
	}
	if (dentry) {
		path_walk(mnt, dentry, index);
		if (s->path.length > 1)
			put_path(s, &part, flag);
		if (first != '/' && first && tail_fits(s, 1)) {
			*tail_at(s) = '/';
			s->tail++;
		}
	}
	put_user_str(s, &part, (void *)name, RECORD_PATH_MAX, flag);
	str->offset = start;
	str->length = s->tail - start;
	return 0;
}

/* The file a call concerns: named by (dirfd, name), or without a name what is behind dirfd itself. */
__noinline int tp_put_file(u32 index, u64 dirfd, u64 name)
{
	struct slot *s = slot_at(index);
	if (!s)
		return 0;
	struct wire_file *r = (void *)s->record;
	char first = 0;
	bool is_named = name && !bpf_probe_read_user(&first, 1, (void *)name) && first;
	NO_FILE(r);
	/* an empty name stands for dirfd itself where the call allows it; where not, the call has failed */
	if (is_named || (name && s->call.result < 0)) {
		tp_put_name(index, dirfd, name, __builtin_offsetof(struct wire_file, path), FLAG_PATH);
		return 0;
	}
	struct file *file = (s32)dirfd == AT_FDCWD ? NULL : file_of(dirfd);
	if (file)
		put_file_of(index, file);
	else
		note_no_file(s, FLAG_PATH);
	return 0;
}

/* Permission bits a new file is asked to have. */
static __always_inline u32 new_mode(u64 mode)
{
	struct fs_struct *fs = readable(bpf_get_current_task_btf())->fs;
	return mode & ~(u32)BPF_CORE_READ(fs, umask) & MODE_BITS;
}

static __always_inline bool has_inode(struct slot *s)
{
	return ((struct wire_common *)(void *)s->record)->source == SOURCE_FD;
}

/*
 * A verb is a global function of the slot's index: verified by itself. VERB_BODY opens it, with s, c and a for the slot, the call and
 * its arguments; RECORD begins a record of an event and gives it the name r.
 */
#define VERB_FUNCTION(name)                                                 \
	static __always_inline void do_##name(u32 index, struct slot *s, struct call *c, u64 *a); \
	__noinline int tp_##name(u32 index)                                 \
	{                                                                   \
		struct slot *s = slot_at(index);                            \
		if (s)                                                      \
			do_##name(index, s, &s->call, s->call.args);        \
		return 0;                                                   \
	}                                                                   \
	static __always_inline void do_##name(u32 index, struct slot *s, struct call *c, u64 *a)
#define RECORD(type, event)        \
	tp_begin(index, EVENT_##event); \
	struct wire_##type *r = (void *)s->record

