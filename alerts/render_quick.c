/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts and events in one pass. Reads the common kinds of fields off the record itself; what is not common goes by event_get, and what
 * is out of the ordinary is left to render.c. A test holds both ways to the same bytes.
 */
#include <errno.h>

#include "alerts/render_parts.h"
#include "engine/base/clock.h"

/* --- at the start ----------------------------------------------------------------------------------------------------------------- */

static int make_symbols(struct renderer *r, enum kind_id kind)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct symbols *symbols = arena_alloc(&r->keys, sizeof(*symbols));
	uint64_t value;
	const char *name;
	if (!symbols)
		return -ENOMEM;
	for (size_t i = 0; symbol_at(kind, i, &value, &name); i++) {
		struct json j;
		if (value >= SYMBOLS_MAX || symbols->text[value].n)
			continue; /* of two names the first counts, as for symbol_text */
		buf_reset(&text);
		json_init(&j, &text);
		json_str(&j, sv_from(name));
		const char *kept = buf_error(&text) ? NULL : arena_text(&r->keys, buf_sv(&text));
		if (!kept)
			return -ENOMEM;
		symbols->text[value] = (struct strview){ kept, text.n };
	}
	r->symbols[kind] = symbols;
	return 0;
}

/* Numbers: where they lie, and which of them says that there is none. */
static enum cell_way number_way(struct cell_source *cell, const struct kind *kind)
{
	bool is_zero_missing = cell->field->kind == KIND_HEXID || cell->field->kind == KIND_TIME;
	cell->is_wide = cell->is_derived || kind->wire_size == sizeof(uint64_t);
	cell->has_missing = !cell->is_derived && (is_zero_missing || (kind->is_optional && !cell->is_wide));
	cell->missing = is_zero_missing ? 0 : UINT32_MAX;
	switch (kind->form) {
	case FORM_NUMBER:
		return WAY_NUMBER;
	case FORM_DECIMAL:
		return WAY_DECIMAL;
	case FORM_HEX:
		return WAY_HEX;
	case FORM_RFC3339:
		return WAY_TIME;
	case FORM_TRUTH:
		return WAY_TRUTH;
	case FORM_SYMBOL:
		return WAY_SYMBOL;
	default:
		return cell->is_derived ? WAY_DERIVED : WAY_OTHER;
	}
}

static enum cell_way way_of(struct cell_source *cell)
{
	const struct field *field = cell->field;
	if (!field)
		return cell->member == MEMBER_truncated || cell->member == MEMBER_replaced ? WAY_UNUSED : WAY_MEMBER;
	const struct kind *kind = kind_get(field->kind);
	cell->offset = field->offset;
	cell->is_derived = field->source == FIELD_DERIVED;
	if (field->kind == KIND_STR)
		return cell->is_derived ? WAY_DERIVED_TEXT : WAY_TEXT;
	if (kind->class == CLASS_UINT || kind->class == CLASS_BOOL || kind->class == CLASS_ENUM)
		return number_way(cell, kind);
	return cell->is_derived ? WAY_DERIVED : WAY_OTHER;
}

/* The fixed members as JSON, made in the renderer's record and lists. A plan with one that is not UTF-8 is left to the plain way. */
static int keep_fixed(struct renderer *r, struct plan *plan, const struct event_type *type, enum record_id id)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct record *rec = &r->record;
	record_clear(rec, id);
	buf_reset(&r->lists);
	record_set_fixed(r, rec, type);
	for (size_t i = 0; i < plan->n; i++) {
		struct cell_source *cell = &plan->cells[i];
		struct json j;
		if (cell->field || !rec->is_set[cell->member])
			continue;
		buf_reset(&text);
		json_init(&j, &text);
		value_json(&j, &rec->member[cell->member]);
		const char *kept = buf_error(&text) ? NULL : arena_text(&r->keys, buf_sv(&text));
		if (!kept)
			return -ENOMEM;
		cell->fixed[id == RECORD_EVENT] = (struct strview){ kept, text.n };
		plan->is_quick &= !j.replaced;
	}
	return 0;
}

int render_quick_prepare(struct renderer *r, struct plan *plan, const struct event_type *type)
{
	plan->is_quick = true;
	for (size_t i = 0; i < plan->n; i++) {
		struct cell_source *cell = &plan->cells[i];
		cell->way = way_of(cell);
		if (cell->way != WAY_SYMBOL)
			continue;
		if (!r->symbols[cell->field->kind] && make_symbols(r, cell->field->kind))
			return -ENOMEM;
		cell->symbols = r->symbols[cell->field->kind];
	}
	int err = keep_fixed(r, plan, type, RECORD_ALERT);
	return err ? err : keep_fixed(r, plan, type, RECORD_EVENT);
}

/* --- for each record ---------------------------------------------------------------------------------------------------------------- */

struct quick {
	struct json j;
	const struct record *rec;
	const struct event *ev;
	unsigned shared; /* of the cell that comes with the one written last */
};

static void write_key(struct quick *q, const struct cell_source *cell)
{
	json_named(&q->j, &cell->key, q->shared);
	q->shared = cell->key.n_objects;
}

