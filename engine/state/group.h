/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a state: groups with their keys, their times and their turn to go; what is shared by the files of this folder. */
#pragma once

#include "engine/base/heap.h"
#include "engine/rules/op.h"
#include "engine/rules/set.h"
#include "engine/state/keep.h"
#include "engine/state/state.h"

enum {
	KEY_VALUE_MAX = 256, /* bytes of a value that are compared as they are; of longer ones the first 240 and a keyed hash of 128 bits */
	KEY_MAX = 8 + STATEFUL_MAX_KEYS * (KEY_VALUE_MAX + 2),
	HASH_KEY_BYTES = 16,
};

struct group {
	uint64_t hash;
	uint64_t due_ns;      /* after this time it is over: something is raised, or it is forgotten */
	uint64_t order;       /* of its making: between groups that end at the same time */
	uint64_t last_number, last_ns; /* event counted last, and its time */
	uint32_t next;        /* in its bucket */
	uint32_t older, newer; /* groups of the rule by when they were touched */
	uint32_t timer;       /* place in state.timers */
	uint32_t rule;        /* index in ruleset.stateful */
	uint32_t seen;        /* block of struct seen_event */
	uint32_t n_seen;
	uint32_t kept;        /* block of struct kept: the event that an alert at the end is about */
	uint32_t n_counted;
	uint16_t key_n;
	bool is_quiet;        /* a threshold that was raised: nothing counts until due_ns */
	unsigned char key[];  /* root of the lineage if the rule asks for it, values of the fields */
};

struct rule_state {
	uint32_t oldest, newest;
	size_t bytes;     /* of its groups, with the events they keep */
	unsigned depth;   /* stateful rules below it */
	unsigned ends_as; /* between groups that end at the same time: what is raised feeds those of deeper rules, and those that are just forgotten */
};

/* An event that waits for its turn. */
struct waiting {
	uint64_t time_ns, number;
	uint32_t kept;
};

struct state {
	const struct ruleset *set; /* borrowed */
	struct state_config config;
	struct pool pool;
	struct matcher *matcher;   /* owned */
	struct rule_state *rules;  /* owned, n_stateful of the set */
	uint32_t *buckets;         /* owned */
	struct heap timers;        /* owned items: groups, the first to end on top */
	struct waiting *waiting;   /* owned heap, the earliest on top */
	struct stateful_feed *pending; /* owned; what the event at work still feeds */
	size_t n_buckets, max_groups, n_waiting, n_pending, n_feeds;
	size_t waiting_bytes;
	uint32_t current;          /* block of struct kept: the event at work; 0: none */
	uint32_t busy;             /* group at work: not to be evicted */
	uint64_t at_ns;            /* time of the work */
	uint64_t now_ns, open_ns;  /* latest time known; before open_ns all is done */
	uint64_t number, order;
	unsigned char hash_key[HASH_KEY_BYTES];
	unsigned char key[KEY_MAX + KEY_VALUE_MAX + 2]; /* of the group looked for; room for one more value behind it */
	size_t key_n;
	struct seen_event others[STATE_MAX_OTHERS];
	struct state_stats stats;
	state_note_function *note; /* NULL: nobody asks */
	void *note_context;
};

static inline struct group *group_at(const struct state *s, uint32_t block)
{
	return pool_at(&s->pool, block);
}

static inline struct kept *kept_at(const struct state *s, uint32_t block)
{
	return pool_at(&s->pool, block);
}

static inline struct seen_event *group_seen(const struct state *s, const struct group *g)
{
	return pool_at(&s->pool, g->seen);
}

/* Memory for a group of the rule (UINT32_MAX: for none); evicts. 0: none. */
uint32_t state_take_block(struct state *s, uint32_t rule, size_t n) MUST_CHECK;
void state_give_block(struct state *s, uint32_t rule, uint32_t block);
void state_release_kept(struct state *s, uint32_t block);
/* The group keeps the event, and its rule pays for it, even where others keep it too; takes one reference over. */
void group_keep(struct state *s, uint32_t block, uint32_t kept);

/*
 * The key of the event for an input, in s->key; false: a field has no value. With lineage, key_set_root puts the other half in front.
 */
bool key_make(struct state *s, const struct stateful *rule, const struct stateful_input *input, const struct event *ev);
void key_set_root(struct state *s, uint64_t exec_id);
/* Which value this is, for thresholds over values; false: it has none. */
bool key_of_value(struct state *s, const struct field_ref *field, const struct event *ev, uint64_t ret[2]);

/* Into the heap of those that wait. */
void waiting_add(struct state *s, struct waiting one);

/* The group of the key in s->key; 0: none. */
uint32_t group_find(const struct state *s, uint32_t rule);
/* Makes one, with room for n_seen events; 0: no memory. */
uint32_t group_new(struct state *s, uint32_t rule, size_t n_seen, uint64_t due_ns) MUST_CHECK;
void group_free(struct state *s, uint32_t block);
/* Makes ready the heap of timers; items for max_groups are there. */
void timers_init(struct state *s);
/* It is used: the others of its rule go first. */
void group_touch(struct state *s, uint32_t block);
void group_set_due(struct state *s, uint32_t block, uint64_t due_ns);
/* Room for n events in all; false: no memory. */
bool group_grow(struct state *s, uint32_t block, size_t n) MUST_CHECK;

/* --- kinds.c --------------------------------------------------------------------------------------------------------------- */

/* Feeds the event at work (state.current, state.at_ns) to a rule; true: raised, in *ret. */
bool kind_apply(struct state *s, struct stateful_feed feed, struct state_alert *ret);
/* The group's time is over: it is gone after this. True: raised, in *ret; then its event is the one at work. */
bool kind_end(struct state *s, uint32_t block, struct state_alert *ret);
