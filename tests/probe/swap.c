/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of verdicts are exchanged while eight threads try what both forbid and what both permit: swap FOLDER SWAPS. In FOLDER: bad/file,
 * bad/program, good/file, good/program, own. Prints TAP. Needs root and a kernel with BPF LSM: for guests.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf/policy_abi.h"
#include "engine/base/clock.h"
#include "engine/base/num.h"
#include "engine/enforce/tables.h"
#include "engine/probe/sensor.h"
#include "engine/probe/verdicts.h"

enum { THREADS = 8, EXEC_EVERY = 64, POLICIES = 2 };

/* What the threads found, shared with the process that exchanges the tables. */
struct tally {
	atomic_bool is_over;
	atomic_ulong denied, let_through, permitted, refused, failed;
};

struct attempts {
	char bad_file[256], bad_program[256], good_file[256], good_program[256], own[256];
	struct tally *tally;
};

/* --- those who try ------------------------------------------------------------------------------------------------------------- */

/* error: 0, or the errno of the attempt. */
static void count(struct tally *t, bool is_forbidden, int error)
{
	if (error && error != EPERM)
		atomic_fetch_add(&t->failed, 1);
	else if (is_forbidden)
		atomic_fetch_add(error ? &t->denied : &t->let_through, 1);
	else
		atomic_fetch_add(error ? &t->refused : &t->permitted, 1);
}

static int try_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error = fd < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	return error;
}

static int try_connect(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), error = connect(fd, (struct sockaddr *)&to, sizeof(to)) ? errno : 0;
	close(fd);
	return error;
}

static int try_exec(char *path)
{
	char *const argv[] = { path, NULL }, *const envp[] = { NULL };
	pid_t pid;
	int error = posix_spawn(&pid, path, NULL, NULL, argv, envp), status;
	if (!error)
		(void)waitpid(pid, &status, 0);
	return error;
}

static void *try_all(void *context)
{
	struct attempts *a = context;
	for (unsigned long i = 0; !atomic_load(&a->tally->is_over); i++) {
		count(a->tally, true, try_open(a->bad_file));
		count(a->tally, false, try_open(a->good_file));
		count(a->tally, false, try_open(a->own));
		count(a->tally, true, try_connect(99));
		count(a->tally, false, try_connect(98));
		if (i % EXEC_EVERY == 0) {
			count(a->tally, true, try_exec(a->bad_program));
			count(a->tally, false, try_exec(a->good_program));
		}
	}
	return NULL;
}

static void child_main(struct attempts *a, int go)
{
	pthread_t threads[THREADS];
	char c;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* who exchanges may fail */
	if (read(go, &c, 1) != 1)
		_exit(2);
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, try_all, a))
			_exit(2);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

/* --- the tables ------------------------------------------------------------------------------------------------------------------ */

static int fail(const char *what, struct diag *diag)
{
	printf("not ok - %s: %s\n", what, diag->n ? diag->messages[0].text : strerror(errno));
	exit(1);
}

/* Both forbid the same; the second has rules before and behind it, so that no number stays what it was. */
static void rules_text(const char *folder, bool is_second, struct buf *out)
{
	for (int i = 0; is_second && i < 70; i++)
		buf_add_format(out, "- {rule: more%d, event: file.open, when: 'file.path startswith /nowhere/%d/ and user.id = %d', severity: low, action: block}\n",
			       i, i, i);
	buf_add_format(out, "- {rule: files, event: file.open, when: 'file.path startswith %s/bad/', severity: low, action: block}\n", folder);
	buf_add_format(out, "- {rule: own, event: file.open, when: 'file.path = %s/own and not process.executable = /tmp/probe_swap', severity: low, action: block}\n",
		       folder);
	buf_add_format(out, "- {rule: programs, event: process.exec, when: 'process.executable startswith %s/bad/', severity: low, action: block}\n", folder);
	buf_add_z(out, "- {rule: ends, event: network.connect, when: 'destination.ip in (127.0.0.0/24) and destination.port = 99', severity: low, action: block}\n");
	for (int i = 0; is_second && i < 70; i++)
		buf_add_format(out, "- {rule: other%d, event: network.connect, when: 'destination.port = %d', severity: low, action: block}\n", i, 2000 + i);
}

static void compile(const char *folder, bool is_second, struct verdict_policy *ret)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct diag diag = { 0 };
	struct ruleset *set = NULL;
	struct mounts *mounts = NULL;
	rules_text(folder, is_second, &text);
	if (ruleset_load_text("rules", buf_sv(&text), &set, &diag) || mounts_load("/proc/self/mountinfo", &mounts, &diag))
		fail("rules", &diag);
	struct verdict_world world = { .mounts = mounts, .generation = 1 };
	if (verdict_compile(set, &world, ret, &diag))
		fail("tables", &diag);
	mounts_free(&mounts);
	ruleset_free(&set);
}

