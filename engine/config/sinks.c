/* SPDX-License-Identifier: Apache-2.0 */
/* Sinks by table: which keys each kind has, and what must be said. */
#include "engine/config/sinks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "engine/config/sinks_check.h"

enum {
#define SINK(kind, name, doc) IN_##kind = 1 << SINK_##kind,
#include "engine/config/sinks.def"
	IN_HTTP = IN_WEBHOOK | IN_OTLP,
	IN_TLS = IN_SYSLOG | IN_HTTP | IN_NATS,
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

size_t sink_secret_files(const struct sink_options *s, const char *ret[static SINK_SECRETS])
{
	const char *const all[SINK_SECRETS] = { s->url_file, s->auth_token, s->auth_basic, s->auth_creds, s->sign_hmac, s->sign_ed25519 };
	size_t n = 0;
	for (size_t i = 0; i < SINK_SECRETS; i++)
		if (all[i][0])
			ret[n++] = all[i];
	return n;
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

#define KINDS "file, stdout, syslog, journald, webhook, otlp or nats"

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
		diag_error(diag, map->at, "a sink needs a type: " KINDS);
	else if (type->type == YAML_SCALAR)
		diag_error(diag, type->at, "type: '" SV_FMT "' is not " KINDS, SV_ARG(type->text));
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

/* Alerts for people: nobody wants a heartbeat there. */
static bool is_for_people(const struct sink_options *s)
{
	return s->kind == SINK_WEBHOOK && (strcmp(s->template, "slack") == 0 || strcmp(s->template, "teams") == 0 || strcmp(s->template, "pagerduty") == 0);
}

static bool is_plain_text(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 32 || *text == 127)
			return false;
	return true;
}

/* NAME: VALUE, and none that we make ourselves. */
static bool is_header(const char *text)
{
	static const char *const ours[] = { "authorization", "content-", "host", "transfer-encoding", "webhook-", "expect", "connection" };
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
	bool is_good = n > 0 && text[n] == ':' && is_plain_text(text);
	for (size_t i = 0; i < ARRAY_SIZE(ours) && is_good; i++)
		is_good = strncasecmp(text, ours[i], strlen(ours[i])) != 0;
	return is_good;
}

const char *sink_url_fault(const struct sink_options *s, const char *url)
{
	struct strview rest = sv_from(url);
	if (sv_starts(rest, SV("https://")))
		rest = sv_from_index(rest, 8);
	else if (!sv_starts(rest, SV("http://")))
		return "the url must begin with https://";
	else if (s->proxy[0])
		return "the url is http: a proxy would send records on without encryption, and nobody knows where to: use https";
	else if (!s->allow_private)
		return "the url is http: without encryption records go to a private address alone: say allow_private, or use https";
	else
		rest = sv_from_index(rest, 7);
	size_t host = strcspn(rest.p, "/?#");
	if (host == 0 || !is_plain_text(url) || strchr(url, ' '))
		return "the url is none: https://HOST[:PORT]/PATH";
	if (memchr(rest.p, '@', host))
		return "the url holds a user: secrets come from files, see auth.basic and auth.token";
	return sink_authority_fault((struct strview){ rest.p, host }) ? "the url is none: https://HOST[:PORT]/PATH, with a port from 1 to 65535, an IPv6 address in brackets" : NULL;
}

/* Of what stands behind the scheme. */
static const char *authority_fault(struct strview rest)
{
	return sink_authority_fault((struct strview){ rest.p, strcspn(rest.p, "/?#") });
}

static const char *check_http(const struct sink_options *s)
{
	if ((s->url[0] != '\0') == (s->url_file[0] != '\0'))
		return "a sink over HTTP needs a url, or a url_file: one of them";
	const char *wrong = s->url[0] ? sink_url_fault(s, s->url) : NULL;
	for (size_t i = 0; i < s->headers.n && !wrong; i++)
		if (!is_header(s->headers.items[i]))
			wrong = "headers: each is 'NAME: VALUE', and none that Vedette makes itself (Authorization, Content-*, Host, Webhook-*)";
	if (wrong)
		return wrong;
	if (s->auth_scheme[strspn(s->auth_scheme, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")] != '\0')
		return "auth.scheme is one word, as Bearer or ApiKey";
	struct strview proxy = sv_from(s->proxy);
	if (proxy.n && (!sv_starts(proxy, SV("http://")) || strchr(s->proxy, '@') || authority_fault(sv_from_index(proxy, 7))))
		return "proxy is http://HOST:PORT, without a user, with a port from 1 to 65535";
	if (is_for_people(s) && s->own)
		return "this template is for alerts alone: say filter: {own: false}";
	bool is_pagerduty = s->kind == SINK_WEBHOOK && strcmp(s->template, "pagerduty") == 0;
	if (is_pagerduty && !s->auth_token[0])
		return "template pagerduty needs auth.token, the file of the routing key";
	if (is_pagerduty && s->gzip)
		return "gzip: not with template pagerduty, whose routing key is in the body: compressing would leave it in memory that is not wiped";
	if (is_pagerduty && s->sign_ed25519[0])
		return "sign.ed25519: not with template pagerduty, whose routing key is in the body: signing would copy it to memory that is not wiped";
	return NULL;
}

/* Subjects are tokens with dots between them; no wildcards, no blanks. */
static bool is_subject(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
	return n > 0 && text[n] == '\0' && text[0] != '.' && text[n - 1] != '.' && !strstr(text, "..");
}

/* What is wrong with a server; NULL: nothing. */
static const char *server_fault(const struct sink_options *s, const char *server)
{
	struct strview text = sv_from(server);
	bool is_plain = sv_starts(text, SV("nats://"));
	bool has_secret = s->auth_token[0] || s->auth_basic[0] || s->auth_creds[0];
	if ((!sv_starts(text, SV("tls://")) && !is_plain) || strchr(server, '@'))
		return "servers: each is nats://HOST:PORT or tls://HOST:PORT, without a user";
	struct strview rest = sv_from_index(text, is_plain ? 7 : 6);
	if (authority_fault(rest))
		return "servers: each is nats://HOST:PORT or tls://HOST:PORT, with a port from 1 to 65535, an IPv6 address in brackets";
	if (is_plain && has_secret && !sink_is_loopback((struct strview){ rest.p, strcspn(rest.p, "/?#") }))
		return "servers: to a nats:// server beyond this host the secret of auth would go without encryption: use tls://";
	return NULL;
}

static const char *check_nats(const struct sink_options *s, struct place *at)
{
	bool is_encrypted = false, is_plain = false;
	for (size_t i = 0; i < s->servers.n; i++) {
		const char *wrong = server_fault(s, s->servers.items[i]);
		is_encrypted |= s->servers.items[i][0] == 't';
		is_plain |= s->servers.items[i][0] == 'n';
		if (wrong) {
			at->line = s->servers.at[i].line;
			at->column = s->servers.at[i].column;
			return wrong;
		}
	}
	if (s->servers.n == 0)
		return "a sink of type nats needs servers";
	if (is_encrypted && is_plain)
		return "servers: either all begin with tls:// or none";
	if (!is_encrypted && (s->tls_ca[0] || s->tls_cert[0] || s->tls_key[0]))
		return "tls: its keys are for servers that begin with tls:// alone; to these records would go unencrypted";
	if (!is_subject(s->subject) || !is_subject(s->tenant) || strchr(s->tenant, '.'))
		return "subject and tenant are made of letters, digits, - and _, the subject also of dots";
	return NULL;
}

static const char *check_kind(const struct sink_options *s, struct place *at)
{
	bool is_net = s->kind == SINK_WEBHOOK || s->kind == SINK_OTLP || s->kind == SINK_NATS;
	if (s->kind == SINK_FILE && !s->path[0])
		return "a sink of type file needs a path";
	if (s->kind == SINK_FILE && s->path[0] != '/')
		return "path: a whole path is expected (/...): the daemon's folder at its next start may be another one";
	if ((s->kind == SINK_SYSLOG || is_net) && (s->tls_cert[0] != '\0') != (s->tls_key[0] != '\0'))
		return "tls.cert and tls.key belong together: name both or none";
	if (s->kind == SINK_SYSLOG && has_tls_keys(s) && !sv_starts(sv_from(s->address), SV("tls:")))
		return "tls: its keys are for an address that begins with tls: alone; to this one records would go unencrypted";
	if (is_net && (s->auth_token[0] != '\0') + (s->auth_basic[0] != '\0') + (s->auth_creds[0] != '\0') > 1)
		return "auth: one way is enough: token, basic or creds";
	if (s->kind == SINK_NATS)
		return check_nats(s, at);
	return is_net ? check_http(s) : NULL;
}

/* A secret that stands in the place of its file's name is not repeated. */
static const char *secret_fault(const struct sink_options *s)
{
	const struct {
		const char *path, *says;
	} rows[] = {
		{ s->url_file, "url_file is the name of a file with its whole path (/...), not the url itself" },
		{ s->auth_token, "auth.token is the name of a file with its whole path (/...), not the token itself" },
		{ s->auth_basic, "auth.basic is the name of a file with its whole path (/...), not USER:PASSWORD itself" },
		{ s->auth_creds, "auth.creds is the name of a file with its whole path (/...)" },
		{ s->sign_hmac, "sign.hmac is the name of a file with its whole path (/...), not the key itself" },
		{ s->sign_ed25519, "sign.ed25519 is the name of a file with its whole path (/...), not the key itself" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].path[0] && rows[i].path[0] != '/') /* "": none; of kinds that have no such key, too */
			return rows[i].says;
	return NULL;
}

static const char *meets_other(const struct sink_options *s, const struct sink_options *other)
{
	if (strcmp(other->name, s->name) == 0)
		return "two sinks have the same name";
	if (s->kind != SINK_FILE || other->kind != SINK_FILE)
		return NULL;
	bool is_of_other = sink_paths_meet(s->path, other->path), is_others = sink_paths_meet(other->path, s->path);
	if (is_of_other && is_others)
		return "two sinks write the same file";
	return is_of_other || is_others ? "the file of a sink is one that another sink's is rotated to: give it another name" : NULL;
}

static int check(const struct sinks_config *all, const struct sink_options *s, struct diag *diag)
{
	struct place at = s->at;
	const char *wrong = NULL;
	if (!is_name(s->name))
		wrong = "a sink needs a name of letters, digits, - and _, at most 32";
	else if (s->retry_least > s->retry_most)
		wrong = "retry.least is more than retry.most";
	else
		wrong = check_kind(s, &at);
	if (!wrong)
		wrong = secret_fault(s);
	for (const struct sink_options *other = all->sinks; !wrong && other < s; other++)
		wrong = meets_other(s, other);
	if (wrong)
		diag_error(diag, at, "%s", wrong);
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
	s->at.file = map->at.file ? option_keep(&all->owned, sv_from(map->at.file)) : NULL; /* the tree that owns it goes */
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
	ret->sinks->kind = strcmp(path, "-") == 0 ? SINK_STDOUT : SINK_FILE;
	ret->sinks->name = "output";
	ret->sinks->path = path;
	ret->sinks->rotate_size = 0;
	ret->sinks->keep = 9999; /* another agent's lines begin the next file: none of those before goes */
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
