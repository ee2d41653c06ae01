/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `exceptions:` of rules: by condition, or by fields and rows of values. One with a date excepts as long as the event's own time is
 * before it, so an old recording judges as the day it was made did.
 */
#include <errno.h>
#include <stdio.h>

#include "engine/base/clock.h"
#include "engine/rules/set.h"

enum { EXCEPTION_MAX_FIELDS = 16, RULE_MAX_EXCEPTIONS = 256 };

static const uint64_t day_ns = 86400ull * 1000000000u;

/* A list of text in one go: scalar or list. */
static const struct yaml_node *first_of(const struct yaml_node *node)
{
	return node->type == YAML_LIST ? node->first : node;
}

static size_t count_of(const struct yaml_node *node)
{
	return node->type == YAML_LIST ? node->n : 1;
}

/* One test of an exception by fields: field, operator and a scalar or a list of values. */
static const struct condition *exception_test(struct rule_reader *r, const struct yaml_node *field, const struct operator *op,
					      const struct yaml_node *values)
{
	CLEANUP(value_list_done) struct value_list list = { 0 };
	struct test_draft d = { .at = field->at, .op_at = field->at, .op = op, .left = bind_field(r->c, field->text, field->at) };
	if (op->values != OP_VALUES_SET && values->type == YAML_LIST) {
		diag_error(r->c->diag, values->at, "exception: '%s' takes one value, here is a list", op->text);
		return NULL;
	}
	for (const struct yaml_node *v = first_of(values); v; v = values->type == YAML_LIST ? v->next : NULL) {
		struct written_value value = { v->text, v->at, v->is_quoted };
		if (v->type != YAML_SCALAR) {
			diag_error(r->c->diag, v->at, "exception: expected a value, found %s", yaml_type_name(v->type));
			return NULL;
		}
		if (op->values == OP_VALUES_SET ? value_list_expand(r->c, &list, value) : value_list_add(r->c, &list, value))
			return NULL;
	}
	d.values = list.p;
	d.n = list.n;
	return bind_test(r->c, &d);
}

static const struct operator *comparison_at(struct rule_reader *r, const struct yaml_node *comps, size_t i, const char *otherwise)
{
	if (!comps)
		return operator_find(sv_from(otherwise));
	const struct yaml_node *node = first_of(comps);
	while (i-- && node)
		node = node->next;
	const struct operator *op = node && node->type == YAML_SCALAR ? operator_find(node->text) : NULL;
	if (op && op->values != OP_VALUES_NONE)
		return op;
	char quoted[80] = "";
	diag_error(r->c->diag, node ? node->at : comps->at, "exception: comps: unknown or unfit operator %s",
		   node ? diag_quote(node->text, quoted, sizeof(quoted)) : "(one is missing)");
	return NULL;
}

/* One row of values: all fields together. */
static const struct condition *exception_row(struct rule_reader *r, const struct yaml_node *fields, const struct yaml_node *comps,
					     const struct yaml_node *row)
{
	const struct condition *tests[EXCEPTION_MAX_FIELDS];
	size_t n = 0;
	if (row->type != YAML_LIST || row->n != fields->n || row->n == 0 || row->n > EXCEPTION_MAX_FIELDS) {
		diag_error(r->c->diag, row->at, "exception: a row needs one value for each of the %zu fields (%d at most)", fields->n, EXCEPTION_MAX_FIELDS);
		return NULL;
	}
	const struct yaml_node *value = row->first;
	bool is_whole = true;
	for (const struct yaml_node *field = fields->first; field; field = field->next, value = value->next) {
		const struct operator *op = comparison_at(r, comps, n, "=");
		tests[n] = op && field->type == YAML_SCALAR ? exception_test(r, field, op, value) : NULL;
		is_whole &= tests[n++] != NULL;
	}
	return is_whole ? node_group(r->c, NODE_AND, tests, n, row->at) : NULL;
}

