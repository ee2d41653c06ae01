/* SPDX-License-Identifier: Apache-2.0 */
/* The items of Falco's rule files: what each defines, appends to, replaces or switches. Makes nothing of conditions yet. */
#include <errno.h>

#include "engine/base/num.h"
#include "engine/import/falco.h"
#include "engine/import/falco_override.h"

void *falco_alloc(struct falco *f, size_t n)
{
	void *p = arena_alloc(&f->arena, n);
	f->no_memory |= !p;
	return p;
}

static int refuse(struct falco *f, struct place at, const char *why)
{
	diag_error(f->c->diag, at, "%s", why);
	return -EINVAL;
}

static int refuse_name(struct falco *f, struct place at, const char *what, struct strview name, const char *why)
{
	char quoted[96];
	diag_error(f->c->diag, at, "%s %s %s", what, diag_quote(name, quoted, sizeof(quoted)), why);
	return -EINVAL;
}

/* --- pieces of items --------------------------------------------------------------------------------------------------------- */

static int read_name(struct falco *f, const struct yaml_node *node, const char *what, struct strview *ret)
{
	if (node->type != YAML_SCALAR || node->text.n == 0 || memchr(node->text.p, 0, node->text.n)) {
		diag_error(f->c->diag, node->at, "%s: expected a name", what);
		return -EINVAL;
	}
	*ret = node->text;
	return 0;
}

