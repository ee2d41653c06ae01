/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format "sigma": which documents are Sigma's, and what one load makes of them. A document is a map with detection, correlation
 * or log source, or a table of the mapping. `action: global` is merged below all documents of its file that follow, until
 * `action: reset`; `action: repeat` puts a document above the one before it.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/import/sigma.h"

struct sigma_import {
	struct compiler *c;             /* borrowed */
	struct yaml_tree *builtin;      /* owned */
	struct sigma_mapping mapping;
	struct sigma_documents documents;
	const struct rule_file *file;   /* that `global` speaks of */
	const struct yaml_node *global[SIGMA_MAX_LAYERS]; /* the last one first */
	size_t n_global;
	unsigned n_twins;               /* rules that took their id from a global document */
};

static bool sigma_owns(const struct yaml_node *document)
{
	static const char *const keys[] = { "detection", "correlation", "logsource" };
	static const char *const actions[] = { "global", "reset", "repeat" };
	if (document->type != YAML_MAP)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (yaml_get(document, keys[i]))
			return true;
	const struct yaml_node *action = yaml_get(document, "action");
	for (size_t i = 0; action && action->type == YAML_SCALAR && i < ARRAY_SIZE(actions); i++)
		if (sv_is(action->text, actions[i]))
			return true;
	return sigma_mapping_owns(document);
}

static void sigma_free(void **state)
{
	struct sigma_import *s = *state;
	if (!s)
		return;
	sigma_mapping_done(&s->mapping);
	yaml_tree_free(&s->builtin);
	free(s->documents.p);
	strmap_done(&s->documents.by_name);
	free(s);
	*state = NULL;
}

static int sigma_new(struct compiler *c, void **ret_state)
{
	static const char name[] = "schemas/mappings/sigma.yaml (built in)";
	CLEANUP(sigma_free) void *state = calloc(1, sizeof(struct sigma_import));
	struct sigma_import *s = state;
	if (!s)
		return -ENOMEM;
	s->c = c;
	int err = yaml_parse(name, sigma_builtin_mapping(), &s->builtin, c->diag);
	if (!err)
		err = sigma_mapping_read(&s->mapping, c, name, yaml_root(s->builtin)->first);
	if (err)
		return err;
	*ret_state = TAKE(state);
	return 0;
}

/* --- documents ----------------------------------------------------------------------------------------------------------------- */

static int refuse(struct sigma_import *s, const struct yaml_node *node, const char *why)
{
	diag_error(s->c->diag, node->at, "%s", why);
	return -EINVAL;
}

