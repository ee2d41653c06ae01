/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration by table. Unknown keys are errors; what is missing has its default. */
#include "engine/config/config.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/fd.h"
#include "engine/base/num.h"
#include "engine/base/yaml.h"
#include "engine/config/protected.h"

enum option_type { OPTION_BOOL, OPTION_SIZE, OPTION_POWER, OPTION_TIME, OPTION_COUNT, OPTION_TEXT, OPTION_WORDS };

static const struct option {
	enum option_type type;
	const char *key, *fallback, *doc;
	size_t offset;
	uint64_t least, most;
} options[] = {
#define OPTION(option_type, member, option_key, option_fallback, option_least, option_most, option_doc) \
	{ .type = OPTION_##option_type, .key = (option_key), .fallback = (option_fallback), .doc = (option_doc), \
	  .offset = offsetof(struct config, member), .least = (option_least), .most = (option_most) },
#include "engine/config/options.def"
};

void config_free(struct config **config)
{
	struct config *c = *config;
	if (!c)
		return;
	for (size_t i = 0; i < c->n_owned; i++)
		free(c->owned[i]);
	free(c->owned);
	free(c);
	*config = NULL;
}

static const char *keep(struct config *c, struct strview text)
{
	char **owned = realloc(c->owned, (c->n_owned + 1) * sizeof(*owned));
	if (!owned)
		return NULL;
	c->owned = owned;
	char *copy = strndup(text.n ? text.p : "", text.n);
	if (copy)
		c->owned[c->n_owned++] = copy;
	return copy;
}

static int bad_value(const struct option *o, struct place at, struct strview text, const char *wants, struct diag *diag)
{
	char quoted[128];
	diag_error(diag, at, "%s: %s is not %s", o->key, diag_quote(text, quoted, sizeof(quoted)), wants);
	return -EINVAL;
}

static int set_number(struct config *c, const struct option *o, struct place at, struct strview text, struct diag *diag)
{
	static const char *const wants[] = {
		[OPTION_SIZE] = "a size as 64KiB, 8MiB or 1GiB", [OPTION_POWER] = "a size as 64KiB, 8MiB or 1GiB",
		[OPTION_TIME] = "a time with its unit, as 250ms, 10s or 5m", [OPTION_COUNT] = "a whole number",
	};
	uint64_t v = 0;
	int err = o->type == OPTION_TIME  ? num_parse_duration(text, &v) :
		  o->type == OPTION_COUNT ? num_parse_u64(text, UINT64_MAX, &v) :
					    num_parse_size(text, &v);
	if (err)
		return bad_value(o, at, text, wants[o->type], diag);
	if (v < o->least || v > o->most) {
		char range[96];
		snprintf(range, sizeof(range), "between %llu and %llu%s", (unsigned long long)o->least, (unsigned long long)o->most,
			 o->type == OPTION_TIME ? " nanoseconds" : o->type == OPTION_COUNT ? "" : " bytes");
		return bad_value(o, at, text, range, diag);
	}
	if (o->type == OPTION_POWER && (v & (v - 1)))
		return bad_value(o, at, text, "a power of two", diag);
	*(uint64_t *)(void *)((char *)c + o->offset) = v;
	return 0;
}

/* Of the texts that stand for one of a few, or must not be just any. */
static int check_choice(const struct option *o, struct place at, struct strview text, struct diag *diag)
{
	static const struct {
		const char *key, *wants, *values[4];
	} rows[] = {
		{ "sensor", "auto, lsm or tracepoint", { "auto", "lsm", "tracepoint", NULL } },
		{ "enforcement.on_exit", "release or keep", { "release", "keep", NULL } },
	};
	if (strcmp(o->key, "policy.folder") == 0 && text.n && text.p[0] != '/')
		return bad_value(o, at, text, "a whole path: the daemon's folder at its next start may be another one", diag);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool is_known = strcmp(rows[i].key, o->key) != 0;
		for (size_t v = 0; rows[i].values[v]; v++)
			is_known |= sv_is(text, rows[i].values[v]);
		if (!is_known)
			return bad_value(o, at, text, rows[i].wants, diag);
	}
	return 0;
}

static int set_scalar(struct config *c, const struct option *o, struct place at, struct strview text, struct diag *diag)
{
	char *member = (char *)c + o->offset;
	if (memchr(text.n ? text.p : "", 0, text.n))
		return bad_value(o, at, text, "text without NUL bytes", diag);
	if (o->type == OPTION_BOOL) {
		if (!sv_is(text, "true") && !sv_is(text, "false"))
			return bad_value(o, at, text, "true or false", diag);
		*(bool *)member = sv_is(text, "true");
		return 0;
	}
	if (o->type != OPTION_TEXT)
		return set_number(c, o, at, text, diag);
	int err = check_choice(o, at, text, diag);
	if (err)
		return err;
	const char *copy = keep(c, text);
	if (!copy)
		return -ENOMEM;
	*(const char **)(void *)member = copy;
	return 0;
}

