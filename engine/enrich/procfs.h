/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says of one process. Everything is bounded; nothing in it is trusted (processes choose names and arguments). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/attr.h"
#include "engine/base/strview.h"

enum { PROCFS_TEXT = 4096 }; /* bytes kept of each text */

struct procfs_process {
	uint32_t pid, ppid, uid;
	uint64_t start_ticks; /* since boot */
	char comm[16], tty[24]; /* NUL-terminated; tty "" for none */
	size_t executable_n, cwd_n, args_n, cgroup_n;
	char executable[PROCFS_TEXT], cwd[PROCFS_TEXT], cgroup[PROCFS_TEXT];
	char args[PROCFS_TEXT]; /* items each ended by NUL */
	bool args_cut;
	/* The executable inside its file system, whatever mount its path leads over for whom; n 0: not known. */
	uint32_t device; /* as the kernel numbers it: 12 bits major, 20 bits minor */
	size_t fs_path_n;
	char fs_path[PROCFS_TEXT];
};

/* Parts of the whole look, for callers who need no more: start_ticks and ppid. 0 or -errno (-ENOENT, -ESRCH: gone). */
int procfs_read_stat(int proc_fd, uint32_t pid, struct procfs_process *ret) MUST_CHECK;
/*
 * All of it, through one directory descriptor, so that a process id taken over by another process meanwhile is no danger.
 * Texts that cannot be read stay empty (kernel threads have no executable). *ret may be half filled on failure.
 */
int procfs_read(int proc_fd, uint32_t pid, struct procfs_process *ret) MUST_CHECK;

/* Parsers of the files' text, for procfs_read and the tests: false on malformed text. */
bool procfs_parse_stat(struct strview text, struct procfs_process *ret) MUST_CHECK;
bool procfs_parse_uid(struct strview status, uint32_t *ret) MUST_CHECK;
/* Path in the version 2 hierarchy, else in systemd's, else in the first one; n 0: none. */
struct strview procfs_parse_cgroup(struct strview text) PURE;
