/* SPDX-License-Identifier: Apache-2.0 */
/* Stateful rules of a whole set: which entries feed them, whether that can work, what names their state across reloads. */
#include <errno.h>
#include <stdlib.h>

#include "engine/rules/format.h"

struct resolver {
	struct rule_sink *sink;
	struct strmap by_id; /* struct rule */
	bool has_faults;
};

static void resolver_done(struct resolver *r)
{
	strmap_done(&r->by_id);
}

static void fault(struct resolver *r)
{
	r->has_faults = true;
}

/* --- inputs ---------------------------------------------------------------------------------------------------------------- */

static int index_ids(struct resolver *r)
{
	for (size_t i = 0; i < r->sink->n; i++) {
		int err = strmap_add(&r->by_id, sv_from(r->sink->rules[i].info.id), &r->sink->rules[i]);
		if (err)
			return err;
	}
	return 0;
}

static const char *nearest_id(const struct resolver *r, const char *id)
{
	const char **ids = calloc(r->sink->n + 1, sizeof(*ids));
	size_t n = 0;
	for (size_t i = 0; ids && i < r->sink->n; i++)
		if (!r->sink->rules[i].info.is_step)
			ids[n++] = r->sink->rules[i].info.id;
	const char *near = ids ? diag_suggest(sv_from(id), ids, n) : NULL;
	free(ids);
	return near;
}

enum { NO_RULE = UINT32_MAX }; /* of an input whose rule is not there, which was reported */

