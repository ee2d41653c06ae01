/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folding of conditions over events, and the words for what can never hold. Errs to the side of "can hold": a rule is called full when
 * nothing speaks against it.
 */
#include "engine/rules/coverage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/json.h"
#include "engine/rules/contradict.h"
#include "engine/rules/impossible.h"
#include "engine/rules/op.h"

enum {
	REASONS_MAX = 32, /* of one rule; more add nothing */
	CLAUSE_SHOWN = 100, /* bytes of a test, in a reason */
};

/* Bit N: in event N it can be so. */
struct fold {
	uint64_t can_hold, can_fail;
};

/* Those that rules can be about. */
static uint64_t all_events(void)
{
	return 0
#define EVENT(number, id, type, name, category, ecs_type, doc) | (sizeof(name) > 1 ? 1ull << (number) : 0)
#include "schemas/events.def"
		;
}

/* --- tests ------------------------------------------------------------------------------------------------------------------- */

/* Events in which all that it reads can have a value. */
static uint64_t expr_events(const struct expr *x)
{
	if (x->type == EXPR_FIELD)
		return x->field->never ? 0 : x->field->events;
	uint64_t events = all_events();
	for (size_t i = 0; i < x->n_args; i++)
		events &= expr_events(x->args[i]);
	return events;
}

static uint64_t value_events(const struct field_ref *field, struct strview text)
{
	uint64_t events = 0;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		if (field->events >> i & 1 && field->may_be(field, i, text))
			events |= 1ull << i;
	return events;
}

/* A test that asks whether a field, whose values are known beforehand, has one of some. */
static bool is_of_known_values(const struct test *t)
{
	bool is_equality = t->op->id == OP_EQ || t->op->id == OP_EQ2 || t->op->id == OP_IN || t->op->id == OP_INTERSECTS;
	bool is_any = t->modifier == MODIFIER_NONE || t->modifier == MODIFIER_ANYOF;
	return t->left->type == EXPR_FIELD && t->left->field->may_be && !t->left->field->never && is_equality && is_any && !t->right;
}

/* A test of a field that holds only for values with given texts in them. */
static bool is_of_texts(const struct test *t)
{
	op_function *f = t->op->function;
	bool is_literal = f == op_equal || f == op_iequal || f == op_contains || f == op_icontains || f == op_starts || f == op_istarts ||
			  f == op_ends || f == op_iends;
	return t->left->type == EXPR_FIELD && !t->right && is_literal && t->op->id != OP_NE && t->op->id != OP_EXISTS && t->n_operands > 0;
}

/* Whether it asks for more bytes than the field ever has. */
static bool is_too_long(const struct test *t)
{
	if (!is_of_texts(t) || !t->left->field->max_bytes)
		return false;
	size_t n_long = 0;
	for (size_t i = 0; i < t->n_operands; i++)
		n_long += t->operands[i].text.n > t->left->field->max_bytes;
	return t->modifier == MODIFIER_ALLOF ? n_long > 0 : n_long == t->n_operands;
}

uint64_t coverage_test_events(const struct test *t)
{
	uint64_t events = expr_events(t->left);
	if (t->right)
		events &= expr_events(t->right);
	if (!is_of_known_values(t))
		return events;
	uint64_t some = 0;
	for (size_t i = 0; i < t->n_operands; i++)
		some |= value_events(t->left->field, t->operands[i].text);
	return events & some;
}

/* Events in which some value may hold one of the words that it asks for. */
static uint64_t word_events(const struct test *t)
{
	op_function *f = t->op->function;
	bool folds = f == op_iequal || f == op_icontains || f == op_istarts || f == op_iends;
	bool is_any = t->modifier == MODIFIER_NONE || t->modifier == MODIFIER_ANYOF;
	uint64_t events = 0;
	if (!is_of_texts(t) || !is_any || folds || !t->left->field->may_hold_word)
		return all_events();
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		for (size_t k = 0; k < t->n_operands && !(events >> i & 1); k++)
			events |= (uint64_t)t->left->field->may_hold_word(t->left->field, i, t->operands[k].text) << i;
	return events;
}

