/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading: files and folders to items, items to rules. Lists and macros of all files of one load are known before the first
 * rule is read, so their order does not matter. All faults of all files are reported; a set comes out only without any.
 */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/rules/coverage.h"
#include "engine/rules/loader.h"

static void loader_done(struct loader *l)
{
	for (size_t i = 0; i < l->n_files; i++)
		loaded_file_free(&l->files[i]);
	override_list_done(&l->overrides);
	free(l->files);
	free(l->folders);
	free(l->items);
	for (size_t i = 0; rule_formats[i]; i++)
		if (l->imports[i])
			rule_formats[i]->free(&l->imports[i]);
	free(l->sink.rules);
	strmap_done(&l->sink.ids);
	strmap_done(&l->sink.refused);
	compiler_done(&l->c);
	ruleset_free(&l->set);
}

int loader_refuse(struct loader *l, struct place at, const char *why)
{
	diag_error(l->diag, at, "%s", why);
	l->has_faults = true;
	return -EINVAL;
}

void *array_grown(void *array, size_t n, size_t *size, size_t item)
{
	if (n < *size)
		return array;
	size_t want = *size ? 2 * *size : 16;
	void *bigger = realloc(array, want * item);
	if (bigger)
		*size = want;
	return bigger;
}

/* --- items ------------------------------------------------------------------------------------------------------------------- */

static int add_list(struct loader *l, struct loaded_file *f, const struct yaml_node *node)
{
	const struct yaml_node *name = yaml_get(node, "list"), *items = yaml_get(node, "items");
	if (item_check(&l->c, node, PART_LIST))
		return -EINVAL;
	if (name->type != YAML_SCALAR || name->text.n == 0)
		return loader_refuse(l, name->at, "list: expected a name");
	if (!items || items->type != YAML_LIST)
		return loader_refuse(l, items ? items->at : node->at, "list: 'items' is missing or no list");
	for (const struct yaml_node *item = items->first; item; item = item->next)
		if (item->type != YAML_SCALAR)
			return loader_refuse(l, item->at, "list: items are text");
	const struct named_list *other = strmap_get(&l->c.lists, name->text);
	if (other) {
		diag_error(l->diag, name->at, "list '%s' stands twice, first in %s:%u", name->text.p, other->at.file, other->at.line);
		return -EINVAL;
	}
	struct named_list *list = arena_alloc(&l->set->arena, sizeof(*list));
	if (!list)
		return -ENOMEM;
	*list = (struct named_list){ .name = name->text, .at = name->at, .items = items, .file = f->file.name };
	return strmap_add(&l->c.lists, name->text, list);
}

static bool is_macro_name(struct strview name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(i > 0 && c >= '0' && c <= '9') && c != '_' && !(i > 0 && c == '-'))
			return false;
	}
	return name.n > 0;
}

static int add_macro(struct loader *l, struct loaded_file *f, const struct yaml_node *node)
{
	static const char *const taken[] = { "and", "or", "not", "true", "false", "ancestor", "val" };
	const struct yaml_node *name = yaml_get(node, "macro"), *when = yaml_get(node, "when");
	if (item_check(&l->c, node, PART_MACRO))
		return -EINVAL;
	if (name->type != YAML_SCALAR || !is_macro_name(name->text))
		return loader_refuse(l, name->at, "macro: expected a name of letters, digits, '_' and '-'");
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		if (sv_is(name->text, taken[i]))
			return loader_refuse(l, name->at, "macro: this name is a word of the language");
	if (!when || when->type != YAML_SCALAR)
		return loader_refuse(l, when ? when->at : node->at, "macro: 'when' is missing or no condition");
	const struct named_macro *other = strmap_get(&l->c.macros, name->text);
	if (other) {
		diag_error(l->diag, name->at, "macro '%s' stands twice, first in %s:%u", name->text.p, other->at.file, other->at.line);
		return -EINVAL;
	}
	struct named_macro *macro = arena_alloc(&l->set->arena, sizeof(*macro));
	char *copy = arena_text(&l->set->arena, name->text);
	if (!macro || !copy)
		return -ENOMEM;
	*macro = (struct named_macro){ .name = { copy, name->text.n }, .at = name->at, .when = when, .file = &f->file.raw };
	return strmap_add(&l->c.macros, macro->name, macro);
}

