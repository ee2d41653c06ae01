/* SPDX-License-Identifier: Apache-2.0 */
/* Truth of one condition on one event. */
#pragma once

#include "engine/rules/condition.h"

struct matcher;

/* m is scratch, and counts what could not be decided. */
bool condition_holds(const struct condition *c, const struct event *ev, struct matcher *m);
