/* SPDX-License-Identifier: Apache-2.0 */
/* What the write-ahead log and the cursors ask of the file system, so that tests can let each of it fail. Results: 0 or more, or -errno. */
#pragma once

#include <sys/types.h>

#include "engine/base/attr.h"
#include "engine/base/strview.h"

struct wal_io {
	void *context;
	int (*open)(void *context, int folder, const char *name, int flags); /* a descriptor */
	ssize_t (*write)(void *context, int fd, struct strview bytes, off_t at);
	ssize_t (*read)(void *context, int fd, void *into, size_t n, off_t at);
	int (*sync)(void *context, int fd);
	int (*allocate)(void *context, int fd, off_t size); /* room on the disk; the file's length stays */
	int (*cut)(void *context, int fd, off_t size);
	int (*rename)(void *context, int folder, const char *from, const char *to);
	int (*remove)(void *context, int folder, const char *name);
};

extern const struct wal_io wal_io_real;

/* Writes a small file whole or not at all, and on the disk when it returns: NAME.new, sync, rename, sync of the folder. 0 or -errno. */
int wal_io_replace(const struct wal_io *io, int folder, const char *name, struct strview bytes) MUST_CHECK;
