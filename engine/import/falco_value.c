/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a written value means to Falco, in the words of our own language, which is stricter, or reads the same text in another way.
 */
#include "engine/base/num.h"
#include "engine/import/falco.h"
#include "engine/import/falco_scan.h"
#include "engine/rules/op.h"

/* "10.1.2.3/8" with the bits behind its prefix cleared, as 10.0.0.0/8; any other text as it is. */
static struct strview network_text(struct compiler *c, struct strview text)
{
	const char *slash = text.n ? memchr(text.p, '/', text.n) : NULL;
	struct ip_address ip;
	uint64_t prefix = 0;
	struct strview address = { text.p, slash ? (size_t)(slash - text.p) : 0 };
	if (!slash || ip_parse(address, &ip) || num_parse_u64(sv_from_index(text, address.n + 1), 128, &prefix))
		return text;
	if (!memchr(address.p, ':', address.n)) {
		if (prefix > 32)
			return text;
		prefix += 96;
	}
	for (size_t bit = prefix; bit < 128; bit++)
		ip.bytes[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
	CLEANUP(buf_done) struct buf out = { 0 };
	ip_text(&out, &ip);
	buf_add_format(&out, SV_FMT, SV_ARG(sv_from_index(text, address.n)));
	char *copy = buf_error(&out) ? NULL : arena_text(c->arena, buf_sv(&out));
	c->no_memory |= !copy;
	return copy ? (struct strview){ copy, out.n } : text;
}

static bool is_digits(struct strview text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!falco_is_digit(text.p[i]))
			return false;
	return text.n > 0;
}

/* Numbers are decimal, whatever they begin with; a hexadecimal one stays so. */
static struct strview number_text(struct compiler *c, struct strview text)
{
	bool is_negative = text.n > 1 && text.p[0] == '-', is_signed = is_negative || (text.n > 1 && text.p[0] == '+');
	struct strview digits = sv_from_index(text, is_signed);
	if (!is_digits(digits))
		return is_negative ? text : digits;
	while (digits.n > 1 && digits.p[0] == '0')
		digits = sv_from_index(digits, 1);
	if (!is_negative || digits.n == text.n - 1)
		return is_negative ? text : digits;
	char *copy = arena_alloc(c->arena, digits.n + 1);
	c->no_memory |= !copy;
	if (!copy)
		return text;
	copy[0] = '-';
	memcpy(copy + 1, digits.p, digits.n);
	return (struct strview){ copy, digits.n + 1 };
}

/* Ours are written in ways of their own, as modes in octal. */
static bool is_plain_number(const struct expr *left)
{
	bool is_number = left->class == CLASS_UINT || left->class == CLASS_SINT;
	return is_number && left->kind != KIND_MODE && left->kind != KIND_HEXID && left->kind != KIND_DEV && left->kind != KIND_TIME;
}

static bool is_port(const struct expr *left)
{
	static const char *const names[] = { "fd.cport", "fd.sport", "fd.lport", "fd.rport" }; /* fd.port is the first two */
	for (size_t i = 0; left->type == EXPR_FIELD && i < ARRAY_SIZE(names); i++)
		if (strcmp(left->field->name, names[i]) == 0)
			return true;
	return false;
}

/* The number for the name of a service; any other text as it is. */
static struct strview port_text(struct strview text)
{
	static const struct {
		const char *name, *number;
	} ports[] = {
#define PORT(name, number) { name, #number },
#include "engine/import/falco_ports.def"
	};
	for (size_t i = 0; i < ARRAY_SIZE(ports); i++)
		if (sv_is(text, ports[i].name))
			return sv_from(ports[i].number);
	return text;
}

/*
 * RE2 in POSIX mode: a dot does not match an end of line, and '^' and '$' match beside one. What is no expression is reported as it was
 * written, and verbs of ours have to stand first.
 */
static struct strview regex_text(struct compiler *c, struct strview text)
{
	static const char options[] = "(?m-s)";
	CLEANUP(regex_free) struct regex *re = NULL;
	char message[160];
	size_t offset = 0;
	bool asks = text.n && (memchr(text.p, '.', text.n) || memchr(text.p, '^', text.n) || memchr(text.p, '$', text.n));
	if (!asks || sv_starts(text, SV("(*")) || text.n + sizeof(options) > VALUE_MAX_BYTES)
		return text;
	int err = regex_new(text, REGEX_WHOLE, &re, message, sizeof(message), &offset);
	char *copy = err ? NULL : arena_alloc(c->arena, text.n + sizeof(options) - 1);
	c->no_memory |= err == -ENOMEM || (!err && !copy);
	if (!copy)
		return text;
	memcpy(copy, options, sizeof(options) - 1);
	memcpy(copy + sizeof(options) - 1, text.p, text.n);
	return (struct strview){ copy, text.n + sizeof(options) - 1 };
}

struct written_value falco_value_read(struct compiler *c, const struct test_draft *d, const struct falco_value *v)
{
	struct written_value w = { .text = v->text, .at = v->at, .is_quoted = true }; /* names of lists are replaced already */
	if (!d->left)
		return w;
	if (d->op->form == OP_FORM_REGEX)
		w.text = regex_text(c, w.text);
	else if (is_port(d->left) && !is_digits(w.text))
		w.text = port_text(w.text);
	if (is_plain_number(d->left))
		w.text = number_text(c, w.text);
	if (d->left->class == CLASS_IP)
		w.text = network_text(c, w.text);
	return w;
}
