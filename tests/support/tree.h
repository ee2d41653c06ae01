/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of a test's own, with files as the test wants them: a made /proc, passwd, cgroup hierarchy. Faults end the test program. */
#pragma once

#include <stdint.h>

#include "engine/base/strview.h"

struct tree {
	char root[64];
};

void tree_new(struct tree *tree);
void tree_free(struct tree *tree); /* removes it with all that is in it */

/* The name below the root; owned by the caller. */
char *tree_path(const struct tree *tree, const char *name);
void tree_dir(const struct tree *tree, const char *name);
/* Written beside and renamed over: a new inode each time. */
void tree_file(const struct tree *tree, const char *name, struct strview content);
void tree_link(const struct tree *tree, const char *name, const char *target);
uint64_t tree_inode(const struct tree *tree, const char *name);

/* A process as /proc shows it, under proc/. executable NULL: a kernel thread. */
struct tree_process {
	uint32_t pid, ppid, uid, tty;
	unsigned long long start_ticks;
	const char *comm, *executable, *cwd, *cgroup; /* cgroup: content of the file */
	struct strview args;
};
void tree_process(const struct tree *tree, const struct tree_process *process);
