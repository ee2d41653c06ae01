/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/enforce/tables.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/clock.h"
#include "engine/enforce/derive.h"
#include "engine/enforce/rows.h"
#include "engine/event/table.h"

enum { COMPILE_MAX_MEMORY = 512 * 1024 * 1024 }; /* while compiling: as much as a set may take */

struct compilation {
	const struct verdict_world *world;
	const struct ruleset *set;
	struct diag *diag;
	struct arena arena;
	struct value_sets predicates;
	struct classes classes;
	struct event_clauses events[EVENT_NUMBERS];
	struct verdict_policy out;
};

void verdict_policy_done(struct verdict_policy *v)
{
	struct verdict_tables *t = &v->tables;
	free(t->rows);
	free(t->texts);
	free(t->numbers);
	free(t->addresses);
	free(t->clauses);
	free(t->ancestor_masks);
	free(t->ancestor_rows);
	ancestor_registry_done(&v->ancestors);
	*v = (struct verdict_policy){ 0 };
}

static void compilation_done(struct compilation **at)
{
	struct compilation *c = *at;
	if (!c)
		return;
	for (size_t i = 0; i < EVENT_NUMBERS; i++)
		free(c->events[i].p);
	classes_done(&c->classes);
	value_sets_done(&c->predicates);
	arena_done(&c->arena);
	verdict_policy_done(&c->out);
	free(c);
	*at = NULL;
}

static struct compilation *compilation_new(const struct ruleset *set, const struct verdict_world *world, struct diag *diag)
{
	struct compilation *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->world = world;
	c->set = set;
	c->diag = diag;
	c->arena.max = COMPILE_MAX_MEMORY;
	c->predicates.arena = c->classes.arena = &c->arena;
	c->predicates.wall_ns = world->wall_ns ? world->wall_ns : clock_ns(CLOCK_REALTIME);
	c->predicates.until_ns = UINT64_MAX;
	return c;
}

/* --- refusals -------------------------------------------------------------------------------------------------------------- */

/* Where what is said of a rule that only detects goes: it costs nothing but its place in the tables. */
static void report(const struct compilation *c, const struct rule_info *rule, struct place at, const char *text)
{
	if (rule->action == ACTION_KILL)
		diag_warn(c->diag, at, "rule %s ends processes after the fact, not before their first instruction: %s", rule->id, text);
	else if (rule->mode == POLICY_DETECT)
		diag_warn(c->diag, at, "rule %s could not block if its policy enforced: %s", rule->id, text);
	else
		diag_error(c->diag, at, "rule %s cannot block: %s", rule->id, text);
}

static const char *event_name(uint32_t event)
{
	return event_type_by_number(event_recorded(event))->name;
}

/* A rule that kills is what the advice offers besides: of that no word. */
static void add_advice(const struct rule_info *rule, const char *advice, struct buf *out)
{
	const char *kill = rule->action == ACTION_KILL ? strstr(advice, "use `action: kill`") : NULL;
	size_t n = kill ? (size_t)(kill - advice) : strlen(advice);
	if (kill && n > strlen(", or "))
		n -= strlen(", or ");
	if (n)
		buf_add_format(out, ": %.*s", (int)n, advice);
}

static void report_refusals(const struct compilation *c, const struct rule_info *rule, const struct clause_refusals *refusals)
{
	for (size_t i = 0; i < refusals->n; i++) {
		const struct clause_refusal *r = &refusals->p[i];
		CLEANUP(buf_done) struct buf text = { 0 }, whole = { 0 };
		condition_text(r->test, &text);
		buf_add_format(&whole, "%s: %s (%s)", buf_cstr(&text), r->reason.why, event_name(r->event));
		add_advice(rule, r->reason.advice, &whole);
		report(c, rule, condition_place(r->test), buf_cstr(&whole));
	}
}

static int refuse_rule(const struct compilation *c, const struct rule_info *rule, int err, const char *text)
{
	report(c, rule, rule->at, text);
	return err;
}

/* --- clauses --------------------------------------------------------------------------------------------------------------- */

