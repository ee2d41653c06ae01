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

/*
 * Never in the place of one that is there: its element would be given out again while another thread writes to it. The last places are root's:
 * whoever may fork could otherwise make every process after that unknown. 0, or -EEXIST, or another error, counted.
 */
enum { LABEL_EXISTS = -17 /* -EEXIST */ };
static __always_inline int label_add(u32 tgid, const struct task_label *label)
{
	int err = -1;
	if (*(volatile u32 *)&labels_used < config.n_labels || is_root_of_host() || bpf_map_lookup_elem(&labels, &tgid))
		err = (int)bpf_map_update_elem(&labels, &tgid, label, BPF_NOEXIST);
	if (!err)
		__sync_fetch_and_add(&labels_used, 1);
	else if (err != LABEL_EXISTS)
		count_misc(MISC_LABELS_FULL);
	return err;
}

static __always_inline void label_drop(u32 tgid)
{
	if (!bpf_map_delete_elem(&labels, &tgid))
		__sync_fetch_and_add(&labels_used, (u32)-1);
}

static __always_inline void label_clear(struct task_label *l, u64 start)
{
	u64 *words = (void *)l;
	for (u32 i = 0; i < sizeof(*l) / 8; i++) {
		words[i] = 0;
		asm volatile("" ::: "memory"); /* or clang makes it a memset call, which BPF has not */
	}
	l->start_boot_ns = start;
}

/* The current process's, made when it has none. NULL: no room. */
static __always_inline struct task_label *label_make(struct ask *a, struct task_struct *task)
{
	u32 tgid = task->tgid;
	u64 start = start_of(task);
	struct task_label *l = bpf_map_lookup_elem(&labels, &tgid);
	if (l && l->start_boot_ns != start)
		label_clear(l, start); /* of a process that ended unseen */
	if (l)
		return l;
	label_clear(&a->label, start);
	label_add(tgid, &a->label);
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
	struct label_part *own = &l->own[t];
	struct policy_ancestor_mask *first = mask_of(t, a->name[0].text.ancestor), *second = mask_of(t, a->name[1].text.ancestor);
	bool is_unknown = a->name[0].state == CLASS_UNKNOWN || a->name[1].state == CLASS_UNKNOWN || !first || !second;
	bool is_alone = a->name[1].state == CLASS_ABSENT;
	for (u32 i = 0; i < POLICY_ANCESTOR_WORDS; i++) {
		u64 one = first ? first->words[i] : 0, two = second ? second->words[i] : 0;
		own->holds[i] = one | two;
		own->spares[i] = is_alone ? one : one & two;
	}
	own->epoch = is_unknown ? 0 : epoch;
	asm volatile("" ::: "memory");
	own->generation = a->generation;
}

/* The file of the current image, for names_find; 0: a kernel thread has none. */
__noinline int image_ask(u32 at)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	struct mm_struct *mm = readable(bpf_get_current_task_btf())->mm;
	struct file *file = mm ? mm->exe_file : NULL;
	if (!a || !file)
		return 0;
	struct ask_file *f = &a->file[2];
	f->device = f->is_searched = 0;
	name_ask(f, file->f_path.mnt, file->f_path.dentry);
	return 1;
}

/* The current process's label, made if it has none. -1: there is none; else what of the ask's tables it has not: LABEL_... */
enum { LABEL_WITHOUT_IMAGE = 1, LABEL_WITHOUT_CREATORS = 2 };
__noinline int label_start(u32 at)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return -1;
	u32 t = a->table & 1;
	struct task_label *l = label_make(a, bpf_get_current_task_btf());
	if (!l)
		return -1;
	bool has_image = l->by_table[t].generation == a->generation && l->own[t].generation == a->generation;
	bool has_creators = l->creators[t].generation == a->generation && l->creators[t].epoch;
	return (has_image ? 0 : LABEL_WITHOUT_IMAGE) | (has_creators ? 0 : LABEL_WITHOUT_CREATORS);
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

/* The current process's label, with its image for the ask's tables. What it has not then. In pieces, for stacks are small. */
__noinline int label_find(u32 at)
{
	int missing = label_start(at);
	struct ask *a = !can_decide || missing < 0 || !(missing & LABEL_WITHOUT_IMAGE) ? NULL : ask_at(at);
	if (!a)
		return missing;
	a->name[0].state = a->name[1].state = CLASS_NONE;
	a->name[0].text = a->name[1].text = (struct policy_text){ 0 };
	if (image_ask(at)) {
		names_find(at, 2);
		names_remember(at, 2, 0);
	}
	return label_write(at) ? -1 : missing & LABEL_WITHOUT_CREATORS;
}

