/* SPDX-License-Identifier: Apache-2.0 */
/* `threshold`, `sequence`, `together` and `absence` of our own format: from YAML to struct stateful. */
#include "engine/rules/stateful.h"

#include <errno.h>

#include "engine/base/num.h"
#include "engine/rules/set.h"

struct part_reader {
	struct compiler *c;
	const struct rule_file *file;
	const struct yaml_node *item; /* the rule */
	const struct yaml_node *map;  /* value of its key that makes it stateful */
	struct rule *rule;
	struct stateful *stateful;
	const struct yaml_node *by;   /* of the map: for inputs without their own; NULL: none */
	uint64_t events;              /* of the inputs that an alert may be about */
};

static const char *const kind_names[STATEFUL_KIND_COUNT] = {
	[STATEFUL_THRESHOLD] = "threshold",
	[STATEFUL_SEQUENCE] = "sequence",
	[STATEFUL_TOGETHER] = "together",
	[STATEFUL_ABSENCE] = "absence",
};

const char *stateful_kind_name(enum stateful_kind kind)
{
	return kind_names[kind];
}

static int refuse(const struct part_reader *p, struct place at, const char *why)
{
	diag_error(p->c->diag, at, "%s: %s", kind_names[p->stateful->kind], why);
	return -EINVAL;
}

static int no_memory(struct compiler *c)
{
	c->no_memory = true;
	return -ENOMEM;
}

/* --- fields that join ------------------------------------------------------------------------------------------------------ */

/* A field that events of these numbers have and that holds one value. */
static const struct field_ref *read_field(struct part_reader *p, const struct yaml_node *node, uint64_t events)
{
	if (node->type != YAML_SCALAR) {
		diag_error(p->c->diag, node->at, "expected the name of a field, found %s", yaml_type_name(node->type));
		return NULL;
	}
	/* `by` of the whole is read for each step: a fault is told once */
	const struct field_ref *ref = diag_refuses(p->c->diag, node->at) ? NULL : field_resolve(p->c, node->text, node->at);
	if (!ref)
		return NULL;
	if (ref->class == CLASS_LIST) {
		diag_error(p->c->diag, node->at, "field '%s' is a list: events are joined by single values", ref->name);
		return NULL;
	}
	if (events & ~ref->events) {
		uint32_t without = (uint32_t)__builtin_ctzll(events & ~ref->events);
		diag_error(p->c->diag, node->at, "%s has no field '%s'", event_type_by_number(without)->name, ref->name);
		return NULL;
	}
	return ref;
}

static int read_keys(struct part_reader *p, const struct yaml_node *by, uint64_t events, struct stateful_input *input)
{
	struct stateful *s = p->stateful;
	size_t n = !by ? 0 : by->type == YAML_LIST ? by->n : 1;
	if (by && by->type == YAML_MAP)
		return refuse(p, by->at, "by: expected a list of fields");
	if (n > STATEFUL_MAX_KEYS)
		return refuse(p, by->at, "by: 8 fields at most");
	if (input != s->inputs && n != s->n_keys)
		return refuse(p, by ? by->at : input->at, "by: each step needs the same number of fields, in the same order");
	s->n_keys = n;
	const struct yaml_node *node = by && by->type == YAML_LIST ? by->first : by;
	int err = 0;
	for (size_t i = 0; i < n; i++, node = node->next) {
		input->keys[i] = read_field(p, node, events);
		if (!input->keys[i])
			err = p->c->no_memory ? -ENOMEM : -EINVAL;
	}
	return err;
}

/* --- inputs ---------------------------------------------------------------------------------------------------------------- */

static int read_rule_id(struct part_reader *p, const struct yaml_node *node, struct stateful_input *input)
{
	int err = item_text(p->c, node, "rule", &input->id);
	input->at = node->at;
	input->at.file = p->file->name;
	return err;
}

static const char *step_id(struct part_reader *p, size_t number)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	buf_add_format(&text, "%s#%zu", p->rule->info.id ? p->rule->info.id : "", number);
	return buf_error(&text) ? NULL : arena_text(p->c->arena, buf_sv(&text));
}

/* A step with a condition of its own, which becomes an entry of the set. */
static int read_step(struct part_reader *p, const struct yaml_node *node, struct stateful_input *input)
{
	struct rule *step = arena_alloc(p->c->arena, sizeof(*step));
	const char *id = step_id(p, (size_t)(input - p->stateful->inputs) + 1);
	if (!step || !id)
		return no_memory(p->c);
	int err = rule_step_read(p->c, p->file, node, p->rule, step);
	if (err)
		return err;
	step->info.id = id;
	input->step = step;
	input->at = step->info.at;
	return 0;
}

