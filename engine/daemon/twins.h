/* SPDX-License-Identifier: Apache-2.0 */
/*
 * While a daemon follows another, the programs of both tell of what happens, because a moment when neither did would be worse. So an act can have
 * a record in the rings of both: twins. The records of before are entered here as they are read; of ours, those that are twins of one are found.
 */
#pragma once

#include "engine/event/event.h"

struct twins;

enum { TWINS_MAX = 16384 }; /* entered; what is beyond is told twice, and counted */

/* from_boot_ns: since then there can be twins. 0 or -ENOMEM. */
int twins_new(uint64_t from_boot_ns, struct twins **ret) MUST_CHECK;
void twins_free(struct twins **t);

/* A record of before. Those that are damaged, or too old to have a twin, are left out. */
void twins_enter(struct twins *t, const void *bytes, size_t size);
/* From now on the programs of before tell of nothing. */
void twins_close(struct twins *t, uint64_t boot_ns);
/* Whether it is the twin of a record that was entered; each of those has one at most. */
bool twins_take(struct twins *t, const struct event *ev) MUST_CHECK;
/* No record from this time on can be a twin. */
bool twins_is_over(const struct twins *t, uint64_t boot_ns);
/* Records that found no room. */
uint64_t twins_dropped(const struct twins *t);
