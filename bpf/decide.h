/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The verdict on an act, by the tables of bpf/decision_abi.h: dimension by dimension, cheap ones first, until no clause is left or all
 * dimensions have been asked. What cannot be known has a class of its own; nothing that goes wrong here allows.
 *
 * A hook:   struct act act;
 *           if (!act_start(&act, EVENT_X)) return 0;
 *           struct ask *a = ACT_ASK(act, EVENT_X, at);
 *           if (a) { ...what is known of the object... }
 *           act_judge(&act, at, EVENT_X);
 *           struct slot *s = act_record(&act, EVENT_X, sizeof(struct wire_x), &index);
 *           if (s) { ...; record_finish(s, RING_OF(EVENT_X)); }
 *           return ACT_RESULT(act);
 */
#pragma once

#include "bpf/label.h"

#define EPERM 1

enum { RULE_UNDECIDED = 0xffffffff, VERDICT_DENY = 2, VERDICT_WOULD_DENY = 3, VERDICT_KILL = 4, VERDICT_WOULD_KILL = 5,
       VERDICT_FILTERED = 0xff /* allowed, and not worth a record; never in one */ };

#define PAIRS (BIT(DIMENSION_EXECUTABLE) | BIT(DIMENSION_PATH) | BIT(DIMENSION_NEW_PATH))

/* --- dimensions ------------------------------------------------------------------------------------------------------------- */

/* Numbers of whoever acts, and those of the file that is the object: read when they are asked for. */
__noinline int subject_number(u32 at, u32 d)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return 0;
	struct task_struct *task = readable(bpf_get_current_task_btf());
	const struct cred *cred = task->cred;
	u64 value = ~0ull;
	if (d == DIMENSION_UID)
		value = cred->uid.val;
	else if (d == DIMENSION_EUID)
		value = cred->euid.val;
	else if (d == DIMENSION_GID)
		value = cred->gid.val;
	else if (d == DIMENSION_LOGIN && task->loginuid.val != FIELD_MISSING)
		value = task->loginuid.val;
	struct dentry *dentry = (void *)a->file[0].dentry;
	if (d == DIMENSION_DEVICE && dentry)
		value = BPF_CORE_READ(dentry, d_sb, s_dev);
	struct inode *inode = d == DIMENSION_INODE && dentry ? BPF_CORE_READ(dentry, d_inode) : NULL;
	if (inode)
		value = BPF_CORE_READ(inode, i_ino);
	a->number[d & 31] = value;
	if (value != ~0ull)
		a->given |= BIT(d & 31);
	return 0;
}

#define LAZY (BIT(DIMENSION_UID) | BIT(DIMENSION_EUID) | BIT(DIMENSION_GID) | BIT(DIMENSION_LOGIN) | BIT(DIMENSION_DEVICE) | BIT(DIMENSION_INODE))

/* Class of a dimension that is no pair. */
__noinline int class_find(u32 at, u32 d)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return 0;
	d &= 31;
	a->class = CLASS_NONE;
	if (a->hidden & BIT(d)) {
		a->class = CLASS_UNKNOWN;
		return 0;
	}
	if (d == DIMENSION_CONTAINER || d == DIMENSION_CGROUP) {
		cgroup_find(at);
		bool is_host = d == DIMENSION_CONTAINER && a->cgroup_class != CLASS_UNKNOWN;
		a->class = is_host ? CLASS_FIRST + a->is_container : a->cgroup_class;
		return 0;
	}
	if (d == DIMENSION_NAME || d == DIMENSION_NEW_NAME)
		return name_find(at, d == DIMENSION_NEW_NAME);
	if (d == DIMENSION_COMM)
		return comm_find(at);
	if (d == DIMENSION_IMAGE)
		return image_find(at);
	if (d == DIMENSION_ENDING || d == DIMENSION_NEW_ENDING)
		return ending_find(at, d == DIMENSION_NEW_ENDING);
	if (BIT(d) & LAZY)
		subject_number(at, d);
	if (!(a->given & BIT(d)))
		return 0;
	if (d == DIMENSION_FLAGS)
		a->class = CLASS_FIRST + (u32)a->number[DIMENSION_FLAGS];
	else if (d == DIMENSION_ROLLOUT)
		a->class = CLASS_FIRST + policy_rollout(a->number[DIMENSION_ROLLOUT]);
	else if (d == DIMENSION_ADDRESS)
		address_find(a);
	else if (d == DIMENSION_PORT)
		port_find(a);
	else
		number_find(at, d);
	return 0;
}