static __always_inline bool part_serves(const struct label_part *p, u32 epoch, u32 generation)
{
	return p->epoch == epoch && (s32)(generation - p->generation) >= 0;
}

static __always_inline void part_copy(struct label_part *to, const struct label_part *from, u32 epoch, u32 generation)
{
	for (u32 i = 0; i < POLICY_ANCESTOR_WORDS; i++) {
		to->holds[i] = from->holds[i];
		to->spares[i] = from->spares[i];
	}
	asm volatile("" ::: "memory"); /* what the numbers vouch for stands before them */
	to->epoch = epoch;
	asm volatile("" ::: "memory");
	to->generation = generation;
}

/* What stands there for earlier tables, or for the other ones, is taken over when it is as good. False: it is not. */
static __always_inline bool part_renew(struct label_part *p, const struct label_part *other, u32 epoch, u32 generation)
{
	if (p->generation == generation && p->epoch)
		return true;
	if (part_serves(p, epoch, generation)) {
		p->generation = generation;
		return true;
	}
	bool is_good = part_serves(other, epoch, generation);
	if (is_good)
		part_copy(p, other, epoch, generation);
	return is_good;
}

/* Identity by which user space tells of the current image. 0, which none has: it is being replaced, and what is said is of the one before. */
static __always_inline u64 told_id(struct task_struct *task)
{
	u32 tgid = task->tgid;
	u64 start = start_of(task);
	struct task_entry *e = bpf_map_lookup_elem(&tasks, &tgid);
	if (e && e->start_boot_ns == start)
		return e->is_replaced ? 0 : e->exec_id;
	return id_snapshot(tgid, start / ID_TICK_NS);
}

static __always_inline bool told_is(const volatile struct told_ancestors *said, u64 serial)
{
	return said->serial == serial && said->serial_again == serial;
}

/* What user space says of the current process's creators, as the ask's tables ask for them, into its set. False: nothing. */
static __always_inline bool told_read(struct ask *a, struct task_struct *task, u32 epoch)
{
	u32 t = a->table & 1, tgid = task->tgid, generation = a->generation;
	struct told_ancestors *said = bpf_map_lookup_elem(&told, &tgid);
	u64 serial = said ? *(volatile u64 *)&said->serial : 0;
	if (!said || !told_is(said, serial) || *(volatile u64 *)&said->exec_id != told_id(task))
		return false;
	struct label_part *good = &said->by_table[t];
	if (!part_serves(good, epoch, generation))
		good = &said->by_table[!t];
	if (!part_serves(good, epoch, generation))
		return false;
	for (u32 i = 0; i < POLICY_ANCESTOR_WORDS; i++) {
		a->set.holds[i] = *(volatile u64 *)&good->holds[i];
		a->set.spares[i] = *(volatile u64 *)&good->spares[i];
	}
	return told_is(said, serial);
}

/*
 * The creators in the current process's label become those that the ask's tables ask for. User space may know the ones of a process that was there
 * before the sensor, or before a predicate. What nobody knows is unknown, until somebody tells.
 */
__noinline int creators_find(u32 at)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return 0;
	u32 t = a->table & 1, generation = a->generation;
	struct task_struct *task = bpf_get_current_task_btf();
	u32 tgid = task->tgid;
	struct policy_head *h = head_of(t);
	struct task_label *l = label_of(tgid, start_of(task));
	if (!l || !h)
		return 0;
	u32 epoch = h->ancestor_epoch;
	struct label_part *p = &l->creators[t];
	if (part_renew(p, &l->creators[!t], epoch, generation))
		return 1;
	if (told_read(a, task, epoch) || told_read(a, task, epoch)) { /* told anew while it was read */
		for (u32 i = 0; i < POLICY_ANCESTOR_WORDS; i++) {
			p->holds[i] = a->set.holds[i];
			p->spares[i] = a->set.spares[i];
		}
		asm volatile("" ::: "memory"); /* what the numbers vouch for stands before them */
		p->epoch = epoch;
		asm volatile("" ::: "memory");
		p->generation = generation;
		return 1;
	}
	p->epoch = 0;
	asm volatile("" ::: "memory");
	p->generation = generation;
	return 0;
}

