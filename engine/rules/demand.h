/* SPDX-License-Identifier: Apache-2.0 */
/* What a test asks of a text: read off its operator and one of its values. */
#pragma once

#include "engine/rules/condition.h"

/* Where the text stands in the values that an operator accepts; NONE: an operator of which that is not known. */
enum shape { SHAPE_NONE, SHAPE_WHOLE, SHAPE_START, SHAPE_END, SHAPE_INSIDE };

struct demand {
	enum shape shape;
	bool folds;
	struct strview text;
};

/* By the i-th value of the test. */
struct demand demand_of(const struct test *t, size_t i);
/* No text satisfies both. */
bool demands_are_apart(struct demand a, struct demand b);
