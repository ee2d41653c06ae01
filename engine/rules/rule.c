/* SPDX-License-Identifier: Apache-2.0 */
/* One `rule:` item: its keys by table, its condition with its exceptions, and that the fields fit its events. */
#include <errno.h>

#include "engine/rules/set.h"

struct reader {
	struct compiler *c;
	const struct rule_file *file;
	struct rule *rule;
	const struct yaml_node *item;
	int err; /* of the last fault; 0: none yet */
};

static void fail(struct reader *r, int err)
{
	r->err = err ? err : r->err;
}

static void refuse(struct reader *r, const struct yaml_node *node, const char *what, const char *expected)
{
	char quoted[80];
	diag_error(r->c->diag, node->at, "%s: %s is not %s", what, diag_quote(node->text, quoted, sizeof(quoted)), expected);
	fail(r, -EINVAL);
}

/* --- simple keys ----------------------------------------------------------------------------------------------------------- */

static bool is_id(struct strview id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!(id.p[i] >= 'a' && id.p[i] <= 'z') && !(id.p[i] >= '0' && id.p[i] <= '9') && id.p[i] != '-')
			return false;
	return id.n > 0 && id.n <= 128;
}

static void read_id(struct reader *r, const struct yaml_node *node)
{
	fail(r, item_text(r->c, node, "rule", &r->rule->info.id));
	r->rule->id_at = (struct place){ r->file->name, node->at.line, node->at.column };
	if (!r->err && !is_id(node->text))
		refuse(r, node, "rule", "an id: small letters, digits and '-', 128 at most");
}

static void read_title(struct reader *r, const struct yaml_node *node)
{
	fail(r, item_text(r->c, node, "title", &r->rule->info.title));
}

static void read_author(struct reader *r, const struct yaml_node *node)
{
	fail(r, item_text(r->c, node, "author", &r->rule->info.author));
}

static void read_license(struct reader *r, const struct yaml_node *node)
{
	fail(r, item_text(r->c, node, "license", &r->rule->info.license));
}

static void read_description(struct reader *r, const struct yaml_node *node)
{
	fail(r, item_text(r->c, node, "description", &r->rule->info.description));
}

/* Index of a scalar among names; reports when it is none. */
static size_t read_choice(struct reader *r, const struct yaml_node *node, const char *what, const char *const *names, size_t n)
{
	const char *text = NULL;
	if (item_text(r->c, node, what, &text)) {
		fail(r, -EINVAL);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		if (strcmp(text, names[i]) == 0)
			return i;
	char expected[128] = "one of";
	for (size_t i = 0, at = strlen(expected); i < n && at + strlen(names[i]) + 2 < sizeof(expected); i++) {
		expected[at++] = ' ';
		memcpy(expected + at, names[i], strlen(names[i]) + 1);
		at += strlen(names[i]);
	}
	refuse(r, node, what, expected);
	return 0;
}

static void read_severity(struct reader *r, const struct yaml_node *node)
{
	static const char *const names[SEVERITY_COUNT] = { "info", "low", "medium", "high", "critical" };
	r->rule->info.severity = (enum severity)read_choice(r, node, "severity", names, ARRAY_SIZE(names));
}

static void read_action(struct reader *r, const struct yaml_node *node)
{
	static const char *const names[] = { "alert", "block", "kill" };
	r->rule->info.action = (enum rule_action)read_choice(r, node, "action", names, ARRAY_SIZE(names));
}

static void read_enabled(struct reader *r, const struct yaml_node *node)
{
	fail(r, yaml_bool(node, &r->rule->info.is_enabled, r->c->diag));
}

static bool is_digits(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return true;
}

/* T1003, T1003.008 or TA0006. */
static bool is_attack_id(const char *id)
{
	size_t n = strlen(id);
	if (n == 6 && id[0] == 'T' && id[1] == 'A')
		return is_digits(id + 2, 4);
	if (n < 5 || id[0] != 'T' || !is_digits(id + 1, 4))
		return false;
	return n == 5 || (n == 9 && id[5] == '.' && is_digits(id + 6, 3));
}

static void read_attack(struct reader *r, const struct yaml_node *node)
{
	fail(r, item_list(r->c, node, "attack", RULE_MAX_ATTACK, r->rule->info.attack));
	if (r->err)
		return;
	const struct yaml_node *at = node->type == YAML_LIST ? node->first : node;
	for (size_t i = 0; r->rule->info.attack[i]; i++, at = at->next)
		if (!is_attack_id(r->rule->info.attack[i]))
			refuse(r, at, "attack", "an ATT&CK id as T1003, T1003.008 or TA0006");
}

static void read_tags(struct reader *r, const struct yaml_node *node)
{
	fail(r, item_list(r->c, node, "tags", RULE_MAX_TAGS, r->rule->info.tags));
}

static void read_references(struct reader *r, const struct yaml_node *node)
{
	fail(r, item_list(r->c, node, "references", RULE_MAX_REFERENCES, r->rule->info.references));
}

/* --- events ---------------------------------------------------------------------------------------------------------------- */

static uint64_t events_named(struct strview pattern)
{
	uint64_t events = 0;
	bool is_prefix = sv_ends(pattern, SV(".*"));
	struct strview prefix = { pattern.p, is_prefix ? pattern.n - 1 : 0 };
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = event_type_by_number(i);
		if (!type || !type->name[0])
			continue;
		struct strview name = sv_from(type->name);
		if (is_prefix ? sv_starts(name, prefix) : sv_equal(name, pattern))
			events |= 1ull << i;
	}
	return events;
}