/* {event, when, exceptions, by} or {rule, by}. */
static int read_input(struct part_reader *p, const struct yaml_node *node, struct stateful_input *input)
{
	if (node->type != YAML_MAP) {
		diag_error(p->c->diag, node->at, "%s: expected a step, {event: ..., when: ...} or {rule: ...}, found %s",
			   kind_names[p->stateful->kind], yaml_type_name(node->type));
		return -EINVAL;
	}
	const struct yaml_node *rule = yaml_get(node, "rule"), *by = yaml_get(node, "by");
	int err = item_check(p->c, node, rule ? PART_RULE_STEP : PART_STEP);
	err = worse_of(err, rule ? read_rule_id(p, rule, input) : read_step(p, node, input));
	/* of a step with faults no events are known: then only the names of fields are looked at */
	return worse_of(err, read_keys(p, by ? by : p->by, input->step ? input->step->info.events : 0, input));
}

static int make_inputs(struct part_reader *p, size_t n)
{
	p->stateful->inputs = arena_alloc(p->c->arena, n * sizeof(*p->stateful->inputs));
	p->stateful->n_inputs = n;
	return p->stateful->inputs ? 0 : no_memory(p->c);
}

static int read_steps(struct part_reader *p, size_t max)
{
	const struct yaml_node *steps = yaml_get(p->map, "steps");
	if (!steps || steps->type != YAML_LIST || steps->n < 2 || steps->n > max) {
		diag_error(p->c->diag, steps ? steps->at : p->map->at, "%s: 'steps' has to be a list of 2 to %zu maps", kind_names[p->stateful->kind], max);
		return -EINVAL;
	}
	int err = make_inputs(p, steps->n);
	size_t i = 0;
	for (const struct yaml_node *node = steps->first; node && err != -ENOMEM; node = node->next)
		err = worse_of(err, read_input(p, node, &p->stateful->inputs[i++]));
	return err;
}

/* --- times, counts, lineage ------------------------------------------------------------------------------------------------ */

static int read_within(struct part_reader *p)
{
	const struct yaml_node *within = yaml_get(p->map, "within");
	if (!within)
		return refuse(p, p->map->at, "'within' is missing");
	if (within->type != YAML_SCALAR || num_parse_duration(within->text, &p->stateful->within_ns) || p->stateful->within_ns == 0 ||
	    p->stateful->within_ns > STATEFUL_MAX_WITHIN_NS)
		return refuse(p, within->at, "within: expected a time with its unit, as 250ms, 10s, 5m or 2h, 24h at most");
	return 0;
}

static int read_lineage(struct part_reader *p)
{
	const struct yaml_node *lineage = yaml_get(p->map, "lineage");
	bool is_wanted = false;
	if (!lineage)
		return 0;
	if (lineage->type == YAML_SCALAR && sv_is(lineage->text, "parent")) {
		p->stateful->lineage = LINEAGE_PARENT;
		return 0;
	}
	if (lineage->type != YAML_SCALAR || yaml_bool(lineage, &is_wanted, NULL))
		return refuse(p, lineage->at, "lineage: expected true, false or parent");
	p->stateful->lineage = is_wanted ? LINEAGE_SELF : LINEAGE_ANY;
	return 0;
}

static int read_number(struct part_reader *p, const struct yaml_node *node, uint64_t *ret)
{
	if (node->type == YAML_SCALAR && num_parse_u64(node->text, STATEFUL_MAX_COUNT, ret) == 0)
		return 0;
	return refuse(p, node->at, "count: expected a number, 4096 at most");
}

void stateful_narrow(struct stateful *s, struct strview name, uint64_t n)
{
	if (sv_is(name, "gte") || sv_is(name, "eq"))
		s->least = MAX(s->least, n);
	if (sv_is(name, "gt"))
		s->least = MAX(s->least, n + 1);
	if (sv_is(name, "lte") || sv_is(name, "eq"))
		s->most = MIN(s->most, n);
	if (sv_is(name, "lt"))
		s->most = MIN(s->most, n - 1);
}

