/* SPDX-License-Identifier: Apache-2.0 */
/* Values of selections: escapes and wildcards taken apart, encodings applied, an operator found for what is left. */
#include <errno.h>
#include <stdlib.h>

#include "engine/import/sigma.h"

void sigma_patterns_done(struct sigma_patterns *list)
{
	free(list->p);
	*list = (struct sigma_patterns){ 0 };
}

static int add_pattern(struct sigma_patterns *list, enum op_id op, struct strview text)
{
	if (list->n == list->size) {
		size_t size = list->size ? 2 * list->size : 4;
		struct sigma_pattern *bigger = realloc(list->p, size * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		list->p = bigger;
		list->size = size;
	}
	list->p[list->n++] = (struct sigma_pattern){ op, text };
	return 0;
}

bool sigma_is_word(struct strview word, const char *name)
{
	if (word.n != strlen(name))
		return false;
	for (size_t i = 0; i < word.n; i++) {
		char c = word.p[i];
		if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != name[i])
			return false;
	}
	return true;
}

bool sigma_is_null(const struct yaml_node *node)
{
	if (node->type != YAML_SCALAR || node->is_quoted)
		return false;
	return node->text.n == 0 || sv_is(node->text, "~") || sv_is(node->text, "null") || sv_is(node->text, "Null") || sv_is(node->text, "NULL");
}

/* --- wildcards --------------------------------------------------------------------------------------------------------------- */

/* One byte of a value, or a wildcard. */
struct piece {
	char byte;
	bool is_wildcard; /* byte is then '*' or '?' */
};

/* A backslash takes away the meaning of a wildcard or of a backslash behind it; before all else it is itself. */
static struct piece take_piece(struct strview text, size_t *at)
{
	char c = text.p[(*at)++];
	if (c == '\\' && *at < text.n && (text.p[*at] == '\\' || text.p[*at] == '*' || text.p[*at] == '?'))
		return (struct piece){ text.p[(*at)++], false };
	return (struct piece){ c, c == '*' || c == '?' };
}

/* The value without escapes; has_wildcards says whether some were left as they are. */
static int unescape(struct arena *arena, struct strview text, struct strview *ret, bool *ret_wildcards)
{
	char *plain = arena_alloc(arena, text.n + 1);
	size_t n = 0;
	bool has_wildcards = false;
	if (!plain)
		return -ENOMEM;
	for (size_t at = 0; at < text.n;) {
		struct piece p = take_piece(text, &at);
		plain[n++] = p.byte;
		has_wildcards |= p.is_wildcard;
	}
	*ret = (struct strview){ plain, n };
	*ret_wildcards = has_wildcards;
	return 0;
}

/* A value between its open ends, without the stars that stand there. */
struct shape {
	struct piece *p; /* in the arena */
	size_t n;
	bool is_open_begin, is_open_end, has_wildcards;
};

static int shape_read(struct arena *arena, enum sigma_match match, struct strview text, bool is_literal, struct shape *ret)
{
	struct shape s = { .p = arena_alloc(arena, (text.n + 1) * sizeof(struct piece)) };
	if (!s.p)
		return -ENOMEM;
	s.is_open_begin = match == SIGMA_CONTAINS || match == SIGMA_ENDSWITH;
	s.is_open_end = match == SIGMA_CONTAINS || match == SIGMA_STARTSWITH;
	for (size_t at = 0; at < text.n;) {
		struct piece p = is_literal ? (struct piece){ text.p[at++], false } : take_piece(text, &at);
		if (p.is_wildcard && p.byte == '*' && s.n == 0)
			s.is_open_begin = true;
		else
			s.p[s.n++] = p;
	}
	while (s.n && s.p[s.n - 1].is_wildcard && s.p[s.n - 1].byte == '*') {
		s.is_open_end = true;
		s.n--;
	}
	if (s.n == 0 && s.is_open_begin)
		s.is_open_end = true; /* nothing but stars */
	for (size_t i = 0; i < s.n; i++)
		s.has_wildcards |= s.p[i].is_wildcard;
	*ret = s;
	return 0;
}

static enum op_id shape_op(const struct shape *s, bool is_cased)
{
	if (s->n == 0 && (s->is_open_begin || s->is_open_end))
		return OP_EXISTS;
	if (s->has_wildcards)
		return is_cased ? OP_GLOB : OP_IGLOB;
	if (s->is_open_begin)
		return s->is_open_end ? (is_cased ? OP_CONTAINS : OP_ICONTAINS) : (is_cased ? OP_ENDSWITH : OP_IENDSWITH);
	return s->is_open_end ? (is_cased ? OP_STARTSWITH : OP_ISTARTSWITH) : (is_cased ? OP_EQ : OP_IEQUALS);
}

/* As a glob, or as the text itself. */
static int shape_text(struct arena *arena, const struct shape *s, struct strview *ret)
{
	char *text = arena_alloc(arena, 2 * s->n + 3);
	size_t n = 0;
	if (!text)
		return -ENOMEM;
	if (s->has_wildcards && s->is_open_begin)
		text[n++] = '*';
	for (size_t i = 0; i < s->n; i++) {
		if (s->has_wildcards && !s->p[i].is_wildcard && strchr("*?[\\", s->p[i].byte) && s->p[i].byte)
			text[n++] = '\\';
		text[n++] = s->p[i].byte;
	}
	if (s->has_wildcards && s->is_open_end)
		text[n++] = '*';
	*ret = (struct strview){ text, n };
	return 0;
}

