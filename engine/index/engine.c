/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Evaluating an event with a compiled set.
 *
 * Each field that the event's rules look at (a column) is turned into a list: the predicates that hold of its value. Lists of
 * fields of the process image are kept with the image, others with the value. Where answers are kept, the lists that the event's
 * rules can tell apart are the key to the answer. Else the lists say which rules have a key that holds: the candidates, whose
 * programs are run. A program reads what the lists say, and asks for what is not in them.
 *
 * Whatever cannot be done this way (a list that finds no room, a test that was given up) is done by the plain evaluator.
 */
#include "engine/index/engine.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/index/address_index.h"
#include "engine/index/caches.h"
#include "engine/index/columns.h"
#include "engine/index/number_index.h"
#include "engine/index/text_index.h"
#include "engine/rules/match.h"

_Static_assert(sizeof(struct wire_ip) == sizeof(struct ip_address) && offsetof(struct ip_address, family) == 0, "an address is read in place");

int engine_new(const struct ruleset *set, const struct engine_config *config, struct engine **ret, struct diag *diag)
{
	CLEANUP(engine_free) struct engine *e = calloc(1, sizeof(*e));
	int err = -ENOMEM;
	if (e) {
		e->set = set;
		e->config = config ? *config : (struct engine_config){ 0 };
		e->runs = calloc(ruleset_count(set) + 1, sizeof(*e->runs));
		err = e->runs ? engine_build(e) : -ENOMEM;
		if (!err)
			err = caches_init(e);
	}
	if (err) {
		diag_error(diag, (struct place){ 0 }, "out of memory while compiling %zu rules", ruleset_count(set));
		return -ENOMEM;
	}
	*ret = TAKE(e);
	return 0;
}

void engine_free(struct engine **engine)
{
	struct engine *e = *engine;
	if (!e)
		return;
	for (size_t i = 0; e->predicates.inputs && i < e->predicates.n_inputs; i++) {
		text_index_free(&e->predicates.inputs[i].text);
		number_index_free(&e->predicates.inputs[i].numbers);
		address_index_free(&e->predicates.inputs[i].addresses);
	}
	caches_done(e);
	predicates_done(&e->predicates);
	free(e->code);
	free(e->runs);
	arena_done(&e->arena);
	free(e);
	*engine = NULL;
}

/* --- the plain way ---------------------------------------------------------------------------------------------------------- */

static void evaluate_rule(struct engine *e, const struct event *ev, uint32_t rule, struct matches *ret)
{
	enum truth truth = condition_holds(e->set->rules[rule].condition, ev, e->matcher);
	if (truth == TRUTH_TRUE)
		matches_add(ret, rule);
	else if (truth == TRUTH_UNDECIDED)
		matches_add_undecided(ret, rule);
}

static __attribute__((noinline)) void evaluate_plainly(struct engine *e, const struct event *ev, struct matches *ret)
{
	uint32_t number = ev->type->number;
	e->stats.fallbacks += e->set->n_by_event[number];
	for (size_t i = 0; i < e->set->n_by_event[number]; i++) {
		e->runs[e->set->by_event[number][i]]++;
		evaluate_rule(e, ev, e->set->by_event[number][i], ret);
	}
}

/* --- columns ----------------------------------------------------------------------------------------------------------------- */

/* The same of a column of the image, as far as it is known. */
static uint16_t list_of_image(struct engine *e, const struct column *c, const struct event *ev, struct image_row *row)
{
	uint16_t *known = &row->known[e->image_index[c->input]];
	if (*known)
		return (uint16_t)(*known - 1);
	uint16_t list = column_list(e, c, ev, row);
	if (list != LIST_NONE)
		*known = (uint16_t)(list + 1);
	return list;
}

/* Lists of the columns from..to; false: there is none for one of them. */
static bool look(struct engine *e, const struct event_plan *ep, const struct event *ev, struct image_row *row, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		const struct column *c = &ep->columns[i];
		bool is_of_image = e->image_index[c->input] != INPUT_NONE;
		e->now[i] = is_of_image ? list_of_image(e, c, ev, row) : column_list(e, c, ev, row);
		if (e->now[i] == LIST_NONE)
			return false;
	}
	return true;
}

