/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading: files and folders to items, items to rules. Lists and macros of all files of one load are known before the first
 * rule is read, so their order does not matter. All faults of all files are reported; a set comes out only without any.
 */
#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "engine/base/fd.h"
#include "engine/rules/format.h"

enum { FOLDER_MAX_DEPTH = 16, PATH_BYTES = 4096, FORMATS_MAX = 8 };

struct loaded_file {
	char *path;     /* owned; as it is named in messages */
	size_t skip;    /* bytes of path that belong to the caller's folder: the digest is over the rest */
	struct buf bytes;
	struct yaml_tree *tree; /* owned */
	size_t n_items;
	struct rule_file file;
};

struct rule_item {
	struct loaded_file *file;
	const struct yaml_node *node;
};

struct loader {
	struct ruleset *set; /* owned until it is handed out */
	struct compiler c;
	struct diag *diag;
	struct loaded_file *files; /* owned */
	size_t n_files, n_files_size;
	struct rule_item *items;   /* owned; the `rule:` items in load order */
	size_t n_items, n_items_size;
	struct rule_sink sink;
	void *imports[FORMATS_MAX]; /* owned; what each of rule_formats has collected, NULL: nothing */
	size_t n_imported;          /* items of them */
	size_t total_bytes;
	size_t errors_before; /* of diag, when the load began */
	bool has_faults;
};

static void loader_done(struct loader *l)
{
	for (size_t i = 0; i < l->n_files; i++) {
		free(l->files[i].path);
		buf_done(&l->files[i].bytes);
		yaml_tree_free(&l->files[i].tree);
		raw_file_done(&l->files[i].file.raw);
	}
	free(l->files);
	free(l->items);
	for (size_t i = 0; rule_formats[i]; i++)
		if (l->imports[i])
			rule_formats[i]->free(&l->imports[i]);
	free(l->sink.rules);
	strmap_done(&l->sink.ids);
	compiler_done(&l->c);
	ruleset_free(&l->set);
}

static int refuse(struct loader *l, struct place at, const char *why)
{
	diag_error(l->diag, at, "%s", why);
	l->has_faults = true;
	return -EINVAL;
}

/* The array with room for one more than n items, or NULL (then it is as it was). */
static void *grown(void *array, size_t n, size_t *size, size_t item)
{
	if (n < *size)
		return array;
	size_t want = *size ? 2 * *size : 16;
	void *bigger = realloc(array, want * item);
	if (bigger)
		*size = want;
	return bigger;
}

/* --- finding files ----------------------------------------------------------------------------------------------------------- */

static int add_file(struct loader *l, const char *path, size_t skip)
{
	if (l->n_files == RULES_MAX_FILES)
		return refuse(l, (struct place){ .file = path }, "too many files (4096 at most)");
	struct loaded_file *files = grown(l->files, l->n_files, &l->n_files_size, sizeof(*files));
	if (!files)
		return -ENOMEM;
	l->files = files;
	struct loaded_file *f = &l->files[l->n_files];
	*f = (struct loaded_file){ .path = strdup(path), .skip = skip, .file.mode = POLICY_ENFORCE, .bytes = { .max = YAML_MAX_BYTES + 1 } };
	if (!f->path)
		return -ENOMEM;
	l->n_files++;
	return 0;
}

static bool has_ending(const char *name)
{
	return sv_ends(sv_from(name), SV(".yaml")) || sv_ends(sv_from(name), SV(".yml"));
}

static int select_entry(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name); /* not by locale: the digest depends on the order */
}

static int add_path(struct loader *l, const char *path, size_t skip, unsigned depth);

static int add_folder(struct loader *l, const char *path, size_t skip, unsigned depth)
{
	struct dirent **entries = NULL;
	if (depth == FOLDER_MAX_DEPTH)
		return refuse(l, (struct place){ .file = path }, "folders nested too deep (16 levels at most)");
	int n = scandir(path, &entries, select_entry, by_bytes), err = 0;
	if (n < 0)
		return refuse(l, (struct place){ .file = path }, strerror(errno));
	for (int i = 0; i < n; i++) {
		char inner[PATH_BYTES];
		struct stat st;
		int len = snprintf(inner, sizeof(inner), "%s/%s", path, entries[i]->d_name);
		if (len > 0 && (size_t)len < sizeof(inner) && stat(inner, &st) == 0 && err != -ENOMEM) {
			bool is_wanted = S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && has_ending(inner));
			int failed = is_wanted ? add_path(l, inner, skip, depth + 1) : 0;
			err = failed ? failed : err;
		}
		free(entries[i]);
	}
	free(entries);
	return err;
}

