/* SPDX-License-Identifier: Apache-2.0 */
/* A file that is replaced as a whole, again and again: readers see the one before or the one after, and nothing of others is overwritten. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/diag.h"

struct whole_file {
	const char *file;
	const char *begin; /* what ours begins with */
	const char *what;  /* "status" */
};

/* May it be (re)placed? It must be missing in a folder that is there, empty, or an earlier one of ours; 0 or -errno with the reason. */
int whole_file_check(const struct whole_file *f, struct diag *diag) MUST_CHECK;
/* Readable by all. 0 or -errno. */
int whole_file_write(const char *file, struct strview text) MUST_CHECK;
/* The same of what is kept: readable by its owner alone, and on the disk before it takes the place of the one before. */
int whole_file_keep(const char *file, struct strview text) MUST_CHECK;
