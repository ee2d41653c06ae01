/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Keeps others off the engine: its process, its maps, programs and links, its files, and what would silence its programs. Programs of their
 * own on hooks that others use too: each decides for itself, and what is not the engine's passes after a few instructions.
 */
#include "bpf/task.h"

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

/* --- the process ------------------------------------------------------------------------------------------------------------- */

static __always_inline bool is_agent(struct task_struct *task)
{
	return (u32)task->tgid == config.own_pid;
}

/* Those that neither end nor stop it: test, SIGHUP (it reads its rules anew), SIGCHLD, SIGCONT, SIGURG, SIGWINCH. */
#define HARMLESS_SIGNALS (BIT(0) | BIT(1) | BIT(17) | BIT(18) | BIT(23) | BIT(28))
#define STOPPING_SIGNALS (BIT(19) | BIT(20) | BIT(21) | BIT(22))

SEC("lsm/task_kill")
int BPF_PROG(guard_task_kill, struct task_struct *target, struct kernel_siginfo *info, int signal, const struct cred *cred, int ret)
{
	if (ret || !is_agent(target))
		return ret;
	u64 bit = BIT(signal & 63);
	if ((bit & HARMLESS_SIGNALS) || !is_refused())
		return 0;
	if (caller() == INIT_TGID && !(bit & STOPPING_SIGNALS))
		return 0; /* the service manager ends services, and kills those that do not end */
	guard_report(0, 0, TAMPER_SIGNAL, signal);
	return -EPERM;
}

/* F_SETOWN and F_SETSIG: any signal, sent by the kernel for a descriptor, maybe from an interrupt: who is current means nothing. */
SEC("lsm/file_send_sigiotask")
int BPF_PROG(guard_sigio, struct task_struct *target, struct fown_struct *owner, int signal, int ret)
{
	if (ret || !is_agent(target) || !guard.is_on)
		return ret;
	guard_report(0, 0, TAMPER_SIGNAL, signal);
	return -EPERM;
}

/* ptrace, /proc/PID/mem, process_vm_readv and process_vm_writev, pidfd_getfd. */
SEC("lsm/ptrace_access_check")
int BPF_PROG(guard_ptrace, struct task_struct *child, unsigned int mode, int ret)
{
	if (ret || !(mode & 2 /* PTRACE_MODE_ATTACH */) || !is_agent(child) || !is_refused())
		return ret;
	guard_report(0, 0, TAMPER_PTRACE, NO_SIGNAL);
	return -EPERM;
}

SEC("lsm/task_setrlimit")
int BPF_PROG(guard_setrlimit, struct task_struct *task, unsigned int resource, void *limit, int ret)
{
	if (ret || !is_agent(task) || !is_refused())
		return ret;
	guard_report(0, 0, TAMPER_LIMITS, NO_SIGNAL);
	return -EPERM;
}

SEC("lsm/task_setnice")
int BPF_PROG(guard_setnice, struct task_struct *task, int nice, int ret)
{
	if (ret || !is_agent(task) || !is_refused())
		return ret;
	guard_report(0, 0, TAMPER_SCHEDULING, NO_SIGNAL);
	return -EPERM;
}

SEC("lsm/task_setioprio")
int BPF_PROG(guard_setioprio, struct task_struct *task, int ioprio, int ret)
{
	if (ret || !is_agent(task) || !is_refused())
		return ret;
	guard_report(0, 0, TAMPER_SCHEDULING, NO_SIGNAL);
	return -EPERM;
}

/* Policy, priority, processors, timer slack. */
SEC("lsm/task_setscheduler")
int BPF_PROG(guard_setscheduler, struct task_struct *task, int ret)
{
	if (ret || !is_agent(task) || !is_refused())
		return ret;
	guard_report(0, 0, TAMPER_SCHEDULING, NO_SIGNAL);
	return -EPERM;
}

SEC("lsm/task_movememory")
int BPF_PROG(guard_movememory, struct task_struct *task, int ret)
{
	if (ret || !is_agent(task) || !is_refused())
		return ret;
	guard_report(0, 0, TAMPER_MEMORY, NO_SIGNAL);
	return -EPERM;
}