/* One comparison of a count; each narrows what the others left. */
static int read_comparison(struct part_reader *p, struct strview name, const struct yaml_node *node)
{
	struct stateful *s = p->stateful;
	uint64_t n;
	if (read_number(p, node, &n))
		return -EINVAL;
	if ((sv_is(name, "lt") && n == 0) || (sv_is(name, "gt") && n == STATEFUL_MAX_COUNT))
		return refuse(p, node->at, "count: no count is beyond this");
	stateful_narrow(s, name, n);
	return 0;
}

static int read_count(struct part_reader *p)
{
	const struct yaml_node *count = yaml_get(p->map, "count");
	struct stateful *s = p->stateful;
	s->least = 1; /* a group begins with its first event: none cannot be counted */
	s->most = UINT64_MAX;
	if (!count)
		return refuse(p, p->map->at, "'count' is missing");
	int err = 0;
	if (count->type != YAML_MAP) {
		err = read_number(p, count, &s->least);
	} else {
		err = item_check(p->c, count, PART_COMPARISON);
		for (const struct yaml_node *k = count->first; k; k = k->next->next)
			err = worse_of(err, read_comparison(p, k->text, k->next));
	}
	if (err)
		return err;
	if (s->least > s->most)
		return refuse(p, count->at, "count: no number satisfies all of this");
	if (s->least == 0)
		return refuse(p, count->at, "count: it would hold without an event: a group has one at least");
	return 0;
}

/* --- kinds ----------------------------------------------------------------------------------------------------------------- */

/* An item of `of`: an id, or {rule, by, distinct}. */
static int read_counted_rule(struct part_reader *p, const struct yaml_node *node, const struct yaml_node *distinct, struct stateful_input *input)
{
	const struct yaml_node *rule = node, *by = p->by;
	int err = 0;
	if (node->type == YAML_MAP) {
		rule = yaml_get(node, "rule");
		by = yaml_get(node, "by") ? yaml_get(node, "by") : by;
		distinct = yaml_get(node, "distinct") ? yaml_get(node, "distinct") : distinct;
		err = item_check(p->c, node, PART_COUNTED_RULE);
	}
	if (!rule)
		return refuse(p, node->at, "of: expected the id of a rule, or {rule: id, by: [...]}");
	err = worse_of(err, read_rule_id(p, rule, input));
	err = worse_of(err, read_keys(p, by, 0, input));
	if (distinct)
		input->distinct = read_field(p, distinct, 0);
	return worse_of(err, distinct && !input->distinct ? -EINVAL : 0);
}

static int read_counted_rules(struct part_reader *p, const struct yaml_node *of, const struct yaml_node *distinct)
{
	if (yaml_get(p->item, "event") || yaml_get(p->item, "when") || yaml_get(p->item, "exceptions"))
		return refuse(p, of->at, "either 'of', or 'event' and 'when' of the rule, not both");
	if (of->type != YAML_LIST || of->n < 1 || of->n > STATEFUL_MAX_INPUTS)
		return refuse(p, of->at, "of: expected a list of 1 to 32 rules");
	int err = make_inputs(p, of->n);
	size_t i = 0;
	for (const struct yaml_node *node = of->first; node && err != -ENOMEM; node = node->next) {
		err = worse_of(err, read_counted_rule(p, node, distinct, &p->stateful->inputs[i]));
		if (!err && !p->stateful->inputs[i].distinct != !p->stateful->inputs[0].distinct)
			err = refuse(p, node->at, "distinct: all rules or none");
		i++;
	}
	return err;
}

/* The rule's own event and condition are what is counted. */
static int read_counted_step(struct part_reader *p, const struct yaml_node *distinct)
{
	bool is_known = !yaml_get(p->item, "event") || p->rule->info.events; /* a bad event was reported, and would be again */
	if (make_inputs(p, 1))
		return -ENOMEM;
	struct stateful_input *input = p->stateful->inputs;
	int err = is_known ? read_step(p, p->item, input) : -EINVAL;
	uint64_t events = input->step ? input->step->info.events : 0;
	err = worse_of(err, read_keys(p, p->by, events, input));
	input->distinct = distinct ? read_field(p, distinct, events) : NULL;
	return worse_of(err, distinct && !input->distinct ? -EINVAL : 0);
}

static int read_threshold(struct part_reader *p)
{
	const struct yaml_node *of = yaml_get(p->map, "of"), *distinct = yaml_get(p->map, "distinct");
	int err = worse_of(item_check(p->c, p->map, PART_THRESHOLD), read_count(p));
	return worse_of(err, of ? read_counted_rules(p, of, distinct) : read_counted_step(p, distinct));
}

