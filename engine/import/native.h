/* SPDX-License-Identifier: Apache-2.0 */
/* Loaded rules as YAML of our own format: what they mean, not how their authors wrote it. */
#pragma once

#include "engine/rules/ruleset.h"

/*
 * Appends the rules that were written for `format` ("falco", "sigma"; NULL: for any other program), in load order. *ret_n is how many.
 * A rule that our format has no words for is left out with a warning. 0, or -ENOMEM.
 */
int native_write(const struct ruleset *set, const char *format, struct buf *out, size_t *ret_n, struct diag *diag) MUST_CHECK;
