/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Output templates: text with %field, %field[argument], %transformer(field), and a number before any of them for a width. A field ends
 * where its name no longer is one, so that "%proc.name." and "%user.name[x" are read as Falco reads them.
 */
#include <errno.h>

#include "engine/base/num.h"
#include "engine/import/falco.h"

enum {
	OUTPUT_MAX_PIECES = 256,
	MESSAGE_MAX_STEP = 5, /* text, and %container.info, which is four pieces */
	OUTPUT_MAX_WIDTH = 1024,
	OUTPUT_MAX_ARGUMENT = 256,
};

struct reader {
	struct falco *f;
	struct falco_source source;
	struct rule *rule;
	size_t at;
};

static struct strview rest(const struct reader *r)
{
	return sv_from_index(r->source.text, r->at);
}

static int refuse(struct reader *r, size_t at, const char *why)
{
	diag_error(r->f->c->diag, falco_source_place(&r->source, at), "output: %s", why);
	return -EINVAL;
}

static int add_piece(struct reader *r, struct message_piece piece)
{
	if (r->rule->n_message == OUTPUT_MAX_PIECES)
		return refuse(r, r->at, "too many fields in one output");
	piece.missing = "<NA>";
	r->rule->message[r->rule->n_message++] = piece;
	return 0;
}

static int add_text(struct reader *r, struct strview text)
{
	if (text.n == 0)
		return 0;
	char *copy = arena_text(r->f->c->arena, text);
	if (!copy) {
		r->f->c->no_memory = true;
		return -ENOMEM;
	}
	return add_piece(r, (struct message_piece){ .text = { copy, text.n } });
}

static int add_field(struct reader *r, const struct field_ref *field, size_t width)
{
	r->rule->info.needs_outcome |= field->needs_outcome;
	return add_piece(r, (struct message_piece){ .field = field, .width = width });
}

/* "20" or "<20>"; 0: there is none. */
static int take_width(struct reader *r, size_t *ret)
{
	size_t from = r->at, at = from;
	struct strview text = r->source.text;
	bool is_bracketed = at < text.n && text.p[at] == '<';
	at += is_bracketed;
	size_t digits = at;
	while (at < text.n && text.p[at] >= '0' && text.p[at] <= '9')
		at++;
	*ret = 0;
	if (at == digits)
		return 0;
	struct strview number = { text.p + digits, at - digits };
	while (number.n > 1 && number.p[0] == '0') /* decimal */
		number = sv_from_index(number, 1);
	uint64_t width = 0;
	if (num_parse_u64(number, OUTPUT_MAX_WIDTH, &width))
		return refuse(r, from, "a width is at most 1024");
	if (is_bracketed && (at == text.n || text.p[at++] != '>'))
		return refuse(r, from, "expected '>' behind the width");
	*ret = (size_t)width;
	r->at = at;
	return 0;
}

/* The field with what stands in brackets behind its name, without quotes; NULL when that is no field. */
static const struct field_ref *lookup_with_argument(struct reader *r, struct strview name, size_t *ret_n)
{
	char full[OUTPUT_MAX_ARGUMENT];
	struct strview after = sv_from_index(rest(r), name.n);
	const char *end = after.n && after.p[0] == '[' ? memchr(after.p, ']', after.n) : NULL;
	if (!end)
		return NULL;
	struct strview argument = { after.p + 1, (size_t)(end - after.p) - 1 };
	*ret_n = name.n + argument.n + 2;
	bool is_quoted = argument.n >= 2 && (argument.p[0] == '"' || argument.p[0] == '\'') && argument.p[argument.n - 1] == argument.p[0];
	if (is_quoted)
		argument = (struct strview){ argument.p + 1, argument.n - 2 };
	if (name.n + argument.n + 2 > sizeof(full))
		return NULL;
	memcpy(full, name.p, name.n);
	full[name.n] = '[';
	if (argument.n)
		memcpy(full + name.n + 1, argument.p, argument.n);
	full[name.n + 1 + argument.n] = ']';
	return field_lookup(r->f->c, (struct strview){ full, name.n + argument.n + 2 });
}

