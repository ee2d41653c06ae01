/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two tests of one field, read as what they ask of its value: whether some value satisfies both, and whether one follows from the other.
 * Errs to the side of "some value does", and of "it does not follow".
 */
#pragma once

#include "engine/rules/condition.h"

/* No single value satisfies both. */
bool tests_are_apart(const struct test *a, const struct test *b);
/* Whatever satisfies a satisfies b. */
bool test_implies(const struct test *a, const struct test *b);
/* Its own values, all of which it asks for, exclude one another. */
bool test_excludes_itself(const struct test *t);
