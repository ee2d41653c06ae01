/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/enforce/approve.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/enforce/clause_text.h"
#include "engine/enforce/derive.h"
#include "engine/enforce/image.h"
#include "engine/rules/set.h"

enum {
	APPROVE_MAX_MEMORY = 512 * 1024 * 1024, /* while compiling */
	APPROVE_MAX_CLAUSES = 4096,             /* of one event, before those are merged that differ in one set */
};

struct approving {
	const struct ruleset *set;
	struct arena arena;
	struct value_sets predicates;
	struct classes classes;
	struct event_clauses events[EVENT_NUMBERS];
	struct ancestor_registry no_ancestors;
	struct diag *diag;
	struct approval out;
};

void approval_done(struct approval *a)
{
	verdict_policy_done(&a->policy);
	free(a->costs);
	free(a->images);
	*a = (struct approval){ 0 };
}

static void approving_done(struct approving **at)
{
	struct approving *a = *at;
	if (!a)
		return;
	for (size_t i = 0; i < EVENT_NUMBERS; i++)
		free(a->events[i].p);
	classes_done(&a->classes);
	value_sets_done(&a->predicates);
	arena_done(&a->arena);
	approval_done(&a->out);
	free(a);
	*at = NULL;
}

static struct approving *approving_new(const struct ruleset *set, struct diag *diag)
{
	struct approving *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->set = set;
	a->diag = diag;
	a->arena.max = APPROVE_MAX_MEMORY;
	a->predicates.arena = a->classes.arena = &a->arena;
	a->predicates.until_ns = UINT64_MAX;
	a->classes.ancestors = &a->no_ancestors;
	return a;
}

/* --- merging --------------------------------------------------------------------------------------------------------------- */

static int compare_by_rest(const struct clause *a, const struct clause *b, size_t without)
{
	if (a->n != b->n)
		return -1;
	for (size_t i = 0; i < a->n; i++) {
		const struct clause_literal *x = &a->literals[i], *y = &b->literals[i];
		if (x->dimension != y->dimension || x->is_negated != y->is_negated || (i != without && x->predicate != y->predicate))
			return -1;
	}
	return 0;
}

/* The literal in which two clauses that agree in all others ask for different sets; a->n: there is none. */
static size_t only_difference(const struct clause *a, const struct clause *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (a->literals[i].predicate != b->literals[i].predicate)
			return !a->literals[i].is_negated && compare_by_rest(a, b, i) == 0 ? i : a->n;
	return a->n;
}

/* Adds b to a: one clause whose set is that of both. 0 or -ENOMEM. */
static int widen(struct value_sets *all, struct clause *a, const struct clause *b, size_t at)
{
	struct clause_literal both = a->literals[at];
	struct clause_literal *rest = arena_alloc(all->arena, a->n * sizeof(*rest));
	both.predicate = value_set_union(all, both.predicate, b->literals[at].predicate);
	if (!rest || !both.predicate)
		return -ENOMEM;
	for (size_t i = 0, n = 0; i < a->n; i++)
		if (i != at)
			rest[n++] = a->literals[i];
	*a = clause_with(all, rest, a->n - 1, both);
	return a->literals ? 0 : -ENOMEM;
}

/* As few clauses as that makes, in the order of the first of each. */
static int merge(struct value_sets *all, struct event_clauses *e)
{
	size_t kept = 0;
	for (size_t i = 0; i < e->n; i++) {
		struct clause c = e->p[i].clause;
		bool is_in = false;
		for (size_t k = 0; k < kept && !is_in; k++) {
			size_t at = only_difference(&e->p[k].clause, &c);
			is_in = clause_equal(&e->p[k].clause, &c);
			if (is_in || at == e->p[k].clause.n)
				continue;
			if (widen(all, &e->p[k].clause, &c, at))
				return -ENOMEM;
			is_in = true;
		}
		if (!is_in)
			e->p[kept++] = e->p[i];
	}
	e->n = kept;
	return 0;
}

/* The literal by which most events are told apart: late dimensions are names, numbers of files and addresses. */
static const struct clause_literal *best_literal(const struct clause *c)
{
	const struct clause_literal *best = NULL;
	for (size_t i = 0; i < c->n; i++)
		if (!c->literals[i].is_negated)
			best = &c->literals[i];
	return best ? best : &c->literals[0];
}

