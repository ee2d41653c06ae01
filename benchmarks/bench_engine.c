/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs to judge an event by many rules: the plain evaluator with every rule of the set ("oracle"), with the rules of the
 * event's type ("bucketed"), and the engine. Rules and events are made by ruletext.c and stream.c, and are whole in memory before
 * anything is measured; the first half of the stream warms what keeps something, the second half is measured. What is measured is
 * judging alone: whoever judges has just decoded and enriched the event, so a few events at a time are copied to where they are near
 * (desk.c), which is not measured, and judged there. Alike for all designs; without it a third of the engine's time was waiting for
 * events that were made minutes before, and a fiftieth of the bucketed oracle's.
 *
 *   bench_engine                                   a short table, "case  time ns", for run.sh
 *   bench_engine DESIGN RULES usual|new STREAM EVENTS CHECK  one case as "key=value ..."; new: no string comes twice; STREAM: events in
 *                                                  all, EVENTS: of them measured, from the middle on;
 *                                                  the answers to the first CHECK measured events go into sum=
 *   bench_engine load PATH...                      load and compile rule files
 *   bench_engine text RULES                        the rules as a file
 *   bench_engine stream EVENTS                     what the stream is like
 *
 * Under callgrind --instr-atstart=no only what is measured is counted.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

#include "benchmarks/desk.h"
#include "benchmarks/stream.h"
#include "engine/base/clock.h"
#include "engine/base/num.h"
#include "engine/event/value.h"
#include "engine/index/engine.h"
#include "engine/rules/match.h"
#include "engine/rules/op.h"

enum design { DESIGN_ORACLE, DESIGN_BUCKETED, DESIGN_ENGINE, DESIGN_COUNT };
static const char *const design_names[DESIGN_COUNT] = { "oracle", "bucketed", "engine" };

struct bench {
	struct words *words;
	struct made_rules rules;
	struct ruleset *set;
	struct engine *engine;
	struct matcher *matcher;
	struct stream stream;
	struct desk desk;
	uint64_t load_ns, compile_ns;
	size_t set_bytes, engine_bytes;
};

struct measured {
	uint64_t ns, alerts, pairs, undecided, sum;
	size_t events;
};

