/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many alerts of a rule are let through. A window begins with an alert, by the event's own time, and lasts `per`; `count` alerts
 * of it pass, the others are counted and told by a summary when it has ended: nothing vanishes. Windows are kept for each rule and each
 * set of values of its `by` fields, those of undecided alerts apart; when their number would pass the maximum, the one in which nothing
 * was raised for longest is ended early (and told), so that a flood of different values gives more alerts, not fewer. Nothing is allocated
 * after throttle_new.
 */
#pragma once

#include "engine/rules/ruleset.h"

enum {
	THROTTLE_MAX_WINDOWS = 4096, /* of all rules together: about 1.2 MiB */
	THROTTLE_MAX_BY = 4,
	THROTTLE_MAX_COUNT = 1000000,
	THROTTLE_GROUP_BYTES = 192,  /* what a summary shows of the values */
};

struct field_ref;

/* Of one rule. */
struct rule_throttle {
	uint32_t count;
	uint64_t per_ns;
	const struct field_ref *by[THROTTLE_MAX_BY];
	size_t n_by;
};

/* A window that has ended, or was ended early, and in which alerts did not pass. */
struct throttle_summary {
	const struct rule_info *rule; /* NULL: there is nothing to tell */
	uint64_t suppressed;
	uint64_t since_boot_ns;       /* when its window began, by the event's time */
	uint64_t since_ns;            /* the same as wall clock; 0: not known */
	uint64_t last_ns;             /* wall clock of the last that did not pass; 0: not known */
	const char *group;            /* "user.name=root, file.path=/x", "undecided, user.name=root", or ""; valid until the next call */
};

struct throttle;

struct throttle_stats {
	size_t windows;    /* now */
	uint64_t hurried;  /* windows that ended early, for want of room */
	size_t bytes;      /* memory of all */
};
/* t may be NULL. */
void throttle_get_stats(const struct throttle *t, struct throttle_stats *ret);

/* set is borrowed. *ret is NULL when no rule of the set has a throttle. 0 or -ENOMEM. */
int throttle_new(const struct ruleset *set, struct throttle **ret) MUST_CHECK;
void throttle_free(struct throttle **t);

/* An alert of the rule. */
struct throttled {
	uint32_t rule;
	bool is_undecided; /* whether it holds is not known: such alerts have windows of their own, and take no room from real ones */
	const struct event *ev;
};

/* Whether this alert passes. *ret_ended: a window that had to go first. */
bool throttle_pass(struct throttle *t, const struct throttled *alert, struct throttle_summary *ret_ended);

/*
 * To be called on a new throttle before its first event: windows of rules that are in both sets, with the same throttle, go on there. The
 * others stay, to be told. Either may be NULL. Without memory all of them stay.
 */
void throttle_carry_over(struct throttle *from, struct throttle *to);

/* Takes out a window that had ended at boot_ns (UINT64_MAX: any) and in which alerts did not pass; false when there is none left. t may be NULL. */
bool throttle_ended(struct throttle *t, uint64_t boot_ns, struct throttle_summary *ret);
