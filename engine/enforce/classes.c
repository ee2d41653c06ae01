/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/enforce/classes.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/enforce/registry.h"

/* --- sets ------------------------------------------------------------------------------------------------------------------ */

void class_set_done(struct class_set *s)
{
	free(s->vectors);
	strmap_done(&s->by_vector);
	*s = (struct class_set){ 0 };
}

bool class_set_holds(const struct class_set *s, uint32_t class, uint32_t predicate)
{
	if (class < CLASS_FIRST)
		return false;
	return s->vectors[class - CLASS_FIRST][predicate / 64] >> predicate % 64 & 1;
}

static bool is_zero(const uint64_t *vector, size_t words)
{
	uint64_t all = 0;
	for (size_t i = 0; i < words; i++)
		all |= vector[i];
	return !all;
}

/* The class of a vector, made where there is none yet; the vector's bytes outlive the set. */
static int class_of(struct class_set *s, const uint64_t *vector, uint32_t *ret)
{
	if (is_zero(vector, s->words)) {
		*ret = CLASS_NONE;
		return 0;
	}
	struct strview key = { (const char *)vector, s->words * sizeof(*vector) };
	void *known = strmap_get(&s->by_vector, key);
	if (known) {
		*ret = (uint32_t)(uintptr_t)known;
		return 0;
	}
	if (s->n == s->size) {
		size_t size = s->size ? 2 * s->size : 64;
		const uint64_t **bigger = realloc(s->vectors, size * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		s->vectors = bigger;
		s->size = size;
	}
	*ret = (uint32_t)(CLASS_FIRST + s->n);
	s->vectors[s->n++] = vector;
	return strmap_add(&s->by_vector, key, (void *)(uintptr_t)*ret);
}

void classes_done(struct classes *c)
{
	for (size_t d = 0; d < DIMENSION_COUNT; d++)
		class_set_done(&c->sets[d]);
	free(c->texts);
	free(c->numbers);
	free(c->addresses);
	free(c->ancestor_masks);
	*c = (struct classes){ 0 };
}

static size_t words_of(uint32_t n)
{
	return MAX((n + 63) / 64, 1u);
}

/* --- texts ----------------------------------------------------------------------------------------------------------------- */

/* Predicates that are looked up with one trie entry, side by side in its vector: each domain begins at a word of its own. */
struct roles {
	size_t object, executable, ancestor, words;
};

static int add_domain(const struct value_sets *all, struct names *names, enum policy_dimension domain, size_t word)
{
	int worst = 0;
	for (uint32_t i = 0; i < all->n_used[domain] && worst != -ENOMEM; i++) {
		int err = names_add(names, all->used[domain][i], (uint32_t)(64 * word + i));
		worst = err ? err : worst;
	}
	return worst;
}

static int add_ancestors(struct classes *c, const struct value_sets *all, struct names *names, size_t word)
{
	int worst = 0;
	for (uint32_t i = 0; i < all->n_used[DIMENSION_ANCESTORS] && worst != -ENOMEM; i++) {
		const struct value_set *p = all->used[DIMENSION_ANCESTORS][i];
		int bit = ancestor_registry_find(c->ancestors, p->canonical);
		int err = names_add(names, p, (uint32_t)(64 * word) + (uint32_t)bit);
		worst = err ? err : worst;
	}
	return worst;
}

static int grow_texts(struct classes *c, size_t more)
{
	struct verdict_text *bigger = realloc(c->texts, (c->n_texts + more + 1) * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	c->texts = bigger;
	return 0;
}

static struct verdict_text *add_entry(struct classes *c, const struct prefix_entry *e)
{
	struct verdict_text *t = &c->texts[c->n_texts++];
	*t = (struct verdict_text){ .key.prefix_bits = e->bits };
	memcpy(t->key.data, e->data, e->bits / 8);
	return t;
}

/* Index of the masks, made where it is not there yet. */
static int mask_of(struct classes *c, const uint64_t *vector, uint32_t *ret)
{
	size_t size = POLICY_ANCESTOR_WORDS * sizeof(*vector);
	for (size_t i = 0; i < c->n_ancestor_masks; i++) {
		if (memcmp(c->ancestor_masks[i].words, vector, size) == 0) {
			*ret = (uint32_t)i;
			return 0;
		}
	}
	struct policy_ancestor_mask *bigger = realloc(c->ancestor_masks, (c->n_ancestor_masks + 1) * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	c->ancestor_masks = bigger;
	*ret = (uint32_t)c->n_ancestor_masks++;
	memcpy(bigger[*ret].words, vector, size);
	return 0;
}

static int make_path_texts(struct classes *c, const struct prefixes *keys, const struct roles *at)
{
	int err = grow_texts(c, keys->n_entries);
	for (size_t i = 0; i < keys->n_entries && !err; i++) {
		const struct prefix_entry *e = &keys->entries[i];
		struct policy_text *value = &add_entry(c, e)->value;
		err = class_of(&c->sets[DIMENSION_PATH], e->vector + at->object, &value->object);
		if (!err)
			err = class_of(&c->sets[DIMENSION_EXECUTABLE], e->vector + at->executable, &value->executable);
		if (!err)
			err = mask_of(c, e->vector + at->ancestor, &value->ancestor);
	}
	return err;
}

static int make_paths(struct classes *c, const struct value_sets *all, struct names *names)
{
	static const uint64_t no_ancestors[POLICY_ANCESTOR_WORDS];
	CLEANUP(prefixes_done) struct prefixes keys = { .arena = c->arena };
	struct roles at = { .executable = c->sets[DIMENSION_PATH].words };
	uint32_t none;
	at.ancestor = at.executable + c->sets[DIMENSION_EXECUTABLE].words;
	at.words = at.ancestor + POLICY_ANCESTOR_WORDS;
	names->to = &keys;
	int err = mask_of(c, no_ancestors, &none);
	if (!err)
		err = add_domain(all, names, DIMENSION_PATH, at.object);
	if (!err)
		err = add_domain(all, names, DIMENSION_EXECUTABLE, at.executable);
	if (!err)
		err = add_ancestors(c, all, names, at.ancestor);
	if (!err && keys.n)
		err = names_add_devices(names);
	if (!err)
		err = prefixes_resolve(&keys, at.words);
	return err ? err : make_path_texts(c, &keys, &at);
}

static int make_texts(struct classes *c, const struct value_sets *all, struct names *names, enum policy_dimension domain)
{
	CLEANUP(prefixes_done) struct prefixes keys = { .arena = c->arena };
	names->to = &keys;
	int err = add_domain(all, names, domain, 0);
	if (!err)
		err = prefixes_resolve(&keys, c->sets[domain].words);
	if (!err)
		err = grow_texts(c, keys.n_entries);
	for (size_t i = 0; i < keys.n_entries && !err; i++)
		err = class_of(&c->sets[domain], keys.entries[i].vector, &add_entry(c, &keys.entries[i])->value.object);
	return err;
}

/* Not classes: an argument's tests are joined with those of the others, as an ancestor's are. */
static int make_arguments(struct classes *c, const struct value_sets *all, struct names *names)
{
	_Static_assert(POLICY_ARGUMENTS == 64 * POLICY_ANCESTOR_WORDS, "tests of arguments are kept in masks of ancestors");
	CLEANUP(prefixes_done) struct prefixes keys = { .arena = c->arena };
	names->to = &keys;
	int err = add_domain(all, names, DIMENSION_ARGUMENTS, 0);
	if (!err)
		err = prefixes_resolve(&keys, POLICY_ANCESTOR_WORDS);
	if (!err)
		err = grow_texts(c, keys.n_entries);
	for (size_t i = 0; i < keys.n_entries && !err; i++)
		err = mask_of(c, keys.entries[i].vector, &add_entry(c, &keys.entries[i])->value.ancestor);
	return err;
}

/* --- addresses ------------------------------------------------------------------------------------------------------------- */

/* ::ffff:0:0/96 holds IPv4, which IPv6 networks are not about, however wide. */
static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff };
enum { MAPPED_BITS = 96 };

static int add_networks(struct prefixes *keys, const struct value_set *p)
{
	int err = 0;
	if (p->is_any) {
		err = prefixes_add(keys, mapped, 0, p->id);
		return err ? err : prefixes_add(keys, mapped, MAPPED_BITS, p->id);
	}
	for (size_t i = 0; i < p->n && !err; i++)
		err = prefixes_add(keys, p->networks[i].ip.bytes, p->networks[i].prefix, p->id);
	return err;
}

static int make_addresses(struct classes *c, const struct value_sets *all)
{
	CLEANUP(prefixes_done) struct prefixes keys = { .arena = c->arena };
	struct class_set *set = &c->sets[DIMENSION_ADDRESS];
	int err = 0;
	for (uint32_t i = 0; i < all->n_used[DIMENSION_ADDRESS] && !err; i++)
		err = add_networks(&keys, all->used[DIMENSION_ADDRESS][i]);
	if (!err && keys.n)
		err = prefixes_add(&keys, mapped, MAPPED_BITS, PREFIX_WALL);
	if (!err)
		err = prefixes_resolve(&keys, set->words);
	c->addresses = calloc(keys.n_entries + 1, sizeof(*c->addresses));
	if (err || !c->addresses)
		return err ? err : -ENOMEM;
	for (size_t i = 0; i < keys.n_entries && !err; i++) {
		const struct prefix_entry *e = &keys.entries[i];
		struct verdict_address *to = &c->addresses[c->n_addresses++];
		to->key.prefix_bits = e->bits;
		memcpy(to->key.address, e->data, (e->bits + 7) / 8);
		err = class_of(set, e->vector, &to->class);
	}
	return err;
}

/* --- numbers --------------------------------------------------------------------------------------------------------------- */

static int add_number(struct classes *c, enum policy_dimension d, uint64_t value, unsigned bits, uint32_t class)
{
	if (c->n_numbers == c->numbers_size) {
		size_t size = c->numbers_size ? 2 * c->numbers_size : 256;
		struct verdict_number *bigger = realloc(c->numbers, size * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		c->numbers = bigger;
		c->numbers_size = size;
	}
	struct verdict_number *n = &c->numbers[c->n_numbers++];
	*n = (struct verdict_number){ .key.prefix_bits = 32 + bits, .class = class };
	for (unsigned i = 0; i < 4; i++)
		n->key.dimension[i] = (uint8_t)((uint32_t)d >> (24 - 8 * i));
	for (unsigned i = 0; i < 8; i++)
		n->key.value[i] = (uint8_t)(value >> (56 - 8 * i));
	return 0;
}

/* A range as the few prefixes that cover it: each as wide as where it begins and what is left allow. */
static int add_range(struct classes *c, enum policy_dimension d, struct number_range range, uint32_t class)
{
	for (uint64_t low = range.low;;) {
		unsigned wide = low ? (unsigned)__builtin_ctzll(low) : 64;
		uint64_t last = UINT64_MAX;
		for (;; wide--) {
			last = wide == 64 ? UINT64_MAX : low + ((1ull << wide) - 1);
			if (last <= range.high)
				break;
		}
		int err = add_number(c, d, low, 64 - wide, class);
		if (err || last == range.high)
			return err;
		low = last + 1;
	}
}

static int compare_u64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* Where something begins to hold or ceases to, sorted. */
static uint64_t *boundaries(const struct value_sets *all, enum policy_dimension d, size_t *ret_n)
{
	size_t most = 1, n = 0;
	for (uint32_t i = 0; i < all->n_used[d]; i++)
		most += 2 * all->used[d][i]->n;
	uint64_t *at = calloc(most, sizeof(*at));
	if (!at)
		return NULL;
	at[n++] = 0;
	for (uint32_t i = 0; i < all->n_used[d]; i++) {
		const struct value_set *p = all->used[d][i];
		for (size_t k = 0; k < p->n; k++) {
			at[n++] = p->ranges[k].low;
			if (p->ranges[k].high < UINT64_MAX)
				at[n++] = p->ranges[k].high + 1;
		}
	}
	qsort(at, n, sizeof(*at), compare_u64);
	*ret_n = n;
	return at;
}

static uint64_t *number_vector(struct classes *c, const struct value_sets *all, enum policy_dimension d, uint64_t number)
{
	uint64_t *vector = arena_alloc(c->arena, c->sets[d].words * sizeof(*vector));
	for (uint32_t i = 0; vector && i < all->n_used[d]; i++)
		if (value_set_has_number(all->used[d][i], number))
			vector[i / 64] |= 1ull << i % 64;
	return vector;
}

static int make_numbers(struct classes *c, const struct value_sets *all, enum policy_dimension d)
{
	size_t n = 0;
	int err = 0;
	if (!all->n_used[d])
		return 0;
	uint64_t *at = boundaries(all, d, &n);
	if (!at)
		return -ENOMEM;
	for (size_t i = 0; i < n && !err; i++) {
		if (i + 1 < n && at[i + 1] == at[i])
			continue;
		uint32_t class = CLASS_NONE;
		const uint64_t *vector = number_vector(c, all, d, at[i]);
		struct number_range range = { at[i], i + 1 < n ? at[i + 1] - 1 : UINT64_MAX };
		err = vector ? class_of(&c->sets[d], vector, &class) : -ENOMEM;
		if (!err && class != CLASS_NONE)
			err = add_range(c, d, range, class);
	}
	free(at);
	return err;
}

/* Every number is its class. */
static int make_small(struct classes *c, const struct value_sets *all, enum policy_dimension d)
{
	struct class_set *set = &c->sets[d];
	set->size = dimension_small(d);
	set->vectors = calloc(set->size, sizeof(*set->vectors));
	for (; set->vectors && set->n < set->size; set->n++) {
		set->vectors[set->n] = number_vector(c, all, d, set->n);
		if (!set->vectors[set->n])
			return -ENOMEM;
	}
	return set->vectors ? 0 : -ENOMEM;
}

/* --- all ------------------------------------------------------------------------------------------------------------------- */

static int make_dimension(struct classes *c, const struct value_sets *all, struct names *names, enum policy_dimension d)
{
	switch (dimension_kind(d)) {
	case KIND_OF_NUMBER:
		return make_numbers(c, all, d);
	case KIND_OF_SMALL:
		return make_small(c, all, d);
	case KIND_OF_ADDRESS:
		return make_addresses(c, all);
	case KIND_OF_TEXT:
		break;
	}
	if (d == DIMENSION_PATH)
		return make_paths(c, all, names); /* and EXECUTABLE, ANCESTORS, which are looked up with it */
	bool is_of_its_own = d == DIMENSION_NAME || d == DIMENSION_CGROUP || d == DIMENSION_COMM || d == DIMENSION_ENDING;
	if (d == DIMENSION_ARGUMENTS)
		return make_arguments(c, all, names);
	return is_of_its_own ? make_texts(c, all, names, d) : 0;
}

int classes_make(struct classes *c, const struct value_sets *all, struct names *names)
{
	int worst = 0;
	for (size_t d = 0; d < DIMENSION_COUNT; d++)
		c->sets[d].words = words_of(all->n_used[d]);
	for (size_t d = 0; d < DIMENSION_COUNT && worst != -ENOMEM; d++) {
		int err = make_dimension(c, all, names, (enum policy_dimension)d);
		worst = err ? err : worst;
	}
	return worst;
}
