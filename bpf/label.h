/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What decisions know of whoever acts: the classes of the image's file, and which ancestor predicates hold. Kept by process id in a
 * preallocated map; inherited at fork before the child can run, renewed at exec before the new image can. A creator whose names could
 * not be read, or who was there before all this, makes the ancestors unknown; that is never taken for "none".
 */
#pragma once

#include "bpf/claim.h"
#include "bpf/task.h"

/* --- labels ----------------------------------------------------------------------------------------------------------------- */

static __always_inline struct task_label *label_of(u32 tgid, u64 start)
{
	struct task_label *l = bpf_map_lookup_elem(&labels, &tgid);
	return l && l->start_boot_ns == start ? l : NULL;
}

/* The current process's, made when it has none. NULL: no room. */
static __always_inline struct task_label *label_make(struct ask *a, struct task_struct *task)
{
	u32 tgid = task->tgid;
	u64 start = start_of(task);
	struct task_label *l = label_of(tgid, start);
	if (l)
		return l;
	u64 *words = (void *)&a->label;
	for (u32 i = 0; i < sizeof(a->label) / 8; i++) {
		words[i] = 0;
		asm volatile("" ::: "memory"); /* or clang makes it a memset call, which BPF has not */
	}
	a->label.start_boot_ns = start;
	if (bpf_map_update_elem(&labels, &tgid, &a->label, BPF_ANY))
		count_misc(MISC_LABELS_FULL);
	return label_of(tgid, start);
}

static __always_inline struct policy_ancestor_mask *mask_of(u32 table, u32 number)
{
	void *inner = bpf_map_lookup_elem(&ancestor_masks, &table);
	return inner ? bpf_map_lookup_elem(inner, &number) : NULL;
}

/* From name[]: what the image's children will have among their ancestors. */
static __always_inline void label_own(struct ask *a, struct task_label *l, u32 epoch)
{
	u32 t = a->table & 1;
	struct policy_ancestor_mask *first = mask_of(t, a->name[0].text.ancestor), *second = mask_of(t, a->name[1].text.ancestor);
	bool is_unknown = a->name[0].state == CLASS_UNKNOWN || a->name[1].state == CLASS_UNKNOWN || !first || !second;
	bool is_alone = a->name[1].state == CLASS_ABSENT;
	for (u32 i = 0; i < POLICY_ANCESTOR_WORDS; i++) {
		u64 one = first ? first->words[i] : 0, two = second ? second->words[i] : 0;
		l->own[t].holds[i] = one | two;
		l->own[t].spares[i] = is_alone ? one : one & two;
	}
	l->own[t].epoch = is_unknown ? 0 : epoch;
	asm volatile("" ::: "memory");
	l->own[t].generation = a->generation;
}

/* The file of the current image, for names_find; 0: a kernel thread has none. */
__noinline int image_ask(u32 at)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	struct mm_struct *mm = bpf_get_current_task_btf()->mm;
	struct file *file = mm ? mm->exe_file : NULL;
	if (!a || !file)
		return 0;
	struct ask_file *f = &a->file[2];
	f->device = f->is_searched = 0;
	name_ask(f, file->f_path.mnt, file->f_path.dentry);
	return 1;
}

/* The current process's label, made if it has none. 0: it has what belongs to the ask's table; -1: there is none; else its image is to be looked up. */
__noinline int label_start(u32 at)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return -1;
	u32 t = a->table & 1;
	struct task_label *l = label_make(a, bpf_get_current_task_btf());
	if (!l)
		return -1;
	return l->by_table[t].generation != a->generation || l->own[t].generation != a->generation;
}

/* What was found of its image goes into the label. */
__noinline int label_write(u32 at)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return -1;
	u32 t = a->table & 1;
	struct task_struct *task = bpf_get_current_task_btf();
	struct policy_head *h = head_of(t);
	struct task_label *l = label_of(task->tgid, start_of(task));
	if (!l || !h)
		return -1;
	label_own(a, l, h->ancestor_epoch);
	l->by_table[t].executable[0] = a->name[0].text.executable;
	l->by_table[t].executable[1] = a->name[1].text.executable;
	l->by_table[t].ancestor_set = ROW_NOT_YET;
	asm volatile("" ::: "memory"); /* what the number vouches for stands before it */
	l->by_table[t].generation = a->generation;
	return 0;
}

