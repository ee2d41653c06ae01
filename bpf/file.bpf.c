/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Files in lsm mode. The path hooks are handed a directory and a name's dentry: the dentry of a name that does not exist yet
 * already has its parent, so that the same walk gives the path to be.
 */
#include "bpf/decide.h"
#include "bpf/dir_cache.h"

enum {
	PROT_EXEC_BIT = 4, /* PROT_EXEC; VM_EXEC is the same */
	PROT_WRITE_BIT = 2,
	PROT_BITS = 7,
	XATTR_NAME_MAX = 256,
	RENAME_EXCHANGE = 2,
	FS_TYPE_MAX = 64,
};

enum { CALL_OPEN = 2, CALL_CREAT = 85, CALL_OPENAT = 257, CALL_OPENAT2 = 437,
       CALL_OPEN_COMPAT = 5, CALL_CREAT_COMPAT = 8, CALL_OPENAT_COMPAT = 295,
       CALL_FSCONFIG = 431 /* the same for 32-bit calls */ };

/* Where the path of the open under way stands in user memory; 0: another call opens the file. */
static __always_inline u64 given_path_at(struct task_struct *task, u32 via)
{
	struct pt_regs *regs = entry_regs(task);
	u64 number = regs->orig_ax;
	if (via == VIA_SYSCALL)
		return number == CALL_OPENAT || number == CALL_OPENAT2 ? regs->si : number == CALL_OPEN || number == CALL_CREAT ? regs->di : 0;
	if (via != VIA_COMPAT)
		return 0;
	if (number == CALL_OPENAT_COMPAT || number == CALL_OPENAT2)
		return (u32)regs->cx;
	return number == CALL_OPEN_COMPAT || number == CALL_CREAT_COMPAT ? (u32)regs->bx : 0;
}

SEC("lsm/file_open")
int BPF_PROG(file_open, struct file *file, int ret)
{
	if (ret)
		return ret;
	u32 mode = file->f_mode, flags = file->f_flags;
	if (mode & FMODE_NOACCOUNT)
		return 0;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_FILE_OPEN))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_FILE_OPEN, at);
	u32 approval = a ? a->approval : 0;
	if (a)
		name_ask(&a->file[0], file->f_path.mnt, file->f_path.dentry);
	if (a && names_clear(at, EVENT_FILE_OPEN)) {
		act.judged = approval ? VERDICT_FILTERED : 0;
	} else {
		if (a) {
			ask_number(a, DIMENSION_FLAGS,
				   !!(mode & FMODE_READ) | !!(mode & FMODE_WRITE) << 1 | !!(flags & FMODE_EXEC) << 2 | !!(mode & FMODE_CREATED) << 3);
			ask_number(a, DIMENSION_NUMBER, file->f_inode->i_uid.val);
			a->file[0].device = file->f_inode->i_sb->s_dev;
		}
		act_judge(&act, at, EVENT_FILE_OPEN);
	}
	struct slot *s = act_record(&act, EVENT_FILE_OPEN, sizeof(struct wire_file_open), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_file_open *r = (void *)s->record;
	/* typed pointers all along: this is the hook that is hit most */
	struct dentry *dentry = file->f_path.dentry;
	struct inode *inode = file->f_inode;
	u32 inode_mode = inode->i_mode;
	r->flags = flags & OPEN_FLAGS_GIVEN;
	r->is_read = !!(mode & FMODE_READ);
	r->is_write = !!(mode & FMODE_WRITE);
	r->is_exec = !!(flags & FMODE_EXEC);
	r->is_created = !!(mode & FMODE_CREATED);
	r->mode = inode_mode & 07777;
	r->file_uid = inode->i_uid.val;
	r->nlink = inode->i_nlink;
	r->inode = inode->i_ino;
	r->file_type = inode_mode & S_IFMT;
	r->device = dentry->d_sb->s_dev;
	put_file_paths(s, index, file, &r->path, &r->fs_path);
	if (config.outcome_wanted & BIT(EVENT_FILE_OPEN))
		put_user_str(s, &r->given, (void *)given_path_at(bpf_get_current_task_btf(), r->common.via), RECORD_PATH_MAX, FLAG_GIVEN_PATH);
	record_finish(s, RING_OF(EVENT_FILE_OPEN));
	return ACT_RESULT(act);
}

