/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* What a process does to others and to its own powers, in lsm mode: ptrace, signals, ids, namespaces, prctl, userfaultfd. */
#include "bpf/decide.h"

enum {
	PTRACE_ATTACH_MODE = 2, /* PTRACE_MODE_ATTACH; mere looks at /proc come with PTRACE_MODE_READ */
	CALL_PTRACE = 101,
	CALL_PTRACE_COMPAT = 26,
	CALL_UFFD = 323,
	CALL_UFFD_COMPAT = 374,
	CALL_IOCTL = 16,
	NAMESPACE_BITS = 0x7e020080, /* CLONE_NEW* */
};

/* TARGET_PROCESS of a record. A macro: the wire structs differ. */
#define PUT_TARGET(rec, task)                                                                             \
	do {                                                                                              \
		struct task_struct *_t = (task);                                                          \
		(rec)->target_id = id_of(_t);                                                             \
		(rec)->target_pid = BPF_CORE_READ(_t, tgid);                                              \
		bpf_probe_read_kernel_str((rec)->target_comm.text, sizeof((rec)->target_comm.text), &_t->comm); \
	} while (0)

/* The first argument of the call under way when it is the one named, in either form; else missing. */
static __always_inline u32 first_argument_of(struct task_struct *task, u32 native, u32 compat)
{
	struct pt_regs *regs = entry_regs(task);
	u64 number = regs->orig_ax;
	if (is_compat(task))
		return number == compat ? regs->bx : FIELD_MISSING;
	return number == native ? regs->di : FIELD_MISSING;
}

/* ptrace, and what needs the same right: /proc/PID/mem, process_vm_readv, process_vm_writev, pidfd_getfd. */
SEC("lsm/ptrace_access_check")
int BPF_PROG(ptrace_access_check, struct task_struct *child, unsigned int mode, int ret)
{
	if (ret || !(mode & PTRACE_ATTACH_MODE))
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_PROC_PTRACE))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_PROC_PTRACE, at);
	u32 request = first_argument_of(bpf_get_current_task_btf(), CALL_PTRACE, CALL_PTRACE_COMPAT);
	if (a) {
		ask_number(a, DIMENSION_FLAGS, 0);
		if (request != FIELD_MISSING)
			ask_number(a, DIMENSION_NUMBER, request);
	}
	act_judge(&act, at, EVENT_PROC_PTRACE);
	struct slot *s = act_record(&act, EVENT_PROC_PTRACE, sizeof(struct wire_proc_ptrace), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_proc_ptrace *r = (void *)s->record;
	PUT_TARGET(r, child);
	r->request = request;
	r->mode = mode;
	record_finish(s, RING_OF(EVENT_PROC_PTRACE));
	return ACT_RESULT(act);
}

SEC("lsm/ptrace_traceme")
int BPF_PROG(ptrace_traceme, struct task_struct *parent, int ret)
{
	if (ret)
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_PROC_PTRACE))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_PROC_PTRACE, at);
	if (a) {
		ask_number(a, DIMENSION_FLAGS, 1);
		ask_number(a, DIMENSION_NUMBER, 0);
	}
	act_judge(&act, at, EVENT_PROC_PTRACE);
	struct slot *s = act_record(&act, EVENT_PROC_PTRACE, sizeof(struct wire_proc_ptrace), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_proc_ptrace *r = (void *)s->record;
	PUT_TARGET(r, parent);
	r->request = 0; /* PTRACE_TRACEME */
	r->is_traceme = 1;
	record_finish(s, RING_OF(EVENT_PROC_PTRACE));
	return ACT_RESULT(act);
}

/* Signals that processes send; those of the kernel do not come here. */
SEC("lsm/task_kill")
int BPF_PROG(task_kill, struct task_struct *target, struct kernel_siginfo *info, int signal, const struct cred *cred, int ret)
{
	if (ret)
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_PROC_KILL))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_PROC_KILL, at);
	if (a)
		ask_number(a, DIMENSION_NUMBER, (u32)signal);
	act_judge(&act, at, EVENT_PROC_KILL);
	struct slot *s = act_record(&act, EVENT_PROC_KILL, sizeof(struct wire_proc_kill), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_proc_kill *r = (void *)s->record;
	PUT_TARGET(r, target);
	r->signal = signal;
	record_finish(s, RING_OF(EVENT_PROC_KILL));
	return ACT_RESULT(act);
}

SEC("lsm/task_fix_setuid")
int BPF_PROG(task_fix_setuid, struct cred *new, const struct cred *old, int flags, int ret)
{
	if (ret)
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_PROC_SETUID))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_PROC_SETUID, at);
	if (a) {
		ask_number(a, DIMENSION_NUMBER, BPF_CORE_READ(new, uid.val));
		ask_number(a, DIMENSION_NUMBER_2, BPF_CORE_READ(new, euid.val));
	}
	act_judge(&act, at, EVENT_PROC_SETUID);
	struct slot *s = act_record(&act, EVENT_PROC_SETUID, sizeof(struct wire_proc_setuid), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_proc_setuid *r = (void *)s->record;
	r->new_uid = BPF_CORE_READ(new, uid.val);
	r->new_euid = BPF_CORE_READ(new, euid.val);
	r->new_suid = BPF_CORE_READ(new, suid.val);
	record_finish(s, RING_OF(EVENT_PROC_SETUID));
	return ACT_RESULT(act);
}

/*
 * setns and unshare have no hook: seen as they return, so that the result is known at once. A 32-bit call has wrappers of its
 * own, with its arguments in other registers. Unlike LSM programs, these can be skipped by the kernel when it preempts one run
 * by another on the same CPU; it counts that, and status shows it.
 */
