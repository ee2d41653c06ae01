/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/enforce/rows.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "bpf/policy_abi.h"
#include "engine/enforce/registry.h"

enum { SEARCHED_DIMENSIONS = 10 }; /* all subsets of them are tried */

struct maker {
	const struct classes *classes;
	const struct value_sets *all;
	const struct event_clauses *events;
	struct verdict_tables *out;
};

static void set_bit(struct policy_row *row, size_t clause, bool is_set)
{
	uint64_t bit = 1ull << clause % 64;
	if (is_set)
		row->words[clause / 64] |= bit;
	else
		row->words[clause / 64] &= ~bit;
}

static void summarise(struct policy_row *row)
{
	row->summary = 0;
	for (size_t w = 0; w < POLICY_WORDS; w++)
		row->summary |= (uint64_t)(row->words[w] != 0) << w;
}

static bool has_dimension(const struct clause *c, enum policy_dimension d)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->literals[i].dimension == d)
			return true;
	return false;
}

/* --- one bit --------------------------------------------------------------------------------------------------------------- */

/* What a clause asks of a dimension. */
struct asked {
	bool has_must, has_must_not;
	bool must_holds, must_not_holds; /* all of the former hold in the class; one of the latter does */
};

static struct asked asks(const struct class_set *set, const struct clause *c, enum policy_dimension d, uint32_t class)
{
	struct asked a = { .must_holds = true };
	for (size_t i = 0; i < c->n; i++) {
		const struct clause_literal *l = &c->literals[i];
		if (l->dimension != d)
			continue;
		bool is_there = class == CLASS_ABSENT || class == CLASS_FOREIGN; /* the file, whatever its second name is worth */
		bool holds = class_set_holds(set, class, l->predicate->id) || (is_there && l->predicate->is_any);
		if (l->is_negated) {
			a.has_must_not = true;
			a.must_not_holds |= holds;
		} else {
			a.has_must = true;
			a.must_holds &= holds;
		}
	}
	return a;
}

/* The bit of `holds`: what the clause asks to be so is so. */
static bool holds_bit(const struct asked *a, uint32_t class, bool denies_unknown)
{
	if (!a->has_must)
		return true;
	return class == CLASS_UNKNOWN ? denies_unknown : a->must_holds;
}

/* The bit of `spares`: nothing that the clause excepts is so. */
static bool spares_bit(const struct asked *a, uint32_t class, bool denies_unknown)
{
	if (!a->has_must_not)
		return true;
	if (class == CLASS_ABSENT) /* the first name alone counts */
		return false;
	return class == CLASS_UNKNOWN ? denies_unknown : !a->must_not_holds;
}

static bool plain_bit(const struct asked *a, uint32_t class, bool denies_unknown)
{
	if (!a->has_must && !a->has_must_not)
		return true;
	return class == CLASS_UNKNOWN ? denies_unknown : a->must_holds && !a->must_not_holds;
}

/* --- rows ------------------------------------------------------------------------------------------------------------------ */

/* Of ANCESTORS there are those without a set: nobody, and unknown. */
static size_t n_classes(const struct maker *m, enum policy_dimension d)
{
	return d == DIMENSION_ANCESTORS ? CLASS_FIRST : class_set_count(&m->classes->sets[dimension_domain(d)]);
}

static size_t rows_of_class(enum policy_dimension d)
{
	return dimension_is_pair(d) ? 2 : 1;
}

static void fill_class(const struct maker *m, uint32_t event, enum policy_dimension d, uint32_t class, struct policy_row *rows)
{
	const struct class_set *set = &m->classes->sets[dimension_domain(d)];
	const struct event_clauses *clauses = &m->events[event];
	for (size_t i = 0; i < clauses->n; i++) {
		const struct placed_clause *c = &clauses->p[i];
		struct asked a = asks(set, &c->clause, d, class);
		if (!dimension_is_pair(d)) {
			set_bit(&rows[0], i, plain_bit(&a, class, c->denies_unknown));
			continue;
		}
		set_bit(&rows[0], i, holds_bit(&a, class, c->denies_unknown));
		set_bit(&rows[1], i, spares_bit(&a, class, c->denies_unknown));
	}
	for (size_t i = 0; i < rows_of_class(d); i++)
		summarise(&rows[i]);
}

