/* SPDX-License-Identifier: Apache-2.0 */
/* A rule's condition, for one event, as clauses: an `or` of `and`s of sets that the value is in, or not in. */
#pragma once

#include "engine/enforce/literal.h"

enum {
	CLAUSES_OF_RULE_MAX = 64,  /* of one rule for one event */
	CLAUSES_NEEDED_MAX = 64,   /* of what one rule needs: beyond it less is asked for */
	CLAUSES_WORKING_MAX = 1024, /* on the way there, before those that say nothing new are dropped */
};

struct clause_literal {
	enum policy_dimension dimension;
	bool is_negated; /* the value is not in the set; a missing value is in none */
	struct value_set *predicate;
};

/* All literals hold. Sorted by dimension, negation, predicate; without repetitions. */
struct clause {
	const struct clause_literal *literals;
	size_t n;
};

/* In the arena of the predicates. */
struct clauses {
	struct clause *p;
	size_t n;
};

/* A test that cannot be decided. */
struct clause_refusal {
	const struct condition *test;
	uint32_t event;
	struct literal_refusal reason;
};
enum { CLAUSE_REFUSALS_MAX = 32 };

struct clause_refusals {
	struct clause_refusal p[CLAUSE_REFUSALS_MAX];
	size_t n;
};

/*
 * 0; -EINVAL: refusals tell of every test that stands in the way; -E2BIG: more than CLAUSES_OF_RULE_MAX; -ENOMEM. No clauses: it holds on
 * no such event. A clause without literals: it holds on every one.
 */
int clauses_make(struct value_sets *all, uint32_t event, const struct condition *c, struct clauses *ret, struct clause_refusals *refusals) MUST_CHECK;

/*
 * What has to be so for the condition to hold, as far as the hook of an event that is approved can tell: where no clause holds, the condition does
 * not. 0 or -ENOMEM.
 */
int clauses_needed(struct value_sets *all, uint32_t event, const struct condition *c, struct clauses *ret) MUST_CHECK;

/*
 * Where the condition needs nothing: the smallest part of it that is to blame, as a whole condition or one side of an `or`. ret_is_negated: it stands
 * below an odd number of `not`.
 */
const struct condition *clauses_blame(struct value_sets *all, uint32_t event, const struct condition *c, bool *ret_is_negated);

/* A clause with one literal more; n: of the literals. NULL literals: no memory. */
struct clause clause_with(struct value_sets *all, const struct clause_literal *literals, size_t n, struct clause_literal more);
/* Same literals. */
bool clause_equal(const struct clause *a, const struct clause *b) PURE;
