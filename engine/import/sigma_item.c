/* SPDX-License-Identifier: Apache-2.0 */
/* A key of a selection: a field with its modifiers. */
#include <errno.h>
#include <stdio.h>

#include "engine/import/sigma.h"

enum modifier_kind { KIND_OF_MATCH, KIND_OF_ENCODING, KIND_OF_FLAG, KIND_OF_RE_FLAG, KIND_OF_NOTHING };

enum flag { FLAG_ALL, FLAG_CASED, FLAG_NEQ, FLAG_FIELDREF, FLAG_I, FLAG_M, FLAG_S };

static const struct {
	const char *name;
	enum modifier_kind kind;
	int id;          /* enum sigma_match, sigma_encoding, flag */
	const char *why; /* KIND_OF_NOTHING: why there is nothing to do with it */
} modifiers[] = {
	{ "contains", KIND_OF_MATCH, SIGMA_CONTAINS, NULL },
	{ "startswith", KIND_OF_MATCH, SIGMA_STARTSWITH, NULL },
	{ "endswith", KIND_OF_MATCH, SIGMA_ENDSWITH, NULL },
	{ "re", KIND_OF_MATCH, SIGMA_RE, NULL },
	{ "cidr", KIND_OF_MATCH, SIGMA_CIDR, NULL },
	{ "exists", KIND_OF_MATCH, SIGMA_EXISTS, NULL },
	{ "lt", KIND_OF_MATCH, SIGMA_LT, NULL },
	{ "lte", KIND_OF_MATCH, SIGMA_LTE, NULL },
	{ "gt", KIND_OF_MATCH, SIGMA_GT, NULL },
	{ "gte", KIND_OF_MATCH, SIGMA_GTE, NULL },
	{ "windash", KIND_OF_ENCODING, SIGMA_WINDASH, NULL },
	{ "expand", KIND_OF_ENCODING, SIGMA_EXPAND, NULL },
	{ "base64", KIND_OF_ENCODING, SIGMA_BASE64, NULL },
	{ "base64offset", KIND_OF_ENCODING, SIGMA_BASE64OFFSET, NULL },
	{ "utf16le", KIND_OF_ENCODING, SIGMA_UTF16LE, NULL },
	{ "wide", KIND_OF_ENCODING, SIGMA_UTF16LE, NULL },
	{ "utf16be", KIND_OF_ENCODING, SIGMA_UTF16BE, NULL },
	{ "utf16", KIND_OF_ENCODING, SIGMA_UTF16, NULL },
	{ "all", KIND_OF_FLAG, FLAG_ALL, NULL },
	{ "cased", KIND_OF_FLAG, FLAG_CASED, NULL },
	{ "neq", KIND_OF_FLAG, FLAG_NEQ, NULL },
	{ "fieldref", KIND_OF_FLAG, FLAG_FIELDREF, NULL },
	{ "i", KIND_OF_RE_FLAG, FLAG_I, NULL },
	{ "m", KIND_OF_RE_FLAG, FLAG_M, NULL },
	{ "s", KIND_OF_RE_FLAG, FLAG_S, NULL },
	{ "minute", KIND_OF_NOTHING, 0, "parts of dates are not compared" },
	{ "hour", KIND_OF_NOTHING, 0, "parts of dates are not compared" },
	{ "day", KIND_OF_NOTHING, 0, "parts of dates are not compared" },
	{ "week", KIND_OF_NOTHING, 0, "parts of dates are not compared" },
	{ "month", KIND_OF_NOTHING, 0, "parts of dates are not compared" },
	{ "year", KIND_OF_NOTHING, 0, "parts of dates are not compared" },
};

struct item_reader {
	struct compiler *c;
	struct sigma_item *item;
	struct strview match; /* the modifier that set item->match; n 0: none did */
};

/* "modifier 'x' does ..." */
static int refuse(struct item_reader *r, struct strview modifier, const char *why, const char *rest)
{
	char quoted[80];
	diag_error(r->c->diag, r->item->at, "modifier %s %s%s", diag_quote(modifier, quoted, sizeof(quoted)), why, rest);
	return -EINVAL;
}

static int set_match(struct item_reader *r, struct strview name, enum sigma_match match)
{
	char other[80];
	if (r->match.n)
		return refuse(r, name, "does not go together with ", diag_quote(r->match, other, sizeof(other)));
	r->match = name;
	r->item->match = match;
	return 0;
}

