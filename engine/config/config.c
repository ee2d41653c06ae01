/* SPDX-License-Identifier: Apache-2.0 */
/* Configuration by table. Unknown keys are errors; what is missing has its default. */
#include "engine/config/config.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/fd.h"
#include "engine/base/yaml.h"
#include "engine/config/protected.h"

static const struct config_option options[] = {
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
	sinks_config_done(&c->sinks);
	option_texts_done(&c->owned);
	free(c);
	*config = NULL;
}

static int set_option(struct config *c, const char *key, struct place at, const struct yaml_node *value, struct diag *diag)
{
	const struct option_into into = { c, &c->owned };
	if (strcmp(key, "sinks") == 0)
		return sinks_parse(value, &c->sinks, diag);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strcmp(options[i].key, key) == 0)
			return option_set(&into, &options[i], value, diag);
	return option_unknown(options, ARRAY_SIZE(options), at, key, diag);
}

/* `wal: off` is how people say `wal: {folder: ""}`: a section without its folder does nothing. */
static int switch_off(struct config *c, const char *section, const struct yaml_node *value, struct diag *diag)
{
	CLEANUP(buf_done) struct buf key = { 0 };
	struct yaml_node none = *value;
	none.text = SV("");
	buf_add_format(&key, "%s.folder", section);
	return buf_error(&key) ? -ENOMEM : set_option(c, buf_cstr(&key), value->at, &none, diag);
}

static bool has_folder(const char *section)
{
	size_t n = strlen(section);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strncmp(options[i].key, section, n) == 0 && strcmp(options[i].key + n, ".folder") == 0)
			return true;
	return false;
}

/* One level of maps: section.key. */
static int set_map(struct config *c, const char *section, const struct yaml_node *map, struct diag *diag)
{
	int worst = 0;
	for (const struct yaml_node *k = map->first; k; k = k->next->next) {
		CLEANUP(buf_done) struct buf key = { 0 };
		buf_add_format(&key, "%s%s" SV_FMT, section, section[0] ? "." : "", SV_ARG(k->text));
		int err;
		if (!section[0] && k->next->type == YAML_MAP && option_is_section(options, ARRAY_SIZE(options), buf_cstr(&key)))
			err = set_map(c, buf_cstr(&key), k->next, diag);
		else if (!section[0] && k->next->type == YAML_SCALAR && sv_is(k->next->text, "off") && has_folder(buf_cstr(&key)))
			err = switch_off(c, buf_cstr(&key), k->next, diag);
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
	for (size_t i = 0; i < c->rules.n; i++) {
		if (strcmp(c->rules.items[i], "-") != 0)
			continue;
		diag_error(diag, (struct place){ name, c->rules.at[i].line, c->rules.at[i].column },
			   "rules: '-' is standard input, which a reload cannot read again: name a file or a folder (./- is a file of that name)");
		return -EINVAL;
	}
	if (c->wal_folder[0] && !c->output_file[0]) {
		diag_error(diag, at, "output.file is empty: even without a file of that name it says where the public key goes; for no log at all add `wal: off`");
		return -EINVAL;
	}
	if (c->wal_folder[0] && !c->agent_folder[0]) {
		diag_error(diag, at, "agent: off: the write-ahead log goes on over restarts, and so must the agent that signs it: let both be, or add `wal: off`");
		return -EINVAL;
	}
	if (c->sinks.n && !c->wal_folder[0]) {
		diag_error(diag, at, "sinks: they read the write-ahead log, and that is off: take `wal: off` (or an empty wal.folder) away");
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

int config_wal_full(const struct config *c)
{
	static const char *const names[] = { "drop-lowest-severity", "drop-oldest", "block", "fail-closed" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(c->wal_full, names[i]) == 0)
			return (int)i;
	return -EINVAL;
}

int config_noise_floor(const struct config *c)
{
	static const char *const names[] = { "info", "low", "medium", "high", "critical" };
	int i = 0;
	while (i < (int)ARRAY_SIZE(names) && strcmp(c->noise_floor, names[i]) != 0)
		i++;
	return i;
}

int config_parse(const char *name, struct strview text, struct config **ret, struct diag *diag)
{
	CLEANUP(config_free) struct config *c = calloc(1, sizeof(*c));
	CLEANUP(yaml_tree_free) struct yaml_tree *tree = NULL;
	if (!c)
		return -ENOMEM;
	int err = yaml_parse(name, text, &tree, diag);
	for (size_t i = 0; !err && i < ARRAY_SIZE(options); i++)
		err = option_default(&(struct option_into){ c, &c->owned }, &options[i], diag);
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

size_t config_changes(const struct config *before, const struct config *now, struct place at, struct diag *diag)
{
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		CLEANUP(buf_done) struct buf old = { 0 };
		CLEANUP(buf_done) struct buf new = { 0 };
		if (strcmp(options[i].key, "rules") == 0)
			continue;
		option_add_value(before, &options[i], &old);
		option_add_value(now, &options[i], &new);
		if (sv_equal(buf_sv(&old), buf_sv(&new)))
			continue;
		n++;
		diag_warn(diag, at, "%s is %s now: that needs a restart, only the rules are loaded anew", options[i].key, buf_cstr(&new));
	}
	CLEANUP(buf_done) struct buf old = { 0 };
	CLEANUP(buf_done) struct buf new = { 0 };
	sinks_show(&before->sinks, &old);
	sinks_show(&now->sinks, &new);
	if (!sv_equal(buf_sv(&old), buf_sv(&new))) {
		n++;
		diag_warn(diag, at, "the sinks are others now: that needs a restart, only the rules are loaded anew");
	}
	return n;
}

/* Walks the table in order; a section's line comes before its first key. */
static void add_all(const struct config *c, bool with_docs, struct buf *out)
{
	char open[64] = "";
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct config_option *o = &options[i];
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
		option_add_value(c, o, out);
		buf_add_char(out, '\n');
	}
	sinks_show(&c->sinks, out);
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
	buf_add_z(out, "# where records of the write-ahead log go: files, syslog, the journal, HTTPS, OpenTelemetry, NATS; docs/sinks.md has the keys of each\n"
		       "# sinks:\n"
		       "#   - {name: local, type: file, path: /var/log/vedette/alerts.jsonl}\n"
		       "#   - {name: center, type: syslog, address: 'tls:logs.example.org:6514', filter: {severity: medium}}\n");
}
