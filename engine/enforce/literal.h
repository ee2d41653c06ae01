/* SPDX-License-Identifier: Apache-2.0 */
/* One test of a condition as the kernel can look at it, or the reason why it cannot. */
#pragma once

#include "engine/enforce/value_set.h"

enum literal_type {
	LITERAL_FALSE,
	LITERAL_TRUE,
	LITERAL_SET,
	LITERAL_IMPLIED, /* `must` is only a part of what the test asks for: it says nothing where the test does not hold. As the next one */
	LITERAL_OPEN, /* not to be told: only out of literal_read_needed */
};

/* The test holds when the value is in `must` (NULL: nothing is asked) and not in `must_not` (NULL: nothing). */
struct literal_test {
	enum literal_type type;
	enum policy_dimension dimension;
	struct value_set *must, *must_not;
};

/* What stands in the way, and what the author can do; both as long as the program. */
struct literal_refusal {
	const char *why, *advice;
};

/*
 * The same of what a rule needs, where a hook is asked whether to send: the fields that are there for that alone can be read, too, and the event's
 * name is known. Fewer dimensions can be trusted.
 */
int literal_read_needed(struct value_sets *all, uint32_t event, const struct condition *c, struct literal_test *ret) MUST_CHECK;

/* c is a test. 0; -EINVAL with the refusal; -ENOMEM. */
int literal_read(struct value_sets *all, uint32_t event, const struct condition *c, struct literal_test *ret,
		 struct literal_refusal *refusal) MUST_CHECK;
