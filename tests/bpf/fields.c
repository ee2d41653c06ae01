/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deeds whose call, layer, peer, group or capabilities the fields must tell. Each is a process of its own, whose name (comm) is the
 * deed's: the test finds its line by it. usage: fields FOLDER OVERLAY
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COMPAT_OPEN = 5, COMPAT_UNLINK = 10, PORT_ONE = 4001, PORT_TWO = 4002 };

static const char *folder, *overlay;
static char low_path[64] __attribute__((section(".data"))) = ""; /* below 4 GiB: 32-bit calls take it */

static long compat_call(long number, long a, long b, long c)
{
	long result;
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
	return result;
}

static const char *below(const char *name)
{
	static char path[256];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int send_to(int fd, unsigned short port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	return sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) == 1 ? 0 : -1;
}

static int do_open(void)
{
	return syscall(SYS_open, below("open"), O_CREAT | O_WRONLY | O_TRUNC, 0600) < 0;
}

static int do_openat(void)
{
	return syscall(SYS_openat, AT_FDCWD, below("openat"), O_CREAT | O_RDWR, 0711) < 0;
}

static int do_creat(void)
{
	return syscall(SYS_creat, below("creat"), 0600) < 0;
}

static int do_compat(void)
{
	snprintf(low_path, sizeof(low_path), "%s", below("compat"));
	return compat_call(COMPAT_OPEN, (long)low_path, O_CREAT | O_WRONLY, 0600) < 0 || compat_call(COMPAT_UNLINK, (long)low_path, 0, 0) < 0;
}

static int do_fchmod(void)
{
	int fd = open(below("open"), O_RDONLY);
	return fd < 0 || syscall(SYS_fchmod, fd, 04755);
}

static int do_chmod(void)
{
	return (int)syscall(SYS_chmod, below("open"), 0640);
}

static int do_unlinkat(void)
{
	return (int)syscall(SYS_unlinkat, AT_FDCWD, below("creat"), 0);
}

static int do_peers(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	return fd < 0 || send_to(fd, PORT_ONE) || send_to(fd, PORT_ONE) || send_to(fd, PORT_TWO);
}

static int do_leader(void)
{
	return setsid() < 0 || syscall(SYS_openat, AT_FDCWD, below("openat"), O_RDONLY) < 0;
}

static int do_nocaps(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { .permitted = 1 << CAP_NET_RAW, .effective = 0 } };
	data[1].permitted = 1u << (CAP_BPF - 32);
	return syscall(SYS_capset, &header, data) || syscall(SYS_openat, AT_FDCWD, below("."), O_RDONLY) < 0;
}

static int do_setuid(void)
{
	return (int)syscall(SYS_setuid, 0);
}

static int do_raw(void)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/../%s", folder, below("openat") + 5); /* the folder is below /tmp */
	return syscall(SYS_openat, AT_FDCWD, path, O_RDONLY) < 0 || syscall(SYS_open, below("../none"), O_RDONLY) >= 0 || (errno = 0);
}

/* The images below name themselves by their file. */
static int exec_memfd(void)
{
	char *argv[] = { (char *)"fromfd", NULL }, *env[] = { NULL };
	int fd = memfd_create("hidden", MFD_CLOEXEC), self = open("/proc/self/exe", O_RDONLY);
	char block[65536];
	for (ssize_t n; (n = read(self, block, sizeof(block))) > 0;)
		if (write(fd, block, (size_t)n) != n)
			return 1;
	return (int)syscall(SYS_execveat, fd, "", argv, env, AT_EMPTY_PATH);
}

static int exec_layer(const char *name)
{
	char path[256];
	char *argv[] = { path, NULL }, *env[] = { NULL };
	snprintf(path, sizeof(path), "%s/%s", overlay, name);
	return execve(path, argv, env);
}

static int exec_low(void)
{
	return exec_layer("low");
}

static int exec_up(void)
{
	return exec_layer("up");
}

static const struct {
	const char *name;
	int (*act)(void);
} deeds[] = {
	{ "d-open", do_open }, { "d-openat", do_openat }, { "d-creat", do_creat }, { "d-compat", do_compat }, { "d-fchmod", do_fchmod },
	{ "d-chmod", do_chmod }, { "d-unlinkat", do_unlinkat }, { "d-peers", do_peers }, { "d-leader", do_leader }, { "d-nocaps", do_nocaps },
	{ "d-setuid", do_setuid }, { "d-raw", do_raw }, { "d-memfd", exec_memfd }, { "d-low", exec_low }, { "d-up", exec_up },
};

int main(int argc, char **argv)
{
	if (argc == 1)
		return 0; /* one of the images */
	if (argc != 3)
		return 2;
	folder = argv[1];
	overlay = argv[2];
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		int status = 0;
		pid_t pid = fork();
		if (pid == 0) {
			prctl(PR_SET_NAME, deeds[i].name);
			_exit(deeds[i].act() ? errno : 0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
			printf("%s failed: %s\n", deeds[i].name, strerror(WEXITSTATUS(status)));
			return 1;
		}
	}
	return 0;
}
