/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each case has a state of its own and all time: events come in the order that they are written in, at their times, and afterwards time
 * goes on until every wait has ended.
 */
#include "engine/state/case.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/event/builder.h"
#include "engine/rules/set.h"
#include "engine/state/state.h"

enum { LINE_MAX_IMAGES = 32 };
#define CASE_BEGIN_NS 3600000000000ull /* time since boot: no time is 0 */

struct run {
	const struct ruleset *set;
	const struct rule *rule;
	const struct rule_case *one;
	struct event_builder *b; /* owned, as all below */
	struct state *state;
	struct matches *matches;
	struct diag *diag;
	uint64_t lineage[LINE_MAX_IMAGES];
	bool is_raised;
	struct case_story *story;         /* NULL: nobody asks */
	struct { uint32_t event, time; } *places; /* owned; by the numbers of events, from 1 */
	size_t n_places;
};

static void run_done(struct run *r)
{
	event_builder_free(&r->b);
	state_free(&r->state);
	free(r->matches);
	free(r->places);
}

static const struct case_field *field_of(const struct rule_case *one, const char *name)
{
	for (size_t i = 0; i < one->n; i++)
		if (sv_is(one->fields[i].name, name) && one->fields[i].n == 1)
			return &one->fields[i];
	return NULL;
}

static bool same_text(const struct case_field *a, const struct case_field *b)
{
	return a && b && sv_equal(a->items[0], b->items[0]);
}

/* The image that this one comes from, as some event of the case tells; NULL: none does. */
static const struct case_field *creator_of(const struct run *r, const struct case_field *image)
{
	static const char *const links[] = { "vedette.exec.previous_entity_id", "process.parent.entity_id" };
	for (size_t link = 0; link < ARRAY_SIZE(links); link++)
		for (size_t i = 0; i < r->one->n_events; i++) {
			const struct rule_case *other = &r->one->events[i].one;
			if (same_text(field_of(other, "process.entity_id"), image) && field_of(other, links[link]))
				return field_of(other, links[link]);
		}
	return NULL;
}

static uint64_t id_of(const struct case_field *field)
{
	uint64_t id = 0;
	for (size_t i = 0; i < field->items[0].n && i < 16; i++) {
		char c = field->items[0].p[i];
		id = id << 4 | (uint64_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return id;
}

/* The process and those it descends from, as far as the case tells. The builder has checked the ids. */
static size_t find_lineage(struct run *r, const struct event *ev, const struct rule_case *one)
{
	size_t n = 0;
	r->lineage[n++] = ev->common->exec_id;
	const struct case_field *image = field_of(one, "process.entity_id");
	while (image && n < LINE_MAX_IMAGES && (image = creator_of(r, image)))
		r->lineage[n++] = id_of(image);
	return n;
}

static void drain(struct run *r)
{
	struct state_alert alert;
	while (state_next(r->state, &alert))
		r->is_raised |= alert.rule == r->rule->info.index;
}

/* Events without a process are all of one. */
static int set_common(struct run *r, const struct case_event *ce, uint64_t at_ns)
{
	char digits[24];
	(void)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)(CASE_BEGIN_NS + at_ns));
	int err = event_builder_set_text(r->b, "vedette.clock.boot_ns", digits);
	if (!err && !field_of(&ce->one, "process.entity_id"))
		err = event_builder_set_text(r->b, "process.entity_id", "0000000000000001");
	return err;
}

static int send_event(struct run *r, const struct case_event *ce, uint32_t time)
{
	uint64_t at_ns = ce->at_ns + time * ce->every_ns;
	struct event ev;
	int err = case_event_build(r->b, r->set, r->rule, &ce->one, at_ns, &ev, r->diag);
	if (!err)
		err = set_common(r, ce, at_ns);
	if (!err)
		err = event_builder_event(r->b, &ev);
	if (err)
		return err;
	struct derived derived = *ev.derived;
	derived.lineage = r->lineage;
	derived.n_lineage = find_lineage(r, &ev, &ce->one);
	ev.derived = &derived;
	ruleset_evaluate(r->set, &ev, r->matches);
	struct state_stats before, after;
	state_get_stats(r->state, &before);
	state_event(r->state, &ev, r->matches);
	state_get_stats(r->state, &after);
	if (r->places && after.fed - after.dropped > before.fed - before.dropped && r->n_places < STORY_MAX_NOTES) {
		r->places[r->n_places].event = (uint32_t)(ce - r->one->events);
		r->places[r->n_places++].time = time;
	}
	drain(r);
	return 0;
}

