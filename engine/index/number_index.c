/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/index/number_index.h"

#include <errno.h>
#include <stdlib.h>

/* Signed numbers in the order of unsigned ones. */
static uint64_t ordered(bool is_signed, uint64_t u)
{
	return is_signed ? u ^ 1ull << 63 : u;
}

void number_index_free(struct number_index **x)
{
	if (!*x)
		return;
	free((*x)->from);
	free((*x)->lists);
	free(*x);
	*x = NULL;
}

size_t number_index_bytes(const struct number_index *x)
{
	return sizeof(*x) + x->n * (sizeof(*x->from) + sizeof(*x->lists));
}

/* --- building ----------------------------------------------------------------------------------------------------------- */

static bool compares(const struct test *t, bool is_signed, uint64_t v, const struct operand *o)
{
	uint64_t with = ordered(is_signed, o->u);
	switch (t->op->id) {
	case OP_LT:
		return v < with;
	case OP_LE:
		return v <= with;
	case OP_GT:
		return v > with;
	case OP_GE:
		return v >= with;
	case OP_NE:
		return v != with;
	default:
		return v == with;
	}
}

static bool test_holds_of(const struct test *t, bool is_signed, uint64_t v)
{
	if (t->op->id == OP_EXISTS)
		return true;
	for (size_t i = 0; i < t->n_operands; i++)
		if (compares(t, is_signed, v, &t->operands[i]))
			return true;
	return false;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static size_t sort_unique(uint64_t *v, size_t n)
{
	size_t kept = 0;
	qsort(v, n, sizeof(*v), by_number);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || v[kept - 1] != v[i])
			v[kept++] = v[i];
	return kept;
}

static int cut(struct number_index *x, const struct indexed_test *tests, size_t n)
{
	size_t room = 1;
	for (size_t i = 0; i < n; i++)
		room += 2 * tests[i].test->n_operands;
	x->from = calloc(room, sizeof(*x->from));
	if (!x->from)
		return -ENOMEM;
	x->n = 1;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < tests[i].test->n_operands; k++) {
			uint64_t v = ordered(x->is_signed, tests[i].test->operands[k].u);
			x->from[x->n++] = v;
			if (v != UINT64_MAX)
				x->from[x->n++] = v + 1;
		}
	}
	x->n = sort_unique(x->from, x->n);
	return x->n > NUMBER_CELLS_MAX ? -E2BIG : 0;
}

int number_index_new(const struct indexed_test *tests, size_t n, enum value_class class, struct lists *lists, struct number_index **ret)
{
	CLEANUP(number_index_free) struct number_index *x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	x->is_signed = class == CLASS_SINT;
	int err = cut(x, tests, n);
	if (err)
		return err;
	x->lists = calloc(x->n, sizeof(*x->lists));
	uint32_t *items = calloc(n + 1, sizeof(*items));
	for (size_t cell = 0; x->lists && items && cell < x->n; cell++) {
		size_t held = 0;
		for (size_t i = 0; i < n; i++)
			if (test_holds_of(tests[i].test, x->is_signed, x->from[cell]))
				items[held++] = tests[i].predicate * 2;
		x->lists[cell] = lists_id(lists, items, held);
		if (x->lists[cell] == LIST_NONE)
			err = -E2BIG;
	}
	if (!x->lists || !items)
		err = -ENOMEM;
	free(items);
	if (err)
		return err;
	*ret = TAKE(x);
	return 0;
}
