/* SPDX-License-Identifier: Apache-2.0 */
/* From a judged event to the alerts of rules about several events: what is raised, what steps are not, throttles, ticks, a reload. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "bpf/policy_abi.h"
#include "engine/daemon/pipeline.h"
#include "engine/event/builder.h"
#include "tests/support/tree.h"

#define SECOND 1000000000ull

static const char rules[] =
	"- rule: opened\n  severity: info\n  event: file.open\n  when: file.path = /a\n"
	"- rule: often\n  severity: high\n  title: Often\n  event: file.open\n  when: file.path startswith /\n"
	"  message: '{process.name} {file.path}'\n  threshold: {count: 3, within: 10s, by: file.path}\n"
	"- rule: calm\n  severity: low\n  event: file.open\n  when: 'true'\n  throttle: {count: 1, per: 1h}\n  threshold: {count: 2, within: 1s}\n"
	"- rule: alone\n  severity: low\n  absence: {within: 5s, after: {event: file.create, when: 'true'}, missing: {event: file.delete, when: 'true'}}\n"
	"- rule: slow\n  severity: low\n  sequence: {within: 5s, steps: [{event: process.exec, when: 'process.args regex \"(a|aa)+[bc]\"'}, {event: file.open, when: 'true'}]}\n";

struct fixture {
	struct tree tree;
	struct policy *policy;
	struct pipeline *pipeline;
	struct event_builder *b;
	int out;
	char text[16384];
};

static struct policy *load(const struct tree *tree, const char *text)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct policy *policy = NULL;
	tree_file(tree, "r.yaml", sv_from(text));
	char *path = tree_path(tree, "r.yaml");
	const struct policy_options options = { .rule_paths = (const char *const[]){ path }, .n_rule_paths = 1 };
	if (policy_load(&options, &policy, &diag))
		fail_msg("%s", diag.messages[0].text);
	free(path);
	return policy;
}

static void begin(struct fixture *f)
{
	*f = (struct fixture){ .out = memfd_create("alerts", 0) };
	assert_true(f->out >= 0);
	tree_new(&f->tree);
	f->policy = load(&f->tree, rules);
	const struct pipeline_config config = { .policy = f->policy, .terminal_fd = f->out };
	assert_int_equal(pipeline_new(&config, &f->pipeline), 0);
	assert_int_equal(event_builder_new(&f->b), 0);
}

static void end(struct fixture *f)
{
	pipeline_free(&f->pipeline);
	policy_free(&f->policy);
	event_builder_free(&f->b);
	tree_free(&f->tree);
	close(f->out);
}

static void judge(struct fixture *f, const char *event, const char *field, const char *value, uint64_t at_ns)
{
	struct event ev;
	char digits[24];
	event_builder_begin(f->b, event_type_by_name(sv_from(event)));
	(void)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)(3600 * SECOND + at_ns));
	assert_int_equal(event_builder_set_text(f->b, field, value), 0);
	assert_int_equal(event_builder_set_text(f->b, "process.name", "tester"), 0);
	assert_int_equal(event_builder_set_text(f->b, "vedette.clock.boot_ns", digits), 0);
	assert_int_equal(event_builder_event(f->b, &ev), 0);
	pipeline_judge(f->pipeline, &ev);
}

/* How often the rule has spoken. */
static size_t count_of(struct fixture *f, const char *id)
{
	char wanted[64];
	ssize_t n = pread(f->out, f->text, sizeof(f->text) - 1, 0);
	assert_true(n >= 0);
	f->text[n] = '\0';
	(void)snprintf(wanted, sizeof(wanted), "[%s]", id);
	size_t count = 0;
	for (const char *p = f->text; (p = strstr(p, wanted)) != NULL; p++)
		count++;
	return count;
}

/* An event that waits keeps its own ancestors, whatever the table of processes tells later. */
static size_t tell_creator(void *source, struct ancestor *ret, size_t max)
{
	*ret = (struct ancestor){ .pid = 7, .name = sv_from(*(const char **)source) };
	return max > 0;
}

