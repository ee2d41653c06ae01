/* SPDX-License-Identifier: Apache-2.0 */
/* What a process does to others, to its own powers and to the kernel. */
#include "evade.h"

#include <linux/bpf.h>
#include <linux/netlink.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { COMPAT_SETUID16 = 23, COMPAT_PTRACE = 26, COMPAT_KILL = 37, COMPAT_INIT_MODULE = 128, COMPAT_PRCTL = 172, COMPAT_SETUID32 = 213,
       COMPAT_TGKILL = 270, COMPAT_READV = 347, COMPAT_FINIT_MODULE = 350, COMPAT_BPF = 357 };

/* Ends with its parent, which goes on when that is certain. */
static pid_t sleeper(void)
{
	int ready[2];
	char c;
	PREPARED(pipe2(ready, O_CLOEXEC));
	pid_t pid = (pid_t)PREPARED(fork());
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) || write(ready[1], "x", 1) != 1)
			_exit(BROKEN_STATUS);
		pause();
		_exit(0);
	}
	PREPARED(read(ready[0], &c, 1));
	return pid;
}

/* Of another process with the same memory layout: our child. */
static char victim_word[8] = "NONCE";

static long trace_seize(char **a) { (void)a; return ptrace(PTRACE_SEIZE, sleeper(), 0, 0); }
static long trace_attach(char **a) { (void)a; return ptrace(PTRACE_ATTACH, sleeper(), 0, 0); }
static long trace_me(char **a) { (void)a; return ptrace(PTRACE_TRACEME, 0, 0, 0); }
static long trace_compat(char **a) { (void)a; return compat_call(COMPAT_PTRACE, PTRACE_ATTACH, sleeper(), 0, 0, 0); }

static long trace_memory_file(char **a) /* FLAGS */
{
	char name[64];
	snprintf(name, sizeof(name), "/proc/%d/mem", sleeper());
	int fd = open(name, (int)number_of(a[0]));
	if (fd < 0 && errno == EACCES)
		errno = EPERM; /* whatever the hook says, this file says EACCES */
	return opened(fd);
}

static long trace_vm(char **a) /* read or write */
{
	char here[8] = "NONCE";
	struct iovec ours = { here, sizeof(here) }, theirs = { victim_word, sizeof(victim_word) };
	pid_t pid = sleeper();
	return a[0][0] == 'r' ? process_vm_readv(pid, &ours, 1, &theirs, 1, 0) : process_vm_writev(pid, &ours, 1, &theirs, 1, 0);
}

static long trace_vm_compat(char **a)
{
	(void)a;
	char *low = low_copy("", 1);
	const uint32_t vectors[4] = { (uint32_t)(uintptr_t)low, 8, (uint32_t)(uintptr_t)low, 8 };
	long at = (long)low_copy(vectors, sizeof(vectors));
	return compat_call(COMPAT_READV, sleeper(), at, 1, at + 8, 1);
}

static long trace_descriptor(char **a)
{
	(void)a;
	return opened((int)syscall(SYS_pidfd_getfd, PREPARED(syscall(SYS_pidfd_open, sleeper(), 0)), 1, 0));
}

static long sent_kill(char **a) { return kill(sleeper(), (int)number_of(a[0])); }
static long sent_kill_compat(char **a) { return compat_call(COMPAT_KILL, sleeper(), number_of(a[0]), 0, 0, 0); }
static long sent_tkill(char **a) { return syscall(SYS_tkill, sleeper(), number_of(a[0])); }
static long sent_pidfd(char **a) { return syscall(SYS_pidfd_send_signal, PREPARED(syscall(SYS_pidfd_open, sleeper(), 0)), number_of(a[0]), NULL, 0); }

static long sent_tgkill(char **a)
{
	pid_t pid = sleeper();
	return syscall(SYS_tgkill, pid, pid, number_of(a[0]));
}

static long sent_tgkill_compat(char **a)
{
	pid_t pid = sleeper();
	return compat_call(COMPAT_TGKILL, pid, pid, number_of(a[0]), 0, 0);
}

static long sent_queue(char **a)
{
	siginfo_t info = { .si_signo = (int)number_of(a[0]), .si_code = -60 };
	return syscall(SYS_rt_sigqueueinfo, sleeper(), number_of(a[0]), &info);
}

static long sent_thread_queue(char **a)
{
	siginfo_t info = { .si_signo = (int)number_of(a[0]), .si_code = -60 };
	pid_t pid = sleeper();
	return syscall(SYS_rt_tgsigqueueinfo, pid, pid, number_of(a[0]), &info);
}

static long sent_group(char **a)
{
	pid_t pid = sleeper();
	PREPARED(setpgid(pid, pid));
	return kill(-pid, (int)number_of(a[0]));
}

/* The kernel sends it, for data that came: to whom a descriptor belongs. */
static long sent_by_descriptor(char **a)
{
	int ends[2], status = 0;
	pid_t pid = sleeper();
	PREPARED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	PREPARED(fcntl(ends[0], F_SETSIG, number_of(a[0])));
	PREPARED(fcntl(ends[0], F_SETOWN, pid));
	PREPARED(fcntl(ends[0], F_SETFL, O_ASYNC));
	PREPARED(write(ends[1], "x", 1));
	for (int i = 0; i < 100; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFSIGNALED(status) ? 0 : -1;
		usleep(1000);
	}
	errno = EPERM; /* nobody is told an error */
	return -1;
}

