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

#include "engine/import/falco_scan.h"

/* --- sides ------------------------------------------------------------------------------------------------------------------- */

/* "word.word..." or nothing. */
static struct strview peek_field(const struct falco_scan *s)
{
	size_t at = s->at, parts = 0;
	while (at < s->n && falco_is_letter(s->p[at])) {
		while (at < s->n && falco_is_word_char(s->p[at]))
			at++;
		parts++;
		if (at + 1 >= s->n || s->p[at] != '.' || !falco_is_letter(s->p[at + 1]))
			break;
		at++;
	}
	return (struct strview){ s->p + s->at, parts > 1 ? at - s->at : 0 };
}

/* The transformer whose name and "(" stand here, or NULL. */
static const struct transformer *peek_call(const struct falco_scan *s)
{
	/* in Falco's language; ours may know more */
	static const char *const known[] = { "tolower", "toupper", "b64", "basename", "len", "join", "concat", "getopt" };
	struct falco_scan look = *s;
	struct strview name = falco_scan_while(&look, falco_is_word_char);
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (sv_is(name, known[i]) && falco_scan_peek(&look) == '(')
			return transformer_find(name);
	return NULL;
}

/* "[...]", if there is one; nothing but the argument may stand inside. */
static bool take_bracket(struct falco_scan *s, struct strview *ret)
{
	if (!falco_scan_take(s, "["))
		return true;
	if (falco_is_quote(falco_scan_peek(s))) {
		if (!falco_scan_quoted(s, ret))
			return false;
	} else {
		*ret = falco_scan_while(s, falco_is_bare_argument);
		if (ret->n == 0)
			return falco_scan_refuse(s, "an argument behind '['") != NULL;
	}
	return falco_scan_take(s, "]") || falco_scan_refuse(s, "']' behind the argument") != NULL;
}

static struct falco_expr *expr_new(struct falco_scan *s, enum falco_expr_type type, struct strview text)
{
	struct falco_expr *x = falco_scan_alloc(s, sizeof(*x));
	if (x)
		*x = (struct falco_expr){ .type = type, .at = falco_scan_place(s), .text = text };
	return x;
}

static struct falco_expr *take_field(struct falco_scan *s)
{
	struct strview name = peek_field(s);
	if (name.n == 0)
		return falco_scan_refuse(s, "a field, as proc.name");
	struct falco_expr *x = expr_new(s, FALCO_FIELD, name);
	s->at += name.n;
	return x && take_bracket(s, &x->argument) ? x : NULL;
}

static struct falco_expr *take_call(struct falco_scan *s, const struct transformer *call, unsigned depth);

/* A field or a transformer. */
static struct falco_expr *take_side(struct falco_scan *s, unsigned depth)
{
	falco_scan_blanks(s);
	const struct transformer *call = peek_call(s);
	return call ? take_call(s, call, depth) : take_field(s);
}

static struct falco_expr *take_argument(struct falco_scan *s, unsigned depth);

/* "a, b" up to the closing parenthesis, which is taken. False after a report. */
static bool take_arguments(struct falco_scan *s, struct falco_expr *(*take_one)(struct falco_scan *, unsigned), unsigned depth, struct falco_expr **link)
{
	do {
		struct falco_expr *x = take_one(s, depth);
		if (!x)
			return false;
		*link = x;
		link = &x->next;
		falco_scan_blanks(s);
	} while (falco_scan_take(s, ","));
	return falco_scan_take(s, ")") || falco_scan_refuse(s, "',' or ')'") != NULL;
}

static struct falco_expr *take_item(struct falco_scan *s, unsigned depth)
{
	struct strview text;
	falco_scan_blanks(s);
	struct falco_expr *x = NULL;
	size_t from = s->at;
	if (!falco_is_quote(falco_scan_peek(s)) && !falco_scan_number(s, &text))
		return take_side(s, depth);
	s->at = from;
	x = expr_new(s, FALCO_TEXT, (struct strview){ NULL, 0 });
	if (!x || !(falco_is_quote(falco_scan_peek(s)) ? falco_scan_quoted(s, &x->text) : falco_scan_number(s, &x->text)))
		return NULL;
	return x;
}

