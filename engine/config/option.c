/* SPDX-License-Identifier: Apache-2.0 */
/* One option of a table: from its text to a member of a struct, and back. */
#include "engine/config/option.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/num.h"
#include "engine/config/listen.h"

void option_texts_done(struct option_texts *texts)
{
	for (size_t i = 0; i < texts->n; i++)
		free(texts->items[i]);
	free(texts->items);
	*texts = (struct option_texts){ 0 };
}

const char *option_keep(struct option_texts *texts, struct strview text)
{
	char **owned = realloc(texts->items, (texts->n + 1) * sizeof(*owned));
	if (!owned)
		return NULL;
	texts->items = owned;
	char *copy = strndup(text.n ? text.p : "", text.n);
	if (copy)
		texts->items[texts->n++] = copy;
	return copy;
}

static int bad_value(const struct config_option *o, struct place at, struct strview text, const char *wants, struct diag *diag)
{
	char quoted[128];
	diag_error(diag, at, "%s: %s is not %s", o->key, diag_quote(text, quoted, sizeof(quoted)), wants);
	return -EINVAL;
}

/* In the largest unit that leaves no fraction: whoever reads a printed configuration should not have to count zeros. */
static void add_number(struct buf *out, enum option_type type, uint64_t v)
{
	static const struct unit {
		uint64_t worth;
		const char *name;
	} sizes[] = { { 1 << 30, "GiB" }, { 1 << 20, "MiB" }, { 1 << 10, "KiB" }, { 1, "" } },
	  times[] = { { 3600000000000, "h" }, { 60000000000, "m" }, { 1000000000, "s" }, { 1000000, "ms" }, { 1000, "us" }, { 1, "ns" } },
	  counts[] = { { 1, "" } };
	const struct unit *u = type == OPTION_COUNT ? counts : type == OPTION_TIME ? times : sizes;
	if (v == 0 && type == OPTION_TIME)
		u = &times[2];
	else if (v == 0)
		u = counts;
	while (v % u->worth)
		u++;
	buf_add_u64(out, v / u->worth);
	buf_add_z(out, u->name);
}

static int set_number(void *base, const struct config_option *o, struct place at, struct strview text, struct diag *diag)
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
		CLEANUP(buf_done) struct buf range = { 0 };
		buf_add_z(&range, "between ");
		add_number(&range, o->type, o->least);
		buf_add_z(&range, " and ");
		add_number(&range, o->type, o->most);
		return bad_value(o, at, text, buf_cstr(&range), diag);
	}
	if (o->type == OPTION_POWER && (v & (v - 1)))
		return bad_value(o, at, text, "a power of two", diag);
	*(uint64_t *)(void *)((char *)base + o->offset) = v;
	return 0;
}

static int check_listen(const struct config_option *o, struct place at, struct strview text, struct diag *diag)
{
	CLEANUP(buf_done) struct buf copy = { 0 };
	struct listen_address address;
	const char *why = "";
	buf_add_sv(&copy, text);
	if (buf_error(&copy))
		return -ENOMEM;
	if (listen_parse(buf_cstr(&copy), &address, &why) == 0)
		return 0;
	diag_error(diag, at, "%s: %s", o->key, why);
	return -EINVAL;
}

/* Of the texts that stand for one of a few, or must not be just any. */
static int check_choice(const struct config_option *o, struct place at, struct strview text, struct diag *diag)
{
	static const struct {
		const char *key, *wants, *values[7];
	} rows[] = {
		{ "sensor", "auto, lsm or tracepoint", { "auto", "lsm", "tracepoint", NULL } },
		{ "noise.floor", "info, low, medium, high, critical or none", { "info", "low", "medium", "high", "critical", "none", NULL } },
		{ "enforcement.on_exit", "release or keep", { "release", "keep", NULL } },
		{ "wal.full", "drop-lowest-severity, drop-oldest, block or fail-closed", { "drop-lowest-severity", "drop-oldest", "block", "fail-closed", NULL } },
	};
	if (strcmp(o->key, "policy.folder") == 0 && text.n && text.p[0] != '/')
		return bad_value(o, at, text, "a whole path: the daemon's folder at its next start may be another one", diag);
	if (strcmp(o->key, "metrics.listen") == 0 && text.n)
		return check_listen(o, at, text, diag);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool is_known = strcmp(rows[i].key, o->key) != 0;
		for (size_t v = 0; rows[i].values[v]; v++)
			is_known |= sv_is(text, rows[i].values[v]);
		if (!is_known)
			return bad_value(o, at, text, rows[i].wants, diag);
	}
	return 0;
}

