/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Refuses rules that would block what the host, or the engine itself, cannot do without (essentials.def). The acts are made into events and
 * the plain evaluator is asked, so any way to write such a rule is caught, allow-lists that left something out included.
 */
#pragma once

#include "engine/rules/ruleset.h"

/* Lists are NULL-terminated, or NULL; paths are absolute. All borrowed. */
struct essentials_host {
	const char *root;            /* "": this host; else a folder that holds another, for tests */
	const char *self;            /* the engine's program */
	const char *const *config, *const *rules, *const *log, *const *control;
	bool is_warning;             /* nothing is enforced: say it, refuse nothing */
};

/* True: this rule was forced, do not ask it. */
typedef bool essentials_forced_function(void *context, const struct rule_info *rule);

/* 0, or -EPERM with a message for each rule and kind of act, which names both; -ENOMEM. */
int essentials_check(const struct ruleset *set, const struct essentials_host *host, essentials_forced_function *is_forced, void *context,
		     struct diag *diag) MUST_CHECK;
