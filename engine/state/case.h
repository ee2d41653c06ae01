/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the cases of rules about several events, as ruleset_run_cases does those of all others. */
#pragma once

#include "engine/rules/ruleset.h"

struct rule;
struct rule_case;
struct state_note;

/* One event of a case as the rule took it. */
struct case_note {
	uint32_t event, time; /* of the case's events, and which of its times; both from 0 */
	uint32_t input;
	int kind;             /* enum state_note_kind */
	uint64_t n;
};

enum { STORY_MAX_NOTES = 4096 };

struct case_story {
	struct case_note *notes; /* owned */
	size_t n, n_left_out;
	bool is_raised;
};
void case_story_done(struct case_story *story);

/* Runs one case of a rule about several events, and tells. 0, -EINVAL (told in diag) or -ENOMEM. */
int state_tell_case(const struct ruleset *set, const struct rule *rule, const struct rule_case *one, struct case_story *ret, struct diag *diag) MUST_CHECK;

/* Adds to ret; failures are described in diag. 0, or a negative errno when they could not be run. */
int state_run_cases(const struct ruleset *set, struct case_result *ret, struct diag *diag) MUST_CHECK;
