/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a rule file: refused with a message, or loaded, then its cases run and its digest stands. */
#include <stdio.h>
#include <stdlib.h>

#include "engine/state/case.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

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
	ruleset_free(&set);
	diag_done(&diag);
	return 0;
}
