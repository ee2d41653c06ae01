/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the ways of tests/evasions have in common. A way is one act by one route: `evade WAY ARGUMENT...`. When it had its effect it says
 * NONCE (or what it started or read does), when it failed the name of the error. What is expected of it, the table of rows knows.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum {
	SPOKEN = 1 << 30, /* a way's result: what it started has said all there is to say */
	BROKEN_STATUS = 2 /* of a way whose preparations failed: neither denied nor done */
};

struct way {
	const char *name;
	int arguments;
	long (*run)(char **arguments);
};
/* Each ends with a row without a name. */
extern const struct way file_ways[], exec_ways[], memory_ways[], mount_ways[], network_ways[], process_ways[];

/* For preparations only: what is tested must be able to fail. */
long prepared(long result, const char *what);
#define PREPARED(call) prepared((long)(call), #call)

/* A decimal, octal or hexadecimal number; anything else ends the program. */
long number_of(const char *text);

/* Reads from fd and says what was read. */
long told(int fd);
/* Is a descriptor; what is behind it is not of interest. */
long opened(int fd);
/* In a child: the way's result is the child's, which may enter other roots and namespaces. */
long apart(long (*act)(char **), char **arguments);
void own_mounts(void);

/* A 32-bit call, and what its pointers may point to: memory below 4 GiB, one page for each copy. */
long compat_call(long call, long a, long b, long c, long d, long e);
void *low_copy(const void *bytes, size_t n);
long low_text(const char *text);

/* One request through a ring of its own. */
long uring(struct io_uring_sqe request, unsigned setup_flags);

int lay_rows(void);
int run_rows(int argc, char **argv);
int judge_rows(int argc, char **argv);
