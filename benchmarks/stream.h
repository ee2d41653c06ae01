/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stream of events that rules are measured on: opens, execs, connections and some of everything else, from processes that
 * live, have parents, and are partly in containers. Whole in memory before anything is measured; the same for the same seed.
 */
#pragma once

#include "benchmarks/ruletext.h"
#include "engine/base/arena.h"
#include "engine/event/event.h"

struct stream_options {
	size_t n;
	bool all_new;                   /* every path and every argument list is one that was never seen */
	const struct made_rules *rules; /* a few events have strings of the first BASE_RULES of these */
};

struct stream {
	struct arena arena;
	struct event *events; /* in the arena, as all they point to */
	size_t n;
	size_t bytes;         /* of all command lines */
	size_t execs;
};

int stream_make(const struct words *w, const struct stream_options *options, struct stream *ret) MUST_CHECK;
void stream_done(struct stream *s);
