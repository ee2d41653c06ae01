/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Correlations: rules over the matches of other Sigma rules. event_count and value_count become thresholds, temporal a `together`,
 * temporal_ordered a sequence; see engine/rules/stateful.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/num.h"
#include "engine/import/sigma.h"

struct reader {
	struct compiler *c;
	struct sigma_document *d;
	const struct yaml_node *map; /* value of `correlation` */
	const struct sigma_references *rules;
	struct stateful *s;
	bool counts_values;
};

static int refuse(const struct reader *r, const struct yaml_node *node, const char *why)
{
	diag_error(r->c->diag, node->at, "correlation: %s", why);
	return -EINVAL;
}

static int no_memory(struct reader *r)
{
	r->c->no_memory = true;
	return -ENOMEM;
}

/* --- the rules it is about ------------------------------------------------------------------------------------------------------- */

static bool has_name(const struct sigma_document *d, struct strview name)
{
	static const char *const keys[] = { "id", "name" };
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct yaml_node *node = sigma_document_get(d, keys[i]);
		if (node && node->type == YAML_SCALAR && sv_equal(node->text, name))
			return true;
	}
	return false;
}

int sigma_documents_index(struct sigma_documents *all)
{
	static const char *const keys[] = { "id", "name" };
	for (size_t i = 0; i < all->n; i++)
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
			const struct yaml_node *node = sigma_document_get(&all->p[i], keys[k]);
			bool is_new = node && node->type == YAML_SCALAR && !strmap_get(&all->by_name, node->text);
			if (is_new && strmap_add(&all->by_name, node->text, &all->p[i]))
				return -ENOMEM;
		}
	return 0;
}

static const char *nearest_rule(const struct sigma_documents *all, struct strview name)
{
	const char **names = calloc(all->by_name.n + 1, sizeof(*names));
	size_t n = 0;
	for (size_t i = 0; names && i < all->by_name.size; i++)
		if (all->by_name.slots[i].key.p)
			names[n++] = all->by_name.slots[i].key.p; /* a YAML scalar: ended by NUL */
	const char *near = names ? diag_suggest(name, names, n) : NULL;
	free(names);
	return near;
}