/* How a condition is folded: what of a test says in which events it can hold. */
enum view {
	VIEW_AUTHOR, /* tests of fields whose values are known beforehand alone, as evt.type: which events the author asks for */
	VIEW_VALUES, /* fields that have a value: in which events it has to be evaluated */
	VIEW_POSSIBLE, /* and values that can be there; for messages alone: evaluation compares whatever it is given, and so does the engine */
	VIEW_RESOLVED, /* and names that the kernel has resolved, as all are in lsm mode; for messages, too */
};

static uint64_t events_to_hold_in(const struct test *t, enum view view)
{
	const char *why;
	if (view == VIEW_AUTHOR)
		return is_of_known_values(t) ? t->can_hold : all_events();
	if (view == VIEW_VALUES)
		return t->can_hold;
	uint64_t possible = view == VIEW_RESOLVED ? test_resolved_events(t, &why) : test_possible_events(t, &why);
	return is_too_long(t) ? 0 : t->can_hold & word_events(t) & possible;
}

/* --- conditions ---------------------------------------------------------------------------------------------------------------- */

/* Recursion is bounded by CONDITION_MAX_DEPTH, its length by CONDITION_MAX_NODES. */
static struct fold fold_of(const struct condition *c, enum view view)
{
	uint64_t all = all_events();
	if (c->type == NODE_CONST && view == VIEW_AUTHOR)
		return (struct fold){ all, all };
	if (c->type == NODE_CONST)
		return (struct fold){ c->truth ? all : 0, c->truth ? 0 : all };
	if (c->type == NODE_TEST)
		return (struct fold){ events_to_hold_in(c->test, view), all };
	if (c->type == NODE_NOT) {
		struct fold child = fold_of(c->children[0], view);
		return (struct fold){ child.can_fail, child.can_hold };
	}
	struct fold whole = { c->type == NODE_AND ? all : 0, c->type == NODE_AND ? 0 : all };
	for (size_t i = 0; i < c->n; i++) {
		struct fold child = fold_of(c->children[i], view);
		whole.can_hold = c->type == NODE_AND ? whole.can_hold & child.can_hold : whole.can_hold | child.can_hold;
		whole.can_fail = c->type == NODE_AND ? whole.can_fail | child.can_fail : whole.can_fail & child.can_fail;
	}
	return whole;
}

uint64_t coverage_events(const struct condition *c)
{
	return fold_of(c, VIEW_VALUES).can_hold;
}

bool expr_needs_outcome(const struct expr *x)
{
	if (x->type == EXPR_FIELD)
		return x->field->needs_outcome;
	for (size_t i = 0; i < x->n_args; i++)
		if (expr_needs_outcome(x->args[i]))
			return true;
	return false;
}

bool coverage_needs_outcome(const struct condition *c)
{
	if (c->type == NODE_TEST)
		return expr_needs_outcome(c->test->left) || (c->test->right && expr_needs_outcome(c->test->right));
	for (size_t i = 0; i < c->n; i++)
		if (coverage_needs_outcome(c->children[i]))
			return true;
	return false;
}

static bool expr_asks(const struct expr *x, const char *field)
{
	if (x->type == EXPR_FIELD)
		return strcmp(x->field->name, field) == 0;
	for (size_t i = 0; i < x->n_args; i++)
		if (expr_asks(x->args[i], field))
			return true;
	return false;
}

bool coverage_asks(const struct condition *c, const char *field)
{
	if (c->type == NODE_TEST)
		return expr_asks(c->test->left, field) || (c->test->right && expr_asks(c->test->right, field));
	for (size_t i = 0; i < c->n; i++)
		if (coverage_asks(c->children[i], field))
			return true;
	return false;
}

/* --- reasons ------------------------------------------------------------------------------------------------------------------- */

/* Tests of a field that never has a value: one reason for all of them. */
struct never_reason {
	const struct field_ref *field;
	const struct condition *first;
	size_t n;
};

struct report {
	struct arena *arena;
	const char *texts[REASONS_MAX];
	size_t n;
	struct never_reason never[REASONS_MAX];
	size_t n_never;
	const char *source; /* of the first field that another source would fill */
	bool is_unseen;     /* something is asked for that no event shows */
	bool no_memory;
};

