/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes an event out of fields by name: a real record with its tail, and derived fields, all by the table. For rule cases and
 * tests; nothing on the road of real events uses it.
 */
#pragma once

#include "engine/base/diag.h"
#include "engine/event/event.h"

struct event_builder;

int event_builder_new(struct event_builder **ret) MUST_CHECK;
void event_builder_free(struct event_builder **b);

/* Starts an event of a type: numbers 0, texts and all else that can be missing are missing. What an earlier event of the builder was is gone. */
void event_builder_begin(struct event_builder *b, const struct event_type *type);

/*
 * Gives a public field its value as JSON would show it: numbers (octal with a leading 0), symbols, true and false, addresses.
 * Lists and flags take several items. -ENOENT: the event has no such field; -EINVAL: no value for it; -E2BIG: the record is full.
 */
int event_builder_set(struct event_builder *b, struct strview name, const struct strview *items, size_t n) MUST_CHECK;
int event_builder_set_text(struct event_builder *b, const char *name, const char *text) MUST_CHECK;
/* When it happened, by the wall clock. */
int event_builder_set_time(struct event_builder *b, uint64_t wall_ns) MUST_CHECK;

/*
 * Of a refused exec, whose process.* are the caller's: as the kernel judged it, with the file that was to be executed as process.executable, and the
 * caller among the creators: 1. Other events stay as they are: 0. ret: from event_builder_event.
 */
int event_builder_as_judged(struct event_builder *b, struct event *ret) MUST_CHECK;

/*
 * The event: through the decoder, and valid until the next call. Fills what follows from what was given and was not given itself:
 * event.action; file.name, file.directory and file.extension from file.path; process.command_line from process.args.
 */
int event_builder_event(struct event_builder *b, struct event *ret) MUST_CHECK;