static void add_event(struct reader *r, const struct yaml_node *node)
{
	if (node->type != YAML_SCALAR) {
		diag_error(r->c->diag, node->at, "event: expected the name of an event, found %s", yaml_type_name(node->type));
		fail(r, -EINVAL);
		return;
	}
	uint64_t events = events_named(node->text);
	r->rule->info.events |= events;
	if (events)
		return;
	const char *names[EVENT_NUMBERS];
	size_t n = 0;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		if (event_type_by_number(i) && event_type_by_number(i)->name[0])
			names[n++] = event_type_by_number(i)->name;
	const char *near = diag_suggest(node->text, names, n);
	char quoted[80];
	diag_quote(node->text, quoted, sizeof(quoted));
	if (near)
		diag_error(r->c->diag, node->at, "unknown event %s (did you mean '%s'?)", quoted, near);
	else
		diag_error(r->c->diag, node->at, "unknown event %s ('vedette fields' lists them)", quoted);
	fail(r, -EINVAL);
}

static void read_event(struct reader *r, const struct yaml_node *node)
{
	if (node->type != YAML_LIST) {
		add_event(r, node);
		return;
	}
	if (node->n == 0) {
		diag_error(r->c->diag, node->at, "event: the list is empty");
		fail(r, -EINVAL);
	}
	for (const struct yaml_node *item = node->first; item; item = item->next)
		add_event(r, item);
}

/* --- conditions and exceptions ----------------------------------------------------------------------------------------------- */

static const struct condition *parse_node(struct reader *r, const struct yaml_node *node, const char *what)
{
	if (node->type != YAML_SCALAR) {
		diag_error(r->c->diag, node->at, "%s: expected a condition, found %s", what, yaml_type_name(node->type));
		return NULL;
	}
	CLEANUP(source_done) struct text_source source = { 0 };
	if (source_of_node(node, &r->file->raw, &source)) {
		r->c->no_memory = true;
		return NULL;
	}
	return condition_parse(r->c, &source);
}

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
static const struct condition *exception_test(struct reader *r, const struct yaml_node *field, const struct operator *op,
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

static const struct operator *comparison_at(struct reader *r, const struct yaml_node *comps, size_t i, const char *otherwise)
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

enum { EXCEPTION_MAX_FIELDS = 16 };

/* One row of values: all fields together. */
static const struct condition *exception_row(struct reader *r, const struct yaml_node *fields, const struct yaml_node *comps,
					     const struct yaml_node *row)
{
	const struct condition *tests[EXCEPTION_MAX_FIELDS];
	size_t n = 0;
	if (row->type != YAML_LIST || row->n != fields->n || row->n == 0 || row->n > EXCEPTION_MAX_FIELDS) {
		diag_error(r->c->diag, row->at, "exception: a row needs one value for each of the %zu fields (%d at most)", fields->n, EXCEPTION_MAX_FIELDS);
		return NULL;
	}
	const struct yaml_node *value = row->first;
	for (const struct yaml_node *field = fields->first; field; field = field->next, value = value->next) {
		const struct operator *op = comparison_at(r, comps, n, "=");
		tests[n] = op && field->type == YAML_SCALAR ? exception_test(r, field, op, value) : NULL;
		if (!tests[n++])
			return NULL;
	}
	return node_group(r->c, NODE_AND, tests, n, row->at);
}

static const struct condition *exception_by_fields(struct reader *r, const struct yaml_node *item)
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
	const struct condition *any = NULL;
	for (const struct yaml_node *row = first_of(values); row; row = values->type == YAML_LIST ? row->next : NULL) {
		const struct condition *one = exception_row(r, fields, comps, row);
		if (!one)
			return NULL;
		const struct condition *both[] = { any, one };
		any = any ? node_group(r->c, NODE_OR, both, 2, row->at) : one;
		if (!any)
			return NULL;
	}
	return any ? any : node_const(r->c, false, values->at);
}