/* Before the rows, each of which would tell it again. */
static bool check_columns(struct rule_reader *r, const struct yaml_node *fields, const struct yaml_node *comps)
{
	bool is_good = true;
	size_t n = 0;
	for (const struct yaml_node *field = fields->first; field; field = field->next) {
		if (field->type != YAML_SCALAR)
			diag_error(r->c->diag, field->at, "exception: expected the name of a field, found %s", yaml_type_name(field->type));
		is_good &= field->type == YAML_SCALAR && field_resolve(r->c, field->text, field->at);
		is_good &= comparison_at(r, comps, n++, "=") != NULL;
	}
	return is_good;
}

/* Any of the rows, side by side: there may be many. */
static const struct condition *exception_rows(struct rule_reader *r, const struct yaml_node *fields, const struct yaml_node *comps,
					      const struct yaml_node *values)
{
	size_t n = 0;
	if (!check_columns(r, fields, comps))
		return NULL;
	if (count_of(values) == 0)
		return node_const(r->c, false, values->at);
	const struct condition **rows = arena_alloc(r->c->arena, count_of(values) * sizeof(const struct condition *));
	if (!rows) {
		r->c->no_memory = true;
		return NULL;
	}
	bool is_whole = true;
	for (const struct yaml_node *row = first_of(values); row; row = values->type == YAML_LIST ? row->next : NULL) {
		rows[n] = exception_row(r, fields, comps, row);
		is_whole &= rows[n++] != NULL;
	}
	return is_whole ? node_group(r->c, NODE_OR, rows, n, values->at) : NULL;
}

static const struct condition *exception_by_fields(struct rule_reader *r, const struct yaml_node *item)
{
	const struct yaml_node *fields = yaml_get(item, "fields"), *comps = yaml_get(item, "comps"), *values = yaml_get(item, "values");
	if (!fields || !values || fields->type == YAML_MAP || values->type == YAML_MAP || (comps && comps->type == YAML_MAP)) {
		diag_error(r->c->diag, item->at, "exception: needs 'when', or 'fields' and 'values'");
		return NULL;
	}
	if (comps && count_of(comps) != count_of(fields)) {
		diag_error(r->c->diag, comps->at, "exception: comps needs one operator for each field");
		return NULL;
	}
	if (fields->type == YAML_SCALAR) {
		const struct operator *op = comparison_at(r, comps, 0, "in");
		return op ? exception_test(r, fields, op, values) : NULL;
	}
	return exception_rows(r, fields, comps, values);
}

/* --- one exception ----------------------------------------------------------------------------------------------------------- */

static void read_texts(struct rule_reader *r, const struct yaml_node *item, struct rule_exception *e)
{
	const struct {
		const char *key, **to;
	} texts[] = { { "name", &e->name }, { "reason", &e->reason }, { "owner", &e->owner } };
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (yaml_get(item, texts[i].key))
			rule_reader_fail(r, item_text(r->c, yaml_get(item, texts[i].key), texts[i].key, texts[i].to));
}

static void read_expiry(struct rule_reader *r, const struct yaml_node *node, struct rule_exception *e)
{
	uint64_t begin_ns = 0;
	char quoted[80];
	if (node->type == YAML_SCALAR && clock_parse_date(node->text, &begin_ns) == 0) {
		e->expires_ns = begin_ns + day_ns; /* the day itself still counts */
		return;
	}
	diag_error(r->c->diag, node->at, "expires: %s is no date: write the last day as 2027-06-30",
		   node->type == YAML_SCALAR ? diag_quote(node->text, quoted, sizeof(quoted)) : yaml_type_name(node->type));
	rule_reader_fail(r, -EINVAL);
}

