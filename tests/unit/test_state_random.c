/* SPDX-License-Identifier: Apache-2.0 */
/* Random streams through engine/state and through the slow reference: the same alerts, in whatever order the events come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/event/builder.h"
#include "engine/state/state.h"
#include "tests/support/state_reference.h"

enum { EVENTS = 160, ROUNDS = 400, IMAGES = 12 };
#define S 1000000000ull

static const char rules[] =
	"- {rule: a, severity: low, event: file.open, when: 'file.path startswith /a'}\n"
	"- {rule: b, severity: low, event: [file.open, process.exec], when: 'user.id != 3'}\n"
	"- {rule: count, severity: low, event: file.open, when: 'true', threshold: {count: 3, within: 4s, by: [process.entity_id, file.path]}}\n"
	"- {rule: count-all, severity: low, event: [file.open, file.create, process.exec], when: 'true', threshold: {count: 9, within: 7s}}\n"
	"- {rule: distinct, severity: low, event: file.open, when: 'true', threshold: {distinct: file.path, count: 3, within: 5s, by: user.id}}\n"
	"- {rule: few, severity: low, event: file.open, when: 'true', threshold: {count: {lte: 2}, within: 6s, by: file.path}}\n"
	"- {rule: exact, severity: low, threshold: {of: [a, b], count: {gte: 3, lt: 6}, within: 5s, by: user.id}}\n"
	"- {rule: few-values, severity: low, threshold: {of: [a, {rule: b, distinct: process.executable}], distinct: file.path, count: {eq: 2}, within: 5s}}\n"
	"- {rule: any, severity: low, threshold: {of: [a, {rule: b, by: process.executable}], count: 4, within: 5s, by: file.path}}\n"
	"- rule: two\n"
	"  severity: low\n"
	"  sequence: {within: 3s, by: file.path, steps: [{event: file.create, when: 'true'}, {event: process.exec, when: 'true', by: process.executable}]}\n"
	"- rule: three\n"
	"  severity: low\n"
	"  sequence: {within: 9s, lineage: true, by: user.id, steps: [{rule: a}, {rule: b}, {event: file.create, when: 'true'}]}\n"
	"- rule: family\n"
	"  severity: low\n"
	"  sequence: {within: 9s, lineage: parent, steps: [{event: file.create, when: 'true'}, {event: file.create, when: 'true'}, {rule: a}]}\n"
	"- rule: twins\n"
	"  severity: low\n"
	"  sequence: {within: 2s, steps: [{rule: b}, {rule: b}, {rule: b}]}\n"
	"- {rule: both, severity: low, together: {within: 2s, by: user.id, steps: [{rule: a}, {rule: b}, {event: file.create, when: 'true'}]}}\n"
	"- {rule: alone, severity: low, absence: {within: 4s, by: user.id, after: {event: file.create, when: 'true'}, missing: {rule: a}}}\n"
	"- {rule: childless, severity: low, absence: {within: 4s, lineage: true, after: {rule: a}, missing: {event: process.exec, when: 'true'}}}\n"
	"- {rule: above, severity: low, sequence: {within: 20s, steps: [{rule: count}, {rule: alone}]}}\n"
	"- {rule: top, severity: low, threshold: {of: [above, two, a], count: 4, within: 20s}}\n"
	"- {rule: same, severity: low, sequence: {within: 20s, steps: [{rule: a}, {rule: distinct}]}}\n";

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

struct stream {
	uint64_t seed;
	uint64_t parent[IMAGES + 1]; /* of image i; 0: none */
	struct event_builder *b;
	struct derived derived;
	uint64_t lineage[IMAGES + 1];
};

static void make_images(struct stream *s)
{
	for (uint64_t i = 1; i <= IMAGES; i++)
		s->parent[i] = next_random(&s->seed) % i;
}

/* One event of a few sorts, processes, paths and users; some have no path. */
static struct event make_event(struct stream *s, uint64_t time_ns)
{
	static const uint32_t types[] = { EVENT_FILE_OPEN, EVENT_FILE_OPEN, EVENT_FILE_CREATE, EVENT_PROC_EXEC };
	static const char *const paths[] = { "/a", "/a/b", "/c", "/d" };
	char text[32];
	struct event ev;
	uint64_t image = 1 + next_random(&s->seed) % IMAGES;
	event_builder_begin(s->b, event_type_by_number(types[next_random(&s->seed) % ARRAY_SIZE(types)]));
	if (next_random(&s->seed) % 16)
		assert_int_equal(event_builder_set_text(s->b, "file.path", paths[next_random(&s->seed) % ARRAY_SIZE(paths)]), 0);
	assert_int_equal(event_builder_set_text(s->b, "process.executable", paths[next_random(&s->seed) % ARRAY_SIZE(paths)]), 0);
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)(next_random(&s->seed) % 4));
	assert_int_equal(event_builder_set_text(s->b, "user.id", text), 0);
	(void)snprintf(text, sizeof(text), "%016llx", (unsigned long long)image);
	assert_int_equal(event_builder_set_text(s->b, "process.entity_id", text), 0);
	(void)snprintf(text, sizeof(text), "%016llx", (unsigned long long)s->parent[image]);
	if (s->parent[image])
		assert_int_equal(event_builder_set_text(s->b, "process.parent.entity_id", text), 0);
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)time_ns);
	assert_int_equal(event_builder_set_text(s->b, "vedette.clock.boot_ns", text), 0);
	assert_int_equal(event_builder_event(s->b, &ev), 0);
	s->derived = *ev.derived;
	s->derived.n_lineage = 0;
	for (uint64_t at = image; at && s->derived.n_lineage < REFERENCE_MAX_LINE; at = s->parent[at])
		s->lineage[s->derived.n_lineage++] = at;
	s->derived.lineage = s->lineage;
	ev.derived = &s->derived;
	return ev;
}

