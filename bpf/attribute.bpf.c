/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Extended attributes and access control lists in lsm mode. Their hooks are given a name without its mount. */
#include "bpf/decide.h"
#include "bpf/mount_search.h"

enum { XATTR_NAME_MAX = 256 };

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
