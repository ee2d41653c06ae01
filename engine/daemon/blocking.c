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

const char *blocking_kill_time(const struct rule_info *rule, bool is_decided)
{
	const uint64_t exec = 1ull << EVENT_PROC_EXEC;
	if (!is_decided || !(rule->events & exec))
		return "after the fact";
	return rule->events == exec ? "before the first instruction" : "process.exec before the first instruction, other events after the fact";
}
