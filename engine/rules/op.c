/* SPDX-License-Identifier: Apache-2.0 */
/* The operators: the table of ops.def and the comparisons it names. */
#include "engine/rules/op.h"

static const struct operator operators[OP_COUNT] = {
#define OPERATOR(op_id, op_text, op_values, op_classes, op_form, op_func, op_doc)                                          \
	[OP_##op_id] = { .text = (op_text), .id = OP_##op_id, .values = OP_VALUES_##op_values, .form = OP_FORM_##op_form, \
			 .classes = (op_classes), .function = op_func, .doc = (op_doc) },
#include "engine/rules/ops.def"
};

const struct operator *operator_get(enum op_id id)
{
	return &operators[id];
}

const struct operator *operator_find(struct strview text)
{
	for (size_t i = 0; i < OP_COUNT; i++)
		if (sv_is(text, operators[i].text))
			return &operators[i];
	return NULL;
}

bool operator_fits(const struct operator *op, enum value_class class)
{
	static const char letters[] = {
		[CLASS_UINT] = 'u', [CLASS_SINT] = 's', [CLASS_BOOL] = 'b', [CLASS_STR] = 't',
		[CLASS_LIST] = 'l', [CLASS_IP] = 'i',   [CLASS_ENUM] = 'e', [CLASS_FLAGS] = 'f',
	};
	return strchr(op->classes, letters[class]) != NULL;
}

static bool network_holds(const struct network *net, const struct ip_address *ip)
{
	if (ip->family != net->ip.family)
		return false;
	unsigned whole = net->prefix / 8, rest = net->prefix % 8;
	if (memcmp(ip->bytes, net->ip.bytes, whole) != 0)
		return false;
	unsigned mask = 0xff00u >> rest & 0xffu;
	return rest == 0 || ((ip->bytes[whole] ^ net->ip.bytes[whole]) & mask) == 0;
}

bool op_equal(struct matcher *m, const struct value *value, const struct operand *operand)
{
	(void)m;
	switch (value->class) {
	case CLASS_STR:
	case CLASS_LIST:
		return sv_equal(value->s, operand->text);
	case CLASS_SINT:
		return value->i == operand->i;
	case CLASS_IP:
		return network_holds(&operand->net, &value->ip);
	default:
		return value->u == operand->u;
	}
}

bool op_less(struct matcher *m, const struct value *value, const struct operand *operand)
{
	(void)m;
	return value->class == CLASS_SINT ? value->i < operand->i : value->u < operand->u;
}

bool op_greater(struct matcher *m, const struct value *value, const struct operand *operand)
{
	(void)m;
	return value->class == CLASS_SINT ? value->i > operand->i : value->u > operand->u;
}

bool op_less_equal(struct matcher *m, const struct value *value, const struct operand *operand)
{
	return !op_greater(m, value, operand);
}

bool op_greater_equal(struct matcher *m, const struct value *value, const struct operand *operand)
{
	return !op_less(m, value, operand);
}

bool op_contains(struct matcher *m, const struct value *value, const struct operand *operand)
{
	(void)m;
	if (operand->text.n == 0)
		return true;
	return value->s.n && memmem(value->s.p, value->s.n, operand->text.p, operand->text.n);
}

static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static bool equal_folded(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

bool op_iequal(struct matcher *m, const struct value *value, const struct operand *operand)
{
	(void)m;
	return value->s.n == operand->text.n && equal_folded(value->s.p, operand->text.p, value->s.n);
}

bool op_icontains(struct matcher *m, const struct value *value, const struct operand *operand)
{
	(void)m;
	struct strview have = value->s, want = operand->text;
	if (want.n == 0)
		return true;
	for (size_t i = 0; want.n <= have.n && i <= have.n - want.n; i++)
		if (equal_folded(have.p + i, want.p, want.n))
			return true;
	return false;
}

bool op_starts(struct matcher *m, const struct value *value, const struct operand *operand)
{
	(void)m;
	return sv_starts(value->s, operand->text);
}

bool op_istarts(struct matcher *m, const struct value *value, const struct operand *operand)
{
	(void)m;
	struct strview have = value->s, want = operand->text;
	return have.n >= want.n && equal_folded(have.p, want.p, want.n);
}

bool op_ends(struct matcher *m, const struct value *value, const struct operand *operand)
{
	(void)m;
	return sv_ends(value->s, operand->text);
}

bool op_iends(struct matcher *m, const struct value *value, const struct operand *operand)
{
	(void)m;
	struct strview have = value->s, want = operand->text;
	return have.n >= want.n && (want.n == 0 || equal_folded(have.p + have.n - want.n, want.p, want.n));
}

bool op_glob(struct matcher *m, const struct value *value, const struct operand *operand)
{
	(void)m;
	return glob_match(operand->text, value->s, false);
}

bool op_iglob(struct matcher *m, const struct value *value, const struct operand *operand)
{
	(void)m;
	return glob_match(operand->text, value->s, true);
}

bool op_path(struct matcher *m, const struct value *value, const struct operand *operand)
{
	(void)m;
	return path_prefix_match(operand->text, value->s);
}
