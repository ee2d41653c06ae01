/* SPDX-License-Identifier: Apache-2.0 */
/* Written values to operands: numbers, symbols, networks, patterns. Switches on the class of the left side. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/clock.h"
#include "engine/base/num.h"
#include "engine/rules/compile.h"
#include "engine/rules/op.h"

enum { MAX_SYMBOLS = 256 }; /* of one kind, for suggestions */

void regex_list_done(struct regex_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		regex_free(&list->p[i]);
	free(list->p);
	*list = (struct regex_list){ 0 };
}

static bool refuse(struct compiler *c, const struct written_value *v, const char *why, const char *detail)
{
	char quoted[80];
	diag_error(c->diag, v->at, "%s %s%s", diag_quote(v->text, quoted, sizeof(quoted)), why, detail);
	return false;
}

static const char *expr_name(const struct expr *x)
{
	return x->type == EXPR_FIELD ? x->field->name : x->type == EXPR_CALL ? x->call->name : "text";
}

/* --- numbers --------------------------------------------------------------------------------------------------------------- */

static uint64_t largest(const struct kind *kind)
{
	if (kind->wire_size > sizeof(uint32_t))
		return UINT64_MAX;
	return kind->is_optional ? UINT32_MAX - 1 : UINT32_MAX;
}

static bool refuse_number(struct compiler *c, const struct expr *left, const struct written_value *v, int err)
{
	char detail[160];
	snprintf(detail, sizeof(detail), "%s: %s", expr_name(left), kind_get(left->kind)->doc);
	return refuse(c, v, err == -ERANGE ? "is out of range for " : "is not a number for ", detail);
}

static bool read_hex_id(struct compiler *c, const struct expr *left, const struct written_value *v, struct operand *ret)
{
	char z[24] = "0x";
	struct strview digits = sv_starts(v->text, SV("0x")) ? sv_from_index(v->text, 2) : v->text;
	int err = -EINVAL;
	if (digits.n && digits.n <= 16) {
		memcpy(z + 2, digits.p, digits.n);
		err = num_parse_u64((struct strview){ z, digits.n + 2 }, UINT64_MAX, &ret->u);
	}
	return err ? refuse_number(c, left, v, err) : true;
}

static bool read_device(struct compiler *c, const struct expr *left, const struct written_value *v, struct operand *ret)
{
	const char *colon = v->text.n ? memchr(v->text.p, ':', v->text.n) : NULL;
	if (!colon) {
		int err = num_parse_u64(v->text, UINT32_MAX, &ret->u);
		return err ? refuse_number(c, left, v, err) : true;
	}
	uint64_t major = 0, minor = 0;
	size_t at = (size_t)(colon - v->text.p);
	int err = num_parse_u64((struct strview){ v->text.p, at }, 0xfff, &major);
	if (!err)
		err = num_parse_u64(sv_from_index(v->text, at + 1), 0xfffff, &minor);
	ret->u = major << 20 | minor;
	return err ? refuse_number(c, left, v, err) : true;
}

/* A day, which begins at its midnight, a moment, or a number of nanoseconds. */
static bool read_time(struct compiler *c, const struct expr *left, const struct written_value *v, struct operand *ret)
{
	if (clock_parse_date(v->text, &ret->u) == 0 || clock_parse_rfc3339(v->text, &ret->u) == 0)
		return true;
	uint64_t day;
	if (v->text.n > 10 && (v->text.p[10] == 'T' || v->text.p[10] == 't' || v->text.p[10] == ' ') && !clock_parse_date((struct strview){ v->text.p, 10 }, &day))
		return refuse(c, v, "is no time as it is read here: in UTC, with Z, as 2027-06-30T10:00:00Z", "");
	int err = num_parse_u64(v->text, UINT64_MAX, &ret->u);
	return err ? refuse_number(c, left, v, err) : true;
}