static void add_reason(struct report *r, const char *text)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->texts[i], text) == 0)
			return;
	if (r->n == REASONS_MAX)
		return;
	r->texts[r->n] = arena_text(r->arena, sv_from(text));
	r->no_memory |= !r->texts[r->n];
	r->n += !r->no_memory;
}

static void event_names(uint64_t events, char *out, size_t size)
{
	size_t n = 0;
	out[0] = '\0';
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		if (!(events >> i & 1) || n + 40 > size)
			continue;
		n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", event_type_by_number(i)->name);
	}
}

/* The test as text, cut where it grows long. */
static void clause_text(const struct condition *c, char out[static CLAUSE_SHOWN + 8])
{
	CLEANUP(buf_done) struct buf text = { 0 };
	condition_text(c, &text);
	const char *z = buf_cstr(&text);
	size_t n = strlen(z) > CLAUSE_SHOWN ? utf8_cut(z, CLAUSE_SHOWN) : strlen(z);
	snprintf(out, CLAUSE_SHOWN + 8, "%.*s%s", (int)n, z, z[n] ? "..." : "");
}

/* The first field without a value in these events. */
static const struct field_ref *missing_field(const struct expr *x, uint64_t events)
{
	if (x->type == EXPR_FIELD)
		return x->field->never || !(x->field->events & events) ? x->field : NULL;
	for (size_t i = 0; i < x->n_args; i++) {
		const struct field_ref *field = missing_field(x->args[i], events);
		if (field)
			return field;
	}
	return NULL;
}

/* Values that no event ever shows, of a test that asks for one of several. */
static void report_values(struct report *r, const struct test *t)
{
	char text[256], value[96];
	for (size_t i = 0; i < t->n_operands; i++) {
		if (value_events(t->left->field, t->operands[i].text))
			continue;
		snprintf(text, sizeof(text), "%s = %s can never hold: no event shows it", t->left->field->name,
			 diag_quote(t->operands[i].text, value, sizeof(value)));
		add_reason(r, text);
	}
}

static void note_never(struct report *r, const struct condition *c, const struct field_ref *field)
{
	size_t i = 0;
	while (i < r->n_never && r->never[i].field != field)
		i++;
	if (i == REASONS_MAX)
		return;
	if (i == r->n_never)
		r->never[r->n_never++] = (struct never_reason){ .field = field, .first = c };
	r->never[i].n++;
	if (!r->source)
		r->source = field->source;
	r->is_unseen |= !field->source;
}

static void report_never(struct report *r)
{
	char clause[CLAUSE_SHOWN + 8], more[64] = "", text[1024];
	for (size_t i = 0; i < r->n_never; i++) {
		const struct never_reason *never = &r->never[i];
		if (never->n > 1)
			snprintf(more, sizeof(more), ", and %zu more of this field", never->n - 1);
		clause_text(never->first, clause);
		snprintf(text, sizeof(text), "%s can never hold (%s:%u%s): %s has no value: %s", clause, never->first->at.file ? never->first->at.file : "", never->first->at.line,
			 never->n > 1 ? more : "",
			 never->field->name, never->field->never);
		add_reason(r, text);
	}
}

