/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of different fields that are made of one: whether some event satisfies both. What is made of what is a table, relations.def. Errs to
 * the side of "some event does".
 */
#pragma once

#include "engine/rules/condition.h"

/* Both are about texts that are made of one field, or one is about the family of the other's address. */
bool tests_are_related(const struct test *a, const struct test *b);
/* Of two that are related: no event satisfies both. */
bool related_tests_are_apart(const struct test *a, const struct test *b);