/* Classes of a pair: into pair_class. */
__noinline int pair_find(u32 at, u32 d)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return 0;
	if (d == DIMENSION_EXECUTABLE) {
		struct task_struct *task = bpf_get_current_task_btf();
		struct task_label *l = label_of(task->tgid, start_of(task));
		u32 t = a->table & 1;
		bool is_known = l && l->by_table[t].generation == a->generation;
		a->pair_class[0] = is_known ? l->by_table[t].executable[0] : CLASS_UNKNOWN;
		a->pair_class[1] = is_known ? l->by_table[t].executable[1] : CLASS_UNKNOWN;
		return 0;
	}
	a->pair_class[0] = a->pair_class[1] = CLASS_NONE;
	if (!a->file[d == DIMENSION_NEW_PATH].dentry)
		return 0;
	names_find(at, d == DIMENSION_NEW_PATH);
	a->pair_class[0] = a->name[0].text.object;
	a->pair_class[1] = a->name[1].text.object;
	return 0;
}

/* Takes the rows of the pair that was looked up last. */
__noinline int pair_take(u32 at, u32 d, u32 first_row)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return 1;
	if (a->pair_class[0] == CLASS_UNKNOWN || a->pair_class[1] == CLASS_UNKNOWN)
		a->unknown |= BIT(d & 31);
	int is_left = take_pair(at, first_row + 2 * a->pair_class[0], first_row + 2 * a->pair_class[1]);
	if (d == DIMENSION_PATH && a->file[0].has_id)
		names_remember(at, 0, (u64)!a->pair_left << (a->event & (EVENT_NUMBERS - 1)));
	return is_left;
}

/* Takes the rows of one dimension; 0: no clause is left. */
__noinline int dimension_take(u32 at, u32 d)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	struct policy_head *h = a ? head_of(a->table) : NULL;
	if (!h || d >= POLICY_DIMENSIONS)
		return 1;
	u32 first = h->first_row[a->event & (EVENT_NUMBERS - 1)][d];
	if (BIT(d) & PAIRS) {
		return pair_take(at, d, first);
	}
	if (d == DIMENSION_ANCESTORS) {
		u32 row = (u32)ancestors_find(at);
		if (row == ROW_NOT_YET)
			a->unknown |= BIT(d);
		return take_single(at, row == ROW_NOT_YET ? first + CLASS_UNKNOWN : row);
	}
	class_find(at, d);
	if (a->class == CLASS_UNKNOWN)
		a->unknown |= BIT(d);
	return take_single(at, first + a->class);
}

/* --- the decision ----------------------------------------------------------------------------------------------------------- */

/* No dimension is asked: every clause is left. */
__noinline int take_all(u32 at)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	if (!a)
		return 1;
	for (u32 i = 0; i < POLICY_WORDS; i++) {
		a->words[i] = ~0ull;
		asm volatile("" ::: "memory");
	}
	return 1;
}

/* The lowest clause that is left. */
static __always_inline void take_clause(struct ask *a, struct policy_head *h)
{
	u32 word = lowest_bit(a->summary) & (POLICY_WORDS - 1), table = a->table;
	u32 number = h->first_clause[a->event & (EVENT_NUMBERS - 1)] + 64 * word + lowest_bit(a->words[word]);
	void *inner = bpf_map_lookup_elem(&clauses, &table);
	struct policy_clause *c = inner ? bpf_map_lookup_elem(inner, &number) : NULL;
	a->rule_slot = c ? c->rule_slot : RULE_UNDECIDED;
	a->flags = c ? c->flags : 0;
}

/* 0: no clause is left. */
static __always_inline int clauses_left(struct ask *a, u32 at, struct policy_head *h)
{
	u32 event = a->event & (EVENT_NUMBERS - 1);
	u64 order = h->order[event][0], rest = h->order[event][1];
	for (u32 i = 0; i < POLICY_DIMENSIONS; i++) {
		if (i == POLICY_ORDER_OF_WORD)
			order = rest;
		u32 d = (order & ((1 << POLICY_ORDER_BITS) - 1)) - 1;
		if (d >= POLICY_DIMENSIONS)
			break;
		if (BIT(d) & (BIT(DIMENSION_EXECUTABLE) | BIT(DIMENSION_ANCESTORS)))
			label_find(at);
		if (BIT(d) & PAIRS) /* here, and not where they are used: calls may not go deeper than eight, nor stacks */
			pair_find(at, d);
		if (!dimension_take(at, d))
			return 0;
		order >>= POLICY_ORDER_BITS;
	}
	return a->n_taken ? 1 : take_all(at);
}

/* Fills rule_slot and flags; 0: nothing holds against the act. */
static __always_inline int decide(struct ask *a, u32 at)
{
	struct policy_head *h = head_of(a->table);
	a->rule_slot = RULE_UNDECIDED;
	if (!h)
		return 1;
	if (!clauses_left(a, at, h))
		return 0;
	take_clause(a, h);
	return 1;
}