/* The image's own predicates join those of its creators: at fork in the child's label, at exec in the process's own. Generation 0: nobody asks. */
static __always_inline void part_join(struct task_label *to, const struct task_label *from, u32 t, u32 generation)
{
	const struct label_part *creators = &from->creators[t], *own = &from->own[t];
	bool is_asked = generation && creators->generation == generation && own->generation == generation;
	u32 epoch = is_asked && creators->epoch == own->epoch ? own->epoch : 0;
	for (u32 i = 0; i < POLICY_ANCESTOR_WORDS; i++) {
		to->creators[t].holds[i] = creators->holds[i] | own->holds[i];
		to->creators[t].spares[i] = creators->spares[i] | own->spares[i];
	}
	to->creators[t].epoch = epoch;
	to->creators[t].generation = generation;
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
	u32 set = l->by_table[t].ancestor_set;
	struct label_part *creators = &l->creators[t], *own = &l->own[t];
	if ((creators->generation != a->generation || !creators->epoch) && !creators_find(at))
		return (int)ROW_NOT_YET;
	if (a->is_exec && own->epoch != creators->epoch)
		return (int)ROW_NOT_YET;
	if (a->is_exec || set == ROW_NOT_YET) {
		for (u32 i = 0; i < POLICY_ANCESTOR_WORDS; i++) {
			a->set.holds[i] = creators->holds[i] | (a->is_exec ? own->holds[i] : 0);
			a->set.spares[i] = creators->spares[i] | (a->is_exec ? own->spares[i] : 0);
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

/* Generations of either table that labels are kept by; 0: nobody asks. Read once, for they change under way. */
struct labelling {
	u32 by_table[2];
};
static __always_inline struct labelling labelling(void)
{
	struct labelling g = { { 0 } };
	if (can_decide) {
		g.by_table[0] = *(volatile u32 *)&config.labelled[0];
		g.by_table[1] = *(volatile u32 *)&config.labelled[1];
	}
	return g;
}

/* A slot to keep labels by; NULL: nobody asks, or none is free. */
static __always_inline struct ask *labelling_open(const struct labelling *g, enum claim why, u32 *ret_at)
{
	u32 at = g->by_table[0] | g->by_table[1] ? (u32)ask_claim(why) : ASK_NONE;
	*ret_at = at;
	return at == ASK_NONE ? NULL : ask_at(at);
}

/* The label of the current image is whole, for the ask's tables. */
__noinline int label_keep(u32 at)
{
	int missing = label_find(at);
	return missing > 0 ? creators_find(at) : !missing;
}

static __always_inline void label_keep_all(struct ask *a, u32 at, const struct labelling *g, u32 event)
{
	for (u32 t = 0; t < 2; t++) {
		if (!g->by_table[t])
			continue;
		ask_start(a, g->by_table[t], event);
		label_keep(at);
	}
}

/* Runs as the parent, whose label is whole, before the child can. */
__noinline int label_fork(u32 at, u32 child_tgid, u64 child_start, u32 first, u32 second)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return 0;
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_label *l = label_of(task->tgid, start_of(task)), *child = &a->label;
	if (!l)
		return 0;
	u64 *to = (void *)child, *from = (void *)l;
	for (u32 i = 0; i < sizeof(*child) / 8; i++) {
		to[i] = from[i];
		asm volatile("" ::: "memory");
	}
	child->start_boot_ns = child_start;
	part_join(child, l, 0, first);
	part_join(child, l, 1, second);
	child->by_table[0].ancestor_set = child->by_table[1].ancestor_set = ROW_NOT_YET;
	if (label_add(child_tgid, child) == LABEL_EXISTS) /* of a process that ended unseen */
		bpf_map_update_elem(&labels, &child_tgid, child, BPF_EXIST);
	return 0;
}

/* The image in place is a new one, and its label still that of the one before, which is among its creators now. Of the ask's tables. */
__noinline int label_pass_on(u32 at)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return 0;
	u32 t = a->table & 1;
	struct task_struct *task = bpf_get_current_task_btf();
	struct policy_head *h = head_of(t);
	struct task_label *l = label_of(task->tgid, start_of(task));
	if (!l || !h)
		return 0;
	if (l->creators[t].generation != a->generation || !l->creators[t].epoch)
		creators_find(at);
	part_renew(&l->own[t], &l->own[!t], h->ancestor_epoch, a->generation); /* tables may have come since the check of this exec */
	part_join(l, l, t, a->generation);
	return 0;
}

/* Nothing that was said of the image before is said of the one in place. */
__noinline int label_replace(u32 first, u32 second)
{
	struct task_struct *task = bpf_get_current_task_btf();
	u32 tgid = task->tgid;
	struct task_label *l = label_of(tgid, start_of(task));
	for (u32 t = 0; l && t < 2; t++) {
		if (!(t ? second : first))
			l->creators[t].epoch = l->creators[t].generation = 0;
		l->own[t].epoch = l->own[t].generation = 0;
		l->by_table[t].generation = 0;
	}
	bpf_map_delete_elem(&told, &tgid);
	return 0;
}
