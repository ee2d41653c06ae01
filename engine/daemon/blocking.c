/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/blocking.h"

int blocking_check(const struct ruleset *set, struct verdict_counts *ret, struct diag *diag)
{
	static const struct verdict_world nowhere = { .generation = 1 };
	CLEANUP(verdict_policy_done) struct verdict_policy policy = { 0 };
	int err = verdict_compile(set, &nowhere, &policy, diag);
	if (!err)
		*ret = policy.counts;
	return err;
}