/* --- acts ------------------------------------------------------------------------------------------------------------------- */

enum { ASK_FULL = 0xfffffffe };

/* A verdict in one number: what it is, whether anything unknown was asked, and the rule. */
#define JUDGED(verdict, is_unknown, rule_slot) ((u64)(rule_slot) << 32 | (u64)(is_unknown) << 8 | (verdict))

struct act {
	struct subject who;
	u64 judged; /* 0: nothing is against it, or nothing was asked */
};
static __always_inline u32 act_verdict(const struct act *act)
{
	return (u8)act->judged;
}
/* Constants, which newer kernels ask for. */
#define ACT_RESULT(act) (act_verdict(&(act)) == VERDICT_DENY ? -EPERM : 0)

/* The tables that decide now. Whoever goes on to ask reads it once more: between the two others may have come into force, whole. */
static __always_inline u32 generation_in_force(void)
{
	if (!can_decide)
		return 0;
	u64 until_ns = *(volatile u64 *)&config.policy_until_ns;
	if (until_ns && bpf_ktime_get_boot_ns() >= until_ns)
		return *(volatile u32 *)&config.policy_before;
	return *(volatile u32 *)&config.policy_generation;
}

static __always_inline bool is_decided(u32 event)
{
	u32 generation = generation_in_force();
	return generation && (config.decided[generation & 1] & BIT(event));
}

/* false: neither a verdict nor a record is asked for, or the task is out of scope. */
static __always_inline bool act_start(struct act *act, u32 event)
{
	act->judged = 0;
	if (!is_decided(event) && !is_wanted(event))
		return false;
	return subject_current(bpf_get_current_task_btf(), &act->who);
}

/* Generation of the tables that say what of this event is worth sending; 0: all of it, or nothing is sent anyway. */
static __always_inline u32 approval_of(u32 event)
{
	u32 generation = can_decide ? *(volatile u32 *)&config.approval_generation : 0;
	return generation && is_wanted(event) && (config.approved[generation & 1] & BIT(event)) ? generation : 0;
}

/* Generation of the tables that give verdicts on this event; 0: none do. */
static __always_inline u32 verdicts_of(u32 event)
{
	u32 generation = generation_in_force();
	return generation && (config.decided[generation & 1] & BIT(event)) ? generation : 0;
}

/* The generations have been read once, and are read again by nobody. */
__noinline int ask_open(u32 event, u64 exec_id, u32 generation, u32 approval)
{
	event &= EVENT_NUMBERS - 1;
	if (!generation && !approval)
		return (int)ASK_NONE;
	u32 at = (u32)ask_claim(generation ? CLAIM_ACT : CLAIM_APPROVAL);
	struct ask *a = at == ASK_NONE ? NULL : ask_at(at);
	if (!a)
		return generation ? (int)ASK_FULL : (int)ASK_NONE; /* what cannot be looked up is sent */
	ask_start(a, generation, event);
	a->approval = approval;
	a->number[DIMENSION_ROLLOUT] = exec_id;
	a->given = BIT(DIMENSION_ROLLOUT);
	return (int)at;
}

/*
 * What the act is to be judged by; NULL: nothing is to be decided, or no slot is free: then act_judge denies. A macro, so that `at` is the hook's
 * and the verifier knows no more of it than that it is a number.
 */
#define ACT_ASK(act, event, at)                                 \
	({                                                      \
		at = (u32)ask_open(event, (act).who.exec_id, verdicts_of(event), approval_of(event)); \
		at >= ASK_FULL ? (struct ask *)NULL : ask_at(at); \
	})

static __always_inline void ask_number(struct ask *a, u32 dimension, u64 value)
{
	a->number[dimension & 31] = value;
	a->given |= BIT(dimension & 31);
}

static __always_inline void ask_written(struct ask *a, struct inode *inode)
{
	u32 written = written_of(inode);
	if (written == WRITTEN_UNKNOWN)
		a->hidden |= BIT(DIMENSION_NUMBER_2);
	else
		ask_number(a, DIMENSION_NUMBER_2, written);
}

static __always_inline void ask_file(struct ask *a, u32 which, u64 mnt, u64 dentry)
{
	a->file[which & 1].mnt = mnt;
	a->file[which & 1].dentry = dentry;
}

