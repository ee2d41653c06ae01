/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forks N OWN FORBIDDEN: N children, four at a time, each of which opens OWN, which only children of this program may: who has lost its label is
 * not taken for one. Every 16th tries FORBIDDEN too, which none of them may. Prints "ok" or what went wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AT_ONCE = 4, FORBIDDEN_EVERY = 16, LOST = 1, PASSED = 2 };

static int child(const char *own, const char *forbidden)
{
	int result = open(own, O_RDONLY) < 0 ? LOST : 0;
	if (forbidden && (open(forbidden, O_RDONLY) >= 0 || errno != EPERM))
		result |= PASSED;
	return result;
}

int main(int argc, char **argv)
{
	long n = argc == 4 ? strtol(argv[1], NULL, 10) : 0, failed = 0, lost = 0, passed = 0, running = 0;
	if (n < 1)
		return 2;
	for (long i = 0; i < n || running;) {
		int status;
		if (i < n && running < AT_ONCE) {
			pid_t pid = fork();
			if (pid == 0)
				_exit(child(argv[2], i % FORBIDDEN_EVERY ? NULL : argv[3]));
			failed += pid < 0;
			running += pid > 0;
			i++;
		} else if (wait(&status) > 0) {
			failed += !WIFEXITED(status);
			lost += WIFEXITED(status) && (WEXITSTATUS(status) & LOST);
			passed += WIFEXITED(status) && (WEXITSTATUS(status) & PASSED);
			running--;
		}
	}
	if (failed || lost || passed)
		printf("of %ld: %ld failed, %ld lost their label, %ld did what is forbidden\n", n, failed, lost, passed);
	else
		printf("ok\n");
	return failed || lost || passed;
}
