/* SPDX-License-Identifier: Apache-2.0 */
/* What an event that is enriched already leads to, on the terminal and in the counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/daemon/pipeline.h"
#include "engine/event/builder.h"
#include "tests/support/tree.h"

static const char rules[] =
	"- rule: hard\n  severity: critical\n  event: file.open\n  message: \"{process.name} did it\"\n"
	"  when: process.name = cat and not file.path regex \"(a+)+[bc]\"\n"
	"- rule: plain\n  severity: medium\n  event: file.open\n  when: process.name = cat and file.open.write\n"
	"- rule: often\n  severity: low\n  event: file.open\n  when: file.path = /often\n  throttle: {count: 1, per: 10s, by: process.name}\n"
	"- rule: loud\n  severity: high\n  event: file.open\n  when: file.path = /loud\n  throttle: {count: 1, per: 1h}\n"
	"- rule: partly\n  severity: high\n  event: file.open\n  action: block\n  rollout: 10\n  when: file.path = /partly\n";

struct fixture {
	struct tree tree;
	struct policy *policy;
	struct pipeline *pipeline;
	struct event_builder *builder;
	int terminal;
};

static void fixture_make_with(struct fixture *f, const struct noise_options *noise)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	tree_new(&f->tree);
	tree_file(&f->tree, "rules.yaml", SV(rules));
	char *path = tree_path(&f->tree, "rules.yaml");
	const char *paths[] = { path };
	const struct policy_options options = { .rule_paths = paths, .n_rule_paths = 1 };
	assert_int_equal(policy_load(&options, &f->policy, &diag), 0);
	free(path);
	f->terminal = memfd_create("terminal", MFD_CLOEXEC);
	assert_true(f->terminal >= 0);
	const struct pipeline_config config = { .policy = f->policy, .terminal_fd = f->terminal, .json_fd = -1, .noise = noise };
	assert_int_equal(pipeline_new(&config, &f->pipeline), 0);
	assert_int_equal(event_builder_new(&f->builder), 0);
}

static void fixture_make(struct fixture *f)
{
	fixture_make_with(f, NULL);
}

static void fixture_drop(struct fixture *f)
{
	event_builder_free(&f->builder);
	pipeline_free(&f->pipeline);
	policy_free(&f->policy);
	(void)close(f->terminal); /* a memfd of ours */
	tree_free(&f->tree);
}

static void judge_open(struct fixture *f, const char *path, bool is_write)
{
	struct event ev;
	event_builder_begin(f->builder, event_type_by_number(EVENT_FILE_OPEN));
	assert_int_equal(event_builder_set_text(f->builder, "file.path", path), 0);
	assert_int_equal(event_builder_set_text(f->builder, "process.name", "cat"), 0);
	assert_int_equal(event_builder_set_text(f->builder, "file.open.write", is_write ? "true" : "false"), 0);
	assert_int_equal(event_builder_event(f->builder, &ev), 0);
	pipeline_judge(f->pipeline, &ev);
}

/* What was shown since the last time. */
static const char *shown(struct fixture *f, char *buffer, size_t size)
{
	ssize_t n = pread(f->terminal, buffer, size - 1, 0);
	assert_true(n >= 0);
	buffer[n] = '\0';
	assert_int_equal(ftruncate(f->terminal, 0), 0);
	assert_int_equal(lseek(f->terminal, 0, SEEK_SET), 0);
	return buffer;
}

static void an_undecided_rule_raises_a_low_alert_that_names_the_test(void **state)
{
	(void)state;
	struct fixture f = { 0 };
	char text[4096], hard[2001];
	memset(hard, 'a', sizeof(hard));
	hard[sizeof(hard) - 1] = '\0';
	fixture_make(&f);
	const struct pipeline_stats *stats = pipeline_get_stats(f.pipeline);

	judge_open(&f, "/etc/passwd", false);
	assert_non_null(strstr(shown(&f, text, sizeof(text)), "CRITICAL"));
	assert_non_null(strstr(text, "cat did it"));
	assert_null(strstr(text, "ndecided"));
	assert_int_equal(stats->undecided, 0);
	assert_int_equal(stats->worst, SEVERITY_CRITICAL);

	judge_open(&f, hard, true);
	assert_non_null(strstr(shown(&f, text, sizeof(text)), "LOW"));
	assert_null(strstr(text, "CRITICAL"));
	assert_non_null(strstr(text, "Undecided: cat did it"));
	assert_non_null(strstr(text, "given up at its limit of steps or memory: file.path regex \"(a+)+[bc]\""));
	assert_non_null(strstr(text, "[plain]")); /* the other rule is not held up */
	assert_int_equal(stats->undecided, 1);
	assert_int_equal(stats->alerts, 3);
	fixture_drop(&f);
}

