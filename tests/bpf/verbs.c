/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One act, by one of the ways there are to it: `verbs WAY ARGUMENT...`. Prints "done", or the name of the error that the call ended with, and
 * nothing else: what is expected of it knows the caller. Files that an act needs are there already.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { COMPAT_OPEN = 5, COMPAT_UNLINK = 10, COMPAT_RENAME = 38, COMPAT_MKDIR = 39, COMPAT_UMOUNT = 52, COMPAT_CONNECT = 362, LOW_PAGE = 4096 };

static long number(const char *text)
{
	return strtol(text, NULL, 0);
}

/* A descriptor is only proof that the call succeeded. */
static long opened(int fd)
{
	return fd < 0 ? -1 : 0;
}

/* --- files ------------------------------------------------------------------------------------------------------------------- */

static long do_read(char **a) { return opened(open(a[0], O_RDONLY)); }
static long do_write(char **a) { return opened(open(a[0], O_WRONLY)); }
static long do_trunc(char **a) { return opened(open(a[0], O_WRONLY | O_TRUNC)); }
static long do_create(char **a) { return opened(open(a[0], O_WRONLY | O_CREAT | O_EXCL, 0600)); }
static long do_unlink(char **a) { return unlink(a[0]); }
static long do_rmdir(char **a) { return rmdir(a[0]); }
static long do_rename(char **a) { return rename(a[0], a[1]); }
static long do_exchange(char **a) { return syscall(SYS_renameat2, AT_FDCWD, a[0], AT_FDCWD, a[1], 2 /* RENAME_EXCHANGE */); }
static long do_link(char **a) { return link(a[0], a[1]); }
static long do_symlink(char **a) { return symlink(a[0], a[1]); }
static long do_mkdir(char **a) { return mkdir(a[0], 0755); }
static long do_mknod(char **a) { return mknod(a[0], S_IFIFO | 0600, 0); }
static long do_chmod(char **a) { return chmod(a[0], (mode_t)number(a[1])); }
static long do_chown(char **a) { return chown(a[0], (uid_t)number(a[1]), (gid_t)-1); }
static long do_truncate(char **a) { return truncate(a[0], 1); }
static long do_setxattr(char **a) { return setxattr(a[0], a[1], "v", 1, 0); }
static long do_removexattr(char **a) { return removexattr(a[0], a[1]); }
static long do_umount(char **a) { return umount2(a[0], 0); }
static long do_umount_lazily(char **a) { return umount2(a[0], MNT_DETACH); }
static long do_userns(char **a) { (void)a; return unshare(CLONE_NEWUSER); }
static long do_userns_clone(char **a)
{
	(void)a;
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : waitpid(pid, NULL, 0);
}
static long do_mount(char **a) { return mount("none", a[0], a[1], 0, NULL); }
static long do_bind_mount(char **a) { return mount(a[0], a[1], NULL, MS_BIND, NULL); }
static long do_bind_mount_as(char **a) { return mount(a[0], a[1], a[2], MS_BIND, NULL); }
static long do_mount_moved(char **a) { return mount(a[0], a[1], NULL, MS_MOVE, NULL); }

static long do_ftruncate(char **a)
{
	int fd = open(a[0], O_WRONLY | O_APPEND);
	return fd < 0 ? 0 : ftruncate(fd, 1); /* the open may be somebody else's business */
}

static long do_move_mount(char **a)
{
	int fs = (int)syscall(SYS_fsopen, a[1], 0);
	if (fs < 0 || syscall(SYS_fsconfig, fs, 6 /* FSCONFIG_CMD_CREATE */, NULL, NULL, 0))
		return 0;
	int mnt = (int)syscall(SYS_fsmount, fs, 0, 0);
	return syscall(SYS_move_mount, mnt, "", AT_FDCWD, a[0], 4 /* MOVE_MOUNT_F_EMPTY_PATH */);
}

static long do_mmap(char **a)
{
	int fd = open(a[0], O_RDONLY);
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? -1 : 0;
}

