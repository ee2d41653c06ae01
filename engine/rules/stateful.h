/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that look at more than one event: what engine/state runs. The single events that feed such a rule are matches of ordinary
 * entries of the set: other rules, or steps, which are entries of their own that never raise anything. So whatever evaluates the
 * set evaluates them too. docs/rules.md says what each kind means.
 *
 * A loader of another format fills a struct stateful, points rule.stateful at it and hands the rule to rule_sink_add; the rule needs no
 * condition. Its inputs name entries by index (of the last rule added: sink->n - 1) or by id, which is looked up when all are known.
 */
#pragma once

#include <sodium.h>

#include "engine/rules/condition.h"

enum {
	STATEFUL_MAX_INPUTS = 32,  /* rules that feed one rule; steps of `together` */
	STATEFUL_MAX_STEPS = 12,   /* of a sequence: a group keeps up to the square of it */
	STATEFUL_MAX_KEYS = 8,     /* fields of `by` */
	STATEFUL_MAX_COUNT = 4096, /* of a threshold: a group keeps up to that many times, at 48 bytes */
	STATEFUL_MAX_DEPTH = 4,    /* stateful rules that feed stateful rules */
};
#define STATEFUL_MAX_WITHIN_NS (24ull * 3600 * 1000000000)

enum stateful_kind { STATEFUL_THRESHOLD, STATEFUL_SEQUENCE, STATEFUL_TOGETHER, STATEFUL_ABSENCE, STATEFUL_KIND_COUNT };

/* Whose events belong together, beside the keys. */
enum stateful_lineage {
	LINEAGE_ANY,
	LINEAGE_SELF,   /* the process of the first event and its descendants */
	LINEAGE_PARENT, /* the process that created it, and its descendants */
};

/* What feeds a stateful rule. */
struct stateful_input {
	const char *id;           /* entry by its id; NULL: by step or rule */
	struct rule *step;        /* entry of its own, which rule_sink_add adds; NULL: by id or rule */
	uint32_t rule;            /* index of the entry; set by the sink when id or step say which */
	struct place at;
	const struct field_ref *keys[STATEFUL_MAX_KEYS]; /* values of the group, in the order that all inputs share */
	const struct field_ref *distinct;                /* thresholds over values */
};

struct stateful {
	enum stateful_kind kind;
	enum stateful_lineage lineage; /* not of thresholds */
	uint64_t within_ns;
	/*
	 * Thresholds: the counts that raise. most UINT64_MAX (gt, gte): at the event that makes it `least`. Else (lt, lte, eq): at the end of
	 * the time that the first event of a group began.
	 */
	uint64_t least, most;
	size_t n_keys, n_inputs;
	struct stateful_input *inputs; /* sequence: in order; absence: the event, then the one that is missing */
	uint32_t rule;                 /* whose it is: index; set by the sink */
	unsigned char digest[crypto_hash_sha256_BYTES]; /* of all that decides what it raises; set when all rules are known */
};

/* Says which input of which stateful rule an entry feeds. */
struct stateful_feed {
	uint32_t stateful; /* index in ruleset.stateful */
	uint32_t input;
};

/* The inputs whose event an alert may be about: ret_first and how many from there. */
void stateful_alert_inputs(const struct stateful *s, size_t *ret_first, size_t *ret_n);

/* What one comparison leaves of the counts: name is gt, gte, lt (n > 0), lte or eq. */
void stateful_narrow(struct stateful *s, struct strview name, uint64_t n);
const char *stateful_kind_name(enum stateful_kind kind) PURE;
