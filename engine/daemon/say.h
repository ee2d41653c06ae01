/* SPDX-License-Identifier: Apache-2.0 */
/* What commands say to people, and the paths they all know. */
#pragma once

#include "engine/base/diag.h"

#ifndef VEDETTE_RULES_DIR
#define VEDETTE_RULES_DIR "/usr/local/share/vedette/rules"
#endif

/* All messages to standard error, one a line, "vedette: " before those without a place; and how many were not kept. */
void say_diag(const struct diag *diag);
/* The same; and what err means when it is a failure that nobody has put into words (out of memory). */
void say_result(int err, const struct diag *diag);
/* The shipped rules: VEDETTE_RULES in the environment, `rules` of the source tree that the program was built in, or VEDETTE_RULES_DIR. Owned by
 * the caller; NULL: none is there. */
char *say_shipped_rules(void);