static int refuse_own_condition(struct part_reader *p)
{
	static const char *const keys[] = { "event", "when", "exceptions" };
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (yaml_get(p->item, keys[i])) {
			diag_error(p->c->diag, yaml_get(p->item, keys[i])->at, "%s: '%s' belongs into its steps", kind_names[p->stateful->kind], keys[i]);
			return -EINVAL;
		}
	return 0;
}

static int read_sequence(struct part_reader *p)
{
	int err = worse_of(item_check(p->c, p->map, PART_SEQUENCE), refuse_own_condition(p));
	err = worse_of(err, read_lineage(p));
	return worse_of(err, read_steps(p, STATEFUL_MAX_STEPS));
}

static int read_together(struct part_reader *p)
{
	int err = worse_of(item_check(p->c, p->map, PART_TOGETHER), refuse_own_condition(p));
	return worse_of(err, read_steps(p, STATEFUL_MAX_INPUTS));
}

static int read_absence(struct part_reader *p)
{
	const struct yaml_node *after = yaml_get(p->map, "after"), *missing = yaml_get(p->map, "missing");
	int err = worse_of(item_check(p->c, p->map, PART_ABSENCE), refuse_own_condition(p));
	err = worse_of(err, read_lineage(p));
	if (!after || !missing)
		return worse_of(err, refuse(p, p->map->at, "needs 'after' (the event that starts the wait) and 'missing' (the one that should follow)"));
	err = worse_of(err, make_inputs(p, 2));
	if (err != -ENOMEM)
		err = worse_of(err, read_input(p, after, &p->stateful->inputs[0]));
	return err == -ENOMEM ? err : worse_of(err, read_input(p, missing, &p->stateful->inputs[1]));
}

/* --- the whole --------------------------------------------------------------------------------------------------------------- */

bool stateful_is_meant(const struct yaml_node *item)
{
	for (size_t i = 0; i < STATEFUL_KIND_COUNT; i++)
		if (yaml_get(item, kind_names[i]))
			return true;
	return false;
}

void stateful_alert_inputs(const struct stateful *s, size_t *ret_first, size_t *ret_n)
{
	bool is_last = s->kind == STATEFUL_SEQUENCE, is_first = s->kind == STATEFUL_ABSENCE;
	*ret_first = is_last ? s->n_inputs - 1 : 0;
	*ret_n = is_last || is_first ? 1 : s->n_inputs;
}

/* Events of the alerts, as far as they are known: those of rules named by id come later. */
static uint64_t known_events(const struct stateful *s)
{
	uint64_t events = 0;
	size_t first, n;
	stateful_alert_inputs(s, &first, &n);
	for (size_t i = first; i < first + n; i++)
		events |= s->inputs[i].step ? s->inputs[i].step->info.events : event_types_named();
	return events;
}

int stateful_read(struct compiler *c, const struct rule_file *file, const struct yaml_node *item, struct rule *rule)
{
	static int (*const readers[STATEFUL_KIND_COUNT])(struct part_reader *p) = { read_threshold, read_sequence, read_together, read_absence };
	struct stateful *s = arena_alloc(c->arena, sizeof(*s));
	struct part_reader p = { .c = c, .file = file, .item = item, .rule = rule, .stateful = s };
	if (!s)
		return no_memory(c);
	for (size_t i = 0; i < STATEFUL_KIND_COUNT; i++) {
		const struct yaml_node *map = yaml_get(item, kind_names[i]);
		if (map && p.map)
			return refuse(&p, map->at, "one of threshold, sequence, together and absence for each rule");
		if (!map)
			continue;
		p.map = map;
		s->kind = (enum stateful_kind)i;
	}
	if (p.map->type != YAML_MAP) {
		diag_error(c->diag, p.map->at, "%s: expected a map, found %s", kind_names[s->kind], yaml_type_name(p.map->type));
		return -EINVAL;
	}
	int err = 0;
	if (rule->info.action != ACTION_ALERT)
		err = refuse(&p, p.map->at, "such a rule knows of its last event when it has happened: it can only `action: alert`");
	p.by = yaml_get(p.map, "by");
	err = worse_of(err, readers[s->kind](&p));
	err = worse_of(err, read_within(&p));
	if (err)
		return err;
	rule->info.events = known_events(s);
	rule->stateful = s;
	return 0;
}
