/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar, by recursive descent with a bounded depth. A blank or "(" has to follow `and`, `or`, `not`, a blank the operators
 * that are words and take one value, and the modifiers.
 *
 *   or       = and { "or" and }
 *   and      = not { "and" not }
 *   not      = { "not" } ( "(" or ")" | check )
 *   check    = left "exists" | left number-op ( number | right ) | left string-op [ modifier ] ( text | list | right )
 *            | left list-op ( list | word | right ) | macro
 *   left     = field | call           right = "val(" field ")" | call
 *   field    = word "." word { "." word } [ "[" ( quoted | bare ) "]" ]
 *   call     = transformer "(" argument { "," argument } ")" [ "[" ( quoted | bare ) "]" ]
 *   argument = left | quoted | number | "(" [ left | quoted | number { "," ... } ] ")"
 *   list     = "(" [ text { "," text } ] ")"
 */
#include "engine/import/falco_filter.h"

#include <errno.h>
#include <stdio.h>

enum { SHOWN = 64 }; /* bytes of what was found, in messages */

struct parser {
	struct arena *arena;
	const struct falco_source *source;
	struct diag *diag;
	const char *p;
	size_t n, at;
	unsigned depth;
	bool no_memory;
};

struct place falco_source_place(const struct falco_source *s, size_t offset)
{
	offset = MIN(offset, s->text.n);
	return s->places ? s->places[offset] : (struct place){ NULL, 1, (unsigned)offset + 1 };
}

/* --- scanning -------------------------------------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\b' || c == '\r' || c == '\n';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word_char(char c)
{
	return is_letter(c) || is_digit(c) || c == '_';
}

static bool is_bare(char c)
{
	return c != '\0' && !is_blank(c) && !strchr("(),=\"'", c);
}

static bool is_bare_argument(char c)
{
	return c != '\0' && !is_blank(c) && !strchr("[]\"'", c);
}

static char peek_at(const struct parser *s, size_t ahead)
{
	return s->at + ahead < s->n ? s->p[s->at + ahead] : '\0';
}

static char peek(const struct parser *s)
{
	return peek_at(s, 0);
}

static struct place here(const struct parser *s)
{
	return falco_source_place(s->source, s->at);
}

/* Whether there were any. */
static bool skip_blanks(struct parser *s)
{
	size_t from = s->at;
	while (s->at < s->n && is_blank(s->p[s->at]))
		s->at++;
	return s->at > from;
}

static struct strview rest(const struct parser *s)
{
	return (struct strview){ s->p + s->at, s->n - s->at };
}

static bool take(struct parser *s, const char *token)
{
	if (!sv_starts(rest(s), sv_from(token)))
		return false;
	s->at += strlen(token);
	return true;
}

static struct strview take_while(struct parser *s, bool (*is_part)(char))
{
	size_t from = s->at;
	while (s->at < s->n && is_part(s->p[s->at]))
		s->at++;
	return (struct strview){ s->p + from, s->at - from };
}

static void *refuse(struct parser *s, const char *expected)
{
	char quoted[SHOWN];
	struct parser look = *s;
	struct strview found = take_while(&look, is_bare);
	if (s->no_memory)
		return NULL;
	if (found.n == 0)
		found = (struct strview){ s->p + s->at, s->at < s->n };
	diag_error(s->diag, here(s), "expected %s, found %s", expected, found.n ? diag_quote(found, quoted, sizeof(quoted)) : "the end");
	return NULL;
}

static void *allocate(struct parser *s, size_t n)
{
	void *p = arena_alloc(s->arena, n);
	s->no_memory |= !p;
	return p;
}

