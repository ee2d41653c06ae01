/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Keeps others from putting something over the engine's files, and from taking away the file systems they are on. */
#include "bpf/guard.h"

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
