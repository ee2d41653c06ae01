/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes behind the first line of a Falco rules file: refused with a message, or loaded. Classes and reasons of loaded rules agree, and
 * no rule holds on an event that it was said never to hold on.
 */
#include <stdio.h>
#include <stdlib.h>

#include "engine/event/builder.h"
#include "engine/rules/match.h"
#include "engine/rules/op.h"
#include "engine/rules/ruleset.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static const char first_line[] = "- required_engine_version: 0.57.0\n";

static void check_rule(const struct ruleset *set, uint32_t index, struct event_builder *builder, struct matcher *m)
{
	const struct rule_info *rule = ruleset_get(set, index);
	if ((rule->coverage == COVERAGE_FULL) != (rule->n_reasons == 0) || (rule->coverage == COVERAGE_NEEDS_SOURCE) != (rule->needs_source != NULL))
		abort();
	if ((rule->coverage == COVERAGE_NEEDS_SOURCE) != (rule->events == 0))
		abort();
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		struct event ev;
		struct buf out = { 0 };
		if (!type || !type->name[0])
			continue;
		event_builder_begin(builder, type);
		if (event_builder_set_text(builder, "process.name", "bash") || event_builder_event(builder, &ev))
			abort();
		if (condition_holds(ruleset_condition(set, index), &ev, m) == TRUTH_TRUE && !(rule->events >> i & 1))
			abort();
		ruleset_message(set, index, &ev, &out);
		buf_done(&out);
	}
}

static void check(const struct ruleset *set)
{
	struct event_builder *builder = NULL;
	struct matcher *m = NULL;
	if (matcher_new(&m) || event_builder_new(&builder))
		abort();
	for (size_t i = 0; i < ruleset_count(set); i++)
		check_rule(set, (uint32_t)i, builder, m);
	event_builder_free(&builder);
	matcher_free(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct ruleset *set = NULL;
	struct diag diag = { 0 };
	struct buf text = { 0 };
	buf_add_z(&text, first_line);
	buf_add(&text, bytes, n);
	if (buf_error(&text) == 0) {
		int err = ruleset_load_text("fuzz.yaml", buf_sv(&text), &set, &diag);
		if (err ? set || diag.errors == 0 : !set || diag.errors)
			abort(); /* a refusal says why, and hands out nothing */
	}
	if (set)
		check(set);
	ruleset_free(&set);
	diag_done(&diag);
	buf_done(&text);
	return 0;
}
