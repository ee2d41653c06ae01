/* SPDX-License-Identifier: Apache-2.0 */
/* Plain lists, text for keys, one rule after the other. Rules that build on rules are worked out after those. */
#include "tests/support/state_reference.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/rules/match.h"

/* An event as one rule sees it: one of its inputs, at a time (of an alert that feeds it: when that was raised). */
struct input_event {
	uint64_t time_ns;
	const struct reference_event *ev;
	uint32_t input;
	const char *const *keys;
	const char *value;
	bool is_at_end; /* it is an alert that was raised by the end of a time */
};

struct work {
	struct reference *r;
	const struct stateful *rule;
	struct input_event *in; /* sorted: by time, arrival, later inputs first */
	size_t n;
	uint64_t end_ns;
};

void reference_init(struct reference *r, const struct ruleset *set)
{
	*r = (struct reference){ .set = set };
	r->events = calloc(REFERENCE_MAX_EVENTS, sizeof(*r->events));
	r->alerts = calloc(REFERENCE_MAX_ALERTS, sizeof(*r->alerts));
	assert(r->events && r->alerts);
}

void reference_done(struct reference *r)
{
	for (size_t i = 0; i < r->n_events; i++)
		for (size_t f = 0; f < r->events[i].n_feeds; f++) {
			for (size_t k = 0; k < 8; k++)
				free(r->events[i].keys[f][k]);
			free(r->events[i].values[f]);
		}
	free(r->events);
	free(r->alerts);
}

static char *text_of(const struct ruleset *set, const struct event *ev, const struct field_ref *field)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	set->matcher->used = 0;
	struct value v = field_ref_value(set->matcher, ev, field);
	if (v.is_missing)
		return NULL;
	struct strview t = value_text(&v, &text);
	return strndup(t.p ? t.p : "", t.n);
}

/* Reads what any rule might want of the event; for rules that feed rules, of the inputs above as well. */
void reference_add(struct reference *r, const struct event *ev, const struct matches *matches, uint64_t number)
{
	struct reference_event *e = &r->events[r->n_events++];
	assert(r->n_events < REFERENCE_MAX_EVENTS);
	*e = (struct reference_event){ .time_ns = ev->common->boot_ns, .exec_id = ev->common->exec_id, .parent_id = ev->common->parent_id, .number = number };
	e->line[e->n_line++] = ev->common->exec_id;
	if (ev->derived && ev->derived->n_lineage) {
		e->n_line = MIN(ev->derived->n_lineage, (size_t)REFERENCE_MAX_LINE);
		memcpy(e->line, ev->derived->lineage, e->n_line * sizeof(uint64_t));
	}
	for (size_t i = 0; i < matches->n; i++)
		e->matches[e->n_matches++] = matches->rule[i];
	for (uint32_t i = 0; i < r->set->n_stateful; i++)
		for (uint32_t k = 0; k < r->set->stateful[i]->n_inputs; k++) {
			const struct stateful_input *input = &r->set->stateful[i]->inputs[k];
			assert(e->n_feeds < 64);
			e->feeds[e->n_feeds] = (struct stateful_feed){ i, k };
			for (size_t key = 0; key < r->set->stateful[i]->n_keys; key++)
				e->keys[e->n_feeds][key] = text_of(r->set, ev, input->keys[key]);
			e->values[e->n_feeds] = input->distinct ? text_of(r->set, ev, input->distinct) : NULL;
			e->n_feeds++;
		}
}

static int by_time(const void *pa, const void *pb)
{
	const struct input_event *a = pa, *b = pb;
	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns ? -1 : 1;
	if (a->is_at_end != b->is_at_end)
		return a->is_at_end ? 1 : -1;
	if (a->ev->time_ns != b->ev->time_ns)
		return a->ev->time_ns < b->ev->time_ns ? -1 : 1;
	if (a->ev->number != b->ev->number)
		return a->ev->number < b->ev->number ? -1 : 1;
	return a->input > b->input ? -1 : 1;
}

