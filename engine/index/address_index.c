/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/index/address_index.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/index/predicate.h"

enum { PREFIXES = 129 };

struct network_entry {
	uint32_t prefix, family;
	uint8_t bytes[16]; /* those behind the prefix are 0 */
	uint32_t predicate;
};

struct address_index {
	struct network_entry *entries; /* owned; sorted by all but the predicate */
	size_t n;
	size_t first[PREFIXES + 1]; /* of each prefix */
	uint8_t used[PREFIXES];     /* prefixes that have an entry */
	size_t n_used;
};

void address_index_free(struct address_index **x)
{
	if (!*x)
		return;
	free((*x)->entries);
	free(*x);
	*x = NULL;
}

size_t address_index_bytes(const struct address_index *x)
{
	return sizeof(*x) + x->n * sizeof(*x->entries);
}

bool address_index_takes(const struct test *t)
{
	return t->op->id == OP_EXISTS || (test_is_plain(t) && test_merge_op(t) == OP_EQ);
}

static int compare(const struct network_entry *a, const struct network_entry *b)
{
	if (a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static int by_network(const void *a, const void *b)
{
	const struct network_entry *x = a, *y = b;
	int c = compare(x, y);
	return c ? c : (x->predicate > y->predicate) - (x->predicate < y->predicate);
}

static void keep_prefix(uint8_t bytes[static 16], unsigned prefix)
{
	for (unsigned i = 0; i < 16; i++) {
		unsigned bits = prefix > i * 8 ? prefix - i * 8 : 0;
		if (bits < 8)
			bytes[i] &= (uint8_t)(0xff00u >> bits);
	}
}

void address_index_find(const struct address_index *x, const struct ip_address *ip, struct finder *f)
{
	for (size_t i = 0; i < x->n_used; i++) {
		uint32_t prefix = x->used[i];
		size_t low = x->first[prefix], high = x->first[prefix + 1];
		struct network_entry key = { .prefix = prefix, .family = ip->family };
		memcpy(key.bytes, ip->bytes, sizeof(key.bytes));
		keep_prefix(key.bytes, prefix);
		while (low < high) {
			size_t middle = low + (high - low) / 2;
			if (compare(&x->entries[middle], &key) < 0)
				low = middle + 1;
			else
				high = middle;
		}
		for (; low < x->first[prefix + 1] && compare(&x->entries[low], &key) == 0; low++)
			finder_holds(f, x->entries[low].predicate);
	}
}

int address_index_new(const struct indexed_test *tests, size_t n, struct address_index **ret)
{
	CLEANUP(address_index_free) struct address_index *x = calloc(1, sizeof(*x));
	size_t room = 1;
	for (size_t i = 0; i < n; i++)
		room += 2 + tests[i].test->n_operands;
	if (!x)
		return -ENOMEM;
	x->entries = calloc(room, sizeof(*x->entries));
	if (!x->entries)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (tests[i].test->op->id == OP_EXISTS) {
			x->entries[x->n++] = (struct network_entry){ .family = FAMILY_IPV4, .predicate = tests[i].predicate };
			x->entries[x->n++] = (struct network_entry){ .family = FAMILY_IPV6, .predicate = tests[i].predicate };
		}
		for (size_t k = 0; k < tests[i].test->n_operands; k++) {
			const struct network *net = &tests[i].test->operands[k].net;
			struct network_entry *e = &x->entries[x->n++];
			*e = (struct network_entry){ .prefix = net->prefix, .family = net->ip.family, .predicate = tests[i].predicate };
			memcpy(e->bytes, net->ip.bytes, sizeof(e->bytes));
			keep_prefix(e->bytes, net->prefix);
		}
	}
	qsort(x->entries, x->n, sizeof(*x->entries), by_network);
	for (size_t i = 0; i < x->n; i++)
		x->first[x->entries[i].prefix + 1] = i + 1;
	for (size_t i = 1; i <= PREFIXES; i++)
		x->first[i] = MAX(x->first[i], x->first[i - 1]);
	for (size_t i = 0; i < PREFIXES; i++)
		if (x->first[i] < x->first[i + 1])
			x->used[x->n_used++] = (uint8_t)i;
	*ret = TAKE(x);
	return 0;
}
