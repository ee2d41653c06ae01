/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Tracepoint mode: calls on other processes, and on powers, namespaces and the kernel. */
#include "bpf/report.h"

/* --- other processes ------------------------------------------------------------------------------------------------------------ */

/* From 6.2 on. Takes a reference, which must be given back. */
extern struct task_struct *bpf_task_from_pid(s32 number) __ksym __weak;
extern void bpf_task_release(struct task_struct *task) __ksym __weak;

/* A process by its number in the first pid namespace: whole where the kernel finds it for us, else what we know of it. */
__noinline int tp_put_process(u32 index, u32 number)
{
	struct slot *s = slot_at(index);
	if (!s)
		return 0;
	struct wire_target *r = (void *)s->record;
	r->target_pid = number;
	if (bpf_task_from_pid) {
		struct task_struct *target = bpf_task_from_pid(number);
		if (target) {
			r->target_id = id_of(target);
			r->target_pid = BPF_CORE_READ(target, tgid);
			bpf_probe_read_kernel_str(r->target_comm.text, sizeof(r->target_comm.text), &target->comm);
			bpf_task_release(target);
			return 0;
		}
	}
	struct task_entry *e = bpf_map_lookup_elem(&tasks, &number);
	if (number && e)
		r->target_id = e->exec_id;
	else
		r->common.uncertain |= UNCERTAIN_ENTITY;
	return 0;
}

/*
 * Another process by its number. A number means the same to us only in the first pid namespace; elsewhere only the caller's own
 * number is known.
 */
__noinline int tp_put_target(u32 index, u32 number)
{
	struct slot *s = slot_at(index);
	struct task_struct *task = bpf_get_current_task_btf();
	if (!s)
		return 0;
	struct wire_target *r = (void *)s->record;
	if (number == r->common.ns_pid || number == r->common.ns_tid) {
		r->target_id = r->common.exec_id;
		r->target_pid = r->common.pid;
		r->target_comm = r->common.comm;
		return 0;
	}
	if (BPF_CORE_READ(task, thread_pid, level) > 0) {
		r->common.uncertain |= UNCERTAIN_ENTITY;
		return 0;
	}
	tp_put_process(index, number);
	return 0;
}

VERB_FUNCTION(ptrace)
{
	RECORD(proc_ptrace, PROC_PTRACE);
	r->request = (u32)a[0];
	r->is_traceme = a[0] == 0;
	if (r->is_traceme) {
		struct task_struct *parent = readable(bpf_get_current_task_btf())->real_parent;
		r->target_id = id_of(parent);
		r->target_pid = BPF_CORE_READ(parent, tgid);
		BPF_CORE_READ_INTO(&r->target_comm.text, parent, comm);
	} else {
		tp_put_target(index, (u32)a[1]);
	}
	tp_finish(index);
}

VERB_FUNCTION(process_vm)
{
	RECORD(proc_ptrace, PROC_PTRACE);
	r->request = FIELD_MISSING;
	tp_put_target(index, (u32)a[0]);
	tp_finish(index);
}

/* Number of the process that a pidfd stands for, in the first pid namespace; 0: it cannot be told. */
static __always_inline u32 pid_of_pidfd(u64 fd)
{
	struct file *file = file_of(fd);
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	u64 magic = BPF_CORE_READ(inode, i_sb, s_magic);
	struct pid *pid = NULL;
	if (magic == PIDFS_MAGIC)
		pid = BPF_CORE_READ(inode, i_private);
	else if (magic == ANON_INODE_MAGIC)
		pid = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(pid, numbers[0].nr);
}

VERB_FUNCTION(kill)
{
	RECORD(proc_kill, PROC_KILL);
	r->signal = (u32)a[1];
	if ((c->form & FORM_MASK) == FORM_PIDFD) {
		tp_put_process(index, c->result == 0 ? pid_of_pidfd(a[0]) : 0);
	} else if ((s32)a[0] > 0) {
		tp_put_target(index, (u32)a[0]);
	} else {
		r->common.uncertain |= UNCERTAIN_ENTITY; /* a group of processes */
	}
	tp_finish(index);
}

/* --- the kernel, privileges, namespaces --------------------------------------------------------------------------------------------- */

VERB_FUNCTION(module)
{
	RECORD(module_load, MODULE_LOAD);
	if (c->form == FORM_FD) {
		tp_put_file(index, a[0], 0);
	} else {
		r->from = 1; /* memory */
		NO_FILE(r);
	}
	tp_finish(index);
}

VERB_FUNCTION(bpf)
{
	/* the first bytes of union bpf_attr as BPF_PROG_LOAD uses it */
	struct {
		u32 prog_type, insns;
		u64 pointers[4];
		u32 version, flags;
		char name[16];
	} attr = {};
	u32 n = (u32)a[2] < sizeof(attr) ? 8 : sizeof(attr);
	RECORD(bpf_load, BPF_LOAD);
	if (bpf_probe_read_user(&attr, n, (void *)a[1]))
		attr.prog_type = FIELD_MISSING;
	r->cmd = (u32)a[0];
	r->prog_type = attr.prog_type;
	r->insns = attr.insns;
	__builtin_memcpy(r->prog_name.text, attr.name, sizeof(attr.name));
	tp_finish(index);
}

/* An id asked for by a call that failed: "unchanged" is the present one. */
static __always_inline u32 id_asked(const struct call *c, u64 v, u32 present)
{
	u32 id = id_argument(c, v);
	return id == FIELD_MISSING ? present : id;
}

/* After success the credentials are the new ones, in user.id too: the old are gone. */
VERB_FUNCTION(setuid)
{
	const struct cred *cred = readable(bpf_get_current_task_btf())->cred;
	bool is_failed = c->result < 0;
	RECORD(proc_setuid, PROC_SETUID);
	u32 uid = cred->uid.val, euid = cred->euid.val, suid = cred->suid.val;
	r->new_uid = is_failed ? id_asked(c, a[0], uid) : uid;
	r->new_euid = is_failed ? id_asked(c, a[1], euid) : euid;
	r->new_suid = is_failed ? id_asked(c, a[2], suid) : suid;
	if (!is_failed)
		r->common.source = SOURCE_FD;
	tp_finish(index);
}

VERB_FUNCTION(setns)
{
	RECORD(proc_setns, PROC_SETNS);
	r->fd = (s32)a[0];
	r->flags = (u32)a[1];
	tp_finish(index);
}

VERB_FUNCTION(unshare)
{
	RECORD(proc_unshare, PROC_UNSHARE);
	r->flags = (u32)a[0] & NAMESPACE_FLAGS;
	r->is_clone = c->verb == VERB_CLONE;
	tp_finish(index);
}

VERB_FUNCTION(prctl)
{
	RECORD(proc_prctl, PROC_PRCTL);
	r->option = (u32)a[0];
	r->arg2 = a[1];
	tp_finish(index);
}

VERB_FUNCTION(uffd)
{
	RECORD(proc_uffd, PROC_UFFD);
	r->flags = (u32)a[0];
	tp_finish(index);
}

