/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a field and showing it. Switches on the class of a value, never on the event. */
#include "engine/event/value.h"

#include <arpa/inet.h>
#include <errno.h>

#include "engine/base/clock.h"

static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

static uint64_t wire_number(const unsigned char *p, const struct kind *kind, bool *ret_missing)
{
	if (kind->wire_size == sizeof(uint64_t)) {
		uint64_t v;
		memcpy(&v, p, sizeof(v));
		return v;
	}
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	*ret_missing = kind->is_optional && v == UINT32_MAX;
	return v;
}

static void read_wire(const struct event *ev, const struct field *field, struct value *v)
{
	const unsigned char *p = (const unsigned char *)ev->common + field->offset;
	const struct kind *kind = kind_get(field->kind);
	switch (v->class) {
	case CLASS_UINT:
		v->u = wire_number(p, kind, &v->is_missing);
		if ((field->kind == KIND_HEXID || field->kind == KIND_TIME) && v->u == 0)
			v->is_missing = true;
		break;
	case CLASS_ENUM:
	case CLASS_FLAGS:
		v->u = wire_number(p, kind, &v->is_missing);
		break;
	case CLASS_BOOL:
		v->u = wire_number(p, kind, &v->is_missing) != 0;
		break;
	case CLASS_SINT:
		if (kind->wire_size == sizeof(int64_t))
			memcpy(&v->i, p, sizeof(v->i));
		else
			v->i = (int32_t)wire_number(p, kind, &v->is_missing);
		break;
	case CLASS_STR:
		if (field->kind == KIND_COMM) {
			v->s = (struct strview){ (const char *)p, strnlen((const char *)p, RECORD_COMM) };
			v->is_missing = v->s.n == 0;
			break;
		}
		/* fall through */
	case CLASS_LIST: {
		struct wire_str s;
		memcpy(&s, p, sizeof(s));
		v->s = event_str(ev, s);
		v->is_missing = !v->s.p;
		break;
	}
	case CLASS_IP:
		memcpy(&v->ip, p, sizeof(v->ip));
		v->is_missing = v->ip.family == 0;
		break;
	}
}

static void read_derived(const struct event *ev, const struct field *field, struct value *v)
{
	v->is_missing = !ev->derived || !((ev->derived->present >> field->index) & 1);
	if (v->is_missing)
		return;
	const unsigned char *p = (const unsigned char *)ev->derived + field->offset;
	switch (v->class) {
	case CLASS_STR:
	case CLASS_LIST:
		memcpy(&v->s, p, sizeof(v->s));
		break;
	case CLASS_SINT:
		memcpy(&v->i, p, sizeof(v->i));
		break;
	default:
		memcpy(&v->u, p, sizeof(v->u));
		break;
	}
}

struct value event_get(const struct event *ev, const struct field *field)
{
	struct value v = { .class = kind_get(field->kind)->class, .kind = field->kind };
	if (field->source == FIELD_DERIVED)
		read_derived(ev, field, &v);
	else
		read_wire(ev, field, &v);
	return v;
}

bool value_next_item(const struct value *v, size_t *pos, struct strview *ret_item)
{
	if (v->is_missing)
		return false;
	if (v->class == CLASS_FLAGS) {
		uint64_t bit;
		const char *text;
		while (symbol_at(v->kind, (*pos)++, &bit, &text)) {
			if ((v->u & bit) == bit) {
				*ret_item = sv_from(text);
				return true;
			}
		}
		return false;
	}
	if (*pos >= v->s.n)
		return false;
	struct strview rest = sv_from_index(v->s, *pos);
	size_t n = strnlen(rest.p, rest.n);
	*ret_item = (struct strview){ rest.p, n };
	*pos += n + 1;
	return true;
}

void ip_text(struct buf *out, const struct ip_address *ip)
{
	char text[INET6_ADDRSTRLEN] = "";
	const uint8_t *from = ip->family == FAMILY_IPV4 ? ip->bytes + sizeof(v4_prefix) : ip->bytes;
	if (inet_ntop(ip->family == FAMILY_IPV4 ? AF_INET : AF_INET6, from, text, sizeof(text)))
		buf_add_z(out, text);
}

