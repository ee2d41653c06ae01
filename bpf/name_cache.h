/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the names of a file were found to be a moment ago, for verdicts: instead of a walk and two look-ups, and where no rule can hold for
 * these names, instead of the whole decision.
 *
 * Kept is what the two paths are to the tables, not what was decided: who acts is asked each time. An entry is right for the tables it was
 * found by, as long as nothing was renamed or mounted since (the kernel's rename and mount sequences are part of it) and the dentry
 * still is the same name in the same directory: never the inode alone, of which links and bind mounts give many. A freed dentry's memory comes
 * back as another, so that its name is compared whole, and the directory by its inode's number and generation, its own name and its parent.
 * Names that are not inside the dentry itself, kernels that do not show those sequences, and roots of mounts have no entries.
 */
#pragma once

#include "bpf/path.h"

struct name_entry {
	u32 version; /* odd while it is written */
	u32 reserved;
	struct name_id id;
	struct name_answer by_kind[2]; /* verdicts, approval */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set at load with enforcement */
	__type(key, u32);
	__type(value, struct name_entry);
} name_cache SEC(".maps");

/* Where later kernels have the name that is inside a dentry. */
union shortname_store___here {
	unsigned long words[5];
} __attribute__((preserve_access_index));

struct dentry___shortname {
	union shortname_store___here d_shortname;
} __attribute__((preserve_access_index));

/* Of typed pointers, an instruction each. false: it cannot be told from others. */
static __always_inline bool name_id_of(struct name_id *id, struct vfsmount *mnt, struct dentry *d)
{
	/* before the names and parents that they speak for */
	u32 renames = renames_now(), mounts = mounts_now();
	struct dentry *dir = d->d_parent;
	u32 length = d->d_name.len;
	if (!renames || !mounts || ((renames | mounts) & 1) || dir == d || mnt->mnt_root == d || length >= NAME_INLINE)
		return false;
	struct inode *inode = dir->d_inode;
	id->renames = renames;
	id->mounts = mounts;
	id->dentry = (u64)d;
	id->mnt = (u64)mnt;
	id->dir = (u64)dir;
	id->hash = d->d_name.hash;
	id->length = length;
	/* with what earlier names have left behind the end: it stays while the dentry does */
	if (bpf_core_field_exists(d->d_iname)) {
		id->name[0] = *(u64 *)&d->d_iname[0];
		id->name[1] = *(u64 *)&d->d_iname[8];
		id->name[2] = *(u64 *)&d->d_iname[16];
		id->name[3] = *(u64 *)&d->d_iname[24];
	} else {
		struct dentry___shortname *later = (void *)d;
		id->name[0] = later->d_shortname.words[0];
		id->name[1] = later->d_shortname.words[1];
		id->name[2] = later->d_shortname.words[2];
		id->name[3] = later->d_shortname.words[3];
	}
	id->dir_parent = (u64)dir->d_parent;
	id->dir_hash = dir->d_name.hash;
	id->dir_inode = inode->i_ino;
	id->dir_generation = inode->i_generation;
	return true;
}

/* The same of a file to be looked up, with what spares its walk a few reads. */
static __always_inline void name_ask(struct ask_file *f, struct vfsmount *mnt, struct dentry *d)
{
	f->mnt = (u64)mnt;
	f->dentry = (u64)d;
	f->has_id = name_id_of(&f->id, mnt, d);
	if (!f->has_id)
		return;
	struct dentry *root = mnt->mnt_root;
	f->mount_root = (u64)root;
	f->root_is = root->d_parent == root ? ROOT_WHOLE : ROOT_PART;
}

static __always_inline struct name_entry *name_entry(const struct name_id *id)
{
	u32 at = (u32)(((id->dir_inode ^ id->hash) * 0x9e3779b97f4a7c15ull) >> 40) & (NAME_ENTRIES - 1);
	return bpf_map_lookup_elem(&name_cache, &at);
}

static __always_inline bool name_is(const struct name_entry *e, const struct name_id *id)
{
	return e->id.dentry == id->dentry && e->id.renames == id->renames && e->id.mounts == id->mounts && e->id.mnt == id->mnt &&
	       e->id.dir == id->dir && e->id.hash == id->hash && e->id.length == id->length && e->id.name[0] == id->name[0] && e->id.name[1] == id->name[1] &&
	       e->id.name[2] == id->name[2] && e->id.name[3] == id->name[3] && e->id.dir_parent == id->dir_parent &&
	       e->id.dir_hash == id->dir_hash && e->id.dir_inode == id->dir_inode && e->id.dir_generation == id->dir_generation;
}

/* No clause of these tables about this event is left by the file's names alone. generation 0: nobody asks. */
static __always_inline bool name_clears(const struct name_entry *e, u32 kind, u32 generation, u32 event)
{
	const struct name_answer *n = &e->by_kind[kind & 1];
	return !generation || (n->generation == generation && (n->clear & BIT(event)));
}

/* The same of an event's verdict and approval together. */
static __always_inline bool name_is_clear(const struct name_id *id, u32 generation, u32 approval, u32 event)
{
	struct name_entry *e = name_entry(id);
	if (!e)
		return false;
	u32 version = *(volatile u32 *)&e->version;
	asm volatile("" ::: "memory"); /* nothing of the entry may be read before its version */
	if ((version & 1) || !name_is(e, id) || !name_clears(e, 0, generation, event) || !name_clears(e, 1, approval, event))
		return false;
	asm volatile("" ::: "memory");
	return *(volatile u32 *)&e->version == version;
}

/* What is known of the names for these tables. false: nothing. */
static __always_inline bool name_recall(const struct name_id *id, u32 kind, u32 generation, struct name_answer *ret)
{
	struct name_entry *e = name_entry(id);
	if (!e)
		return false;
	u32 version = *(volatile u32 *)&e->version;
	asm volatile("" ::: "memory");
	if ((version & 1) || !name_is(e, id) || e->by_kind[kind & 1].generation != generation)
		return false;
	*ret = e->by_kind[kind & 1];
	asm volatile("" ::: "memory");
	return *(volatile u32 *)&e->version == version;
}

static __always_inline void name_remember(const struct name_id *id, u32 kind, const struct name_answer *answer)
{
	struct name_entry *e = name_entry(id);
	if (!e)
		return;
	u32 version = e->version;
	if ((version & 1) || __sync_val_compare_and_swap(&e->version, version, version + 1) != version)
		return;
	if (!name_is(e, id)) {
		e->id = *id;
		e->by_kind[!(kind & 1)].generation = 0;
	}
	e->by_kind[kind & 1] = *answer;
	__sync_fetch_and_add(&e->version, 1);
}
