/* SPDX-License-Identifier: Apache-2.0 */
/* Throttles: windows by the event's time, groups, what is told of what did not pass; nothing vanishes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/clock.h"
#include "engine/base/json.h"
#include "engine/event/builder.h"
#include "engine/rules/throttle.h"

enum { SECOND = 1000000000 };

struct bench {
	struct ruleset *set;
	struct throttle *throttle;
	struct event_builder *builder;
};

static void bench_init(struct bench *b, const char *throttle)
{
	char text[512];
	*b = (struct bench){ 0 };
	snprintf(text, sizeof(text), "- {rule: plain, event: file.open, severity: low, when: true}\n"
		 "- {rule: r, event: file.open, severity: low, when: true, throttle: %s}\n", throttle);
	assert_int_equal(ruleset_load_text("t.yaml", sv_from(text), &b->set, NULL), 0);
	assert_int_equal(throttle_new(b->set, &b->throttle), 0);
	assert_int_equal(event_builder_new(&b->builder), 0);
}

static void bench_done(struct bench *b)
{
	throttle_free(&b->throttle);
	ruleset_free(&b->set);
	event_builder_free(&b->builder);
}

static bool pass_as(struct bench *b, bool is_undecided, uint64_t boot_ns, const char *path, struct throttle_summary *ended)
{
	struct event ev;
	char digits[24];
	snprintf(digits, sizeof(digits), "%llu", (unsigned long long)boot_ns);
	event_builder_begin(b->builder, event_type_by_name(SV("file.open")));
	if (path)
		assert_int_equal(event_builder_set_text(b->builder, "file.path", path), 0);
	assert_int_equal(event_builder_set_text(b->builder, "vedette.clock.boot_ns", digits), 0);
	assert_int_equal(event_builder_event(b->builder, &ev), 0);
	struct throttled alert = { .rule = 1, .is_undecided = is_undecided, .ev = &ev };
	return throttle_pass(b->throttle, &alert, ended);
}

static bool pass(struct bench *b, uint64_t boot_ns, const char *path, struct throttle_summary *ended)
{
	return pass_as(b, false, boot_ns, path, ended);
}

static void a_window_lets_its_count_through(void **state)
{
	(void)state;
	CLEANUP(bench_done) struct bench b;
	struct throttle_summary ended;
	bench_init(&b, "{count: 2, per: 10s}");
	static const struct {
		uint64_t at_s;
		bool passes;
		uint64_t ended; /* alerts told of by a window that had to go */
	} cases[] = {
		{ 100, true, 0 }, { 101, true, 0 }, { 102, false, 0 }, { 109, false, 0 }, { 110, true, 2 }, { 111, true, 0 },
		{ 99, false, 0 } /* came late */, { 119, false, 0 }, { 120, true, 2 }, { 200, true, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool passes = pass(&b, cases[i].at_s * SECOND, NULL, &ended);
		if (passes != cases[i].passes || ended.suppressed != cases[i].ended)
			fail_msg("at %llu s: %d, told %llu", (unsigned long long)cases[i].at_s, passes, (unsigned long long)ended.suppressed);
	}
}

static void defaults_are_one_alert_a_minute(void **state)
{
	(void)state;
	CLEANUP(bench_done) struct bench b;
	struct throttle_summary ended;
	bench_init(&b, "{}");
	assert_true(pass(&b, 1ull * SECOND, NULL, &ended));
	assert_false(pass(&b, 60ull * SECOND, NULL, &ended));
	assert_true(pass(&b, 61ull * SECOND, NULL, &ended));
}

static void undecided_alerts_take_no_room_from_real_ones(void **state)
{
	(void)state;
	CLEANUP(bench_done) struct bench b;
	struct throttle_summary ended;
	bench_init(&b, "{by: file.path}");
	assert_true(pass_as(&b, true, 1ull * SECOND, "/a", &ended));
	assert_true(pass(&b, 2ull * SECOND, "/a", &ended));
	assert_false(pass_as(&b, true, 3ull * SECOND, "/a", &ended));
	assert_false(pass(&b, 4ull * SECOND, "/a", &ended));
	assert_true(throttle_ended(b.throttle, 61ull * SECOND, &ended));
	assert_string_equal(ended.group, "undecided, file.path=/a");
	assert_true(throttle_ended(b.throttle, 62ull * SECOND, &ended));
	assert_string_equal(ended.group, "file.path=/a");
}

static void rules_without_a_throttle_need_none(void **state)
{
	(void)state;
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	struct throttle *t = (struct throttle *)state;
	struct throttle_summary summary;
	assert_int_equal(ruleset_load_text("t.yaml", SV("- {rule: r, event: file.open, severity: low, when: true, throttle: false}\n"), &set, NULL), 0);
	assert_int_equal(throttle_new(set, &t), 0);
	assert_null(t);
	assert_false(throttle_ended(t, UINT64_MAX, &summary));
}

