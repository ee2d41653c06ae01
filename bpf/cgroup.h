/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The path of a cgroup below the root of its hierarchy. */
#pragma once

#include "bpf/maps.h"

/* 1 when x is not 0, without a branch. */
static __always_inline u64 is_not_zero(u64 x)
{
	u64 minus = -x;
	asm volatile("" : "+r"(minus)); /* or clang makes the branch that is to be avoided */
	return (x | minus) >> 63;
}

static __always_inline struct kernfs_node *kernfs_parent(struct kernfs_node *kn)
{
	struct kernfs_node___renamed *later = (void *)kn;
	if (bpf_core_field_exists(later->__parent))
		return BPF_CORE_READ(later, __parent);
	return BPF_CORE_READ(kn, parent);
}

struct cgroup_walk {
	struct kernfs_node *kn;
	u8 *buffer, *small; /* PATH_BUFFER bytes, and 256 for a name */
	u32 offset, is_whole;
	u32 rooted_end; /* root alone could name what stands before it */
};

static long cgroup_step(u64 i, struct cgroup_walk *w)
{
	struct kernfs_node *kn = w->kn;
	struct kernfs_node *parent = kernfs_parent(kn);
	if (!parent) {
		w->is_whole = 1;
		return 1;
	}
	/* whoever owns a folder makes folders in it; one that never changed hands has no attributes, and is root's */
	if (BPF_CORE_READ(kn, iattr, ia_uid.val))
		w->rooted_end = w->offset;
	long n = bpf_probe_read_kernel_str(w->small, 256, BPF_CORE_READ(kn, name));
	u32 len = n > 0 ? (u32)n - 1 : 0;
	if (len > 255 || w->offset < len + 1 || w->offset > RECORD_PATH_MAX)
		return 1;
	u32 at = w->offset - len;
	bpf_probe_read_kernel(&w->buffer[at & (RECORD_PATH_MAX - 1)], len & 255, w->small);
	at--;
	w->buffer[at & (RECORD_PATH_MAX - 1)] = '/';
	w->offset = at;
	w->kn = parent;
	return 0;
}

/* Returns where in the buffer the part ends whose names root alone could give. */
static __always_inline u32 cgroup_path(struct kernfs_node *kn, u8 *buffer, u8 *small, struct path_result *ret)
{
	struct cgroup_walk w = { .kn = kn, .buffer = buffer, .small = small, .offset = RECORD_PATH_MAX, .rooted_end = RECORD_PATH_MAX };
	bpf_loop(32, cgroup_step, &w, 0);
	if (w.offset == RECORD_PATH_MAX) {
		w.offset--;
		buffer[RECORD_PATH_MAX - 1] = '/';
	}
	*ret = (struct path_result){ .offset = w.offset, .length = RECORD_PATH_MAX - w.offset, .is_cut = !w.is_whole };
	return w.rooted_end;
}
