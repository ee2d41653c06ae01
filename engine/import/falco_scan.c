/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/import/falco_scan.h"

enum { SHOWN = 64 }; /* bytes of what was found, in messages */

struct place falco_source_place(const struct falco_source *s, size_t offset)
{
	offset = MIN(offset, s->text.n);
	return s->places ? s->places[offset] : (struct place){ NULL, 1, (unsigned)offset + 1 };
}

/* --- scanning -------------------------------------------------------------------------------------------------------------- */

bool falco_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\b' || c == '\r' || c == '\n';
}

bool falco_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool falco_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool falco_is_word_char(char c)
{
	return falco_is_letter(c) || falco_is_digit(c) || c == '_';
}

bool falco_is_bare(char c)
{
	return c != '\0' && !falco_is_blank(c) && !strchr("(),=\"'", c);
}

bool falco_is_bare_argument(char c)
{
	return c != '\0' && !falco_is_blank(c) && !strchr("[]\"'", c);
}

char falco_scan_peek_at(const struct falco_scan *s, size_t ahead)
{
	return s->at + ahead < s->n ? s->p[s->at + ahead] : '\0';
}

char falco_scan_peek(const struct falco_scan *s)
{
	return falco_scan_peek_at(s, 0);
}

struct place falco_scan_place(const struct falco_scan *s)
{
	return falco_source_place(s->source, s->at);
}

bool falco_scan_blanks(struct falco_scan *s)
{
	size_t from = s->at;
	while (s->at < s->n && falco_is_blank(s->p[s->at]))
		s->at++;
	return s->at > from;
}

struct strview falco_scan_rest(const struct falco_scan *s)
{
	return (struct strview){ s->p + s->at, s->n - s->at };
}

bool falco_scan_take(struct falco_scan *s, const char *token)
{
	if (!sv_starts(falco_scan_rest(s), sv_from(token)))
		return false;
	s->at += strlen(token);
	return true;
}

struct strview falco_scan_while(struct falco_scan *s, bool (*is_part)(char))
{
	size_t from = s->at;
	while (s->at < s->n && is_part(s->p[s->at]))
		s->at++;
	return (struct strview){ s->p + from, s->at - from };
}

/* How other languages join conditions; NULL: it is none of that. */
static const char *word_meant(struct strview found)
{
	static const struct {
		const char *found, *word;
	} habits[] = { { "AND", "and" }, { "&&", "and" }, { "OR", "or" }, { "||", "or" }, { "NOT", "not" }, { "!", "not" } };
	for (size_t i = 0; i < ARRAY_SIZE(habits); i++)
		if (sv_is(found, habits[i].found))
			return habits[i].word;
	return NULL;
}

void *falco_scan_refuse(struct falco_scan *s, const char *expected)
{
	char quoted[SHOWN];
	struct falco_scan look = *s;
	struct strview found = falco_scan_while(&look, falco_is_bare);
	if (s->no_memory)
		return NULL;
	if (found.n == 0)
		found = (struct strview){ s->p + s->at, s->at < s->n };
	const char *word = word_meant(found);
	diag_error(s->diag, falco_scan_place(s), "expected %s, found %s%s%s%s", expected, found.n ? diag_quote(found, quoted, sizeof(quoted)) : "the end",
		   word ? " (write '" : "", word ? word : "", word ? "')" : "");
	return NULL;
}

void *falco_scan_alloc(struct falco_scan *s, size_t n)
{
	void *p = arena_alloc(s->arena, n);
	s->no_memory |= !p;
	return p;
}

/* --- texts and numbers ------------------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	return falco_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte for what stands behind a backslash, taken; -1: no such escape. */
static int take_escape(struct falco_scan *s, char quote)
{
	static const char names[] = "bfnrt/\\ ", bytes[] = "\b\f\n\r\t/\\\\"; /* a backslash before a blank is a backslash */
	char c = falco_scan_peek(s);
	const char *name = c ? strchr(names, c) : NULL;
	if (c == quote || name) {
		s->at++;
		return c == quote ? c : bytes[name - names];
	}
	int high = c == 'x' ? hex_digit(falco_scan_peek_at(s, 1)) : -1, low = c == 'x' ? hex_digit(falco_scan_peek_at(s, 2)) : -1;
	s->at += 3;
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

bool falco_scan_quoted(struct falco_scan *s, struct strview *ret)
{
	size_t from = s->at, end = from + 1, n = 0;
	char quote = s->p[from];
	/* a quote right behind a backslash never ends the text, whatever stands before the backslash */
	while (end < s->n && (s->p[end] != quote || s->p[end - 1] == '\\'))
		end++;
	if (end >= s->n) {
		diag_error(s->diag, falco_scan_place(s), "the quote is never closed");
		return false;
	}
	char *text = falco_scan_alloc(s, end - from);
	if (!text)
		return false;
	for (s->at++; s->at < end;) {
		size_t at = s->at;
		char c = s->p[s->at++];
		int byte = c == '\\' ? take_escape(s, quote) : (unsigned char)c;
		if (byte < 0) {
			diag_error(s->diag, falco_source_place(s->source, at), "unknown escape: \\b \\f \\n \\r \\t \\/ \\\\ \\xHH, the quote itself and "
				   "a blank are known behind a backslash; write \\\\ for a backslash");
			return false;
		}
		text[n++] = (char)byte;
	}
	s->at = end + 1;
	*ret = (struct strview){ text, n };
	return true;
}

bool falco_is_quote(char c)
{
	return c == '"' || c == '\'';
}

bool falco_scan_text(struct falco_scan *s, struct strview *ret)
{
	*ret = (struct strview){ NULL, 0 };
	if (falco_is_quote(falco_scan_peek(s)))
		return falco_scan_quoted(s, ret);
	struct strview bare = falco_scan_while(s, falco_is_bare);
	if (bare.n)
		*ret = bare;
	return true;
}

bool falco_scan_number(struct falco_scan *s, struct strview *ret)
{
	size_t from = s->at, at = from;
	const char *p = s->p, *end = p + s->n;
	const char *c = p + at;
	if (end - c > 2 && c[0] == '0' && (c[1] == 'x' || c[1] == 'X') && (falco_is_letter(c[2]) || falco_is_digit(c[2]))) {
		for (c += 2; c < end && (falco_is_letter(*c) || falco_is_digit(*c));)
			c++;
	} else {
		c += c < end && (*c == '+' || *c == '-');
		const char *digits = c;
		while (c < end && falco_is_digit(*c))
			c++;
		if (c == digits)
			return false;
		c += c < end && *c == '.';
		while (c < end && falco_is_digit(*c))
			c++;
		if (end - c > 2 && (*c == 'e' || *c == 'E') && (c[1] == '+' || c[1] == '-') && falco_is_digit(c[2]))
			for (c += 2; c < end && falco_is_digit(*c);)
				c++;
	}
	s->at = (size_t)(c - p);
	*ret = (struct strview){ p + from, s->at - from };
	return true;
}