/*
 * Also open with O_CREAT and bind of a unix socket. open asks before it has looked the name up on the disk: for a file that
 * exists but is not in the cache of names, file.create precedes a file.open that is not `created`.
 */
SEC("lsm/path_mknod")
int BPF_PROG(path_mknod, const struct path *dir, struct dentry *dentry, u16 mode, unsigned int dev, int ret)
{
	if (ret)
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_FILE_CREATE))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_FILE_CREATE, at);
	if (a) {
		ask_number(a, DIMENSION_NUMBER, mode & S_IFMT ? mode & S_IFMT : S_IFREG);
		ask_file(a, 0, (u64)BPF_CORE_READ(dir, mnt), SCALAR_ARG(ctx, 1));
	}
	act_judge(&act, at, EVENT_FILE_CREATE);
	struct slot *s = act_record(&act, EVENT_FILE_CREATE, sizeof(struct wire_file_create), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_file_create *r = (void *)s->record;
	u32 type = mode & S_IFMT;
	PUT_FILE(s, index, r, (u64)BPF_CORE_READ(dir, mnt), SCALAR_ARG(ctx, 1));
	r->file_type = type ? type : S_IFREG;
	r->mode = mode & 07777;
	if (type == S_IFCHR || type == S_IFBLK)
		r->node_device = device_from_user(dev);
	record_finish(s, RING_OF(EVENT_FILE_CREATE));
	return ACT_RESULT(act);
}

static __always_inline int delete_event(u64 mnt, u64 dentry)
{
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_FILE_DELETE))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_FILE_DELETE, at);
	if (a)
		ask_file(a, 0, mnt, dentry);
	act_judge(&act, at, EVENT_FILE_DELETE);
	struct slot *s = act_record(&act, EVENT_FILE_DELETE, sizeof(struct wire_file_delete), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_file_delete *r = (void *)s->record;
	struct dentry *d = (void *)dentry;
	r->nlink = BPF_CORE_READ(d, d_inode, i_nlink);
	PUT_FILE(s, index, r, mnt, dentry);
	record_finish(s, RING_OF(EVENT_FILE_DELETE));
	return ACT_RESULT(act);
}

SEC("lsm/path_unlink")
int BPF_PROG(path_unlink, const struct path *dir, struct dentry *dentry, int ret)
{
	if (ret)
		return ret;
	return delete_event((u64)BPF_CORE_READ(dir, mnt), SCALAR_ARG(ctx, 1));
}

SEC("lsm/path_rmdir")
int BPF_PROG(path_rmdir, const struct path *dir, struct dentry *dentry, int ret)
{
	if (ret)
		return ret;
	return delete_event((u64)BPF_CORE_READ(dir, mnt), SCALAR_ARG(ctx, 1));
}

SEC("lsm/path_rename")
int BPF_PROG(path_rename, const struct path *old_dir, struct dentry *old_dentry, const struct path *new_dir, struct dentry *new_dentry,
	     unsigned int flags, int ret)
{
	if (ret)
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_FILE_RENAME))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_FILE_RENAME, at);
	if (a) {
		ask_file(a, 0, (u64)BPF_CORE_READ(old_dir, mnt), SCALAR_ARG(ctx, 1));
		ask_file(a, 1, (u64)BPF_CORE_READ(new_dir, mnt), SCALAR_ARG(ctx, 3));
	}
	act_judge(&act, at, EVENT_FILE_RENAME);
	if (act_verdict(&act) != VERDICT_DENY && (flags & RENAME_EXCHANGE)) { /* the other name is an old one, too */
		a = ACT_ASK(act, EVENT_FILE_RENAME, at);
		if (a) {
			ask_file(a, 0, (u64)BPF_CORE_READ(new_dir, mnt), SCALAR_ARG(ctx, 3));
			ask_file(a, 1, (u64)BPF_CORE_READ(old_dir, mnt), SCALAR_ARG(ctx, 1));
		}
		act_judge_also(&act, at, EVENT_FILE_RENAME);
	}
	struct slot *s = act_record(&act, EVENT_FILE_RENAME, sizeof(struct wire_file_rename), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_file_rename *r = (void *)s->record;
	r->flags = flags;
	r->is_replacing = BPF_CORE_READ(new_dentry, d_inode) != NULL;
	PUT_FILE(s, index, r, (u64)BPF_CORE_READ(old_dir, mnt), SCALAR_ARG(ctx, 1));
	put_both_paths(s, index, (u64)BPF_CORE_READ(new_dir, mnt), SCALAR_ARG(ctx, 3), &r->new_path, &r->new_fs_path, FLAG_NEW_PATH,
		       FLAG_NEW_PATH);
	record_finish(s, RING_OF(EVENT_FILE_RENAME));
	return ACT_RESULT(act);
}

