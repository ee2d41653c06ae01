/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Who acts: scope, identity, and the common part of a record. */
#pragma once

#include "bpf/emit.h"
#include "bpf/readable.h"

enum { FIELD_MISSING = 0xffffffff }; /* of kinds that may be missing */

struct subject {
	u64 exec_id, parent_id;
};

static __always_inline u64 new_id(u64 now)
{
	return (now & ~(u64)ID_CPU_MASK) | (bpf_get_smp_processor_id() & ID_CPU_MASK);
}

static __always_inline u64 start_of(struct task_struct *task)
{
	return readable(task)->group_leader->start_boottime;
}

static __always_inline struct task_entry *task_entry(u32 tgid, u64 start)
{
	struct task_entry *e = bpf_map_lookup_elem(&tasks, &tgid);
	if (!e)
		return NULL;
	if (e->start_boot_ns == 0)
		e->start_boot_ns = start; /* labelled from user space before its first event */
	return e->start_boot_ns == start ? e : NULL; /* another process of the same number: its exit was missed */
}

/* A process older than the sensor: entered when it is first seen, with the identity that user space computes too. */
static __always_inline void task_seed(struct task_struct *task, struct subject *s)
{
	u32 tgid = task->tgid;
	struct task_entry e = { .start_boot_ns = start_of(task) };
	struct task_struct *parent = readable(task)->real_parent;
	u32 parent_tgid = BPF_CORE_READ(parent, tgid);
	u64 parent_start = BPF_CORE_READ(parent, group_leader, start_boottime);
	struct task_entry *pe = bpf_map_lookup_elem(&tasks, &parent_tgid);
	e.exec_id = id_snapshot(tgid, e.start_boot_ns / ID_TICK_NS);
	e.parent_id = pe && pe->start_boot_ns == parent_start ? pe->exec_id : id_snapshot(parent_tgid, parent_start / ID_TICK_NS);
	s->exec_id = e.exec_id;
	s->parent_id = e.parent_id;
	if (bpf_map_update_elem(&tasks, &tgid, &e, BPF_ANY))
		count_misc(MISC_TASKS_FULL);
}

/* Is the current task in scope, and who is it? What is out of scope pays this and nothing more. */
static __always_inline bool subject_current(struct task_struct *task, struct subject *s)
{
	u32 tgid = task->tgid;
	if (tgid == config.own_pid)
		return false;
	if (config.scope == SCOPE_CGROUP && bpf_get_current_ancestor_cgroup_id(config.cgroup_level) != config.cgroup_id)
		return false;
	struct task_entry *e = task_entry(tgid, start_of(task));
	if (!e) {
		if (config.scope == SCOPE_TREE)
			return false;
		task_seed(task, s);
		return true;
	}
	if (config.scope == SCOPE_TREE && !e->is_labelled)
		return false;
	s->exec_id = e->exec_id;
	s->parent_id = e->parent_id;
	return true;
}

/* Identity of another task; 0 when it is not known. */
static __always_inline u64 id_of(struct task_struct *task)
{
	u32 tgid = BPF_CORE_READ(task, tgid);
	u64 start = BPF_CORE_READ(task, group_leader, start_boottime);
	struct task_entry *e = bpf_map_lookup_elem(&tasks, &tgid);
	if (e && e->start_boot_ns == start)
		return e->exec_id;
	return id_snapshot(tgid, start / ID_TICK_NS);
}

/* Number of a pid in its own namespace. Typed loads where the type is known: they cost an instruction, a helper call fifty. */
static __always_inline u32 own_number(struct task_struct *task)
{
	u32 level = task->thread_pid->level;
	if (level == 0)
		return task->thread_pid->numbers[0].nr;
	struct pid *pid = BPF_CORE_READ(task, thread_pid); /* as a scalar: no arithmetic on typed pointers */
	int nr = 0;
	if (level < 32)
		bpf_probe_read_kernel(&nr, sizeof(nr), (void *)pid + bpf_core_field_offset(struct pid, numbers) +
							       level * bpf_core_type_size(struct upid) + bpf_core_field_offset(struct upid, nr));
	return (u32)nr;
}

static __always_inline bool is_compat(struct task_struct *task)
{
	return task->thread_info.status & TS_COMPAT;
}

/* The registers with which the task entered the kernel. */
static __always_inline struct pt_regs *entry_regs(struct task_struct *task)
{
	return (void *)bpf_task_pt_regs(task);
}