static void plan_event(const struct maker *m, uint32_t event)
{
	struct policy_head *head = &m->out->head;
	for (size_t d = 0; d < DIMENSION_COUNT; d++) {
		bool is_needed = false;
		for (size_t i = 0; i < m->events[event].n && !is_needed; i++)
			is_needed = has_dimension(&m->events[event].p[i].clause, (enum policy_dimension)d);
		if (!is_needed || d == DIMENSION_ARGUMENTS)
			continue;
		head->needs[event] |= 1u << d;
		head->first_row[event][d] = (uint32_t)m->out->n_rows;
		m->out->n_rows += n_classes(m, (enum policy_dimension)d) * rows_of_class((enum policy_dimension)d);
		if (d == DIMENSION_ANCESTORS)
			head->ancestor_event[event] = (uint32_t)++m->out->n_ancestor_events;
	}
}

static void fill_event(const struct maker *m, uint32_t event)
{
	const struct policy_head *head = &m->out->head;
	for (size_t d = 0; d < DIMENSION_COUNT; d++) {
		if (!(head->needs[event] >> d & 1))
			continue;
		struct policy_row *rows = &m->out->rows[head->first_row[event][d]];
		for (size_t class = 0; class < n_classes(m, (enum policy_dimension)d); class++, rows += rows_of_class((enum policy_dimension)d))
			fill_class(m, event, (enum policy_dimension)d, (uint32_t)class, rows);
	}
}

/* --- the order they are asked in ----------------------------------------------------------------------------------------------- */

/* What it costs to ask, roughly, in instructions. */
static unsigned cost_of(enum policy_dimension d)
{
	static const unsigned costs[DIMENSION_COUNT] = {
		[DIMENSION_FLAGS] = 60,	      [DIMENSION_CONTAINER] = 150, [DIMENSION_ROLLOUT] = 60,  [DIMENSION_CGROUP] = 150,
		[DIMENSION_EXECUTABLE] = 400, [DIMENSION_ANCESTORS] = 400, [DIMENSION_PORT] = 100, [DIMENSION_PATH] = 3500, [DIMENSION_NEW_PATH] = 3500,
	};
	return costs[d] ? costs[d] : 300;
}

static unsigned bits_of(const struct policy_row *row)
{
	int n = 0;
	for (size_t w = 0; w < POLICY_WORDS; w++)
		n += __builtin_popcountll(row->words[w]);
	return (unsigned)n;
}

/* Into left: the clauses that the dimension leaves of an act that no rule is about; where every value has a class, of the least telling one. */
static void leave(const struct maker *m, uint32_t event, enum policy_dimension d, struct policy_row *left)
{
	const struct policy_row *rows = &m->out->rows[m->out->head.first_row[event][d]], *usual = rows;
	bool is_class_of_all = d == DIMENSION_FLAGS || d == DIMENSION_CONTAINER || d == DIMENSION_ROLLOUT;
	for (size_t class = CLASS_FIRST; is_class_of_all && class < n_classes(m, d); class++)
		if (bits_of(&rows[class]) > bits_of(usual))
			usual = &rows[class];
	for (size_t w = 0; w < POLICY_WORDS; w++)
		left->words[w] &= usual->words[w] & (dimension_is_pair(d) ? usual[1].words[w] : ~0ull);
}

/* Of all that are left to ask: the ones that together cost least and leave no clause of an act that no rule is about; 0: there are none. */
static uint32_t cheapest_answer(const struct maker *m, uint32_t event, const struct policy_row *all)
{
	enum policy_dimension telling[SEARCHED_DIMENSIONS];
	size_t n = 0;
	for (size_t i = 0; i < DIMENSION_COUNT && n < SEARCHED_DIMENSIONS; i++) {
		struct policy_row after = *all;
		if (!(m->out->head.needs[event] >> i & 1))
			continue;
		leave(m, event, (enum policy_dimension)i, &after);
		if (bits_of(&after) < bits_of(all))
			telling[n++] = (enum policy_dimension)i;
	}
	uint32_t best = 0;
	unsigned best_cost = UINT_MAX;
	for (uint32_t some = 1; some < 1u << n; some++) {
		struct policy_row left = *all;
		unsigned cost = 0;
		uint32_t dimensions = 0;
		for (size_t i = 0; i < n; i++) {
			if (!(some >> i & 1))
				continue;
			leave(m, event, telling[i], &left);
			cost += cost_of(telling[i]);
			dimensions |= 1u << telling[i];
		}
		if (cost < best_cost && bits_of(&left) == 0) {
			best_cost = cost;
			best = dimensions;
		}
	}
	return best;
}

