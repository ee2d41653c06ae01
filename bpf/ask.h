/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Look-ups of a decision: from a value to its class, and from classes to rows. All work on a claimed `struct ask`. The functions are
 * global, so that each is verified once and not along every path that leads to it; such functions take scalars only. What they find goes
 * into the ask: a number that the verifier has seen in a register would be followed through all that comes after.
 */
#pragma once

#include "bpf/container.h"
#include "bpf/name_cache.h"

/* BPF cannot count trailing zeros, and a search with branches multiplies the verifier's states: the lowest bit alone, hashed perfectly. */
static const u8 bit_of_hash[64] = {
	0,  1,	2,  53, 3,  7,	54, 27, 4,  38, 41, 8,	34, 55, 48, 28, 62, 5,	39, 46, 44, 42, 22, 9,	24, 35, 59, 56, 49, 18, 29, 11,
	63, 52, 6,  26, 37, 40, 33, 47, 61, 45, 43, 21, 23, 58, 17, 10, 51, 25, 36, 32, 60, 20, 57, 16, 50, 31, 19, 15, 30, 14, 13, 12,
};
static __always_inline u32 lowest_bit(u64 x)
{
	return bit_of_hash[((x & -x) * 0x022fdd63cc95386dull) >> 58] & 63;
}

static __always_inline struct ask *ask_at(u32 at)
{
	return bpf_map_lookup_elem(&asks, &at);
}

static __always_inline struct policy_head *head_of(u32 table)
{
	u32 zero = 0;
	void *inner = bpf_map_lookup_elem(&heads, &table);
	return inner ? bpf_map_lookup_elem(inner, &zero) : NULL;
}

static __always_inline struct policy_row *row_of(u32 table, u32 number)
{
	void *inner = bpf_map_lookup_elem(&rows, &table);
	return inner ? bpf_map_lookup_elem(inner, &number) : NULL;
}

/* --- texts ------------------------------------------------------------------------------------------------------------------ */

enum { TEXT_NONE, TEXT_FOUND, TEXT_UNUSABLE, KEY_HEAD_MAX = 9, PROC_MAGIC = 0x9fa0, SYSFS_MAGIC = 0x62656572 };

/*
 * The text that begins at this offset of the path buffer and ends with it. The key is made in place: its head overwrites what stands
 * before the text. The result goes to name[which].text.
 */
__noinline int text_find(u32 at, u32 offset, u32 device, u32 space, u32 which)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return TEXT_UNUSABLE;
	u32 table = a->table, head = space == SPACE_DEVICE ? 5 : 1;
	void *trie = bpf_map_lookup_elem(&texts, &table);
	struct policy_text *into = &a->name[which & 3].text;
	*into = (struct policy_text){ 0 };
	if (!trie || offset < KEY_HEAD_MAX || offset > RECORD_PATH_MAX)
		return TEXT_UNUSABLE;
	u32 used = head + (RECORD_PATH_MAX - offset) + 1; /* with the NUL that exact entries end with */
	if (used > POLICY_KEY_BYTES)
		used = POLICY_KEY_BYTES; /* entries are shorter: what is cut off cannot matter */
	a->path_buffer[RECORD_PATH_MAX] = 0;
	u32 start = offset - head - sizeof(u32);
	asm volatile("" : "+r"(start)); /* 6.1 loses the bound of a value that it has tested before */
	u8 *key = &a->path_buffer[start & (RECORD_PATH_MAX - 1)];
	*(u32 *)(void *)key = used * 8;
	key[4] = space;
	if (space == SPACE_DEVICE)
		*(u32 *)(void *)&key[5] = __builtin_bswap32(device);
	struct policy_text *t = bpf_map_lookup_elem(trie, key);
	if (!t)
		return TEXT_NONE;
	*into = *t;
	return TEXT_FOUND;
}

/*
 * For approval: the last part of the path of file[which]. Not to be had where the path ends with a mount's own name, nor while anything is renamed.
 * false: it is not known.
 */
