/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a rule can ever hold here. A condition is folded over all events at once, one bit each: which tests can be true in which
 * events, by the fields that events have, the values that fields say they may have, and the fields that never have one.
 */
#pragma once

#include "engine/rules/set.h"

/* Bits of the events on which a test can hold: what test.can_hold is set to. */
uint64_t coverage_test_events(const struct test *t);
/* Bits of the events in which the condition can hold. */
uint64_t coverage_events(const struct condition *c);
/* Whether they look at what is known only when a call has ended. */
bool expr_needs_outcome(const struct expr *x);
bool coverage_needs_outcome(const struct condition *c);
/* Whether some test looks at the field. */
bool coverage_asks(const struct condition *c, const char *field);

/* Sets the rules' coverage, needs_source and reasons, with m's scratch. Texts go into the arena; 0 or -ENOMEM. */
int coverage_fill(struct arena *arena, struct matcher *m, struct rule *rules, size_t n) MUST_CHECK;
