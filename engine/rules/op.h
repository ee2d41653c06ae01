/* SPDX-License-Identifier: Apache-2.0 */
/* What evaluation needs of memory, and the pieces of comparing: regular expressions, patterns, paths. */
#pragma once

#include "engine/rules/condition.h"

struct regex;

/* Names of the capabilities of a set, joined by blanks: few sets occur, and each is named anew by every test that asks. */
enum { CAP_TEXTS = 8, CAP_TEXT_BYTES = 1024 };

struct cap_text {
	uint64_t bits;
	size_t n;
	bool is_used;
	char text[CAP_TEXT_BYTES];
};

/* Scratch of one evaluation at a time; owned by the ruleset. Nothing is allocated after matcher_new. */
struct matcher {
	char *scratch;      /* owned; MATCH_SCRATCH_BYTES */
	size_t used;        /* bytes of it that the current test holds */
	size_t undecided;   /* regexes that hit a limit, transformers that ran out of scratch; grows during a test: it is undecided */
	const struct test *undecided_test; /* the first such test of the condition; see match.h */
	void *match_data;   /* owned, pcre2_match_data */
	void *match_context; /* owned, pcre2_match_context: limits and the JIT's stack */
	void *jit_stack;    /* owned, may be NULL */
	struct cap_text cap_texts[CAP_TEXTS];
	size_t cap_last, cap_next; /* the one that was given out last, which stays; where the search for room begins */
};

int matcher_new(struct matcher **ret) MUST_CHECK;
void matcher_free(struct matcher **m);
/* n bytes of scratch, or NULL (then the matcher counts one undecided). */
char *matcher_alloc(struct matcher *m, size_t n);

/* Must the expression match the whole text, or be found anywhere in it? */
enum regex_reach { REGEX_WHOLE, REGEX_ANYWHERE };

/* Compiles; 0, or -EINVAL with PCRE2's words and the offset in the pattern, or -ENOMEM. */
int regex_new(struct strview pattern, enum regex_reach reach, struct regex **ret, char *message, size_t message_size,
	      size_t *ret_offset) MUST_CHECK;
void regex_free(struct regex **re);
/* A text that every match holds, case and all; empty when none is known. */
struct strview regex_literal(const struct regex *re);
/* The same of a pattern, into best; its length. run is scratch; both have room for pattern.n bytes. */
size_t regex_required(struct strview pattern, char *best, char *run);

/* Whole-text match: * ? [set] and backslash; never exponential. */
bool glob_match(struct strview pattern, struct strview text, bool fold_case) PURE;
/* Whether path is one of, or below, prefix; components of prefix may be globs. */
bool path_prefix_match(struct strview prefix, struct strview path) PURE;

/* The functions of ops.def, over one value (of a list: one item) and one operand. */
op_function op_equal, op_iequal, op_less, op_less_equal, op_greater, op_greater_equal, op_path, op_contains, op_icontains, op_starts,
	op_istarts, op_ends, op_iends, op_glob, op_iglob, op_regex;
