/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/index/bitset.h"

#include <errno.h>
#include <stdlib.h>

int bitset_init(struct bitset *set, size_t n)
{
	*set = (struct bitset){ .n_summary = n / 4096 + 1 };
	set->summary = calloc(set->n_summary, sizeof(*set->summary));
	set->words = calloc(n / 64 + 1, sizeof(*set->words));
	return set->summary && set->words ? 0 : -ENOMEM;
}

void bitset_done(struct bitset *set)
{
	free(set->words);
	free(set->summary);
	*set = (struct bitset){ 0 };
}