/* Records that carry the result themselves. */
#define KNOWN_OUTCOME                                                                                                            \
	(BIT(EVENT_PROC_EXEC) | BIT(EVENT_PROC_FORK) | BIT(EVENT_PROC_EXIT) | BIT(EVENT_PROC_SETNS) | BIT(EVENT_PROC_DUP) | BIT(EVENT_OUTCOME) | \
	 BIT(EVENT_NET_RECEIVE))

enum { CALL_IO_URING_ENTER = 426, VIA_SYSCALL = 0, VIA_IO_URING = 1, VIA_COMPAT = 2, VIA_KERNEL = 3 };

/* io_uring runs most operations inside io_uring_enter, and the rest on worker threads. Its number is the same for 32-bit calls. */
static __always_inline u32 via_of(struct task_struct *task)
{
	if (task->flags & PF_KTHREAD)
		return VIA_KERNEL;
	if ((task->flags & PF_IO_WORKER) || entry_regs(task)->orig_ax == CALL_IO_URING_ENTER)
		return VIA_IO_URING;
	return is_compat(task) ? VIA_COMPAT : VIA_SYSCALL;
}

/*
 * The call this record belongs to, when its outcome is wanted: every record of one system call carries the same id, and the
 * sys_exit program sends the result under it. An io_uring operation has no call of its own whose result could be told.
 */
static __always_inline u64 call_id_of(struct task_struct *task, u32 event, u64 now, u32 via)
{
	if (!(config.outcome_wanted & ~KNOWN_OUTCOME & BIT(event)) || via == VIA_IO_URING || via == VIA_KERNEL)
		return 0;
	u32 tid = task->pid, is_bulk = !(PRIORITY_EVENTS & BIT(event));
	struct call_entry *known = bpf_map_lookup_elem(&calls, &tid);
	if (known) {
		if (is_bulk)
			known->is_bulk = 1;
		if (!known->id) /* so far all of it was filtered */
			known->id = new_id(now);
		return known->id;
	}
	struct call_entry call = { .id = new_id(now), .is_bulk = is_bulk };
	if (call_keep(tid, &call)) {
		count_misc(MISC_CALLS_FULL);
		return 0;
	}
	return call.id;
}

/* The call has an attempt that nobody needs: its end is not told for that, nor is it taken for a call without one. */
static __always_inline void call_note(struct task_struct *task, u32 event)
{
	u32 tid = task->pid, via = via_of(task);
	struct call_entry call = { .is_bulk = !(PRIORITY_EVENTS & BIT(event)) };
	if (!(config.outcome_wanted & ~KNOWN_OUTCOME & BIT(event)) || via == VIA_IO_URING || via == VIA_KERNEL)
		return;
	(void)call_keep(tid, &call); /* without room the failed call is told once more than it need be */
}

/* Typed loads: the relocated member is a word of 64 bits, or two of 32. */
static __always_inline void put_capabilities(struct wire_common *c, const struct cred *cred)
{
	if (bpf_core_field_exists(cred->cap_permitted.val)) {
		c->cap_permitted = cred->cap_permitted.val;
		c->cap_effective = cred->cap_effective.val;
		return;
	}
	const struct cred___two_words *two = (const void *)cred;
	c->cap_permitted = two->cap_permitted.cap[0] | (u64)two->cap_permitted.cap[1] << 32;
	c->cap_effective = two->cap_effective.cap[0] | (u64)two->cap_effective.cap[1] << 32;
}

