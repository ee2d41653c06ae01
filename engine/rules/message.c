/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message templates: "{process.name} read {file.path}", "{toupper(process.name):20}". {{ and }} stand for single braces.
 */
#include <errno.h>

#include "engine/base/num.h"
#include "engine/event/value.h"
#include "engine/rules/coverage.h"
#include "engine/rules/match.h"
#include "engine/rules/set.h"

enum { MESSAGE_MAX_PIECES = 64, MESSAGE_MAX_WIDTH = 1024 };

static int add_piece(struct compiler *c, const struct text_source *text, size_t at, struct rule *rule, struct message_piece piece)
{
	if (rule->n_message == MESSAGE_MAX_PIECES) {
		diag_error(c->diag, source_place(text, at), "message: too many fields in one message");
		return -EINVAL;
	}
	rule->message[rule->n_message++] = piece;
	return 0;
}

/* Copies text[from..to), one brace for two. */
static int add_text(struct compiler *c, const struct text_source *text, size_t from, size_t to, struct rule *rule)
{
	if (from == to)
		return 0;
	char *copy = arena_alloc(c->arena, to - from);
	if (!copy) {
		c->no_memory = true;
		return -ENOMEM;
	}
	size_t n = 0;
	for (size_t i = from; i < to; i++) {
		copy[n++] = text->text.p[i];
		if (text->text.p[i] == '{' || text->text.p[i] == '}')
			i++;
	}
	return add_piece(c, text, from, rule, (struct message_piece){ .text = { copy, n } });
}

/* "field:20": takes the width off its end; false: there is none, or it was reported (*err). */
static bool take_width(struct compiler *c, const struct text_source *text, size_t from, size_t *to, size_t *ret_width, int *err)
{
	const char *colon = memrchr(text->text.p + from, ':', *to - from);
	uint64_t width = 0;
	if (!colon)
		return false;
	size_t at = (size_t)(colon - text->text.p);
	if (num_parse_u64((struct strview){ colon + 1, *to - at - 1 }, MESSAGE_MAX_WIDTH, &width) || width == 0) {
		diag_error(c->diag, source_place(text, at), "message: behind ':' stands how many characters wide the value is to be, 1 to %d", MESSAGE_MAX_WIDTH);
		*err = -EINVAL;
		return false;
	}
	*to = at;
	*ret_width = (size_t)width;
	return true;
}

static int add_call(struct compiler *c, const struct text_source *text, size_t from, size_t to, uint64_t events, struct rule *rule,
		    struct message_piece piece)
{
	struct text_source part = *text;
	part.text.n = to;
	piece.expr = side_parse(c, &part, from);
	if (!piece.expr)
		return c->no_memory ? -ENOMEM : -EINVAL;
	if (events && expr_is_out_of(piece.expr, events)) {
		CLEANUP(buf_done) struct buf source = { 0 };
		expr_source(piece.expr, &source);
		diag_error(c->diag, source_place(text, from), "message: none of the rule's events has all fields of '%s'", buf_cstr(&source));
		return -EINVAL;
	}
	rule->info.needs_outcome |= expr_needs_outcome(piece.expr);
	return add_piece(c, text, from, rule, piece);
}

/* {field}, {function(field)}, either with :WIDTH behind it. */
static int add_field(struct compiler *c, const struct text_source *text, size_t from, size_t to, uint64_t events, struct rule *rule)
{
	struct message_piece piece = { .field = NULL };
	struct place at = source_place(text, from);
	int err = 0;
	bool is_call = memchr(text->text.p + from, '(', to - from) != NULL;
	bool may_be_wide = !is_call || text->text.p[to - 1] != ')'; /* a text among the arguments may have a ':' */
	if (may_be_wide)
		(void)take_width(c, text, from, &to, &piece.width, &err);
	if (err || is_call)
		return err ? err : add_call(c, text, from, to, events, rule, piece);
	piece.field = field_resolve(c, (struct strview){ text->text.p + from, to - from }, at);
	if (!piece.field)
		return -EINVAL;
	if (events && !piece.field->never && !(piece.field->events & events)) {
		diag_error(c->diag, at, "message: none of the rule's events has the field '%s'", piece.field->name);
		return -EINVAL;
	}
	rule->info.needs_outcome |= piece.field->needs_outcome;
	return add_piece(c, text, from, rule, piece);
}