static __always_inline bool last_name(struct ask *a, u32 which)
{
	struct dentry *d = (void *)a->file[which & 1].dentry;
	struct vfsmount *m = (void *)a->file[which & 1].mnt;
	u32 renames = renames_now();
	a->name_length = 0;
	if (!d)
		return true;
	if (!m || BPF_CORE_READ(m, mnt_root) == d || BPF_CORE_READ(d, d_parent) == d)
		return false;
	long n = bpf_probe_read_kernel_str(&a->name_key.data[1], NAME_TEXT_MAX, BPF_CORE_READ(d, d_name.name));
	if (n <= 1 || n >= NAME_TEXT_MAX)
		return false;
	a->name_key.data[0] = SPACE_NAME;
	a->name_key.prefix_bits = ((u32)n + 1) * 8;
	a->name_length = (u32)n;
	return config.rename_lock && !(renames & 1) && renames == renames_now();
}

/* The dimension NAME, and of the second file NEW_NAME. */
__noinline int name_find(u32 at, u32 which)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return 0;
	u32 table = a->table;
	if (table >= TABLES_APPROVAL && !last_name(a, which)) {
		a->class = CLASS_UNKNOWN;
		return 0;
	}
	void *trie = bpf_map_lookup_elem(&texts, &table);
	struct policy_text *t = trie && a->name_length ? bpf_map_lookup_elem(trie, &a->name_key) : NULL;
	a->class = t ? t->object : CLASS_NONE;
	return 0;
}

/*
 * The dimension ENDING, and of the second file NEW_ENDING, of approval alone. Its key is made in a buffer that walks use: they come later, and leave nothing in it. Straight through, as
 * many letters as there are in a key: those before the name's first are not counted.
 */
__noinline int ending_find(u32 at, u32 which)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return 0;
	if (!last_name(a, which)) {
		a->class = CLASS_UNKNOWN;
		return 0;
	}
	u32 table = a->table, letters = a->name_length ? a->name_length - 1 : 0;
	void *trie = bpf_map_lookup_elem(&texts, &table);
	for (u32 i = 0; i < POLICY_ENDING_MAX; i++) {
		if (i >= letters)
			break;
		u8 c = a->name_key.data[(letters - i) & 127];
		a->small[sizeof(u32) + 1 + i] = c - 'A' < 26u ? c + ('a' - 'A') : c;
	}
	if (letters > POLICY_ENDING_MAX)
		letters = POLICY_ENDING_MAX;
	*(u32 *)(void *)a->small = (letters + 1) * 8;
	a->small[sizeof(u32)] = SPACE_ENDING;
	struct policy_text *t = trie && letters ? bpf_map_lookup_elem(trie, a->small) : NULL;
	a->class = t ? t->object : CLASS_NONE;
	return 0;
}

/*
 * The dimension COMM, of approval alone: the key of NAME, which is filled anew when that is looked up, has room for it. What an entry ends with,
 * a NUL or nothing, decides; so the key may be longer than the name.
 */
__noinline int comm_find(u32 at)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return 0;
	u32 table = a->table;
	void *trie = bpf_map_lookup_elem(&texts, &table);
	struct policy_text *t = NULL;
	a->class = CLASS_UNKNOWN;
	if (bpf_get_current_comm(&a->name_key.data[1], RECORD_COMM))
		return 0;
	a->name_key.data[0] = SPACE_COMM;
	a->name_key.prefix_bits = (1 + RECORD_COMM) * 8;
	if (trie && a->name_key.data[1]) /* the rules take an empty name for none */
		t = bpf_map_lookup_elem(trie, &a->name_key);
	a->class = t ? t->object : CLASS_NONE;
	return 0;
}

/* The dimension IMAGE, of approval alone. */
__noinline int image_find(u32 at)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return 0;
	u64 id = a->number[DIMENSION_ROLLOUT];
	volatile struct policy_image *known = bpf_map_lookup_elem(&images, &id);
	a->class = CLASS_UNKNOWN;
	if (!known || known->exec_id != id || known->exec_id_again != id || known->generation != a->approval)
		return 0;
	u64 events = known->events;
	if (known->exec_id == id && known->exec_id_again == id) /* or it has become another's meanwhile */
		a->class = CLASS_FIRST + ((events >> (a->event & (EVENT_NUMBERS - 1))) & 1);
	return 0;
}

