/* SPDX-License-Identifier: Apache-2.0 */
/* Sinks by table: which keys each kind has, and what must be said. */
#include "engine/config/sinks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
#define SINK(kind, name, doc) IN_##kind = 1 << SINK_##kind,
#include "engine/config/sinks.def"
	IN_ALL = (1 << SINK_KINDS) - 1,
};

static const struct config_option options[] = {
#define SINK_OPTION(option_kinds, option_type, member, option_key, option_fallback, option_least, option_most, option_choices, option_doc) \
	{ .type = OPTION_##option_type, .key = (option_key), .fallback = (option_fallback), .doc = (option_doc), \
	  .offset = offsetof(struct sink_options, member), .least = (option_least), .most = (option_most), .choices = (option_choices), \
	  .kinds = (option_kinds) },
#include "engine/config/sinks.def"
};

static const char *const kind_names[] = {
#define SINK(kind, name, doc) name,
#include "engine/config/sinks.def"
};

const char *sink_kind_name(enum sink_kind kind)
{
	return kind_names[kind];
}

void sinks_config_done(struct sinks_config *sinks)
{
	free(sinks->sinks);
	option_texts_done(&sinks->owned);
	*sinks = (struct sinks_config){ 0 };
}

static int set_option(const struct option_into *into, enum sink_kind kind, const char *key, const struct yaml_node *k, struct diag *diag)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct config_option *o = &options[i];
		if (strcmp(o->key, key) != 0)
			continue;
		if (o->kinds >> kind & 1)
			return option_set(into, o, k->next, diag);
		diag_error(diag, k->at, "a sink of type %s has no '%s'", kind_names[kind], key);
		return -EINVAL;
	}
	return option_unknown(options, ARRAY_SIZE(options), k->at, key, diag);
}

/* One level of maps: section.key. */
static int set_map(const struct option_into *into, enum sink_kind kind, const char *section, const struct yaml_node *map, struct diag *diag)
{
	int worst = 0;
	for (const struct yaml_node *k = map->first; k; k = k->next->next) {
		CLEANUP(buf_done) struct buf key = { 0 };
		buf_add_format(&key, "%s%s" SV_FMT, section, section[0] ? "." : "", SV_ARG(k->text));
		int err;
		if (!section[0] && k->next->type == YAML_MAP && option_is_section(options, ARRAY_SIZE(options), buf_cstr(&key)))
			err = set_map(into, kind, buf_cstr(&key), k->next, diag);
		else
			err = set_option(into, kind, buf_cstr(&key), k, diag);
		worst = worst ? worst : err;
	}
	return worst;
}

static int find_kind(const struct yaml_node *map, enum sink_kind *ret, struct diag *diag)
{
	const struct yaml_node *type = yaml_get(map, "type");
	for (size_t i = 0; type && i < ARRAY_SIZE(kind_names); i++) {
		if (type->type == YAML_SCALAR && sv_is(type->text, kind_names[i])) {
			*ret = (enum sink_kind)i;
			return 0;
		}
	}
	if (!type)
		diag_error(diag, map->at, "a sink needs a type: file, stdout, syslog or journald");
	else if (type->type == YAML_SCALAR)
		diag_error(diag, type->at, "type: '" SV_FMT "' is not file, stdout, syslog or journald", SV_ARG(type->text));
	else
		diag_error(diag, type->at, "type: expected text, found %s", yaml_type_name(type->type));
	return -EINVAL;
}

static bool has_tls_keys(const struct sink_options *s)
{
	return s->tls_ca[0] || s->tls_cert[0] || s->tls_key[0] || s->tls_name[0];
}

/* The name is that of a file, too. */
static bool is_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
	return n > 0 && n <= SINK_NAME_MAX && name[n] == '\0';
}