/* The kernel has refused a link from another mount before: the new name's mount is the old one's too. */
SEC("lsm/path_link")
int BPF_PROG(path_link, struct dentry *old_dentry, const struct path *new_dir, struct dentry *new_dentry, int ret)
{
	if (ret)
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_FILE_LINK))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_FILE_LINK, at);
	if (a) {
		ask_file(a, 0, (u64)BPF_CORE_READ(new_dir, mnt), SCALAR_ARG(ctx, 0));
		ask_file(a, 1, (u64)BPF_CORE_READ(new_dir, mnt), SCALAR_ARG(ctx, 2));
	}
	act_judge(&act, at, EVENT_FILE_LINK);
	struct slot *s = act_record(&act, EVENT_FILE_LINK, sizeof(struct wire_file_link), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_file_link *r = (void *)s->record;
	u64 mnt = (u64)BPF_CORE_READ(new_dir, mnt);
	PUT_FILE(s, index, r, mnt, SCALAR_ARG(ctx, 0));
	put_both_paths(s, index, mnt, SCALAR_ARG(ctx, 2), &r->new_path, &r->new_fs_path, FLAG_NEW_PATH, FLAG_NEW_PATH);
	record_finish(s, RING_OF(EVENT_FILE_LINK));
	return ACT_RESULT(act);
}

SEC("lsm/path_symlink")
int BPF_PROG(path_symlink, const struct path *dir, struct dentry *dentry, const char *text, int ret)
{
	if (ret)
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_FILE_SYMLINK))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_FILE_SYMLINK, at);
	if (a)
		ask_file(a, 0, (u64)BPF_CORE_READ(dir, mnt), SCALAR_ARG(ctx, 1));
	act_judge(&act, at, EVENT_FILE_SYMLINK);
	struct slot *s = act_record(&act, EVENT_FILE_SYMLINK, sizeof(struct wire_file_symlink), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_file_symlink *r = (void *)s->record;
	PUT_FILE(s, index, r, (u64)BPF_CORE_READ(dir, mnt), SCALAR_ARG(ctx, 1));
	r->file_type = S_IFLNK;
	put_kernel_str(s, &r->target, text, RECORD_PATH_MAX, FLAG_TARGET);
	record_finish(s, RING_OF(EVENT_FILE_SYMLINK));
	return ACT_RESULT(act);
}

SEC("lsm/path_mkdir")
int BPF_PROG(path_mkdir, const struct path *dir, struct dentry *dentry, u16 mode, int ret)
{
	if (ret)
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_FILE_MKDIR))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_FILE_MKDIR, at);
	if (a)
		ask_file(a, 0, (u64)BPF_CORE_READ(dir, mnt), SCALAR_ARG(ctx, 1));
	act_judge(&act, at, EVENT_FILE_MKDIR);
	struct slot *s = act_record(&act, EVENT_FILE_MKDIR, sizeof(struct wire_file_mkdir), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_file_mkdir *r = (void *)s->record;
	PUT_FILE(s, index, r, (u64)BPF_CORE_READ(dir, mnt), SCALAR_ARG(ctx, 1));
	r->file_type = S_IFDIR;
	r->mode = mode & 07777;
	record_finish(s, RING_OF(EVENT_FILE_MKDIR));
	return ACT_RESULT(act);
}

