/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests that hold for no value their field can have, whatever event: paths that no file is called by, numbers beyond the field's, words that
 * are none of the few it shows. Errs to the side of "can hold".
 */
#pragma once

#include "engine/rules/condition.h"

/* Why no value of the left side compares so with the operand: words that follow its text, "never holds: " or "never matches: " and the reason; NULL: some may. */
const char *operand_never_holds(const struct test *t, const struct operand *o);
/* Why it compares so only with a name as the program wrote it, which tracepoint mode has where a call has only a name; NULL: with others, too. */
const char *operand_needs_name(const struct test *t, const struct operand *o);
/* The bits of the events in which the test may hold, as far as this goes; *ret_why is set where it is not all of them. */
uint64_t test_possible_events(const struct test *t, const char **ret_why);
/* The same where the kernel has resolved all names, as in lsm mode. */
uint64_t test_resolved_events(const struct test *t, const char **ret_why);
