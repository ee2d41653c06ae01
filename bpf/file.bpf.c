/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Files in lsm mode. The path hooks are handed a directory and a name's dentry: the dentry of a name that does not exist yet
 * already has its parent, so that the same walk gives the path to be.
 */
#include "bpf/decide.h"
#include "bpf/dir_cache.h"

enum { RENAME_EXCHANGE = 2 };

enum { CALL_OPEN = 2, CALL_CREAT = 85, CALL_OPENAT = 257, CALL_OPENAT2 = 437,
       CALL_OPEN_COMPAT = 5, CALL_CREAT_COMPAT = 8, CALL_OPENAT_COMPAT = 295 };

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
		ask_number(a, DIMENSION_NUMBER_2, mode & 07777);
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
