/* SPDX-License-Identifier: Apache-2.0 */
/* Files: opened, made, removed, renamed, linked and changed, by the names and by the calls there are. */
#include "evade.h"

#include <linux/mount.h>
#include <pthread.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

enum {
	COMPAT_OPEN = 5, COMPAT_CREAT = 8, COMPAT_LINK = 9, COMPAT_UNLINK = 10, COMPAT_MKNOD = 14, COMPAT_CHMOD = 15,
	COMPAT_RENAME = 38, COMPAT_MKDIR = 39, COMPAT_RMDIR = 40, COMPAT_SYMLINK = 83, COMPAT_TRUNCATE = 92, COMPAT_FCHMOD = 94, COMPAT_CHOWN16 = 182,
	COMPAT_TRUNCATE64 = 193, COMPAT_FTRUNCATE64 = 194, COMPAT_CHOWN32 = 212, COMPAT_SETXATTR = 226, COMPAT_REMOVEXATTR = 235, COMPAT_OPENAT = 295, COMPAT_OPENAT2 = 437,
	CALL_FCHMODAT2 = 452, X32_OPEN = 0x40000002, URING_FTRUNCATE = 55, RENAME_EXCHANGE_BIT = 2, RENAME_WHITEOUT_BIT = 4,
};

struct how {
	uint64_t flags, mode, resolve;
};

/* --- opened for reading ------------------------------------------------------------------------------------------------------ */

static long read_plain(char **a) { return told(open(a[0], O_RDONLY)); }

static long read_in(char **a) /* FOLDER NAME: the folder is entered */
{
	PREPARED(chdir(a[0]));
	return told(open(a[1], O_RDONLY));
}

static long read_far(char **a) /* FOLDER COMPONENT...: as far down as there are folders of these names */
{
	PREPARED(chdir(a[0]));
	for (;;) {
		size_t i = 1;
		while (a[i] && chdir(a[i]))
			i++;
		if (!a[i])
			return opened(open("x", O_RDONLY));
	}
}

static long read_prefixed(char **a) /* PREFIX PATH */
{
	char path[512];
	snprintf(path, sizeof(path), "%s%s", a[0], a[1]);
	return told(open(path, O_RDONLY));
}

static long read_openat2(char **a)
{
	struct how how = { .flags = O_RDONLY, .resolve = (uint64_t)number_of(a[2]) };
	int folder = (int)PREPARED(open(a[0], O_PATH | O_DIRECTORY));
	return told((int)syscall(SYS_openat2, folder, a[1], &how, sizeof(how)));
}

static long by_descriptor(int fd, int flags)
{
	char name[64];
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return open(name, flags);
}

static long read_o_path(char **a) { return told((int)by_descriptor((int)PREPARED(open(a[0], O_PATH)), O_RDONLY)); }

static long read_dev_fd(char **a) /* FOLDER NAME */
{
	char name[300];
	int folder = (int)PREPARED(open(a[0], O_PATH));
	snprintf(name, sizeof(name), "/dev/fd/%d/%s", folder, a[1]);
	return told(open(name, O_RDONLY));
}

static long read_by_link(char **a) /* PATH: through a new symbolic link */
{
	char name[64];
	snprintf(name, sizeof(name), "/tmp/ev/link-%d", getpid());
	PREPARED(symlink(a[0], name));
	long result = told(open(name, O_RDONLY));
	int keep = errno;
	unlink(name);
	errno = keep;
	return result;
}

static long read_chroot(char **a) /* FOLDER NAME */
{
	PREPARED(chroot(a[0]));
	PREPARED(chdir("/"));
	return told(open(a[1], O_RDONLY));
}

static long read_new_root(char **a) /* FOLDER NAME: the folder becomes the root of a mount namespace */
{
	own_mounts();
	PREPARED(mount(a[0], a[0], NULL, MS_BIND, NULL));
	PREPARED(chdir(a[0]));
	PREPARED(mount(".", "/", NULL, MS_MOVE, NULL));
	PREPARED(chroot("."));
	return told(open(a[1], O_RDONLY));
}

static long read_bind(char **a) /* SOURCE TARGET PATH */
{
	own_mounts();
	PREPARED(mount(a[0], a[1], NULL, MS_BIND, NULL));
	return told(open(a[2], O_RDONLY));
}

