/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What limits alerts besides the throttles of single rules: a floor, a severity from which on nothing is held back by any limit, and one token
 * bucket for all rules together. What the bucket holds back is counted by rule and told by summaries: nothing vanishes. Works by the events' own
 * time. Nothing is allocated.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/rules/ruleset.h"

enum {
	NOISE_RULES = 64,      /* told apart in one summary; the others share one without a name */
	NOISE_ID_BYTES = 96,
	NOISE_MAX_RATE = 1000000,
	NOISE_MAX_BURST = 1000000,
};
#define NOISE_TELL_NS 10000000000ull /* from the first alert held back to the summary */

struct noise_options {
	uint64_t rate;  /* alerts a second; 0: there is no bucket */
	uint64_t burst; /* that may come at once; at least 1 */
	int floor;      /* enum severity; SEVERITY_COUNT: there is none */
};

/* What was held back of one rule. */
struct noise_row {
	char rule[NOISE_ID_BYTES]; /* "": of rules that found no row; a longer one is cut */
	uint64_t count;
	uint64_t first_ns, last_ns; /* wall clock of the first and the last, by the events' time; 0: not known */
};

struct noise {
	struct noise_options options;
	uint64_t interval_ns; /* between two tokens */
	uint64_t latest_ns;   /* newest event, boot clock: the bucket's time does not go back */
	uint64_t due_ns;      /* when the bucket would be full again */
	uint64_t tell_ns;     /* when what was held back is told; 0: there is nothing */
	struct noise_row rows[NOISE_RULES + 1]; /* the last one: of all others */
	size_t n_rows, n_told;
	bool has_others;
	uint64_t held;        /* ever */
};

/* options NULL: there is no bucket, and the floor is SEVERITY_CRITICAL. */
void noise_init(struct noise *n, const struct noise_options *options);
/* Does no limit hold this back? */
bool noise_is_loud(const struct noise *n, enum severity severity) PURE;

struct noisy {
	const char *rule; /* id */
	uint64_t boot_ns, wall_ns; /* of the event; wall_ns 0: not known */
};
/* Takes a token; false: there was none, and the alert is counted. Ask only for what is not loud. */
bool noise_pass(struct noise *n, const struct noisy *alert);
/* Takes out a row that is to be told at that time (UINT64_MAX: any); false: none is left. */
bool noise_take(struct noise *n, uint64_t boot_ns, struct noise_row *ret);