static int add_word(struct config *c, const struct option *o, struct place at, struct strview text, struct diag *diag)
{
	config_WORDS *words = (void *)((char *)c + o->offset);
	if (text.n && memchr(text.p, 0, text.n))
		return bad_value(o, at, text, "text without NUL bytes", diag);
	if (words->n == CONFIG_MAX_WORDS) {
		diag_error(diag, at, "%s: more than %d items", o->key, CONFIG_MAX_WORDS);
		return -E2BIG;
	}
	const char *copy = keep(c, text);
	if (!copy)
		return -ENOMEM;
	words->at[words->n] = (struct config_at){ at.line, at.column };
	words->items[words->n++] = copy;
	return 0;
}

static int set_words(struct config *c, const struct option *o, const struct yaml_node *node, struct diag *diag)
{
	*(config_WORDS *)(void *)((char *)c + o->offset) = (config_WORDS){ 0 };
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		if (item->type != YAML_SCALAR) {
			diag_error(diag, item->at, "%s: an item must be text, not %s", o->key, yaml_type_name(item->type));
			return -EINVAL;
		}
		int err = add_word(c, o, item->at, item->text, diag);
		if (err)
			return err;
	}
	return 0;
}

static int set_default(struct config *c, const struct option *o, struct diag *diag)
{
	struct place at = { .file = "default" };
	if (o->type != OPTION_WORDS)
		return set_scalar(c, o, at, sv_from(o->fallback), diag);
	for (const char *p = o->fallback; *p;) {
		size_t n = strcspn(p, " ");
		int err = add_word(c, o, at, (struct strview){ p, n }, diag);
		if (err)
			return err;
		p += n + (p[n] == ' ');
	}
	return 0;
}

static bool is_section(const char *key)
{
	size_t n = strlen(key);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strncmp(options[i].key, key, n) == 0 && options[i].key[n] == '.')
			return true;
	return false;
}

static int unknown_key(struct place at, const char *key, struct diag *diag)
{
	const char *names[ARRAY_SIZE(options)];
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		names[i] = options[i].key;
	if (is_section(key)) {
		diag_error(diag, at, "%s: is a section: its keys stand below it, indented", key);
		return -EINVAL;
	}
	const char *near = diag_suggest(sv_from(key), names, ARRAY_SIZE(names));
	diag_error(diag, at, near ? "unknown key '%s' (did you mean '%s'?)" : "unknown key '%s'", key, near);
	return -EINVAL;
}

static int set_option(struct config *c, const char *key, struct place at, const struct yaml_node *value, struct diag *diag)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i];
		if (strcmp(o->key, key) != 0)
			continue;
		enum yaml_type wants = o->type == OPTION_WORDS ? YAML_LIST : YAML_SCALAR;
		if (value->type != wants) {
			diag_error(diag, value->at, "%s: expected %s, found %s", key, yaml_type_name(wants), yaml_type_name(value->type));
			return -EINVAL;
		}
		return wants == YAML_LIST ? set_words(c, o, value, diag) : set_scalar(c, o, value->at, value->text, diag);
	}
	return unknown_key(at, key, diag);
}

/* One level of maps: section.key. */
static int set_map(struct config *c, const char *section, const struct yaml_node *map, struct diag *diag)
{
	int worst = 0;
	for (const struct yaml_node *k = map->first; k; k = k->next->next) {
		CLEANUP(buf_done) struct buf key = { 0 };
		buf_add_format(&key, "%s%s" SV_FMT, section, section[0] ? "." : "", SV_ARG(k->text));
		int err;
		if (!section[0] && k->next->type == YAML_MAP && is_section(buf_cstr(&key)))
			err = set_map(c, buf_cstr(&key), k->next, diag);
		else
			err = set_option(c, buf_cstr(&key), k->at, k->next, diag);
		worst = worst ? worst : err;
	}
	return worst;
}

static int check(const struct config *c, const char *name, struct diag *diag)
{
	struct place at = { .file = name };
	if (c->rules.n == 0) {
		diag_error(diag, at, "no rules: say where they are, as `rules: [/usr/local/share/vedette/rules]`");
		return -EINVAL;
	}
	bool is_kept = strcmp(c->on_exit, "keep") == 0;
	if (is_kept && !c->enforce) {
		diag_error(diag, at, "enforcement.on_exit: keep: there is nothing to keep without `enforce: true`");
		return -EINVAL;
	}
	if (c->enforce && c->detect_only) {
		diag_error(diag, at, "`enforce: true` and `detect_only: true` contradict each other: rules that block do so, or only report");
		return -EINVAL;
	}
	return protected_check(name, c, diag);
}

