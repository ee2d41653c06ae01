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

#include "engine/rules/scan.h"

/* "( v, v )", with names of lists replaced by their values. */
static bool take_values(struct parser *p, struct value_list *list)
{
	if (!scan_char(p, '('))
		return scan_refuse(p, "a list in parentheses") != NULL;
	if (scan_char(p, ')'))
		return true;
	do {
		struct written_value v;
		if (!scan_value(p, &v) || value_list_expand(p->c, list, v))
			return false;
	} while (scan_char(p, ','));
	return scan_char(p, ')') || scan_refuse(p, "',' or ')' in the list") != NULL;
}

/* --- sides ----------------------------------------------------------------------------------------------------------------- */

static bool take_side(struct parser *p, unsigned depth, const struct expr **ret);

/* Whether "name(" or "name[" stands here. */
static bool is_call(const struct parser *p)
{
	struct strview name = scan_name(p);
	size_t after = p->at + name.n;
	return name.n && after < p->src->text.n && (p->src->text.p[after] == '(' || p->src->text.p[after] == '[');
}

static bool take_argument(struct parser *p, unsigned depth, const struct expr **ret)
{
	scan_blanks(p);
	if (scan_peek(p) != '"' && scan_peek(p) != '\'')
		return take_side(p, depth, ret);
	struct written_value v;
	struct expr *x = arena_alloc(p->c->arena, sizeof(*x));
	if (!x) {
		p->c->no_memory = true;
		return false;
	}
	if (!scan_quoted(p, &v))
		return false;
	*x = (struct expr){ .type = EXPR_TEXT, .class = CLASS_STR, .kind = KIND_STR, .at = v.at, .text = v.text };
	*ret = x;
	return true;
}

static bool take_bracket(struct parser *p, struct strview *ret)
{
	if (scan_peek(p) != '[')
		return true;
	p->at++;
	struct written_value v;
	scan_blanks(p);
	if (scan_peek(p) == '"' || scan_peek(p) == '\'') {
		if (!scan_quoted(p, &v))
			return false;
		*ret = v.text;
	} else {
		struct strview text = scan_while(p, is_name_char);
		char *copy = arena_text(p->c->arena, text);
		p->c->no_memory |= !copy;
		*ret = (struct strview){ copy, text.n };
	}
	return scan_char(p, ']') || scan_refuse(p, "']'") != NULL;
}

static bool take_call(struct parser *p, unsigned depth, const struct expr **ret)
{
	struct expr *x = arena_alloc(p->c->arena, sizeof(*x));
	const struct expr **args = arena_alloc(p->c->arena, EXPR_MAX_ARGS * sizeof(const struct expr *));
	if (!x || !args) {
		p->c->no_memory = true;
		return false;
	}
	*x = (struct expr){ .type = EXPR_CALL, .at = scan_place(p), .args = args };
	struct strview name = scan_while(p, is_name_char);
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
	if (!scan_char(p, '('))
		return scan_refuse(p, "'('") != NULL;
	bool is_whole = true;
	do {
		if (x->n_args == EXPR_MAX_ARGS) {
			diag_error(p->c->diag, scan_place(p), "too many arguments (%d at most)", EXPR_MAX_ARGS);
			return false;
		}
		if (!take_argument(p, depth + 1, &args[x->n_args]))
			return false;
		is_whole &= args[x->n_args++] != NULL;
	} while (scan_char(p, ','));
	if (!scan_char(p, ')'))
		return scan_refuse(p, "',' or ')'") != NULL;
	*ret = is_whole ? bind_call(p->c, x) : NULL;
	return true;
}

/* name[argument] of a field: what stands between the brackets, without quotes around it. The name as fields are looked up by. */
static bool take_indexed_name(struct parser *p, struct strview *ret)
{
	size_t from = p->at;
	(void)scan_while(p, is_name_char);
	struct strview name = { p->src->text.p + from, p->at - from }, rest = sv_from_index(p->src->text, p->at + 1);
	const char *close = rest.n ? memchr(rest.p, ']', rest.n) : NULL;
	if (!close) {
		diag_error(p->c->diag, scan_place(p), "'[' without ']'");
		return false;
	}
	struct strview argument = { rest.p, (size_t)(close - rest.p) };
	p->at += argument.n + 2;
	if (argument.n >= 2 && (argument.p[0] == '"' || argument.p[0] == '\'') && argument.p[argument.n - 1] == argument.p[0])
		argument = (struct strview){ argument.p + 1, argument.n - 2 };
	if (argument.n && (argument.p[0] == '"' || argument.p[0] == '\'')) {
		diag_error(p->c->diag, scan_place(p), "one pair of quotes between '[' and ']' at most");
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
		diag_error(p->c->diag, scan_place(p), "functions nested too deep (%d levels at most)", EXPR_MAX_DEPTH);
		return false;
	}
	scan_blanks(p);
	struct place at = scan_place(p);
	struct strview name = scan_name(p);
	bool is_indexed = is_call(p) && p->src->text.p[p->at + name.n] == '[' && !transformer_find(name) && !field_lookup_own(p->c, name);
	if (is_call(p) && !is_indexed)
		return take_call(p, depth, ret);
	if (is_indexed) {
		if (!take_indexed_name(p, &name))
			return false;
		*ret = bind_field(p->c, name, at);
		return true;
	}
	name = scan_while(p, is_name_char);
	if (name.n == 0)
		return scan_refuse(p, "a field") != NULL;
	*ret = bind_field(p->c, name, at);
	return true;
}

