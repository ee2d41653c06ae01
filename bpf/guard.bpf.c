/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Keeps others off the engine: its process, its maps, programs and links. Programs of their own on hooks that others use too: each decides for
 * itself, and what is not the engine's passes after a few instructions.
 */
#include "bpf/guard.h"

/* --- the process ------------------------------------------------------------------------------------------------------------- */

static __always_inline bool is_agent(struct task_struct *task)
{
	return (u32)task->tgid == config.own_pid;
}

/* Those that neither end nor stop it: test, SIGHUP (it reads its rules anew), SIGCHLD, SIGCONT, SIGURG, SIGWINCH. */
#define HARMLESS_SIGNALS (BIT(0) | BIT(1) | BIT(17) | BIT(18) | BIT(23) | BIT(28))
#define STOPPING_SIGNALS (BIT(19) | BIT(20) | BIT(21) | BIT(22))

SEC("lsm/task_kill")
int BPF_PROG(guard_task_kill, struct task_struct *target, struct kernel_siginfo *info, int signal, const struct cred *cred, int ret)
{
	if (ret || !is_agent(target))
		return ret;
	u64 bit = BIT(signal & 63);
	if ((bit & HARMLESS_SIGNALS) || !is_refused())
		return 0;
	if (caller() == INIT_TGID && !(bit & STOPPING_SIGNALS))
		return 0; /* the service manager ends services, and kills those that do not end */
	guard_report(0, 0, TAMPER_SIGNAL, signal);
	return -EPERM;
}

/* F_SETOWN and F_SETSIG: any signal, sent by the kernel for a descriptor, maybe from an interrupt: who is current means nothing. */
SEC("lsm/file_send_sigiotask")
int BPF_PROG(guard_sigio, struct task_struct *target, struct fown_struct *owner, int signal, int ret)
{
	if (ret || !is_agent(target) || !guard.is_on)
		return ret;
	guard_report(0, 0, TAMPER_SIGNAL, signal);
	return -EPERM;
}

/* ptrace, /proc/PID/mem, process_vm_readv and process_vm_writev, pidfd_getfd. */
SEC("lsm/ptrace_access_check")
int BPF_PROG(guard_ptrace, struct task_struct *child, unsigned int mode, int ret)
{
	if (ret || !(mode & 2 /* PTRACE_MODE_ATTACH */) || !is_agent(child) || !is_refused())
		return ret;
	guard_report(0, 0, TAMPER_PTRACE, NO_SIGNAL);
	return -EPERM;
}

SEC("lsm/task_setrlimit")
int BPF_PROG(guard_setrlimit, struct task_struct *task, unsigned int resource, void *limit, int ret)
{
	if (ret || !is_agent(task) || !is_refused())
		return ret;
	guard_report(0, 0, TAMPER_LIMITS, NO_SIGNAL);
	return -EPERM;
}

SEC("lsm/task_setnice")
int BPF_PROG(guard_setnice, struct task_struct *task, int nice, int ret)
{
	if (ret || !is_agent(task) || !is_refused())
		return ret;
	guard_report(0, 0, TAMPER_SCHEDULING, NO_SIGNAL);
	return -EPERM;
}

SEC("lsm/task_setioprio")
int BPF_PROG(guard_setioprio, struct task_struct *task, int ioprio, int ret)
{
	if (ret || !is_agent(task) || !is_refused())
		return ret;
	guard_report(0, 0, TAMPER_SCHEDULING, NO_SIGNAL);
	return -EPERM;
}

/* Policy, priority, processors, timer slack. */
SEC("lsm/task_setscheduler")
int BPF_PROG(guard_setscheduler, struct task_struct *task, int ret)
{
	if (ret || !is_agent(task) || !is_refused())
		return ret;
	guard_report(0, 0, TAMPER_SCHEDULING, NO_SIGNAL);
	return -EPERM;
}

SEC("lsm/task_movememory")
int BPF_PROG(guard_movememory, struct task_struct *task, int ret)
{
	if (ret || !is_agent(task) || !is_refused())
		return ret;
	guard_report(0, 0, TAMPER_MEMORY, NO_SIGNAL);
	return -EPERM;
}

/* No hook can refuse it: the engine is told, and goes back by itself. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(guard_cgroup_move, struct cgroup *to, const char *path, struct task_struct *task, bool is_group)
{
	if (!is_agent(task) || !is_refused_but_init())
		return 0;
	guard_report(0, to->kn->id, TAMPER_CGROUP_MOVE, NO_SIGNAL);
	return 0;
}

/* --- BPF objects --------------------------------------------------------------------------------------------------------------- */

/* What the engine opens is its own from then on; what it opened before this program was attached, it enters itself. */
static __always_inline bool is_others_object(u32 kind, u32 id)
{
	struct guard_object key = { .kind = kind, .id = id };
	u32 one = 1;
	if (caller() == config.own_pid) {
		bpf_map_update_elem(&guard_objects, &key, &one, BPF_NOEXIST); /* one that is there stays where it is: the engine may be walking the table */
		return true;
	}
	return !guard.is_on || !config.own_pid || !bpf_map_lookup_elem(&guard_objects, &key);
}

/* Every way to a descriptor: by id, from a pin, at its making. */
SEC("lsm/bpf_map")
int BPF_PROG(guard_bpf_map, struct bpf_map *map, u32 mode, int ret)
{
	u32 id = map->id;
	if (ret || is_others_object(GUARD_MAP, id))
		return ret;
	guard_report(0, id, TAMPER_BPF_MAP, NO_SIGNAL);
	return -EPERM;
}

SEC("lsm/bpf_prog")
int BPF_PROG(guard_bpf_prog, struct bpf_prog *prog, int ret)
{
	u32 id = prog->aux->id;
	if (ret || is_others_object(GUARD_PROGRAM, id))
		return ret;
	guard_report(0, id, TAMPER_BPF_PROGRAM, NO_SIGNAL);
	return -EPERM;
}

/* Id of the link behind a descriptor of the current task. Of another kind of file it is some number, and the command fails anyway. */
static __always_inline u32 link_behind(u32 fd)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd), *file = NULL;
	if (fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	struct bpf_link *link = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(link, id);
}

/* Links have no hook of their own. attr is the kernel's copy; all three commands begin with what they are about. */
SEC("lsm/bpf")
int BPF_PROG(guard_bpf, int cmd, union bpf_attr *attr, unsigned int size, int ret)
{
	u32 first = 0, id;
	if (ret || (cmd != BPF_LINK_GET_FD_BY_ID && cmd != BPF_LINK_UPDATE && cmd != BPF_LINK_DETACH) || !is_refused())
		return ret;
	bpf_probe_read_kernel(&first, sizeof(first), attr);
	id = cmd == BPF_LINK_GET_FD_BY_ID ? first : link_behind(first);
	struct guard_object key = { .kind = GUARD_LINK, .id = id };
	if (!bpf_map_lookup_elem(&guard_objects, &key))
		return 0;
	guard_report(0, id, TAMPER_BPF_LINK, NO_SIGNAL);
	return -EPERM;
}