int message_compile(struct compiler *c, const struct text_source *text, uint64_t events, struct rule *rule)
{
	rule->message = arena_alloc(c->arena, MESSAGE_MAX_PIECES * sizeof(*rule->message));
	if (!rule->message) {
		c->no_memory = true;
		return -ENOMEM;
	}
	int err = 0;
	size_t from = 0, i = 0, n = text->text.n;
	const char *p = text->text.p;
	while (i < n) {
		if ((p[i] == '{' || p[i] == '}') && i + 1 < n && p[i + 1] == p[i]) {
			i += 2;
			continue;
		}
		if (p[i] != '{' && p[i] != '}') {
			i++;
			continue;
		}
		const char *close = p[i] == '{' ? memchr(p + i, '}', n - i) : NULL;
		if (!close) {
			diag_error(c->diag, source_place(text, i), "message: '%c' without its other; write '%c%c' for the brace itself", p[i], p[i], p[i]);
			return -EINVAL;
		}
		size_t end = (size_t)(close - p);
		int failed = add_text(c, text, from, i, rule);
		if (!failed)
			failed = add_field(c, text, i + 1, end, events, rule);
		err = failed ? failed : err;
		i = from = end + 1;
	}
	return add_text(c, text, from, n, rule) ? -EINVAL : err;
}

/* Bytes that could upset a terminal or a log, and those that are not UTF-8, as \xHH. */
static void add_printable(struct buf *out, struct strview text)
{
	for (size_t i = 0; i < text.n;) {
		unsigned char c = (unsigned char)text.p[i];
		size_t len = utf8_length(text.p + i, text.n - i);
		bool is_c1 = len == 2 && c == 0xc2 && (unsigned char)text.p[i + 1] < 0xa0;
		if (len && c >= 0x20 && c != 0x7f && !is_c1) {
			buf_add(out, text.p + i, len);
			i += len;
			continue;
		}
		buf_add_format(out, "\\x%02x", c);
		i++;
	}
}

static void add_value(struct buf *out, const struct value *v)
{
	if (v->class != CLASS_LIST && v->class != CLASS_STR) {
		(void)value_text(v, out); /* appended; numbers and symbols are printable */
		return;
	}
	if (v->class == CLASS_STR) {
		add_printable(out, v->s);
		return;
	}
	struct strview item;
	bool is_first = true;
	for (size_t pos = 0; value_next_item(v, &pos, &item); is_first = false) {
		if (!is_first)
			buf_add_char(out, ' ');
		add_printable(out, item);
	}
}

void field_ref_show(struct matcher *m, const struct event *ev, const struct field_ref *ref, struct buf *out)
{
	m->used = 0;
	struct value v = field_ref_value(m, ev, ref);
	if (v.is_missing)
		buf_add_char(out, '-');
	else
		add_value(out, &v);
}

/* What a transformer makes of fields. Its depth is bounded by EXPR_MAX_DEPTH. */
static struct value expr_value(struct matcher *m, const struct event *ev, const struct expr *x)
{
	struct value args[EXPR_MAX_ARGS];
	if (x->type == EXPR_FIELD)
		return field_ref_value(m, ev, x->field);
	if (x->type == EXPR_TEXT)
		return (struct value){ .class = CLASS_STR, .kind = KIND_STR, .s = x->text };
	for (size_t i = 0; i < x->n_args; i++) {
		args[i] = expr_value(m, ev, x->args[i]);
		if (args[i].is_missing)
			return args[i];
	}
	return x->call->function(m, x, args);
}

/* Cuts or pads what stands in out from `from` on. */
static void fit_width(struct buf *out, size_t from, size_t width)
{
	size_t at = from, have = 0;
	while (at < out->n && have < width) {
		size_t len = utf8_length(out->p + at, out->n - at);
		at += len ? len : 1;
		have++;
	}
	out->n = at;
	for (; have < width; have++)
		buf_add_char(out, ' ');
}

void ruleset_message(const struct ruleset *set, uint32_t index, const struct event *ev, struct buf *out)
{
	const struct rule *rule = &set->rules[index];
	for (size_t i = 0; i < rule->n_message; i++) {
		const struct message_piece *piece = &rule->message[i];
		if (!piece->field && !piece->expr) {
			buf_add_sv(out, piece->text);
			continue;
		}
		size_t from = out->n;
		set->matcher->used = 0;
		struct value v = piece->expr ? expr_value(set->matcher, ev, piece->expr) : field_ref_value(set->matcher, ev, piece->field);
		if (v.is_missing)
			buf_add_z(out, piece->missing ? piece->missing : "-");
		else
			add_value(out, &v);
		if (piece->width)
			fit_width(out, from, piece->width);
	}
}
