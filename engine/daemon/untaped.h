/* SPDX-License-Identifier: Apache-2.0 */
/* What rules ask for and a tape does not have, because another version recorded it: their silence says nothing then. */
#pragma once

#include "engine/rules/ruleset.h"
#include "engine/tape/tape.h"

/* A line for each event or field, with the rules that ask for it. 0 or -ENOMEM. */
int untaped_tell(const struct ruleset *set, const struct tape_reader *tape, struct buf *out) MUST_CHECK;