/* Why a test cannot hold in these events. */
static void report_test(struct report *r, const struct condition *c, uint64_t events)
{
	char clause[CLAUSE_SHOWN + 8], names[160], text[1024];
	const struct test *t = c->test;
	const struct field_ref *field = missing_field(t->left, events);
	if (!field && t->right)
		field = missing_field(t->right, events);
	if (field && field->never) {
		note_never(r, c, field);
		return;
	}
	if (!field && is_of_known_values(t)) { /* unless no event shows it at all, the author means other events */
		r->is_unseen |= !t->can_hold;
		report_values(r, t);
		return;
	}
	clause_text(c, clause);
	if (!field && is_too_long(t)) {
		snprintf(text, sizeof(text), "%s can never hold (%s:%u): %s has at most %zu bytes", clause, c->at.file ? c->at.file : "", c->at.line,
			 t->left->field->name, t->left->field->max_bytes);
		add_reason(r, text);
		return;
	}
	const char *why = NULL, *none;
	if (!field && !(test_resolved_events(t, &why) & t->can_hold & events) && why) {
		bool is_by_name = test_possible_events(t, &none) & t->can_hold & events;
		snprintf(text, sizeof(text), "%s can never hold%s (%s:%u)%s", clause, is_by_name ? " in lsm mode" : "", c->at.file ? c->at.file : "", c->at.line,
			 strchr(why, ':'));
		add_reason(r, text);
		return;
	}
	if (!field && !(word_events(t) & t->can_hold & events)) {
		snprintf(text, sizeof(text), "%s can never hold (%s:%u): no value of %s has that in it", clause, c->at.file ? c->at.file : "", c->at.line,
			 t->left->field->name);
		add_reason(r, text);
		return;
	}
	event_names(events, names, sizeof(names));
	const char *where = events == all_events() ? "" : " in ";
	r->is_unseen = true;
	snprintf(text, sizeof(text), "%s can never hold%s%s%s%s%s", clause, where, *where ? names : "", field ? ": " : "", field ? field->name : "",
		 field ? " has no value there" : "");
	add_reason(r, text);
}

/* A condition that never holds, or never fails, before there is an event: its author wrote it so, or it is known why. */
static void report_constant(struct report *r, const struct condition *c)
{
	char text[512];
	const char *why = c->why ? c->why : "a list without items, or a placeholder that waits for values of your own";
	snprintf(text, sizeof(text), "%s:%u: %s as it is written: %s", c->at.file ? c->at.file : "", c->at.line,
		 c->truth ? "always true" : "never true", why);
	add_reason(r, text);
}

/* One value of several, which the others outlive. */
static void report_lost(struct report *r, const struct lost_value *lost)
{
	char text[512];
	for (size_t i = 0; i < r->n; i++)
		if (strstr(r->texts[i], lost->why)) /* it is what settles the condition */
			return;
	snprintf(text, sizeof(text), "%s:%u: %s", lost->at.file ? lost->at.file : "", lost->at.line, lost->why);
	add_reason(r, text);
}

static void report_pair(struct report *r, const struct contradiction *pair)
{
	char first[CLAUSE_SHOWN + 8], second[CLAUSE_SHOWN + 8], text[1024];
	clause_text(pair->first, first);
	clause_text(pair->second, second);
	snprintf(text, sizeof(text), "it can never hold: %s (%s:%u) and %s (%s:%u) contradict one another as they stand here", first,
		 pair->first->at.file ? pair->first->at.file : "", pair->first->at.line, second, pair->second->at.file ? pair->second->at.file : "",
		 pair->second->at.line);
	add_reason(r, text);
}

/* Events that the tests of known values leave a child to hold in, or to fail in. */
static uint64_t good_events(const struct condition *c, bool is_negated)
{
	struct fold fold = fold_of(c, VIEW_AUTHOR);
	return is_negated ? fold.can_fail : fold.can_hold;
}

/*
 * Reports tests that never hold in the events in which they are asked: those that the tests of known values, beside and above them, leave.
 */
static void report_clauses(struct report *r, const struct condition *c, bool is_negated, uint64_t asked)
{
	if (asked == 0 || r->n == REASONS_MAX)
		return;
	if (c->type == NODE_TEST) {
		bool is_known = is_of_known_values(c->test);
		if (is_known && !is_negated)
			report_values(r, c->test);
		if (!is_known && !(events_to_hold_in(c->test, VIEW_RESOLVED) & asked))
			report_test(r, c, asked);
	}
	bool is_and = c->type != NODE_NOT && (c->type == NODE_AND) != is_negated;
	uint64_t lost = 0, lost_twice = 0; /* events that one child, that several children do not leave */
	for (size_t i = 0; i < c->n && is_and; i++) {
		uint64_t not_left = ~good_events(c->children[i], is_negated);
		lost_twice |= lost & not_left;
		lost |= not_left;
	}
	for (size_t i = 0; i < c->n; i++) {
		uint64_t own = is_and ? ~good_events(c->children[i], is_negated) : 0;
		uint64_t by_others = (own & lost_twice) | (~own & lost);
		report_clauses(r, c->children[i], (c->type == NODE_NOT) != is_negated, asked & ~by_others);
	}
}

