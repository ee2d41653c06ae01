/* SPDX-License-Identifier: Apache-2.0 */
/* What of each event the kernel sends under some rules, and because of which. */
#pragma once

#include "engine/base/buf.h"
#include "engine/base/json.h"
#include "engine/rules/ruleset.h"

/* By event. costs_only: of those that are sent whole, the rules that cost that, and nothing of the others. 0 or a negative errno. */
int approval_overview_text(const struct ruleset *set, bool costs_only, struct buf *out) MUST_CHECK;
/* One object. */
int approval_overview_json(const struct ruleset *set, struct json *j) MUST_CHECK;
