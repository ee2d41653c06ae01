/* SPDX-License-Identifier: Apache-2.0 */
/* The file system itself, as the write-ahead log asks it. */
#include "alerts/wal_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "engine/base/fd.h"

static int real_open(void *context, int folder, const char *name, int flags)
{
	(void)context;
	int fd = openat(folder, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	return fd < 0 ? -errno : fd;
}

static ssize_t real_write(void *context, int fd, struct strview bytes, off_t at)
{
	(void)context;
	ssize_t n = pwrite(fd, bytes.p, bytes.n, at);
	return n < 0 ? -errno : n;
}

static ssize_t real_read(void *context, int fd, void *into, size_t n, off_t at)
{
	(void)context;
	ssize_t got = pread(fd, into, n, at);
	return got < 0 ? -errno : got;
}

static int real_sync(void *context, int fd)
{
	(void)context;
	return fdatasync(fd) ? -errno : 0;
}

static int real_allocate(void *context, int fd, off_t size)
{
	(void)context;
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, size) == 0 || errno == EOPNOTSUPP)
		return 0; /* a file system that cannot promise room is taken as it is */
	return -errno;
}

static int real_cut(void *context, int fd, off_t size)
{
	(void)context;
	return ftruncate(fd, size) ? -errno : 0;
}

static int real_rename(void *context, int folder, const char *from, const char *to)
{
	(void)context;
	return renameat(folder, from, folder, to) ? -errno : 0;
}

static int real_remove(void *context, int folder, const char *name)
{
	(void)context;
	return unlinkat(folder, name, 0) ? -errno : 0;
}

const struct wal_io wal_io_real = {
	.open = real_open,
	.write = real_write,
	.read = real_read,
	.sync = real_sync,
	.allocate = real_allocate,
	.cut = real_cut,
	.rename = real_rename,
	.remove = real_remove,
};

static int write_whole(const struct wal_io *io, int fd, struct strview bytes)
{
	off_t at = 0;
	while (bytes.n) {
		ssize_t n = io->write(io->context, fd, bytes, at);
		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n ? (int)n : -EIO;
		at += n;
		bytes = sv_from_index(bytes, (size_t)n);
	}
	return 0;
}

int wal_io_replace(const struct wal_io *io, int folder, const char *name, struct strview bytes)
{
	char temporary[300];
	if (snprintf(temporary, sizeof(temporary), "%s.new", name) >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	CLEANUP(fd_close) int fd = io->open(io->context, folder, temporary, O_WRONLY | O_CREAT | O_TRUNC);
	int r = fd < 0 ? fd : write_whole(io, fd, bytes);
	if (!r)
		r = io->sync(io->context, fd);
	if (!r)
		r = io->rename(io->context, folder, temporary, name);
	return r ? r : io->sync(io->context, folder);
}