static int add_policy(struct loader *l, struct loaded_file *f, const struct yaml_node *node)
{
	const struct yaml_node *policy = yaml_get(node, "policy");
	if (item_check(&l->c, node, PART_POLICY))
		return -EINVAL;
	if (policy->type != YAML_MAP)
		return loader_refuse(l, policy->at, "policy: expected a map {name: ..., mode: detect|enforce}");
	if (f->file.has_policy_item)
		return loader_refuse(l, policy->at, "policy: one for each file");
	f->file.has_policy_item = true;
	int err = item_check(&l->c, policy, PART_POLICY_BODY);
	const struct yaml_node *name = yaml_get(policy, "name"), *mode = yaml_get(policy, "mode");
	if (name)
		err = worse_of(err, item_text(&l->c, name, "policy: name", &f->file.policy));
	if (!mode || (!sv_is(mode->text, "detect") && !sv_is(mode->text, "enforce")))
		return worse_of(err, loader_refuse(l, mode ? mode->at : policy->at, "policy: mode is detect or enforce"));
	f->file.mode = sv_is(mode->text, "enforce") ? POLICY_ENFORCE : POLICY_DETECT;
	return err;
}

static int add_rule(struct loader *l, struct loaded_file *f, const struct yaml_node *node)
{
	if (l->n_items == RULES_MAX)
		return loader_refuse(l, node->at, "too many rules (20000 at most)");
	struct rule_item *items = array_grown(l->items, l->n_items, &l->n_items_size, sizeof(*items));
	if (!items)
		return -ENOMEM;
	l->items = items;
	l->items[l->n_items++] = (struct rule_item){ f, node };
	return 0;
}

static int add_override(struct loader *l, struct loaded_file *f, const struct yaml_node *node)
{
	return override_add(&l->overrides, &l->c, &f->file, node, PART_OVERRIDE);
}

static int add_list_override(struct loader *l, struct loaded_file *f, const struct yaml_node *node)
{
	return override_add(&l->overrides, &l->c, &f->file, node, PART_OVERRIDE_LIST);
}

static int add_macro_override(struct loader *l, struct loaded_file *f, const struct yaml_node *node)
{
	return override_add(&l->overrides, &l->c, &f->file, node, PART_OVERRIDE_MACRO);
}

static int add_cases(struct loader *l, struct loaded_file *f, const struct yaml_node *node)
{
	return override_add(&l->overrides, &l->c, &f->file, node, PART_CASES_FOR);
}

static int add_include(struct loader *l, struct loaded_file *f, const struct yaml_node *node);

/* In the order of keys.def: an item is of the first kind whose key it has. */
static const struct {
	enum part_id part;
	int (*add)(struct loader *l, struct loaded_file *f, const struct yaml_node *node);
} item_kinds[] = {
	{ PART_RULE, add_rule },
	{ PART_LIST, add_list },
	{ PART_MACRO, add_macro },
	{ PART_POLICY, add_policy },
	{ PART_INCLUDE, add_include },
	{ PART_OVERRIDE, add_override },
	{ PART_OVERRIDE_LIST, add_list_override },
	{ PART_OVERRIDE_MACRO, add_macro_override },
	{ PART_CASES_FOR, add_cases },
};

/* "expected an item ... rule, list, ..." */
static int refuse_item(struct loader *l, const struct yaml_node *node, const char *what)
{
	char keys[256];
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(item_kinds) && n < sizeof(keys); i++) {
		int added = snprintf(keys + n, sizeof(keys) - n, "%s%s", i ? ", " : "", part_get(item_kinds[i].part)->key);
		n += added > 0 ? (size_t)added : 0;
	}
	diag_error(l->diag, node->at, "%s: one of the keys %s%s", what, keys, node->type == YAML_MAP ? " is missing" : "");
	l->sink.hides_rules = true; /* of what sort it was meant to be is not known */
	return -EINVAL;
}

