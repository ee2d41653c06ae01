/* SPDX-License-Identifier: Apache-2.0 */
/* What a Sigma rule says about itself: id, title, level, tags and the rest. Kept as the author wrote it. */
#include <errno.h>
#include <stdio.h>

#include "engine/import/sigma.h"

enum { ID_MAX = 128, MAX_REMARKS = 16 };

struct reader {
	struct compiler *c;
	const struct sigma_document *d;
	struct rule *rule;
};

const struct yaml_node *sigma_document_get(const struct sigma_document *d, const char *key)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct yaml_node *value = yaml_get(d->layers[i], key);
		if (value)
			return value;
	}
	return NULL;
}

static int out_of_memory(struct reader *r)
{
	r->c->no_memory = true;
	return -ENOMEM;
}

/* A text of any length, cut at what a rule may hold; a list of texts becomes one, joined by ", ". */
static int read_long_text(struct reader *r, const char *key, const char **ret)
{
	const struct yaml_node *node = sigma_document_get(r->d, key);
	char text[RULE_MAX_TEXT + 1];
	size_t n = 0;
	bool is_cut = false;
	if (!node || sigma_is_null(node))
		return 0;
	const struct yaml_node *item = node->type == YAML_LIST ? node->first : node;
	for (; item; item = node->type == YAML_LIST ? item->next : NULL) {
		if (item->type != YAML_SCALAR) {
			diag_error(r->c->diag, item->at, "%s: expected text, found %s", key, yaml_type_name(item->type));
			return -EINVAL;
		}
		const struct strview parts[] = { n ? SV(", ") : SV(""), item->text };
		for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
			size_t room = sizeof(text) - 1 - n, take = MIN(room, parts[i].n);
			is_cut |= take < parts[i].n;
			if (take)
				memcpy(text + n, parts[i].p, take);
			n += take;
		}
	}
	while (n && (text[n - 1] == '\n' || text[n - 1] == ' '))
		n--; /* the end of a block */
	if (is_cut)
		diag_warn(r->c->diag, node->at, "%s: cut to %d bytes", key, RULE_MAX_TEXT);
	for (size_t i = 0; i < n; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	*ret = arena_text(r->c->arena, (struct strview){ text, n });
	return *ret ? 0 : out_of_memory(r);
}

/* --- id ------------------------------------------------------------------------------------------------------------------------ */

/* Small letters and digits of the title, a dash for all between. */
static size_t slug(struct strview title, char out[static ID_MAX])
{
	size_t n = 0;
	for (size_t i = 0; i < title.n && n + 1 < ID_MAX; i++) {
		char c = title.p[i];
		c = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
		bool is_kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
		if (is_kept)
			out[n++] = c;
		else if (n && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n && out[n - 1] == '-')
		n--;
	return n;
}

static int read_id(struct reader *r)
{
	const struct yaml_node *id = sigma_document_get(r->d, "id"), *title = sigma_document_get(r->d, "title");
	const struct yaml_node *node = id ? id : title;
	char text[ID_MAX + 16];
	size_t n;
	r->rule->id_at = (struct place){ r->d->file->name, node->at.line, node->at.column };
	if (id && (id->type != YAML_SCALAR || id->text.n == 0 || id->text.n > ID_MAX || memchr(id->text.p, 0, id->text.n))) {
		diag_error(r->c->diag, id->at, "id: expected a text of 1 to %d bytes, a UUID", ID_MAX);
		return -EINVAL;
	}
	if (id) {
		n = id->text.n;
		memcpy(text, id->text.p, n);
	} else {
		n = slug(title->text, text);
	}
	if (n == 0) {
		diag_error(r->c->diag, node->at, "title: no letter to make an id of: give the rule an 'id'");
		return -EINVAL;
	}
	if (r->d->twin) /* documents that share the id of a global one */
		n += (size_t)snprintf(text + n, sizeof(text) - n, "-%u", r->d->twin + 1);
	r->rule->info.id = arena_text(r->c->arena, (struct strview){ text, n });
	return r->rule->info.id ? 0 : out_of_memory(r);
}

/* --- level and status ------------------------------------------------------------------------------------------------------------- */

static int read_level(struct reader *r)
{
	static const char *const names[] = { "informational", "low", "medium", "high", "critical" };
	const struct yaml_node *node = sigma_document_get(r->d, "level");
	r->rule->info.severity = SEVERITY_MEDIUM;
	if (!node || sigma_is_null(node))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (node->type != YAML_SCALAR || !sigma_is_word(node->text, names[i]))
			continue;
		r->rule->info.severity = (enum severity)i;
		return 0;
	}
	char quoted[80];
	diag_error(r->c->diag, node->at, "level: %s is not one of informational low medium high critical", diag_quote(node->text, quoted, sizeof(quoted)));
	return -EINVAL;
}