static void warn_of_keys(struct falco *f, const struct yaml_node *item, const char *const *keys, size_t n, const char *what)
{
	for (const struct yaml_node *k = item->first; k; k = k->next->next) {
		size_t i = 0;
		while (i < n && !sv_is(k->text, keys[i]))
			i++;
		if (i < n)
			continue;
		char quoted[64];
		const char *near = diag_suggest(k->text, keys, n);
		diag_warn(f->c->diag, k->at, "unknown key %s in %s is ignored%s%s%s", diag_quote(k->text, quoted, sizeof(quoted)), what,
			  near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
	}
}

/* In one file that is a slip of copying; a later file defines anew on purpose. */
static void warn_of_twice(struct falco *f, struct place earlier, const struct yaml_node *item, const char *what, struct strview name)
{
	char quoted[96];
	if (strcmp(earlier.file, item->at.file) == 0)
		diag_warn(f->c->diag, item->at, "%s %s is defined twice in this file: that of line %u does not count", what, diag_quote(name, quoted, sizeof(quoted)),
			  earlier.line);
}

/* A scalar as a part; NULL after a report or without memory. */
static struct falco_part *part_new(struct falco *f, const struct rule_file *file, const struct yaml_node *node, const char *what)
{
	if (node->type != YAML_SCALAR) {
		diag_error(f->c->diag, node->at, "%s: expected text, found %s", what, yaml_type_name(node->type));
		return NULL;
	}
	if (node->text.n && memchr(node->text.p, 0, node->text.n)) {
		diag_error(f->c->diag, node->at, "%s: holds a NUL byte", what);
		return NULL;
	}
	struct falco_part *part = falco_alloc(f, sizeof(*part));
	if (part)
		*part = (struct falco_part){ .node = node, .file = &file->raw };
	return part;
}

/* Sets or appends, as the item says; the same results as the callers'. */
static int part_apply(struct falco *f, const struct rule_file *file, const struct yaml_node *node, const char *what, enum falco_change change,
		      struct falco_part **parts)
{
	struct falco_part *part = part_new(f, file, node, what);
	if (!part)
		return f->no_memory ? -ENOMEM : -EINVAL;
	if (change != FALCO_APPENDS)
		*parts = NULL;
	while (*parts)
		parts = &(*parts)->next;
	*parts = part;
	return 0;
}

/* --- lists ------------------------------------------------------------------------------------------------------------------- */

static const struct falco_override_key list_overrides[] = { { "items", true, true } };

/* file: its name, which outlives the load. */
static int list_items(struct falco *f, const char *file, const struct yaml_node *items, struct falco_list_item **link)
{
	if (items->type != YAML_LIST)
		return refuse(f, items->at, "list: 'items' is no list");
	for (const struct yaml_node *node = items->first; node; node = node->next) {
		if (node->type != YAML_SCALAR || (node->text.n && memchr(node->text.p, 0, node->text.n)))
			return refuse(f, node->at, "list: items are text");
		struct falco_list_item *item = falco_alloc(f, sizeof(*item));
		if (!item)
			return -ENOMEM;
		*item = (struct falco_list_item){ .text = node->text, .at = { file, node->at.line, node->at.column }, .is_quoted = node->is_quoted };
		*link = item;
		link = &item->next;
	}
	return 0;
}

static int list_alter(struct falco *f, const struct rule_file *file, const struct yaml_node *item, struct strview name, enum falco_change change)
{
	struct falco_list *list = strmap_get(&f->list_names, name);
	if (!list)
		return refuse_name(f, item->at, "list", name, "is changed here, but not defined before");
	const struct yaml_node *items = yaml_get(item, "items");
	struct named_list *ours = list->is_shared ? strmap_get(&f->c->lists, name) : NULL; /* NULL: not shared, or refused */
	struct falco_list_item **link = &list->items;
	bool replaces = change == FALCO_REPLACES;
	if (replaces)
		list->items = NULL;
	while (*link)
		link = &(*link)->next;
	int err = list_items(f, file->name, items, link);
	return err || !ours ? err : list_change(f->c, ours, file->name, replaces ? items : NULL, replaces ? NULL : items);
}

/* From here on Falco's rules have a list of their own, which hardly anyone means of a name that is in use. */
static void warn_of_parting(struct falco *f, const struct falco_list *list, const struct yaml_node *item)
{
	const struct named_list *ours = strmap_get(&f->c->lists, list->name);
	if (ours)
		diag_warn(f->c->diag, item->at, "list '" SV_FMT "' is defined anew, for Falco's rules alone: others keep that of %s:%u; to change it for all write "
			  "override: {items: replace}", SV_ARG(list->name), ours->file, ours->at.line);
}

static int list_define(struct falco *f, const struct rule_file *file, const struct yaml_node *item, struct strview name, bool is_shared)
{
	struct falco_list *list = strmap_get(&f->list_names, name);
	struct falco_list_item *items = NULL;
	int err = list_items(f, file->name, yaml_get(item, "items"), &items);
	if (err)
		return err;
	if (list) { /* the later one counts */
		if (list->is_shared && !is_shared)
			warn_of_parting(f, list, item);
		else if (!is_shared) /* our own format refuses it */
			warn_of_twice(f, list->at, item, "list", name);
		list->items = items;
		list->at = item->at;
		list->is_shared = is_shared;
		return 0;
	}
	list = falco_alloc(f, sizeof(*list));
	if (!list)
		return -ENOMEM;
	*list = (struct falco_list){ .name = name, .at = item->at, .items = items, .is_shared = is_shared };
	*f->lists_end = list;
	f->lists_end = &list->next;
	int failed = strmap_add(&f->c->imported_lists, name, list);
	return failed ? failed : strmap_add(&f->list_names, name, list);
}

static int add_list(struct falco *f, const struct rule_file *file, const struct yaml_node *item)
{
	static const char *const keys[] = { "list", "items", "append", "override" };
	struct falco_override override;
	struct strview name;
	warn_of_keys(f, item, keys, ARRAY_SIZE(keys), "a list");
	if (read_name(f, yaml_get(item, "list"), "list", &name) || falco_override_read(item, list_overrides, ARRAY_SIZE(list_overrides), f->c->diag, &override))
		return -EINVAL;
	if (!yaml_get(item, "items"))
		return refuse_name(f, item->at, "list", name, "has no 'items'");
	return override.is_any ? list_alter(f, file, item, name, override.of[0]) : list_define(f, file, item, name, false);
}

int falco_shared_list_add(struct falco *f, const struct rule_file *file, const struct yaml_node *item)
{
	const struct yaml_node *name = yaml_get(item, "list"), *items = yaml_get(item, "items");
	if (!name || name->type != YAML_SCALAR || name->text.n == 0 || !items || items->type != YAML_LIST)
		return 0;
	for (const struct yaml_node *node = items->first; node; node = node->next)
		if (node->type != YAML_SCALAR)
			return 0;
	return list_define(f, file, item, name->text, true);
}

int falco_shared_list_settle(struct falco *f, struct falco_list *list)
{
	const struct named_list *ours = strmap_get(&f->c->lists, list->name);
	struct falco_list_item **link = &list->items;
	if (!ours) /* it was refused */
		return 0;
	list->items = NULL;
	int err = list_items(f, ours->file, ours->items, link);
	for (const struct list_part *part = ours->more; part && !err; part = part->next) {
		while (*link)
			link = &(*link)->next;
		err = list_items(f, part->file, part->items, link);
	}
	return err;
}

/* --- macros ------------------------------------------------------------------------------------------------------------------ */

static const struct falco_override_key macro_overrides[] = { { "condition", true, true } };

static int add_macro(struct falco *f, const struct rule_file *file, const struct yaml_node *item)
{
	static const char *const keys[] = { "macro", "condition", "append", "override" };
	struct falco_override override;
	struct strview name;
	const struct yaml_node *condition = yaml_get(item, "condition");
	warn_of_keys(f, item, keys, ARRAY_SIZE(keys), "a macro");
	if (read_name(f, yaml_get(item, "macro"), "macro", &name) ||
	    falco_override_read(item, macro_overrides, ARRAY_SIZE(macro_overrides), f->c->diag, &override))
		return -EINVAL;
	if (!condition)
		return refuse_name(f, item->at, "macro", name, "has no 'condition'");
	struct falco_macro *macro = strmap_get(&f->macro_names, name);
	if (override.is_any && !macro)
		return refuse_name(f, item->at, "macro", name, "is changed here, but not defined before");
	struct falco_part *parts = macro && override.is_any ? macro->condition : NULL;
	int err = part_apply(f, file, condition, "condition", override.of[0], &parts);
	if (err)
		return err;
	unsigned index = f->next_index++;
	if (macro) {
		if (!override.is_any)
			warn_of_twice(f, macro->at, item, "macro", name);
		macro->condition = parts;
		macro->visibility = index; /* it sees what stands before its last change */
		macro->at = override.is_any ? macro->at : item->at;
		return 0;
	}
	macro = falco_alloc(f, sizeof(*macro));
	if (!macro)
		return -ENOMEM;
	*macro = (struct falco_macro){ .name = name, .at = item->at, .condition = parts, .index = index, .visibility = index };
	*f->macros_end = macro;
	f->macros_end = &macro->next;
	f->n_macros++;
	err = strmap_add(&f->c->imported_macros, name, macro);
	return err ? err : strmap_add(&f->macro_names, name, macro);
}

/* --- rules ------------------------------------------------------------------------------------------------------------------- */

enum rule_key { KEY_CONDITION, KEY_EXCEPTIONS, KEY_OUTPUT, KEY_DESC, KEY_TAGS, KEY_PRIORITY, KEY_ENABLED, KEY_WARN, KEY_SKIP, KEY_CAPTURE, KEY_DURATION, KEY_COUNT };

static const struct falco_override_key rule_overrides[KEY_COUNT] = {
	[KEY_CONDITION] = { "condition", true, true },
	[KEY_EXCEPTIONS] = { "exceptions", true, true },
	[KEY_OUTPUT] = { "output", true, true },
	[KEY_DESC] = { "desc", true, true },
	[KEY_TAGS] = { "tags", true, true },
	[KEY_PRIORITY] = { "priority", false, true },
	[KEY_ENABLED] = { "enabled", false, true },
	[KEY_WARN] = { "warn_evttypes", false, true },
	[KEY_SKIP] = { "skip-if-unknown-filter", false, true },
	[KEY_CAPTURE] = { "capture", false, true },
	[KEY_DURATION] = { "capture_duration", false, true },
};

static const char *const rule_keys[] = {
	"rule", "condition", "output", "desc", "priority", "source", "enabled", "tags", "exceptions", "warn_evttypes", "skip-if-unknown-filter",
	"capture", "capture_duration", "override", "append",
};

static int apply_text(struct falco *f, const struct rule_file *file, struct falco_rule *rule, const struct yaml_node *node, enum rule_key key,
		      enum falco_change change)
{
	struct falco_part **parts = key == KEY_CONDITION ? &rule->condition : key == KEY_OUTPUT ? &rule->output : &rule->desc;
	return part_apply(f, file, node, rule_overrides[key].name, change, parts);
}

static int apply_tags(struct falco *f, struct falco_rule *rule, const struct yaml_node *node, enum falco_change change)
{
	struct falco_tag **link = &rule->tags;
	if (node->type != YAML_LIST)
		return refuse(f, node->at, "tags: expected a list of text");
	if (change != FALCO_APPENDS)
		*link = NULL;
	while (*link)
		link = &(*link)->next;
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		struct falco_tag *tag = falco_alloc(f, sizeof(*tag));
		if (!tag)
			return -ENOMEM;
		if (item->type != YAML_SCALAR)
			return refuse(f, item->at, "tags: expected text");
		tag->node = item;
		*link = tag;
		link = &tag->next;
	}
	return 0;
}