static size_t heap_bytes(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

/* --- the designs ----------------------------------------------------------------------------------------------------------- */

/* Every rule is asked of every event, as if nothing were known of it beforehand. */
static void evaluate_all(struct bench *b, const struct event *ev, struct matches *m)
{
	m->n = m->not_kept = m->n_undecided = m->undecided_not_kept = 0;
	for (uint32_t i = 0; i < ruleset_count(b->set); i++) {
		enum truth truth = condition_holds(ruleset_condition(b->set, i), ev, b->matcher);
		if (truth == TRUTH_FALSE || !(ruleset_get(b->set, i)->events >> ev->type->number & 1))
			continue;
		if (truth == TRUTH_TRUE)
			matches_add(m, i);
		else
			matches_add_undecided(m, i);
	}
}

static void evaluate(struct bench *b, enum design design, const struct event *ev, struct matches *m)
{
	if (design == DESIGN_ENGINE)
		engine_evaluate(b->engine, ev, m);
	else if (design == DESIGN_BUCKETED)
		ruleset_evaluate(b->set, ev, m);
	else
		evaluate_all(b, ev, m);
}

static uint64_t mixed(uint64_t sum, uint64_t x)
{
	sum = (sum ^ x) * 0x9e3779b97f4a7c15;
	return sum ^ sum >> 29;
}

static uint64_t answer_sum(const struct matches *m, size_t event, uint64_t sum)
{
	for (size_t i = 0; i < m->n; i++)
		sum = mixed(sum, event << 32 | m->rule[i]);
	for (size_t i = 0; i < m->n_undecided; i++)
		sum = mixed(sum, event << 32 | 1u << 31 | m->undecided[i]);
	return mixed(sum, m->not_kept << 16 | m->undecided_not_kept);
}

static inline void count_matches(const struct matches *m, struct measured *sum)
{
	sum->alerts += m->n > 0;
	sum->pairs += m->n + m->not_kept;
	sum->undecided += m->n_undecided;
}

static void run_events(struct bench *b, enum design design, const struct event *events, size_t n, struct measured *ret)
{
	struct matches m;
	struct measured sum = *ret;
	if (design == DESIGN_ENGINE) { /* as the pipeline calls it, with nothing between */
		for (size_t i = 0; i < n; i++) {
			engine_evaluate(b->engine, &events[i], &m);
			count_matches(&m, &sum);
		}
	} else {
		for (size_t i = 0; i < n; i++) {
			evaluate(b, design, &events[i], &m);
			count_matches(&m, &sum);
		}
	}
	*ret = sum;
}

static void check_events(struct bench *b, enum design design, size_t first, size_t n, struct measured *ret)
{
	struct matches m;
	for (size_t i = 0; i < n; i++) {
		evaluate(b, design, &b->stream.events[first + i], &m);
		ret->sum = answer_sum(&m, first + i, ret->sum);
	}
}

/* Events are laid out a few at a time, which is not counted, and then judged, which is. Alike for all designs. */
static void measure_events(struct bench *b, enum design design, const struct event *events, size_t n, struct measured *ret)
{
	for (size_t done = 0, laid; done < n; done += laid) {
		laid = desk_lay(&b->desk, events + done, n - done);
		uint64_t from = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		CALLGRIND_TOGGLE_COLLECT;
		run_events(b, design, b->desk.events, laid, ret);
		CALLGRIND_TOGGLE_COLLECT;
		ret->ns += clock_ns(CLOCK_PROCESS_CPUTIME_ID) - from;
	}
}

/* Measures `events` events from the stream's middle on; what keeps something has seen the first half. */
static struct measured measure(struct bench *b, enum design design, size_t events, size_t check)
{
	struct measured warm = { 0 }, result = { .events = events };
	size_t middle = b->stream.n / 2;
	if (design == DESIGN_ENGINE)
		run_events(b, design, b->stream.events, middle, &warm);
	CALLGRIND_START_INSTRUMENTATION;
	CALLGRIND_TOGGLE_COLLECT;
	measure_events(b, design, b->stream.events + middle, events, &result);
	CALLGRIND_STOP_INSTRUMENTATION;
	check_events(b, design, middle, check, &result);
	return result;
}

/* --- what is prepared ------------------------------------------------------------------------------------------------------ */

static void print_diag(const struct diag *diag)
{
	char line[600];
	for (size_t i = 0; i < diag->n; i++) {
		diag_format(&diag->messages[i], line, sizeof(line));
		fprintf(stderr, "%s\n", line);
	}
}

static int compile(struct bench *b)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	size_t before = heap_bytes();
	uint64_t from = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	int err = engine_new(b->set, NULL, &b->engine, &diag);
	b->compile_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - from;
	b->engine_bytes = heap_bytes() - before;
	print_diag(&diag);
	return err ? err : matcher_new(&b->matcher);
}

static int load_made(struct bench *b, size_t n)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(buf_done) struct buf text = { .max = 64 * 1024 * 1024 };
	int err = made_rules_new(b->words, n, &b->rules);
	if (err)
		return err;
	made_rules_text(&b->rules, &text);
	size_t before = heap_bytes();
	uint64_t from = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	err = buf_error(&text) ? buf_error(&text) : ruleset_load_text("made.yaml", buf_sv(&text), &b->set, &diag);
	b->load_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - from;
	b->set_bytes = heap_bytes() - before;
	print_diag(&diag);
	return err;
}

static int prepare(struct bench *b, enum design design, size_t rules, bool all_new, size_t events)
{
	int err = words_new(&b->words);
	if (!err)
		err = load_made(b, rules);
	/* the plain evaluator keeps nothing: it needs no first half but the one that leads to the same events */
	if (!err)
		err = stream_make(b->words, &(struct stream_options){ .n = events, .all_new = all_new, .rules = &b->rules }, &b->stream);
	if (!err && design == DESIGN_ENGINE)
		err = compile(b);
	if (!err && !b->matcher)
		err = matcher_new(&b->matcher);
	return err ? err : desk_init(&b->desk);
}

