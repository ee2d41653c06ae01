/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every event of privileges, of other processes, and of code for the kernel. Wants root. The module to load, one that is not
 * loaded yet, is named by the environment variable MODULE; without it, modules are left out.
 */
#include "expect.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

/* A child that waits to be killed. */
static pid_t start_sleeper(const char *name)
{
	pid_t child = (pid_t)MUST(fork());
	if (!child) {
		prctl(PR_SET_NAME, name);
		for (;;)
			pause();
	}
	/* it has its name when it sleeps */
	char path[64], text[64] = "";
	snprintf(path, sizeof(path), "/proc/%d/comm", child);
	while (strncmp(text, name, strlen(name)) != 0) {
		FILE *f = fopen(path, "re");
		if (!f || !fgets(text, sizeof(text), f))
			exit(1);
		fclose(f);
	}
	return child;
}

static void expect_target(const struct deeds *d, pid_t pid, const char *name)
{
	expect_num(d, "vedette.target.pid", pid);
	expect_str(d, "vedette.target.name", name);
}

static void do_ptrace(const struct deeds *d)
{
	pid_t child = start_sleeper("victim");
	MUST(ptrace(PTRACE_ATTACH, child, NULL, NULL));
	expect(d, "process.ptrace");
	expect_target(d, child, "victim");
	expect_str(d, "vedette.ptrace.request", "PTRACE_ATTACH");
	expect_bool(d, "vedette.ptrace.traceme", false);
	expect_success(d);
	MUST(waitpid(child, NULL, 0));
	expect(d, "process.ptrace");
	expect_target(d, child, "victim");
	expect_result(d, ptrace(PTRACE_SEIZE, child, NULL, NULL), EPERM, "EPERM");
	MUST(ptrace(PTRACE_DETACH, child, NULL, NULL));

	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)(uintptr_t)&do_ptrace, 1 };
	MUST(process_vm_readv(child, &here, 1, &there, 1, 0));
	expect(d, "process.ptrace");
	expect_target(d, child, "victim");
	expect_missing(d, "vedette.ptrace.request");
	expect_num(d, "vedette.result", 1);
	expect_success(d);

	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/mem", child);
	int fd = (int)MUST(open(path, O_RDONLY));
	expect(d, "process.ptrace");
	expect_target(d, child, "victim");
	expect_missing(d, "vedette.ptrace.request");
	expect_num(d, "vedette.result", fd);
	expect_success(d);
	close(fd);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);

	pid_t parent = getpid();
	child = (pid_t)MUST(fork());
	if (!child) {
		MUST(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
		expect(d, "process.ptrace");
		expect_target(d, parent, "powers");
		expect_str(d, "vedette.ptrace.request", "PTRACE_TRACEME");
		expect_bool(d, "vedette.ptrace.traceme", true);
		expect_success(d);
		_exit(0);
	}
	wait_child(child);
}

static void do_kill(const struct deeds *d)
{
	pid_t child = start_sleeper("receiver");
	static const struct {
		int number;
		const char *name;
	} signals[] = { { SIGCONT, "SIGCONT" }, { SIGURG, "SIGURG" }, { SIGTERM, "SIGTERM" } };
	MUST(kill(child, 0));
	expect(d, "process.kill");
	expect_target(d, child, "receiver");
	expect_str(d, "vedette.signal", "0");
	expect_success(d);
	for (size_t i = 0; i < 3; i++) {
		MUST(i == 1 ? (long)syscall(SYS_tgkill, child, child, signals[i].number) : (long)kill(child, signals[i].number));
		expect(d, "process.kill");
		expect_target(d, child, "receiver");
		expect_str(d, "vedette.signal", signals[i].name);
		expect_success(d);
	}
	waitpid(child, NULL, 0);
}

static void do_setuid(const struct deeds *d)
{
	pid_t child = (pid_t)MUST(fork());
	if (child) {
		wait_child(child);
		return;
	}
	MUST(syscall(SYS_setresuid, 1001, 0, 1003));
	expect(d, "process.setuid");
	expect_id(d, "user.id", 0);
	expect_id(d, "vedette.new_uid", 1001);
	expect_id(d, "vedette.new_euid", 0);
	expect_id(d, "vedette.new_suid", 1003);
	expect_success(d);
	MUST(syscall(SYS_setuid, 1005));
	expect(d, "process.setuid");
	expect_id(d, "user.id", 1001);
	expect_id(d, "vedette.new_uid", 1005);
	expect_id(d, "vedette.new_euid", 1005);
	expect_id(d, "vedette.new_suid", 1005);
	expect_success(d);
	_exit(0);
}