/* One literal of each clause: then they are a handful of sets, and single exceptions. */
static int thin(struct value_sets *all, struct event_clauses *e)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct clause_literal *best = best_literal(&e->p[i].clause);
		e->p[i].clause = clause_with(all, NULL, 0, *best);
		if (!e->p[i].clause.literals)
			return -ENOMEM;
	}
	return merge(all, e);
}

/* --- rules ----------------------------------------------------------------------------------------------------------------- */

static bool is_asked(const struct rule_info *rule, uint32_t event)
{
	/* a rule about several events is asked of by its steps, which stand in the set themselves */
	return rule->is_enabled && !rule->is_stateful && (rule->events & events_approved()) >> event & 1;
}

/* By truth values of the event alone, as all that are opened for reading: with others of the kind that is soon every event. */
static bool is_broad(const struct clause *c)
{
	return c->n == 1 && c->literals[0].dimension == DIMENSION_FLAGS;
}

static bool is_broad_rule(const struct approving *a, const struct rule_info *rule, uint32_t event)
{
	const struct event_clauses *e = &a->events[event];
	for (size_t i = 0; i < e->n; i++)
		if (e->p[i].rule == rule->index && is_broad(&e->p[i].clause))
			return true;
	return false;
}

/* What is opened for neither reading nor writing does not count: hardly anything is. */
static bool is_usual(uint32_t event, uint64_t number)
{
	return event != EVENT_FILE_OPEN || (number & 3);
}

/* All numbers that there are for this event, together. */
static bool holds_always(const struct event_clauses *e, uint32_t event)
{
	uint64_t n = 1;
	struct decided_field f;
	for (size_t i = 0; decided_field_at(event, i, &f); i++)
		n = f.dimension == DIMENSION_FLAGS ? MAX(n, 2ull << f.bit) : n;
	for (uint64_t number = 0; number < n; number++) {
		bool is_in = !is_usual(event, number);
		for (size_t i = 0; i < e->n && !is_in; i++)
			is_in = is_broad(&e->p[i].clause) && value_set_has_number(e->p[i].clause.literals[0].predicate, number);
		if (!is_in)
			return false;
	}
	return true;
}

/* It holds on every event of the type, for all that the hook can tell. */
static bool is_any(const struct clauses *c)
{
	return c->n && c->p[0].n == 0;
}

struct costs {
	struct approval_cost **p;
	size_t *n, *size;
};

