/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cost of one operation, for a guest that counts instructions as nanoseconds. Prints, for open, open_new (each file for the first time), connect
 * and exec, the best of several
 * rounds in nanoseconds an operation. Runs with real-time priority, so that a consumer on the same processor does not run within a round.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 6, OPERATIONS = 600, EXECS = 60 };

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void do_open(void)
{
	int fd = open("/tmp/a/b/c/file", O_RDONLY);
	if (fd < 0)
		fail("open");
	close(fd);
}

static void make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0644);
	if (fd < 0)
		fail("create");
	close(fd);
}

static void name_of(char name[static 64], int i)
{
	snprintf(name, 64, "/tmp/a/b/c/f%05d", i);
}

/* The rename makes whatever was remembered of paths out of date. */
static void make_new_files(void)
{
	char name[64];
	for (int i = 0; i < ROUNDS * OPERATIONS; i++) {
		name_of(name, i);
		make(name);
	}
	make("/tmp/before");
	if (rename("/tmp/before", "/tmp/after"))
		fail("rename");
}

/* Each call another file; snprintf would be a third of what is measured. */
static void do_open_new(void)
{
	static int next = 0;
	char name[] = "/tmp/a/b/c/f00000";
	for (int n = next++, i = (int)sizeof(name) - 2; n; n /= 10)
		name[i--] = (char)('0' + n % 10);
	int fd = open(name, O_RDONLY);
	if (fd < 0)
		fail("open");
	close(fd);
}

static void do_connect(void)
{
	static int fd = -1;
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	if (fd < 0)
		fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		fail("connect");
}

static void do_exec(void)
{
	char *const argv[] = { "bench_ops", "end", NULL };
	char *const envp[] = { NULL };
	pid_t pid = vfork();
	if (pid == 0) {
		execve("/proc/self/exe", argv, envp);
		_exit(1);
	}
	int status;
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		fail("exec");
}

static void rest(void)
{
	struct timespec pause = { 0, 200000000 };
	nanosleep(&pause, NULL); /* the consumer empties the ring */
}

static uint64_t measure(void (*operation)(void), int n)
{
	uint64_t best = UINT64_MAX;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t from = now_ns();
		for (int i = 0; i < n; i++)
			operation();
		uint64_t each = (now_ns() - from) / (uint64_t)n;
		if (each < best)
			best = each;
		rest();
	}
	return best;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "end") == 0)
		return 0;
	struct sched_param p = { .sched_priority = 10 };
	if (sched_setscheduler(0, SCHED_FIFO, &p))
		fail("sched_setscheduler");
	mkdir("/tmp/a", 0755);
	mkdir("/tmp/a/b", 0755);
	mkdir("/tmp/a/b/c", 0755);
	make("/tmp/a/b/c/file");
	make_new_files();
	rest();
	printf("open_new %llu\n", (unsigned long long)measure(do_open_new, OPERATIONS));
	printf("open %llu\n", (unsigned long long)measure(do_open, OPERATIONS));
	printf("connect %llu\n", (unsigned long long)measure(do_connect, OPERATIONS));
	printf("exec %llu\n", (unsigned long long)measure(do_exec, EXECS));
	return 0;
}
