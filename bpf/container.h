/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Whether a cgroup is a container's, by schemas/containers.def: what engine/enrich/container.c says of its path. From the root down: a step looks at a
 * byte, and at the end of a component at a row of the list. Worked out once for each cgroup.
 *
 * BPF compares by branches, and the verifier follows each of them at every byte: what is asked here is computed, or looked up. 0 is "it is so", 1 is
 * "it is not", unless the name says otherwise.
 */
#pragma once

#include "bpf/cgroup.h"

enum container_form { FORM_HEX, FORM_UUID, FORM_NAME, FORM_LONG };
enum { BYTE_HEX = 1, BYTE_DIGIT = 2, BYTE_DASH = 4, CONTAINER_TEXT = 16, CONTAINER_DEPTH = 32 };

struct container_row {
	char under[CONTAINER_TEXT], prefix[CONTAINER_TEXT];
	u64 under_n, prefix_n, suffix_n, form;
};
static const struct container_row container_rows[] = {
#define CONTAINER(under, prefix, suffix, form, runtime) \
	{ under, prefix, sizeof(under) - 1, sizeof(prefix) - 1, sizeof(suffix) - 1, FORM_##form },
#include "schemas/containers.def"
};
enum { CONTAINER_ROWS = sizeof(container_rows) / sizeof(container_rows[0]) };
_Static_assert(CONTAINER_ROWS <= 64, "a bit for each");

static const u8 byte_kinds[256] = { ['0' ... '9'] = BYTE_HEX | BYTE_DIGIT, ['a' ... 'f'] = BYTE_HEX, ['-'] = BYTE_DASH };
static const u8 uuid_kinds[256] = { [0 ... 7] = BYTE_HEX,   [8] = BYTE_DASH,	  [9 ... 12] = BYTE_HEX, [13] = BYTE_DASH,     [14 ... 17] = BYTE_HEX,
				    [18] = BYTE_DASH, [19 ... 22] = BYTE_HEX, [23] = BYTE_DASH,	 [24 ... 255] = BYTE_HEX };
static const u8 task_kinds[256] = { [0 ... 31] = BYTE_HEX, [32] = BYTE_DASH, [33 ... 255] = BYTE_DIGIT };
/* By the number of bytes at the beginning of 16. */
static const u64 head_masks[CONTAINER_TEXT][2] = {
#define HEAD(n) (~0ull >> (64 - 8 * (n)))
	{ 0 },		 { HEAD(1) },	     { HEAD(2) },	 { HEAD(3) },	     { HEAD(4) },	 { HEAD(5) },	     { HEAD(6) },	 { HEAD(7) },
	{ ~0ull },	 { ~0ull, HEAD(1) }, { ~0ull, HEAD(2) }, { ~0ull, HEAD(3) }, { ~0ull, HEAD(4) }, { ~0ull, HEAD(5) }, { ~0ull, HEAD(6) }, { ~0ull, HEAD(7) },
#undef HEAD
};

/* ".scope", ".slice" and ".service" as the last bytes of a word. */
#define TAIL_SCOPE (0x65706f63732eull << 16)
#define TAIL_SLICE (0x6563696c732eull << 16)
#define TAIL_SERVICE 0x656369767265732eull
#define TAIL_MASK 0xffffffffffff0000ull
enum { SUFFIX_SCOPE = 6, SUFFIX_SERVICE = 8 };

static __always_inline u64 is_other(u64 a, u64 b)
{
	return is_not_zero(a ^ b);
}

static __always_inline u64 is_below(u64 a, u64 b)
{
	u64 difference = a - b;
	asm volatile("" : "+r"(difference)); /* or clang makes it a branch */
	return difference >> 63;
}

static __always_inline u64 begins_otherwise(const u8 *name, const char *text, u64 n)
{
	const u64 *a = (const void *)name, *b = (const void *)text, *mask = head_masks[n & (CONTAINER_TEXT - 1)];
	return is_not_zero(((a[0] ^ b[0]) & mask[0]) | ((a[1] ^ b[1]) & mask[1]));
}

/* The component is not the folder of that row, nor a slice of systemd's that stands for it. */
static __always_inline u64 no_folder(const struct container_walk *w, const u8 *name, const struct container_row *r)
{
	u64 after = name[r->under_n & (CONTAINER_TEXT - 1)];
	u64 no_slice = is_not_zero((after ^ '.') * (after ^ '-')) | is_other(w->tail & TAIL_MASK, TAIL_SLICE);
	return begins_otherwise(name, r->under, r->under_n) | (is_other(w->n, r->under_n) & no_slice);
}

#define APART() asm volatile("" ::: "memory") /* or clang works on several things at once, for which it needs more stack than there is */

/* It is not prefix, id and suffix: into no_row. */
static __always_inline void row_is_id(struct ask *a, const struct container_row *r)
{
	struct container_walk *w = &a->container;
	w->no_row = begins_otherwise(a->small, r->prefix, r->prefix_n);
	APART();
	w->no_row |= is_below(w->n, r->prefix_n + r->suffix_n + 1);
	APART();
	w->no_row |= is_other(w->tail & TAIL_MASK, TAIL_SCOPE) << SUFFIX_SCOPE >> (r->suffix_n & 15) & 1 & is_not_zero(r->suffix_n);
	APART();
	w->no_row |= is_other(w->tail, TAIL_SERVICE) << SUFFIX_SERVICE >> (r->suffix_n & 15) & (r->suffix_n >> 3);
	APART();
	u64 has_suffix = is_not_zero(r->suffix_n);
	w->no_hex = is_below(w->run * (1 ^ has_suffix) + w->run_before * has_suffix, 64);
	APART();
	w->no_hex |= is_other(w->n, r->prefix_n + r->suffix_n + 64);
	APART();
	u64 by_form = w->no_hex << FORM_HEX | (w->no_hex & (is_below(w->n, 34) | w->no_task)) << FORM_LONG;
	by_form |= (is_other(w->n, 36) | w->no_uuid) << FORM_UUID;
	w->no_row |= by_form >> (r->form & 3) & 1;
	APART();
}

/* The component that has just ended, by one row. */
static __always_inline void container_by_row(struct ask *a, const struct container_row *r, u64 row)
{
	struct container_walk *w = &a->container;
	row_is_id(a, r);
	u64 by_name = 1 ^ is_other(r->form, FORM_NAME);
	u64 above = w->right_above * by_name + w->above * (1 ^ by_name);
	w->is_found |= (above >> row | (1 ^ is_not_zero(r->under_n))) & (1 ^ w->no_row) & 1;
	APART();
	w->folders |= (is_not_zero(r->under_n) & (1 ^ no_folder(w, a->small, r))) << row;
}

static __always_inline void component_start(struct ask *a)
{
	struct container_walk *w = &a->container;
	u64 *head = (void *)a->small;
	w->above |= w->folders;
	w->right_above = w->folders;
	w->folders = w->n = w->run = w->run_before = w->no_uuid = w->no_task = w->tail = 0;
	head[0] = head[1] = 0;
}

static __always_inline void container_byte(struct ask *a, u64 c)
{
	struct container_walk *w = &a->container;
	u32 place = (u32)w->n & 255, kind = byte_kinds[c & 255];
	u64 is_dot = 1 ^ is_other(c, '.');
	a->small[place] = (u8)c;
	w->no_uuid |= 1 ^ is_not_zero(kind & uuid_kinds[place]);
	w->no_task |= 1 ^ is_not_zero(kind & task_kinds[place]);
	APART();
	w->run_before = w->run_before * (1 ^ is_dot) + w->run * is_dot;
	w->run = (w->run + 1) * (kind & BYTE_HEX);
	APART();
	w->tail = w->tail >> 8 | c << 56;
	w->n++;
}

/* All but the ask is in the ask: stacks are small. */
struct container_in {
	struct ask *a;
};

static long container_step(u64 i, struct container_in *in)
{
	struct ask *a = in->a;
	struct container_walk *w = &a->container;
	u64 row = w->row, at = w->at;
	if (row < CONTAINER_ROWS) {
		w->row = row + 1;
		container_by_row(a, &container_rows[row], row);
		return 0;
	}
	if (row == CONTAINER_ROWS) { /* all of them: on to what stands behind the slash */
		w->row = row + 1;
		w->at = at + 1;
		component_start(a);
		return at >= w->end;
	}
	u64 c = a->path_buffer[at & (RECORD_PATH_MAX - 1)];
	if (at >= w->end || c == '/') {
		w->row = 0;
		return 0;
	}
	w->at = at + 1;
	container_byte(a, c);
	return 0;
}

/* Of the path in the ask's buffer, as far as root could give its names; into container.is_found. */
static __always_inline void container_find(struct ask *a)
{
	struct container_in in = { .a = a };
	struct container_walk *w = &a->container;
	w->at = a->path.offset;
	w->folders = w->above = w->is_found = 0;
	w->row = CONTAINER_ROWS + 1;
	component_start(a);
	bpf_loop(RECORD_PATH_MAX + (CONTAINER_DEPTH + 1) * (CONTAINER_ROWS + 2), container_step, &in, 0);
}
