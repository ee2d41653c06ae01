/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of users and groups out of the host's passwd and group files. Our own reader: the C library's would load modules,
 * open sockets and allocate, on a path where none of that may happen.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/diag.h"

enum {
	NAMES_MAX_ENTRIES = 65536,
	NAMES_MAX_FILE = 16 * 1024 * 1024, /* bytes: 256 for each entry */
	NAMES_MAX_NAME = 255,              /* longer names are malformed: LOGIN_NAME_MAX */
};

struct names;

/* path is copied; "" or a missing file: no names. -ENOMEM only: what is wrong with the file becomes a warning. */
int names_new(const char *path, struct names **ret, struct diag *diag) MUST_CHECK;
void names_free(struct names **names);

/* Reads the file again if it changed; on failure the names stay as they were, which is why the result (0 or -errno, in diag too, which may be NULL) may be ignored. */
int names_refresh(struct names *names, struct diag *diag);

/* Name of an id, n 0 when it has none; the first of several, as the C library. Valid until the next refresh. */
struct strview names_find(const struct names *names, uint32_t id) PURE;

/* Home of a user, as passwd has it: a path from the root on, n 0 when there is none. Valid until the next refresh. */
struct strview names_home(const struct names *names, uint32_t id) PURE;

size_t names_count(const struct names *names);
size_t names_malformed(const struct names *names); /* lines passed over */