/* No hook can refuse it: the engine is told, and goes back by itself. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(guard_cgroup_move, struct cgroup *to, const char *path, struct task_struct *task, bool is_group)
{
	if (!is_agent(task) || !is_refused_but_init())
		return 0;
	guard_report(0, to->kn->id, TAMPER_CGROUP_MOVE, NO_SIGNAL);
	return 0;
}

/* --- BPF objects --------------------------------------------------------------------------------------------------------------- */

/* What the engine opens is its own from then on; what it opened before this program was attached, it enters itself. */
static __always_inline bool is_others_object(u32 kind, u32 id)
{
	struct guard_object key = { .kind = kind, .id = id };
	u32 one = 1;
	if (caller() == config.own_pid) {
		bpf_map_update_elem(&guard_objects, &key, &one, BPF_NOEXIST); /* one that is there stays where it is: the engine may be walking the table */
		return true;
	}
	return !guard.is_on || !config.own_pid || !bpf_map_lookup_elem(&guard_objects, &key);
}

/* Every way to a descriptor: by id, from a pin, at its making. */
SEC("lsm/bpf_map")
int BPF_PROG(guard_bpf_map, struct bpf_map *map, u32 mode, int ret)
{
	u32 id = map->id;
	if (ret || is_others_object(GUARD_MAP, id))
		return ret;
	guard_report(0, id, TAMPER_BPF_MAP, NO_SIGNAL);
	return -EPERM;
}

SEC("lsm/bpf_prog")
int BPF_PROG(guard_bpf_prog, struct bpf_prog *prog, int ret)
{
	u32 id = prog->aux->id;
	if (ret || is_others_object(GUARD_PROGRAM, id))
		return ret;
	guard_report(0, id, TAMPER_BPF_PROGRAM, NO_SIGNAL);
	return -EPERM;
}

