/* SPDX-License-Identifier: Apache-2.0 */
/* Why a condition holds on an event, or does not. For people: may allocate, and evaluates the same test several times. */
#pragma once

#include "engine/rules/match.h"

/* Truth of a part of a condition. is_negated: it stands below an odd number of `not`. */
enum truth condition_holds_below(const struct condition *c, const struct event *ev, struct matcher *m, bool is_negated);

/* A test whose truth matters. */
struct turn {
	const struct condition *test;
	bool is_negated;
	enum truth truth; /* now */
};

struct turns {
	struct turn *p; /* owned */
	size_t n, size;
};
void turns_done(struct turns *t);

/*
 * The fewest tests whose truth would have to be another for the whole condition to be `wanted`, in the order they are written: of a rule that
 * is quiet, what is in its way; of one that fires, what it rests on. Tests that stand twice count twice. 0; -ENOENT: none can (a
 * constant is in the way); -ENOMEM.
 */
int condition_turn(const struct condition *c, const struct event *ev, struct matcher *m, bool wanted, struct turns *ret) MUST_CHECK;

/* Fields that a test reads, each once: up to EXPLAIN_MAX_FIELDS. Returns how many. */
enum { EXPLAIN_MAX_FIELDS = 8 };
size_t test_fields(const struct test *t, const struct field_ref *fields[static EXPLAIN_MAX_FIELDS]);