/* --- cgroups ---------------------------------------------------------------------------------------------------------------- */

enum { CGROUP_CLASS_MASK = 0x7fffffff, CGROUP_CONTAINER_BIT = 31 }; /* then the generation */

static __always_inline void cgroup_take(struct ask *a, u64 known)
{
	a->is_container = known >> CGROUP_CONTAINER_BIT & 1;
	a->cgroup_class = known & CGROUP_CLASS_MASK;
}

/* What was found out goes into the map; without room it is worked out again next time. */
__noinline int cgroup_keep(u32 at)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	u64 id = bpf_get_current_cgroup_id();
	struct cgroup_entry *e = bpf_map_lookup_elem(&cgroups, &id);
	if (!a)
		return 0;
	if (!e) {
		a->cgroup = (struct cgroup_entry){ 0 };
		bpf_map_update_elem(&cgroups, &id, &a->cgroup, BPF_NOEXIST);
		e = bpf_map_lookup_elem(&cgroups, &id);
	}
	u64 known = (u64)a->generation << 32 | a->container.is_found << CGROUP_CONTAINER_BIT | (a->name[2].text.object & CGROUP_CLASS_MASK);
	if (e)
		e->by_table[a->table & 1] = known;
	cgroup_take(a, known);
	return 0;
}

/* Class of the current task's cgroup, and whether it is a container's: worked out once for each cgroup and table. */
__noinline int cgroup_find(u32 at)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a || a->has_cgroup)
		return 0;
	a->has_cgroup = 1;
	a->is_container = 0;
	a->cgroup_class = CLASS_UNKNOWN;
	u64 id = bpf_get_current_cgroup_id();
	struct cgroup_entry *e = bpf_map_lookup_elem(&cgroups, &id);
	u64 known = e ? e->by_table[a->table & 1] : 0;
	if (known >> 32 == a->generation) {
		cgroup_take(a, known);
		return 0;
	}
	struct task_struct *task = bpf_get_current_task_btf();
	a->container.end = cgroup_path(BPF_CORE_READ(task, cgroups, dfl_cgrp, kn), a->path_buffer, a->small, &a->path);
	if (a->path.is_cut || text_find(at, a->path.offset, 0, SPACE_CGROUP, 2) == TEXT_UNUSABLE)
		return 0;
	container_find(a);
	return cgroup_keep(at);
}

/* --- files ------------------------------------------------------------------------------------------------------------------ */

static __always_inline void name_counts_as(struct ask_name *n, u32 class)
{
	n->state = class;
	n->text = (struct policy_text){ .object = class, .executable = class };
}

/* The answer's place among those of the same names: tables of verdicts and of approval have one each. */
static __always_inline u32 answer_kind(const struct ask *a)
{
	return a->table >= TABLES_APPROVAL;
}
static __always_inline u32 answer_generation(const struct ask *a)
{
	return answer_kind(a) ? a->approval : a->generation;
}

/* From what was found a moment ago; 0: nothing. */
__noinline int names_recall(u32 at, u32 which)
{
	struct ask *a = !can_decide || which > 2 ? NULL : ask_at(at);
	if (!a)
		return 0;
	struct ask_file *f = &a->file[which];
	f->is_known = f->has_id && name_recall(&f->id, answer_kind(a), answer_generation(a), &a->answer);
	if (!f->is_known)
		return 0;
	a->name[0].text = a->answer.text[0];
	a->name[1].text = a->answer.text[1];
	if (answer_kind(a))
		a->name[1].state = CLASS_ABSENT;
	return 1;
}

/*
 * Each mount of proc or sysfs may be a file system of its own, and what is written to /sys/kernel/core_pattern in one is the same as in all others: by
 * its second name a file of theirs is the one of /proc and /sys. 0: the file is in neither.
 */