static bool read_exception(struct rule_reader *r, const struct yaml_node *item, struct rule_exception *ret)
{
	struct rule_exception e = { .name = "", .owner = "", .reason = "", .at = { r->file->name, item->at.line, item->at.column } };
	if (item->type != YAML_MAP) {
		diag_error(r->c->diag, item->at, "exceptions: expected maps {name, when}, found %s", yaml_type_name(item->type));
		return false;
	}
	rule_reader_fail(r, item_check(r->c, item, PART_EXCEPTION));
	if (!yaml_get(item, "name")) {
		diag_error(r->c->diag, item->at, "exception: 'name' is missing");
		return false;
	}
	read_texts(r, item, &e);
	if (yaml_get(item, "expires"))
		read_expiry(r, yaml_get(item, "expires"), &e);
	const struct yaml_node *when = yaml_get(item, "when");
	if (when && (yaml_get(item, "fields") || yaml_get(item, "values") || yaml_get(item, "comps"))) {
		diag_error(r->c->diag, when->at, "exception: either 'when' or 'fields' and 'values', not both");
		return false;
	}
	e.condition = when ? rule_condition_parse(r, when, "exception") : exception_by_fields(r, item);
	*ret = e;
	return e.condition != NULL;
}

void exceptions_read(struct rule_reader *r, const struct yaml_node *node)
{
	struct rule *rule = r->rule;
	if (node->type != YAML_LIST || rule->n_exceptions + node->n > RULE_MAX_EXCEPTIONS) {
		diag_error(r->c->diag, node->at, "exceptions: expected a list of at most %d maps for a rule", RULE_MAX_EXCEPTIONS);
		rule_reader_fail(r, -EINVAL);
		return;
	}
	struct rule_exception *all = arena_alloc(r->c->arena, (rule->n_exceptions + node->n) * sizeof(*all));
	if (!all) {
		r->c->no_memory = true;
		return;
	}
	if (rule->n_exceptions)
		memcpy(all, rule->exceptions, rule->n_exceptions * sizeof(*all));
	rule->exceptions = all;
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		if (read_exception(r, item, &all[rule->n_exceptions]))
			rule->n_exceptions++;
		else
			rule_reader_fail(r, -EINVAL);
	}
}

/* --- the whole ----------------------------------------------------------------------------------------------------------------- */

/* "the event is not from after the exception's last day"; an event without a time counts as from before. */
static const struct condition *before_expiry(struct compiler *c, const struct rule_exception *e)
{
	char text[32];
	struct buf day = { .p = text, .cap = sizeof(text), .max = sizeof(text) };
	clock_add_rfc3339(&day, e->expires_ns); /* 30 bytes: never grows beyond text */
	struct written_value v = { { text, sizeof("2027-06-30") - 1 }, e->at, true };
	struct test_draft d = {
		.at = e->at, .op_at = e->at, .left = bind_field(c, SV("@timestamp"), e->at), .op = operator_get(OP_GE), .values = &v, .n = 1,
	};
	const struct condition *after = bind_test(c, &d);
	return after ? node_not(c, after, e->at) : NULL;
}

static const struct condition *not_excepted(struct compiler *c, const struct rule_exception *e)
{
	c->file = e->at.file;
	const struct condition *parts[] = { e->condition, e->expires_ns ? before_expiry(c, e) : NULL };
	if (e->expires_ns && !parts[1])
		return NULL;
	const struct condition *all = node_group(c, NODE_AND, parts, e->expires_ns ? 2 : 1, e->at);
	return all ? node_not(c, all, e->at) : NULL;
}

int rule_compose(struct compiler *c, struct rule *rule)
{
	const struct condition *parts[RULE_MAX_EXCEPTIONS + 1] = { rule->base };
	size_t n = 1;
	for (size_t i = 0; i < rule->n_exceptions; i++, n++) {
		parts[n] = not_excepted(c, &rule->exceptions[i]);
		if (!parts[n])
			return -EINVAL;
	}
	c->file = rule->info.at.file;
	rule->condition = node_group(c, NODE_AND, parts, n, rule->base->at);
	return rule->condition ? 0 : -EINVAL;
}
