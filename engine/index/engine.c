/* SPDX-License-Identifier: Apache-2.0 */
/* Evaluation of a set with the rules of an event in a row. */
#include "engine/index/engine.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/rules/match.h"
#include "engine/rules/op.h"
#include "engine/rules/set.h"

struct engine {
	const struct ruleset *set; /* borrowed */
	struct matcher *matcher;   /* owned */
	struct engine_stats stats;
};

int engine_new(const struct ruleset *set, const struct engine_config *config, struct engine **ret, struct diag *diag)
{
	(void)config;
	CLEANUP(engine_free) struct engine *e = calloc(1, sizeof(*e));
	if (!e || matcher_new(&e->matcher)) {
		diag_error(diag, (struct place){ 0 }, "out of memory while compiling rules");
		return -ENOMEM;
	}
	e->set = set;
	*ret = TAKE(e);
	return 0;
}

void engine_free(struct engine **engine)
{
	if (!*engine)
		return;
	matcher_free(&(*engine)->matcher);
	free(*engine);
	*engine = NULL;
}

void engine_evaluate(struct engine *e, const struct event *ev, struct matches *ret)
{
	uint32_t number = ev->type->number;
	ret->n = ret->not_kept = ret->n_undecided = ret->undecided_not_kept = 0;
	e->stats.events++;
	for (size_t i = 0; i < e->set->n_by_event[number]; i++) {
		uint32_t index = e->set->by_event[number][i];
		enum truth truth = condition_holds(e->set->rules[index].condition, ev, e->matcher);
		e->stats.candidates++;
		if (truth == TRUTH_TRUE)
			matches_add(ret, index);
		else if (truth == TRUTH_UNDECIDED)
			matches_add_undecided(ret, index);
	}
}

void engine_get_stats(const struct engine *e, struct engine_stats *ret)
{
	*ret = e->stats;
}

void engine_explain(const struct engine *e, uint32_t rule, uint32_t event, struct engine_plan *ret)
{
	const struct rule_info *info = ruleset_get(e->set, rule);
	bool is_asked = info->is_enabled && (info->events >> event & 1);
	*ret = (struct engine_plan){ .way = is_asked ? ENGINE_ALWAYS : ENGINE_NEVER, .not_cached = "nothing is kept" };
}
