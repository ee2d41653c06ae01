/* SPDX-License-Identifier: Apache-2.0 */
/* Other rules under way, without a sensor: which rules judge which event, what goes on, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/fd.h"
#include "engine/daemon/change.h"
#include "engine/daemon/control.h"
#include "engine/event/builder.h"
#include "tests/support/tree.h"

enum { WAIT_MS = 20000 };

struct fixture {
	struct tree tree;
	char *file; /* of the rules */
	struct policy *policy;
	struct pipeline *pipeline;
	struct change *change;
	struct event_builder *builder;
	int printed; /* what the pipeline prints */
	uint64_t boot_ns;
};

static int rules_now(void *context, struct rule_paths *ret, struct diag *diag)
{
	struct fixture *f = context;
	(void)diag;
	return rule_paths_add(ret, f->file);
}

static void no_status(const void *context, struct buf *out)
{
	(void)context;
	buf_add_z(out, "{}\n");
}

static void put_rules(struct fixture *f, const char *text)
{
	tree_file(&f->tree, "rules.yaml", sv_from(text));
}

#define MANY "- rule: many\n  event: file.link\n  when: file.path startswith /w/\n  severity: low\n  threshold: {count: 3, within: 1h}\n"
#define TWICE "- rule: twice\n  event: file.delete\n  when: file.path startswith /w/\n  severity: low\n  throttle: {count: 2, per: 1h}\n"
#define OPENS(id) "- rule: " id "\n  event: file.open\n  when: file.path startswith /w/\n  severity: low\n"
#define CHANGED(count) \
	"- rule: changed\n  event: file.mkdir\n  when: file.path startswith /w/\n  severity: low\n  throttle: {count: " count ", per: 1h}\n"

static const char first_rules[] = OPENS("first") TWICE CHANGED("1") MANY;
static const char second_rules[] = MANY CHANGED("2") TWICE OPENS("new");

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	tree_new(&f->tree);
	f->file = tree_path(&f->tree, "rules.yaml");
	put_rules(f, first_rules);
	const char *paths[] = { f->file };
	struct policy_options po = { .rule_paths = paths, .n_rule_paths = 1 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	if (policy_load(&po, &f->policy, &diag))
		fail_msg("%s", diag.n ? diag.messages[0].text : "no reason");
	f->printed = memfd_create("printed", MFD_CLOEXEC);
	struct pipeline_config pc = { .policy = f->policy, .terminal_fd = f->printed, .json_fd = -1 };
	assert_int_equal(pipeline_new(&pc, &f->pipeline), 0);
	struct change_config cc = { .request = { .policy = po, .paths = rules_now, .paths_context = f }, .control = "", .policy = &f->policy,
				    .pipeline = f->pipeline, .add_status = no_status };
	assert_int_equal(change_new(&cc, &f->change, NULL), 0);
	assert_int_equal(event_builder_new(&f->builder), 0);
	f->boot_ns = 1000000000;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	change_free(&f->change);
	pipeline_free(&f->pipeline);
	policy_free(&f->policy);
	event_builder_free(&f->builder);
	fd_close(&f->printed);
	free(f->file);
	tree_free(&f->tree);
	free(f);
	return 0;
}

static void judge(struct fixture *f, const char *type, const char *path)
{
	struct event ev;
	event_builder_begin(f->builder, event_type_by_name(sv_from(type)));
	assert_int_equal(event_builder_set_text(f->builder, "file.path", path), 0);
	assert_int_equal(event_builder_event(f->builder, &ev), 0);
	((struct wire_common *)(uintptr_t)ev.common)->boot_ns = f->boot_ns += 1000;
	pipeline_judge(f->pipeline, &ev);
}

/* How often a rule was printed so far. */
static size_t alerts(struct fixture *f, const char *id)
{
	char mark[64], *text = calloc(1, 1 << 16);
	size_t n = 0;
	assert_non_null(text);
	snprintf(mark, sizeof(mark), "[%s]", id);
	assert_true(pread(f->printed, text, (1 << 16) - 1, 0) >= 0);
	for (const char *p = text; (p = strstr(p, mark)); p++)
		n++;
	free(text);
	return n;
}

/* Until the reload that was asked for is through. */
static void reload(struct fixture *f)
{
	change_ask(f->change);
	change_step(f->change);
	struct pollfd p = { .fd = change_reload_fd(f->change), .events = POLLIN };
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	change_step(f->change);
}

static void an_event_is_judged_by_one_set(void **state)
{
	struct fixture *f = *state;
	uint32_t generation = f->policy->generation;
	judge(f, "file.open", "/w/1");
	put_rules(f, second_rules);
	change_ask(f->change);
	judge(f, "file.open", "/w/2"); /* asked for, not begun */
	change_step(f->change);
	judge(f, "file.open", "/w/3"); /* being built */
	struct pollfd p = { .fd = change_reload_fd(f->change), .events = POLLIN };
	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	judge(f, "file.open", "/w/4"); /* built, not taken */
	assert_int_equal(alerts(f, "first"), 4);
	change_step(f->change);
	judge(f, "file.open", "/w/5");
	assert_int_equal(alerts(f, "first"), 4);
	assert_int_equal(alerts(f, "new"), 1);
	assert_int_equal(f->policy->generation, generation + 1);
	assert_int_equal(pipeline_get_stats(f->pipeline)->judged, 5);
}

