/* SPDX-License-Identifier: Apache-2.0 */
/* Which environment variables the rules ask about, by name: the sensor keeps those of an exec, and no others. */
#pragma once

#include "engine/base/attr.h"

struct ruleset;

enum {
	ENV_RULE_NAMES_MAX = 48, /* of one set; the kernel's table has 64, the configured ones included */
	ENV_NAME_BYTES = 31,     /* the longest that the sensor can keep */
};

/*
 * Fills the set's list out of the conditions of its enabled rules: NAME of proc.env[NAME], and a plain name that a text compared with all
 * variables is, or begins with before a '='. Where letters of either case count, the name in capitals and in small letters as well.
 * 0 or -ENOMEM; names beyond the maximum are counted.
 */
int env_names_collect(struct ruleset *set) MUST_CHECK;
