/* SPDX-License-Identifier: Apache-2.0 */
/* `exceptions:` of a rule: read, checked, and written behind its condition as text, where names of lists still count. */
#include <errno.h>

#include "engine/import/falco.h"

static int refuse(struct falco *f, struct place at, const char *why)
{
	diag_error(f->c->diag, at, "exception: %s", why);
	return -EINVAL;
}

static bool is_text(const struct yaml_node *node)
{
	return node->type == YAML_SCALAR && node->text.n && !memchr(node->text.p, 0, node->text.n);
}

static const struct operator *comparison(struct falco *f, const struct yaml_node *node)
{
	char quoted[64];
	const struct operator *op = is_text(node) ? operator_find(node->text) : NULL;
	if (op && op->values != OP_VALUES_NONE)
		return op;
	diag_error(f->c->diag, node->at, "exception: comps: %s is no comparison", diag_quote(node->text, quoted, sizeof(quoted)));
	return NULL;
}

/* One field with one comparison: its values are the members of a list. */
static int check_single(struct falco *f, const struct yaml_node *fields, const struct yaml_node *comps)
{
	if (!is_text(fields))
		return refuse(f, fields->at, "fields: expected a field or a list of fields");
	if (!comps)
		return 0;
	if (comps->type != YAML_SCALAR)
		return refuse(f, comps->at, "comps: one field takes one comparison, here is a list");
	const struct operator *op = comparison(f, comps);
	if (op && op->values != OP_VALUES_SET)
		return refuse(f, comps->at, "comps: for one field it is in, pmatch or intersects; for others write fields and comps as lists");
	return op ? 0 : -EINVAL;
}

static int check_fields(struct falco *f, const struct yaml_node *fields, const struct yaml_node *comps)
{
	if (fields->type != YAML_LIST)
		return check_single(f, fields, comps);
	if (fields->n == 0 || fields->n > FALCO_MAX_FIELDS)
		return refuse(f, fields->at, "fields: expected 1 to 32 fields");
	for (const struct yaml_node *field = fields->first; field; field = field->next)
		if (!is_text(field))
			return refuse(f, field->at, "fields: expected the name of a field");
	if (!comps)
		return 0;
	if (comps->type != YAML_LIST || comps->n != fields->n)
		return refuse(f, comps->at, "comps: expected a list with one comparison for each field");
	int err = 0;
	for (const struct yaml_node *op = comps->first; op; op = op->next)
		err = comparison(f, op) ? err : -EINVAL;
	return err;
}

/* A value of one field is text, a row is a list with a value or a list of values for each field. */
static int check_row(struct falco *f, const struct falco_exception *x, const struct yaml_node *row)
{
	if (x->fields->type != YAML_LIST)
		return is_text(row) ? 0 : refuse(f, row->at, "values: expected text, as there is one field");
	if (row->type != YAML_LIST || row->n != x->fields->n)
		return refuse(f, row->at, "values: expected a list with one value for each field");
	for (const struct yaml_node *value = row->first; value; value = value->next) {
		if (value->type == YAML_SCALAR && (value->text.n == 0 || is_text(value)))
			continue;
		if (value->type != YAML_LIST)
			return refuse(f, value->at, "values: expected text or a list of text");
		for (const struct yaml_node *item = value->first; item; item = item->next)
			if (!is_text(item))
				return refuse(f, item->at, "values: expected text");
	}
	return 0;
}

static int add_rows(struct falco *f, struct falco_exception *x, const struct raw_file *file, const struct yaml_node *values)
{
	struct falco_row **link = &x->rows;
	int err = 0;
	if (values->type != YAML_LIST)
		return refuse(f, values->at, "values: expected a list");
	while (*link)
		link = &(*link)->next;
	for (const struct yaml_node *node = values->first; node; node = node->next) {
		struct falco_row *row = falco_alloc(f, sizeof(*row));
		if (!row)
			return -ENOMEM;
		if (check_row(f, x, node)) {
			err = -EINVAL;
			continue;
		}
		*row = (struct falco_row){ .node = node, .file = file };
		*link = row;
		link = &row->next;
	}
	return err;
}

static bool has_field_names(const struct yaml_node *fields)
{
	bool is_good = fields->type == YAML_LIST ? fields->n > 0 && fields->n <= FALCO_MAX_FIELDS : is_text(fields);
	for (const struct yaml_node *field = fields->type == YAML_LIST ? fields->first : NULL; field; field = field->next)
		is_good &= is_text(field);
	return is_good;
}

static struct falco_exception *find(struct falco_rule *rule, struct strview name)
{
	struct falco_exception *x = rule->exceptions;
	while (x && !sv_equal(x->name, name))
		x = x->next;
	return x;
}