/* What its author has taken back is loaded and shown, but not evaluated. */
static int read_status(struct reader *r)
{
	static const char *const names[] = { "stable", "test", "experimental", "deprecated", "unsupported" };
	const struct yaml_node *node = sigma_document_get(r->d, "status");
	if (!node || sigma_is_null(node))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (node->type != YAML_SCALAR || !sigma_is_word(node->text, names[i]))
			continue;
		if (i >= 3)
			r->rule->info.is_enabled = false;
		return 0;
	}
	char quoted[80];
	diag_error(r->c->diag, node->at, "status: %s is not one of stable test experimental deprecated unsupported", diag_quote(node->text, quoted, sizeof(quoted)));
	return -EINVAL;
}

/* --- tags ---------------------------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *id;
} tactics[] = {
	{ "reconnaissance", "TA0043" },    { "resource-development", "TA0042" }, { "initial-access", "TA0001" },
	{ "execution", "TA0002" },         { "persistence", "TA0003" },          { "privilege-escalation", "TA0004" },
	{ "defense-evasion", "TA0005" },   { "stealth", "TA0005" },              { "defense-impairment", "TA0112" },
	{ "credential-access", "TA0006" }, { "discovery", "TA0007" },            { "lateral-movement", "TA0008" },
	{ "collection", "TA0009" },        { "command-and-control", "TA0011" },  { "exfiltration", "TA0010" },
	{ "impact", "TA0040" },
};

static bool are_digits(struct strview s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

/* "t1059" or "t1059.004". */
static bool is_technique(struct strview s)
{
	if (s.n != 5 && s.n != 9)
		return false;
	bool is_main = (s.p[0] == 't' || s.p[0] == 'T') && are_digits((struct strview){ s.p + 1, 4 });
	return is_main && (s.n == 5 || (s.p[5] == '.' && are_digits((struct strview){ s.p + 6, 3 })));
}

static bool is_tactic(struct strview s, const char *name)
{
	if (s.n != strlen(name))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		c = (char)(c == '_' ? '-' : c >= 'A' && c <= 'Z' ? c + 32 : c);
		if (c != name[i])
			return false;
	}
	return true;
}

/* The ATT&CK id of a tag, or NULL: software, groups and other things' tags have none that an alert names. */
static const char *attack_id(struct reader *r, struct strview tag)
{
	if (!sv_starts(tag, SV("attack.")))
		return NULL;
	struct strview what = sv_from_index(tag, strlen("attack."));
	for (size_t i = 0; i < ARRAY_SIZE(tactics); i++)
		if (is_tactic(what, tactics[i].name))
			return tactics[i].id;
	if (!is_technique(what))
		return NULL;
	char *id = arena_text(r->c->arena, what);
	if (id)
		id[0] = 'T';
	else
		r->c->no_memory = true;
	return id;
}

static void add_attack(struct reader *r, const char *id)
{
	const char **attack = r->rule->info.attack;
	size_t n = 0;
	for (; attack[n]; n++)
		if (strcmp(attack[n], id) == 0)
			return;
	if (n < RULE_MAX_ATTACK)
		attack[n] = id;
}

/* Up to `max` texts of a list; a warning names how many were left. */
static int read_texts(struct reader *r, const char *key, const char **to, size_t max)
{
	const struct yaml_node *node = sigma_document_get(r->d, key);
	if (!node || sigma_is_null(node))
		return 0;
	if (node->type == YAML_MAP) {
		diag_error(r->c->diag, node->at, "%s: expected a list of text, found a map", key);
		return -EINVAL;
	}
	if (node->type == YAML_LIST && node->n > max)
		diag_warn(r->c->diag, node->at, "%s: %zu of them, the first %zu are kept", key, node->n, max);
	const struct yaml_node *item = node->type == YAML_LIST ? node->first : node;
	size_t n = 0;
	for (; item && n < max; item = node->type == YAML_LIST ? item->next : NULL)
		if (item_text(r->c, item, key, &to[n++]))
			return r->c->no_memory ? -ENOMEM : -EINVAL;
	return 0;
}

static int read_tags(struct reader *r)
{
	int err = read_texts(r, "tags", r->rule->info.tags, RULE_MAX_TAGS);
	for (size_t i = 0; i < RULE_MAX_TAGS && !err && r->rule->info.tags[i]; i++) {
		const char *id = attack_id(r, sv_from(r->rule->info.tags[i]));
		if (id)
			add_attack(r, id);
	}
	return r->c->no_memory ? -ENOMEM : err;
}