static bool read_unsigned(struct compiler *c, const struct expr *left, const struct written_value *v, struct operand *ret)
{
	const struct kind *kind = kind_get(left->kind);
	if (left->kind == KIND_HEXID)
		return read_hex_id(c, left, v, ret);
	if (left->kind == KIND_DEV)
		return read_device(c, left, v, ret);
	if (left->kind == KIND_TIME)
		return read_time(c, left, v, ret);
	if (v->text.n && v->text.p[0] == '-')
		return refuse_number(c, left, v, -ERANGE);
	bool is_decimal = v->text.n > 1 && v->text.p[0] >= '1' && v->text.p[0] <= '9';
	if (left->kind == KIND_MODE && is_decimal)
		return refuse(c, v, "is decimal: write permission bits in octal with a leading 0, as 04755", "");
	int err = num_parse_u64(v->text, left->kind == KIND_MODE ? 07777 : largest(kind), &ret->u);
	return err ? refuse_number(c, left, v, err) : true;
}

static bool read_signed(struct compiler *c, const struct expr *left, const struct written_value *v, struct operand *ret)
{
	int err = num_parse_s64(v->text, &ret->i);
	bool is_32 = kind_get(left->kind)->wire_size == sizeof(int32_t);
	if (!err && is_32 && (ret->i < INT32_MIN || ret->i > INT32_MAX))
		err = -ERANGE;
	return err ? refuse_number(c, left, v, err) : true;
}

/* --- symbols --------------------------------------------------------------------------------------------------------------- */

static bool read_symbol(struct compiler *c, const struct expr *left, const struct written_value *v, struct operand *ret)
{
	if (symbol_value(left->kind, v->text, &ret->u))
		return true;
	int err = num_parse_u64(v->text, UINT32_MAX, &ret->u);
	if (err == 0)
		return true;
	const char *names[MAX_SYMBOLS];
	size_t n = 0;
	uint64_t value;
	while (n < MAX_SYMBOLS && symbol_at(left->kind, n, &value, &names[n]))
		n++;
	const char *near = diag_suggest(v->text, names, n);
	char detail[200];
	if (near)
		snprintf(detail, sizeof(detail), "%s (did you mean '%s'?)", expr_name(left), near);
	else
		snprintf(detail, sizeof(detail), "%s, %s; 'vedette fields' lists its symbols", expr_name(left), kind_get(left->kind)->doc);
	return refuse(c, v, "is no symbol of ", detail);
}

static bool read_truth(struct compiler *c, const struct written_value *v, struct operand *ret)
{
	ret->u = sv_is(v->text, "true");
	return ret->u || sv_is(v->text, "false") || refuse(c, v, "is neither true nor false", "");
}

/* --- addresses ------------------------------------------------------------------------------------------------------------- */

/* Whether bits beyond the prefix are set. */
static bool has_host_bits(const struct network *net)
{
	for (unsigned bit = net->prefix; bit < 128; bit++)
		if (net->ip.bytes[bit / 8] & (0x80u >> bit % 8))
			return true;
	return false;
}

static bool read_network(struct compiler *c, const struct written_value *v, struct operand *ret)
{
	const char *slash = v->text.n ? memchr(v->text.p, '/', v->text.n) : NULL;
	struct strview address = { v->text.p, slash ? (size_t)(slash - v->text.p) : v->text.n };
	struct network *net = &ret->net;
	*net = (struct network){ .prefix = 128 };
	if (ip_parse(address, &net->ip))
		return refuse(c, v, "is no address or network: 192.0.2.1, 10.0.0.0/8, 2001:db8::/32", "");
	if (!slash)
		return true;
	bool is_dotted = memchr(address.p, ':', address.n) == NULL;
	uint64_t prefix = 0;
	if (num_parse_u64(sv_from_index(v->text, address.n + 1), is_dotted ? 32 : 128, &prefix))
		return refuse(c, v, is_dotted ? "has no prefix from 0 to 32" : "has no prefix from 0 to 128", "");
	net->prefix = (unsigned)prefix + (is_dotted ? 96 : 0);
	if (net->ip.family == FAMILY_IPV4 && net->prefix < 96)
		return refuse(c, v, "is a prefix of IPv4-mapped addresses: write it as IPv4", "");
	if (has_host_bits(net))
		return refuse(c, v, "has bits set behind its prefix: write the network's own address", "");
	return true;
}

/* --- patterns -------------------------------------------------------------------------------------------------------------- */