static __always_inline u32 device_of_twin(struct dentry *d)
{
	u64 magic = BPF_CORE_READ(d, d_sb, s_magic);
	return magic == PROC_MAGIC ? config.host_proc : magic == SYSFS_MAGIC ? config.host_sysfs : 0;
}

/* Both names of file[which] into name[]. */
__noinline int names_find(u32 at, u32 which)
{
	struct ask *a = !can_decide || which > 2 ? NULL : ask_at(at);
	if (!a)
		return 0;
	struct ask_file *f = &a->file[which];
	u64 mnt = f->mnt, dentry = f->dentry;
	u32 is_searched = f->is_searched;
	struct dentry *d = (void *)dentry;
	a->name[0].state = a->name[1].state = CLASS_NONE;
	if (names_recall(at, which))
		return 0;
	a->walk.renames = f->id.renames;
	a->walk.mounts = f->id.mounts;
	a->walk.mount_root = f->mount_root;
	a->walk.root_is = f->root_is;
	path_walk_ask(mnt, dentry, f->has_id, at);
	u32 offset = a->path.offset, fs_offset = a->path.fs_offset;
	bool is_bad = a->path.is_cut || a->path.is_unstable;
	if (a->table >= TABLES_APPROVAL) { /* the rules know the first name only */
		if (is_bad || a->path.is_detached || is_searched || text_find(at, offset, 0, SPACE_NAMESPACE, 0) == TEXT_UNUSABLE)
			name_counts_as(&a->name[0], CLASS_UNKNOWN);
		name_counts_as(&a->name[1], CLASS_ABSENT);
		return 0;
	}
	if (is_bad)
		name_counts_as(&a->name[0], CLASS_UNKNOWN);
	else if (is_searched && (!mnt || a->path.is_detached))
		name_counts_as(&a->name[0], CLASS_ABSENT); /* not the mount it was reached by: the other name alone counts */
	else if (text_find(at, offset, 0, SPACE_NAMESPACE, 0) == TEXT_UNUSABLE)
		name_counts_as(&a->name[0], CLASS_UNKNOWN);
	if (is_bad || !fs_offset) {
		path_walk_ask(0, dentry, 0, at);
		is_bad = a->path.is_cut || a->path.is_unstable;
		fs_offset = a->path.offset;
	}
	u32 device = f->device;
	if (!device)
		device = BPF_CORE_READ(d, d_sb, s_dev);
	int found = is_bad ? TEXT_UNUSABLE : text_find(at, fs_offset, device, SPACE_DEVICE, 1);
	u32 twin = found == TEXT_NONE ? device_of_twin(d) : 0;
	if (twin)
		found = text_find(at, fs_offset, twin, SPACE_DEVICE, 1);
	if (found == TEXT_UNUSABLE)
		name_counts_as(&a->name[1], CLASS_UNKNOWN);
	if (found == TEXT_NONE) {
		cgroup_find(at);
		name_counts_as(&a->name[1], a->is_container ? CLASS_ABSENT : CLASS_FOREIGN);
		if (a->name[0].state == CLASS_ABSENT) /* neither name says anything */
			name_counts_as(&a->name[0], CLASS_UNKNOWN);
	}
	return 0;
}

/*
 * What names_find has just found goes into the cache, with the events that the names clear. Not what could not be read, nor what depends on
 * who asks.
 */
__noinline int names_remember(u32 at, u32 which, u64 clear)
{
	struct ask *a = !can_decide || which > 2 ? NULL : ask_at(at);
	if (!a)
		return 0;
	struct ask_file *f = &a->file[which];
	u32 kind = answer_kind(a);
	if (f->is_known)
		clear |= a->answer.clear;
	/* the walk came after the id was made: it counts if nothing was renamed or mounted between */
	if (!f->is_known && (f->id.renames != a->walk.renames || f->id.mounts != a->walk.mounts))
		return 0;
	if (!f->has_id || a->name[0].state != CLASS_NONE || a->name[1].state != (kind ? CLASS_ABSENT : CLASS_NONE) || (f->is_known && clear == a->answer.clear))
		return 0;
	a->answer.generation = answer_generation(a);
	a->answer.clear = clear;
	a->answer.text[0] = a->name[0].text;
	a->answer.text[1] = a->name[1].text;
	name_remember(&f->id, kind, &a->answer);
	return 0;
}

