/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel need not send: tables by which it tells that no loaded rule can hold on an event. Of every rule only that is kept which the
 * hook can tell exactly as the rule will; a test it cannot tell counts as if it held. So an event that the tables do not approve raises nothing,
 * and one that they approve may still raise nothing.
 */
#pragma once

#include "engine/base/buf.h"
#include "engine/enforce/tables.h"
#include "engine/event/event.h"

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
	struct approval_cost *images; /* owned; rules of which the kernel is told the process images on which they may hold */
	size_t n_images, images_size;
	uint64_t image_events;        /* bit N: some are of event number N, of which only what is approved is sent */
};
void approval_done(struct approval *a);

/* Of all enabled rules, whatever their action. 0; -E2BIG: too many texts, then nothing can be dropped; -ENOMEM. */
int approval_compile(const struct ruleset *set, struct approval *ret, struct diag *diag) MUST_CHECK;

/*
 * What the kernel is to be told of the image that did this: bits of the events on which rules in `images` may hold. Only where image_is_known says
 * that it can be told.
 */
uint64_t approval_image(const struct approval *a, const struct ruleset *set, const struct event *ev);

/* What this rule does to one of its events. */
enum approval_of_rule {
	APPROVAL_NEVER,  /* the event is sent for whatever reason: the kernel does not ask */
	APPROVAL_PART,   /* the kernel drops those on which the rule cannot hold */
	APPROVAL_WIDE,   /* the same; but it may hold on nearly all */
	APPROVAL_COSTS,  /* it can tell nothing of it */
};
struct approval_reason {
	struct place at;  /* of APPROVAL_COSTS: where the part stands that is to blame */
	struct buf text;  /* owned; APPROVAL_COSTS: that part; APPROVAL_PART and _WIDE: what is looked at, as a condition. Empty: no memory */
};
void approval_reason_done(struct approval_reason *reason);
enum approval_of_rule approval_of_rule(const struct ruleset *set, uint32_t rule, uint32_t event, struct approval_reason *ret);
