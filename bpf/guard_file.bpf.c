/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Keeps others off the engine's files, and off those of the kernel that would silence its programs. */
#include "bpf/guard.h"

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
