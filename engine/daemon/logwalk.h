/* SPDX-License-Identifier: Apache-2.0 */
/* One way through the logs of one or several agents for all who verify them whole: file by file, line by line, to the first that is bad. */
#pragma once

#include "engine/daemon/log_receipts.h"
#include "engine/daemon/logfiles.h"

struct logwalk {
	const struct verify_keys *keys; /* borrowed */
	struct verify_options options;
	struct log_receipts *receipts;  /* borrowed; may be NULL */
	void (*on_line)(void *context, const struct logwalk *walk, struct strview line); /* with each line that verified; may be NULL */
	void *context;
	/* the log at hand, after logwalk_next: the whole of it, or up to its fault */
	const char *file;          /* the last one that was read; borrowed */
	uint64_t lines;            /* of that file, read, the bad one included */
	size_t torn_bytes;         /* behind the last line end of a file: of the last one that has any */
	const char *torn_file;     /* that they are in; borrowed; NULL: there are none */
	enum verify_fault fault;
	struct verifier *verifier; /* owned */
};

/* The log that begins with file *at, up to the file where that of another agent begins, which *at is then. 0, or -errno of walk->file. */
int logwalk_next(struct logwalk *walk, const struct logfiles *files, size_t *at) MUST_CHECK;
void logwalk_done(struct logwalk *walk);

/* How a log without a fault ends. */
enum log_end { LOG_END_CLOSED, LOG_END_OPEN, LOG_END_EMPTY };
enum log_end logwalk_end(const struct logwalk *walk);
/* Why it is open-ended. */
void logwalk_add_end_reason(const struct logwalk *walk, struct buf *out);

enum { LOG_TIME_TEXT = 30 };
/* A day, or a moment, as the value of an option; also as the statements write theirs. 0, or -EINVAL after having said what it has to be. */
int logwalk_read_moment(const char *command, const char *option, const char *text, uint64_t *ret_ns, char ret_text[static LOG_TIME_TEXT + 1]) MUST_CHECK;