/* --- candidates ------------------------------------------------------------------------------------------------------------- */

/* Adds the plans that wait for one of the list's predicates. */
static void add_waiting(struct engine *e, const struct event_plan *ep, uint16_t list)
{
	size_t n;
	const uint32_t *items = lists_items(&e->lists, list, &n);
	for (size_t i = 0; i < n; i++) {
		size_t low = 0, high = ep->n_postings;
		if (!e->predicates.p[items[i] / 2].is_key)
			continue;
		while (low < high) {
			size_t middle = low + (high - low) / 2;
			if (ep->postings[middle].predicate < items[i] / 2)
				low = middle + 1;
			else
				high = middle;
		}
		for (; low < ep->n_postings && ep->postings[low].predicate == items[i] / 2; low++)
			bitset_add(&e->candidates, ep->postings[low].plan);
	}
}

/* The same as a list, each plan once; LIST_NONE: no room. Takes what is in e->candidates. */
static uint16_t find_candidates(struct engine *e, const struct event_plan *ep, uint16_t list)
{
	size_t n_plans = 0, at = 0;
	uint32_t plan;
	add_waiting(e, ep, list);
	while (bitset_take(&e->candidates, &at, &plan))
		e->items[n_plans++] = plan;
	return engine_list_id(e, &e->lists, e->items, n_plans);
}

static uint16_t candidates_of(struct engine *e, const struct event_plan *ep, uint16_t list)
{
	uint16_t *memo = &e->candidate_lists[caches_memo(e, ep, list)];
	if (*memo)
		return (uint16_t)(*memo - 1);
	uint16_t found = find_candidates(e, ep, list);
	if (found != LIST_NONE)
		*memo = (uint16_t)(found + 1);
	return found;
}

/* A list that came with this event mostly comes this once: what waits for it is not worth keeping. */
static bool is_new_list(const struct engine *e, uint16_t list)
{
	return list >= e->n_lists_before;
}

/* False: there was no room for a list. *ret_any: there is a candidate. */
static __attribute__((noinline)) bool gather_candidates(struct engine *e, const struct event_plan *ep, bool *ret_any)
{
	/* first the lists, which use the same scratch, then their plans */
	bool any = ep->n_always > 0;
	for (size_t i = 0; i < ep->n_early; i++) {
		bool is_known = e->now[i] == LIST_EMPTY || is_new_list(e, e->now[i]);
		uint16_t found = is_known ? LIST_EMPTY : candidates_of(e, ep, e->now[i]);
		if (found == LIST_NONE)
			return false;
		any |= found != LIST_EMPTY || is_new_list(e, e->now[i]);
	}
	*ret_any = any;
	for (size_t i = 0; any && i < ep->n_early; i++) {
		size_t n;
		if (is_new_list(e, e->now[i])) {
			add_waiting(e, ep, e->now[i]);
			continue;
		}
		const uint32_t *plans = lists_items(&e->lists, e->now[i] == LIST_EMPTY ? LIST_EMPTY : candidates_of(e, ep, e->now[i]), &n);
		for (size_t k = 0; k < n; k++)
			bitset_add(&e->candidates, plans[k]);
	}
	for (size_t i = 0; i < ep->n_always; i++)
		bitset_add(&e->candidates, ep->always[i]);
	return true;
}

/* --- programs --------------------------------------------------------------------------------------------------------------- */

/* Writes down what the lists of the columns from..to say. What they do not speak of is false, if it is indexed. */
static void mark_columns(struct engine *e, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		size_t n;
		const uint32_t *items = lists_items(&e->lists, e->now[i], &n);
		for (size_t k = 0; k < n; k++)
			e->marks[items[k] / 2] = e->mark * 4 + (items[k] % 2 ? TRUTH_UNDECIDED : TRUTH_TRUE);
	}
}

