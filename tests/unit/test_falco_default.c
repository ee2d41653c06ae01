/* SPDX-License-Identifier: Apache-2.0 */
/* Falco's three default rule files, as they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/rules/match.h"
#include "engine/rules/op.h"
#include "engine/rules/ruleset.h"
#include "tests/support/corpora.h"
#include "tests/support/full_event.h"

static void show_messages(const struct diag *diag)
{
	char line[2048];
	for (size_t i = 0; i < diag->n; i++) {
		diag_format(&diag->messages[i], line, sizeof(line));
		print_error("%s\n", line);
	}
}

/* Folding must not say "never" where a condition can hold. */
static void no_rule_holds_where_it_was_said_not_to(const struct ruleset *set)
{
	static const struct full_event_style styles[] = { { .n_items = 2 }, { .text = { "bash", 4 } }, { .text = { "/etc/shadow", 11 }, .n_items = 1 } };
	struct full_event *full = malloc(sizeof(*full));
	struct matcher *m = NULL;
	assert_non_null(full);
	assert_int_equal(matcher_new(&m), 0);
	for (uint32_t number = 0; number < EVENT_NUMBERS; number++) {
		const struct event_type *type = event_type_by_number(number);
		for (size_t k = 0; k < ARRAY_SIZE(styles) && type && type->name[0]; k++) {
			full_event_make(full, type, &styles[k]);
			for (uint32_t i = 0; i < ruleset_count(set); i++) {
				bool holds = condition_holds(ruleset_condition(set, i), &full->ev, m) == TRUTH_TRUE;
				if (holds && !(ruleset_get(set, i)->events >> number & 1))
					fail_msg("%s holds on %s", ruleset_get(set, i)->id, type->name);
			}
		}
	}
	matcher_free(&m);
	free(full);
}

/* They ask for container.privileged and container.mount.dest, which the files of the runtimes tell. */
static void rules_about_containers_are_full(const struct ruleset *set)
{
	static const char *const names[] = {
		"Debugfs Launched in Privileged Container", "Launch Sensitive Mount Container", "Mount Launched in Privileged Container",
		"Launch Privileged Container",
	};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t found = 0;
		for (uint32_t k = 0; k < ruleset_count(set); k++)
			found += strcmp(ruleset_get(set, k)->id, names[i]) == 0 && ruleset_get(set, k)->coverage == COVERAGE_FULL;
		if (found != 1)
			fail_msg("%s is not full", names[i]);
	}
}

static void the_default_rules_load(void **state)
{
	(void)state;
	char path[512];
	if (!corpora_path("falco", path, sizeof(path)))
		return;
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	if (ruleset_load((const char *const[]){ path }, 1, &set, &diag)) {
		show_messages(&diag);
		fail_msg("refused");
	}
	assert_int_equal(ruleset_count(set), 93);
	size_t fired = 0;
	for (size_t i = 0; i < ruleset_count(set); i++) {
		const struct rule_info *rule = ruleset_get(set, i);
		assert_true((rule->coverage == COVERAGE_FULL) == (rule->n_reasons == 0));
		assert_true((rule->coverage == COVERAGE_NEEDS_SOURCE) == (rule->events == 0));
		fired += rule->coverage != COVERAGE_NEEDS_SOURCE;
	}
	assert_true(fired >= 88); /* the others ask for DNS look-ups, values of your own, or a path with a link in it */
	rules_about_containers_are_full(set);
	no_rule_holds_where_it_was_said_not_to(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_rules_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
