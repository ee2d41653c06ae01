/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel need not send: no event on which a rule holds may be among it. Against the plain evaluator, with rules and events by chance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>
#include <stdlib.h>

#include "engine/enforce/approve.h"
#include "engine/enforce/decide.h"
#include "engine/event/table.h"
#include "tests/support/corpora.h"
#include "tests/support/random_blocks.h"
#include "tests/support/random_events.h"
#include "tests/support/random_rules.h"

enum { SETS = 150, RULES = 8, EVENTS = 250, OF_CORPUS = 4000, PAIRS_AT_LEAST = 100000 };

struct totals {
	size_t pairs, judged, dropped, matched;
};

/* Rules and the tables by which an event is dropped. */
struct approving {
	struct ruleset *set;
	struct approval approval;
	struct decider *decider;
};

static void approving_done(struct approving *a)
{
	decider_free(&a->decider);
	approval_done(&a->approval);
	ruleset_free(&a->set);
}

static void approving_make(struct approving *a)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	if (approval_compile(a->set, &a->approval, &diag))
		fail_msg("no approval: %s", diag.n ? diag.messages[0].text : "no message");
	assert_int_equal(0, decider_new(&a->approval.policy.tables, &a->decider));
}

static void approving_load(struct approving *a, const char *yaml)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	*a = (struct approving){ 0 };
	if (ruleset_load_text("r.yaml", sv_from(yaml), &a->set, &diag))
		fail_msg("does not load: %s", diag.messages[0].text);
	approving_make(a);
}

/* The kernel goes by the first name; of one that it cannot read whole it knows nothing. */
static void first_name_only(const struct event *ev, struct decide_event *facts)
{
	static const struct {
		enum policy_dimension dimension;
		uint32_t bit; /* of vedette.truncated and vedette.uncertain */
	} files[] = { { DIMENSION_PATH, 1 }, { DIMENSION_NEW_PATH, 4 } };
	facts->is_container = true; /* nothing is looked at by it but that the second name counts for nothing */
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct decide_file *f = &facts->files[files[i].dimension];
		bool is_there = f->path.known == KNOWN_VALUE;
		f->fs_path = is_there ? (struct decide_text){ KNOWN_VALUE, SV("?") } : (struct decide_text){ 0 };
		if (is_there && ((ev->common->truncated | ev->common->uncertain) & files[i].bit))
			f->path.known = KNOWN_UNREADABLE;
	}
}

static bool is_sent(const struct approving *a, const struct event *ev, struct decide_scratch *scratch)
{
	struct decide_event facts;
	struct decide_answer answer;
	struct value name = event_get(ev, field_find(ev->type, SV("file.name")));
	if (!(a->approval.events >> ev->type->number & 1))
		return true;
	decide_event_of(ev, NULL, &facts, scratch);
	if (!name.is_missing)
		facts.texts[DIMENSION_NAME] = (struct decide_text){ (ev->common->truncated | ev->common->uncertain) & 1 ? KNOWN_UNREADABLE : KNOWN_VALUE, name.s };
	first_name_only(ev, &facts);
	decide(a->decider, &facts, &answer);
	return answer.is_hit;
}

static void check(const struct approving *a, const struct event *ev, struct decide_scratch *scratch, struct totals *t)
{
	struct matches m = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(buf_done) struct buf shown = { 0 };
	bool goes_out = is_sent(a, ev, scratch);
	ruleset_evaluate(a->set, ev, &m);
	t->pairs += ruleset_count(a->set);
	t->judged += a->approval.events >> ev->type->number & 1;
	t->dropped += !goes_out;
	t->matched += m.n > 0;
	if (goes_out || (!m.n && !m.n_undecided))
		return;
	condition_text(ruleset_condition(a->set, m.n ? m.rule[0] : m.undecided[0]), &text);
	random_event_text(ev, &shown);
	fprintf(stderr, "%s\non %s\n%s", buf_cstr(&text), ev->type->name, buf_cstr(&shown));
	fail_msg("the event would not be sent, and a rule holds on it");
}