static int add_path(struct loader *l, const char *path, size_t skip, unsigned depth)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return refuse(l, (struct place){ .file = path }, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return add_folder(l, path, skip, depth);
	if (!S_ISREG(st.st_mode))
		return refuse(l, (struct place){ .file = path }, "neither a file nor a folder");
	return add_file(l, path, skip);
}

/* What the digest names a file by: its path inside the folder given, or its own name. */
static size_t skip_of(const char *path)
{
	struct stat st;
	size_t n = strlen(path);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return n + 1;
	const char *slash = strrchr(path, '/');
	return slash ? (size_t)(slash - path) + 1 : 0;
}

/* --- items ------------------------------------------------------------------------------------------------------------------- */

static int add_list(struct loader *l, struct loaded_file *f, const struct yaml_node *node)
{
	static const char *const keys[] = { "list", "items" };
	const struct yaml_node *name = yaml_get(node, "list"), *items = yaml_get(node, "items");
	(void)f;
	if (item_check_keys(&l->c, node, keys, ARRAY_SIZE(keys), "a list"))
		return -EINVAL;
	if (name->type != YAML_SCALAR || name->text.n == 0)
		return refuse(l, name->at, "list: expected a name");
	if (!items || items->type != YAML_LIST)
		return refuse(l, items ? items->at : node->at, "list: 'items' is missing or no list");
	for (const struct yaml_node *item = items->first; item; item = item->next)
		if (item->type != YAML_SCALAR)
			return refuse(l, item->at, "list: items are text");
	const struct named_list *other = strmap_get(&l->c.lists, name->text);
	if (other) {
		diag_error(l->diag, name->at, "list '%s' stands twice, first in %s:%u", name->text.p, other->at.file, other->at.line);
		return -EINVAL;
	}
	struct named_list *list = arena_alloc(&l->set->arena, sizeof(*list));
	if (!list)
		return -ENOMEM;
	*list = (struct named_list){ .name = name->text, .at = name->at, .items = items };
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
	static const char *const keys[] = { "macro", "when" };
	static const char *const taken[] = { "and", "or", "not", "true", "false", "ancestor", "val" };
	const struct yaml_node *name = yaml_get(node, "macro"), *when = yaml_get(node, "when");
	if (item_check_keys(&l->c, node, keys, ARRAY_SIZE(keys), "a macro"))
		return -EINVAL;
	if (name->type != YAML_SCALAR || !is_macro_name(name->text))
		return refuse(l, name->at, "macro: expected a name of letters, digits, '_' and '-'");
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		if (sv_is(name->text, taken[i]))
			return refuse(l, name->at, "macro: this name is a word of the language");
	if (!when || when->type != YAML_SCALAR)
		return refuse(l, when ? when->at : node->at, "macro: 'when' is missing or no condition");
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
	static const char *const outer[] = { "policy" }, *const keys[] = { "name", "mode" };
	const struct yaml_node *policy = yaml_get(node, "policy");
	if (item_check_keys(&l->c, node, outer, ARRAY_SIZE(outer), "a policy item"))
		return -EINVAL;
	if (policy->type != YAML_MAP)
		return refuse(l, policy->at, "policy: expected a map {name: ..., mode: detect|enforce}");
	if (f->file.has_policy_item)
		return refuse(l, policy->at, "policy: one for each file");
	f->file.has_policy_item = true;
	if (item_check_keys(&l->c, policy, keys, ARRAY_SIZE(keys), "a policy"))
		return -EINVAL;
	const struct yaml_node *name = yaml_get(policy, "name"), *mode = yaml_get(policy, "mode");
	if (name && item_text(&l->c, name, "policy: name", &f->file.policy))
		return -EINVAL;
	if (!mode || (!sv_is(mode->text, "detect") && !sv_is(mode->text, "enforce")))
		return refuse(l, mode ? mode->at : policy->at, "policy: mode is detect or enforce");
	f->file.mode = sv_is(mode->text, "enforce") ? POLICY_ENFORCE : POLICY_DETECT;
	return 0;
}

