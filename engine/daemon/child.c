/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/enrich/procfs.h"

void child_done(struct child *c)
{
	fd_close(&c->go_fd);
	fd_close(&c->error_fd);
}

void child_kill(struct child *c)
{
	kill(c->pid, SIGKILL);
	(void)waitpid(c->pid, NULL, 0); /* ours, and killed: it ends */
}

_Noreturn static void child_main(int go_fd, int error_fd, char **argv, const sigset_t *mask)
{
	char c;
	signal(SIGPIPE, SIG_DFL); /* ours is ignored, and exec would pass that on */
	sigprocmask(SIG_SETMASK, mask, NULL);
	if (read(go_fd, &c, 1) != 1)
		_exit(EXIT_VEDETTE);
	execvp(argv[0], argv);
	int error = errno;
	IGNORE(fd_write_all(error_fd, &error, sizeof(error))); /* the parent reads end of file then, and takes the status below */
	_exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

int child_start(char **argv, const sigset_t *mask, struct child *ret)
{
	int go[2], error[2];
	if (pipe2(go, O_CLOEXEC))
		return -errno;
	CLEANUP(fd_close) int go_read = go[0];
	CLEANUP(fd_close) int go_write = go[1];
	if (pipe2(error, O_CLOEXEC))
		return -errno;
	CLEANUP(fd_close) int error_read = error[0];
	CLEANUP(fd_close) int error_write = error[1];
	pid_t pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		close(go_write);
		close(error_read);
		child_main(go_read, error_write, argv, mask);
	}
	*ret = (struct child){ pid, TAKE_FD(go_write), TAKE_FD(error_read) };
	return 0;
}

/* The identity that a process older than the sensor has, as the process table computes it from /proc. */
static uint64_t identity_of(int proc_fd, uint32_t pid, uint32_t *ret_ppid)
{
	struct procfs_process p;
	if (procfs_read_stat(proc_fd, pid, &p))
		return 0;
	*ret_ppid = p.ppid;
	return id_snapshot(pid, p.start_ticks);
}

/* Puts the child in scope; it waits, so it has not forked yet. */
static int child_label(struct watch *w, pid_t pid)
{
	CLEANUP(fd_close) int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint32_t parent = 0, grandparent = 0;
	uint64_t id = identity_of(proc, (uint32_t)pid, &parent);
	if (!id)
		return -ESRCH;
	sensor_scope_tree(watch_sensor(w));
	return sensor_label(watch_sensor(w), (uint32_t)pid, id, identity_of(proc, parent, &grandparent));
}

/* Labels the child and lets it start. */
int child_go(struct watch *w, struct child *c, struct diag *diag)
{
	int err = child_label(w, c->pid);
	if (err) {
		diag_error(diag, (struct place){ 0 }, "the command's process %d cannot be put in scope: %s", (int)c->pid, strerror(-err));
		return err;
	}
	err = watch_seed(w, (uint32_t)c->pid, diag);
	if (!err && write(c->go_fd, "x", 1) != 1) {
		err = -errno;
		diag_error(diag, (struct place){ 0 }, "the command's process %d ended before it could start the command", (int)c->pid);
	}
	return err;
}

int child_exec_error(struct child *c)
{
	int error = 0;
	ssize_t n = read(c->error_fd, &error, sizeof(error));
	return n == sizeof(error) ? error : 0;
}

int child_exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
