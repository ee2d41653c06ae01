/* SPDX-License-Identifier: Apache-2.0 */
/* Events kept past their call: the record and all that was derived, in one block of the pool, with pointers of its own. */
#pragma once

#include "engine/event/event.h"
#include "engine/rules/stateful.h"
#include "engine/state/pool.h"

struct kept {
	struct event ev;
	struct derived derived;
	struct strview ancestors; /* what derived.ancestors reads, if the event has it */
	uint64_t time_ns;   /* that it counts at */
	uint64_t number;    /* order of arrival */
	uint32_t refs;
	uint32_t n_feeds;
	struct stateful_feed *feeds; /* what it feeds by itself */
};

/* Bytes that a copy of the event takes with n_feeds feeds. */
size_t kept_size(const struct event *ev, size_t n_feeds);
/* Copies into a block; derived texts that find no room are left out. refs is 1, the feeds are to be filled in. NULL: not even the record fits. */
struct kept *kept_fill(struct pool *p, uint32_t block, const struct event *ev, size_t n_feeds);
