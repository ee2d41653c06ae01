/* SPDX-License-Identifier: Apache-2.0 */
/* What an item says it does to an earlier one: `override: {key: append|replace}`, or the old `append: true`. */
#pragma once

#include "engine/base/yaml.h"

/* A boolean as yaml-cpp reads it: y, yes, true, on and their opposites, in small or capital letters or with a capital first, quoted or not. 0, or -EINVAL after a report. */
int falco_bool(const struct yaml_node *node, bool *ret, struct diag *diag) MUST_CHECK;

enum falco_change { FALCO_DEFINES, FALCO_APPENDS, FALCO_REPLACES };

struct falco_override_key {
	const char *name;
	bool can_append, can_replace;
};

enum { FALCO_OVERRIDE_MAX = 16 };

struct falco_override {
	bool is_any;     /* the item changes an earlier one */
	bool is_old;     /* by `append: true` */
	enum falco_change of[FALCO_OVERRIDE_MAX]; /* by key, in the order of the table */
};

/*
 * Reads `override` and `append` of an item whose keys can be changed as the table says (with `append: true`: all that can be appended are).
 * 0, or -EINVAL after a report.
 */
int falco_override_read(const struct yaml_node *item, const struct falco_override_key *keys, size_t n, struct diag *diag, struct falco_override *ret)
	MUST_CHECK;
