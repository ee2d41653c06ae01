/* SPDX-License-Identifier: Apache-2.0 */
/* Truth of one condition on one event. */
#pragma once

#include "engine/rules/condition.h"

struct matcher;

/* m is scratch, and counts what could not be decided. */
bool condition_holds(const struct condition *c, const struct event *ev, struct matcher *m);

/* The field's value in this event. What a computed field makes of text lies in m's scratch until m->used is set back. */
struct value field_ref_value(struct matcher *m, const struct event *ev, const struct field_ref *ref);
