/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a compiled set that changes with the events: caches, scratch. */
#pragma once

#include "engine/index/engine_parts.h"

/* After engine_build; 0 or -ENOMEM. */
int caches_init(struct engine *e) MUST_CHECK;
void caches_done(struct engine *e);
size_t caches_bytes(const struct engine *e);
void caches_empty(struct engine *e);

/* The row of the event's image; what it knew of another image is gone. */
struct image_row *caches_image(struct engine *e, const struct event *ev);

static inline size_t caches_memo(const struct engine *e, const struct event_plan *ep, uint16_t list)
{
	return (size_t)list * e->n_events + ep->index;
}
