/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns over texts that may hold any byte. Iterative: a star is retried from one later byte, never from an earlier star. */
#include "engine/rules/op.h"

static unsigned char folded(char c, bool fold_case)
{
	unsigned char u = (unsigned char)c;
	return fold_case && u >= 'A' && u <= 'Z' ? (unsigned char)(u + 32) : u;
}

static bool is_in_class(struct strview name, unsigned char c)
{
	bool is_upper = c >= 'A' && c <= 'Z', is_lower = c >= 'a' && c <= 'z', is_digit = c >= '0' && c <= '9';
	bool is_graph = c > 0x20 && c < 0x7f, is_alnum = is_upper || is_lower || is_digit;
	const struct {
		const char *name;
		bool holds;
	} classes[] = {
		{ "alpha", is_upper || is_lower },
		{ "alnum", is_alnum },
		{ "digit", is_digit },
		{ "xdigit", is_digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') },
		{ "upper", is_upper },
		{ "lower", is_lower },
		{ "space", c == ' ' || (c >= '\t' && c <= '\r') },
		{ "blank", c == ' ' || c == '\t' },
		{ "punct", is_graph && !is_alnum },
		{ "graph", is_graph },
		{ "print", is_graph || c == ' ' },
		{ "cntrl", c < 0x20 || c == 0x7f },
	};
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (sv_is(name, classes[i].name))
			return classes[i].holds;
	return false;
}

/* "[:name:]" at p[at]: its length, or 0 when there is none. */
static size_t class_length(struct strview p, size_t at)
{
	struct strview rest = sv_from_index(p, at);
	if (!sv_starts(rest, SV("[:")))
		return 0;
	const char *end = memmem(rest.p + 2, rest.n - 2, ":]", 2);
	return end ? (size_t)(end - rest.p) + 2 : 0;
}

/* The set that begins at p[at] == '['; *ret_next is set behind it. A '[' that is never closed stands for itself. */
static bool set_match(struct strview p, size_t at, unsigned char c, bool fold_case, size_t *ret_next)
{
	size_t i = at + 1;
	bool negate = i < p.n && (p.p[i] == '!' || p.p[i] == '^');
	if (negate)
		i++;
	bool found = false;
	for (bool is_first = true; i < p.n; is_first = false) {
		if (p.p[i] == ']' && !is_first) {
			*ret_next = i + 1;
			return found != negate;
		}
		size_t class = class_length(p, i);
		if (class) {
			found |= is_in_class((struct strview){ p.p + i + 2, class - 4 }, c);
			i += class;
			continue;
		}
		if (p.p[i] == '\\' && i + 1 < p.n)
			i++;
		unsigned char low = folded(p.p[i++], fold_case), high = low;
		if (i + 1 < p.n && p.p[i] == '-' && p.p[i + 1] != ']') {
			i++;
			if (p.p[i] == '\\' && i + 1 < p.n)
				i++;
			high = folded(p.p[i++], fold_case);
		}
		if (c >= low && c <= high)
			found = true;
	}
	*ret_next = at + 1;
	return c == '[';
}

/* Whether the pattern's element at `at` stands for byte c. */
static bool element_match(struct strview p, size_t at, char byte, bool fold_case, size_t *ret_next)
{
	unsigned char c = folded(byte, fold_case);
	*ret_next = at + 1;
	switch (p.p[at]) {
	case '?':
		return true;
	case '[':
		return set_match(p, at, c, fold_case, ret_next);
	case '\\':
		if (at + 1 < p.n) {
			*ret_next = at + 2;
			return c == folded(p.p[at + 1], fold_case);
		}
		return c == '\\';
	default:
		return c == folded(p.p[at], fold_case);
	}
}

bool glob_match(struct strview pattern, struct strview text, bool fold_case)
{
	size_t p = 0, t = 0, after_star = 0, star_text = 0, next = 0;
	bool has_star = false;
	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			has_star = true;
			after_star = ++p;
			star_text = t;
		} else if (p < pattern.n && element_match(pattern, p, text.p[t], fold_case, &next)) {
			p = next;
			t++;
		} else if (has_star) {
			p = after_star;
			t = ++star_text;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

/* The component of path at *pos, without slashes; false at the end. */
static bool next_component(struct strview path, size_t *pos, struct strview *ret)
{
	while (*pos < path.n && path.p[*pos] == '/')
		(*pos)++;
	size_t from = *pos;
	while (*pos < path.n && path.p[*pos] != '/')
		(*pos)++;
	*ret = (struct strview){ path.p + from, *pos - from };
	return *pos > from;
}

bool path_prefix_match(struct strview prefix, struct strview path)
{
	if (prefix.n == 0 || path.n == 0 || (prefix.p[0] == '/') != (path.p[0] == '/'))
		return false;
	struct strview want, have;
	for (size_t i = 0, k = 0; next_component(prefix, &i, &want);)
		if (!next_component(path, &k, &have) || !glob_match(want, have, false))
			return false;
	return true;
}