static int add_encoding(struct item_reader *r, struct strview name, enum sigma_encoding encoding)
{
	if (r->item->n_encodings == SIGMA_MAX_MODIFIERS)
		return refuse(r, name, "is one too many of its kind (8 at most)", "");
	r->item->encodings[r->item->n_encodings++] = encoding;
	return 0;
}

static void set_flag(struct sigma_item *item, enum flag flag)
{
	bool *const flags[] = {
		[FLAG_ALL] = &item->all, [FLAG_CASED] = &item->cased, [FLAG_NEQ] = &item->neq, [FLAG_FIELDREF] = &item->fieldref,
		[FLAG_I] = &item->re_i,  [FLAG_M] = &item->re_m,      [FLAG_S] = &item->re_s,
	};
	*flags[flag] = true;
}

static int add_modifier(struct item_reader *r, struct strview name)
{
	const char *names[ARRAY_SIZE(modifiers)];
	size_t i = 0;
	for (; i < ARRAY_SIZE(modifiers) && !sv_is(name, modifiers[i].name); i++)
		names[i] = modifiers[i].name;
	if (i == ARRAY_SIZE(modifiers)) {
		const char *near = diag_suggest(name, names, ARRAY_SIZE(names));
		char rest[80] = "";
		if (near)
			snprintf(rest, sizeof(rest), " (did you mean '%s'?)", near);
		return refuse(r, name, "is unknown", rest);
	}
	switch (modifiers[i].kind) {
	case KIND_OF_MATCH:
		return set_match(r, name, (enum sigma_match)modifiers[i].id);
	case KIND_OF_ENCODING:
		return add_encoding(r, name, (enum sigma_encoding)modifiers[i].id);
	case KIND_OF_NOTHING:
		return refuse(r, name, "is not supported: ", modifiers[i].why);
	case KIND_OF_RE_FLAG:
		if (r->item->match != SIGMA_RE)
			return refuse(r, name, "stands behind 're' only", "");
		break;
	case KIND_OF_FLAG:
		break;
	}
	set_flag(r->item, (enum flag)modifiers[i].id);
	return 0;
}

/* Modifiers that make no sense together, each with its reason. */
static int check(struct item_reader *r)
{
	const struct sigma_item *item = r->item;
	bool is_text = item->match == SIGMA_EQUALS || item->match == SIGMA_CONTAINS || item->match == SIGMA_STARTSWITH || item->match == SIGMA_ENDSWITH;
	if (item->n_encodings && !is_text && item->encodings[0] != SIGMA_EXPAND)
		return refuse(r, r->match, "compares no text that could be encoded", "");
	if (item->fieldref && !is_text)
		return refuse(r, r->match, "does not compare with another field", "");
	if (item->fieldref && item->n_encodings)
		return refuse(r, SV("fieldref"), "names a field, which is not encoded", "");
	if (item->match == SIGMA_EXISTS && (item->neq || item->all || item->cased))
		return refuse(r, r->match, "stands alone", "");
	if (item->field.n == 0 && !is_text && item->match != SIGMA_RE)
		return refuse(r, r->match, "needs a field before it", "");
	if (item->field.n == 0 && (item->fieldref || item->neq))
		return refuse(r, item->neq ? SV("neq") : SV("fieldref"), "needs a field before it", "");
	return 0;
}

int sigma_item_read(struct compiler *c, const struct yaml_node *key, struct sigma_item *ret)
{
	struct sigma_item item = { .at = key->at };
	struct item_reader r = { .c = c, .item = &item };
	struct strview rest = key->text;
	for (bool is_first = true;; is_first = false) {
		const char *bar = rest.n ? memchr(rest.p, '|', rest.n) : NULL;
		struct strview part = { rest.p, bar ? (size_t)(bar - rest.p) : rest.n };
		if (is_first)
			item.field = part;
		else if (add_modifier(&r, part))
			return -EINVAL;
		if (!bar)
			break;
		rest = sv_from_index(rest, part.n + 1);
	}
	if (check(&r))
		return -EINVAL;
	if (item.field.n == 0 && item.match == SIGMA_EQUALS)
		item.match = SIGMA_CONTAINS; /* words are looked for, they are never the whole */
	*ret = item;
	return 0;
}
