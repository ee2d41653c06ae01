/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the clauses of a condition exclude one another, whatever the event: tests of one field that stand under one `and`, and groups
 * of `or` none of whose branches agrees with them. Errs to the side of "they agree"; bounded in depth and work.
 */
#pragma once

#include "engine/rules/condition.h"

/* Two tests that never hold (or, below a `not`, never fail) together. */
struct contradiction {
	const struct condition *first, *second;
};

/* Whether the test accepts the i-th of the values that another one, of the same field, names. */
bool test_accepts(struct matcher *m, const struct test *t, const struct test *values, size_t i);

/* True when the condition can never hold; *ret is the first pair that was found. m: scratch of the evaluation of single tests. */
bool contradiction_find(struct matcher *m, const struct condition *c, struct contradiction *ret);
/* The same of two conditions over different events, of what they ask of a field that has the same value in both. */
bool contradiction_of_field(struct matcher *m, const struct condition *a, const struct condition *b, const struct field_ref *field,
			    struct contradiction *ret);