/* --- checks ---------------------------------------------------------------------------------------------------------------- */

/* Begins as one of ours does: "=~ 'text'", "<> a". */
static bool is_foreign_symbol(struct strview rest)
{
	bool is_match = sv_starts(rest, SV("=~")) && rest.n > 2 && strchr(" \"'", rest.p[2]);
	return is_match || sv_starts(rest, SV("<>"));
}

static const struct operator *take_operator(struct parser *p)
{
	static const char *const symbols[] = { "==", "!=", "<=", ">=", "=", "<", ">" };
	scan_blanks(p);
	struct strview rest = sv_from_index(p->src->text, p->at);
	if (is_foreign_symbol(rest))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(symbols); i++) {
		if (sv_starts(rest, sv_from(symbols[i]))) {
			p->at += strlen(symbols[i]);
			return operator_find(sv_from(symbols[i]));
		}
	}
	struct strview name = scan_name(p);
	const struct operator *op = operator_find(name);
	if (op)
		p->at += name.n;
	return op;
}

static enum modifier take_modifier(struct parser *p)
{
	return scan_word(p, "oneof") ? MODIFIER_ONEOF : scan_word(p, "anyof") ? MODIFIER_ANYOF : scan_word(p, "allof") ? MODIFIER_ALLOF : MODIFIER_NONE;
}

/* Another side instead of values: val(...) or a transformer. */
static bool take_right_side(struct parser *p, struct test_draft *d)
{
	d->has_right = true;
	if (!sv_is(scan_name(p), "val"))
		return take_side(p, 0, &d->right);
	p->at += strlen("val");
	if (!scan_char(p, '('))
		return scan_refuse(p, "'('") != NULL;
	return take_side(p, 0, &d->right) && (scan_char(p, ')') || scan_refuse(p, "')'") != NULL);
}

static bool take_list_name(struct parser *p, struct value_list *list)
{
	struct place at = scan_place(p);
	struct strview name = scan_while(p, scan_is_value_char);
	char quoted[64];
	if (name.n && name.p[0] == '[') {
		diag_error(p->c->diag, at, "a list stands in parentheses: (a, b)");
		return false;
	}
	if (name.n == 0)
		return scan_refuse(p, "a list in parentheses or the name of one") != NULL;
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
	scan_blanks(p);
	bool wants_list = d->op->values == OP_VALUES_SET || d->modifier != MODIFIER_NONE;
	if (is_call(p) && d->modifier == MODIFIER_NONE)
		return take_right_side(p, d);
	if (wants_list)
		return scan_peek(p) == '(' ? take_values(p, list) : take_list_name(p, list);
	struct written_value v;
	struct strview word = scan_name(p);
	if (scan_at_end(p) || scan_peek(p) == ')' || sv_is(word, "and") || sv_is(word, "or")) {
		diag_error(p->c->diag, scan_place(p), "a value is missing after '%s'%s", d->op->text, word.n ? " (put the word in quotes if it is the value)" : "");
		return false;
	}
	if (scan_peek(p) == '(') {
		diag_error(p->c->diag, scan_place(p), "'%s' takes one value; use 'in' or '%s anyof' for several", d->op->text, d->op->text);
		return false;
	}
	return scan_value(p, &v) && value_list_add(p->c, list, v) == 0;
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
	struct strview word = scan_name(p);
	const char *near = word.n && !scan_hint(p) ? diag_suggest(word, names, OP_COUNT) : NULL;
	char quoted[64];
	if (!near)
		return scan_refuse(p, "an operator, 'and', 'or' or ')'");
	diag_error(p->c->diag, scan_place(p), "unknown operator %s (did you mean '%s'?)", scan_found(p, quoted, sizeof(quoted)), near);
	return NULL;
}

