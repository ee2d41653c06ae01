/* SPDX-License-Identifier: Apache-2.0 */
/* Windows in buckets of a few, found by a keyed hash of the rule and its group's values. Reading of `throttle:` as well. */
#include "engine/rules/throttle.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "engine/base/num.h"
#include "engine/base/strmap.h"
#include "engine/rules/match.h"
#include "engine/rules/set.h"

enum { WAYS = 8, BUCKETS = THROTTLE_MAX_WINDOWS / WAYS, HASH_BYTES = 16, TEXT_BYTES = 128 * 1024 };

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
	uint64_t begin_ns;      /* boot clock; 0 with no alert passed: the slot is free */
	uint64_t begin_wall_ns;
	uint64_t passed, suppressed;
	uint32_t rule;
	char group[THROTTLE_GROUP_BYTES];
};

struct throttle {
	const struct ruleset *set;
	struct window *windows; /* owned; BUCKETS of WAYS */
	size_t n_used;
	size_t hand;            /* where throttle_ended goes on */
	uint64_t next_end_ns;   /* no window ends before: saves the walk */
	unsigned char key[crypto_generichash_KEYBYTES];
	struct buf text;        /* reserved at its full size */
	char said[THROTTLE_GROUP_BYTES];
};

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
	t->windows = calloc(THROTTLE_MAX_WINDOWS, sizeof(*t->windows));
	if (!t->windows || buf_reserve(&t->text, TEXT_BYTES))
		return -ENOMEM;
	randombytes_buf(t->key, sizeof(t->key)); /* nobody finds two groups that share a window */
	t->next_end_ns = UINT64_MAX;
	*ret = TAKE(t);
	return 0;
}

void throttle_free(struct throttle **t)
{
	if (!*t)
		return;
	free((*t)->windows);
	buf_done(&(*t)->text);
	free(*t);
	*t = NULL;
}

static bool is_used(const struct window *w)
{
	return w->passed > 0;
}

