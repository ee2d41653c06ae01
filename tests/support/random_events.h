/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events by chance, for given rules: any field may be missing, cut, uncertain or odd; texts and numbers are near those that the rules
 * speak of. Process images come again, change their version, and give their slots to others; all that is said of one image under
 * one version is the same.
 */
#pragma once

#include "engine/base/arena.h"
#include "engine/rules/ruleset.h"
#include "tests/support/random.h"

struct random_events;

int random_events_new(struct random *r, struct random_events **ret) MUST_CHECK;
void random_events_free(struct random_events **e);

/* What the set's rules speak of is what the next events are made of. */
int random_events_follow(struct random_events *e, const struct ruleset *set) MUST_CHECK;
/* An event; it lives in the arena, as all it points to. The arena outlives e: earlier events come again. */
int random_events_next(struct random_events *e, struct arena *arena, struct event *ret) MUST_CHECK;

/* For people: its fields, one a line. */
void random_event_text(const struct event *ev, struct buf *out);
