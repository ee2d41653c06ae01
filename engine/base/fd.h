/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptor and file helpers: closing by CLEANUP, whole reads with a ceiling, whole writes. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#include "engine/base/attr.h"
#include "engine/base/buf.h"

void fd_close(int *fd);                /* for CLEANUP; leaves -1 */
void file_close(FILE **file);          /* for CLEANUP; leaves NULL */
void str_free(char **text);            /* for CLEANUP; leaves NULL */

/* Is the name itself a symbolic link? */
bool fd_is_link(const char *path);

/* Appends the whole file; -EFBIG when it has more than max bytes, -EISDIR for a folder, else -errno. */
int fd_read_file(const char *path, size_t max, struct buf *into) MUST_CHECK;
/* The same of what can be read from the descriptor on, up to its end. */
int fd_read_all(int fd, size_t max, struct buf *into) MUST_CHECK;
/* Writes all n bytes, going on after short writes and signals; 0 or -errno. */
int fd_write_all(int fd, const void *bytes, size_t n) MUST_CHECK;
