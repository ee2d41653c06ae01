/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens folders without asking a file system that may never answer: one on the network, one that a user's program makes (FUSE), one that is
 * mounted when it is looked at (autofs). Which file system a folder is of is asked of the kernel's list of mounts, not of the file system.
 */
#pragma once

#include <stdint.h>

#include "engine/base/attr.h"
#include "engine/base/strview.h"

/* openat2 without links and without leaving dir_fd. A descriptor or -errno. */
int localpath_beneath(int dir_fd, const char *name, uint64_t flags, uint64_t resolve) MUST_CHECK;

struct localpath_scratch {
	char *p; /* borrowed; holds the list of mounts: one that does not fit makes its last mounts unknown, which is to say not local */
	size_t n;
	size_t used; /* added to: bytes read into it */
};

/*
 * The folder at path below root_fd, for looks below it (O_PATH): step by step, each into a file system of this host. A descriptor; -ENOENT or
 * another -errno of openat2, links included; -EREMOTE: a step leads into a file system that is not local, or none that is known.
 */
int localpath_open(int root_fd, struct strview path, struct localpath_scratch *scratch) MUST_CHECK;