static int add_rollout(struct compilation *c, const struct rule_info *rule, struct clause *clause)
{
	struct number_range share = { 0, rule->rollout - 1 };
	struct value_set draft = { .domain = DIMENSION_ROLLOUT, .at = rule->at, .ranges = &share, .n = 1 };
	if (!rule->rollout || rule->rollout >= 100)
		return 0;
	struct value_set *p = value_set_make(&c->predicates, &draft);
	if (!p)
		return -ENOMEM;
	*clause = clause_with(&c->predicates, clause->literals, clause->n, (struct clause_literal){ DIMENSION_ROLLOUT, false, p });
	return clause->literals ? 0 : -ENOMEM;
}

/* What no host can do without, whoever acts. Other acts may be forbidden altogether, if nothing that the host needs is among them (essentials.h). */
static bool is_vital(uint32_t event)
{
	return event == EVENT_PROC_EXEC || event == EVENT_PROC_IMAGE || event == EVENT_FILE_OPEN || event == EVENT_MMAP_EXEC;
}

/* Of a rule that does not do what it is there for: an error, unless its policy only detects. */
static int refuse_useless(const struct compilation *c, const struct rule_info *rule, struct place at, const char *text)
{
	const char *verb = rule->action == ACTION_KILL ? "kill" : "block";
	if (rule->mode == POLICY_DETECT) {
		diag_warn(c->diag, at, "rule %s could not %s if its policy enforced: %s", rule->id, verb, text);
		return -EINVAL;
	}
	diag_error(c->diag, at, "rule %s cannot %s: %s", rule->id, verb, text);
	return rule->action == ACTION_KILL ? -EPERM : -EINVAL;
}

/* Every user there is: a clause asks for something. */
static int ask_anybody(struct compilation *c, const struct rule_info *rule, struct clause *ret)
{
	struct number_range all = { 0, UINT64_MAX };
	struct value_set draft = { .domain = DIMENSION_UID, .at = rule->at, .ranges = &all, .n = 1 }, *anybody = value_set_make(&c->predicates, &draft);
	if (!anybody)
		return -ENOMEM;
	*ret = clause_with(&c->predicates, NULL, 0, (struct clause_literal){ DIMENSION_UID, false, anybody });
	return ret->literals ? 0 : -ENOMEM;
}

/* At an exec two fields are the same file. By two names it could be both, which nobody means. */
static int check_same_file(const struct compilation *c, const struct rule_info *rule, uint32_t event, const struct clause *clause)
{
	if (event != EVENT_PROC_EXEC && event != EVENT_PROC_IMAGE)
		return 0;
	for (size_t i = 0; i + 1 < clause->n; i++) {
		const struct clause_literal *a = &clause->literals[i], *b = a + 1; /* they are in order */
		if (a->dimension == DIMENSION_PATH && b->dimension == DIMENSION_PATH && !a->is_negated && !b->is_negated &&
		    value_set_are_apart(a->predicate, b->predicate))
			return refuse_useless(c, rule, b->predicate->at, "process.executable and file.path are both the program that is to be started, and different ones "
					      "are asked for: the program that starts it is process.previous.executable");
	}
	return 0;
}

static int place_clause(struct compilation *c, const struct rule_info *rule, uint32_t event, struct clause clause)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	if (clause.n == 0 && is_vital(event)) {
		buf_add_format(&text, "it holds on every %s, and would stop the host: ask for something", event_name(event));
		return refuse_useless(c, rule, rule->at, buf_cstr(&text));
	}
	int bad = clause.n ? check_same_file(c, rule, event, &clause) : ask_anybody(c, rule, &clause);
	if (bad)
		return bad;
	struct placed_clause placed = { .clause = clause, .rule = rule->index, .denies_unknown = rule->unknown == UNKNOWN_DENY };
	placed.flags = (rule->mode == POLICY_DETECT ? CLAUSE_DETECT : 0) | (event == EVENT_PROC_IMAGE ? CLAUSE_KILL : 0);
	int err = add_rollout(c, rule, &placed.clause);
	return err ? err : event_clauses_add(&c->events[event], &placed);
}

