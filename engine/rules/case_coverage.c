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

static int cover_rule(const struct ruleset *set, const struct rule *rule, struct event_builder *b, struct case_coverage *c)
{
	CLEANUP(notes_done) struct notes notes = { .set = set, .n = count_tests(rule->condition) };
	bool was_tried = false;
	notes.p = calloc(notes.n + 1, sizeof(*notes.p));
	if (!notes.p)
		return -ENOMEM;
	for (size_t i = 0; i < rule->n_cases; i++) {
		struct event ev;
		if (case_event_build(b, set, rule, &rule->cases[i], 0, &ev, NULL))
			continue; /* ruleset_run_cases reports it */
		notes.ev = &ev;
		notes.at = 0;
		note(&notes, rule->condition, true, false);
		was_tried = true;
	}
	return was_tried ? keep_gaps(c, &notes, rule->info.index) : 0;
}

int ruleset_case_coverage(const struct ruleset *set, struct case_coverage *ret)
{
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	CLEANUP(case_coverage_done) struct case_coverage c = { 0 };
	int err = event_builder_new(&b);
	for (size_t i = 0; i < set->n && !err; i++)
		if (set->rules[i].condition && !set->rules[i].stateful && !set->rules[i].info.is_step)
			err = cover_rule(set, &set->rules[i], b, &c);
	if (err)
		return err;
	*ret = c;
	c = (struct case_coverage){ 0 };
	return 0;
}