/* The current process's label, with what belongs to the ask's table. 0: there is one. In pieces, for stacks are small. */
__noinline int label_find(u32 at)
{
	int missing = label_start(at);
	struct ask *a = !can_decide || missing <= 0 ? NULL : ask_at(at);
	if (!a)
		return missing;
	a->name[0].state = a->name[1].state = CLASS_NONE;
	a->name[0].text = a->name[1].text = (struct policy_text){ 0 };
	if (image_ask(at)) {
		names_find(at, 2);
		names_remember(at, 2, 0);
	}
	return label_write(at);
}

/* User space may know the ancestors of a process that was there before the sensor, or before a predicate. */
static __always_inline void label_take_told(struct task_label *l, struct task_struct *task, u32 epoch)
{
	u32 tgid = task->tgid;
	struct told_ancestors *t = l->epoch != epoch ? bpf_map_lookup_elem(&told, &tgid) : NULL;
	if (!t || t->epoch != epoch || t->exec_id != id_of(task))
		return;
	for (u32 i = 0; i < POLICY_ANCESTOR_WORDS; i++) {
		l->holds[i] = t->holds[i];
		l->spares[i] = t->spares[i];
	}
	asm volatile("" ::: "memory");
	l->epoch = epoch;
}

/* The image's own predicates join those of its creators: at fork in the child's label, at exec in the process's own. */
static __always_inline void label_pass_on(struct task_label *to, const struct task_label *from, u32 t)
{
	u32 epoch = from->epoch;
	for (u32 i = 0; i < POLICY_ANCESTOR_WORDS; i++) {
		to->holds[i] = from->holds[i] | from->own[t].holds[i];
		to->spares[i] = from->spares[i] | from->own[t].spares[i];
	}
	to->epoch = epoch == from->own[t].epoch ? epoch : 0;
}

/* --- ancestors -------------------------------------------------------------------------------------------------------------- */

struct set_maker {
	struct ask *a;
	u32 n_events;
};

/* One predicate's part in the row of one event. Straight, for 6.12 verifies a callback again for every state it can be called in. */
static long set_step(u64 i, struct set_maker *w)
{
	struct ask *a = w->a;
	u32 table = a->table, part = (u32)i, events = w->n_events;
	if (!events)
		return 1;
	u32 predicate = part / events, event = part % events;
	void *inner = bpf_map_lookup_elem(&ancestor_parts, &table);
	struct policy_ancestor_rows *p = inner ? bpf_map_lookup_elem(inner, &part) : NULL;
	struct policy_row *r = row_of(table, a->set_row + event);
	if (!p || !r)
		return 1;
	u32 word = (predicate / 64) & (POLICY_ANCESTOR_WORDS - 1), bit = predicate & 63;
	u64 is_held = -((a->set.holds[word] >> bit) & 1), is_not_sparing = ((a->set.spares[word] >> bit) & 1) - 1;
	u64 first = is_not_zero(predicate) - 1, summary = 0;
#pragma unroll
	for (u32 k = 0; k < POLICY_WORDS; k++) {
		u64 left = (r->words[k] | first) & ((p->when_held.words[k] & is_held) | (p->when_not.words[k] & is_not_sparing));
		r->words[k] = left;
		summary |= is_not_zero(left) << k;
	}
	r->summary = summary;
	return 0;
}

/* Number of the ask's set; ROW_NOT_YET: there is no room for it. Two CPUs may make the same one: a number is lost, nothing else. */
__noinline int set_find(u32 at)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return (int)ROW_NOT_YET;
	u32 t = a->table & 1;
	void *sets = bpf_map_lookup_elem(&ancestor_sets, &t);
	struct policy_head *h = head_of(t);
	if (!sets || !h)
		return (int)ROW_NOT_YET;
	u32 *known = bpf_map_lookup_elem(sets, &a->set);
	if (known)
		return (int)*known;
	u32 number = h->n_made < POLICY_ANCESTOR_ROWS ? __sync_fetch_and_add(&h->n_made, 1) : ROW_NOT_YET;
	if (number >= POLICY_ANCESTOR_ROWS) {
		count_misc(MISC_ANCESTORS_FULL);
		return (int)ROW_NOT_YET;
	}
	a->set_row = h->made_row + number * h->n_ancestor_events;
	struct set_maker w = { .a = a, .n_events = h->n_ancestor_events };
	bpf_loop(h->n_ancestors * h->n_ancestor_events, set_step, &w, 0);
	bpf_map_update_elem(sets, &a->set, &number, BPF_NOEXIST);
	return (int)number;
}

