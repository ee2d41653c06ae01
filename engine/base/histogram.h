/* SPDX-License-Identifier: Apache-2.0 */
/* How often which sizes came: counts between fixed bounds, and the sum. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_BOUNDS = 16 };

struct histogram {
	const uint64_t *bounds; /* borrowed; rising, each belongs to the count below it */
	size_t n_bounds;        /* at most HISTOGRAM_BOUNDS */
	uint64_t counts[HISTOGRAM_BOUNDS + 1]; /* the last one: above all bounds */
	uint64_t sum;
};

/* 1 us to 10 s. */
struct histogram histogram_of_times(void);
/* 1 to 256, doubling. */
struct histogram histogram_of_batches(void);

static inline void histogram_add(struct histogram *h, uint64_t value)
{
	size_t i = 0;
	while (i < h->n_bounds && value > h->bounds[i])
		i++;
	h->counts[i]++;
	h->sum += value;
}
