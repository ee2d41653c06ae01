/* SPDX-License-Identifier: Apache-2.0 */
/* The file of a log's public key. The key of an earlier log moves with it, or another run's key is added as a line. */
#pragma once

#include "engine/base/diag.h"

/*
 * Appends line ("vedette-key/v1 ...\n") to the file at path; a missing one is made (0644). Refused, with nothing written: the log itself
 * (log_path, "-" for standard output; by name, or the same file), a symbolic link, anything but a regular file, and data that do not begin as
 * a file of ours does. Past 8192 lines the first and the latest half stay: verifiers would refuse a file that grew for ever.
 */
int keyfile_append(const char *path, const char *log_path, struct strview line, struct diag *diag) MUST_CHECK;

/*
 * Renames a file of keys at path to `as`, or to the first free of as.1, as.2, ...; so that path is free for one key alone. What is missing,
 * empty or no file of ours stays. 0 or -errno with diag.
 */
int keyfile_set_aside(const char *path, const char *as, struct diag *diag) MUST_CHECK;

/* May the key lie beside that log (LOG.pub)? Not beside a pipe, a device or standard output, which have no place of their own. */
bool keyfile_fits_beside(const char *log_path);
