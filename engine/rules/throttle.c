/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Windows, found by a keyed hash of the rule and its group's values. Which one goes first depends on the order of events alone, never on
 * the key: a replay tells the same. Reading of `throttle:` as well.
 */
#include "engine/rules/throttle.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "engine/base/heap.h"
#include "engine/base/num.h"
#include "engine/base/strmap.h"
#include "engine/rules/match.h"
#include "engine/rules/set.h"

enum { BUCKETS = THROTTLE_MAX_WINDOWS, HASH_BYTES = 16, TEXT_BYTES = 128 * 1024 };

static const uint64_t per_min_ns = 1000000000ull, per_max_ns = 24 * 3600 * 1000000000ull, per_default_ns = 60 * 1000000000ull;

/* --- reading --------------------------------------------------------------------------------------------------------------- */

static void refuse(struct rule_reader *r, const struct yaml_node *node, const char *why)
{
	diag_error(r->c->diag, node->at, "throttle: %s", why);
	rule_reader_fail(r, -EINVAL);
}

static void read_by(struct rule_reader *r, const struct yaml_node *node, struct rule_throttle *t)
{
	if (node->type == YAML_MAP || (node->type == YAML_LIST && node->n > THROTTLE_MAX_BY)) {
		refuse(r, node, "'by' is a field or a list of at most 4");
		return;
	}
	for (const struct yaml_node *f = node->type == YAML_LIST ? node->first : node; f; f = node->type == YAML_LIST ? f->next : NULL) {
		if (f->type != YAML_SCALAR) {
			refuse(r, f, "'by' takes names of fields");
			return;
		}
		const struct field_ref *ref = field_resolve(r->c, f->text, f->at);
		if (!ref) {
			rule_reader_fail(r, -EINVAL);
		} else if (r->rule->info.events && !(ref->events & r->rule->info.events)) {
			diag_error(r->c->diag, f->at, "throttle: none of the rule's events has the field '%s'", ref->name);
			rule_reader_fail(r, -EINVAL);
		} else {
			r->rule->info.needs_outcome |= ref->needs_outcome;
			t->by[t->n_by++] = ref;
		}
	}
}

void throttle_read(struct rule_reader *r, const struct yaml_node *node)
{
	r->rule->info.throttle = NULL;
	if (node->type == YAML_SCALAR && !node->is_quoted && sv_is(node->text, "false"))
		return;
	if (node->type != YAML_MAP) {
		refuse(r, node, "expected a map {count: 5, per: 1m, by: [user.name]}, or false");
		return;
	}
	struct rule_throttle *t = arena_alloc(r->c->arena, sizeof(*t));
	if (!t) {
		r->c->no_memory = true;
		return;
	}
	*t = (struct rule_throttle){ .count = 1, .per_ns = per_default_ns };
	rule_reader_fail(r, item_check(r->c, node, PART_THROTTLE));
	const struct yaml_node *count = yaml_get(node, "count"), *per = yaml_get(node, "per"), *by = yaml_get(node, "by");
	uint64_t n = 0;
	if (count && (count->type != YAML_SCALAR || num_parse_u64(count->text, THROTTLE_MAX_COUNT, &n) || n == 0))
		refuse(r, count, "'count' is a number from 1 to 1000000");
	else if (count)
		t->count = (uint32_t)n;
	if (per && (per->type != YAML_SCALAR || num_parse_duration(per->text, &t->per_ns) || t->per_ns < per_min_ns || t->per_ns > per_max_ns))
		refuse(r, per, "'per' is a time from 1s to 24h");
	if (by)
		read_by(r, by, t);
	r->rule->info.throttle = t;
}

/* --- windows --------------------------------------------------------------------------------------------------------------- */

struct window {
	unsigned char hash[HASH_BYTES];
	uint64_t begin_ns, end_ns; /* boot clock */
	uint64_t begin_wall_ns, last_wall_ns; /* last: of those held back */
	uint64_t passed, suppressed;
	uint64_t order;            /* of its making: between windows that end at the same time */
	uint32_t rule;
	uint32_t next;             /* in its bucket, or of those that are free; 0: none */
	uint32_t older, newer;     /* by when they were touched; 0: none */
	uint32_t timer;            /* place in the heap */
	char group[THROTTLE_GROUP_BYTES];
};

