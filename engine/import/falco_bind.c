/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what was written to conditions as ours: macros looked up where they can be seen, fields found, types checked. What Falco
 * gives a meaning of its own is turned here; the rest is bound as our own language is.
 */
#include <errno.h>
#include <stdlib.h>

#include "engine/import/falco.h"

struct falco_macro *falco_macro_find(struct falco *f, struct strview name, unsigned visibility)
{
	struct falco_macro *macro = strmap_get(&f->macro_names, name);
	return macro && macro->index < visibility ? macro : NULL;
}

/* --- sides ------------------------------------------------------------------------------------------------------------------- */

/* "name" or "name[argument]". p is NULL without memory. */
static struct strview full_name(struct compiler *c, const struct falco_expr *x)
{
	if (!x->argument.p)
		return x->text;
	char *name = arena_alloc(c->arena, x->text.n + x->argument.n + 3);
	if (!name) {
		c->no_memory = true;
		return (struct strview){ NULL, 0 };
	}
	size_t n = x->text.n;
	memcpy(name, x->text.p, n);
	name[n++] = '[';
	if (x->argument.n)
		memcpy(name + n, x->argument.p, x->argument.n);
	n += x->argument.n;
	name[n++] = ']';
	return (struct strview){ name, n };
}

static const struct expr *text_expr(struct falco *f, const struct falco_expr *x)
{
	struct expr *text = arena_alloc(f->c->arena, sizeof(*text));
	char *copy = arena_text(f->c->arena, x->text);
	if (!text || !copy) {
		f->c->no_memory = true;
		return NULL;
	}
	*text = (struct expr){ .type = EXPR_TEXT, .class = CLASS_STR, .kind = KIND_STR, .at = x->at, .text = { copy, x->text.n } };
	return text;
}

/* What is neither text nor a list of texts, as messages show it: join and concat take numbers, too. */
static const struct expr *as_text(struct falco *f, const struct expr *x)
{
	if (x->class == CLASS_STR || x->class == CLASS_LIST)
		return x;
	const struct expr **args = arena_alloc(f->c->arena, sizeof(const struct expr *));
	if (!args) {
		f->c->no_memory = true;
		return NULL;
	}
	args[0] = x;
	struct expr call = { .type = EXPR_CALL, .at = x->at, .call = transformer_find(SV("text")), .args = args, .n_args = 1 };
	return bind_call(f->c, &call);
}

/* Arguments one after the other, those of lists among them. False after a report. */
static bool bind_arguments(struct falco *f, const struct falco_expr *first, struct expr *call)
{
	for (const struct falco_expr *x = first; x; x = x->next) {
		if (x->type == FALCO_LIST) {
			if (!bind_arguments(f, x->args, call))
				return false;
			continue;
		}
		if (call->n_args == EXPR_MAX_ARGS) {
			diag_error(f->c->diag, x->at, "too many arguments (%d at most)", EXPR_MAX_ARGS);
			return false;
		}
		const struct expr *arg = falco_bind_expr(f, x);
		if (arg && call->call->max_args > 1)
			arg = as_text(f, arg);
		if (!arg)
			return false;
		call->args[call->n_args++] = arg;
	}
	return true;
}

static const struct expr *bind_transformer(struct falco *f, const struct falco_expr *x)
{
	const struct expr **args = arena_alloc(f->c->arena, EXPR_MAX_ARGS * sizeof(const struct expr *));
	char *argument = x->argument.p ? arena_text(f->c->arena, x->argument) : NULL;
	if (!args || (x->argument.p && !argument)) {
		f->c->no_memory = true;
		return NULL;
	}
	struct expr call = { .type = EXPR_CALL, .at = x->at, .call = transformer_find(x->text), .args = args, .text = { argument, x->argument.n } };
	return bind_arguments(f, x->args, &call) ? bind_call(f->c, &call) : NULL;
}

