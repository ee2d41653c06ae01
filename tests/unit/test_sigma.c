/* SPDX-License-Identifier: Apache-2.0 */
/* Sigma rules nobody here wrote: all load, and each labelled event gets the answer it has to get. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/strmap.h"
#include "engine/index/engine.h"
#include "engine/rules/ruleset.h"
#include "tests/support/corpora.h"
#include "tests/support/sigma_event.h"

struct corpus {
	struct ruleset *set;
	struct engine *engine;
	struct event_builder *builder;
	struct yaml_tree *mapping, *vectors;
	struct diag diag;
	struct strmap rules; /* id -> struct rule_info */
};

static int load(struct corpus *c)
{
	char rules[4096], vectors[4096];
	if (!corpora_path("sigma", rules, sizeof(rules)) || !corpora_path("sigma_vectors.json", vectors, sizeof(vectors)))
		return 0; /* the tests are skipped */
	const char *const paths[] = { rules };
	int err = ruleset_load(paths, 1, &c->set, &c->diag);
	if (!err)
		err = engine_new(c->set, NULL, &c->engine, &c->diag);
	if (!err)
		err = yaml_load("schemas/mappings/sigma.yaml", &c->mapping, &c->diag);
	if (!err)
		err = yaml_load(vectors, &c->vectors, &c->diag); /* JSON is YAML */
	if (!err)
		err = event_builder_new(&c->builder);
	for (size_t i = 0; !err && i < ruleset_count(c->set); i++)
		err = strmap_add(&c->rules, sv_from(ruleset_get(c->set, i)->id), (void *)(uintptr_t)ruleset_get(c->set, i));
	return err;
}

static int open_corpus(void **state)
{
	struct corpus *c = calloc(1, sizeof(*c));
	*state = c;
	if (!c)
		return -1;
	if (load(c) == 0)
		return 0;
	char line[2048];
	for (size_t i = 0; i < c->diag.n; i++) {
		diag_format(&c->diag.messages[i], line, sizeof(line));
		print_error("%s\n", line);
	}
	return -1;
}

static int close_corpus(void **state)
{
	struct corpus *c = *state;
	engine_free(&c->engine);
	ruleset_free(&c->set);
	event_builder_free(&c->builder);
	yaml_tree_free(&c->mapping);
	yaml_tree_free(&c->vectors);
	strmap_done(&c->rules);
	diag_done(&c->diag);
	free(c);
	return 0;
}

#define NEED(c)           \
	do {              \
		if (!(c)->set) \
			skip(); \
	} while (0)

static const struct yaml_node *text_of(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);
	assert_non_null(node);
	return node;
}

static void every_rule_loads_with_its_author_id_and_level(void **state)
{
	struct corpus *c = *state;
	static const char *const levels[] = { "informational", "low", "medium", "high", "critical" };
	NEED(c);
	size_t n = 0;
	assert_int_equal(c->diag.warnings, 0);
	for (const struct yaml_node *v = yaml_root(c->vectors)->first->first; v; v = v->next, n++) {
		const struct rule_info *rule = strmap_get(&c->rules, text_of(v, "id")->text);
		if (!rule)
			fail_msg("not loaded: %s", text_of(v, "id")->text.p);
		assert_string_equal(rule->title, text_of(v, "title")->text.p);
		assert_string_equal(rule->author, text_of(v, "author")->text.p);
		assert_string_equal(levels[rule->severity], text_of(v, "level")->text.p);
		assert_string_equal(rule->format, "sigma");
		assert_non_null(rule->tags[0]);
		assert_non_null(rule->attack[0]);
		assert_true(rule->is_enabled && rule->events);
	}
	assert_int_equal(n, ruleset_count(c->set));
}

/* Names of destinations are what no sensor sees; nothing else in these rules is out of sight. */
static void rules_over_names_of_hosts_say_what_they_need(void **state)
{
	struct corpus *c = *state;
	static const char *const unseen[] = {
		"a46c93b7-55ed-4d27-a41b-c259456c4746", "c4568f5d-131f-4e78-83d4-45b2da0ec4f1", "19bf6fdb-7721-4f3d-867f-53467f6a5db6",
	};
	NEED(c);
	for (size_t i = 0; i < ruleset_count(c->set); i++) {
		const struct rule_info *rule = ruleset_get(c->set, i);
		bool is_unseen = false;
		for (size_t k = 0; k < ARRAY_SIZE(unseen); k++)
			is_unseen |= strcmp(rule->id, unseen[k]) == 0;
		assert_int_equal(rule->coverage, is_unseen ? COVERAGE_NEEDS_SOURCE : COVERAGE_FULL);
		if (is_unseen)
			assert_string_equal(rule->needs_source, "DNS look-ups");
	}
}

static bool has(const struct matches *m, uint32_t index)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->rule[i] == index)
			return true;
	return false;
}

static void fail_case(const struct rule_info *rule, const struct yaml_node *event, const char *who, bool expected)
{
	for (const struct yaml_node *k = event->first; k; k = k->next->next)
		print_error("  %s: %s\n", k->text.p, k->next->text.p);
	fail_msg("%s '%s' (%s): should %s", who, rule->title, rule->id, expected ? "fire" : "be quiet");
}

static void every_labelled_event_gets_its_answer(void **state)
{
	struct corpus *c = *state;
	NEED(c);
	size_t n = 0, n_fires = 0;
	for (const struct yaml_node *v = yaml_root(c->vectors)->first->first; v; v = v->next) {
		const struct rule_info *rule = strmap_get(&c->rules, text_of(v, "id")->text);
		for (const struct yaml_node *one = text_of(v, "cases")->first; one; one = one->next, n++) {
			const struct yaml_node *fields = text_of(one, "event");
			bool expected = sv_is(text_of(one, "expect")->text, "true");
			struct event ev;
			struct matches plain = { 0 }, fast = { 0 };
			assert_int_equal(sigma_event_build(c->builder, yaml_root(c->mapping)->first, text_of(v, "category")->text.p, fields, &ev), 0);
			ruleset_evaluate(c->set, &ev, &plain);
			engine_evaluate(c->engine, &ev, &fast);
			assert_int_equal(plain.n_undecided, 0);
			if (has(&plain, rule->index) != expected)
				fail_case(rule, fields, "oracle:", expected);
			if (has(&fast, rule->index) != expected)
				fail_case(rule, fields, "engine:", expected);
			n_fires += expected;
		}
	}
	print_message("%zu events, %zu of them fire\n", n, n_fires);
	assert_int_equal(n, 1182);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rule_loads_with_its_author_id_and_level),
		cmocka_unit_test(rules_over_names_of_hosts_say_what_they_need),
		cmocka_unit_test(every_labelled_event_gets_its_answer),
	};
	return cmocka_run_group_tests(tests, open_corpus, close_corpus);
}