static long read_bind_user(char **a) /* the same in a user namespace of one's own */
{
	PREPARED(unshare(CLONE_NEWUSER));
	return read_bind(a);
}

static long read_tree(char **a) /* FOLDER NAME: a copy of the mount that hangs nowhere */
{
	int tree = (int)PREPARED(syscall(SYS_open_tree, AT_FDCWD, a[0], OPEN_TREE_CLONE));
	return told(openat(tree, a[1], O_RDONLY));
}

static long read_lazy(char **a) /* SOURCE TARGET NAME: the bind mount is taken away while it is used */
{
	own_mounts();
	PREPARED(mount(a[0], a[1], NULL, MS_BIND, NULL));
	PREPARED(chdir(a[1]));
	PREPARED(umount2(a[1], MNT_DETACH));
	return told(open(a[2], O_RDONLY));
}

/* FOLDER-OF-THE-FILE-SYSTEM PATH: by the file's handle, once nothing of its name is in memory any more */
static long read_handle(char **a)
{
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle = { .h.handle_bytes = MAX_HANDLE_SZ };
	int id, fs = (int)PREPARED(open(a[0], O_RDONLY | O_DIRECTORY));
	PREPARED(name_to_handle_at(AT_FDCWD, a[1], &handle.h, &id, 0));
	sync();
	int drop = (int)PREPARED(open("/proc/sys/vm/drop_caches", O_WRONLY));
	PREPARED(write(drop, "3", 1));
	return told(open_by_handle_at(fs, &handle.h, O_RDONLY));
}

static long read_overlay(char **a) /* LOWER NAME */
{
	own_mounts();
	PREPARED(mount("none", "/tmp/ev/work", "tmpfs", 0, NULL));
	PREPARED(mkdir("/tmp/ev/work/m", 0755));
	PREPARED(mkdir("/tmp/ev/work/none", 0755));
	char options[300];
	snprintf(options, sizeof(options), "lowerdir=%s:/tmp/ev/work/none", a[0]);
	if (mount("none", "/tmp/ev/work/m", "overlay", 0, options))
		return -1;
	PREPARED(chdir("/tmp/ev/work/m"));
	return told(open(a[1], O_RDONLY));
}

static long read_overlay_nowhere(char **a) /* LOWER NAME: the overlay is made and never hung anywhere */
{
	own_mounts();
	PREPARED(mount("none", "/tmp/ev/work", "tmpfs", 0, NULL));
	PREPARED(mkdir("/tmp/ev/work/none", 0755));
	char layers[300];
	snprintf(layers, sizeof(layers), "%s:/tmp/ev/work/none", a[0]);
	int fs = (int)PREPARED(syscall(SYS_fsopen, "overlay", 0));
	PREPARED(syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "lowerdir", layers, 0));
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -1;
	int top = (int)syscall(SYS_fsmount, fs, 0, 0);
	return top < 0 ? -1 : told(openat(top, a[1], O_RDONLY));
}

static long read_compat(char **a) { return told((int)compat_call(COMPAT_OPEN, low_text(a[0]), O_RDONLY, 0, 0, 0)); }
static long read_compat_at(char **a) { return told((int)compat_call(COMPAT_OPENAT, AT_FDCWD, low_text(a[0]), O_RDONLY, 0, 0)); }

static long read_compat_openat2(char **a)
{
	struct how how = { .flags = O_RDONLY };
	return told((int)compat_call(COMPAT_OPENAT2, AT_FDCWD, low_text(a[0]), (long)low_copy(&how, sizeof(how)), sizeof(how), 0));
}

static long read_x32(char **a) { return told((int)syscall(X32_OPEN, a[0], O_RDONLY)); }

static long uring_open(char **a, uint8_t flags, unsigned setup, uint32_t place)
{
	struct io_uring_sqe q = { .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)a[0], .flags = flags, .file_index = place };
	long fd = uring(q, setup);
	return place ? fd : told((int)fd);
}
static long read_uring(char **a) { return uring_open(a, 0, 0, 0); }
static long read_uring_worker(char **a) { return uring_open(a, IOSQE_ASYNC, 0, 0); }
static long read_uring_poll(char **a) { return uring_open(a, 0, IORING_SETUP_SQPOLL, 0); }
static long read_uring_direct(char **a) { return uring_open(a, 0, 0, 1); }

