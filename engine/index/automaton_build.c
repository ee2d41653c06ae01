/* SPDX-License-Identifier: Apache-2.0 */
/* Making an automaton: a tail of each literal, the nodes level by level out of the sorted tails, their fail links on the way. */
#include <errno.h>
#include <stdlib.h>

#include "engine/index/automaton_parts.h"
#include "engine/index/frequency.h"

enum {
	HEADS_MAX = 8,        /* literals that may share a tail: each is compared wherever the tail stands */
	TAIL_LOOK_MAX = 24,   /* places tried as the begin of a tail */
	GRAM_COUNT_BITS = 18,
	FILTER_BITS_EACH = 48, /* bits of the filter for each bit set in it */
};

/* A literal's tail; sorted by it. */
struct tail {
	struct strview text;
	uint32_t literal, head;
};

/* What is only needed while building. */
struct build {
	struct automaton *a;
	struct tail *tails; /* owned */
	size_t n;
	uint32_t *counts;   /* owned; by the hash of a gram: how often it stands in the literals */
	struct span {       /* owned; for each node: its tails, and how long their common beginning is */
		uint32_t low, high, depth;
	} *spans;
	size_t size; /* of nodes and spans */
};

static void build_done(struct build *b)
{
	free(b->tails);
	free(b->spans);
	free(b->counts);
}

void automaton_free(struct automaton **a)
{
	if (!*a)
		return;
	free((*a)->literals);
	free((*a)->nodes);
	free((*a)->outs);
	free((*a)->entries);
	free((*a)->filter);
	free((*a)->pairs);
	free((*a)->shorts);
	free(*a);
	*a = NULL;
}

/* --- tails ------------------------------------------------------------------------------------------------------------- */

static size_t count_place(const char *p)
{
	return gram_hash(hash_load32(p)) >> (32 - GRAM_COUNT_BITS);
}

/* What many literals hold is common in texts too, by and large: more so than bytes tell. In tenths of a bit. */
static unsigned gram_rarity(const struct build *b, const char *p)
{
	unsigned rarity = 200;
	for (size_t i = 0; i < GRAM; i++)
		rarity += frequency_byte_bits((unsigned char)p[i]);
	for (unsigned count = b->counts[count_place(p)]; count > 1 && rarity > 20; count /= 2)
		rarity -= 20;
	return rarity;
}

/* Where the rarest four bytes stand; the next ones tell the filter as much. */
static uint32_t best_head(const struct build *b, struct strview text)
{
	size_t best = 0, last = MIN(text.n - GRAM, (size_t)TAIL_LOOK_MAX);
	unsigned most = 0;
	for (size_t i = 0; i <= last; i++) {
		unsigned rarity = gram_rarity(b, text.p + i), next = i + GRAM < text.n ? gram_rarity(b, text.p + i + 1) : 0;
		rarity = next ? MIN(rarity, next) : rarity / 2;
		if (rarity > most) {
			most = rarity;
			best = i;
		}
	}
	return (uint32_t)best;
}

static int count_grams(struct build *b)
{
	b->counts = calloc((size_t)1 << GRAM_COUNT_BITS, sizeof(*b->counts));
	if (!b->counts)
		return -ENOMEM;
	for (size_t i = 0; i < b->a->n; i++) {
		struct strview text = b->a->literals[i].text;
		for (size_t k = 0; k + GRAM <= text.n; k++)
			b->counts[count_place(text.p + k)]++;
	}
	return 0;
}

static int by_text(const void *a, const void *b)
{
	const struct tail *x = a, *y = b;
	int c = sv_compare(x->text, y->text);
	return c ? c : (x->literal > y->literal) - (x->literal < y->literal);
}

static void set_head(struct build *b, struct tail *tail, uint32_t head)
{
	tail->head = head;
	tail->text = sv_from_index(b->a->literals[tail->literal].text, head);
}

/* Too many with one tail: then those are kept whole, so that no text makes all of their heads be compared again and again. */
static void bound_heads(struct build *b)
{
	bool is_changed = false;
	for (size_t low = 0, high; low < b->n; low = high) {
		for (high = low + 1; high < b->n && sv_equal(b->tails[high].text, b->tails[low].text); high++)
			;
		if (high - low <= HEADS_MAX)
			continue;
		is_changed = true;
		for (size_t i = low; i < high; i++)
			set_head(b, &b->tails[i], 0);
	}
	if (is_changed)
		qsort(b->tails, b->n, sizeof(*b->tails), by_text);
}

static int make_tails(struct build *b)
{
	b->tails = calloc(b->a->n + 1, sizeof(*b->tails));
	if (!b->tails || count_grams(b))
		return -ENOMEM;
	for (size_t i = 0; i < b->a->n; i++) {
		if (b->a->literals[i].text.n < GRAM)
			continue;
		struct tail *tail = &b->tails[b->n++];
		tail->literal = (uint32_t)i;
		set_head(b, tail, best_head(b, b->a->literals[i].text));
	}
	qsort(b->tails, b->n, sizeof(*b->tails), by_text);
	bound_heads(b);
	return 0;
}

