/* SPDX-License-Identifier: Apache-2.0 */
/* Programs: started under other names, from descriptors, through interpreters and by the kernel, and by children of every kind. */
#include "evade.h"

#include <linux/mount.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>

enum { COMPAT_EXECVE = 11, COMPAT_EXECVEAT = 358, COPY_BYTES = 1 << 16 };

static char *const no_environment[] = { NULL };

/* Says why it did not start; a program that starts speaks for itself. */
static long start(const char *path)
{
	return execve(path, (char *[]){ (char *)path, NULL }, no_environment);
}

static long exec_plain(char **a) { return start(a[0]); }

static long exec_in(char **a) /* FOLDER NAME */
{
	PREPARED(chdir(a[0]));
	return start(a[1]);
}

static long exec_far(char **a) /* FOLDER COMPONENT...: as far down as there are folders of these names */
{
	PREPARED(chdir(a[0]));
	for (;;) {
		size_t i = 1;
		while (a[i] && chdir(a[i]))
			i++;
		if (!a[i])
			return start("./x");
	}
}

static long exec_by_link(char **a)
{
	char name[64];
	snprintf(name, sizeof(name), "/tmp/ev/link-%d", getpid());
	PREPARED(symlink(a[0], name));
	long result = start(name);
	int keep = errno;
	unlink(name);
	errno = keep;
	return result;
}

static long exec_descriptor(char **a) { return syscall(SYS_execveat, PREPARED(open(a[0], O_PATH)), "", a, no_environment, AT_EMPTY_PATH); }
static long exec_at(char **a) { return syscall(SYS_execveat, PREPARED(open(a[0], O_PATH)), a[1], a, no_environment, 0); }
static long exec_compat(char **a) { return compat_call(COMPAT_EXECVE, low_text(a[0]), 0, 0, 0, 0); }
static long exec_compat_at(char **a) { return compat_call(COMPAT_EXECVEAT, AT_FDCWD, low_text(a[0]), 0, 0, 0); }

static long exec_proc_descriptor(char **a)
{
	char name[64];
	snprintf(name, sizeof(name), "/proc/self/fd/%d", (int)PREPARED(open(a[0], O_PATH)));
	return start(name);
}

static long exec_chroot(char **a) /* FOLDER PROGRAM */
{
	PREPARED(chroot(a[0]));
	PREPARED(chdir("/"));
	return start(a[1]);
}

static long exec_bind(char **a) /* SOURCE TARGET PROGRAM */
{
	own_mounts();
	PREPARED(mount(a[0], a[1], NULL, MS_BIND, NULL));
	return start(a[2]);
}

static long exec_bind_user(char **a)
{
	PREPARED(unshare(CLONE_NEWUSER));
	return exec_bind(a);
}

static long exec_tree(char **a) /* FOLDER NAME: a copy of the mount that hangs nowhere */
{
	int tree = (int)PREPARED(syscall(SYS_open_tree, AT_FDCWD, a[0], OPEN_TREE_CLONE));
	return syscall(SYS_execveat, tree, a[1], a, no_environment, 0);
}

static long exec_lazy(char **a) /* SOURCE TARGET NAME */
{
	own_mounts();
	PREPARED(mount(a[0], a[1], NULL, MS_BIND, NULL));
	PREPARED(chdir(a[1]));
	PREPARED(umount2(a[1], MNT_DETACH));
	return start(a[2]);
}

static long exec_overlay_above(char **a) /* FOLDER PROGRAM: an overlay over the folder itself */
{
	char options[300];
	own_mounts();
	PREPARED(mount("none", "/tmp/ev/work", "tmpfs", 0, NULL));
	PREPARED(mkdir("/tmp/ev/work/none", 0755));
	snprintf(options, sizeof(options), "lowerdir=%s:/tmp/ev/work/none", a[0]);
	PREPARED(mount("none", a[0], "overlay", 0, options));
	return start(a[1]);
}

static long exec_handle(char **a) /* FOLDER-OF-THE-FILE-SYSTEM PROGRAM */
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
	int fd = open_by_handle_at(fs, &handle.h, O_PATH);
	return fd < 0 ? -1 : syscall(SYS_execveat, fd, "", a, no_environment, AT_EMPTY_PATH);
}

static long exec_odd_arguments(char **a) /* PROGRAM KIND: none, huge, many */
{
	static char huge[130000];
	static char *many[100001];
	memset(huge, 'x', sizeof(huge) - 1);
	for (size_t i = 0; i + 1 < ARRAY_SIZE(many); i++)
		many[i] = (char *)"x\n\33\xff\"}";
	char *one[] = { a[0], huge, NULL }, *none[] = { NULL };
	return execve(a[0], a[1][0] == 'n' ? none : a[1][0] == 'h' ? one : many, no_environment);
}

/* --- without a name --------------------------------------------------------------------------------------------------------------- */

static void copy_to(int to, const char *path)
{
	static char block[COPY_BYTES];
	int from = (int)PREPARED(open(path, O_RDONLY));
	for (ssize_t n; (n = read(from, block, sizeof(block))) > 0;)
		PREPARED(write(to, block, (size_t)n));
	PREPARED(fchmod(to, 0755));
	close(from);
}

