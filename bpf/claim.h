/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Decision slots: what a decision works on is claimed by compare-and-swap and given back. Where the kernel preempts fully, a task can be put aside
 * while it has one, and anybody may have many threads; so some slots are kept for those whom that must not stop, and whoever finds none looks
 * again for a while: long enough that others run meanwhile and give theirs back.
 */
#pragma once

#include "bpf/ask.h"
#include "bpf/readable.h"

enum { ASK_NONE = 0xffffffff };

enum claim {
	CLAIM_APPROVAL, /* without a slot the act is told: nobody waits for one */
	CLAIM_ACT,      /* without one it is denied */
	CLAIM_IMAGE,    /* without one a process is not known any more, or an image not judged: has slots of its own */
	CLAIM_FORK,     /* the same where nothing else can run on this CPU: waits less */
};

/* A container's root is not this one, nor one in a user namespace: he has no number 0 here. Whom a container shares the host's processes with, it is. */
static __always_inline bool is_root_of_host(void)
{
	return !(u32)bpf_get_current_uid_gid() && !readable(bpf_get_current_task_btf())->thread_pid->level;
}

struct ask_search {
	u32 first, n, found;
};

static long ask_step(u64 i, struct ask_search *w)
{
	u32 at = (w->first + (u32)i) % w->n;
	struct ask *a = ask_at(at);
	if (!a || *(volatile u32 *)&a->busy || __sync_val_compare_and_swap(&a->busy, 0, 1))
		return 0;
	w->found = at;
	return 1;
}

/* Begins at this CPU's own, which nearly always is free. */
__noinline int ask_claim(u32 why)
{
	u32 n = config.n_asks;
	if (!can_decide || !n)
		return (int)ASK_NONE;
	u32 own = bpf_get_smp_processor_id() * ASKS_PER_CPU;
	struct ask *first = ask_at(own);
	if (first && !__sync_val_compare_and_swap(&first->busy, 0, 1))
		return (int)own;
	if (is_root_of_host())
		n += 2 * ASKS_KEPT;
	else if (why == CLAIM_IMAGE || why == CLAIM_FORK)
		n += ASKS_KEPT;
	struct ask_search w = { .first = own, .n = n, .found = ASK_NONE };
	bpf_loop(why == CLAIM_APPROVAL ? n : why == CLAIM_FORK ? n + ASKS_TRIES_FORK : ASKS_TRIES, ask_step, &w, 0);
	if (w.found == ASK_NONE && why != CLAIM_APPROVAL)
		count_misc(MISC_ASKS_FULL);
	return (int)w.found;
}

static __always_inline void ask_release(struct ask *a)
{
	__sync_lock_test_and_set(&a->busy, 0);
}

static __always_inline void ask_start(struct ask *a, u32 generation, u32 event)
{
	a->event = event;
	a->generation = generation;
	a->table = generation & 1;
	a->approval = 0;
	a->given = a->unknown = a->hidden = 0;
	a->is_exec = a->name_length = a->has_cgroup = 0;
	a->file[0].dentry = a->file[1].dentry = 0;
	a->file[0].has_id = a->file[1].has_id = 0;
	a->file[0].is_searched = a->file[1].is_searched = 0;
	a->file[0].device = a->file[1].device = 0;
	a->n_taken = 0;
	a->rule_slot = a->flags = 0;
	a->summary = (1ull << POLICY_WORDS) - 1;
}
