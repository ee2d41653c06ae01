/* SPDX-License-Identifier: Apache-2.0 */
/* Names, words and values of a condition, and what is said of those that do not fit. */
#include "engine/rules/scan.h"

/* --- scanning -------------------------------------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\b';
}

bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-' || c == '@';
}

bool scan_is_value_char(char c)
{
	return !is_blank(c) && !strchr("(),=\"'", c) && c != '\0';
}

char scan_peek(const struct parser *p)
{
	return p->at < p->src->text.n ? p->src->text.p[p->at] : '\0';
}

bool scan_at_end(const struct parser *p)
{
	return p->at >= p->src->text.n;
}

void scan_blanks(struct parser *p)
{
	while (!scan_at_end(p) && is_blank(scan_peek(p)))
		p->at++;
}

struct place scan_place(const struct parser *p)
{
	return source_place(p->src, p->at);
}

struct strview scan_while(struct parser *p, bool (*is_part)(char))
{
	size_t from = p->at;
	while (!scan_at_end(p) && is_part(scan_peek(p)))
		p->at++;
	return (struct strview){ p->src->text.p + from, p->at - from };
}

/* The name that stands here, without taking it. */
struct strview scan_name(const struct parser *p)
{
	struct parser look = *p;
	return scan_while(&look, is_name_char);
}

bool scan_char(struct parser *p, char c)
{
	scan_blanks(p);
	if (scan_at_end(p) || scan_peek(p) != c)
		return false;
	p->at++;
	return true;
}

bool scan_word(struct parser *p, const char *word)
{
	scan_blanks(p);
	if (!sv_is(scan_name(p), word))
		return false;
	p->at += strlen(word);
	return true;
}

/* The word or byte that stands here. */
static struct strview word_here(const struct parser *p)
{
	struct parser look = *p;
	struct strview word = scan_while(&look, scan_is_value_char);
	return word.n || scan_at_end(p) ? word : (struct strview){ p->src->text.p + p->at, 1 };
}

const char *scan_found(const struct parser *p, char *buffer, size_t size)
{
	return scan_at_end(p) ? "the end of the condition" : diag_quote(word_here(p), buffer, size);
}

/* --- what other languages write ---------------------------------------------------------------------------------------------- */

static const struct {
	const char *found, *instead;
} habits[] = {
	{ "AND", "write 'and'" },
	{ "And", "write 'and'" },
	{ "&&", "write 'and'" },
	{ "&", "write 'and'" },
	{ "OR", "write 'or'" },
	{ "Or", "write 'or'" },
	{ "||", "write 'or'" },
	{ "|", "write 'or'" },
	{ "NOT", "write 'not'" },
	{ "Not", "write 'not'" },
	{ "!", "write 'not'" },
	{ "not", "'not' stands before the field: not FIELD in (a, b)" },
	{ ",", "several values stand in parentheses: FIELD in (a, b)" },
	{ "\"", "each side of 'and' and 'or' needs a field: FIELD in (a, b)" },
	{ "'", "each side of 'and' and 'or' needs a field: FIELD in (a, b)" },
	{ "like", "'glob' takes patterns with * and ?" },
	{ "LIKE", "'glob' takes patterns with * and ?" },
	{ "ilike", "'iglob' takes patterns with * and ?" },
	{ "wildcard", "'glob' takes patterns with * and ?" },
	{ "is", "write '='" },
	{ "eq", "write '='" },
	{ "equals", "write '='" },
	{ ":", "write '='" },
	{ "ne", "write '!='" },
	{ "neq", "write '!='" },
	{ "<>", "write '!='" },
	{ "lt", "write '<'" },
	{ "lte", "write '<='" },
	{ "gt", "write '>'" },
	{ "gte", "write '>='" },
	{ "~", "'search' finds a regular expression, 'regex' matches the whole value" },
	{ "=~", "'search' finds a regular expression, 'regex' matches the whole value" },
	{ "match", "'search' finds a regular expression, 'regex' matches the whole value" },
	{ "matches", "'search' finds a regular expression, 'regex' matches the whole value" },
	{ "re", "'search' finds a regular expression, 'regex' matches the whole value" },
	{ "has", "write 'contains'" },
	{ "includes", "write 'contains'" },
	{ "begins", "write 'startswith'" },
	{ "starts", "write 'startswith'" },
	{ "ends", "write 'endswith'" },
	{ "cidr", "'=' and 'in' take networks: destination.ip = 10.0.0.0/8" },
	{ "cidrmatch", "'=' and 'in' take networks: destination.ip = 10.0.0.0/8" },
};

