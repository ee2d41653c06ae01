/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/tape/layout.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

/* What belongs to an event and is no field. */
static const struct {
	const char *name, *kind;
	enum coding coding;
	enum layout_place place;
	const char *without; /* what then becomes of it */
} extras[] = {
	{ "=image.id", "HEXID", CODING_OPTIONAL, PLACE_IMAGE_ID, "nothing is kept from one event to the next" },
	{ "=image.version", "U64", CODING_OPTIONAL, PLACE_IMAGE_VERSION, "changes to what is known of a process may go unseen" },
	{ "=image.slot", "U32", CODING_OPTIONAL, PLACE_IMAGE_SLOT, "less is kept from one event to the next" },
	{ "=lineage", "LINEAGE", CODING_TEXT, PLACE_LINEAGE, "rules about a process and its descendants do not hold" },
	{ "=ancestors", "ANCESTORS", CODING_TEXT, PLACE_ANCESTORS,
	  "proc.aname, proc.apid, proc.sname and the like see the programs that exec replaced, and no numbers or arguments" },
};

/* Size and number are made anew, and what is reserved says nothing. */
static bool is_taped(const struct field *f)
{
	bool is_frame = f->source == FIELD_COMMON && (strcmp(f->member_name, "size") == 0 || strcmp(f->member_name, "type") == 0);
	return !is_frame && strncmp(f->member_name, "reserved", strlen("reserved")) != 0;
}

static enum coding coding_of(const struct field *f)
{
	switch (kind_get(f->kind)->class) {
	case CLASS_STR:
	case CLASS_LIST:
	case CLASS_IP:
		return CODING_TEXT;
	default:
		return f->source == FIELD_DERIVED ? CODING_OPTIONAL : CODING_NUMBER;
	}
}

/* --- to bytes ------------------------------------------------------------------------------------------------------------ */

static void write_name(const struct field *f, struct buf *out)
{
	put_varint(out, f->name[0] ? strlen(f->name) : strlen(f->member_name) + 1);
	if (!f->name[0])
		buf_add_char(out, '.');
	buf_add_z(out, f->name[0] ? f->name : f->member_name);
}

static size_t count_taped(const struct field *fields, size_t n)
{
	size_t taped = 0;
	for (size_t i = 0; i < n; i++)
		taped += is_taped(&fields[i]);
	return taped;
}

static void write_fields(const struct field *fields, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_taped(&fields[i]))
			continue;
		write_name(&fields[i], out);
		put_text(out, sv_from(kind_get(fields[i].kind)->name));
		put_varint(out, coding_of(&fields[i]));
	}
}

static const struct event_type *type_at(uint32_t number)
{
	const struct event_type *type = event_type_by_number(number);
	return type && type->name[0] ? type : NULL;
}

void layout_write(struct buf *out)
{
	size_t n_common, n_derived, n_events = 0;
	const struct field *common = fields_common(&n_common), *derived = fields_derived(&n_derived);
	put_varint(out, count_taped(common, n_common) + count_taped(derived, n_derived) + ARRAY_SIZE(extras));
	write_fields(common, n_common, out);
	write_fields(derived, n_derived, out);
	for (size_t i = 0; i < ARRAY_SIZE(extras); i++) {
		put_text(out, sv_from(extras[i].name));
		put_text(out, sv_from(extras[i].kind));
		put_varint(out, extras[i].coding);
	}
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		n_events += type_at(i) != NULL;
	put_varint(out, n_events);
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = type_at(i);
		if (!type)
			continue;
		put_varint(out, i);
		put_text(out, sv_from(type->name));
		put_varint(out, count_taped(type->fields, type->n_fields));
		write_fields(type->fields, type->n_fields, out);
	}
}

static void digest_of(struct strview bytes, char ret[static TAPE_DIGEST + 1])
{
	unsigned char hash[TAPE_DIGEST / 2];
	(void)crypto_generichash(hash, sizeof(hash), (const unsigned char *)bytes.p, bytes.n, NULL, 0); /* fails for lengths out of range only */
	sodium_bin2hex(ret, TAPE_DIGEST + 1, hash, sizeof(hash));
}

