/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of an automaton, for the files that build and run it. */
#pragma once

#include "engine/index/automaton.h"
#include "engine/index/hash.h"

enum {
	GRAM = 4,                  /* bytes that the filter looks at, and of the shortest literal that the automaton holds */
	NODE_NONE = 0x7fffffff,
	PAIRS = 65536,
};

/* A state: some beginning of some tails. The children of a node stand in a row, by their bytes. */
struct automaton_node {
	uint32_t child, fail; /* fail: the longest proper end of this beginning that is a node itself */
	uint32_t out;         /* 0: none */
	uint16_t n_children;
	uint8_t label;        /* the last byte */
};

/* A literal found at a node; the chain goes on with those of the nodes that fail leads to. */
struct automaton_out {
	const char *text; /* the literal's, borrowed */
	uint32_t n, id;
	uint32_t head;    /* bytes of the literal before its tail */
	uint32_t next;
};

/* Where the automaton is entered. Most texts that share a gram with a literal part from it at once: next has a bit for what may follow. */
struct automaton_entry {
	uint32_t gram, node;
	uint64_t next; /* bits of the two bytes behind the gram, by pair_bit; all of them when a tail ends before those */
};

struct automaton {
	struct literal *literals;        /* owned, their texts borrowed */
	struct automaton_node *nodes;    /* owned */
	struct automaton_out *outs;      /* owned; 0 is not used */
	struct automaton_entry *entries; /* owned; the nodes of GRAM bytes, open addressing */
	uint64_t *filter;                /* owned; a bit for the hash of each gram at the begin of a tail, and one byte on */
	uint64_t *pairs;                 /* owned; bits of the first two bytes of literals of two and three bytes */
	uint32_t *shorts;                /* owned; literals of one byte, then those of two and three by their first two bytes */
	size_t n, n_nodes, n_outs, n_bytes, n_short, entry_mask, filter_words;
	unsigned entry_shift, filter_shift;
};

static inline uint32_t gram_hash(uint32_t gram)
{
	return gram * 0x9e3779b1u;
}

/* The child of a node by its byte; NODE_NONE: there is none. */
static inline uint32_t automaton_child(const struct automaton *a, uint32_t node, unsigned char byte)
{
	uint32_t low = a->nodes[node].child, high = low + a->nodes[node].n_children;
	while (high - low > 8) {
		uint32_t middle = low + (high - low) / 2;
		if (a->nodes[middle].label <= byte)
			low = middle;
		else
			high = middle;
	}
	for (; low < high; low++)
		if (a->nodes[low].label == byte)
			return low;
	return NODE_NONE;
}

static inline uint64_t pair_bit(const char *p)
{
	return 1ull << (((unsigned char)p[0] * 7u + (unsigned char)p[1]) % 64);
}

/* The entry of these four bytes; its node is NODE_NONE when no tail begins with them. */
static inline const struct automaton_entry *automaton_entry(const struct automaton *a, uint32_t gram)
{
	size_t i = gram_hash(gram) >> a->entry_shift;
	while (a->entries[i].node != NODE_NONE && a->entries[i].gram != gram)
		i = (i + 1) & a->entry_mask;
	return &a->entries[i];
}