SEC("lsm/path_chmod")
int BPF_PROG(path_chmod, const struct path *path, u16 mode, int ret)
{
	if (ret)
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_FILE_CHMOD))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_FILE_CHMOD, at);
	u32 old = BPF_CORE_READ(path, dentry, d_inode, i_mode) & 07777, added = mode & ~old;
	if (a) {
		ask_number(a, DIMENSION_FLAGS, !!(added & 06000) | !!(added & 0111) << 1);
		ask_file(a, 0, (u64)BPF_CORE_READ(path, mnt), (u64)BPF_CORE_READ(path, dentry));
	}
	act_judge(&act, at, EVENT_FILE_CHMOD);
	struct slot *s = act_record(&act, EVENT_FILE_CHMOD, sizeof(struct wire_file_chmod), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_file_chmod *r = (void *)s->record;
	r->mode = old;
	r->new_mode = mode & 07777;
	r->sets_setuid = !!(added & 06000);
	r->sets_exec = !!(added & 0111);
	PUT_FILE(s, index, r, (u64)BPF_CORE_READ(path, mnt), (u64)BPF_CORE_READ(path, dentry));
	record_finish(s, RING_OF(EVENT_FILE_CHMOD));
	return ACT_RESULT(act);
}

/* The ids are structs of one number: declared as numbers, which is how they travel. All bits set: unchanged. */
SEC("lsm/path_chown")
int BPF_PROG(path_chown, const struct path *path, u32 uid, u32 gid, int ret)
{
	if (ret)
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_FILE_CHOWN))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_FILE_CHOWN, at);
	if (a) {
		if (uid != FIELD_MISSING)
			ask_number(a, DIMENSION_NUMBER, uid);
		if (gid != FIELD_MISSING)
			ask_number(a, DIMENSION_NUMBER_2, gid);
		ask_file(a, 0, (u64)BPF_CORE_READ(path, mnt), (u64)BPF_CORE_READ(path, dentry));
	}
	act_judge(&act, at, EVENT_FILE_CHOWN);
	struct slot *s = act_record(&act, EVENT_FILE_CHOWN, sizeof(struct wire_file_chown), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_file_chown *r = (void *)s->record;
	struct inode *inode = BPF_CORE_READ(path, dentry, d_inode);
	r->file_uid = BPF_CORE_READ(inode, i_uid.val);
	r->file_gid = BPF_CORE_READ(inode, i_gid.val);
	r->new_uid = uid;
	r->new_gid = gid;
	PUT_FILE(s, index, r, (u64)BPF_CORE_READ(path, mnt), (u64)BPF_CORE_READ(path, dentry));
	record_finish(s, RING_OF(EVENT_FILE_CHOWN));
	return ACT_RESULT(act);
}

static __always_inline int truncate_event(u64 mnt, u64 dentry)
{
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_FILE_TRUNCATE))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_FILE_TRUNCATE, at);
	if (a)
		ask_file(a, 0, mnt, dentry);
	act_judge(&act, at, EVENT_FILE_TRUNCATE);
	struct slot *s = act_record(&act, EVENT_FILE_TRUNCATE, sizeof(struct wire_file_truncate), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_file_truncate *r = (void *)s->record;
	struct dentry *d = (void *)dentry;
	r->file_size = BPF_CORE_READ(d, d_inode, i_size);
	PUT_FILE(s, index, r, mnt, dentry);
	record_finish(s, RING_OF(EVENT_FILE_TRUNCATE));
	return ACT_RESULT(act);
}

/* Up to 6.1 every truncation; later kernels ask file_truncate where there is a descriptor. */
SEC("lsm/path_truncate")
int BPF_PROG(path_truncate, const struct path *path, int ret)
{
	if (ret)
		return ret;
	return truncate_event((u64)BPF_CORE_READ(path, mnt), (u64)BPF_CORE_READ(path, dentry));
}