static void groups_have_windows_of_their_own(void **state)
{
	(void)state;
	CLEANUP(bench_done) struct bench b;
	struct throttle_summary ended;
	bench_init(&b, "{by: [file.path, process.tty.name]}");
	assert_true(pass(&b, 1ull * SECOND, "/a", &ended));
	assert_true(pass(&b, 2ull * SECOND, "/b\n", &ended));
	assert_true(pass(&b, 3ull * SECOND, NULL, &ended)); /* no value is a group, too */
	assert_true(pass(&b, 3ull * SECOND, "", &ended));   /* and not that of an empty one */
	assert_false(pass(&b, 4ull * SECOND, "/b\n", &ended));
	assert_false(pass(&b, 5ull * SECOND, NULL, &ended));
	assert_false(pass(&b, 6ull * SECOND, "/b\n", &ended));
	/* told once, in any order, when they have ended */
	assert_false(throttle_ended(b.throttle, 61ull * SECOND, &ended));
	assert_true(throttle_ended(b.throttle, 62ull * SECOND, &ended));
	assert_string_equal(ended.rule->id, "r");
	assert_string_equal(ended.group, "file.path=/b\\x0a, process.tty.name=-");
	assert_int_equal(ended.suppressed, 2);
	assert_int_equal(ended.since_boot_ns, 2ull * SECOND);
	assert_false(throttle_ended(b.throttle, 62ull * SECOND, &ended));
	assert_true(throttle_ended(b.throttle, UINT64_MAX, &ended));
	assert_string_equal(ended.group, "file.path=-, process.tty.name=-");
	assert_int_equal(ended.suppressed, 1);
	assert_false(throttle_ended(b.throttle, UINT64_MAX, &ended));
}

static void long_values_are_cut_for_people_only(void **state)
{
	(void)state;
	CLEANUP(bench_done) struct bench b;
	struct throttle_summary ended;
	char path[2][600] = { "/", "/" };
	bench_init(&b, "{by: file.path}");
	for (size_t i = 1; i < 598; i += 2)
		memcpy(path[0] + i, "\xc3\xa4", 3);
	memcpy(path[1], path[0], sizeof(path[0]));
	path[1][597] = 'x';
	path[1][598] = '\0';
	assert_true(pass(&b, 1, path[0], &ended));
	assert_true(pass(&b, 2, path[1], &ended)); /* differs at its very end */
	assert_false(pass(&b, 3, path[1], &ended));
	assert_true(throttle_ended(b.throttle, UINT64_MAX, &ended));
	assert_true(strlen(ended.group) >= THROTTLE_GROUP_BYTES - 4 && strlen(ended.group) < THROTTLE_GROUP_BYTES);
	assert_true(utf8_valid(sv_from(ended.group)));
}

/* More groups than windows: every alert either passes or is told of. */
static void nothing_vanishes_when_windows_run_out(void **state)
{
	(void)state;
	CLEANUP(bench_done) struct bench b;
	struct throttle_summary ended;
	uint64_t raised = 0, passed = 0, told = 0, random = 5;
	bench_init(&b, "{count: 2, per: 1h, by: file.path}");
	for (uint64_t i = 0; i < 40000; i++) {
		char path[32];
		random = random * 6364136223846793005u + 1442695040888963407u;
		snprintf(path, sizeof(path), "/%llu", (unsigned long long)(random >> 40) % 9000);
		raised++;
		passed += pass(&b, i, path, &ended);
		told += ended.suppressed;
	}
	while (throttle_ended(b.throttle, UINT64_MAX, &ended))
		told += ended.suppressed;
	assert_true(told > 0);
	assert_int_equal(raised, passed + told);
}

/* What passes and what is told depends on the events alone: the keys of two throttles differ, their answers may not. */
static void windows_go_in_the_order_of_events(void **state)
{
	(void)state;
	CLEANUP(bench_done) struct bench a, b;
	struct throttle_summary of_a, of_b;
	uint64_t told = 0;
	bench_init(&a, "{count: 2, per: 10s, by: file.path}");
	bench_init(&b, "{count: 2, per: 10s, by: file.path}");
	for (uint64_t i = 0; i < 30000; i++) {
		char path[32];
		uint64_t at = SECOND + i * 1000000;
		snprintf(path, sizeof(path), "/%llu", (unsigned long long)(i / 3 * 2654435761u % 6000));
		bool in_a = pass(&a, at, path, &of_a), in_b = pass(&b, at, path, &of_b);
		do {
			if (in_a != in_b || of_a.suppressed != of_b.suppressed || !of_a.rule != !of_b.rule || (of_a.rule && strcmp(of_a.group, of_b.group) != 0))
				fail_msg("event %llu: %d told %llu, %d told %llu", (unsigned long long)i, in_a, (unsigned long long)of_a.suppressed, in_b,
					 (unsigned long long)of_b.suppressed);
			told += of_a.suppressed;
			in_a = throttle_ended(a.throttle, at, &of_a);
			in_b = throttle_ended(b.throttle, at, &of_b);
		} while (in_a || in_b);
	}
	assert_true(told > 1000);
}