static int run_events(struct run *r)
{
	for (size_t i = 0; i < r->one->n_events; i++) {
		const struct case_event *ce = &r->one->events[i];
		for (uint32_t k = 0; k < ce->times; k++) {
			int err = send_event(r, ce, k);
			if (err)
				return err;
		}
	}
	state_advance(r->state, UINT64_MAX);
	drain(r);
	return 0;
}

static int run_begin(struct run *r)
{
	static const struct state_config config = { .memory_bytes = STATE_DEFAULT_MEMORY, .reorder_ns = STATE_DEFAULT_REORDER_NS };
	int err = event_builder_new(&r->b);
	if (!err)
		err = state_new(r->set, &config, &r->state);
	r->matches = calloc(1, sizeof(*r->matches));
	return err || !r->matches ? -ENOMEM : 0;
}

static int run_case(const struct ruleset *set, const struct rule *rule, const struct rule_case *one, bool *ret_passed, struct diag *diag)
{
	CLEANUP(run_done) struct run r = { .set = set, .rule = rule, .one = one, .diag = diag };
	int err = run_begin(&r);
	if (err)
		return err;
	*ret_passed = false;
	if (run_events(&r))
		return 0; /* it was told */
	*ret_passed = r.is_raised == one->fires;
	if (!*ret_passed)
		diag_error(diag, one->at, "case of rule '%s': should %s on these events, and does%s", rule->info.id, one->fires ? "fire" : "be quiet",
			   r.is_raised ? " fire" : " not fire");
	return 0;
}

int state_run_cases(const struct ruleset *set, struct case_result *ret, struct diag *diag)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct rule *rule = &set->rules[i];
		if (!rule->stateful)
			continue;
		ret->rules_without_cases += rule->n_cases == 0;
		if (!rule->info.is_enabled && rule->n_cases)
			diag_warn(diag, rule->info.at, "rule '%s' is disabled: its cases are not run", rule->info.id);
		for (size_t k = 0; k < rule->n_cases && rule->info.is_enabled; k++) {
			bool passed;
			int err = run_case(set, rule, &rule->cases[k], &passed, diag);
			if (err)
				return err;
			ret->passed += passed;
			ret->failed += !passed;
		}
	}
	return 0;
}

/* --- telling --------------------------------------------------------------------------------------------------------------- */

void case_story_done(struct case_story *story)
{
	free(story->notes);
	*story = (struct case_story){ 0 };
}

static void take_note(void *context, const struct state_note *note)
{
	struct run *r = context;
	struct case_story *story = r->story;
	if (note->rule != r->rule->info.index)
		return;
	if (story->n == STORY_MAX_NOTES || note->number > r->n_places) {
		story->n_left_out++;
		return;
	}
	story->notes[story->n++] = (struct case_note){ r->places[note->number - 1].event, r->places[note->number - 1].time, note->input, (int)note->kind, note->n };
}

int state_tell_case(const struct ruleset *set, const struct rule *rule, const struct rule_case *one, struct case_story *ret, struct diag *diag)
{
	CLEANUP(case_story_done) struct case_story story = { .notes = calloc(STORY_MAX_NOTES, sizeof(*story.notes)) };
	CLEANUP(run_done) struct run r = { .set = set, .rule = rule, .one = one, .diag = diag, .story = &story };
	r.places = calloc(STORY_MAX_NOTES, sizeof(*r.places));
	int err = run_begin(&r);
	if (err || !story.notes || !r.places)
		return -ENOMEM;
	state_watch(r.state, take_note, &r);
	err = run_events(&r);
	if (err)
		return err;
	story.is_raised = r.is_raised;
	*ret = story;
	story = (struct case_story){ 0 };
	return 0;
}
