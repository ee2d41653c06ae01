/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks the engine and the plain evaluator the same questions. The engine is asked in several ways (its caches as usual, none, with
 * room for four, for a few), all of which have to give the plain evaluator's matches and undecided rules, in its order.
 */
#pragma once

#include "engine/rules/ruleset.h"
#include "tests/support/random.h"

struct same_totals {
	uint64_t pairs;   /* of an event and a rule for its type */
	uint64_t events, rules, refused, matches, undecided, rounds;
};

enum same_result { SAME, DIFFERENT };

/*
 * One round, all of it by the seed: rules, events, in the middle of them other rules. SAME, DIFFERENT (the report names rule, events and
 * both answers, made as small as could be), or a negative errno (the report says of what). Totals are added to.
 */
int same_round(uint64_t seed, struct same_totals *totals, struct buf *report) MUST_CHECK;

/* The same for rules of files. */
int same_of_set(uint64_t seed, const struct ruleset *set, size_t n_events, struct same_totals *totals, struct buf *report) MUST_CHECK;