static void check_events(const struct approving *a, struct random *r, size_t n, struct totals *t)
{
	struct random_events *events = NULL;
	struct decide_scratch *scratch = calloc(1, sizeof(*scratch));
	struct arena arena = { .max = SIZE_MAX / 2 };
	assert_non_null(scratch);
	assert_int_equal(0, random_events_new(r, &events));
	assert_int_equal(0, random_events_follow(events, a->set));
	for (size_t i = 0; i < n; i++) {
		struct event ev;
		assert_int_equal(0, random_events_next(events, &arena, &ev));
		struct derived known = *ev.derived; /* the event's name is not a matter of chance */
		DERIVE(&known, action, sv_from(ev.type->name));
		ev.derived = &known;
		check(a, &ev, scratch, t);
	}
	random_events_free(&events);
	arena_done(&arena);
	free(scratch);
}

/* Every operator, function and modifier: most of it the kernel knows nothing of. */
static void nothing_is_dropped_on_which_a_rule_holds(void **state)
{
	(void)state;
	struct random r = { .state = 20261123 };
	struct totals t = { 0 };
	for (size_t i = 0; i < SETS; i++) {
		CLEANUP(approving_done) struct approving a = { 0 };
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct random_rules rules = { 0 };
		size_t refused = 0;
		assert_int_equal(0, random_rules_make(&r, 1 + random_below(&r, RULES), &rules));
		assert_int_equal(0, random_rules_load(&rules, &a.set, &refused, &diag));
		random_rules_done(&rules);
		if (!ruleset_events(a.set)) /* all were refused, or can never hold */
			continue;
		approving_make(&a);
		check_events(&a, &r, EVENTS, &t);
	}
	print_message("# %zu pairs of event and rule; of %zu events that could be dropped %zu were, on %zu of all a rule held\n", t.pairs, t.judged, t.dropped,
		      t.matched);
	assert_true(t.pairs >= PAIRS_AT_LEAST);
	assert_true(t.dropped > 0 && t.matched > 0);
}

static const char macros[] = "- {macro: is_admin, when: user.id = 0 and process.executable startswith /usr/}\n"
			     "- {macro: is_odd, when: not is_admin and group.id != 1000}\n";

/* Conditions that the kernel can look at in all their parts, so that much is dropped, and those that block among them. */
static void nothing_is_dropped_by_tables_full_of_tests(void **state)
{
	(void)state;
	struct random r = { .state = 7 };
	struct totals t = { 0 };
	struct event_builder *builder = NULL;
	struct decide_scratch *scratch = calloc(1, sizeof(*scratch));
	assert_non_null(scratch);
	assert_int_equal(0, event_builder_new(&builder));
	for (size_t i = 0; i < SETS; i++) {
		CLEANUP(approving_done) struct approving a = { 0 };
		CLEANUP(diag_done) struct diag diag = { 0 };
		CLEANUP(buf_done) struct buf text = { 0 };
		uint32_t events[3];
		for (size_t k = 0; k < ARRAY_SIZE(events); k++)
			do
				events[k] = random_decided_event(&r);
			while (!(events_approved() >> events[k] & 1));
		buf_add_z(&text, macros);
		for (size_t k = 0; k < RULES / 2; k++)
			random_block_rule(&r, events, ARRAY_SIZE(events), k, &text);
		if (ruleset_load_text("r.yaml", buf_sv(&text), &a.set, &diag))
			fail_msg("does not load: %s", diag.messages[0].text);
		approving_make(&a);
		for (size_t k = 0; k < EVENTS; k++) {
			struct event ev;
			random_block_event(&r, builder, events[random_below(&r, ARRAY_SIZE(events))]);
			assert_int_equal(0, event_builder_event(builder, &ev));
			check(&a, &ev, scratch, &t);
		}
	}
	print_message("# %zu pairs of event and rule; of %zu events that could be dropped %zu were, on %zu of all a rule held\n", t.pairs, t.judged, t.dropped,
		      t.matched);
	event_builder_free(&builder);
	free(scratch);
	assert_true(t.pairs >= PAIRS_AT_LEAST);
	assert_true(t.dropped * 10 > t.judged && t.matched * 10 > t.judged);
}