static int add_to(const struct costs *to, uint32_t event, uint32_t rule)
{
	if (*to->n == *to->size) {
		size_t size = *to->size ? 2 * *to->size : 64;
		struct approval_cost *bigger = realloc(*to->p, size * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		*to->p = bigger;
		*to->size = size;
	}
	(*to->p)[(*to->n)++] = (struct approval_cost){ event, rule };
	return 0;
}

static int add_cost(struct approval *a, uint32_t event, uint32_t rule)
{
	return add_to(&(struct costs){ &a->costs, &a->n_costs, &a->costs_size }, event, rule);
}

/* It names nothing: truth values alone, that there is a value, or what it is not. */
static bool is_weak(const struct clause *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (!c->literals[i].is_negated && c->literals[i].dimension != DIMENSION_FLAGS && !c->literals[i].predicate->is_any)
			return false;
	return true;
}

/* Where a clause says little, and the rule asks for the image: that, too. ret_is_told: there was such a clause. */
static int ask_for_image(struct approving *a, uint32_t event, const struct condition *c, struct clauses *needed, bool *ret_is_told)
{
	struct number_range may_hold = { 1, 1 };
	struct value_set draft = { .domain = DIMENSION_IMAGE, .at = c->at, .ranges = &may_hold, .n = 1 };
	*ret_is_told = false;
	if (!needed->n || !image_can_rule_out(c, event))
		return 0;
	struct value_set *told = value_set_make(&a->predicates, &draft);
	if (!told)
		return -ENOMEM;
	for (size_t i = 0; i < needed->n; i++) {
		if (!is_weak(&needed->p[i]))
			continue;
		needed->p[i] = clause_with(&a->predicates, needed->p[i].literals, needed->p[i].n, (struct clause_literal){ DIMENSION_IMAGE, false, told });
		if (!needed->p[i].literals)
			return -ENOMEM;
		*ret_is_told = true;
	}
	return 0;
}

static int needed_of(struct approving *a, uint32_t event, uint32_t rule, struct clauses *ret, bool *ret_is_told)
{
	const struct condition *c = ruleset_condition(a->set, rule);
	int err = clauses_needed(&a->predicates, event, c, ret);
	return err ? err : ask_for_image(a, event, c, ret, ret_is_told);
}

static int add_rule(struct approving *a, uint32_t event, const struct rule_info *rule)
{
	struct clauses needed = { 0 };
	struct event_clauses *e = &a->events[event];
	bool is_told = false;
	int err = needed_of(a, event, rule->index, &needed, &is_told);
	if (!err && is_any(&needed))
		return add_cost(&a->out, event, rule->index);
	if (!err && is_told)
		err = add_to(&(struct costs){ &a->out.images, &a->out.n_images, &a->out.images_size }, event, rule->index);
	for (size_t i = 0; i < needed.n && !err; i++) {
		struct placed_clause placed = { .clause = needed.p[i], .rule = rule->index, .denies_unknown = true };
		err = event_clauses_add(e, &placed);
	}
	if (!err && e->n > APPROVE_MAX_CLAUSES)
		err = merge(&a->predicates, e);
	return err ? err : e->n > APPROVE_MAX_CLAUSES ? thin(&a->predicates, e) : 0;
}

static int add_event(struct approving *a, uint32_t event)
{
	struct event_clauses *e = &a->events[event];
	size_t costs = a->out.n_costs;
	bool is_looked_at = false;
	int err = 0;
	for (size_t i = 0; i < ruleset_count(a->set) && !err; i++) {
		const struct rule_info *rule = ruleset_get(a->set, i);
		bool is_of_event = is_asked(rule, event);
		is_looked_at |= is_of_event;
		err = is_of_event ? add_rule(a, event, rule) : 0;
	}
	bool is_all = holds_always(e, event);
	for (size_t i = 0; is_all && i < ruleset_count(a->set) && !err; i++)
		if (is_broad_rule(a, ruleset_get(a->set, i), event))
			err = add_cost(&a->out, event, (uint32_t)i);
	if (!err)
		err = merge(&a->predicates, e);
	if (!err && e->n > POLICY_CLAUSES)
		err = thin(&a->predicates, e);
	if (!err && e->n > POLICY_CLAUSES)
		a->out.crowded |= 1ull << event;
	/* without a clause no rule can hold at all, and nothing would be needed of the event: so rare that it is not worth a way of its own */
	bool is_dropping = is_looked_at && e->n && a->out.n_costs == costs && !(a->out.crowded >> event & 1);
	if (is_dropping)
		a->out.events |= 1ull << event;
	else
		e->n = 0;
	return err;
}

/* --- tables ---------------------------------------------------------------------------------------------------------------- */

static int use_predicates(struct approving *a)
{
	for (uint32_t event = 0; event < EVENT_NUMBERS; event++) {
		for (size_t i = 0; i < a->events[event].n; i++) {
			const struct clause *c = &a->events[event].p[i].clause;
			for (size_t k = 0; k < c->n; k++)
				if (value_set_use(&a->predicates, c->literals[k].predicate))
					return -ENOMEM;
		}
	}
	return 0;
}

static int make_tables(struct approving *a)
{
	struct verdict_tables *t = &a->out.policy.tables;
	struct names names = { .diag = a->diag }; /* as they are written, and without second names: as rules compare them */
	int err = classes_make(&a->classes, &a->predicates, &names);
	names_done(&names);
	if (!err)
		err = rows_make(&a->classes, &a->predicates, a->events, 0, t);
	if (err)
		return err;
	t->n_texts = a->classes.n_texts;
	t->n_numbers = a->classes.n_numbers;
	t->n_addresses = a->classes.n_addresses;
	t->n_ancestor_masks = a->classes.n_ancestor_masks;
	t->texts = TAKE(a->classes.texts);
	t->numbers = TAKE(a->classes.numbers);
	t->addresses = TAKE(a->classes.addresses);
	t->ancestor_masks = TAKE(a->classes.ancestor_masks);
	return 0;
}

int approval_compile(const struct ruleset *set, struct approval *ret, struct diag *diag)
{
	CLEANUP(approving_done) struct approving *a = approving_new(set, diag);
	int err = a ? 0 : -ENOMEM;
	for (uint32_t event = 0; event < EVENT_NUMBERS && !err; event++)
		err = events_approved() >> event & 1 ? add_event(a, event) : 0;
	if (!err)
		err = use_predicates(a);
	if (!err)
		err = make_tables(a);
	if (err)
		return err;
	for (size_t i = 0; i < a->out.n_images; i++)
		a->out.image_events |= 1ull << a->out.images[i].event & a->out.events;
	*ret = a->out;
	a->out = (struct approval){ 0 };
	return 0;
}

uint64_t approval_image(const struct approval *a, const struct ruleset *set, const struct event *ev)
{
	uint64_t events = 0;
	for (size_t i = 0; i < a->n_images; i++) {
		uint64_t bit = 1ull << a->images[i].event;
		if (!(events & bit) && (a->image_events & bit) && image_may_hold(ruleset_condition(set, a->images[i].rule), ev, set->matcher))
			events |= bit;
	}
	return events;
}

/* --- one rule ---------------------------------------------------------------------------------------------------------------- */

void approval_reason_done(struct approval_reason *reason)
{
	buf_done(&reason->text);
}

static enum approval_of_rule blame(struct approving *a, uint32_t rule, uint32_t event, struct approval_reason *ret)
{
	bool is_negated;
	const struct condition *c = clauses_blame(&a->predicates, event, ruleset_condition(a->set, rule), &is_negated);
	ret->at = c->at;
	buf_add_z(&ret->text, is_negated ? (c->type == NODE_TEST ? "not " : "not (") : "");
	condition_text(c, &ret->text);
	buf_add_z(&ret->text, is_negated && c->type != NODE_TEST ? ")" : "");
	return APPROVAL_COSTS;
}

/* An open of a file that is there, for reading: what most opens are. */
enum { FLAGS_OF_MOST_OPENS = 1 };

/* It asks for what nearly every event has. */
static bool is_wide_literal(const struct clause_literal *l, uint32_t event)
{
	const struct value_set *p = l->predicate;
	if (l->is_negated)
		return true; /* what few are */
	if (p->is_any)
		return true;
	if (l->dimension == DIMENSION_FLAGS)
		return event == EVENT_FILE_OPEN && value_set_has_number(p, FLAGS_OF_MOST_OPENS);
	if (dimension_kind(l->dimension) == KIND_OF_NUMBER)
		return p->n == 1 && p->ranges[0].low == 0 && p->ranges[0].high >= UINT32_MAX - 1;
	for (size_t i = 0; dimension_is_pair(l->dimension) && i < p->n; i++)
		if (p->texts[i].is_prefix && sv_is(p->texts[i].text, "/"))
			return true;
	return false;
}

static bool is_wide(const struct clauses *needed, uint32_t event)
{
	for (size_t i = 0; i < needed->n; i++) {
		size_t n = 0;
		while (n < needed->p[i].n && is_wide_literal(&needed->p[i].literals[n], event))
			n++;
		if (n == needed->p[i].n)
			return true;
	}
	return false;
}

enum approval_of_rule approval_of_rule(const struct ruleset *set, uint32_t rule, uint32_t event, struct approval_reason *ret)
{
	struct clauses needed = { 0 };
	CLEANUP(approving_done) struct approving *a = approving_new(set, NULL);
	*ret = (struct approval_reason){ 0 };
	if (!is_asked(ruleset_get(set, rule), event))
		return APPROVAL_NEVER;
	bool is_told;
	if (!a || needed_of(a, event, rule, &needed, &is_told))
		return APPROVAL_COSTS;
	if (is_any(&needed))
		return blame(a, rule, event, ret);
	clauses_text(&needed, event, &ret->text);
	return is_wide(&needed, event) ? APPROVAL_WIDE : APPROVAL_PART;
}
