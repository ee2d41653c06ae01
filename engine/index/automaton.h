/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds all of many literals in a text, in one pass.
 *
 * Literals of four bytes and more are kept as a sparse Aho-Corasick automaton over a tail of each, which begins where the literal is
 * rarest. A filter of four bytes, looked at in every second place of the text, says where the automaton need be entered at all;
 * the rest of the literal is compared when its tail was found. Each byte of the text is taken once, whatever it is.
 */
#pragma once

#include "engine/base/attr.h"
#include "engine/base/strview.h"

struct automaton;

struct literal {
	struct strview text; /* one byte or more; borrowed, outlives the automaton */
	uint32_t id;         /* for the caller */
};

/* 0 or -ENOMEM. */
int automaton_new(const struct literal *literals, size_t n, struct automaton **ret) MUST_CHECK;
void automaton_free(struct automaton **a);

/* Called for each literal wherever it ends (those of one byte: once), perhaps more than once for the same place. */
typedef void literal_found(void *context, uint32_t id, size_t end);
void automaton_scan(const struct automaton *a, struct strview text, literal_found *found, void *context);

size_t automaton_bytes(const struct automaton *a);
