/* SPDX-License-Identifier: Apache-2.0 */
/* Passwords in the environment variables of a record: taken out before anything else looks at it. */
#pragma once

#include "engine/event/event.h"

/* Whether the event has variables that may hold a password: then it is worth a copy. */
bool mask_is_due(const struct event *ev) PURE;

/*
 * In variables as NAME=value, each ended by NUL: the password of user:password@, at the begin of the value or after "://", becomes "***"
 * (a shorter one as many stars as it has bytes). Neither user nor password reaches over a slash, a blank, or a NUL: what is a path stays.
 * Returns how many bytes there are now; those behind are zeroed.
 */
size_t mask_variables(char *text, size_t n);

/* The same in a record that is the caller's own copy of a decoded one, its length mended. */
void mask_record(void *bytes);
