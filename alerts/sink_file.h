/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealed lines into a file. While the file cannot be written the lines wait in memory, up to a ceiling, and are tried again; a regular file
 * never keeps a part of a line. The sink never drops a line: it says in advance whether there is room, so that what cannot be
 * kept is left out before it gets a sequence number, and the chain stays whole.
 */
#pragma once

#include "alerts/outlet.h"
#include "engine/base/diag.h"

struct sink_file_config {
	const char *path;       /* "-": standard output */
	size_t queue_max_bytes; /* lines that wait; at least SINK_FILE_QUEUE_MIN */
	uint64_t retry_ns;      /* pause between tries after an error */
};

enum {
	SINK_FILE_QUEUE_MIN = 1024 * 1024,
	SINK_FILE_KEEP_MAX = 9999, /* earlier logs kept beside: FILE.1 ... */
	SINK_FILE_WAIT_MS = 2000,  /* what the end of a run waits for a slow reader of a pipe */
};

struct sink_file;

/*
 * Opens for a new stream. A missing or empty file is made (0600) or taken; an earlier Vedette log is kept: renamed to FILE.1, or the first
 * free number; anything else in the file, a symbolic link, a second hard link, or a file in use by another run is refused. Character devices
 * are written as they are. A pipe must have a reader; one that is full is an error like any other (EAGAIN): its lines wait.
 */
int sink_file_open(const struct sink_file_config *config, struct sink_file **ret, struct diag *diag) MUST_CHECK;
/*
 * An earlier log there gets the name that sink_file_open would give it, and *ret_name (owned) is that; NULL: nothing is there, or nothing of a log.
 * 0, or -errno with diag.
 */
int sink_file_set_aside(const char *path, char **ret_name, struct diag *diag) MUST_CHECK;
/* The same sink as an outlet, which takes it over. */
struct outlet *sink_file_outlet(struct sink_file **s);
/* sink_file_wait, syncs, closes. Returns the bytes that could not be written. */
size_t sink_file_close(struct sink_file **s);

/*
 * Tries what waits once more, whatever its time; a full pipe's reader gets until SINK_FILE_WAIT_MS after the first call, and no second term.
 * 0 or -errno of the file.
 */
int sink_file_wait(struct sink_file *s) MUST_CHECK;

/* For messages: the path, "standard output" for "-". */
const char *sink_file_name(const char *path);
/* The name that an earlier log was moved to at the opening; "" when there was none. */
const char *sink_file_kept_as(const struct sink_file *s);

/* Bytes that sink_file_write would still take. */
size_t sink_file_room(const struct sink_file *s);

/*
 * Takes whole lines and writes them, after those that wait. 0: all is written; -ENOBUFS: more than the room, nothing was taken; else
 * -errno of the file: the lines wait. now_ns: monotonic.
 */
int sink_file_write(struct sink_file *s, struct strview lines, uint64_t now_ns) MUST_CHECK;
/* Tries what waits again when its time has come; results as sink_file_write. */
int sink_file_retry(struct sink_file *s, uint64_t now_ns) MUST_CHECK;
/* Do lines wait whose time has come? */
bool sink_file_is_due(const struct sink_file *s, uint64_t now_ns);
/* To the disk; 0 or -errno. Does nothing on pipes and devices. */
int sink_file_sync(struct sink_file *s) MUST_CHECK;

size_t sink_file_queued_bytes(const struct sink_file *s);
/* Errno of the last try, 0 when it succeeded. */
int sink_file_error(const struct sink_file *s);
