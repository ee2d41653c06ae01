/* SPDX-License-Identifier: Apache-2.0 */
/* The file that public keys are appended to: one line for each run, so that the key of an earlier log, kept under another name, is not lost. */
#pragma once

#include "engine/base/diag.h"

/*
 * Appends line ("vedette-key/v1 ...\n") to the file at path; a missing one is made (0644). Refused, with nothing written: the log itself
 * (log_path, "-" for standard output; by name, or the same file), a symbolic link, anything but a regular file, and data that do not begin as
 * a file of ours does.
 */
int keyfile_append(const char *path, const char *log_path, struct strview line, struct diag *diag) MUST_CHECK;

/* May the key lie beside that log (LOG.pub)? Not beside a pipe, a device or standard output, which have no place of their own. */
bool keyfile_fits_beside(const char *log_path);