int reference_compare(const void *pa, const void *pb)
{
	const struct reference_alert *a = pa, *b = pb;
	const uint64_t x[] = { a->at_ns, a->rule, a->number, a->count, a->others }, y[] = { b->at_ns, b->rule, b->number, b->count, b->others };
	for (size_t i = 0; i < ARRAY_SIZE(x); i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

static void raise_alert(struct work *w, const struct input_event *about, uint64_t at_ns, uint64_t count, uint64_t others)
{
	assert(w->r->n_alerts < REFERENCE_MAX_ALERTS);
	bool is_at_end = about->is_at_end || at_ns > about->time_ns;
	w->r->alerts[w->r->n_alerts++] = (struct reference_alert){ w->rule->rule, at_ns, about->ev->number, count, others, is_at_end };
}

static bool same_keys(const struct work *w, const struct input_event *a, const struct input_event *b)
{
	for (size_t k = 0; k < w->rule->n_keys; k++)
		if (strcmp(a->keys[k], b->keys[k]) != 0)
			return false;
	return true;
}

/* a's process is root's, or descends from it (or from root's creator). */
static bool descends(const struct work *w, const struct input_event *a, const struct input_event *root)
{
	uint64_t id = w->rule->lineage == LINEAGE_PARENT ? root->ev->parent_id : root->ev->exec_id;
	if (w->rule->lineage == LINEAGE_ANY)
		return true;
	for (size_t i = 0; i < a->ev->n_line; i++)
		if (a->ev->line[i] == id)
			return true;
	return false;
}

/* --- thresholds: for each event, look back over those of its group that are not used up -------------------------------------- */

static void run_window(struct work *w)
{
	bool *is_used = calloc(w->n + 1, 1);
	bool *is_duplicate = calloc(w->n + 1, 1);
	assert(is_used && is_duplicate);
	for (size_t i = 0; i < w->n; i++) {
		if (is_used[i])
			continue;
		for (size_t k = 0; k < i && !w->in[i].value; k++)
			if (w->in[k].ev == w->in[i].ev && w->in[k].time_ns == w->in[i].time_ns && same_keys(w, &w->in[k], &w->in[i]))
				is_duplicate[i] = true;
		if (is_duplicate[i])
			continue;
		uint64_t count = 0, others = 0;
		for (size_t k = i + 1; k-- > 0;) {
			bool is_counted = !is_used[k] && !is_duplicate[k] && same_keys(w, &w->in[k], &w->in[i]) && w->in[i].time_ns - w->in[k].time_ns <= w->rule->within_ns;
			for (size_t later = k + 1; later <= i && is_counted && w->in[k].value; later++)
				if (!is_used[later] && same_keys(w, &w->in[later], &w->in[i]) && strcmp(w->in[later].value, w->in[k].value) == 0)
					is_counted = false; /* the same value came again later */
			count += is_counted;
			others += is_counted && k != i ? w->in[k].ev->number : 0;
		}
		if (count < w->rule->least)
			continue;
		raise_alert(w, &w->in[i], w->in[i].time_ns, count, others);
		for (size_t k = 0; k < w->n; k++)
			if (same_keys(w, &w->in[k], &w->in[i]) && (k <= i || w->in[k].time_ns - w->in[i].time_ns <= w->rule->within_ns))
				is_used[k] = true;
	}
	free(is_used);
	free(is_duplicate);
}

static void run_closed(struct work *w)
{
	bool *is_used = calloc(w->n + 1, 1);
	assert(is_used);
	for (size_t i = 0; i < w->n; i++) {
		if (is_used[i])
			continue;
		uint64_t count = 0, end = w->in[i].time_ns + w->rule->within_ns, others = 0;
		for (size_t k = i; k < w->n && w->in[k].time_ns <= end; k++) {
			if (!same_keys(w, &w->in[k], &w->in[i]))
				continue;
			bool is_new = true;
			for (size_t before = i; before < k; before++) {
				if (!same_keys(w, &w->in[before], &w->in[i]))
					continue;
				bool is_same = w->in[k].value ? strcmp(w->in[before].value, w->in[k].value) == 0 : w->in[before].ev == w->in[k].ev && w->in[before].time_ns == w->in[k].time_ns;
				is_new = is_new && !is_same;
			}
			is_used[k] = true;
			count += is_new;
			others += is_new && k != i && count <= 17 ? w->in[k].ev->number : 0;
		}
		if (end < w->end_ns && count >= w->rule->least && count <= w->rule->most)
			raise_alert(w, &w->in[i], end, count, others);
	}
	free(is_used);
}

/* --- sequences: all ways that are open, newest for each number of steps ------------------------------------------------------- */

struct way {
	const struct input_event *steps[STATEFUL_MAX_STEPS];
	size_t n;
};

/* Place of the root in the line of the event: nearer ones go first. */
static size_t distance(const struct work *w, const struct input_event *a, const struct input_event *root)
{
	uint64_t id = w->rule->lineage == LINEAGE_PARENT ? root->ev->parent_id : root->ev->exec_id;
	for (size_t i = 0; i < a->ev->n_line && w->rule->lineage != LINEAGE_ANY; i++)
		if (a->ev->line[i] == id)
			return i;
	return 0;
}

static bool same_root(const struct work *w, const struct input_event *a, const struct input_event *b)
{
	if (w->rule->lineage == LINEAGE_ANY)
		return true;
	return w->rule->lineage == LINEAGE_PARENT ? a->ev->parent_id == b->ev->parent_id : a->ev->exec_id == b->ev->exec_id;
}

/* A way in its place: what was there with as many steps of the same group is given up. */
static size_t put_way(const struct work *w, struct way *ways, size_t n, struct way one)
{
	for (size_t i = 0; i < n; i++)
		if (ways[i].n == one.n && same_keys(w, ways[i].steps[0], one.steps[0]) && same_root(w, ways[i].steps[0], one.steps[0])) {
			ways[i] = one;
			return n;
		}
	ways[n] = one;
	return n + 1;
}

static void run_sequence(struct work *w)
{
	struct way *ways = calloc(w->n + 1, sizeof(*ways));
	size_t n = 0;
	assert(ways);
	for (size_t i = 0; i < w->n; i++) {
		const struct input_event *now = &w->in[i];
		if (now->input == 0) {
			uint64_t root = w->rule->lineage == LINEAGE_PARENT ? now->ev->parent_id : now->ev->exec_id;
			if (w->rule->lineage == LINEAGE_ANY || root)
				n = put_way(w, ways, n, (struct way){ { now }, 1 });
			continue;
		}
		size_t best = n;
		for (size_t k = 0; k < n; k++) {
			const struct way *way = &ways[k];
			bool fits = way->n == now->input && same_keys(w, way->steps[0], now) && descends(w, now, way->steps[0]) &&
				    now->time_ns - way->steps[0]->time_ns <= w->rule->within_ns && way->steps[way->n - 1]->ev != now->ev;
			if (fits && (best == n || distance(w, now, way->steps[0]) < distance(w, now, ways[best].steps[0])))
				best = k;
		}
		if (best == n)
			continue;
		struct way way = ways[best];
		ways[best] = ways[--n];
		way.steps[way.n++] = now;
		uint64_t others = 0;
		for (size_t k = 0; k + 1 < way.n; k++)
			others += way.steps[k]->ev->number;
		if (way.n == w->rule->n_inputs)
			raise_alert(w, now, now->time_ns, way.n, others);
		else
			n = put_way(w, ways, n, way);
	}
	free(ways);
}

/* --- together: the newest of each, since the last alert ----------------------------------------------------------------------- */

static void run_together(struct work *w)
{
	bool *is_used = calloc(w->n + 1, 1);
	assert(is_used);
	for (size_t i = 0; i < w->n; i++) {
		uint64_t others = 0;
		size_t found = 0;
		for (uint32_t input = 0; input < w->rule->n_inputs; input++)
			for (size_t k = i + 1; k-- > 0;) {
				if (is_used[k] || w->in[k].input != input || !same_keys(w, &w->in[k], &w->in[i]))
					continue;
				found += w->in[i].time_ns - w->in[k].time_ns <= w->rule->within_ns;
				others += w->in[k].ev->number;
				break;
			}
		if (found < w->rule->n_inputs)
			continue;
		raise_alert(w, &w->in[i], w->in[i].time_ns, found, others - w->in[i].ev->number);
		for (size_t k = 0; k <= i; k++)
			is_used[k] |= same_keys(w, &w->in[k], &w->in[i]);
	}
	free(is_used);
}

/* --- absence: each that does not wait for an earlier one, until what it waits for -------------------------------------------------- */

static void run_absence(struct work *w)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct input_event *first = &w->in[i];
		uint64_t root = w->rule->lineage == LINEAGE_PARENT ? first->ev->parent_id : first->ev->exec_id;
		if (first->input != 0 || (w->rule->lineage != LINEAGE_ANY && !root))
			continue;
		/* does an earlier one of the group still wait at this moment? Find the chain of those that wait, from the begin. */
		const struct input_event *waits = NULL;
		for (size_t k = 0; k < i; k++) {
			const struct input_event *e = &w->in[k];
			if (waits && e->time_ns - waits->time_ns > w->rule->within_ns)
				waits = NULL;
			if (waits && e->input == 1 && e->ev != waits->ev && same_keys(w, e, waits) && descends(w, e, waits))
				waits = NULL;
			if (!waits && e->input == 0 && same_keys(w, e, first) && same_root(w, e, first))
				waits = e;
		}
		if (waits && first->time_ns - waits->time_ns <= w->rule->within_ns)
			continue;
		bool came = false;
		for (size_t k = i + 1; k < w->n && w->in[k].time_ns - first->time_ns <= w->rule->within_ns; k++)
			came |= w->in[k].input == 1 && w->in[k].ev != first->ev && same_keys(w, &w->in[k], first) && descends(w, &w->in[k], first);
		uint64_t end = first->time_ns + w->rule->within_ns;
		if (!came && end < w->end_ns)
			raise_alert(w, first, end, 1, 0);
	}
}