SEC("lsm/file_truncate")
int BPF_PROG(file_truncate, struct file *file, int ret)
{
	if (ret)
		return ret;
	return truncate_event((u64)BPF_CORE_READ(file, f_path.mnt), (u64)BPF_CORE_READ(file, f_path.dentry));
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
	if (a) {
		ask_number(a, DIMENSION_FLAGS, is_move);
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
	if (a) {
		ask_number(a, DIMENSION_FLAGS, 1);
		ask_name(a, BPF_CORE_READ(from, dentry, d_sb, s_type, name));
		ask_file(a, 0, (u64)BPF_CORE_READ(to, mnt), (u64)BPF_CORE_READ(to, dentry));
	}
	act_judge(&act, at, EVENT_FILE_MOUNT);
	struct slot *s = act_record(&act, EVENT_FILE_MOUNT, sizeof(struct wire_file_mount), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_file_mount *r = (void *)s->record;
	r->is_move = 1;
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

static __always_inline void ask_mapped(struct ask *a, struct file *mapped)
{
	ask_number(a, DIMENSION_FLAGS, !mapped);
	if (!mapped)
		return;
	ask_number(a, DIMENSION_NUMBER, BPF_CORE_READ(mapped, f_inode, i_nlink));
	ask_file(a, 0, (u64)BPF_CORE_READ(mapped, f_path.mnt), (u64)BPF_CORE_READ(mapped, f_path.dentry));
}

SEC("lsm/mmap_file")
int BPF_PROG(mmap_file, struct file *file, unsigned long asked, unsigned long prot, unsigned long flags, int ret)
{
	if (ret || !(prot & PROT_EXEC_BIT))
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_MMAP_EXEC))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_MMAP_EXEC, at);
	struct file *mapped = (void *)SCALAR_ARG(ctx, 0); /* the verifier takes `file` for never NULL and would drop the test */
	if (a)
		ask_mapped(a, mapped);
	act_judge(&act, at, EVENT_MMAP_EXEC);
	struct slot *s = act_record(&act, EVENT_MMAP_EXEC, sizeof(struct wire_mmap_exec), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_mmap_exec *r = (void *)s->record;
	r->prot = prot;
	r->flags = flags;
	r->is_anonymous = !mapped;
	if (!mapped) {
		NO_FILE(r);
		r->nlink = FIELD_MISSING;
	} else {
		r->nlink = BPF_CORE_READ(mapped, f_inode, i_nlink);
		PUT_FILE(s, index, r, (u64)BPF_CORE_READ(mapped, f_path.mnt), (u64)BPF_CORE_READ(mapped, f_path.dentry));
	}
	record_finish(s, RING_OF(EVENT_MMAP_EXEC));
	return ACT_RESULT(act);
}

SEC("lsm/file_mprotect")
int BPF_PROG(file_mprotect, struct vm_area_struct *vma, unsigned long asked, unsigned long prot, int ret)
{
	if (ret || !(prot & PROT_EXEC_BIT))
		return ret;
	u32 old = BPF_CORE_READ(vma, vm_flags);
	if ((old & PROT_EXEC_BIT) && (!(prot & PROT_WRITE_BIT) || (old & PROT_WRITE_BIT)))
		return 0; /* code as it was; code that becomes writable is told */
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_MPROTECT_EXEC))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_MPROTECT_EXEC, at);
	struct file *mapped = BPF_CORE_READ(vma, vm_file);
	if (a)
		ask_mapped(a, mapped);
	act_judge(&act, at, EVENT_MPROTECT_EXEC);
	struct slot *s = act_record(&act, EVENT_MPROTECT_EXEC, sizeof(struct wire_mprotect_exec), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_mprotect_exec *r = (void *)s->record;
	r->prot = prot;
	r->old_prot = old & PROT_BITS;
	r->is_anonymous = !mapped;
	if (!mapped) {
		NO_FILE(r);
		r->nlink = FIELD_MISSING;
	} else {
		r->nlink = BPF_CORE_READ(mapped, f_inode, i_nlink);
		PUT_FILE(s, index, r, (u64)BPF_CORE_READ(mapped, f_path.mnt), (u64)BPF_CORE_READ(mapped, f_path.dentry));
	}
	record_finish(s, RING_OF(EVENT_MPROTECT_EXEC));
	return ACT_RESULT(act);
}

