/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/full_event.h"

#include <assert.h>

#include "engine/event/decode.h"

enum { TIME_2026 = 1767323045 };

/* Appends the style's text for a field; what does not fit is left out. */
static size_t put_text(char *to, size_t room, const struct field *f, const struct full_event_style *style)
{
	size_t n = 0;
	for (size_t i = 0; i < MAX(style->repeat, 1u); i++) {
		struct strview text = style->text.n ? style->text : sv_from(f->name[0] ? f->name : "hidden");
		bool slash = !style->text.n;
		if (n + text.n + slash > room)
			break;
		if (slash)
			to[n++] = '/';
		memcpy(to + n, text.p, text.n);
		n += text.n;
	}
	return n;
}

static size_t put_value(char *to, size_t room, const struct field *f, const struct full_event_style *style)
{
	if (kind_get(f->kind)->class != CLASS_LIST)
		return put_text(to, room, f, style);
	size_t n = 0;
	for (unsigned i = 0; i < (style->n_items ? style->n_items : 2); i++) {
		if (room - n < 2)
			break;
		n += put_text(to + n, room - n - 1, f, style);
		to[n++] = '\0';
	}
	return n;
}

static uint64_t number_for(const struct field *f)
{
	uint64_t value = 7;
	const char *text;
	if (f->kind == KIND_TIME)
		return TIME_2026 * 1000000000ull + 6;
	if (f->kind == KIND_HEXID || f->kind == KIND_ID64)
		return 0xfedcba9876543210ull;
	if (f->kind == KIND_DEV)
		return 8u << 20 | 1;
	if (f->kind == KIND_MODE)
		return 0100644;
	(void)symbol_at(f->kind, 1, &value, &text); /* kinds without symbols keep 7 */
	return value;
}

static void fill_wire(struct full_event *full, const struct field *f, uint32_t *size, size_t share, const struct full_event_style *style)
{
	unsigned char *at = full->bytes + f->offset;
	const struct kind *kind = kind_get(f->kind);
	if (f->kind == KIND_COMM) {
		(void)put_text((char *)at, RECORD_COMM - 1, f, &(struct full_event_style){ .text = style->text });
		if (!at[0])
			at[0] = 'c';
	} else if (kind->class == CLASS_STR || kind->class == CLASS_LIST) {
		struct wire_str s = { .offset = *size };
		s.length = (uint32_t)put_value((char *)full->bytes + *size, share, f, style);
		*size += s.length;
		memcpy(at, &s, sizeof(s));
	} else if (kind->class == CLASS_IP) {
		struct wire_ip ip = { .family = FAMILY_IPV4, .address = { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1 } };
		memcpy(at, &ip, sizeof(ip));
	} else {
		uint64_t v = number_for(f);
		memcpy(at, &v, kind->wire_size); /* little-endian, as the kernels we run on */
	}
}

static void fill_derived(struct full_event *full, const struct field *f, const struct full_event_style *style)
{
	unsigned char *at = (unsigned char *)&full->derived + f->offset;
	enum value_class class = kind_get(f->kind)->class;
	full->derived.present |= 1ull << f->index;
	if (class == CLASS_STR || class == CLASS_LIST) {
		struct strview s = { full->text + full->text_n, 0 };
		s.n = put_value(full->text + full->text_n, (FULL_EVENT_TEXT - full->text_n) / 2, f, style);
		full->text_n += s.n;
		memcpy(at, &s, sizeof(s));
		return;
	}
	uint64_t v = number_for(f);
	memcpy(at, &v, sizeof(v));
}

void full_event_make(struct full_event *full, const struct event_type *type, const struct full_event_style *style)
{
	size_t n, n_texts = 0;
	*full = (struct full_event){ .text_n = 0 };
	uint32_t size = type->wire_size;
	for (size_t i = 0; i < type->n_fields; i++)
		n_texts += type->fields[i].kind == KIND_STR || type->fields[i].kind == KIND_LIST;
	size_t share = (RECORD_MAX - size) / (n_texts ? n_texts : 1);
	const struct field *common = fields_common(&n);
	for (size_t i = 0; i < n; i++)
		fill_wire(full, &common[i], &size, 0, style);
	for (size_t i = 0; i < type->n_fields; i++)
		fill_wire(full, &type->fields[i], &size, share, style);
	const struct field *derived = fields_derived(&n);
	for (size_t i = 0; i < n; i++)
		fill_derived(full, &derived[i], style);
	/* the frame of a record is not free */
	struct wire_common *c = (struct wire_common *)(void *)full->bytes;
	c->type = type->number;
	c->size = size;
	c->verdict = VERDICT_NONE;
	DERIVE(&full->derived, action, sv_from(type->name));
	int r = event_decode(full->bytes, size, &full->ev);
	assert(r == 0);
	(void)r;
	full->ev.derived = &full->derived;
}