static int add_reference(struct compiler *c, const struct sigma_documents *all, const struct yaml_node *node, struct sigma_references *ret)
{
	if (node->type != YAML_SCALAR || ret->n == STATEFUL_MAX_INPUTS) {
		diag_error(c->diag, node->at, "correlation: rules: expected the names or ids of 1 to %d rules", STATEFUL_MAX_INPUTS);
		return -EINVAL;
	}
	struct sigma_document *named = strmap_get(&all->by_name, node->text);
	if (named) {
		ret->p[ret->n++] = named;
		return 0;
	}
	char quoted[80];
	const char *near = nearest_rule(all, node->text);
	diag_error(c->diag, node->at, "correlation: rules: no Sigma rule among those loaded has the id or name %s%s%s%s",
		   diag_quote(node->text, quoted, sizeof(quoted)), near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
	return -EINVAL;
}

int sigma_references_read(struct compiler *c, const struct sigma_documents *all, const struct sigma_document *d, struct sigma_references *ret)
{
	const struct yaml_node *map = sigma_document_get(d, "correlation");
	const struct yaml_node *rules = map->type == YAML_MAP ? yaml_get(map, "rules") : NULL;
	int err = 0;
	ret->n = 0;
	if (!rules || rules->type == YAML_MAP || (rules->type == YAML_LIST && rules->n == 0)) {
		diag_error(c->diag, map->at, map->type == YAML_MAP ? "correlation: 'rules' is missing or no list" : "correlation: expected a map");
		return -EINVAL;
	}
	if (rules->type == YAML_SCALAR)
		err = add_reference(c, all, rules, ret);
	else
		for (const struct yaml_node *item = rules->first; item; item = item->next)
			err = worse_of(err, add_reference(c, all, item, ret));
	if (err)
		ret->n = 0;
	return err;
}

/* --- group-by ------------------------------------------------------------------------------------------------------------------- */

/* The Sigma field that an alias, or the field itself, stands for in the events of one rule. */
static struct strview field_name(const struct reader *r, const struct yaml_node *node, const struct sigma_document *rule)
{
	const struct yaml_node *aliases = yaml_get(r->map, "aliases");
	const struct yaml_node *alias = aliases && aliases->type == YAML_MAP ? yaml_get(aliases, node->text.p) : NULL;
	for (const struct yaml_node *k = alias && alias->type == YAML_MAP ? alias->first : NULL; k; k = k->next->next)
		if (k->next->type == YAML_SCALAR && has_name(rule, k->text))
			return k->next->text;
	return node->text;
}

/* Rows of the mapping have a field of their own each behind one name, and events are joined by that of the first row. */
static void warn_of_other_rows(const struct reader *r, const struct yaml_node *node, const struct sigma_document *rule, const struct sigma_field *field)
{
	char quoted[80];
	const struct field_ref *ref = field->target == SIGMA_CONSTANT ? NULL : field->ref;
	for (size_t i = 0; i < rule->rule.n_aliases; i++) {
		const struct field_alias *a = &rule->rule.aliases[i];
		bool is_same = a->field == ref && (ref || sv_is(field->constant, a->constant));
		if (is_same || !(a->events & rule->rule.info.events) || !sv_is(field->name, a->name) || diag_speaks_of(r->c->diag, node->at))
			continue;
		diag_warn(r->c->diag, node->at, "correlation: field %s is %s in one row of the mapping and %s in another: only the first is read",
			  diag_quote(field->name, quoted, sizeof(quoted)), ref ? ref->name : "the same in all events", a->field ? a->field->name : "the same in all events");
	}
}

/* NULL: after a report, or (ret_constant) the same in all events. */
static const struct field_ref *find_field(struct reader *r, const struct yaml_node *node, struct sigma_document *rule, bool *ret_constant)
{
	*ret_constant = false;
	if (node->type != YAML_SCALAR) {
		(void)refuse(r, node, "expected the name of a field");
		return NULL;
	}
	const struct sigma_field *field = sigma_row_field(r->c, rule->row, field_name(r, node, rule), node->at);
	if (field)
		warn_of_other_rows(r, node, rule, field);
	if (field && field->target == SIGMA_CONSTANT) {
		*ret_constant = true;
		return NULL;
	}
	return field ? field->ref : NULL;
}

/* A field that is the same in all events of all rules joins nothing, and is left out. */
static int add_key(struct reader *r, const struct yaml_node *node)
{
	size_t n_constant = 0;
	const struct field_ref *refs[STATEFUL_MAX_INPUTS];
	for (size_t i = 0; i < r->rules->n; i++) {
		bool is_constant;
		refs[i] = find_field(r, node, r->rules->p[i], &is_constant);
		n_constant += is_constant;
		if (!refs[i] && !is_constant)
			return r->c->no_memory ? -ENOMEM : -EINVAL;
	}
	if (n_constant == r->rules->n)
		return 0;
	if (n_constant)
		return refuse(r, node, "group-by: the field is the same in all events of one of the rules, and is not in those of another");
	if (r->s->n_keys == STATEFUL_MAX_KEYS)
		return refuse(r, node, "group-by: 8 fields at most");
	for (size_t i = 0; i < r->rules->n; i++)
		r->s->inputs[i].keys[r->s->n_keys] = refs[i];
	r->s->n_keys++;
	return 0;
}

static int read_keys(struct reader *r)
{
	const struct yaml_node *by = yaml_get(r->map, "group-by");
	if (!by)
		return 0;
	if (by->type == YAML_MAP)
		return refuse(r, by, "group-by: expected a list of fields");
	int err = 0;
	for (const struct yaml_node *node = by->type == YAML_LIST ? by->first : by; node; node = by->type == YAML_LIST ? node->next : NULL)
		err = worse_of(err, add_key(r, node));
	return err;
}

/* --- time and count --------------------------------------------------------------------------------------------------------------- */

static int read_timespan(struct reader *r)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	const struct yaml_node *node = yaml_get(r->map, "timespan");
	uint64_t n = 0;
	if (!node)
		return refuse(r, r->map, "'timespan' is missing");
	if (node->type == YAML_SCALAR && node->text.n > 1 &&
	    !num_parse_u64((struct strview){ node->text.p, node->text.n - 1 }, STATEFUL_MAX_WITHIN_NS / 1000000000u, &n))
		for (size_t i = 0; i < ARRAY_SIZE(units); i++)
			if (node->text.p[node->text.n - 1] == units[i].unit && n <= STATEFUL_MAX_WITHIN_NS / 1000000000u / units[i].seconds)
				r->s->within_ns = n * units[i].seconds * 1000000000u;
	if (r->s->within_ns == 0)
		return refuse(r, node, "timespan: expected a number with s, m, h or d, as 90m; 24h at most");
	return 0;
}