/* --- remarks -------------------------------------------------------------------------------------------------------------------------- */

/* "id (type), id (type)" */
static int read_related(struct reader *r, const char **ret)
{
	const struct yaml_node *node = sigma_document_get(r->d, "related");
	CLEANUP(buf_done) struct buf text = { .max = RULE_MAX_TEXT };
	for (const struct yaml_node *item = node && node->type == YAML_LIST ? node->first : NULL; item; item = item->next) {
		const struct yaml_node *id = item->type == YAML_MAP ? yaml_get(item, "id") : NULL;
		const struct yaml_node *type = item->type == YAML_MAP ? yaml_get(item, "type") : NULL;
		if (!id || id->type != YAML_SCALAR || !type || type->type != YAML_SCALAR) {
			diag_error(r->c->diag, item->at, "related: expected {id: ..., type: ...}");
			return -EINVAL;
		}
		buf_add_format(&text, "%s" SV_FMT " (" SV_FMT ")", text.n ? ", " : "", SV_ARG(id->text), SV_ARG(type->text));
	}
	if (text.n)
		*ret = arena_text(r->c->arena, buf_sv(&text));
	return text.n && !*ret ? out_of_memory(r) : 0;
}

static int read_remarks(struct reader *r)
{
	static const char *const keys[] = { "status", "name", "date", "modified", "falsepositives", "taxonomy", "scope", "fields" };
	struct rule_remark *remarks = arena_alloc(r->c->arena, MAX_REMARKS * sizeof(*remarks));
	size_t n = 0;
	if (!remarks)
		return out_of_memory(r);
	for (size_t i = 0; i <= ARRAY_SIZE(keys); i++) {
		const char *text = NULL;
		bool is_related = i == ARRAY_SIZE(keys);
		int err = is_related ? read_related(r, &text) : read_long_text(r, keys[i], &text);
		if (err)
			return err;
		if (text)
			remarks[n++] = (struct rule_remark){ is_related ? "related" : keys[i], text };
	}
	r->rule->info.remarks = remarks;
	r->rule->info.n_remarks = n;
	return 0;
}

/* Any key is allowed; one that is a slip of the fingers away from a known one was hardly meant. */
static void warn_of_keys(struct reader *r)
{
	static const char *const known[] = {
		"title", "id", "name", "related", "taxonomy", "status", "description", "license", "references", "author", "date", "modified",
		"logsource", "detection", "fields", "falsepositives", "level", "tags", "scope", "action", "correlation", "generate", "filter",
	};
	for (const struct yaml_node *k = r->d->layers[0]->first; k; k = k->next->next) {
		size_t i = 0;
		while (i < ARRAY_SIZE(known) && !sv_is(k->text, known[i]))
			i++;
		const char *near = i == ARRAY_SIZE(known) ? diag_suggest(k->text, known, ARRAY_SIZE(known)) : NULL;
		char quoted[80];
		if (near && diag_distance(k->text, sv_from(near)) <= (k->text.n > 4 ? 2 : 1))
			diag_warn(r->c->diag, k->at, "key %s is no key of Sigma (did you mean '%s'?)", diag_quote(k->text, quoted, sizeof(quoted)), near);
	}
}

int sigma_metadata_read(struct compiler *c, const struct sigma_document *d, struct rule *rule)
{
	struct reader r = { .c = c, .d = d, .rule = rule };
	const struct yaml_node *title = sigma_document_get(d, "title");
	if (!title || title->type != YAML_SCALAR || title->text.n == 0) {
		diag_error(c->diag, title ? title->at : d->layers[0]->at, "Sigma rule: 'title' is missing");
		return -EINVAL;
	}
	warn_of_keys(&r);
	rule->info.description = "";
	int (*const readers[])(struct reader *) = { read_id, read_level, read_status, read_tags, read_remarks };
	int err = read_long_text(&r, "title", &rule->info.title);
	for (size_t i = 0; i < ARRAY_SIZE(readers) && err != -ENOMEM; i++)
		err = worse_of(err, readers[i](&r));
	err = worse_of(err, read_long_text(&r, "description", &rule->info.description));
	err = worse_of(err, read_long_text(&r, "author", &rule->info.author));
	err = worse_of(err, read_long_text(&r, "license", &rule->info.license));
	return worse_of(err, read_texts(&r, "references", rule->info.references, RULE_MAX_REFERENCES));
}
