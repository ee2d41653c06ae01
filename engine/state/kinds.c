/* SPDX-License-Identifier: Apache-2.0 */
/* What each kind of rule does with an event and with the end of its time. Events come in the order of their times; ties as they came. */
#include "engine/state/group.h"

/* --- what all do ------------------------------------------------------------------------------------------------------------- */

static const struct kept *current(const struct state *s)
{
	return kept_at(s, s->current);
}

static uint64_t later(uint64_t time_ns, uint64_t by_ns)
{
	return time_ns > UINT64_MAX - by_ns ? UINT64_MAX : time_ns + by_ns;
}

/* Is an event of this time still within the rule's time? Both ends count. */
static bool is_within(const struct state *s, const struct stateful *rule, uint64_t time_ns)
{
	return later(time_ns, rule->within_ns) >= s->at_ns;
}

static uint64_t wall_of(const struct event *ev)
{
	return ev->derived && IS_DERIVED(ev->derived, time) ? ev->derived->time : 0;
}

static struct seen_event seen_now(const struct state *s, uint32_t input)
{
	const struct kept *k = current(s);
	return (struct seen_event){
		.time_ns = s->at_ns,
		.wall_ns = wall_of(&k->ev),
		.exec_id = k->ev.common->exec_id,
		.number = k->number,
		.event = k->ev.type->number,
		.input = input,
	};
}

/* The last of the others are kept; the first one's time is told in any case. */
static void tell_others(struct state *s, const struct seen_event *others, size_t n, struct state_alert *ret)
{
	size_t left_out = n > STATE_MAX_OTHERS ? n - STATE_MAX_OTHERS : 0;
	if (n)
		ret->since_wall_ns = others[0].wall_ns;
	for (size_t i = left_out; i < n; i++)
		s->others[i - left_out] = others[i];
	ret->others = s->others;
	ret->n_others = n - left_out;
	ret->n_left_out = left_out;
}

static void alert_init(struct state *s, const struct stateful *rule, uint32_t input, uint64_t count, struct state_alert *ret)
{
	const struct kept *k = current(s);
	*ret = (struct state_alert){
		.rule = rule->rule,
		.stateful = rule,
		.input = input,
		.ev = &k->ev,
		.at_ns = s->at_ns,
		.count = count,
		.others = s->others,
		.since_wall_ns = wall_of(&k->ev),
	};
}

/* The groups this event may belong to: with lineage, those of the images that its process descends from, itself first. */
struct line {
	const uint64_t *ids;
	size_t n;
	uint64_t own;
};

static void line_of(const struct stateful *rule, const struct event *ev, struct line *ret)
{
	*ret = (struct line){ .ids = &ret->own, .n = 1, .own = ev->common->exec_id };
	if (rule->lineage != LINEAGE_ANY && ev->derived && ev->derived->n_lineage) {
		ret->ids = ev->derived->lineage;
		ret->n = ev->derived->n_lineage;
	}
}

/* The group of the i-th of the line; 0: none. */
static uint32_t find_in_line(struct state *s, struct stateful_feed feed, const struct stateful *rule, const struct line *line, size_t i)
{
	if (rule->lineage != LINEAGE_ANY)
		key_set_root(s, line->ids[i]);
	return group_find(s, feed.stateful);
}

/* Puts the first event's half of the key in front; false: its process is not known. */
static bool key_begin(struct state *s, const struct stateful *rule, const struct event *ev)
{
	uint64_t root = rule->lineage == LINEAGE_PARENT ? ev->common->parent_id : ev->common->exec_id;
	if (rule->lineage == LINEAGE_ANY)
		return true;
	key_set_root(s, root);
	return root != 0;
}

static void drop_event(struct state *s)
{
	s->stats.dropped++;
}

static void note(const struct state *s, const struct stateful *rule, uint32_t input, enum state_note_kind kind, uint64_t n)
{
	if (s->note)
		s->note(s->note_context, &(struct state_note){ rule->rule, input, current(s)->number, kind, n });
}

/* --- thresholds -------------------------------------------------------------------------------------------------------------- */

static void forget_old(struct state *s, const struct stateful *rule, struct group *g)
{
	size_t old = 0;
	struct seen_event *seen = group_seen(s, g);
	while (old < g->n_seen && !is_within(s, rule, seen[old].time_ns))
		old++;
	if (!old)
		return;
	g->n_seen -= (uint32_t)old;
	memmove(seen, seen + old, g->n_seen * sizeof(*seen));
}

