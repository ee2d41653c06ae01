/* SPDX-License-Identifier: Apache-2.0 */
/* Reading YAML items: text, lists of text, known keys. Every refusal names what was expected. */
#include <errno.h>

#include "engine/rules/set.h"

int item_text(struct compiler *c, const struct yaml_node *node, const char *what, const char **ret)
{
	if (node->type != YAML_SCALAR) {
		diag_error(c->diag, node->at, "%s: expected text, found %s", what, yaml_type_name(node->type));
		return -EINVAL;
	}
	if (node->text.n > RULE_MAX_TEXT) {
		diag_error(c->diag, node->at, "%s: longer than %d bytes", what, RULE_MAX_TEXT);
		return -EINVAL;
	}
	if (node->text.n && memchr(node->text.p, 0, node->text.n)) {
		diag_error(c->diag, node->at, "%s: holds a NUL byte", what);
		return -EINVAL;
	}
	*ret = arena_text(c->arena, node->text);
	if (*ret)
		return 0;
	c->no_memory = true;
	return -ENOMEM;
}

int item_list(struct compiler *c, const struct yaml_node *node, const char *what, size_t max, const char **ret)
{
	if (node->type == YAML_MAP) {
		diag_error(c->diag, node->at, "%s: expected a list of text, found a map", what);
		return -EINVAL;
	}
	if (node->type == YAML_SCALAR)
		return item_text(c, node, what, &ret[0]);
	if (node->n > max) {
		diag_error(c->diag, node->at, "%s: %zu items, %zu at most", what, node->n, max);
		return -EINVAL;
	}
	int err = 0;
	size_t n = 0;
	for (const struct yaml_node *item = node->first; item; item = item->next)
		err = item_text(c, item, what, &ret[n++]) ? -EINVAL : err;
	return err;
}

int item_check(struct compiler *c, const struct yaml_node *map, enum part_id part)
{
	const struct key *keys[PART_MAX_KEYS];
	const char *names[PART_MAX_KEYS];
	size_t n = part_keys(part, keys);
	for (size_t i = 0; i < n; i++)
		names[i] = keys[i]->name;
	return item_check_keys(c, map, names, n, part_get(part)->what);
}

/* What other rule languages call a key of ours; the first that is a key here. */
static const char *foreign_key(struct strview word, const char *const *keys, size_t n)
{
	static const struct {
		const char *found, *ours;
	} habits[] = {
		{ "condition", "when" }, { "if", "when" }, { "match", "when" }, { "query", "when" }, { "filter", "when" },
		{ "desc", "description" }, { "priority", "severity" }, { "level", "severity" }, { "output", "message" },
		{ "mitre", "attack" }, { "technique", "attack" }, { "tag", "tags" }, { "reference", "references" }, { "events", "event" },
		{ "group-by", "by" }, { "group_by", "by" }, { "key", "by" }, { "limit", "count" }, { "threshold", "count" },
		{ "window", "per" }, { "window", "within" }, { "interval", "per" }, { "interval", "within" }, { "timespan", "within" },
		{ "timeframe", "within" }, { "expiry", "expires" }, { "until", "expires" }, { "comment", "reason" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(habits); i++)
		for (size_t k = 0; k < n && sv_is(word, habits[i].found); k++)
			if (strcmp(keys[k], habits[i].ours) == 0)
				return keys[k];
	return NULL;
}

int item_check_keys(struct compiler *c, const struct yaml_node *map, const char *const *keys, size_t n, const char *what)
{
	int err = 0;
	for (const struct yaml_node *k = map->first; k; k = k->next->next) {
		size_t i = 0;
		while (i < n && !sv_is(k->text, keys[i]))
			i++;
		if (i < n)
			continue;
		char quoted[80];
		const char *foreign = foreign_key(k->text, keys, n), *near = foreign ? foreign : diag_suggest(k->text, keys, n);
		diag_error(c->diag, k->at, "unknown key %s in %s%s%s%s", diag_quote(k->text, quoted, sizeof(quoted)), what,
			   near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
		err = -EINVAL;
	}
	return err;
}