/* Recursion is bounded by EXPR_MAX_DEPTH, which the parser keeps to. */
const struct expr *falco_bind_expr(struct falco *f, const struct falco_expr *x)
{
	switch (x->type) {
	case FALCO_FIELD: {
		struct strview name = full_name(f->c, x);
		bool was_told = name.p && diag_refuses(f->c->diag, x->at) && !field_lookup(f->c, name); /* of a macro, by itself */
		return name.p && !was_told ? bind_field(f->c, name, x->at) : NULL;
	}
	case FALCO_CALL:
		return bind_transformer(f, x);
	case FALCO_TEXT:
		return text_expr(f, x);
	case FALCO_LIST:
		break;
	}
	diag_error(f->c->diag, x->at, "a list cannot stand here");
	return NULL;
}

/* --- what Falco gives a meaning of its own ----------------------------------------------------------------------------------- */

/* Both ends of a connection under one name. */
static const struct {
	const char *either, *client, *server;
} ends[] = {
	{ "fd.ip", "fd.cip", "fd.sip" },
	{ "fd.net", "fd.cnet", "fd.snet" },
	{ "fd.port", "fd.cport", "fd.sport" },
	{ "fd.proto", "fd.cproto", "fd.sproto" },
};

enum { ENDS_MAX_ONEOF = 16 }; /* the condition grows with their square */

static bool is_field(const struct falco_expr *x, const char *name)
{
	return x->type == FALCO_FIELD && !x->argument.p && sv_is(x->text, name);
}

static bool value_is(const struct falco_node *node, const char *text)
{
	return node->n_values == 1 && sv_is(node->values->text, text);
}

/* An answer that holds for every event: the number of an event is never 0, and there are no events of entering a call. NULL: none. */
static const struct condition *bind_fixed(struct falco *f, const struct falco_node *node)
{
	enum op_id op = node->op->id;
	bool is_equal = op == OP_EQ || op == OP_EQ2 || op == OP_IN;
	if (is_field(node->left, "evt.num") && !node->right && value_is(node, "0") && node->modifier == MODIFIER_NONE) {
		if (is_equal || op == OP_LT || op == OP_LE) /* the first has 1 */
			return node_const(f->c, false, node->at);
		if (op == OP_NE || op == OP_GE || op == OP_GT)
			return node_const(f->c, true, node->at);
	}
	if (!is_field(node->left, "evt.dir"))
		return NULL;
	diag_warn(f->c->diag, node->at, "evt.dir is deprecated: only ends of calls are seen, so '<' is always true and '>' never");
	if (op == OP_EXISTS)
		return node_const(f->c, true, node->at);
	bool holds = value_is(node, "<");
	for (const struct falco_value *v = node->values; v && op == OP_IN; v = v->next)
		holds |= sv_is(v->text, "<");
	return node_const(f->c, op == OP_NE ? !holds : holds, node->at);
}

/* Falco marks these as good for the left side alone. */
static bool is_left_only(struct strview name)
{
	static const char *const names[] = {
		"fd.ip", "fd.net", "fd.port", "fd.proto", "fd.cnet", "fd.snet", "fd.lnet", "fd.rnet", "proc.aname", "proc.aexe", "proc.aexepath",
		"proc.apid", "proc.acmdline", "proc.aenv",
	};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (sv_is(name, names[i]))
			return true;
	return false;
}

/* --- checks -------------------------------------------------------------------------------------------------------------------- */

static const struct condition *bind_draft(struct falco *f, const struct falco_node *node, struct test_draft *d)
{
	CLEANUP(value_list_done) struct value_list list = { 0 };
	for (const struct falco_value *v = node->values; v; v = v->next)
		if (value_list_add(f->c, &list, falco_value_read(f->c, d, v)))
			return NULL;
	d->values = list.p;
	d->n = list.n;
	return bind_test(f->c, d);
}

