/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What follows from a rule about files: the folders above what it protects must keep their names, or another name for the folder would be
 * another name for the files; and nothing must be mounted over them where others see it, or other files would have the names.
 */
#pragma once

#include "engine/enforce/rows.h"

/* For clauses of events whose names begin with "file.": adds to those of file.rename and file.mount. merges: one clause for all rules that ask the same of who acts. */
int derive_clauses(struct value_sets *all, struct event_clauses events[static EVENT_NUMBERS], bool merges) MUST_CHECK;

/* Appends. 0 or -ENOMEM. */
int event_clauses_add(struct event_clauses *to, const struct placed_clause *c) MUST_CHECK;