/* --- the whole --------------------------------------------------------------------------------------------------------------- */

static void add_input(struct work *w, uint32_t index, uint64_t time_ns, const struct reference_event *ev, uint32_t input, bool is_at_end)
{
	for (size_t f = 0; f < ev->n_feeds; f++) {
		if (ev->feeds[f].stateful != index || ev->feeds[f].input != input)
			continue;
		for (size_t k = 0; k < w->rule->n_keys; k++)
			if (!ev->keys[f][k])
				return;
		if (w->rule->inputs[input].distinct && !ev->values[f])
			return;
		w->in[w->n++] = (struct input_event){ time_ns, ev, input, (const char *const *)ev->keys[f], ev->values[f], is_at_end };
	}
}

static void collect(struct work *w, uint32_t index)
{
	struct reference *r = w->r;
	for (uint32_t input = 0; input < w->rule->n_inputs; input++) {
		uint32_t entry = w->rule->inputs[input].rule;
		for (size_t i = 0; i < r->n_events && !r->set->rules[entry].stateful; i++)
			for (size_t m = 0; m < r->events[i].n_matches; m++)
				if (r->events[i].matches[m] == entry)
					add_input(w, index, r->events[i].time_ns, &r->events[i], input, false);
		for (size_t i = 0; i < r->n_alerts; i++)
			if (r->alerts[i].rule == entry)
				for (size_t k = 0; k < r->n_events; k++)
					if (r->events[k].number == r->alerts[i].number)
						add_input(w, index, r->alerts[i].at_ns, &r->events[k], input, r->alerts[i].is_at_end);
	}
	qsort(w->in, w->n, sizeof(*w->in), by_time);
}