static const struct condition *bind_side(struct falco *f, const struct falco_node *node, const struct falco_expr *left)
{
	struct test_draft d = { .at = node->at, .op_at = node->op_at, .op = node->op, .modifier = node->modifier };
	d.left = falco_bind_expr(f, left);
	d.has_right = node->right != NULL;
	if (node->right && is_left_only(node->right->text)) {
		diag_error(f->c->diag, node->right->at, "%.*s cannot stand on the right side", (int)node->right->text.n, node->right->text.p);
		return node_const(f->c, false, node->at);
	}
	d.right = node->right ? falco_bind_expr(f, node->right) : NULL;
	return bind_draft(f, node, &d);
}

static const struct condition *either_end(struct falco *f, const struct falco_node *node, const struct falco_expr *client, const struct falco_expr *server)
{
	const struct condition *both[] = { bind_side(f, node, client), bind_side(f, node, server) };
	return both[0] && both[1] ? node_group(f->c, NODE_OR, both, ARRAY_SIZE(both), node->at) : NULL;
}

/* fd.ip and its like: what holds for the client's or for the server's end. */
static const struct condition *bind_both(struct falco *f, const struct falco_node *node, size_t i)
{
	struct falco_expr client = *node->left, server = *node->left;
	client.text = sv_from(ends[i].client);
	server.text = sv_from(ends[i].server);
	struct falco_node positive = *node, known = *node;
	bool is_unequal = node->op->id == OP_NE;
	if (is_unequal)
		positive.op = operator_get(OP_EQ);
	const struct condition *some = either_end(f, &positive, &client, &server);
	if (!some || !is_unequal)
		return some;
	/* one end is often not known yet: unequal means that neither is equal, and that there is one */
	known.op = operator_get(OP_EXISTS);
	known.values = NULL;
	known.right = NULL;
	known.modifier = MODIFIER_NONE;
	const struct condition *both[] = { node_not(f->c, some, node->at), either_end(f, &known, &client, &server) };
	return both[0] && both[1] ? node_group(f->c, NODE_AND, both, ARRAY_SIZE(both), node->at) : NULL;
}

/* Some, all, or exactly one of the conditions. */
static const struct condition *join_values(struct falco *f, const struct falco_node *node, const struct condition **each, size_t n)
{
	if (node->modifier != MODIFIER_ONEOF)
		return node_group(f->c, node->modifier == MODIFIER_ANYOF ? NODE_OR : NODE_AND, each, n, node->at);
	const struct condition *ones[ENDS_MAX_ONEOF], *all[ENDS_MAX_ONEOF];
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < n; k++) {
			all[k] = i == k ? each[k] : node_not(f->c, each[k], node->at);
			if (!all[k])
				return NULL;
		}
		ones[i] = node_group(f->c, NODE_AND, all, n, node->at);
		if (!ones[i])
			return NULL;
	}
	return node_group(f->c, NODE_OR, ones, n, node->at);
}

/* `fd.ip != anyof (a, b)`: each value is asked of both ends before the modifier counts, so it cannot be left to the tests of one end. */
static const struct condition *bind_each(struct falco *f, const struct falco_node *node, size_t i)
{
	size_t n = 0;
	if (node->n_values == 0)
		return node_const(f->c, false, node->at);
	if (node->modifier == MODIFIER_ONEOF && node->n_values > ENDS_MAX_ONEOF) {
		diag_error(f->c->diag, node->at, "'oneof' takes %d values at most for %s, which means either end", ENDS_MAX_ONEOF, ends[i].either);
		return node_const(f->c, false, node->at);
	}
	const struct condition **each = calloc(node->n_values, sizeof(const struct condition *)), *joined = NULL;
	f->c->no_memory |= !each;
	for (const struct falco_value *v = node->values; each && v; v = v->next) {
		struct falco_value value = *v;
		struct falco_node one = *node;
		value.next = NULL;
		one.values = &value;
		one.n_values = 1;
		one.modifier = MODIFIER_NONE;
		each[n] = bind_both(f, &one, i);
		if (!each[n++])
			break;
	}
	if (n == node->n_values && each[n - 1])
		joined = join_values(f, node, each, n);
	free(each);
	return joined;
}