static int add_rule(struct loader *l, struct loaded_file *f, const struct yaml_node *node)
{
	if (l->n_items == RULES_MAX)
		return refuse(l, node->at, "too many rules (20000 at most)");
	struct rule_item *items = grown(l->items, l->n_items, &l->n_items_size, sizeof(*items));
	if (!items)
		return -ENOMEM;
	l->items = items;
	l->items[l->n_items++] = (struct rule_item){ f, node };
	return 0;
}

static const struct {
	const char *key;
	int (*add)(struct loader *l, struct loaded_file *f, const struct yaml_node *node);
} item_kinds[] = {
	{ "rule", add_rule },
	{ "list", add_list },
	{ "macro", add_macro },
	{ "policy", add_policy },
};

static int add_item(struct loader *l, struct loaded_file *f, const struct yaml_node *node)
{
	if (node->type != YAML_MAP)
		return refuse(l, node->at, "expected an item: a map with one of the keys rule, list, macro, policy");
	for (size_t i = 0; i < ARRAY_SIZE(item_kinds); i++)
		if (yaml_get(node, item_kinds[i].key))
			return item_kinds[i].add(l, f, node);
	return refuse(l, node->at, "not an item: one of the keys rule, list, macro, policy is missing");
}

static bool is_empty_document(const struct yaml_node *node)
{
	return node->type == YAML_SCALAR && !node->is_quoted && (node->text.n == 0 || sv_is(node->text, "null") || sv_is(node->text, "~"));
}

