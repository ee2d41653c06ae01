/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a whole piece of work takes, for a guest that counts instructions as nanoseconds and has one processor, so that what a daemon does
 * meanwhile counts, too. Prints the best of several rounds.
 * usage: workload churn FOLDER FILES | workload run COMMAND ARGUMENT...
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 3 };

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

/* Each file is created, written, read by another descriptor, renamed and removed. */
static void churn(char **a)
{
	int n = (int)strtoul(a[1], NULL, 10);
	for (int i = 0; i < n; i++) {
		char name[256], moved[256], data[64] = "a line";
		snprintf(name, sizeof(name), "%s/file%d", a[0], i);
		snprintf(moved, sizeof(moved), "%s/moved%d", a[0], i);
		int out = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
		if (out < 0 || write(out, data, sizeof(data)) != sizeof(data) || close(out))
			fail(name);
		int in = open(name, O_RDONLY);
		if (in < 0 || read(in, data, sizeof(data)) != sizeof(data) || close(in) || rename(name, moved) || unlink(moved))
			fail(name);
	}
}

static void run(char **a)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		execvp(a[0], a);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		fail(a[0]);
}

int main(int argc, char **argv)
{
	if (argc < 3 || (strcmp(argv[1], "churn") == 0 && argc != 4)) {
		fprintf(stderr, "usage: workload churn FOLDER FILES | workload run COMMAND ARGUMENT...\n");
		return 2;
	}
	uint64_t best = UINT64_MAX;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t from = now_ns();
		if (strcmp(argv[1], "churn") == 0)
			churn(argv + 2);
		else
			run(argv + 2);
		uint64_t took = now_ns() - from;
		best = took < best ? took : best;
	}
	printf("%llu\n", (unsigned long long)best);
	return 0;
}