void tape_schema_digest(char ret[static TAPE_DIGEST + 1])
{
	CLEANUP(buf_done) struct buf bytes = { 0 };
	layout_write(&bytes);
	digest_of(buf_sv(&bytes), ret);
}

/* --- from bytes ---------------------------------------------------------------------------------------------------------- */

static bool is_named(const struct field *f, struct strview name)
{
	if (f->name[0])
		return sv_is(name, f->name);
	return name.n > 1 && name.p[0] == '.' && sv_is(sv_from_index(name, 1), f->member_name);
}

static void find_in(const struct field *fields, size_t n, enum layout_place place, struct layout_field *ret)
{
	for (size_t i = 0; i < n && ret->place == PLACE_NOWHERE; i++) {
		bool fits = is_taped(&fields[i]) && is_named(&fields[i], ret->name) && sv_is(ret->kind, kind_get(fields[i].kind)->name) &&
			    ret->coding == coding_of(&fields[i]);
		if (!fits)
			continue;
		ret->place = place;
		ret->field = &fields[i];
	}
}

static void find_shared(struct layout_field *ret)
{
	size_t n;
	const struct field *common = fields_common(&n);
	find_in(common, n, PLACE_RECORD, ret);
	const struct field *derived = fields_derived(&n);
	find_in(derived, n, PLACE_DERIVED, ret);
	for (size_t i = 0; i < ARRAY_SIZE(extras); i++)
		if (sv_is(ret->name, extras[i].name) && sv_is(ret->kind, extras[i].kind) && ret->coding == extras[i].coding)
			ret->place = extras[i].place;
}

static int keep_text(struct layout *l, struct cursor *c, struct strview *ret)
{
	struct strview text = get_text(c);
	if (c->is_bad || text.n == 0 || text.n > TAPE_TEXT_MAX)
		return -EBADMSG;
	const char *copy = arena_text(&l->arena, text);
	*ret = (struct strview){ copy, text.n };
	return copy ? 0 : -ENOMEM;
}

static int read_group(struct layout *l, struct cursor *c, const struct event_type *type, bool is_shared, struct layout_group *ret)
{
	uint64_t n = get_varint(c);
	if (c->is_bad || n > LAYOUT_MAX_FIELDS)
		return -EBADMSG;
	ret->fields = arena_alloc(&l->arena, (n ? n : 1) * sizeof(*ret->fields));
	if (!ret->fields)
		return -ENOMEM;
	for (; ret->n < n; ret->n++) {
		struct layout_field *f = &ret->fields[ret->n];
		int err = keep_text(l, c, &f->name);
		if (!err)
			err = keep_text(l, c, &f->kind);
		uint64_t coding = get_varint(c);
		if (err || c->is_bad || coding < CODING_NUMBER || coding > CODING_TEXT)
			return err ? err : -EBADMSG;
		f->coding = (enum coding)coding;
		if (is_shared)
			find_shared(f);
		else if (type)
			find_in(type->fields, type->n_fields, PLACE_RECORD, f);
	}
	return 0;
}

static int read_event(struct layout *l, struct cursor *c)
{
	struct layout_event *e = &l->events[l->n_events];
	uint64_t number = get_varint(c);
	if (c->is_bad || number >= EVENT_NUMBERS || l->by_number[number])
		return -EBADMSG;
	e->number = (uint32_t)number;
	int err = keep_text(l, c, &e->name);
	if (err)
		return err;
	e->type = event_type_by_name(e->name);
	err = read_group(l, c, e->type, false, &e->own);
	if (err)
		return err;
	e->first_slot = l->n_slots;
	l->n_slots += e->own.n;
	l->by_number[number] = e;
	l->n_events++;
	return 0;
}