static __always_inline void fill_common(struct wire_common *c, struct task_struct *task, const struct subject *who, u32 event, u64 now)
{
	struct task_struct *read = readable(task), *leader = read->group_leader;
	const struct cred *cred = read->cred;
	struct nsproxy *ns = read->nsproxy;
	u32 zero = 0;
	u64 *sequence = bpf_map_lookup_elem(&cpu_sequence, &zero);

	c->type = event;
	c->boot_ns = now;
	c->cpu = bpf_get_smp_processor_id();
	if (sequence)
		c->cpu_seq = __sync_fetch_and_add(sequence, 1) + 1;
	c->exec_id = who->exec_id;
	c->parent_id = who->parent_id;
	c->via = via_of(task);
	c->syscall = c->via == VIA_SYSCALL || c->via == VIA_COMPAT ? (u32)entry_regs(task)->orig_ax : FIELD_MISSING;
	c->call_id = call_id_of(task, event, now, c->via);
	c->cgroup_id = bpf_get_current_cgroup_id();
	c->start_boot_ns = leader->start_boottime;
	c->sensor = config.sensor;
	c->pid = task->tgid;
	c->tid = task->pid;
	c->ppid = read->real_parent->tgid;
	c->ns_tid = own_number(read);
	c->ns_pid = leader == read ? c->ns_tid : own_number(leader);
	struct pid *session = read->signal->pids[PIDTYPE_SID];
	if (session)
		c->sid = session->numbers[0].nr;
	struct pid *group = read->signal->pids[PIDTYPE_PGID];
	if (group)
		c->pgid = group->numbers[0].nr;
	put_capabilities(c, cred);
	c->uid = cred->uid.val;
	c->gid = cred->gid.val;
	c->euid = cred->euid.val;
	c->egid = cred->egid.val;
	c->loginuid = task->loginuid.val;
	c->audit_session = task->sessionid;
	c->user_ns = cred->user_ns->ns.inum;
	if (ns) { /* gone while a task exits */
		c->mnt_ns = ns->mnt_ns->ns.inum;
		c->net_ns = ns->net_ns->ns.inum;
		c->pid_ns = ns->pid_ns_for_children->ns.inum;
	}
	bpf_get_current_comm(c->comm.text, sizeof(c->comm.text));
}

/*
 * A slot with an empty record of the event, the common part filled. NULL: no slot was free; the record is counted as produced
 * and lost. fixed: sizeof the event's wire struct, a constant.
 */
static __always_inline struct slot *record_start(struct task_struct *task, const struct subject *who, u32 event, u32 fixed, u32 *ret_index)
{
	u64 now = bpf_ktime_get_boot_ns();
	struct event_counters *n = counters_of(event);
	if (n)
		__sync_fetch_and_add(&n->produced, 1);
	u32 at = slot_claim();
	struct slot *s = at == SLOT_NONE ? NULL : bpf_map_lookup_elem(&slots, &at);
	if (!s) {
		if (n)
			__sync_fetch_and_add(&n->lost_slot, 1);
		return NULL;
	}
	/* only the fixed part: a field nobody fills must not be an older event's bytes */
	u64 *words = (void *)s->record;
	for (u32 i = 0; i < fixed / 8; i++) {
		words[i] = 0;
		asm volatile("" ::: "memory"); /* or clang makes it a memset call, which BPF has not */
	}
	s->tail = fixed;
	fill_common((void *)s->record, task, who, event, now);
	*ret_index = at;
	return s;
}

/* All filters, then record_start: what most hooks of the current task do. NULL: not wanted, out of scope, or lost (counted). */
static __always_inline struct slot *event_start(u32 event, u32 fixed, u32 *ret_index)
{
	struct subject who;
	if (!is_wanted(event))
		return NULL;
	struct task_struct *task = bpf_get_current_task_btf();
	if (!subject_current(task, &who))
		return NULL;
	return record_start(task, &who, event, fixed, ret_index);
}

/* A new file's mtime moved through the inode's layouts over the years. */
static __always_inline u64 mtime_of(struct inode *inode)
{
	struct inode___mtime_split *split = (void *)inode;
	if (bpf_core_field_exists(split->i_mtime_sec))
		return (u64)BPF_CORE_READ(split, i_mtime_sec) * 1000000000ull + BPF_CORE_READ(split, i_mtime_nsec);
	struct inode___mtime_hidden *hidden = (void *)inode;
	if (bpf_core_field_exists(hidden->__i_mtime))
		return (u64)BPF_CORE_READ(hidden, __i_mtime.tv_sec) * 1000000000ull + (u64)BPF_CORE_READ(hidden, __i_mtime.tv_nsec);
	struct inode___mtime_struct *old = (void *)inode;
	return (u64)BPF_CORE_READ(old, i_mtime.tv_sec) * 1000000000ull + (u64)BPF_CORE_READ(old, i_mtime.tv_nsec);
}