/* Of one event; what cannot be decided goes into refusals. */
static int compile_event(struct compilation *c, const struct rule_info *rule, uint32_t event, struct clause_refusals *refusals)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct clauses made = { 0 };
	if (event != EVENT_PROC_IMAGE && !event_is_decided(event)) {
		buf_add_format(&text, "%s is not decided in the kernel: take it out of 'event', or use `action: alert`", event_type_by_number(event)->name);
		return refuse_rule(c, rule, -EINVAL, buf_cstr(&text));
	}
	int err = clauses_make(&c->predicates, event, ruleset_condition(c->set, rule->index), &made, refusals);
	if (err == -E2BIG) {
		buf_add_format(&text, "for %s its condition has more than %d clauses once `or` is multiplied out: split it into several rules",
			       event_name(event), CLAUSES_OF_RULE_MAX);
		return refuse_rule(c, rule, -E2BIG, buf_cstr(&text));
	}
	for (size_t i = 0; i < made.n && !err; i++)
		err = place_clause(c, rule, event, made.p[i]);
	return err;
}

/* Those whose hooks are to know of the rule: of one that kills only the image in place, whatever else it is about. */
static uint64_t decided_events(const struct rule_info *rule)
{
	if (rule->action == ACTION_BLOCK)
		return rule->events;
	return rule->action == ACTION_KILL && rule->events >> EVENT_PROC_EXEC & 1 ? 1ull << EVENT_PROC_IMAGE : 0;
}

/* What is no mistake though it leaves nothing: a list that has no items yet, for they may come with another file; a time that is over, or to come. */
static const char *excuse(const struct condition *c)
{
	const char *found = NULL;
	if (c->type == NODE_CONST)
		return c->truth || c->why ? NULL : "a list that it needs has no items";
	if (c->type == NODE_TEST)
		return c->test->left->type == EXPR_FIELD && strcmp(c->test->left->field->name, "@timestamp") == 0 ? "by the time that it asks for, or by an exception" : NULL;
	for (size_t i = 0; i < c->n && !found; i++) /* depth is limited by the parser */
		found = excuse(c->children[i]);
	return found;
}

static int refuse_never(const struct compilation *c, const struct rule_info *rule)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	const char *why = excuse(ruleset_condition(c->set, rule->index));
	if (why) {
		diag_warn(c->diag, rule->at, "rule %s %ss nothing now: %s", rule->id, rule->action == ACTION_KILL ? "kill" : "block", why);
		return 0;
	}
	buf_add_z(&text, "it can never hold");
	if (rule->n_reasons)
		buf_add_format(&text, ": %s", rule->reasons[0]);
	buf_add_z(&text, " (mend it, or say `enabled: false`)");
	return refuse_useless(c, rule, rule->at, buf_cstr(&text));
}

/* Whole hosts have their programs where neither is known. */
static void warn_of_content(struct compilation *c, const struct rule_info *rule)
{
	if (rule->asks_content && !rule->is_unknown_said)
		diag_warn(c->diag, rule->at, "rule '%s' denies where the hash or the change of a file is not known, as on ZFS, network file systems and in rootless containers: "
			  "say `unknown: allow` when it is about some bad files, or `unknown: deny` when that is meant", rule->id);
}

static int compile_rule(struct compilation *c, const struct rule_info *rule)
{
	struct clause_refusals refusals = { 0 };
	size_t before[EVENT_NUMBERS];
	bool has_clauses = false;
	int worst = 0, never = 0;
	if (rule->is_stateful && rule->action == ACTION_KILL)
		return refuse_rule(c, rule, -EINVAL, "it looks at several events");
	if (rule->is_stateful)
		return refuse_rule(c, rule, -EINVAL, "it looks at several events, and what has happened cannot be refused: use `action: alert`");
	if (rule->coverage == COVERAGE_NEEDS_SOURCE && decided_events(rule))
		never = refuse_never(c, rule);
	if (never)
		return never;
	for (uint32_t event = 0; event < EVENT_NUMBERS; event++) {
		before[event] = c->events[event].n;
		int err = decided_events(rule) >> event & 1 ? compile_event(c, rule, event, &refusals) : 0;
		worst = err && worst != -ENOMEM ? err : worst;
		has_clauses |= c->events[event].n > before[event];
	}
	if (!worst && !has_clauses && decided_events(rule))
		worst = refuse_never(c, rule);
	report_refusals(c, rule, &refusals);
	if (!worst)
		warn_of_content(c, rule);
	if (!worst || worst == -ENOMEM)
		return worst;
	for (uint32_t event = 0; event < EVENT_NUMBERS; event++)
		c->events[event].n = before[event];
	return worst;
}