static void the_window_used_last_stays(void **state)
{
	(void)state;
	CLEANUP(bench_done) struct bench b;
	struct throttle_summary ended;
	bench_init(&b, "{per: 1h, by: file.path}");
	assert_true(pass(&b, 1, "/first", &ended));
	assert_true(pass(&b, 2, "/second", &ended));
	assert_false(pass(&b, 3, "/second", &ended));
	assert_false(pass(&b, 4, "/first", &ended));
	for (uint64_t i = 0; i < THROTTLE_MAX_WINDOWS - 1; i++) {
		char path[32];
		snprintf(path, sizeof(path), "/flood/%llu", (unsigned long long)i);
		assert_true(pass(&b, 5 + i, path, &ended));
		assert_int_equal(ended.suppressed, i == THROTTLE_MAX_WINDOWS - 2);
	}
	struct throttle_stats stats;
	throttle_get_stats(b.throttle, &stats);
	assert_int_equal(stats.windows, THROTTLE_MAX_WINDOWS);
	assert_int_equal(stats.hurried, 1);
	assert_true(stats.bytes > 1000000 && stats.bytes < 2000000);
	throttle_get_stats(NULL, &stats);
	assert_int_equal(stats.windows + stats.hurried + stats.bytes, 0);
	assert_string_equal(ended.group, "file.path=/second");
	assert_false(pass(&b, SECOND, "/first", &ended));
	assert_true(pass(&b, SECOND, "/second", &ended));
}

/* One window ends between each two events, thousands are open: what that takes does not depend on how many. */
static void ends_cost_little(void **state)
{
	(void)state;
	CLEANUP(bench_done) struct bench b;
	struct throttle_summary ended;
	enum { WINDOWS = 4000, MOST_NS = 8000 };
	bench_init(&b, "{per: 1h, by: file.path}");
	for (uint64_t i = 0; i < WINDOWS; i++) {
		char path[32];
		snprintf(path, sizeof(path), "/%llu", (unsigned long long)i);
		assert_true(pass(&b, SECOND + i, path, &ended));
		assert_false(pass(&b, SECOND + i, path, &ended));
	}
	uint64_t begin = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	for (uint64_t i = 0; i < WINDOWS; i++) {
		assert_true(throttle_ended(b.throttle, 3601ull * SECOND + i, &ended));
		assert_false(throttle_ended(b.throttle, 3601ull * SECOND + i, &ended));
	}
	assert_true((clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin) / WINDOWS < MOST_NS);
}

static void a_reload_keeps_the_order_of_use(void **state)
{
	(void)state;
	CLEANUP(bench_done) struct bench a, b;
	struct throttle_summary ended;
	bench_init(&a, "{per: 1h, by: file.path}");
	bench_init(&b, "{per: 1h, by: file.path}");
	assert_true(pass(&a, 1, "/first", &ended));
	assert_true(pass(&a, 2, "/second", &ended));
	assert_false(pass(&a, 3, "/second", &ended));
	assert_false(pass(&a, 4, "/first", &ended));
	throttle_carry_over(a.throttle, b.throttle);
	assert_false(throttle_ended(a.throttle, UINT64_MAX, &ended));
	for (uint64_t i = 0; i < THROTTLE_MAX_WINDOWS - 1; i++) {
		char path[32];
		snprintf(path, sizeof(path), "/flood/%llu", (unsigned long long)i);
		assert_true(pass(&b, 5 + i, path, &ended));
	}
	assert_string_equal(ended.group, "file.path=/second");
	assert_true(throttle_ended(b.throttle, UINT64_MAX, &ended));
	assert_string_equal(ended.group, "file.path=/first");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_window_lets_its_count_through),
		cmocka_unit_test(defaults_are_one_alert_a_minute),
		cmocka_unit_test(undecided_alerts_take_no_room_from_real_ones),
		cmocka_unit_test(rules_without_a_throttle_need_none),
		cmocka_unit_test(groups_have_windows_of_their_own),
		cmocka_unit_test(long_values_are_cut_for_people_only),
		cmocka_unit_test(nothing_vanishes_when_windows_run_out),
		cmocka_unit_test(windows_go_in_the_order_of_events),
		cmocka_unit_test(the_window_used_last_stays),
		cmocka_unit_test(ends_cost_little),
		cmocka_unit_test(a_reload_keeps_the_order_of_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
