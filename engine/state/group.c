/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, the table of groups, their timers and who is evicted. Nothing here depends on the order in the hash table: replays are equal. */
#include "engine/state/group.h"

#include <assert.h>

#include "engine/rules/match.h"

/* --- memory ---------------------------------------------------------------------------------------------------------------- */

/* The rule's group that was touched longest ago and is not at work; 0: none. */
static uint32_t victim_of(const struct state *s, uint32_t rule)
{
	uint32_t block = s->rules[rule].oldest;
	return block && block == s->busy ? group_at(s, block)->newer : block;
}

static bool evict(struct state *s)
{
	uint32_t victim = 0;
	size_t most = 0;
	for (uint32_t i = 0; i < s->set->n_stateful; i++) {
		if (s->rules[i].bytes <= most || !victim_of(s, i))
			continue;
		most = s->rules[i].bytes;
		victim = victim_of(s, i);
	}
	if (!victim)
		return false;
	group_free(s, victim);
	s->stats.evicted++;
	return true;
}

uint32_t state_take_block(struct state *s, uint32_t rule, size_t n)
{
	uint32_t block = pool_take(&s->pool, n);
	while (!block && n <= POOL_MAX_BLOCK && evict(s))
		block = pool_take(&s->pool, n);
	if (block && rule != UINT32_MAX)
		s->rules[rule].bytes += pool_size(&s->pool, block);
	return block;
}

void state_give_block(struct state *s, uint32_t rule, uint32_t block)
{
	if (!block)
		return;
	if (rule != UINT32_MAX)
		s->rules[rule].bytes -= pool_size(&s->pool, block);
	pool_give(&s->pool, block);
}

void state_release_kept(struct state *s, uint32_t block)
{
	if (block && --kept_at(s, block)->refs == 0)
		pool_give(&s->pool, block);
}

void group_keep(struct state *s, uint32_t block, uint32_t kept)
{
	struct group *g = group_at(s, block);
	g->kept = kept;
	s->rules[g->rule].bytes += pool_size(&s->pool, kept);
}

static void group_let_go(struct state *s, const struct group *g)
{
	if (!g->kept)
		return;
	s->rules[g->rule].bytes -= pool_size(&s->pool, g->kept);
	state_release_kept(s, g->kept);
}

/* --- keys ------------------------------------------------------------------------------------------------------------------ */

static void hash_long(const struct state *s, struct strview bytes, unsigned char ret[static 16])
{
	crypto_shorthash_siphashx24(ret, (const unsigned char *)bytes.p, bytes.n, s->hash_key);
}

static void key_bytes(struct state *s, const void *bytes, size_t n)
{
	assert(s->key_n + n <= sizeof(s->key));
	if (n)
		memcpy(s->key + s->key_n, bytes, n);
	s->key_n += n;
}

/* Length before bytes, so that no two keys run into one another. */
static void key_text(struct state *s, struct strview text)
{
	uint16_t n = text.n > KEY_VALUE_MAX ? UINT16_MAX : (uint16_t)text.n;
	unsigned char hash[16];
	key_bytes(s, &n, sizeof(n));
	if (n != UINT16_MAX) {
		key_bytes(s, text.p, text.n);
		return;
	}
	hash_long(s, text, hash);
	key_bytes(s, text.p, KEY_VALUE_MAX - sizeof(hash));
	key_bytes(s, hash, sizeof(hash));
}

/* Adds the value; false: there is none. */
static bool key_value(struct state *s, const struct field_ref *field, const struct event *ev)
{
	s->matcher->used = 0;
	struct value v = field_ref_value(s->matcher, ev, field);
	if (v.is_missing || (v.class == CLASS_FLAGS && v.u == 0) || (v.class == CLASS_LIST && v.s.n == 0))
		return false;
	if (v.class == CLASS_STR || v.class == CLASS_LIST) {
		key_text(s, v.s);
	} else if (v.class == CLASS_IP) {
		key_bytes(s, &v.ip.family, sizeof(v.ip.family));
		key_bytes(s, v.ip.bytes, sizeof(v.ip.bytes));
	} else {
		key_bytes(s, &v.u, sizeof(v.u));
	}
	return true;
}

bool key_make(struct state *s, const struct stateful *rule, const struct stateful_input *input, const struct event *ev)
{
	s->key_n = rule->lineage == LINEAGE_ANY ? 0 : sizeof(uint64_t);
	for (size_t i = 0; i < rule->n_keys; i++)
		if (!key_value(s, input->keys[i], ev))
			return false;
	return true;
}

void key_set_root(struct state *s, uint64_t exec_id)
{
	memcpy(s->key, &exec_id, sizeof(exec_id));
}

bool key_of_value(struct state *s, const struct field_ref *field, const struct event *ev, uint64_t ret[2])
{
	size_t from = s->key_n;
	bool has_value = key_value(s, field, ev);
	unsigned char hash[16];
	hash_long(s, (struct strview){ (const char *)s->key + from, s->key_n - from }, hash);
	memcpy(ret, hash, sizeof(hash));
	s->key_n = from;
	return has_value;
}