static int compile_rules(struct compilation *c)
{
	int worst = 0;
	for (size_t i = 0; i < ruleset_count(c->set) && worst != -ENOMEM; i++) {
		const struct rule_info *rule = ruleset_get(c->set, i);
		if ((rule->action != ACTION_BLOCK && rule->action != ACTION_KILL) || !rule->is_enabled)
			continue;
		int err = compile_rule(c, rule);
		c->out.counts.rules += !err && decided_events(rule);
		c->out.counts.detecting += !err && rule->mode == POLICY_DETECT;
		c->out.counts.killing += !err && rule->action == ACTION_KILL && decided_events(rule);
		if (err == -ENOMEM || err == -EPERM || (rule->mode == POLICY_ENFORCE && rule->action == ACTION_BLOCK))
			worst = err ? err : worst;
	}
	return worst;
}

/* --- order ----------------------------------------------------------------------------------------------------------------- */

/* What denies stands before what would, the rule itself before what follows from rules; then the rules' order. */
static int compare_placed(const void *a, const void *b)
{
	const struct placed_clause *x = a, *y = b;
	if (x->flags != y->flags) {
		if ((x->flags ^ y->flags) & CLAUSE_DETECT)
			return x->flags & CLAUSE_DETECT ? 1 : -1;
		return x->flags & CLAUSE_DERIVED ? 1 : -1;
	}
	return (x->rule > y->rule) - (x->rule < y->rule);
}

static size_t count_derived(const struct event_clauses *e)
{
	size_t n = 0;
	for (size_t i = 0; i < e->n; i++)
		n += (e->p[i].flags & CLAUSE_DERIVED) != 0;
	return n;
}

/* Rules that ask the same of who acts share what follows from them, where there would be too many clauses otherwise. */
static int derive(struct compilation *c)
{
	struct event_clauses *renames = &c->events[EVENT_FILE_RENAME], *mounts = &c->events[EVENT_FILE_MOUNT];
	size_t renames_before = renames->n, mounts_before = mounts->n;
	int err = derive_clauses(&c->predicates, c->events, false);
	if (err || (renames->n <= POLICY_CLAUSES && mounts->n <= POLICY_CLAUSES))
		return err;
	renames->n = renames_before;
	mounts->n = mounts_before;
	return derive_clauses(&c->predicates, c->events, true);
}

static int check_event(const struct compilation *c, uint32_t event)
{
	const struct event_clauses *e = &c->events[event];
	if (e->n <= POLICY_CLAUSES)
		return 0;
	const struct rule_info *rule = ruleset_get(c->set, e->p[POLICY_CLAUSES].rule);
	diag_error(c->diag, rule->at, "rule %s is beyond the limit of %d clauses for %s: the rules that block have %zu, %zu of which keep the folders above what "
		   "rules protect; merge rules that differ in one value with `in`",
		   rule->id, POLICY_CLAUSES, event_name(event), e->n, count_derived(e));
	return -E2BIG;
}

static int order_clauses(struct compilation *c)
{
	int worst = 0;
	for (uint32_t event = 0; event < EVENT_NUMBERS; event++) {
		struct event_clauses *e = &c->events[event];
		if (e->n)
			qsort(e->p, e->n, sizeof(*e->p), compare_placed);
		int err = check_event(c, event);
		worst = err ? err : worst;
		c->out.counts.clauses += e->n;
		c->out.counts.derived += count_derived(e);
		c->out.counts.largest_event = MAX(c->out.counts.largest_event, e->n);
	}
	return worst;
}

