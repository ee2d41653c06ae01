/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Paths of directories that were walked a moment ago, for the hook that is hit most: a file's path is then one look-up and two copies
 * instead of a walk. Reports only, never verdicts.
 *
 * An entry is right as long as nothing was renamed or mounted since (the kernel's rename and mount sequences are part of it) and the
 * dentry still is the same directory (its inode's number and generation, its name's hash and its parent are, too: a freed
 * dentry's memory comes back as another). Without those sequences there is no cache.
 */
#pragma once

#include "bpf/task.h"

enum {
	DIR_CACHE_ENTRIES = 1024, /* power of two */
	DIR_PATH_MAX = 240,       /* longer directories are walked each time */
	DIR_NAME_MAX = 256,
};

struct dir_entry {
	u32 version;         /* odd while it is written */
	u32 renames, mounts; /* sequences at the walk */
	u32 length;          /* of path; 0: the root directory */
	u32 fs_start;        /* where the part inside the file system begins */
	u32 generation;
	u64 name_hash, dentry, parent, mnt, inode;
	u8 path[DIR_PATH_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DIR_CACHE_ENTRIES);
	__type(key, u32);
	__type(value, struct dir_entry);
} dir_cache SEC(".maps");

/* What must be equal for an entry to count; read through typed pointers, an instruction each. */
struct dir_identity {
	u32 renames, mounts, generation;
	u64 name_hash, dentry, parent, mnt, inode;
};

/* By numbers, not by the dentry's address: the verifier allows no arithmetic on a typed pointer. */
static __always_inline struct dir_entry *dir_slot(const struct dir_identity *id)
{
	u32 at = (u32)(((id->inode ^ id->name_hash) * 0x9e3779b97f4a7c15ull) >> 40) & (DIR_CACHE_ENTRIES - 1);
	return bpf_map_lookup_elem(&dir_cache, &at);
}

static __always_inline bool dir_is(const struct dir_entry *e, const struct dir_identity *id)
{
	return e->dentry == id->dentry && e->renames == id->renames && e->mounts == id->mounts && e->mnt == id->mnt && e->inode == id->inode &&
	       e->generation == id->generation && e->name_hash == id->name_hash && e->parent == id->parent;
}

static __always_inline void dir_remember(struct dir_entry *e, const struct dir_identity *id, struct slot *s, u32 name_length)
{
	u32 length = s->path.length - name_length - 1, offset = s->path.offset, fs_start = s->path.fs_offset - offset;
	u32 version = e->version;
	if (s->path.length <= name_length || length > DIR_PATH_MAX || fs_start > length || (version & 1))
		return;
	if (__sync_val_compare_and_swap(&e->version, version, version + 1) != version)
		return;
	e->renames = id->renames;
	e->mounts = id->mounts;
	e->generation = id->generation;
	e->name_hash = id->name_hash;
	e->dentry = id->dentry;
	e->parent = id->parent;
	e->mnt = id->mnt;
	e->inode = id->inode;
	e->length = length;
	e->fs_start = fs_start;
	asm volatile("" : "+r"(length), "+r"(offset));
	length &= 255;
	if (length <= DIR_PATH_MAX)
		bpf_probe_read_kernel(e->path, length, &s->path_buffer[offset & (RECORD_PATH_MAX - 1)]);
	__sync_fetch_and_add(&e->version, 1);
}

/* Both strings from an entry; false: it does not fit, or was written meanwhile. */
static __always_inline bool dir_use(const struct dir_entry *e, const struct dir_identity *id, struct slot *s, const unsigned char *name,
				    u32 name_length, struct wire_str *path, struct wire_str *fs_path)
{
	u32 version = *(volatile const u32 *)&e->version;
	asm volatile("" ::: "memory"); /* nothing of the entry may be read before its version */
	if ((version & 1) || !dir_is(e, id))
		return false;
	u32 length = e->length, fs_start = e->fs_start, start = s->tail;
	if (length > DIR_PATH_MAX || name_length >= DIR_NAME_MAX || !tail_fits(s, DIR_PATH_MAX + DIR_NAME_MAX))
		return false;
	asm volatile("" : "+r"(length), "+r"(name_length));
	length &= 255;
	name_length &= 255;
	if (length > DIR_PATH_MAX)
		return false;
	bpf_probe_read_kernel(tail_at(s), length, e->path);
	s->tail += length;
	*tail_at(s) = '/';
	s->tail++;
	bpf_probe_read_kernel(tail_at(s), name_length, name);
	s->tail += name_length;
	u32 whole = length + 1 + name_length;
	if (*(volatile const u32 *)&e->version != version || id->renames != renames_now() || id->mounts != mounts_now()) {
		s->tail = start;
		return false;
	}
	*path = (struct wire_str){ start, whole };
	*fs_path = (struct wire_str){ start + fs_start, whole - fs_start };
	return true;
}

/* path and fs_path of a file that has a name: from the cache, or walked and remembered. */
static __always_inline void put_file_paths(struct slot *s, u32 index, struct file *file, struct wire_str *path, struct wire_str *fs_path)
{
	/* before the names and parents that they speak for */
	u32 renames = renames_now(), mounts = mounts_now();
	struct vfsmount *mnt = file->f_path.mnt;
	struct dentry *d = file->f_path.dentry;
	struct dentry *dir = d->d_parent;
	struct inode *inode = dir->d_inode;
	u32 name_length = d->d_name.len;
	struct dir_identity id = {
		.renames = renames,
		.mounts = mounts,
		.generation = inode->i_generation,
		.name_hash = dir->d_name.hash,
		.dentry = (u64)dir,
		.parent = (u64)dir->d_parent,
		.mnt = (u64)mnt,
		.inode = inode->i_ino,
	};
	/* 0 is a sequence that this kernel does not show */
	bool is_cached = renames && mounts && !(renames & 1) && !(mounts & 1) && dir != d && mnt->mnt_root != d;
	struct dir_entry *e = is_cached ? dir_slot(&id) : NULL;
	if (e && dir_use(e, &id, s, d->d_name.name, name_length, path, fs_path))
		return;
	/* read once more as scalars, which global functions want */
	put_both_paths(s, index, (u64)BPF_CORE_READ(file, f_path.mnt), (u64)BPF_CORE_READ(file, f_path.dentry), path, fs_path, FLAG_PATH, FLAG_FS_PATH);
	if (e && s->path.fs_offset && !s->path.is_cut && !s->path.is_unstable && id.renames == renames_now() &&
	    id.mounts == mounts_now())
		dir_remember(e, &id, s, name_length);
}
