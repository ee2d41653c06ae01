/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine against the plain evaluator. Without arguments a slice; and
 *   test_same soak FILE PAIRS SECONDS   on from what FILE holds (next seed and totals), until PAIRS in all or SECONDS are over
 *   test_same seed NUMBER               one round again
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/num.h"
#include "tests/support/same.h"

enum { SLICE_SECONDS = 4, SLICE_ROUNDS_LEAST = 5, CORPUS_EVENTS = 300, FIRST_SEED = 1 };

static void print_report(struct buf *report)
{
	fprintf(stderr, "%s\n", buf_cstr(report)); /* longer than cmocka's own lines */
}

/* The same rounds each time, as many as the time allows. */
static void random_rules_and_events_have_the_same_answers(void **state)
{
	(void)state;
	struct same_totals totals = { 0 };
	uint64_t until = clock_ns(CLOCK_MONOTONIC) + SLICE_SECONDS * 1000000000ull;
	for (uint64_t seed = FIRST_SEED; totals.rounds < SLICE_ROUNDS_LEAST || clock_ns(CLOCK_MONOTONIC) < until; seed++) {
		CLEANUP(buf_done) struct buf report = { .max = 1 << 20 };
		if (same_round(seed, &totals, &report) == SAME)
			continue;
		print_report(&report);
		fail_msg("again with: test_same seed %llu", (unsigned long long)seed);
	}
	print_message("# %llu pairs of event and rule, %llu events, %llu rules, %llu matches, %llu undecided\n", (unsigned long long)totals.pairs,
		      (unsigned long long)totals.events, (unsigned long long)totals.rules, (unsigned long long)totals.matches, (unsigned long long)totals.undecided);
	/* a test in which hardly anything holds, or everything is refused, says little */
	assert_true(totals.matches * 200 > totals.pairs);
	assert_true(totals.matches * 2 < totals.pairs);
	assert_true(totals.refused * 4 < totals.rules);
}

/* What published rules are made of, when they are there and load. */
static void published_rules_have_the_same_answers(void **state)
{
	(void)state;
	static const char *const folders[] = { "falco", "sigma", "" };
	const char *corpora = getenv("VEDETTE_CORPORA");
	size_t n_loaded = 0;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		CLEANUP(ruleset_free) struct ruleset *set = NULL;
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(buf_done) struct buf report = { .max = 1 << 20 };
		struct same_totals totals = { 0 };
		char path[512];
		(void)snprintf(path, sizeof(path), "%s/%s", folders[i][0] ? corpora ? corpora : "../shared/corpora" : "rules", folders[i]);
		const char *paths[] = { path };
		if (folders[i][0] && access(path, F_OK) && errno == ENOENT) {
			print_message("# passed over: there is no %s\n", path);
			continue;
		}
		if (ruleset_load(paths, 1, &set, &diag))
			fail_msg("the rules of %s do not load: %s", path, diag.n ? diag.messages[0].text : "no message");
		n_loaded++;
		if (same_of_set(FIRST_SEED, set, CORPUS_EVENTS, &totals, &report) == SAME)
			continue;
		print_report(&report);
		fail_msg("rules of %s", path);
	}
	assert_true(n_loaded > 0); /* our own at least */
}

/* --- for hours --------------------------------------------------------------------------------------------------------------- */

struct progress {
	uint64_t seed;
	struct same_totals totals;
};

enum { MEMBERS = 8 };

static void progress_members(struct progress *p, uint64_t *members[static MEMBERS])
{
	members[0] = &p->seed;
	members[1] = &p->totals.pairs;
	members[2] = &p->totals.events;
	members[3] = &p->totals.rules;
	members[4] = &p->totals.refused;
	members[5] = &p->totals.matches;
	members[6] = &p->totals.undecided;
	members[7] = &p->totals.rounds;
}

static bool progress_read(const char *path, struct progress *p)
{
	uint64_t *members[MEMBERS];
	FILE *f = fopen(path, "re");
	*p = (struct progress){ .seed = FIRST_SEED };
	if (!f)
		return errno == ENOENT;
	size_t n = 0;
	progress_members(p, members);
	while (n < ARRAY_SIZE(members) && fscanf(f, "%20lu", members[n]) == 1)
		n++;
	(void)fclose(f); /* was read only */
	return n == ARRAY_SIZE(members);
}

static bool progress_write(const char *path, struct progress *p)
{
	uint64_t *members[MEMBERS];
	FILE *f = fopen(path, "we");
	if (!f)
		return false;
	progress_members(p, members);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		fprintf(f, "%lu%c", *members[i], i + 1 < ARRAY_SIZE(members) ? ' ' : '\n');
	return fclose(f) == 0;
}

static int run_seed(uint64_t seed, struct same_totals *totals)
{
	CLEANUP(buf_done) struct buf report = { .max = 1 << 20 };
	int result = same_round(seed, totals, &report);
	if (result == SAME)
		return 0;
	printf("seed %llu: %s\nagain with: test_same seed %llu\n", (unsigned long long)seed, buf_cstr(&report), (unsigned long long)seed);
	return 1;
}

static int soak(const char *path, uint64_t pairs, uint64_t seconds)
{
	struct progress p;
	if (!progress_read(path, &p)) {
		fprintf(stderr, "test_same: %s is no record of an earlier run; remove it to begin anew\n", path);
		return 2;
	}
	uint64_t until = clock_ns(CLOCK_MONOTONIC) + seconds * 1000000000;
	while (p.totals.pairs < pairs && clock_ns(CLOCK_MONOTONIC) < until) {
		if (run_seed(p.seed, &p.totals))
			return 1;
		p.seed++;
		if (!progress_write(path, &p)) {
			perror(path);
			return 2;
		}
	}
	printf("%llu of %llu pairs of event and rule without a difference: %llu rounds, %llu events, %llu rules, %llu matches, %llu undecided; next seed %llu\n",
	       (unsigned long long)p.totals.pairs, (unsigned long long)pairs, (unsigned long long)p.totals.rounds, (unsigned long long)p.totals.events,
	       (unsigned long long)p.totals.rules, (unsigned long long)p.totals.matches, (unsigned long long)p.totals.undecided, (unsigned long long)p.seed);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_rules_and_events_have_the_same_answers),
		cmocka_unit_test(published_rules_have_the_same_answers),
	};
	uint64_t a = 0, b = 0;
	struct same_totals totals = { 0 };
	if (argc == 5 && strcmp(argv[1], "soak") == 0 && !num_parse_u64(sv_from(argv[3]), UINT64_MAX, &a) && !num_parse_u64(sv_from(argv[4]), 1u << 30, &b))
		return soak(argv[2], a, b);
	if (argc == 3 && strcmp(argv[1], "seed") == 0 && !num_parse_u64(sv_from(argv[2]), UINT64_MAX, &a))
		return run_seed(a, &totals);
	if (argc != 1) {
		fprintf(stderr, "usage: test_same [soak FILE PAIRS SECONDS | seed NUMBER]\n");
		return 2;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
