/* SPDX-License-Identifier: Apache-2.0 */
/*
 * More events at once than the sensor may be able to deliver, from tasks that preempt each other on every CPU: each worker opens a file
 * whose path consists of its own letter, and changes its mode. A record made of parts of two would show at once.
 */
#include "expect.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>

enum { WORKERS_EACH = 3, ROUNDS = 1200, NAME_BYTES = 250 };

/* A path of up to 15 folders of the worker's letter: long and short ones beside each other. */
static char *worker_path(const struct deeds *d, unsigned worker)
{
	char *path = NULL, name[NAME_BYTES + 1];
	size_t n = 1 + worker * 40 % NAME_BYTES;
	memset(name, 'a' + (int)worker, n);
	name[n] = '\0';
	MUST(asprintf(&path, "%s/%s", d->dir, name));
	MUST(mkdir(path, 0755));
	for (unsigned i = 0; i < worker * 2 % 15; i++) {
		char *next = NULL;
		MUST(asprintf(&next, "%s/%s", path, name));
		free(path);
		path = next;
		MUST(mkdir(path, 0755));
	}
	char *file = NULL;
	MUST(asprintf(&file, "%s/%s", path, name));
	free(path);
	return file;
}

static void work(const struct deeds *d, unsigned worker, unsigned cpu)
{
	char *path = worker_path(d, worker), name[16];
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	MUST(sched_setaffinity(0, sizeof(set), &set));
	snprintf(name, sizeof(name), "worker-%c", 'a' + (char)worker);
	MUST(prctl(PR_SET_NAME, name));
	make_file(path, "", 0600);
	fprintf(d->out, "{\"pid\":%d,\"name\":\"%s\",\"path\":\"%s\",\"rounds\":%d}\n", getpid(), name, path, ROUNDS);
	fflush(d->out);
	for (unsigned i = 0; i < ROUNDS; i++) {
		close((int)MUST(open(path, O_RDWR)));
		MUST(chmod(path, i & 0777));
	}
}

int main(int argc, char **argv)
{
	struct deeds d = deeds_begin(argc, argv);
	unsigned n = (unsigned)sysconf(_SC_NPROCESSORS_ONLN) * WORKERS_EACH;
	umask(0);
	for (unsigned i = 0; i < n; i++) {
		if (!MUST(fork())) {
			work(&d, i, i / WORKERS_EACH);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < n; i++) {
		int status = 0;
		MUST(wait(&status));
		if (status)
			return 1;
	}
	return fclose(d.out) != 0;
}