static void run_rule(struct reference *r, uint32_t index, uint64_t end_ns)
{
	struct work w = { .r = r, .rule = r->set->stateful[index], .end_ns = end_ns };
	w.in = calloc(w.rule->n_inputs * (size_t)(REFERENCE_MAX_EVENTS + REFERENCE_MAX_ALERTS), sizeof(*w.in));
	assert(w.in);
	collect(&w, index);
	if (w.rule->kind == STATEFUL_THRESHOLD && w.rule->most == UINT64_MAX)
		run_window(&w);
	else if (w.rule->kind == STATEFUL_THRESHOLD)
		run_closed(&w);
	else if (w.rule->kind == STATEFUL_SEQUENCE)
		run_sequence(&w);
	else if (w.rule->kind == STATEFUL_TOGETHER)
		run_together(&w);
	else
		run_absence(&w);
	free(w.in);
}

static unsigned depth_of(const struct ruleset *set, const struct stateful *rule)
{
	unsigned depth = 0;
	for (size_t i = 0; i < rule->n_inputs; i++)
		if (set->rules[rule->inputs[i].rule].stateful)
			depth = MAX(depth, 1 + depth_of(set, set->rules[rule->inputs[i].rule].stateful));
	return depth;
}

void reference_run(struct reference *r, uint64_t end_ns)
{
	r->n_alerts = 0;
	for (unsigned depth = 0; depth <= STATEFUL_MAX_DEPTH; depth++)
		for (uint32_t i = 0; i < r->set->n_stateful; i++)
			if (depth_of(r->set, r->set->stateful[i]) == depth)
				run_rule(r, i, end_ns);
	qsort(r->alerts, r->n_alerts, sizeof(*r->alerts), reference_compare);
}
