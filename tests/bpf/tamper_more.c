/* SPDX-License-Identifier: Apache-2.0 */
/* Ways to a protected daemon that show no error to whoever takes them: it must live on. Prints TAP lines. tamper_more PID */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
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

int main(int argc, char **argv)
{
	if (argc != 2)
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
	return !is_twin_dead || !is_alive;
}