static int check(const struct sinks_config *all, const struct sink_options *s, struct diag *diag)
{
	const char *wrong = NULL;
	if (!is_name(s->name))
		wrong = "a sink needs a name of letters, digits, - and _, at most 32";
	else if (s->kind == SINK_FILE && !s->path[0])
		wrong = "a sink of type file needs a path";
	else if (s->kind == SINK_SYSLOG && (s->tls_cert[0] != '\0') != (s->tls_key[0] != '\0'))
		wrong = "tls.cert and tls.key belong together: name both or none";
	else if (s->kind == SINK_SYSLOG && has_tls_keys(s) && !sv_starts(sv_from(s->address), SV("tls:")))
		wrong = "tls: its keys are for an address that begins with tls: alone; to this one records would go unencrypted";
	else if (s->retry_least > s->retry_most)
		wrong = "retry.least is more than retry.most";
	for (const struct sink_options *other = all->sinks; !wrong && other < s; other++)
		if (strcmp(other->name, s->name) == 0)
			wrong = "two sinks have the same name";
		else if (s->kind == SINK_FILE && other->kind == SINK_FILE && strcmp(other->path, s->path) == 0)
			wrong = "two sinks write the same file";
	if (wrong)
		diag_error(diag, s->at, "%s", wrong);
	return wrong ? -EINVAL : 0;
}

static int parse_sink(const struct yaml_node *map, struct sinks_config *all, struct diag *diag)
{
	struct sink_options *s = &all->sinks[all->n];
	const struct option_into into = { s, &all->owned };
	*s = (struct sink_options){ .at = map->at };
	if (map->type != YAML_MAP) {
		diag_error(diag, map->at, "a sink is a map of keys, not %s", yaml_type_name(map->type));
		return -EINVAL;
	}
	int err = find_kind(map, &s->kind, diag);
	for (size_t i = 0; !err && i < ARRAY_SIZE(options); i++)
		err = option_default(&into, &options[i], diag);
	if (!err)
		err = set_map(&into, s->kind, "", map, diag);
	if (!err)
		err = check(all, s, diag);
	s->at.file = NULL; /* the tree that owns it goes */
	all->n += err == 0;
	return err;
}

int sinks_parse(const struct yaml_node *list, struct sinks_config *ret, struct diag *diag)
{
	int worst = 0;
	if (list->type != YAML_LIST) {
		diag_error(diag, list->at, "sinks: expected a list, found %s", yaml_type_name(list->type));
		return -EINVAL;
	}
	if (list->n > SINKS_MAX) {
		diag_error(diag, list->at, "sinks: %zu of them, at most %d can be", list->n, SINKS_MAX);
		return -E2BIG;
	}
	sinks_config_done(ret);
	ret->sinks = calloc(SINKS_MAX, sizeof(*ret->sinks));
	if (!ret->sinks)
		return -ENOMEM;
	for (const struct yaml_node *item = list->first; item; item = item->next) {
		int err = parse_sink(item, ret, diag);
		worst = worst ? worst : err;
	}
	return worst;
}

int sinks_one_file(const char *path, struct sinks_config *ret, struct diag *diag)
{
	int err = 0;
	sinks_config_done(ret);
	ret->sinks = calloc(1, sizeof(*ret->sinks));
	if (!ret->sinks)
		return -ENOMEM;
	ret->n = 1;
	for (size_t i = 0; !err && i < ARRAY_SIZE(options); i++)
		err = option_default(&(struct option_into){ ret->sinks, &ret->owned }, &options[i], diag);
	ret->sinks->kind = SINK_FILE;
	ret->sinks->name = "output";
	ret->sinks->path = path;
	ret->sinks->rotate_size = 0;
	return err;
}

void sinks_show(const struct sinks_config *sinks, struct buf *out)
{
	if (sinks->n)
		buf_add_z(out, "sinks:\n");
	for (size_t i = 0; i < sinks->n; i++) {
		const char *indent = "  - ";
		for (size_t k = 0; k < ARRAY_SIZE(options); k++) {
			const struct config_option *o = &options[k];
			const char *dot = strchr(o->key, '.');
			if (!(o->kinds >> sinks->sinks[i].kind & 1))
				continue;
			bool opens = dot && (k == 0 || strncmp(options[k - 1].key, o->key, (size_t)(dot - o->key) + 1) != 0);
			if (opens)
				buf_add_format(out, "%s%.*s:\n", indent, (int)(dot - o->key), o->key);
			buf_add_format(out, "%s%s: ", dot ? "      " : indent, dot ? dot + 1 : o->key);
			option_add_value(&sinks->sinks[i], o, out);
			buf_add_char(out, '\n');
			indent = "    ";
		}
	}
}
