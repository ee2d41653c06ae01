/* SPDX-License-Identifier: Apache-2.0 */
/* Clauses and classes to rows: for each class of each dimension, the clauses that it does not rule out. */
#pragma once

#include "engine/enforce/clause.h"
#include "engine/enforce/classes.h"

/* A clause in its place among those of its event. */
struct placed_clause {
	struct clause clause;
	uint32_t rule;         /* index in the set */
	uint32_t flags;        /* enum clause_flag */
	bool denies_unknown;   /* what could not be read counts as if it held */
};

/* Of one event. */
struct event_clauses {
	struct placed_clause *p; /* owned */
	size_t n, size;
};

/* Fills head, rows, clauses and ancestor_rows of tables that are empty otherwise; all: the predicates in use. 0 or -ENOMEM. */
int rows_make(const struct classes *classes, const struct value_sets *all, const struct event_clauses events[static EVENT_NUMBERS], uint32_t generation,
	      struct verdict_tables *ret) MUST_CHECK;
