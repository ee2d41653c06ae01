/* SPDX-License-Identifier: Apache-2.0 */
/* Truth of one condition on one event. */
#pragma once

#include "engine/rules/condition.h"

struct matcher;
struct test;

/*
 * Three values, in Kleene's sense: undecided is a test that was given up (a regular expression at its limit, a function without
 * scratch memory), and everything whose truth turns on such a test. A missing field does not come to that: its tests are false.
 */
enum truth { TRUTH_FALSE, TRUTH_TRUE, TRUTH_UNDECIDED };

static inline enum truth truth_not(enum truth a)
{
	return a == TRUTH_UNDECIDED ? a : a == TRUTH_TRUE ? TRUTH_FALSE : TRUTH_TRUE;
}

static inline enum truth truth_and(enum truth a, enum truth b)
{
	if (a == TRUTH_FALSE || b == TRUTH_FALSE)
		return TRUTH_FALSE;
	return a == TRUTH_TRUE && b == TRUTH_TRUE ? TRUTH_TRUE : TRUTH_UNDECIDED;
}

static inline enum truth truth_or(enum truth a, enum truth b)
{
	if (a == TRUTH_TRUE || b == TRUTH_TRUE)
		return TRUTH_TRUE;
	return a == TRUTH_FALSE && b == TRUTH_FALSE ? TRUTH_FALSE : TRUTH_UNDECIDED;
}

/* m is scratch; m->undecided_test is set to the first test that could not be decided, or NULL. */
enum truth condition_holds(const struct condition *c, const struct event *ev, struct matcher *m);

/* One test. is_negated: it stands below an odd number of `not`, which matters where a field was cut short. */
enum truth test_holds(const struct test *t, const struct event *ev, struct matcher *m, bool is_negated);

/* The field's value in this event. What a computed field makes of text lies in m's scratch until m->used is set back. */
struct value field_ref_value(struct matcher *m, const struct event *ev, const struct field_ref *ref);
/* The same as text for people: "-" when it is missing, control bytes as \xHH. */
void field_ref_show(struct matcher *m, const struct event *ev, const struct field_ref *ref, struct buf *out);
