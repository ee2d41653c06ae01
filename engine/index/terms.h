/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a test says of a text, in pieces that can be looked up: a text that it must be, begin with, end with or hold. One piece of a
 * test is enough for it to hold, or to be worth asking.
 */
#pragma once

#include "engine/rules/condition.h"

enum term_where { TERM_WHOLE, TERM_BEGIN, TERM_END, TERM_INSIDE, TERM_WHERES };

enum term_check {
	TERM_HOLDS, /* found: the test holds */
	TERM_BELOW, /* found, and at the end or before a slash: it holds, if the text has no double slashes */
	TERM_ASK,   /* found: the test may hold */
};

struct term {
	enum term_where where;
	enum term_check check;
	struct strview text; /* borrowed from the test */
	bool folds;          /* letters of either case */
};

enum terms_sort {
	TERMS_ANY,    /* the test cannot hold unless one of its terms is found */
	TERMS_ALWAYS, /* the test holds of every value */
	TERMS_NONE,   /* nothing is known: the test must be asked */
};

/* The term of one operand; the sort of the operand. */
enum terms_sort term_of(const struct test *test, const struct operand *operand, struct term *ret);
/* Whether what is found must be asked in some case; of TERMS_ANY. */
bool terms_ask(const struct test *test);
/* The sort of the whole test. */
enum terms_sort terms_sort_of(const struct test *test);