static int add_text(struct compiler *c, const struct sigma_item *item, struct strview text, bool is_literal, struct sigma_patterns *ret)
{
	struct shape s;
	struct strview pattern = { 0 };
	int err = shape_read(c->arena, item->match, text, is_literal, &s);
	if (!err)
		err = shape_text(c->arena, &s, &pattern);
	return err ? err : add_pattern(ret, shape_op(&s, item->cased), pattern);
}

/* --- encodings --------------------------------------------------------------------------------------------------------------- */

static int refuse(struct compiler *c, const struct yaml_node *value, const char *why)
{
	char quoted[80];
	diag_error(c->diag, value->at, "%s %s", diag_quote(value->text, quoted, sizeof(quoted)), why);
	return -EINVAL;
}

/* "%name%" stands for a list that only the author's tools know. */
static bool has_placeholder(struct strview text)
{
	const char *first = text.n ? memchr(text.p, '%', text.n) : NULL;
	struct strview rest = first ? sv_from_index(text, (size_t)(first - text.p) + 1) : (struct strview){ 0 };
	return rest.n && memchr(rest.p, '%', rest.n) > (const void *)rest.p;
}

/* One modifier over all texts so far. */
static int encode_all(struct compiler *c, enum sigma_encoding encoding, const struct yaml_node *value, struct sigma_texts *texts,
		      struct sigma_texts *spare)
{
	spare->n = 0;
	int err = 0;
	for (size_t i = 0; i < texts->n && !err; i++)
		err = sigma_encode(c->arena, encoding, texts->p[i], spare);
	if (err == -EINVAL)
		return refuse(c, value, "is not UTF-8 and has no UTF-16 form");
	if (err == -E2BIG)
		return refuse(c, value, "stands for too many texts (1024 at most)");
	if (err)
		return err;
	texts->n = spare->n;
	memcpy(texts->p, spare->p, spare->n * sizeof(spare->p[0]));
	return 0;
}

static int encode(struct compiler *c, const struct sigma_item *item, const struct yaml_node *value, struct sigma_texts *texts, bool *ret_literal)
{
	CLEANUP(sigma_texts_free) struct sigma_texts *spare = malloc(sizeof(*spare));
	if (!spare)
		return -ENOMEM;
	bool is_literal = false;
	for (size_t i = 0; i < item->n_encodings; i++) {
		enum sigma_encoding encoding = item->encodings[i];
		if (encoding == SIGMA_EXPAND && has_placeholder(value->text))
			return refuse(c, value, "is not expanded: put the values in place of the %placeholder%");
		bool is_code = encoding != SIGMA_EXPAND && encoding != SIGMA_WINDASH;
		if (is_code && !is_literal) {
			bool has_wildcards = false;
			for (size_t k = 0; k < texts->n; k++) {
				bool has = false;
				if (unescape(c->arena, texts->p[k], &texts->p[k], &has))
					return -ENOMEM;
				has_wildcards |= has;
			}
			if (has_wildcards)
				return refuse(c, value, "holds a wildcard, which cannot be encoded (escape it: \\* \\?)");
			is_literal = true;
		}
		int err = encode_all(c, encoding, value, texts, spare);
		if (err)
			return err;
	}
	*ret_literal = is_literal;
	return 0;
}

/* --- regular expressions ----------------------------------------------------------------------------------------------------- */

/* The flags in front: a dot of Sigma does not match line ends, one of ours does. */
static int add_regex(struct compiler *c, const struct sigma_item *item, struct strview text, struct sigma_patterns *ret)
{
	bool has_dot = text.n && memchr(text.p, '.', text.n);
	char *pattern = arena_alloc(c->arena, text.n + sizeof("(?im-s)"));
	size_t n = 0;
	if (!pattern)
		return -ENOMEM;
	if (item->re_i || item->re_m || (has_dot && !item->re_s)) {
		pattern[n++] = '(';
		pattern[n++] = '?';
		if (item->re_i)
			pattern[n++] = 'i';
		if (item->re_m)
			pattern[n++] = 'm';
		if (has_dot && !item->re_s) {
			pattern[n++] = '-';
			pattern[n++] = 's';
		}
		pattern[n++] = ')';
	}
	if (text.n)
		memcpy(pattern + n, text.p, text.n);
	return add_pattern(ret, OP_SEARCH, (struct strview){ pattern, n + text.n });
}

/* --- the whole --------------------------------------------------------------------------------------------------------------- */

int sigma_patterns_read(struct compiler *c, const struct sigma_item *item, const struct yaml_node *value, struct sigma_patterns *ret)
{
	if (item->match == SIGMA_RE && item->n_encodings && has_placeholder(value->text))
		return refuse(c, value, "is not expanded: put the values in place of the %placeholder%");
	if (item->match == SIGMA_RE)
		return add_regex(c, item, value->text, ret);
	if (item->n_encodings == 0)
		return add_text(c, item, value->text, false, ret);
	CLEANUP(sigma_texts_free) struct sigma_texts *texts = malloc(sizeof(*texts));
	bool is_literal = false;
	if (!texts)
		return -ENOMEM;
	texts->n = 1;
	texts->p[0] = value->text;
	int err = encode(c, item, value, texts, &is_literal);
	for (size_t i = 0; i < texts->n && !err; i++)
		err = add_text(c, item, texts->p[i], is_literal, ret);
	return err;
}
