/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns rules that block process.exec into keys of the kernel's trie, or says why one cannot be decided there.
 *
 * Decided now: any `or` of process.executable (or file.path, the same for an exec) with = == in startswith. Each path becomes a key
 * on the path from the namespace root, as written and with symbolic links resolved, and one on (device, path inside its file
 * system), which chroot and private bind mounts cannot change.
 */
#pragma once

#include "engine/enforce/mounts.h"
#include "engine/probe/sensor.h"
#include "engine/rules/ruleset.h"

enum { EXEC_POLICY_MAX_KEYS = 4096 }; /* capacity of the kernel's trie */

struct exec_policy {
	struct exec_rule *keys; /* owned */
	size_t n;
};

/*
 * Compiles all rules whose action is block. 0, or -EINVAL with a message for each rule that the kernel cannot decide. Warnings
 * tell of paths that lead through symbolic links.
 */
int exec_policy_compile(const struct ruleset *set, const struct mounts *mounts, struct exec_policy *ret, struct diag *diag) MUST_CHECK;
void exec_policy_done(struct exec_policy *p);