static void mark_lists(struct engine *e, const struct event_plan *ep)
{
	if (++e->mark == UINT32_MAX / 4) {
		memset(e->marks, 0, e->predicates.n * sizeof(*e->marks));
		e->mark = 1;
	}
	e->is_late_known = false;
	mark_columns(e, 0, ep->n_early);
}

/* False: there was no room for a list. */
static __attribute__((noinline)) bool look_late(struct engine *e, const struct event_plan *ep, const struct event *ev)
{
	if (!look(e, ep, ev, e->row, ep->n_early, ep->n_columns))
		return false;
	mark_columns(e, ep->n_early, ep->n_columns);
	e->is_late_known = true;
	return true;
}

static inline enum truth truth_of(struct engine *e, const struct event *ev, const struct instruction *i)
{
	uint32_t predicate = i->test / INSTRUCTION_BITS, mark = e->marks[predicate];
	if (mark / 4 == e->mark)
		return (enum truth)(mark % 4);
	if (i->test & INSTRUCTION_INDEXED)
		return TRUTH_FALSE;
	enum truth truth = test_holds(e->predicates.p[predicate].node->test, ev, e->matcher, false);
	e->marks[predicate] = e->mark * 4 + truth;
	return truth;
}

/* Below a `not`, a test of what is cut short is false. */
static bool is_cut(const struct engine *e, const struct event *ev, uint32_t predicate)
{
	const struct predicate *p = &e->predicates.p[predicate];
	bool is_exec = ev->type->number == EVENT_PROC_EXEC;
	return (ev->common->truncated & p->truncated[is_exec]) || (ev->common->uncertain & p->uncertain[is_exec]);
}

/* is_guess: a test whose truth is not known by the lists that there are is taken to hold, so that false means that the rule cannot. */
static enum truth run(struct engine *e, const struct event_plan *ep, const struct event *ev, const struct plan *plan, bool is_guess)
{
	uint32_t at = plan->entry;
	bool has_cuts = ev->common->truncated | ev->common->uncertain;
	e->stats.candidates++;
	e->runs[plan->rule]++;
	while (at < PROGRAM_TRUE) {
		const struct instruction *i = &e->code[at];
		bool is_negated = i->test & INSTRUCTION_NEGATED;
		if (is_guess && (!(i->test & INSTRUCTION_INDEXED) || (i->test & INSTRUCTION_LATE))) {
			at = i->on_true;
			continue;
		}
		if ((i->test & INSTRUCTION_LATE) && !e->is_late_known && !look_late(e, ep, ev))
			return TRUTH_UNDECIDED; /* the plain evaluator will tell */
		enum truth truth = is_negated && has_cuts && is_cut(e, ev, i->test / INSTRUCTION_BITS) ? TRUTH_FALSE : truth_of(e, ev, i);
		if (truth == TRUTH_UNDECIDED)
			return TRUTH_UNDECIDED;
		at = (truth == TRUTH_TRUE) != is_negated ? i->on_true : i->on_false;
	}
	return at == PROGRAM_TRUE ? TRUTH_TRUE : TRUTH_FALSE;
}

static void run_and_add(struct engine *e, const struct event_plan *ep, const struct event *ev, const struct plan *plan, struct matches *ret)
{
	enum truth truth = run(e, ep, ev, plan, false);
	if (truth == TRUTH_TRUE) {
		matches_add(ret, plan->rule);
	} else if (truth == TRUTH_UNDECIDED) {
		e->stats.fallbacks++;
		evaluate_rule(e, ev, plan->rule, ret);
	}
}

/* --- keys ------------------------------------------------------------------------------------------------------------------- */

/* Of every key: the event, and which fields that matter to its rules are cut. */
static inline size_t key_start(const struct event_plan *ep, const struct event *ev, uint16_t key[static VERDICT_KEY_MAX])
{
	uint32_t truncated = ev->common->truncated & ep->truncated, uncertain = ev->common->uncertain & ep->uncertain;
	key[0] = (uint16_t)ep->number;
	key[1] = (uint16_t)truncated;
	key[2] = (uint16_t)(truncated >> 16);
	key[3] = (uint16_t)uncertain;
	key[4] = (uint16_t)(uncertain >> 16);
	return 5;
}