static long do_mprotect(char **a)
{
	int fd = open(a[0], O_RDONLY);
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	return p == MAP_FAILED ? 0 : mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

/* By a mapping that was read before it is written: on some file systems the file's times do not change. */
static long do_patch(char **a)
{
	struct stat st;
	int fd = open(a[0], O_RDWR);
	if (fd < 0 || fstat(fd, &st))
		return -1;
	volatile char *p = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -1;
	char last = p[st.st_size - 1];
	p[st.st_size - 1] = (char)(last ^ 1);
	return 0;
}

/* A copy of the program, which its own descriptor could write to while it runs. */
static long do_exec_memfd(char **a)
{
	char block[65536];
	char *argv[] = { a[0], NULL }, *env[] = { NULL };
	int fd = memfd_create("copy", MFD_CLOEXEC), program = open(a[0], O_RDONLY);
	for (ssize_t n; (n = read(program, block, sizeof(block))) > 0;)
		if (write(fd, block, (size_t)n) != n)
			return -1;
	return syscall(SYS_execveat, fd, "", argv, env, AT_EMPTY_PATH);
}

static long do_mmap_anonymous(char **a)
{
	(void)a;
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static long do_mprotect_anonymous(char **a)
{
	(void)a;
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

/* --- the same by 32-bit calls and io_uring ------------------------------------------------------------------------------------- */

/* Pointers must lie below 4 GiB. */
static long compat_call(long call, long a, long b, long c)
{
	long result = call;
	__asm__ volatile("int $0x80" : "+a"(result) : "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
	if (result >= 0)
		return result;
	errno = (int)-result;
	return -1;
}

static char *low_copy(const void *bytes, size_t n)
{
	char *low = mmap(NULL, LOW_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED || n > LOW_PAGE)
		exit(2);
	memcpy(low, bytes, n);
	return low;
}

static long low_text(const char *text)
{
	return (long)low_copy(text, strlen(text) + 1);
}

static long do_read_compat(char **a) { return opened((int)compat_call(COMPAT_OPEN, low_text(a[0]), O_RDONLY, 0)); }
static long do_unlink_compat(char **a) { return compat_call(COMPAT_UNLINK, low_text(a[0]), 0, 0); }
static long do_rename_compat(char **a) { return compat_call(COMPAT_RENAME, low_text(a[0]), low_text(a[1]), 0); }
static long do_umount_compat(char **a) { return compat_call(COMPAT_UMOUNT, low_text(a[0]), 0, 0); }
static long do_mkdir_compat(char **a) { return compat_call(COMPAT_MKDIR, low_text(a[0]), 0755, 0); }

static long uring(struct io_uring_sqe request)
{
	struct io_uring_params p = { 0 };
	int fd = (int)syscall(SYS_io_uring_setup, 2, &p);
	if (fd < 0)
		exit(2);
	size_t sq_bytes = p.sq_off.array + p.sq_entries * sizeof(unsigned), cq_bytes = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	char *sq = mmap(NULL, sq_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING);
	char *cq = mmap(NULL, cq_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_CQ_RING);
	struct io_uring_sqe *requests =
		mmap(NULL, p.sq_entries * sizeof(*requests), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || requests == MAP_FAILED)
		exit(2);
	requests[0] = request;
	((unsigned *)(void *)(sq + p.sq_off.array))[0] = 0;
	__atomic_store_n((unsigned *)(void *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		exit(2);
	int result = ((struct io_uring_cqe *)(void *)(cq + p.cq_off.cqes))[0].res;
	if (result >= 0)
		return result;
	errno = -result;
	return -1;
}

static long uring_open(char **a, uint8_t flags)
{
	struct io_uring_sqe q = { .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)a[0], .open_flags = O_RDONLY, .flags = flags };
	return opened((int)uring(q));
}
static long do_read_uring(char **a) { return uring_open(a, 0); }
static long do_read_uring_worker(char **a) { return uring_open(a, IOSQE_ASYNC); }

static long do_unlink_uring(char **a)
{
	return uring((struct io_uring_sqe){ .opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = (uintptr_t)a[0] });
}

static long do_rename_uring(char **a)
{
	return uring((struct io_uring_sqe){ .opcode = IORING_OP_RENAMEAT, .fd = AT_FDCWD, .addr = (uintptr_t)a[0], .len = (uint32_t)AT_FDCWD,
					    .addr2 = (uintptr_t)a[1] });
}

/* --- sockets ------------------------------------------------------------------------------------------------------------------- */

static struct sockaddr_in v4(char **a)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)number(a[1])) };
	if (inet_pton(AF_INET, a[0], &to.sin_addr) != 1)
		exit(2);
	return to;
}

static struct sockaddr_in6 v6(char **a)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)number(a[1])) };
	if (inet_pton(AF_INET6, a[0], &to.sin6_addr) != 1)
		exit(2);
	return to;
}