/* The dimension NAME: a string of the kernel. */
static __always_inline void ask_name(struct ask *a, const void *text)
{
	if (!text)
		return;
	long n = bpf_probe_read_kernel_str(&a->name_key.data[1], NAME_TEXT_MAX, text);
	u32 used = n > 0 ? (u32)n : 0; /* with its NUL; of what is cut, none */
	a->name_key.data[0] = SPACE_NAME;
	a->name_length = used;
	a->name_key.prefix_bits = (used == NAME_TEXT_MAX ? used : used + 1) * 8;
}

static __always_inline void count_denied(u32 event, bool is_unknown)
{
	struct event_counters *n = counters_of(event);
	if (n)
		__sync_fetch_and_add(is_unknown ? &n->undecided : &n->blocked, 1);
}

/*
 * The verdict, after which `approve` frees the slot. A global function whether or not there is something to decide: what it returns is just a
 * number to the verifier, so that it does not go through the rest of the hook once for each verdict.
 */
__noinline u64 judge(u32 at, u32 event)
{
	u64 judged = 0;
	event &= EVENT_NUMBERS - 1;
	if (at == ASK_NONE || !can_decide)
		return 0;
	struct ask *a = at == ASK_FULL ? NULL : ask_at(at);
	if (!a) {
		count_denied(event, true);
		return JUDGED(VERDICT_DENY, 1, RULE_UNDECIDED);
	}
	if (a->generation && decide(a, at)) {
		u32 is_lenient = (a->flags & CLAUSE_DETECT) && a->rule_slot != RULE_UNDECIDED;
		u32 is_unknown = a->unknown != 0 || a->rule_slot == RULE_UNDECIDED;
		judged = JUDGED(is_lenient ? VERDICT_WOULD_DENY : VERDICT_DENY, is_unknown, a->rule_slot);
		if (!is_lenient)
			count_denied(event, is_unknown);
	}
	return judged;
}

/* A call that fails after its attempt was filtered must not be told as one that no hook was asked about. */
static __always_inline void note_filtered(u32 event)
{
	struct event_counters *n = counters_of(event);
	if (n)
		__sync_fetch_and_add(&n->filtered, 1);
	call_note(bpf_get_current_task_btf(), event);
}

/* Whether an act against which nothing is said can matter to any rule. Frees the slot. */
__noinline u64 approve(u32 at, u32 event, u64 judged)
{
	struct ask *a = !can_decide || at >= ASK_FULL ? NULL : ask_at(at);
	event &= EVENT_NUMBERS - 1;
	if (!a)
		return judged;
	if (!judged && a->approval) {
		a->table = TABLES_APPROVAL + (a->approval & 1);
		a->n_taken = 0;
		a->summary = (1ull << POLICY_WORDS) - 1;
		struct policy_head *h = head_of(a->table);
		if (h && !clauses_left(a, at, h)) {
			judged = VERDICT_FILTERED;
			note_filtered(event);
		}
	}
	ask_release(a);
	return judged;
}

/*
 * 1: the file's names alone say that no rule is about the act, whoever acts. Then it is judged, and the slot is free.
 */
__noinline int names_clear(u32 at, u32 event)
{
	struct ask *a = !can_decide ? NULL : ask_at(at);
	event &= EVENT_NUMBERS - 1;
	if (!a || !a->file[0].has_id || !name_is_clear(&a->file[0].id, a->generation, a->approval, event))
		return 0;
	if (a->approval)
		note_filtered(event);
	ask_release(a);
	return 1;
}

static __always_inline void act_judge(struct act *act, u32 at, u32 event)
{
	act->judged = approve(at, event, judge(at, event));
}

/* The same act looked at from another side, which can only add a verdict. */
static __always_inline void act_judge_also(struct act *act, u32 at, u32 event)
{
	u64 judged = judge(at, event);
	approve(at, event, VERDICT_FILTERED); /* frees the slot */
	act->judged = judged ? judged : act->judged;
}

/* A record of the act; NULL: nobody wants one, or it is lost (and counted). What was denied is always told, and its outcome is known. */
static __always_inline struct slot *act_record(const struct act *act, u32 event, u32 fixed, u32 *ret_index)
{
	if (act_verdict(act) == VERDICT_FILTERED || (!act->judged && !is_wanted(event)))
		return NULL;
	struct slot *s = record_start(bpf_get_current_task_btf(), &act->who, event, fixed, ret_index);
	if (!s)
		return NULL;
	struct wire_common *c = (void *)s->record;
	u64 judged = act->judged, is_denied = (u8)judged == VERDICT_DENY;
	c->verdict = (u8)judged;
	c->rule_slot = judged >> 32;
	c->uncertain |= judged & 0x100 ? FLAG_VERDICT : 0;
	if (is_denied) {
		c->stage = 1;
		c->call_id = 0; /* the end of the call has nothing to add */
		c->result = -EPERM;
	}
	return s;
}
