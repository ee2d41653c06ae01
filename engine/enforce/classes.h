/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classes: values of one domain for which the same predicates hold. Made from the entries that the predicates name, with the entries'
 * classes for the kernel's tries.
 */
#pragma once

#include "engine/enforce/names.h"
#include "engine/enforce/value_set.h"
#include "engine/probe/verdicts.h"

/* Of one domain. Class CLASS_NONE: nothing holds; CLASS_FIRST + i: vectors[i]. */
struct class_set {
	const uint64_t **vectors; /* owned; bit: id of a predicate */
	size_t n, size, words;
	struct strmap by_vector;
};
void class_set_done(struct class_set *s);
/* Number of classes, those with a meaning of their own included. */
static inline uint32_t class_set_count(const struct class_set *s)
{
	return (uint32_t)(CLASS_FIRST + s->n);
}
/* Whether the predicate with this id holds in the class; of classes without values: no. */
bool class_set_holds(const struct class_set *s, uint32_t class, uint32_t predicate) PURE;

struct ancestor_registry; /* registry.h */

/* What the values of all dimensions fall into. */
struct classes {
	struct arena *arena;                          /* borrowed */
	struct class_set sets[DIMENSION_COUNT];       /* by domain; not of ANCESTORS */
	const struct ancestor_registry *ancestors;    /* borrowed; bits of the ancestor predicates by canonical name */
	struct verdict_text *texts;                   /* owned */
	struct verdict_number *numbers;               /* owned */
	struct verdict_address *addresses;            /* owned */
	struct policy_ancestor_mask *ancestor_masks;  /* owned; 0: nothing holds */
	size_t n_texts, n_numbers, n_addresses, n_ancestor_masks, numbers_size;
};
void classes_done(struct classes *c);

/* Of all predicates in use. 0; -EINVAL or -E2BIG after a report; -ENOMEM. */
int classes_make(struct classes *c, const struct value_sets *all, struct names *names) MUST_CHECK;
