/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of transformers.def. Results are views into the event or into the matcher's scratch. */
#include <sys/types.h>

#include "engine/rules/op.h"

static transform_function transform_tolower, transform_toupper, transform_b64, transform_basename, transform_len, transform_text,
	transform_concat, transform_join, transform_getopt;

static const struct transformer transformers[] = {
#define TRANSFORMER(t_name, t_min, t_max, t_result, t_function, t_doc) \
	{ .name = (t_name), .min_args = (t_min), .max_args = (t_max), .result = TRANSFORM_##t_result, .function = t_function, .doc = (t_doc) },
#include "engine/rules/transformers.def"
};

const struct transformer *transformer_find(struct strview name)
{
	for (size_t i = 0; i < ARRAY_SIZE(transformers); i++)
		if (sv_is(name, transformers[i].name))
			return &transformers[i];
	return NULL;
}

static struct value no_value(enum value_class class)
{
	return (struct value){ .is_missing = true, .class = class, .kind = class == CLASS_LIST ? KIND_LIST : class == CLASS_UINT ? KIND_U64 : KIND_STR };
}

static struct value text_value(enum value_class class, const char *p, size_t n)
{
	return (struct value){ .class = class, .kind = class == CLASS_LIST ? KIND_LIST : KIND_STR, .s = { p, n } };
}

enum { NO_TEXT = -1 };

/* Writes at most in.n bytes into out; returns how many, or NO_TEXT when in has no such form. */
typedef ssize_t map_function(struct strview in, char *out);

static struct value map_text(struct matcher *m, const struct value *in, map_function *map)
{
	char *out = matcher_alloc(m, in->s.n + 1);
	if (!out)
		return no_value(in->class);
	if (in->class == CLASS_STR) {
		ssize_t n = map(in->s, out);
		return n == NO_TEXT ? no_value(CLASS_STR) : text_value(CLASS_STR, out, (size_t)n);
	}
	size_t at = 0;
	struct strview item;
	for (size_t pos = 0; value_next_item(in, &pos, &item);) {
		ssize_t n = map(item, out + at);
		if (n == NO_TEXT)
			continue;
		at += (size_t)n;
		out[at++] = '\0';
	}
	return text_value(CLASS_LIST, out, at);
}

static ssize_t map_lower(struct strview in, char *out)
{
	for (size_t i = 0; i < in.n; i++)
		out[i] = (char)(in.p[i] >= 'A' && in.p[i] <= 'Z' ? in.p[i] + 32 : in.p[i]);
	return (ssize_t)in.n;
}

static ssize_t map_upper(struct strview in, char *out)
{
	for (size_t i = 0; i < in.n; i++)
		out[i] = (char)(in.p[i] >= 'a' && in.p[i] <= 'z' ? in.p[i] - 32 : in.p[i]);
	return (ssize_t)in.n;
}

static ssize_t map_basename(struct strview in, char *out)
{
	const char *slash = in.n ? memrchr(in.p, '/', in.n) : NULL;
	struct strview name = slash ? sv_from_index(in, (size_t)(slash - in.p) + 1) : in;
	if (name.n)
		memcpy(out, name.p, name.n);
	return (ssize_t)name.n;
}

static int base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* Standard alphabet; the padding may be left off. */
static ssize_t map_b64(struct strview in, char *out)
{
	while (in.n && in.p[in.n - 1] == '=')
		in.n--;
	if (in.n % 4 == 1)
		return NO_TEXT;
	uint32_t bits = 0;
	unsigned have = 0;
	ssize_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		int d = base64_digit(in.p[i]);
		if (d < 0)
			return NO_TEXT;
		bits = (bits << 6 | (uint32_t)d) & 0xffffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (char)(bits >> have & 0xff);
		}
	}
	return n;
}

static struct value transform_tolower(struct matcher *m, const struct expr *call, const struct value *args)
{
	(void)call;
	return map_text(m, args, map_lower);
}

static struct value transform_toupper(struct matcher *m, const struct expr *call, const struct value *args)
{
	(void)call;
	return map_text(m, args, map_upper);
}

static struct value transform_b64(struct matcher *m, const struct expr *call, const struct value *args)
{
	(void)call;
	return map_text(m, args, map_b64);
}

static struct value transform_basename(struct matcher *m, const struct expr *call, const struct value *args)
{
	(void)call;
	return map_text(m, args, map_basename);
}

static struct value transform_len(struct matcher *m, const struct expr *call, const struct value *args)
{
	(void)m;
	(void)call;
	uint64_t n = args->s.n;
	if (args->class == CLASS_LIST) {
		n = 0;
		struct strview item;
		for (size_t pos = 0; value_next_item(args, &pos, &item);)
			n++;
	}
	return (struct value){ .class = CLASS_UINT, .kind = KIND_U64, .u = n };
}

/* Text that is built up in scratch. */
struct builder {
	char *p;
	size_t n, room;
};

static bool builder_add(struct builder *b, struct strview text)
{
	if (text.n > b->room - b->n)
		return false;
	if (text.n)
		memcpy(b->p + b->n, text.p, text.n);
	b->n += text.n;
	return true;
}

