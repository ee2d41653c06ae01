/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that the kernel refuses before it asks a hook, and unshare without a namespace, each by a process of its own: an ordinary user
 * named after the deed.
 *
 * usage: refused
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static long do_setuid(void) { return syscall(SYS_setuid, 0); }
static long do_setresuid(void) { return syscall(SYS_setresuid, -1, 0, -1); }
static long do_uffd(void) { return syscall(SYS_userfaultfd, O_CLOEXEC); }
static long do_ptrace(void) { return ptrace(PTRACE_ATTACH, 1, NULL, NULL); }
static long do_init_module(void) { return syscall(SYS_init_module, "none", 4, ""); }
static long do_finit_module(void) { return syscall(SYS_finit_module, -1, "", 0); }
static long do_mount(void) { return mount("none", "/none/there", "tmpfs", 0, NULL); }
static long do_setns(void) { return setns(0, 0); }
static long do_unshare(void) { return unshare(0); }

static long do_bpf(void)
{
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_KPROBE, .insn_cnt = 2, .prog_name = "refused" };
	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static const struct {
	const char *name;
	long (*act)(void);
	int error; /* what the kernel must answer; 0: success */
} deeds[] = {
	{ "d-setuid", do_setuid, EPERM }, { "d-setresuid", do_setresuid, EPERM }, { "d-uffd", do_uffd, EPERM },
	{ "d-ptrace", do_ptrace, EPERM }, { "d-bpf", do_bpf, EPERM }, { "d-init-module", do_init_module, EPERM },
	{ "d-finit-module", do_finit_module, EPERM }, { "d-mount", do_mount, ENOENT }, { "d-setns", do_setns, EINVAL },
	{ "d-unshare", do_unshare, 0 },
};

static int act(size_t i)
{
	prctl(PR_SET_NAME, "becoming");
	if (syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) || syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY))
		return errno;
	prctl(PR_SET_NAME, deeds[i].name);
	errno = 0;
	long result = deeds[i].act();
	int error = result < 0 ? errno : 0;
	return error == deeds[i].error ? 0 : error ? error : 255;
}

int main(void)
{
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		int status = 0;
		pid_t pid = fork();
		if (pid == 0)
			_exit(act(i));
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
			printf("%s ended otherwise: %s\n", deeds[i].name, strerror(WEXITSTATUS(status)));
			return 1;
		}
	}
	return 0;
}