static void a_run_of_undecided_alerts_is_never_worse_than_low(void **state)
{
	(void)state;
	struct fixture f = { 0 };
	char hard[2001];
	memset(hard, 'a', sizeof(hard));
	hard[sizeof(hard) - 1] = '\0';
	fixture_make(&f);
	for (int i = 0; i < 3; i++)
		judge_open(&f, hard, false);
	assert_int_equal(pipeline_get_stats(f.pipeline)->undecided, 3);
	assert_int_equal(pipeline_get_stats(f.pipeline)->worst, SEVERITY_LOW);
	fixture_drop(&f);
}

static void what_a_throttle_holds_back_is_told(void **state)
{
	(void)state;
	struct fixture f = { 0 };
	char text[4096];
	fixture_make(&f);
	for (int i = 0; i < 3; i++)
		judge_open(&f, "/often", false);
	(void)shown(&f, text, sizeof(text));
	const char *first = strstr(text, "[often]");
	assert_non_null(first);
	assert_null(strstr(first + 1, "[often]"));
	assert_null(strstr(text, "held back"));
	assert_int_equal(pipeline_get_stats(f.pipeline)->suppressed, 2);
	pipeline_end_windows(f.pipeline, 9999999999);
	assert_string_equal(shown(&f, text, sizeof(text)), "");
	pipeline_end_windows(f.pipeline, 10000000000);
	assert_string_equal(shown(&f, text, sizeof(text)), "2 more alerts of rule often (process.name=cat) were held back by its throttle\n");
	pipeline_end_windows(f.pipeline, UINT64_MAX);
	assert_string_equal(shown(&f, text, sizeof(text)), "");
	fixture_drop(&f);
}

/* No rule of the fixture is about it. */
/* Of a rule that blocks in a share of the processes, what the kernel let through would have been blocked in another one. */
static void what_a_rollout_leaves_out_would_be_blocked(void **state)
{
	(void)state;
	struct fixture f;
	char text[1024];
	fixture_make(&f);
	const struct pipeline_config config = { .policy = f.policy, .terminal_fd = f.terminal, .json_fd = -1, .is_enforcing = true };
	pipeline_free(&f.pipeline);
	assert_int_equal(pipeline_new(&config, &f.pipeline), 0);
	judge_open(&f, "/partly", false);
	if (!strstr(shown(&f, text, sizeof(text)), "would"))
		fail_msg("it says: %s", text);
	assert_int_equal(pipeline_get_stats(f.pipeline)->blocked, 0);
	assert_int_equal(pipeline_get_stats(f.pipeline)->blocked_by.n_rows, 0);
	fixture_drop(&f);
}

static void who_works_against_the_engine_is_told_of_without_a_rule(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		enum verdict verdict;
		const char *shown;
		uint64_t blocked;
	} cases[] = {
		{ "refused", VERDICT_BLOCK, "bpf-map", 1 },
		{ "found", VERDICT_NONE, "bpf-map", 1 },
	};
	struct fixture f;
	char text[4096];
	fixture_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct event ev;
		event_builder_begin(f.builder, event_type_by_number(EVENT_AGENT_TAMPER));
		assert_int_equal(event_builder_set_text(f.builder, "vedette.tamper.act", "bpf-map"), 0);
		assert_int_equal(event_builder_set_text(f.builder, "process.name", "bpftool"), 0);
		assert_int_equal(event_builder_set_text(f.builder, "vedette.verdict", cases[i].verdict == VERDICT_BLOCK ? "block" : "none"), 0);
		assert_int_equal(event_builder_event(f.builder, &ev), 0);
		pipeline_judge(f.pipeline, &ev);
		shown(&f, text, sizeof(text));
		if (!strstr(text, "bpftool") || !strstr(text, cases[i].shown) || pipeline_get_stats(f.pipeline)->blocked != cases[i].blocked)
			fail_msg("%s: %s", cases[i].what, text);
		assert_int_equal(pipeline_get_stats(f.pipeline)->alerts, i + 1);
	}
	fixture_drop(&f);
}

static uint64_t count_of(const struct fixture *f, const char *rule, enum rule_count what)
{
	const struct rule_counts *c = &pipeline_get_stats(f->pipeline)->by_rule;
	for (size_t i = 0; i < c->n_rows; i++)
		if (strcmp(c->rows[i].id, rule) == 0)
			return c->rows[i].n[what];
	return 0;
}