/* --- events whose answers are not kept -------------------------------------------------------------------------------------- */

/* The candidates that the lists do not rule out, whatever the rest of the event is like; LIST_NONE: there was no room. */
static __attribute__((noinline)) uint16_t find_open(struct engine *e, const struct event_plan *ep, const struct event *ev)
{
	size_t at = 0, n = 0;
	uint32_t plan;
	bool any = false;
	if (!gather_candidates(e, ep, &any))
		return LIST_NONE;
	if (!any)
		return LIST_EMPTY;
	mark_lists(e, ep);
	while (bitset_take(&e->candidates, &at, &plan))
		if (run(e, ep, ev, &ep->plans[plan], true) != TRUTH_FALSE)
			e->items[n++] = plan;
	return engine_list_id(e, &e->lists, e->items, n);
}

/* Execs are hardly alike in all that rules look at, and often in what rules wait for: it is kept what is left to run then. */
static uint16_t open_of(struct engine *e, const struct event_plan *ep, const struct event *ev)
{
	uint16_t key[VERDICT_KEY_MAX];
	size_t n = key_start(ep, ev, key);
	uint64_t hash = 0;
	if (e->config.no_cache || n + ep->n_early > VERDICT_KEY_MAX)
		return find_open(e, ep, ev);
	memcpy(key + n, e->now, ep->n_early * sizeof(*key));
	n += ep->n_early;
	const struct answer *answer = verdicts_find(&e->verdicts, key, n, &hash);
	if (answer)
		return answer->open;
	uint16_t open = find_open(e, ep, ev);
	if (open != LIST_NONE)
		verdicts_put(&e->verdicts, key, n, hash, LIST_EMPTY, open);
	return open;
}

static void run_open(struct engine *e, const struct event_plan *ep, const struct event *ev, uint16_t open, struct matches *ret)
{
	size_t n;
	const uint32_t *plans = lists_items(&e->lists, open, &n);
	if (n)
		mark_lists(e, ep);
	for (size_t i = 0; i < n; i++)
		run_and_add(e, ep, ev, &ep->plans[plans[i]], ret);
}

static void run_candidates(struct engine *e, const struct event_plan *ep, const struct event *ev, struct matches *ret)
{
	size_t at = 0;
	uint32_t plan;
	mark_lists(e, ep);
	while (bitset_take(&e->candidates, &at, &plan))
		run_and_add(e, ep, ev, &ep->plans[plan], ret);
}

static void evaluate_by_candidates(struct engine *e, const struct event_plan *ep, const struct event *ev, struct matches *ret)
{
	uint64_t misses = e->values.misses;
	uint16_t open = LIST_NONE;
	bool any = false;
	e->row = caches_image(e, ev);
	if (look(e, ep, ev, e->row, 0, ep->n_early)) {
		if (e->values.misses == misses) { /* else something is new, and mostly comes this once */
			open = open_of(e, ep, ev);
		} else if (gather_candidates(e, ep, &any)) {
			if (any)
				run_candidates(e, ep, ev, ret);
			return;
		}
	}
	if (open == LIST_NONE)
		evaluate_plainly(e, ev, ret);
	else
		run_open(e, ep, ev, open, ret);
}

/* --- events whose answers are kept ------------------------------------------------------------------------------------------ */

static __attribute__((noinline)) uint16_t find_projection(struct engine *e, const struct event_plan *ep, uint16_t list)
{
	size_t n, kept = 0;
	const uint32_t *items = lists_items(&e->lists, list, &n);
	for (size_t i = 0; i < n; i++)
		if (ep->uses[items[i] / 2 / 64] >> (items[i] / 2 % 64) & 1)
			e->items[kept++] = items[i];
	uint16_t found = engine_list_id(e, &e->lists, e->items, kept);
	if (found != LIST_NONE)
		e->projected[caches_memo(e, ep, list)] = (uint16_t)(found + 1);
	return found;
}