static void show_costs(const struct approving *a)
{
	for (uint32_t event = 0; event < EVENT_NUMBERS; event++) {
		size_t n = 0;
		CLEANUP(buf_done) struct buf names = { .max = 1024 };
		for (size_t i = 0; i < a->approval.n_costs; i++) {
			if (a->approval.costs[i].event != event)
				continue;
			if (n++ < 12)
				buf_add_format(&names, " %s", ruleset_owner(a->set, a->approval.costs[i].rule)->id);
		}
		if (n)
			print_message("#   %s: sent whole because of %zu rules:%s\n", event_type_by_number(event)->name, n, buf_cstr(&names));
		else if (a->approval.events >> event & 1)
			print_message("#   %s: only what is approved is sent\n", event_type_by_number(event)->name);
	}
}

static void published_rules_lose_nothing(void **state)
{
	(void)state;
	static const char *const folders[] = { "", "falco", "sigma" };
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		CLEANUP(approving_done) struct approving a = { 0 };
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct random r = { .state = 99 };
		struct totals t = { 0 };
		char path[512] = "rules";
		if (folders[i][0] && !corpora_path(folders[i], path, sizeof(path)))
			continue;
		const char *paths[] = { path };
		if (ruleset_load(paths, 1, &a.set, &diag))
			fail_msg("the rules of %s do not load: %s", path, diag.n ? diag.messages[0].text : "no message");
		approving_make(&a);
		check_events(&a, &r, OF_CORPUS, &t);
		print_message("# %s: %zu pairs of event and rule; of %zu events that could be dropped %zu were, on %zu of all a rule held\n",
			      folders[i][0] ? folders[i] : "rules", t.pairs, t.judged, t.dropped, t.matched);
		show_costs(&a);
		assert_true(t.pairs >= PAIRS_AT_LEAST);
	}
}

/* --- one rule ------------------------------------------------------------------------------------------------------------------- */

#define RULE(events, when) "- {rule: r, event: " events ", when: '" when "', severity: low}\n"

static void each_form_of_a_rule_is_dropped_or_not(void **state)
{
	(void)state;
	static const struct {
		const char *what, *yaml;
		bool is_dropping;
	} cases[] = {
		{ "a path", RULE("file.open", "file.path = /etc/shadow"), true },
		{ "a flag", RULE("file.open", "file.open.write = true"), true },
		{ "one part the kernel knows of two", RULE("file.open", "file.open.write = true and process.command_line contains x"), true },
		{ "one side of an or that it does not know", RULE("file.open", "file.path = /x or process.command_line contains x"), false },
		{ "a text that it cannot compare", RULE("file.open", "file.path endswith .ssh"), false },
		{ "the end of a path with a whole name in it", RULE("file.open", "file.path endswith anyof (/.ssh/config, /.ssh/known)"), true },
		{ "but not what is no such end", RULE("file.open", "not file.path endswith /.ssh/config"), false },
		{ "a pattern that begins with a folder", RULE("file.open", "file.path glob \"/home/*/x*\""), true },
		{ "a pattern that ends with a name", RULE("file.open", "file.path glob \"*/x/y\""), true },
		{ "a pattern that does neither", RULE("file.open", "file.path glob \"*/x/y*\""), false },
		{ "a regular expression that begins with a folder", RULE("file.open", "file.path regex \"/dev/(sd|vd).*\""), true },
		{ "one with two beginnings", RULE("file.open", "file.path regex \"/dev/sd.*|.*\""), false },
		{ "one whose beginning may be missing", RULE("file.open", "file.path regex \"/?x.*\""), false },
		{ "not of one", RULE("file.open", "not file.path endswith .ssh"), false },
		{ "not of a group with one", RULE("file.open", "not (file.path startswith /proc/ or file.path endswith .ssh)"), true },
		{ "not of both", RULE("file.open", "not (file.path startswith /proc/ and file.path endswith .ssh)"), false },
		{ "the last part of a path", RULE("file.open", "file.name in (.bash_history)"), true },
		{ "the name of another event", RULE("[file.open, file.delete]", "file.path = /x or event.action = file.delete"), true },
		{ "who acts", RULE("file.open", "user.id = 0"), true },
		{ "the image, which may have another name since", RULE("file.open", "process.executable = /bin/sh"), false },
		{ "a creator", RULE("file.open", "ancestor(process.executable = /bin/sh)"), false },
		{ "a container", RULE("file.open", "container.id exists"), false },
		{ "an event that carries the process table", RULE("process.exec", "process.executable = /bin/sh"), false },
		{ "an attribute, whose mount is searched for", RULE("file.setxattr", "file.path = /x"), false },
		{ "an address", RULE("network.connect", "destination.ip in (10.0.0.0/8)"), true },
		{ "a rule that is off beside", RULE("file.open", "file.path = /x") "- {rule: q, event: file.open, when: 'user.name = x', severity: low, enabled: false}\n", true },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(approving_done) struct approving a;
		approving_load(&a, cases[i].yaml);
		if ((a.approval.events != 0) != cases[i].is_dropping)
			fail_msg("%s: should%s be dropped", cases[i].what, cases[i].is_dropping ? "" : " not");
	}
}

