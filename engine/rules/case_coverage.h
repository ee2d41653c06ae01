/* SPDX-License-Identifier: Apache-2.0 */
/* What the cases of rules leave untried: tests that were never true, never false, or never decided a case. */
#pragma once

#include "engine/rules/ruleset.h"

/* A test of a rule that has cases. */
struct case_gap {
	uint32_t rule;                /* or step of one */
	const struct condition *test;
	bool was_true, was_false;
	bool decided; /* in some case, its being other would have changed whether the rule holds */
};

struct case_coverage {
	struct case_gap *gaps; /* owned; in the order of rules and of what is written */
	size_t n_gaps;
	size_t tests;              /* of all rules that have cases; those of macros count at each use */
	size_t decided;            /* of them, decided some case */
};
void case_coverage_done(struct case_coverage *c);

/* Over all cases; of a rule about several events each step is looked at by itself, on the case's events of its kind. 0 or -ENOMEM; cases whose event cannot be made are left out. */
int ruleset_case_coverage(const struct ruleset *set, struct case_coverage *ret) MUST_CHECK;