/* The part of a list that the event's rules can tell apart. */
static inline uint16_t project(struct engine *e, const struct event_plan *ep, uint16_t list)
{
	uint16_t known = list == LIST_EMPTY ? LIST_EMPTY + 1 : e->projected[caches_memo(e, ep, list)];
	return known ? (uint16_t)(known - 1) : find_projection(e, ep, list);
}

/* The class of the image for this event, of the lists of its columns: one list names itself. LIST_NONE: no room. */
static __attribute__((noinline)) uint16_t find_class(struct engine *e, const struct event_plan *ep, const struct event *ev, struct image_row *row)
{
	if (!look(e, ep, ev, row, 0, ep->n_image))
		return LIST_NONE;
	size_t n = 0;
	if (ep->n_image < 2)
		return ep->n_image ? project(e, ep, e->now[0]) : LIST_EMPTY;
	e->class_items[n++] = ep->number;
	for (size_t i = 0; i < ep->n_image; i++) {
		uint16_t part = project(e, ep, e->now[i]);
		if (part == LIST_NONE)
			return LIST_NONE;
		e->class_items[n++] = part;
	}
	return engine_list_id(e, &e->classes, e->class_items, n);
}

static uint16_t class_of(struct engine *e, const struct event_plan *ep, const struct event *ev, struct image_row *row)
{
	uint16_t *known = &row->known[e->n_image_inputs + ep->index];
	if (*known)
		return (uint16_t)(*known - 1);
	uint16_t class = find_class(e, ep, ev, row);
	if (class != LIST_NONE)
		*known = (uint16_t)(class + 1);
	return class;
}

/* What the answer follows from; its length, or 0: no room for a list. */
static size_t make_key(struct engine *e, const struct event_plan *ep, const struct event *ev, struct image_row *row,
		       uint16_t key[static VERDICT_KEY_MAX])
{
	size_t n = key_start(ep, ev, key);
	key[n++] = class_of(e, ep, ev, row);
	if (key[n - 1] == LIST_NONE)
		return 0;
	for (size_t i = ep->n_image; i < ep->n_columns; i++) {
		e->now[i] = column_list(e, &ep->columns[i], ev, row);
		key[n] = e->now[i] == LIST_NONE ? LIST_NONE : project(e, ep, e->now[i]);
		if (key[n++] == LIST_NONE)
			return 0;
	}
	return n;
}

/* Runs all candidates; what follows from the lists alone is put into lists. False: it is not to be kept. */
static __attribute__((noinline)) bool work_out(struct engine *e, const struct event_plan *ep, const struct event *ev, struct matches *ret, uint16_t *matches,
		     uint16_t *open)
{
	size_t at = 0, n = 0, n_open = 0;
	bool is_good = true;
	uint32_t i;
	mark_lists(e, ep);
	uint32_t *rules = e->items, *plans = e->items + e->n_plans_max;
	while (bitset_take(&e->candidates, &at, &i)) {
		const struct plan *plan = &ep->plans[i];
		if (plan->is_open) {
			if (run(e, ep, ev, plan, true) == TRUTH_FALSE)
				continue;
			plans[n_open++] = i;
			run_and_add(e, ep, ev, plan, ret);
			continue;
		}
		enum truth truth = run(e, ep, ev, plan, false);
		is_good &= truth != TRUTH_UNDECIDED;
		if (truth == TRUTH_TRUE)
			rules[n++] = plan->rule;
		if (truth == TRUTH_TRUE)
			matches_add(ret, plan->rule);
		else if (truth == TRUTH_UNDECIDED)
			evaluate_rule(e, ev, plan->rule, ret);
	}
	*matches = engine_list_id(e, &e->lists, rules, n);
	*open = engine_list_id(e, &e->lists, plans, n_open);
	return is_good && *matches != LIST_NONE && *open != LIST_NONE;
}