struct throttle {
	const struct ruleset *set;
	struct window *windows; /* owned; the first is never used: 0 is none */
	uint32_t *buckets;      /* owned */
	struct heap timers;     /* owned items; the first to end on top */
	uint32_t free;          /* first of those given back */
	uint32_t n_fresh;       /* from here on windows were never used */
	uint32_t oldest, newest; /* touched longest ago, and last */
	uint64_t order;
	uint64_t hurried;       /* windows that ended early */
	unsigned char key[crypto_generichash_KEYBYTES];
	struct buf text;        /* reserved at its full size */
	char said[THROTTLE_GROUP_BYTES];
};

static bool ends_before(const void *of, uint32_t a, uint32_t b)
{
	const struct throttle *t = of;
	const struct window *wa = &t->windows[a], *wb = &t->windows[b];
	return wa->end_ns != wb->end_ns ? wa->end_ns < wb->end_ns : wa->order < wb->order;
}

static uint32_t *timer_of(void *of, uint32_t window)
{
	const struct throttle *t = of;
	return &t->windows[window].timer;
}

int throttle_new(const struct ruleset *set, struct throttle **ret)
{
	bool is_wanted = false;
	for (size_t i = 0; i < ruleset_count(set); i++)
		is_wanted |= ruleset_get(set, i)->throttle != NULL;
	*ret = NULL;
	if (!is_wanted)
		return 0;
	CLEANUP(throttle_free) struct throttle *t = calloc(1, sizeof(*t));
	if (!t || sodium_init() < 0)
		return -ENOMEM;
	t->set = set;
	t->text.max = TEXT_BYTES;
	t->windows = calloc(THROTTLE_MAX_WINDOWS + 1, sizeof(*t->windows));
	t->buckets = calloc(BUCKETS, sizeof(*t->buckets));
	t->timers = (struct heap){ .items = calloc(THROTTLE_MAX_WINDOWS, sizeof(uint32_t)), .of = t, .is_before = ends_before, .place = timer_of };
	t->n_fresh = 1;
	if (!t->windows || !t->buckets || !t->timers.items || buf_reserve(&t->text, TEXT_BYTES))
		return -ENOMEM;
	randombytes_buf(t->key, sizeof(t->key)); /* nobody finds two groups that share a window */
	*ret = TAKE(t);
	return 0;
}

void throttle_free(struct throttle **t)
{
	if (!*t)
		return;
	free((*t)->windows);
	free((*t)->buckets);
	free((*t)->timers.items);
	buf_done(&(*t)->text);
	free(*t);
	*t = NULL;
}

/* --- the table: a hash, the order of use, and timers --- */

static uint32_t *bucket_of(const struct throttle *t, const unsigned char hash[HASH_BYTES])
{
	uint64_t number;
	memcpy(&number, hash, sizeof(number));
	return &t->buckets[number % BUCKETS];
}

/* 0: the group has none. */
static uint32_t window_find(const struct throttle *t, const unsigned char hash[HASH_BYTES])
{
	uint32_t at = *bucket_of(t, hash);
	while (at && memcmp(t->windows[at].hash, hash, HASH_BYTES) != 0)
		at = t->windows[at].next;
	return at;
}

static void age_add(struct throttle *t, uint32_t at)
{
	struct window *w = &t->windows[at];
	w->older = t->newest;
	w->newer = 0;
	*(t->newest ? &t->windows[t->newest].newer : &t->oldest) = at;
	t->newest = at;
}

static void age_remove(struct throttle *t, const struct window *w)
{
	*(w->older ? &t->windows[w->older].newer : &t->oldest) = w->newer;
	*(w->newer ? &t->windows[w->newer].older : &t->newest) = w->older;
}

/* Takes a copy in, as the one touched last. There must be room. */
static void window_add(struct throttle *t, const struct window *from)
{
	uint32_t at = t->free ? t->free : t->n_fresh++, *bucket = bucket_of(t, from->hash);
	if (t->free)
		t->free = t->windows[at].next;
	t->windows[at] = *from;
	t->windows[at].next = *bucket;
	*bucket = at;
	age_add(t, at);
	heap_add(&t->timers, at);
}