static int read_bound(struct reader *r, struct strview name, const struct yaml_node *node)
{
	uint64_t n = 0;
	if (node->type != YAML_SCALAR || num_parse_u64(node->text, STATEFUL_MAX_COUNT - 1, &n))
		return refuse(r, node, "condition: expected a number, 4095 at most");
	if (sv_is(name, "lt") && n == 0)
		return refuse(r, node, "condition: no count is below 0");
	stateful_narrow(r->s, name, n);
	return 0;
}

static int read_condition(struct reader *r)
{
	static const char *const keys[] = { "gt", "gte", "lt", "lte", "eq", "field" };
	const struct yaml_node *node = yaml_get(r->map, "condition");
	r->s->least = 1;
	r->s->most = UINT64_MAX;
	if (!node || node->type != YAML_MAP)
		return refuse(r, node ? node : r->map, "'condition' is missing or no map of gt, gte, lt, lte or eq");
	const struct yaml_node *neq = yaml_get(node, "neq");
	if (neq)
		return refuse(r, neq, "condition: neq is not supported: write two correlations, one with lt and one with gt");
	if (item_check_keys(r->c, node, keys, ARRAY_SIZE(keys), "a condition"))
		return -EINVAL;
	int err = 0;
	size_t n_bounds = 0;
	for (const struct yaml_node *k = node->first; k; k = k->next->next) {
		if (sv_is(k->text, "field"))
			continue;
		err = worse_of(err, read_bound(r, k->text, k->next));
		n_bounds++;
	}
	if (!err && n_bounds == 0)
		err = refuse(r, node, "condition: one of gt, gte, lt, lte and eq is missing");
	if (!err && r->s->least > r->s->most)
		err = refuse(r, node, "condition: no count satisfies it; a group has one event at least");
	return err;
}

/* A temporal correlation wants all of its rules; a count of fewer has no counterpart. */
static int read_rule_count(struct reader *r)
{
	const struct yaml_node *node = yaml_get(r->map, "condition");
	if (!node)
		return 0;
	const struct yaml_node *gte = node->type == YAML_MAP && node->n == 1 ? yaml_get(node, "gte") : NULL;
	uint64_t n = 0;
	if (gte && gte->type == YAML_SCALAR && !num_parse_u64(gte->text, STATEFUL_MAX_INPUTS, &n) && n == r->rules->n)
		return 0;
	return refuse(r, node, "condition: of a temporal correlation all rules have to match; leave the condition out, or write gte: the number of rules");
}

static int read_value_field(struct reader *r)
{
	const struct yaml_node *condition = yaml_get(r->map, "condition");
	const struct yaml_node *field = condition && condition->type == YAML_MAP ? yaml_get(condition, "field") : NULL;
	if (!r->counts_values)
		return field ? refuse(r, field, "condition: 'field' belongs to value_count") : 0;
	if (!field)
		return refuse(r, condition ? condition : r->map, "condition: value_count needs the 'field' whose values are counted");
	for (size_t i = 0; i < r->rules->n; i++) {
		bool is_constant;
		r->s->inputs[i].distinct = find_field(r, field, r->rules->p[i], &is_constant);
		if (is_constant)
			return refuse(r, field, "condition: the field has one value in all events");
		if (!r->s->inputs[i].distinct)
			return r->c->no_memory ? -ENOMEM : -EINVAL;
	}
	return 0;
}

/* --- the whole -------------------------------------------------------------------------------------------------------------------- */

static int read_type(struct reader *r)
{
	static const struct {
		const char *name;
		enum stateful_kind kind;
	} types[] = {
		{ "event_count", STATEFUL_THRESHOLD }, { "value_count", STATEFUL_THRESHOLD },
		{ "temporal", STATEFUL_TOGETHER },     { "temporal_ordered", STATEFUL_SEQUENCE },
	};
	const struct yaml_node *node = yaml_get(r->map, "type");
	for (size_t i = 0; node && node->type == YAML_SCALAR && i < ARRAY_SIZE(types); i++) {
		if (!sv_is(node->text, types[i].name))
			continue;
		r->s->kind = types[i].kind;
		r->counts_values = i == 1;
		return 0;
	}
	return refuse(r, node ? node : r->map, "type: expected event_count, value_count, temporal or temporal_ordered");
}

