/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets of sinks: one line of a file, held in locked memory that is wiped when it is freed. */
#pragma once

#include "engine/base/diag.h"

enum { SECRET_MAX = 4096 }; /* bytes; tokens are a few hundred */

struct secret; /* NULL: there is none */

/*
 * Reads the first line of the file, which must be the only one. Refused: a file that others than its owner may read or change, that belongs
 * to another user than root or us, that is empty or holds control characters. 0, or -errno with diag, which never shows what is in it.
 */
int secret_read(const char *path, struct secret **ret, struct diag *diag) MUST_CHECK;
/* The same of a file that a library reads itself, without reading it. */
int secret_check(const char *path, struct diag *diag) MUST_CHECK;
/* One that we put together, wiped like those that were read; NULL: no memory. */
struct secret *secret_join(struct strview a, struct strview b) MUST_CHECK;
void secret_free(struct secret **s);

struct strview secret_text(const struct secret *s) PURE;
/* The same, as it ends with NUL. */
const char *secret_cstr(const struct secret *s) PURE;