int ip_parse(struct strview text, struct ip_address *ret)
{
	char z[INET6_ADDRSTRLEN + 1];
	if (text.n == 0 || text.n >= sizeof(z) || memchr(text.p, 0, text.n))
		return -EINVAL;
	memcpy(z, text.p, text.n);
	z[text.n] = '\0';
	struct ip_address ip = { .family = FAMILY_IPV4 };
	memcpy(ip.bytes, v4_prefix, sizeof(v4_prefix));
	if (inet_pton(AF_INET, z, ip.bytes + sizeof(v4_prefix)) != 1) {
		if (inet_pton(AF_INET6, z, ip.bytes) != 1)
			return -EINVAL;
		if (memcmp(ip.bytes, v4_prefix, sizeof(v4_prefix)) != 0)
			ip.family = FAMILY_IPV6;
	}
	*ret = ip;
	return 0;
}

/* The last n digits of so many bits each. */
static void add_digits(struct buf *out, uint64_t v, unsigned bits, size_t n)
{
	char digits[16];
	for (size_t i = n; i-- > 0; v >>= bits)
		digits[i] = "0123456789abcdef"[v & ((1u << bits) - 1)];
	buf_add(out, digits, n);
}

/* Text of all but STR, LIST and FLAGS. */
static void add_scalar(struct buf *out, const struct value *v)
{
	const char *symbol;
	switch (kind_get(v->kind)->form) {
	case FORM_HEX:
		add_digits(out, v->u, 4, 16);
		break;
	case FORM_DEVICE: /* the kernel's own encoding: 12 bits major, 20 bits minor */
		buf_add_u64(out, v->u >> 20);
		buf_add_char(out, ':');
		buf_add_u64(out, v->u & 0xfffff);
		break;
	case FORM_OCTAL:
		add_digits(out, v->u, 3, 4);
		break;
	case FORM_RFC3339:
		clock_add_rfc3339(out, v->u);
		break;
	case FORM_TRUTH:
		buf_add_z(out, v->u ? "true" : "false");
		break;
	case FORM_ADDRESS:
		ip_text(out, &v->ip);
		break;
	case FORM_SYMBOL:
		symbol = symbol_text(v->kind, v->u);
		if (symbol)
			buf_add_z(out, symbol);
		else
			buf_add_u64(out, v->u);
		break;
	default:
		if (v->class == CLASS_SINT)
			buf_add_format(out, "%lld", (long long)v->i);
		else
			buf_add_u64(out, v->u);
		break;
	}
}

struct strview value_text(const struct value *v, struct buf *scratch)
{
	if (v->is_missing)
		return (struct strview){ NULL, 0 };
	if (v->class == CLASS_STR)
		return v->s;
	size_t from = scratch->n;
	if (v->class == CLASS_LIST || v->class == CLASS_FLAGS) {
		struct strview item;
		for (size_t pos = 0; value_next_item(v, &pos, &item);) {
			if (scratch->n > from)
				buf_add_char(scratch, ' ');
			buf_add_sv(scratch, item);
		}
	} else {
		add_scalar(scratch, v);
	}
	return (struct strview){ scratch->p ? scratch->p + from : "", scratch->n - from };
}

void value_json(struct json *j, const struct value *v)
{
	switch (kind_get(v->kind)->form) {
	case FORM_NUMBER:
		if (v->class == CLASS_SINT)
			json_s64(j, v->i);
		else
			json_u64(j, MIN(v->u, 1ull << 53)); /* JCS: integers a double can hold */
		break;
	case FORM_TRUTH:
		json_bool(j, v->u != 0);
		break;
	case FORM_TEXT:
		json_str(j, v->s);
		break;
	case FORM_ITEMS:
	case FORM_SYMBOLS: {
		struct strview item;
		json_array_begin(j);
		for (size_t pos = 0; value_next_item(v, &pos, &item);)
			json_str(j, item);
		json_array_end(j);
		break;
	}
	default: {
		char small[64];
		struct buf text = { .p = small, .cap = sizeof(small), .max = sizeof(small) };
		add_scalar(&text, v); /* at most 45 bytes: an address; never grows beyond small */
		json_str(j, buf_sv(&text));
		break;
	}
	}
}