/* --- texts and numbers ------------------------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte for what stands behind a backslash, taken; -1: no such escape. */
static int take_escape(struct parser *s, char quote)
{
	static const char names[] = "bfnrt/\\ ", bytes[] = "\b\f\n\r\t/\\\\"; /* a backslash before a blank is a backslash */
	char c = peek(s);
	const char *name = c ? strchr(names, c) : NULL;
	if (c == quote || name) {
		s->at++;
		return c == quote ? c : bytes[name - names];
	}
	int high = c == 'x' ? hex_digit(peek_at(s, 1)) : -1, low = c == 'x' ? hex_digit(peek_at(s, 2)) : -1;
	s->at += 3;
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool take_quoted(struct parser *s, struct strview *ret)
{
	size_t from = s->at, end = from + 1, n = 0;
	char quote = s->p[from];
	/* a quote right behind a backslash never ends the text, whatever stands before the backslash */
	while (end < s->n && (s->p[end] != quote || s->p[end - 1] == '\\'))
		end++;
	if (end >= s->n) {
		diag_error(s->diag, here(s), "the quote is never closed");
		return false;
	}
	char *text = allocate(s, end - from);
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

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

/* A text in quotes or a bare one; nothing is taken and p is NULL when neither stands here. False after a report. */
static bool take_text(struct parser *s, struct strview *ret)
{
	*ret = (struct strview){ NULL, 0 };
	if (is_quote(peek(s)))
		return take_quoted(s, ret);
	struct strview bare = take_while(s, is_bare);
	if (bare.n)
		*ret = bare;
	return true;
}

static bool take_number(struct parser *s, struct strview *ret)
{
	size_t from = s->at, at = from;
	const char *p = s->p, *end = p + s->n;
	const char *c = p + at;
	if (end - c > 2 && c[0] == '0' && (c[1] == 'x' || c[1] == 'X') && (is_letter(c[2]) || is_digit(c[2]))) {
		for (c += 2; c < end && (is_letter(*c) || is_digit(*c));)
			c++;
	} else {
		c += c < end && (*c == '+' || *c == '-');
		const char *digits = c;
		while (c < end && is_digit(*c))
			c++;
		if (c == digits)
			return false;
		c += c < end && *c == '.';
		while (c < end && is_digit(*c))
			c++;
		if (end - c > 2 && (*c == 'e' || *c == 'E') && (c[1] == '+' || c[1] == '-') && is_digit(c[2]))
			for (c += 2; c < end && is_digit(*c);)
				c++;
	}
	s->at = (size_t)(c - p);
	*ret = (struct strview){ p + from, s->at - from };
	return true;
}

/* --- sides ------------------------------------------------------------------------------------------------------------------- */

/* "word.word..." or nothing. */
static struct strview peek_field(const struct parser *s)
{
	size_t at = s->at, parts = 0;
	while (at < s->n && is_letter(s->p[at])) {
		while (at < s->n && is_word_char(s->p[at]))
			at++;
		parts++;
		if (at + 1 >= s->n || s->p[at] != '.' || !is_letter(s->p[at + 1]))
			break;
		at++;
	}
	return (struct strview){ s->p + s->at, parts > 1 ? at - s->at : 0 };
}

/* The transformer whose name and "(" stand here, or NULL. */
static const struct transformer *peek_call(const struct parser *s)
{
	/* in Falco's language; ours may know more */
	static const char *const known[] = { "tolower", "toupper", "b64", "basename", "len", "join", "concat", "getopt" };
	struct parser look = *s;
	struct strview name = take_while(&look, is_word_char);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (sv_is(name, known[i]) && peek(&look) == '(')
			return transformer_find(name);
	return NULL;
}

/* "[...]", if there is one; nothing but the argument may stand inside. */
static bool take_bracket(struct parser *s, struct strview *ret)
{
	if (!take(s, "["))
		return true;
	if (is_quote(peek(s))) {
		if (!take_quoted(s, ret))
			return false;
	} else {
		*ret = take_while(s, is_bare_argument);
		if (ret->n == 0)
			return refuse(s, "an argument behind '['") != NULL;
	}
	return take(s, "]") || refuse(s, "']' behind the argument") != NULL;
}

static struct falco_expr *expr_new(struct parser *s, enum falco_expr_type type, struct strview text)
{
	struct falco_expr *x = allocate(s, sizeof(*x));
	if (x)
		*x = (struct falco_expr){ .type = type, .at = here(s), .text = text };
	return x;
}

static struct falco_expr *take_field(struct parser *s)
{
	struct strview name = peek_field(s);
	if (name.n == 0)
		return refuse(s, "a field, as proc.name");
	struct falco_expr *x = expr_new(s, FALCO_FIELD, name);
	s->at += name.n;
	return x && take_bracket(s, &x->argument) ? x : NULL;
}

static struct falco_expr *take_call(struct parser *s, const struct transformer *call, unsigned depth);

/* A field or a transformer. */
static struct falco_expr *take_side(struct parser *s, unsigned depth)
{
	skip_blanks(s);
	const struct transformer *call = peek_call(s);
	return call ? take_call(s, call, depth) : take_field(s);
}

static struct falco_expr *take_argument(struct parser *s, unsigned depth);

/* "a, b" up to the closing parenthesis, which is taken. False after a report. */
static bool take_arguments(struct parser *s, struct falco_expr *(*take_one)(struct parser *, unsigned), unsigned depth, struct falco_expr **link)
{
	do {
		struct falco_expr *x = take_one(s, depth);
		if (!x)
			return false;
		*link = x;
		link = &x->next;
		skip_blanks(s);
	} while (take(s, ","));
	return take(s, ")") || refuse(s, "',' or ')'") != NULL;
}

static struct falco_expr *take_item(struct parser *s, unsigned depth)
{
	struct strview text;
	skip_blanks(s);
	struct falco_expr *x = NULL;
	size_t from = s->at;
	if (!is_quote(peek(s)) && !take_number(s, &text))
		return take_side(s, depth);
	s->at = from;
	x = expr_new(s, FALCO_TEXT, (struct strview){ NULL, 0 });
	if (!x || !(is_quote(peek(s)) ? take_quoted(s, &x->text) : take_number(s, &x->text)))
		return NULL;
	return x;
}

static struct falco_expr *take_argument(struct parser *s, unsigned depth)
{
	skip_blanks(s);
	if (peek(s) != '(')
		return take_item(s, depth);
	struct falco_expr *x = expr_new(s, FALCO_LIST, (struct strview){ NULL, 0 });
	if (!x)
		return NULL;
	s->at++;
	skip_blanks(s);
	if (take(s, ")"))
		return x;
	return take_arguments(s, take_item, depth, &x->args) ? x : NULL;
}

static struct falco_expr *take_call(struct parser *s, const struct transformer *call, unsigned depth)
{
	if (depth == EXPR_MAX_DEPTH) {
		diag_error(s->diag, here(s), "transformers nested too deep (%d levels at most)", EXPR_MAX_DEPTH);
		return NULL;
	}
	struct falco_expr *x = expr_new(s, FALCO_CALL, sv_from(call->name));
	if (!x)
		return NULL;
	s->at += strlen(call->name) + 1;
	bool is_plain = call->max_args == 1; /* takes nothing but a field or another transformer */
	if (!take_arguments(s, is_plain ? take_side : take_argument, depth + 1, &x->args))
		return NULL;
	return take_bracket(s, &x->argument) ? x : NULL;
}

/* --- right sides --------------------------------------------------------------------------------------------------------------- */

static bool add_value(struct parser *s, struct falco_node *node, struct falco_value ***link, struct strview text, struct place at)
{
	struct falco_value *v = allocate(s, sizeof(*v));
	if (!v)
		return false;
	*v = (struct falco_value){ .text = text, .at = at };
	**link = v;
	*link = &v->next;
	node->n_values++;
	return true;
}

/* "(a, b)": the opening parenthesis stands here. */
static bool take_list(struct parser *s, struct falco_node *node)
{
	struct falco_value **link = &node->values;
	s->at++;
	skip_blanks(s);
	if (take(s, ")"))
		return true;
	do {
		struct strview text;
		skip_blanks(s);
		struct place at = here(s);
		if (!take_text(s, &text))
			return false;
		if (!text.p)
			return refuse(s, "a value (text with blanks or one of ( ) , = \" ' has to be quoted)") != NULL;
		if (!add_value(s, node, &link, text, at))
			return false;
		skip_blanks(s);
	} while (take(s, ","));
	return take(s, ")") || refuse(s, "',' or ')' in the list") != NULL;
}

/* val(field) or a transformer; *is_there says whether one of them began here. False after a report. */
static bool take_right(struct parser *s, struct falco_node *node, bool *is_there)
{
	*is_there = true;
	if (take(s, "val(")) {
		skip_blanks(s);
		node->right = take_field(s);
		skip_blanks(s);
		return node->right && (take(s, ")") || refuse(s, "')'") != NULL);
	}
	const struct transformer *call = peek_call(s);
	*is_there = call != NULL;
	return !call || (node->right = take_call(s, call, 0)) != NULL;
}

static bool add_one(struct parser *s, struct falco_node *node, struct strview text, struct place at)
{
	struct falco_value **link = &node->values;
	return add_value(s, node, &link, text, at);
}

static bool take_number_side(struct parser *s, struct falco_node *node)
{
	struct strview text;
	struct place at = here(s);
	return take_number(s, &text) ? add_one(s, node, text, at) : refuse(s, "a number, val(field) or a transformer") != NULL;
}

static bool take_list_side(struct parser *s, struct falco_node *node)
{
	struct place at = here(s);
	if (peek(s) == '(')
		return take_list(s, node);
	if (!is_letter(peek(s)))
		return refuse(s, "a list in parentheses, val(field) or a transformer") != NULL;
	return add_one(s, node, take_while(s, is_word_char), at);
}

/*
 * oneof, anyof, allof: a modifier when a blank and a list, or a word that is not `and` or `or`, follow; else a text as any other.
 * Whether there is one; *is_good is false after a report.
 */
static bool take_modifier(struct parser *s, struct falco_node *node, bool *is_good)
{
	static const struct {
		const char *word;
		enum modifier modifier;
	} modifiers[] = { { "oneof", MODIFIER_ONEOF }, { "anyof", MODIFIER_ANYOF }, { "allof", MODIFIER_ALLOF } };
	for (size_t i = 0; i < ARRAY_SIZE(modifiers); i++) {
		struct parser look = *s;
		if (!take(&look, modifiers[i].word) || !skip_blanks(&look))
			continue;
		struct parser word_at = look;
		struct strview word = take_while(&word_at, is_word_char);
		bool is_name = word.n && is_letter(word.p[0]) && !sv_is(word, "and") && !sv_is(word, "or");
		if (peek(&look) != '(' && !is_name)
			return false;
		*s = look;
		node->modifier = modifiers[i].modifier;
		*is_good = take_list_side(s, node);
		return true;
	}
	return false;
}

static bool take_string_side(struct parser *s, struct falco_node *node, bool after_blank)
{
	struct strview text;
	bool is_good = true;
	if (after_blank && take_modifier(s, node, &is_good))
		return is_good;
	struct place at = here(s);
	if (!take_text(s, &text))
		return false;
	return text.p ? add_one(s, node, text, at) : refuse(s, "a value (text with blanks or one of ( ) , = \" ' has to be quoted)") != NULL;
}

/* --- checks -------------------------------------------------------------------------------------------------------------------- */

static bool is_number_op(const struct operator *op)
{
	return op->id == OP_LT || op->id == OP_LE || op->id == OP_GT || op->id == OP_GE;
}

/* The operator that stands here: of those that fit, the longest. Words that take one value end with a blank. */
static const struct operator *take_operator(struct parser *s)
{
	/* in Falco's language; ours knows more */
	static const enum op_id known[] = {
		OP_EXISTS, OP_LE, OP_GE, OP_LT, OP_GT, OP_EQ2, OP_EQ, OP_NE, OP_GLOB, OP_IGLOB, OP_REGEX, OP_CONTAINS, OP_ICONTAINS,
		OP_BCONTAINS, OP_STARTSWITH, OP_BSTARTSWITH, OP_ENDSWITH, OP_INTERSECTS, OP_IN, OP_PMATCH,
	};
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		const struct operator *op = operator_get(known[i]);
		if (!sv_starts(rest(s), sv_from(op->text)))
			continue;
		size_t n = strlen(op->text);
		bool needs_blank = op->values == OP_VALUES_ONE && is_letter(op->text[0]);
		if (needs_blank && !is_blank(peek_at(s, n)))
			continue;
		s->at += n;
		return op;
	}
	return NULL;
}

static bool refuse_operator(struct parser *s)
{
	const char *names[OP_COUNT];
	for (int i = 0; i < OP_COUNT; i++)
		names[i] = operator_get((enum op_id)i)->text;
	struct parser look = *s;
	struct strview word = take_while(&look, is_word_char);
	const char *near = word.n ? diag_suggest(word, names, OP_COUNT) : NULL;
	char expected[96] = "an operator";
	if (near && !sv_is(word, near))
		snprintf(expected, sizeof(expected), "an operator (did you mean '%s'?)", near);
	return refuse(s, expected) != NULL;
}

static bool take_comparison(struct parser *s, struct falco_node *node)
{
	bool is_right = false;
	skip_blanks(s);
	node->op_at = here(s);
	node->op = take_operator(s);
	if (!node->op)
		return refuse_operator(s);
	if (node->op->values == OP_VALUES_NONE)
		return true;
	bool after_blank = skip_blanks(s);
	if (!take_right(s, node, &is_right))
		return false;
	if (is_right)
		return true;
	if (is_number_op(node->op))
		return take_number_side(s, node);
	return node->op->values == OP_VALUES_SET ? take_list_side(s, node) : take_string_side(s, node, after_blank);
}

static struct falco_node *node_new_at(struct parser *s, enum falco_node_type type, struct place at)
{
	struct falco_node *node = allocate(s, sizeof(*node));
	if (node)
		*node = (struct falco_node){ .type = type, .at = at, .op_at = at };
	return node;
}

static struct falco_node *take_or(struct parser *s);

/* What follows "(", which was taken. */
static struct falco_node *take_group(struct parser *s)
{
	struct falco_node *node = take_or(s);
	skip_blanks(s);
	return node && !take(s, ")") ? refuse(s, "'and', 'or' or ')'") : node;
}

/* Whether an operator follows, which no macro has. */
static bool is_compared(const struct parser *s)
{
	struct parser look = *s;
	bool after_blank = skip_blanks(&look);
	const struct operator *op = take_operator(&look);
	bool is_word = op && is_letter(op->text[0]);
	return op && (!is_word || (after_blank && !is_word_char(peek(&look))));
}

static struct falco_node *take_check(struct parser *s)
{
	skip_blanks(s);
	if (take(s, "("))
		return take_group(s);
	bool is_check = peek_call(s) || peek_field(s).n;
	if (!is_check && !is_letter(peek(s)))
		return refuse(s, "a field, a macro, 'not' or '('");
	struct falco_node *node = node_new_at(s, is_check ? FALCO_CHECK : FALCO_MACRO, here(s));
	if (!node)
		return NULL;
	if (!is_check) {
		struct parser look = *s;
		struct strview word = take_while(s, is_word_char);
		if (!s->source->takes_words || !is_compared(s)) {
			node->name = word;
			return node;
		}
		/* a field without its dot: who knows the fields says so */
		node->type = FALCO_CHECK;
		node->left = expr_new(&look, FALCO_FIELD, word);
		s->no_memory |= !node->left;
		return node->left && take_comparison(s, node) ? node : NULL;
	}
	node->left = take_side(s, 0);
	return node->left && take_comparison(s, node) ? node : NULL;
}

/* The word, if a blank or "(" follows it. */
static bool take_not_word(struct parser *s)
{
	char after = sv_starts(rest(s), SV("not")) ? peek_at(s, 3) : '\0';
	if (!is_blank(after) && after != '(')
		return false;
	s->at += 3;
	return true;
}

static struct falco_node *take_not(struct parser *s)
{
	skip_blanks(s);
	struct place at = here(s);
	bool is_negated = false;
	while (take_not_word(s)) {
		is_negated = !is_negated;
		skip_blanks(s);
	}
	struct falco_node *child = take_check(s);
	if (!child || !is_negated)
		return child;
	struct falco_node *node = node_new_at(s, FALCO_NOT, at);
	if (node)
		node->first = child;
	return node;
}

/* "and" or "or", and what has to follow it. False after a report; *is_there says whether the word stood here. */
static bool take_joint(struct parser *s, const char *word, bool *is_there)
{
	skip_blanks(s);
	*is_there = take(s, word);
	if (!*is_there || is_blank(peek(s)) || peek(s) == '(')
		return true;
	char expected[48];
	snprintf(expected, sizeof(expected), "a blank or '(' behind '%s'", word);
	return refuse(s, expected) != NULL;
}

static struct falco_node *take_series(struct parser *s, enum falco_node_type type)
{
	skip_blanks(s);
	struct falco_node *series = NULL, *last = NULL;
	struct place at = here(s);
	for (bool is_more = true; is_more;) {
		struct falco_node *node = type == FALCO_AND ? take_not(s) : take_series(s, FALCO_AND);
		if (!node)
			return NULL;
		if (!last) {
			last = node;
		} else {
			if (!series) {
				series = node_new_at(s, type, at);
				if (!series)
					return NULL;
				series->first = last;
			}
			last->next = node;
			last = node;
		}
		if (!take_joint(s, type == FALCO_AND ? "and" : "or", &is_more))
			return NULL;
	}
	return series ? series : last;
}

static struct falco_node *take_or(struct parser *s)
{
	if (s->depth == FILTER_MAX_DEPTH) {
		diag_error(s->diag, here(s), "parentheses nested too deep (%d levels at most)", FILTER_MAX_DEPTH);
		return NULL;
	}
	s->depth++;
	struct falco_node *node = take_series(s, FALCO_OR);
	s->depth--;
	return node;
}

int falco_filter_parse(struct arena *arena, const struct falco_source *source, struct diag *diag, const struct falco_node **ret)
{
	struct parser s = { .arena = arena, .source = source, .diag = diag, .p = source->text.p, .n = source->text.n };
	if (source->text.n > FILTER_MAX_BYTES) {
		diag_error(diag, here(&s), "the condition is longer than %d bytes with its lists put in", FILTER_MAX_BYTES);
		return -EINVAL;
	}
	const struct falco_node *root = take_or(&s);
	if (root && s.at < s.n)
		root = refuse(&s, "'and', 'or' or the end of the condition");
	if (s.no_memory)
		return -ENOMEM;
	if (!root)
		return -EINVAL;
	*ret = root;
	return 0;
}

int falco_call_parse(struct arena *arena, const struct falco_source *source, size_t *at, struct diag *diag, const struct falco_expr **ret)
{
	struct parser s = { .arena = arena, .source = source, .diag = diag, .p = source->text.p, .n = source->text.n, .at = *at };
	const struct transformer *call = peek_call(&s);
	if (!call)
		return -ENOENT;
	const struct falco_expr *x = take_call(&s, call, 0);
	if (!x)
		return s.no_memory ? -ENOMEM : -EINVAL;
	*at = s.at;
	*ret = x;
	return 0;
}

size_t falco_field_length(struct strview text)
{
	struct parser s = { .p = text.p, .n = text.n };
	return peek_field(&s).n;
}
