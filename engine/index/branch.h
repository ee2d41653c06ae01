/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule's condition for one event, in the form that is compiled: `not` only before tests, tests that cannot hold for this event and
 * constants folded away, tests of one field and operator merged, each test a predicate.
 */
#pragma once

#include "engine/index/predicate.h"

enum branch_type { BRANCH_FALSE, BRANCH_TRUE, BRANCH_TEST, BRANCH_AND, BRANCH_OR };

struct branch {
	enum branch_type type;
	bool is_negated; /* BRANCH_TEST */
	uint32_t predicate;
	struct branch **children;
	size_t n;
	size_t n_tests; /* below */
	double share, cost; /* how often it holds, what it costs to ask: guesses */
};

/* NULL: out of memory. work is where branches live. */
struct branch *branch_of(struct predicates *ps, struct arena *work, const struct condition *c, uint32_t event);

/* Predicates of which one at least must hold for the branch to hold: the cheapest such set to wait for. n 0: there is none. */
struct key_set {
	uint32_t *p; /* in the work arena */
	size_t n;
	double cost, share;
};
/* is_banned: by input, those that no key may be of; NULL: none. 0 or -ENOMEM. */
int branch_keys(const struct predicates *ps, struct arena *work, const struct branch *b, const bool *is_banned, struct key_set *ret) MUST_CHECK;

/* Puts what is cheap and decides much first. Costs of predicates are final now. */
void branch_order(const struct predicates *ps, struct branch *b);
