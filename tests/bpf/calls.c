/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls as tracepoint mode sees them: what comes from a descriptor, what from arguments, in every form of each call, done and
 * failed, by 64-bit and by 32-bit calls. Runs as root on the host, scoped to itself, and in the guests: changes nothing outside its
 * folder. Where a kernel refuses a call, the refusal is the deed.
 */
#include "calls.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/xattr.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#endif

/* --- files ------------------------------------------------------------------------------------------------------------------ */

static void opened(const struct deeds *d, struct outcome o, const char *path, bool is_created)
{
	expect_object(d, "file.open", path);
	expect_bool(d, "file.open.created", is_created);
	ended(d, o.result, o.error);
	if (o.result >= 0)
		close((int)o.result);
}

static void opens(const struct deeds *d)
{
	char *path = in_dir(d, "o"), *made = in_dir(d, "made");
	struct open_how how = { .flags = O_RDWR | O_NOFOLLOW };
	int dir = (int)MUST(open(d->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	make_file(path, "o", 0640);
	MUST(chdir(d->dir));
	opened(d, DO(syscall(SYS_open, path, O_RDONLY | O_NOCTTY)), path, false);
	opened(d, DO(syscall(SYS_open, "o", O_RDONLY | O_APPEND)), path, false);
	opened(d, DO(openat(dir, "./o", O_WRONLY)), path, false);
	opened(d, DO(syscall(SYS_openat2, dir, "o", &how, sizeof(how))), path, false);
	opened(d, DO(syscall(SYS_creat, "made", 0600)), made, true);
	expect(d, "file.open");
	expect_list(d, "file.open.flags", "\"O_PATH\"");
	close((int)MUST(open(path, O_PATH)));
	expect_never(d); /* a handle on a name, no access to the file */

	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} h = { .handle.handle_bytes = MAX_HANDLE_SZ };
	int mount_id;
	if (name_to_handle_at(AT_FDCWD, path, &h.handle, &mount_id, 0) == 0)
		opened(d, DO(open_by_handle_at(dir, &h.handle, O_RDWR | O_NONBLOCK)), path, false);

	expect_named(d, "file.open", "/nonexistent/file");
	expect_missing(d, "file.mode");
	expect_missing(d, "file.uid");
	expect_missing(d, "vedette.file.nlink");
	expect_bool(d, "file.open.read", true);
	expect_bool(d, "file.open.write", true);
	struct outcome o = DO(open("/nonexistent/file", O_RDWR));
	ended(d, o.result, o.error);

	char *missing = in_dir(d, "not/there");
	o = DO(openat(dir, "not/there", O_RDONLY));
	expect_named(d, "file.open", missing);
	expect_bool(d, "file.open.read", true);
	ended(d, o.result, o.error);
	o = DO(open("not/there", O_WRONLY));
	expect_named(d, "file.open", missing);
	expect_bool(d, "file.open.read", false);
	ended(d, o.result, o.error);
	/* a descriptor that is not open: nothing says what the name is relative to */
	o = DO(openat(999, "name", O_RDONLY));
	expect_named(d, "file.open", "name");
	ended(d, o.result, o.error);
	close(dir);
	free(missing);
	free(made);
	free(path);
}

static void names(const struct deeds *d)
{
	char *a = in_dir(d, "n-a"), *b = in_dir(d, "n-b"), *folder = in_dir(d, "n-folder"), *dots = in_dir(d, "n-folder/../n-a");
	int dir = (int)MUST(open(d->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	make_file(a, "a", 0600);
	struct outcome o = DO(mkdirat(dir, "n-folder", 0750));
	expect_named(d, "file.mkdir", folder);
	expect_str(d, "file.type", "dir");
	expect_mode(d, "file.mode", 0750);
	ended(d, o.result, o.error);

	o = DO(syscall(SYS_linkat, dir, "n-folder/../n-a", AT_FDCWD, b, 0));
	expect_named(d, "file.link", dots);
	expect_str(d, "vedette.new_path", b);
	ended(d, o.result, o.error);
	o = DO(syscall(SYS_renameat2, AT_FDCWD, a, dir, "n-b", 1 /* RENAME_NOREPLACE */));
	expect_named(d, "file.rename", a);
	expect_str(d, "vedette.new_path", b);
	expect_list(d, "vedette.rename.flags", "\"RENAME_NOREPLACE\"");
	ended(d, o.result, o.error);
	o = DO(syscall(SYS_rename, "n-b", "n-a"));
	expect_named(d, "file.rename", b);
	expect_str(d, "vedette.new_path", a);
	ended(d, o.result, o.error);
	o = DO(syscall(SYS_symlink, "/to/this", "n-link"));
	char *link_path = in_dir(d, "n-link");
	expect_named(d, "file.symlink", link_path);
	expect_str(d, "file.target_path", "/to/this");
	ended(d, o.result, o.error);
	o = DO(unlinkat(dir, "n-link", 0));
	expect_named(d, "file.delete", link_path);
	expect_missing(d, "vedette.file.nlink");
	ended(d, o.result, o.error);
	o = DO(syscall(SYS_rmdir, "n-folder"));
	expect_named(d, "file.delete", folder);
	ended(d, o.result, o.error);
	o = DO(unlink("/nonexistent"));
	expect_named(d, "file.delete", "/nonexistent");
	ended(d, o.result, o.error);
	o = DO(mknod("n-fifo", S_IFIFO | 0600, 0));
	char *fifo = in_dir(d, "n-fifo");
	expect_named(d, "file.create", fifo);
	expect_str(d, "file.type", "fifo");
	ended(d, o.result, o.error);
	o = DO(mknod(fifo, S_IFCHR | 0600, makedev(300, 70000))); /* exists already */
	expect_named(d, "file.create", fifo);
	expect_str(d, "file.type", "char_device");
	expect_device(d, "vedette.file.node_device", makedev(300, 70000));
	ended(d, o.result, o.error);
	close(dir);
	free(fifo);
	free(link_path);
	free(dots);
	free(folder);
	free(b);
	free(a);
}

static void attributes(const struct deeds *d)
{
	char *path = in_dir(d, "attr");
	make_file(path, "0123456789", 0644);
	int fd = (int)MUST(open(path, O_RDWR | O_CLOEXEC)), dir = (int)MUST(open(d->dir, O_RDONLY | O_CLOEXEC));
	struct outcome o = DO(fchmod(fd, 04750));
	expect_object(d, "file.chmod", path);
	expect_missing(d, "file.mode");
	expect_mode(d, "vedette.new_mode", 04750);
	expect_bool(d, "vedette.chmod.sets_setuid", true);
	expect_bool(d, "vedette.chmod.sets_exec", true);
	ended(d, o.result, o.error);
	o = DO(syscall(SYS_fchmodat, dir, "attr", 0640));
	expect_named(d, "file.chmod", path);
	expect_mode(d, "vedette.new_mode", 0640);
	expect_bool(d, "vedette.chmod.sets_setuid", false);
	expect_bool(d, "vedette.chmod.sets_exec", false);
	ended(d, o.result, o.error);
	o = DO(syscall(SYS_fchmodat2, dir, "attr", 0600, AT_SYMLINK_NOFOLLOW));
	expect_named(d, "file.chmod", path);
	expect_mode(d, "vedette.new_mode", 0600);
	ended(d, o.result, o.error); /* ENOSYS up to 6.5 */

	o = DO(fchown(fd, 0, (gid_t)-1));
	expect_object(d, "file.chown", path);
	expect_id(d, "vedette.new_uid", 0);
	expect_missing(d, "vedette.new_gid");
	expect_missing(d, "file.uid");
	ended(d, o.result, o.error);
	o = DO(fchownat(fd, "", (uid_t)-1, 0, AT_EMPTY_PATH));
	expect_object(d, "file.chown", path);
	expect_missing(d, "vedette.new_uid");
	expect_id(d, "vedette.new_gid", 0);
	ended(d, o.result, o.error);
	o = DO(lchown("attr", 0, 0));
	expect_named(d, "file.chown", path);
	ended(d, o.result, o.error);

	o = DO(ftruncate(fd, 3));
	expect_object(d, "file.truncate", path);
	ended(d, o.result, o.error);
	o = DO(truncate(path, 2));
	expect_named(d, "file.truncate", path);
	ended(d, o.result, o.error);
	o = DO(fsetxattr(fd, "trusted.vedette", "12345", 5, 0));
	expect_object(d, "file.setxattr", path);
	expect_str(d, "vedette.xattr.name", "trusted.vedette");
	expect_num(d, "vedette.xattr.size", 5);
	ended(d, o.result, o.error);
	struct {
		uint64_t value;
		uint32_t size, flags;
	} xattr = { .value = (uintptr_t)"1234", .size = 4 };
	o = DO(syscall(SYS_setxattrat, dir, "attr", 0, "trusted.at", &xattr, sizeof(xattr)));
	expect_named(d, "file.setxattr", path);
	expect_str(d, "vedette.xattr.name", "trusted.at");
	expect_num(d, "vedette.xattr.size", 4);
	ended(d, o.result, o.error); /* ENOSYS up to 6.12 */
	o = DO(lsetxattr("/nonexistent", "nonsense", "1", 1, 0));
	expect_named(d, "file.setxattr", "/nonexistent");
	expect_str(d, "vedette.xattr.name", "nonsense");
	ended(d, o.result, o.error);
	close(dir);
	close(fd);
	free(path);
}

static void memory(const struct deeds *d)
{
	char *path = in_dir(d, "lib");
	make_file(path, "content", 0755);
	int fd = (int)MUST(open(path, O_RDONLY | O_CLOEXEC));
	void *map = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	expect_object(d, "file.mmap_exec", path);
	expect_bool(d, "vedette.memory.anonymous", false);
	expect_num(d, "vedette.file.nlink", 1);
	expect_str(d, "event.outcome", "success");
	expect_end(d);
	munmap(map, 4096);
	map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	struct outcome o = DO(mprotect(map, 4096, PROT_READ | PROT_EXEC));
	expect_object(d, "file.mprotect_exec", path);
	expect_missing(d, "vedette.memory.old_protection");
	ended(d, o.result, o.error);
	munmap(map, 4096);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	expect(d, "file.mmap_exec");
	expect_str(d, "vedette.via", "syscall");
	expect_bool(d, "vedette.memory.anonymous", true);
	expect_missing(d, "file.path");
	expect_missing(d, "vedette.file.nlink");
	expect_end(d);
	munmap(map, 4096);
	close(fd);
	free(path);
}

static void failed_exec(const struct deeds *d)
{
	char *path = in_dir(d, "not-a-program");
	make_file(path, "", 0600);
	struct outcome o = DO(execl(path, path, "argument", NULL));
	expect_named(d, "process.exec", path);
	expect_str(d, "vedette.exec.filename", path);
	ended(d, o.result, o.error);
	o = DO(execl("./not-a-program", "x", NULL));
	char *dots = in_dir(d, "./not-a-program");
	expect_named(d, "process.exec", dots);
	expect_str(d, "vedette.exec.filename", "./not-a-program");
	ended(d, o.result, o.error);
	free(dots);
	free(path);
}

/* --- other processes, powers -------------------------------------------------------------------------------------------------- */

static void expect_target(const struct deeds *d, const char *event, pid_t target)
{
	expect(d, event);
	expect_num(d, "vedette.target.pid", target);
}

static void processes(const struct deeds *d)
{
	pid_t child = (pid_t)MUST(fork());
	if (child == 0) {
		for (;;)
			pause();
	}
	struct outcome o = DO(ptrace(PTRACE_SEIZE, child, 0, 0));
	expect_target(d, "process.ptrace", child);
	expect_str(d, "vedette.ptrace.request", "PTRACE_SEIZE");
	expect_bool(d, "vedette.ptrace.traceme", false);
	ended(d, o.result, o.error);
	char byte;
	struct iovec here = { &byte, 1 }, there = { &byte, 1 };
	o = DO(process_vm_readv(child, &here, 1, &there, 1, 0));
	expect_target(d, "process.ptrace", child);
	expect_missing(d, "vedette.ptrace.request");
	ended(d, o.result, o.error);
	o = DO(kill(child, 0));
	expect_target(d, "process.kill", child);
	expect_str(d, "vedette.signal", "0");
	ended(d, o.result, o.error);
	o = DO(syscall(SYS_tgkill, child, child, SIGCONT));
	expect_target(d, "process.kill", child);
	expect_str(d, "vedette.signal", "SIGCONT");
	ended(d, o.result, o.error);
	int fd = (int)MUST(syscall(SYS_pidfd_open, child, 0));
	o = DO(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
	expect_target(d, "process.kill", child);
	expect_str(d, "vedette.signal", "SIGKILL");
	ended(d, o.result, o.error);
	close(fd);
	waitpid(child, NULL, 0);
	o = DO(kill(getpid(), 0));
	expect_target(d, "process.kill", getpid());
	ended(d, o.result, o.error);
}

/* In a mount namespace of its own: nothing of it is seen outside. */
static void mounts(const struct deeds *d)
{
	struct outcome o = DO(mount("a-source", "/nonexistent", "tmpfs", MS_NOSUID | MS_NOEXEC, NULL));
	expect_named(d, "file.mount", "/nonexistent");
	expect_str(d, "vedette.mount.source", "a-source");
	expect_str(d, "vedette.mount.type", "tmpfs");
	expect_list(d, "vedette.mount.flags", "\"MS_NOSUID\",\"MS_NOEXEC\"");
	expect_bool(d, "vedette.mount.move", false);
	ended(d, o.result, o.error);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return;
	char *at = in_dir(d, "mounted"), *inside = in_dir(d, "mounted/inside");
	MUST(mkdir(at, 0755));
	o = DO(mount("other-source", "mounted", "tmpfs", 0, "size=64k"));
	expect_named(d, "file.mount", at);
	expect_str(d, "vedette.mount.source", "other-source");
	ended(d, o.result, o.error);
	opened(d, DO(open(inside, O_CREAT | O_RDWR, 0600)), inside, true); /* its path inside the file system is /inside */
	int tree = (int)MUST(syscall(SYS_open_tree, AT_FDCWD, at, 1 /* OPEN_TREE_CLONE */));
	o = DO(syscall(SYS_move_mount, tree, "", AT_FDCWD, at, 4 /* MOVE_MOUNT_F_EMPTY_PATH */));
	expect_named(d, "file.mount", at);
	expect_str(d, "vedette.mount.type", "tmpfs");
	expect_bool(d, "vedette.mount.move", true);
	ended(d, o.result, o.error);
	close(tree);
	free(inside);
	free(at);
}

/* In a child: what it does to itself must not stay. */
static void powers(const struct deeds *d)
{
	struct outcome o = DO(prctl(PR_SET_NAME, "renamed", 0, 0, 0));
	expect(d, "process.prctl");
	expect_str(d, "vedette.prctl.option", "PR_SET_NAME");
	ended(d, o.result, o.error);
	o = DO(unshare(CLONE_NEWUTS));
	expect(d, "process.unshare");
	expect_list(d, "vedette.namespace.flags", "\"CLONE_NEWUTS\"");
	expect_bool(d, "vedette.namespace.by_clone", false);
	ended(d, o.result, o.error);
	o = DO(unshare(0));
	expect(d, "process.unshare");
	expect_list(d, "vedette.namespace.flags", "");
	ended(d, o.result, o.error);
	o = DO(syscall(SYS_clone, CLONE_NEWIPC | SIGCHLD, 0, 0, 0, 0));
	if (o.result == 0)
		_exit(0);
	if (o.result > 0)
		wait_child((pid_t)o.result);
	expect(d, "process.unshare");
	expect_list(d, "vedette.namespace.flags", "\"CLONE_NEWIPC\"");
	expect_bool(d, "vedette.namespace.by_clone", true);
	ended(d, o.result, o.error);
	struct clone_args clone_args = { .flags = CLONE_NEWCGROUP, .exit_signal = SIGCHLD };
	o = DO(syscall(SYS_clone3, &clone_args, sizeof(clone_args)));
	if (o.result == 0)
		_exit(0);
	if (o.result > 0)
		wait_child((pid_t)o.result);
	expect(d, "process.unshare");
	expect_list(d, "vedette.namespace.flags", "\"CLONE_NEWCGROUP\"");
	expect_bool(d, "vedette.namespace.by_clone", true);
	ended(d, o.result, o.error);
	int ns = (int)MUST(open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC));
	o = DO(setns(ns, CLONE_NEWUTS));
	expect(d, "process.setns");
	expect_list(d, "vedette.namespace.flags", "\"CLONE_NEWUTS\"");
	expect_num(d, "vedette.namespace.fd", ns);
	ended(d, o.result, o.error);
	o = DO(syscall(SYS_userfaultfd, 0));
	expect(d, "process.userfaultfd");
	ended(d, o.result, o.error);
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insn_cnt = 0, .prog_name = "vedette_none" };
	o = DO(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
	expect(d, "bpf.load");
	expect_str(d, "vedette.bpf.name", "vedette_none");
	ended(d, o.result, o.error);
	char *path = in_dir(d, "module");
	make_file(path, "no module", 0600);
	int fd = (int)MUST(open(path, O_RDONLY | O_CLOEXEC));
	o = DO(syscall(SYS_finit_module, fd, "", 0));
	expect_object(d, "kernel.module_load", path);
	expect_str(d, "vedette.module.from", "file");
	ended(d, o.result, o.error);
	o = DO(syscall(SYS_init_module, "no module", 9, ""));
	expect(d, "kernel.module_load");
	expect_str(d, "vedette.module.from", "memory");
	expect_missing(d, "file.path");
	ended(d, o.result, o.error);
	free(path);

	mounts(d);

	/* in a jail a name that begins with '/' is still told from the namespace's root */
	char *absent = in_dir(d, "absent"), *present = in_dir(d, "o");
	MUST(chroot(d->dir));
	o = DO(open("/absent", O_RDONLY));
	expect_named(d, "file.open", absent);
	ended(d, o.result, o.error);
	o = DO(open("/o", O_RDONLY | O_CLOEXEC));
	expect(d, "file.open");
	from(d, "descriptor");
	expect_str(d, "file.path", present);
	ended(d, o.result, o.error);
	free(absent);
	free(present);

	o = DO(syscall(SYS_setresuid, 1234, 1235, 0));
	expect(d, "process.setuid");
	expect_id(d, "vedette.new_uid", 1234);
	expect_id(d, "vedette.new_euid", 1235);
	expect_id(d, "vedette.new_suid", 0);
	ended(d, o.result, o.error);
	o = DO(syscall(SYS_setreuid, -1, 77));
	expect(d, "process.setuid");
	expect_id(d, "vedette.new_uid", 1234);
	expect_id(d, "vedette.new_euid", 77);
	expect_id(d, "vedette.new_suid", 0);
	ended(d, o.result, o.error); /* refused: what was asked for */
	o = DO(ptrace(PTRACE_TRACEME, 0, 0, 0)); /* last: from now on a signal would stop us */
	expect_target(d, "process.ptrace", getppid());
	expect_bool(d, "vedette.ptrace.traceme", true);
	ended(d, o.result, o.error);
}

/* --- 32-bit calls --------------------------------------------------------------------------------------------------------------- */

/* The i386 way into the kernel, from a 64-bit program; pointers must lie in the first 4 GiB. */
static long call32(long number, unsigned long a, unsigned long b, unsigned long c)
{
	long result;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(0L), "D"(0L) : "memory", "r8", "r9", "r10", "r11");
	errno = result < 0 && result > -4096 ? (int)-result : 0;
	return errno ? -1 : result;
}

enum { OPEN32 = 5, UNLINK32 = 10, MKDIR32 = 39, MMAP32 = 90, SOCKETCALL32 = 102, CHOWN32_16 = 182, SOCKETCALL_CONNECT = 3, SOCKETCALL_SENDTO = 11, SOCKETCALL_SENDMSG = 16 };

static void expect32(const struct deeds *d, const char *event, const char *source)
{
	expect(d, event);
	from(d, source);
	expect_str(d, "vedette.via", "compat");
}

static void compat_calls(const struct deeds *d)
{
	char *low = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED)
		MUST(-1);
	unsigned long at = (unsigned long)low;
	char *path = in_dir(d, "compat");
	snprintf(low, 4096, "%s", path);
	struct outcome o = DO(call32(OPEN32, at, O_CREAT | O_RDWR, 0600));
	if (o.result < 0 && o.error == ENOSYS) {
		fprintf(stderr, "# this kernel has no 32-bit calls\n");
		return;
	}
	expect32(d, "file.open", "descriptor");
	expect_file(d, path);
	expect_bool(d, "file.open.created", true);
	ended(d, o.result, o.error);
	close((int)o.result);
	o = DO(call32(CHOWN32_16, at, 0xffff, 12));
	expect32(d, "file.chown", "argument");
	expect_str(d, "file.path", path);
	expect_missing(d, "vedette.new_uid");
	expect_id(d, "vedette.new_gid", 12);
	ended(d, o.result, o.error);
	o = DO(call32(UNLINK32, at, 0, 0));
	expect32(d, "file.delete", "argument");
	expect_str(d, "file.path", path);
	ended(d, o.result, o.error);
	o = DO(call32(MKDIR32, at, 0700, 0));
	expect32(d, "file.mkdir", "argument");
	expect_str(d, "file.path", path);
	ended(d, o.result, o.error);
	rmdir(path);

	struct address to = address_of("127.0.0.1", 7);
	int fd = (int)MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	memcpy(low + 64, &to.raw, to.length);
	uint32_t arguments[3] = { (uint32_t)fd, (uint32_t)at + 64, to.length };
	memcpy(low, arguments, sizeof(arguments));
	o = DO(call32(SOCKETCALL32, SOCKETCALL_CONNECT, at, 0));
	expect32(d, "network.connect", "descriptor");
	expect_str(d, "destination.ip", to.text);
	expect_num(d, "destination.port", to.port);
	ended(d, o.result, o.error);
	close(fd);

	/* the kernel's 32-bit message header: name, its length, parts, their number, control, its length, flags */
	uint32_t at32 = (uint32_t)at, part[2] = { at32 + 64, 3 }, header[7] = { at32 + 64, to.length, at32 + 32, 1, 0, 0, 0 };
	fd = (int)MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	memcpy(low + 32, part, sizeof(part));
	memcpy(low + 128, header, sizeof(header));
	uint32_t send_message[3] = { (uint32_t)fd, at32 + 128, 0 };
	memcpy(low, send_message, sizeof(send_message));
	o = DO(call32(SOCKETCALL32, SOCKETCALL_SENDMSG, at, 0));
	expect32(d, "network.send", "argument");
	expect_str(d, "destination.ip", to.text);
	expect_num(d, "destination.port", to.port);
	expect_num(d, "network.bytes", 3);
	ended(d, o.result, o.error);
	close(fd);
	fd = (int)MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	uint32_t send_to[6] = { (uint32_t)fd, at32 + 64, 2, 0, at32 + 64, to.length };
	memcpy(low, send_to, sizeof(send_to));
	o = DO(call32(SOCKETCALL32, SOCKETCALL_SENDTO, at, 0));
	expect32(d, "network.send", "argument");
	expect_num(d, "destination.port", to.port);
	expect_num(d, "network.bytes", 2);
	ended(d, o.result, o.error);
	close(fd);
	uint32_t map[6] = { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, (uint32_t)-1, 0 };
	memcpy(low, map, sizeof(map));
	o = DO(call32(MMAP32, at, 0, 0));
	expect32(d, "file.mmap_exec", "argument");
	expect_bool(d, "vedette.memory.anonymous", true);
	expect_str(d, "event.outcome", o.result == -1 ? "failure" : "success");
	expect_end(d);
	free(path);
}

int main(int argc, char **argv)
{
	struct deeds d = deeds_begin(argc, argv);
	umask(022);
	opens(&d);
	names(&d);
	attributes(&d);
	memory(&d);
	failed_exec(&d);
	processes(&d);
	compat_calls(&d);
	fflush(d.out);
	pid_t child = (pid_t)MUST(fork());
	if (child == 0) {
		powers(&d);
		_exit(0);
	}
	wait_child(child);
	return 0;
}
