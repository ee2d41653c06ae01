/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a rule file: refused with a message, or loaded, then its cases run and its digest stands. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/enforce/decide.h"
#include "engine/enforce/tables.h"
#include "engine/rules/case_coverage.h"
#include "engine/rules/lint.h"
#include "engine/state/case.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* What check and test look at besides. */
static void look_at_all(const struct ruleset *set)
{
	struct diag lints = { 0 };
	struct case_coverage coverage = { 0 };
	uint32_t *shadows = NULL;
	for (uint32_t i = 0; i < ruleset_count(set); i++) {
		rule_lint(set, i, &lints);
		if (rule_cost_estimate(set, i).reason == NULL)
			abort();
	}
	ruleset_unused(set, &lints);
	if (lints.errors)
		abort(); /* a lint never fails */
	if (ruleset_shadows(set, &shadows) == 0)
		free(shadows);
	if (ruleset_case_coverage(set, &coverage) == 0 && coverage.decided > coverage.tests)
		abort();
	case_coverage_done(&coverage);
	diag_done(&lints);
}

/* Rules that block: refused with a reason, or tables that answer an event of which nothing is known. */
static void compile(const struct ruleset *set)
{
	static const struct verdict_world nowhere = { .generation = 1 };
	struct verdict_policy policy = { 0 };
	struct decider *decider = NULL;
	struct diag diag = { 0 };
	int err = verdict_compile(set, &nowhere, &policy, &diag);
	if (err && err != -ENOMEM && !diag.errors)
		abort();
	for (uint32_t event = 0; !err && event < EVENT_NUMBERS; event++) {
		struct decide_event ev = { .event = event, .is_ancestry_unknown = true };
		struct decide_answer answer;
		if (!decider && decider_new(&policy.tables, &decider))
			break;
		decide(decider, &ev, &answer);
	}
	decider_free(&decider);
	verdict_policy_done(&policy);
	diag_done(&diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct ruleset *set = NULL;
	struct diag diag = { 0 };
	struct case_result result;
	int err = ruleset_load_text("fuzz.yaml", (struct strview){ (const char *)bytes, n }, &set, &diag);
	if (err && (set || diag.errors == 0))
		abort(); /* a refusal says why, and hands out nothing */
	if (!err && (!set || diag.errors))
		abort();
	if (!err && ruleset_run_cases(set, &result, &diag) == 0 && state_run_cases(set, &result, &diag) == 0 && result.failed != diag.errors)
		abort();
	if (!err)
		look_at_all(set);
	if (!err)
		compile(set);
	ruleset_free(&set);
	diag_done(&diag);
	return 0;
}