static void bench_done(struct bench *b)
{
	matcher_free(&b->matcher);
	engine_free(&b->engine);
	ruleset_free(&b->set);
	made_rules_done(&b->rules);
	stream_done(&b->stream);
	desk_done(&b->desk);
	words_free(&b->words);
}

/* --- commands -------------------------------------------------------------------------------------------------------------- */

static void print_one(const struct bench *b, enum design design, const struct measured *o)
{
	struct engine_stats stats = { 0 };
	if (b->engine)
		engine_get_stats(b->engine, &stats);
	printf("design=%s rules=%zu events=%zu ns=%.1f alerts=%llu pairs=%llu undecided=%llu sum=%016llx ", design_names[design], ruleset_count(b->set),
	       o->events, (double)o->ns / (double)o->events, (unsigned long long)o->alerts, (unsigned long long)o->pairs, (unsigned long long)o->undecided,
	       (unsigned long long)o->sum);
	printf("set_bytes=%zu engine_bytes=%zu index_bytes=%zu cache_bytes=%zu load_us=%llu compile_us=%llu candidates=%.3f ", b->set_bytes, b->engine_bytes,
	       stats.index_bytes, stats.cache_bytes, (unsigned long long)b->load_ns / 1000, (unsigned long long)b->compile_ns / 1000,
	       stats.events ? (double)stats.candidates / (double)stats.events : 0.0);
	printf("predicates=%zu classes=%zu strings=%zu exec_bytes=%.0f\n", stats.predicates, stats.classes, stats.strings,
	       b->stream.execs ? (double)b->stream.bytes / (double)b->stream.execs : 0.0);
}

/* slow designs measure fewer events than the stream has: EVENTS of them from its middle on */
static int run_one(const char *name, size_t rules, bool all_new, size_t stream, size_t events, size_t check)
{
	CLEANUP(bench_done) struct bench b = { 0 };
	for (enum design d = 0; d < DESIGN_COUNT; d++) {
		if (strcmp(name, design_names[d]) != 0)
			continue;
		if (prepare(&b, d, rules, all_new, stream)) {
			fprintf(stderr, "bench_engine: cannot prepare %s with %zu rules\n", name, rules);
			return 1;
		}
		size_t most = stream - stream / 2;
		struct measured o = measure(&b, d, MIN(events, most), MIN(check, most));
		print_one(&b, d, &o);
		return 0;
	}
	fprintf(stderr, "bench_engine: no design '%s'\n", name);
	return 2;
}

