/* SPDX-License-Identifier: Apache-2.0 */
/* One `rule:` item: its keys by table, its condition with its exceptions, and that the fields fit its events. */
#include <errno.h>

#include "engine/base/num.h"
#include "engine/rules/coverage.h"
#include "engine/rules/set.h"
#include "engine/rules/throttle.h"

enum { RULE_MAX_APPENDED = 256 }; /* as many as exceptions */

static void refuse(struct rule_reader *r, const struct yaml_node *node, const char *what, const char *expected)
{
	char quoted[80];
	diag_error(r->c->diag, node->at, "%s: %s is not %s", what, diag_quote(node->text, quoted, sizeof(quoted)), expected);
	rule_reader_fail(r, -EINVAL);
}

/* --- simple keys ----------------------------------------------------------------------------------------------------------- */

static bool is_id(struct strview id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!(id.p[i] >= 'a' && id.p[i] <= 'z') && !(id.p[i] >= '0' && id.p[i] <= '9') && id.p[i] != '-')
			return false;
	return id.n > 0 && id.n <= 128;
}

static void read_id(struct rule_reader *r, const struct yaml_node *node)
{
	rule_reader_fail(r, item_text(r->c, node, "rule", &r->rule->info.id));
	r->rule->id_at = (struct place){ r->file->name, node->at.line, node->at.column };
	if (!r->err && !is_id(node->text))
		refuse(r, node, "rule", "an id: small letters, digits and '-', 128 at most");
}

static void read_title(struct rule_reader *r, const struct yaml_node *node)
{
	rule_reader_fail(r, item_text(r->c, node, "title", &r->rule->info.title));
}

static void read_author(struct rule_reader *r, const struct yaml_node *node)
{
	rule_reader_fail(r, item_text(r->c, node, "author", &r->rule->info.author));
}

static void read_license(struct rule_reader *r, const struct yaml_node *node)
{
	rule_reader_fail(r, item_text(r->c, node, "license", &r->rule->info.license));
}

static void read_description(struct rule_reader *r, const struct yaml_node *node)
{
	rule_reader_fail(r, item_text(r->c, node, "description", &r->rule->info.description));
}

