/* SPDX-License-Identifier: Apache-2.0 */
/* A reload: what is known of rules that stay the same goes over to the new set. */
#include <errno.h>
#include <stdlib.h>

#include "engine/state/group.h"

/* The new number of an old rule, or UINT32_MAX. */
static uint32_t same_rule(const struct ruleset *old, uint32_t rule, const struct ruleset *new)
{
	const struct stateful *s = old->stateful[rule];
	for (uint32_t i = 0; i < new->n_stateful; i++)
		if (memcmp(s->digest, new->stateful[i]->digest, sizeof(s->digest)) == 0)
			return i;
	return UINT32_MAX;
}

static uint32_t carry_event(const struct state *old, struct state *new, uint32_t block, size_t n_feeds)
{
	const struct kept *from = kept_at(old, block);
	uint32_t copy = state_take_block(new, UINT32_MAX, pool_size(&old->pool, block));
	struct kept *k = copy ? kept_fill(&new->pool, copy, &from->ev, n_feeds) : NULL;
	if (!k) {
		new->stats.dropped++;
		if (copy)
			pool_give(&new->pool, copy);
		return 0;
	}
	k->number = from->number;
	k->time_ns = from->time_ns;
	return copy;
}

static void carry_group(const struct state *old, struct state *new, const struct group *g, uint32_t rule)
{
	uint32_t kept = g->kept ? carry_event(old, new, g->kept, 0) : 0;
	if (g->kept && !kept)
		return;
	new->key_n = g->key_n;
	memcpy(new->key, g->key, g->key_n);
	size_t n_seen = g->seen ? pool_size(&old->pool, g->seen) / sizeof(struct seen_event) : 0;
	uint32_t block = group_new(new, rule, n_seen, g->due_ns);
	if (!block) {
		new->stats.dropped++;
		state_release_kept(new, kept);
		return;
	}
	struct group *copy = group_at(new, block);
	copy->order = g->order;
	copy->last_number = g->last_number;
	copy->last_ns = g->last_ns;
	copy->n_seen = g->n_seen;
	copy->n_counted = g->n_counted;
	copy->is_quiet = g->is_quiet;
	if (kept)
		group_keep(new, block, kept);
	if (g->seen)
		memcpy(group_seen(new, copy), group_seen(old, g), n_seen * sizeof(struct seen_event));
	group_set_due(new, block, g->due_ns); /* its order among those that end at the same time has changed */
}

static void carry_waiting(const struct state *old, struct state *new, const uint32_t *rules)
{
	for (size_t i = 0; i < old->n_waiting; i++) {
		const struct kept *from = kept_at(old, old->waiting[i].kept);
		size_t n = 0;
		for (size_t k = 0; k < from->n_feeds; k++)
			n += rules[from->feeds[k].stateful] != UINT32_MAX;
		uint32_t block = n ? carry_event(old, new, old->waiting[i].kept, n) : 0;
		if (!block)
			continue;
		struct kept *copy = kept_at(new, block);
		n = 0;
		for (size_t k = 0; k < from->n_feeds; k++)
			if (rules[from->feeds[k].stateful] != UINT32_MAX)
				copy->feeds[n++] = (struct stateful_feed){ rules[from->feeds[k].stateful], from->feeds[k].input };
		waiting_add(new, (struct waiting){ old->waiting[i].time_ns, old->waiting[i].number, block });
	}
}

int state_carry_over(const struct state *old, struct state *new)
{
	new->now_ns = old->now_ns;
	new->open_ns = old->open_ns;
	new->number = old->number;
	new->order = old->order;
	size_t memory_bytes = new->stats.memory_bytes;
	new->stats = old->stats;
	new->stats.memory_bytes = memory_bytes;
	memcpy(new->hash_key, old->hash_key, sizeof(new->hash_key));
	if (!old->set->n_stateful || !new->set->n_stateful)
		return 0;
	uint32_t *rules = calloc(old->set->n_stateful, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	for (uint32_t i = 0; i < old->set->n_stateful; i++) {
		rules[i] = same_rule(old->set, i, new->set);
		for (uint32_t block = old->rules[i].oldest; block && rules[i] != UINT32_MAX; block = group_at(old, block)->newer)
			carry_group(old, new, group_at(old, block), rules[i]);
	}
	new->order = MAX(new->order, old->order);
	carry_waiting(old, new, rules);
	free(rules);
	return 0;
}
