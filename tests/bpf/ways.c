/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same deeds by unusual ways: 32-bit calls, io_uring, chroot, bind mounts, hard links, overlayfs, memfd, scripts, very long
 * arguments and paths. Wants root; overlayfs is left out when it is not there.
 */
#include "expect.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>

enum { ARGS_BYTES = 32768, DEEP_FOLDERS = 120, DEEP_PATH = 3800, COMPAT_MKDIR = 39, COMPAT_OPENAT = 295, COMPAT_UNSHARE = 310 };

/* A 32-bit system call; pointers must lie below 4 GiB. */
static long compat_call(long number, long a, long b, long c)
{
	long result = number;
	__asm__ volatile("int $0x80" : "+a"(result) : "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
	if (result < 0 && result > -4096) {
		errno = (int)-result;
		return -1;
	}
	return result;
}

static void do_compat(const struct deeds *d)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	MUST(low == MAP_FAILED ? -1 : 0);
	snprintf(low, 4096, "%s/compat", d->dir);
	MUST(compat_call(COMPAT_MKDIR, (long)low, 0751, 0));
	expect(d, "file.mkdir");
	expect_new_file(d, low);
	expect_mode(d, "file.mode", 0751);
	expect_str(d, "vedette.via", "compat");
	expect_str(d, "event.outcome", "success");
	expect_end(d);
	int fd = (int)MUST(compat_call(COMPAT_OPENAT, AT_FDCWD, (long)low, O_RDONLY | O_DIRECTORY));
	expect(d, "file.open");
	expect_file(d, low);
	expect_str(d, "vedette.via", "compat");
	expect_num(d, "vedette.result", fd);
	expect_str(d, "event.outcome", "success");
	expect_end(d);
	close(fd);
	MUST(compat_call(COMPAT_UNSHARE, CLONE_NEWUTS, 0, 0));
	expect(d, "process.unshare");
	expect_list(d, "vedette.namespace.flags", "\"CLONE_NEWUTS\"");
	expect_str(d, "vedette.via", "compat");
	expect_str(d, "event.outcome", "success");
	expect_end(d);
	munmap(low, 4096);
}