const char *scan_hint(const struct parser *p)
{
	struct strview rest = sv_from_index(p->src->text, p->at), word = word_here(p);
	if (sv_starts(rest, SV("=~")))
		word = SV("=~");
	if (word.n > 1 && (word.p[0] == '!' || word.p[0] == ':')) /* written without a blank behind it */
		word.n = 1;
	for (size_t i = 0; i < ARRAY_SIZE(habits); i++)
		if (sv_is(word, habits[i].found))
			return habits[i].instead;
	return NULL;
}

void *scan_refuse(struct parser *p, const char *expected)
{
	char quoted[64];
	scan_blanks(p);
	const char *hint = scan_hint(p);
	diag_error(p->c->diag, scan_place(p), "expected %s, found %s%s%s%s", expected, scan_found(p, quoted, sizeof(quoted)), hint ? " (" : "",
		   hint ? hint : "", hint ? ")" : "");
	return NULL;
}

/* --- values ---------------------------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte behind a backslash, taken; -1 for an unknown escape. */
static int take_escape(struct parser *p, char quote)
{
	static const char names[] = "bfnrt/\\", bytes[] = "\b\f\n\r\t/\\";
	char c = scan_peek(p);
	p->at++;
	if (c == quote)
		return (unsigned char)c;
	if (c == ' ') { /* a backslash before a blank is itself, and the blank goes on */
		p->at--;
		return '\\';
	}
	const char *name = c ? strchr(names, c) : NULL;
	if (name)
		return bytes[name - names];
	if (c != 'x' || p->at + 2 > p->src->text.n)
		return -1;
	int high = hex_digit(p->src->text.p[p->at]), low = hex_digit(p->src->text.p[p->at + 1]);
	p->at += 2;
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

bool scan_quoted(struct parser *p, struct written_value *ret)
{
	size_t from = p->at++, end = p->at;
	char quote = p->src->text.p[from];
	while (end < p->src->text.n && p->src->text.p[end] != quote)
		end += p->src->text.p[end] == '\\' ? 2 : 1;
	if (end >= p->src->text.n) {
		diag_error(p->c->diag, source_place(p->src, from), "the quote is never closed");
		return false;
	}
	char *text = arena_alloc(p->c->arena, end - p->at + 1);
	if (!text) {
		p->c->no_memory = true;
		return false;
	}
	size_t n = 0;
	while (p->at < end) {
		char c = scan_peek(p);
		size_t escape_at = p->at++;
		int byte = c == '\\' ? take_escape(p, quote) : (unsigned char)c;
		if (byte < 0) {
			diag_error(p->c->diag, source_place(p->src, escape_at),
				   "unknown escape: \\b \\f \\n \\r \\t \\/ \\\\ \\xHH and the quote itself are known; write \\\\ for a backslash");
			return false;
		}
		text[n++] = (char)byte;
	}
	p->at = end + 1;
	*ret = (struct written_value){ .text = { text, n }, .at = source_place(p->src, from), .is_quoted = true };
	return true;
}

bool scan_value(struct parser *p, struct written_value *ret)
{
	scan_blanks(p);
	if (scan_peek(p) == '"' || scan_peek(p) == '\'')
		return scan_quoted(p, ret);
	struct place at = scan_place(p);
	struct strview text = scan_while(p, scan_is_value_char);
	if (text.n == 0) {
		scan_refuse(p, "a value (text with blanks or one of ( ) , = \" ' has to be quoted)");
		return false;
	}
	char *copy = arena_text(p->c->arena, text);
	if (!copy) {
		p->c->no_memory = true;
		return false;
	}
	*ret = (struct written_value){ .text = { copy, text.n }, .at = at };
	return true;
}