/* The same of ctime. */
static __always_inline u64 ctime_of(struct inode *inode)
{
	struct inode___ctime_split *split = (void *)inode;
	if (bpf_core_field_exists(split->i_ctime_sec))
		return (u64)BPF_CORE_READ(split, i_ctime_sec) * 1000000000ull + BPF_CORE_READ(split, i_ctime_nsec);
	struct inode___ctime_hidden *hidden = (void *)inode;
	if (bpf_core_field_exists(hidden->__i_ctime))
		return (u64)BPF_CORE_READ(hidden, __i_ctime.tv_sec) * 1000000000ull + (u64)BPF_CORE_READ(hidden, __i_ctime.tv_nsec);
	struct inode___ctime_struct *old = (void *)inode;
	return (u64)BPF_CORE_READ(old, i_ctime.tv_sec) * 1000000000ull + (u64)BPF_CORE_READ(old, i_ctime.tv_nsec);
}

enum { WRITTEN_NOT, WRITTEN_SINCE, WRITTEN_UNKNOWN };

enum { EXT4_MAGIC = 0xef53, XFS_MAGIC = 0x58465342, BTRFS_MAGIC = 0x9123683e, F2FS_MAGIC = 0xf2f52010, BCACHEFS_MAGIC = 0xca451a4e, TMPFS_MAGIC = 0x01021994,
       RAMFS_MAGIC = 0x858458f6, OVERLAY_MAGIC = 0x794c7630, SQUASHFS_MAGIC = 0x73717368, EROFS_MAGIC = 0xe0f5e1e2, ISO9660_MAGIC = 0x9660 };

/*
 * Overlayfs is a module without types of its own here: behind the inode that all see it keeps the upper layer's dentry, which is
 * there when the file is (also) in that layer. (ovl_inode in fs/overlayfs/ovl_entry.h: the same from 4.8 to 6.12.)
 */
static __always_inline struct dentry *upper_of(struct inode *inode)
{
	struct dentry *upper = NULL;
	if (BPF_CORE_READ(inode, i_sb, s_magic) == OVERLAY_MAGIC)
		bpf_probe_read_kernel(&upper, sizeof(upper), (void *)inode + bpf_core_type_size(struct inode));
	return upper;
}

static __always_inline bool is_upper_layer(struct inode *inode)
{
	return upper_of(inode) != NULL;
}

/*
 * On a file system whose changes and change times are the kernel's alone. Elsewhere they are what a server, an image or a user says; an overlay that
 * a user made may lie above one that he serves himself.
 */
static __always_inline bool is_kept_by_kernel(struct inode *inode)
{
	struct super_block *sb = BPF_CORE_READ(inode, i_sb);
	switch (BPF_CORE_READ(sb, s_magic)) {
	case EXT4_MAGIC: /* ext2 and ext3, too */
	case XFS_MAGIC:
	case BTRFS_MAGIC:
	case F2FS_MAGIC:
	case BCACHEFS_MAGIC:
	case TMPFS_MAGIC: /* memfd, too */
	case RAMFS_MAGIC:
		return true;
	case OVERLAY_MAGIC:
		return BPF_CORE_READ(sb, s_user_ns, level) == 0;
	default:
		return false;
	}
}

/*
 * Since boot. The change time is set by whatever touches a file, kept when its inode leaves memory, and out of its owner's reach. What is written to a
 * mapping changes the time of the upper layer's inode only.
 */
static __always_inline u32 written_of(struct inode *inode)
{
	struct dentry *upper = upper_of(inode);
	if (!is_kept_by_kernel(inode))
		return WRITTEN_UNKNOWN;
	if (upper) {
		inode = BPF_CORE_READ(upper, d_inode);
		if (!inode || !is_kept_by_kernel(inode))
			return WRITTEN_UNKNOWN;
	}
	return ctime_of(inode) >= config.boot_wall_ns ? WRITTEN_SINCE : WRITTEN_NOT;
}

/* is_written of a record. A macro: the wire structs differ. */
#define PUT_WRITTEN(rec, inode)                                                \
	do {                                                                   \
		u32 _written = written_of(inode);                              \
		(rec)->is_written = _written == WRITTEN_SINCE;                 \
		if (_written == WRITTEN_UNKNOWN)                               \
			(rec)->common.uncertain |= FLAG_WRITTEN;               \
	} while (0)

/* mknod(2) hands on the device as user space writes it. */
static __always_inline u32 device_from_user(u32 dev)
{
	u32 major = (dev & 0xfff00) >> 8, minor = (dev & 0xff) | ((dev >> 12) & 0xfff00);
	return major << 20 | minor;
}

/* Flags that a caller of open can give; without O_LARGEFILE, which the kernel adds, and its own bits. */
enum { OPEN_FLAGS_GIVEN = 0x7fffc3 & ~0x8000 };