static long read_uring_openat2(char **a)
{
	struct how how = { .flags = O_RDONLY };
	return told((int)uring((struct io_uring_sqe){ .opcode = IORING_OP_OPENAT2, .fd = AT_FDCWD, .addr = (uintptr_t)a[0], .len = sizeof(how),
						      .off = (uintptr_t)&how }, 0));
}

static void *thread_reads(void *path)
{
	int fd = open(path, O_RDONLY);
	return (void *)(long)(fd < 0 ? -errno : fd);
}

static long read_thread(char **a)
{
	pthread_t thread;
	void *result = NULL;
	PREPARED(-pthread_create(&thread, NULL, thread_reads, a[0]));
	PREPARED(-pthread_join(thread, &result));
	errno = (long)result < 0 ? -(int)(long)result : 0;
	return told((int)(long)result);
}

/* PATH OPENER: whoever watches a file is handed a descriptor of it when another opens it */
static long read_watched(char **a)
{
	int watch = (int)PREPARED(fanotify_init(FAN_CLASS_NOTIF, O_RDONLY));
	PREPARED(fanotify_mark(watch, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, a[0]));
	pid_t child = (pid_t)PREPARED(fork());
	if (!child) {
		PREPARED(open("/dev/null", O_WRONLY) == 1 ? 0 : dup2(open("/dev/null", O_WRONLY), 1));
		execl(a[1], a[1], "read", a[0], NULL);
		_exit(BROKEN_STATUS);
	}
	struct fanotify_event_metadata m = { .fd = -1 };
	if (read(watch, &m, sizeof(m)) < 0)
		return -1;
	if (m.fd < 0) {
		errno = EPERM;
		return -1;
	}
	return told(m.fd);
}

/* PATH HELPER: a program that may opens it, and hands the descriptor over a socket */
static long read_handed(char **a)
{
	int ends[2];
	PREPARED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	pid_t child = (pid_t)PREPARED(fork());
	if (!child) {
		PREPARED(dup2(ends[1], 3));
		execl(a[1], a[1], "hand", a[0], NULL);
		_exit(BROKEN_STATUS);
	}
	char room[CMSG_SPACE(sizeof(int))], byte;
	struct iovec data = { &byte, 1 };
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room) };
	PREPARED(recvmsg(ends[0], &m, 0));
	int fd = -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return told(fd);
}

static long hand(char **a)
{
	char room[CMSG_SPACE(sizeof(int))] = "", byte = 'x';
	int fd = (int)PREPARED(open(a[0], O_RDONLY));
	struct iovec data = { &byte, 1 };
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	PREPARED(sendmsg(3, &m, 0));
	return SPOKEN;
}

struct flipper {
	char *at;
	const char *names[2];
	volatile bool is_over;
};

/* Until the first file was read, or refused often enough. */
static long read_often(const char *name)
{
	enum { TRIES = 30000, REFUSED_ENOUGH = 200 };
	unsigned n_refused = 0;
	for (unsigned i = 0; i < TRIES && n_refused < REFUSED_ENOUGH; i++) {
		int fd = open(name, O_RDONLY);
		char c = 0;
		bool is_read = fd >= 0 && read(fd, &c, 1) == 1 && c == 'N';
		n_refused += fd < 0 && errno == EPERM;
		if (fd >= 0)
			close(fd);
		if (is_read)
			return 0;
	}
	errno = n_refused ? EPERM : EAGAIN;
	return -1;
}

static void *flip_text(void *context)
{
	struct flipper *f = context;
	for (unsigned i = 0; !f->is_over; i++)
		memcpy(f->at, f->names[i & 1], strlen(f->names[i & 1]) + 1);
	return NULL;
}

/* OPEN-PATH OTHER-PATH: the name in memory changes while it is opened */
static long read_flipped_text(char **a)
{
	static char name[512];
	struct flipper f = { name, { a[0], a[1] }, false };
	pthread_t thread;
	snprintf(name, sizeof(name), "%s", a[1]);
	PREPARED(-pthread_create(&thread, NULL, flip_text, &f));
	long told_once = read_often(name);
	int keep = errno;
	f.is_over = true;
	pthread_join(thread, NULL);
	errno = keep;
	return told_once;
}

