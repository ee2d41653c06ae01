/* SPDX-License-Identifier: Apache-2.0 */
/* The order of things: events by their time, ends of waits between them, each event to the rules that it feeds, deeper ones last. */
#include "engine/state/state.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "engine/rules/match.h"
#include "engine/state/group.h"

enum { GROUP_SHARE = 256 }; /* bytes of memory for each group that the tables have room for */

/* --- building -------------------------------------------------------------------------------------------------------------- */

bool state_is_needed(const struct ruleset *set)
{
	return set->n_stateful > 0;
}

static unsigned depth_of(const struct ruleset *set, const struct stateful *rule)
{
	unsigned depth = 0; /* the loader refuses more than STATEFUL_MAX_DEPTH levels */
	for (size_t i = 0; i < rule->n_inputs; i++)
		if (set->rules[rule->inputs[i].rule].stateful)
			depth = MAX(depth, 1 + depth_of(set, set->rules[rule->inputs[i].rule].stateful));
	return depth;
}

static size_t table_bytes(const struct state *s)
{
	return s->n_buckets * sizeof(*s->buckets) + s->max_groups * sizeof(uint32_t) + STATE_MAX_WAITING * sizeof(*s->waiting);
}

static int make_tables(struct state *s)
{
	size_t n = MAX(s->set->n_stateful, 1u);
	s->max_groups = s->config.memory_bytes / GROUP_SHARE;
	for (s->n_buckets = 1024; s->n_buckets < s->max_groups;)
		s->n_buckets *= 2;
	s->rules = calloc(n, sizeof(*s->rules));
	s->pending = calloc(MAX(s->n_feeds, 1u), sizeof(*s->pending));
	s->buckets = calloc(s->n_buckets, sizeof(*s->buckets));
	s->timers.items = calloc(s->max_groups, sizeof(uint32_t));
	timers_init(s);
	s->waiting = calloc(STATE_MAX_WAITING, sizeof(*s->waiting));
	if (!s->rules || !s->pending || !s->buckets || !s->timers.items || !s->waiting)
		return -ENOMEM;
	for (size_t i = 0; i < s->set->n_stateful; i++) {
		const struct stateful *rule = s->set->stateful[i];
		bool may_raise = rule->kind == STATEFUL_ABSENCE || (rule->kind == STATEFUL_THRESHOLD && rule->most != UINT64_MAX);
		s->rules[i].depth = depth_of(s->set, rule);
		s->rules[i].ends_as = may_raise ? s->rules[i].depth : UINT_MAX;
	}
	int err = pool_init(&s->pool, s->config.memory_bytes - table_bytes(s));
	s->stats.memory_bytes = s->pool.bytes + table_bytes(s);
	return err;
}

int state_new(const struct ruleset *set, const struct state_config *config, struct state **ret)
{
	if (config->memory_bytes < STATE_MIN_MEMORY || config->memory_bytes > STATE_MAX_MEMORY)
		return -EINVAL;
	CLEANUP(state_free) struct state *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->set = set;
	s->config = *config;
	s->n_feeds = set->n_stateful ? set->first_feed[set->n] : 0;
	randombytes_buf(s->hash_key, sizeof(s->hash_key));
	int err = matcher_new(&s->matcher);
	if (!err && set->n_stateful)
		err = make_tables(s);
	if (err)
		return err;
	*ret = TAKE(s);
	return 0;
}

void state_free(struct state **state)
{
	struct state *s = *state;
	if (!s)
		return;
	matcher_free(&s->matcher);
	pool_done(&s->pool);
	free(s->rules);
	free(s->pending);
	free(s->buckets);
	free(s->timers.items);
	free(s->waiting);
	free(s);
	*state = NULL;
}

void state_clear(struct state *s)
{
	if (!s->set->n_stateful)
		return;
	pool_clear(&s->pool);
	for (size_t i = 0; i < s->set->n_stateful; i++)
		s->rules[i] = (struct rule_state){ .depth = s->rules[i].depth, .ends_as = s->rules[i].ends_as };
	memset(s->buckets, 0, s->n_buckets * sizeof(*s->buckets));
	s->timers.n = s->n_waiting = s->n_pending = s->waiting_bytes = 0;
	s->current = s->busy = 0;
}

/* --- waiting: a heap ------------------------------------------------------------------------------------------------------- */