/* A descriptor open for writing cannot be started: the file is opened again for reading. */
static long start_of(int fd)
{
	char name[64];
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	int again = (int)PREPARED(open(name, O_RDONLY));
	close(fd);
	return syscall(SYS_execveat, again, "", (char *[]){ (char *)"usr/bin/true", NULL }, no_environment, AT_EMPTY_PATH);
}

static long exec_memfd(char **a) /* PROGRAM FLAGS */
{
	int fd = (int)PREPARED(syscall(SYS_memfd_create, "usr/bin/true", number_of(a[1])));
	copy_to(fd, a[0]);
	return start_of(fd);
}

static long exec_nameless(char **a) /* PROGRAM FOLDER */
{
	int fd = (int)PREPARED(open(a[1], O_TMPFILE | O_RDWR, 0755));
	copy_to(fd, a[0]);
	return start_of(fd);
}

static long exec_deleted(char **a) /* PROGRAM COPY */
{
	char name[300];
	snprintf(name, sizeof(name), "%s-%d", a[1], getpid());
	int fd = (int)PREPARED(open(name, O_CREAT | O_RDWR, 0755));
	copy_to(fd, a[0]);
	PREPARED(unlink(name));
	return start_of(fd);
}

/* The twin of the above: a file with a name. */
static long exec_copied(char **a) /* PROGRAM COPY */
{
	int fd = (int)PREPARED(open(a[1], O_CREAT | O_TRUNC | O_RDWR, 0755));
	copy_to(fd, a[0]);
	close(fd);
	return start(a[1]);
}

/* --- children of every kind: whoever starts PROGRAM ARGUMENT... has this image among its creators ----------------------------------- */

static void start_rest(char **a)
{
	execv(a[0], a);
	printf("%s\n", strerrorname_np(errno));
	_exit(0);
}

/* Waits for all that hang on to our output: a pipe's other end says when the last is gone. */
static long after_all(int ends[2])
{
	char c;
	close(ends[1]);
	while (read(ends[0], &c, 1) > 0)
		;
	return SPOKEN;
}

static long child_in_place(char **a)
{
	start_rest(a);
	return -1;
}

static long child_orphan(char **a) /* a grandchild in a session of its own, whose parent is gone */
{
	int ends[2];
	PREPARED(pipe(ends));
	if (!PREPARED(fork())) {
		pid_t between = getpid();
		setsid();
		if (!PREPARED(fork())) {
			while (getppid() == between)
				usleep(1000);
			start_rest(a);
		}
		_exit(0);
	}
	PREPARED(wait(NULL));
	return after_all(ends);
}

static long child_of_parent(char **a) /* a sibling by CLONE_PARENT */
{
	int ends[2];
	PREPARED(pipe(ends));
	if (!PREPARED(syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, 0)))
		start_rest(a);
	return after_all(ends);
}

static long child_clone3(char **a)
{
	struct clone_args c = { .flags = CLONE_CLEAR_SIGHAND | CLONE_VFORK, .exit_signal = 0 };
	int ends[2];
	PREPARED(pipe(ends));
	if (!PREPARED(syscall(SYS_clone3, &c, sizeof(c))))
		start_rest(a);
	return after_all(ends);
}

static long child_vfork(char **a)
{
	int ends[2];
	PREPARED(pipe(ends));
	if (!PREPARED(vfork()))
		start_rest(a);
	return after_all(ends);
}

static void *thread_starts(void *a)
{
	char **arguments = a;
	pid_t child = (pid_t)PREPARED(fork());
	if (!child)
		start_rest(arguments);
	PREPARED(waitpid(child, NULL, 0));
	return NULL;
}

static long child_of_thread(char **a)
{
	pthread_t thread;
	PREPARED(-pthread_create(&thread, NULL, thread_starts, a));
	PREPARED(-pthread_join(thread, NULL));
	return SPOKEN;
}

static void *thread_becomes(void *a)
{
	start_rest(a);
	return NULL;
}

static long child_thread_exec(char **a) /* a thread that is not the first replaces the process */
{
	pthread_t thread;
	PREPARED(-pthread_create(&thread, NULL, thread_becomes, a));
	PREPARED(-pthread_join(thread, NULL)); /* it is the thread that goes on */
	return SPOKEN;
}

static long child_subreaper(char **a)
{
	PREPARED(prctl(PR_SET_CHILD_SUBREAPER, 1));
	return child_orphan(a);
}

static long child_new_pids(char **a)
{
	PREPARED(unshare(CLONE_NEWPID));
	if (!PREPARED(fork()))
		start_rest(a);
	PREPARED(wait(NULL));
	return SPOKEN;
}

static long child_deep(char **a) /* forty generations */
{
	for (int i = 0; i < 40; i++) {
		pid_t child = (pid_t)PREPARED(fork());
		if (child) {
			PREPARED(waitpid(child, NULL, 0));
			_exit(0);
		}
	}
	start_rest(a);
	return -1;
}

/* --- the kernel starts it ------------------------------------------------------------------------------------------------------------- */

