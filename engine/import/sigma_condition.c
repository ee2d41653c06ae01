/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `condition:` over the selections of a rule:
 *
 *   or    = and { "or" and }
 *   and   = not { "and" not }
 *   not   = "not" not | "(" or ")" | ( "1" | "any" | "all" ) "of" ( "them" | pattern ) | selection
 *
 * A pattern is a name with *. "them" are all selections whose name does not begin with _. Words may be in either case.
 */
#include <errno.h>
#include <stdio.h>

#include "engine/import/sigma.h"
#include "engine/rules/op.h"

struct parser {
	struct sigma_scope *s;
	struct sigma_detection *d;
	const struct text_source *src;
	size_t at;
	unsigned depth;
	bool has_faults; /* of selections, which were reported: the condition is read to its end all the same */
};

/* --- what is settled ----------------------------------------------------------------------------------------------------------- */

const struct condition *sigma_not(struct compiler *c, const struct condition *part, struct place at)
{
	return part->type == NODE_CONST ? node_settled(c, !part->truth, at, part->why) : node_not(c, part, at);
}

const struct condition *sigma_group(struct compiler *c, enum node_type type, const struct condition *const *parts, size_t n, struct place at)
{
	const struct condition **open = arena_alloc(c->arena, n * sizeof(const struct condition *));
	bool settles = type == NODE_OR; /* a part that is so settles the whole */
	size_t n_open = 0;
	if (!open) {
		c->no_memory = true;
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		if (parts[i]->type != NODE_CONST)
			open[n_open++] = parts[i];
		else if (parts[i]->truth == settles)
			return parts[i];
	}
	return n_open ? node_group(c, type, open, n_open, at) : node_settled(c, !settles, at, n ? parts[0]->why : NULL);
}

/* --- scanning ---------------------------------------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(struct parser *p)
{
	while (p->at < p->src->text.n && is_blank(p->src->text.p[p->at]))
		p->at++;
}

/* The word that stands here, without taking it; n 0: none. */
static struct strview peek(struct parser *p)
{
	skip_blanks(p);
	size_t end = p->at;
	while (end < p->src->text.n && !is_blank(p->src->text.p[end]) && !strchr("()|", p->src->text.p[end]))
		end++;
	return (struct strview){ p->src->text.p + p->at, end - p->at };
}

static bool take_word(struct parser *p, const char *name)
{
	struct strview word = peek(p);
	if (!sigma_is_word(word, name))
		return false;
	p->at += word.n;
	return true;
}

static bool take_char(struct parser *p, char c)
{
	skip_blanks(p);
	if (p->at >= p->src->text.n || p->src->text.p[p->at] != c)
		return false;
	p->at++;
	return true;
}

static struct place here(struct parser *p)
{
	skip_blanks(p);
	return source_place(p->src, p->at);
}

static const struct condition *refuse(struct parser *p, const char *expected)
{
	char quoted[80];
	struct place at = here(p);
	struct strview word = peek(p);
	if (p->at >= p->src->text.n)
		diag_error(p->s->c->diag, at, "expected %s, found the end of the condition", expected);
	else if (p->src->text.p[p->at] == '|')
		diag_error(p->s->c->diag, at, "counting behind '|' is a form Sigma has given up: write a correlation rule (event_count, value_count, temporal)");
	else
		diag_error(p->s->c->diag, at, "expected %s, found %s", expected,
			   diag_quote(word.n ? word : (struct strview){ p->src->text.p + p->at, 1 }, quoted, sizeof(quoted)));
	return NULL;
}

/* --- selections -------------------------------------------------------------------------------------------------------------- */

/* For a selection that is not there. */
static const struct condition *stand_in(struct parser *p)
{
	p->has_faults = true;
	return p->s->c->no_memory ? NULL : node_const(p->s->c, false, source_place(p->src, p->at));
}

static const struct condition *built(struct parser *p, struct sigma_selection *selection)
{
	if (!selection->built && !selection->is_faulty)
		selection->built = sigma_selection_build(p->s, selection->node);
	selection->is_faulty = !selection->built;
	return selection->built ? selection->built : stand_in(p);
}