/* Words with a comma and a blank between them. */
static bool is_choice(const char *choices, struct strview text)
{
	for (const char *p = choices; *p;) {
		size_t n = strcspn(p, ",");
		if (sv_equal((struct strview){ p, n }, text))
			return true;
		p += n + strspn(p + n, ", ");
	}
	return false;
}

static int set_scalar(const struct option_into *into, const struct config_option *o, struct place at, struct strview text, struct diag *diag)
{
	char *member = (char *)into->base + o->offset;
	if (memchr(text.n ? text.p : "", 0, text.n))
		return bad_value(o, at, text, "text without NUL bytes", diag);
	if (o->type == OPTION_BOOL) {
		if (!sv_is(text, "true") && !sv_is(text, "false"))
			return bad_value(o, at, text, "true or false", diag);
		*(bool *)member = sv_is(text, "true");
		return 0;
	}
	if (o->type == OPTION_CHOICE && !is_choice(o->choices, text)) {
		char wants[160];
		snprintf(wants, sizeof(wants), "one of %s", o->choices);
		return bad_value(o, at, text, wants, diag);
	}
	if (o->type != OPTION_TEXT && o->type != OPTION_CHOICE)
		return set_number(into->base, o, at, text, diag);
	int err = o->type == OPTION_TEXT ? check_choice(o, at, text, diag) : 0;
	if (err)
		return err;
	const char *copy = option_keep(into->texts, text);
	if (!copy)
		return -ENOMEM;
	*(const char **)(void *)member = copy;
	return 0;
}

static int add_word(const struct option_into *into, const struct config_option *o, struct place at, struct strview text, struct diag *diag)
{
	config_WORDS *words = (void *)((char *)into->base + o->offset);
	if (text.n && memchr(text.p, 0, text.n))
		return bad_value(o, at, text, "text without NUL bytes", diag);
	if (words->n == CONFIG_MAX_WORDS) {
		diag_error(diag, at, "%s: more than %d items", o->key, CONFIG_MAX_WORDS);
		return -E2BIG;
	}
	const char *copy = option_keep(into->texts, text);
	if (!copy)
		return -ENOMEM;
	words->at[words->n] = (struct config_at){ at.line, at.column };
	words->items[words->n++] = copy;
	return 0;
}

static int set_words(const struct option_into *into, const struct config_option *o, const struct yaml_node *node, struct diag *diag)
{
	*(config_WORDS *)(void *)((char *)into->base + o->offset) = (config_WORDS){ 0 };
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		if (item->type != YAML_SCALAR) {
			diag_error(diag, item->at, "%s: an item must be text, not %s", o->key, yaml_type_name(item->type));
			return -EINVAL;
		}
		int err = add_word(into, o, item->at, item->text, diag);
		if (err)
			return err;
	}
	return 0;
}

int option_default(const struct option_into *into, const struct config_option *o, struct diag *diag)
{
	struct place at = { .file = "default" };
	if (o->type != OPTION_WORDS)
		return set_scalar(into, o, at, sv_from(o->fallback), diag);
	for (const char *p = o->fallback; *p;) {
		size_t n = strcspn(p, " ");
		int err = add_word(into, o, at, (struct strview){ p, n }, diag);
		if (err)
			return err;
		p += n + (p[n] == ' ');
	}
	return 0;
}