static void rules_are_many_and_clauses_few(void **state)
{
	(void)state;
	CLEANUP(approving_done) struct approving a;
	CLEANUP(buf_done) struct buf text = { 0 };
	for (unsigned i = 0; i < 3000; i++)
		buf_add_format(&text, "- {rule: r%u, event: file.open, when: 'file.path = /f%u and user.id %s %u', severity: low}\n", i, i, i % 2 ? "=" : "!=", i % 50);
	for (unsigned i = 0; i < 2000; i++)
		buf_add_format(&text, "- {rule: s%u, event: file.open, when: 'file.path = /g%u and user.id = %u and group.id = %u', severity: low}\n", i, i, i, i);
	approving_load(&a, buf_cstr(&text));
	assert_true(a.approval.events >> EVENT_FILE_OPEN & 1);
	assert_true(a.approval.policy.tables.n_clauses <= POLICY_CLAUSES);
}

static void the_rule_that_costs_a_type_is_named(void **state)
{
	(void)state;
	CLEANUP(approving_done) struct approving a;
	approving_load(&a, RULE("[file.open, file.delete]", "file.path = /x") "- {rule: dear, event: file.open, when: 'user.name = x', severity: low}\n");
	assert_int_equal(1, a.approval.n_costs);
	assert_int_equal(EVENT_FILE_OPEN, a.approval.costs[0].event);
	assert_string_equal("dear", ruleset_get(a.set, a.approval.costs[0].rule)->id);
	assert_int_equal(1ull << EVENT_FILE_DELETE, a.approval.events);
	assert_int_equal(APPROVAL_COSTS, approval_of_rule(a.set, 1, EVENT_FILE_OPEN));
	assert_int_equal(APPROVAL_PART, approval_of_rule(a.set, 0, EVENT_FILE_OPEN));
	assert_int_equal(APPROVAL_NEVER, approval_of_rule(a.set, 1, EVENT_FILE_DELETE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_form_of_a_rule_is_dropped_or_not),
		cmocka_unit_test(the_rule_that_costs_a_type_is_named),
		cmocka_unit_test(rules_are_many_and_clauses_few),
		cmocka_unit_test(nothing_is_dropped_on_which_a_rule_holds),
		cmocka_unit_test(nothing_is_dropped_by_tables_full_of_tests),
		cmocka_unit_test(published_rules_lose_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