static void put(struct sensor *s, const struct verdict_policy *p, uint32_t generation)
{
	struct diag diag = { 0 };
	if (sensor_set_verdicts(s, &p->tables, generation, &diag))
		fail("tables are put in force", &diag);
}

static void swap(struct sensor *s, const struct verdict_policy *policies, unsigned long swaps)
{
	for (unsigned long i = 0; i < swaps; i++)
		put(s, &policies[(i + 1) % POLICIES], 1 + (uint32_t)(i % 1000));
}

/* Until more of what is forbidden was denied. */
static void await_attempts(const struct tally *t, unsigned long more)
{
	unsigned long until = atomic_load(&t->denied) + more;
	while (atomic_load(&t->denied) < until && !atomic_load(&t->let_through))
		usleep(10000);
}

static struct sensor *open_sensor(void)
{
	struct diag diag = { 0 };
	struct sensor *s = NULL;
	struct sensor_options o = {
		.wanted = SENSOR_LSM,
		.enforce = true,
		.events = 1ull << EVENT_PROC_EXEC,
		.decided_events = 1ull << EVENT_FILE_OPEN | 1ull << EVENT_NET_CONNECT | 1ull << EVENT_PROC_EXEC | 1ull << EVENT_FILE_RENAME |
				  1ull << EVENT_FILE_MOUNT,
		.ring_priority_bytes = 65536,
		.ring_bulk_bytes = 65536,
		.max_processes = 4096,
	};
	if (sensor_open(&o, &s, &diag))
		fail("the sensor opens", &diag);
	return s;
}

static void tell(const char *what, bool is_good, unsigned long n)
{
	printf("%s - %s (%lu)\n", is_good ? "ok" : "not ok", what, n);
}

int main(int argc, char **argv)
{
	uint64_t swaps;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return 0; /* the sensor's self-test */
	if (argc != 3 || num_parse_u64(sv_from(argv[2]), 1000000, &swaps))
		return 2;
	struct verdict_policy policies[POLICIES] = { 0 };
	for (int i = 0; i < POLICIES; i++)
		compile(argv[1], i, &policies[i]);
	struct attempts a = { .tally = mmap(NULL, sizeof(struct tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) };
	snprintf(a.bad_file, sizeof(a.bad_file), "%s/bad/file", argv[1]);
	snprintf(a.bad_program, sizeof(a.bad_program), "%s/bad/program", argv[1]);
	snprintf(a.good_file, sizeof(a.good_file), "%s/good/file", argv[1]);
	snprintf(a.good_program, sizeof(a.good_program), "%s/good/program", argv[1]);
	snprintf(a.own, sizeof(a.own), "%s/own", argv[1]);
	struct sensor *s = open_sensor();
	int go[2];
	if (a.tally == MAP_FAILED || pipe2(go, O_CLOEXEC))
		return 2;
	pid_t pid = fork();
	if (pid == 0)
		child_main(&a, go[0]);
	sensor_scope_tree(s);
	put(s, &policies[0], 1);
	if (sensor_label(s, (uint32_t)pid, 1, 1) || write(go[1], "x", 1) != 1)
		return 2;
	await_attempts(a.tally, THREADS);
	uint64_t began = clock_ns(CLOCK_MONOTONIC);
	swap(s, policies, swaps);
	printf("# %lu exchanges in %lu ms\n", (unsigned long)swaps, (unsigned long)((clock_ns(CLOCK_MONOTONIC) - began) / 1000000));
	await_attempts(a.tally, THREADS);
	atomic_store(&a.tally->is_over, true);
	int status = 0;
	waitpid(pid, &status, 0);
	tell("those who tried ended well", status == 0, (unsigned long)status);
	tell("forbidden and denied", a.tally->denied > swaps, a.tally->denied);
	tell("nothing forbidden was let through", a.tally->let_through == 0, a.tally->let_through);
	tell("permitted and done", a.tally->permitted > swaps, a.tally->permitted);
	tell("nothing permitted was refused", a.tally->refused == 0, a.tally->refused);
	tell("nothing failed for another reason", a.tally->failed == 0, a.tally->failed);
	sensor_close(&s);
	for (int i = 0; i < POLICIES; i++)
		verdict_policy_done(&policies[i]);
	return 0;
}
