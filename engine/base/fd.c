/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptor helpers; owns nothing. */
#include "engine/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

bool fd_is_link(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

void file_close(FILE **file)
{
	if (*file)
		fclose(*file);
	*file = NULL;
}

void str_free(char **text)
{
	free(*text);
	*text = NULL;
}

int fd_read_file(const char *path, size_t max, struct buf *into)
{
	CLEANUP(fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd_read_all(fd, max, into);
}

int fd_read_all(int fd, size_t max, struct buf *into)
{
	size_t got = 0;
	for (;;) {
		char chunk[16384];
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return buf_error(into);
		got += (size_t)n;
		if (got > max)
			return -EFBIG;
		buf_add(into, chunk, (size_t)n);
	}
}

int fd_write_all(int fd, const void *bytes, size_t n)
{
	const char *p = bytes;
	while (n) {
		ssize_t w = write(fd, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}
