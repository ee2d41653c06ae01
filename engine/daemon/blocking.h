/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands say of rules that block: whether the kernel can decide them, and whether a daemon on this host would take them. */
#pragma once

#include "engine/enforce/tables.h"

/*
 * Compiles the rules that block without this host's mounts, and asks whether they block what the host cannot do without; is_forced: that is a warning. 0,
 * or a negative errno with every reason in diag. Counts stay zero when no rule blocks.
 */
int blocking_check(const struct ruleset *set, bool is_forced, struct verdict_counts *ret, struct diag *diag) MUST_CHECK;

/* When a rule that kills does so; is_decided: verdict_check_rule has nothing against it. */
const char *blocking_kill_time(const struct rule_info *rule, bool is_decided);
