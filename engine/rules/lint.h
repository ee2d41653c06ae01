/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a rule says and its author can hardly mean: clauses that never hold or add nothing, values that a field never has, traps of fields
 * without a value, rules that others cover; and what a rule costs. Warnings only; nothing on the road of events asks.
 */
#pragma once

#include "engine/rules/ruleset.h"

/* Warns of one rule, once for each place. */
void rule_lint(const struct ruleset *set, uint32_t rule, struct diag *diag);

/*
 * For each rule the index of one that fires whenever it does, with the same or a higher severity, or UINT32_MAX. *ret is malloc'd. 0; 1: the
 * rules are so many and so alike that not all pairs were compared; or -ENOMEM.
 */
int ruleset_shadows(const struct ruleset *set, uint32_t **ret) MUST_CHECK;

/* Warns of lists and macros of our own format that nothing uses. */
void ruleset_unused(const struct ruleset *set, struct diag *diag);

struct rule_cost {
	bool is_costly;     /* every event of its kinds is put to it */
	unsigned units;     /* of all its tests: an equality is 1 */
	const char *reason; /* why it is costly; "" */
};

/* An estimate by the look of the condition. */
struct rule_cost rule_cost_estimate(const struct ruleset *set, uint32_t rule);
