/* SPDX-License-Identifier: Apache-2.0 */
/* A tree of bytes in which nodes without a choice are one edge. The children of a node stand in a row, by their first bytes. */
#include "engine/index/trie.h"

#include <errno.h>
#include <stdlib.h>

struct trie_node {
	uint32_t edge, n_edge;       /* bytes that lead here, in the pool */
	uint32_t child, n_children;
	uint32_t id, n_ids;          /* of the texts that end here, in ids */
};

struct trie {
	enum trie_direction direction;
	struct trie_node *nodes; /* owned; 0 is the root */
	char *pool;              /* owned; all texts, in the order in which they are walked */
	char *labels;            /* owned; by node: the first byte that leads to it */
	uint32_t *ids;           /* owned */
	size_t n_nodes, n_pool, n;
	uint32_t first[256];     /* the root's child by byte; 0: none */
};

void trie_free(struct trie **t)
{
	if (!*t)
		return;
	free((*t)->nodes);
	free((*t)->pool);
	free((*t)->labels);
	free((*t)->ids);
	free(*t);
	*t = NULL;
}

/* --- building ----------------------------------------------------------------------------------------------------------- */

struct sorted {
	struct strview text; /* in the pool */
	uint32_t id;
};

static int by_text(const void *a, const void *b)
{
	const struct sorted *x = a, *y = b;
	int c = sv_compare(x->text, y->text);
	return c ? c : (x->id > y->id) - (x->id < y->id);
}

static void fill_pool(struct trie *t, const struct trie_text *texts, struct sorted *sorted)
{
	for (size_t i = 0; i < t->n; i++) {
		char *at = t->pool + t->n_pool;
		size_t n = texts[i].text.n;
		for (size_t k = 0; k < n; k++)
			at[k] = texts[i].text.p[t->direction == TRIE_FORWARDS ? k : n - 1 - k];
		sorted[i] = (struct sorted){ { at, n }, texts[i].id };
		t->n_pool += n;
	}
	qsort(sorted, t->n, sizeof(*sorted), by_text);
}

/* Texts low..high have the same byte at depth; how far do they agree? */
static size_t common_end(const struct sorted *sorted, size_t low, size_t high, size_t depth)
{
	struct strview a = sorted[low].text, b = sorted[high - 1].text;
	while (depth < a.n && depth < b.n && a.p[depth] == b.p[depth])
		depth++;
	return depth;
}

struct span {
	size_t low, high, depth;
};

/* Gives a node its ids and its children; the node's texts agree up to depth. */
static void split(struct trie *t, const struct sorted *sorted, struct span *spans, size_t node)
{
	struct span span = spans[node];
	size_t low = span.low;
	t->nodes[node].id = (uint32_t)low;
	while (low < span.high && sorted[low].text.n == span.depth)
		low++;
	t->nodes[node].n_ids = (uint32_t)(low - span.low);
	t->nodes[node].child = (uint32_t)t->n_nodes;
	for (size_t high; low < span.high; low = high) {
		char byte = sorted[low].text.p[span.depth];
		for (high = low + 1; high < span.high && sorted[high].text.p[span.depth] == byte; high++)
			;
		size_t end = common_end(sorted, low, high, span.depth);
		t->nodes[t->n_nodes] = (struct trie_node){ .edge = (uint32_t)(sorted[low].text.p + span.depth - t->pool),
							   .n_edge = (uint32_t)(end - span.depth) };
		spans[t->n_nodes++] = (struct span){ low, high, end };
		t->nodes[node].n_children++;
	}
}

static void make_nodes(struct trie *t, const struct sorted *sorted, struct span *spans)
{
	spans[t->n_nodes++] = (struct span){ 0, t->n, 0 };
	for (size_t i = 0; i < t->n_nodes; i++)
		split(t, sorted, spans, i);
	for (size_t i = 0; i < t->n; i++)
		t->ids[i] = sorted[i].id;
	for (uint32_t i = 0; i < t->nodes[0].n_children; i++) {
		uint32_t child = t->nodes[0].child + i;
		t->first[(unsigned char)t->pool[t->nodes[child].edge]] = child;
	}
}

static int make_labels(struct trie *t)
{
	t->labels = calloc(t->n_nodes, 1);
	for (size_t i = 1; t->labels && i < t->n_nodes; i++)
		t->labels[i] = t->pool[t->nodes[i].edge];
	return t->labels ? 0 : -ENOMEM;
}

int trie_new(const struct trie_text *texts, size_t n, enum trie_direction direction, struct trie **ret)
{
	CLEANUP(trie_free) struct trie *t = calloc(1, sizeof(*t));
	size_t bytes = 0, max_nodes = 2 * n + 2; /* each text adds one leaf and at most one fork */
	for (size_t i = 0; i < n; i++)
		bytes += texts[i].text.n;
	if (!t)
		return -ENOMEM;
	t->direction = direction;
	t->n = n;
	t->nodes = calloc(max_nodes, sizeof(*t->nodes));
	t->pool = malloc(bytes + 1);
	t->ids = calloc(n + 1, sizeof(*t->ids));
	struct sorted *sorted = calloc(n + 1, sizeof(*sorted));
	struct span *spans = calloc(max_nodes, sizeof(*spans));
	bool is_good = t->nodes && t->pool && t->ids && sorted && spans;
	if (is_good) {
		fill_pool(t, texts, sorted);
		make_nodes(t, sorted, spans);
	}
	free(sorted);
	free(spans);
	if (!is_good || make_labels(t))
		return -ENOMEM;
	struct trie_node *exact = realloc(t->nodes, t->n_nodes * sizeof(*exact));
	if (exact)
		t->nodes = exact;
	*ret = TAKE(t);
	return 0;
}

size_t trie_bytes(const struct trie *t)
{
	return sizeof(*t) + t->n_nodes * (sizeof(*t->nodes) + 1) + t->n_pool + t->n * sizeof(*t->ids);
}

/* --- finding ------------------------------------------------------------------------------------------------------------ */

static uint32_t child_of(const struct trie *t, uint32_t node, char byte)
{
	if (node == 0)
		return t->first[(unsigned char)byte];
	const struct trie_node *at = &t->nodes[node];
	const char *labels = t->labels + at->child;
	for (uint32_t i = 0; i < at->n_children; i++)
		if (labels[i] == byte)
			return at->child + i;
	return 0;
}

static bool edge_fits(const struct trie *t, const struct trie_node *node, const char *p, ptrdiff_t step)
{
	const char *edge = t->pool + node->edge;
	for (uint32_t i = 1; i < node->n_edge; i++) {
		p += step;
		if (edge[i] != *p)
			return false;
	}
	return true;
}

void trie_find(const struct trie *t, struct strview text, trie_found *found, void *context)
{
	ptrdiff_t step = t->direction == TRIE_FORWARDS ? 1 : -1;
	const char *p = text.n && step < 0 ? text.p + text.n - 1 : text.p;
	uint32_t node = 0;
	for (size_t left = text.n; left;) {
		node = child_of(t, node, *p);
		const struct trie_node *at = &t->nodes[node];
		if (!node || at->n_edge > left || !edge_fits(t, at, p, step))
			return;
		p += step * (ptrdiff_t)at->n_edge;
		left -= at->n_edge;
		for (uint32_t i = 0; i < at->n_ids; i++)
			found(context, t->ids[at->id + i]);
	}
}