int config_parse(const char *name, struct strview text, struct config **ret, struct diag *diag)
{
	CLEANUP(config_free) struct config *c = calloc(1, sizeof(*c));
	CLEANUP(yaml_tree_free) struct yaml_tree *tree = NULL;
	if (!c)
		return -ENOMEM;
	int err = yaml_parse(name, text, &tree, diag);
	for (size_t i = 0; !err && i < ARRAY_SIZE(options); i++)
		err = set_default(c, &options[i], diag);
	if (err)
		return err;
	for (const struct yaml_node *doc = yaml_root(tree)->first; doc; doc = doc->next) {
		int bad = 0;
		if (doc->type == YAML_MAP) {
			bad = set_map(c, "", doc, diag);
		} else {
			diag_error(diag, doc->at, "the configuration is a map of keys, not %s", yaml_type_name(doc->type));
			bad = -EINVAL;
		}
		err = err ? err : bad;
	}
	if (!err)
		err = check(c, name, diag);
	if (err)
		return err;
	unsigned char hash[crypto_hash_sha256_BYTES];
	crypto_hash_sha256(hash, (const unsigned char *)(text.n ? text.p : ""), text.n);
	sodium_bin2hex(c->digest, sizeof(c->digest), hash, sizeof(hash));
	*ret = TAKE(c);
	return 0;
}

int config_load(const char *path, struct config **ret, struct diag *diag)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	int err = fd_read_file(path, YAML_MAX_BYTES, &text);
	if (err) {
		diag_error(diag, (struct place){ .file = path }, "cannot be read: %s", strerror(-err));
		return err;
	}
	return config_parse(path, buf_sv(&text), ret, diag);
}

/* --- back to text --------------------------------------------------------------------------------------------------------- */

static void add_text(struct buf *out, const char *text)
{
	buf_add_char(out, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			buf_add_char(out, '\'');
		buf_add_char(out, *text);
	}
	buf_add_char(out, '\'');
}

static void add_value(const struct config *c, const struct option *o, struct buf *out)
{
	const char *member = (const char *)c + o->offset;
	uint64_t v = 0;
	switch (o->type) {
	case OPTION_BOOL:
		buf_add_z(out, *(const bool *)member ? "true" : "false");
		break;
	case OPTION_TEXT:
		add_text(out, *(const char *const *)(const void *)member);
		break;
	case OPTION_WORDS: {
		const config_WORDS *words = (const void *)member;
		buf_add_char(out, '[');
		for (size_t i = 0; i < words->n; i++) {
			buf_add_z(out, i ? ", " : "");
			add_text(out, words->items[i]);
		}
		buf_add_char(out, ']');
		break;
	}
	default:
		memcpy(&v, member, sizeof(v));
		buf_add_u64(out, v);
		buf_add_z(out, o->type == OPTION_TIME ? "ns" : "");
		break;
	}
}

size_t config_changes(const struct config *before, const struct config *now, struct place at, struct diag *diag)
{
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		CLEANUP(buf_done) struct buf old = { 0 };
		CLEANUP(buf_done) struct buf new = { 0 };
		if (strcmp(options[i].key, "rules") == 0)
			continue;
		add_value(before, &options[i], &old);
		add_value(now, &options[i], &new);
		if (sv_equal(buf_sv(&old), buf_sv(&new)))
			continue;
		n++;
		diag_warn(diag, at, "%s is %s now: that needs a restart, only the rules are loaded anew", options[i].key, buf_cstr(&new));
	}
	return n;
}

/* Walks the table in order; a section's line comes before its first key. */
static void add_all(const struct config *c, bool with_docs, struct buf *out)
{
	char open[64] = "";
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option *o = &options[i];
		const char *dot = strchr(o->key, '.');
		char section[64] = "";
		if (dot)
			snprintf(section, sizeof(section), "%.*s", (int)(dot - o->key), o->key);
		if (strcmp(section, open) != 0 && section[0])
			buf_add_format(out, "%s:\n", section);
		snprintf(open, sizeof(open), "%s", section);
		const char *indent = dot ? "  " : "";
		if (with_docs)
			buf_add_format(out, "%s# %s\n", indent, o->doc);
		buf_add_format(out, "%s%s: ", indent, dot ? dot + 1 : o->key);
		add_value(c, o, out);
		buf_add_char(out, '\n');
	}
}

void config_show(const struct config *c, struct buf *out)
{
	add_all(c, false, out);
}

void config_template(struct buf *out)
{
	CLEANUP(config_free) struct config *c = NULL;
	if (config_parse("template", SV("rules: [/usr/local/share/vedette/rules]"), &c, NULL) == 0)
		add_all(c, true, out);
}
