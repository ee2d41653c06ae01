/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing, and making a difference small: fewer events, fewer rules, a smaller condition, as long as the difference stays. */
#include "tests/support/same.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/index/engine.h"
#include "tests/support/random_events.h"
#include "tests/support/random_rules.h"

enum {
	RULES_MOST = 300,
	EVENTS_MOST = 6000,
	RULES_MANY = 8 * RULES_MAX_MATCHES, /* about a third are for one kind of event, and a third of those hold */
	EVENTS_FEW = 100,
	ARENA_BYTES = 512 * 1024 * 1024,
	SHRINK_TRIES = 3000, /* bounds the time that a difference takes */
};

static const struct way {
	const char *name;
	struct engine_config config;
} ways[] = {
	{ "default", { 0 } },
	{ "no cache", { .no_cache = true } },
	{ "tables of 4", { .max_strings = 4, .max_images = 4, .max_classes = 4, .max_verdicts = 4 } },
	{ "tables of 40", { .max_strings = 40, .max_images = 9, .max_classes = 20, .max_verdicts = 64 } },
};

/* --- comparing ------------------------------------------------------------------------------------------------------------- */

/* One difference. */
struct difference {
	size_t way, event;
	uint32_t rule; /* that only one of both raises, or calls undecided */
	struct matches oracle, engine;
};

static bool list_has(const uint32_t *list, size_t n, uint32_t rule)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == rule)
			return true;
	return false;
}

static uint32_t rule_of(const struct matches *a, const struct matches *b)
{
	for (size_t i = 0; i < a->n; i++)
		if (!list_has(b->rule, b->n, a->rule[i]))
			return a->rule[i];
	for (size_t i = 0; i < b->n; i++)
		if (!list_has(a->rule, a->n, b->rule[i]))
			return b->rule[i];
	for (size_t i = 0; i < a->n_undecided; i++)
		if (!list_has(b->undecided, b->n_undecided, a->undecided[i]))
			return a->undecided[i];
	return b->n_undecided ? b->undecided[0] : a->n ? a->rule[0] : 0;
}

struct engines {
	struct engine *p[ARRAY_SIZE(ways)];
};

static void engines_done(struct engines *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		engine_free(&e->p[i]);
}

/* Of which events every rule is asked. */
static void count_by_event(const struct ruleset *set, uint64_t counts[EVENT_NUMBERS])
{
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		counts[i] = 0;
	for (size_t i = 0; i < ruleset_count(set); i++)
		for (uint32_t k = 0; k < EVENT_NUMBERS; k++)
			counts[k] += ruleset_get(set, i)->is_enabled && (ruleset_get(set, i)->events >> k & 1);
}

/* only: one way; SIZE_MAX: all. Events whose flag is not set are left out (wanted NULL: none is). */
static int compare(const struct ruleset *set, size_t only, const struct event *events, size_t n, const bool *wanted, struct same_totals *totals,
		   struct difference *ret)
{
	CLEANUP(engines_done) struct engines engines = { { NULL } };
	CLEANUP(diag_done) struct diag diag = { 0 };
	uint64_t counts[EVENT_NUMBERS];
	count_by_event(set, counts);
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if ((only == SIZE_MAX || only == i) && engine_new(set, &ways[i].config, &engines.p[i], &diag))
			return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (wanted && !wanted[i])
			continue;
		ruleset_evaluate(set, &events[i], &ret->oracle);
		totals->events++;
		totals->pairs += counts[events[i].type->number];
		totals->matches += ret->oracle.n;
		totals->undecided += ret->oracle.n_undecided;
		for (size_t k = 0; k < ARRAY_SIZE(ways); k++) {
			if (!engines.p[k])
				continue;
			engine_evaluate(engines.p[k], &events[i], &ret->engine);
			if (matches_equal(&ret->oracle, &ret->engine))
				continue;
			ret->way = k;
			ret->event = i;
			ret->rule = rule_of(&ret->oracle, &ret->engine);
			return DIFFERENT;
		}
	}
	return SAME;
}

/* --- making it small ------------------------------------------------------------------------------------------------------- */

struct shrinking {
	struct random_rules *rules; /* NULL: the set is given */
	const struct ruleset *set;
	const struct event *events;
	size_t n_events, tries;
	bool *rule_wanted, *event_wanted; /* owned */
	struct difference found; /* the last */
};

static bool still_differs(struct shrinking *s)
{
	CLEANUP(ruleset_free) struct ruleset *made = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(buf_done) struct buf text = { .max = 64 * 1024 * 1024 };
	struct same_totals ignored = { 0 };
	struct difference found;
	if (s->tries++ > SHRINK_TRIES)
		return false;
	if (s->rules) {
		random_rules_text(s->rules, s->rule_wanted, &text);
		if (buf_error(&text) || ruleset_load_text("random.yaml", buf_sv(&text), &made, &diag))
			return false;
	}
	if (compare(made ? made : s->set, s->found.way, s->events, s->n_events, s->event_wanted, &ignored, &found) != DIFFERENT)
		return false;
	s->found = found;
	return true;
}

