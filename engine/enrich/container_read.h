/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds what the runtimes leave on disk about a container, and reads it. A link, a fifo or a device in place of a file is refused, so is a
 * file that belongs to another user than the one whose container it is: reading does not leave the folders of the table, and of users' folders
 * only those of local file systems are entered. What is read between two ticks is bounded in bytes, for root's files and for users' each.
 */
#pragma once

#include "engine/enrich/container_facts.h"

struct container_roots {
	const char *host;    /* put before all paths: "" for the host's own; for tests a folder. NULL: nothing is read */
	const char *docker;  /* Docker's data-root; "": /var/lib/docker */
	const char *storage; /* graphroot of containers/storage; "": /var/lib/containers/storage */
	const char *cgroup;  /* where cgroup2 is mounted; NULL or "": /sys/fs/cgroup */
	const struct names *users; /* borrowed: for the homes of users who run containers of their own; NULL: none has one */
	uint32_t owner;      /* of root's files: 0, but in tests */
	bool reads_rootless; /* files of users, which are those users' claims */
};

enum {
	CONTAINER_BYTES_A_TICK = 4 << 20,      /* of root's files; what goes beyond it, up to as much and a document, is paid off by the next ticks */
	CONTAINER_USER_BYTES_A_TICK = 1 << 20, /* of all users' files, so that no user's can keep root's from being read */
	CONTAINER_COST_OF_OPEN = 256,          /* a look for a file costs as much as these bytes */
};

struct container_reader;

/* Copies the texts of roots. 0, -ENAMETOOLONG or -ENOMEM. */
int container_reader_new(const struct container_roots *roots, struct container_reader **ret) MUST_CHECK;
void container_reader_free(struct container_reader **reader);

/*
 * Fills *ret, runtime included. 0; -ENOENT: nothing there (yet); -EPERM: something there that is not read; -EBADMSG: read, and damaged;
 * -ENOTSUP: nothing is known of where this runtime keeps its state; -EAGAIN: it took more than may be read now. Unless 0, *ret has the place's
 * runtime and nothing more, but for `cut`.
 */
int container_read(struct container_reader *reader, const struct container_place *place, struct container_facts *ret) MUST_CHECK;

/*
 * runc and crun name a cgroup as the container is called, which could be anything: looks whether one of them says that it has a
 * container in this cgroup or in one above. 0, with *ret; -ENOENT: on the host, for all that is known; -EAGAIN: as above.
 */
int container_read_claim(struct container_reader *reader, struct strview path, struct container_place *ret) MUST_CHECK;

/* May a look for this owner's files begin? Else it would end with -EAGAIN. */
bool container_reader_may(const struct container_reader *reader, uint32_t owner) PURE;
void container_reader_tick(struct container_reader *reader);