static int add_document(struct sigma_import *s, const struct sigma_document *d)
{
	struct sigma_documents *all = &s->documents;
	if (all->n == RULES_MAX)
		return refuse(s, d->layers[0], "too many rules (20000 at most)");
	if (all->n == all->size) {
		size_t size = all->size ? 2 * all->size : 16;
		struct sigma_document *bigger = realloc(all->p, size * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		all->p = bigger;
		all->size = size;
	}
	all->p[all->n++] = *d;
	return 0;
}

static int add_layers(struct sigma_import *s, struct sigma_document *d, const struct yaml_node *const *layers, size_t n)
{
	if (n > SIGMA_MAX_LAYERS - d->n)
		return refuse(s, d->layers[0], "too many documents are merged into this one (16 at most)");
	for (size_t i = 0; i < n; i++)
		d->layers[d->n++] = layers[i];
	return 0;
}

static int add_global(struct sigma_import *s, const struct yaml_node *document)
{
	if (s->n_global == SIGMA_MAX_LAYERS - 1)
		return refuse(s, document, "too many global documents (15 at most)");
	for (size_t i = s->n_global; i > 0; i--)
		s->global[i] = s->global[i - 1];
	s->global[0] = document;
	s->n_global++;
	s->n_twins = 0;
	return 0;
}

/* Rules under one global document that has an id share it: from the second on they are numbered. */
static unsigned twin_number(struct sigma_import *s, const struct sigma_document *d)
{
	if (yaml_get(d->layers[0], "id") || !sigma_document_get(d, "id"))
		return 0;
	return s->n_twins++;
}

/* What is said of the place, before the rest is read. */
static void place_rule(struct sigma_document *d)
{
	struct rule_info *info = &d->rule.info;
	info->at = (struct place){ d->file->name, d->layers[0]->at.line, d->layers[0]->at.column };
	info->format = "sigma";
	info->is_enabled = true;
	info->ruleset = d->file->ruleset;
	info->policy = d->file->policy ? d->file->policy : d->file->ruleset;
	info->mode = d->file->mode;
}

static int add_rule(struct sigma_import *s, const struct rule_file *file, const struct yaml_node *document, bool repeats)
{
	struct sigma_document d = { .file = file, .layers = { document }, .n = 1 };
	struct sigma_documents *all = &s->documents;
	bool has_last = all->n && all->p[all->n - 1].file == file;
	if (repeats && !has_last)
		return refuse(s, document, "action: repeat: there is no rule before it in this file");
	int err = repeats ? add_layers(s, &d, all->p[all->n - 1].layers, all->p[all->n - 1].n) : add_layers(s, &d, s->global, s->n_global);
	if (err)
		return err;
	d.twin = twin_number(s, &d);
	d.is_correlation = yaml_get(document, "correlation") != NULL;
	place_rule(&d);
	return add_document(s, &d);
}

/* "A filter takes away from the matches of other rules": it has conditions, but none of its own. */
static bool is_filter(const struct yaml_node *document)
{
	return yaml_get(document, "filter") && !yaml_get(document, "detection") && !yaml_get(document, "correlation");
}

static int sigma_add(void *state, const struct rule_file *file, const struct yaml_node *document, size_t *ret_items)
{
	struct sigma_import *s = state;
	const struct yaml_node *action = yaml_get(document, "action");
	*ret_items = 1;
	if (sigma_mapping_owns(document))
		return sigma_mapping_read(&s->mapping, s->c, file->name, document);
	if (is_filter(document))
		return refuse(s, yaml_get(document, "filter"), "filters of Sigma are not read: give the rules exceptions instead, by an item with 'override' and 'append: {exceptions: ...}'");
	if (s->file != file) {
		s->file = file;
		s->n_global = 0;
		s->n_twins = 0;
	}
	if (!action)
		return add_rule(s, file, document, false);
	if (action->type == YAML_SCALAR && sv_is(action->text, "global"))
		return add_global(s, document);
	if (action->type == YAML_SCALAR && sv_is(action->text, "repeat"))
		return add_rule(s, file, document, true);
	if (action->type != YAML_SCALAR || !sv_is(action->text, "reset"))
		return refuse(s, action, "action: expected global, reset or repeat");
	s->n_global = 0;
	return yaml_get(document, "detection") ? add_rule(s, file, document, false) : 0;
}

/* --- rules --------------------------------------------------------------------------------------------------------------------- */

/* The id it has, or would have had. */
static int refuse_rule(const struct sigma_document *d, struct rule_sink *sink)
{
	const struct yaml_node *id = sigma_document_get(d, "id");
	if (d->rule.info.id)
		return rule_sink_refuse(sink, sv_from(d->rule.info.id));
	return rule_sink_refuse(sink, id && id->type == YAML_SCALAR ? id->text : SV(""));
}

static int put_rule(struct sigma_document *d, int err, struct rule_sink *sink)
{
	d->is_added = true;
	d->rule.info.is_step = d->is_referred;
	if (!err)
		err = rule_sink_add(sink, &d->rule);
	d->index = sink->last;
	d->is_refused = err != 0;
	if (err && err != -ENOMEM && refuse_rule(d, sink))
		return -ENOMEM;
	return err;
}

/* Rules that a correlation without `generate` is about raise nothing by themselves. */
static int mark_referred(struct sigma_import *s)
{
	int err = 0;
	for (size_t i = 0; i < s->documents.n; i++) {
		struct sigma_document *d = &s->documents.p[i];
		struct sigma_references rules = { .n = 0 };
		if (!d->is_correlation)
			continue;
		const struct yaml_node *map = sigma_document_get(d, "correlation"), *generate = sigma_document_get(d, "generate");
		bool generates = false;
		if (!generate && map->type == YAML_MAP)
			generate = yaml_get(map, "generate");
		int failed = generate ? yaml_bool(generate, &generates, s->c->diag) : 0;
		if (!failed)
			failed = sigma_references_read(s->c, &s->documents, d, &rules);
		d->is_added = d->is_refused = failed != 0;
		err = failed ? failed : err;
		for (size_t k = 0; k < rules.n && !failed && !generates; k++)
			rules.p[k]->is_referred = true;
	}
	return err;
}

/* A rule that d is about, and that is not in the set yet; NULL: none is left. What was refused refuses d, for a reason that was reported. */
static struct sigma_document *missing_rule(struct sigma_document *d, const struct sigma_references *rules)
{
	for (size_t i = 0; i < rules->n; i++) {
		if (!rules->p[i]->is_added)
			return rules->p[i];
		d->is_refused |= rules->p[i]->is_refused;
	}
	return NULL;
}

/* A correlation that cannot be, because of its rules: whatever else is wrong with it is told as well. */
static int look_at_refused(struct sigma_import *s, struct sigma_document *d, struct rule_sink *sink)
{
	static const struct sigma_references none = { .n = 0 };
	int err = sigma_correlation_read(s->c, &none, d);
	return refuse_rule(d, sink) ? -ENOMEM : err;
}

/* The document with those that it is about before it; each waits on the stack until they are there. */
static int add_correlation(struct sigma_import *s, struct sigma_document *first, struct sigma_document **stack, struct rule_sink *sink)
{
	struct sigma_references rules;
	size_t n = 0;
	int err = 0;
	stack[n++] = first;
	while (n && err != -ENOMEM) {
		struct sigma_document *d = stack[n - 1], *missing = NULL;
		int failed = sigma_references_read(s->c, &s->documents, d, &rules);
		if (!failed)
			missing = missing_rule(d, &rules);
		d->is_waiting = true;
		if (missing && !missing->is_waiting) {
			stack[n++] = missing;
			continue;
		}
		if (missing)
			failed = refuse(s, d->layers[0], "correlation: its rules are about each other in a circle");
		d->is_refused |= failed != 0;
		if (d->is_refused)
			failed = worse_of(failed, look_at_refused(s, d, sink));
		else
			failed = put_rule(d, sigma_correlation_read(s->c, &rules, d), sink);
		d->is_added = true;
		d->is_waiting = false;
		err = failed ? failed : err;
		n--;
	}
	return err;
}

static int add_correlations(struct sigma_import *s, struct rule_sink *sink)
{
	int err = 0;
	struct sigma_document **stack = malloc((s->documents.n + 1) * sizeof(void *)); /* none waits twice */
	if (!stack)
		return -ENOMEM;
	for (size_t i = 0; i < s->documents.n && err != -ENOMEM; i++) {
		struct sigma_document *d = &s->documents.p[i];
		bool is_lost = d->is_correlation && d->is_refused; /* its rules are not known */
		int failed = is_lost ? look_at_refused(s, d, sink) : d->is_added ? 0 : add_correlation(s, d, stack, sink);
		err = worse_of(err, failed);
	}
	free(stack);
	return err;
}

static int sigma_finish(void *state, struct rule_sink *sink)
{
	struct sigma_import *s = state;
	int err = sigma_documents_index(&s->documents);
	if (!err)
		err = mark_referred(s);
	for (size_t i = 0; i < s->documents.n && err != -ENOMEM; i++) {
		struct sigma_document *d = &s->documents.p[i];
		if (d->is_correlation)
			continue;
		int failed = put_rule(d, sigma_rule_read(s->c, &s->mapping, d), sink);
		if (s->c->no_memory)
			failed = -ENOMEM;
		err = failed ? failed : err;
	}
	return err == -ENOMEM ? err : worse_of(err, add_correlations(s, sink));
}

const struct rule_format sigma_format = {
	.name = "sigma",
	.owns = sigma_owns,
	.new = sigma_new,
	.free = sigma_free,
	.add = sigma_add,
	.finish = sigma_finish,
};
