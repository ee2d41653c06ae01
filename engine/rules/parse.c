/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The grammar of conditions, by recursive descent with a bounded depth:
 *
 *   or    = and { "or" and }
 *   and   = not { "and" not }
 *   not   = "not" not | "(" or ")" | check
 *   check = side [ operator right ] | macro | "true" | "false" | "ancestor" "(" field operator right ")"
 *   side  = field [ "[" text "]" ] | transformer [ "[" text "]" ] "(" argument { "," argument } ")"
 *   right = value | "(" [ value { "," value } ] ")" | list | "val" "(" side ")" | transformer...
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/rules/compile.h"

struct parser {
	struct compiler *c;
	const struct text_source *src;
	size_t at;
};

/* --- scanning -------------------------------------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\b';
}

bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-' || c == '@';
}

static bool is_value_char(char c)
{
	return !is_blank(c) && !strchr("(),=\"'", c) && c != '\0';
}

static char peek(const struct parser *p)
{
	return p->at < p->src->text.n ? p->src->text.p[p->at] : '\0';
}

static bool at_end(const struct parser *p)
{
	return p->at >= p->src->text.n;
}

static void skip_blanks(struct parser *p)
{
	while (!at_end(p) && is_blank(peek(p)))
		p->at++;
}

static struct place here(const struct parser *p)
{
	return source_place(p->src, p->at);
}

static struct strview take_while(struct parser *p, bool (*is_part)(char))
{
	size_t from = p->at;
	while (!at_end(p) && is_part(peek(p)))
		p->at++;
	return (struct strview){ p->src->text.p + from, p->at - from };
}

/* The name that stands here, without taking it. */
static struct strview peek_name(const struct parser *p)
{
	struct parser look = *p;
	return take_while(&look, is_name_char);
}

static bool take_char(struct parser *p, char c)
{
	skip_blanks(p);
	if (at_end(p) || peek(p) != c)
		return false;
	p->at++;
	return true;
}

static bool take_word(struct parser *p, const char *word)
{
	skip_blanks(p);
	if (!sv_is(peek_name(p), word))
		return false;
	p->at += strlen(word);
	return true;
}

/* "found 'x'" for messages: the word or byte that stands here. */
static const char *found(const struct parser *p, char *buffer, size_t size)
{
	if (at_end(p))
		return "the end of the condition";
	struct parser look = *p;
	struct strview word = take_while(&look, is_value_char);
	if (word.n == 0)
		word = (struct strview){ p->src->text.p + p->at, 1 };
	return diag_quote(word, buffer, size);
}