/* Refused by the peer is not refused by us. */
static long reached(long result)
{
	return result < 0 && errno != EPERM ? 0 : result;
}

static long do_connect(char **a)
{
	struct sockaddr_in to = v4(a);
	return reached(connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof(to)));
}

static long do_connect_udp(char **a)
{
	struct sockaddr_in to = v4(a);
	return reached(connect(socket(AF_INET, SOCK_DGRAM, 0), (struct sockaddr *)&to, sizeof(to)));
}

static long do_connect6(char **a)
{
	struct sockaddr_in6 to = v6(a);
	return reached(connect(socket(AF_INET6, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof(to)));
}

static long do_connect_compat(char **a)
{
	struct sockaddr_in to = v4(a);
	return reached(compat_call(COMPAT_CONNECT, socket(AF_INET, SOCK_STREAM, 0), (long)low_copy(&to, sizeof(to)), sizeof(to)));
}

static long do_connect_uring(char **a)
{
	struct sockaddr_in to = v4(a);
	return reached(uring((struct io_uring_sqe){ .opcode = IORING_OP_CONNECT, .fd = socket(AF_INET, SOCK_STREAM, 0), .addr = (uintptr_t)&to,
						    .off = sizeof(to) }));
}

static long send_to(int fd, const void *to, socklen_t n, int flags)
{
	return reached(sendto(fd, "x", 1, flags, to, n));
}

static long do_send(char **a)
{
	struct sockaddr_in to = v4(a);
	return send_to(socket(AF_INET, SOCK_DGRAM, 0), &to, sizeof(to), 0);
}

static long do_send_unspec(char **a)
{
	struct sockaddr_in to = v4(a);
	to.sin_family = AF_UNSPEC;
	return send_to(socket(AF_INET, SOCK_DGRAM, 0), &to, sizeof(to), 0);
}

static long do_send6(char **a)
{
	struct sockaddr_in6 to = v6(a);
	return send_to(socket(AF_INET6, SOCK_DGRAM, 0), &to, sizeof(to), 0);
}

static long do_fastopen(char **a)
{
	struct sockaddr_in to = v4(a);
	return send_to(socket(AF_INET, SOCK_STREAM, 0), &to, sizeof(to), MSG_FASTOPEN);
}

static long do_sendmsg(char **a)
{
	struct sockaddr_in to = v4(a);
	struct iovec data = { "x", 1 };
	struct mmsghdr m = { .msg_hdr = { .msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &data, .msg_iovlen = 1 } };
	return reached(sendmmsg(socket(AF_INET, SOCK_DGRAM, 0), &m, 1, 0));
}

static int bound(char **a)
{
	struct sockaddr_in at = v4(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return bind(fd, (struct sockaddr *)&at, sizeof(at)) ? -1 : fd;
}

static long do_bind(char **a) { return opened(bound(a)); }

static long do_listen(char **a)
{
	return listen(bound(a), 1);
}

static long do_accept(char **a)
{
	struct sockaddr_in to = v4(a);
	int fd = bound(a);
	if (listen(fd, 1) || connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof(to)))
		exit(2);
	return opened(accept(fd, NULL, NULL));
}

static long do_socket(char **a)
{
	int fd = socket((int)number(a[0]), (int)number(a[1]), (int)number(a[2]));
	return fd < 0 && errno != EPERM ? 0 : opened(fd);
}

/* The listening end is made before the rules hold: by another run of this program. */
static long do_unix(char **a)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	snprintf(to.sun_path, sizeof(to.sun_path), "%s", a[0]);
	socklen_t n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(a[0]));
	if (a[0][0] == '@')
		to.sun_path[0] = 0;
	int from = socket(AF_UNIX, SOCK_STREAM, 0), fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(from, (struct sockaddr *)&to, n) || listen(from, 1))
		exit(2);
	return connect(fd, (struct sockaddr *)&to, n);
}

/* --- processes and the kernel ----------------------------------------------------------------------------------------------------- */

/* Ends with its parent, which goes on when that is certain. */
static pid_t sleeper(void)
{
	int ready[2];
	char c;
	if (pipe2(ready, O_CLOEXEC))
		exit(2);
	pid_t pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) || write(ready[1], "x", 1) != 1)
			_exit(2);
		pause();
		_exit(0);
	}
	if (read(ready[0], &c, 1) != 1)
		exit(2);
	return pid;
}

