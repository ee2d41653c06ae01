/* SPDX-License-Identifier: Apache-2.0 */
/* Items that change what other files say: `override:`, `override_list:`, `override_macro:`, `cases_for:`. Applied in load order. */
#pragma once

#include "engine/rules/format.h"

struct override {
	const struct rule_file *file;
	const struct yaml_node *node;
	enum part_id part;
};

struct override_list {
	struct override *p; /* owned */
	size_t n, size;
};
void override_list_done(struct override_list *list);

/* Keeps an item for later; 0, or -EINVAL after a report, or -ENOMEM. The file and its tree outlive the list. */
int override_add(struct override_list *list, struct compiler *c, const struct rule_file *file, const struct yaml_node *node, enum part_id part)
	MUST_CHECK;

/* All lists and macros are known, none is resolved. Reports; 0, -EINVAL or -ENOMEM. */
int override_names(const struct override_list *list, struct compiler *c) MUST_CHECK;
/* All rules are there. The same results; nothing is said of one that is not there because it was refused. */
int override_rules(const struct override_list *list, struct rule_sink *sink) MUST_CHECK;
