/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/blocking.h"

#include "engine/daemon/own_files.h"
#include "engine/daemon/watch.h"

/* Of an engine whose files nobody knows here: it is its program alone. */
static int check_essentials(const struct ruleset *set, bool is_forced, struct diag *diag)
{
	CLEANUP(own_files_done) struct own_files own = { 0 };
	struct watch_options o = watch_defaults();
	o.enforce = !is_forced;
	int err = own_files_fill(&own, &o);
	return err ? err : essentials_check(set, &own.host, NULL, NULL, diag);
}

int blocking_check(const struct ruleset *set, bool is_forced, struct verdict_counts *ret, struct diag *diag)
{
	static const struct verdict_world here = { .generation = 1, .follows_links = true };
	CLEANUP(verdict_policy_done) struct verdict_policy policy = { 0 };
	int refused = check_essentials(set, is_forced, diag), err = verdict_compile(set, &here, &policy, diag);
	err = err ? err : refused;
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