static void *flip_link(void *context)
{
	struct flipper *f = context;
	char next[64];
	snprintf(next, sizeof(next), "%s.next", f->at);
	for (unsigned i = 0; !f->is_over; i++) {
		unlink(next);
		if (symlink(f->names[i & 1], next) || rename(next, f->at))
			break;
	}
	unlink(next);
	return NULL;
}

/* OPEN-PATH OTHER-PATH: a symbolic link leads now here, now there */
static long read_flipped_link(char **a)
{
	char name[64];
	snprintf(name, sizeof(name), "/tmp/ev/flip-%d", getpid());
	struct flipper f = { name, { a[0], a[1] }, false };
	pthread_t thread;
	PREPARED(symlink(a[1], name));
	PREPARED(-pthread_create(&thread, NULL, flip_link, &f));
	long told_once = read_often(name);
	int keep = errno;
	f.is_over = true;
	pthread_join(thread, NULL);
	unlink(name);
	errno = keep;
	return told_once;
}

/* --- opened for writing, made longer and shorter ------------------------------------------------------------------------------- */

static long write_plain(char **a) { return opened(open(a[0], (int)number_of(a[1]))); }
static long write_creat(char **a) { return opened(creat(a[0], 0644)); }
static long write_reopened(char **a) { return opened((int)by_descriptor((int)PREPARED(open(a[0], O_RDONLY)), O_WRONLY)); }
static long write_compat(char **a) { return opened((int)compat_call(COMPAT_CREAT, low_text(a[0]), 0644, 0, 0, 0)); }

static long write_uring(char **a)
{
	return opened((int)uring((struct io_uring_sqe){ .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)a[0], .open_flags = O_WRONLY }, 0));
}

static long write_handle(char **a)
{
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle = { .h.handle_bytes = MAX_HANDLE_SZ };
	int id, fs = (int)PREPARED(open(a[0], O_RDONLY | O_DIRECTORY));
	PREPARED(name_to_handle_at(AT_FDCWD, a[1], &handle.h, &id, 0));
	return opened(open_by_handle_at(fs, &handle.h, O_WRONLY));
}

/* The kernel opens the file by itself, and writes to it when a process ends. */
static long write_accounting(char **a)
{
	long result = acct(a[0]);
	int keep = errno;
	if (!result)
		acct(NULL);
	errno = keep;
	return result;
}

static long cut_truncate(char **a) { return truncate(a[0], 1); }
static long cut_compat(char **a) { return compat_call(COMPAT_TRUNCATE, low_text(a[0]), 1, 0, 0, 0); }
static long cut_compat64(char **a) { return compat_call(COMPAT_TRUNCATE64, low_text(a[0]), 1, 0, 0, 0); }
static long cut_descriptor(char **a) { return ftruncate((int)PREPARED(open(a[0], O_WRONLY)), 1); }
static long cut_descriptor_compat(char **a) { return compat_call(COMPAT_FTRUNCATE64, PREPARED(open(a[0], O_WRONLY)), 1, 0, 0, 0); }
static long cut_open(char **a) { return opened(open(a[0], O_WRONLY | O_TRUNC)); }
static long cut_by_reading(char **a) { return opened(open(a[0], O_RDONLY | O_TRUNC)); }

static long cut_uring(char **a)
{
	return uring((struct io_uring_sqe){ .opcode = URING_FTRUNCATE, .fd = (int)PREPARED(open(a[0], O_WRONLY)), .off = 1 }, 0);
}

/* --- made ---------------------------------------------------------------------------------------------------------------------- */

static long make_open(char **a) { return opened(open(a[0], O_CREAT | O_EXCL | O_WRONLY, 0600)); }
static long make_node(char **a) { return mknod(a[0], (mode_t)number_of(a[1]) | 0600, 0x103); }
static long make_compat(char **a) { return opened((int)compat_call(COMPAT_CREAT, low_text(a[0]), 0600, 0, 0, 0)); }
static long make_node_compat(char **a) { return compat_call(COMPAT_MKNOD, low_text(a[0]), S_IFIFO | 0600, 0, 0, 0); }

