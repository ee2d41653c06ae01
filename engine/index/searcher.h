/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds all of many literals in a text: the automaton, or with WITH_VECTORSCAN=1 a library for sets that are worth it. Which of
 * searcher.c and searcher_vectorscan.c is compiled is the Makefile's choice; they differ in nothing but speed and memory.
 */
#pragma once

#include "engine/index/automaton.h"

struct searcher;

/* As automaton_new, automaton_scan. One thread at a time may scan. */
int searcher_new(const struct literal *literals, size_t n, struct searcher **ret) MUST_CHECK;
void searcher_free(struct searcher **s);
void searcher_scan(const struct searcher *s, struct strview text, literal_found *found, void *context);
size_t searcher_bytes(const struct searcher *s);