/* One request through a ring of its own; returns its result. */
static int uring_submit(const struct io_uring_sqe *request)
{
	struct io_uring_params p = { 0 };
	int fd = (int)MUST(syscall(SYS_io_uring_setup, 2, &p));
	size_t ring_bytes = p.sq_off.array + p.sq_entries * sizeof(unsigned), cq_bytes = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	char *sq = mmap(NULL, ring_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQ_RING);
	char *cq = mmap(NULL, cq_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_CQ_RING);
	struct io_uring_sqe *requests = mmap(NULL, p.sq_entries * sizeof(*requests), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, IORING_OFF_SQES);
	MUST(sq == MAP_FAILED || cq == MAP_FAILED || requests == MAP_FAILED ? -1 : 0);
	requests[0] = *request;
	((unsigned *)(void *)(sq + p.sq_off.array))[0] = 0;
	__atomic_store_n((unsigned *)(void *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	MUST(syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	int result = ((struct io_uring_cqe *)(void *)(cq + p.cq_off.cqes))[0].res;
	munmap(sq, ring_bytes);
	munmap(cq, cq_bytes);
	munmap(requests, p.sq_entries * sizeof(*requests));
	close(fd);
	return result;
}

static void do_io_uring(const struct deeds *d)
{
	for (int is_worker = 0; is_worker < 2; is_worker++) {
		char *path = in_dir(d, is_worker ? "ring-worker" : "ring");
		make_file(path, "", 0600);
		struct io_uring_sqe request = {
			.opcode = IORING_OP_OPENAT,
			.fd = AT_FDCWD,
			.addr = (uintptr_t)path,
			.open_flags = O_RDWR,
			.flags = is_worker ? IOSQE_ASYNC : 0,
		};
		int fd = uring_submit(&request);
		MUST(fd < 0 ? -1 : 0);
		expect_of(d, "file.open", getpid());
		expect_file(d, path);
		if (is_worker) /* at first the kernel tries without waiting, by a flag of its own */
			expect_list(d, "file.open.flags", "\"O_RDWR\"");
		expect_str(d, "vedette.via", "io_uring");
		expect_missing(d, "event.outcome"); /* no call of its own tells */
		expect_end(d);
		close(fd);
		free(path);
	}
}

/* file.path is that of the namespace, whatever the process takes for its root. */
static void do_chroot(const struct deeds *d)
{
	char *jail = in_dir(d, "jail"), *path = in_dir(d, "jail/secret");
	MUST(mkdir(jail, 0755));
	make_file(path, "", 0600);
	pid_t child = (pid_t)MUST(fork());
	if (!child) {
		expect(d, "file.open");
		expect_file(d, path);
		MUST(chroot(jail));
		MUST(chdir("/"));
		close((int)MUST(open("/secret", O_RDONLY)));
		expect_success(d);
		_exit(0);
	}
	wait_child(child);
	free(jail);
	free(path);
}

static void do_bind_and_link(const struct deeds *d)
{
	char *real = in_dir(d, "real"), *alias = in_dir(d, "alias"), *file = in_dir(d, "real/file"), *shown = in_dir(d, "alias/file"),
	     *name = in_dir(d, "hard");
	MUST(mkdir(real, 0755));
	MUST(mkdir(alias, 0755));
	make_file(file, "", 0600);
	struct stat st;
	MUST(stat(file, &st));
	size_t mount_n = mount_length(file);
	pid_t child = (pid_t)MUST(fork());
	if (!child) {
		MUST(unshare(CLONE_NEWNS));
		MUST(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL));
		MUST(mount(real, alias, NULL, MS_BIND, NULL));
		close((int)MUST(open(shown, O_RDONLY)));
		expect(d, "file.open");
		expect_str(d, "file.path", shown);
		expect_str(d, "vedette.file.fs_path", file + mount_n); /* the alias does not hide what it is */
		expect_id(d, "file.inode", st.st_ino);
		expect_device(d, "file.device", st.st_dev);
		expect_success(d);
		_exit(0);
	}
	wait_child(child);

	MUST(link(file, name));
	close((int)MUST(open(name, O_RDONLY)));
	expect(d, "file.open");
	expect_file(d, name);
	expect_id(d, "file.inode", st.st_ino);
	expect_num(d, "vedette.file.nlink", 2);
	expect_success(d);

	int fd = (int)MUST(open(file, O_RDONLY));
	char by_fd[64];
	MUST(unlink(file));
	MUST(unlink(name));
	snprintf(by_fd, sizeof(by_fd), "/proc/self/fd/%d", fd);
	close((int)MUST(open(by_fd, O_RDWR)));
	expect(d, "file.open");
	expect_str(d, "file.path", file); /* its last name */
	expect_id(d, "file.inode", st.st_ino);
	expect_num(d, "vedette.file.nlink", 0);
	expect_list(d, "file.open.flags", "\"O_RDWR\"");
	expect_success(d);
	close(fd);
	free(real);
	free(alias);
	free(file);
	free(shown);
	free(name);
}

static void do_overlay(const struct deeds *d)
{
	char *lower = in_dir(d, "lower"), *upper = in_dir(d, "upper"), *work = in_dir(d, "work"), *merged = in_dir(d, "merged"),
	     *below = in_dir(d, "lower/file"), *shown = in_dir(d, "merged/file"), *options = NULL;
	MUST(mkdir(lower, 0755));
	MUST(mkdir(upper, 0755));
	MUST(mkdir(work, 0755));
	MUST(mkdir(merged, 0755));
	make_file(below, "content", 0644);
	size_t mount_n = mount_length(below);
	MUST(asprintf(&options, "lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work));
	if (mount("overlay", merged, "overlay", 0, options)) {
		MUST(errno == ENODEV ? 0 : -1);
		fprintf(stderr, "# overlayfs is not there: left out\n");
		return;
	}
	/* once each, though the file system opens the files of its layers on the way */
	expect(d, "file.open");
	expect_file(d, shown);
	expect_list(d, "file.open.flags", "");
	close((int)MUST(open(shown, O_RDONLY)));
	expect_success(d);
	close((int)MUST(open(shown, O_WRONLY))); /* copied up */
	expect(d, "file.open");
	expect_str(d, "file.path", shown);
	expect_str(d, "vedette.file.fs_path", "/file");
	expect_list(d, "file.open.flags", "\"O_WRONLY\"");
	expect_success(d);
	expect(d, "file.open");
	expect_str(d, "vedette.file.fs_path", below + mount_n);
	expect_list(d, "file.open.flags", "");
	expect_never(d);
	umount(merged);
	free(lower);
	free(upper);
	free(work);
	free(merged);
	free(below);
	free(shown);
	free(options);
}

/* Runs a program in a child that has written the expectation before; exec ends in status 0 or the test is void. */
static void run(const char *path, char *const argv[], int fd)
{
	if (fd >= 0)
		fexecve(fd, argv, environ);
	else
		execv(path, argv);
	perror(path);
	_exit(1);
}

static void do_exec(const struct deeds *d, const char *self)
{
	char *script = in_dir(d, "script"), *text = NULL;
	MUST(asprintf(&text, "#!%s noop\n", self));
	make_file(script, text, 0755);
	pid_t child = (pid_t)MUST(fork());
	if (!child) {
		expect(d, "process.exec");
		expect_file(d, self);
		expect_str(d, "vedette.exec.filename", script);
		expect_str(d, "vedette.exec.interpreter", self);
		expect_bool(d, "vedette.exec.script", true);
		expect_bool(d, "vedette.exec.fileless", false);
		fprintf(d->out, ",\"process.args\":[\"%s\",\"noop\",\"%s\",\"second\"]", self, script);
		expect_success(d);
		run(script, (char *[]){ "zero", "second", NULL }, -1);
	}
	wait_child(child);

	child = (pid_t)MUST(fork());
	if (!child) {
		int from = (int)MUST(open(self, O_RDONLY)), fd = (int)MUST(memfd_create("program", MFD_CLOEXEC));
		char block[65536];
		for (ssize_t n; (n = read(from, block, sizeof(block))) > 0;)
			MUST(write(fd, block, (size_t)n));
		expect(d, "process.exec");
		expect_str(d, "file.path", "memfd:program");
		expect_bool(d, "vedette.exec.fileless", true);
		expect_num(d, "vedette.file.nlink", 0);
		expect_list(d, "process.args", "\"ways\",\"noop\"");
		expect_success(d);
		run("memfd", (char *[]){ "ways", "noop", NULL }, fd);
	}
	wait_child(child);

	/* argv of exactly 32 KiB, its NULs included: a rule (events_rules.yaml) sees it whole and raises an alert */
	child = (pid_t)MUST(fork());
	if (!child) {
		enum { MANY = 512, HEAD = 4 + 5, EACH = (ARGS_BYTES - HEAD) / MANY };
		static char items[MANY][EACH + MANY + 1];
		static char *argv[MANY + 3] = { "abc", "noop" };
		size_t left = ARGS_BYTES - HEAD;
		for (size_t i = 0; i < MANY; i++) {
			size_t n = i + 1 == MANY ? left : EACH;
			memset(items[i], 'a' + (int)(i % 26), n - 1);
			left -= n;
			argv[i + 2] = items[i];
		}
		memcpy(strchr(items[MANY - 1], '\0') - 3, "END", 3);
		expect(d, "process.exec");
		expect_file(d, self);
		expect_str(d, "event.kind", "alert");
		expect_str(d, "rule.id", "whole-arguments");
		expect_str(d, "event.outcome", "success");
		expect_end(d);
		run(self, argv, -1);
	}
	wait_child(child);
	free(script);
	free(text);
}

struct thread_exec {
	const struct deeds *d;
	const char *self;
};

static void *exec_in_thread(void *context)
{
	const struct thread_exec *t = context;
	/* the kernel's open of the program, in the thread's own number; the call ends in the number of the first thread */
	expect(t->d, "file.open");
	expect_file(t->d, t->self);
	expect_bool(t->d, "file.open.exec", true);
	expect_success(t->d);
	expect_of(t->d, "process.exec", getpid());
	expect_num(t->d, "process.thread.id", getpid());
	expect_file(t->d, t->self);
	expect_success(t->d);
	run(t->self, (char *[]){ "ways", "noop", NULL }, -1);
	return NULL;
}

static void do_exec_in_thread(const struct deeds *d, const char *self)
{
	pid_t child = (pid_t)MUST(fork());
	if (!child) {
		struct thread_exec t = { d, self };
		pthread_t thread;
		MUST(pthread_create(&thread, NULL, exec_in_thread, &t) ? -1 : 0);
		for (;;)
			pause();
	}
	wait_child(child);
}

/* A chain of folders; returns a descriptor of the last, and leaves the path to it in text. */
static int make_chain(const struct deeds *d, const char *top, unsigned n, char *text, size_t size)
{
	size_t at = (size_t)snprintf(text, size, "%s/%s", d->dir, top);
	MUST(mkdir(text, 0755));
	int fd = (int)MUST(open(text, O_RDONLY | O_DIRECTORY));
	for (unsigned i = 1; i < n; i++) {
		char name[64];
		snprintf(name, sizeof(name), "folder-%03u-%.*s", i, 20, "xxxxxxxxxxxxxxxxxxxxxxxx");
		MUST(mkdirat(fd, name, 0755));
		int next = (int)MUST(openat(fd, name, O_RDONLY | O_DIRECTORY));
		close(fd);
		fd = next;
		at += (size_t)snprintf(text + at, size - at, "/%s", name);
	}
	return fd;
}

static void do_deep(const struct deeds *d)
{
	static char path[8192];
	int fd = make_chain(d, "deep", DEEP_FOLDERS - 3, path, sizeof(path)); /* the work folder and the file are components too */
	size_t n = strlen(path), left = DEEP_PATH - n - 1;
	MUST(left > 1 && left < 256 ? 0 : -1);
	path[n] = '/';
	memset(path + n + 1, 'f', left);
	path[DEEP_PATH] = '\0';
	close(fd);
	fd = (int)MUST(open(path, O_CREAT | O_RDWR, 0600));
	expect(d, "file.open");
	expect_file(d, path);
	expect_missing(d, "vedette.truncated");
	expect_bool(d, "file.open.created", true);
	expect_success(d);
	close(fd);

	/* longer than any path can be: cut at the front, and said so */
	fd = make_chain(d, "deeper", 150, path, sizeof(path));
	int leaf = (int)MUST(openat(fd, "leaf", O_CREAT | O_RDWR, 0600));
	struct stat st;
	MUST(fstat(leaf, &st));
	expect(d, "file.open");
	expect_id(d, "file.inode", st.st_ino);
	expect_list(d, "vedette.truncated", "\"file.path\",\"vedette.file.fs_path\"");
	expect_success(d);
	close(leaf);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "noop") == 0)
		return 0;
	struct deeds d = deeds_begin(argc, argv);
	char self[PATH_MAX] = "";
	MUST(readlink("/proc/self/exe", self, sizeof(self) - 1));
	umask(0);
	do_compat(&d);
	do_io_uring(&d);
	do_chroot(&d);
	do_bind_and_link(&d);
	do_overlay(&d);
	do_exec(&d, self);
	do_exec_in_thread(&d, self);
	do_deep(&d);
	return fclose(d.out) != 0;
}
