/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Paths of kernel objects, walked by ourselves up to the root of the mount namespace, so that a chroot does not hide anything,
 * and checked against concurrent renames. bpf_d_path would stop at the caller's root and is allowed in few hooks.
 */
#pragma once

#include "bpf/maps.h"

enum { DENTRY_DISCONNECTED = 0x20 /* DCACHE_DISCONNECTED: found by its inode, its name is not known */ };
enum { PATH_MAX_STEPS = 2048, WALK_RUNNING = 0, WALK_ROOT = 1, WALK_DETACHED = 2, WALK_CUT = 3, WALK_NAMELESS = 4 };

/* What the steps of a walk are given. */
struct walk_in {
	struct walk *w;
	u8 *buffer; /* PATH_BUFFER bytes of a slot */
};

/* Sequence counters of the kernel's rename and mount locks; 0 where the kernel does not show them (then a torn path cannot be noticed). */
static __always_inline u32 sequence_of(u64 lock)
{
	u32 v = 0;
	bpf_probe_read_kernel(&v, sizeof(v), (const void *)lock); /* zeroes what it cannot read */
	return v;
}

static __always_inline u32 renames_now(void)
{
	return sequence_of(config.rename_lock);
}

static __always_inline u32 mounts_now(void)
{
	return sequence_of(config.mount_lock);
}

/* What was met joins the sum. A dentry's own sequence is odd while it gets another name or parent, and another one afterwards. */
static __always_inline void walk_meets(struct walk *w, u64 what, u64 sequence)
{
	w->met = ((w->met ^ what) * 0x9e3779b97f4a7c15ull ^ sequence) * 0xff51afd7ed558ccdull;
	w->met ^= w->met >> 32;
	w->is_moving |= sequence & 1;
}

/* One component, or one mount crossing. Kept straight: 6.12 verifies callbacks iteratively and pays for every branch. */
static __always_inline long walk_one(struct walk_in *in, bool is_summed)
{
	struct walk *w = in->w;
	u64 d = w->dentry;
	if (d == w->mount_root) {
		if (!w->fs_offset) {
			w->fs_offset = w->offset;
			w->first_root = d;
		}
		struct mount *m = (void *)w->mnt - bpf_core_field_offset(struct mount, mnt);
		struct mount *parent = BPF_CORE_READ(m, mnt_parent);
		if (parent == m) {
			w->state = WALK_ROOT;
			return 1;
		}
		struct vfsmount *above = (void *)parent + bpf_core_field_offset(struct mount, mnt);
		w->dentry = (u64)BPF_CORE_READ(m, mnt_mountpoint);
		w->mnt = (u64)above;
		w->mount_root = (u64)BPF_CORE_READ(above, mnt_root);
		if (is_summed)
			walk_meets(w, (u64)above, 0);
		return 0;
	}
	/* d_parent and d_name are neighbours (the loader checks it in BTF): one read for both */
	struct {
		u64 parent;
		u32 hash, len;
		const char *name;
	} q;
	if (bpf_probe_read_kernel(&q, sizeof(q), (void *)d + bpf_core_field_offset(struct dentry, d_parent))) {
		w->state = WALK_CUT;
		return 1;
	}
	/* some file systems have names of more bytes: what is cut off could be what a rule is about */
	u32 len = q.len & 255, offset = w->offset;
	if (q.len != len || offset < len + 1 || offset > RECORD_PATH_MAX) {
		w->state = WALK_CUT;
		return 1;
	}
	u32 at = offset - len;
	/* the mask tells the verifier what the test above already said */
	if (bpf_probe_read_kernel(&in->buffer[at & (RECORD_PATH_MAX - 1)], len, q.name)) {
		w->state = WALK_CUT;
		return 1;
	}
	if (is_summed) { /* after the name and the parent that it speaks for */
		bpf_probe_read_kernel(&w->sequence, sizeof(w->sequence), (void *)d + bpf_core_field_offset(struct dentry, d_seq));
		walk_meets(w, d, w->sequence);
	}
	if (q.parent == d) { /* top of a file system reached without its mount: a memfd, a pipe, or the walk without a mount */
		if (!(len == 1 && in->buffer[at & (RECORD_PATH_MAX - 1)] == '/'))
			w->offset = at;
		w->state = len ? WALK_DETACHED : WALK_NAMELESS; /* a pipe or a socket has no name at all */
		return 1;
	}
	at--;
	in->buffer[at & (RECORD_PATH_MAX - 1)] = '/';
	w->offset = at;
	w->dentry = q.parent;
	return 0;
}

static long walk_step(u64 i, struct walk_in *in)
{
	return walk_one(in, false);
}

static long walk_step_summed(u64 i, struct walk_in *in)
{
	return walk_one(in, true);
}

