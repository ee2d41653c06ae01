/* SPDX-License-Identifier: Apache-2.0 */
/* The tables decide as the rules say: against the plain evaluator where a file's names agree, against a slow reading of both names where not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "bpf/policy_abi.h"
#include "engine/enforce/decide.h"
#include "engine/enforce/tables.h"
#include "engine/rules/match.h"
#include "engine/rules/op.h"
#include "tests/support/random_blocks.h"

enum { SETS = 350, RULES = 10, EVENTS = 290, TYPES = 6, PAIRS_AT_LEAST = 100000 };

static const char macros[] = "- {macro: is_admin, when: user.id = 0 and process.executable startswith /usr/}\n"
			     "- {macro: is_odd, when: not is_admin and group.id != 1000}\n";

struct world {
	struct mounts *mounts;
	struct event_builder *builder;
	struct matcher *matcher;
	struct decide_scratch *scratch;
	struct random random;
	size_t refused, loaded, pairs, hits;
};

/* Rules, and what is made of them. */
struct policy_case {
	struct buf text;
	struct ruleset *set;
	struct verdict_policy verdicts;
	struct decider *decider;
	uint32_t events[TYPES];
	size_t n_events;
};

static void policy_case_done(struct policy_case *p)
{
	decider_free(&p->decider);
	verdict_policy_done(&p->verdicts);
	ruleset_free(&p->set);
	buf_done(&p->text);
}

static int world_set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	*state = w;
	w->scratch = calloc(1, sizeof(*w->scratch));
	w->random.state = 20260101;
	assert_int_equal(0, mounts_parse(sv_from(random_mounts), &w->mounts));
	assert_int_equal(0, event_builder_new(&w->builder));
	assert_int_equal(0, matcher_new(&w->matcher));
	return 0;
}

static int world_tear_down(void **state)
{
	struct world *w = *state;
	mounts_free(&w->mounts);
	event_builder_free(&w->builder);
	matcher_free(&w->matcher);
	free(w->scratch);
	free(w);
	return 0;
}

static void print_diag(const struct diag *diag)
{
	for (size_t i = 0; i < diag->n; i++)
		print_message("%u:%u: %s\n", diag->messages[i].line, diag->messages[i].column, diag->messages[i].text);
}

static void load(struct policy_case *p)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	ruleset_free(&p->set);
	if (ruleset_load_text("random.yaml", buf_sv(&p->text), &p->set, &diag)) {
		print_diag(&diag);
		fail_msg("the rules do not load:\n" SV_FMT, SV_ARG(buf_sv(&p->text)));
	}
}

/* Some rules hold on everything, or have too many clauses: they are refused, and left out. */
static void drop_refused(struct world *w, struct policy_case *p, struct buf *rules)
{
	bool is_refused[RULES];
	for (uint32_t i = 0; i < RULES; i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		int err = verdict_check_rule(p->set, i, &diag);
		is_refused[i] = err != 0;
		w->refused += err != 0;
		w->loaded += err == 0;
		bool is_known = !err || strstr(diag.messages[0].text, "it holds on every") || strstr(diag.messages[0].text, "more than 64 clauses") ||
				strstr(diag.messages[0].text, "never holds: ") || strstr(diag.messages[0].text, "it can never hold") ||
				strstr(diag.messages[0].text, "different ones are asked for");
		if (!is_known)
			fail_msg("refused: %s\n" SV_FMT, diag.messages[0].text, SV_ARG(buf_sv(&rules[i])));
	}
	buf_reset(&p->text);
	buf_add_z(&p->text, macros);
	for (size_t i = 0; i < RULES; i++)
		if (!is_refused[i])
			buf_add_sv(&p->text, buf_sv(&rules[i]));
	load(p);
}

