/* SPDX-License-Identifier: Apache-2.0 */
/* Measures what rules cost on given events: all events lie in memory, and are judged in several passes. */
#pragma once

#include "engine/base/buf.h"
#include "engine/event/event.h"
#include "engine/index/engine.h"

enum { BENCH_MAX_BYTES = 1024 * 1024 * 1024 };

struct bench;

int bench_new(struct bench **ret) MUST_CHECK;
void bench_free(struct bench **b);

/* Copies the event. 0, or -ENOMEM: BENCH_MAX_BYTES are used, the event is left out. */
int bench_add(struct bench *b, const struct event *ev) MUST_CHECK;

struct bench_result {
	size_t events;
	unsigned passes;
	double first_ns, median_ns, best_ns; /* of one event: first pass (caches empty), and those after it */
	double instructions;                 /* of one event, in user space, over the passes after the first; below 0: not to be had */
	const char *no_instructions;         /* why not */
	uint64_t matches;                    /* of one pass */
};
void bench_run(struct bench *b, struct engine *engine, struct bench_result *ret);