/* Notes whether nothing was renamed or mounted meanwhile. mnt 0: inside the file system only. */
static __always_inline void walk_once(struct walk_in *in, u64 mnt, u64 dentry, u32 has_begun, bool is_summed)
{
	struct walk *w = in->w;
	if (!has_begun) {
		w->root_is = ROOT_UNKNOWN;
		w->renames = renames_now();
		w->mounts = mounts_now();
	}
	struct vfsmount *m = (void *)mnt;
	w->dentry = dentry;
	w->mnt = mnt;
	if (!has_begun)
		w->mount_root = mnt ? (u64)BPF_CORE_READ(m, mnt_root) : 0;
	w->offset = RECORD_PATH_MAX;
	w->state = WALK_RUNNING;
	w->fs_offset = 0;
	if (is_summed) {
		w->met = w->is_moving = 0;
		bpf_loop(PATH_MAX_STEPS, walk_step_summed, in, 0);
	} else {
		bpf_loop(PATH_MAX_STEPS, walk_step, in, 0);
	}
	u32 renames = w->renames, mounts = w->mounts;
	w->is_stable = !((renames | mounts) & 1) && renames == renames_now() && mounts == mounts_now();
}

/*
 * A file that was opened by its handle has no name while none is in memory: what the walk found is no path. Not so for the kernel's own
 * threads: the file server opens all its files that way.
 */
static __always_inline bool is_nameless(struct walk *w)
{
	/* not to the stack: the callers of walks have little of it left */
	bpf_probe_read_kernel(&w->top_flags, sizeof(w->top_flags), (void *)w->dentry + bpf_core_field_offset(struct dentry, d_flags));
	return (w->top_flags & DENTRY_DISCONNECTED) && !(bpf_get_current_task_btf()->flags & PF_KTHREAD);
}

/*
 * Somebody renames or mounts all the time, maybe far from here. Two walks in a row that met the same dentries, none of them being renamed, with the
 * same sequences: then none of them was renamed between, and what the second one read was all so at the end of the first.
 */
static __always_inline void walk_again(struct walk_in *in, u64 mnt, u64 dentry)
{
	struct walk *w = in->w;
	walk_once(in, mnt, dentry, 0, true);
	if (w->is_stable)
		return;
	w->met_before = w->is_moving ? 0 : w->met;
	walk_once(in, mnt, dentry, 0, true);
	w->is_stable |= w->met == w->met_before;
}

/* has_begun: the sequences that the first try is to be measured by are in the walk already, with mount_root and root_is. */
static __always_inline void walk_tries(u64 mnt, u64 dentry, u32 has_begun, struct walk *w, u8 *buffer, struct path_result *r)
{
	struct walk_in in = { .w = w, .buffer = buffer };
	walk_once(&in, mnt, dentry, has_begun, false); /* written out: a bpf_loop inside a loop is refused by 6.1 */
	if (!w->is_stable)
		walk_again(&in, mnt, dentry);
	u32 offset = w->offset, state = w->state, fs_offset = w->fs_offset;
	if (offset > RECORD_PATH_MAX)
		offset = RECORD_PATH_MAX;
	if (offset == RECORD_PATH_MAX && (state == WALK_ROOT || state == WALK_DETACHED)) { /* the root itself */
		offset = RECORD_PATH_MAX - 1;
		buffer[RECORD_PATH_MAX - 1] = '/';
	}
	r->offset = offset;
	r->length = RECORD_PATH_MAX - offset;
	r->is_cut = state == WALK_CUT || state == WALK_RUNNING;
	r->is_unstable = !w->is_stable || (state == WALK_DETACHED && is_nameless(w));
	r->is_detached = state == WALK_DETACHED || state == WALK_NAMELESS;
	/* a mount of a whole file system (no bind mount of a folder): the path's end is the path inside it */
	r->fs_offset = 0;
	if (state == WALK_ROOT && fs_offset < RECORD_PATH_MAX && fs_offset >= offset) {
		struct dentry *top = (void *)w->first_root;
		u32 root_is = w->root_is;
		if (root_is == ROOT_UNKNOWN)
			root_is = BPF_CORE_READ(top, d_parent) == top ? ROOT_WHOLE : ROOT_PART;
		if (root_is == ROOT_WHOLE)
			r->fs_offset = fs_offset;
	}
}

/* Global functions are verified once, not at each call; they take scalars only. */
__noinline int path_walk(u64 mnt, u64 dentry, u32 slot_index)
{
	struct slot *s = bpf_map_lookup_elem(&slots, &slot_index);
	if (!s)
		return 0;
	walk_tries(mnt, dentry, 0, &s->walk, s->path_buffer, &s->path);
	return 0;
}

__noinline int path_walk_ask(u64 mnt, u64 dentry, u32 has_begun, u32 ask_index)
{
	struct ask *a = can_decide ? bpf_map_lookup_elem(&asks, &ask_index) : NULL;
	if (!a)
		return 0;
	walk_tries(mnt, dentry, has_begun, &a->walk, a->path_buffer, &a->path);
	return 0;
}