static void window_remove(struct throttle *t, uint32_t at)
{
	struct window *w = &t->windows[at];
	uint32_t *link = bucket_of(t, w->hash);
	while (*link != at)
		link = &t->windows[*link].next;
	*link = w->next;
	age_remove(t, w);
	heap_remove(&t->timers, at);
	*w = (struct window){ .next = t->free };
	t->free = at;
}

/* --- reload --- */

static bool same_limit(const struct rule_throttle *a, const struct rule_throttle *b)
{
	bool is_same = a->count == b->count && a->per_ns == b->per_ns && a->n_by == b->n_by;
	for (size_t i = 0; is_same && i < a->n_by; i++)
		is_same = strcmp(a->by[i]->name, b->by[i]->name) == 0;
	return is_same;
}

/* For each rule of the old set the one with the same id and the same throttle in the new, or NULL. The caller frees. */
static const struct rule_info **rules_again(const struct ruleset *old, const struct ruleset *new)
{
	CLEANUP(strmap_done) struct strmap ids = { 0 };
	for (size_t i = 0; i < ruleset_count(new); i++) {
		const struct rule_info *rule = ruleset_get(new, i);
		if (rule->throttle && strmap_add(&ids, sv_from(rule->id), (void *)rule))
			return NULL;
	}
	const struct rule_info **again = calloc(ruleset_count(old) + 1, sizeof(void *));
	for (size_t i = 0; again && i < ruleset_count(old); i++) {
		const struct rule_info *rule = ruleset_get(old, i), *found = rule->throttle ? strmap_get(&ids, sv_from(rule->id)) : NULL;
		if (found && same_limit(rule->throttle, found->throttle))
			again[i] = found;
	}
	return again;
}

void throttle_carry_over(struct throttle *from, struct throttle *to)
{
	if (!from || !to)
		return;
	const struct rule_info **again = rules_again(from->set, to->set);
	memcpy(to->key, from->key, sizeof(to->key)); /* the same group has the same hash */
	to->order = from->order;
	for (uint32_t at = from->oldest, newer = 0; again && at; at = newer) {
		struct window w = from->windows[at];
		newer = w.newer;
		if (!again[w.rule])
			continue;
		w.rule = again[w.rule]->index;
		window_add(to, &w);
		window_remove(from, at);
	}
	free(again);
}

static void hash_value(crypto_generichash_state *state, const struct value *v)
{
	uint64_t length = v->is_missing ? UINT64_MAX : v->s.n;
	bool is_text = v->class == CLASS_STR || v->class == CLASS_LIST;
	if (v->is_missing || is_text)
		crypto_generichash_update(state, (const unsigned char *)&length, sizeof(length));
	if (v->is_missing)
		return;
	if (is_text && v->s.n)
		crypto_generichash_update(state, (const unsigned char *)v->s.p, v->s.n);
	else if (v->class == CLASS_IP)
		crypto_generichash_update(state, v->ip.bytes, sizeof(v->ip.bytes));
	else if (!is_text)
		crypto_generichash_update(state, (const unsigned char *)&v->u, sizeof(v->u));
}

static void hash_group(struct throttle *t, const struct throttled *alert, unsigned char hash[HASH_BYTES])
{
	const struct rule_throttle *limit = ruleset_get(t->set, alert->rule)->throttle;
	crypto_generichash_state state;
	crypto_generichash_init(&state, t->key, sizeof(t->key), HASH_BYTES);
	const char *id = ruleset_get(t->set, alert->rule)->id; /* not its number, which another set changes */
	unsigned char is_undecided = alert->is_undecided;
	crypto_generichash_update(&state, (const unsigned char *)id, strlen(id) + 1);
	crypto_generichash_update(&state, &is_undecided, 1);
	for (size_t i = 0; i < limit->n_by; i++) {
		t->set->matcher->used = 0;
		struct value v = field_ref_value(t->set->matcher, alert->ev, limit->by[i]);
		hash_value(&state, &v);
	}
	crypto_generichash_final(&state, hash, HASH_BYTES);
}

