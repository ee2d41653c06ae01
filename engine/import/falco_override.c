/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what an item changes of an earlier one. Refuses what would be ambiguous. */
#include "engine/import/falco_override.h"

#include <errno.h>

static bool is_capital(char c)
{
	return c >= 'A' && c <= 'Z';
}

/* text: "word", "WORD" or "Word". */
static bool is_spelling_of(struct strview text, const char *word)
{
	if (text.n != strlen(word))
		return false;
	for (size_t i = 0; i < text.n; i++) {
		bool is_large = is_capital(text.p[i]), fits = i == 0 || is_large == is_capital(text.p[1]);
		if (!fits || (is_large ? text.p[i] + 32 : text.p[i]) != word[i])
			return false;
	}
	return text.n < 2 || is_capital(text.p[0]) || !is_capital(text.p[1]);
}

int falco_bool(const struct yaml_node *node, bool *ret, struct diag *diag)
{
	static const char *const yes[] = { "y", "yes", "true", "on" }, *const no[] = { "n", "no", "false", "off" };
	for (size_t i = 0; node->type == YAML_SCALAR && i < ARRAY_SIZE(yes); i++) {
		if (!is_spelling_of(node->text, yes[i]) && !is_spelling_of(node->text, no[i]))
			continue;
		*ret = is_spelling_of(node->text, yes[i]);
		return 0;
	}
	diag_error(diag, node->at, "expected true or false");
	return -EINVAL;
}

static int refuse(struct diag *diag, struct place at, const char *key, const char *why)
{
	diag_error(diag, at, "override: '%s' %s", key, why);
	return -EINVAL;
}

static int read_entry(const struct yaml_node *item, const struct falco_override_key *key, const struct yaml_node *how, struct diag *diag,
		      enum falco_change *ret)
{
	bool appends = how->type == YAML_SCALAR && sv_is(how->text, "append"), replaces = how->type == YAML_SCALAR && sv_is(how->text, "replace");
	if (!appends && !replaces)
		return refuse(diag, how->at, key->name, "is either 'append' or 'replace'");
	if (appends && !key->can_append)
		return refuse(diag, how->at, key->name, "cannot be appended to, only replaced");
	if (replaces && !key->can_replace)
		return refuse(diag, how->at, key->name, "cannot be replaced");
	if (!yaml_get(item, key->name))
		return refuse(diag, how->at, key->name, "is named, but the item does not have that key");
	*ret = appends ? FALCO_APPENDS : FALCO_REPLACES;
	return 0;
}

static int read_map(const struct yaml_node *item, const struct yaml_node *map, const struct falco_override_key *keys, size_t n, struct diag *diag,
		    struct falco_override *ret)
{
	int err = 0;
	if (map->type != YAML_MAP) {
		diag_error(diag, map->at, "override: expected a map {key: append|replace}, found %s", yaml_type_name(map->type));
		return -EINVAL;
	}
	for (const struct yaml_node *k = map->first; k; k = k->next->next) {
		size_t i = 0;
		while (i < n && !sv_is(k->text, keys[i].name))
			i++;
		char quoted[64];
		if (i == n)
			diag_error(diag, k->at, "override: %s cannot be overridden", diag_quote(k->text, quoted, sizeof(quoted)));
		int failed = i == n ? -EINVAL : read_entry(item, &keys[i], k->next, diag, &ret->of[i]);
		ret->is_any = true;
		err = failed ? failed : err;
	}
	for (size_t i = 0; i < n && ret->is_any && !err; i++) {
		const struct yaml_node *value = yaml_get(item, keys[i].name);
		if (value && ret->of[i] == FALCO_DEFINES)
			err = refuse(diag, value->at, keys[i].name, "has no entry under 'override': is it meant to be appended or replaced?");
	}
	return err;
}

int falco_override_read(const struct yaml_node *item, const struct falco_override_key *keys, size_t n, struct diag *diag, struct falco_override *ret)
{
	const struct yaml_node *map = yaml_get(item, "override"), *append = yaml_get(item, "append");
	bool is_append = false;
	*ret = (struct falco_override){ 0 };
	if (append && falco_bool(append, &is_append, diag))
		return -EINVAL;
	if (append)
		diag_warn(diag, append->at, "'append' is deprecated: use 'override', as in override: {%s: append}", keys[0].name);
	if (is_append && map) {
		diag_error(diag, append->at, "'append' and 'override' in one item: use 'override' alone");
		return -EINVAL;
	}
	if (map)
		return read_map(item, map, keys, n, diag, ret);
	ret->is_any = ret->is_old = is_append;
	for (size_t i = 0; i < n && is_append; i++)
		ret->of[i] = keys[i].can_append && yaml_get(item, keys[i].name) ? FALCO_APPENDS : FALCO_DEFINES;
	return 0;
}