static long asked_prctl(char **a) { return prctl((int)number_of(a[0]), "evade", 0, 0, 0); }
static long asked_prctl_compat(char **a) { return compat_call(COMPAT_PRCTL, number_of(a[0]), low_text("evade"), 0, 0, 0); }

static long user_plain(char **a) { return setuid((uid_t)number_of(a[0])); }
static long user_real(char **a) { return setreuid((uid_t)number_of(a[0]), (uid_t)-1); }
static long user_all(char **a) { return setresuid((uid_t)number_of(a[0]), (uid_t)number_of(a[0]), (uid_t)-1); }
static long user_compat16(char **a) { return compat_call(COMPAT_SETUID16, number_of(a[0]), 0, 0, 0, 0); }
static long user_compat32(char **a) { return compat_call(COMPAT_SETUID32, number_of(a[0]), 0, 0, 0, 0); }

/* No module, but the kernel asks about it before it looks. */
static long refused_later(long result)
{
	return result < 0 && errno != EPERM ? 0 : result;
}
static char nothing[4096];
static long module_memory(char **a) { (void)a; return refused_later(syscall(SYS_init_module, nothing, sizeof(nothing), "")); }
static long module_file(char **a) { return refused_later(syscall(SYS_finit_module, PREPARED(open(a[0], O_RDONLY)), "", 0)); }
static long module_compat(char **a) { (void)a; return refused_later(compat_call(COMPAT_INIT_MODULE, (long)low_copy(nothing, 4096), 4096, low_text(""), 0, 0)); }

static long module_file_compat(char **a)
{
	return refused_later(compat_call(COMPAT_FINIT_MODULE, PREPARED(open(a[0], O_RDONLY)), low_text(""), 0, 0, 0));
}

static long module_memfd(char **a)
{
	(void)a;
	int fd = (int)PREPARED(syscall(SYS_memfd_create, "m", 0));
	PREPARED(write(fd, nothing, sizeof(nothing)));
	return refused_later(syscall(SYS_finit_module, fd, "", 0));
}

static union bpf_attr program_of(char **a, const uint64_t *insns, const char *licence)
{
	return (union bpf_attr){ .prog_type = (uint32_t)number_of(a[0]), .insns = (uintptr_t)insns, .insn_cnt = 2, .license = (uintptr_t)licence };
}
static const uint64_t insns[] = { 0x00000000000000b7, 0x0000000000000095 }; /* r0 = 0; exit */

static long bpf_program(char **a)
{
	union bpf_attr attr = program_of(a, insns, "GPL");
	return opened((int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
}

static long bpf_program_compat(char **a)
{
	union bpf_attr attr = program_of(a, low_copy(insns, sizeof(insns)), low_copy("GPL", 4));
	return opened((int)compat_call(COMPAT_BPF, BPF_PROG_LOAD, (long)low_copy(&attr, sizeof(attr)), sizeof(attr), 0, 0));
}

static long namespace_user(char **a) /* unshare, clone or clone3 */
{
	if (a[0][0] == 'u')
		return unshare(CLONE_NEWUSER);
	if (a[0][5] == '3') {
		uint64_t c[11] = { [0] = CLONE_NEWUSER, [4] = SIGCHLD };
		long pid = syscall(SYS_clone3, c, sizeof(c));
		if (!pid)
			_exit(0);
		return pid;
	}
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0);
	if (!pid)
		_exit(0);
	return pid;
}

const struct way process_ways[] = {
	{ "trace-seize", 0, trace_seize }, { "trace-attach", 0, trace_attach }, { "trace-me", 0, trace_me }, { "trace-compat", 0, trace_compat },
	{ "trace-memory-file", 1, trace_memory_file }, { "trace-vm", 1, trace_vm }, { "trace-vm-compat", 0, trace_vm_compat },
	{ "trace-descriptor", 0, trace_descriptor }, { "sent-kill", 1, sent_kill }, { "sent-kill-compat", 1, sent_kill_compat },
	{ "sent-tkill", 1, sent_tkill }, { "sent-tgkill", 1, sent_tgkill }, { "sent-tgkill-compat", 1, sent_tgkill_compat },
	{ "sent-queue", 1, sent_queue }, { "sent-thread-queue", 1, sent_thread_queue }, { "sent-pidfd", 1, sent_pidfd },
	{ "sent-group", 1, sent_group }, { "sent-by-descriptor", 1, sent_by_descriptor }, { "asked-prctl", 1, asked_prctl },
	{ "asked-prctl-compat", 1, asked_prctl_compat }, { "user", 1, user_plain }, { "user-real", 1, user_real }, { "user-all", 1, user_all },
	{ "user-compat16", 1, user_compat16 }, { "user-compat32", 1, user_compat32 }, { "module-memory", 0, module_memory },
	{ "module-file", 1, module_file }, { "module-compat", 0, module_compat }, { "module-file-compat", 1, module_file_compat },
	{ "module-memfd", 0, module_memfd }, { "bpf-program", 1, bpf_program }, { "bpf-program-compat", 1, bpf_program_compat },
	{ "namespace-user", 1, namespace_user }, { NULL, 0, NULL },
};