static void an_event_that_is_kept_keeps_its_ancestors(void **state)
{
	(void)state;
	struct fixture f;
	struct event ev;
	const char *creator = "mother";
	begin(&f);
	policy_free(&f.policy);
	pipeline_free(&f.pipeline);
	f.policy = load(&f.tree, "- rule: alone\n  severity: low\n  message: 'of {proc.aname[1]} {proc.apid[1]}'\n"
				 "  absence: {within: 5s, after: {event: file.create, when: 'true'}, missing: {event: file.delete, when: 'true'}}\n");
	const struct pipeline_config config = { .policy = f.policy, .terminal_fd = f.out };
	assert_int_equal(pipeline_new(&config, &f.pipeline), 0);
	event_builder_begin(f.b, event_type_by_number(EVENT_FILE_CREATE));
	assert_int_equal(event_builder_set_text(f.b, "vedette.clock.boot_ns", "3600000000000"), 0);
	assert_int_equal(event_builder_event(f.b, &ev), 0);
	struct derived derived = *ev.derived;
	derived.ancestors = tell_creator;
	derived.ancestors_source = &creator;
	ev.derived = &derived;
	pipeline_judge(f.pipeline, &ev);
	creator = "stranger";
	pipeline_advance(f.pipeline, 3700 * SECOND);
	assert_int_equal(count_of(&f, "alone"), 1);
	assert_non_null(strstr(f.text, "of mother 7"));
	end(&f);
}

static void several_events_raise_one_alert(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	for (uint64_t i = 0; i < 3; i++)
		judge(&f, "file.open", "file.path", "/a", i * 3 * SECOND);
	assert_int_equal(count_of(&f, "opened"), 3);
	assert_int_equal(count_of(&f, "often"), 0); /* may still be preceded */
	judge(&f, "network.connect", "destination.ip", "192.0.2.1", 8 * SECOND); /* matches nothing, but tells the time */
	assert_int_equal(count_of(&f, "often"), 1);
	assert_int_equal(count_of(&f, "often#1"), 0);
	assert_int_equal(pipeline_get_stats(f.pipeline)->alerts, 4);
	assert_int_equal(pipeline_get_stats(f.pipeline)->state.fed, 3);
	assert_int_equal(pipeline_get_stats(f.pipeline)->worst, SEVERITY_HIGH);
	end(&f);
}

static void the_clock_ends_waits(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	judge(&f, "file.create", "file.path", "/a", 0);
	pipeline_advance(f.pipeline, 3606 * SECOND);
	assert_int_equal(count_of(&f, "alone"), 0);
	pipeline_advance(f.pipeline, 3606 * SECOND + 1);
	assert_int_equal(count_of(&f, "alone"), 1);
	end(&f);
}

static void the_end_takes_what_waits_to_be_put_in_order(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	for (int i = 0; i < 3; i++)
		judge(&f, "file.open", "file.path", "/b", 0);
	judge(&f, "file.create", "file.path", "/b", 0);
	pipeline_finish(f.pipeline);
	assert_int_equal(count_of(&f, "often"), 1);
	assert_int_equal(count_of(&f, "alone"), 0); /* nobody knows what would have come */
	end(&f);
}

static void a_throttle_holds_these_alerts_back_too(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	for (uint64_t i = 0; i < 40; i++)
		judge(&f, "file.open", "file.path", "/c", i * SECOND / 2);
	pipeline_finish(f.pipeline);
	assert_int_equal(count_of(&f, "calm"), 1);
	assert_true(pipeline_get_stats(f.pipeline)->suppressed > 5);
	end(&f);
}

/* A test of a step that is given up is told by the rule that people know, not by the step. */
static void an_undecided_step_is_its_rule_undecided(void **state)
{
	(void)state;
	struct fixture f;
	char many[4001];
	memset(many, 'a', sizeof(many) - 1);
	many[4000] = '\0';
	begin(&f);
	judge(&f, "process.exec", "process.args", many, 0);
	size_t n = count_of(&f, "slow");
	if (pipeline_get_stats(f.pipeline)->undecided) {
		assert_int_equal(n, 1);
		assert_int_equal(count_of(&f, "slow#1"), 0);
	} else {
		fail_msg("the expression was decided: the test needs a harder one");
	}
	end(&f);
}

static void a_swap_of_policies_keeps_what_is_known(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	judge(&f, "file.open", "file.path", "/a", 0);
	judge(&f, "file.open", "file.path", "/a", 1);
	CLEANUP(buf_done) struct buf text = { 0 };
	buf_add_z(&text, "- {rule: first, severity: low, event: file.mkdir, when: 'true'}\n");
	buf_add_z(&text, rules);
	struct policy *next = load(&f.tree, buf_cstr(&text));
	pipeline_swap(f.pipeline, next);
	judge(&f, "file.open", "file.path", "/a", 2);
	pipeline_finish(f.pipeline);
	assert_int_equal(count_of(&f, "often"), 1);
	pipeline_forget_earlier(f.pipeline);
	policy_free(&f.policy);
	f.policy = next;
	end(&f);
}

