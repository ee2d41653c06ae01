/* SPDX-License-Identifier: Apache-2.0 */
/* A case of a rule about several events, told event by event: which step took it, and what was missing at the end. */
#pragma once

#include <stdbool.h>

#include "engine/base/buf.h"
#include "engine/rules/set.h"
#include "engine/state/case.h"

struct told_case {
	const struct ruleset *set;
	const struct rule *rule;    /* has stateful */
	const struct rule_case *one;
	const struct case_story *story;
};

void told_case_text(const struct told_case *t, struct buf *out);
/* Members of the current object: "events" and "missing". */
void told_case_json(const struct told_case *t, struct json *j);