static long make_uring(char **a)
{
	return opened((int)uring((struct io_uring_sqe){ .opcode = IORING_OP_OPENAT, .fd = AT_FDCWD, .addr = (uintptr_t)a[0],
							.open_flags = O_WRONLY | O_CREAT, .len = 0600 }, 0));
}

static long make_openat2(char **a)
{
	struct how how = { .flags = O_WRONLY | O_CREAT, .mode = 0600 };
	return opened((int)syscall(SYS_openat2, AT_FDCWD, a[0], &how, sizeof(how)));
}

static long make_socket(char **a)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", a[0]);
	return bind((int)PREPARED(socket(AF_UNIX, SOCK_STREAM, 0)), (struct sockaddr *)&at, sizeof(at));
}

static long make_by_link(char **a) /* FOLDER NAME: a file without a name is given one */
{
	char from[64];
	int fd = (int)PREPARED(open(a[0], O_TMPFILE | O_WRONLY, 0600));
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, from, AT_FDCWD, a[1], AT_SYMLINK_FOLLOW);
}

static long make_core(char **a) /* FOLDER: the kernel writes a dump of memory there */
{
	char name[300];
	struct stat st;
	snprintf(name, sizeof(name), "%s/core", a[0]);
	pid_t child = (pid_t)PREPARED(fork());
	if (!child) {
		PREPARED(chdir(a[0]));
		PREPARED(setrlimit(RLIMIT_CORE, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY }));
		PREPARED(prctl(PR_SET_DUMPABLE, 1));
		abort();
	}
	int status = 0;
	PREPARED(waitpid(child, &status, 0));
	if (!stat(name, &st))
		return 0;
	errno = EPERM; /* nobody is told an error */
	return -1;
}

static long make_folder(char **a) { return mkdir(a[0], 0755); }
static long make_folder_compat(char **a) { return compat_call(COMPAT_MKDIR, low_text(a[0]), 0755, 0, 0, 0); }
static long make_symlink(char **a) { return symlink(a[0], a[1]); }
static long make_symlink_compat(char **a) { return compat_call(COMPAT_SYMLINK, low_text(a[0]), low_text(a[1]), 0, 0, 0); }

static long make_folder_uring(char **a)
{
	return uring((struct io_uring_sqe){ .opcode = IORING_OP_MKDIRAT, .fd = AT_FDCWD, .addr = (uintptr_t)a[0], .len = 0755 }, 0);
}

static long make_symlink_uring(char **a)
{
	return uring((struct io_uring_sqe){ .opcode = IORING_OP_SYMLINKAT, .fd = AT_FDCWD, .addr = (uintptr_t)a[0], .addr2 = (uintptr_t)a[1] }, 0);
}

static long make_link(char **a) { return link(a[0], a[1]); }
static long make_link_compat(char **a) { return compat_call(COMPAT_LINK, low_text(a[0]), low_text(a[1]), 0, 0, 0); }
static long make_link_empty(char **a) { return linkat((int)PREPARED(open(a[0], O_PATH)), "", AT_FDCWD, a[1], AT_EMPTY_PATH); }

static long make_link_followed(char **a)
{
	char from[64];
	snprintf(from, sizeof(from), "/proc/self/fd/%d", (int)PREPARED(open(a[0], O_PATH)));
	return linkat(AT_FDCWD, from, AT_FDCWD, a[1], AT_SYMLINK_FOLLOW);
}

static long make_link_uring(char **a)
{
	return uring((struct io_uring_sqe){ .opcode = IORING_OP_LINKAT, .fd = AT_FDCWD, .addr = (uintptr_t)a[0], .len = (uint32_t)AT_FDCWD,
					    .addr2 = (uintptr_t)a[1] }, 0);
}

/* --- removed and renamed --------------------------------------------------------------------------------------------------------- */

static long gone_unlink(char **a) { return unlink(a[0]); }
static long gone_rmdir(char **a) { return rmdir(a[0]); }
static long gone_at(char **a) { return unlinkat((int)PREPARED(open(a[0], O_PATH)), a[1], 0); }
static long gone_compat(char **a) { return compat_call(COMPAT_UNLINK, low_text(a[0]), 0, 0, 0, 0); }
static long gone_rmdir_compat(char **a) { return compat_call(COMPAT_RMDIR, low_text(a[0]), 0, 0, 0, 0); }
static long gone_uring(char **a) { return uring((struct io_uring_sqe){ .opcode = IORING_OP_UNLINKAT, .fd = AT_FDCWD, .addr = (uintptr_t)a[0] }, 0); }

