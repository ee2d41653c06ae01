/* SPDX-License-Identifier: Apache-2.0 */
/* When all of Falco's files are known: lists flattened, macros parsed, rules made. */
#include <errno.h>
#include <stdlib.h>

#include "engine/import/falco.h"
#include "engine/rules/coverage.h"
#include "engine/rules/op.h"

enum {
	MANY_TYPES = 100,  /* events of more types are not worth a rule's price, says Falco, and warns */
	MANY_WORDS = 1000, /* of a condition, that are compared with the names of all lists */
	FALCO_MAX_EXPANDED = 32 * 1024 * 1024, /* of all conditions with their lists: a tree takes several times the memory of its text */
};

/* --- lists ------------------------------------------------------------------------------------------------------------------- */

struct flat_list {
	struct falco_item *p; /* owned */
	size_t n, size;
};

static void flat_list_done(struct flat_list *list)
{
	free(list->p);
}

static int flat_list_add(struct falco *f, struct flat_list *list, struct place at, struct falco_item item)
{
	if (list->n == TEST_MAX_VALUES) {
		diag_error(f->c->diag, at, "list: too many items, those of the lists in it included (%d at most): make several, and ask 'x in (a) or x in (b)'", TEST_MAX_VALUES);
		return -EINVAL;
	}
	if (list->n == list->size) {
		size_t size = list->size ? 2 * list->size : 32;
		struct falco_item *bigger = realloc(list->p, size * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		list->p = bigger;
		list->size = size;
	}
	list->p[list->n++] = item;
	return 0;
}

/* What names none of Falco's lists: in a list that both formats see, it may name one of ours. */
static int add_word(struct falco *f, struct flat_list *flat, const struct falco_list *list, const struct falco_list_item *item)
{
	const struct named_list *ours = list->is_shared && !item->is_quoted ? strmap_get(&f->c->lists, item->text) : NULL;
	if (!ours)
		return flat_list_add(f, flat, list->at, (struct falco_item){ item->text, item->at });
	int err = 0;
	for (size_t i = 0; i < ours->n && !err; i++)
		err = flat_list_add(f, flat, list->at, (struct falco_item){ ours->values[i].text, item->at });
	return err;
}

/* Our own format knows no list of a Falco file. */
static void warn_of_half(struct falco *f, const struct falco_list *list, const struct falco_list_item *item)
{
	const struct named_list *ours = list->is_shared ? strmap_get(&f->c->lists, list->name) : NULL;
	char quoted[80];
	if (ours && ours->is_used && !strmap_get(&f->c->lists, item->text) && !diag_speaks_of(f->c->diag, item->at))
		diag_warn(f->c->diag, item->at, "list '" SV_FMT "' is used by rules that are not Falco's as well, and to them %s is a text: move that list into a file of "
			  "lists alone", SV_ARG(list->name), diag_quote(item->text, quoted, sizeof(quoted)));
}

/* An item that names the list itself, or one that is being resolved, is a text. */
static int list_flatten(struct falco *f, struct falco_list *list, unsigned depth)
{
	CLEANUP(flat_list_done) struct flat_list flat = { 0 };
	int err = 0;
	if (list->state != RESOLVE_NEW)
		return 0;
	list->state = RESOLVE_BUSY;
	for (const struct falco_list_item *item = list->items; item && !err; item = item->next) {
		struct falco_list *inner = strmap_get(&f->list_names, item->text);
		if (!inner || inner->state == RESOLVE_BUSY) {
			err = add_word(f, &flat, list, item);
			continue;
		}
		warn_of_half(f, list, item);
		if (depth == LIST_MAX_DEPTH && inner->state == RESOLVE_NEW) {
			diag_error(f->c->diag, list->at, "list '" SV_FMT "': lists nested too deep (%d levels at most); put those it is made of before it",
				   SV_ARG(list->name), LIST_MAX_DEPTH);
			err = -EINVAL;
			break;
		}
		inner->is_used = true;
		err = list_flatten(f, inner, depth + 1);
		for (size_t i = 0; i < inner->n && !err; i++)
			err = flat_list_add(f, &flat, list->at, inner->flat[i]);
	}
	list->state = RESOLVE_DONE;
	if (err)
		return err;
	list->flat = falco_alloc(f, flat.n * sizeof(*flat.p));
	if (!list->flat)
		return -ENOMEM;
	if (flat.n)
		memcpy(list->flat, flat.p, flat.n * sizeof(*flat.p));
	list->n = flat.n;
	return 0;
}

static bool items_of(void *state, struct strview name, struct falco_items *ret)
{
	struct falco *f = state;
	struct falco_list *list = strmap_get(&f->list_names, name);
	if (!list)
		return false;
	list->is_used = true;
	*ret = (struct falco_items){ list->flat, list->n };
	return true;
}

/* --- conditions --------------------------------------------------------------------------------------------------------------- */

static void join_parts(const struct falco_part *parts, struct falco_text *out)
{
	for (const struct falco_part *part = parts; part; part = part->next) {
		if (out->bytes.n)
			falco_text_add(out, SV(" "), (struct place){ part->file->name, part->node->at.line, part->node->at.column });
		falco_text_add_node(out, part->node, part->file);
	}
}

/* The word that stands alone between '(' or ',' and ',' or ')', from `at` on; n 0: something else stands there. */
static struct strview lone_word(struct strview text, size_t at)
{
	while (at < text.n && (text.p[at] == ' ' || text.p[at] == '\n'))
		at++;
	struct strview word = { text.p + at, 0 };
	while (at < text.n && !memchr(" \n\t\r(),=\"'./", text.p[at], 13)) {
		word.n++;
		at++;
	}
	while (at < text.n && (text.p[at] == ' ' || text.p[at] == '\n'))
		at++;
	if (at == text.n || (text.p[at] != ',' && text.p[at] != ')'))
		word.n = 0;
	return word;
}

/* Mistyped names of lists among the values, as written: they would be compared as text, in silence. */
static void warn_of_words(struct falco *f, const struct falco_text *text)
{
	struct strview whole = buf_sv(&text->bytes);
	char quote = 0, shown[80];
	size_t n = 0;
	for (size_t i = 0; i < whole.n && n < MANY_WORDS; i++) {
		char c = whole.p[i];
		if (quote || c == '"' || c == '\'')
			quote = !quote ? c : c == quote ? 0 : quote;
		if (quote || (c != '(' && c != ','))
			continue;
		struct strview word = lone_word(whole, i + 1);
		if (word.n == 0 || strmap_get(&f->list_names, word) || strmap_get(&f->macro_names, word))
			continue;
		n++;
		const char *near = list_very_near(word, f->list_suggestions, f->n_lists);
		if (near)
			diag_warn(f->c->diag, text->places[word.p - whole.p], "%s is no list (did you mean '%s'?); put the word in quotes if it is meant as a text",
				  diag_quote(word, shown, sizeof(shown)), near);
	}
}

/* The tree's names lie in the text: it goes into the arena with them. */
static int parse(struct falco *f, const struct falco_text *text, const struct falco_node **ret)
{
	CLEANUP(falco_text_done) struct falco_text whole = { 0 };
	warn_of_words(f, text);
	falco_text_expand(text, items_of, f, &whole);
	if (falco_text_error(text) || falco_text_error(&whole))
		return -ENOMEM;
	f->n_expanded += whole.bytes.n;
	if (f->n_expanded > FALCO_MAX_EXPANDED) {
		diag_error(f->c->diag, whole.places[0], "the conditions of all rules are longer than %d bytes together, with their lists put in", FALCO_MAX_EXPANDED);
		return -EINVAL;
	}
	char *copy = arena_text(&f->arena, buf_sv(&whole.bytes));
	if (!copy)
		return -ENOMEM;
	struct falco_source source = { .text = { copy, whole.bytes.n }, .places = whole.places, .takes_words = true };
	return falco_filter_parse(&f->arena, &source, f->c->diag, ret);
}

static int parse_macro(struct falco *f, struct falco_macro *macro)
{
	CLEANUP(falco_text_done) struct falco_text text = { 0 };
	join_parts(macro->condition, &text);
	return parse(f, &text, &macro->root);
}

static void report_macro(struct falco *f, const struct falco_node *node)
{
	const char *near = diag_suggest(node->name, f->macro_suggestions, f->n_macros);
	diag_error(f->c->diag, node->at, "unknown macro '" SV_FMT "'%s%s%s", SV_ARG(node->name), near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
}

/* Macros that are used, and whether those a tree uses are there to be seen; unknown ones are reported. */
static bool note_macros(struct falco *f, const struct falco_node *node, bool is_bound)
{
	bool is_good = true;
	if (node->type == FALCO_MACRO) {
		struct falco_macro *macro = strmap_get(&f->macro_names, node->name);
		if (macro)
			macro->is_used = true;
		else if (!is_bound)
			report_macro(f, node);
		is_good = macro != NULL;
	}
	if (node->type == FALCO_CHECK && node->left->type == FALCO_FIELD && !memchr(node->left->text.p, '.', node->left->text.n)) {
		if (!is_bound)
			(void)field_resolve(f->c, node->left->text, node->at); /* there is none without a dot: for its report */
		is_good = false;
	}
	for (const struct falco_node *child = node->first; child; child = child->next)
		is_good &= note_macros(f, child, is_bound);
	return is_good;
}

/* --- keys of rules -------------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	enum severity severity;
} priorities[] = {
	{ "emergency", SEVERITY_CRITICAL }, { "alert", SEVERITY_CRITICAL },     { "critical", SEVERITY_CRITICAL },
	{ "error", SEVERITY_HIGH },	    { "warning", SEVERITY_MEDIUM },     { "notice", SEVERITY_LOW },
	{ "info", SEVERITY_INFO },	    { "informational", SEVERITY_INFO }, { "debug", SEVERITY_INFO },
};

static bool equal_folded(struct strview a, const char *lower)
{
	size_t n = strlen(lower);
	for (size_t i = 0; i < n && a.n == n; i++)
		if ((a.p[i] >= 'A' && a.p[i] <= 'Z' ? a.p[i] + 32 : a.p[i]) != lower[i])
			return false;
	return a.n == n;
}

static int read_priority(struct falco *f, const struct falco_rule *from, struct rule *rule)
{
	char quoted[48];
	for (size_t i = 0; i < ARRAY_SIZE(priorities); i++) {
		if (!equal_folded(from->priority->text, priorities[i].name))
			continue;
		struct rule_remark *remark = arena_alloc(f->c->arena, sizeof(*remark));
		if (!remark)
			return -ENOMEM;
		*remark = (struct rule_remark){ "priority", arena_text(f->c->arena, from->priority->text) };
		rule->info.severity = priorities[i].severity;
		rule->info.remarks = remark;
		rule->info.n_remarks = 1;
		return remark->text ? 0 : -ENOMEM;
	}
	diag_error(f->c->diag, from->priority->at, "priority: %s is none of emergency, alert, critical, error, warning, notice, informational, debug",
		   diag_quote(from->priority->text, quoted, sizeof(quoted)));
	return -EINVAL;
}

/* The ATT&CK id that a tag stands for, or none. */
static struct strview attack_id(struct strview tag)
{
	static const struct {
		const char *tag, *id;
	} tactics[] = {
		{ "mitre_reconnaissance", "TA0043" }, { "mitre_resource_development", "TA0042" }, { "mitre_initial_access", "TA0001" },
		{ "mitre_execution", "TA0002" },      { "mitre_persistence", "TA0003" },          { "mitre_privilege_escalation", "TA0004" },
		{ "mitre_defense_evasion", "TA0005" }, { "mitre_credential_access", "TA0006" },   { "mitre_discovery", "TA0007" },
		{ "mitre_lateral_movement", "TA0008" }, { "mitre_collection", "TA0009" },         { "mitre_command_and_control", "TA0011" },
		{ "mitre_exfiltration", "TA0010" },   { "mitre_impact", "TA0040" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(tactics); i++)
		if (sv_is(tag, tactics[i].tag))
			return sv_from(tactics[i].id);
	return rule_is_attack_id(tag) ? tag : (struct strview){ NULL, 0 };
}

/* Adds a text once; past `max` a warning tells that it and what follows is left out. */
static int add_once(struct falco *f, const char **texts, size_t max, struct strview text, struct place at, const char *what)
{
	size_t n = 0;
	for (; texts[n]; n++)
		if (sv_is(text, texts[n]))
			return 0;
	if (n == max) {
		diag_warn(f->c->diag, at, "%s: %zu are kept, this and what follows is left out", what, max);
		return -E2BIG;
	}
	texts[n] = arena_text(f->c->arena, text);
	return texts[n] ? 0 : -ENOMEM;
}

static int read_tags(struct falco *f, const struct falco_rule *from, struct rule *rule)
{
	int full = 0, full_ids = 0;
	for (const struct falco_tag *tag = from->tags; tag; tag = tag->next) {
		struct strview id = attack_id(tag->node->text);
		if (!full)
			full = add_once(f, rule->info.tags, RULE_MAX_TAGS, tag->node->text, tag->node->at, "tags");
		if (!full_ids && id.n)
			full_ids = add_once(f, rule->info.attack, RULE_MAX_ATTACK, id, tag->node->at, "tags that are ATT&CK ids");
		if (full == -ENOMEM || full_ids == -ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

static int read_desc(struct falco *f, const struct falco_rule *from, struct rule *rule)
{
	CLEANUP(falco_text_done) struct falco_text text = { 0 };
	join_parts(from->desc, &text);
	if (falco_text_error(&text))
		return -ENOMEM;
	struct strview desc = buf_sv(&text.bytes);
	while (desc.n && (desc.p[desc.n - 1] == '\n' || desc.p[desc.n - 1] == ' '))
		desc.n--;
	rule->info.description = arena_text(f->c->arena, (struct strview){ desc.p, MIN(desc.n, (size_t)RULE_MAX_TEXT) });
	return rule->info.description ? 0 : -ENOMEM;
}

static int read_output(struct falco *f, const struct falco_rule *from, struct rule *rule)
{
	CLEANUP(falco_text_done) struct falco_text text = { 0 };
	join_parts(from->output, &text);
	while (text.bytes.n && (text.bytes.p[text.bytes.n - 1] == '\n' || text.bytes.p[text.bytes.n - 1] == ' '))
		text.bytes.n--;
	if (falco_text_error(&text))
		return -ENOMEM;
	if (!rule->info.needs_source)
		return falco_output_compile(f, &text, rule);
	text.bytes.n = MIN(text.bytes.n, (size_t)RULE_MAX_TEXT);
	/* its fields are not ours to know */
	char *copy = arena_text(f->c->arena, buf_sv(&text.bytes));
	rule->message = arena_alloc(f->c->arena, sizeof(*rule->message));
	if (!copy || !rule->message)
		return -ENOMEM;
	rule->message[rule->n_message++] = (struct message_piece){ .text = { copy, text.bytes.n } };
	return 0;
}

/* --- types of events -------------------------------------------------------------------------------------------------------- */

/* Names of types, or all but these. */
struct types {
	struct strview names[MANY_TYPES + 1];
	size_t n; /* MANY_TYPES + 1: more than are worth counting */
	bool is_rest;
};

static bool types_has(const struct types *t, struct strview name)
{
	for (size_t i = 0; i < t->n; i++)
		if (sv_equal(t->names[i], name))
			return true;
	return false;
}

static void types_add(struct types *t, struct strview name)
{
	if (!types_has(t, name) && t->n <= MANY_TYPES)
		t->names[t->n++] = name;
}

/* Those of a that are, or are not, in b. */
static struct types types_sift(const struct types *a, const struct types *b, bool is_in)
{
	struct types out = { 0 };
	for (size_t i = 0; i < a->n; i++)
		if (types_has(b, a->names[i]) == is_in)
			types_add(&out, a->names[i]);
	return out;
}

static struct types types_merge(const struct types *a, const struct types *b)
{
	struct types out = *a;
	for (size_t i = 0; i < b->n; i++)
		types_add(&out, b->names[i]);
	return out;
}

static struct types types_and(const struct types *a, const struct types *b)
{
	struct types out;
	if (a->is_rest && b->is_rest)
		out = types_merge(a, b);
	else if (a->is_rest)
		out = types_sift(b, a, false);
	else
		out = types_sift(a, b, !b->is_rest);
	out.is_rest = a->is_rest && b->is_rest;
	return out;
}

static struct types types_of(const struct condition *c, bool is_negated)
{
	struct types set = { .is_rest = true };
	bool is_and = (c->type == NODE_AND) != is_negated;
	if (c->type == NODE_CONST)
		set.is_rest = c->truth != is_negated;
	if (c->type == NODE_NOT)
		return types_of(c->children[0], !is_negated);
	if (c->type == NODE_TEST) {
		const struct test *t = c->test;
		bool is_type = t->left->type == EXPR_FIELD && strcmp(t->left->field->name, "evt.type") == 0 && !t->right && t->modifier == MODIFIER_NONE;
		bool is_one_of = t->op->id == OP_EQ || t->op->id == OP_EQ2 || t->op->id == OP_IN || t->op->id == OP_INTERSECTS;
		if (!is_type || (!is_one_of && t->op->id != OP_NE))
			return set;
		set.is_rest = (t->op->id == OP_NE) != is_negated;
		for (size_t i = 0; i < t->n_operands; i++)
			types_add(&set, t->operands[i].text);
	}
	for (size_t i = 0; i < c->n && c->type != NODE_TEST; i++) {
		struct types child = types_of(c->children[i], is_negated);
		if (i == 0) {
			set = child;
			continue;
		}
		if (is_and) {
			set = types_and(&set, &child);
			continue;
		}
		/* a or b = not (not a and not b) */
		set.is_rest = !set.is_rest;
		child.is_rest = !child.is_rest;
		set = types_and(&set, &child);
		set.is_rest = !set.is_rest;
	}
	return set;
}

/* Whether the text is the name of a type; if not, perhaps the one that was meant. */
static bool is_type(struct strview text, const char **ret_near)
{
	static const char *const types[] = {
#define TYPE(name) name,
#include "engine/import/falco_types.def"
	};
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (sv_is(text, types[i]))
			return true;
	const char *near = diag_suggest(text, types, ARRAY_SIZE(types));
	*ret_near = near && diag_distance(text, sv_from(near)) <= 2 ? near : NULL;
	return false;
}

/* Types that do not exist are compared with in silence, and never found. */
static void warn_of_mistyped(struct falco *f, const struct condition *c)
{
	const struct test *t = c->test;
	const char *near = NULL;
	char quoted[80];
	bool asks = c->type == NODE_TEST && t->left->type == EXPR_FIELD && strcmp(t->left->field->name, "evt.type") == 0 && !t->right &&
		    t->op->function == op_equal;
	for (size_t i = 0; asks && i < t->n_operands; i++)
		if (!is_type(t->operands[i].text, &near) && !diag_speaks_of(f->c->diag, c->at))
			diag_warn(f->c->diag, c->at, "evt.type: there is no event %s%s%s%s", diag_quote(t->operands[i].text, quoted, sizeof(quoted)),
				  near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
	for (size_t i = 0; i < c->n; i++)
		warn_of_mistyped(f, c->children[i]);
}

static void warn_of_types(struct falco *f, const struct falco_rule *from, const struct condition *c)
{
	struct types set = types_of(c, false);
	if (set.is_rest || set.n > MANY_TYPES)
		diag_warn(f->c->diag, from->name_at, "rule '" SV_FMT "' looks at more than %d types of events: name those it is about, as evt.type in (...)",
			  SV_ARG(from->name), MANY_TYPES);
}

/* --- rules ------------------------------------------------------------------------------------------------------------------- */

/* 0 with ret unset: it is skipped, as it asks for. */
static int bind_rule(struct falco *f, const struct falco_rule *from, const struct falco_node *root, const struct condition **ret)
{
	const struct falco_expr *unknown = from->skips_unknown ? falco_unknown_field(f, root, FALCO_SEES_ALL) : NULL;
	if (unknown) {
		diag_warn(f->c->diag, unknown->at, "rule '" SV_FMT "' is skipped, as it asks for: there is no field '" SV_FMT "'", SV_ARG(from->name),
			  SV_ARG(unknown->text));
		return 0;
	}
	size_t before = f->c->diag->errors;
	const struct condition *c = falco_bind(f, root, FALCO_SEES_ALL);
	if (!c || f->c->no_memory || f->c->diag->errors > before)
		return f->c->no_memory ? -ENOMEM : -EINVAL;
	*ret = c;
	return 0;
}

static int read_condition(struct falco *f, const struct falco_rule *from, struct rule *rule)
{
	CLEANUP(falco_text_done) struct falco_text text = { 0 };
	const struct falco_node *root = NULL;
	join_parts(from->condition, &text);
	int err = falco_exceptions_text(f, from, &text);
	if (!err)
		err = parse(f, &text, &root);
	if (err)
		return err;
	if (!note_macros(f, root, !rule->info.needs_source))
		err = -EINVAL; /* binding says so */
	if (rule->info.needs_source) {
		rule->condition = node_const(f->c, false, from->at);
		return rule->condition ? err : -ENOMEM;
	}
	err = bind_rule(f, from, root, &rule->condition);
	if (err || !rule->condition)
		return err;
	rule->takes_all_events = true;
	rule->info.events = coverage_events(rule->condition);
	rule->info.needs_outcome = coverage_needs_outcome(rule->condition);
	warn_of_mistyped(f, rule->condition);
	if (from->warns_of_types)
		warn_of_types(f, from, rule->condition);
	return 0;
}

/* A field of an exception, whether or not the exception came into the condition. */
static int check_field(struct falco *f, const struct falco_exception *x, const struct yaml_node *field)
{
	CLEANUP(falco_text_done) struct falco_text text = { 0 };
	struct place at = { x->file->name, field->at.line, field->at.column };
	const struct falco_node *root = NULL;
	size_t before = f->c->diag->errors;
	if (diag_refuses(f->c->diag, at))
		return -EINVAL;
	falco_text_add(&text, field->text, at);
	falco_text_add(&text, SV(" exists"), at);
	int err = parse(f, &text, &root);
	const struct condition *unused = err ? NULL : falco_bind(f, root, FALCO_SEES_ALL);
	if (f->c->no_memory)
		return -ENOMEM;
	return err ? err : !unused || f->c->diag->errors > before ? -EINVAL : 0;
}

/* Those without values, those that have other faults, and all where the condition cannot be read. */
static int check_exceptions(struct falco *f, const struct falco_rule *from)
{
	int err = 0;
	for (const struct falco_exception *x = from->exceptions; x && err != -ENOMEM; x = x->next) {
		const struct yaml_node *field = x->fields->type == YAML_LIST ? x->fields->first : x->fields;
		for (; field; field = x->fields->type == YAML_LIST ? field->next : NULL)
			err = worse_of(err, check_field(f, x, field));
	}
	return err;
}

static int make_rule(struct falco *f, const struct falco_rule *from, struct rule_sink *sink)
{
	struct rule rule = { .info = { .at = from->at, .ruleset = from->file->ruleset, .mode = from->file->mode, .format = "falco",
				       .is_enabled = from->is_enabled, .action = ACTION_ALERT } };
	char *name = arena_text(f->c->arena, from->name), *source = NULL;
	if (!sv_is(from->source, "syscall"))
		source = arena_text(f->c->arena, from->source);
	if (source && diag_distance(from->source, SV("syscall")) <= 2)
		diag_warn(f->c->diag, from->source_at, "source: nothing here has the source '%s' (did you mean 'syscall'?)", source);
	if (!name || (!source && !sv_is(from->source, "syscall")))
		return -ENOMEM;
	rule.info.id = rule.info.title = name;
	rule.info.needs_source = source;
	rule.info.at.file = from->file->name;
	rule.info.policy = from->file->policy ? from->file->policy : from->file->ruleset;
	rule.id_at = (struct place){ from->file->name, from->name_at.line, from->name_at.column };
	f->c->file = from->file->name;
	int err = from->condition ? read_condition(f, from, &rule) : -EINVAL;
	if (!err && !rule.condition)
		return 0;
	if (!rule.info.needs_source)
		err = worse_of(err, check_exceptions(f, from));
	if (from->priority && from->priority->type == YAML_SCALAR)
		err = worse_of(err, read_priority(f, from, &rule));
	err = worse_of(err, read_tags(f, from, &rule));
	err = worse_of(err, read_desc(f, from, &rule));
	if (from->output)
		err = worse_of(err, read_output(f, from, &rule));
	if (!err && from->is_faulty)
		err = -EINVAL;
	if (f->c->no_memory || f->no_memory)
		return -ENOMEM;
	if (!err)
		err = rule_sink_add(sink, &rule);
	if (err && err != -ENOMEM && rule_sink_refuse(sink, from->name))
		return -ENOMEM;
	return err;
}

/* --- the whole ---------------------------------------------------------------------------------------------------------------- */

static int resolve_names(struct falco *f)
{
	size_t n = 0;
	int err = 0;
	f->macro_suggestions = falco_alloc(f, (f->n_macros + 1) * sizeof(*f->macro_suggestions));
	f->list_suggestions = falco_alloc(f, (f->list_names.n + 1) * sizeof(*f->list_suggestions));
	if (!f->macro_suggestions || !f->list_suggestions)
		return -ENOMEM;
	for (struct falco_list *list = f->lists; list; list = list->next)
		f->list_suggestions[f->n_lists++] = list->name.p;
	for (struct falco_list *list = f->lists; list && err != -ENOMEM; list = list->next)
		err = list->is_shared ? worse_of(err, falco_shared_list_settle(f, list)) : err;
	for (struct falco_list *list = f->lists; list && err != -ENOMEM; list = list->next)
		err = worse_of(err, list_flatten(f, list, 0));
	for (struct falco_macro *macro = f->macros; macro && err != -ENOMEM; macro = macro->next) {
		f->macro_suggestions[n++] = macro->name.p;
		err = worse_of(err, parse_macro(f, macro));
	}
	for (struct falco_macro *macro = f->macros; macro; macro = macro->next)
		if (macro->root && !note_macros(f, macro->root, false))
			err = worse_of(err, -EINVAL);
	return err;
}

/* A list of both formats is used when either does. */
static void note_shared_use(struct falco *f)
{
	for (const struct falco_list *list = f->lists; list; list = list->next) {
		struct named_list *ours = list->is_shared && list->is_used ? strmap_get(&f->c->lists, list->name) : NULL;
		if (ours)
			ours->is_used = true;
	}
}

static void warn_of_unused(struct falco *f)
{
	for (const struct falco_macro *macro = f->macros; macro; macro = macro->next)
		if (!macro->is_used)
			diag_warn(f->c->diag, macro->at, "macro '" SV_FMT "' is used nowhere", SV_ARG(macro->name));
	for (const struct falco_list *list = f->lists; list; list = list->next)
		if (!list->is_used && !list->is_shared)
			diag_warn(f->c->diag, list->at, "list '" SV_FMT "' is used nowhere", SV_ARG(list->name));
}

int falco_finish(struct falco *f, struct rule_sink *sink)
{
	int err = resolve_names(f);
	for (const struct falco_rule *rule = f->rules; rule && err != -ENOMEM; rule = rule->next)
		err = worse_of(err, make_rule(f, rule, sink));
	note_shared_use(f);
	if (!err)
		warn_of_unused(f);
	return err;
}
