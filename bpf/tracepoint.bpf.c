/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Tracepoint mode, for hosts that refuse LSM programs: what a system call did, seen when it ends. Paths and addresses come from the
 * kernel objects behind descriptors where there are any (vedette.source: descriptor), else from the call's arguments (argument).
 * Attached in this mode only. It can deny nothing, and what it cannot see stands in engine/probe/blind.def.
 */
#include "bpf/tp_file.bpf.c"
#include "bpf/tp_network.bpf.c"
#include "bpf/tp_process.bpf.c"

/* A call of several kinds that has become one of the others (socketcall). */
static __always_inline int tp_other(u32 index)
{
	return 0;
}

/* No slot is free: the record is counted as produced and lost, under the first wanted event of the verb. */
static __always_inline void count_lost(u32 verb)
{
	static const u64 events[] = {
		0,
#define VERB(id, function, verb_events) verb_events,
#include "schemas/syscalls.def"
	};
	u64 wanted = verb < sizeof(events) / sizeof(events[0]) ? events[verb] & config.wanted : 0;
	for (u32 i = 1; i < EVENT_NUMBERS; i++) {
		if (!(wanted >> i & 1))
			continue;
		struct event_counters *n = counters_of(i);
		if (n) {
			__sync_fetch_and_add(&n->produced, 1);
			__sync_fetch_and_add(&n->lost_slot, 1);
		}
		return;
	}
}

static __always_inline void call_report(u32 index, u32 verb)
{
	switch (verb) {
#define VERB(id, function, events)  \
	case VERB_##id:             \
		tp_##function(index); \
		break;
#include "schemas/syscalls.def"
	}
}

/* The number first, then the scope, then what it was. */
static __always_inline int call_sense(struct task_struct *task, struct pt_regs *regs, long result)
{
	bool is_compat_call = is_compat(task);
	if (!call_is_wanted(regs->orig_ax, is_compat_call))
		return 0;
	struct subject who;
	if (!subject_current(task, &who))
		return 0;
	struct call c = { .exec_id = who.exec_id, .parent_id = who.parent_id };
	call_read(&c, regs, result, is_compat_call);
	if ((c.form & FORM_MASK) == FORM_SOCKETCALL && !arrange_socketcall(&c))
		return 0;
	call_arrange(&c);
	if (!call_is_relevant(&c))
		return 0;
	u32 index = slot_claim();
	struct slot *s = index == SLOT_NONE ? NULL : slot_at(index);
	if (!s) {
		count_lost(c.verb);
		return 0;
	}
	s->call = c;
	call_report(index, c.verb);
	slot_release(s);
	return 0;
}

/* Tracepoint mode: every system call of every process comes here. */
SEC("tp_btf/sys_exit")
int BPF_PROG(sys_exit_sensor, struct pt_regs *regs, long result)
{
	return call_sense(bpf_get_current_task_btf(), regs, result);
}