static void throttles_go_on_where_they_are_the_same(void **state)
{
	struct fixture *f = *state;
	judge(f, "file.delete", "/w/1");
	judge(f, "file.mkdir", "/w/1");
	judge(f, "file.mkdir", "/w/2");
	assert_int_equal(alerts(f, "changed"), 1);
	put_rules(f, second_rules);
	reload(f);
	for (int i = 0; i < 3; i++) {
		judge(f, "file.delete", "/w/2");
		judge(f, "file.mkdir", "/w/3");
	}
	assert_int_equal(alerts(f, "twice"), 2);   /* one before, one after */
	assert_int_equal(alerts(f, "changed"), 3); /* another throttle: begins anew, with two */
}

static void rules_about_several_events_go_on(void **state)
{
	struct fixture *f = *state;
	judge(f, "file.link", "/w/1");
	judge(f, "file.link", "/w/2");
	put_rules(f, second_rules);
	reload(f);
	assert_int_equal(alerts(f, "many"), 0);
	judge(f, "file.link", "/w/3");
	pipeline_finish(f->pipeline);
	assert_int_equal(alerts(f, "many"), 1);
}

static void a_set_with_faults_changes_nothing(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = {
		"- rule: [\n",
		"- rule: first\n  event: file.open\n  when: file.pathh = /w\n  severity: low\n",
		"- rule: first\n  event: file.open\n  when: file.path = /w\n  severity: low\n  cases: [{fires: {file.path: /x}}]\n",
		MANY "  cases: [{fires: [{event: file.link, file.path: /w/1}]}]\n", /* one is not three */
	};
	const struct policy *before = f->policy;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		put_rules(f, bad[i]);
		reload(f);
		assert_ptr_equal(f->policy, before);
		judge(f, "file.open", "/w/1");
		assert_int_equal(alerts(f, "first"), i + 1);
	}
	put_rules(f, second_rules);
	reload(f);
	judge(f, "file.open", "/w/1");
	assert_int_equal(alerts(f, "new"), 1);
}

/* What is asked for while one is under way is not forgotten: the files may have changed behind its back. */
static void a_wish_during_a_reload_becomes_another(void **state)
{
	struct fixture *f = *state;
	change_ask(f->change);
	change_step(f->change);
	put_rules(f, second_rules);
	change_ask(f->change);
	change_ask(f->change);
	for (int i = 0; i < 100 && f->policy->generation < 3; i++) {
		struct pollfd p = { .fd = change_reload_fd(f->change), .events = POLLIN };
		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		change_step(f->change);
	}
	assert_int_equal(f->policy->generation, 3);
	judge(f, "file.open", "/w/1");
	assert_int_equal(alerts(f, "new"), 1);
}

static void the_end_may_come_during_a_reload(void **state)
{
	struct fixture *f = *state;
	const struct policy *before = f->policy;
	put_rules(f, second_rules);
	change_ask(f->change);
	change_step(f->change);
	change_stop(f->change);
	change_step(f->change);
	assert_ptr_equal(f->policy, before);
	judge(f, "file.open", "/w/1");
	assert_int_equal(alerts(f, "first"), 1);
}

static void many_reloads_leave_nothing_behind(void **state)
{
	struct fixture *f = *state;
	for (unsigned i = 0; i < 40; i++) {
		put_rules(f, i % 2 ? first_rules : second_rules);
		reload(f);
		judge(f, "file.open", "/w/1");
	}
	assert_int_equal(alerts(f, "first"), 20);
	assert_int_equal(alerts(f, "new"), 20);
	assert_int_equal(f->policy->generation, 41);
}

/* Labels are taken at their word where the epoch is the same. */
static void no_epoch_means_two_things(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct epochs epochs;
		uint32_t own, next;
	} cases[] = {
		{ "asks for no more than those in force", { 4, 4, false }, 4, 4 },
		{ "asks for more", { 4, 4, false }, 5, 5 },
		{ "asks for more, as a trial did that went", { 4, 5, false }, 5, 6 },
		{ "asks for no more, after a trial under another epoch", { 4, 5, false }, 4, 4 },
		{ "asks for no more, but a trial of the same epoch may have asked for less", { 4, 4, true }, 4, 5 },
		{ "the same after others", { 4, 7, true }, 4, 8 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (epochs_next(&cases[i].epochs, cases[i].own) != cases[i].next)
			fail_msg("%s: %u", cases[i].what, epochs_next(&cases[i].epochs, cases[i].own));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_epoch_means_two_things),
		cmocka_unit_test_setup_teardown(an_event_is_judged_by_one_set, setup, teardown),
		cmocka_unit_test_setup_teardown(throttles_go_on_where_they_are_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(rules_about_several_events_go_on, setup, teardown),
		cmocka_unit_test_setup_teardown(a_set_with_faults_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_wish_during_a_reload_becomes_another, setup, teardown),
		cmocka_unit_test_setup_teardown(the_end_may_come_during_a_reload, setup, teardown),
		cmocka_unit_test_setup_teardown(many_reloads_leave_nothing_behind, setup, teardown),
	};
	return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