/*
 * A dentry without a mount: the mounts of its file system that are in our namespace are tried, one of the whole file system first.
 */
struct mount_search {
	struct list_head *at, *end;
	struct mnt_namespace *ns;
	struct dentry *top;
	u64 whole, part[3];
	u32 n_parts;
};

static long mount_search_step(u64 i, struct mount_search *w)
{
	struct list_head *at = w->at;
	if (!at || at == w->end)
		return 1;
	struct mount *m = (void *)at - bpf_core_field_offset(struct mount, mnt_instance);
	u64 mnt = (u64)m + bpf_core_field_offset(struct mount, mnt);
	w->at = BPF_CORE_READ(at, next);
	if (BPF_CORE_READ(m, mnt_ns) != w->ns)
		return 0;
	if (BPF_CORE_READ(m, mnt.mnt_root) == w->top) {
		w->whole = mnt;
		return 1;
	}
	/* straight, not an array index: 6.12 verifies a callback again for each value of the index */
	if (!w->part[0])
		w->part[0] = mnt;
	else if (!w->part[1])
		w->part[1] = mnt;
	else if (!w->part[2])
		w->part[2] = mnt;
	return 0;
}

/* Of the dentry's file system: the mount of the whole of it, else of parts of it. */
static __always_inline void mounts_search(struct mount_search *w, u64 dentry)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct dentry *d = (void *)dentry;
	struct super_block *sb = BPF_CORE_READ(d, d_sb);
	struct list_head *head = (void *)sb + bpf_core_field_offset(struct super_block, s_mounts);
	*w = (struct mount_search){
		.at = BPF_CORE_READ(head, next),
		.end = head,
		.ns = BPF_CORE_READ(task, nsproxy, mnt_ns),
		.top = BPF_CORE_READ(sb, s_root),
	};
	bpf_loop(256, mount_search_step, w, 0);
}

/* Walks from the dentry through the first mount that holds it. Without one: no path, marked. */
static __always_inline void put_path_without_mount(struct slot *s, u32 index, u64 dentry, struct wire_str *str)
{
	struct wire_common *c = (void *)s->record;
	struct mount_search w;
	mounts_search(&w, dentry);
	u64 first = w.whole ? w.whole : w.part[0];
	if (first)
		path_walk(first, dentry, index);
	if (!w.whole && w.part[1] && s->path.is_detached)
		path_walk(w.part[1], dentry, index);
	if (!w.whole && w.part[2] && s->path.is_detached)
		path_walk(w.part[2], dentry, index);
	if (!first || s->path.is_detached)
		c->uncertain |= FLAG_PATH;
	else
		put_path(s, str, FLAG_PATH);
}

/* The first mount may be one that does not hold the file: then only its name inside the file system is judged. */
__noinline int ask_file_without_mount(u32 at, u64 dentry)
{
	struct ask *a = can_decide ? ask_at(at) : NULL;
	struct mount_search w;
	if (!a)
		return 0;
	mounts_search(&w, dentry);
	ask_file(a, 0, w.whole ? w.whole : w.part[0], dentry);
	a->file[0].is_searched = 1;
	return 0;
}

/* Of both events about attributes. A macro: the wire structs differ. */
#define PUT_ATTRIBUTE(s, index, r, dentry, name)                                           \
	do {                                                                               \
		struct dentry *_d = (void *)(dentry);                                      \
		struct inode *_inode = BPF_CORE_READ(_d, d_inode);                         \
		(r)->device = BPF_CORE_READ(_d, d_sb, s_dev);                              \
		(r)->inode = BPF_CORE_READ(_inode, i_ino);                                 \
		(r)->file_type = BPF_CORE_READ(_inode, i_mode) & S_IFMT;                   \
		put_path_without_mount(s, index, dentry, &(r)->path);                      \
		path_walk(0, dentry, index);                                               \
		put_path(s, &(r)->fs_path, FLAG_FS_PATH);                                  \
		put_kernel_str(s, &(r)->xattr, name, XATTR_NAME_MAX, FLAG_XATTR);          \
	} while (0)