/* Takes the value out, wherever it stands: it comes in again at the end. */
static bool forget_value(struct state *s, struct group *g, const uint64_t value[2])
{
	struct seen_event *seen = group_seen(s, g);
	for (size_t i = 0; i < g->n_seen; i++) {
		if (seen[i].value[0] != value[0] || seen[i].value[1] != value[1])
			continue;
		g->n_seen--;
		memmove(seen + i, seen + i + 1, (g->n_seen - i) * sizeof(*seen));
		return true;
	}
	return false;
}

static bool add_seen(struct state *s, uint32_t block, const struct seen_event *one)
{
	struct group *g = group_at(s, block);
	size_t want = g->n_seen < 2 ? g->n_seen + 1u : 2u * g->n_seen;
	bool fits = g->seen && pool_size(&s->pool, g->seen) >= (g->n_seen + 1) * sizeof(*one);
	if (!fits && !group_grow(s, block, want)) {
		drop_event(s);
		return false;
	}
	group_seen(s, g)[g->n_seen++] = *one;
	return true;
}

/* Counts that are judged at the end of the time that the first event began. */
static void count_until_end(struct state *s, uint32_t block, const struct stateful *rule, const struct seen_event *one)
{
	struct group *g = group_at(s, block);
	bool is_first = !g->kept;
	if (is_first) {
		kept_at(s, s->current)->refs++;
		group_keep(s, block, s->current);
	}
	if (rule->inputs[0].distinct) {
		for (size_t i = 0; i < g->n_seen; i++)
			if (memcmp(group_seen(s, g)[i].value, one->value, sizeof(one->value)) == 0)
				return;
		if (g->n_seen <= rule->most && add_seen(s, block, one))
			g->n_counted = g->n_seen;
		return;
	}
	g->n_counted += g->n_counted <= rule->most;
	if (g->n_seen <= STATE_MAX_OTHERS)
		IGNORE(add_seen(s, block, one)); /* it is counted; only the list of the others is shorter */
}

static bool count_in_window(struct state *s, uint32_t block, const struct stateful *rule, const struct seen_event *one, struct state_alert *ret)
{
	struct group *g = group_at(s, block);
	if (g->is_quiet) {
		note(s, rule, one->input, NOTE_QUIET, 0);
		return false;
	}
	if (g->seen)
		forget_old(s, rule, g);
	if (rule->inputs[0].distinct && g->seen)
		forget_value(s, g, one->value);
	if (!add_seen(s, block, one))
		return false;
	group_set_due(s, block, later(s->at_ns, rule->within_ns));
	note(s, rule, one->input, NOTE_COUNTED, g->n_seen);
	if (g->n_seen < rule->least)
		return false;
	alert_init(s, rule, one->input, g->n_seen, ret);
	tell_others(s, group_seen(s, g), g->n_seen - 1, ret);
	g->is_quiet = true;
	g->n_seen = 0;
	state_give_block(s, g->rule, g->seen);
	g->seen = 0;
	return true;
}

static bool apply_threshold(struct state *s, struct stateful_feed feed, const struct stateful *rule, struct state_alert *ret)
{
	const struct stateful_input *input = &rule->inputs[feed.input];
	struct seen_event one = seen_now(s, feed.input);
	bool has_key = key_make(s, rule, input, &current(s)->ev);
	if (!has_key || (input->distinct && !key_of_value(s, input->distinct, &current(s)->ev, one.value))) {
		note(s, rule, feed.input, NOTE_NO_KEY, 0);
		return false;
	}
	uint32_t block = group_find(s, feed.stateful);
	if (!block)
		block = group_new(s, feed.stateful, 0, later(s->at_ns, rule->within_ns));
	else if (!input->distinct && group_at(s, block)->last_number == one.number && group_at(s, block)->last_ns == s->at_ns) {
		note(s, rule, feed.input, NOTE_REPEATED, 0);
		return false; /* two of the rules counted hold on one event: it counts once */
	}
	if (!block) {
		drop_event(s);
		return false;
	}
	group_touch(s, block);
	group_at(s, block)->last_number = one.number;
	group_at(s, block)->last_ns = s->at_ns;
	if (rule->most == UINT64_MAX)
		return count_in_window(s, block, rule, &one, ret);
	count_until_end(s, block, rule, &one);
	note(s, rule, feed.input, NOTE_COUNTED, group_at(s, block)->n_counted);
	return false;
}

/* --- sequences ------------------------------------------------------------------------------------------------------------- */

/* What is kept: for each number of steps that are through, the newest way there. */
static struct seen_event *steps_through(const struct state *s, const struct group *g, const struct stateful *rule, size_t n)
{
	return group_seen(s, g) + (n - 1) * (rule->n_inputs - 1);
}

