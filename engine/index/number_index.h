/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain tests over numbers, truth values and symbols. The values that the tests name cut the numbers into cells; within a cell all
 * tests have one answer, and the cell's list says which hold.
 */
#pragma once

#include "engine/index/lists.h"
#include "engine/index/text_index.h"

struct number_index {
	size_t n;
	uint64_t *from;  /* owned; where each cell begins; the first at 0 */
	uint16_t *lists; /* owned */
	bool is_signed;
};

enum { NUMBER_CELLS_MAX = 1024 };

/* 0, -ENOMEM, or -E2BIG: more cells than NUMBER_CELLS_MAX. The lists hold twice the predicates' numbers. */
int number_index_new(const struct indexed_test *tests, size_t n, enum value_class class, struct lists *lists, struct number_index **ret)
	MUST_CHECK;
void number_index_free(struct number_index **x);

/* The list of a value (a signed one as its bits). */
static inline uint16_t number_index_list(const struct number_index *x, uint64_t value)
{
	uint64_t v = x->is_signed ? value ^ 1ull << 63 : value; /* in the order of unsigned ones */
	size_t low = 0;
	for (size_t n = x->n; n > 1;) {
		size_t half = n / 2;
		low += x->from[low + half] <= v ? half : 0;
		n -= half;
	}
	return x->lists[low];
}

size_t number_index_bytes(const struct number_index *x);
