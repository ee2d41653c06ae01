/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds what the runtimes leave on disk about a container, and reads it. A link, a fifo or a device in place of a file is refused, so is a
 * file that belongs to another user than the one whose container it is: reading neither waits nor leaves the folders of the table.
 */
#pragma once

#include "engine/enrich/container_facts.h"

struct container_roots {
	const char *host;    /* put before all paths: "" for the host's own; for tests a folder. NULL: nothing is read */
	const char *docker;  /* Docker's data-root; "": /var/lib/docker */
	const char *storage; /* graphroot of containers/storage; "": /var/lib/containers/storage */
	const char *passwd;  /* for the homes of users who run containers of their own */
	bool reads_rootless; /* files of users, which are those users' claims */
};

struct container_reader;

/* Copies roots. 0, -ENAMETOOLONG or -ENOMEM. */
int container_reader_new(const struct container_roots *roots, struct container_reader **ret) MUST_CHECK;
void container_reader_free(struct container_reader **reader);

/*
 * Fills *ret, runtime included. 0; -ENOENT: nothing there (yet); -EPERM: something there that is not read; -EBADMSG: read, and damaged;
 * -ENOTSUP: nothing is known of where this runtime keeps its state. Unless 0, *ret has the place's runtime and nothing more.
 */
int container_read(struct container_reader *reader, const struct container_place *place, struct container_facts *ret) MUST_CHECK;

/*
 * runc and crun name a cgroup as the container is called, which could be anything: looks whether one of them says that it has a
 * container in this cgroup or in one above. False: on the host, for all that is known; *ret is set on true only.
 */
bool container_read_claim(struct container_reader *reader, struct strview path, struct container_place *ret) MUST_CHECK;
