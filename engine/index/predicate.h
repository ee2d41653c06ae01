/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The distinct tests of all rules. Tests that say the same are one predicate, wherever they stand; what the truth of one follows from
 * is its input: a field, or all fields of the process image together.
 */
#pragma once

#include "engine/base/arena.h"
#include "engine/rules/condition.h"

enum { INPUT_NONE = 0xffff, INPUTS_MAX = 4096 };

struct predicate {
	const struct condition *node;        /* the test; in the set, or merged out of several */
	uint32_t truncated[2], uncertain[2]; /* bits of the common fields that say its fields are cut; [1] in process.exec */
	uint16_t input;                      /* INPUT_NONE: it compares fields with each other, not all of the image */
	bool is_key;                         /* a rule waits for it */
	double asked;                        /* what asking for it would cost an event, all rules together */
	bool is_kept;                        /* a rule looks at it whose event's answers are kept */
	bool is_indexed;                     /* its truth is known of each new value of the input, and not asked for */
	double share, cost;                  /* see frequency.h */
	double key_cost;                     /* what an event pays for a rule that waits for it */
};

/* Where values come from; its index says which predicates hold of one. */
struct input {
	const struct field_ref *ref; /* NULL: of the whole image */
	enum value_class class;
	bool is_of_image;
	bool is_used;                /* some predicate of it is a key or is kept */
	struct text_index *text;     /* owned; each NULL when it has no such index */
	struct number_index *numbers; /* owned */
	struct address_index *addresses; /* owned */
	uint32_t *asked;             /* in the arena; predicates that are asked for each new value */
	size_t n_asked;
};

struct predicates {
	struct arena *arena;    /* borrowed */
	struct predicate *p;    /* owned */
	uint32_t *slots;        /* owned; ids plus one by content, open addressing */
	struct pointer_slot *seen; /* owned; what was found out of a test, by its address, open addressing */
	struct input *inputs;   /* owned */
	size_t n, size, n_slots, n_seen, n_seen_slots, n_inputs;
};

int predicates_init(struct predicates *ps, struct arena *arena) MUST_CHECK;
void predicates_done(struct predicates *ps);

/* The predicate of a test; 0 or -ENOMEM. */
int predicate_of(struct predicates *ps, const struct condition *node, uint32_t *ret) MUST_CHECK;

/* A test of one field against written values whose values may be joined with another's, as "one of". */
bool test_is_mergeable(const struct test *t) PURE;
/* The operator by which such tests are told apart: the same for = and in. */
enum op_id test_merge_op(const struct test *t) PURE;
/* One predicate out of several such of one field and operator; 0 or -ENOMEM. */
int predicate_merge(struct predicates *ps, const uint32_t *ids, size_t n, uint32_t *ret) MUST_CHECK;

/*
 * What the caller made of a test, once for all the events that it stands in: tests that the arena keeps. NULL: nothing yet. Setting gives
 * 0 or -ENOMEM.
 */
const struct condition *predicate_parts(const struct predicates *ps, const struct test *test);
int predicate_set_parts(struct predicates *ps, const struct test *test, const struct condition *parts) MUST_CHECK;

/* Whether the value of the field alone decides, by comparing it with written values: no function, no other field, no counting. */
bool test_is_plain(const struct test *t) PURE;