static int apply_exceptions(struct falco *f, const struct rule_file *file, struct falco_rule *rule, const struct yaml_node *node, enum falco_change change)
{
	int err = 0;
	if (node->type != YAML_LIST)
		return refuse(f, node->at, "exceptions: expected a list of maps");
	if (change != FALCO_APPENDS)
		rule->exceptions = NULL;
	for (const struct yaml_node *item = node->first; item && err != -ENOMEM; item = item->next) {
		int failed = falco_exception_add(f, rule, &file->raw, item, change == FALCO_APPENDS);
		err = failed ? failed : err;
	}
	return err;
}

static int apply_capture(struct falco *f, const struct yaml_node *node, enum rule_key key)
{
	bool truth = false;
	uint64_t ms = 0;
	if (key == KEY_DURATION)
		return node->type == YAML_SCALAR && !num_parse_u64(node->text, UINT32_MAX, &ms) ? 0 : refuse(f, node->at, "capture_duration: expected milliseconds");
	if (falco_bool(node, &truth, f->c->diag))
		return -EINVAL;
	if (truth)
		diag_warn(f->c->diag, node->at, "capture: nothing is captured here; 'vedette record' keeps events");
	return 0;
}

static int apply_key(struct falco *f, const struct rule_file *file, struct falco_rule *rule, const struct yaml_node *node, enum rule_key key,
		     enum falco_change change)
{
	switch (key) {
	case KEY_CONDITION:
	case KEY_OUTPUT:
	case KEY_DESC:
		return apply_text(f, file, rule, node, key, change);
	case KEY_TAGS:
		return apply_tags(f, rule, node, change);
	case KEY_EXCEPTIONS:
		return apply_exceptions(f, file, rule, node, change);
	case KEY_PRIORITY:
		rule->priority = node;
		return node->type == YAML_SCALAR ? 0 : refuse(f, node->at, "priority: expected text");
	case KEY_ENABLED:
		return falco_bool(node, &rule->is_enabled, f->c->diag);
	case KEY_WARN:
		return falco_bool(node, &rule->warns_of_types, f->c->diag);
	case KEY_SKIP:
		return falco_bool(node, &rule->skips_unknown, f->c->diag);
	case KEY_CAPTURE:
	case KEY_DURATION:
		return apply_capture(f, node, key);
	case KEY_COUNT:
		break;
	}
	return 0;
}