/* Number of the row of the current process's ancestors; label_find has been there. ROW_NOT_YET: they are not known. */
__noinline int ancestors_find(u32 at)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return (int)ROW_NOT_YET;
	u32 t = a->table & 1;
	struct task_struct *task = bpf_get_current_task_btf();
	struct policy_head *h = head_of(t);
	struct task_label *l = label_of(task->tgid, start_of(task));
	if (!l || !h || l->by_table[t].generation != a->generation)
		return (int)ROW_NOT_YET;
	u32 epoch = h->ancestor_epoch, set = l->by_table[t].ancestor_set;
	label_take_told(l, task, epoch);
	if (l->epoch != epoch || (a->is_exec && l->own[t].epoch != epoch))
		return (int)ROW_NOT_YET;
	if (a->is_exec || set == ROW_NOT_YET) {
		for (u32 i = 0; i < POLICY_ANCESTOR_WORDS; i++) {
			a->set.holds[i] = l->holds[i] | (a->is_exec ? l->own[t].holds[i] : 0);
			a->set.spares[i] = l->spares[i] | (a->is_exec ? l->own[t].spares[i] : 0);
		}
		set = (u32)set_find(at);
		if (set == ROW_NOT_YET)
			return (int)ROW_NOT_YET;
		if (!a->is_exec)
			l->by_table[t].ancestor_set = set;
	}
	return (int)(h->made_row + set * h->n_ancestor_events + h->ancestor_event[a->event & (EVENT_NUMBERS - 1)] - 1);
}

/* --- fork and exec ---------------------------------------------------------------------------------------------------------- */

/* The tables that images are asked by; 0: nobody asks. */
static __always_inline u32 labelling(void)
{
	u32 generation = can_decide ? *(volatile u32 *)&config.label_generation : 0;
	return generation && config.is_labelling[generation & 1] ? generation : 0;
}

/* Runs as the parent, before the child can. */
__noinline int label_fork(u32 at, u32 child_tgid, u64 child_start)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a || label_find(at))
		return 0;
	u32 t = a->table & 1;
	struct task_struct *task = bpf_get_current_task_btf();
	struct policy_head *h = head_of(t);
	struct task_label *l = label_of(task->tgid, start_of(task)), *child = &a->label;
	if (!l || !h)
		return 0;
	label_take_told(l, task, h->ancestor_epoch);
	u64 *to = (void *)child, *from = (void *)l;
	for (u32 i = 0; i < sizeof(*child) / 8; i++) {
		to[i] = from[i];
		asm volatile("" ::: "memory");
	}
	child->start_boot_ns = child_start;
	label_pass_on(child, l, t);
	child->by_table[0].ancestor_set = child->by_table[1].ancestor_set = ROW_NOT_YET;
	if (bpf_map_update_elem(&labels, &child_tgid, child, BPF_ANY))
		count_misc(MISC_LABELS_FULL);
	return 0;
}

/* The image in place is a new one, and its label still that of the one before. */
__noinline int label_exec(u32 at)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return 0;
	u32 t = a->table & 1;
	struct task_struct *task = bpf_get_current_task_btf();
	u32 tgid = task->tgid;
	struct policy_head *h = head_of(t);
	struct task_label *l = label_of(tgid, start_of(task));
	if (l && h) {
		label_take_told(l, task, h->ancestor_epoch);
		if (l->own[t].generation != a->generation)
			l->own[t].epoch = 0; /* tables came between the check of this exec and now */
		label_pass_on(l, l, t);
		for (u32 i = 0; i < 2; i++) {
			l->own[i].generation = 0;
			l->by_table[i].generation = 0;
		}
	}
	bpf_map_delete_elem(&told, &tgid); /* it spoke of the image before */
	return label_find(at);
}