static int run_load(const char *const *paths, size_t n)
{
	CLEANUP(bench_done) struct bench b = { 0 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	uint64_t from = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	int err = ruleset_load(paths, n, &b.set, &diag);
	b.load_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - from;
	if (err) {
		printf("errors=%zu\n", diag.errors);
		return 1;
	}
	if (compile(&b))
		return 1;
	printf("rules=%zu files=%zu load_us=%llu compile_us=%llu engine_bytes=%zu\n", ruleset_count(b.set), ruleset_files(b.set),
	       (unsigned long long)b.load_ns / 1000, (unsigned long long)b.compile_ns / 1000, b.engine_bytes);
	return 0;
}

static int run_text(size_t rules)
{
	CLEANUP(bench_done) struct bench b = { 0 };
	CLEANUP(buf_done) struct buf text = { .max = 64 * 1024 * 1024 };
	if (words_new(&b.words) || made_rules_new(b.words, rules, &b.rules))
		return 1;
	made_rules_text(&b.rules, &text);
	return buf_error(&text) || fwrite(text.p, 1, text.n, stdout) != text.n || fflush(stdout);
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* Of the values of a text field: how many were there before, how long they are. */
static void print_texts(const struct stream *s, uint32_t event, const char *name)
{
	const struct field *f = field_find(event_type_by_number(event), sv_from(name));
	uint64_t *sums = calloc(s->n, sizeof(*sums)), *lengths = calloc(s->n, sizeof(*lengths));
	size_t n = 0, bytes = 0, distinct = 0;
	for (size_t i = 0; f && sums && lengths && i < s->n; i++) {
		struct value v = { .is_missing = true };
		if (s->events[i].type->number == event)
			v = event_get(&s->events[i], f);
		if (v.is_missing)
			continue;
		uint64_t sum = v.s.n;
		for (size_t k = 0; k < v.s.n; k++)
			sum = mixed(sum, (unsigned char)v.s.p[k]);
		sums[n] = sum;
		lengths[n++] = v.s.n;
		bytes += v.s.n;
	}
	if (n) {
		qsort(sums, n, sizeof(*sums), compare_numbers);
		qsort(lengths, n, sizeof(*lengths), compare_numbers);
		for (size_t i = 0; i < n; i++)
			distinct += i == 0 || sums[i] != sums[i - 1];
		printf("%-14s %-24s mean %5zu bytes, median %4llu, 99 %% %5llu, longest %6llu; there before %.1f %%\n", event_type_by_number(event)->name, name,
		       bytes / n, (unsigned long long)lengths[n / 2], (unsigned long long)lengths[n * 99 / 100], (unsigned long long)lengths[n - 1],
		       100.0 * (double)(n - distinct) / (double)n);
	}
	free(sums);
	free(lengths);
}

static int run_stream(size_t n)
{
	CLEANUP(bench_done) struct bench b = { 0 };
	size_t by_event[EVENT_NUMBERS] = { 0 }, in_container = 0;
	if (prepare(&b, DESIGN_BUCKETED, BASE_RULES, false, n))
		return 1;
	for (size_t i = 0; i < n; i++) {
		by_event[b.stream.events[i].type->number]++;
		in_container += IS_DERIVED(b.stream.events[i].derived, container_id);
	}
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		if (by_event[i])
			printf("%-14s %5.1f %%\n", event_type_by_number(i)->name, 100.0 * (double)by_event[i] / (double)n);
	printf("in containers  %5.1f %%\n", 100.0 * (double)in_container / (double)n);
	print_texts(&b.stream, EVENT_PROC_EXEC, "process.executable");
	print_texts(&b.stream, EVENT_PROC_EXEC, "process.command_line");
	print_texts(&b.stream, EVENT_FILE_OPEN, "file.path");
	print_texts(&b.stream, EVENT_FILE_OPEN, "process.command_line");
	return 0;
}

static int run_table(void)
{
	static const struct {
		enum design design;
		size_t rules, events;
	} cases[] = { { DESIGN_BUCKETED, 1000, 300 }, { DESIGN_ENGINE, 100, 20000 }, { DESIGN_ENGINE, 1000, 20000 } };
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(bench_done) struct bench b = { 0 };
		if (prepare(&b, cases[i].design, cases[i].rules, false, 40000))
			return 1;
		struct measured o = measure(&b, cases[i].design, cases[i].events, 0);
		printf("%zu rules, %s  %.0f ns\n", cases[i].rules, design_names[cases[i].design], (double)o.ns / (double)o.events);
	}
	return 0;
}

static bool read_number(const char *text, size_t *ret)
{
	uint64_t v;
	if (num_parse_u64(sv_from(text), 100000000, &v))
		return false;
	*ret = (size_t)v;
	return true;
}

int main(int argc, char **argv)
{
	size_t rules, stream, events, check;
	if (argc == 1)
		return run_table();
	if (argc == 2 && strcmp(argv[1], "--list") == 0)
		return 0; /* counted by engine.sh, with a stream of the length that it needs */
	if (argc >= 3 && strcmp(argv[1], "load") == 0)
		return run_load((const char *const *)argv + 2, (size_t)argc - 2);
	if (argc == 3 && strcmp(argv[1], "text") == 0 && read_number(argv[2], &rules))
		return run_text(rules);
	if (argc == 3 && strcmp(argv[1], "stream") == 0 && read_number(argv[2], &events) && events > 1)
		return run_stream(events);
	if (argc == 7 && read_number(argv[2], &rules) && rules > 0 && read_number(argv[4], &stream) && stream > 1 && read_number(argv[5], &events) && events > 0 &&
	    read_number(argv[6], &check))
		return run_one(argv[1], rules, strcmp(argv[3], "new") == 0, stream, events, check);
	fprintf(stderr, "usage: bench_engine [oracle|bucketed|engine RULES usual|new STREAM EVENTS CHECK | load PATH... | text RULES | stream EVENTS]\n");
	return 2;
}
