/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/index/terms.h"

#include "engine/index/predicate.h"
#include "engine/rules/op.h"

static bool is_special(char c)
{
	return c == '*' || c == '?' || c == '[' || c == '\\';
}

/* The longest run of a pattern that stands for itself; bytes of `ends` end a run too. */
static struct strview longest_run(struct strview pattern, char end)
{
	struct strview best = { pattern.p, 0 };
	for (size_t i = 0; i < pattern.n; i++) {
		size_t from = i;
		while (i < pattern.n && !is_special(pattern.p[i]) && pattern.p[i] != end)
			i++;
		if (i - from > best.n)
			best = (struct strview){ pattern.p + from, i - from };
		if (i < pattern.n && pattern.p[i] == '\\')
			i++; /* what follows it stands for itself, but is left alone */
		else if (i < pattern.n && pattern.p[i] == '[')
			return best; /* where a set ends is not plain */
	}
	return best;
}

static size_t count_special(struct strview pattern)
{
	size_t n = 0;
	for (size_t i = 0; i < pattern.n; i++)
		n += is_special(pattern.p[i]);
	return n;
}

static enum terms_sort inside(struct strview text, enum term_check check, struct term *ret)
{
	ret->where = TERM_INSIDE;
	ret->check = check;
	ret->text = text;
	bool is_searchable = text.n > 0 && !memchr(text.p, 0, text.n); /* in a list, NUL stands between items */
	return is_searchable ? TERMS_ANY : TERMS_NONE;
}

static enum terms_sort at(enum term_where where, struct strview text, struct term *ret)
{
	ret->where = where;
	ret->check = TERM_HOLDS;
	ret->text = text;
	if (text.n == 0 && where != TERM_WHOLE)
		return TERMS_ALWAYS;
	return where == TERM_INSIDE ? inside(text, TERM_HOLDS, ret) : TERMS_ANY;
}

/* x, x*, *x and *x* are what they look like; of others the longest piece must be there. */
static enum terms_sort glob_term(struct strview pattern, struct term *ret)
{
	size_t special = count_special(pattern);
	bool begins = pattern.n && pattern.p[0] == '*', ends = pattern.n > 1 && pattern.p[pattern.n - 1] == '*';
	struct strview body = { pattern.p + begins, pattern.n - begins - ends };
	if (special == 0)
		return at(TERM_WHOLE, pattern, ret);
	if (special == (size_t)begins + ends)
		return at(begins && ends ? TERM_INSIDE : begins ? TERM_END : TERM_BEGIN, body, ret);
	return inside(longest_run(pattern, '*'), TERM_ASK, ret);
}

static enum terms_sort path_term(struct strview prefix, struct term *ret)
{
	if (count_special(prefix) || memmem(prefix.p, prefix.n, "//", 2))
		return inside(longest_run(prefix, '/'), TERM_ASK, ret);
	while (prefix.n > 1 && prefix.p[prefix.n - 1] == '/')
		prefix.n--;
	enum terms_sort sort = at(TERM_BEGIN, prefix, ret);
	bool is_root = prefix.n == 1 && prefix.p[0] == '/';
	ret->check = is_root ? TERM_HOLDS : TERM_BELOW;
	return sort;
}

enum terms_sort term_of(const struct test *test, const struct operand *o, struct term *ret)
{
	*ret = (struct term){ .check = TERM_HOLDS };
	switch (test->op->id) {
	case OP_IEQUALS:
	case OP_IIN:
	case OP_ICONTAINS:
	case OP_ISTARTSWITH:
	case OP_IENDSWITH:
	case OP_IGLOB:
		ret->folds = true;
		break;
	default:
		break;
	}
	switch (test->op->id) {
	case OP_EQ:
	case OP_EQ2:
	case OP_IN:
	case OP_INTERSECTS:
	case OP_IEQUALS:
	case OP_IIN:
		return at(TERM_WHOLE, o->text, ret);
	case OP_CONTAINS:
	case OP_BCONTAINS:
	case OP_ICONTAINS:
		return at(TERM_INSIDE, o->text, ret);
	case OP_STARTSWITH:
	case OP_BSTARTSWITH:
	case OP_ISTARTSWITH:
		return at(TERM_BEGIN, o->text, ret);
	case OP_ENDSWITH:
	case OP_IENDSWITH:
		return at(TERM_END, o->text, ret);
	case OP_GLOB:
	case OP_IGLOB:
		return glob_term(o->text, ret);
	case OP_PMATCH:
		return path_term(o->text, ret);
	case OP_REGEX:
	case OP_SEARCH:
		return inside(regex_literal(o->regex), TERM_ASK, ret);
	default:
		return TERMS_NONE; /* an operator that this table does not know */
	}
}

bool terms_ask(const struct test *test)
{
	for (size_t i = 0; i < test->n_operands; i++) {
		struct term term;
		if (term_of(test, &test->operands[i], &term) == TERMS_ANY && term.check == TERM_ASK)
			return true;
	}
	return false;
}

enum terms_sort terms_sort_of(const struct test *test)
{
	if (!test_is_plain(test) || test->op->id == OP_NE)
		return TERMS_NONE;
	if (test->op->id == OP_EXISTS)
		return TERMS_ALWAYS;
	bool is_every_item = test->left->class == CLASS_LIST && (test->op->id == OP_IN || test->op->id == OP_IIN);
	enum terms_sort sort = TERMS_ANY;
	for (size_t i = 0; i < test->n_operands; i++) {
		struct term term;
		enum terms_sort one = term_of(test, &test->operands[i], &term);
		if (one == TERMS_ALWAYS && !is_every_item)
			return TERMS_ALWAYS;
		if (one != TERMS_ANY)
			sort = TERMS_NONE;
	}
	return sort;
}
