/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain tests over numbers, truth values and symbols. The values that the tests name cut the numbers into cells; within a cell all
 * tests have one answer, and the cell's list says which hold.
 */
#pragma once

#include "engine/index/lists.h"
#include "engine/index/text_index.h"

struct number_index;

enum { NUMBER_CELLS_MAX = 1024 };

/* 0, -ENOMEM, or -E2BIG: more cells than NUMBER_CELLS_MAX. The lists hold twice the predicates' numbers. */
int number_index_new(const struct indexed_test *tests, size_t n, enum value_class class, struct lists *lists, struct number_index **ret)
	MUST_CHECK;
void number_index_free(struct number_index **x);

/* The list of a value (a signed one as its bits). */
uint16_t number_index_list(const struct number_index *x, uint64_t value) PURE;
size_t number_index_bytes(const struct number_index *x);
