/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Mounts in lsm mode: what is put into place, and what is taken away. */
#include "bpf/decide.h"

enum { FS_TYPE_MAX = 64, CALL_FSCONFIG = 431 /* the same for 32-bit calls */ };
enum { FLAG_MOVES = 1, FLAG_HIDES = 2 }; /* of DIMENSION_FLAGS */

/*
 * What is put on this mount is seen by more than a namespace of somebody's own: a shared one hands it on to its peers, which may be the host's. They
 * are not looked for: services and containers are set up on mounts that are slaves or private.
 */
static __always_inline bool is_seen_outside(const struct path *path)
{
	struct mount *m = (void *)BPF_CORE_READ(path, mnt) - bpf_core_field_offset(struct mount, mnt);
	u32 host = config.host_mnt_ns;
	return !host || BPF_CORE_READ(m, mnt_ns, ns.inum) == host || BPF_CORE_READ(m, mnt_group_id) > 0;
}

SEC("lsm/sb_mount")
int BPF_PROG(sb_mount, const char *device, const struct path *path, const char *type, unsigned long flags, void *data, int ret)
{
	if (ret)
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_FILE_MOUNT))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_FILE_MOUNT, at);
	u32 is_move = is_mount_move(flags);
	bool is_new = is_mount_new(flags);
	u32 hides = is_mount_put(flags) && is_seen_outside(path);
	if (a) {
		ask_number(a, DIMENSION_FLAGS, is_move * FLAG_MOVES | hides * FLAG_HIDES);
		if (is_new)
			ask_name(a, type);
		ask_file(a, 0, (u64)BPF_CORE_READ(path, mnt), (u64)BPF_CORE_READ(path, dentry));
	}
	act_judge(&act, at, EVENT_FILE_MOUNT);
	struct slot *s = act_record(&act, EVENT_FILE_MOUNT, sizeof(struct wire_file_mount), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_file_mount *r = (void *)s->record;
	r->flags = flags;
	r->is_move = is_move;
	r->hides = hides;
	put_kernel_str(s, &r->source, device, RECORD_PATH_MAX, FLAG_MOUNT_SOURCE);
	if (is_new)
		put_kernel_str(s, &r->fs_type, type, FS_TYPE_MAX, 0);
	PUT_FILE(s, index, r, (u64)BPF_CORE_READ(path, mnt), (u64)BPF_CORE_READ(path, dentry));
	record_finish(s, RING_OF(EVENT_FILE_MOUNT));
	return ACT_RESULT(act);
}

/* The last step of mounting with fsopen, fsconfig and fsmount, and of moving a mount. */
SEC("lsm/move_mount")
int BPF_PROG(move_mount, const struct path *from, const struct path *to, int ret)
{
	if (ret)
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_FILE_MOUNT))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_FILE_MOUNT, at);
	u32 hides = is_seen_outside(to);
	if (a) {
		ask_number(a, DIMENSION_FLAGS, FLAG_MOVES | hides * FLAG_HIDES);
		ask_name(a, BPF_CORE_READ(from, dentry, d_sb, s_type, name));
		ask_file(a, 0, (u64)BPF_CORE_READ(to, mnt), (u64)BPF_CORE_READ(to, dentry));
	}
	act_judge(&act, at, EVENT_FILE_MOUNT);
	struct slot *s = act_record(&act, EVENT_FILE_MOUNT, sizeof(struct wire_file_mount), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_file_mount *r = (void *)s->record;
	r->is_move = 1;
	r->hides = hides;
	path_walk((u64)BPF_CORE_READ(from, mnt), (u64)BPF_CORE_READ(from, dentry), index);
	put_path(s, &r->source, FLAG_MOUNT_SOURCE);
	put_kernel_str(s, &r->fs_type, BPF_CORE_READ(from, dentry, d_sb, s_type, name), FS_TYPE_MAX, 0);
	PUT_FILE(s, index, r, (u64)BPF_CORE_READ(to, mnt), (u64)BPF_CORE_READ(to, dentry));
	record_finish(s, RING_OF(EVENT_FILE_MOUNT));
	return ACT_RESULT(act);
}

/*
 * A file system that is made by fsconfig can be used without being mounted anywhere. Those of mount(2) come here as well, and sb_mount was
 * asked about them.
 */
SEC("lsm/sb_kern_mount")
int BPF_PROG(sb_kern_mount, struct super_block *sb, int ret)
{
	if (ret || entry_regs(bpf_get_current_task_btf())->orig_ax != CALL_FSCONFIG)
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_FILE_MOUNT))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_FILE_MOUNT, at);
	if (a) {
		ask_number(a, DIMENSION_FLAGS, 0);
		ask_name(a, BPF_CORE_READ(sb, s_type, name));
	}
	act_judge(&act, at, EVENT_FILE_MOUNT);
	struct slot *s = act_record(&act, EVENT_FILE_MOUNT, sizeof(struct wire_file_mount), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_file_mount *r = (void *)s->record;
	NO_FILE(r);
	put_kernel_str(s, &r->fs_type, BPF_CORE_READ(sb, s_type, name), FS_TYPE_MAX, 0);
	record_finish(s, RING_OF(EVENT_FILE_MOUNT));
	return ACT_RESULT(act);
}

/* By the mount's root: its path is that of the mount point. */
SEC("lsm/sb_umount")
int BPF_PROG(sb_umount, struct vfsmount *mnt, int flags, int ret)
{
	if (ret)
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_FILE_UMOUNT))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_FILE_UMOUNT, at);
	u64 mount = SCALAR_ARG(ctx, 0), root = (u64)BPF_CORE_READ(mnt, mnt_root);
	if (a) {
		ask_name(a, BPF_CORE_READ(mnt, mnt_root, d_sb, s_type, name));
		ask_file(a, 0, mount, root);
	}
	act_judge(&act, at, EVENT_FILE_UMOUNT);
	struct slot *s = act_record(&act, EVENT_FILE_UMOUNT, sizeof(struct wire_file_umount), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_file_umount *r = (void *)s->record;
	put_kernel_str(s, &r->fs_type, BPF_CORE_READ(mnt, mnt_root, d_sb, s_type, name), FS_TYPE_MAX, 0);
	PUT_FILE(s, index, r, mount, root);
	record_finish(s, RING_OF(EVENT_FILE_UMOUNT));
	return ACT_RESULT(act);
}