/* is_any: of what kind is not known, nor how many rules it may have. */
static int make_inputs(struct reader *r, bool is_any)
{
	size_t n = r->rules->n, max = !is_any && r->s->kind == STATEFUL_SEQUENCE ? STATEFUL_MAX_STEPS : STATEFUL_MAX_INPUTS;
	bool is_joined = !is_any && r->s->kind != STATEFUL_THRESHOLD;
	if (n > max || (is_joined && n < 2))
		return refuse(r, r->map, is_joined ? "rules: 2 rules at least; 12 at most for temporal_ordered" : "rules: 32 at most");
	r->s->inputs = arena_alloc(r->c->arena, n * sizeof(*r->s->inputs));
	if (!r->s->inputs)
		return no_memory(r);
	r->s->n_inputs = n;
	for (size_t i = 0; i < n; i++)
		r->s->inputs[i] = (struct stateful_input){ .rule = r->rules->p[i]->index, .at = r->d->rule.info.at };
	return 0;
}

/* Its events may have the names that its rules have for fields. */
static int add_aliases(struct reader *r)
{
	for (size_t i = 0; i < r->rules->n; i++) {
		const struct rule *rule = &r->rules->p[i]->rule;
		if (sigma_aliases_add(r->c, rule->aliases, rule->n_aliases, &r->d->rule))
			return no_memory(r);
	}
	return 0;
}

/* Events of the alerts. */
static void set_events(struct reader *r)
{
	size_t first, n;
	stateful_alert_inputs(r->s, &first, &n);
	for (size_t i = first; i < first + n; i++)
		r->d->rule.info.events |= r->rules->p[i]->rule.info.events;
	r->d->row = r->rules->p[first]->row;
}

/* What one of its rules needs, it needs. */
static const char *needed_source(const struct sigma_references *rules)
{
	for (size_t i = 0; i < rules->n; i++)
		if (rules->p[i]->rule.info.needs_source)
			return rules->p[i]->rule.info.needs_source;
	return NULL;
}

int sigma_correlation_read(struct compiler *c, const struct sigma_references *rules, struct sigma_document *d)
{
	static const char *const keys[] = { "type", "rules", "group-by", "timespan", "condition", "aliases", "generate" };
	struct reader r = { .c = c, .d = d, .map = sigma_document_get(d, "correlation"), .rules = rules };
	c->file = d->file->name;
	int err = sigma_metadata_read(c, d, &d->rule);
	err = worse_of(err, item_check_keys(c, r.map, keys, ARRAY_SIZE(keys), "a correlation"));
	if (err == -ENOMEM)
		return err;
	d->rule.info.needs_source = needed_source(rules);
	if (d->rule.info.needs_source) {
		d->rule.condition = node_const(c, false, d->rule.info.at);
		return err ? err : d->rule.condition ? sigma_message_set(c, &d->rule) : -ENOMEM;
	}
	r.s = arena_alloc(c->arena, sizeof(*r.s));
	if (!r.s)
		return no_memory(&r);
	int untyped = read_type(&r); /* the rest depends on it, but for the time and the keys */
	err = worse_of(err, untyped);
	int unjoined = rules->n ? make_inputs(&r, untyped != 0) : -EINVAL;
	err = worse_of(err, unjoined);
	err = worse_of(err, read_timespan(&r));
	if (!untyped && r.s->kind == STATEFUL_THRESHOLD)
		err = worse_of(err, read_condition(&r));
	else if (!untyped && rules->n)
		err = worse_of(err, read_rule_count(&r));
	if (!unjoined && err != -ENOMEM)
		err = worse_of(worse_of(err, untyped ? 0 : read_value_field(&r)), read_keys(&r));
	if (err)
		return err;
	if (add_aliases(&r))
		return -ENOMEM;
	set_events(&r);
	d->rule.stateful = r.s;
	d->rule.info.is_stateful = true;
	return sigma_message_set(c, &d->rule);
}
