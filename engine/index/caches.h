/* SPDX-License-Identifier: Apache-2.0 */
/* The memory of a compiled set that changes with the events: caches, scratch. */
#pragma once

#include "engine/index/engine_parts.h"

/* After engine_build; 0 or -ENOMEM. */
int caches_init(struct engine *e) MUST_CHECK;
void caches_done(struct engine *e);
size_t caches_bytes(const struct engine *e);
void caches_empty(struct engine *e);

/* Makes a row that of another image; what it knew is gone. */
struct image_row *caches_image_anew(struct engine *e, struct image_row *row, const struct image_stamp *stamp);

/* The row of the event's image. */
static inline struct image_row *caches_image(struct engine *e, const struct event *ev)
{
	const struct image_stamp *stamp = ev->derived ? &ev->derived->image : NULL;
	if (!stamp || !stamp->id || e->config.no_cache)
		return caches_image_anew(e, e->no_image, stamp);
	struct image_row *row = (struct image_row *)(void *)(e->images + (stamp->slot & e->image_mask) * e->image_stride);
	if (row->id != stamp->id || row->version != stamp->version || row->generation != e->generation)
		return caches_image_anew(e, row, stamp);
	e->stats.image_hits++;
	return row;
}

static inline size_t caches_memo(const struct engine *e, const struct event_plan *ep, uint16_t list)
{
	return (size_t)list * e->n_events + ep->index;
}