static long gone_bound(char **a) /* SOURCE TARGET PATH: by another name of its folder */
{
	own_mounts();
	PREPARED(mount(a[0], a[1], NULL, MS_BIND, NULL));
	return unlink(a[2]);
}

static long moved_plain(char **a) { return rename(a[0], a[1]); }
static long moved_compat(char **a) { return compat_call(COMPAT_RENAME, low_text(a[0]), low_text(a[1]), 0, 0, 0); }
static long moved_flags(char **a) { return syscall(SYS_renameat2, AT_FDCWD, a[0], AT_FDCWD, a[1], number_of(a[2])); }

static long moved_uring(char **a)
{
	return uring((struct io_uring_sqe){ .opcode = IORING_OP_RENAMEAT, .fd = AT_FDCWD, .addr = (uintptr_t)a[0], .len = (uint32_t)AT_FDCWD,
					    .addr2 = (uintptr_t)a[1] }, 0);
}

static long moved_bound(char **a) /* SOURCE TARGET OLD NEW: by another name of the folder above */
{
	own_mounts();
	PREPARED(mount(a[0], a[1], NULL, MS_BIND, NULL));
	return rename(a[2], a[3]);
}

static long moved_chroot(char **a) /* ROOT OLD NEW */
{
	PREPARED(chroot(a[0]));
	return rename(a[1], a[2]);
}

/* --- changed --------------------------------------------------------------------------------------------------------------------- */

static long mode_plain(char **a) { return chmod(a[0], (mode_t)number_of(a[1])); }
static long mode_descriptor(char **a) { return fchmod((int)PREPARED(open(a[0], O_RDONLY)), (mode_t)number_of(a[1])); }
static long mode_at2(char **a) { return syscall(CALL_FCHMODAT2, AT_FDCWD, a[0], number_of(a[1]), 0); }
static long mode_compat(char **a) { return compat_call(COMPAT_CHMOD, low_text(a[0]), number_of(a[1]), 0, 0, 0); }

static long mode_descriptor_compat(char **a)
{
	return compat_call(COMPAT_FCHMOD, PREPARED(open(a[0], O_RDONLY)), number_of(a[1]), 0, 0, 0);
}

static long mode_o_path(char **a)
{
	char name[64];
	snprintf(name, sizeof(name), "/proc/self/fd/%d", (int)PREPARED(open(a[0], O_PATH)));
	return chmod(name, (mode_t)number_of(a[1]));
}

static long owner_plain(char **a) { return chown(a[0], (uid_t)number_of(a[1]), (gid_t)-1); }
static long owner_link(char **a) { return lchown(a[0], (uid_t)number_of(a[1]), (gid_t)-1); }
static long owner_descriptor(char **a) { return fchown((int)PREPARED(open(a[0], O_RDONLY)), (uid_t)number_of(a[1]), (gid_t)-1); }

static long owner_empty(char **a)
{
	return fchownat((int)PREPARED(open(a[0], O_PATH)), "", (uid_t)number_of(a[1]), (gid_t)-1, AT_EMPTY_PATH);
}
static long owner_compat16(char **a) { return compat_call(COMPAT_CHOWN16, low_text(a[0]), number_of(a[1]), 0xffff, 0, 0); }
static long owner_compat32(char **a) { return compat_call(COMPAT_CHOWN32, low_text(a[0]), number_of(a[1]), -1, 0, 0); }

static long attribute_plain(char **a) { return setxattr(a[0], a[1], "v", 1, 0); }
static long attribute_link(char **a) { return lsetxattr(a[0], a[1], "v", 1, 0); }
static long attribute_descriptor(char **a) { return fsetxattr((int)PREPARED(open(a[0], O_RDONLY)), a[1], "v", 1, 0); }
static long attribute_compat(char **a) { return compat_call(COMPAT_SETXATTR, low_text(a[0]), low_text(a[1]), low_text("v"), 1, 0); }