int option_set(const struct option_into *into, const struct config_option *o, const struct yaml_node *value, struct diag *diag)
{
	enum yaml_type wants = o->type == OPTION_WORDS ? YAML_LIST : YAML_SCALAR;
	if (value->type != wants) {
		diag_error(diag, value->at, "%s: expected %s, found %s", o->key, yaml_type_name(wants), yaml_type_name(value->type));
		return -EINVAL;
	}
	return wants == YAML_LIST ? set_words(into, o, value, diag) : set_scalar(into, o, value->at, value->text, diag);
}

bool option_is_section(const struct config_option *options, size_t n_options, const char *key)
{
	size_t n = strlen(key);
	for (size_t i = 0; i < n_options; i++)
		if (strncmp(options[i].key, key, n) == 0 && options[i].key[n] == '.')
			return true;
	return false;
}

int option_unknown(const struct config_option *options, size_t n, struct place at, const char *key, struct diag *diag)
{
	const char *names[OPTIONS_MAX];
	n = MIN(n, (size_t)OPTIONS_MAX);
	for (size_t i = 0; i < n; i++)
		names[i] = options[i].key;
	if (option_is_section(options, n, key)) {
		diag_error(diag, at, "%s: is a section: its keys stand below it, indented", key);
		return -EINVAL;
	}
	const char *near = diag_suggest(sv_from(key), names, n);
	diag_error(diag, at, near ? "unknown key '%s' (did you mean '%s'?)" : "unknown key '%s'", key, near);
	return -EINVAL;
}

/* --- back to text --------------------------------------------------------------------------------------------------------- */

/* What YAML has no way to write but between double quotes: how it is written there, and in *ret_n the bytes it is. NULL: it is another character. */
static const char *escape_of(const char *text, char hex[static 5], size_t *ret_n)
{
	static const struct {
		const char *text, *escape;
	} others[] = {
		{ "\xc2\x85", "\\N" }, { "\xe2\x80\xa8", "\\L" }, { "\xe2\x80\xa9", "\\P" }, /* YAML folds them, as it does line feeds */
		{ "\xef\xbb\xbf", "\\uFEFF" }, { "\xef\xbf\xbe", "\\uFFFE" }, { "\xef\xbf\xbf", "\\uFFFF" }, /* and refuses these, as those of C1 */
	};
	unsigned char c = (unsigned char)*text;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		*ret_n = strlen(others[i].text);
		if (strncmp(text, others[i].text, *ret_n) == 0)
			return others[i].escape;
	}
	if (c == 0xc2 && (unsigned char)text[1] >= 0x80 && (unsigned char)text[1] < 0xa0) {
		*ret_n = 2;
		(void)snprintf(hex, 5, "\\x%02x", (unsigned char)text[1]);
		return hex;
	}
	*ret_n = 1;
	(void)snprintf(hex, 5, "\\x%02x", c);
	return c < ' ' || c == 0x7f ? hex : NULL;
}

static bool needs_escapes(const char *text)
{
	char hex[5];
	size_t n;
	while (*text && !escape_of(text, hex, &n))
		text++;
	return *text != '\0';
}

static void add_escaped(struct buf *out, const char *text)
{
	buf_add_char(out, '"');
	for (size_t n = 1; *text; text += n) {
		char hex[5];
		const char *escape = escape_of(text, hex, &n);
		if (escape)
			buf_add_z(out, escape);
		else
			buf_add_format(out, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
	}
	buf_add_char(out, '"');
}

static void add_text(struct buf *out, const char *text)
{
	if (needs_escapes(text)) {
		add_escaped(out, text);
		return;
	}
	buf_add_char(out, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			buf_add_char(out, '\'');
		buf_add_char(out, *text);
	}
	buf_add_char(out, '\'');
}

void option_add_value(const void *base, const struct config_option *o, struct buf *out)
{
	const char *member = (const char *)base + o->offset;
	uint64_t v = 0;
	switch (o->type) {
	case OPTION_BOOL:
		buf_add_z(out, *(const bool *)member ? "true" : "false");
		break;
	case OPTION_TEXT:
	case OPTION_CHOICE:
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
		add_number(out, o->type, v);
		break;
	}
}