static int add_item(struct loader *l, struct loaded_file *f, const struct yaml_node *node)
{
	if (node->type != YAML_MAP)
		return refuse_item(l, node, "expected an item, a map");
	for (size_t i = 0; i < ARRAY_SIZE(item_kinds); i++)
		if (yaml_get(node, part_get(item_kinds[i].part)->key))
			return item_kinds[i].add(l, f, node);
	return refuse_item(l, node, "not an item");
}

static bool is_empty_document(const struct yaml_node *node)
{
	return node->type == YAML_SCALAR && !node->is_quoted && (node->text.n == 0 || sv_is(node->text, "null") || sv_is(node->text, "~"));
}

static int give_document(struct loader *l, size_t i, struct loaded_file *f, const struct yaml_node *document, size_t *ret_n)
{
	const struct rule_format *format = rule_formats[i];
	int err = l->imports[i] ? 0 : format->new(&l->c, &l->imports[i]);
	return err ? err : format->add(l->imports[i], &f->file, document, ret_n);
}

/* -ENOENT: it is in none of the other formats. */
static int import_document(struct loader *l, struct loaded_file *f, const struct yaml_node *document)
{
	for (size_t i = 0; rule_formats[i]; i++) {
		if (!rule_formats[i]->owns(document))
			continue;
		size_t n = 0;
		int err = give_document(l, i, f, document, &n);
		f->n_items += n;
		l->n_imported += n;
		return err;
	}
	for (size_t i = 0; rule_formats[i]; i++) {
		size_t n = 0;
		bool is_shared = rule_formats[i]->shares && rule_formats[i]->shares(document);
		int err = is_shared ? give_document(l, i, f, document, &n) : 0;
		if (err)
			return err;
	}
	return -ENOENT;
}

static int add_items(struct loader *l, struct loaded_file *f)
{
	for (const struct yaml_node *document = yaml_root(f->tree)->first; document; document = document->next) {
		if (is_empty_document(document))
			continue;
		int imported = import_document(l, f, document);
		if (imported == -ENOMEM)
			return imported;
		l->has_faults |= imported != 0 && imported != -ENOENT;
		l->sink.hides_rules |= imported != 0 && imported != -ENOENT;
		if (imported != -ENOENT)
			continue;
		if (document->type != YAML_LIST) {
			l->sink.hides_rules = true;
			(void)loader_refuse(l, document->at, "expected a list of items, each '- rule: ...', '- list: ...', '- macro: ...' or '- policy: ...'");
			continue;
		}
		/* the policy of a file holds for all its rules, wherever it stands */
		for (const struct yaml_node *node = document->first; node; node = node->next) {
			f->n_items++;
			int err = add_item(l, f, node);
			if (err == -ENOMEM)
				return err;
			l->has_faults |= err != 0;
		}
	}
	return 0;
}

/* --- the load ------------------------------------------------------------------------------------------------------------------ */

static int name_file(struct loader *l, struct loaded_file *f)
{
	const char *slash = strrchr(f->path, '/');
	struct strview stem = sv_from(slash ? slash + 1 : f->path);
	const char *dot = stem.n ? memrchr(stem.p, '.', stem.n) : NULL;
	if (dot && dot > stem.p)
		stem.n = (size_t)(dot - stem.p);
	f->file.name = arena_text(&l->set->arena, sv_from(f->path));
	f->file.ruleset = arena_text(&l->set->arena, stem);
	return f->file.name && f->file.ruleset ? raw_file_init(&f->file.raw, f->file.name, buf_sv(&f->bytes)) : -ENOMEM;
}

static int parse_file(struct loader *l, struct loaded_file *f)
{
	int err = name_file(l, f);
	if (err)
		return err;
	l->total_bytes += f->bytes.n;
	if (l->total_bytes > RULES_MAX_BYTES)
		return loader_refuse(l, (struct place){ .file = f->path }, "all files together are larger than 64 MiB");
	size_t before = l->diag->errors;
	err = yaml_parse(f->path, buf_sv(&f->bytes), &f->tree, l->diag);
	if (err) {
		l->has_faults = l->sink.hides_rules = true;
		if (l->diag->errors == before)
			diag_error(l->diag, (struct place){ .file = f->path }, "cannot be read as YAML: %s", strerror(-err));
		return err;
	}
	return add_items(l, f);
}

