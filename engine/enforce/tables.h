/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From rules that block to the tables by which the kernel decides: condition -> clauses -> predicates -> classes -> rows. What cannot be
 * decided there is refused here, clause by clause.
 */
#pragma once

#include "engine/enforce/registry.h"
#include "engine/enrich/mounts.h"
#include "engine/probe/verdicts.h"
#include "engine/rules/ruleset.h"

/* What the tables depend on beside the rules. */
struct verdict_world {
	const struct mounts *mounts;               /* NULL: files have no second name */
	const struct ancestor_registry *ancestors; /* of the tables in force; NULL: there are none */
	uint32_t generation;
	uint64_t wall_ns;                          /* the moment that the tables are for, 0: now. Exceptions that have expired by then are gone */
	bool follows_links;                        /* symbolic links of this host stand for what they lead to */
};

struct verdict_counts {
	size_t rules, detecting, killing;          /* that are decided in the kernel; of these those that only would; those that kill */
	size_t clauses, derived;
	size_t largest_event;                      /* clauses of the event type that has most */
	size_t predicates, classes, ancestors;
	size_t bytes;                              /* of all tables */
};

struct verdict_policy {
	struct verdict_tables tables;              /* owned */
	struct ancestor_registry ancestors;        /* owned; becomes world.ancestors once these tables are in force */
	uint64_t untold[POLICY_ANCESTOR_WORDS];    /* ancestor bits that labels do not have yet: living processes have to be told of them */
	uint64_t until_ns;                         /* when they have to be compiled anew, because an exception expires; UINT64_MAX: never */
	struct verdict_counts counts;
};
void verdict_policy_done(struct verdict_policy *v);
/* Would the kernel decide the same by both? */
bool verdict_tables_equal(const struct verdict_tables *a, const struct verdict_tables *b) MUST_CHECK;

/*
 * Compiles all enabled rules whose action is block. 0; -EINVAL: a rule cannot be decided; -E2BIG: a limit; both with every reason in
 * diag; -ENOMEM. Rules of a policy that only detects give warnings instead, and are left out.
 */
int verdict_compile(const struct ruleset *set, const struct verdict_world *world, struct verdict_policy *ret, struct diag *diag) MUST_CHECK;

/* Whether one rule could stand in tables: the same answers, for one rule whatever its mode. */
int verdict_check_rule(const struct ruleset *set, uint32_t rule, struct diag *diag) MUST_CHECK;