/* A policy that is taken back: the one of before goes on with what was counted by either. */
static void going_back_keeps_what_is_known(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	judge(&f, "file.open", "file.path", "/a", 0);
	struct policy *next = load(&f.tree, rules);
	pipeline_swap(f.pipeline, next);
	judge(&f, "file.open", "file.path", "/a", 1);
	judge(&f, "file.open", "file.path", "/b", 1);
	pipeline_swap(f.pipeline, f.policy);
	judge(&f, "file.open", "file.path", "/b", 2);
	judge(&f, "file.open", "file.path", "/c", 2);
	pipeline_advance(f.pipeline, 3700 * SECOND);
	assert_int_equal(count_of(&f, "often"), 0); /* twice each, and nothing was counted twice */
	judge(&f, "file.open", "file.path", "/a", 100 * SECOND);
	judge(&f, "file.open", "file.path", "/a", 101 * SECOND);
	judge(&f, "file.open", "file.path", "/a", 102 * SECOND);
	pipeline_finish(f.pipeline);
	assert_int_equal(count_of(&f, "often"), 1);
	pipeline_forget_earlier(f.pipeline);
	policy_free(&next);
	end(&f);
}

static void going_back_goes_on_counting(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	judge(&f, "file.open", "file.path", "/a", 0);
	struct policy *next = load(&f.tree, rules);
	pipeline_swap(f.pipeline, next);
	judge(&f, "file.open", "file.path", "/a", 1);
	pipeline_swap(f.pipeline, f.policy);
	judge(&f, "file.open", "file.path", "/a", 2);
	pipeline_finish(f.pipeline);
	assert_int_equal(count_of(&f, "often"), 1);
	pipeline_forget_earlier(f.pipeline);
	policy_free(&next);
	end(&f);
}

/* A verdict of the policy before names a rule that stands in both: it is told once. */
static void a_verdict_from_before_a_swap_is_told_once(void **state)
{
	(void)state;
	struct fixture f;
	struct event ev;
	begin(&f);
	policy_free(&f.policy);
	pipeline_free(&f.pipeline);
	static const char stop[] = "- {rule: stop, severity: low, event: process.exec, when: 'process.executable = /x', action: block}\n";
	f.policy = load(&f.tree, stop);
	f.policy->generation = 1;
	struct policy *next = load(&f.tree, stop);
	next->generation = 2;
	const struct pipeline_config config = { .policy = f.policy, .terminal_fd = f.out };
	assert_int_equal(pipeline_new(&config, &f.pipeline), 0);
	pipeline_swap(f.pipeline, next);
	event_builder_begin(f.b, event_type_by_number(EVENT_PROC_EXEC));
	assert_int_equal(event_builder_set_text(f.b, "process.executable", "/x"), 0);
	assert_int_equal(event_builder_event(f.b, &ev), 0);
	struct wire_proc_exec record;
	memcpy(&record, ev.common, sizeof(record));
	record.common.verdict = VERDICT_BLOCK;
	record.common.rule_slot = exec_slot(1, 0);
	ev.common = &record.common;
	pipeline_judge(f.pipeline, &ev);
	assert_int_equal(pipeline_get_stats(f.pipeline)->blocked, 1);
	assert_int_equal(pipeline_get_stats(f.pipeline)->alerts, 1);
	pipeline_forget_earlier(f.pipeline);
	policy_free(&f.policy);
	f.policy = next;
	end(&f);
}

/* A wait that is not over when all ends is counted; what is raised at the very end and held back is told. */
static void the_end_leaves_nothing_untold(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	judge(&f, "file.create", "file.path", "/a", 0);
	judge(&f, "file.create", "file.path", "/b", SECOND);
	for (uint64_t i = 0; i < 4; i++)
		judge(&f, "file.open", "file.path", i % 2 ? "/c" : "/d", (1 + i / 2 * 3) * SECOND + i);
	pipeline_finish(f.pipeline);
	assert_int_equal(count_of(&f, "alone"), 0);
	assert_int_equal(pipeline_get_stats(f.pipeline)->unfinished, 1); /* one wait for the rule: it has no `by` */
	assert_int_equal(count_of(&f, "calm"), 1);
	assert_int_equal(pipeline_get_stats(f.pipeline)->suppressed, 1);
	assert_non_null(strstr(f.text, "1 more alerts of rule calm were held back"));
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_events_raise_one_alert),
		cmocka_unit_test(an_event_that_is_kept_keeps_its_ancestors),
		cmocka_unit_test(the_clock_ends_waits),
		cmocka_unit_test(the_end_takes_what_waits_to_be_put_in_order),
		cmocka_unit_test(a_throttle_holds_these_alerts_back_too),
		cmocka_unit_test(an_undecided_step_is_its_rule_undecided),
		cmocka_unit_test(a_swap_of_policies_keeps_what_is_known),
		cmocka_unit_test(going_back_keeps_what_is_known),
		cmocka_unit_test(going_back_goes_on_counting),
		cmocka_unit_test(a_verdict_from_before_a_swap_is_told_once),
		cmocka_unit_test(the_end_leaves_nothing_untold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
