/* SPDX-License-Identifier: Apache-2.0 */
/* A listening unix socket that knows its own file: left over ones are replaced, served ones are not, and only our own is taken away. */
#pragma once

#include <sys/types.h>
#include <sys/un.h>

#include "engine/base/attr.h"
#include "engine/base/diag.h"

struct unix_socket {
	int fd;           /* owned; -1: none */
	struct sockaddr_un address;
	dev_t device;
	ino_t inode;      /* 0: nothing is there to be removed */
};

/* -ENAMETOOLONG, with the reason. */
int unix_address(const char *path, struct sockaddr_un *ret, struct diag *diag) MUST_CHECK;
/*
 * Listens, without blocking. From its first moment others cannot connect who lack the mode. 0, or a negative errno: -EADDRINUSE, somebody serves
 * it; -EEXIST, something else is there.
 */
int unix_socket_open(const struct sockaddr_un *address, mode_t mode, int backlog, struct unix_socket *ret) MUST_CHECK;
void unix_socket_close(struct unix_socket *s);
/* Why it failed, for people. */
const char *unix_socket_error(int err);