/* --- nodes ------------------------------------------------------------------------------------------------------------- */

static int node_add(struct build *b, size_t low, size_t high, uint32_t depth, uint32_t *ret)
{
	struct automaton *a = b->a;
	if (a->n_nodes == b->size) {
		size_t size = b->size ? b->size * 2 : 256;
		struct automaton_node *nodes = realloc(a->nodes, size * sizeof(*nodes));
		if (nodes)
			a->nodes = nodes;
		struct span *spans = realloc(b->spans, size * sizeof(*spans));
		if (spans)
			b->spans = spans;
		if (!nodes || !spans)
			return -ENOMEM;
		b->size = size;
	}
	a->nodes[a->n_nodes] = (struct automaton_node){ .fail = NODE_NONE, .label = (uint8_t)b->tails[low].text.p[depth - 1] };
	b->spans[a->n_nodes] = (struct span){ (uint32_t)low, (uint32_t)high, depth };
	*ret = (uint32_t)a->n_nodes++;
	return 0;
}

/* The tails that end at a node, before those of the nodes it fails to. */
static void set_outs(struct build *b, uint32_t node)
{
	struct automaton *a = b->a;
	const struct span *span = &b->spans[node];
	uint32_t chain = a->nodes[node].fail == NODE_NONE ? 0 : a->nodes[a->nodes[node].fail].out;
	for (size_t i = span->low; i < span->high && b->tails[i].text.n == span->depth; i++) {
		const struct literal *l = &a->literals[b->tails[i].literal];
		a->outs[a->n_outs] = (struct automaton_out){ l->text.p, (uint32_t)l->text.n, l->id, b->tails[i].head, chain };
		chain = (uint32_t)a->n_outs++;
	}
	a->nodes[node].out = chain;
}

/* The byte behind the common beginning. */
static unsigned byte_at(const struct build *b, size_t i, uint32_t depth)
{
	return (unsigned char)b->tails[i].text.p[depth];
}

static uint32_t fail_of(const struct build *b, uint32_t parent, uint32_t child)
{
	const struct automaton *a = b->a;
	unsigned char byte = a->nodes[child].label;
	for (uint32_t at = a->nodes[parent].fail; at != NODE_NONE; at = a->nodes[at].fail) {
		uint32_t next = automaton_child(a, at, byte);
		if (next != NODE_NONE)
			return next;
	}
	const struct span *span = &b->spans[child];
	return automaton_entry(a, hash_load32(b->tails[span->low].text.p + span->depth - GRAM))->node;
}

static int add_children(struct build *b, uint32_t parent)
{
	struct span span = b->spans[parent];
	size_t low = span.low;
	while (low < span.high && b->tails[low].text.n == span.depth)
		low++;
	uint32_t first = (uint32_t)b->a->n_nodes, n = 0, child;
	for (size_t high; low < span.high; low = high, n++) {
		for (high = low + 1; high < span.high && byte_at(b, high, span.depth) == byte_at(b, low, span.depth); high++)
			;
		if (node_add(b, low, high, span.depth + 1, &child))
			return -ENOMEM;
	}
	b->a->nodes[parent].child = first;
	b->a->nodes[parent].n_children = (uint16_t)n;
	for (child = first; child < first + n; child++) {
		b->a->nodes[child].fail = fail_of(b, parent, child);
		set_outs(b, child);
	}
	return 0;
}

static unsigned shift_for(size_t n)
{
	unsigned shift = 31;
	for (size_t size = 2; size < n; size *= 2)
		shift--;
	return shift;
}

static uint64_t next_of(const struct build *b, size_t low, size_t high)
{
	uint64_t next = 0;
	for (size_t i = low; i < high; i++)
		next |= b->tails[i].text.n < GRAM + 2 ? UINT64_MAX : pair_bit(b->tails[i].text.p + GRAM);
	return next;
}

static int make_entries(struct build *b)
{
	struct automaton *a = b->a;
	a->entry_shift = shift_for(4 * b->n + 2);
	size_t size = 1ull << (32 - a->entry_shift);
	a->entry_mask = size - 1;
	a->entries = calloc(size, sizeof(*a->entries));
	if (!a->entries)
		return -ENOMEM;
	for (size_t i = 0; i < size; i++)
		a->entries[i].node = NODE_NONE;
	for (size_t low = 0, high; low < b->n; low = high) {
		uint32_t gram = hash_load32(b->tails[low].text.p), node;
		for (high = low + 1; high < b->n && hash_load32(b->tails[high].text.p) == gram; high++)
			;
		if (node_add(b, low, high, GRAM, &node))
			return -ENOMEM;
		set_outs(b, node);
		size_t at = gram_hash(gram) >> a->entry_shift;
		while (a->entries[at].node != NODE_NONE)
			at = (at + 1) & a->entry_mask;
		a->entries[at] = (struct automaton_entry){ gram, node, next_of(b, low, high) };
	}
	return 0;
}