/*
 * Whether or not the condition asks for them, or got as far as that: all that is wrong with a rule is told at once. For the reports alone:
 * what nothing asks for takes nothing from the rule.
 */
static void look_at_all(const struct sigma_scope *s, struct sigma_detection *d)
{
	struct sigma_scope look = *s;
	for (size_t i = 0; i < d->n && !s->c->no_memory; i++) {
		struct sigma_selection *one = &d->selections[i];
		if (!one->built && !one->is_faulty)
			one->is_faulty = !sigma_selection_build(&look, one->node);
	}
}

/* "filter:" that no "and not filter" speaks of. */
static bool look_at_unnamed(const struct sigma_scope *s, struct sigma_detection *d)
{
	char quoted[80];
	for (size_t i = 0; i < d->n; i++) {
		const struct sigma_selection *one = &d->selections[i];
		if (!one->built && !one->is_faulty && !one->is_shared && !diag_speaks_of(s->c->diag, one->at)) /* by another row of the mapping */
			diag_warn(s->c->diag, one->at, "the condition does not name the selection %s: it has no effect", diag_quote(one->name, quoted, sizeof(quoted)));
	}
	look_at_all(s, d);
	for (size_t i = 0; i < d->n; i++)
		if (d->selections[i].is_faulty)
			return false;
	return !s->c->no_memory;
}

static const char *nearest(struct parser *p, struct strview word)
{
	const char *names[SIGMA_MAX_SELECTIONS];
	for (size_t i = 0; i < p->d->n; i++)
		names[i] = p->d->selections[i].name.p;
	return diag_suggest(word, names, p->d->n);
}

static const struct condition *take_selection(struct parser *p)
{
	struct place at = here(p);
	struct strview word = peek(p);
	char quoted[80];
	for (size_t i = 0; i < p->d->n; i++) {
		if (!sv_equal(p->d->selections[i].name, word))
			continue;
		p->at += word.n;
		return built(p, &p->d->selections[i]);
	}
	const char *near = nearest(p, word);
	diag_quote(word, quoted, sizeof(quoted));
	if (near)
		diag_error(p->s->c->diag, at, "no selection has the name %s (did you mean '%s'?)", quoted, near);
	else
		diag_error(p->s->c->diag, at, "no selection has the name %s", quoted);
	p->at += word.n;
	return stand_in(p);
}

static bool is_meant(struct strview name, struct strview pattern)
{
	if (sigma_is_word(pattern, "them"))
		return name.p[0] != '_';
	return glob_match(pattern, name, false);
}

/* "1 of ..." and "all of ..." behind their first two words. */
static const struct condition *take_several(struct parser *p, enum node_type type, struct place at)
{
	const struct condition *several[SIGMA_MAX_SELECTIONS];
	size_t n = 0;
	struct place pattern_at = here(p);
	struct strview pattern = peek(p);
	if (pattern.n == 0)
		return refuse(p, "'them' or a name of selections as selection_*");
	p->at += pattern.n;
	for (size_t i = 0; i < p->d->n; i++) {
		if (!is_meant(p->d->selections[i].name, pattern))
			continue;
		several[n] = built(p, &p->d->selections[i]);
		if (!several[n++])
			return NULL;
	}
	if (n)
		return sigma_group(p->s->c, type, several, n, at);
	char quoted[80];
	diag_error(p->s->c->diag, pattern_at, "no selection has a name like %s", diag_quote(pattern, quoted, sizeof(quoted)));
	return stand_in(p);
}

/* --- the grammar ------------------------------------------------------------------------------------------------------------- */

static const struct condition *take_or(struct parser *p);

static const struct condition *take_group(struct parser *p, struct place at)
{
	const struct condition *c = take_or(p);
	if (c && !take_char(p, ')')) {
		skip_blanks(p);
		if (p->at < p->src->text.n)
			return refuse(p, "'and', 'or' or ')'");
		diag_error(p->s->c->diag, at, "the parenthesis is never closed");
		return NULL;
	}
	return c;
}

