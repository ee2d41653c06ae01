/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers by a seed: the same on every machine, so that a stream or a failure can be made again. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/attr.h"

struct random {
	uint64_t state;
};

uint64_t random_u64(struct random *r);
/* 0 .. n-1; n > 0. */
size_t random_below(struct random *r, size_t n);
/* In `out_of` cases, `times` are true. */
bool random_chance(struct random *r, unsigned times, unsigned out_of);

/* Ranks by Zipf's law: rank k (from 0) has the weight 1 / (k+1)^s, s = tenths / 10. */
struct zipf {
	double *sums; /* owned */
	size_t n;
};
int zipf_init(struct zipf *z, size_t n, unsigned tenths) MUST_CHECK;
void zipf_done(struct zipf *z);
size_t zipf_next(const struct zipf *z, struct random *r);