/* All keys that the item has, as it says. */
static int apply_keys(struct falco *f, const struct rule_file *file, struct falco_rule *rule, const struct yaml_node *item,
		      const struct falco_override *override)
{
	int err = 0;
	for (enum rule_key key = 0; key < KEY_COUNT && err != -ENOMEM; key++) {
		const struct yaml_node *node = yaml_get(item, rule_overrides[key].name);
		if (!node || (override->is_any && override->of[key] == FALCO_DEFINES))
			continue;
		int failed = apply_key(f, file, rule, node, key, override->of[key]);
		err = failed ? failed : err;
	}
	return err;
}

static int rule_change(struct falco *f, const struct rule_file *file, const struct yaml_node *item, struct strview name,
		       const struct falco_override *override)
{
	struct falco_rule *rule = strmap_get(&f->rule_names, name);
	if (!rule)
		return refuse_name(f, item->at, "rule", name, "is changed here, but not defined before");
	if (override->is_old && override->of[KEY_CONDITION] == FALCO_DEFINES && override->of[KEY_EXCEPTIONS] == FALCO_DEFINES)
		return refuse_name(f, item->at, "rule", name, "is appended to, but neither 'condition' nor 'exceptions' is given");
	return apply_keys(f, file, rule, item, override);
}

/* A rule with nothing but `enabled` switches an earlier one. */
static int rule_switch(struct falco *f, const struct yaml_node *item, struct strview name)
{
	const struct yaml_node *enabled = yaml_get(item, "enabled");
	struct falco_rule *rule = strmap_get(&f->rule_names, name);
	diag_warn(f->c->diag, item->at, "'enabled' alone is deprecated: add override: {enabled: replace}");
	if (!rule)
		return refuse_name(f, item->at, "rule", name, "is switched here, but not defined before");
	return falco_bool(enabled, &rule->is_enabled, f->c->diag);
}