/* -ENOENT: it is in none of the other formats. */
static int import_document(struct loader *l, struct loaded_file *f, const struct yaml_node *document)
{
	for (size_t i = 0; rule_formats[i]; i++) {
		const struct rule_format *format = rule_formats[i];
		if (!format->owns(document))
			continue;
		size_t n = 0;
		int err = l->imports[i] ? 0 : format->new(&l->c, &l->imports[i]);
		if (!err)
			err = format->add(l->imports[i], &f->file, document, &n);
		f->n_items += n;
		l->n_imported += n;
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
		if (imported != -ENOENT)
			continue;
		if (document->type != YAML_LIST) {
			(void)refuse(l, document->at, "expected a list of items, each '- rule: ...', '- list: ...', '- macro: ...' or '- policy: ...'");
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
		return refuse(l, (struct place){ .file = f->path }, "all files together are larger than 64 MiB");
	size_t before = l->diag->errors;
	err = yaml_parse(f->path, buf_sv(&f->bytes), &f->tree, l->diag);
	if (err) {
		l->has_faults = true;
		if (l->diag->errors == before)
			diag_error(l->diag, (struct place){ .file = f->path }, "cannot be read as YAML: %s", strerror(-err));
		return err;
	}
	return add_items(l, f);
}

static int read_file(struct loader *l, struct loaded_file *f)
{
	int err = fd_read_file(f->path, YAML_MAX_BYTES, &f->bytes);
	if (err == -ENOMEM)
		return err;
	if (err)
		return refuse(l, (struct place){ .file = f->path }, err == -EFBIG ? "larger than 4 MiB" : strerror(-err));
	return parse_file(l, f);
}

/* Lists and macros are checked whether or not a rule uses them. */
static int resolve_names(struct loader *l)
{
	struct compiler *c = &l->c;
	for (size_t i = 0; i < c->lists.size; i++)
		if (c->lists.slots[i].key.p && list_resolve(c, c->lists.slots[i].value, 0))
			l->has_faults = true;
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
	struct rule *rules = grown(sink->rules, sink->n, &sink->size, sizeof(*rules));
	struct place *at = arena_alloc(sink->c->arena, sizeof(*at));
	if (!rules || !at)
		return -ENOMEM;
	sink->rules = rules;
	*at = rule->id_at;
	if (strmap_add(&sink->ids, id, at))
		return -ENOMEM;
	rules[sink->n] = *rule;
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

static int read_rules(struct loader *l)
{
	struct ruleset *set = l->set;
	for (size_t i = 0; i < l->n_items; i++) {
		struct rule rule;
		int err = rule_read(&l->c, &l->items[i].file->file, l->items[i].node, &rule);
		if (!err)
			err = rule_sink_add(&l->sink, &rule);
		if (err == -ENOMEM)
			return err;
		l->has_faults |= err != 0;
	}
	for (size_t i = 0; rule_formats[i]; i++) {
		int err = l->imports[i] ? rule_formats[i]->finish(l->imports[i], &l->sink) : 0;
		if (err == -ENOMEM)
			return err;
		l->has_faults |= err != 0;
	}
	int err = stateful_resolve(&l->sink);
	if (err == -ENOMEM)
		return err;
	l->has_faults |= err != 0;
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
		const struct loaded_file *f = &l->files[i];
		struct strview name = sv_from_index(sv_from(f->path), f->skip);
		digest_part(&state, name.p, name.n);
		digest_part(&state, f->bytes.p ? f->bytes.p : "", f->bytes.n);
	}
	crypto_hash_sha256_final(&state, hash);
	sodium_bin2hex(l->set->digest, sizeof(l->set->digest), hash, sizeof(hash));
}

static int loader_init(struct loader *l, struct diag *diag)
{
	*l = (struct loader){ .diag = diag, .errors_before = diag->errors };
	l->set = calloc(1, sizeof(*l->set));
	if (!l->set)
		return -ENOMEM;
	l->set->arena.max = RULES_MAX_MEMORY;
	int err = matcher_new(&l->set->matcher);
	l->sink.c = &l->c;
	return err ? err : compiler_init(&l->c, &l->set->arena, &l->set->regexes, diag);
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
		err = stateful_index(l->set);
	if (err)
		return err;
	l->set->n_files = l->n_files;
	digest(l);
	*ret_set = TAKE(l->set);
	return 0;
}

/* To watch with nothing to look for is hardly meant. A file of lists alone is fine beside others that use them. */
static void warn_of_nothing(struct loader *l)
{
	for (size_t i = 0; i < l->n_files; i++)
		if (!l->has_faults && (l->files[i].n_items == 0 || l->n_items + l->n_imported == 0))
			diag_warn(l->diag, (struct place){ .file = l->files[i].path }, "no rules in this file");
}

static int load_paths(struct loader *l, const char *const *paths, size_t n_paths, struct ruleset **ret_set)
{
	for (size_t i = 0; i < n_paths; i++) {
		size_t before = l->n_files;
		int err = add_path(l, paths[i], skip_of(paths[i]), 0);
		if (err == -ENOMEM)
			return err;
		if (!err && l->n_files == before) {
			char quoted[200];
			diag_error(l->diag, (struct place){ 0 }, "no .yaml or .yml file in %s", diag_quote(sv_from(paths[i]), quoted, sizeof(quoted)));
			l->has_faults = true;
		}
	}
	for (size_t i = 0; i < l->n_files; i++)
		if (read_file(l, &l->files[i]) == -ENOMEM)
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

int ruleset_load(const char *const *paths, size_t n_paths, struct ruleset **ret_set, struct diag *diag)
{
	CLEANUP(diag_done) struct diag own = { 0 };
	struct loader l;
	int err = loader_init(&l, diag ? diag : &own);
	return close_load(&l, err ? err : load_paths(&l, paths, n_paths, ret_set));
}

static int load_text(struct loader *l, const char *file, struct strview text, struct ruleset **ret_set)
{
	int err = add_file(l, file, skip_of(file));
	if (err)
		return err;
	if (text.n > YAML_MAX_BYTES)
		return refuse(l, (struct place){ .file = file }, "larger than 4 MiB");
	buf_add_sv(&l->files[0].bytes, text);
	err = buf_error(&l->files[0].bytes);
	if (!err)
		err = parse_file(l, &l->files[0]);
	return err == -ENOMEM ? err : finish(l, ret_set);
}

int ruleset_load_text(const char *file, struct strview text, struct ruleset **ret_set, struct diag *diag)
{
	CLEANUP(diag_done) struct diag own = { 0 };
	struct loader l;
	int err = loader_init(&l, diag ? diag : &own);
	return close_load(&l, err ? err : load_text(&l, file, text, ret_set));
}