static const struct condition *take_check(struct parser *p)
{
	struct place at = here(p);
	if (take_char(p, '('))
		return take_group(p, at);
	struct strview word = peek(p);
	if (word.n == 0 || sigma_is_word(word, "and") || sigma_is_word(word, "or") || sigma_is_word(word, "of"))
		return refuse(p, "the name of a selection, 'not', '1 of', 'all of' or '('");
	struct parser look = *p;
	look.at += word.n;
	if (!sigma_is_word(peek(&look), "of"))
		return take_selection(p);
	bool is_all = sigma_is_word(word, "all");
	if (!is_all && !sigma_is_word(word, "1") && !sigma_is_word(word, "any"))
		return refuse(p, "'1 of', 'any of' or 'all of'");
	p->at = look.at;
	(void)take_word(p, "of");
	return take_several(p, is_all ? NODE_AND : NODE_OR, at);
}

static const struct condition *take_not(struct parser *p)
{
	struct place at = here(p);
	bool is_negated = false;
	while (take_word(p, "not"))
		is_negated = !is_negated;
	const struct condition *c = take_check(p);
	return c && is_negated ? sigma_not(p->s->c, c, at) : c;
}


static const struct condition *take_series(struct parser *p, enum node_type type)
{
	struct place at = here(p);
	const struct condition *parts[SIGMA_MAX_SELECTIONS];
	size_t n = 0;
	const char *word = type == NODE_AND ? "and" : "or";
	do {
		if (n == SIGMA_MAX_SELECTIONS)
			return refuse(p, "at most 1024 parts");
		parts[n] = type == NODE_AND ? take_not(p) : take_series(p, NODE_AND);
		if (!parts[n++])
			return NULL;
	} while (take_word(p, word));
	return sigma_group(p->s->c, type, parts, n, at);
}

static const struct condition *take_or(struct parser *p)
{
	enum { MAX_DEPTH = 16 }; /* each level has two arrays of parts on the stack */
	if (p->depth == MAX_DEPTH) {
		diag_error(p->s->c->diag, here(p), "nested too deep (%d levels at most)", MAX_DEPTH);
		return NULL;
	}
	p->depth++;
	const struct condition *c = take_series(p, NODE_OR);
	p->depth--;
	return c;
}

static const struct condition *parse(struct sigma_scope *s, const struct rule_file *file, struct sigma_detection *d, const struct yaml_node *node)
{
	CLEANUP(source_done) struct text_source source = { 0 };
	if (node->type != YAML_SCALAR) {
		diag_error(s->c->diag, node->at, "condition: expected text, found %s", yaml_type_name(node->type));
		return NULL;
	}
	if (node->text.n > CONDITION_MAX_BYTES) {
		diag_error(s->c->diag, node->at, "condition: longer than %d bytes", CONDITION_MAX_BYTES);
		return NULL;
	}
	if (source_of_node(node, &file->raw, &source)) {
		s->c->no_memory = true;
		return NULL;
	}
	struct parser p = { .s = s, .d = d, .src = &source };
	const struct condition *c = take_or(&p);
	skip_blanks(&p);
	if (c && p.at < source.text.n)
		c = refuse(&p, "'and', 'or' or the end of the condition");
	if (!c || p.has_faults)
		look_at_all(s, d);
	return p.has_faults ? NULL : c;
}

const struct condition *sigma_condition_build(struct sigma_scope *s, const struct rule_file *file, struct sigma_detection *d)
{
	const struct yaml_node *node = d->condition;
	if (node->type != YAML_LIST) {
		const struct condition *one = parse(s, file, d, node);
		return one && look_at_unnamed(s, d) ? one : NULL;
	}
	const struct condition *any[SIGMA_MAX_SELECTIONS];
	size_t n = 0;
	if (node->n == 0 || node->n > SIGMA_MAX_SELECTIONS) {
		diag_error(s->c->diag, node->at, "condition: expected text, or a list of 1 to %d texts of which one is enough", SIGMA_MAX_SELECTIONS);
		return NULL;
	}
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		any[n] = parse(s, file, d, item);
		if (!any[n++])
			return NULL;
	}
	return look_at_unnamed(s, d) ? sigma_group(s->c, NODE_OR, any, n, node->at) : NULL;
}
