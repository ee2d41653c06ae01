/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel need not send: tables by which it tells that no loaded rule can hold on an event. Of every rule only that is kept which the
 * hook can tell exactly as the rule will; a test it cannot tell counts as if it held. So an event that the tables do not approve raises nothing,
 * and one that they approve may still raise nothing.
 */
#pragma once

#include "engine/enforce/tables.h"

/* A rule of which the hook of an event can tell nothing: all events of the type are sent because of it. */
struct approval_cost {
	uint32_t event, rule; /* rule: index in the set */
};

struct approval {
	struct verdict_policy policy; /* owned; its clauses and ancestors are of no use */
	uint64_t events;              /* bit N: of event number N only what is approved need be sent */
	uint64_t crowded;             /* bit N: its rules need more clauses than there is room for; it is sent whole */
	struct approval_cost *costs;  /* owned */
	size_t n_costs, costs_size;
};
void approval_done(struct approval *a);

/* Of all enabled rules, whatever their action. 0; -E2BIG: too many texts, then nothing can be dropped; -ENOMEM. */
int approval_compile(const struct ruleset *set, struct approval *ret, struct diag *diag) MUST_CHECK;

/* What this rule does to one of its events. */
enum approval_of_rule {
	APPROVAL_NEVER,  /* the event is sent for whatever reason: the kernel does not ask */
	APPROVAL_PART,   /* the kernel drops those on which the rule cannot hold */
	APPROVAL_COSTS,  /* it can tell nothing of it */
};
enum approval_of_rule approval_of_rule(const struct ruleset *set, uint32_t rule, uint32_t event);