static void *refuse(struct parser *p, const char *expected)
{
	char quoted[64];
	skip_blanks(p);
	diag_error(p->c->diag, here(p), "expected %s, found %s", expected, found(p, quoted, sizeof(quoted)));
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
	char c = peek(p);
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

static bool take_quoted(struct parser *p, struct written_value *ret)
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
		char c = peek(p);
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

static bool take_value(struct parser *p, struct written_value *ret)
{
	skip_blanks(p);
	if (peek(p) == '"' || peek(p) == '\'')
		return take_quoted(p, ret);
	struct place at = here(p);
	struct strview text = take_while(p, is_value_char);
	if (text.n == 0) {
		refuse(p, "a value (text with blanks or one of ( ) , = \" ' has to be quoted)");
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

/* "( v, v )", with names of lists replaced by their values. */
static bool take_values(struct parser *p, struct value_list *list)
{
	if (!take_char(p, '('))
		return refuse(p, "a list in parentheses") != NULL;
	if (take_char(p, ')'))
		return true;
	do {
		struct written_value v;
		if (!take_value(p, &v) || value_list_expand(p->c, list, v))
			return false;
	} while (take_char(p, ','));
	return take_char(p, ')') || refuse(p, "',' or ')' in the list") != NULL;
}

/* --- sides ----------------------------------------------------------------------------------------------------------------- */

static bool take_side(struct parser *p, unsigned depth, const struct expr **ret);

/* Whether "name(" or "name[" stands here. */
static bool is_call(const struct parser *p)
{
	struct strview name = peek_name(p);
	size_t after = p->at + name.n;
	return name.n && after < p->src->text.n && (p->src->text.p[after] == '(' || p->src->text.p[after] == '[');
}

static bool take_argument(struct parser *p, unsigned depth, const struct expr **ret)
{
	skip_blanks(p);
	if (peek(p) != '"' && peek(p) != '\'')
		return take_side(p, depth, ret);
	struct written_value v;
	struct expr *x = arena_alloc(p->c->arena, sizeof(*x));
	if (!x) {
		p->c->no_memory = true;
		return false;
	}
	if (!take_quoted(p, &v))
		return false;
	*x = (struct expr){ .type = EXPR_TEXT, .class = CLASS_STR, .kind = KIND_STR, .at = v.at, .text = v.text };
	*ret = x;
	return true;
}

static bool take_bracket(struct parser *p, struct strview *ret)
{
	if (peek(p) != '[')
		return true;
	p->at++;
	struct written_value v;
	skip_blanks(p);
	if (peek(p) == '"' || peek(p) == '\'') {
		if (!take_quoted(p, &v))
			return false;
		*ret = v.text;
	} else {
		struct strview text = take_while(p, is_name_char);
		char *copy = arena_text(p->c->arena, text);
		p->c->no_memory |= !copy;
		*ret = (struct strview){ copy, text.n };
	}
	return take_char(p, ']') || refuse(p, "']'") != NULL;
}

static bool take_call(struct parser *p, unsigned depth, const struct expr **ret)
{
	struct expr *x = arena_alloc(p->c->arena, sizeof(*x));
	const struct expr **args = arena_alloc(p->c->arena, EXPR_MAX_ARGS * sizeof(const struct expr *));
	if (!x || !args) {
		p->c->no_memory = true;
		return false;
	}
	*x = (struct expr){ .type = EXPR_CALL, .at = here(p), .args = args };
	struct strview name = take_while(p, is_name_char);
	x->call = transformer_find(name);
	if (!x->call) {
		char quoted[64];
		bool is_field = field_lookup(p->c, name) != NULL;
		diag_error(p->c->diag, x->at, is_field ? "field %s takes no argument" :
			   "unknown function %s: there are tolower toupper b64 basename len text concat join getopt, and ancestor",
			   diag_quote(name, quoted, sizeof(quoted)));
		return false;
	}
	if (!take_bracket(p, &x->text))
		return false;
	if (!take_char(p, '('))
		return refuse(p, "'('") != NULL;
	bool is_whole = true;
	do {
		if (x->n_args == EXPR_MAX_ARGS) {
			diag_error(p->c->diag, here(p), "too many arguments (%d at most)", EXPR_MAX_ARGS);
			return false;
		}
		if (!take_argument(p, depth + 1, &args[x->n_args]))
			return false;
		is_whole &= args[x->n_args++] != NULL;
	} while (take_char(p, ','));
	if (!take_char(p, ')'))
		return refuse(p, "',' or ')'") != NULL;
	*ret = is_whole ? bind_call(p->c, x) : NULL;
	return true;
}

/* name[argument] of a field: what stands between the brackets, without quotes around it. The name as fields are looked up by. */
static bool take_indexed_name(struct parser *p, struct strview *ret)
{
	size_t from = p->at;
	(void)take_while(p, is_name_char);
	struct strview name = { p->src->text.p + from, p->at - from }, rest = sv_from_index(p->src->text, p->at + 1);
	const char *close = rest.n ? memchr(rest.p, ']', rest.n) : NULL;
	if (!close) {
		diag_error(p->c->diag, here(p), "'[' without ']'");
		return false;
	}
	struct strview argument = { rest.p, (size_t)(close - rest.p) };
	p->at += argument.n + 2;
	if (argument.n >= 2 && (argument.p[0] == '"' || argument.p[0] == '\'') && argument.p[argument.n - 1] == argument.p[0])
		argument = (struct strview){ argument.p + 1, argument.n - 2 };
	if (argument.n && (argument.p[0] == '"' || argument.p[0] == '\'')) {
		diag_error(p->c->diag, here(p), "one pair of quotes between '[' and ']' at most");
		return false;
	}
	char *whole = arena_alloc(p->c->arena, name.n + argument.n + 3);
	if (!whole) {
		p->c->no_memory = true;
		return false;
	}
	memcpy(whole, name.p, name.n);
	whole[name.n] = '[';
	memcpy(whole + name.n + 1, argument.p, argument.n);
	whole[name.n + 1 + argument.n] = ']';
	*ret = (struct strview){ whole, name.n + argument.n + 2 };
	return true;
}

/* False on a syntax fault; *ret is NULL when the side has a fault that was reported. */
static bool take_side(struct parser *p, unsigned depth, const struct expr **ret)
{
	if (depth > EXPR_MAX_DEPTH) {
		diag_error(p->c->diag, here(p), "functions nested too deep (%d levels at most)", EXPR_MAX_DEPTH);
		return false;
	}
	skip_blanks(p);
	struct place at = here(p);
	struct strview name = peek_name(p);
	bool is_indexed = is_call(p) && p->src->text.p[p->at + name.n] == '[' && !transformer_find(name) && !field_lookup_own(p->c, name);
	if (is_call(p) && !is_indexed)
		return take_call(p, depth, ret);
	if (is_indexed) {
		if (!take_indexed_name(p, &name))
			return false;
		*ret = bind_field(p->c, name, at);
		return true;
	}
	name = take_while(p, is_name_char);
	if (name.n == 0)
		return refuse(p, "a field") != NULL;
	*ret = bind_field(p->c, name, at);
	return true;
}

/* --- checks ---------------------------------------------------------------------------------------------------------------- */

static const struct operator *take_operator(struct parser *p)
{
	static const char *const symbols[] = { "==", "!=", "<=", ">=", "=", "<", ">" };
	skip_blanks(p);
	struct strview rest = sv_from_index(p->src->text, p->at);
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		if (sv_starts(rest, sv_from(symbols[i]))) {
			p->at += strlen(symbols[i]);
			return operator_find(sv_from(symbols[i]));
		}
	}
	struct strview name = peek_name(p);
	const struct operator *op = operator_find(name);
	if (op)
		p->at += name.n;
	return op;
}

static enum modifier take_modifier(struct parser *p)
{
	return take_word(p, "oneof") ? MODIFIER_ONEOF : take_word(p, "anyof") ? MODIFIER_ANYOF : take_word(p, "allof") ? MODIFIER_ALLOF : MODIFIER_NONE;
}

/* Another side instead of values: val(...) or a transformer. */
static bool take_right_side(struct parser *p, struct test_draft *d)
{
	d->has_right = true;
	if (!sv_is(peek_name(p), "val"))
		return take_side(p, 0, &d->right);
	p->at += strlen("val");
	if (!take_char(p, '('))
		return refuse(p, "'('") != NULL;
	return take_side(p, 0, &d->right) && (take_char(p, ')') || refuse(p, "')'") != NULL);
}

static bool take_list_name(struct parser *p, struct value_list *list)
{
	struct place at = here(p);
	struct strview name = take_while(p, is_value_char);
	char quoted[64];
	if (name.n == 0)
		return refuse(p, "a list in parentheses or the name of one") != NULL;
	if (!strmap_get(&p->c->lists, name)) {
		diag_error(p->c->diag, at, "no list has the name %s; values stand in parentheses: (a, b)", diag_quote(name, quoted, sizeof(quoted)));
		return true; /* the sentence goes on behind it */
	}
	return value_list_expand(p->c, list, (struct written_value){ .text = name, .at = at }) == 0;
}

static bool take_right(struct parser *p, struct test_draft *d, struct value_list *list)
{
	if (d->op->values == OP_VALUES_NONE)
		return true;
	d->modifier = d->op->values == OP_VALUES_ONE ? take_modifier(p) : MODIFIER_NONE;
	skip_blanks(p);
	bool wants_list = d->op->values == OP_VALUES_SET || d->modifier != MODIFIER_NONE;
	if (is_call(p) && d->modifier == MODIFIER_NONE)
		return take_right_side(p, d);
	if (wants_list)
		return peek(p) == '(' ? take_values(p, list) : take_list_name(p, list);
	struct written_value v;
	struct strview word = peek_name(p);
	if (at_end(p) || peek(p) == ')' || sv_is(word, "and") || sv_is(word, "or")) {
		diag_error(p->c->diag, here(p), "a value is missing after '%s'%s", d->op->text, word.n ? " (put the word in quotes if it is the value)" : "");
		return false;
	}
	if (peek(p) == '(') {
		diag_error(p->c->diag, here(p), "'%s' takes one value; use 'in' or '%s anyof' for several", d->op->text, d->op->text);
		return false;
	}
	return take_value(p, &v) && value_list_add(p->c, list, v) == 0;
}

/* What follows a left side: operator and values. NULL after a syntax fault. */
static const struct condition *take_comparison(struct parser *p, struct test_draft *d)
{
	CLEANUP(value_list_done) struct value_list list = { 0 };
	if (!take_right(p, d, &list))
		return NULL;
	d->values = list.p;
	d->n = list.n;
	return bind_test(p->c, d);
}

static void *refuse_operator(struct parser *p)
{
	const char *names[OP_COUNT];
	for (int i = 0; i < OP_COUNT; i++)
		names[i] = operator_get((enum op_id)i)->text;
	struct strview word = peek_name(p);
	const char *near = word.n ? diag_suggest(word, names, OP_COUNT) : NULL;
	char quoted[64];
	if (!near)
		return refuse(p, "an operator, 'and', 'or' or ')'");
	diag_error(p->c->diag, here(p), "unknown operator %s (did you mean '%s'?)", found(p, quoted, sizeof(quoted)), near);
	return NULL;
}

static const struct condition *take_ancestor(struct parser *p, struct place at)
{
	static const char *const allowed[] = { "process.executable", "process.name" };
	struct test_draft d = { .at = at, .is_ancestor = true };
	(void)take_char(p, '('); /* seen by the caller */
	skip_blanks(p);
	struct place field_at = here(p);
	struct strview name = take_while(p, is_name_char);
	char quoted[64];
	if (sv_is(name, allowed[0]))
		d.left = bind_field(p->c, SV("vedette.ancestors.executable"), field_at);
	else if (sv_is(name, allowed[1]))
		d.left = bind_field(p->c, SV("vedette.ancestors.name"), field_at);
	else
		diag_error(p->c->diag, field_at, "ancestor() knows process.executable and process.name, not %s", diag_quote(name, quoted, sizeof(quoted)));
	skip_blanks(p);
	d.op_at = here(p);
	d.op = take_operator(p);
	if (!d.op)
		return refuse_operator(p);
	const struct condition *c = take_comparison(p, &d);
	if (c && !take_char(p, ')'))
		return refuse(p, "')' behind the condition of ancestor()");
	return c;
}

/* A field or macro without operator. */
static const struct condition *bind_bare(struct parser *p, struct strview name, struct place at)
{
	struct compiler *c = p->c;
	char quoted[80];
	if (sv_is(name, "true") || sv_is(name, "false"))
		return node_const(c, sv_is(name, "true"), at);
	struct named_macro *macro = strmap_get(&c->macros, name);
	if (macro) {
		macro->is_used = true;
		const struct condition *body = macro_resolve(c, macro, at);
		struct condition *copy = body ? arena_alloc(c->arena, sizeof(*copy)) : NULL;
		if (!copy)
			return c->no_memory ? NULL : node_const(c, false, at);
		*copy = *body;
		copy->at = at;
		copy->macro = macro->name.p;
		return copy;
	}
	bool is_field = memchr(name.p, '.', name.n) != NULL || field_lookup(c, name);
	if (is_field) {
		struct test_draft d = { .at = at, .op_at = at, .left = bind_field(c, name, at), .op = operator_get(OP_EQ) };
		if (d.left && d.left->class != CLASS_BOOL) {
			diag_error(c->diag, at, "field %s is %s: compare it with something, or ask whether it 'exists'",
				   diag_quote(name, quoted, sizeof(quoted)), kind_get(d.left->kind)->doc);
			return node_const(c, false, at);
		}
		struct written_value v = { .text = SV("true"), .at = at };
		d.values = &v;
		d.n = 1;
		return bind_test(c, &d);
	}
	const char *near = diag_suggest(name, c->macro_names, c->n_macro_names);
	diag_error(c->diag, at, "unknown macro %s%s%s%s", diag_quote(name, quoted, sizeof(quoted)), near ? " (did you mean '" : "", near ? near : "",
		   near ? "'?)" : "");
	return node_const(c, false, at);
}

static bool ends_here(const struct parser *p)
{
	struct strview name = peek_name(p);
	return at_end(p) || peek(p) == ')' || sv_is(name, "and") || sv_is(name, "or");
}

static const struct condition *take_check(struct parser *p)
{
	struct test_draft d = { .at = here(p) };
	struct strview name = peek_name(p);
	if (name.n == 0 || sv_is(name, "and") || sv_is(name, "or"))
		return refuse(p, "a field, a macro, 'not' or '('");
	size_t from = p->at;
	if (is_call(p) && sv_is(name, "ancestor")) {
		p->at += name.n;
		return take_ancestor(p, d.at);
	}
	bool is_bare = !is_call(p);
	if (is_bare) {
		p->at += name.n;
		skip_blanks(p);
		bool is_whole = sv_is(name, "true") || sv_is(name, "false") || strmap_get(&p->c->macros, name);
		if (is_whole || ends_here(p))
			return bind_bare(p, name, d.at);
		p->at = from;
	}
	if (!take_side(p, 0, &d.left))
		return NULL;
	skip_blanks(p);
	d.op_at = here(p);
	d.op = take_operator(p);
	return d.op ? take_comparison(p, &d) : refuse_operator(p);
}

/* --- and, or, not ---------------------------------------------------------------------------------------------------------- */

struct node_list {
	const struct condition **p; /* owned */
	size_t n, size;
};

static void node_list_done(struct node_list *list)
{
	free(list->p);
}

static bool node_list_add(struct compiler *c, struct node_list *list, const struct condition *node)
{
	if (list->n == list->size) {
		size_t size = list->size ? 2 * list->size : 8;
		const struct condition **bigger = realloc(list->p, size * sizeof(const struct condition *));
		if (!bigger) {
			c->no_memory = true;
			return false;
		}
		list->p = bigger;
		list->size = size;
	}
	list->p[list->n++] = node;
	return true;
}

static const struct condition *take_or(struct parser *p);

static const struct condition *take_group(struct parser *p)
{
	size_t open_at = p->at++;
	const struct condition *c = take_or(p);
	if (c && !take_char(p, ')')) {
		skip_blanks(p);
		if (!at_end(p))
			return refuse(p, "'and', 'or' or ')'");
		diag_error(p->c->diag, source_place(p->src, open_at), "the parenthesis is never closed");
		return NULL;
	}
	return c;
}

static const struct condition *take_not(struct parser *p)
{
	skip_blanks(p);
	struct place at = here(p);
	bool is_negated = false;
	while (take_word(p, "not"))
		is_negated = !is_negated;
	skip_blanks(p);
	const struct condition *c = peek(p) == '(' ? take_group(p) : take_check(p);
	return c && is_negated ? node_not(p->c, c, at) : c;
}

static const struct condition *take_series(struct parser *p, enum node_type type)
{
	CLEANUP(node_list_done) struct node_list list = { 0 };
	skip_blanks(p);
	struct place at = here(p);
	const char *word = type == NODE_AND ? "and" : "or";
	do {
		const struct condition *c = type == NODE_AND ? take_not(p) : take_series(p, NODE_AND);
		if (!c || !node_list_add(p->c, &list, c))
			return NULL;
	} while (take_word(p, word));
	return node_group(p->c, type, list.p, list.n, at);
}

static const struct condition *take_or(struct parser *p)
{
	if (p->c->depth == CONDITION_MAX_DEPTH) {
		diag_error(p->c->diag, here(p), "nested too deep (%d levels at most, macros included)", CONDITION_MAX_DEPTH);
		return NULL;
	}
	p->c->depth++;
	const struct condition *c = take_series(p, NODE_OR);
	p->c->depth--;
	return c;
}

const struct condition *condition_parse(struct compiler *c, const struct text_source *source)
{
	struct parser p = { .c = c, .src = source };
	if (source->text.n > CONDITION_MAX_BYTES) {
		diag_error(c->diag, source_place(source, 0), "the condition is longer than %d bytes", CONDITION_MAX_BYTES);
		return NULL;
	}
	const struct condition *root = take_or(&p);
	if (!root)
		return NULL;
	skip_blanks(&p);
	if (!at_end(&p))
		return refuse(&p, "'and', 'or' or the end of the condition");
	return root;
}

/* A part of a macro, in the file it stands in. */
static const struct condition *parse_part(struct compiler *c, const struct yaml_node *when, const struct raw_file *file)
{
	CLEANUP(source_done) struct text_source source = { 0 };
	if (source_of_node(when, file, &source)) {
		c->no_memory = true;
		return NULL;
	}
	const char *user = c->file;
	c->file = source.file;
	const struct condition *condition = condition_parse(c, &source);
	c->file = user;
	return condition;
}

/* Parts of the same kind that follow one another stand side by side, so that many of them nest no deeper than one. */
static const struct condition *parse_macro(struct compiler *c, const struct named_macro *macro)
{
	CLEANUP(node_list_done) struct node_list list = { 0 };
	const char *user = c->file;
	const struct macro_part *part = macro->more;
	const struct condition *whole = parse_part(c, macro->when, macro->file);
	while (part && whole) {
		const struct macro_part *first = part;
		list.n = 0;
		bool is_good = node_list_add(c, &list, whole);
		for (; is_good && part && part->type == first->type; part = part->next) {
			const struct condition *one = parse_part(c, part->when, part->file);
			is_good = one && node_list_add(c, &list, one);
		}
		c->file = first->file ? first->file->name : user;
		whole = is_good ? node_group(c, first->type, list.p, list.n, first->when->at) : NULL;
		c->file = user;
	}
	return whole;
}

const struct condition *macro_resolve(struct compiler *c, struct named_macro *macro, struct place used_at)
{
	char quoted[80];
	if (macro->state == RESOLVE_DONE)
		return macro->condition;
	if (macro->state == RESOLVE_BUSY) {
		diag_error(c->diag, used_at, "macro %s is made of itself", diag_quote(macro->name, quoted, sizeof(quoted)));
		return NULL;
	}
	macro->state = RESOLVE_BUSY;
	macro->condition = parse_macro(c, macro);
	macro->state = RESOLVE_DONE;
	return macro->condition;
}