static uint64_t hash_key_of(const struct state *s, uint32_t rule)
{
	uint64_t hash;
	unsigned char bytes[crypto_shorthash_BYTES];
	crypto_shorthash(bytes, s->key, s->key_n, s->hash_key);
	memcpy(&hash, bytes, sizeof(hash));
	return hash + rule * 0x9e3779b97f4a7c15u;
}

/* --- timers ---------------------------------------------------------------------------------------------------------------- */

static bool ends_before(const void *of, uint32_t a, uint32_t b)
{
	const struct state *s = of;
	const struct group *ga = group_at(s, a), *gb = group_at(s, b);
	if (ga->due_ns != gb->due_ns)
		return ga->due_ns < gb->due_ns;
	unsigned ea = s->rules[ga->rule].ends_as, eb = s->rules[gb->rule].ends_as;
	return ea != eb ? ea < eb : ga->order < gb->order;
}

static uint32_t *timer_of(void *of, uint32_t block)
{
	return &group_at(of, block)->timer;
}

void timers_init(struct state *s)
{
	s->timers.of = s;
	s->timers.is_before = ends_before;
	s->timers.place = timer_of;
}

void group_set_due(struct state *s, uint32_t block, uint64_t due_ns)
{
	group_at(s, block)->due_ns = due_ns;
	heap_settle(&s->timers, block);
}

/* --- by age ---------------------------------------------------------------------------------------------------------------- */

static void age_add(struct state *s, uint32_t block)
{
	struct group *g = group_at(s, block);
	struct rule_state *r = &s->rules[g->rule];
	g->older = r->newest;
	g->newer = 0;
	if (r->newest)
		group_at(s, r->newest)->newer = block;
	else
		r->oldest = block;
	r->newest = block;
}

static void age_remove(struct state *s, const struct group *g)
{
	struct rule_state *r = &s->rules[g->rule];
	if (g->older)
		group_at(s, g->older)->newer = g->newer;
	else
		r->oldest = g->newer;
	if (g->newer)
		group_at(s, g->newer)->older = g->older;
	else
		r->newest = g->older;
}

void group_touch(struct state *s, uint32_t block)
{
	age_remove(s, group_at(s, block));
	age_add(s, block);
}

/* --- groups ---------------------------------------------------------------------------------------------------------------- */

uint32_t group_find(const struct state *s, uint32_t rule)
{
	uint64_t hash = hash_key_of(s, rule);
	for (uint32_t block = s->buckets[hash & (s->n_buckets - 1)]; block; block = group_at(s, block)->next) {
		const struct group *g = group_at(s, block);
		if (g->hash == hash && g->rule == rule && g->key_n == s->key_n && memcmp(g->key, s->key, s->key_n) == 0)
			return block;
	}
	return 0;
}

uint32_t group_new(struct state *s, uint32_t rule, size_t n_seen, uint64_t due_ns)
{
	while (s->timers.n == s->max_groups)
		if (!evict(s))
			return 0;
	uint32_t block = state_take_block(s, rule, sizeof(struct group) + s->key_n);
	if (!block)
		return 0;
	struct group *g = group_at(s, block);
	*g = (struct group){ .hash = hash_key_of(s, rule), .due_ns = due_ns, .order = s->order++, .rule = rule, .key_n = (uint16_t)s->key_n };
	memcpy(g->key, s->key, s->key_n);
	uint32_t *bucket = &s->buckets[g->hash & (s->n_buckets - 1)];
	g->next = *bucket;
	*bucket = block;
	age_add(s, block);
	heap_add(&s->timers, block);
	if (n_seen && !group_grow(s, block, n_seen)) {
		group_free(s, block);
		return 0;
	}
	return block;
}

void group_free(struct state *s, uint32_t block)
{
	struct group *g = group_at(s, block);
	uint32_t *link = &s->buckets[g->hash & (s->n_buckets - 1)];
	while (*link != block)
		link = &group_at(s, *link)->next;
	*link = g->next;
	age_remove(s, g);
	heap_remove(&s->timers, block);
	group_let_go(s, g);
	state_give_block(s, g->rule, g->seen);
	state_give_block(s, g->rule, block);
}

bool group_grow(struct state *s, uint32_t block, size_t n)
{
	struct group *g = group_at(s, block);
	size_t bytes = n * sizeof(struct seen_event);
	if (g->seen && pool_size(&s->pool, g->seen) >= bytes)
		return true;
	uint32_t busy = s->busy;
	s->busy = block;
	uint32_t seen = state_take_block(s, g->rule, bytes);
	s->busy = busy;
	if (!seen)
		return false;
	if (g->seen)
		memcpy(pool_at(&s->pool, seen), group_seen(s, g), g->n_seen * sizeof(struct seen_event));
	else
		memset(pool_at(&s->pool, seen), 0, pool_size(&s->pool, seen));
	state_give_block(s, g->rule, g->seen);
	g->seen = seen;
	return true;
}