enum { TEXT_MAX_SCALAR = 1024 }; /* all symbols of the largest set of flags */

static struct value transform_text(struct matcher *m, const struct expr *call, const struct value *args)
{
	(void)call;
	if (args[0].class == CLASS_STR)
		return args[0];
	size_t room = args[0].class == CLASS_LIST ? args[0].s.n + 1 : TEXT_MAX_SCALAR;
	char *p = matcher_alloc(m, room);
	if (!p)
		return no_value(CLASS_STR);
	struct buf out = { .p = p, .cap = room, .max = room }; /* never grows: an append past its ceiling is dropped */
	struct strview text = value_text(&args[0], &out);
	return out.failed ? no_value(CLASS_STR) : text_value(CLASS_STR, text.p, text.n);
}

static struct value transform_concat(struct matcher *m, const struct expr *call, const struct value *args)
{
	struct builder b = { 0 };
	for (size_t i = 0; i < call->n_args; i++)
		b.room += args[i].s.n;
	b.p = matcher_alloc(m, b.room + 1);
	if (!b.p)
		return no_value(CLASS_STR);
	for (size_t i = 0; i < call->n_args; i++)
		(void)builder_add(&b, args[i].s); /* the room is the sum */
	return text_value(CLASS_STR, b.p, b.n);
}

static size_t count_pieces(const struct value *v)
{
	if (v->class != CLASS_LIST)
		return 1;
	size_t n = 0;
	struct strview item;
	for (size_t pos = 0; value_next_item(v, &pos, &item);)
		n++;
	return n;
}

static void join_piece(struct builder *b, struct strview separator, struct strview piece, bool *is_first)
{
	if (!*is_first)
		(void)builder_add(b, separator);
	(void)builder_add(b, piece);
	*is_first = false;
}

static struct value transform_join(struct matcher *m, const struct expr *call, const struct value *args)
{
	struct strview separator = args[0].s;
	struct builder b = { 0 };
	for (size_t i = 1; i < call->n_args; i++)
		b.room += args[i].s.n + count_pieces(&args[i]) * separator.n;
	b.p = matcher_alloc(m, b.room + 1);
	if (!b.p)
		return no_value(CLASS_STR);
	bool is_first = true;
	for (size_t i = 1; i < call->n_args; i++) {
		struct strview item;
		if (args[i].class == CLASS_STR)
			join_piece(&b, separator, args[i].s, &is_first);
		else
			for (size_t pos = 0; value_next_item(&args[i], &pos, &item);)
				join_piece(&b, separator, item, &is_first);
	}
	return text_value(CLASS_STR, b.p, b.n);
}

/* 0: letter is no option of spec; 1: it is; 2: with a value. */
static int option_kind(struct strview spec, char letter)
{
	const char *at = letter != ':' && letter != '+' && spec.n ? memchr(spec.p, letter, spec.n) : NULL;
	if (!at)
		return 0;
	return at + 1 < spec.p + spec.n && at[1] == ':' ? 2 : 1;
}

struct options {
	struct strview spec;
	struct strview wanted; /* n 0: give the letters */
	struct builder out;
};

static void options_found(struct options *o, char letter, struct strview value)
{
	struct strview item = o->wanted.n ? value : (struct strview){ &letter, 1 };
	if (o->wanted.n && o->wanted.p[0] != letter)
		return;
	if (builder_add(&o->out, item))
		(void)builder_add(&o->out, (struct strview){ "", 1 });
}

/* One argument that begins with a dash; *pos is moved on when an option's value is the next argument. */
static void options_argument(struct options *o, struct strview arg, const struct value *args, size_t *pos)
{
	for (size_t i = 1; i < arg.n; i++) {
		int kind = option_kind(o->spec, arg.p[i]);
		struct strview value = { "", 0 };
		if (kind == 0)
			continue;
		if (kind == 2) {
			value = sv_from_index(arg, i + 1);
			if (value.n == 0 && !value_next_item(args, pos, &value))
				return; /* an option whose value is not there was not given */
			options_found(o, arg.p[i], value);
			return;
		}
		options_found(o, arg.p[i], value);
	}
}

static struct value transform_getopt(struct matcher *m, const struct expr *call, const struct value *args)
{
	struct options o = { .spec = args[1].s, .wanted = call->text };
	o.out.room = 2 * args[0].s.n + 2; /* a letter and a NUL for each byte at most */
	o.out.p = matcher_alloc(m, o.out.room);
	if (!o.out.p)
		return no_value(CLASS_LIST);
	bool stops_early = o.spec.n && o.spec.p[0] == '+';
	struct strview arg;
	size_t pos = 0;
	bool has_more = value_next_item(&args[0], &pos, &arg); /* argv[0] */
	while (has_more && value_next_item(&args[0], &pos, &arg)) {
		if (sv_is(arg, "--"))
			break;
		if (arg.n > 1 && arg.p[0] == '-' && arg.p[1] != '-')
			options_argument(&o, arg, &args[0], &pos);
		else if (stops_early && !sv_starts(arg, SV("--")))
			break;
	}
	return text_value(CLASS_LIST, o.out.p, o.out.n);
}