/* Of these, the one that rules out the most for what it costs; where none rules anything out, the cheapest. */
static enum policy_dimension next_dimension(const struct maker *m, uint32_t event, uint32_t unasked, const struct policy_row *left)
{
	enum policy_dimension best = DIMENSION_COUNT;
	uint64_t best_worth = 0;
	for (size_t i = 0; i < DIMENSION_COUNT; i++) {
		enum policy_dimension d = (enum policy_dimension)i;
		if (!(unasked >> i & 1))
			continue;
		struct policy_row after = *left;
		leave(m, event, d, &after);
		uint64_t worth = ((uint64_t)(bits_of(left) - bits_of(&after)) * 1000 + 1) * 100000 / cost_of(d);
		if (worth > best_worth) {
			best_worth = worth;
			best = d;
		}
	}
	return best;
}

static void order_event(const struct maker *m, uint32_t event)
{
	struct policy_head *head = &m->out->head;
	struct policy_row left = { 0 };
	uint32_t unasked = head->needs[event];
	for (size_t i = 0; i < m->events[event].n; i++)
		set_bit(&left, i, true);
	uint32_t first = unasked ? cheapest_answer(m, event, &left) : 0;
	for (size_t i = 0; unasked; i++) {
		enum policy_dimension d = next_dimension(m, event, unasked & first ? unasked & first : unasked, &left);
		head->order[event][i / POLICY_ORDER_OF_WORD] |= (uint64_t)(d + 1) << POLICY_ORDER_BITS * (i % POLICY_ORDER_OF_WORD);
		leave(m, event, d, &left);
		unasked &= ~(1u << d);
	}
}

/* --- ancestors ------------------------------------------------------------------------------------------------------------- */

/* Held rules out the clauses that except it, not held those that ask for it. */
static void fill_ancestor(const struct maker *m, uint32_t event, uint32_t bit, struct policy_ancestor_rows *ret)
{
	const struct event_clauses *clauses = &m->events[event];
	for (size_t i = 0; i < clauses->n; i++) {
		bool is_asked = false, is_excepted = false;
		const struct clause *c = &clauses->p[i].clause;
		for (size_t k = 0; k < c->n; k++) {
			const struct clause_literal *l = &c->literals[k];
			if (l->dimension != DIMENSION_ANCESTORS || ancestor_registry_find(m->classes->ancestors, l->predicate->canonical) != (int)bit)
				continue;
			is_asked |= !l->is_negated;
			is_excepted |= l->is_negated;
		}
		set_bit(&ret->when_held, i, !is_excepted);
		set_bit(&ret->when_not, i, !is_asked);
	}
	summarise(&ret->when_held);
	summarise(&ret->when_not);
}

static int make_ancestors(const struct maker *m)
{
	struct verdict_tables *out = m->out;
	out->head.n_ancestors = ancestor_registry_count(m->classes->ancestors);
	out->ancestor_rows = calloc(out->head.n_ancestors * out->n_ancestor_events + 1, sizeof(*out->ancestor_rows));
	if (!out->ancestor_rows)
		return -ENOMEM;
	for (uint32_t event = 0; event < EVENT_NUMBERS; event++)
		for (uint32_t bit = 0; out->head.ancestor_event[event] && bit < out->head.n_ancestors; bit++)
			fill_ancestor(m, event, bit, &out->ancestor_rows[bit * out->n_ancestor_events + out->head.ancestor_event[event] - 1]);
	return 0;
}

/* --- arguments ------------------------------------------------------------------------------------------------------------- */