static void do_namespaces(const struct deeds *d)
{
	pid_t child = (pid_t)MUST(fork());
	if (child) {
		wait_child(child);
		return;
	}
	int fd = (int)MUST(open("/proc/self/ns/uts", O_RDONLY));
	MUST(unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_FS));
	expect(d, "process.unshare");
	expect_list(d, "vedette.namespace.flags", "\"CLONE_NEWUTS\",\"CLONE_NEWIPC\"");
	expect_bool(d, "vedette.namespace.by_clone", false);
	expect_str(d, "vedette.stage", "completed");
	expect_success(d);
	expect(d, "process.unshare");
	expect_list(d, "vedette.namespace.flags", "\"CLONE_NEWUSER\"");
	expect_bool(d, "vedette.namespace.by_clone", false);
	MUST(chroot(d->dir)); /* in a jail the kernel refuses new user namespaces */
	expect_result(d, unshare(CLONE_NEWUSER), EPERM, "EPERM");
	MUST(unshare(CLONE_FILES));
	expect(d, "process.unshare"); /* no namespace, but asked all the same */
	expect_list(d, "vedette.namespace.flags", "");
	expect_success(d);

	MUST(setns(fd, CLONE_NEWUTS));
	expect(d, "process.setns");
	expect_list(d, "vedette.namespace.flags", "\"CLONE_NEWUTS\"");
	expect_num(d, "vedette.namespace.fd", fd);
	expect_success(d);
	expect(d, "process.setns");
	expect_num(d, "vedette.namespace.fd", -1);
	expect_result(d, setns(-1, 0), EBADF, "EBADF");

	long made = MUST(syscall(SYS_clone, CLONE_NEWNET | CLONE_NEWUTS | SIGCHLD, NULL, NULL, NULL, 0L));
	if (!made)
		_exit(0);
	expect(d, "process.unshare");
	expect_list(d, "vedette.namespace.flags", "\"CLONE_NEWUTS\",\"CLONE_NEWNET\"");
	expect_bool(d, "vedette.namespace.by_clone", true);
	expect_num(d, "vedette.result", made);
	expect_success(d);
	wait_child((pid_t)made);
	_exit(0);
}

static void do_requests(const struct deeds *d)
{
	char name[16] = "";
	MUST(prctl(PR_SET_NAME, "renamed"));
	MUST(prctl(PR_GET_NAME, name));
	MUST(strcmp(name, "renamed") ? -1 : 0); /* the hook must not have swallowed the call */
	expect(d, "process.prctl");
	expect_str(d, "vedette.prctl.option", "PR_GET_NAME");
	expect_success(d);
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	expect(d, "process.prctl");
	expect_str(d, "vedette.prctl.option", "PR_SET_NO_NEW_PRIVS");
	expect_num(d, "vedette.prctl.arg2", 1);
	expect_success(d);
	MUST(prctl(PR_SET_NAME, "powers"));

	int fd = (int)MUST(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
	expect(d, "process.userfaultfd");
	expect_num(d, "vedette.userfaultfd.flags", O_CLOEXEC | O_NONBLOCK);
	expect_num(d, "vedette.result", fd);
	expect_success(d);
	close(fd);
}

static void do_bpf(const struct deeds *d)
{
	struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insn_cnt = 2,
		.insns = (uintptr_t)program,
		.license = (uintptr_t) "GPL",
		.prog_name = "a_filter",
	};
	int fd = (int)MUST(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
	expect(d, "bpf.load");
	expect_str(d, "vedette.bpf.command", "BPF_PROG_LOAD");
	expect_str(d, "vedette.bpf.program_type", "BPF_PROG_TYPE_SOCKET_FILTER");
	expect_str(d, "vedette.bpf.name", "a_filter");
	expect_num(d, "vedette.bpf.instructions", 2);
	expect_num(d, "vedette.result", fd);
	expect_success(d);
	close(fd);
	program[1].code = BPF_JMP | BPF_CALL; /* no such helper */
	expect(d, "bpf.load");
	expect_str(d, "vedette.bpf.name", "a_filter");
	expect_result(d, syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)), EINVAL, "EINVAL");
}

static void do_module(const struct deeds *d)
{
	const char *path = getenv("MODULE");
	if (!path)
		return;
	int fd = (int)MUST(open(path, O_RDONLY | O_CLOEXEC));
	struct stat st;
	MUST(fstat(fd, &st));
	char *image = malloc((size_t)st.st_size), name[64];
	if (!image || read(fd, image, (size_t)st.st_size) != st.st_size)
		exit(1);
	snprintf(name, sizeof(name), "%s", strrchr(path, '/') + 1);
	*strchr(name, '.') = '\0';

	MUST(syscall(SYS_finit_module, fd, "", 0));
	expect(d, "kernel.module_load");
	expect_str(d, "vedette.module.from", "file");
	expect_file(d, path);
	expect_success(d);
	MUST(syscall(SYS_delete_module, name, O_NONBLOCK));

	MUST(syscall(SYS_init_module, image, st.st_size, ""));
	expect(d, "kernel.module_load");
	expect_str(d, "vedette.module.from", "memory");
	expect_missing(d, "file.path");
	expect_missing(d, "file.type");
	expect_success(d);
	MUST(syscall(SYS_delete_module, name, O_NONBLOCK));

	memset(image, 'x', (size_t)st.st_size);
	expect(d, "kernel.module_load");
	expect_str(d, "vedette.module.from", "memory");
	expect_result(d, syscall(SYS_init_module, image, st.st_size, ""), ENOEXEC, "ENOEXEC");
	free(image);
	close(fd);
}

int main(int argc, char **argv)
{
	struct deeds d = deeds_begin(argc, argv);
	do_ptrace(&d);
	do_kill(&d);
	do_setuid(&d);
	do_namespaces(&d);
	do_bpf(&d);
	do_module(&d);
	do_requests(&d);
	return fclose(d.out) != 0;
}