/* What the kernel starts has no output of ours: PROGRAM leaves SIGN. */
static long signed_by(const char *sign)
{
	struct stat st;
	for (int i = 0; i < 200; i++) {
		if (!stat(sign, &st)) {
			unlink(sign);
			return 0;
		}
		usleep(2000);
	}
	errno = EPERM; /* nobody is told an error */
	return -1;
}

static void put(const char *path, const char *text)
{
	int fd = (int)PREPARED(open(path, O_WRONLY | O_TRUNC));
	PREPARED(write(fd, text, strlen(text)));
	close(fd);
}

static long exec_core(char **a) /* PROGRAM SIGN: the receiver of memory dumps */
{
	char pattern[300];
	snprintf(pattern, sizeof(pattern), "|%s sign %s", a[0], a[1]);
	unlink(a[1]);
	put("/proc/sys/kernel/core_pattern", pattern);
	pid_t child = (pid_t)PREPARED(fork());
	if (!child)
		abort();
	PREPARED(waitpid(child, NULL, 0));
	long result = signed_by(a[1]);
	int keep = errno;
	put("/proc/sys/kernel/core_pattern", "core");
	errno = keep;
	return result;
}

static long exec_modprobe(char **a) /* PROGRAM SIGN: the loader of modules; it is given arguments of the kernel's */
{
	unlink(a[1]);
	put("/proc/sys/kernel/modprobe", a[0]);
	close(socket(AF_APPLETALK, SOCK_DGRAM, 0));
	long result = signed_by(a[1]);
	int keep = errno;
	put("/proc/sys/kernel/modprobe", "/sbin/modprobe");
	errno = keep;
	return result;
}

static long sign(char **a)
{
	PREPARED(open(a[0], O_CREAT | O_WRONLY, 0644));
	return SPOKEN;
}

/* As the kernel calls the loader of modules: -q -- NAME. */
static long sign_module(char **a)
{
	(void)a;
	PREPARED(open("/tmp/ev/sign", O_CREAT | O_WRONLY, 0644));
	return SPOKEN;
}

static long exec_misc(char **a) /* INTERPRETER FLAGS: a format of our own */
{
	char format[300], name[64], file[64];
	snprintf(name, sizeof(name), "/proc/sys/fs/binfmt_misc/ev%d", getpid());
	snprintf(file, sizeof(file), "/tmp/ev/magic-%d", getpid());
	snprintf(format, sizeof(format), ":ev%d:M::EVT!::%s:%s", getpid(), a[0], a[1]);
	int fd = open("/proc/sys/fs/binfmt_misc/register", O_WRONLY);
	if (fd < 0 || write(fd, format, strlen(format)) < 0)
		return -1;
	close(fd);
	fd = (int)PREPARED(open(file, O_CREAT | O_WRONLY, 0755));
	PREPARED(write(fd, "EVT!\n", 5));
	close(fd);
	pid_t child = (pid_t)PREPARED(fork());
	if (!child)
		start_rest((char *[]){ file, NULL });
	PREPARED(waitpid(child, NULL, 0));
	put(name, "-1");
	unlink(file);
	return SPOKEN;
}

#define APART(way) static long way##_apart(char **a) { return apart(way, a); }
APART(exec_chroot)
APART(exec_bind_user)

const struct way exec_ways[] = {
	{ "exec", 1, exec_plain }, { "exec-in", 2, exec_in }, { "exec-far", 2, exec_far }, { "exec-by-link", 1, exec_by_link }, { "exec-descriptor", 1, exec_descriptor },
	{ "exec-at", 2, exec_at }, { "exec-compat", 1, exec_compat }, { "exec-compat-at", 1, exec_compat_at },
	{ "exec-proc-descriptor", 1, exec_proc_descriptor }, { "exec-chroot", 2, exec_chroot_apart }, { "exec-bind", 3, exec_bind },
	{ "exec-bind-user", 3, exec_bind_user_apart }, { "exec-tree", 2, exec_tree }, { "exec-lazy", 3, exec_lazy },
	{ "exec-overlay-above", 2, exec_overlay_above }, { "exec-handle", 2, exec_handle }, { "exec-odd-arguments", 2, exec_odd_arguments },
	{ "exec-memfd", 2, exec_memfd }, { "exec-nameless", 2, exec_nameless }, { "exec-deleted", 2, exec_deleted },
	{ "exec-copied", 2, exec_copied }, { "child-in-place", 1, child_in_place }, { "child-orphan", 1, child_orphan },
	{ "child-of-parent", 1, child_of_parent }, { "child-clone3", 1, child_clone3 }, { "child-vfork", 1, child_vfork },
	{ "child-of-thread", 1, child_of_thread }, { "child-thread-exec", 1, child_thread_exec }, { "child-subreaper", 1, child_subreaper },
	{ "child-new-pids", 1, child_new_pids }, { "child-deep", 1, child_deep }, { "exec-core", 2, exec_core },
	{ "exec-modprobe", 2, exec_modprobe }, { "sign", 1, sign }, { "-q", 1, sign_module }, { "exec-misc", 2, exec_misc }, { NULL, 0, NULL },
};