/* Reports what keeps a condition from holding (or failing) in events in which it cannot. */
static void report_failure(struct report *r, const struct condition *c, bool is_negated, uint64_t events)
{
	if (c->type == NODE_TEST && !is_negated) {
		report_test(r, c, events);
		return;
	}
	if (c->type == NODE_CONST) {
		report_constant(r, c);
		return;
	}
	bool is_and = (c->type == NODE_AND) != is_negated;
	for (size_t i = 0; i < c->n; i++) {
		struct fold child = fold_of(c->children[i], VIEW_RESOLVED);
		uint64_t good = (c->type == NODE_NOT) != is_negated ? child.can_fail : child.can_hold;
		uint64_t bad = c->type == NODE_NOT ? events : events & ~good;
		if (bad)
			report_failure(r, c->children[i], (c->type == NODE_NOT) != is_negated, bad);
		if (is_and && c->type != NODE_NOT)
			events &= ~bad; /* one reason for each event is enough */
	}
}

/* --- rules ------------------------------------------------------------------------------------------------------------------- */

static int keep_reasons(struct report *r, struct rule_info *info)
{
	const char **reasons = arena_alloc(r->arena, (r->n + 1) * sizeof(const char *));
	if (!reasons || r->no_memory)
		return -ENOMEM;
	memcpy(reasons, r->texts, r->n * sizeof(const char *));
	info->reasons = reasons;
	info->n_reasons = r->n;
	return 0;
}

static int fill_rule(struct arena *arena, struct matcher *m, struct rule *rule)
{
	struct report r = { .arena = arena };
	struct rule_info *info = &rule->info;
	char text[256];
	info->coverage = COVERAGE_FULL;
	if (info->needs_source) {
		info->coverage = COVERAGE_NEEDS_SOURCE;
		snprintf(text, sizeof(text), "it is about events of %s, which nothing here reports", info->needs_source);
		add_reason(&r, text);
		return keep_reasons(&r, info);
	}
	uint64_t events = rule->takes_all_events ? all_events() : info->events, can_hold = fold_of(rule->condition, VIEW_POSSIBLE).can_hold & events;
	uint64_t resolved = fold_of(rule->condition, VIEW_RESOLVED).can_hold & events;
	uint64_t asked = fold_of(rule->condition, VIEW_AUTHOR).can_hold & events;
	if (!can_hold) {
		report_failure(&r, rule->condition, false, asked ? asked : events);
		if (r.n_never)
			r.n = 0; /* what another source would mend comes before what follows from it */
		report_never(&r);
		for (const struct lost_value *lost = rule->lost; lost; lost = lost->next)
			report_lost(&r, lost);
		if (r.n == 0)
			add_reason(&r, "its clauses contradict one another in every event");
		info->coverage = COVERAGE_NEEDS_SOURCE;
		info->needs_source = r.source ? r.source : r.is_unseen ? "events that nothing here reports" : "values of your own";
		return keep_reasons(&r, info);
	}
	struct contradiction pair;
	if (contradiction_find(m, rule->condition, &pair)) {
		report_pair(&r, &pair);
		info->events = rule->takes_all_events ? 0 : info->events; /* nothing need be seen for it */
		info->coverage = COVERAGE_NEEDS_SOURCE;
		info->needs_source = "values of your own";
		return keep_reasons(&r, info);
	}
	for (const struct lost_value *lost = rule->lost; lost; lost = lost->next)
		report_lost(&r, lost);
	report_clauses(&r, rule->condition, false, events);
	if (!resolved || (asked != all_events() && asked & ~resolved))
		report_failure(&r, rule->condition, false, asked ? asked & ~resolved : events);
	report_never(&r);
	info->coverage = r.n ? COVERAGE_PARTIAL : COVERAGE_FULL;
	return keep_reasons(&r, info);
}

/* --- rules over several events ------------------------------------------------------------------------------------------------- */

