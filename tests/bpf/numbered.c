/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deeds that can be counted, until a file called STOP appears:
 *   numbered open FOLDER PAUSE_US STOP   opens FOLDER/0, FOLDER/1, ... once each; prints how many
 *   numbered exec PROGRAM PAUSE_US STOP  tries to start PROGRAM; prints how often it was refused, and how often not
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_all(const char *folder, useconds_t pause, const char *stop)
{
	unsigned n = 0;
	for (; access(stop, F_OK); n++) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%u", folder, n);
		int fd = open(path, O_CREAT | O_WRONLY, 0600);
		if (fd < 0 || close(fd) || unlink(path)) {
			perror(path);
			return 1;
		}
		usleep(pause);
	}
	printf("%u\n", n);
	return 0;
}

static int exec_all(const char *program, useconds_t pause, const char *stop)
{
	unsigned refused = 0, ran = 0;
	while (access(stop, F_OK)) {
		int status = 0;
		pid_t pid = fork();
		if (pid == 0) {
			execl(program, program, (char *)NULL);
			_exit(errno == EPERM ? 99 : 98);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			return 1;
		refused += WIFEXITED(status) && WEXITSTATUS(status) == 99;
		ran += !WIFEXITED(status) || WEXITSTATUS(status) != 99;
		usleep(pause);
	}
	printf("%u %u\n", refused, ran);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	useconds_t pause = (useconds_t)strtoul(argv[3], NULL, 10);
	return strcmp(argv[1], "open") == 0 ? open_all(argv[2], pause, argv[4]) : exec_all(argv[2], pause, argv[4]);
}
