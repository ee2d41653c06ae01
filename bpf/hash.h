/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Hashes of executed files. Only a program that may sleep can have one made, and such a program cannot ask the tables: it leaves the hash for the one
 * that decides. From before the hash until the image is mapped the file is not writable (exec denies writes); where it is, there is no hash.
 */
#pragma once

#include "bpf/decide.h"

enum { ALGO_SHA256 = 4, /* enum hash_algo, which never changes */
       HASH_MAX_BYTES = 256 << 20, /* a larger file has no hash: nobody shall keep a processor busy for hours by one exec */
       SETTLED_NS = 1000000000 /* a change time this old will not be given to a later change */ };

static __always_inline struct exec_hash *exec_hash_of(struct task_struct *task, struct inode *inode)
{
	u64 key = (u64)task;
	struct exec_hash *h = config.is_hashing ? bpf_map_lookup_elem(&exec_hashes, &key) : NULL;
	return h && h->inode == (u64)inode ? h : NULL;
}

/*
 * Whether what is executed is what was hashed. A server may give out something else the next time, a mapping of a file in an overlay's upper layer can be
 * written though the overlay's own inode is being executed, and the descriptor that made a memfd writes to it without the inode counting a writer.
 */
static __always_inline bool is_content_kept(struct inode *inode)
{
	switch (BPF_CORE_READ(inode, i_sb, s_magic)) {
	case SQUASHFS_MAGIC:
	case EROFS_MAGIC:
	case ISO9660_MAGIC:
		return true;
	case TMPFS_MAGIC:
		return BPF_CORE_READ(inode, i_nlink) > 0; /* a memfd has no name from the start */
	default:
		return is_kept_by_kernel(inode) && !is_upper_layer(inode);
	}
}

/* Of tmpfs a page that was read through a shared mapping is written without a trace. */
static __always_inline bool is_change_seen(struct inode *inode)
{
	u64 magic = BPF_CORE_READ(inode, i_sb, s_magic);
	return magic != TMPFS_MAGIC && magic != RAMFS_MAGIC;
}

static __always_inline void ask_hash(struct ask *a, struct task_struct *task, struct inode *inode)
{
	struct exec_hash *h = exec_hash_of(task, inode);
	if (h && BPF_CORE_READ(inode, i_writecount.counter) < 0)
		ask_name(a, h->text);
	else
		a->hidden |= BIT(DIMENSION_NAME);
}

/* The exec is over, or the thread. */
static __always_inline void exec_hash_forget(struct task_struct *task)
{
	u64 key = (u64)task;
	if (config.is_hashing)
		bpf_map_delete_elem(&exec_hashes, &key);
}

static __always_inline bool is_kept(const struct kept_hash *kept, struct inode *inode)
{
	return kept->size == (u64)inode->i_size && kept->ctime_ns == ctime_of(inode) && kept->version == (u64)inode->i_version.counter;
}

static __always_inline char hex_digit(u32 number)
{
	return (char)('0' + number + ((9 - number) >> 31) * ('a' - '0' - 10)); /* a branch for each would be paths that the verifier walks */
}

static __always_inline int hash_make(struct file *file, struct exec_hash *ret)
{
	u8 bytes[64] = {};
	if (bpf_ima_file_hash(file, bytes, sizeof(bytes)) != ALGO_SHA256)
		return -1;
	for (u32 i = 0; i < HASH_BYTES; i++) {
		ret->text[2 * i] = hex_digit(bytes[i] >> 4);
		ret->text[2 * i + 1] = hex_digit(bytes[i] & 15);
	}
	ret->inode = (u64)file->f_inode;
	return 0;
}

/*
 * For the next time, where the file has not been touched for long enough that a later change would show. Published as a whole: what is stale is
 * taken away and not written over, for another processor may be reading it.
 */
static __always_inline void hash_keep(struct inode *inode, const struct exec_hash *hash, bool is_stale)
{
	struct kept_hash kept = { .size = inode->i_size, .ctime_ns = ctime_of(inode), .version = inode->i_version.counter, .hash = *hash };
	if (is_stale)
		bpf_inode_storage_delete(&kept_hashes, inode);
	if (!is_change_seen(inode) || kept.ctime_ns + SETTLED_NS > config.boot_wall_ns + bpf_ktime_get_boot_ns())
		return;
	bpf_inode_storage_get(&kept_hashes, inode, &kept, BPF_LOCAL_STORAGE_GET_F_CREATE); /* without room it is made again the next time */
}
