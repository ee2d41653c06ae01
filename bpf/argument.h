/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The verdict on an image that is in place and has not run: rules that kill. Its arguments are read from where exec has just put them, and only
 * when all else that a rule asks for is so; whoever runs beside it cannot reach them yet, for the memory is no other task's.
 */
#pragma once

#include "bpf/decide.h"

enum {
	ARGUMENT_BYTES = 2048,              /* of a step */
	ARGUMENT_KEPT = POLICY_TEXT_MAX,    /* of the end of a longer one, read again with the next step */
	ARGUMENT_AT = 256,                  /* in the path buffer; what is before has room for a key */
	ARGUMENT_KEY = ARGUMENT_AT - 5,     /* the key that the argument itself is the text of */
	SIGNAL_KILL = 9,
};

struct argument_walk {
	struct ask *a;
	u64 from;
	u32 at, left;
	u32 is_rest, is_missing, has_ends;
};

/* The tests that the text satisfies join those of the arguments before. used: bytes of the text in the key at this place. */
__noinline int argument_find(u32 at, u32 is_turned, u32 used)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return 0;
	u32 table = a->table;
	u8 *key = is_turned ? a->path_buffer : &a->path_buffer[ARGUMENT_KEY];
	void *trie = bpf_map_lookup_elem(&texts, &table);
	if (used > POLICY_KEY_BYTES - 1)
		used = POLICY_KEY_BYTES - 1; /* entries are shorter */
	*(u32 *)(void *)key = (1 + used) * 8;
	key[4] = is_turned ? SPACE_ARGUMENT_END : SPACE_ARGUMENT;
	struct policy_text *t = trie ? bpf_map_lookup_elem(trie, key) : NULL;
	struct policy_ancestor_mask *mask = t ? mask_of(table, t->ancestor) : NULL;
	for (u32 i = 0; mask && i < POLICY_ANCESTOR_WORDS; i++)
		a->set.holds[i] |= mask->words[i];
	return 0;
}

struct turn {
	struct ask *a;
	u32 last;
};

static long turn_step(u64 i, struct turn *w)
{
	u32 to = 5 + (u32)i, from = w->last - (u32)i;
	w->a->path_buffer[to & 255] = w->a->path_buffer[from & (RECORD_PATH_MAX - 1)];
	return 0;
}

/* How the text of this many bytes ends, read backwards: an entry that begins so. */
__noinline int argument_turn(u32 at, u32 length)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a || length > ARGUMENT_BYTES)
		return 0;
	u32 n = length < ARGUMENT_KEPT ? length : ARGUMENT_KEPT;
	struct turn w = { .a = a, .last = ARGUMENT_AT + length - 1 };
	bpf_loop(n, turn_step, &w, 0);
	return argument_find(at, 1, n);
}

/* An argument, or 2 KiB of a longer one. */
static long argument_step(u64 i, struct argument_walk *w)
{
	struct ask *a = w->a;
	if (!w->left)
		return 1;
	long read = bpf_probe_read_user_str(&a->path_buffer[ARGUMENT_AT], ARGUMENT_BYTES, (void *)w->from);
	if (read < 0) {
		w->is_missing = 1;
		return 1;
	}
	u32 n = read ? (u32)read : 1; /* of an empty string the NUL is not counted */
	bool is_part = n == ARGUMENT_BYTES;
	a->path_buffer[ARGUMENT_AT + ARGUMENT_BYTES] = 0;
	if (read == 0)
		a->path_buffer[ARGUMENT_AT] = 0;
	if (!w->is_rest)
		argument_find(w->at, 0, n);
	if (w->has_ends && !is_part)
		argument_turn(w->at, n - 1);
	w->from += is_part ? n - 1 - ARGUMENT_KEPT : n;
	w->left -= is_part ? 0 : 1;
	w->is_rest = is_part;
	return 0;
}

struct argument_sum {
	struct ask *a;
	u32 first;
};

/* One test's part. Straight, as set_step. */
static long argument_row_step(u64 i, struct argument_sum *w)
{
	struct ask *a = w->a;
	u32 test = (u32)i, word = (test / 64) & (POLICY_ANCESTOR_WORDS - 1);
	u32 is_not = !((a->set.holds[word] >> (test & 63)) & 1);
	struct policy_row *r = row_of(a->table, w->first + 2 * test + is_not);
	if (!r)
		return 1;
	u64 summary = 0, before = a->summary;
#pragma unroll
	for (u32 k = 0; k < POLICY_WORDS; k++) {
		u64 left = a->words[k] & r->words[k] & -((before >> k) & 1); /* words that are not in the summary say nothing */
		a->words[k] = left;
		summary |= is_not_zero(left) << k;
	}
	a->summary = summary;
	return 0;
}

/* Of the clauses that all else has left, those that the arguments leave. 0: none. */
__noinline int arguments_left(u32 at, u64 from, u32 count)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	struct policy_head *h = a ? head_of(a->table) : NULL;
	if (!h)
		return 1;
	struct argument_walk w = { .a = a, .at = at, .from = from, .left = count, .has_ends = h->has_argument_ends };
	for (u32 i = 0; i < POLICY_ANCESTOR_WORDS; i++)
		a->set.holds[i] = 0;
	bpf_loop(POLICY_ARGUMENTS_READ, argument_step, &w, 0);
	struct argument_sum sum = { .a = a, .first = h->first_argument_row };
	if (w.left || w.is_missing) {
		a->unknown |= BIT(DIMENSION_ARGUMENTS);
		return take_single(at, h->first_argument_row + 2 * h->n_arguments);
	}
	bpf_loop(h->n_arguments, argument_row_step, &sum, 0);
	return a->summary != 0;
}

/* JUDGED; 0: it may run. */
__noinline u64 judge_image(u32 at, u64 from, u32 count)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	struct policy_head *h = a ? head_of(a->table) : NULL;
	if (!a)
		return 0;
	a->rule_slot = RULE_UNDECIDED;
	a->flags = 0;
	if (h) {
		if (!clauses_left(a, at, h) || (h->n_arguments && !arguments_left(at, from, count)))
			return 0;
		take_clause(a, h);
	}
	u32 is_lenient = (a->flags & CLAUSE_DETECT) && a->rule_slot != RULE_UNDECIDED;
	return JUDGED(is_lenient ? VERDICT_WOULD_KILL : VERDICT_KILL, a->unknown != 0 || a->rule_slot == RULE_UNDECIDED, a->rule_slot);
}