/* --- numbers ---------------------------------------------------------------------------------------------------------------- */

/* Class of number[d]. */
__noinline int number_find(u32 at, u32 d)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	struct {
		u32 prefix_bits, dimension;
		u64 value;
	} key = { .prefix_bits = 96, .dimension = __builtin_bswap32(d) };
	_Static_assert(sizeof(key) == sizeof(struct policy_number_key), "the same key with words for bytes");
	if (!a)
		return 0;
	u32 table = a->table;
	void *trie = bpf_map_lookup_elem(&numbers, &table);
	key.value = __builtin_bswap64(a->number[d & 31]);
	u32 *class = trie ? bpf_map_lookup_elem(trie, &key) : NULL;
	a->class = class ? *class : CLASS_NONE;
	return 0;
}

static __always_inline void port_find(struct ask *a)
{
	u32 table = a->table, zero = 0;
	u64 port = a->number[DIMENSION_PORT];
	void *inner = bpf_map_lookup_elem(&ports, &table);
	struct policy_ports *p = inner ? bpf_map_lookup_elem(inner, &zero) : NULL;
	a->class = p && port < POLICY_PORTS ? p->class[port] : CLASS_NONE;
}

static __always_inline void address_find(struct ask *a)
{
	u32 table = a->table;
	void *trie = bpf_map_lookup_elem(&addresses, &table);
	u32 *class = trie ? bpf_map_lookup_elem(trie, &a->address) : NULL;
	a->class = class ? *class : CLASS_NONE;
}

/* --- rows ------------------------------------------------------------------------------------------------------------------- */

/*
 * A row that is missing would be a fault of the tables; it then rules nothing out. Word by word at once, and only those words of which the
 * summaries leave something: a summary alone says little where different rules share words. All return whether any clause is left.
 */
__noinline int take_single(u32 at, u32 number)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	struct policy_row *r = a ? row_of(a->table, number) : NULL;
	if (!r)
		return 1;
	u64 m = a->summary & r->summary, left = 0, first = is_not_zero(a->n_taken) - 1;
	for (u32 i = 0; i < POLICY_WORDS; i++) {
		if (!m)
			break;
		u32 j = lowest_bit(m) & (POLICY_WORDS - 1);
		u64 word = (a->words[j] | first) & r->words[j];
		m &= m - 1;
		a->words[j] = word;
		left |= is_not_zero(word) << j;
	}
	a->n_taken = 1;
	a->summary = left;
	return left != 0;
}

/* By the `holds` rows of both names; `spares` follow. In pair_left: the words that the pair alone leaves. */
__noinline int take_pair(u32 at, u32 first_name, u32 second_name)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return 1;
	a->pair_left = 1;
	struct policy_row *h1 = row_of(a->table, first_name), *s1 = row_of(a->table, first_name + 1);
	struct policy_row *h2 = row_of(a->table, second_name), *s2 = row_of(a->table, second_name + 1);
	if (!h1 || !s1 || !h2 || !s2)
		return 1;
	u64 pair = (h1->summary | h2->summary) & (s1->summary | s2->summary), m = a->summary & pair, left = 0, first = is_not_zero(a->n_taken) - 1;
	for (u32 i = 0; i < POLICY_WORDS; i++) {
		if (!m)
			break;
		u32 j = lowest_bit(m) & (POLICY_WORDS - 1);
		u64 word = (a->words[j] | first) & (h1->words[j] | h2->words[j]) & (s1->words[j] | s2->words[j]);
		m &= m - 1;
		a->words[j] = word;
		left |= is_not_zero(word) << j;
	}
	a->pair_left = first ? left : pair;
	a->n_taken = 1;
	a->summary = left;
	return left != 0;
}