/* The group lives until the newest of its beginnings is too old; without one it goes. */
static void settle_sequence(struct state *s, uint32_t block, const struct stateful *rule)
{
	const struct group *g = group_at(s, block);
	uint64_t due = 0;
	bool is_empty = true;
	for (size_t n = 1; n < rule->n_inputs; n++) {
		const struct seen_event *steps = steps_through(s, g, rule, n);
		if (!steps->event)
			continue;
		due = MAX(due, later(steps->time_ns, rule->within_ns));
		is_empty = false;
	}
	if (is_empty)
		group_free(s, block);
	else
		group_set_due(s, block, due);
}

static void begin_sequence(struct state *s, struct stateful_feed feed, const struct stateful *rule)
{
	size_t n = rule->n_inputs - 1;
	if (!key_begin(s, rule, &current(s)->ev)) {
		note(s, rule, 0, NOTE_NO_KEY, 0);
		return;
	}
	uint32_t block = group_find(s, feed.stateful);
	if (!block)
		block = group_new(s, feed.stateful, n * n, later(s->at_ns, rule->within_ns));
	if (!block) {
		drop_event(s);
		return;
	}
	*steps_through(s, group_at(s, block), rule, 1) = seen_now(s, 0);
	note(s, rule, 0, NOTE_STEP, 1);
	group_touch(s, block);
	settle_sequence(s, block, rule);
}

/* The group takes the event as its next step; false: it does not wait for it. */
static bool go_on(struct state *s, uint32_t block, uint32_t input, const struct stateful *rule)
{
	const struct group *g = group_at(s, block);
	struct seen_event *steps = steps_through(s, g, rule, input);
	return steps->event && is_within(s, rule, steps->time_ns) && steps[input - 1].number != current(s)->number;
}

static bool take_step(struct state *s, uint32_t block, uint32_t input, const struct stateful *rule, struct state_alert *ret)
{
	const struct group *g = group_at(s, block);
	struct seen_event *steps = steps_through(s, g, rule, input);
	bool is_last = input == rule->n_inputs - 1;
	if (is_last) {
		alert_init(s, rule, input, rule->n_inputs, ret);
		tell_others(s, steps, input, ret);
	} else {
		struct seen_event *next = steps_through(s, g, rule, input + 1);
		memcpy(next, steps, input * sizeof(*steps));
		next[input] = seen_now(s, input);
		group_touch(s, block);
	}
	steps->event = 0;
	settle_sequence(s, block, rule);
	return is_last;
}

static bool apply_sequence(struct state *s, struct stateful_feed feed, const struct stateful *rule, struct state_alert *ret)
{
	const struct event *ev = &current(s)->ev;
	bool is_late = false;
	if (!key_make(s, rule, &rule->inputs[feed.input], ev)) {
		note(s, rule, feed.input, NOTE_NO_KEY, 0);
		return false;
	}
	if (feed.input == 0) {
		begin_sequence(s, feed, rule);
		return false;
	}
	struct line line;
	line_of(rule, ev, &line);
	for (size_t i = 0; i < line.n; i++) {
		uint32_t block = find_in_line(s, feed, rule, &line, i);
		if (block && go_on(s, block, feed.input, rule)) {
			note(s, rule, feed.input, NOTE_STEP, feed.input + 1u);
			return take_step(s, block, feed.input, rule, ret);
		}
		is_late |= block && steps_through(s, group_at(s, block), rule, feed.input)->event &&
			   !is_within(s, rule, steps_through(s, group_at(s, block), rule, feed.input)->time_ns);
	}
	note(s, rule, feed.input, is_late ? NOTE_LATE : NOTE_UNAWAITED, 0);
	return false;
}

/* --- together -------------------------------------------------------------------------------------------------------------- */

static void sort_seen(struct seen_event *p, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct seen_event one = p[i];
		size_t at = i;
		for (; at > 0 && (p[at - 1].time_ns > one.time_ns || (p[at - 1].time_ns == one.time_ns && p[at - 1].number > one.number)); at--)
			p[at] = p[at - 1];
		p[at] = one;
	}
}

