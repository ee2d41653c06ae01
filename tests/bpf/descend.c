/* SPDX-License-Identifier: Apache-2.0 */
/*
 * descend sleep N                  N children that sleep; ends when all are there
 * descend try STOP PROGRAM VIA     until the file STOP appears: a child executes VIA, which executes PROGRAM, and both are copies of this program.
 *                                  Prints how many got there, were refused (EPERM), and failed otherwise.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARRIVED = 2, FAILED = 97, REFUSED = 98 };

static int go(const char *program, const char *what, const char *next)
{
	execl(program, program, what, next, (char *)NULL);
	return errno == EPERM ? REFUSED : FAILED;
}

static int sleepers(long n)
{
	signal(SIGHUP, SIG_IGN);
	while (n-- > 0) {
		pid_t pid = fork();
		if (pid < 0)
			return 1;
		if (pid == 0) {
			pause();
			_exit(0);
		}
	}
	return 0;
}

static int try(const char *stop, const char *program, const char *via)
{
	unsigned long ran = 0, refused = 0, failed = 0;
	while (access(stop, F_OK)) {
		int status = 0;
		pid_t pid = fork();
		if (pid == 0)
			_exit(go(via, "on", program));
		if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
			failed++;
		else if (WEXITSTATUS(status) == ARRIVED)
			ran++;
		else if (WEXITSTATUS(status) == REFUSED)
			refused++;
		else
			failed++;
	}
	printf("%lu %lu %lu\n", ran, refused, failed);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "sleep") == 0)
		return sleepers(strtol(argv[2], NULL, 10));
	if (argc == 5 && strcmp(argv[1], "try") == 0)
		return try(argv[2], argv[3], argv[4]);
	if (argc == 3 && strcmp(argv[1], "on") == 0)
		return go(argv[2], "end", "");
	return argc == 3 && strcmp(argv[1], "end") == 0 ? ARRIVED : 1;
}