static void make_policy(struct world *w, struct policy_case *p)
{
	struct buf rules[RULES] = { 0 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct verdict_world nowhere = { .mounts = w->mounts, .generation = 7 };
	*p = (struct policy_case){ .n_events = 1 + random_below(&w->random, TYPES) };
	for (size_t i = 0; i < p->n_events; i++)
		p->events[i] = random_decided_event(&w->random);
	buf_add_z(&p->text, macros);
	for (size_t i = 0; i < RULES; i++) {
		random_block_rule(&w->random, p->events, p->n_events, i, &rules[i]);
		buf_add_sv(&p->text, buf_sv(&rules[i]));
	}
	load(p);
	drop_refused(w, p, rules);
	for (size_t i = 0; i < RULES; i++)
		buf_done(&rules[i]);
	if (verdict_compile(p->set, &nowhere, &p->verdicts, &diag)) {
		print_diag(&diag);
		fail_msg("the rules do not compile:\n" SV_FMT, SV_ARG(buf_sv(&p->text)));
	}
	assert_int_equal(0, decider_new(&p->verdicts.tables, &p->decider));
}

static void show_event(const struct event *ev)
{
	struct decided_field f;
	for (size_t i = 0; decided_field_at(ev->type->number, i, &f); i++) {
		struct value v = event_get(ev, field_find(ev->type, sv_from(f.name)));
		CLEANUP(buf_done) struct buf text = { 0 };
		if (!v.is_missing)
			print_message("  %s: " SV_FMT "\n", f.name, SV_ARG(value_text(&v, &text)));
	}
}

static void show_rules(const struct policy_case *p)
{
	for (uint32_t i = 0; i < ruleset_count(p->set); i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		condition_text(ruleset_condition(p->set, i), &text);
		print_message("  rule %u: %s\n", i, buf_cstr(&text));
	}
}

/* --- one name -------------------------------------------------------------------------------------------------------------- */

static void check_same(struct world *w, const struct policy_case *p, const struct event *ev)
{
	struct decide_event facts;
	struct decide_answer answer;
	struct matches matches = { 0 };
	ruleset_evaluate(p->set, ev, &matches);
	decide_event_of(ev, w->mounts, &facts, w->scratch);
	decide(p->decider, &facts, &answer);
	bool is_direct = answer.is_hit && !(answer.flags & CLAUSE_DERIVED);
	bool is_same = is_direct == (matches.n > 0) && !answer.is_unknown;
	if (is_same && is_direct)
		is_same = exec_slot_rule(answer.rule_slot) == matches.rule[0] && exec_slot_generation(answer.rule_slot) == 7;
	w->pairs++;
	w->hits += is_direct;
	if (is_same)
		return;
	show_event(ev);
	show_rules(p);
	fail_msg("%s: the rules %s (rule %d), the tables %s (rule %d)", ev->type->name, matches.n ? "hold" : "do not hold", matches.n ? (int)matches.rule[0] : -1,
		 answer.is_hit ? "deny" : "allow", answer.is_hit ? (int)exec_slot_rule(answer.rule_slot) : -1);
}

static void the_tables_decide_as_the_rules_say(void **state)
{
	struct world *w = *state;
	w->pairs = w->hits = w->refused = w->loaded = 0;
	for (size_t i = 0; i < SETS; i++) {
		CLEANUP(policy_case_done) struct policy_case p;
		make_policy(w, &p);
		for (size_t k = 0; k < EVENTS; k++) {
			struct event ev;
			random_block_event(&w->random, w->builder, p.events[random_below(&w->random, p.n_events)]);
			assert_int_equal(0, event_builder_event(w->builder, &ev));
			check_same(w, &p, &ev);
		}
	}
	print_message("%zu pairs of rules and events, %zu of them denied; %zu rules, %zu refused\n", w->pairs, w->hits, w->loaded, w->refused);
	assert_true(w->pairs >= PAIRS_AT_LEAST);
	assert_true(w->hits > w->pairs / 10 && w->hits < w->pairs - w->pairs / 10);
	assert_true(w->refused < w->loaded / 2);
}

/* --- two names ------------------------------------------------------------------------------------------------------------- */

enum { FILES = 3 }; /* PATH, NEW_PATH, EXECUTABLE */
static const enum policy_dimension file_dimensions[FILES] = { DIMENSION_PATH, DIMENSION_NEW_PATH, DIMENSION_EXECUTABLE };

enum name { NAME_FIRST, NAME_SECOND, NAME_NONE }; /* NONE: no test of it holds */

/* The same event under other names; the second name as the path on the host that it stands for. */
struct two_names {
	const struct policy_case *policy;
	struct matcher *matcher;
	struct event by_names[1 << FILES]; /* bit i: file i by its second name */
	enum name positive[FILES], negative[FILES];
};

static int file_of_test(const struct two_names *t, const struct test *test)
{
	struct decided_field f;
	if (test->ancestor || !decided_field(t->by_names[0].type->number, test->left->field->name, &f))
		return -1;
	for (int i = 0; i < FILES; i++)
		if (file_dimensions[i] == f.dimension)
			return i;
	return -1;
}

/* `!=` is a `not` of its own. */
static bool slow_test(const struct two_names *t, const struct test *test, bool is_negated)
{
	bool is_not = test->op->id == OP_NE;
	const enum name *names = is_negated != is_not ? t->negative : t->positive;
	int file = file_of_test(t, test);
	unsigned which = 0;
	if (file >= 0 && names[file] == NAME_NONE && test->op->id != OP_EXISTS)
		return is_not;
	for (int i = 0; i < FILES; i++)
		which |= (unsigned)(names[i] == NAME_SECOND) << i;
	return test_holds(test, &t->by_names[which], t->matcher, is_negated) == TRUTH_TRUE;
}

static bool slow_holds(const struct two_names *t, const struct condition *c, bool is_negated)
{
	bool sum = c->type == NODE_AND;
	if (c->type == NODE_CONST)
		return c->truth;
	if (c->type == NODE_TEST)
		return slow_test(t, c->test, is_negated);
	if (c->type == NODE_NOT)
		return !slow_holds(t, c->children[0], !is_negated);
	for (size_t i = 0; i < c->n; i++) {
		bool one = slow_holds(t, c->children[i], is_negated);
		sum = c->type == NODE_AND ? sum && one : sum || one;
	}
	return sum;
}

/* Names that a file has: what is to hold may hold of any; what is excepted must hold of each that can be chosen. */
struct choice {
	enum name names[2];
	size_t n;
};

static bool any_choice_holds(struct two_names *t, const struct choice positive[FILES], const struct choice negative[FILES], const struct condition *c)
{
	for (unsigned bits = 0; bits < 1u << (2 * FILES); bits++) {
		bool is_choice = true;
		for (int i = 0; i < FILES; i++) {
			unsigned a = bits >> i & 1, b = bits >> (FILES + i) & 1;
			is_choice &= a < positive[i].n && b < negative[i].n;
			t->positive[i] = positive[i].names[a];
			t->negative[i] = negative[i].names[b];
		}
		if (is_choice && slow_holds(t, c, false))
			return true;
	}
	return false;
}

/* Where the second name lies. */
enum place_of_second { ON_HOST, IN_CONTAINER_ONLY, ON_PRIVATE_MOUNT };

struct aliased {
	const char *first[FILES], *second[FILES];
	enum place_of_second place[FILES];
};

/* At an exec who acts is the image that is to be replaced. */
static const char *file_field(uint32_t event, int i)
{
	static const char *const names[FILES] = { "file.path", "vedette.new_path", "process.executable" };
	return event == EVENT_PROC_EXEC && file_dimensions[i] == DIMENSION_EXECUTABLE ? "process.previous.executable" : names[i];
}

static bool has_file(uint32_t event, int i)
{
	struct decided_field f;
	return decided_field(event, file_field(event, i), &f) && f.dimension == file_dimensions[i];
}

/* Builders keep one event each. */
static void build_names(struct world *w, struct event_builder *builders[1 << FILES], uint32_t event, const struct aliased *a, struct two_names *t)
{
	struct random start = w->random;
	for (unsigned which = 0; which < 1u << FILES; which++) {
		w->random = start;
		random_block_event(&w->random, builders[which], event);
		for (int i = 0; i < FILES; i++)
			if (has_file(event, i))
				random_block_set_file(builders[which], file_field(event, i), which >> i & 1 ? a->second[i] : a->first[i]);
		if (event == EVENT_PROC_EXEC)
			assert_int_equal(0, event_builder_set_text(builders[which], "process.executable", which & 1 ? a->second[0] : a->first[0]));
		/* the kernel sees one device, whatever the names are */
		struct decided_field f;
		if (decided_field(event, "file.device", &f))
			assert_int_equal(0, event_builder_set_text(builders[which], "file.device", "8:1"));
		assert_int_equal(0, event_builder_event(builders[which], &t->by_names[which]));
	}
}

static void make_facts(struct world *w, uint32_t event, const struct aliased *a, const struct two_names *t, struct decide_event *ret)
{
	decide_event_of(&t->by_names[0], w->mounts, ret, w->scratch);
	for (int i = 0; i < FILES; i++) {
		struct decide_file *f = &ret->files[file_dimensions[i]];
		const char *second = a->second[i];
		bool is_on_data = strcmp(second, "/data") == 0 || strncmp(second, "/data/", 6) == 0;
		if (!has_file(event, i))
			continue;
		f->device = a->place[i] != ON_HOST ? 9u << 20 | 9 : is_on_data ? 8u << 20 | 2 : 8u << 20 | 1;
		f->fs_path = (struct decide_text){ KNOWN_VALUE, sv_from(is_on_data ? (second[5] ? second + 5 : "/") : second) };
	}
}

static void make_choices(const struct aliased *a, const struct decide_event *facts, struct choice positive[FILES], struct choice negative[FILES])
{
	for (int i = 0; i < FILES; i++) {
		bool is_known = a->place[i] == ON_HOST;
		positive[i] = (struct choice){ { NAME_FIRST, NAME_SECOND }, is_known ? 2 : 1 };
		negative[i] = (struct choice){ { NAME_FIRST, is_known ? NAME_SECOND : NAME_NONE }, is_known || !facts->is_container ? 2 : 1 };
	}
}

static void check_two_names(struct world *w, const struct policy_case *p, struct event_builder *builders[1 << FILES], uint32_t event)
{
	struct two_names t = { .policy = p, .matcher = w->matcher };
	struct aliased a;
	struct choice positive[FILES], negative[FILES];
	struct decide_event facts;
	struct decide_answer answer;
	uint32_t first = UINT32_MAX;
	for (int i = 0; i < FILES; i++) {
		a.first[i] = random_block_path(&w->random);
		a.second[i] = random_chance(&w->random, 1, 3) ? a.first[i] : random_block_path(&w->random);
		a.place[i] = random_chance(&w->random, 2, 3) ? ON_HOST : ON_PRIVATE_MOUNT;
	}
	build_names(w, builders, event, &a, &t);
	make_facts(w, event, &a, &t, &facts);
	make_choices(&a, &facts, positive, negative);
	for (uint32_t i = 0; i < ruleset_count(p->set) && first == UINT32_MAX; i++)
		if ((ruleset_get(p->set, i)->events >> event & 1) && any_choice_holds(&t, positive, negative, ruleset_condition(p->set, i)))
			first = i;
	decide(p->decider, &facts, &answer);
	bool is_direct = answer.is_hit && !(answer.flags & CLAUSE_DERIVED);
	w->pairs++;
	w->hits += is_direct;
	if (is_direct == (first != UINT32_MAX) && (!is_direct || exec_slot_rule(answer.rule_slot) == first))
		return;
	show_event(&t.by_names[0]);
	for (int i = 0; i < FILES; i++)
		print_message("  %s: %s, also %s, place %d\n", file_field(event, i), a.first[i], a.second[i], (int)a.place[i]);
	show_rules(p);
	fail_msg("%s: by either name rule %d holds, by the tables rule %d", t.by_names[0].type->name, (int)first,
		 is_direct ? (int)exec_slot_rule(answer.rule_slot) : -1);
}

static void two_names_of_a_file_count_as_they_should(void **state)
{
	struct world *w = *state;
	struct event_builder *builders[1 << FILES] = { 0 };
	w->pairs = w->hits = 0;
	for (size_t i = 0; i < ARRAY_SIZE(builders); i++)
		assert_int_equal(0, event_builder_new(&builders[i]));
	for (size_t i = 0; i < SETS / 3; i++) {
		CLEANUP(policy_case_done) struct policy_case p;
		make_policy(w, &p);
		for (size_t k = 0; k < EVENTS / 5; k++)
			check_two_names(w, &p, builders, p.events[random_below(&w->random, p.n_events)]);
	}
	print_message("%zu pairs, %zu of them denied\n", w->pairs, w->hits);
	for (size_t i = 0; i < ARRAY_SIZE(builders); i++)
		event_builder_free(&builders[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_tables_decide_as_the_rules_say, world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(two_names_of_a_file_count_as_they_should, world_set_up, world_tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