static bool keep_regex(struct compiler *c, struct regex *re)
{
	struct regex_list *list = c->regexes;
	if (list->n == list->size) {
		size_t size = list->size ? 2 * list->size : 16;
		struct regex **bigger = realloc(list->p, size * sizeof(struct regex *));
		if (!bigger)
			return false;
		list->p = bigger;
		list->size = size;
	}
	list->p[list->n++] = re;
	return true;
}

static bool read_regex(struct compiler *c, enum regex_reach reach, const struct written_value *v, struct operand *ret)
{
	char message[160] = "";
	size_t offset = 0;
	CLEANUP(regex_free) struct regex *re = NULL;
	int err = regex_new(v->text, reach, &re, message, sizeof(message), &offset);
	if (err == -EINVAL) {
		char detail[256];
		snprintf(detail, sizeof(detail), "%s, at offset %zu", message, offset);
		return refuse(c, v, "is no regular expression: ", detail);
	}
	if (err || !keep_regex(c, re)) {
		c->no_memory = true;
		return false;
	}
	ret->regex = TAKE(re);
	return true;
}

static int hex_digit(char d)
{
	return d >= '0' && d <= '9' ? d - '0' : d >= 'a' && d <= 'f' ? d - 'a' + 10 : d >= 'A' && d <= 'F' ? d - 'A' + 10 : -1;
}

static bool read_hex(struct compiler *c, const struct written_value *v, struct operand *ret)
{
	if (v->text.n == 0 || v->text.n % 2)
		return refuse(c, v, "is not an even number of hexadecimal digits", "");
	char *bytes = arena_alloc(c->arena, v->text.n / 2);
	if (!bytes) {
		c->no_memory = true;
		return false;
	}
	for (size_t i = 0; i < v->text.n; i += 2) {
		int high = hex_digit(v->text.p[i]), low = hex_digit(v->text.p[i + 1]);
		if (high < 0 || low < 0)
			return refuse(c, v, "is not an even number of hexadecimal digits", "");
		bytes[i / 2] = (char)(high << 4 | low);
	}
	ret->text = (struct strview){ bytes, v->text.n / 2 };
	return true;
}

static bool read_text(struct compiler *c, const struct expr *left, const struct operator *op, const struct written_value *v)
{
	bool is_whole = op->function == op_equal || op->function == op_iequal || op->function == op_starts || op->function == op_istarts;
	is_whole &= op->form == OP_FORM_OWN && op->id != OP_NE;
	if (is_whole && left->kind == KIND_COMM && v->text.n >= RECORD_COMM) {
		char detail[80];
		snprintf(detail, sizeof(detail), "%s, which holds 15 bytes at most: '%.*s'", expr_name(left), RECORD_COMM - 1, v->text.p);
		return refuse(c, v, "is too long for ", detail);
	}
	return true;
}

static bool read_own(struct compiler *c, const struct expr *left, const struct operator *op, const struct written_value *v,
		     struct operand *ret)
{
	switch (left->class) {
	case CLASS_UINT:
		return read_unsigned(c, left, v, ret);
	case CLASS_SINT:
		return read_signed(c, left, v, ret);
	case CLASS_BOOL:
		return read_truth(c, v, ret);
	case CLASS_ENUM:
	case CLASS_FLAGS:
		return read_symbol(c, left, v, ret);
	case CLASS_IP:
		return read_network(c, v, ret);
	case CLASS_STR:
	case CLASS_LIST:
		return read_text(c, left, op, v);
	}
	return false;
}

bool operand_read(struct compiler *c, const struct expr *left, const struct operator *op, const struct written_value *v,
		  struct operand *ret)
{
	*ret = (struct operand){ .text = v->text };
	if (v->text.n > VALUE_MAX_BYTES)
		return refuse(c, v, "is longer than 4096 bytes", "");
	switch (op->form) {
	case OP_FORM_REGEX:
		return read_regex(c, op->id == OP_SEARCH ? REGEX_ANYWHERE : REGEX_WHOLE, v, ret);
	case OP_FORM_HEX:
		return read_hex(c, v, ret);
	case OP_FORM_PATH:
		return v->text.n > 0 || refuse(c, v, "is no path", "");
	case OP_FORM_GLOB:
		return true;
	case OP_FORM_OWN:
		break;
	}
	return read_own(c, left, op, v, ret);
}