static bool is_earlier(const struct waiting *a, const struct waiting *b)
{
	return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->number < b->number;
}

void waiting_add(struct state *s, struct waiting one)
{
	size_t at = s->n_waiting++;
	for (; at > 0 && is_earlier(&one, &s->waiting[(at - 1) / 2]); at = (at - 1) / 2)
		s->waiting[at] = s->waiting[(at - 1) / 2];
	s->waiting[at] = one;
	s->waiting_bytes += pool_size(&s->pool, one.kept);
}

static struct waiting waiting_take(struct state *s)
{
	struct waiting first = s->waiting[0], last = s->waiting[--s->n_waiting];
	size_t at = 0;
	for (size_t child; (child = 2 * at + 1) < s->n_waiting; at = child) {
		if (child + 1 < s->n_waiting && is_earlier(&s->waiting[child + 1], &s->waiting[child]))
			child++;
		if (!is_earlier(&s->waiting[child], &last))
			break;
		s->waiting[at] = s->waiting[child];
	}
	s->waiting[at] = last;
	s->waiting_bytes -= pool_size(&s->pool, first.kept);
	return first;
}

/* --- what comes in --------------------------------------------------------------------------------------------------------- */

static size_t count_feeds(const struct state *s, const struct matches *matches)
{
	size_t n = 0;
	for (size_t i = 0; i < matches->n; i++)
		n += s->set->first_feed[matches->rule[i] + 1] - s->set->first_feed[matches->rule[i]];
	return n;
}

static void copy_feeds(const struct state *s, const struct matches *matches, struct kept *k)
{
	size_t n = 0;
	for (size_t i = 0; i < matches->n; i++)
		for (uint32_t f = s->set->first_feed[matches->rule[i]]; f < s->set->first_feed[matches->rule[i] + 1]; f++)
			k->feeds[n++] = s->set->feeds[f];
}

/* Everything before this is over. */
static void open_from(struct state *s, uint64_t time_ns)
{
	s->open_ns = MAX(s->open_ns, time_ns);
}

static void note_time(struct state *s, uint64_t boot_ns)
{
	s->now_ns = MAX(s->now_ns, boot_ns);
	if (s->now_ns > s->config.reorder_ns)
		open_from(s, s->now_ns - s->config.reorder_ns);
}

static uint32_t keep(struct state *s, const struct event *ev, size_t n_feeds)
{
	uint32_t block = state_take_block(s, UINT32_MAX, MIN(kept_size(ev, n_feeds), (size_t)POOL_MAX_BLOCK));
	if (!block)
		return 0;
	if (kept_fill(&s->pool, block, ev, n_feeds))
		return block;
	pool_give(&s->pool, block);
	return 0;
}

void state_event(struct state *s, const struct event *ev, const struct matches *matches)
{
	size_t n = s->set->n_stateful ? count_feeds(s, matches) : 0;
	if (!n)
		return;
	s->stats.fed++;
	uint32_t block = s->n_waiting < STATE_MAX_WAITING ? keep(s, ev, n) : 0;
	if (!block) { /* whoever calls state_next in between does not come here */
		s->stats.dropped++;
		return;
	}
	struct kept *k = kept_at(s, block);
	copy_feeds(s, matches, k);
	k->number = ++s->number;
	k->time_ns = ev->common->boot_ns;
	if (k->time_ns < s->open_ns) {
		s->stats.late++;
		k->time_ns = s->open_ns;
	}
	waiting_add(s, (struct waiting){ k->time_ns, k->number, block });
	note_time(s, ev->common->boot_ns);
}

void state_advance(struct state *s, uint64_t boot_ns)
{
	if (boot_ns == UINT64_MAX)
		open_from(s, boot_ns);
	else
		note_time(s, boot_ns);
}

void state_finish(struct state *s)
{
	open_from(s, s->now_ns);
}

size_t state_unfinished(const struct state *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->set->n_stateful; i++) {
		const struct stateful *rule = s->set->stateful[i];
		if (rule->kind != STATEFUL_ABSENCE && (rule->kind != STATEFUL_THRESHOLD || rule->most == UINT64_MAX))
			continue;
		for (uint32_t block = s->rules[i].oldest; block; block = group_at(s, block)->newer)
			n++;
	}
	return n;
}

/* --- what comes out -------------------------------------------------------------------------------------------------------- */