static int read_bytes(struct loader *l, struct loaded_file *f)
{
	bool is_stdin = !f->root && strcmp(f->path, RULES_STDIN) == 0;
	int err = is_stdin ? fd_read_all(STDIN_FILENO, YAML_MAX_BYTES, &f->bytes) : fd_read_file(f->path, YAML_MAX_BYTES, &f->bytes);
	if (err == -ENOMEM)
		return err;
	l->sink.hides_rules |= err != 0;
	if (err)
		return loader_refuse(l, (struct place){ .file = f->path }, err == -EFBIG ? "larger than 4 MiB" : strerror(-err));
	return parse_file(l, f);
}

static int read_file(struct loader *l, struct loaded_file *f)
{
	if (f->state != FILE_NEW)
		return 0;
	f->state = FILE_BUSY;
	int err = read_bytes(l, f);
	f->state = FILE_DONE;
	return err;
}

/* A file is read once, where it is first asked for; other includes of it, and its own place in a folder, add nothing. */
static int add_include(struct loader *l, struct loaded_file *f, const struct yaml_node *node)
{
	const struct yaml_node *name = yaml_get(node, "include");
	struct loaded_file *included = NULL;
	if (item_check(&l->c, node, PART_INCLUDE))
		return -EINVAL;
	if (name->type != YAML_SCALAR || name->text.n == 0)
		return loader_refuse(l, name->at, "include: expected the path of a file");
	int err = loader_include(l, f, name, &included);
	l->sink.hides_rules |= err != 0;
	return err ? err : read_file(l, included);
}

/* --- names and rules ------------------------------------------------------------------------------------------------------------ */

/* Lists and macros are checked whether or not a rule uses them. */
static int resolve_names(struct loader *l)
{
	struct compiler *c = &l->c;
	c->list_names = arena_alloc(c->arena, c->lists.n * sizeof(*c->list_names));
	c->macro_names = arena_alloc(c->arena, c->macros.n * sizeof(*c->macro_names));
	if (!c->list_names || !c->macro_names)
		return -ENOMEM;
	for (size_t i = 0; i < c->lists.size; i++)
		if (c->lists.slots[i].key.p)
			c->list_names[c->n_list_names++] = ((struct named_list *)c->lists.slots[i].value)->name.p;
	for (size_t i = 0; i < c->macros.size; i++)
		if (c->macros.slots[i].key.p)
			c->macro_names[c->n_macro_names++] = ((struct named_macro *)c->macros.slots[i].value)->name.p;
	int err = override_names(&l->overrides, c);
	if (err == -ENOMEM)
		return err;
	l->has_faults |= err != 0;
	for (size_t i = 0; i < c->lists.size; i++)
		if (c->lists.slots[i].key.p && list_resolve(c, c->lists.slots[i].value, 0))
			l->has_faults = true;
	for (size_t i = 0; i < c->macros.size; i++) {
		struct named_macro *macro = c->macros.slots[i].value;
		if (macro && !macro_resolve(c, macro, macro->at))
			l->has_faults = true;
	}
	return c->no_memory ? -ENOMEM : 0;
}

