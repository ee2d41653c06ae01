/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events as whoever judges them has them: the record was checked just before, what is derived of it was written just before, and so
 * both are near. In a stream that was made long ago they are far away, and judging would be charged with fetching them. Texts that
 * enrichment only points to (users, containers, control groups, what is known of older images) stay where the stream has them.
 */
#pragma once

#include "engine/event/event.h"

enum { DESK_EVENTS = 64, DESK_BYTES = 1 << 20 }; /* mostly below 128 KiB are in use */

struct desk {
	char *bytes; /* owned */
	size_t used, n;
	struct event events[DESK_EVENTS];
	struct derived derived[DESK_EVENTS];
};

int desk_init(struct desk *desk) MUST_CHECK;
void desk_done(struct desk *desk);
/* Puts as many of the n events there as there is room for, at least one, instead of those that were there; returns how many. */
size_t desk_lay(struct desk *desk, const struct event *events, size_t n);