/* --- ancestors ------------------------------------------------------------------------------------------------------------- */

/* The first rule that asks for ancestors in the event; UINT32_MAX: none does. */
static uint32_t first_asker(const struct event_clauses *e)
{
	uint32_t first = UINT32_MAX;
	for (size_t i = 0; i < e->n; i++)
		for (size_t k = 0; k < e->p[i].clause.n; k++)
			if (e->p[i].clause.literals[k].dimension == DIMENSION_ANCESTORS)
				first = MIN(first, (uint32_t)e->p[i].rule);
	return first;
}

/* The fault is the last rule's that brings another event type. */
static int check_ancestor_events(const struct compilation *c)
{
	size_t n = 0;
	uint32_t last = 0, last_event = 0;
	for (uint32_t event = 0; event < EVENT_NUMBERS; event++) {
		uint32_t first = first_asker(&c->events[event]);
		if (first == UINT32_MAX)
			continue;
		if (n++ == 0 || first > last) {
			last = first;
			last_event = event;
		}
	}
	if (n <= POLICY_ANCESTOR_EVENTS)
		return 0;
	const struct rule_info *rule = ruleset_get(c->set, last);
	diag_error(c->diag, rule->at, "rule %s asks for ancestors in %s, and the rules that block do so in %zu event types: %d is the limit; name fewer events in "
		   "rules with ancestor(...)", rule->id, event_name(last_event), n, POLICY_ANCESTOR_EVENTS);
	return -E2BIG;
}

static int register_ancestors(struct compilation *c)
{
	const struct ancestor_registry *before = c->world->ancestors;
	struct ancestor_registry *now = &c->out.ancestors;
	int err = ancestor_registry_copy(before, now);
	for (uint32_t i = 0; i < c->predicates.n_used[DIMENSION_ANCESTORS] && !err; i++) {
		const struct value_set *p = c->predicates.used[DIMENSION_ANCESTORS][i];
		int bit = ancestor_registry_add(now, before, p->canonical);
		if (bit == -ENOSPC)
			diag_error(c->diag, p->at, "the rules that block, with those in force until they are replaced, have more than %d different tests of "
				   "ancestors: name the executables of one rule in one list", POLICY_ANCESTORS);
		err = bit == -ENOSPC ? -E2BIG : MIN(bit, 0);
	}
	uint64_t untold = 0;
	for (size_t w = 0; w < POLICY_ANCESTOR_WORDS; w++) {
		c->out.untold[w] = now->in_force[w] & ~(before ? before->in_force[w] : 0);
		untold |= c->out.untold[w];
	}
	now->epoch = before ? before->epoch + (untold != 0) : 1;
	c->classes.ancestors = now;
	c->out.counts.ancestors = c->predicates.n_used[DIMENSION_ANCESTORS];
	return err;
}

/* --- tables ---------------------------------------------------------------------------------------------------------------- */

static int check_arguments(const struct compilation *c)
{
	uint32_t n = c->predicates.n_used[DIMENSION_ARGUMENTS];
	if (n <= POLICY_ARGUMENTS)
		return 0;
	diag_error(c->diag, c->predicates.used[DIMENSION_ARGUMENTS][POLICY_ARGUMENTS]->at, "the rules that kill have %u different tests of arguments, and %d is the "
		   "limit: name the arguments of one rule in one list", n, POLICY_ARGUMENTS);
	return -E2BIG;
}

static int use_predicates(struct compilation *c)
{
	for (uint32_t event = 0; event < EVENT_NUMBERS; event++) {
		for (size_t i = 0; i < c->events[event].n; i++) {
			const struct clause *clause = &c->events[event].p[i].clause;
			for (size_t k = 0; k < clause->n; k++)
				if (value_set_use(&c->predicates, clause->literals[k].predicate))
					return -ENOMEM;
		}
	}
	for (size_t d = 0; d < DIMENSION_COUNT; d++)
		c->out.counts.predicates += c->predicates.n_used[d];
	return check_arguments(c);
}