static int read_source(struct falco *f, const struct yaml_node *item, const struct falco_rule *earlier, struct strview *ret)
{
	const struct yaml_node *source = yaml_get(item, "source");
	*ret = source ? source->text : SV("syscall");
	if (source && (source->type != YAML_SCALAR || source->text.n == 0))
		return refuse(f, source->at, "source: expected a name");
	if (earlier && !sv_equal(earlier->source, *ret))
		return refuse(f, source ? source->at : item->at, "source: an earlier rule of this name has another source");
	return 0;
}

static int rule_define(struct falco *f, const struct rule_file *file, const struct yaml_node *item, struct strview name)
{
	static const char *const required[] = { "condition", "output", "desc", "priority" };
	static const struct falco_override all = { 0 };
	int err = 0;
	for (size_t i = 0; i < ARRAY_SIZE(required); i++) {
		if (yaml_get(item, required[i]))
			continue;
		char why[48] = "has no '";
		memcpy(why + 8, required[i], strlen(required[i]) + 1);
		memcpy(why + 8 + strlen(required[i]), "'", 2);
		err = refuse_name(f, item->at, "rule", name, why);
	}
	struct falco_rule *earlier = strmap_get(&f->rule_names, name);
	struct falco_rule rule = { .name = name, .at = item->at, .name_at = yaml_get(item, "rule")->at, .file = file, .is_enabled = true, .warns_of_types = true };
	if (read_source(f, item, earlier, &rule.source))
		err = -EINVAL;
	rule.source_at = yaml_get(item, "source") ? yaml_get(item, "source")->at : item->at;
	int failed = apply_keys(f, file, &rule, item, &all);
	if (failed == -ENOMEM)
		return failed;
	err = failed ? failed : err;
	rule.is_faulty = err != 0; /* what is left of it is read for its other faults */
	rule.index = f->next_index++;
	if (earlier) { /* the later one counts, where the earlier one stood */
		warn_of_twice(f, earlier->at, item, "rule", name);
		rule.next = earlier->next;
		*earlier = rule;
		if (!rule.next)
			f->rules_end = &earlier->next;
		return err;
	}
	struct falco_rule *kept = falco_alloc(f, sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	*kept = rule;
	*f->rules_end = kept;
	f->rules_end = &kept->next;
	failed = strmap_add(&f->rule_names, name, kept);
	return failed ? failed : err;
}

static int add_rule(struct falco *f, const struct rule_file *file, const struct yaml_node *item)
{
	struct falco_override override;
	struct strview name;
	warn_of_keys(f, item, rule_keys, ARRAY_SIZE(rule_keys), "a rule");
	if (read_name(f, yaml_get(item, "rule"), "rule", &name) || falco_override_read(item, rule_overrides, KEY_COUNT, f->c->diag, &override))
		return -EINVAL;
	if (override.is_any)
		return rule_change(f, file, item, name, &override);
	bool has_more = yaml_get(item, "condition") || yaml_get(item, "output") || yaml_get(item, "desc") || yaml_get(item, "priority");
	if (!has_more && yaml_get(item, "enabled"))
		return rule_switch(f, item, name);
	return rule_define(f, file, item, name);
}

/* --- versions ---------------------------------------------------------------------------------------------------------------- */

/* "1.2.3", what follows a '-' or '+' left off, or with is_short "12" as 0.12.0; false: it is none. */
static bool read_version(struct strview text, bool is_short, uint64_t ret[3])
{
	size_t n = 0, from = 0;
	uint64_t parts[3] = { 0 };
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '-' || text.p[i] == '+')
			text.n = i;
	for (size_t i = 0; i <= text.n; i++) {
		if (i < text.n && text.p[i] != '.')
			continue;
		struct strview digits = { text.p + from, i - from };
		while (digits.n > 1 && digits.p[0] == '0') /* decimal */
			digits = sv_from_index(digits, 1);
		if (n == 3 || num_parse_u64(digits, 1000000, &parts[n]))
			return false;
		n++;
		from = i + 1;
	}
	if (n != 3 && !(n == 1 && is_short))
		return false;
	ret[0] = n == 1 ? 0 : parts[0];
	ret[1] = n == 1 ? parts[0] : parts[1];
	ret[2] = n == 1 ? 0 : parts[2];
	return true;
}

