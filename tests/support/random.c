/* SPDX-License-Identifier: Apache-2.0 */
/* splitmix64, and ranks drawn by their sums of weights. Only additions, products and roots of doubles, which are the same everywhere. */
#include "tests/support/random.h"

#include <errno.h>
#include <stdlib.h>

uint64_t random_u64(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

size_t random_below(struct random *r, size_t n)
{
	return (size_t)((unsigned __int128)random_u64(r) * n >> 64);
}

bool random_chance(struct random *r, unsigned times, unsigned out_of)
{
	return random_below(r, out_of) < times;
}

static double power(double x, unsigned n)
{
	double p = 1;
	while (n-- > 0)
		p *= x;
	return p;
}

/* By Newton's method from above, where it falls monotonically. */
static double tenth_root(double x)
{
	double root = x > 1 ? x : 1;
	for (int i = 0; i < 200; i++)
		root = (9 * root + x / power(root, 9)) / 10;
	return root;
}

int zipf_init(struct zipf *z, size_t n, unsigned tenths)
{
	double sum = 0;
	*z = (struct zipf){ .n = n };
	z->sums = calloc(n, sizeof(*z->sums));
	if (!z->sums)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		double k = (double)(i + 1);
		sum += 1 / (power(k, tenths / 10) * power(tenth_root(k), tenths % 10));
		z->sums[i] = sum;
	}
	return 0;
}

void zipf_done(struct zipf *z)
{
	free(z->sums);
	*z = (struct zipf){ 0 };
}

size_t zipf_next(const struct zipf *z, struct random *r)
{
	double at = (double)(random_u64(r) >> 11) / 9007199254740992.0 * z->sums[z->n - 1];
	size_t low = 0, high = z->n - 1;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (z->sums[middle] > at)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}