static void what_is_at_the_floor_no_limit_holds_back(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct noise_options noise;
		uint64_t hard, loud, plain; /* alerts: of 20, 10 and 10 */
		uint64_t suppressed, limited;
	} cases[] = {
		{ "throttles alone", { .floor = SEVERITY_COUNT }, 20, 1, 10, 9, 0 },
		{ "a floor below the throttled rule", { .floor = SEVERITY_HIGH }, 20, 10, 10, 0, 0 },
		{ "a limit of all rules", { .rate = 1, .burst = 3, .floor = SEVERITY_COUNT }, 2, 1, 0, 9, 28 },
		{ "both", { .rate = 1, .burst = 3, .floor = SEVERITY_HIGH }, 20, 10, 3, 0, 7 },
		{ "a floor below all", { .rate = 1, .burst = 1, .floor = SEVERITY_INFO }, 20, 10, 10, 0, 0 },
	};
	char text[16384];
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f = { 0 };
		fixture_make_with(&f, &cases[i].noise);
		for (int k = 0; k < 10; k++) {
			judge_open(&f, "/loud", false); /* hard, which is critical, and loud */
			judge_open(&f, "/x", true);     /* hard and plain */
		}
		const struct pipeline_stats *stats = pipeline_get_stats(f.pipeline);
		uint64_t hard = count_of(&f, "hard", COUNT_ALERTS), loud = count_of(&f, "loud", COUNT_ALERTS), plain = count_of(&f, "plain", COUNT_ALERTS);
		if (hard != cases[i].hard || loud != cases[i].loud || plain != cases[i].plain || stats->suppressed != cases[i].suppressed ||
		    stats->limited != cases[i].limited)
			fail_msg("%s: %llu hard, %llu loud, %llu plain, %llu suppressed, %llu limited", cases[i].what, (unsigned long long)hard,
				 (unsigned long long)loud, (unsigned long long)plain, (unsigned long long)stats->suppressed, (unsigned long long)stats->limited);
		if (stats->alerts + stats->suppressed + stats->limited != 40)
			fail_msg("%s: %llu of 40 alerts", cases[i].what, (unsigned long long)(stats->alerts + stats->suppressed + stats->limited));
		(void)shown(&f, text, sizeof(text));
		pipeline_end_windows(f.pipeline, UINT64_MAX);
		(void)shown(&f, text, sizeof(text));
		if (!strstr(text, "were held back by the limit of all rules") != !stats->limited || !strstr(text, "by its throttle") != !stats->suppressed)
			fail_msg("%s: told: %s", cases[i].what, text);
		fixture_drop(&f);
	}
}

/* Who makes a critical rule run into its limit, and floods the others, is told of all the same. */
static void an_undecided_rule_counts_by_its_own_severity(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		int floor;
		uint64_t hard; /* of 4, three of which are undecided */
	} cases[] = {
		{ "the floor is the rule's", SEVERITY_CRITICAL, 4 },
		{ "the floor is below it", SEVERITY_HIGH, 4 },
		{ "there is none", SEVERITY_COUNT, 1 },
	};
	char hard[2001];
	memset(hard, 'a', sizeof(hard));
	hard[sizeof(hard) - 1] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fixture f = { 0 };
		const struct noise_options noise = { .rate = 1, .burst = 1, .floor = cases[i].floor };
		fixture_make_with(&f, &noise);
		judge_open(&f, "/often", false); /* what is below the floor takes the one token */
		for (int k = 0; k < 3; k++)
			judge_open(&f, hard, false);
		uint64_t hard_alerts = count_of(&f, "hard", COUNT_ALERTS);
		if (hard_alerts != cases[i].hard)
			fail_msg("%s: %llu of 4", cases[i].what, (unsigned long long)hard_alerts);
		fixture_drop(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_rollout_leaves_out_would_be_blocked),
		cmocka_unit_test(who_works_against_the_engine_is_told_of_without_a_rule),
		cmocka_unit_test(an_undecided_rule_raises_a_low_alert_that_names_the_test),
		cmocka_unit_test(a_run_of_undecided_alerts_is_never_worse_than_low),
		cmocka_unit_test(an_undecided_rule_counts_by_its_own_severity),
		cmocka_unit_test(what_a_throttle_holds_back_is_told),
		cmocka_unit_test(what_is_at_the_floor_no_limit_holds_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
