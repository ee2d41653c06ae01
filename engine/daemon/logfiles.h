/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a log as `vedette verify` is given them: files and folders, put in the order in which they were written. */
#pragma once

#include "alerts/verify.h"

struct logfile {
	char *path;            /* owned; "-": standard input */
	struct log_head first; /* of its first line; without a stream: that is no line of a log */
};

struct logfiles {
	struct logfile *file; /* owned; by agent, number of the stream, and sequence */
	size_t n;
};

enum { LOGFILES_MAX = 65536 };

/* Of folders: all regular files in them, but empty ones and those of public keys. A pipe stands alone. 0 or -errno with diag. */
int logfiles_find(char *const *paths, size_t n, struct logfiles *ret, struct diag *diag) MUST_CHECK;
void logfiles_done(struct logfiles *l);
/* Is it of another agent than the file before? Then it is another log. */
bool logfiles_begins_log(const struct logfiles *l, size_t i);

/* Called with each line; not 0 ends the reading. */
typedef int logfile_line(void *context, struct strview line);
/* 0 or -errno of the file; *ret_torn: bytes behind the last line end. Memory: one line and one chunk. */
int logfile_read(const char *path, logfile_line *on_line, void *context, size_t *ret_torn) MUST_CHECK;