static __always_inline void setns_event(u64 fd, u64 flags, long result)
{
	u32 index;
	struct slot *s = event_start(EVENT_PROC_SETNS, sizeof(struct wire_proc_setns), &index);
	if (!s)
		return;
	struct wire_proc_setns *r = (void *)s->record;
	r->common.stage = 1;
	r->common.result = result;
	r->fd = (s32)fd;
	r->flags = (u32)flags;
	record_finish(s, RING_OF(EVENT_PROC_SETNS));
}

SEC("fexit/__x64_sys_setns")
int BPF_PROG(setns_exit, const struct pt_regs *regs, long result)
{
	setns_event(regs->di, regs->si, result);
	return 0;
}

SEC("fexit/__ia32_sys_setns")
int BPF_PROG(setns_exit_compat, const struct pt_regs *regs, long result)
{
	setns_event(regs->bx, regs->cx, result);
	return 0;
}

static __always_inline void unshare_event(u32 flags, bool is_clone, long result)
{
	u32 index;
	if (is_clone && !(flags & NAMESPACE_BITS))
		return;
	struct slot *s = event_start(EVENT_PROC_UNSHARE, sizeof(struct wire_proc_unshare), &index);
	if (!s)
		return;
	struct wire_proc_unshare *r = (void *)s->record;
	r->flags = flags & NAMESPACE_BITS;
	r->is_clone = is_clone;
	if (!is_clone) {
		r->common.stage = 1;
		r->common.call_id = 0;
		r->common.result = result;
	}
	record_finish(s, RING_OF(EVENT_PROC_UNSHARE));
}

SEC("fexit/__x64_sys_unshare")
int BPF_PROG(unshare_exit, const struct pt_regs *regs, long result)
{
	unshare_event(regs->di, false, result);
	return 0;
}

SEC("fexit/__ia32_sys_unshare")
int BPF_PROG(unshare_exit_compat, const struct pt_regs *regs, long result)
{
	unshare_event(regs->bx, false, result);
	return 0;
}

/* clone with namespaces: an attempt of the parent's. The exit signal in the low bits of clone's flags is gone by now. */
SEC("lsm/task_alloc")
int BPF_PROG(task_alloc, struct task_struct *task, unsigned long flags, int ret)
{
	if (ret)
		return ret;
	unshare_event(flags, true, 0);
	return 0;
}

/* Whoever makes a user namespace has all powers in it. */
SEC("lsm/userns_create")
int BPF_PROG(userns_create, const struct cred *cred, int ret)
{
	if (ret)
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_PROC_USERNS))
		return 0;
	(void)ACT_ASK(act, EVENT_PROC_USERNS, at); /* of whoever acts, all is looked up when it is asked for */
	act_judge(&act, at, EVENT_PROC_USERNS);
	struct slot *s = act_record(&act, EVENT_PROC_USERNS, sizeof(struct wire_proc_userns), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_proc_userns *r = (void *)s->record;
	r->level = (u32)BPF_CORE_READ(cred, user_ns, level) + 1;
	record_finish(s, RING_OF(EVENT_PROC_USERNS));
	return ACT_RESULT(act);
}

SEC("lsm/inode_init_security_anon")
int BPF_PROG(inode_init_security_anon, struct inode *inode, const struct qstr *name, const struct inode *context, int ret)
{
	static const char wanted[16] = "[userfaultfd]";
	char text[16] = {};
	u32 difference = 0;
	if (ret)
		return ret;
	if (bpf_probe_read_kernel_str(text, sizeof(text), BPF_CORE_READ(name, name)) < 0)
		return 0;
	for (u32 i = 0; i < sizeof(text); i++)
		difference |= (u32)(text[i] ^ wanted[i]);
	if (difference)
		return 0;
	u32 index;
	struct slot *s = event_start(EVENT_PROC_UFFD, sizeof(struct wire_proc_uffd), &index);
	if (!s)
		return 0;
	struct wire_proc_uffd *r = (void *)s->record;
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs = entry_regs(task);
	u32 flags = first_argument_of(task, CALL_UFFD, CALL_UFFD_COMPAT);
	if (flags == FIELD_MISSING && !is_compat(task) && regs->orig_ax == CALL_IOCTL)
		flags = regs->dx; /* USERFAULTFD_IOC_NEW on /dev/userfaultfd */
	r->flags = flags == FIELD_MISSING ? 0 : flags;
	record_finish(s, RING_OF(EVENT_PROC_UFFD));
	return 0;
}

/* 0 does not end the call here: the kernel's own default (ENOSYS: go on) follows our 0. An error does. */
SEC("lsm/task_prctl")
int BPF_PROG(task_prctl, int option, unsigned long arg2, unsigned long arg3, unsigned long arg4, unsigned long arg5, int ret)
{
	if (ret)
		return ret;
	struct act act;
	u32 index, at;
	if (!act_start(&act, EVENT_PROC_PRCTL))
		return 0;
	struct ask *a = ACT_ASK(act, EVENT_PROC_PRCTL, at);
	if (a)
		ask_number(a, DIMENSION_NUMBER, (u32)option);
	act_judge(&act, at, EVENT_PROC_PRCTL);
	struct slot *s = act_record(&act, EVENT_PROC_PRCTL, sizeof(struct wire_proc_prctl), &index);
	if (!s)
		return ACT_RESULT(act);
	struct wire_proc_prctl *r = (void *)s->record;
	r->option = option;
	r->arg2 = arg2;
	record_finish(s, RING_OF(EVENT_PROC_PRCTL));
	return ACT_RESULT(act);
}