static const struct condition *take_ancestor(struct parser *p, struct place at)
{
	static const char *const allowed[] = { "process.executable", "process.name" };
	struct test_draft d = { .at = at, .is_ancestor = true };
	(void)scan_char(p, '('); /* seen by the caller */
	scan_blanks(p);
	struct place field_at = scan_place(p);
	struct strview name = scan_while(p, is_name_char);
	char quoted[64];
	if (sv_is(name, allowed[0]))
		d.left = bind_field(p->c, SV("vedette.ancestors.executable"), field_at);
	else if (sv_is(name, allowed[1]))
		d.left = bind_field(p->c, SV("vedette.ancestors.name"), field_at);
	else
		diag_error(p->c->diag, field_at, "ancestor() knows process.executable and process.name, not %s", diag_quote(name, quoted, sizeof(quoted)));
	scan_blanks(p);
	d.op_at = scan_place(p);
	d.op = take_operator(p);
	if (!d.op)
		return refuse_operator(p);
	const struct condition *c = take_comparison(p, &d);
	if (c && !scan_char(p, ')'))
		return scan_refuse(p, "')' behind the condition of ancestor()");
	return c;
}

/* A field or macro without operator. */
static const struct condition *bind_bare(struct parser *p, struct strview name, struct place at)
{
	struct compiler *c = p->c;
	char quoted[80];
	if (sv_is(name, "true") || sv_is(name, "false"))
		return node_settled(c, sv_is(name, "true"), at, sv_is(name, "true") ? "it says `true`" : "it says `false`");
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
	struct strview name = scan_name(p);
	return scan_at_end(p) || scan_peek(p) == ')' || sv_is(name, "and") || sv_is(name, "or");
}

/* NOT is no keyword, but a macro may be called so. */
static bool is_foreign_not(const struct parser *p, struct strview name)
{
	return (sv_is(name, "NOT") || sv_is(name, "Not")) && !strmap_get(&p->c->macros, name);
}

static const struct condition *take_check(struct parser *p)
{
	struct test_draft d = { .at = scan_place(p) };
	struct strview name = scan_name(p);
	if (name.n == 0 || sv_is(name, "and") || sv_is(name, "or") || is_foreign_not(p, name))
		return scan_refuse(p, "a field, a macro, 'not' or '('");
	size_t from = p->at;
	if (is_call(p) && sv_is(name, "ancestor")) {
		p->at += name.n;
		return take_ancestor(p, d.at);
	}
	bool is_bare = !is_call(p);
	if (is_bare) {
		p->at += name.n;
		scan_blanks(p);
		bool is_whole = sv_is(name, "true") || sv_is(name, "false") || strmap_get(&p->c->macros, name);
		if (is_whole || ends_here(p))
			return bind_bare(p, name, d.at);
		p->at = from;
	}
	if (!take_side(p, 0, &d.left))
		return NULL;
	scan_blanks(p);
	d.op_at = scan_place(p);
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
	if (c && !scan_char(p, ')')) {
		scan_blanks(p);
		if (!scan_at_end(p))
			return scan_refuse(p, "'and', 'or' or ')'");
		diag_error(p->c->diag, source_place(p->src, open_at), "the parenthesis is never closed");
		return NULL;
	}
	return c;
}

static const struct condition *take_not(struct parser *p)
{
	scan_blanks(p);
	struct place at = scan_place(p);
	bool is_negated = false;
	while (scan_word(p, "not"))
		is_negated = !is_negated;
	scan_blanks(p);
	const struct condition *c = scan_peek(p) == '(' ? take_group(p) : take_check(p);
	return c && is_negated ? node_not(p->c, c, at) : c;
}

static const struct condition *take_series(struct parser *p, enum node_type type)
{
	CLEANUP(node_list_done) struct node_list list = { 0 };
	scan_blanks(p);
	struct place at = scan_place(p);
	const char *word = type == NODE_AND ? "and" : "or";
	do {
		const struct condition *c = type == NODE_AND ? take_not(p) : take_series(p, NODE_AND);
		if (!c || !node_list_add(p->c, &list, c))
			return NULL;
	} while (scan_word(p, word));
	return node_group(p->c, type, list.p, list.n, at);
}

static const struct condition *take_or(struct parser *p)
{
	if (p->c->depth == CONDITION_MAX_DEPTH) {
		diag_error(p->c->diag, scan_place(p), "nested too deep (%d levels at most, macros included)", CONDITION_MAX_DEPTH);
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
	scan_blanks(&p);
	if (!scan_at_end(&p))
		return scan_refuse(&p, "'and', 'or' or the end of the condition");
	return root;
}

const struct expr *side_parse(struct compiler *c, const struct text_source *source, size_t from)
{
	struct parser p = { .c = c, .src = source, .at = from };
	const struct expr *side = NULL;
	if (!take_side(&p, 0, &side))
		return NULL;
	scan_blanks(&p);
	return scan_at_end(&p) ? side : scan_refuse(&p, "the end of the field or function");
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
