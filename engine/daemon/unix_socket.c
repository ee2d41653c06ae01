/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/unix_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/fd.h"

int unix_address(const char *path, struct sockaddr_un *ret, struct diag *diag)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret->sun_path)) {
		diag_error(diag, (struct place){ .file = path }, "the path of a socket has at most %zu bytes", sizeof(ret->sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(ret->sun_path, path, strlen(path) + 1);
	return 0;
}

/* 0: nothing is there (any more); -EADDRINUSE: somebody serves it; -EEXIST: it is no socket. */
static int clear_place(const struct sockaddr_un *address)
{
	struct stat st;
	if (lstat(address->sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno != ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(address->sun_path) ? -errno : 0;
}

int unix_socket_open(const struct sockaddr_un *address, mode_t mode, int backlog, struct unix_socket *ret)
{
	struct stat st;
	int err = clear_place(address);
	if (err)
		return err;
	CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mode_t before = umask(0777 & ~mode);
	err = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;
	umask(before);
	if (!err && (lstat(address->sun_path, &st) || listen(fd, backlog)))
		err = -errno;
	if (!err)
		*ret = (struct unix_socket){ .fd = TAKE_FD(fd), .address = *address, .device = st.st_dev, .inode = st.st_ino };
	return err;
}

void unix_socket_close(struct unix_socket *s)
{
	struct stat st;
	if (s->inode && lstat(s->address.sun_path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode)
		(void)unlink(s->address.sun_path); /* ours; left over it harms nobody */
	s->inode = 0;
	fd_close(&s->fd);
}

const char *unix_socket_error(int err)
{
	return err == -EADDRINUSE ? "another daemon serves it (give each its own)" : err == -EEXIST ? "something else is there" : strerror(-err);
}
