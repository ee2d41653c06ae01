/* SPDX-License-Identifier: Apache-2.0 */
/* Finds what an override names, and changes it. What a key means is known where it is read (rule.c). */
#include "engine/rules/override.h"

#include <errno.h>
#include <stdlib.h>

void override_list_done(struct override_list *list)
{
	free(list->p);
	*list = (struct override_list){ 0 };
}

static int refuse(struct compiler *c, struct place at, const char *what, const char *why)
{
	diag_error(c->diag, at, "%s: %s", what, why);
	return -EINVAL;
}

int override_add(struct override_list *list, struct compiler *c, const struct rule_file *file, const struct yaml_node *node, enum part_id part)
{
	const char *key = part_get(part)->key;
	const struct yaml_node *name = yaml_get(node, key);
	int err = item_check(c, node, part);
	if (name->type != YAML_SCALAR || name->text.n == 0)
		err = refuse(c, name->at, key, "expected the name of what is changed");
	else if (node->n == 1)
		err = refuse(c, node->at, key, "nothing is changed here");
	if (node->n == 1 || name->type != YAML_SCALAR || name->text.n == 0)
		return err;
	/* one with unknown keys is kept for the faults of its others */
	if (list->n == list->size) {
		size_t size = list->size ? 2 * list->size : 16;
		struct override *bigger = realloc(list->p, size * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		list->p = bigger;
		list->size = size;
	}
	list->p[list->n++] = (struct override){ file, node, part };
	return err;
}

static const struct yaml_node *name_of(const struct override *o)
{
	return yaml_get(o->node, part_get(o->part)->key);
}

/* "override: no rule has the id 'x' (did you mean 'y'?)" */
static int refuse_unknown(struct compiler *c, const struct override *o, const char *what, const char *const *names, size_t n)
{
	const struct yaml_node *name = name_of(o);
	const char *near = diag_suggest(name->text, names, n);
	char quoted[120];
	diag_error(c->diag, name->at, "%s: no %s %s%s%s%s", part_get(o->part)->key, what, diag_quote(name->text, quoted, sizeof(quoted)),
		   near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
	return -EINVAL;
}

/* A list or macro of a Falco file is text that is put into text: only items of its own sort can change it. */
static int refuse_imported(struct compiler *c, const struct override *o, const char *form)
{
	const struct yaml_node *name = name_of(o);
	char quoted[120];
	diag_error(c->diag, name->at, "%s: %s stands in a Falco file and is changed as Falco does it, in a document of such items: %s "
		   "(or 'replace')", part_get(o->part)->key, diag_quote(name->text, quoted, sizeof(quoted)), form);
	return -EINVAL;
}

/* --- lists and macros ------------------------------------------------------------------------------------------------------------ */

/* A list of values, as `items` and `append` of lists; NULL after a report. */
static const struct yaml_node *values_of(struct compiler *c, const struct override *o, const char *key, int *err)
{
	const struct yaml_node *node = yaml_get(o->node, key);
	if (!node)
		return NULL;
	bool is_good = node->type == YAML_LIST;
	for (const struct yaml_node *item = is_good ? node->first : NULL; item; item = item->next)
		is_good &= item->type == YAML_SCALAR;
	if (is_good)
		return node;
	*err = refuse(c, node->at, key, "expected a list of values");
	return NULL;
}

/* Of a list that other formats see, too: they take it over as it is when this is done. */
static int change_list(struct compiler *c, const struct override *o)
{
	struct named_list *list = strmap_get(&c->lists, name_of(o)->text);
	int err = 0;
	if (!list && strmap_get(&c->imported_lists, name_of(o)->text))
		return refuse_imported(c, o, "- {list: NAME, items: [...], override: {items: append}}");
	if (!list)
		return refuse_unknown(c, o, "list has the name", c->list_names, c->n_list_names);
	const struct yaml_node *items = values_of(c, o, "items", &err), *append = values_of(c, o, "append", &err);
	return worse_of(list_change(c, list, o->file->name, items, append), err);
}

static int add_macro_part(struct compiler *c, const struct override *o, struct named_macro *macro, const char *word, enum node_type type)
{
	const struct yaml_node *when = yaml_get(yaml_get(o->node, "append"), word);
	if (!when)
		return 0;
	if (when->type != YAML_SCALAR)
		return refuse(c, when->at, word, "expected a condition");
	struct macro_part *part = arena_alloc(c->arena, sizeof(*part));
	if (!part)
		return -ENOMEM;
	*part = (struct macro_part){ .type = type, .when = when, .file = &o->file->raw };
	if (macro->last)
		macro->last->next = part;
	else
		macro->more = part;
	macro->last = part;
	return 0;
}

static int change_macro(struct compiler *c, const struct override *o)
{
	struct named_macro *macro = strmap_get(&c->macros, name_of(o)->text);
	const struct yaml_node *when = yaml_get(o->node, "when"), *append = yaml_get(o->node, "append");
	if (!macro && strmap_get(&c->imported_macros, name_of(o)->text))
		return refuse_imported(c, o, "- {macro: NAME, condition: or ..., override: {condition: append}}");
	if (!macro)
		return refuse_unknown(c, o, "macro has the name", c->macro_names, c->n_macro_names);
	if (when && when->type != YAML_SCALAR)
		return refuse(c, when->at, "when", "expected a condition");
	if (when) {
		macro->when = when;
		macro->file = &o->file->raw;
		macro->more = macro->last = NULL;
	}
	if (!append)
		return 0;
	if (append->type != YAML_MAP)
		return refuse(c, append->at, "append", "expected a map {and: condition} or {or: condition}");
	int err = item_check(c, append, PART_APPEND_CONDITION);
	if (!err)
		err = add_macro_part(c, o, macro, "or", NODE_OR);
	return err ? err : add_macro_part(c, o, macro, "and", NODE_AND);
}

int override_names(const struct override_list *list, struct compiler *c)
{
	int err = 0;
	for (size_t i = 0; i < list->n; i++) {
		const struct override *o = &list->p[i];
		int failed = o->part == PART_OVERRIDE_LIST ? change_list(c, o) : o->part == PART_OVERRIDE_MACRO ? change_macro(c, o) : 0;
		if (failed == -ENOMEM)
			return failed;
		err = failed ? failed : err;
	}
	return err;
}

/* --- rules ----------------------------------------------------------------------------------------------------------------------- */

static void add_keys(struct buf *out, const struct yaml_node *map, const char *prefix)
{
	for (const struct yaml_node *k = map->first; k; k = k->next->next) {
		if (sv_is(k->text, "override"))
			continue;
		if (sv_is(k->text, "append") && k->next->type == YAML_MAP) {
			add_keys(out, k->next, "append ");
			continue;
		}
		buf_add_format(out, "%s%s" SV_FMT, out->n ? ", " : "", prefix, SV_ARG(k->text));
	}
}

/* Notes at the rule who changed what. */
static int note_change(struct compiler *c, const struct override *o, struct rule *rule)
{
	CLEANUP(buf_done) struct buf keys = { 0 };
	add_keys(&keys, o->node, "");
	struct rule_change *change = arena_alloc(c->arena, sizeof(*change));
	char *text = buf_error(&keys) ? NULL : arena_text(c->arena, buf_sv(&keys));
	if (!change || !text)
		return -ENOMEM;
	*change = (struct rule_change){ .at = { o->file->name, o->node->at.line, o->node->at.column }, .keys = text };
	change->next = rule->info.changes;
	rule->info.changes = change;
	return 0;
}

static int change_rule(struct rule_sink *sink, const struct override *o, struct rule *rule)
{
	struct compiler *c = sink->c;
	if (o->part == PART_CASES_FOR) {
		const struct yaml_node *cases = yaml_get(o->node, "cases");
		c->file = o->file->name;
		return cases ? cases_read(c, cases, rule) : -EINVAL; /* a key of another name was told of */
	}
	int err = rule_override(c, o->file, o->node, rule);
	for (size_t i = 0; !err && rule->stateful && i < rule->stateful->n_inputs; i++) {
		const struct stateful_input *input = &rule->stateful->inputs[i];
		if (input->step) /* a step is as awake as its rule */
			sink->rules[input->rule].info.is_enabled = rule->info.is_enabled;
	}
	return err ? err : note_change(c, o, rule);
}

static int refuse_rule(struct rule_sink *sink, const struct override *o)
{
	const char **ids = malloc((sink->n + 1) * sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < sink->n; i++)
		ids[i] = sink->rules[i].info.id;
	int err = refuse_unknown(sink->c, o, "rule has the id", ids, sink->n);
	free(ids);
	return err;
}

static int index_rules(const struct rule_sink *sink, struct strmap *ret)
{
	int err = 0;
	for (size_t i = 0; i < sink->n && !err; i++)
		err = strmap_add(ret, sv_from(sink->rules[i].info.id), &sink->rules[i]);
	return err;
}

int override_rules(const struct override_list *list, struct rule_sink *sink)
{
	CLEANUP(strmap_done) struct strmap rules = { 0 };
	int err = list->n ? index_rules(sink, &rules) : 0;
	for (size_t i = 0; i < list->n && err != -ENOMEM; i++) {
		const struct override *o = &list->p[i];
		if (o->part != PART_OVERRIDE && o->part != PART_CASES_FOR)
			continue;
		struct rule *rule = strmap_get(&rules, name_of(o)->text);
		int failed = rule ? change_rule(sink, o, rule) : rule_sink_lacks(sink, name_of(o)->text) ? 0 : refuse_rule(sink, o);
		err = failed ? failed : err;
	}
	return err;
}