static const struct condition *bind_ends(struct falco *f, const struct falco_node *node, size_t i)
{
	enum op_id op = node->op->id;
	struct falco_node set = *node;
	set.modifier = MODIFIER_ANYOF;
	bool is_set = (node->modifier == MODIFIER_ANYOF && (op == OP_EQ || op == OP_EQ2)) || (node->modifier == MODIFIER_ALLOF && op == OP_NE);
	if (is_set && node->n_values) /* one test of an end for all values; `!=` is the negation of `= anyof` there */
		return bind_both(f, &set, i);
	return node->modifier == MODIFIER_NONE ? bind_both(f, node, i) : bind_each(f, node, i);
}

/* What Falco shows for a value that is not there. */
static bool asks_for_none(const struct falco_node *node)
{
	bool is_equality = node->op->id == OP_EQ || node->op->id == OP_EQ2 || node->op->id == OP_NE || node->op->id == OP_IN;
	for (const struct falco_value *v = node->values; v; v = v->next)
		is_equality &= sv_is(v->text, "<NA>") || sv_is(v->text, "N/A");
	return is_equality && node->values && node->modifier == MODIFIER_NONE;
}

/* `not field in ("<NA>", "N/A")` is how rules ask whether there is a value. */
static const struct condition *bind_none(struct falco *f, const struct falco_node *node)
{
	struct falco_node asks = { .type = FALCO_CHECK, .at = node->at, .op_at = node->op_at, .left = node->left, .op = operator_get(OP_EXISTS) };
	const struct condition *exists = bind_side(f, &asks, node->left);
	return exists && node->op->id != OP_NE ? node_not(f->c, exists, node->at) : exists;
}

static const struct condition *bind_check(struct falco *f, const struct falco_node *node)
{
	const struct condition *fixed = bind_fixed(f, node);
	if (fixed || f->c->no_memory)
		return fixed;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (is_field(node->left, ends[i].either))
			return bind_ends(f, node, i);
	return asks_for_none(node) ? bind_none(f, node) : bind_side(f, node, node->left);
}

/* --- the tree -------------------------------------------------------------------------------------------------------------------- */