/* What was kept, and what must be run each time, in load order. */
static __attribute__((noinline)) void repeat(struct engine *e, const struct event_plan *ep, const struct event *ev, const struct answer *a, struct image_row *row,
		   struct matches *ret)
{
	size_t n, n_open, k = 0;
	const uint32_t *rules = lists_items(&e->lists, a->matches, &n), *open = lists_items(&e->lists, a->open, &n_open);
	if (n_open) {
		(void)look(e, ep, ev, row, 0, ep->n_image); /* all known: they made the class */
		mark_lists(e, ep);
	}
	for (size_t i = 0; i < n; i++) {
		for (; k < n_open && ep->plans[open[k]].rule < rules[i]; k++)
			run_and_add(e, ep, ev, &ep->plans[open[k]], ret);
		matches_add(ret, rules[i]);
	}
	for (; k < n_open; k++)
		run_and_add(e, ep, ev, &ep->plans[open[k]], ret);
}

static void evaluate_kept(struct engine *e, const struct event_plan *ep, const struct event *ev, struct matches *ret)
{
	uint16_t key[VERDICT_KEY_MAX], matches, open;
	uint64_t hash = 0;
	struct image_row *row = caches_image(e, ev);
	size_t n = make_key(e, ep, ev, row, key);
	bool any = false;
	if (!n) {
		evaluate_plainly(e, ev, ret);
		return;
	}
	const struct answer *answer = e->config.no_cache ? NULL : verdicts_find(&e->verdicts, key, n, &hash);
	if (answer) {
		if (answer->matches != LIST_EMPTY || answer->open != LIST_EMPTY)
			repeat(e, ep, ev, answer, row, ret);
		return;
	}
	if (!look(e, ep, ev, row, 0, ep->n_image) || !gather_candidates(e, ep, &any)) {
		evaluate_plainly(e, ev, ret);
		return;
	}
	matches = open = LIST_EMPTY;
	bool is_good = !any || work_out(e, ep, ev, ret, &matches, &open);
	if (is_good && !e->config.no_cache)
		verdicts_put(&e->verdicts, key, n, hash, matches, open);
}

void engine_evaluate(struct engine *e, const struct event *ev, struct matches *ret)
{
	const struct event_plan *ep = e->events[ev->type->number];
	ret->n = ret->not_kept = ret->n_undecided = ret->undecided_not_kept = 0;
	e->stats.events++;
	if (!ep)
		return;
	if (e->is_full)
		caches_empty(e);
	e->path_place = NULL;
	e->n_lists_before = e->lists.n;
	if (ep->is_kept)
		evaluate_kept(e, ep, ev, ret);
	else
		evaluate_by_candidates(e, ep, ev, ret);
}

/* --- telling ---------------------------------------------------------------------------------------------------------------- */

uint64_t engine_rule_runs(const struct engine *e, uint32_t rule)
{
	return e->runs[rule];
}

void engine_get_stats(const struct engine *e, struct engine_stats *ret)
{
	*ret = e->stats;
	ret->string_hits = e->values.hits;
	ret->string_misses = e->values.misses;
	ret->string_evictions = e->values.evictions;
	ret->verdict_hits = e->verdicts.hits;
	ret->verdict_misses = e->verdicts.misses;
	ret->verdict_evictions = e->verdicts.evictions;
	ret->strings = e->values.n;
	ret->lists = e->lists.n;
	ret->classes = e->classes.n - 1;
	ret->verdicts = e->verdicts.n;
	ret->predicates = e->predicates.n;
	ret->index_bytes = e->index_bytes;
	ret->cache_bytes = caches_bytes(e);
}

void engine_explain(const struct engine *e, uint32_t rule, uint32_t event, struct engine_plan *ret)
{
	const struct event_plan *ep = event < EVENT_NUMBERS ? e->events[event] : NULL;
	*ret = (struct engine_plan){ .way = ENGINE_NEVER };
	for (size_t i = 0; ep && i < ep->n_plans; i++) {
		const struct plan *plan = &ep->plans[i];
		if (plan->rule != rule)
			continue;
		ret->way = plan->n_keys ? ENGINE_KEYED : ENGINE_ALWAYS;
		ret->keys = plan->keys;
		ret->n_keys = plan->n_keys;
		if (!ep->is_kept)
			ret->not_cached = "hardly two events of this sort are alike";
		else if (plan->is_open)
			ret->not_cached = "it compares fields with each other that are not all of the process image";
	}
}
