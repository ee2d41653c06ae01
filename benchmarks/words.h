/* SPDX-License-Identifier: Apache-2.0 */
/* The vocabulary that the benchmark's rules and events have in common. */
#pragma once

#include "tests/support/random.h"

enum { WORD_MAX = 32, WORDS = 2000, TOOLS = 3000 };

struct words {
	char word[WORDS][WORD_MAX]; /* common ones first */
	char tool[TOOLS][WORD_MAX]; /* names of programs, common ones first */
	struct zipf by_rank;        /* of words */
};

int words_new(struct words **ret) MUST_CHECK;
void words_free(struct words **w);

/* A word as commands have them: common ones mostly. */
const char *word_common(const struct words *w, struct random *r);
/* Any of them alike. */
const char *word_any(const struct words *w, struct random *r);