int falco_exception_add(struct falco *f, struct falco_rule *rule, const struct raw_file *file, const struct yaml_node *item, bool is_append)
{
	const struct yaml_node *name = yaml_get(item, "name"), *fields = yaml_get(item, "fields"), *comps = yaml_get(item, "comps");
	const struct yaml_node *values = yaml_get(item, "values");
	if (!name || !is_text(name))
		return refuse(f, name ? name->at : item->at, "expected a map with a 'name'");
	for (const struct yaml_node *k = item->first; k; k = k->next->next)
		if (!sv_is(k->text, "name") && !sv_is(k->text, "fields") && !sv_is(k->text, "comps") && !sv_is(k->text, "values"))
			diag_warn(f->c->diag, k->at, "exception: unknown key is ignored: '%s'", k->text.p);
	struct falco_exception *x = find(rule, name->text);
	if (x && !is_append)
		return refuse(f, name->at, "this name stands twice in the rule");
	if (x) {
		if (fields || comps)
			return refuse(f, fields ? fields->at : comps->at, "only values can be appended to an exception that is there");
		return values ? add_rows(f, x, file, values) : refuse(f, item->at, "'values' is missing");
	}
	if (!fields)
		return refuse(f, item->at, "'fields' is missing");
	int unfit = check_fields(f, fields, comps), err = 0;
	if (unfit && !has_field_names(fields))
		return -EINVAL;
	x = falco_alloc(f, sizeof(*x));
	if (!x)
		return -ENOMEM;
	*x = (struct falco_exception){ .name = name->text, .at = item->at, .fields = fields, .comps = comps, .file = file };
	if (values && !unfit) /* else which values would fit is not known */
		err = add_rows(f, x, file, values);
	struct falco_exception **link = &rule->exceptions;
	while (*link)
		link = &(*link)->next;
	*link = x; /* with faults as well: its fields are looked at with those of the others */
	return worse_of(err, unfit);
}

/* --- as text ------------------------------------------------------------------------------------------------------------------- */

static struct place place_in(const struct yaml_node *node, const struct raw_file *file)
{
	return (struct place){ file->name, node->at.line, node->at.column };
}

static void add_single(const struct falco_exception *x, struct falco_text *out)
{
	struct place at = place_in(x->fields, x->file);
	falco_text_add(out, SV(" and not ("), at);
	falco_text_add(out, x->fields->text, at);
	falco_text_add(out, SV(" "), at);
	falco_text_add(out, x->comps ? x->comps->text : SV("in"), x->comps ? place_in(x->comps, x->file) : at);
	falco_text_add(out, SV(" ("), at);
	for (const struct falco_row *row = x->rows; row; row = row->next) {
		falco_text_add_item(out, row->node->text, place_in(row->node, row->file));
		falco_text_add(out, row->next ? SV(", ") : SV("))"), at);
	}
}

static void add_list(const struct yaml_node *list, const struct raw_file *file, struct falco_text *out)
{
	falco_text_add(out, SV("("), place_in(list, file));
	for (const struct yaml_node *item = list->first; item; item = item->next) {
		falco_text_add_item(out, item->text, place_in(item, file));
		if (item->next)
			falco_text_add(out, SV(", "), place_in(item, file));
	}
	falco_text_add(out, SV(")"), place_in(list, file));
}

static void add_value(const struct yaml_node *value, const struct operator *op, const struct raw_file *file, struct falco_text *out)
{
	struct place at = place_in(value, file);
	bool is_set = op->values == OP_VALUES_SET;
	if (value->type == YAML_LIST) {
		add_list(value, file, out);
		return;
	}
	bool is_list = value->text.n && value->text.p[0] == '('; /* written as one: "(a, b)" */
	if (is_set && !is_list)
		falco_text_add(out, SV("("), at);
	if (is_set)
		falco_text_add(out, value->text, at);
	else if (value->text.n)
		falco_text_add_item(out, value->text, at);
	else
		falco_text_add(out, SV("\"\""), at);
	if (is_set && !is_list)
		falco_text_add(out, SV(")"), at);
}

/* "(f1 op v1 and f2 op v2)" */
static void add_row(const struct falco_exception *x, const struct falco_row *row, struct falco_text *out)
{
	struct place at = place_in(row->node, row->file);
	const struct yaml_node *comp = x->comps ? x->comps->first : NULL, *value = row->node->first;
	falco_text_add(out, SV("("), at);
	for (const struct yaml_node *field = x->fields->first; field; field = field->next, value = value->next) {
		const struct operator *op = comp ? operator_find(comp->text) : operator_get(OP_EQ);
		falco_text_add(out, field->text, place_in(field, x->file));
		falco_text_add(out, SV(" "), at);
		falco_text_add(out, sv_from(op->text), comp ? place_in(comp, x->file) : at);
		falco_text_add(out, SV(" "), at);
		add_value(value, op, row->file, out);
		falco_text_add(out, field->next ? SV(" and ") : SV(")"), at);
		comp = comp ? comp->next : NULL;
	}
}

static void add_several(const struct falco_exception *x, struct falco_text *out)
{
	falco_text_add(out, SV(" and not ("), place_in(x->fields, x->file));
	for (const struct falco_row *row = x->rows; row; row = row->next) {
		add_row(x, row, out);
		falco_text_add(out, row->next ? SV(" or ") : SV(")"), place_in(row->node, row->file));
	}
}

int falco_exceptions_text(struct falco *f, const struct falco_rule *rule, struct falco_text *condition)
{
	struct falco_text whole = { 0 };
	struct place start = condition->places ? condition->places[0] : rule->at;
	(void)f;
	if (!rule->exceptions || falco_text_error(condition)) /* a text that is not whole must not pass for one */
		return falco_text_error(condition);
	falco_text_add(&whole, SV("("), start);
	for (size_t i = 0, n = condition->bytes.n; i < n; i++)
		falco_text_add(&whole, (struct strview){ condition->bytes.p + i, 1 }, condition->places ? condition->places[i] : start);
	falco_text_add(&whole, SV(")"), start);
	for (const struct falco_exception *x = rule->exceptions; x; x = x->next) {
		if (!x->rows)
			continue;
		if (x->fields->type == YAML_LIST)
			add_several(x, &whole);
		else
			add_single(x, &whole);
	}
	falco_text_done(condition);
	*condition = whole;
	return falco_text_error(condition);
}