static struct falco_expr *take_argument(struct falco_scan *s, unsigned depth)
{
	falco_scan_blanks(s);
	if (falco_scan_peek(s) != '(')
		return take_item(s, depth);
	struct falco_expr *x = expr_new(s, FALCO_LIST, (struct strview){ NULL, 0 });
	if (!x)
		return NULL;
	s->at++;
	falco_scan_blanks(s);
	if (falco_scan_take(s, ")"))
		return x;
	return take_arguments(s, take_item, depth, &x->args) ? x : NULL;
}

static struct falco_expr *take_call(struct falco_scan *s, const struct transformer *call, unsigned depth)
{
	if (depth == EXPR_MAX_DEPTH) {
		diag_error(s->diag, falco_scan_place(s), "transformers nested too deep (%d levels at most)", EXPR_MAX_DEPTH);
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

static bool add_value(struct falco_scan *s, struct falco_node *node, struct falco_value ***link, struct strview text, struct place at)
{
	struct falco_value *v = falco_scan_alloc(s, sizeof(*v));
	if (!v)
		return false;
	*v = (struct falco_value){ .text = text, .at = at };
	**link = v;
	*link = &v->next;
	node->n_values++;
	return true;
}

/* "(a, b)": the opening parenthesis stands here. */
static bool take_list(struct falco_scan *s, struct falco_node *node)
{
	struct falco_value **link = &node->values;
	s->at++;
	falco_scan_blanks(s);
	if (falco_scan_take(s, ")"))
		return true;
	do {
		struct strview text;
		falco_scan_blanks(s);
		struct place at = falco_scan_place(s);
		if (!falco_scan_text(s, &text))
			return false;
		if (!text.p)
			return falco_scan_refuse(s, "a value (text with blanks or one of ( ) , = \" ' has to be quoted)") != NULL;
		if (!add_value(s, node, &link, text, at))
			return false;
		falco_scan_blanks(s);
	} while (falco_scan_take(s, ","));
	return falco_scan_take(s, ")") || falco_scan_refuse(s, "',' or ')' in the list") != NULL;
}

/* val(field) or a transformer; *is_there says whether one of them began here. False after a report. */
static bool take_right(struct falco_scan *s, struct falco_node *node, bool *is_there)
{
	*is_there = true;
	if (falco_scan_take(s, "val(")) {
		falco_scan_blanks(s);
		node->right = take_field(s);
		falco_scan_blanks(s);
		return node->right && (falco_scan_take(s, ")") || falco_scan_refuse(s, "')'") != NULL);
	}
	const struct transformer *call = peek_call(s);
	*is_there = call != NULL;
	return !call || (node->right = take_call(s, call, 0)) != NULL;
}

static bool add_one(struct falco_scan *s, struct falco_node *node, struct strview text, struct place at)
{
	struct falco_value **link = &node->values;
	return add_value(s, node, &link, text, at);
}

static bool take_number_side(struct falco_scan *s, struct falco_node *node)
{
	struct strview text;
	struct place at = falco_scan_place(s);
	return falco_scan_number(s, &text) ? add_one(s, node, text, at) : falco_scan_refuse(s, "a number, val(field) or a transformer") != NULL;
}

static bool take_list_side(struct falco_scan *s, struct falco_node *node)
{
	struct place at = falco_scan_place(s);
	if (falco_scan_peek(s) == '(')
		return take_list(s, node);
	if (!falco_is_letter(falco_scan_peek(s)))
		return falco_scan_refuse(s, "a list in parentheses, val(field) or a transformer") != NULL;
	return add_one(s, node, falco_scan_while(s, falco_is_word_char), at);
}

/*
 * oneof, anyof, allof: a modifier when a blank and a list, or a word that is not `and` or `or`, follow; else a text as any other.
 * Whether there is one; *is_good is false after a report.
 */
static bool take_modifier(struct falco_scan *s, struct falco_node *node, bool *is_good)
{
	static const struct {
		const char *word;
		enum modifier modifier;
	} modifiers[] = { { "oneof", MODIFIER_ONEOF }, { "anyof", MODIFIER_ANYOF }, { "allof", MODIFIER_ALLOF } };
	for (size_t i = 0; i < ARRAY_SIZE(modifiers); i++) {
		struct falco_scan look = *s;
		if (!falco_scan_take(&look, modifiers[i].word) || !falco_scan_blanks(&look))
			continue;
		struct falco_scan word_at = look;
		struct strview word = falco_scan_while(&word_at, falco_is_word_char);
		bool is_name = word.n && falco_is_letter(word.p[0]) && !sv_is(word, "and") && !sv_is(word, "or");
		if (falco_scan_peek(&look) != '(' && !is_name)
			return false;
		*s = look;
		node->modifier = modifiers[i].modifier;
		*is_good = take_list_side(s, node);
		return true;
	}
	return false;
}

static bool take_string_side(struct falco_scan *s, struct falco_node *node, bool after_blank)
{
	struct strview text;
	bool is_good = true;
	if (after_blank && take_modifier(s, node, &is_good))
		return is_good;
	struct place at = falco_scan_place(s);
	if (!falco_scan_text(s, &text))
		return false;
	return text.p ? add_one(s, node, text, at) : falco_scan_refuse(s, "a value (text with blanks or one of ( ) , = \" ' has to be quoted)") != NULL;
}

/* --- checks -------------------------------------------------------------------------------------------------------------------- */

static bool is_number_op(const struct operator *op)
{
	return op->id == OP_LT || op->id == OP_LE || op->id == OP_GT || op->id == OP_GE;
}

/* The operator that stands here: of those that fit, the longest. Words that take one value end with a blank. */
static const struct operator *take_operator(struct falco_scan *s)
{
	/* in Falco's language; ours knows more */
	static const enum op_id known[] = {
		OP_EXISTS, OP_LE, OP_GE, OP_LT, OP_GT, OP_EQ2, OP_EQ, OP_NE, OP_GLOB, OP_IGLOB, OP_REGEX, OP_CONTAINS, OP_ICONTAINS,
		OP_BCONTAINS, OP_STARTSWITH, OP_BSTARTSWITH, OP_ENDSWITH, OP_INTERSECTS, OP_IN, OP_PMATCH,
	};
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		const struct operator *op = operator_get(known[i]);
		if (!sv_starts(falco_scan_rest(s), sv_from(op->text)))
			continue;
		size_t n = strlen(op->text);
		bool needs_blank = op->values == OP_VALUES_ONE && falco_is_letter(op->text[0]);
		if (needs_blank && !falco_is_blank(falco_scan_peek_at(s, n)))
			continue;
		s->at += n;
		return op;
	}
	return NULL;
}

static bool refuse_operator(struct falco_scan *s)
{
	const char *names[OP_COUNT];
	for (int i = 0; i < OP_COUNT; i++)
		names[i] = operator_get((enum op_id)i)->text;
	struct falco_scan look = *s;
	struct strview word = falco_scan_while(&look, falco_is_word_char);
	const char *near = word.n ? diag_suggest(word, names, OP_COUNT) : NULL;
	char expected[96] = "an operator";
	if (near && !sv_is(word, near))
		snprintf(expected, sizeof(expected), "an operator (did you mean '%s'?)", near);
	return falco_scan_refuse(s, expected) != NULL;
}

static bool take_comparison(struct falco_scan *s, struct falco_node *node)
{
	bool is_right = false;
	falco_scan_blanks(s);
	node->op_at = falco_scan_place(s);
	node->op = take_operator(s);
	if (!node->op)
		return refuse_operator(s);
	if (node->op->values == OP_VALUES_NONE)
		return true;
	bool after_blank = falco_scan_blanks(s);
	if (!take_right(s, node, &is_right))
		return false;
	if (is_right)
		return true;
	if (is_number_op(node->op))
		return take_number_side(s, node);
	return node->op->values == OP_VALUES_SET ? take_list_side(s, node) : take_string_side(s, node, after_blank);
}

static struct falco_node *node_new_at(struct falco_scan *s, enum falco_node_type type, struct place at)
{
	struct falco_node *node = falco_scan_alloc(s, sizeof(*node));
	if (node)
		*node = (struct falco_node){ .type = type, .at = at, .op_at = at };
	return node;
}

static struct falco_node *take_or(struct falco_scan *s);

/* What follows "(", which was taken. */
static struct falco_node *take_group(struct falco_scan *s)
{
	struct falco_node *node = take_or(s);
	falco_scan_blanks(s);
	return node && !falco_scan_take(s, ")") ? falco_scan_refuse(s, "'and', 'or' or ')'") : node;
}

/* Whether an operator follows, which no macro has. */
static bool is_compared(const struct falco_scan *s)
{
	struct falco_scan look = *s;
	bool after_blank = falco_scan_blanks(&look);
	const struct operator *op = take_operator(&look);
	bool is_word = op && falco_is_letter(op->text[0]);
	return op && (!is_word || (after_blank && !falco_is_word_char(falco_scan_peek(&look))));
}

static struct falco_node *take_check(struct falco_scan *s)
{
	falco_scan_blanks(s);
	if (falco_scan_take(s, "("))
		return take_group(s);
	bool is_check = peek_call(s) || peek_field(s).n;
	if (!is_check && !falco_is_letter(falco_scan_peek(s)))
		return falco_scan_refuse(s, "a field, a macro, 'not' or '('");
	struct falco_node *node = node_new_at(s, is_check ? FALCO_CHECK : FALCO_MACRO, falco_scan_place(s));
	if (!node)
		return NULL;
	if (!is_check) {
		struct falco_scan look = *s;
		struct strview word = falco_scan_while(s, falco_is_word_char);
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
static bool take_not_word(struct falco_scan *s)
{
	char after = sv_starts(falco_scan_rest(s), SV("not")) ? falco_scan_peek_at(s, 3) : '\0';
	if (!falco_is_blank(after) && after != '(')
		return false;
	s->at += 3;
	return true;
}

static struct falco_node *take_not(struct falco_scan *s)
{
	falco_scan_blanks(s);
	struct place at = falco_scan_place(s);
	bool is_negated = false;
	while (take_not_word(s)) {
		is_negated = !is_negated;
		falco_scan_blanks(s);
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
static bool take_joint(struct falco_scan *s, const char *word, bool *is_there)
{
	falco_scan_blanks(s);
	*is_there = falco_scan_take(s, word);
	if (!*is_there || falco_is_blank(falco_scan_peek(s)) || falco_scan_peek(s) == '(')
		return true;
	char expected[48];
	snprintf(expected, sizeof(expected), "a blank or '(' behind '%s'", word);
	return falco_scan_refuse(s, expected) != NULL;
}

static struct falco_node *take_series(struct falco_scan *s, enum falco_node_type type)
{
	falco_scan_blanks(s);
	struct falco_node *series = NULL, *last = NULL;
	struct place at = falco_scan_place(s);
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

static struct falco_node *take_or(struct falco_scan *s)
{
	if (s->depth == FILTER_MAX_DEPTH) {
		diag_error(s->diag, falco_scan_place(s), "parentheses nested too deep (%d levels at most)", FILTER_MAX_DEPTH);
		return NULL;
	}
	s->depth++;
	struct falco_node *node = take_series(s, FALCO_OR);
	s->depth--;
	return node;
}

int falco_filter_parse(struct arena *arena, const struct falco_source *source, struct diag *diag, const struct falco_node **ret)
{
	struct falco_scan s = { .arena = arena, .source = source, .diag = diag, .p = source->text.p, .n = source->text.n };
	if (source->text.n > FILTER_MAX_BYTES) {
		diag_error(diag, falco_scan_place(&s), "the condition is longer than %d bytes with its lists put in", FILTER_MAX_BYTES);
		return -EINVAL;
	}
	const struct falco_node *root = take_or(&s);
	if (root && s.at < s.n)
		root = falco_scan_refuse(&s, "'and', 'or' or the end of the condition");
	if (s.no_memory)
		return -ENOMEM;
	if (!root)
		return -EINVAL;
	*ret = root;
	return 0;
}

int falco_call_parse(struct arena *arena, const struct falco_source *source, size_t *at, struct diag *diag, const struct falco_expr **ret)
{
	struct falco_scan s = { .arena = arena, .source = source, .diag = diag, .p = source->text.p, .n = source->text.n, .at = *at };
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
	struct falco_scan s = { .p = text.p, .n = text.n };
	return peek_field(&s).n;
}