static int make_nodes(struct build *b)
{
	b->a->outs = calloc(b->n + 1, sizeof(*b->a->outs));
	b->a->n_outs = 1;
	if (!b->a->outs || make_entries(b))
		return -ENOMEM;
	for (size_t i = 0; i < b->a->n_nodes; i++)
		if (add_children(b, (uint32_t)i))
			return -ENOMEM;
	return 0;
}

/* --- the filter -------------------------------------------------------------------------------------------------------- */

static void filter_add(struct automaton *a, const char gram[static GRAM])
{
	uint32_t h = gram_hash(hash_load32(gram)) >> a->filter_shift;
	a->filter[h / 64] |= 1ull << h % 64;
}

/* A tail of four bytes has its second gram with every byte behind it. */
static void filter_add_tail(struct automaton *a, struct strview tail)
{
	filter_add(a, tail.p);
	if (tail.n > GRAM) {
		filter_add(a, tail.p + 1);
		return;
	}
	char gram[GRAM] = { tail.p[1], tail.p[2], tail.p[3], 0 };
	for (int byte = 0; byte < 256; byte++) {
		gram[GRAM - 1] = (char)byte;
		filter_add(a, gram);
	}
}

static int make_filter(struct build *b)
{
	struct automaton *a = b->a;
	size_t bits = 0;
	for (size_t i = 0; i < b->n; i++)
		bits += b->tails[i].text.n > GRAM ? 2 : 257;
	a->filter_shift = shift_for(MIN(MAX(bits * FILTER_BITS_EACH, (size_t)4096), (size_t)1 << 22));
	a->filter_words = (1ull << (32 - a->filter_shift)) / 64;
	a->filter = calloc(a->filter_words, sizeof(*a->filter));
	if (!a->filter)
		return -ENOMEM;
	for (size_t i = 0; i < b->n; i++)
		filter_add_tail(a, b->tails[i].text);
	return 0;
}

/* --- short literals ---------------------------------------------------------------------------------------------------- */

struct short_literal {
	uint32_t literal, order;
};

static int by_order(const void *a, const void *b)
{
	const struct short_literal *x = a, *y = b;
	return (x->order > y->order) - (x->order < y->order);
}

static void fill_shorts(struct automaton *a, struct short_literal *all)
{
	for (size_t i = 0; i < a->n; i++) {
		struct strview text = a->literals[i].text;
		if (text.n >= GRAM)
			continue;
		uint32_t pair = text.n > 1 ? (uint32_t)(unsigned char)text.p[0] << 8 | (unsigned char)text.p[1] : 0;
		all[a->n_short++] = (struct short_literal){ (uint32_t)i, text.n > 1 ? pair + 1 : 0 };
		a->n_bytes += text.n == 1;
		if (text.n > 1 && a->pairs)
			a->pairs[pair / 64] |= 1ull << pair % 64;
	}
	qsort(all, a->n_short, sizeof(*all), by_order);
	for (size_t i = 0; i < a->n_short; i++)
		a->shorts[i] = all[i].literal;
}

static int make_shorts(struct automaton *a, size_t n)
{
	struct short_literal *all = calloc(n + 1, sizeof(*all));
	a->shorts = calloc(n + 1, sizeof(*a->shorts));
	a->pairs = n ? calloc(PAIRS / 64, sizeof(*a->pairs)) : NULL;
	int err = all && a->shorts && (a->pairs || !n) ? 0 : -ENOMEM;
	if (!err)
		fill_shorts(a, all);
	free(all);
	return err;
}

int automaton_new(const struct literal *literals, size_t n, struct automaton **ret)
{
	CLEANUP(automaton_free) struct automaton *a = calloc(1, sizeof(*a));
	CLEANUP(build_done) struct build b = { .a = a };
	if (!a)
		return -ENOMEM;
	a->literals = calloc(n + 1, sizeof(*a->literals));
	if (!a->literals)
		return -ENOMEM;
	if (n)
		memcpy(a->literals, literals, n * sizeof(*literals));
	a->n = n;
	if (make_tails(&b) || make_shorts(a, n - b.n))
		return -ENOMEM;
	if (b.n && (make_nodes(&b) || make_filter(&b)))
		return -ENOMEM;
	struct automaton_node *exact = realloc(a->nodes, MAX(a->n_nodes, (size_t)1) * sizeof(*exact));
	if (exact)
		a->nodes = exact;
	*ret = TAKE(a);
	return 0;
}

size_t automaton_bytes(const struct automaton *a)
{
	return sizeof(*a) + a->n * sizeof(*a->literals) + a->n_nodes * sizeof(*a->nodes) + a->n_outs * sizeof(*a->outs) +
	       (a->entries ? (a->entry_mask + 1) * sizeof(*a->entries) : 0) + a->filter_words * sizeof(*a->filter) +
	       (a->pairs ? PAIRS / 8 : 0) + a->n_short * sizeof(*a->shorts);
}
