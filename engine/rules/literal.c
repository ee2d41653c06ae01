/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text that every match of a regular expression holds, read off the pattern. Gives up wherever it is not plain that it does:
 * alternatives, options in the pattern, verbs, escapes with arguments.
 */
#include "engine/rules/op.h"

struct reading {
	struct strview pattern;
	size_t at;
	char *run;         /* the bytes in a row that are read now */
	size_t n_run;
	char *best;
	size_t n_best;
};

static void end_run(struct reading *r)
{
	if (r->n_run > r->n_best) {
		memcpy(r->best, r->run, r->n_run);
		r->n_best = r->n_run;
	}
	r->n_run = 0;
}

static char peek(const struct reading *r, size_t ahead)
{
	return r->at + ahead < r->pattern.n ? r->pattern.p[r->at + ahead] : '\0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Behind a class: from its '[' on. */
static bool skip_class(struct reading *r)
{
	r->at++;
	if (peek(r, 0) == '^')
		r->at++;
	for (bool is_first = true; r->at < r->pattern.n; is_first = false) {
		char c = peek(r, 0);
		if (c == ']' && !is_first) {
			r->at++;
			return true;
		}
		if (c == '[' && (peek(r, 1) == ':' || peek(r, 1) == '.' || peek(r, 1) == '='))
			return false; /* its end is not that plain; these are rare */
		if (c == '\\' && peek(r, 1) == 'c')
			return false; /* takes a third byte, which may be a bracket */
		r->at += c == '\\' ? 2 : 1;
	}
	return false;
}

/* Behind a group: from its '(' on. What is in it may be missing from a match, for all we know. */
static bool skip_group(struct reading *r)
{
	unsigned depth = 0;
	while (r->at < r->pattern.n) {
		char c = peek(r, 0);
		if (c == '(' && peek(r, 1) == '?' && peek(r, 2) != ':')
			return false; /* a comment, or options that allow comments: what looks like a bracket may be none */
		if (c == '[') {
			if (!skip_class(r))
				return false;
			continue;
		}
		if (c == '\\' && peek(r, 1) == 'c')
			return false;
		r->at += c == '\\' ? 2 : 1;
		if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0)
			return true;
	}
	return false;
}

/* {n}, {n,}, {n,m}; anything else in braces stands for itself, which is left alone here. */
static bool skip_braces(struct reading *r)
{
	r->at++;
	if (!is_digit(peek(r, 0)))
		return false;
	while (is_digit(peek(r, 0)) || peek(r, 0) == ',')
		r->at++;
	return peek(r, 0) == '}' && r->at++ < r->pattern.n;
}

static bool skip_quantifier(struct reading *r)
{
	char c = peek(r, 0);
	if (c == '{') {
		if (!skip_braces(r))
			return false;
	} else if (r->at < r->pattern.n && (c == '*' || c == '?' || c == '+')) {
		r->at++;
	} else {
		return true;
	}
	if (peek(r, 0) == '?' || peek(r, 0) == '+')
		r->at++;
	return true;
}

/* One byte that stands for itself, unless a quantifier makes it optional. */
static bool read_byte(struct reading *r, char byte)
{
	char next = peek(r, 0);
	if (next == '*' || next == '?' || next == '{')
		end_run(r);
	else
		r->run[r->n_run++] = byte;
	if (next == '*' || next == '?' || next == '{' || next == '+') {
		end_run(r);
		return skip_quantifier(r);
	}
	return true;
}

static bool read_escape(struct reading *r)
{
	char c = peek(r, 1);
	if (r->at + 1 >= r->pattern.n)
		return false;
	r->at += 2;
	bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
	if (!is_letter)
		return read_byte(r, c);
	if (!strchr("dDwWsSbBAZzhHvVRnrtfea", c))
		return false;
	end_run(r);
	return skip_quantifier(r);
}

static bool read_element(struct reading *r)
{
	char c = peek(r, 0);
	switch (c) {
	case '\\':
		return read_escape(r);
	case '[':
		end_run(r);
		return skip_class(r) && skip_quantifier(r);
	case '(':
		end_run(r);
		return skip_group(r) && skip_quantifier(r);
	case '.':
	case '^':
	case '$':
		end_run(r);
		r->at++;
		return skip_quantifier(r);
	case '|':
	case ')':
	case '*':
	case '?':
	case '+':
	case '{':
		return false;
	default:
		r->at++;
		return read_byte(r, c);
	}
}

/* Behind "(?m-s)" and its like in front: they say where '.', '^' and '$' match, and nothing is read off these. */
static void skip_line_options(struct reading *r)
{
	size_t at = 2;
	if (peek(r, 0) != '(' || peek(r, 1) != '?')
		return;
	while (peek(r, at) == 'm' || peek(r, at) == 's' || peek(r, at) == '-')
		at++;
	if (peek(r, at) == ')')
		r->at = at + 1;
}

size_t regex_required(struct strview pattern, char *best, char *run)
{
	struct reading r = { .pattern = pattern, .best = best, .run = run };
	static const char *const opaque[] = { "(*", "\\Q", "\\E" };
	for (size_t i = 0; i < ARRAY_SIZE(opaque); i++)
		if (pattern.n && memmem(pattern.p, pattern.n, opaque[i], 2))
			return 0;
	skip_line_options(&r);
	while (r.at < pattern.n)
		if (!read_element(&r))
			return 0;
	end_run(&r);
	return r.n_best;
}