static int add_engine_version(struct falco *f, const struct rule_file *file, const struct yaml_node *item)
{
	static const uint64_t ours[3] = { FALCO_ENGINE_MAJOR, FALCO_ENGINE_MINOR, FALCO_ENGINE_PATCH };
	const struct yaml_node *node = yaml_get(item, "required_engine_version");
	uint64_t version[3];
	char quoted[48];
	(void)file;
	if (node->type != YAML_SCALAR || !read_version(node->text, true, version)) {
		diag_error(f->c->diag, node->at, "required_engine_version: %s is no version, as 26 or 0.57.0", diag_quote(node->text, quoted, sizeof(quoted)));
		return -EINVAL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		if (version[i] == ours[i])
			continue;
		if (version[i] < ours[i])
			break;
		diag_error(f->c->diag, node->at, "required_engine_version: the file asks for engine %s; rules up to engine %d.%d.%d are read",
			   diag_quote(node->text, quoted, sizeof(quoted)), FALCO_ENGINE_MAJOR, FALCO_ENGINE_MINOR, FALCO_ENGINE_PATCH);
		return -EINVAL;
	}
	return 0;
}

static int check_plugin(struct falco *f, const struct yaml_node *plugin)
{
	const struct yaml_node *name = yaml_get(plugin, "name"), *version = yaml_get(plugin, "version");
	uint64_t parts[3];
	if (!name || name->type != YAML_SCALAR || name->text.n == 0)
		return refuse(f, plugin->at, "required_plugin_versions: expected maps {name, version}");
	if (!version || version->type != YAML_SCALAR || !read_version(version->text, false, parts))
		return refuse(f, version ? version->at : plugin->at, "required_plugin_versions: 'version' is missing or no version, as 0.4.0");
	return 0;
}

/* Their shape only: there are no plugins here, and a rule that needs one says so by its source or its fields. */
static int add_plugin_versions(struct falco *f, const struct rule_file *file, const struct yaml_node *item)
{
	const struct yaml_node *list = yaml_get(item, "required_plugin_versions");
	(void)file;
	if (list->type != YAML_LIST)
		return refuse(f, list->at, "required_plugin_versions: expected a list of maps {name, version}");
	int err = 0;
	for (const struct yaml_node *plugin = list->first; plugin; plugin = plugin->next) {
		const struct yaml_node *others = yaml_get(plugin, "alternatives");
		err = check_plugin(f, plugin) ? -EINVAL : err;
		if (others && others->type != YAML_LIST)
			err = refuse(f, others->at, "required_plugin_versions: 'alternatives' is no list");
		for (const struct yaml_node *other = others && others->type == YAML_LIST ? others->first : NULL; other; other = other->next)
			err = check_plugin(f, other) ? -EINVAL : err;
	}
	return err;
}

/* --- items ------------------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *key;
	int (*add)(struct falco *f, const struct rule_file *file, const struct yaml_node *item);
} item_kinds[] = {
	{ "rule", add_rule },
	{ "macro", add_macro },
	{ "list", add_list },
	{ "required_engine_version", add_engine_version },
	{ "required_plugin_versions", add_plugin_versions },
};

/* Keys that only items of our own language have. */
static bool is_native_item(const struct yaml_node *item)
{
	static const char *const keys[] = { "when", "policy", "include", "override_list", "override_macro", "cases_for" };
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (yaml_get(item, keys[i]))
			return true;
	return yaml_get(item, "override") && !yaml_get(item, "rule") && !yaml_get(item, "macro") && !yaml_get(item, "list");
}

/* One document is of one language: nothing of it is left out in silence. */
static int refuse_native(struct falco *f, const struct yaml_node *item)
{
	const char *name = item->first ? item->first->text.p : "";
	diag_error(f->c->diag, item->at, "this item ('%.40s') is of our own language, but the document is read as Falco's, because of line %u: put one of "
		   "them into a file of its own, or a line '---' between them%s", name, f->is_falco_at.line,
		   f->is_switch ? "; to switch a rule off, our own language has '- {override: NAME, enabled: false}'" : "");
	return -EINVAL;
}

int falco_item_add(struct falco *f, const struct rule_file *file, const struct yaml_node *item)
{
	if (item->type != YAML_MAP)
		return refuse(f, item->at, "expected an item: a map with one of the keys rule, macro, list");
	if (++f->n_items > FALCO_MAX_ITEMS)
		return refuse(f, item->at, "too many items in all Falco files together (100000 at most)");
	if (is_native_item(item))
		return refuse_native(f, item);
	for (size_t i = 0; i < ARRAY_SIZE(item_kinds); i++)
		if (yaml_get(item, item_kinds[i].key))
			return item_kinds[i].add(f, file, item);
	diag_warn(f->c->diag, item->at, "unknown item is ignored: expected one of the keys rule, macro, list, required_engine_version, "
		  "required_plugin_versions");
	return 0;
}