static bool apply_together(struct state *s, struct stateful_feed feed, const struct stateful *rule, struct state_alert *ret)
{
	if (!key_make(s, rule, &rule->inputs[feed.input], &current(s)->ev)) {
		note(s, rule, feed.input, NOTE_NO_KEY, 0);
		return false;
	}
	uint32_t block = group_find(s, feed.stateful);
	if (!block)
		block = group_new(s, feed.stateful, rule->n_inputs, later(s->at_ns, rule->within_ns));
	if (!block) {
		drop_event(s);
		return false;
	}
	struct group *g = group_at(s, block);
	struct seen_event *seen = group_seen(s, g), others[STATEFUL_MAX_INPUTS];
	seen[feed.input] = seen_now(s, feed.input);
	group_touch(s, block);
	group_set_due(s, block, later(s->at_ns, rule->within_ns));
	size_t n = 0;
	for (size_t i = 0; i < rule->n_inputs; i++)
		if (i != feed.input && seen[i].event && is_within(s, rule, seen[i].time_ns))
			others[n++] = seen[i];
	note(s, rule, feed.input, NOTE_STEP, n + 1);
	if (n + 1 < rule->n_inputs)
		return false;
	sort_seen(others, n);
	alert_init(s, rule, feed.input, rule->n_inputs, ret);
	tell_others(s, others, n, ret);
	group_free(s, block);
	return true;
}

/* --- absence --------------------------------------------------------------------------------------------------------------- */

static void end_waits(struct state *s, struct stateful_feed feed, const struct stateful *rule)
{
	struct line line;
	bool has_ended = false;
	line_of(rule, &current(s)->ev, &line);
	for (size_t i = 0; i < line.n; i++) {
		uint32_t block = find_in_line(s, feed, rule, &line, i);
		if (!block || kept_at(s, group_at(s, block)->kept)->number == current(s)->number)
			continue;
		group_free(s, block);
		has_ended = true;
	}
	note(s, rule, feed.input, has_ended ? NOTE_CAME : NOTE_UNAWAITED, 0);
}

static void apply_absence(struct state *s, struct stateful_feed feed, const struct stateful *rule)
{
	bool has_key = key_make(s, rule, &rule->inputs[feed.input], &current(s)->ev);
	if (has_key && feed.input == 1) {
		end_waits(s, feed, rule);
		return;
	}
	has_key = has_key && key_begin(s, rule, &current(s)->ev);
	bool is_waiting = has_key && group_find(s, feed.stateful);
	note(s, rule, feed.input, !has_key ? NOTE_NO_KEY : is_waiting ? NOTE_WAITING : NOTE_WAITS, 0);
	if (!has_key || is_waiting)
		return; /* the first one that waits keeps its time: who repeats it gains nothing */
	uint32_t block = group_new(s, feed.stateful, 0, later(s->at_ns, rule->within_ns));
	if (!block) {
		drop_event(s);
		return;
	}
	kept_at(s, s->current)->refs++;
	group_keep(s, block, s->current);
}

/* --- the whole ------------------------------------------------------------------------------------------------------------- */

bool kind_apply(struct state *s, struct stateful_feed feed, struct state_alert *ret)
{
	const struct stateful *rule = s->set->stateful[feed.stateful];
	switch (rule->kind) {
	case STATEFUL_THRESHOLD:
		return apply_threshold(s, feed, rule, ret);
	case STATEFUL_SEQUENCE:
		return apply_sequence(s, feed, rule, ret);
	case STATEFUL_TOGETHER:
		return apply_together(s, feed, rule, ret);
	case STATEFUL_ABSENCE:
		apply_absence(s, feed, rule);
		return false;
	case STATEFUL_KIND_COUNT:
		break;
	}
	return false;
}

/* Is there something to say when the time is over? */
static bool is_raised_at_end(const struct stateful *rule, const struct group *g)
{
	if (rule->kind == STATEFUL_ABSENCE)
		return true;
	return rule->kind == STATEFUL_THRESHOLD && rule->most != UINT64_MAX && g->n_counted >= rule->least && g->n_counted <= rule->most;
}

bool kind_end(struct state *s, uint32_t block, struct state_alert *ret)
{
	const struct group *g = group_at(s, block);
	const struct stateful *rule = s->set->stateful[g->rule];
	bool is_raised = is_raised_at_end(rule, g);
	if (is_raised) {
		s->at_ns = g->due_ns;
		s->current = g->kept;
		kept_at(s, s->current)->refs++;
		bool has_others = g->n_seen > 1;
		alert_init(s, rule, g->n_seen ? group_seen(s, g)[0].input : 0, MAX(g->n_counted, 1u), ret);
		if (has_others)
			tell_others(s, group_seen(s, g) + 1, g->n_seen - 1, ret);
		ret->since_wall_ns = wall_of(&current(s)->ev);
		ret->n_left_out = ret->count - 1 - ret->n_others;
	}
	group_free(s, block);
	return is_raised;
}
