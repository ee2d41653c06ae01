/* SPDX-License-Identifier: Apache-2.0 */
/* A set of small numbers that gives them back in order. Empty again when all were taken, at a cost by what was in it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bitset {
	uint64_t *words, *summary; /* owned; bit N of the summary: word N is not 0 */
	size_t n_summary;
};

/* For numbers below n; 0 or -ENOMEM. */
int bitset_init(struct bitset *set, size_t n) __attribute__((warn_unused_result));
void bitset_done(struct bitset *set);

static inline void bitset_add(struct bitset *set, uint32_t i)
{
	set->words[i / 64] |= 1ull << i % 64;
	set->summary[i / 4096] |= 1ull << i / 64 % 64;
}

/* Takes the lowest out that is not below *from, which moves on: 0 at the start. False when there is none. */
static inline bool bitset_take(struct bitset *set, size_t *from, uint32_t *ret)
{
	for (; *from < set->n_summary; ++*from) {
		if (!set->summary[*from])
			continue;
		size_t at = *from * 64 + (size_t)__builtin_ctzll(set->summary[*from]);
		*ret = (uint32_t)(at * 64 + (size_t)__builtin_ctzll(set->words[at]));
		set->words[at] &= set->words[at] - 1;
		if (!set->words[at])
			set->summary[*from] &= set->summary[*from] - 1;
		return true;
	}
	return false;
}