/* Leaves out ever smaller parts of what is wanted. */
static void leave_out(struct shrinking *s, bool *wanted, size_t n)
{
	for (size_t part = n / 2 ? n / 2 : 1; part > 0; part /= 2) {
		for (size_t from = 0; from < n; from += part) {
			size_t to = MIN(from + part, n), n_out = 0;
			bool *before = malloc(n);
			if (!before)
				return;
			memcpy(before, wanted, n);
			for (size_t i = from; i < to; i++) {
				n_out += wanted[i];
				wanted[i] = false;
			}
			if (n_out && !still_differs(s))
				memcpy(wanted, before, n);
			free(before);
		}
	}
}

static void put_rule(const struct rule_info *info, size_t number, const char *when, struct buf *out)
{
	bool is_first = true;
	buf_reset(out);
	buf_add_format(out, "- rule: small%zu\n  severity: low\n  event: [", number);
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		if (!(info->events >> i & 1))
			continue;
		buf_add_format(out, "%s%s", is_first ? "" : ", ", event_type_by_number(i)->name);
		is_first = false;
	}
	buf_add_format(out, "]\n  when: |\n    %s\n", when);
}

/* One child of the root alone (without: all but that child) in the rule's place; true when the difference stays. */
static bool try_child(struct shrinking *s, const struct rule_info *info, const struct condition *root, size_t child, bool without, size_t at)
{
	CLEANUP(buf_done) struct buf when = { 0 };
	if (without && condition_children(root) < 3)
		return false;
	for (size_t i = 0; i < condition_children(root); i++) {
		if ((i == child) == without)
			continue;
		buf_add_z(&when, when.n ? condition_type(root) == NODE_AND ? " and (" : " or (" : "(");
		condition_text(condition_child(root, i), &when);
		buf_add_char(&when, ')');
	}
	struct buf old = s->rules->text[at];
	s->rules->text[at] = (struct buf){ 0 };
	put_rule(info, at, buf_cstr(&when), &s->rules->text[at]);
	if (still_differs(s)) {
		buf_done(&old);
		return true;
	}
	buf_done(&s->rules->text[at]);
	s->rules->text[at] = old;
	return false;
}

/* Some part of a rule in its place; index: its number among those that are left. False when none keeps the difference. */
static bool shrink_condition(struct shrinking *s, size_t at, uint32_t index)
{
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	random_rules_text(s->rules, s->rule_wanted, &text);
	if (buf_error(&text) || ruleset_load_text("random.yaml", buf_sv(&text), &set, &diag))
		return false;
	const struct condition *root = ruleset_condition(set, index);
	for (size_t i = 0; i < condition_children(root); i++)
		if (try_child(s, ruleset_get(set, index), root, i, false, at) || try_child(s, ruleset_get(set, index), root, i, true, at))
			return true;
	return false;
}

static void add_list(struct buf *out, const char *what, const uint32_t *list, size_t n)
{
	buf_add_format(out, " %s:", what);
	for (size_t i = 0; i < n; i++)
		buf_add_format(out, " %u", list[i]);
}

static void report_difference(const struct shrinking *s, struct buf *out)
{
	buf_add_format(out, "the engine (%s) and the plain evaluator differ\n", ways[s->found.way].name);
	if (s->rules)
		random_rules_text(s->rules, s->rule_wanted, out);
	else
		buf_add_format(out, "rule: %s\n", ruleset_get(s->set, s->found.rule)->id);
	for (size_t i = 0; i < s->n_events; i++)
		if (s->event_wanted[i])
			random_event_text(&s->events[i], out);
	buf_add_z(out, "the last event; plain evaluator,");
	add_list(out, "matches", s->found.oracle.rule, s->found.oracle.n);
	add_list(out, "undecided", s->found.oracle.undecided, s->found.oracle.n_undecided);
	buf_add_z(out, "; engine,");
	add_list(out, "matches", s->found.engine.rule, s->found.engine.n);
	add_list(out, "undecided", s->found.engine.undecided, s->found.engine.n_undecided);
	buf_add_char(out, '\n');
}