static long attribute_uring(char **a)
{
	return uring((struct io_uring_sqe){ .opcode = IORING_OP_SETXATTR, .addr = (uintptr_t)a[1], .addr2 = (uintptr_t) "v", .addr3 = (uintptr_t)a[0],
					    .len = 1 }, 0);
}

static long attribute_uring_descriptor(char **a)
{
	return uring((struct io_uring_sqe){ .opcode = IORING_OP_FSETXATTR, .fd = (int)PREPARED(open(a[0], O_RDONLY)), .addr = (uintptr_t)a[1],
					    .addr2 = (uintptr_t) "v", .len = 1 }, 0);
}

static long attribute_capability(char **a)
{
	static const uint32_t all[5] = { 0x02000001, 0x80, 0, 0, 0 };
	return setxattr(a[0], "security.capability", all, sizeof(all), 0);
}

static long attribute_list(char **a) /* the access control list: it changes permission bits, too */
{
	static const uint16_t list[] = { 2, 0, 1, 7, 0xffff, 0xffff, 4, 5, 0xffff, 0xffff, 0x20, 5, 0xffff, 0xffff };
	return setxattr(a[0], "system.posix_acl_access", list, sizeof(list), 0);
}

/* Where it may not be set there is none, and whoever is asked is asked before that is found out. */
static void attribute_prepared(char **a)
{
	PREPARED(setxattr(a[0], a[1], "v", 1, 0) && errno != EPERM ? -1 : 0);
}

static long attribute_removed(char **a)
{
	attribute_prepared(a);
	return removexattr(a[0], a[1]);
}

static long attribute_removed_link(char **a)
{
	attribute_prepared(a);
	return lremovexattr(a[0], a[1]);
}

static long attribute_removed_descriptor(char **a)
{
	attribute_prepared(a);
	return fremovexattr((int)PREPARED(open(a[0], O_RDONLY)), a[1]);
}

static long attribute_removed_compat(char **a)
{
	attribute_prepared(a);
	return compat_call(COMPAT_REMOVEXATTR, low_text(a[0]), low_text(a[1]), 0, 0, 0);
}

static long attribute_list_removed(char **a)
{
	PREPARED(attribute_list(a) && errno != EPERM ? -1 : 0);
	return removexattr(a[0], "system.posix_acl_access");
}

static long attribute_list_emptied(char **a) /* by one without entries */
{
	static const uint16_t none[] = { 2, 0 };
	PREPARED(attribute_list(a) && errno != EPERM ? -1 : 0);
	return setxattr(a[0], "system.posix_acl_access", none, sizeof(none), 0);
}

static long times_set(char **a) { return utimensat(AT_FDCWD, a[0], (struct timespec[]){ { 1, 0 }, { 1, 0 } }, 0); }

/* --- helpers that the table names -------------------------------------------------------------------------------------------------- */

#define APART(way) static long way##_apart(char **a) { return apart(way, a); }
APART(read_bind_user)
APART(read_chroot)
APART(read_new_root)

