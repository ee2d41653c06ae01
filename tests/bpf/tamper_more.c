/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is tried against a protected daemon without a hook that refuses it: it must live on, and its log be written. Prints TAP lines.
 *
 *   tamper_more PID FOLDER TWIN
 * FOLDER: the mount that the log is on; TWIN: one without open files.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Any signal, sent by the kernel for a descriptor: the hook of kill does not see it. */
static void by_descriptor(pid_t pid)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return;
	fcntl(ends[0], F_SETOWN, pid);
	fcntl(ends[0], F_SETSIG, SIGKILL);
	fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK);
	(void)!write(ends[1], "x", 1);
	close(ends[0]);
	close(ends[1]);
}

/* A child that can be waited for says whether it lives. */
static int dies(pid_t child)
{
	for (int i = 0; i < 50; i++) {
		if (waitpid(child, NULL, WNOHANG) == child)
			return 1;
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	}
	return 0;
}

static int lives(pid_t pid)
{
	char path[64], state = 'X';
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	nanosleep(&(struct timespec){ 0, 300000000 }, NULL);
	FILE *f = fopen(path, "re");
	int n = f ? fscanf(f, "%*d (%*[^)]) %c", &state) : 0;
	if (f)
		fclose(f);
	return n == 1 && strchr("RSD", state);
}

/* --- read-only: the kernel itself refuses it while a file is open for writing ----------------------------------------------------- */

enum { OLD_REMOUNT = 0x20, OLD_READ_ONLY = 1, OLD_BIND = 0x1000 };

static long old_mount(const char *folder, unsigned long flags, const char *options)
{
	return syscall(SYS_mount, "none", folder, NULL, OLD_REMOUNT | flags, options);
}

static long ro_flag(const char *folder) { return old_mount(folder, OLD_READ_ONLY, NULL); }
static long ro_option(const char *folder) { return old_mount(folder, 0, "ro"); }
static long ro_mount(const char *folder) { return old_mount(folder, OLD_BIND | OLD_READ_ONLY, NULL); }

static long ro_attribute(const char *folder)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };
	return syscall(SYS_mount_setattr, AT_FDCWD, folder, 0, &attr, sizeof(attr));
}

static long ro_reconfigured(const char *folder)
{
	int fs = (int)syscall(SYS_fspick, AT_FDCWD, folder, 0);
	long r = fs < 0 ? -1 : syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, "ro", NULL, 0);
	if (r == 0)
		r = syscall(SYS_fsconfig, fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
	int keep = errno;
	close(fs);
	errno = keep;
	return r;
}

static void make_writable(const char *folder)
{
	struct mount_attr attr = { .attr_clr = MOUNT_ATTR_RDONLY };
	syscall(SYS_mount_setattr, AT_FDCWD, folder, 0, &attr, sizeof(attr));
	old_mount(folder, 0, NULL);
}

/* The number of faults. */
static int read_only(const char *folder, const char *twin)
{
	static const struct {
		const char *what;
		long (*make)(const char *folder);
	} ways[] = {
		{ "mount, by its flag", ro_flag }, { "mount, by an option", ro_option }, { "mount, the mount alone", ro_mount },
		{ "mount_setattr", ro_attribute }, { "fsconfig", ro_reconfigured },
	};
	int faults = 0;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		bool is_refused = ways[i].make(folder) < 0, is_done = ways[i].make(twin) == 0;
		make_writable(folder);
		make_writable(twin);
		printf("%sok - read-only by %s: refused where the log is\n", is_refused ? "" : "not ", ways[i].what);
		printf("%sok - read-only by %s: done to the twin\n", is_done ? "" : "not ", ways[i].what);
		faults += !is_refused + !is_done;
	}
	return faults;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	pid_t pid = (pid_t)atol(argv[1]), twin = fork();
	if (twin == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	by_descriptor(twin);
	int is_twin_dead = dies(twin);
	printf("%sok - SIGKILL by F_SETSIG: the twin dies\n", is_twin_dead ? "" : "not ");
	by_descriptor(pid);
	int is_alive = lives(pid);
	printf("%sok - SIGKILL by F_SETSIG: refused\n", is_alive ? "" : "not ");
	return read_only(argv[2], argv[3]) || !is_twin_dead || !is_alive;
}