static int add_entry(struct rule_sink *sink, const struct rule *rule)
{
	struct diag *diag = sink->c->diag;
	struct strview id = sv_from(rule->info.id);
	if (sink->n == RULES_MAX) {
		diag_error(diag, rule->id_at, "too many rules (%d at most)", RULES_MAX);
		return -EINVAL;
	}
	const struct place *other = strmap_get(&sink->ids, id);
	if (other) {
		char quoted[80];
		diag_error(diag, rule->id_at, "rule %s stands twice, first in %s:%u", diag_quote(id, quoted, sizeof(quoted)), other->file, other->line);
		return -EINVAL;
	}
	struct rule *rules = array_grown(sink->rules, sink->n, &sink->size, sizeof(*rules));
	struct place *at = arena_alloc(sink->c->arena, sizeof(*at));
	if (!rules || !at)
		return -ENOMEM;
	sink->rules = rules;
	*at = rule->id_at;
	if (strmap_add(&sink->ids, id, at))
		return -ENOMEM;
	rules[sink->n] = *rule;
	if (!rule->base)
		rules[sink->n].base = rule->condition;
	rules[sink->n].info.index = (uint32_t)sink->n;
	rules[sink->n].info.is_stateful = rule->stateful != NULL;
	sink->n++;
	return 0;
}

int rule_sink_add(struct rule_sink *sink, const struct rule *rule)
{
	struct rule entry = *rule;
	if (rule->stateful && !entry.condition)
		entry.condition = node_const(sink->c, false, rule->info.at);
	if (!entry.condition)
		return -ENOMEM;
	uint32_t index = (uint32_t)sink->n;
	int err = add_entry(sink, &entry);
	for (size_t i = 0; !err && rule->stateful && i < rule->stateful->n_inputs; i++) {
		struct stateful_input *input = &rule->stateful->inputs[i];
		if (!input->step)
			continue;
		input->rule = (uint32_t)sink->n;
		err = add_entry(sink, input->step);
	}
	if (err)
		return err;
	sink->last = index;
	return 0;
}

int rule_sink_refuse(struct rule_sink *sink, struct strview id)
{
	sink->hides_rules |= id.n == 0;
	if (id.n == 0 || strmap_get(&sink->refused, id))
		return 0;
	char *copy = arena_text(sink->c->arena, id);
	return copy ? strmap_add(&sink->refused, (struct strview){ copy, id.n }, copy) : -ENOMEM;
}

bool rule_sink_lacks(const struct rule_sink *sink, struct strview id)
{
	return sink->hides_rules || strmap_get(&sink->refused, id);
}

static int refuse_rule(struct loader *l, const struct yaml_node *item)
{
	const struct yaml_node *id = yaml_get(item, "rule");
	l->has_faults = true;
	return rule_sink_refuse(&l->sink, id && id->type == YAML_SCALAR ? id->text : SV(""));
}

static int read_rules(struct loader *l)
{
	struct ruleset *set = l->set;
	for (size_t i = 0; i < l->n_items; i++) {
		struct rule rule;
		int err = rule_read(&l->c, &l->items[i].file->file, l->items[i].node, &rule);
		if (!err)
			err = rule_sink_add(&l->sink, &rule);
		if (err && err != -ENOMEM)
			err = refuse_rule(l, l->items[i].node);
		if (err)
			return err;
	}
	for (size_t i = 0; rule_formats[i]; i++) {
		int err = l->imports[i] ? rule_formats[i]->finish(l->imports[i], &l->sink) : 0;
		if (err == -ENOMEM)
			return err;
		l->has_faults |= err != 0;
	}
	int err = override_rules(&l->overrides, &l->sink);
	if (err != -ENOMEM)
		err = worse_of(err, stateful_resolve(&l->sink));
	if (err == -ENOMEM)
		return err;
	l->has_faults |= err != 0;
	if (!l->has_faults && coverage_fill(&set->arena, set->matcher, l->sink.rules, l->sink.n))
		return -ENOMEM;
	set->rules = arena_alloc(&set->arena, l->sink.n * sizeof(*set->rules));
	if (!set->rules)
		return -ENOMEM;
	if (l->sink.n)
		memcpy(set->rules, l->sink.rules, l->sink.n * sizeof(*set->rules));
	set->n = l->sink.n;
	return 0;
}

/* Is it asked about events of this number? Stateful rules are not: what feeds them is. */
static bool is_asked(const struct rule *rule, uint32_t number)
{
	return rule->info.is_enabled && !rule->stateful && (rule->info.events >> number & 1);
}

