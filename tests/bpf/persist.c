/* SPDX-License-Identifier: Apache-2.0 */
/*
 * persist STOP REPORT KIND...   tries what is forbidden and what is permitted, again and again, until the file STOP appears
 * Kinds: exec (/tmp/bad/x, and /tmp/good/x), open (/tmp/secret/x, and /tmp/open/x), connect (127.0.0.9:99 by UDP, and 127.0.0.1:99). While the file
 * REPORT.on is there, what is forbidden must be refused; what is permitted must never be. Prints for each kind: forbidden acts that were
 * refused, that were not, permitted acts that were done, that failed; each counted only when REPORT.on was there before and after.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* 0 done, 1 refused, 2 failed otherwise */
static int result(long r)
{
	return r >= 0 ? 0 : errno == EPERM ? 1 : 2;
}

static int try_exec(const char *program)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		execl(program, program, (char *)NULL);
		_exit(errno == EPERM ? 99 : 98);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 2;
	return WEXITSTATUS(status) == 99 ? 1 : WEXITSTATUS(status) == 98 ? 2 : 0;
}

static int try_open(const char *path)
{
	int fd = open(path, O_RDONLY), r = result(fd);
	if (fd >= 0)
		close(fd);
	return r;
}

static int try_connect(const char *address)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(99) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	inet_pton(AF_INET, address, &to.sin_addr);
	int r = fd < 0 ? 2 : result(connect(fd, (struct sockaddr *)&to, sizeof(to)));
	if (fd >= 0)
		close(fd);
	return r;
}

static const struct {
	const char *kind, *forbidden, *permitted;
	int (*attempt)(const char *object);
} kinds[] = {
	{ "exec", "/tmp/bad/x", "/tmp/good/x", try_exec },
	{ "open", "/tmp/secret/x", "/tmp/open/x", try_open },
	{ "connect", "127.0.0.9", "127.0.0.1", try_connect },
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

struct counts {
	unsigned refused, passed, done, failed;
};

static void attempt(int kind, const char *on, struct counts *c)
{
	int was_on = access(on, F_OK) == 0, forbidden = kinds[kind].attempt(kinds[kind].forbidden);
	int permitted = kinds[kind].attempt(kinds[kind].permitted), is_on = was_on && access(on, F_OK) == 0;
	c->refused += is_on && forbidden == 1;
	c->passed += is_on && forbidden != 1;
	c->done += permitted == 0;
	c->failed += permitted != 0;
}

int main(int argc, char **argv)
{
	struct counts all[KINDS] = { 0 };
	char on[256];
	if (argc < 4)
		return 2;
	snprintf(on, sizeof(on), "%s.on", argv[2]);
	while (access(argv[1], F_OK)) {
		for (int i = 3; i < argc; i++)
			for (int k = 0; k < KINDS; k++)
				if (strcmp(argv[i], kinds[k].kind) == 0)
					attempt(k, on, &all[k]);
		usleep(15000);
	}
	for (int k = 0; k < KINDS; k++)
		if (all[k].done + all[k].failed)
			printf("%s %u %u %u %u\n", kinds[k].kind, all[k].refused, all[k].passed, all[k].done, all[k].failed);
	return 0;
}