static const struct condition *refuse_macro(struct falco *f, const struct falco_node *node)
{
	char quoted[96];
	struct falco_macro *macro = strmap_get(&f->macro_names, node->name);
	diag_quote(node->name, quoted, sizeof(quoted));
	const char *near = diag_suggest(node->name, f->macro_suggestions, f->n_macros);
	if (diag_refuses(f->c->diag, node->at)) /* of a macro, by itself */
		return node_const(f->c, false, node->at);
	if (macro)
		diag_error(f->c->diag, node->at, "macro %s is used before its definition (%s:%u); a macro sees those above it", quoted,
			   macro->at.file, macro->at.line);
	else
		diag_error(f->c->diag, node->at, "unknown macro %s%s%s%s", quoted, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
	return node_const(f->c, false, node->at);
}

static const struct condition *bind_macro(struct falco *f, const struct falco_node *node, unsigned visibility)
{
	struct falco_macro *macro = falco_macro_find(f, node->name, visibility);
	if (!macro)
		return refuse_macro(f, node);
	if (macro->state == RESOLVE_BUSY) {
		diag_error(f->c->diag, node->at, "macro '" SV_FMT "' is made of itself", SV_ARG(node->name));
		return node_const(f->c, false, node->at);
	}
	if (macro->state == RESOLVE_NEW) {
		const char *user = f->c->file;
		macro->state = RESOLVE_BUSY;
		macro->bound = macro->root ? falco_bind(f, macro->root, macro->visibility) : node_const(f->c, false, macro->at);
		macro->state = RESOLVE_DONE;
		f->c->file = user;
	}
	struct condition *copy = macro->bound ? arena_alloc(f->c->arena, sizeof(*copy)) : NULL;
	char *name = copy ? arena_text(f->c->arena, macro->name) : NULL;
	if (!name) {
		f->c->no_memory |= macro->bound != NULL;
		return NULL;
	}
	*copy = *macro->bound;
	copy->at = (struct place){ f->c->file, node->at.line, node->at.column };
	copy->macro = name;
	return copy;
}

static const struct condition *bind_group(struct falco *f, const struct falco_node *node, unsigned visibility)
{
	size_t n = 0, i = 0;
	for (const struct falco_node *child = node->first; child; child = child->next)
		n++;
	const struct condition **children = calloc(n, sizeof(const struct condition *)), *group = NULL;
	f->c->no_memory |= !children;
	bool is_whole = children != NULL;
	for (const struct falco_node *child = node->first; child && is_whole; child = child->next) {
		children[i] = falco_bind(f, child, visibility);
		is_whole = children[i++] != NULL;
	}
	f->c->file = node->at.file; /* the last child may be of another file */
	if (is_whole)
		group = node_group(f->c, node->type == FALCO_AND ? NODE_AND : NODE_OR, children, n, node->at);
	free(children);
	return group;
}

/* Recursion is bounded: depth counts the levels, those of macros included. */
const struct condition *falco_bind(struct falco *f, const struct falco_node *node, unsigned visibility)
{
	const struct condition *bound = NULL;
	if (f->c->depth == FILTER_MAX_DEPTH) {
		diag_error(f->c->diag, node->at, "nested too deep (%d levels at most, macros included)", FILTER_MAX_DEPTH);
		return NULL;
	}
	f->c->depth++;
	f->c->file = node->at.file; /* of the parts of a condition, each has its own */
	switch (node->type) {
	case FALCO_AND:
	case FALCO_OR:
		bound = bind_group(f, node, visibility);
		break;
	case FALCO_NOT:
		bound = falco_bind(f, node->first, visibility);
		f->c->file = node->at.file;
		bound = bound ? node_not(f->c, bound, node->at) : NULL;
		break;
	case FALCO_MACRO:
		bound = bind_macro(f, node, visibility);
		break;
	case FALCO_CHECK:
		bound = bind_check(f, node);
		break;
	}
	f->c->depth--;
	return bound;
}

/* --- unknown fields ------------------------------------------------------------------------------------------------------------ */

static const struct falco_expr *unknown_in(struct falco *f, const struct falco_expr *x)
{
	if (x->type == FALCO_FIELD) {
		bool is_ours = is_field(x, "evt.num") || is_field(x, "evt.dir");
		for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
			is_ours |= is_field(x, ends[i].either);
		return is_ours || field_lookup(f->c, full_name(f->c, x)) ? NULL : x;
	}
	for (const struct falco_expr *arg = x->args; arg; arg = arg->next) {
		const struct falco_expr *unknown = unknown_in(f, arg);
		if (unknown)
			return unknown;
	}
	return NULL;
}

struct search {
	unsigned visibility, depth;
	size_t *left; /* nodes that may still be looked at: macros in macros could be more than anyone can wait for */
};

static const struct falco_expr *find_unknown(struct falco *f, const struct falco_node *node, struct search s)
{
	const struct falco_expr *unknown = NULL;
	if (s.depth++ == FILTER_MAX_DEPTH || *s.left == 0)
		return NULL; /* binding reports such a condition */
	--*s.left;
	if (node->type == FALCO_CHECK) {
		unknown = unknown_in(f, node->left);
		return unknown || !node->right ? unknown : unknown_in(f, node->right);
	}
	if (node->type == FALCO_MACRO) {
		struct falco_macro *macro = falco_macro_find(f, node->name, s.visibility);
		s.visibility = macro ? macro->visibility : 0;
		return macro && macro->root ? find_unknown(f, macro->root, s) : NULL;
	}
	for (const struct falco_node *child = node->first; child && !unknown; child = child->next)
		unknown = find_unknown(f, child, s);
	return unknown;
}

const struct falco_expr *falco_unknown_field(struct falco *f, const struct falco_node *node, unsigned visibility)
{
	size_t left = 2 * CONDITION_MAX_NODES;
	return find_unknown(f, node, (struct search){ .visibility = visibility, .left = &left });
}