static int sort_by_event(struct ruleset *set)
{
	for (uint32_t number = 0; number < EVENT_NUMBERS; number++) {
		size_t n = 0;
		for (size_t i = 0; i < set->n; i++)
			n += is_asked(&set->rules[i], number);
		if (n == 0)
			continue;
		uint32_t *indexes = arena_alloc(&set->arena, n * sizeof(*indexes));
		if (!indexes)
			return -ENOMEM;
		set->by_event[number] = indexes;
		for (size_t i = 0; i < set->n; i++)
			if (is_asked(&set->rules[i], number))
				indexes[set->n_by_event[number]++] = (uint32_t)i;
		set->events |= 1ull << number;
	}
	for (size_t i = 0; i < set->n; i++)
		if (set->rules[i].info.is_enabled && set->rules[i].info.needs_outcome)
			set->outcome_events |= set->rules[i].info.events;
	for (size_t i = 0; i < set->n; i++) {
		struct rule *rule = &set->rules[i];
		bool asks_hash = rule->condition && coverage_asks(rule->condition, "file.hash.sha256");
		rule->info.asks_content = asks_hash || (rule->condition && coverage_asks(rule->condition, "vedette.file.written"));
		set->asks_hash |= rule->info.is_enabled && asks_hash;
	}
	return 0;
}

static void digest_part(crypto_hash_sha256_state *state, const void *bytes, size_t n)
{
	unsigned char length[8];
	for (size_t i = 0; i < sizeof(length); i++)
		length[i] = (unsigned char)((uint64_t)n >> (8 * i));
	crypto_hash_sha256_update(state, length, sizeof(length));
	crypto_hash_sha256_update(state, bytes, n);
}

/* Each name and each content with its length before it, so that no two sets of files run into one another. */
static void digest(struct loader *l)
{
	crypto_hash_sha256_state state;
	unsigned char hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256_init(&state);
	for (size_t i = 0; i < l->n_files; i++) {
		const struct loaded_file *f = l->files[i];
		struct strview name = sv_from_index(sv_from(f->path), f->skip);
		digest_part(&state, name.p, name.n);
		digest_part(&state, f->bytes.p ? f->bytes.p : "", f->bytes.n);
	}
	crypto_hash_sha256_final(&state, hash);
	sodium_bin2hex(l->set->digest, sizeof(l->set->digest), hash, sizeof(hash));
}

static int loader_init(struct loader *l, uint64_t wall_ns, struct diag *diag)
{
	*l = (struct loader){ .diag = diag, .errors_before = diag->errors };
	l->set = calloc(1, sizeof(*l->set));
	if (!l->set)
		return -ENOMEM;
	l->set->arena.max = RULES_MAX_MEMORY;
	l->set->loaded_ns = wall_ns;
	int err = matcher_new(&l->set->matcher);
	l->sink.c = &l->c;
	return err ? err : compiler_init(&l->c, &l->set->arena, &l->set->regexes, diag);
}

static int add_unused(struct loader *l, const char *what, struct strview name, struct place at)
{
	struct unused_name *u = arena_alloc(&l->set->arena, sizeof(*u));
	char *text = arena_text(&l->set->arena, name), *file = at.file ? arena_text(&l->set->arena, sv_from(at.file)) : NULL;
	if (!u || !text || (at.file && !file))
		return -ENOMEM;
	*u = (struct unused_name){ .what = what, .name = text, .at = { file, at.line, at.column }, .next = l->set->unused };
	l->set->unused = u;
	return 0;
}

static int note_unused(struct loader *l)
{
	int err = 0;
	for (size_t i = 0; i < l->c.lists.size && !err; i++) {
		const struct named_list *list = l->c.lists.slots[i].value;
		if (list && !list->is_used)
			err = add_unused(l, "list", list->name, list->at);
	}
	for (size_t i = 0; i < l->c.macros.size && !err; i++) {
		const struct named_macro *macro = l->c.macros.slots[i].value;
		if (macro && !macro->is_used)
			err = add_unused(l, "macro", macro->name, macro->at);
	}
	return err;
}