static const struct condition *read_exception(struct reader *r, const struct yaml_node *item)
{
	static const char *const keys[] = { "name", "when", "reason", "owner", "fields", "comps", "values" };
	const char *unused;
	if (item->type != YAML_MAP) {
		diag_error(r->c->diag, item->at, "exceptions: expected maps {name, when}, found %s", yaml_type_name(item->type));
		return NULL;
	}
	fail(r, item_check_keys(r->c, item, keys, ARRAY_SIZE(keys), "an exception"));
	if (!yaml_get(item, "name")) {
		diag_error(r->c->diag, item->at, "exception: 'name' is missing");
		return NULL;
	}
	for (const char *const *key = (const char *const[]){ "name", "reason", "owner", NULL }; *key; key++)
		if (yaml_get(item, *key))
			fail(r, item_text(r->c, yaml_get(item, *key), *key, &unused));
	const struct yaml_node *when = yaml_get(item, "when");
	if (when && (yaml_get(item, "fields") || yaml_get(item, "values") || yaml_get(item, "comps"))) {
		diag_error(r->c->diag, when->at, "exception: either 'when' or 'fields' and 'values', not both");
		return NULL;
	}
	return when ? parse_node(r, when, "exception") : exception_by_fields(r, item);
}

enum { RULE_MAX_EXCEPTIONS = 256 };

/* One more part of the rule's condition; NULL: it was refused, and diag has said why. */
static void add_part(struct reader *r, const struct condition *part, const struct condition **parts, size_t *n)
{
	if (part)
		parts[(*n)++] = part;
	else
		fail(r, -EINVAL);
}

static void read_condition(struct reader *r)
{
	const struct yaml_node *when = yaml_get(r->item, "when"), *exceptions = yaml_get(r->item, "exceptions");
	const struct condition *parts[RULE_MAX_EXCEPTIONS + 1];
	size_t n = 0;
	if (!when) {
		diag_error(r->c->diag, r->item->at, "rule: 'when' is missing");
		fail(r, -EINVAL);
		return;
	}
	add_part(r, parse_node(r, when, "when"), parts, &n);
	if (exceptions && (exceptions->type != YAML_LIST || exceptions->n > RULE_MAX_EXCEPTIONS)) {
		diag_error(r->c->diag, exceptions->at, "exceptions: expected a list of at most %d maps", RULE_MAX_EXCEPTIONS);
		fail(r, -EINVAL);
		return;
	}
	for (const struct yaml_node *item = exceptions ? exceptions->first : NULL; item; item = item->next) {
		const struct condition *exception = read_exception(r, item);
		add_part(r, exception ? node_not(r->c, exception, item->at) : NULL, parts, &n);
	}
	if (r->err || n == 0)
		return;
	r->rule->condition = node_group(r->c, NODE_AND, parts, n, parts[0]->at);
	fail(r, r->rule->condition ? 0 : -EINVAL);
}

/* --- fields against events --------------------------------------------------------------------------------------------------- */

static void report_field(struct reader *r, const struct field_ref *field, struct place at, const char *macro)
{
	char names[256] = "";
	size_t n = 0;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		if (!(field->events >> i & 1))
			continue;
		const char *name = event_type_by_number(i)->name;
		if (n + strlen(name) + 8 >= sizeof(names)) {
			memcpy(names + n, " ...", 5);
			break;
		}
		names[n++] = ' ';
		memcpy(names + n, name, strlen(name) + 1);
		n += strlen(name);
	}
	diag_error(r->c->diag, at, "%s%s%sfield '%s' is in none of the rule's events; it is in%s", macro ? "macro '" : "", macro ? macro : "",
		   macro ? "': " : "", field->name, names);
	fail(r, -EINVAL);
}

static void check_expr(struct reader *r, const struct expr *x, struct place at, const char *macro)
{
	if (x->type == EXPR_FIELD) {
		r->rule->info.needs_outcome |= x->field->needs_outcome;
		if (!(x->field->events & r->rule->info.events))
			report_field(r, x->field, macro ? at : x->at, macro);
	}
	for (size_t i = 0; i < x->n_args; i++)
		check_expr(r, x->args[i], at, macro);
}

/* at, macro: of the outermost macro above, whose place in the rule is what its author can mend. */
static void check_fields(struct reader *r, const struct condition *c, struct place at, const char *macro)
{
	if (!macro && c->macro) {
		at = c->at;
		macro = c->macro;
	}
	if (c->type == NODE_TEST) {
		check_expr(r, c->test->left, at, macro);
		if (c->test->right)
			check_expr(r, c->test->right, at, macro);
	}
	for (size_t i = 0; i < c->n; i++)
		check_fields(r, c->children[i], at, macro);
}

/* --- steps of stateful rules ------------------------------------------------------------------------------------------------- */