struct results {
	struct reference_alert alerts[REFERENCE_MAX_ALERTS];
	size_t n;
};

static void drain(struct state *state, struct results *got)
{
	struct state_alert a;
	while (state_next(state, &a)) {
		uint64_t others = 0, wall = 0;
		for (size_t i = 0; i < a.n_others; i++)
			others += a.others[i].number;
		assert_true(got->n < REFERENCE_MAX_ALERTS);
		assert_true(IS_DERIVED(a.ev->derived, executable));
		wall = ((const struct wire_common *)a.ev->common)->cpu_seq; /* the number of arrival, see below */
		got->alerts[got->n++] = (struct reference_alert){ a.rule, a.at_ns, wall, a.count, others, false };
	}
}

static void print_alerts(const char *who, const struct reference_alert *alerts, size_t n, uint32_t rule, const struct ruleset *set)
{
	for (size_t i = 0; i < n; i++)
		if (alerts[i].rule == rule)
			print_error("%s says %s at %llu of event %llu, count %llu, others %llu\n", who, ruleset_get(set, rule)->id,
				    (unsigned long long)(alerts[i].at_ns / (S / 2)), (unsigned long long)alerts[i].number, (unsigned long long)alerts[i].count,
				    (unsigned long long)alerts[i].others);
}

/* Events in the order of arrival; their times go up but for `jitter`. */
static void run_round(struct ruleset *set, uint64_t seed, uint64_t jitter, struct results *got)
{
	CLEANUP(state_free) struct state *state = NULL;
	CLEANUP(event_builder_free) struct event_builder *b = NULL;
	struct stream s = { .seed = seed };
	struct reference r;
	const struct state_config config = { .memory_bytes = STATE_DEFAULT_MEMORY, .reorder_ns = jitter };
	uint64_t clock = 100 * S;
	assert_int_equal(event_builder_new(&s.b), 0);
	b = s.b;
	assert_int_equal(state_new(set, &config, &state), 0);
	reference_init(&r, set);
	make_images(&s);
	got->n = 0;
	for (uint64_t number = 1; number <= EVENTS; number++) {
		static struct matches m;
		clock += (next_random(&s.seed) % 4) * S / 2; /* often none: ties */
		struct event ev = make_event(&s, clock - (jitter ? next_random(&s.seed) % (jitter / (S / 2) + 1) * (S / 2) : 0));
		struct wire_common *common = (struct wire_common *)(void *)(uintptr_t)ev.common; /* the builder's own memory */
		common->cpu_seq = number;
		ruleset_evaluate(set, &ev, &m);
		reference_add(&r, &ev, &m, number);
		state_event(state, &ev, &m);
		drain(state, got);
		if (next_random(&s.seed) % 8 == 0) {
			state_advance(state, clock);
			drain(state, got);
		}
	}
	bool is_endless = seed & 1;
	if (is_endless)
		state_advance(state, UINT64_MAX);
	else
		state_finish(state);
	drain(state, got);
	uint64_t last = 0;
	for (size_t i = 0; i < r.n_events; i++)
		last = MAX(last, r.events[i].time_ns);
	reference_run(&r, is_endless ? UINT64_MAX : MAX(last, clock));
	qsort(got->alerts, got->n, sizeof(got->alerts[0]), reference_compare);
	for (size_t i = 0; i < MAX(got->n, r.n_alerts); i++) {
		const struct reference_alert *x = i < got->n ? &got->alerts[i] : NULL, *y = i < r.n_alerts ? &r.alerts[i] : NULL;
		if (x && y && reference_compare(x, y) == 0)
			continue;
		uint32_t rule = x && (!y || reference_compare(x, y) < 0) ? x->rule : y->rule;
		print_alerts("state", got->alerts, got->n, rule, set);
		print_alerts("reference", r.alerts, r.n_alerts, rule, set);
		fail_msg("seed %llu, jitter %llu: alert %zu of %zu and %zu", (unsigned long long)seed, (unsigned long long)(jitter / S), i, got->n, r.n_alerts);
	}
	struct state_stats stats;
	state_get_stats(state, &stats);
	assert_int_equal(stats.evicted + stats.dropped + stats.late + stats.hurried, 0);
	if (is_endless) {
		assert_int_equal(stats.groups, 0);
		assert_int_equal(stats.used_bytes, 0);
	}
	reference_done(&r);
}

static void random_streams_raise_what_the_reference_raises(void **state)
{
	(void)state;
	struct ruleset *set = NULL;
	static struct results got;
	size_t seen[64] = { 0 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	if (ruleset_load_text("t.yaml", sv_from(rules), &set, &diag))
		fail_msg("%s", diag.messages[0].text);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		run_round(set, i * 7919 + 1 + (i & 1), (i % 3) * 2 * S, &got);
		for (size_t k = 0; k < got.n; k++)
			seen[got.alerts[k].rule]++;
	}
	/* a comparison of nothing with nothing proves nothing */
	for (size_t i = 0; i < set->n_stateful; i++) {
		print_message("%s: %zu\n", ruleset_get(set, set->stateful[i]->rule)->id, seen[set->stateful[i]->rule]);
		if (seen[set->stateful[i]->rule] < 20)
			fail_msg("rule %s was raised %zu times only", ruleset_get(set, set->stateful[i]->rule)->id, seen[set->stateful[i]->rule]);
	}
	ruleset_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_streams_raise_what_the_reference_raises),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