/* The group's values for people, cut to what fits. */
static void describe_group(struct throttle *t, const struct rule_throttle *limit, const struct throttled *alert, char *group)
{
	buf_reset(&t->text);
	buf_add_z(&t->text, alert->is_undecided ? "undecided" : "");
	for (size_t i = 0; i < limit->n_by; i++) {
		buf_add_format(&t->text, "%s%s=", t->text.n ? ", " : "", limit->by[i]->name);
		field_ref_show(t->set->matcher, alert->ev, limit->by[i], &t->text);
	}
	size_t n = MIN(t->text.n, (size_t)THROTTLE_GROUP_BYTES - 1);
	while (n > 0 && n < t->text.n && ((unsigned char)t->text.p[n] & 0xc0) == 0x80)
		n--; /* not within a character */
	if (n)
		memcpy(group, t->text.p, n);
	group[n] = '\0';
}

/* Frees the window; what did not pass in it is in *ret. */
static void end_window(struct throttle *t, uint32_t at, struct throttle_summary *ret)
{
	const struct window *w = &t->windows[at];
	if (w->suppressed) {
		memcpy(t->said, w->group, sizeof(t->said));
		*ret = (struct throttle_summary){
			.rule = ruleset_get(t->set, w->rule),
			.suppressed = w->suppressed,
			.since_boot_ns = w->begin_ns,
			.since_ns = w->begin_wall_ns,
			.last_ns = w->last_wall_ns,
			.group = t->said,
		};
	}
	window_remove(t, at);
}

static uint64_t wall_of(const struct event *ev)
{
	return ev->derived && IS_DERIVED(ev->derived, time) ? ev->derived->time : 0;
}

static bool count_in(struct throttle *t, uint32_t at, const struct event *ev, uint32_t count)
{
	struct window *w = &t->windows[at];
	bool passes = w->passed < count;
	age_remove(t, w);
	age_add(t, at);
	if (passes) {
		w->passed++;
		return true;
	}
	w->suppressed++;
	w->last_wall_ns = MAX(w->last_wall_ns, wall_of(ev));
	return false;
}

bool throttle_pass(struct throttle *t, const struct throttled *alert, struct throttle_summary *ret_ended)
{
	const struct rule_throttle *limit = ruleset_get(t->set, alert->rule)->throttle;
	const struct event *ev = alert->ev;
	uint64_t now = ev->common->boot_ns;
	struct window new = { .begin_ns = now, .passed = 1, .rule = alert->rule };
	*ret_ended = (struct throttle_summary){ 0 };
	hash_group(t, alert, new.hash);
	uint32_t at = window_find(t, new.hash);
	if (at && now < t->windows[at].end_ns) /* an event from before the window's begin came late: it counts here */
		return count_in(t, at, ev, limit->count);
	t->hurried += !at && t->timers.n == THROTTLE_MAX_WINDOWS;
	if (at || t->timers.n == THROTTLE_MAX_WINDOWS)
		end_window(t, at ? at : t->oldest, ret_ended);
	new.end_ns = now > UINT64_MAX - limit->per_ns ? UINT64_MAX : now + limit->per_ns;
	new.order = t->order++;
	new.begin_wall_ns = wall_of(ev);
	describe_group(t, limit, alert, new.group);
	window_add(t, &new);
	return true;
}

void throttle_get_stats(const struct throttle *t, struct throttle_stats *ret)
{
	*ret = (struct throttle_stats){ 0 };
	if (!t)
		return;
	ret->windows = t->timers.n;
	ret->hurried = t->hurried;
	ret->bytes = (THROTTLE_MAX_WINDOWS + 1) * sizeof(*t->windows) + BUCKETS * sizeof(*t->buckets) + THROTTLE_MAX_WINDOWS * sizeof(uint32_t);
}

bool throttle_ended(struct throttle *t, uint64_t boot_ns, struct throttle_summary *ret)
{
	*ret = (struct throttle_summary){ 0 };
	while (t && !ret->rule && t->timers.n && boot_ns >= t->windows[t->timers.items[0]].end_ns)
		end_window(t, t->timers.items[0], ret);
	return ret->rule != NULL;
}
