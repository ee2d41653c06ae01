/* SPDX-License-Identifier: Apache-2.0 */
/* Proof by deed that the attached programs run. The canary is this program itself, asked for its version. */
#include "engine/probe/canary.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/fd.h"

enum { CANARY_RAN = 0, CANARY_DENIED = 77, CANARY_FAILED = 78 };

/* The child: waits for the word, then executes this program with an argument that makes it end at once. */
static void canary_child(int wait_fd)
{
	char c;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 || read(wait_fd, &c, 1) != 1)
		_exit(CANARY_FAILED);
	char *const argv[] = { "vedette", "--version", NULL };
	char *const envp[] = { NULL };
	execve("/proc/self/exe", argv, envp);
	_exit(errno == EPERM ? CANARY_DENIED : CANARY_FAILED);
}

/* Runs one child; deny: the exec program is told to refuse it. Returns its exit status or -errno. */
static int canary_once(struct sensor *s, struct sensor_config *config, bool deny)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	CLEANUP(fd_close) int read_end = ends[0];
	CLEANUP(fd_close) int write_end = ends[1];
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		close(write_end); /* or the child would wait for itself when this process dies */
		canary_child(read_end);
	}
	int err = sensor_label(s, (uint32_t)pid, 1, 1);
	__atomic_store_n(&config->canary_pid, deny ? (uint32_t)pid : 0, __ATOMIC_SEQ_CST);
	if (err || write(write_end, "x", 1) != 1)
		kill(pid, SIGKILL);
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	__atomic_store_n(&config->canary_pid, 0, __ATOMIC_SEQ_CST);
	if (err)
		return err;
	return WIFEXITED(status) ? WEXITSTATUS(status) : CANARY_FAILED;
}

int canary_run(struct sensor *s, struct sensor_config *config, struct canary_result *ret, struct diag *diag)
{
	struct event_counters before, after;
	*ret = (struct canary_result){ 0 };
	int err = sensor_get_counters(s, EVENT_PROC_EXEC, -1, &before);
	if (err)
		return err;
	uint64_t wanted = config->wanted;
	config->wanted = 1ull << EVENT_PROC_EXEC;
	int status = canary_once(s, config, false);
	config->wanted = wanted;
	if (status == CANARY_RAN)
		err = sensor_get_counters(s, EVENT_PROC_EXEC, -1, &after);
	if (err || status != CANARY_RAN) {
		diag_error(diag, (struct place){ 0 }, "self-test: the canary process did not run (status %d)", status);
		return err ? err : -EIO;
	}
	ret->is_seen = after.produced > before.produced;
	if (config->sensor == SENSOR_LSM)
		ret->is_denied = canary_once(s, config, true) == CANARY_DENIED;
	return 0;
}
