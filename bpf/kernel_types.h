/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The kernel members we read, declared by hand and relocated at load (CO-RE). Only names and types matter, not order or size.
 * Members that exist in some kernels only stand in flavours (name___x).
 */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __s32 s32;
typedef __u64 u64;
typedef __s64 s64;

#define S_IFMT 00170000
#define S_IFSOCK 0140000
#define S_IFLNK 0120000
#define S_IFREG 0100000
#define S_IFBLK 0060000
#define S_IFDIR 0040000
#define S_IFCHR 0020000
#define S_IFIFO 0010000

#define FMODE_READ 0x1
#define FMODE_WRITE 0x2
#define FMODE_EXEC 0x20
#define FMODE_CREATED 0x100000
#define FMODE_NOACCOUNT 0x20000000 /* a file system's own open of a backing file (overlayfs) */

#define PF_IO_WORKER 0x00000010
#define PF_KTHREAD 0x00200000

#define AF_UNSPEC 0
#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10

#define PIDTYPE_PGID 2
#define PIDTYPE_SID 3
#define TS_COMPAT 0x0002

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	u32 val;
} kuid_t;
typedef struct {
	u32 val;
} kgid_t;

struct ns_common {
	unsigned int inum;
};
struct user_namespace {
	int level;
	struct ns_common ns;
};
struct pid_namespace {
	struct ns_common ns;
};
struct mnt_namespace {
	struct ns_common ns;
};
struct net {
	struct ns_common ns;
};
struct nsproxy {
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
};
struct upid {
	int nr;
	struct pid_namespace *ns;
};
struct pid {
	unsigned int level;
	struct upid numbers[1];
};
typedef struct { /* from 6.3; before, two words of 32 bits */
	u64 val;
} kernel_cap_t;
struct kernel_cap_struct {
	u32 cap[2];
};
struct cred {
	kernel_cap_t cap_permitted, cap_effective;
	kuid_t uid, euid, suid, fsuid;
	kgid_t gid, egid, sgid, fsgid;
	struct user_namespace *user_ns;
};
struct cred___two_words {
	struct kernel_cap_struct cap_permitted, cap_effective;
};
typedef struct {
	int counter;
} atomic_t;
struct tty_struct {
	char name[64];
};
struct signal_struct {
	atomic_t live;
	struct pid *pids[4];
	struct tty_struct *tty;
	int group_exit_code;
};
struct kernfs_iattrs {
	kuid_t ia_uid;
};
struct kernfs_node {
	struct kernfs_node *parent;
	const char *name;
	u64 id;
	struct kernfs_iattrs *iattr;
};
struct kernfs_node___renamed { /* later kernels */
	struct kernfs_node *__parent;
};
struct cgroup {
	struct kernfs_node *kn;
};
struct css_set {
	struct cgroup *dfl_cgrp;
};
struct list_head {
	struct list_head *next, *prev;
};
struct qstr {
	u32 hash, len;
	const unsigned char *name;
};
struct super_block;
struct inode;
typedef struct {
	unsigned int sequence; /* lies deeper, at the beginning */
} seqcount_spinlock_t;
struct dentry {
	unsigned int d_flags;
	seqcount_spinlock_t d_seq;
	struct dentry *d_parent;
	struct qstr d_name;
	struct inode *d_inode;
	unsigned char d_iname[32]; /* later kernels have more */
	struct super_block *d_sb;
};
struct file_system_type {
	const char *name;
};
struct super_block {
	u32 s_dev;
	unsigned long s_magic;
	struct dentry *s_root;
	struct file_system_type *s_type;
	struct list_head s_mounts;
	struct user_namespace *s_user_ns;
};
struct timespec64 {
	s64 tv_sec;
	long tv_nsec;
};
struct inode {
	u16 i_mode;
	kuid_t i_uid;
	kgid_t i_gid;
	struct super_block *i_sb;
	unsigned long i_ino;
	unsigned int i_nlink;
	u32 i_rdev;
	u32 i_generation;
	s64 i_size;
	struct {
		s64 counter;
	} i_version;
	struct {
		int counter;
	} i_writecount;
	void *i_private;
};
struct inode___mtime_struct { /* up to 6.5 */
	struct timespec64 i_mtime;
};
struct inode___mtime_hidden { /* 6.6 to 6.10 */
	struct timespec64 __i_mtime;
};
struct inode___mtime_split { /* from 6.11 */
	s64 i_mtime_sec;
	u32 i_mtime_nsec;
};
struct inode___ctime_struct { /* up to 6.5 */
	struct timespec64 i_ctime;
};
struct inode___ctime_hidden { /* 6.6 to 6.10 */
	struct timespec64 __i_ctime;
};
struct inode___ctime_split { /* from 6.11 */
	s64 i_ctime_sec;
	u32 i_ctime_nsec;
};
struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
	int mnt_flags;
};
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct list_head mnt_instance;
	struct mnt_namespace *mnt_ns;
	int mnt_group_id;
};
struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};
struct file {
	struct path f_path;
	struct inode *f_inode;
	unsigned int f_flags;
	unsigned int f_mode;
	void *private_data;
};
struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};
struct files_struct {
	struct fdtable *fdt;
};
struct fs_struct {
	int umask;
	struct path root, pwd;
};
struct mm_struct {
	unsigned long arg_start, arg_end, env_start, env_end;
	unsigned long start_brk, brk, start_stack;
	struct file *exe_file;
};
struct vm_area_struct {
	unsigned long vm_start, vm_end;
	unsigned long vm_flags;
	struct file *vm_file;
};
struct thread_info {
	u32 status;
};
struct task_struct__safe_rcu { /* from 6.4 on: what the verifier searches for */
	void *real_parent;
};
struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	int pid, tgid;
	int exit_code;
	u64 start_boottime;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	const struct cred *cred;
	struct mm_struct *mm;
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	kuid_t loginuid;
	unsigned int sessionid;
	struct css_set *cgroups;
	char comm[16];
};
struct linux_binprm {
	struct file *file;
	const char *filename, *interp, *fdpath;
	unsigned int secureexec : 1;
	unsigned long p, exec;
	int argc, envc;
};
struct in6_addr {
	union {
		u8 u6_addr8[16];
	} in6_u;
};
struct sock_common {
	u32 skc_daddr, skc_rcv_saddr;
	u16 skc_dport, skc_num;
	u16 skc_family;
	u8 skc_state;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};
struct sock {
	struct sock_common __sk_common;
	u16 sk_type, sk_protocol;
	struct socket *sk_socket;
};
struct socket {
	short type;
	struct file *file;
	struct sock *sk;
};
struct sockaddr_un {
	u16 sun_family;
	char sun_path[108];
};
struct unix_address {
	int len;
	struct sockaddr_un name[0];
};
struct unix_sock {
	struct unix_address *addr;
	struct path path;
	struct sock *peer;
};
struct msghdr {
	void *msg_name;
	int msg_namelen;
};
struct iattr {
	unsigned int ia_valid;
	u16 ia_mode;
	kuid_t ia_uid;
	kgid_t ia_gid;
	s64 ia_size;
};
struct posix_acl {
	unsigned int a_count;
};
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

#pragma clang attribute pop

/* In kernel BTF only by name, so that their size is not needed. */
struct sockaddr {
	u16 sa_family;
	char sa_data[14];
};
struct mnt_idmap;
struct kernel_siginfo;