static void resolve_id(struct resolver *r, struct stateful_input *input)
{
	const struct rule *rule = strmap_get(&r->by_id, sv_from(input->id));
	char quoted[80];
	input->rule = NO_RULE;
	if (!rule || rule->info.is_step) {
		const char *near = nearest_id(r, input->id);
		if (!rule_sink_lacks(r->sink, sv_from(input->id)))
			diag_error(r->sink->c->diag, input->at, "there is no rule %s%s%s%s", diag_quote(sv_from(input->id), quoted, sizeof(quoted)),
				   near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
		fault(r);
		return;
	}
	if (!rule->info.is_enabled)
		diag_warn(r->sink->c->diag, input->at, "rule %s is disabled: this will never hold", diag_quote(sv_from(input->id), quoted, sizeof(quoted)));
	input->rule = rule->info.index;
}

/* 0: no stateful rule below; STATEFUL_MAX_DEPTH + 1: too many, or a circle. */
static unsigned depth_of(const struct rule_sink *sink, const struct rule *rule, unsigned level)
{
	unsigned deepest = 0;
	if (!rule->stateful)
		return 0;
	if (level > STATEFUL_MAX_DEPTH)
		return STATEFUL_MAX_DEPTH + 1;
	for (size_t i = 0; i < rule->stateful->n_inputs; i++) {
		uint32_t index = rule->stateful->inputs[i].rule;
		const struct rule *input = index == NO_RULE ? NULL : &sink->rules[index];
		if (input && input->stateful)
			deepest = MAX(deepest, depth_of(sink, input, level + 1));
	}
	return MIN(deepest + 1, STATEFUL_MAX_DEPTH + 1u);
}

/* --- fields ---------------------------------------------------------------------------------------------------------------- */

/* Values of both can be equal: the same class, and for symbols the same ones. */
static bool fields_compare(const struct field_ref *a, const struct field_ref *b)
{
	bool has_symbols = a->class == CLASS_ENUM || a->class == CLASS_FLAGS;
	return a->class == b->class && (!has_symbols || a->kind == b->kind);
}

static void check_field(struct resolver *r, const struct rule *rule, const struct stateful_input *input, const struct field_ref *field)
{
	struct rule *from = &r->sink->rules[input->rule];
	from->info.needs_outcome |= field->needs_outcome;
	if (field->class == CLASS_LIST) {
		diag_error(r->sink->c->diag, input->at, "rule %s: field '%s' is a list: events are joined by single values", rule->info.id, field->name);
		fault(r);
	} else if (!(field->events & from->info.events)) {
		diag_error(r->sink->c->diag, input->at, "rule %s: no event of %s has the field '%s'", rule->info.id, from->info.id, field->name);
		fault(r);
	}
}

static void check_fields(struct resolver *r, const struct rule *rule)
{
	const struct stateful *s = rule->stateful;
	for (size_t i = 0; i < s->n_inputs; i++) {
		const struct stateful_input *input = &s->inputs[i];
		for (size_t k = 0; k < s->n_keys; k++) {
			check_field(r, rule, input, input->keys[k]);
			if (fields_compare(input->keys[k], s->inputs[0].keys[k]))
				continue;
			diag_error(r->sink->c->diag, input->at, "rule %s: values of '%s' and '%s' are never equal: they are of different types",
				   rule->info.id, s->inputs[0].keys[k]->name, input->keys[k]->name);
			fault(r);
		}
		if (input->distinct)
			check_field(r, rule, input, input->distinct);
	}
}

/* --- digests --------------------------------------------------------------------------------------------------------------- */

static void digest_number(crypto_hash_sha256_state *state, uint64_t n)
{
	unsigned char bytes[8];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(n >> (8 * i));
	crypto_hash_sha256_update(state, bytes, sizeof(bytes));
}

static void digest_text(crypto_hash_sha256_state *state, struct strview text)
{
	digest_number(state, text.n);
	crypto_hash_sha256_update(state, (const unsigned char *)text.p, text.n);
}

static void digest_field(crypto_hash_sha256_state *state, const struct field_ref *field)
{
	digest_text(state, sv_from(field ? field->name : ""));
	digest_text(state, field ? field->argument : SV(""));
}

static int digest_rule(const struct rule_sink *sink, const struct rule *rule, unsigned level);

static int digest_input(const struct rule_sink *sink, crypto_hash_sha256_state *state, const struct stateful_input *input, unsigned level)
{
	const struct rule *rule = &sink->rules[input->rule];
	if (rule->stateful) {
		int err = digest_rule(sink, rule, level + 1);
		crypto_hash_sha256_update(state, rule->stateful->digest, sizeof(rule->stateful->digest));
		return err;
	}
	CLEANUP(buf_done) struct buf text = { 0 };
	condition_text(rule->condition, &text);
	digest_number(state, rule->info.events);
	digest_number(state, rule->info.is_enabled);
	digest_text(state, buf_sv(&text));
	return buf_error(&text);
}

/* Over all that decides when it is raised and how its groups are kept, and its id. Depth: at most STATEFUL_MAX_DEPTH, which was checked. */
static int digest_rule(const struct rule_sink *sink, const struct rule *rule, unsigned level)
{
	struct stateful *s = rule->stateful;
	crypto_hash_sha256_state state;
	crypto_hash_sha256_init(&state);
	digest_text(&state, sv_from(rule->info.id));
	const uint64_t numbers[] = { s->kind, s->lineage, s->within_ns, s->least, s->most, s->n_keys, s->n_inputs };
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		digest_number(&state, numbers[i]);
	for (size_t i = 0; i < s->n_inputs; i++) {
		int err = level > STATEFUL_MAX_DEPTH ? -EINVAL : digest_input(sink, &state, &s->inputs[i], level);
		if (err)
			return err;
		for (size_t k = 0; k < s->n_keys; k++)
			digest_field(&state, s->inputs[i].keys[k]);
		digest_field(&state, s->inputs[i].distinct);
	}
	crypto_hash_sha256_final(&state, s->digest);
	return 0;
}

/* --- the whole ------------------------------------------------------------------------------------------------------------- */

static int for_each(struct resolver *r, int (*step)(struct resolver *r, struct rule *rule))
{
	for (size_t i = 0; i < r->sink->n; i++) {
		int err = r->sink->rules[i].stateful ? step(r, &r->sink->rules[i]) : 0;
		if (err)
			return err;
	}
	return 0;
}

static int find_inputs(struct resolver *r, struct rule *rule)
{
	rule->stateful->rule = rule->info.index;
	for (size_t i = 0; i < rule->stateful->n_inputs; i++)
		if (rule->stateful->inputs[i].id)
			resolve_id(r, &rule->stateful->inputs[i]);
	return 0;
}

static int check_depth(struct resolver *r, struct rule *rule)
{
	if (depth_of(r->sink, rule, 0) > STATEFUL_MAX_DEPTH) {
		diag_error(r->sink->c->diag, rule->info.at, "rule %s: rules that count or join each other go in a circle, or deeper than %d levels", rule->info.id,
			   STATEFUL_MAX_DEPTH);
		fault(r);
	}
	return 0;
}

/* Events of the entry; of a stateful one: those its alerts are about. Depth as above. */
static uint64_t events_of(const struct rule_sink *sink, const struct rule *rule, unsigned level)
{
	uint64_t events = 0;
	size_t first, n;
	if (!rule->stateful || level > STATEFUL_MAX_DEPTH)
		return rule->info.events;
	stateful_alert_inputs(rule->stateful, &first, &n);
	for (size_t i = first; i < first + n; i++)
		events |= events_of(sink, &sink->rules[rule->stateful->inputs[i].rule], level + 1);
	return events;
}

static int settle_events(struct resolver *r, struct rule *rule)
{
	rule->info.events = events_of(r->sink, rule, 0);
	return 0;
}

static int check_rule(struct resolver *r, struct rule *rule)
{
	check_fields(r, rule);
	return r->has_faults ? 0 : digest_rule(r->sink, rule, 0);
}

int stateful_resolve(struct rule_sink *sink)
{
	CLEANUP(resolver_done) struct resolver r = { .sink = sink };
	bool has_any = false;
	for (size_t i = 0; i < sink->n; i++)
		has_any |= sink->rules[i].stateful != NULL;
	if (!has_any)
		return 0;
	int err = index_ids(&r);
	if (!err)
		err = for_each(&r, find_inputs);
	if (!err) /* of those that are there, whether or not others are missing */
		err = for_each(&r, check_depth);
	if (!err && !r.has_faults)
		err = for_each(&r, settle_events);
	if (!err && !r.has_faults)
		err = for_each(&r, check_rule);
	return err ? err : r.has_faults ? -EINVAL : 0;
}

/* Counting sort of the inputs by the entry that feeds them. */
static void sort_feeds(struct ruleset *set, struct stateful_feed *feeds, size_t n_feeds, uint32_t *first)
{
	for (size_t i = 0; i < set->n_stateful; i++)
		for (size_t k = 0; k < set->stateful[i]->n_inputs; k++)
			first[set->stateful[i]->inputs[k].rule + 1]++;
	for (size_t i = 0; i < set->n; i++)
		first[i + 1] += first[i];
	/* filled from the back, so that first[] ends where it should begin */
	for (size_t i = set->n_stateful; i-- > 0;)
		for (size_t k = set->stateful[i]->n_inputs; k-- > 0;)
			feeds[--first[set->stateful[i]->inputs[k].rule + 1]] = (struct stateful_feed){ (uint32_t)i, (uint32_t)k };
	first[set->n + 1] = (uint32_t)n_feeds;
}

int stateful_index(struct ruleset *set)
{
	size_t n_inputs = 0;
	for (size_t i = 0; i < set->n; i++) {
		const struct rule *rule = &set->rules[i];
		if (!rule->stateful || !rule->info.is_enabled)
			continue;
		set->n_stateful++;
		n_inputs += rule->stateful->n_inputs;
	}
	if (set->n_stateful == 0)
		return 0;
	struct stateful_feed *feeds = arena_alloc(&set->arena, n_inputs * sizeof(*feeds));
	uint32_t *first = arena_alloc(&set->arena, (set->n + 2) * sizeof(*first));
	set->stateful = arena_alloc(&set->arena, set->n_stateful * sizeof(const struct stateful *));
	if (!feeds || !first || !set->stateful)
		return -ENOMEM;
	size_t n = 0;
	for (size_t i = 0; i < set->n; i++)
		if (set->rules[i].stateful && set->rules[i].info.is_enabled)
			set->stateful[n++] = set->rules[i].stateful;
	sort_feeds(set, feeds, n_inputs, first);
	set->feeds = feeds;
	set->first_feed = first + 1;
	return 0;
}
