/* SPDX-License-Identifier: Apache-2.0 */
/* What `vedette explain` shows, and its two forms: as text for people, as one JSON object for programs. */
#pragma once

#include "engine/daemon/explain_events.h"
#include "engine/event/event.h"
#include "engine/index/engine.h"
#include "engine/rules/explain.h"
#include "engine/rules/set.h"

enum { EXPLAIN_MAX_PATHS = 64, EXPLAIN_LINE_TEXT = 160 };

struct explain {
	const char *paths[EXPLAIN_MAX_PATHS];
	size_t n_paths;
	bool json, is_done;
	const char *rule_id, *event_arg; /* rule_id NULL: what is sent for all rules; event_arg NULL: no event */
	struct ruleset *set;             /* owned */
	struct engine *engine;           /* owned */
	struct event_builder *builder;   /* owned */
	struct diag diag;
	const struct rule *rule;
	bool is_refused;                 /* it blocks or kills, and the kernel cannot decide it: refusals say why */
	struct diag refusals;
	struct event event;              /* when event_arg, and the rule is about one event */
	bool is_as_judged;               /* it is a refused exec, and shown as the kernel saw it */
	const struct rule_case *told;    /* of a rule over several events: the case that is told */
	struct case_story story;         /* owned; when told */
	struct buf out;
};

/* Adds what is shown of x->rule to x->out. */
void explain_text(struct explain *x);
void explain_json(struct explain *x);

/* --- what is known of a test of the rule, the same in both forms --------------------------------------------------------------- */

const char *explain_runs_in(const struct explain *x);
struct engine_plan explain_plan(const struct explain *x, uint32_t event);
/* Whether the rule is found by this test: on the event, or on one of its events. */
bool explain_is_key(const struct explain *x, const struct condition *test);
/* Adds the test as its author wrote it, at most EXPLAIN_LINE_TEXT bytes. */
void explain_test(const struct condition *c, struct buf *out);
/* Adds "file.path is /x, user.id is 0". */
void explain_values(const struct explain *x, const struct condition *test, struct buf *out);
const char *explain_truth(enum truth truth);
/* Whether the rule is about events of the type that was given. */
bool explain_is_of_events(const struct explain *x);