/* Index of a scalar among names; reports when it is none. */
static size_t read_choice(struct rule_reader *r, const struct yaml_node *node, const char *what, const char *const *names, size_t n)
{
	const char *text = NULL;
	if (item_text(r->c, node, what, &text)) {
		rule_reader_fail(r, -EINVAL);
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

static void read_severity(struct rule_reader *r, const struct yaml_node *node)
{
	static const char *const names[SEVERITY_COUNT] = { "info", "low", "medium", "high", "critical" };
	r->rule->info.severity = (enum severity)read_choice(r, node, "severity", names, ARRAY_SIZE(names));
}

static void read_action(struct rule_reader *r, const struct yaml_node *node)
{
	static const char *const names[] = { "alert", "block", "kill" };
	r->rule->info.action = (enum rule_action)read_choice(r, node, "action", names, ARRAY_SIZE(names));
}

static void read_unknown(struct rule_reader *r, const struct yaml_node *node)
{
	static const char *const names[] = { "deny", "allow" };
	r->rule->info.unknown = (enum unknown_default)read_choice(r, node, "unknown", names, ARRAY_SIZE(names));
	r->rule->info.is_unknown_said = true;
}

static void read_rollout(struct rule_reader *r, const struct yaml_node *node)
{
	uint64_t percent = 0;
	if (node->type != YAML_SCALAR || num_parse_u64(node->text, 100, &percent) || percent == 0)
		refuse(r, node, "rollout", "a share of the processes, 1 to 100 percent");
	else
		r->rule->info.rollout = (unsigned)percent;
}

/* Of a rule that does not block they would say nothing. */
static void check_block_keys(struct rule_reader *r)
{
	static const char *const keys[] = { "unknown", "rollout" };
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct yaml_node *node = yaml_get(r->item, keys[i]);
		bool is_fitting = r->rule->info.action == ACTION_BLOCK || (i == 0 && r->rule->info.action == ACTION_KILL);
		if (!node || is_fitting)
			continue;
		diag_error(r->c->diag, node->at, "%s: only rules with `action: block`%s have it", keys[i], i == 0 ? " or `kill`" : "");
		rule_reader_fail(r, -EINVAL);
	}
}

static void read_enabled(struct rule_reader *r, const struct yaml_node *node)
{
	rule_reader_fail(r, yaml_bool(node, &r->rule->info.is_enabled, r->c->diag));
}

static bool is_digits(struct strview text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
	return text.n > 0;
}

bool rule_is_attack_id(struct strview id)
{
	if (id.n == 6 && sv_starts(id, SV("TA")))
		return is_digits(sv_from_index(id, 2));
	if (id.n < 5 || id.p[0] != 'T' || !is_digits((struct strview){ id.p + 1, 4 }))
		return false;
	return id.n == 5 || (id.n == 9 && id.p[5] == '.' && is_digits(sv_from_index(id, 6)));
}

/* A list of text, behind what is there when appending, else in its place; returns where it begins. */
static size_t read_texts(struct rule_reader *r, const struct yaml_node *node, const char *what, size_t max, const char **list)
{
	size_t n = 0;
	while (r->is_appending && list[n])
		n++;
	for (size_t i = n; i < max; i++)
		list[i] = NULL;
	if (node->type == YAML_SCALAR && n == max) {
		diag_error(r->c->diag, node->at, "%s: %zu items at most", what, max);
		rule_reader_fail(r, -EINVAL);
		return n;
	}
	rule_reader_fail(r, item_list(r->c, node, what, max - n, list + n));
	return n;
}

static void read_attack(struct rule_reader *r, const struct yaml_node *node)
{
	size_t i = read_texts(r, node, "attack", RULE_MAX_ATTACK, r->rule->info.attack);
	if (r->err)
		return;
	const struct yaml_node *at = node->type == YAML_LIST ? node->first : node;
	for (; r->rule->info.attack[i]; i++, at = at->next)
		if (!rule_is_attack_id(sv_from(r->rule->info.attack[i])))
			refuse(r, at, "attack", "an ATT&CK id as T1003, T1003.008 or TA0006");
}

static void read_tags(struct rule_reader *r, const struct yaml_node *node)
{
	read_texts(r, node, "tags", RULE_MAX_TAGS, r->rule->info.tags);
}

static void read_references(struct rule_reader *r, const struct yaml_node *node)
{
	read_texts(r, node, "references", RULE_MAX_REFERENCES, r->rule->info.references);
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

static void add_event(struct rule_reader *r, const struct yaml_node *node)
{
	if (node->type != YAML_SCALAR) {
		diag_error(r->c->diag, node->at, "event: expected the name of an event, found %s", yaml_type_name(node->type));
		rule_reader_fail(r, -EINVAL);
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
	rule_reader_fail(r, -EINVAL);
}

static void read_event(struct rule_reader *r, const struct yaml_node *node)
{
	if (node->type != YAML_LIST) {
		add_event(r, node);
		return;
	}
	if (node->n == 0) {
		diag_error(r->c->diag, node->at, "event: the list is empty");
		rule_reader_fail(r, -EINVAL);
	}
	for (const struct yaml_node *item = node->first; item; item = item->next)
		add_event(r, item);
}

/* --- conditions -------------------------------------------------------------------------------------------------------------- */

const struct condition *rule_condition_parse(struct rule_reader *r, const struct yaml_node *node, const char *what)
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

static void read_when(struct rule_reader *r, const struct yaml_node *node)
{
	r->rule->base = rule_condition_parse(r, node, "when");
	r->rule->scope = r->rule->allowed = NULL;
	rule_reader_fail(r, r->rule->base ? 0 : -EINVAL);
}

/* --- fields against events --------------------------------------------------------------------------------------------------- */

static void report_field(struct rule_reader *r, const struct field_ref *field, struct place at, const char *macro)
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
	rule_reader_fail(r, -EINVAL);
}

static void check_expr(struct rule_reader *r, const struct expr *x, struct place at, const char *macro)
{
	if (x->type == EXPR_FIELD) {
		r->rule->info.needs_outcome |= x->field->needs_outcome;
		if (!x->field->never && !(x->field->events & r->rule->info.events)) /* the rule's class tells of fields that no event has */
			report_field(r, x->field, macro ? at : x->at, macro);
	}
	for (size_t i = 0; i < x->n_args; i++)
		check_expr(r, x->args[i], at, macro);
}

/* at, macro: of the outermost macro above, whose place in the rule is what its author can mend. */
static void check_fields(struct rule_reader *r, const struct condition *c, struct place at, const char *macro)
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

/* --- the whole ----------------------------------------------------------------------------------------------------------------- */

static void read_message(struct rule_reader *r)
{
	const struct yaml_node *node = yaml_get(r->item, "message");
	const char *text = NULL;
	CLEANUP(source_done) struct text_source source = { 0 };
	r->rule->n_message = 0;
	r->rule->has_title_message = !node;
	if (!node) { /* the title, braces and all */
		r->rule->message = arena_alloc(r->c->arena, sizeof(*r->rule->message));
		r->c->no_memory |= !r->rule->message;
		if (r->rule->message)
			r->rule->message[r->rule->n_message++] = (struct message_piece){ .text = sv_from(r->rule->info.title) };
		return;
	}
	rule_reader_fail(r, item_text(r->c, node, "message", &text));
	if (!text)
		return;
	if (source_of_node(node, &r->file->raw, &source)) {
		r->c->no_memory = true;
		return;
	}
	rule_reader_fail(r, message_compile(r->c, &source, r->rule->info.events, r->rule));
}

static const struct rule_key {
	const char *name;
	void (*read)(struct rule_reader *r, const struct yaml_node *value); /* NULL: read in rule_read */
	bool is_needed;
	enum key_change change;
} rule_keys[] = {
#define NEEDED true
#define MAYBE false
#define RULE_KEY(name, presence, shape, change, reader, doc) { name, reader, presence, CHANGE_##change },
#include "engine/rules/keys.def"
#undef NEEDED
#undef MAYBE
};

static void check_condition(struct rule_reader *r)
{
	if (!r->rule->base || r->err)
		return;
	rule_reader_fail(r, rule_compose(r->c, r->rule));
	if (!r->err && r->rule->info.events)
		check_fields(r, r->rule->condition, r->item->at, NULL);
}

/* One of the conditions of `allow:`, or NULL: there are none, or it is reported what is wrong. */
static const struct condition *read_allowed(struct rule_reader *r, const struct yaml_node *allow)
{
	const struct condition *allowed[RULE_MAX_APPENDED];
	size_t n = 0;
	if (allow->type != YAML_LIST || allow->n > RULE_MAX_APPENDED) {
		diag_error(r->c->diag, allow->at, allow->type == YAML_LIST ? "allow: %d conditions at most: put several in one, with `or`" : "allow: expected a list of conditions",
			   RULE_MAX_APPENDED);
		rule_reader_fail(r, -EINVAL);
		return NULL;
	}
	for (const struct yaml_node *item = allow->first; item; item = item->next) {
		allowed[n] = rule_condition_parse(r, item, "allow");
		if (allowed[n])
			n++;
		else
			rule_reader_fail(r, -EINVAL);
	}
	return n && !r->err ? node_group(r->c, NODE_OR, allowed, n, allow->at) : NULL;
}

/* scope and not allowed. */
static void compose_scope(struct rule_reader *r)
{
	struct rule *rule = r->rule;
	const struct condition *parts[2] = { rule->scope, rule->allowed && rule->scope ? node_not(r->c, rule->allowed, rule->allowed->at) : NULL };
	if (!rule->allowed || !rule->scope)
		rule->base = rule->scope;
	else
		rule->base = parts[1] ? node_group(r->c, NODE_AND, parts, ARRAY_SIZE(parts), rule->scope->at) : NULL;
	rule_reader_fail(r, rule->base ? 0 : -EINVAL);
}

static void read_scope(struct rule_reader *r, const struct yaml_node *scope, const struct yaml_node *allow)
{
	if (!scope || !allow) {
		diag_error(r->c->diag, r->item->at, "rule: 'scope' and 'allow' go together: where, and what is allowed there");
		rule_reader_fail(r, -EINVAL);
	}
	r->rule->scope = scope ? rule_condition_parse(r, scope, "scope") : NULL;
	r->rule->allowed = allow ? read_allowed(r, allow) : NULL;
	if (r->err)
		r->rule->base = NULL;
	else
		compose_scope(r);
}

/* What `when` says in one piece. */
static bool has_scope(const struct yaml_node *item)
{
	return yaml_get(item, "scope") || yaml_get(item, "allow");
}

static void refuse_scope(struct rule_reader *r, const char *beside)
{
	if (!has_scope(r->item))
		return;
	diag_error(r->c->diag, r->item->at, "rule: 'scope' and 'allow' stand instead of %s, not beside", beside);
	rule_reader_fail(r, -EINVAL);
}

static void read_condition(struct rule_reader *r)
{
	const struct yaml_node *when = yaml_get(r->item, "when"), *exceptions = yaml_get(r->item, "exceptions");
	if (!when && has_scope(r->item)) {
		read_scope(r, yaml_get(r->item, "scope"), yaml_get(r->item, "allow"));
	} else if (!when) {
		if (!yaml_get(r->item, "condition")) /* which is an unknown key, and was answered with `when` */
			diag_error(r->c->diag, r->item->at, "rule: 'when' is missing");
		rule_reader_fail(r, -EINVAL);
		return;
	}
	if (when) {
		refuse_scope(r, "'when'");
		read_when(r, when);
	}
	if (exceptions)
		exceptions_read(r, exceptions);
	check_condition(r);
}

/* --- steps of stateful rules ------------------------------------------------------------------------------------------------- */

int rule_step_read(struct compiler *c, const struct rule_file *file, const struct yaml_node *node, const struct rule *owner, struct rule *ret)
{
	struct rule step = { .info = owner->info, .id_at = node->at };
	struct rule_reader r = { .c = c, .file = file, .rule = &step, .item = node };
	const struct yaml_node *event = yaml_get(node, "event");
	step.info.at.line = node->at.line;
	step.info.at.column = node->at.column;
	step.info.action = ACTION_ALERT;
	step.info.events = 0;
	step.info.is_step = true;
	step.info.needs_outcome = false;
	step.info.throttle = NULL;
	if (!event) {
		diag_error(c->diag, node->at, "rule: 'event' is missing");
		rule_reader_fail(&r, -EINVAL);
	} else {
		read_event(&r, event);
	}
	int err = r.err;
	r.err = 0;
	read_condition(&r);
	if (c->no_memory)
		return -ENOMEM;
	err = r.err ? r.err : err;
	if (!err)
		*ret = step;
	return err;
}

/* --- keys ---------------------------------------------------------------------------------------------------------------------- */

static void read_cases(struct rule_reader *r, const struct yaml_node *cases)
{
	if (!r->is_appending)
		r->rule->n_cases = 0;
	if (r->rule->info.events)
		rule_reader_fail(r, cases_read(r->c, cases, r->rule));
}

static int read_keys(struct rule_reader *r)
{
	int err = item_check(r->c, r->item, PART_RULE);
	for (size_t i = 0; i < ARRAY_SIZE(rule_keys); i++) {
		const struct yaml_node *value = yaml_get(r->item, rule_keys[i].name);
		r->err = 0;
		if (value && rule_keys[i].read)
			rule_keys[i].read(r, value);
		if (!value && rule_keys[i].is_needed) {
			diag_error(r->c->diag, r->item->at, "rule: '%s' is missing", rule_keys[i].name);
			r->err = -EINVAL;
		}
		err = r->err ? r->err : err;
	}
	return err;
}

int rule_read(struct compiler *c, const struct rule_file *file, const struct yaml_node *item, struct rule *ret)
{
	struct rule rule = { .info = { .at = item->at, .is_enabled = true, .description = "", .ruleset = file->ruleset, .mode = file->mode } };
	rule.info.at.file = file->name;
	rule.info.policy = file->policy ? file->policy : file->ruleset;
	struct rule_reader r = { .c = c, .file = file, .rule = &rule, .item = item };
	c->file = file->name;
	int err = read_keys(&r);
	if (!rule.info.title)
		rule.info.title = rule.info.id ? rule.info.id : "";
	r.err = 0;
	if (stateful_is_meant(item)) {
		refuse_scope(&r, "conditions over one event");
		rule_reader_fail(&r, stateful_read(c, file, item, &rule));
	} else {
		if (!yaml_get(item, "event")) {
			diag_error(c->diag, item->at, "rule: 'event' is missing");
			err = -EINVAL;
		}
		read_condition(&r);
	}
	check_block_keys(&r);
	read_message(&r);
	if (yaml_get(item, "cases"))
		read_cases(&r, yaml_get(item, "cases"));
	if (c->no_memory)
		return -ENOMEM;
	err = r.err ? r.err : err;
	if (!err)
		*ret = rule;
	return err;
}

/* --- overrides ----------------------------------------------------------------------------------------------------------------- */

/* Whether its message or its throttle look at the end of the call. */
static bool report_needs_outcome(const struct rule *rule)
{
	const struct rule_throttle *throttle = rule->info.throttle;
	for (size_t i = 0; i < rule->n_message; i++) {
		const struct message_piece *piece = &rule->message[i];
		if ((piece->field && piece->field->needs_outcome) || (piece->expr && expr_needs_outcome(piece->expr)))
			return true;
	}
	for (size_t i = 0; throttle && i < throttle->n_by; i++)
		if (throttle->by[i]->needs_outcome)
			return true;
	return false;
}

/* What follows from the condition, when that has changed: a rule that names no events is about those in which it can hold. */
static void change_condition(struct rule_reader *r)
{
	struct rule *rule = r->rule;
	if (!rule->base || r->err)
		return;
	rule_reader_fail(r, rule_compose(r->c, rule));
	if (r->err)
		return;
	if (rule->takes_all_events)
		rule->info.events = coverage_events(rule->condition);
	else if (rule->info.events)
		check_fields(r, rule->condition, r->item->at, NULL);
	rule->info.needs_outcome = coverage_needs_outcome(rule->condition) || report_needs_outcome(rule);
}

/* base and condition, base or condition. What is appended again and again stands side by side, and does not nest. */
static void append_condition(struct rule_reader *r, const struct condition *more, enum node_type type, const struct yaml_node *at)
{
	struct rule *rule = r->rule;
	const struct condition *parts[RULE_MAX_APPENDED + 2];
	size_t n = 0;
	if (rule->n_appended == RULE_MAX_APPENDED) {
		diag_error(r->c->diag, at->at, "override: %d conditions at most can be appended to a rule: put several in one", RULE_MAX_APPENDED);
		rule_reader_fail(r, -EINVAL);
		return;
	}
	bool goes_on = rule->base == rule->appended && rule->base->type == type;
	for (size_t i = 0; goes_on && i < rule->base->n; i++)
		parts[n++] = rule->base->children[i];
	if (!goes_on)
		parts[n++] = rule->base;
	parts[n] = more;
	rule->base = more ? node_group(r->c, type, parts, n + 1, at->at) : NULL;
	rule->appended = rule->base;
	rule->n_appended++;
	rule_reader_fail(r, rule->base ? 0 : -EINVAL);
}

static void extend_base(struct rule_reader *r, const struct yaml_node *append, const char *word, enum node_type type)
{
	const struct yaml_node *node = yaml_get(append, word);
	if (!node || !r->rule->base)
		return;
	if (type == NODE_OR && r->rule->scope) {
		diag_error(r->c->diag, node->at, "override: 'or' would make rule '%s' hold outside of its scope: add to 'allow' what it is to allow, or replace 'scope'",
			   r->rule->info.id);
		rule_reader_fail(r, -EINVAL);
		return;
	}
	append_condition(r, rule_condition_parse(r, node, word), type, node);
}

/* Is it a rule that says what is allowed? If not, that is reported. */
static bool has_allowed(struct rule_reader *r, const struct yaml_node *at, const char *key)
{
	if (r->rule->scope)
		return true;
	diag_error(r->c->diag, at->at, "override: %s: rule '%s' has no 'scope' and 'allow': except what is meant, in `append: {exceptions: ...}`", key, r->rule->info.id);
	rule_reader_fail(r, -EINVAL);
	return false;
}

/* In place of the one, the other, or both. What was appended to the condition before is gone, as it is with `when`. */
static void replace_scope(struct rule_reader *r, const struct yaml_node *scope, const struct yaml_node *allow)
{
	if ((!scope && !allow) || !has_allowed(r, scope ? scope : allow, scope ? "scope" : "allow"))
		return;
	if (scope)
		r->rule->scope = rule_condition_parse(r, scope, "scope");
	if (allow)
		r->rule->allowed = read_allowed(r, allow);
	if (!r->err)
		compose_scope(r);
}

/* Allowed besides what is: nothing else of the rule changes. */
static void append_allowed(struct rule_reader *r, const struct yaml_node *allow)
{
	const struct condition *more = allow && has_allowed(r, allow, "allow") ? read_allowed(r, allow) : NULL;
	if (more)
		append_condition(r, node_not(r->c, more, allow->at), NODE_AND, allow);
}

static void change_keys(struct rule_reader *r, const struct yaml_node *map)
{
	for (size_t i = 0; i < ARRAY_SIZE(rule_keys); i++) {
		const struct rule_key *key = &rule_keys[i];
		const struct yaml_node *value = yaml_get(map, key->name);
		bool is_open = r->is_appending ? key->change == CHANGE_BOTH : key->change != CHANGE_FIXED;
		if (value && key->read && is_open)
			key->read(r, value);
	}
	const struct yaml_node *when = r->is_appending ? NULL : yaml_get(map, "when"), *exceptions = yaml_get(map, "exceptions");
	if (when)
		read_when(r, when);
	if (r->is_appending)
		append_allowed(r, yaml_get(map, "allow"));
	else
		replace_scope(r, yaml_get(map, "scope"), yaml_get(map, "allow"));
	if (exceptions && !r->is_appending)
		r->rule->n_exceptions = 0;
	if (exceptions)
		exceptions_read(r, exceptions);
}

static void append_keys(struct rule_reader *r, const struct yaml_node *append)
{
	if (append->type != YAML_MAP) {
		diag_error(r->c->diag, append->at, "override: 'append' is a map {exceptions, tags, and, or, ...}, found %s", yaml_type_name(append->type));
		rule_reader_fail(r, -EINVAL);
		return;
	}
	rule_reader_fail(r, item_check(r->c, append, PART_APPEND));
	r->is_appending = true;
	change_keys(r, append);
	extend_base(r, append, "or", NODE_OR);
	extend_base(r, append, "and", NODE_AND);
}

/* The conditions of a stateful rule are those of its steps, which have ids of their own. */
static void refuse_condition(struct rule_reader *r, const struct yaml_node *append)
{
	static const char *const keys[] = { "when", "exceptions", "and", "or", "scope", "allow" };
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct yaml_node *node = yaml_get(append, keys[i]) ? yaml_get(append, keys[i]) : yaml_get(r->item, keys[i]);
		if (!node)
			continue;
		diag_error(r->c->diag, node->at, "override: rule '%s' looks at several events: override its step, as \"%s#1\"", r->rule->info.id, r->rule->info.id);
		rule_reader_fail(r, -EINVAL);
	}
}

int rule_override(struct compiler *c, const struct rule_file *file, const struct yaml_node *item, struct rule *rule)
{
	struct rule changed = *rule;
	struct rule_reader r = { .c = c, .file = file, .rule = &changed, .item = item };
	const struct yaml_node *append = yaml_get(item, "append");
	c->file = file->name;
	if (rule->stateful)
		refuse_condition(&r, append);
	change_keys(&r, item);
	if (append)
		append_keys(&r, append);
	change_condition(&r);
	check_block_keys(&r);
	c->file = file->name;
	if (yaml_get(item, "message") || (yaml_get(item, "title") && changed.has_title_message))
		read_message(&r);
	r.is_appending = false;
	if (yaml_get(item, "cases")) /* they may be about events that the changed condition is about */
		read_cases(&r, yaml_get(item, "cases"));
	r.is_appending = true;
	if (append && yaml_get(append, "cases"))
		read_cases(&r, yaml_get(append, "cases"));
	if (c->no_memory)
		return -ENOMEM;
	if (!r.err)
		*rule = changed;
	return r.err;
}
