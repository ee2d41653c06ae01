/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many threads of one user, who all ask for decisions, and what becomes of the others: crowd THREADS SECONDS FILE PROGRAM [ARGUMENT].
 * Root and a third user open FILE and start PROGRAM all the while. Prints "root", "others" and "crowd", each with how often it was tried and how
 * often that was refused or ended by a signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STACK = 65536, CROWD = 1000, OTHERS = 65534 };

struct counts {
	atomic_long tried, failed;
};

struct shared {
	atomic_bool is_over;
	const char *file;
	char **program;
	struct counts root, others, crowd;
};

static void count(struct counts *c, bool is_failed)
{
	atomic_fetch_add(&c->tried, 1);
	atomic_fetch_add(&c->failed, is_failed);
}

static bool is_refused(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == EPERM;
}

static bool is_stopped(char **program)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		execv(program[0], program);
		_exit(1);
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

static void *one_of_many(void *context)
{
	struct shared *s = context;
	while (!atomic_load(&s->is_over))
		count(&s->crowd, is_refused(s->file));
	return NULL;
}

static void crowd(struct shared *s, long n)
{
	pthread_attr_t attributes;
	pthread_t thread;
	if (setuid(CROWD) || pthread_attr_init(&attributes) || pthread_attr_setstacksize(&attributes, STACK))
		_exit(2);
	for (long i = 0; i < n; i++)
		if (pthread_create(&thread, &attributes, one_of_many, s))
			break;
	while (!atomic_load(&s->is_over))
		usleep(100000);
	_exit(0);
}

static void bystander(struct shared *s, struct counts *c, unsigned user)
{
	if (setuid(user))
		_exit(2);
	for (long i = 0; !atomic_load(&s->is_over); i++)
		count(c, i % 16 ? is_refused(s->file) : is_stopped(s->program));
	_exit(0);
}

int main(int argc, char **argv)
{
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (argc < 5 || s == MAP_FAILED)
		return 2;
	s->file = argv[3];
	s->program = argv + 4;
	if (fork() == 0)
		crowd(s, atol(argv[1]));
	if (fork() == 0)
		bystander(s, &s->root, 0);
	if (fork() == 0)
		bystander(s, &s->others, OTHERS);
	sleep((unsigned)atol(argv[2]));
	atomic_store(&s->is_over, true);
	while (wait(NULL) > 0)
		;
	printf("root %ld %ld others %ld %ld crowd %ld %ld\n", atomic_load(&s->root.tried), atomic_load(&s->root.failed),
	       atomic_load(&s->others.tried), atomic_load(&s->others.failed), atomic_load(&s->crowd.tried), atomic_load(&s->crowd.failed));
	return 0;
}
