/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What became of an attempt, in lsm mode: the result of the system call whose records carry a call id. Attached only while some
 * rule needs it. The outcome goes to the ring of its attempts; to the bulk ring when they went to both, for the reader empties
 * the priority ring first.
 *
 * A call can also fail before any LSM hook is asked: the file does not exist, or its permission bits refuse. Then there is no attempt to
 * join, and the failed call itself is told, from its arguments, as in tracepoint mode. config.native and config.compat say of which calls.
 */
#include "bpf/tracepoint.bpf.c"

enum { ERRNO_MAX = 4095, ERESTARTSYS = 512, ERESTART_RESTARTBLOCK = 516 };

/* A failure that the caller sees; an interrupted call is made again by the kernel. */
static __always_inline bool is_failure(long result)
{
	return result < 0 && result >= -ERRNO_MAX && !(result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(outcome_exit, struct pt_regs *regs, long result)
{
	if (!is_failure(result) && !*(volatile u32 *)&n_calls)
		return 0; /* most calls: this one has no entry, or it would have been counted by the task itself */
	struct task_struct *task = bpf_get_current_task_btf();
	u32 tid = task->pid;
	struct call_entry *known = bpf_map_lookup_elem(&calls, &tid);
	if (!known)
		return is_failure(result) ? call_sense(task, regs, result) : 0;
	struct call_entry call = *known;
	call_drop(tid);
	struct subject who;
	if (!call.id || !subject_current(task, &who))
		return 0;
	u32 index;
	struct slot *s = record_start(task, &who, EVENT_OUTCOME, sizeof(struct wire_outcome), &index);
	if (!s)
		return 0;
	struct wire_outcome *r = (void *)s->record;
	r->common.stage = 1;
	r->common.call_id = call.id;
	r->common.result = result;
	r->syscall = (u32)regs->orig_ax;
	if (call.is_bulk)
		record_finish(s, &ring_bulk);
	else
		record_finish(s, &ring_priority);
	return 0;
}