/* From parsed files to a set. */
static int finish(struct loader *l, struct ruleset **ret_set)
{
	int err = resolve_names(l);
	if (!err)
		err = read_rules(l);
	if (!err && (l->has_faults || l->diag->errors > l->errors_before))
		return -EINVAL;
	if (!err)
		err = sort_by_event(l->set);
	if (!err)
		err = env_names_collect(l->set);
	if (!err)
		err = stateful_index(l->set);
	if (!err)
		err = note_unused(l);
	if (err)
		return err;
	l->set->n_files = l->n_files;
	digest(l);
	(void)ruleset_expired(l->set, 0, l->set->loaded_ns, l->diag); /* warnings; how many is nothing to us */
	*ret_set = TAKE(l->set);
	return 0;
}

/* To watch with nothing to look for is hardly meant. A file of lists alone is fine beside others that use them. */
static void warn_of_nothing(struct loader *l)
{
	for (size_t i = 0; i < l->n_files; i++)
		if (!l->has_faults && (l->files[i]->n_items == 0 || l->n_items + l->n_imported == 0))
			diag_warn(l->diag, (struct place){ .file = l->files[i]->path }, "no rules in this file");
}

static int load_paths(struct loader *l, const char *const *paths, size_t n_paths, struct ruleset **ret_set)
{
	for (size_t i = 0; i < n_paths; i++) {
		size_t before = l->n_files + l->n_again;
		int err = loader_add_path(l, paths[i]);
		if (err == -ENOMEM)
			return err;
		if (!err && l->n_files + l->n_again == before) {
			char quoted[200];
			diag_error(l->diag, (struct place){ 0 }, "no .yaml or .yml file in %s", diag_quote(sv_from(paths[i]), quoted, sizeof(quoted)));
			l->has_faults = true;
		}
	}
	for (size_t i = 0; i < l->n_files; i++)
		if (read_file(l, l->files[i]) == -ENOMEM)
			return -ENOMEM;
	warn_of_nothing(l);
	return finish(l, ret_set);
}

static int close_load(struct loader *l, int err)
{
	if (err == -ENOMEM)
		diag_error(l->diag, (struct place){ 0 }, "out of memory while loading rules (a set may take %d MiB)", RULES_MAX_MEMORY / 1024 / 1024);
	loader_done(l);
	return err;
}

int ruleset_load_at(const char *const *paths, size_t n_paths, uint64_t wall_ns, struct ruleset **ret_set, struct diag *diag)
{
	CLEANUP(diag_done) struct diag own = { 0 };
	struct loader l;
	int err = loader_init(&l, wall_ns, diag ? diag : &own);
	return close_load(&l, err ? err : load_paths(&l, paths, n_paths, ret_set));
}

int ruleset_load(const char *const *paths, size_t n_paths, struct ruleset **ret_set, struct diag *diag)
{
	return ruleset_load_at(paths, n_paths, clock_ns(CLOCK_REALTIME), ret_set, diag);
}

static int load_text(struct loader *l, const char *file, struct strview text, struct ruleset **ret_set)
{
	struct loaded_file *f;
	int err = loader_add_file(l, file, &(struct origin){ .skip = path_skip(file) }, &f);
	if (err)
		return err;
	if (text.n > YAML_MAX_BYTES)
		return loader_refuse(l, (struct place){ .file = file }, "larger than 4 MiB");
	buf_add_sv(&f->bytes, text);
	err = buf_error(&f->bytes);
	if (!err)
		err = parse_file(l, f);
	return err == -ENOMEM ? err : finish(l, ret_set);
}

int ruleset_load_text_at(const char *file, struct strview text, uint64_t wall_ns, struct ruleset **ret_set, struct diag *diag)
{
	CLEANUP(diag_done) struct diag own = { 0 };
	struct loader l;
	int err = loader_init(&l, wall_ns, diag ? diag : &own);
	return close_load(&l, err ? err : load_text(&l, file, text, ret_set));
}

int ruleset_load_text(const char *file, struct strview text, struct ruleset **ret_set, struct diag *diag)
{
	return ruleset_load_text_at(file, text, clock_ns(CLOCK_REALTIME), ret_set, diag);
}