/* "%container.info": what Falco writes for it by default. */
static int add_container_info(struct reader *r)
{
	const struct field_ref *name = field_lookup(r->f->c, SV("container.name")), *id = field_lookup(r->f->c, SV("container.id"));
	int err = name ? add_field(r, name, 0) : 0;
	if (!err)
		err = add_text(r, SV(" (id="));
	if (!err && id)
		err = add_field(r, id, 0);
	return err ? err : add_text(r, SV(")"));
}

/* The longest beginning of the name that is a field. */
static int take_field(struct reader *r, size_t width)
{
	struct strview name = { rest(r).p, falco_field_length(rest(r)) };
	if (name.n == 0)
		return refuse(r, r->at, "'%' is not followed by a field");
	if (sv_is(name, "container.info")) {
		r->at += name.n;
		return add_container_info(r);
	}
	size_t n = 0;
	const struct field_ref *field = lookup_with_argument(r, name, &n);
	for (struct strview part = name; !field && part.n; part.n--) {
		field = field_lookup(r->f->c, part);
		n = part.n;
	}
	if (!field) {
		(void)field_resolve(r->f->c, name, falco_source_place(&r->source, r->at)); /* reports it */
		return -EINVAL;
	}
	r->at += n;
	return add_field(r, field, width);
}

static void note_outcome(const struct expr *x, struct rule *rule)
{
	if (x->type == EXPR_FIELD)
		rule->info.needs_outcome |= x->field->needs_outcome;
	for (size_t i = 0; i < x->n_args; i++)
		note_outcome(x->args[i], rule);
}

/* What follows a '%'. */
static int take_value(struct reader *r)
{
	size_t width = 0;
	const struct falco_expr *call = NULL;
	int err = take_width(r, &width);
	if (err)
		return err;
	err = falco_call_parse(&r->f->arena, &r->source, &r->at, r->f->c->diag, &call);
	if (err == -ENOENT)
		return take_field(r, width);
	const struct expr *x = err ? NULL : falco_bind_expr(r->f, call);
	if (!x)
		return err ? err : -EINVAL;
	note_outcome(x, r->rule);
	return add_piece(r, (struct message_piece){ .expr = x, .width = width });
}

/* Whether there is room for another piece of text and another value. */
static bool has_room(const struct reader *r)
{
	return r->at < RULE_MAX_TEXT && r->rule->n_message + MESSAGE_MAX_STEP <= OUTPUT_MAX_PIECES;
}

/* Text up to the next value, no more than there is room for, and no character cut in two. */
static size_t text_length(const struct reader *r)
{
	struct strview left = rest(r);
	const char *percent = memchr(left.p, '%', left.n);
	size_t n = percent ? (size_t)(percent - left.p) : left.n;
	if (n <= RULE_MAX_TEXT - r->at)
		return n;
	n = RULE_MAX_TEXT - r->at;
	while (n && ((unsigned char)left.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

int falco_output_compile(struct falco *f, const struct falco_text *text, struct rule *rule)
{
	struct reader r = { .f = f, .source = falco_text_source(text), .rule = rule };
	rule->message = arena_alloc(f->c->arena, OUTPUT_MAX_PIECES * sizeof(*rule->message));
	rule->n_message = 0;
	if (!rule->message) {
		f->c->no_memory = true;
		return -ENOMEM;
	}
	if (sv_starts(rest(&r), SV("*"))) /* "even when a field is missing", which holds for all outputs */
		r.at++;
	int err = 0;
	while (r.at < r.source.text.n && has_room(&r) && err != -ENOMEM) {
		size_t n = text_length(&r);
		int failed = add_text(&r, (struct strview){ rest(&r).p, n });
		r.at += n;
		if (r.at < r.source.text.n && r.source.text.p[r.at] != '%')
			break; /* cut */
		if (!failed && r.at < r.source.text.n) {
			r.at++;
			failed = take_value(&r);
		}
		err = failed ? failed : err;
	}
	if (r.at < r.source.text.n && err != -ENOMEM)
		diag_warn(f->c->diag, falco_source_place(&r.source, r.at), "output: longer than %d bytes, or of more than %d pieces: what follows is left out",
			  RULE_MAX_TEXT, OUTPUT_MAX_PIECES);
	return err;
}
