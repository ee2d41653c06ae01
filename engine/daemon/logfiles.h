/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a log as `vedette verify` is given them: files and folders, put in the order in which they were written. */
#pragma once

#include <sys/types.h>

#include "alerts/verify.h"

struct logfile {
	char *path;            /* owned; "-": standard input */
	struct log_head first; /* of its first line; without a stream: that is no line of a log */
	dev_t device;          /* and its number there: what has both is the same file */
	ino_t inode;
};

/* In a folder, and not read: what it holds is not judged. */
struct logfile_passed {
	char *path;       /* owned */
	const char *what; /* "a symbolic link" */
};

struct logfiles {
	struct logfile *file; /* owned; by agent, number of the stream, and sequence */
	size_t n;
	struct logfile_passed *passed; /* owned; by name; LOGFILES_PASSED_MAX at most */
	size_t n_passed;
	size_t more_passed;            /* that are not in it */
};

enum { LOGFILES_MAX = 65536, LOGFILES_PASSED_MAX = 1000 };

/*
 * Of folders: all regular files in them, but empty ones and those of public keys; what is no regular file is passed over, and named in *ret. A pipe stands
 * alone. What is compressed, or given twice, is refused. 0 or -errno with diag.
 */
int logfiles_find(char *const *paths, size_t n, struct logfiles *ret, struct diag *diag) MUST_CHECK;
void logfiles_done(struct logfiles *l);
/* Appends a line for each that was passed over, printable. */
void logfiles_add_passed(const struct logfiles *l, struct buf *out);
/* The same to standard error. */
void logfiles_say_passed(const struct logfiles *l);
/* Is it of another agent than the file before? Then it is another log. */
bool logfiles_begins_log(const struct logfiles *l, size_t i);

/* Called with each line; not 0 ends the reading. */
typedef int logfile_line(void *context, struct strview line);
/* 0 or -errno of the file; *ret_torn: bytes behind the last line end. Memory: one line and one chunk. */
int logfile_read(const char *path, logfile_line *on_line, void *context, size_t *ret_torn) MUST_CHECK;
