/* SPDX-License-Identifier: Apache-2.0 */
/* The mount table: where on which device a path lies. */
#pragma once

#include <stdint.h>

#include "engine/base/buf.h"
#include "engine/base/diag.h"

struct mounts;

/* file: "/proc/self/mountinfo". 0, or -errno with the reason in diag. */
int mounts_load(const char *file, struct mounts **ret, struct diag *diag) MUST_CHECK;
/* The same of a text in that form. 0 or -ENOMEM. */
int mounts_parse(struct strview text, struct mounts **ret) MUST_CHECK;
void mounts_free(struct mounts **m);

/* One line of it; views into the table. */
struct mount {
	uint64_t id;
	uint32_t device;          /* as mounts_locate tells it */
	struct strview root;      /* folder (or file) of the file system that is mounted */
	struct strview point, type;
};
/* One line, without its end; the views point into it, and it is written to. false: it is malformed. */
bool mount_parse(char *line, struct mount *ret) MUST_CHECK;
/* Where a path at or below the mount's point lies inside the file system: bytes written; 0: it is not there, or has no room. */
size_t mount_inside(const struct mount *m, struct strview path, char *ret, size_t size) MUST_CHECK;

/* The i-th; false: there are no more. */
bool mounts_at(const struct mounts *m, size_t i, struct mount *ret);

/*
 * Device (as the kernel numbers it: 12 bits major, 20 bits minor) and path inside the file system of an absolute path without
 * symbolic links. The path need not exist: only mount points are looked at. false: no mount covers it.
 */
bool mounts_locate(const struct mounts *m, struct strview path, uint32_t *ret_device, struct buf *fs_path) MUST_CHECK;
