/* SPDX-License-Identifier: Apache-2.0 */
/* The command that `run` and `record` watch: a child that waits until it is in scope. */
#pragma once

#include <signal.h>
#include <sys/types.h>

#include "engine/daemon/watch.h"

enum { EXIT_VEDETTE = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127 };

struct child {
	pid_t pid;
	int go_fd;    /* a byte lets it start */
	int error_fd; /* its errno comes back when exec failed; end of file when it succeeded */
};

void child_done(struct child *c);

/* Forks; the child runs argv with that signal mask once it is let go. 0 or -errno. */
int child_start(char **argv, const sigset_t *mask, struct child *ret) MUST_CHECK;
/* Puts it in scope and lets it start. 0, or -errno with the reason. */
int child_go(struct watch *w, struct child *c, struct diag *diag) MUST_CHECK;
/* Nothing of it may run unwatched: kills it and waits. */
void child_kill(struct child *c);
/* Errno of its exec; 0: it succeeded, or has not ended. */
int child_exec_error(struct child *c);
/* What a shell would call the status of waitpid. */
int child_exit_status(int status);