/* Id of the link behind a descriptor of the current task. Of another kind of file it is some number, and the command fails anyway. */
static __always_inline u32 link_behind(u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;
	if (fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	struct bpf_link *link = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(link, id);
}

/* Links have no hook of their own. attr is the kernel's copy; all three commands begin with what they are about. */
SEC("lsm/bpf")
int BPF_PROG(guard_bpf, int cmd, union bpf_attr *attr, unsigned int size, int ret)
{
	u32 first = 0, id;
	if (ret || (cmd != BPF_LINK_GET_FD_BY_ID && cmd != BPF_LINK_UPDATE && cmd != BPF_LINK_DETACH) || !is_refused())
		return ret;
	bpf_probe_read_kernel(&first, sizeof(first), attr);
	id = cmd == BPF_LINK_GET_FD_BY_ID ? first : link_behind(first);
	struct guard_object key = { .kind = GUARD_LINK, .id = id };
	if (!bpf_map_lookup_elem(&guard_objects, &key))
		return 0;
	guard_report(0, id, TAMPER_BPF_LINK, NO_SIGNAL);
	return -EPERM;
}

/* --- files --------------------------------------------------------------------------------------------------------------------- */

static __always_inline bool is_text(const void *from, const char *text, u32 n)
{
	char copy[16] = {};
	u32 difference = 0;
	bpf_probe_read_kernel_str(copy, sizeof(copy), from);
	for (u32 i = 0; i < n; i++)
		difference |= (u32)(copy[i] ^ text[i]);
	return difference == 0;
}

static __always_inline bool is_named(const struct dentry *d, const char *text, u32 n)
{
	return is_text(BPF_CORE_READ(d, d_name.name), text, n);
}

/* The process that a file of procfs belongs to is the engine. */
static __always_inline bool is_pid_of_agent(struct pid *pid)
{
	struct pid___tasks *p = (void *)pid;
	u64 node = (u64)BPF_CORE_READ(p, tasks[0].first);
	if (!pid || !node)
		return false;
	struct task_struct___links *task = (void *)(node - bpf_core_field_offset(struct task_struct___links, pid_links));
	return (u32)BPF_CORE_READ(task, tgid) == config.own_pid;
}

/* By what the file stands for, not by its path: procfs can be mounted many times. */
static __always_inline u32 act_on_proc(u64 inode, struct dentry *d)
{
	struct proc_inode *p = (void *)(inode - bpf_core_field_offset(struct proc_inode, vfs_inode));
	const struct ctl_table *table = BPF_CORE_READ(p, sysctl_entry);
	if (table)
		return is_text(BPF_CORE_READ(table, procname), "ftrace_enabled", 15) ? TAMPER_FTRACE : TAMPER_COUNT;
	if (is_pid_of_agent(BPF_CORE_READ(p, pid)))
		return TAMPER_PROCESS_FILE;
	return is_named(d, "sysrq-trigger", 14) ? TAMPER_SYSRQ : TAMPER_COUNT; /* it can kill every process at once */
}

/* Files of the engine's cgroup, and of those above it but what others need there. The service manager may. */
static __always_inline u32 act_on_cgroup(struct dentry *d)
{
	u64 id = BPF_CORE_READ(d, d_parent, d_inode, i_ino);
	bool is_own = id == guard.cgroups[0], is_above = false;
	for (u32 i = 1; i < GUARD_CGROUPS; i++)
		is_above |= id == guard.cgroups[i];
	if (!id || (!is_own && !is_above))
		return TAMPER_COUNT;
	if (caller() == INIT_TGID)
		return TAMPER_COUNT; /* cgroup.freeze too: systemd thaws services and slices in the course of ordinary work */
	/* processes may come in: children of the service manager do so by themselves, for ExecReload= */
	if (is_named(d, "cgroup.procs", 13) || is_named(d, "cgroup.threads", 15) || (is_above && is_named(d, "cgroup.subtree", 14)))
		return TAMPER_COUNT;
	return TAMPER_CGROUP_FILE;
}

/* TAMPER_COUNT: nothing of ours. A global function: only opens for writing in these file systems come here. */
__noinline int guard_special(u64 inode, u64 dentry, u64 magic)
{
	struct dentry *d = (void *)dentry;
	struct dentry *parent;
	if (magic == SUPER_PROC)
		return act_on_proc(inode, d);
	if (magic == SUPER_CGROUP2)
		return act_on_cgroup(d);
	parent = BPF_CORE_READ(d, d_parent);
	return is_named(d, "preempt", 8) && is_named(parent, "sched", 6) ? TAMPER_PREEMPTION : TAMPER_COUNT;
}

/* The hottest of all: a read costs the first test, a write on another file system three more. */
SEC("lsm/file_open")
int BPF_PROG(guard_file_open, struct file *file, int ret)
{
	if (ret || !(file->f_mode & FMODE_WRITE))
		return ret;
	struct inode *inode = file->f_inode;
	struct super_block *sb = inode->i_sb;
	u64 magic = sb->s_magic;
	u32 act = TAMPER_COUNT;
	if (magic == SUPER_PROC || magic == SUPER_CGROUP2 || magic == SUPER_DEBUGFS) {
		if (is_refused())
			act = guard_special((u64)BPF_CORE_READ(file, f_inode), (u64)BPF_CORE_READ(file, f_path.dentry), magic);
	} else {
		/* the inode apart from the name: what an overlay opens behind the scenes has the overlay's name on old kernels */
		u32 device = sb->s_dev, found = has_device(device) ? mark_of(device, inode->i_ino) : 0;
		found |= marks_from(file->f_path.dentry);
		if (!(found & (GUARD_FILE | GUARD_TREE | GUARD_CANARY)))
			return 0;
		if (is_canary())
			return -EPERM;
		if ((found & (GUARD_FILE | GUARD_TREE)) && is_refused())
			act = TAMPER_FILE_WRITE;
	}
	if (act >= TAMPER_COUNT)
		return 0;
	guard_report((u64)BPF_CORE_READ(file, f_path.dentry), 0, act, NO_SIGNAL);
	return -EPERM;
}

/* FS_IOC_SETFLAGS, its 32-bit form, FS_IOC_FSSETXATTR, FS_IOC_ENABLE_VERITY: they change a file that is only open for reading. */
static __always_inline u32 act_of_ioctl(struct file *file, u32 cmd)
{
	bool is_change = cmd == 0x40086602 || cmd == 0x40046602 || cmd == 0x401c5820 || cmd == 0x40806685, is_freeze = cmd == 0xc0045877;
	if (!is_change && !is_freeze)
		return TAMPER_COUNT;
	if (is_freeze) {
		u32 device = file->f_inode->i_sb->s_dev;
		return has_device(device) && mark_of(device, 0) && is_refused() ? TAMPER_FREEZE : TAMPER_COUNT;
	}
	return (marks_from(file->f_path.dentry) & (GUARD_FILE | GUARD_TREE)) && is_refused() ? TAMPER_FILE_CHANGE : TAMPER_COUNT;
}

SEC("lsm/file_ioctl")
int BPF_PROG(guard_ioctl, struct file *file, unsigned int cmd, unsigned long arg, int ret)
{
	if (ret)
		return ret;
	u32 act = act_of_ioctl(file, cmd);
	if (act >= TAMPER_COUNT)
		return 0;
	guard_report((u64)BPF_CORE_READ(file, f_path.dentry), 0, act, NO_SIGNAL);
	return -EPERM;
}

SEC("lsm/file_ioctl_compat")
int BPF_PROG(guard_ioctl_compat, struct file *file, unsigned int cmd, unsigned long arg, int ret)
{
	if (ret)
		return ret;
	u32 act = act_of_ioctl(file, cmd);
	if (act >= TAMPER_COUNT)
		return 0;
	guard_report((u64)BPF_CORE_READ(file, f_path.dentry), 0, act, NO_SIGNAL);
	return -EPERM;
}

/*
 * The hooks of inodes, not those of paths: they are asked too when the way leads through an overlay's upper layer, NFS or a pin of BPF. n: which
 * argument the dentry is.
 */
#define REFUSE_MARKED(dentry, n, marks, act)                                       \
	do {                                                                       \
		if (!(marks_from(dentry) & (marks)) || !is_refused())              \
			return 0;                                                  \
		guard_report(SCALAR_ARG(ctx, n), 0, act, NO_SIGNAL);               \
		return -EPERM;                                                     \
	} while (0)

SEC("lsm/inode_create")
int BPF_PROG(guard_create, struct inode *dir, struct dentry *dentry, u16 mode, int ret)
{
	if (ret)
		return ret;
	REFUSE_MARKED(dentry, 1, GUARD_TREE, TAMPER_FILE_CREATE);
}

SEC("lsm/inode_mkdir")
int BPF_PROG(guard_mkdir, struct inode *dir, struct dentry *dentry, u16 mode, int ret)
{
	if (ret)
		return ret;
	REFUSE_MARKED(dentry, 1, GUARD_TREE, TAMPER_FILE_CREATE);
}

SEC("lsm/inode_mknod")
int BPF_PROG(guard_mknod, struct inode *dir, struct dentry *dentry, u16 mode, u32 device, int ret)
{
	if (ret)
		return ret;
	REFUSE_MARKED(dentry, 1, GUARD_TREE, TAMPER_FILE_CREATE);
}

SEC("lsm/inode_symlink")
int BPF_PROG(guard_symlink, struct inode *dir, struct dentry *dentry, const char *to, int ret)
{
	if (ret)
		return ret;
	REFUSE_MARKED(dentry, 1, GUARD_TREE, TAMPER_FILE_CREATE);
}

/* A second name of a protected file would make the engine refuse it as its log. */
SEC("lsm/inode_link")
int BPF_PROG(guard_link, struct dentry *old, struct inode *dir, struct dentry *new, int ret)
{
	if (ret)
		return ret;
	if (!((marks_from(old) & (GUARD_FILE | GUARD_TREE)) | (marks_from(new) & GUARD_TREE)) || !is_refused())
		return 0;
	guard_report(SCALAR_ARG(ctx, 0), 0, TAMPER_FILE_CREATE, NO_SIGNAL);
	return -EPERM;
}

/*
 * The engine lets go of a file of its own, or protection is off: the number of the inode is soon another file's, which must not be taken for it.
 * links: what the inode has when this is its last name.
 */
static __always_inline void leave_mark(struct dentry *d, u32 links)
{
	struct inode *inode = BPF_CORE_READ(d, d_inode);
	if (!inode || BPF_CORE_READ(inode, i_nlink) > links)
		return;
	struct guard_inode key = { .device = BPF_CORE_READ(d, d_sb, s_dev), .inode = BPF_CORE_READ(inode, i_ino) };
	if (mark_of(key.device, key.inode))
		bpf_map_delete_elem(&guard_inodes, &key);
}

static __always_inline int guard_remove(struct dentry *dentry, u64 raw, u32 links)
{
	if (!(marks_from(dentry) & (GUARD_FILE | GUARD_TREE | GUARD_ABOVE)))
		return 0;
	if (!is_refused()) {
		leave_mark(dentry, links);
		return 0;
	}
	guard_report(raw, 0, TAMPER_FILE_REMOVE, NO_SIGNAL);
	return -EPERM;
}

SEC("lsm/inode_unlink")
int BPF_PROG(guard_unlink, struct inode *dir, struct dentry *dentry, int ret)
{
	return ret ? ret : guard_remove(dentry, SCALAR_ARG(ctx, 1), 1);
}

SEC("lsm/inode_rmdir")
int BPF_PROG(guard_rmdir, struct inode *dir, struct dentry *dentry, int ret)
{
	return ret ? ret : guard_remove(dentry, SCALAR_ARG(ctx, 1), 2);
}

SEC("lsm/inode_rename")
int BPF_PROG(guard_rename, struct inode *old_dir, struct dentry *old, struct inode *new_dir, struct dentry *new, int ret)
{
	if (ret)
		return ret;
	if (!((marks_from(old) | marks_from(new)) & (GUARD_FILE | GUARD_TREE | GUARD_ABOVE)))
		return 0;
	if (!is_refused()) {
		leave_mark(new, 1);
		return 0;
	}
	guard_report(SCALAR_ARG(ctx, 1), 0, TAMPER_FILE_RENAME, NO_SIGNAL);
	return -EPERM;
}

/* Mode, owner, times, size: truncate, ftruncate and O_TRUNC included. Where the dentry stands depends on the kernel. */
SEC("lsm/inode_setattr")
int BPF_PROG(guard_setattr__idmap, struct mnt_idmap *idmap, struct dentry *dentry, struct iattr *attr, int ret)
{
	if (ret)
		return ret;
	REFUSE_MARKED(dentry, 1, GUARD_FILE | GUARD_TREE, TAMPER_FILE_CHANGE);
}

SEC("lsm/inode_setattr")
int BPF_PROG(guard_setattr__no_idmap, struct dentry *dentry, struct iattr *attr, int ret)
{
	if (ret)
		return ret;
	REFUSE_MARKED(dentry, 0, GUARD_FILE | GUARD_TREE, TAMPER_FILE_CHANGE);
}

/* The first argument, whose type depends on the kernel, is not looked at. */
SEC("lsm/inode_setxattr")
int BPF_PROG(guard_setxattr, void *map, struct dentry *dentry, const char *name, const void *value, unsigned long size, int flags, int ret)
{
	if (ret)
		return ret;
	REFUSE_MARKED(dentry, 1, GUARD_FILE | GUARD_TREE, TAMPER_FILE_CHANGE);
}

SEC("lsm/inode_removexattr")
int BPF_PROG(guard_removexattr, void *map, struct dentry *dentry, const char *name, int ret)
{
	if (ret)
		return ret;
	REFUSE_MARKED(dentry, 1, GUARD_FILE | GUARD_TREE, TAMPER_FILE_CHANGE);
}

SEC("lsm/inode_set_acl")
int BPF_PROG(guard_set_acl, void *map, struct dentry *dentry, const char *name, struct posix_acl *acl, int ret)
{
	if (ret)
		return ret;
	REFUSE_MARKED(dentry, 1, GUARD_FILE | GUARD_TREE, TAMPER_FILE_CHANGE);
}

SEC("lsm/inode_remove_acl")
int BPF_PROG(guard_remove_acl, void *map, struct dentry *dentry, const char *name, int ret)
{
	if (ret)
		return ret;
	REFUSE_MARKED(dentry, 1, GUARD_FILE | GUARD_TREE, TAMPER_FILE_CHANGE);
}

/* --- mounts ---------------------------------------------------------------------------------------------------------------- */

/* A mount of the engine's namespace. */
static __always_inline bool is_own_mount(struct vfsmount *mnt)
{
	struct mount *m = (void *)((u64)mnt - bpf_core_field_offset(struct mount, mnt));
	return BPF_CORE_READ(m, mnt_ns, ns.inum) == guard.mnt_ns;
}

/* Or one whose changes may be handed on there. */
static __always_inline bool is_seen_mount(struct vfsmount *mnt)
{
	return is_own_mount(mnt) || (BPF_CORE_READ(mnt, mnt_flags) & MNT_IS_SHARED);
}

static __always_inline bool is_marked_mount(struct vfsmount *mnt)
{
	struct mount___id *m = (void *)((u64)mnt - bpf_core_field_offset(struct mount, mnt));
	struct guard_object key = { .kind = GUARD_MOUNT, .id = (u32)BPF_CORE_READ(m, mnt_id) };
	return bpf_map_lookup_elem(&guard_objects, &key);
}

/* Something is put over a protected file, or a folder on the way to it: the engine would read another's rules. */
static __always_inline bool is_covering(const struct path *to)
{
	return (marks_from(to->dentry) & (GUARD_FILE | GUARD_TREE | GUARD_ABOVE)) && is_seen_mount(BPF_CORE_READ(to, mnt));
}

/* An old-style move does not show what is moved: in the engine's namespace none is let through. */
SEC("lsm/sb_mount")
int BPF_PROG(guard_mount, const char *device, const struct path *path, const char *type, unsigned long flags, void *data, int ret)
{
	/* with MS_BIND the kernel does not look at the flags of propagation */
	if (ret || (flags & MOUNT_REMOUNT) || ((flags & MOUNT_PROPAGATION) && !(flags & MOUNT_BIND)))
		return ret;
	bool is_move = (flags & MOUNT_MOVE) && is_own_mount(BPF_CORE_READ(path, mnt));
	if ((!is_move && !is_covering(path)) || !is_refused_but_init())
		return 0;
	guard_report((u64)BPF_CORE_READ(path, dentry), 0, TAMPER_MOUNT, NO_SIGNAL);
	return -EPERM;
}

SEC("lsm/move_mount")
int BPF_PROG(guard_move_mount, const struct path *from, const struct path *to, int ret)
{
	if (ret)
		return ret;
	if ((!is_covering(to) && !is_marked_mount(BPF_CORE_READ(from, mnt))) || !is_refused_but_init())
		return 0;
	guard_report((u64)BPF_CORE_READ(to, dentry), 0, TAMPER_MOUNT, NO_SIGNAL);
	return -EPERM;
}

SEC("lsm/sb_umount")
int BPF_PROG(guard_umount, struct vfsmount *mnt, int flags, int ret)
{
	struct vfsmount *m = (void *)SCALAR_ARG(ctx, 0);
	if (ret || !is_marked_mount(m) || !is_refused_but_init())
		return ret;
	guard_report((u64)BPF_CORE_READ(m, mnt_root), 0, TAMPER_UNMOUNT, NO_SIGNAL);
	return -EPERM;
}

SEC("lsm/sb_pivotroot")
int BPF_PROG(guard_pivotroot, const struct path *old, const struct path *new, int ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	if (ret || BPF_CORE_READ(task, nsproxy, mnt_ns, ns.inum) != guard.mnt_ns || !is_refused_but_init())
		return ret;
	guard_report((u64)BPF_CORE_READ(new, dentry), 0, TAMPER_MOUNT, NO_SIGNAL);
	return -EPERM;
}
