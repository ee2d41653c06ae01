/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The path of a file that a hook was given without the mount it was reached by. */
#pragma once

#include "bpf/task.h"

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
