/* SPDX-License-Identifier: Apache-2.0 */
/* What the author of a rule that blocks can do about a test that cannot be decided. */
#pragma once

#include "engine/base/attr.h"

#define ADVICE_ALERT "use `action: kill`, which ends the process after the fact, or `action: alert`, or take the clause out"
#define ADVICE_KILL "use `action: kill`, which ends the process before its first instruction, or `action: alert`"

/* Of a field that the kernel does not look at: the one to ask instead, where there is one. */
const char *advice_for_field(const char *name) PURE;