/*
 * path and fs_path of (mount, dentry) into two strings of the record, with the flag bits of their fields. Mostly the second is the end of
 * the first: then both share the bytes, and one walk is enough.
 */
static __always_inline void put_both_paths(struct slot *s, u32 index, u64 mnt, u64 dentry, struct wire_str *path,
					   struct wire_str *fs_path, u32 path_flag, u32 fs_flag)
{
	struct wire_common *c = (void *)s->record;
	path_walk(mnt, dentry, index);
	put_path(s, path, path_flag);
	if (s->path.fs_offset && path->offset) {
		fs_path->offset = path->offset + (s->path.fs_offset - s->path.offset);
		fs_path->length = RECORD_PATH_MAX - s->path.fs_offset;
		if (s->path.is_unstable)
			c->uncertain |= fs_flag;
		return;
	}
	path_walk(0, dentry, index);
	put_path(s, fs_path, fs_flag);
}

/* Flags of mount(2), and what it does by them: remounting, binding and propagation come first. */
enum {
	MOUNT_REMOUNT = 0x20,
	MOUNT_BIND = 0x1000,
	MOUNT_MOVE = 0x2000,
	MOUNT_PROPAGATION = 0x1e0000, /* MS_UNBINDABLE, MS_PRIVATE, MS_SLAVE, MS_SHARED */
	MOUNT_ACTS = MOUNT_REMOUNT | MOUNT_BIND | MOUNT_MOVE | MOUNT_PROPAGATION,
};
static __always_inline bool is_mount_move(u64 flags)
{
	return (flags & MOUNT_ACTS) == MOUNT_MOVE;
}
/* Otherwise the type of file system is just what the caller writes, and nobody heeds it. */
static __always_inline bool is_mount_new(u64 flags)
{
	return !(flags & MOUNT_ACTS);
}
/* Something comes to lie over what was there. */
static __always_inline bool is_mount_put(u64 flags)
{
	return !(flags & MOUNT_REMOUNT) && ((flags & MOUNT_BIND) || !(flags & MOUNT_PROPAGATION));
}

enum { FLAG_PATH = 1, FLAG_FS_PATH = 2, FLAG_NEW_PATH = 4, FLAG_ARGS = 8, FLAG_ENV = 16, FLAG_CWD = 32, FLAG_FILENAME = 64, FLAG_TARGET = 128,
       FLAG_CGROUP = 256, FLAG_UNIX_NAME = 512, FLAG_MOUNT_SOURCE = 1024, FLAG_XATTR = 2048, FLAG_GIVEN_PATH = 4096,
       FLAG_VERDICT = 8192, FLAG_WRITTEN = 16384 };

/* FILE_OBJECT of a record from an inode's dentry; inode members stay 0 for a negative dentry. A macro: the wire structs differ. */
#define PUT_FILE(s, index, rec, mnt, dentry_scalar)                                                                           \
	do {                                                                                                                  \
		struct dentry *_d = (void *)(dentry_scalar);                                                                  \
		struct inode *_i = BPF_CORE_READ(_d, d_inode);                                                                \
		(rec)->device = BPF_CORE_READ(_d, d_sb, s_dev);                                                               \
		if (_i) {                                                                                                     \
			(rec)->inode = BPF_CORE_READ(_i, i_ino);                                                              \
			(rec)->file_type = BPF_CORE_READ(_i, i_mode) & S_IFMT;                                                \
		}                                                                                                             \
		put_both_paths(s, index, mnt, dentry_scalar, &(rec)->path, &(rec)->fs_path, FLAG_PATH, FLAG_FS_PATH);          \
	} while (0)

/* FILE_OBJECT of a record that concerns no file. */
#define NO_FILE(rec)                                \
	do {                                        \
		(rec)->device = FIELD_MISSING;      \
		(rec)->file_type = FIELD_MISSING;   \
	} while (0)

/* A hook's pointer argument as a scalar, which global functions want. */
#define SCALAR_ARG(ctx, n)                                                      \
	({                                                                      \
		u64 _v = 0, *_at = (u64 *)(ctx);                                \
		asm volatile("" : "+r"(_at)); /* or a typed load shares the sum */ \
		bpf_probe_read_kernel(&_v, sizeof(_v), _at + (n));              \
		_v;                                                             \
	})