static void ask_argument(const struct clause *c, uint32_t test, bool *ret_is_asked, bool *ret_is_excepted)
{
	*ret_is_asked = *ret_is_excepted = false;
	for (size_t i = 0; i < c->n; i++) {
		if (c->literals[i].dimension != DIMENSION_ARGUMENTS || c->literals[i].predicate->id != test)
			continue;
		*ret_is_asked |= !c->literals[i].is_negated;
		*ret_is_excepted |= c->literals[i].is_negated;
	}
}

static void fill_argument(const struct maker *m, uint32_t test, struct policy_row rows[static 2])
{
	const struct event_clauses *clauses = &m->events[EVENT_PROC_IMAGE];
	for (size_t i = 0; i < clauses->n; i++) {
		bool is_asked, is_excepted;
		ask_argument(&clauses->p[i].clause, test, &is_asked, &is_excepted);
		set_bit(&rows[0], i, !is_excepted);
		set_bit(&rows[1], i, !is_asked);
	}
	summarise(&rows[0]);
	summarise(&rows[1]);
}

/* Arguments that cannot be read. */
static void fill_unreadable(const struct maker *m, struct policy_row *row)
{
	const struct event_clauses *clauses = &m->events[EVENT_PROC_IMAGE];
	for (size_t i = 0; i < clauses->n; i++)
		set_bit(row, i, clauses->p[i].denies_unknown || !has_dimension(&clauses->p[i].clause, DIMENSION_ARGUMENTS));
	summarise(row);
}

static void plan_arguments(const struct maker *m)
{
	struct policy_head *head = &m->out->head;
	head->is_killing = m->events[EVENT_PROC_IMAGE].n != 0;
	head->n_arguments = m->all->n_used[DIMENSION_ARGUMENTS];
	head->first_argument_row = (uint32_t)m->out->n_rows;
	m->out->n_rows += head->n_arguments ? 2 * head->n_arguments + 1 : 0;
	for (uint32_t i = 0; i < head->n_arguments; i++) {
		const struct value_set *p = m->all->used[DIMENSION_ARGUMENTS][i];
		for (size_t k = 0; k < p->n; k++)
			head->has_argument_ends |= p->texts[k].is_end;
	}
}

static void fill_arguments(const struct maker *m)
{
	const struct policy_head *head = &m->out->head;
	struct policy_row *rows = &m->out->rows[head->first_argument_row];
	for (uint32_t i = 0; i < head->n_arguments; i++)
		fill_argument(m, i, &rows[2 * (size_t)i]);
	if (head->n_arguments)
		fill_unreadable(m, &rows[2 * (size_t)head->n_arguments]);
}

/* --- all ------------------------------------------------------------------------------------------------------------------- */

static void place_clauses(const struct maker *m, uint32_t event, uint32_t generation)
{
	struct verdict_tables *out = m->out;
	out->head.first_clause[event] = (uint32_t)out->n_clauses;
	for (size_t i = 0; i < m->events[event].n; i++) {
		const struct placed_clause *c = &m->events[event].p[i];
		out->clauses[out->n_clauses++] = (struct policy_clause){ exec_slot(generation, c->rule), c->flags };
	}
}

int rows_make(const struct classes *classes, const struct value_sets *all, const struct event_clauses events[static EVENT_NUMBERS], uint32_t generation,
	      struct verdict_tables *ret)
{
	struct maker m = { classes, all, events, ret };
	size_t n = 0;
	for (uint32_t event = 0; event < EVENT_NUMBERS; event++) {
		plan_event(&m, event);
		n += events[event].n;
	}
	plan_arguments(&m);
	ret->rows = calloc(ret->n_rows + 1, sizeof(*ret->rows));
	ret->clauses = calloc(n + 1, sizeof(*ret->clauses));
	if (!ret->rows || !ret->clauses)
		return -ENOMEM;
	ret->head.generation = generation;
	for (uint32_t event = 0; event < EVENT_NUMBERS; event++) {
		fill_event(&m, event);
		order_event(&m, event);
		place_clauses(&m, event, generation);
	}
	fill_arguments(&m);
	return make_ancestors(&m);
}
