/* SPDX-License-Identifier: Apache-2.0 */
/* What new rules have to pass before they are put in force: they must do what their authors say, and the fast engine what the plain one does. */
#pragma once

#include "engine/daemon/policy.h"

enum { SELFTEST_MAX_EVENTS = 512 };

struct selftest_result {
	size_t cases;  /* of the rules */
	size_t events; /* given to both evaluators */
};

/*
 * Runs the cases of the rules, and gives events to both evaluators: of each type an empty one, and for a spread of rules one that is made of what
 * their conditions name. 0, or -EINVAL with the reasons. To be called before the policy's first event.
 */
int selftest_run(const struct policy *p, struct selftest_result *ret, struct diag *diag) MUST_CHECK;