static long do_ptrace(char **a)
{
	(void)a;
	return ptrace(PTRACE_SEIZE, sleeper(), 0, 0);
}

static long do_traceme(char **a)
{
	(void)a;
	return ptrace(PTRACE_TRACEME, 0, 0, 0);
}

static long do_kill(char **a) { return kill(sleeper(), (int)number(a[0])); }
static long do_prctl(char **a) { return prctl((int)number(a[0]), "verbs", 0, 0, 0); }
static long do_setuid(char **a) { return setresuid((uid_t)number(a[0]), (uid_t)-1, (uid_t)-1); }

static long do_finit_module(char **a)
{
	return reached(syscall(SYS_finit_module, open(a[0], O_RDONLY), "", 0));
}

static long do_init_module(char **a)
{
	static const char nothing[4096]; /* shorter than a header is refused before anybody is asked */
	(void)a;
	return reached(syscall(SYS_init_module, nothing, sizeof(nothing), ""));
}

static long do_bpf_load(char **a)
{
	static const uint64_t insns[] = { 0x00000000000000b7, 0x0000000000000095 }; /* r0 = 0; exit */
	union bpf_attr attr = { .prog_type = (uint32_t)number(a[0]), .insns = (uintptr_t)insns, .insn_cnt = 2, .license = (uintptr_t) "GPL" };
	return opened((int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)));
}

static long do_exec(char **a)
{
	return execv(a[0], a);
}

static void *thread_execs(void *a)
{
	char **arguments = a;
	execv(arguments[0], arguments);
	return NULL;
}

/* By a thread that is not the first: it takes over the first one's id. */
static long do_thread_exec(char **a)
{
	pthread_t thread;
	errno = pthread_create(&thread, NULL, thread_execs, a);
	if (!errno)
		pthread_join(thread, NULL);
	errno = errno ? errno : EPERM;
	return -1;
}

/* As a child: what the program executes has it among its creators. */
static long do_child(char **a)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		execv(a[0], a);
		printf("%s\n", strerrorname_np(errno));
		_exit(1);
	}
	waitpid(pid, &status, 0);
	_exit(WEXITSTATUS(status));
}

/* --- what may be remembered of a file's names ------------------------------------------------------------------------------------ */

enum { NAME_ROUNDS = 40 };

/* Twice, so that the second one may be answered from memory. */
static bool opens(const char *path, bool is_permitted)
{
	for (int i = 0; i < 2; i++) {
		int fd = open(path, O_RDONLY);
		if (fd >= 0)
			close(fd);
		if ((fd >= 0) != is_permitted || (fd < 0 && errno != EPERM)) {
			printf("%s was %s; ", path, fd >= 0 ? "permitted" : strerrorname_np(errno));
			return false;
		}
	}
	return true;
}

