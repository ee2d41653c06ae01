/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Data received, in lsm mode: seen as the call returns, for before there are none. Attached only while a rule is about it, because such
 * calls are frequent. Like the programs of setns, these can be skipped by a kernel that preempts one run by another; that is counted.
 */
#include "bpf/outcome.bpf.c"

static __always_inline void receive_sense(struct call *c)
{
	struct subject who;
	if (c->result <= 0 || !is_wanted(EVENT_NET_RECEIVE) || !subject_current(bpf_get_current_task_btf(), &who))
		return;
	c->verb = VERB_RECEIVE;
	c->exec_id = who.exec_id;
	c->parent_id = who.parent_id;
	if (c->form == FORM_RECVMSG)
		arrange_receive(c);
	u32 index = slot_claim();
	struct slot *s = index == SLOT_NONE ? NULL : slot_at(index);
	if (!s) {
		count_lost(VERB_RECEIVE);
		return;
	}
	s->call = *c;
	tp_receive(index);
	slot_release(s);
}

#define RECEIVE_PROBE(name, function, call_form)                                                                              \
	SEC("fexit/" #function)                                                                                               \
	int BPF_PROG(name, const struct pt_regs *regs, long result)                                                           \
	{                                                                                                                     \
		struct call c = { .args = { regs->di, regs->si, regs->dx, regs->r10, regs->r8, regs->r9 }, .result = result, \
				  .form = call_form };                                                                        \
		receive_sense(&c);                                                                                            \
		return 0;                                                                                                     \
	}
#define RECEIVE_PROBE_COMPAT(name, function, call_form)                                                                    \
	SEC("fexit/" #function)                                                                                            \
	int BPF_PROG(name, const struct pt_regs *regs, long result)                                                        \
	{                                                                                                                  \
		struct call c = { .args = { (u32)regs->bx, (u32)regs->cx, (u32)regs->dx, (u32)regs->si, (u32)regs->di,     \
					    (u32)regs->bp }, .result = result, .form = call_form, .is_compat = 1 };        \
		receive_sense(&c);                                                                                         \
		return 0;                                                                                                  \
	}
RECEIVE_PROBE(recvfrom_exit, __x64_sys_recvfrom, FORM_AS_IS)
RECEIVE_PROBE(recvmsg_exit, __x64_sys_recvmsg, FORM_RECVMSG)
RECEIVE_PROBE_COMPAT(recvfrom_exit_compat, __ia32_compat_sys_recvfrom, FORM_AS_IS)
RECEIVE_PROBE_COMPAT(recvmsg_exit_compat, __ia32_compat_sys_recvmsg, FORM_RECVMSG)
