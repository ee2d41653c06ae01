/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A predicate: a set of values of one dimension, as a test of a rule names them. Equal sets are one predicate. Missing values are in none.
 */
#pragma once

#include "engine/base/arena.h"
#include "engine/base/strmap.h"
#include "engine/enforce/dimensions.h"
#include "engine/rules/condition.h"

struct text_item {
	struct strview text;
	bool is_prefix;
	bool is_end; /* of an argument: it ends so */
	bool is_over; /* of a folder that is there and not empty: what is mounted over it; by its second name alone, which no alias changes */
};
struct number_range {
	uint64_t low, high; /* both within */
};

struct value_set {
	enum policy_dimension domain;
	uint32_t serial;                 /* in the order of making: what equal orders are broken by */
	uint32_t id;                     /* number among the domain's predicates in use; VALUE_SET_UNUSED */
	bool is_derived;                 /* nobody wrote it: it follows from another one */
	bool is_any;                     /* every value there is: the items are not looked at */
	struct place at;                 /* where one of the tests stands that it comes from */
	const struct text_item *texts;   /* KIND_OF_TEXT; sorted */
	const struct number_range *ranges; /* KIND_OF_NUMBER, KIND_OF_SMALL; sorted, apart from one another */
	const struct network *networks;  /* KIND_OF_ADDRESS; sorted */
	size_t n;
	struct strview canonical;        /* the same bytes for equal sets */
};

enum { VALUE_SET_UNUSED = UINT32_MAX };

/* All predicates of one compilation, and the moment it is for: what is asked of the time is answered then. */
struct value_sets {
	struct arena *arena; /* borrowed */
	struct strmap by_canonical;
	uint32_t n_serial;
	uint64_t wall_ns, until_ns; /* until: the first later moment with another answer; UINT64_MAX: none */
	uint32_t n_used[DIMENSION_COUNT];              /* by domain */
	struct value_set **used[DIMENSION_COUNT];      /* owned; [id] */
	size_t used_size[DIMENSION_COUNT];
};
void value_sets_done(struct value_sets *all);

/* A predicate like the draft, whose items are copied, sorted and merged; NULL: no memory. Empty drafts make a predicate that never holds. */
struct value_set *value_set_make(struct value_sets *all, const struct value_set *draft);
/* What is in either. Of one domain. */
struct value_set *value_set_union(struct value_sets *all, const struct value_set *a, const struct value_set *b);
/* Gives it an id; 0 or -ENOMEM. */
int value_set_use(struct value_sets *all, struct value_set *p) MUST_CHECK;
bool value_set_is_empty(const struct value_set *p) PURE;
/* Of texts: nothing is in both. */
bool value_set_are_apart(const struct value_set *a, const struct value_set *b) PURE;
/* Of numbers. */
bool value_set_has_number(const struct value_set *p, uint64_t number) PURE;