/* Which comes first: rules that others build on; in one rule later steps, for an event that is two of them. */
static bool feeds_first(const struct state *s, struct stateful_feed a, struct stateful_feed b)
{
	unsigned da = s->rules[a.stateful].depth, db = s->rules[b.stateful].depth;
	if (da != db)
		return da < db;
	return a.stateful != b.stateful ? a.stateful < b.stateful : a.input > b.input;
}

/* The event at work feeds this too. pending is in the order of work from its end. */
static void pending_add(struct state *s, struct stateful_feed feed)
{
	for (size_t i = 0; i < s->n_pending; i++)
		if (s->pending[i].stateful == feed.stateful && s->pending[i].input == feed.input)
			return; /* a rule with groups of two sorts was raised twice by one event */
	assert(s->n_pending < s->n_feeds);
	size_t at = s->n_pending++;
	for (; at > 0 && feeds_first(s, s->pending[at - 1], feed); at--)
		s->pending[at] = s->pending[at - 1];
	s->pending[at] = feed;
}

static void pending_add_rule(struct state *s, uint32_t rule)
{
	for (uint32_t f = s->set->first_feed[rule]; f < s->set->first_feed[rule + 1]; f++)
		pending_add(s, s->set->feeds[f]);
}

/* The next thing that is due becomes the work. False: nothing is. True with *ret_raised: a wait has ended, in *ret. */
static bool take_next(struct state *s, struct state_alert *ret, bool *ret_raised)
{
	bool is_crowded = s->n_waiting == STATE_MAX_WAITING || s->waiting_bytes > s->pool.bytes / 2;
	*ret_raised = false;
	if (is_crowded && s->waiting[0].time_ns > s->open_ns) {
		open_from(s, s->waiting[0].time_ns);
		s->stats.hurried++;
	}
	bool has_event = s->n_waiting && s->waiting[0].time_ns <= s->open_ns;
	bool has_end = s->timers.n && group_at(s, s->timers.items[0])->due_ns < s->open_ns;
	if (has_end && (!has_event || group_at(s, s->timers.items[0])->due_ns < s->waiting[0].time_ns)) {
		*ret_raised = kind_end(s, s->timers.items[0], ret);
		if (*ret_raised)
			pending_add_rule(s, ret->rule);
		return true;
	}
	if (!has_event)
		return false;
	struct waiting w = waiting_take(s);
	s->current = w.kept;
	s->at_ns = w.time_ns;
	struct kept *k = kept_at(s, w.kept);
	for (size_t i = 0; i < k->n_feeds; i++)
		pending_add(s, k->feeds[i]);
	return true;
}

bool state_next(struct state *s, struct state_alert *ret)
{
	bool is_raised = false;
	if (!s->set->n_stateful)
		return false;
	while (!is_raised) {
		while (s->n_pending && !is_raised) {
			is_raised = kind_apply(s, s->pending[--s->n_pending], ret);
			if (is_raised)
				pending_add_rule(s, ret->rule);
		}
		if (is_raised)
			break;
		state_release_kept(s, s->current);
		s->current = 0;
		if (!take_next(s, ret, &is_raised))
			return false;
	}
	s->stats.raised++;
	return true;
}

void state_key_text(struct state *s, const struct state_alert *alert, uint32_t input, size_t i, struct buf *out)
{
	const struct field_ref *name = alert->stateful->inputs[input].keys[i], *field = alert->stateful->inputs[alert->input].keys[i];
	size_t from = out->n;
	buf_add_z(out, name->name);
	if (name->argument.p)
		buf_add_format(out, "[" SV_FMT "]", SV_ARG(name->argument));
	buf_add_char(out, '=');
	s->matcher->used = 0;
	struct value v = field_ref_value(s->matcher, alert->ev, field);
	if (!v.is_missing && v.class == CLASS_STR)
		buf_add(out, v.s.p, MIN(v.s.n, (size_t)STATE_MAX_KEY_TEXT));
	else if (!v.is_missing)
		IGNORE(value_text(&v, out).n); /* written behind what is there */
	out->n = MIN(out->n, from + STATE_MAX_KEY_TEXT);
}

void state_watch(struct state *s, state_note_function *call, void *context)
{
	s->note = call;
	s->note_context = context;
}

void state_get_stats(const struct state *s, struct state_stats *ret)
{
	*ret = s->stats;
	ret->groups = s->timers.n;
	ret->used_bytes = s->pool.used;
}