/* Sequences and groups need all their inputs, an absence the first, a threshold one of them. */
static bool is_needed(const struct stateful *s, size_t input)
{
	return s->kind == STATEFUL_SEQUENCE || s->kind == STATEFUL_TOGETHER || s->n_inputs == 1 || (s->kind == STATEFUL_ABSENCE && input == 0);
}

/* The worst that its inputs can do is what it can. */
static void take_class(struct report *r, const struct rule_info *step, struct rule_info *info)
{
	if (step->coverage <= info->coverage)
		return;
	r->n = 0;
	info->coverage = step->coverage;
	info->needs_source = step->needs_source;
	for (size_t i = 0; i < step->n_reasons; i++)
		add_reason(r, step->reasons[i]);
}

static void lose_input(struct report *r, struct rule *rule, size_t input, const char *why)
{
	bool is_dead = is_needed(rule->stateful, input);
	add_reason(r, why);
	if (is_dead && rule->info.coverage != COVERAGE_NEEDS_SOURCE)
		rule->info.needs_source = "values of your own";
	rule->info.coverage = is_dead ? COVERAGE_NEEDS_SOURCE : MAX(rule->info.coverage, COVERAGE_PARTIAL);
}

/* A disabled rule feeds nothing, and an event without one of the keys belongs to no group. */
static void report_input(struct report *r, const struct rule *rules, struct rule *rule, size_t input)
{
	const struct stateful_input *in = &rule->stateful->inputs[input];
	const struct rule_info *step = &rules[in->rule].info;
	char text[512];
	if (in->id && !step->is_enabled && !step->is_step) {
		snprintf(text, sizeof(text), "rule %s is disabled: it feeds nothing here (%s:%u)", step->id, in->at.file ? in->at.file : "", in->at.line);
		lose_input(r, rule, input, text);
	}
	for (size_t i = 0; i <= rule->stateful->n_keys; i++) {
		const struct field_ref *key = i < rule->stateful->n_keys ? in->keys[i] : in->distinct;
		if (!key || !key->never)
			continue;
		snprintf(text, sizeof(text), "no event belongs to a group by %s: it has no value: %s", key->name, key->never);
		lose_input(r, rule, input, text);
	}
}

/* Two steps that ask for different values of a field that has to be the same in both. */
static void report_joins(struct report *r, struct matcher *m, const struct rule *rules, struct rule *rule)
{
	const struct stateful *s = rule->stateful;
	char first[CLAUSE_SHOWN + 8], second[CLAUSE_SHOWN + 8], text[512];
	struct contradiction pair;
	for (size_t i = 0; i < s->n_inputs && (s->kind == STATEFUL_SEQUENCE || s->kind == STATEFUL_TOGETHER); i++)
		for (size_t k = 0; k < i; k++)
			for (size_t n = 0; n < s->n_keys; n++) {
				const struct condition *a = rules[s->inputs[k].rule].condition, *b = rules[s->inputs[i].rule].condition;
				const struct field_ref *key = s->inputs[i].keys[n];
				if (!a || !b || key != s->inputs[k].keys[n] || !contradiction_of_field(m, a, b, key, &pair))
					continue;
				clause_text(pair.first, first);
				clause_text(pair.second, second);
				snprintf(text, sizeof(text), "it can never hold: its steps are joined by %s, and %s contradicts %s", key->name, second, first);
				lose_input(r, rule, i, text);
			}
}

static int fill_stateful(struct arena *arena, struct matcher *m, struct rule *rules, struct rule *rule)
{
	struct report r = { .arena = arena };
	rule->info.coverage = COVERAGE_FULL;
	for (size_t i = 0; i < rule->stateful->n_inputs; i++)
		take_class(&r, &rules[rule->stateful->inputs[i].rule].info, &rule->info);
	for (size_t i = 0; i < rule->stateful->n_inputs; i++)
		report_input(&r, rules, rule, i);
	report_joins(&r, m, rules, rule);
	return keep_reasons(&r, &rule->info);
}

int coverage_fill(struct arena *arena, struct matcher *m, struct rule *rules, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!rules[i].stateful && fill_rule(arena, m, &rules[i]))
			return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (rules[i].stateful && fill_stateful(arena, m, rules, &rules[i]))
			return -ENOMEM;
	return 0;
}
