/* SPDX-License-Identifier: Apache-2.0 */
/* Rules by chance, as text: every operator, function and modifier, fields of every class, exceptions, macros and lists, nested. */
#pragma once

#include "engine/rules/ruleset.h"
#include "tests/support/random.h"

struct random_rules {
	struct buf *text; /* owned; one for each rule */
	size_t n;
};

/* n rules over a few kinds of events. */
int random_rules_make(struct random *r, size_t n, struct random_rules *ret) MUST_CHECK;
void random_rules_done(struct random_rules *rules);
/* Some rules become others. */
int random_rules_change(struct random *r, struct random_rules *rules) MUST_CHECK;

/*
 * Loads them. Rules that are refused are taken out first (a field that none of the rule's events has, and the like) and counted; 0, or
 * -EINVAL when a refusal cannot be laid to a rule (then in diag).
 */
int random_rules_load(struct random_rules *rules, struct ruleset **ret_set, size_t *ret_refused, struct diag *diag) MUST_CHECK;

/* The lists and macros that the rules speak of, then the rules whose flag is set (NULL: all), as a file. */
void random_rules_text(const struct random_rules *rules, const bool *wanted, struct buf *out);