const struct way file_ways[] = {
	{ "read", 1, read_plain }, { "read-in", 2, read_in }, { "read-far", 2, read_far }, { "read-prefixed", 2, read_prefixed }, { "read-openat2", 3, read_openat2 },
	{ "read-o-path", 1, read_o_path }, { "read-dev-fd", 2, read_dev_fd }, { "read-by-link", 1, read_by_link }, { "read-chroot", 2, read_chroot_apart },
	{ "read-new-root", 2, read_new_root_apart }, { "read-bind", 3, read_bind }, { "read-bind-user", 3, read_bind_user_apart }, { "read-tree", 2, read_tree },
	{ "read-lazy", 3, read_lazy }, { "read-handle", 2, read_handle }, { "read-overlay", 2, read_overlay },
	{ "read-overlay-nowhere", 2, read_overlay_nowhere }, { "read-compat", 1, read_compat }, { "read-compat-at", 1, read_compat_at },
	{ "read-compat-openat2", 1, read_compat_openat2 }, { "read-x32", 1, read_x32 }, { "read-uring", 1, read_uring },
	{ "read-uring-worker", 1, read_uring_worker }, { "read-uring-poll", 1, read_uring_poll }, { "read-uring-direct", 1, read_uring_direct },
	{ "read-uring-openat2", 1, read_uring_openat2 }, { "read-thread", 1, read_thread }, { "read-watched", 2, read_watched },
	{ "read-handed", 2, read_handed }, { "hand", 1, hand }, { "read-flipped-text", 2, read_flipped_text },
	{ "read-flipped-link", 2, read_flipped_link }, { "write", 2, write_plain }, { "write-creat", 1, write_creat },
	{ "write-reopened", 1, write_reopened }, { "write-compat", 1, write_compat }, { "write-uring", 1, write_uring },
	{ "write-handle", 2, write_handle }, { "write-accounting", 1, write_accounting }, { "cut-truncate", 1, cut_truncate },
	{ "cut-compat", 1, cut_compat }, { "cut-compat64", 1, cut_compat64 }, { "cut-descriptor", 1, cut_descriptor },
	{ "cut-descriptor-compat", 1, cut_descriptor_compat }, { "cut-open", 1, cut_open }, { "cut-by-reading", 1, cut_by_reading },
	{ "cut-uring", 1, cut_uring }, { "make-open", 1, make_open }, { "make-node", 2, make_node }, { "make-compat", 1, make_compat },
	{ "make-node-compat", 1, make_node_compat }, { "make-uring", 1, make_uring }, { "make-openat2", 1, make_openat2 },
	{ "make-socket", 1, make_socket }, { "make-by-link", 2, make_by_link }, { "make-core", 1, make_core }, { "make-folder", 1, make_folder },
	{ "make-folder-compat", 1, make_folder_compat }, { "make-folder-uring", 1, make_folder_uring }, { "make-symlink", 2, make_symlink },
	{ "make-symlink-compat", 2, make_symlink_compat }, { "make-symlink-uring", 2, make_symlink_uring }, { "make-link", 2, make_link },
	{ "make-link-compat", 2, make_link_compat }, { "make-link-empty", 2, make_link_empty }, { "make-link-followed", 2, make_link_followed },
	{ "make-link-uring", 2, make_link_uring }, { "gone-unlink", 1, gone_unlink }, { "gone-rmdir", 1, gone_rmdir }, { "gone-at", 2, gone_at },
	{ "gone-compat", 1, gone_compat }, { "gone-rmdir-compat", 1, gone_rmdir_compat }, { "gone-uring", 1, gone_uring },
	{ "gone-bound", 3, gone_bound }, { "moved", 2, moved_plain }, { "moved-compat", 2, moved_compat }, { "moved-flags", 3, moved_flags },
	{ "moved-uring", 2, moved_uring }, { "moved-bound", 4, moved_bound }, { "moved-chroot", 3, moved_chroot }, { "mode", 2, mode_plain },
	{ "mode-descriptor", 2, mode_descriptor }, { "mode-at2", 2, mode_at2 }, { "mode-compat", 2, mode_compat },
	{ "mode-descriptor-compat", 2, mode_descriptor_compat }, { "mode-o-path", 2, mode_o_path }, { "owner", 2, owner_plain },
	{ "owner-link", 2, owner_link }, { "owner-descriptor", 2, owner_descriptor }, { "owner-empty", 2, owner_empty },
	{ "owner-compat16", 2, owner_compat16 }, { "owner-compat32", 2, owner_compat32 }, { "attribute", 2, attribute_plain },
	{ "attribute-link", 2, attribute_link }, { "attribute-descriptor", 2, attribute_descriptor }, { "attribute-compat", 2, attribute_compat },
	{ "attribute-uring", 2, attribute_uring }, { "attribute-uring-descriptor", 2, attribute_uring_descriptor },
	{ "attribute-capability", 1, attribute_capability }, { "attribute-list", 1, attribute_list }, { "attribute-removed-link", 2, attribute_removed_link },
	{ "attribute-removed-descriptor", 2, attribute_removed_descriptor }, { "attribute-removed-compat", 2, attribute_removed_compat },
	{ "attribute-list-removed", 1, attribute_list_removed }, { "attribute-list-emptied", 1, attribute_list_emptied },
	{ "attribute-removed", 2, attribute_removed },
	{ "times", 1, times_set }, { NULL, 0, NULL },
};
