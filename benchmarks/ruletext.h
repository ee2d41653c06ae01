/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rule sets for the benchmark, of the shapes that published rules have: 273 of a base, and as many more as wanted made from
 * those with other words in them. Made as structs first, because the stream of events needs to know what raises them.
 */
#pragma once

#include "benchmarks/words.h"
#include "engine/base/buf.h"

enum {
	BASE_RULES = 273,
	CLAUSES_MAX = 6,
	STRINGS_MAX = 10,
	STRING_MAX = 64,
};

enum clause_how { HOW_ONE, HOW_ANY, HOW_ALL, HOW_SET, HOW_BARE };

struct clause {
	const char *field, *op;
	enum clause_how how;  /* op one text; op anyof (...); op allof (...); op (...); the field alone or with op only */
	bool is_negated;
	bool has_words;       /* another rule of the shape may have other words here */
	bool is_common;       /* and they are such as ordinary commands have */
	char text[STRINGS_MAX][STRING_MAX];
	size_t n;
};

struct made_rule {
	uint32_t event;
	struct clause clause[CLAUSES_MAX]; /* all of them hold */
	size_t n;
};

struct made_rules {
	struct made_rule *rule; /* owned */
	size_t n;
};

/* n rules; below BASE_RULES a part of the base, drawn by chance. */
int made_rules_new(const struct words *w, size_t n, struct made_rules *ret) MUST_CHECK;
void made_rules_done(struct made_rules *rules);
/* As a rule file. */
void made_rules_text(const struct made_rules *rules, struct buf *out);
