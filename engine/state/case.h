/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the cases of rules about several events, as ruleset_run_cases does those of all others. */
#pragma once

#include "engine/rules/ruleset.h"

/* Adds to ret; failures are described in diag. 0, or a negative errno when they could not be run. */
int state_run_cases(const struct ruleset *set, struct case_result *ret, struct diag *diag) MUST_CHECK;
