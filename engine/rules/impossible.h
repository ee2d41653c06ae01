/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests that hold for no value their field can have, whatever event: paths that no file is called by, numbers beyond the field's, words that
 * are none of the few it shows. Errs to the side of "can hold".
 */
#pragma once

#include "engine/rules/condition.h"

/* Why no value of the left side compares so with the operand: words that follow its text, "never holds: " or "never matches: " and the reason; NULL: some may. */
const char *operand_never_holds(const struct test *t, const struct operand *o);
/* The bits of the events in which the test may hold, as far as this goes; *ret_why is set where it is not all of them. */
uint64_t test_possible_events(const struct test *t, const char **ret_why);
