/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread opens a file again and again, another puts a second file on the same descriptor, or closes it, in between: what
 * a process can do to hide from tracepoint mode. usage: exchange FOLDER TIMES. Prints the thread that opens.
 */
#include "expect.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

enum { DESCRIPTOR = 3 };

struct shared {
	int other; /* a descriptor of the second file */
	atomic_bool stops;
};

static void *exchange(void *context)
{
	struct shared *s = context;
	while (!atomic_load(&s->stops)) {
		(void)!dup2(s->other, DESCRIPTOR);
		close(DESCRIPTOR);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: %s FOLDER TIMES\n", argv[0]);
		return 2;
	}
	struct deeds d = { .dir = argv[1] };
	char *right = in_dir(&d, "right"), *wrong = in_dir(&d, "another");
	long times = strtol(argv[2], NULL, 10);
	make_file(right, "", 0600);
	make_file(wrong, "", 0600);
	int fd = (int)MUST(open(wrong, O_RDONLY | O_CLOEXEC));
	struct shared s = { .other = (int)MUST(fcntl(fd, F_DUPFD_CLOEXEC, 20)) };
	close(fd);
	pthread_t thread;
	if (pthread_create(&thread, NULL, exchange, &s))
		return 1;
	for (long i = 0; i < times; i++) {
		fd = open(right, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		close(fd);
	}
	atomic_store(&s.stops, true);
	pthread_join(thread, NULL);
	printf("%d\n", gettid());
	free(right);
	free(wrong);
	return 0;
}
