/* SPDX-License-Identifier: Apache-2.0 */
/* Which of many predicates over one text field hold of a text, or of an item of a list. */
#pragma once

#include "engine/base/attr.h"
#include "engine/index/finder.h"
#include "engine/rules/condition.h"

struct text_index;

struct indexed_test {
	const struct test *test; /* borrowed */
	uint32_t predicate;
};

/* 0 or -ENOMEM. tests is only needed during the call. */
int text_index_new(const struct indexed_test *tests, size_t n, enum value_class class, struct text_index **ret) MUST_CHECK;
void text_index_free(struct text_index **x);

/* value is not missing. */
void text_index_find(const struct text_index *x, const struct value *value, struct finder *f);

size_t text_index_bytes(const struct text_index *x);

/* What a new value costs because of this test: nothing to speak of, or that it must be searched for, or be asked. */
enum text_effort { TEXT_LOOKED_UP, TEXT_SEARCHED, TEXT_ASKED };
enum text_effort text_index_effort(const struct test *test) PURE;