int rule_step_read(struct compiler *c, const struct rule_file *file, const struct yaml_node *node, const struct rule *owner, struct rule *ret)
{
	struct rule step = { .info = owner->info, .id_at = node->at };
	struct reader r = { .c = c, .file = file, .rule = &step, .item = node };
	const struct yaml_node *event = yaml_get(node, "event");
	step.info.at.line = node->at.line;
	step.info.at.column = node->at.column;
	step.info.action = ACTION_ALERT;
	step.info.events = 0;
	step.info.is_step = true;
	step.info.needs_outcome = false;
	if (!event) {
		diag_error(c->diag, node->at, "rule: 'event' is missing");
		fail(&r, -EINVAL);
	} else {
		read_event(&r, event);
	}
	int err = r.err;
	r.err = 0;
	read_condition(&r);
	if (step.condition && step.info.events)
		check_fields(&r, step.condition, node->at, NULL);
	if (c->no_memory)
		return -ENOMEM;
	err = r.err ? r.err : err;
	if (!err)
		*ret = step;
	return err;
}

/* --- the whole ----------------------------------------------------------------------------------------------------------------- */

static void read_message(struct reader *r)
{
	const struct yaml_node *node = yaml_get(r->item, "message");
	const char *text = NULL;
	CLEANUP(source_done) struct text_source source = { 0 };
	if (!node) { /* the title, braces and all */
		r->rule->message = arena_alloc(r->c->arena, sizeof(*r->rule->message));
		r->c->no_memory |= !r->rule->message;
		if (r->rule->message)
			r->rule->message[r->rule->n_message++] = (struct message_piece){ .text = sv_from(r->rule->info.title) };
		return;
	}
	fail(r, item_text(r->c, node, "message", &text));
	if (!text)
		return;
	if (source_of_node(node, &r->file->raw, &source)) {
		r->c->no_memory = true;
		return;
	}
	fail(r, message_compile(r->c, &source, r->rule->info.events, r->rule));
}

static const struct {
	const char *name;
	void (*read)(struct reader *r, const struct yaml_node *value); /* NULL: read in rule_read */
	bool is_required;
} rule_keys[] = {
	{ "rule", read_id, true },
	{ "title", read_title, false },
	{ "description", read_description, false },
	{ "event", read_event, false },
	{ "severity", read_severity, true },
	{ "attack", read_attack, false },
	{ "action", read_action, false },
	{ "tags", read_tags, false },
	{ "references", read_references, false },
	{ "author", read_author, false },
	{ "license", read_license, false },
	{ "enabled", read_enabled, false },
	{ "when", NULL, false },
	{ "threshold", NULL, false },
	{ "sequence", NULL, false },
	{ "together", NULL, false },
	{ "absence", NULL, false },
	{ "exceptions", NULL, false },
	{ "message", NULL, false },
	{ "cases", NULL, false },
};

int rule_read(struct compiler *c, const struct rule_file *file, const struct yaml_node *item, struct rule *ret)
{
	struct rule rule = { .info = { .at = item->at, .is_enabled = true, .description = "", .ruleset = file->ruleset, .mode = file->mode } };
	rule.info.at.file = file->name;
	rule.info.policy = file->policy ? file->policy : file->ruleset;
	struct reader r = { .c = c, .file = file, .rule = &rule, .item = item };
	c->file = file->name;
	const char *names[ARRAY_SIZE(rule_keys)];
	for (size_t i = 0; i < ARRAY_SIZE(rule_keys); i++)
		names[i] = rule_keys[i].name;
	int err = item_check_keys(c, item, names, ARRAY_SIZE(names), "a rule");
	for (size_t i = 0; i < ARRAY_SIZE(rule_keys); i++) {
		const struct yaml_node *value = yaml_get(item, rule_keys[i].name);
		r.err = 0;
		if (value && rule_keys[i].read)
			rule_keys[i].read(&r, value);
		if (!value && rule_keys[i].is_required) {
			diag_error(c->diag, item->at, "rule: '%s' is missing", rule_keys[i].name);
			r.err = -EINVAL;
		}
		err = r.err ? r.err : err;
	}
	if (!rule.info.title)
		rule.info.title = rule.info.id ? rule.info.id : "";
	r.err = 0;
	if (stateful_is_meant(item)) {
		fail(&r, stateful_read(c, file, item, &rule));
	} else {
		if (!yaml_get(item, "event")) {
			diag_error(c->diag, item->at, "rule: 'event' is missing");
			err = -EINVAL;
		}
		read_condition(&r);
		if (rule.condition && rule.info.events)
			check_fields(&r, rule.condition, item->at, NULL);
	}
	read_message(&r);
	const struct yaml_node *cases = yaml_get(item, "cases");
	if (cases && rule.info.events)
		fail(&r, cases_read(c, cases, &rule));
	if (c->no_memory)
		return -ENOMEM;
	err = r.err ? r.err : err;
	if (!err)
		*ret = rule;
	return err;
}