static void write_text(struct quick *q, const struct cell_source *cell, struct strview text)
{
	if (!text.p)
		return;
	write_key(q, cell);
	json_str(&q->j, text);
}

static void write_value(struct quick *q, const struct cell_source *cell, const struct value *v)
{
	if (v->is_missing)
		return;
	write_key(q, cell);
	if (v->class == CLASS_STR)
		json_str(&q->j, v->s);
	else
		value_json(&q->j, v);
}

static void write_member(struct quick *q, const struct cell_source *cell)
{
	struct strview fixed = cell->fixed[q->rec->id == RECORD_EVENT];
	if (q->rec->is_set[cell->member]) {
		write_value(q, cell, &q->rec->member[cell->member]);
	} else if (fixed.n) {
		write_key(q, cell);
		json_raw(&q->j, fixed);
	}
}

static void write_other(struct quick *q, const struct cell_source *cell)
{
	struct value v = event_get(q->ev, cell->field);
	if (cell->field->kind == KIND_UNCERTAIN && v.u == 0)
		return;
	write_value(q, cell, &v);
}

static void write_symbol(struct quick *q, const struct cell_source *cell, uint64_t number)
{
	struct strview text = number < SYMBOLS_MAX ? cell->symbols->text[number] : SV("");
	if (!text.n) {
		write_other(q, cell);
		return;
	}
	write_key(q, cell);
	json_raw(&q->j, text);
}

static bool has_derived(const struct event *ev, const struct cell_source *cell)
{
	return ev->derived && ((ev->derived->present >> cell->field->index) & 1);
}

static void write_time(struct quick *q, uint64_t wall_ns)
{
	char small[40];
	struct buf text = { .p = small, .cap = sizeof(small), .max = sizeof(small) };
	clock_add_rfc3339(&text, wall_ns); /* 30 bytes */
	json_str(&q->j, buf_sv(&text));
}

static void write_number(struct quick *q, const struct cell_source *cell)
{
	if (cell->is_derived && !has_derived(q->ev, cell))
		return;
	const unsigned char *p = (cell->is_derived ? (const unsigned char *)q->ev->derived : (const unsigned char *)q->ev->common) + cell->offset;
	uint32_t narrow;
	uint64_t number;
	memcpy(&narrow, p, sizeof(narrow));
	number = narrow;
	if (cell->is_wide)
		memcpy(&number, p, sizeof(number));
	if (cell->has_missing && number == cell->missing)
		return;
	if (cell->way == WAY_SYMBOL) {
		write_symbol(q, cell, number);
		return;
	}
	write_key(q, cell);
	if (cell->way == WAY_TRUTH)
		json_bool(&q->j, number != 0);
	else if (cell->way == WAY_TIME)
		write_time(q, number);
	else if (cell->way == WAY_HEX)
		json_hex64(&q->j, number);
	else if (cell->way == WAY_DECIMAL)
		json_decimal(&q->j, number);
	else
		json_u64(&q->j, MIN(number, 1ull << 53)); /* as value_json */
}

static void write_cell(struct quick *q, const struct cell_source *cell)
{
	struct wire_str wire;
	struct strview text;
	switch (cell->way) {
	case WAY_MEMBER:
		write_member(q, cell);
		break;
	case WAY_UNUSED:
		break;
	case WAY_TEXT:
		memcpy(&wire, (const unsigned char *)q->ev->common + cell->offset, sizeof(wire));
		write_text(q, cell, event_str(q->ev, wire));
		break;
	case WAY_DERIVED_TEXT:
		if (!has_derived(q->ev, cell))
			break;
		memcpy(&text, (const unsigned char *)q->ev->derived + cell->offset, sizeof(text));
		write_key(q, cell);
		json_str(&q->j, text);
		break;
	case WAY_DERIVED:
		if (has_derived(q->ev, cell))
			write_other(q, cell);
		break;
	case WAY_OTHER:
		write_other(q, cell);
		break;
	default:
		write_number(q, cell);
		break;
	}
}

int render_quick(const struct renderer *r, const struct record *rec, const struct event *ev, struct buf *out)
{
	const struct plan *plan = &r->events[ev->type->number];
	if (r->is_plain || !plan->is_quick || ev->common->truncated || buf_reserve(out, LINE_MAX_BYTES))
		return -EAGAIN;
	struct buf body = { .p = out->p + out->n, .cap = LINE_MAX_BYTES, .max = LINE_MAX_BYTES }; /* a part of out: can be full, cannot grow */
	struct quick q = { .rec = rec, .ev = ev };
	json_init(&q.j, &body);
	json_object_begin(&q.j);
	for (size_t i = 0; i < plan->n; i++) {
		q.shared = MIN(q.shared, plan->cells[i].shared);
		write_cell(&q, &plan->cells[i]);
	}
	json_named_end(&q.j);
	json_object_end(&q.j);
	if (buf_error(&body) || body.n > BODY_MAX_BYTES || q.j.replaced)
		return -EAGAIN;
	out->n += body.n;
	return 0;
}