static __always_inline void attribute_judge(struct act *act, u32 event, u64 dentry, const char *name)
{
	u32 at;
	struct ask *a = ACT_ASK(*act, event, at);
	if (a) {
		ask_name(a, name);
		ask_file_without_mount(at, dentry);
	}
	act_judge(act, at, event);
}

static __always_inline int setxattr_event(u64 dentry, const char *name, u64 size)
{
	struct act act;
	u32 index;
	if (!act_start(&act, EVENT_FILE_SETXATTR))
		return 0;
	attribute_judge(&act, EVENT_FILE_SETXATTR, dentry, name);
	struct slot *s = act_record(&act, EVENT_FILE_SETXATTR, sizeof(struct wire_file_setxattr), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_file_setxattr *r = (void *)s->record;
	r->value_size = size;
	PUT_ATTRIBUTE(s, index, r, dentry, name);
	record_finish(s, RING_OF(EVENT_FILE_SETXATTR));
	return ACT_RESULT(act);
}

static __always_inline int removexattr_event(u64 dentry, const char *name)
{
	struct act act;
	u32 index;
	if (!act_start(&act, EVENT_FILE_REMOVEXATTR))
		return 0;
	attribute_judge(&act, EVENT_FILE_REMOVEXATTR, dentry, name);
	struct slot *s = act_record(&act, EVENT_FILE_REMOVEXATTR, sizeof(struct wire_file_removexattr), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_file_removexattr *r = (void *)s->record;
	PUT_ATTRIBUTE(s, index, r, dentry, name);
	record_finish(s, RING_OF(EVENT_FILE_REMOVEXATTR));
	return ACT_RESULT(act);
}

/* The loader takes the one whose signature the kernel has: __idmap where struct mnt_idmap exists. */
SEC("lsm/inode_setxattr")
int BPF_PROG(inode_setxattr__idmap, struct mnt_idmap *idmap, struct dentry *dentry, const char *name, const void *value, unsigned long size,
	     int flags, int ret)
{
	if (ret)
		return ret;
	return setxattr_event(SCALAR_ARG(ctx, 1), name, size);
}

SEC("lsm/inode_setxattr")
int BPF_PROG(inode_setxattr__no_idmap, struct user_namespace *userns, struct dentry *dentry, const char *name, const void *value,
	     unsigned long size, int flags, int ret)
{
	if (ret)
		return ret;
	return setxattr_event(SCALAR_ARG(ctx, 1), name, size);
}

/* The first argument, which differs between kernels, is not looked at. */
SEC("lsm/inode_removexattr")
int BPF_PROG(inode_removexattr, void *idmap, struct dentry *dentry, const char *name, int ret)
{
	if (ret)
		return ret;
	return removexattr_event(SCALAR_ARG(ctx, 1), name);
}

/*
 * Access control lists, which later kernels do not pass through the hooks of the other attributes. The size is that of the list
 * in its form for user space: a header and 8 bytes for each entry. One without entries takes the file's away.
 */
SEC("lsm/inode_set_acl")
int BPF_PROG(inode_set_acl, struct mnt_idmap *idmap, struct dentry *dentry, const char *name, struct posix_acl *acl, int ret)
{
	if (ret)
		return ret;
	struct posix_acl *list = (void *)SCALAR_ARG(ctx, 3); /* NULL: there are no entries */
	if (!list)
		return removexattr_event(SCALAR_ARG(ctx, 1), name);
	return setxattr_event(SCALAR_ARG(ctx, 1), name, 4 + 8 * (u64)BPF_CORE_READ(list, a_count));
}

SEC("lsm/inode_remove_acl")
int BPF_PROG(inode_remove_acl, struct mnt_idmap *idmap, struct dentry *dentry, const char *name, int ret)
{
	if (ret)
		return ret;
	return removexattr_event(SCALAR_ARG(ctx, 1), name);
}
