/* SPDX-License-Identifier: Apache-2.0 */
/* Which documents are Falco's, and what a load does with them. */
#include "engine/import/falco_format.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/import/falco.h"

/* What no item of ours has. */
static bool is_falco_item(const struct yaml_node *item)
{
	if (yaml_get(item, "required_engine_version") || yaml_get(item, "required_plugin_versions"))
		return true;
	bool is_rule = yaml_get(item, "rule") != NULL, is_macro = yaml_get(item, "macro") != NULL, is_list = yaml_get(item, "list") != NULL;
	if (!is_rule && !is_macro && !is_list)
		return false;
	if (yaml_get(item, "append"))
		return true;
	if (yaml_get(item, "override") && !yaml_get(item, "when"))
		return true;
	if (is_list)
		return false;
	bool is_ours = yaml_get(item, "when") || yaml_get(item, "event") || yaml_get(item, "severity");
	bool is_switch = is_rule && item->n == 2 && yaml_get(item, "enabled");
	return !is_ours && (yaml_get(item, "condition") || is_switch);
}

static bool falco_owns(const struct yaml_node *document)
{
	for (const struct yaml_node *item = document->type == YAML_LIST ? document->first : NULL; item; item = item->next)
		if (is_falco_item(item))
			return true;
	return false;
}

/* Lists alone could be of either: both formats see them. */
static bool falco_shares(const struct yaml_node *document)
{
	if (document->type != YAML_LIST || document->n == 0)
		return false;
	for (const struct yaml_node *item = document->first; item; item = item->next)
		if (!yaml_get(item, "list"))
			return false;
	return true;
}

static int falco_new(struct compiler *c, void **ret_state)
{
	struct falco *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->c = c;
	f->arena.max = FALCO_MAX_MEMORY;
	f->lists_end = &f->lists;
	f->macros_end = &f->macros;
	f->rules_end = &f->rules;
	*ret_state = f;
	return 0;
}

static void falco_free(void **state)
{
	struct falco *f = *state;
	strmap_done(&f->list_names);
	strmap_done(&f->macro_names);
	strmap_done(&f->rule_names);
	arena_done(&f->arena);
	free(f);
	*state = NULL;
}

/* What the document's language follows from, for messages. */
static void note_language(struct falco *f, const struct yaml_node *document)
{
	for (const struct yaml_node *item = document->first; item; item = item->next) {
		if (!is_falco_item(item))
			continue;
		f->is_falco_at = item->at;
		f->is_switch = yaml_get(item, "rule") && yaml_get(item, "enabled") && !yaml_get(item, "condition");
		return;
	}
}

static int falco_add(void *state, const struct rule_file *file, const struct yaml_node *document, size_t *ret_items)
{
	bool is_shared = falco_shares(document) && !falco_owns(document);
	int err = 0;
	note_language(state, document);
	for (const struct yaml_node *item = document->first; item; item = item->next) {
		int failed = is_shared ? falco_shared_list_add(state, file, item) : falco_item_add(state, file, item);
		if (failed == -ENOMEM)
			return failed;
		err = failed ? failed : err;
		++*ret_items;
	}
	return err;
}

static int falco_end(void *state, struct rule_sink *sink)
{
	struct falco *f = state;
	f->c->takes_falco_names = true;
	int err = falco_finish(f, sink);
	f->c->takes_falco_names = false;
	return err;
}

const struct rule_format falco_format = {
	.name = "falco",
	.owns = falco_owns,
	.shares = falco_shares,
	.new = falco_new,
	.free = falco_free,
	.add = falco_add,
	.finish = falco_end,
};
