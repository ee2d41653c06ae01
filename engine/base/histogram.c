/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/histogram.h"

#include "engine/base/attr.h"

struct histogram histogram_of_times(void)
{
	static const uint64_t bounds_ns[] = { 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000, 2500000, 5000000, 10000000, 25000000, 100000000,
					      1000000000, 10000000000 };
	return (struct histogram){ .bounds = bounds_ns, .n_bounds = ARRAY_SIZE(bounds_ns) };
}

struct histogram histogram_of_batches(void)
{
	static const uint64_t bounds[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256 };
	return (struct histogram){ .bounds = bounds, .n_bounds = ARRAY_SIZE(bounds) };
}