/* rules NULL: those of the set stay as they are. */
static void shrink(struct random_rules *rules, const struct ruleset *set, const struct event *events, const struct difference *found, struct buf *report)
{
	struct shrinking s = { .rules = rules, .set = set, .events = events, .n_events = found->event + 1, .found = *found };
	s.rule_wanted = calloc(rules ? rules->n : 1, 1);
	s.event_wanted = calloc(s.n_events, 1);
	if (s.rule_wanted && s.event_wanted) {
		for (size_t i = 0; rules && i < rules->n; i++)
			s.rule_wanted[i] = i == found->rule;
		for (size_t i = 0; i < s.n_events; i++)
			s.event_wanted[i] = i + 1 == s.n_events;
		bool is_alone = still_differs(&s); /* that rule on that event, nothing before */
		for (size_t i = 0; !is_alone && i < s.n_events; i++)
			s.event_wanted[i] = true;
		is_alone = is_alone || still_differs(&s);
		for (size_t i = 0; !is_alone && rules && i < rules->n; i++)
			s.rule_wanted[i] = true;
		if (rules)
			leave_out(&s, s.rule_wanted, rules->n);
		leave_out(&s, s.event_wanted, s.n_events);
		uint32_t index = 0;
		for (size_t i = 0; rules && i < rules->n; i++) {
			if (!s.rule_wanted[i])
				continue;
			while (shrink_condition(&s, i, index))
				;
			index++;
		}
		report_difference(&s, report);
	}
	free(s.rule_wanted);
	free(s.event_wanted);
}

/* --- rounds ---------------------------------------------------------------------------------------------------------------- */

struct round {
	struct random r;
	struct random_rules rules;
	struct ruleset *set;
	struct random_events *maker;
	struct arena arena;
	struct event *events; /* owned */
};

static void round_done(struct round *o)
{
	random_rules_done(&o->rules);
	ruleset_free(&o->set);
	random_events_free(&o->maker);
	arena_done(&o->arena);
	free(o->events);
}

static int load(struct round *o, struct same_totals *totals, struct buf *report)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	size_t refused = 0;
	ruleset_free(&o->set);
	int err = random_rules_load(&o->rules, &o->set, &refused, &diag);
	totals->refused += refused;
	if (err) {
		char line[400] = "";
		if (diag.n)
			diag_format(&diag.messages[0], line, sizeof(line));
		buf_add_format(report, "the rules do not load: %s\n", line);
		return err;
	}
	totals->rules += ruleset_count(o->set);
	return 0;
}

static int make_events(struct round *o, size_t from, size_t to)
{
	int err = random_events_follow(o->maker, o->set);
	for (size_t i = from; i < to && !err; i++)
		err = random_events_next(o->maker, &o->arena, &o->events[i]);
	return err;
}

static int run_half(struct round *o, size_t from, size_t to, struct same_totals *totals, struct buf *report)
{
	struct difference found;
	if (ruleset_events(o->set) == 0)
		return SAME;
	int err = make_events(o, from, to);
	if (err) {
		buf_add_format(report, "events could not be made: error %d\n", -err);
		return err;
	}
	int result = compare(o->set, SIZE_MAX, o->events + from, to - from, NULL, totals, &found);
	if (result == DIFFERENT)
		shrink(&o->rules, o->set, o->events + from, &found, report);
	return result;
}

int same_round(uint64_t seed, struct same_totals *totals, struct buf *report)
{
	CLEANUP(round_done) struct round o = { .r = { seed }, .arena.max = ARENA_BYTES };
	size_t n_rules = 1 + random_below(&o.r, random_chance(&o.r, 1, 4) ? 4 : RULES_MOST), n = 2 + random_below(&o.r, EVENTS_MOST);
	if (random_chance(&o.r, 1, 40)) { /* more than an event may raise */
		n_rules = RULES_MANY;
		n = EVENTS_FEW;
	}
	o.events = calloc(n, sizeof(*o.events));
	if (!o.events)
		return -ENOMEM;
	totals->rounds++;
	int err = random_events_new(&o.r, &o.maker);
	if (!err)
		err = random_rules_make(&o.r, n_rules, &o.rules);
	if (!err)
		err = load(&o, totals, report);
	if (!err)
		err = run_half(&o, 0, n / 2, totals, report);
	if (err)
		return err;
	/* other rules take over, processes and files go on */
	err = random_rules_change(&o.r, &o.rules);
	if (!err)
		err = load(&o, totals, report);
	return err ? err : run_half(&o, n / 2, n, totals, report);
}

int same_of_set(uint64_t seed, const struct ruleset *set, size_t n_events, struct same_totals *totals, struct buf *report)
{
	struct random r = { seed };
	CLEANUP(random_events_free) struct random_events *maker = NULL;
	CLEANUP(arena_done) struct arena arena = { .max = ARENA_BYTES };
	struct event *events = arena_alloc(&arena, n_events * sizeof(*events));
	struct difference found;
	int err = events ? random_events_new(&r, &maker) : -ENOMEM;
	if (!err)
		err = random_events_follow(maker, set);
	for (size_t i = 0; i < n_events && !err; i++)
		err = random_events_next(maker, &arena, &events[i]);
	if (err)
		return err;
	totals->rounds++;
	totals->rules += ruleset_count(set);
	int result = compare(set, SIZE_MAX, events, n_events, NULL, totals, &found);
	if (result == DIFFERENT)
		shrink(NULL, set, events, &found, report);
	return result;
}