static uint64_t end_of(const struct throttle *t, const struct window *w)
{
	uint64_t per_ns = ruleset_get(t->set, w->rule)->throttle->per_ns;
	return w->begin_ns > UINT64_MAX - per_ns ? UINT64_MAX : w->begin_ns + per_ns;
}

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
	memcpy(to->key, from->key, sizeof(to->key)); /* the same group has the same hash, so it has the same place */
	for (size_t i = 0; again && i < THROTTLE_MAX_WINDOWS; i++) {
		struct window *w = &from->windows[i];
		if (!is_used(w) || !again[w->rule])
			continue;
		to->windows[i] = *w;
		to->windows[i].rule = again[w->rule]->index;
		to->n_used++;
		to->next_end_ns = MIN(to->next_end_ns, end_of(to, &to->windows[i]));
		*w = (struct window){ 0 };
		from->n_used--;
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

static void hash_group(struct throttle *t, uint32_t rule, const struct event *ev, unsigned char hash[HASH_BYTES])
{
	const struct rule_throttle *limit = ruleset_get(t->set, rule)->throttle;
	crypto_generichash_state state;
	crypto_generichash_init(&state, t->key, sizeof(t->key), HASH_BYTES);
	const char *id = ruleset_get(t->set, rule)->id; /* not its number, which another set changes */
	crypto_generichash_update(&state, (const unsigned char *)id, strlen(id) + 1);
	for (size_t i = 0; i < limit->n_by; i++) {
		t->set->matcher->used = 0;
		struct value v = field_ref_value(t->set->matcher, ev, limit->by[i]);
		hash_value(&state, &v);
	}
	crypto_generichash_final(&state, hash, HASH_BYTES);
}

/* The group's values for people, cut to what fits. */
static void describe_group(struct throttle *t, const struct rule_throttle *limit, const struct event *ev, char *group)
{
	buf_reset(&t->text);
	for (size_t i = 0; i < limit->n_by; i++) {
		buf_add_format(&t->text, "%s%s=", i ? ", " : "", limit->by[i]->name);
		field_ref_show(t->set->matcher, ev, limit->by[i], &t->text);
	}
	size_t n = MIN(t->text.n, (size_t)THROTTLE_GROUP_BYTES - 1);
	while (n > 0 && n < t->text.n && ((unsigned char)t->text.p[n] & 0xc0) == 0x80)
		n--; /* not within a character */
	if (n)
		memcpy(group, t->text.p, n);
	group[n] = '\0';
}

/* Frees the window; what did not pass in it is in *ret. */
static void end_window(struct throttle *t, struct window *w, struct throttle_summary *ret)
{
	if (w->suppressed) {
		memcpy(t->said, w->group, sizeof(t->said));
		*ret = (struct throttle_summary){
			.rule = ruleset_get(t->set, w->rule),
			.suppressed = w->suppressed,
			.since_boot_ns = w->begin_ns,
			.since_ns = w->begin_wall_ns,
			.group = t->said,
		};
	}
	t->n_used--;
	*w = (struct window){ 0 };
}

/* The group's window, or one that is free or has to go. */
static struct window *find(struct throttle *t, const unsigned char hash[HASH_BYTES], bool *ret_is_own)
{
	uint64_t number;
	memcpy(&number, hash, sizeof(number));
	struct window *bucket = &t->windows[number % BUCKETS * WAYS], *free_one = NULL, *oldest = NULL;
	*ret_is_own = false;
	for (size_t i = 0; i < WAYS; i++) {
		struct window *w = &bucket[i];
		if (!is_used(w)) {
			free_one = free_one ? free_one : w;
			continue;
		}
		if (memcmp(w->hash, hash, HASH_BYTES) == 0) {
			*ret_is_own = true;
			return w;
		}
		if (!oldest || w->begin_ns < oldest->begin_ns)
			oldest = w;
	}
	return free_one ? free_one : oldest;
}

bool throttle_pass(struct throttle *t, uint32_t rule, const struct event *ev, struct throttle_summary *ret_ended)
{
	const struct rule_throttle *limit = ruleset_get(t->set, rule)->throttle;
	unsigned char hash[HASH_BYTES];
	uint64_t now = ev->common->boot_ns;
	bool is_own = false;
	*ret_ended = (struct throttle_summary){ 0 };
	hash_group(t, rule, ev, hash);
	struct window *w = find(t, hash, &is_own);
	if (is_own && now < end_of(t, w)) { /* an event from before the window's begin came late: it counts here */
		bool passes = w->passed < limit->count;
		if (passes)
			w->passed++;
		else
			w->suppressed++;
		return passes;
	}
	if (is_used(w))
		end_window(t, w, ret_ended);
	*w = (struct window){ .begin_ns = now, .passed = 1, .rule = rule };
	if (ev->derived && IS_DERIVED(ev->derived, time))
		w->begin_wall_ns = ev->derived->time;
	memcpy(w->hash, hash, HASH_BYTES);
	describe_group(t, limit, ev, w->group);
	t->n_used++;
	t->next_end_ns = MIN(t->next_end_ns, end_of(t, w));
	return true;
}

bool throttle_ended(struct throttle *t, uint64_t boot_ns, struct throttle_summary *ret)
{
	*ret = (struct throttle_summary){ 0 };
	if (!t || boot_ns < t->next_end_ns)
		return false;
	for (; t->n_used && t->hand < THROTTLE_MAX_WINDOWS; t->hand++) {
		struct window *w = &t->windows[t->hand];
		if (is_used(w) && boot_ns >= end_of(t, w))
			end_window(t, w, ret);
		if (ret->rule)
			return true;
	}
	t->hand = 0;
	t->next_end_ns = UINT64_MAX;
	for (size_t i = 0; t->n_used && i < THROTTLE_MAX_WINDOWS; i++)
		if (is_used(&t->windows[i]))
			t->next_end_ns = MIN(t->next_end_ns, end_of(t, &t->windows[i]));
	return false;
}