int layout_read(struct strview bytes, struct layout *ret)
{
	CLEANUP(layout_done) struct layout l = { .arena.max = 4 * TAPE_BLOCK_MAX };
	struct cursor c = { (const uint8_t *)bytes.p, (const uint8_t *)bytes.p + bytes.n, false };
	int err = read_group(&l, &c, NULL, true, &l.shared);
	l.n_slots = l.shared.n;
	uint64_t n = err ? 0 : get_varint(&c);
	if (!err && (c.is_bad || n > EVENT_NUMBERS))
		err = -EBADMSG;
	/* by_number points into the struct that the caller gets */
	for (uint64_t i = 0; !err && i < n; i++)
		err = read_event(&l, &c);
	if (!err && (c.is_bad || c.p != c.end))
		err = -EBADMSG;
	if (err)
		return err;
	digest_of(bytes, l.digest);
	*ret = l;
	l.arena = (struct arena){ 0 }; /* handed on */
	for (size_t i = 0; i < ret->n_events; i++)
		ret->by_number[ret->events[i].number] = &ret->events[i];
	return 0;
}

void layout_done(struct layout *layout)
{
	arena_done(&layout->arena);
	*layout = (struct layout){ 0 };
}

bool layout_has(const struct layout_group *group, enum layout_place place)
{
	for (size_t i = 0; i < group->n; i++)
		if (group->fields[i].place == place)
			return true;
	return false;
}

bool layout_has_field(const struct layout_group *group, const struct field *field)
{
	for (size_t i = 0; i < group->n; i++)
		if (group->fields[i].field == field)
			return true;
	return false;
}

const struct layout_event *layout_event_of(const struct layout *l, const struct event_type *type)
{
	for (size_t i = 0; i < l->n_events; i++)
		if (l->events[i].type == type)
			return &l->events[i];
	return NULL;
}

/* --- what differs -------------------------------------------------------------------------------------------------------- */

static size_t tell_unknown(const char *where, const struct layout_group *group, struct buf *out)
{
	size_t n = 0;
	for (size_t i = 0; i < group->n; i++) {
		if (group->fields[i].place != PLACE_NOWHERE)
			continue;
		n++;
		buf_add_format(out, "%s: " SV_FMT " (" SV_FMT ") is on the tape and not known here\n", where, SV_ARG(group->fields[i].name),
			       SV_ARG(group->fields[i].kind));
	}
	return n;
}

static size_t tell_absent(const char *where, const struct field *fields, size_t n_fields, const struct layout_group *group, struct buf *out)
{
	size_t n = 0;
	for (size_t i = 0; i < n_fields; i++) {
		if (!is_taped(&fields[i]) || layout_has_field(group, &fields[i]))
			continue;
		n++;
		buf_add_format(out, "%s: %s (%s) is not on the tape: it has no value there\n", where,
			       fields[i].name[0] ? fields[i].name : fields[i].member_name, kind_get(fields[i].kind)->name);
	}
	return n;
}

static size_t tell_absent_extras(const struct layout_group *group, struct buf *out)
{
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(extras); i++) {
		if (layout_has(group, extras[i].place))
			continue;
		n++;
		buf_add_format(out, "every event: %s (%s) is not on the tape: %s\n", extras[i].name, extras[i].kind, extras[i].without);
	}
	return n;
}

size_t layout_differences(const struct layout *l, struct buf *out)
{
	size_t n_common, n_derived;
	const struct field *common = fields_common(&n_common), *derived = fields_derived(&n_derived);
	size_t n = tell_unknown("every event", &l->shared, out);
	n += tell_absent("every event", common, n_common, &l->shared, out);
	n += tell_absent("every event", derived, n_derived, &l->shared, out);
	n += tell_absent_extras(&l->shared, out);
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++) {
		const struct event_type *type = type_at(i);
		const struct layout_event *e = type ? layout_event_of(l, type) : NULL;
		if (type && !e) {
			n++;
			buf_add_format(out, "%s: the tape does not know this event\n", type->name);
		} else if (e) {
			n += tell_unknown(type->name, &e->own, out);
			n += tell_absent(type->name, type->fields, type->n_fields, &e->own, out);
		}
	}
	for (size_t i = 0; i < l->n_events; i++) {
		if (l->events[i].type)
			continue;
		n++;
		buf_add_format(out, SV_FMT ": events of this type are not known here and are passed over\n", SV_ARG(l->events[i].name));
	}
	return n;
}
