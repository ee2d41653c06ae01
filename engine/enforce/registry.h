/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ancestor predicates and the bits that labels of processes keep of them. A label outlives the policy under which it was made, so a bit
 * keeps its meaning as long as a policy asks for it, and one that comes anew has to be told of the processes there are.
 */
#pragma once

#include "engine/enforce/value_set.h"
#include "engine/probe/verdicts.h"

struct ancestor_registry {
	struct strview names[POLICY_ANCESTORS]; /* owned bytes: canonical form of the predicate of each bit; p NULL: the bit is free */
	uint64_t in_force[POLICY_ANCESTOR_WORDS]; /* bits that labels have, because the policy in force asks for them */
	uint32_t epoch; /* from 1: grows whenever a policy asks for bits that labels do not have yet */
};
void ancestor_registry_done(struct ancestor_registry *r);
/* The bits there were, none of them in force. 0 or -ENOMEM. */
int ancestor_registry_copy(const struct ancestor_registry *from, struct ancestor_registry *ret) MUST_CHECK;
/*
 * The predicate's bit, now asked for; before: what was in force, whose bits are not given to others. -ENOSPC: all are in use. -ENOMEM.
 */
int ancestor_registry_add(struct ancestor_registry *r, const struct ancestor_registry *before, struct strview name) MUST_CHECK;
/* -1: it has none. */
int ancestor_registry_find(const struct ancestor_registry *r, struct strview name) PURE;
/* Of the bits that are asked for. */
void ancestor_registry_names(const struct ancestor_registry *r, struct ancestor_name ret[static POLICY_ANCESTORS]);
/* One more than the highest bit that is asked for. */
uint32_t ancestor_registry_count(const struct ancestor_registry *r) PURE;