static int make_classes(struct compilation *c)
{
	struct names names = { .mounts = c->world->mounts, .follows_links = c->world->follows_links, .diag = c->diag };
	int err = classes_make(&c->classes, &c->predicates, &names);
	names_done(&names);
	for (size_t d = 0; d < DIMENSION_COUNT; d++)
		c->out.counts.classes += c->classes.sets[d].n;
	return err;
}

static size_t tables_bytes(const struct verdict_tables *t)
{
	return sizeof(t->head) + t->n_rows * sizeof(*t->rows) + t->n_texts * sizeof(*t->texts) + t->n_numbers * sizeof(*t->numbers) +
	       t->n_addresses * sizeof(*t->addresses) + t->n_clauses * sizeof(*t->clauses) + t->n_ancestor_masks * sizeof(*t->ancestor_masks) +
	       t->head.n_ancestors * t->n_ancestor_events * sizeof(*t->ancestor_rows);
}

static int make_tables(struct compilation *c)
{
	struct verdict_tables *t = &c->out.tables;
	int err = rows_make(&c->classes, &c->predicates, c->events, c->world->generation, t);
	if (err)
		return err;
	t->head.ancestor_epoch = c->out.ancestors.epoch;
	ancestor_registry_names(&c->out.ancestors, t->ancestor_names);
	t->n_texts = c->classes.n_texts;
	t->n_numbers = c->classes.n_numbers;
	t->n_addresses = c->classes.n_addresses;
	t->n_ancestor_masks = c->classes.n_ancestor_masks;
	t->texts = TAKE(c->classes.texts);
	t->numbers = TAKE(c->classes.numbers);
	t->addresses = TAKE(c->classes.addresses);
	t->ancestor_masks = TAKE(c->classes.ancestor_masks);
	c->out.counts.bytes = tables_bytes(t);
	return 0;
}

int verdict_compile(const struct ruleset *set, const struct verdict_world *world, struct verdict_policy *ret, struct diag *diag)
{
	CLEANUP(compilation_done) struct compilation *c = compilation_new(set, world, diag);
	if (!c)
		return -ENOMEM;
	int (*const steps[])(struct compilation *) = { compile_rules, derive, order_clauses, use_predicates, register_ancestors, make_classes, make_tables };
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int err = steps[i](c);
		if (!err && steps[i] == order_clauses)
			err = check_ancestor_events(c);
		if (err)
			return err;
	}
	c->out.until_ns = c->predicates.until_ns;
	*ret = c->out;
	c->out = (struct verdict_policy){ 0 };
	return 0;
}

static bool is_same(const void *a, size_t n_a, const void *b, size_t n_b, size_t size)
{
	return n_a == n_b && (n_a == 0 || memcmp(a, b, n_a * size) == 0);
}

bool verdict_tables_equal(const struct verdict_tables *a, const struct verdict_tables *b)
{
#define SAME(entries) is_same(a->entries, a->n_##entries, b->entries, b->n_##entries, sizeof(*a->entries))
	size_t parts_a = a->head.n_ancestors * a->n_ancestor_events, parts_b = b->head.n_ancestors * b->n_ancestor_events;
	return memcmp(&a->head, &b->head, sizeof(a->head)) == 0 && a->n_ancestor_events == b->n_ancestor_events && SAME(rows) && SAME(texts) &&
	       SAME(numbers) && SAME(addresses) && SAME(clauses) && SAME(ancestor_masks) &&
	       is_same(a->ancestor_rows, parts_a, b->ancestor_rows, parts_b, sizeof(*a->ancestor_rows));
#undef SAME
}

int verdict_check_rule(const struct ruleset *set, uint32_t rule, struct diag *diag)
{
	static const struct verdict_world nowhere = { 0 };
	CLEANUP(compilation_done) struct compilation *c = compilation_new(set, &nowhere, diag);
	return c ? compile_rule(c, ruleset_get(set, rule)) : -ENOMEM;
}