static bool make_named(const char *folder, const char *file)
{
	int fd = mkdir(folder, 0755) ? -1 : open(file, O_WRONLY | O_CREAT, 0644);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* FOLDER/d goes to FORBIDDEN/d and back, with the file in it. */
static long do_moves(char **a)
{
	char here[128], there[128], file_here[160], file_there[160];
	snprintf(here, sizeof(here), "%s/d", a[0]);
	snprintf(there, sizeof(there), "%s/d", a[1]);
	snprintf(file_here, sizeof(file_here), "%s/f", here);
	snprintf(file_there, sizeof(file_there), "%s/f", there);
	if (!make_named(here, file_here))
		return -1;
	for (int i = 0; i < NAME_ROUNDS; i++)
		if (!opens(file_here, true) || rename(here, there) || !opens(file_there, false) || rename(there, here))
			return -1;
	return unlink(file_here) || rmdir(here) ? -1 : 0;
}

/* The folder is removed and made anew in the other place, so that the memory of its names is used again; nothing is renamed. */
static long do_makes_anew(char **a)
{
	for (int i = 0; i < 2 * NAME_ROUNDS; i++) {
		bool is_permitted = i % 2 == 0;
		char folder[128], file[160];
		snprintf(folder, sizeof(folder), "%s/e", a[!is_permitted]);
		snprintf(file, sizeof(file), "%s/f", folder);
		if (!make_named(folder, file) || !opens(file, is_permitted) || unlink(file) || rmdir(folder))
			return -1;
	}
	return 0;
}

/* Two names of one inode by turns. */
static long do_by_turns(char **a)
{
	for (int i = 0; i < NAME_ROUNDS; i++)
		if (!opens(a[0], true) || !opens(a[1], false))
			return -1;
	return 0;
}

/* A bind mount hides the name and goes again: FILE stands for FORBIDDEN meanwhile. */
static long do_mounts(char **a)
{
	for (int i = 0; i < NAME_ROUNDS; i++)
		if (!opens(a[0], true) || mount(a[1], a[0], NULL, MS_BIND, NULL) || !opens(a[0], false) || umount(a[0]))
			return -1;
	return 0;
}

static const struct {
	const char *name;
	int arguments;
	long (*run)(char **arguments);
} ways[] = {
	{ "read", 1, do_read }, { "write", 1, do_write }, { "trunc", 1, do_trunc }, { "create", 1, do_create }, { "unlink", 1, do_unlink },
	{ "rmdir", 1, do_rmdir }, { "rename", 2, do_rename }, { "exchange", 2, do_exchange }, { "link", 2, do_link }, { "symlink", 2, do_symlink },
	{ "mkdir", 1, do_mkdir }, { "mknod", 1, do_mknod }, { "chmod", 2, do_chmod }, { "chown", 2, do_chown }, { "truncate", 1, do_truncate },
	{ "ftruncate", 1, do_ftruncate }, { "setxattr", 2, do_setxattr }, { "removexattr", 2, do_removexattr }, { "umount", 1, do_umount }, { "umount-lazily", 1, do_umount_lazily },
	{ "umount-compat", 1, do_umount_compat }, { "bind-mount-as", 3, do_bind_mount_as }, { "mount-moved", 2, do_mount_moved },
	{ "userns", 0, do_userns }, { "userns-clone", 0, do_userns_clone }, { "mount", 2, do_mount }, { "bind-mount", 2, do_bind_mount },
	{ "move-mount", 2, do_move_mount }, { "mmap", 1, do_mmap }, { "patch", 1, do_patch }, { "mprotect", 1, do_mprotect }, { "mmap-anonymous", 0, do_mmap_anonymous },
	{ "mprotect-anonymous", 0, do_mprotect_anonymous }, { "read-compat", 1, do_read_compat }, { "unlink-compat", 1, do_unlink_compat },
	{ "rename-compat", 2, do_rename_compat }, { "mkdir-compat", 1, do_mkdir_compat }, { "read-uring", 1, do_read_uring },
	{ "read-uring-worker", 1, do_read_uring_worker }, { "unlink-uring", 1, do_unlink_uring }, { "rename-uring", 2, do_rename_uring },
	{ "connect", 2, do_connect }, { "connect-udp", 2, do_connect_udp }, { "connect6", 2, do_connect6 }, { "connect-compat", 2, do_connect_compat },
	{ "connect-uring", 2, do_connect_uring }, { "send", 2, do_send }, { "send-unspec", 2, do_send_unspec }, { "send6", 2, do_send6 },
	{ "fastopen", 2, do_fastopen }, { "sendmmsg", 2, do_sendmsg }, { "bind", 2, do_bind }, { "listen", 2, do_listen }, { "accept", 2, do_accept },
	{ "socket", 3, do_socket }, { "unix", 1, do_unix }, { "ptrace", 0, do_ptrace }, { "traceme", 0, do_traceme }, { "kill", 1, do_kill },
	{ "prctl", 1, do_prctl }, { "setuid", 1, do_setuid }, { "finit-module", 1, do_finit_module }, { "init-module", 0, do_init_module },
	{ "bpf-load", 1, do_bpf_load }, { "exec", 1, do_exec }, { "exec-memfd", 1, do_exec_memfd }, { "thread-exec", 1, do_thread_exec }, { "child", 1, do_child },
	{ "moves", 2, do_moves }, { "makes-anew", 2, do_makes_anew }, { "by-turns", 2, do_by_turns }, { "mounts", 2, do_mounts },
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; argc > 1 && i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(argv[1], ways[i].name) != 0 || argc - 2 < ways[i].arguments)
			continue;
		errno = 0;
		long result = ways[i].run(argv + 2);
		printf("%s\n", result < 0 ? strerrorname_np(errno) : "done");
		return result < 0;
	}
	fprintf(stderr, "usage: verbs WAY ARGUMENT...\n");
	return 2;
}
