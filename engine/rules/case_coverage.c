/* SPDX-License-Identifier: Apache-2.0 */
/* Each case once more, by the plain evaluator, with a note at each test. Recursion is bounded by CONDITION_MAX_DEPTH. */
#include "engine/rules/case_coverage.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/event/builder.h"
#include "engine/rules/explain.h"
#include "engine/rules/set.h"

void case_coverage_done(struct case_coverage *c)
{
	free(c->gaps);
	*c = (struct case_coverage){ 0 };
}

/* Of one rule: a note for each of its tests, in the order of a walk. */
struct notes {
	const struct ruleset *set;
	const struct event *ev;
	struct case_gap *p; /* owned */
	size_t n;               /* tests */
	size_t at;              /* next one in the walk */
	bool was_tried;
};

static void notes_done(struct notes *n)
{
	free(n->p);
}

static size_t count_tests(const struct condition *c)
{
	size_t n = c->type == NODE_TEST;
	for (size_t i = 0; i < c->n; i++)
		n += count_tests(c->children[i]);
	return n;
}

/*
 * decides: the truth of this part is the truth, or the untruth, of the whole. A child of an `and` decides when all others hold, one of an
 * `or` when no other does.
 */
static void note(struct notes *n, const struct condition *c, bool decides, bool is_negated)
{
	if (c->type == NODE_TEST) {
		struct case_gap *gap = &n->p[n->at++];
		enum truth truth = test_holds(c->test, n->ev, n->set->matcher, is_negated);
		gap->test = c;
		gap->was_true |= truth == TRUTH_TRUE;
		gap->was_false |= truth == TRUTH_FALSE;
		gap->decided |= decides;
		return;
	}
	enum truth against = c->type == NODE_AND ? TRUTH_FALSE : TRUTH_TRUE;
	bool is_group = c->type == NODE_AND || c->type == NODE_OR, is_below = is_negated != (c->type == NODE_NOT);
	size_t n_against = 0;
	for (size_t i = 0; is_group && decides && i < c->n; i++)
		n_against += condition_holds_below(c->children[i], n->ev, n->set->matcher, is_below) == against;
	for (size_t i = 0; i < c->n; i++) {
		bool is_against = is_group && decides && condition_holds_below(c->children[i], n->ev, n->set->matcher, is_below) == against;
		note(n, c->children[i], decides && n_against - is_against == 0, is_below);
	}
}

static int keep_gaps(struct case_coverage *c, const struct notes *n, uint32_t rule)
{
	struct case_gap *bigger = realloc(c->gaps, (c->n_gaps + n->n + 1) * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	c->gaps = bigger;
	for (size_t i = 0; i < n->n; i++) {
		struct case_gap gap = n->p[i];
		gap.rule = rule;
		c->decided += gap.decided;
		if (!gap.was_true || !gap.was_false || !gap.decided)
			c->gaps[c->n_gaps++] = gap;
	}
	c->tests += n->n;
	return 0;
}

static int notes_init(struct notes *n, const struct ruleset *set, const struct rule *rule)
{
	*n = (struct notes){ .set = set, .n = count_tests(rule->condition) };
	n->p = calloc(n->n + 1, sizeof(*n->p));
	return n->p ? 0 : -ENOMEM;
}

/* One event of a case of `owner`, put to the condition of `rule`: the owner, or a step of it. */
static void note_event(struct notes *n, struct event_builder *b, const struct rule *owner, const struct rule *rule, const struct rule_case *one)
{
	struct event ev;
	if (!(rule->info.events >> one->type->number & 1) || case_event_build(b, n->set, owner, one, 0, &ev, NULL))
		return; /* who runs the cases reports it */
	n->ev = &ev;
	n->at = 0;
	note(n, rule->condition, true, false);
	n->ev = NULL;
	n->was_tried = true;
}

static int cover_rule(const struct ruleset *set, const struct rule *rule, struct event_builder *b, struct case_coverage *c)
{
	CLEANUP(notes_done) struct notes notes = { 0 };
	if (notes_init(&notes, set, rule))
		return -ENOMEM;
	for (size_t i = 0; i < rule->n_cases; i++)
		note_event(&notes, b, rule, rule, &rule->cases[i]);
	return notes.was_tried ? keep_gaps(c, &notes, rule->info.index) : 0;
}

static int cover_step(const struct ruleset *set, const struct rule *owner, const struct rule *step, struct event_builder *b, struct case_coverage *c)
{
	CLEANUP(notes_done) struct notes notes = { 0 };
	if (notes_init(&notes, set, step))
		return -ENOMEM;
	for (size_t i = 0; i < owner->n_cases; i++)
		for (size_t k = 0; k < owner->cases[i].n_events; k++)
			note_event(&notes, b, owner, step, &owner->cases[i].events[k].one);
	return notes.was_tried ? keep_gaps(c, &notes, step->info.index) : 0;
}

/* The steps that are the rule's own: other rules that feed it have cases of theirs. */
static int cover_stateful(const struct ruleset *set, const struct rule *rule, struct event_builder *b, struct case_coverage *c)
{
	int err = 0;
	for (size_t i = 0; i < rule->stateful->n_inputs && !err; i++) {
		const struct rule *step = &set->rules[rule->stateful->inputs[i].rule];
		if (step->info.is_step && step->condition)
			err = cover_step(set, rule, step, b, c);
	}
	return err;
}

int ruleset_case_coverage(const struct ruleset *set, struct case_coverage *ret)
{
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	CLEANUP(case_coverage_done) struct case_coverage c = { 0 };
	int err = event_builder_new(&b);
	for (size_t i = 0; i < set->n && !err; i++)
		if (set->rules[i].stateful)
			err = cover_stateful(set, &set->rules[i], b, &c);
		else if (set->rules[i].condition && !set->rules[i].info.is_step)
			err = cover_rule(set, &set->rules[i], b, &c);
	if (err)
		return err;
	*ret = c;
	c = (struct case_coverage){ 0 };
	return 0;
}
