/* SPDX-License-Identifier: Apache-2.0 */
/* Expansions of schemas/ into constant tables. Nothing here lists an event or a field by hand. */
#include "engine/event/table.h"

#include "engine/base/json.h"
#include "engine/event/event.h"

/* Symbols: one array over all kinds; the rows of a kind are a run in it. */
static const struct {
	enum kind_id kind;
	uint64_t value;
	const char *text;
} symbol_rows[] = {
#define SYMBOL(kind, value, text) { KIND_##kind, value, text },
#include "schemas/symbols.def"
};

static const struct kind kinds[KIND_COUNT] = {
#define KIND(kind_name, wire, kind_class, json, kind_doc)                                                               \
	[KIND_##kind_name] = { .name = #kind_name,                                                                      \
			       .class = CLASS_##kind_class,                                                             \
			       .form = FORM_##json,                                                                     \
			       .is_optional = KIND_##kind_name == KIND_U32N || KIND_##kind_name == KIND_ID32N ||        \
					      KIND_##kind_name == KIND_MODE || KIND_##kind_name == KIND_DEV ||          \
					      CLASS_##kind_class == CLASS_ENUM || CLASS_##kind_class == CLASS_FLAGS,    \
			       .wire_size = sizeof(wire),                                                               \
			       .doc = (kind_doc) },
#include "schemas/kinds.def"
};

static const struct field common_fields[] = {
#define COMMON(field_kind, member, field_name, field_doc) \
	{ .name = (field_name), .member_name = #member, .doc = (field_doc), .kind = KIND_##field_kind, .source = FIELD_COMMON, \
	  .offset = offsetof(struct wire_common, member) },
#include "schemas/events.def"
};

static const struct field derived_fields[] = {
#define DERIVED(field_kind, member, field_name, field_doc) \
	{ .name = (field_name), .member_name = #member, .doc = (field_doc), .kind = KIND_##field_kind, .source = FIELD_DERIVED, \
	  .offset = offsetof(struct derived, member), .index = DERIVED_##member },
#include "schemas/events.def"
};

#define EVENT(number, id, type, name, category, ecs_type, doc) static const struct field fields_of_##type[] = {
#define FIELD(type, field_kind, member, field_name, field_doc) \
	{ .name = (field_name), .member_name = #member, .doc = (field_doc), .kind = KIND_##field_kind, .source = FIELD_OWN, \
	  .offset = offsetof(struct wire_##type, member) },
#define EVENT_END(type) \
	}               \
	;
#include "schemas/events.def"

static const struct event_type event_types[EVENT_NUMBERS] = {
#define EVENT(event_number, id, type, event_name, event_category, event_ecs_type, event_doc)                                     \
	[event_number] = { .number = (event_number), .wire_size = sizeof(struct wire_##type), .name = (event_name),               \
			   .category = (event_category), .ecs_type = (event_ecs_type), .doc = (event_doc),                         \
			   .fields = fields_of_##type, .n_fields = ARRAY_SIZE(fields_of_##type) },
#include "schemas/events.def"
};

const struct kind *kind_get(enum kind_id id)
{
	return &kinds[id];
}

uint64_t event_types_named(void)
{
	uint64_t named = 0;
	for (uint32_t i = 0; i < EVENT_NUMBERS; i++)
		if (event_types[i].number && event_types[i].name[0])
			named |= 1ull << i;
	return named;
}

const struct event_type *event_type_by_number(uint32_t number)
{
	if (number >= EVENT_NUMBERS || event_types[number].number == 0)
		return NULL;
	return &event_types[number];
}

const struct event_type *event_type_by_name(struct strview name)
{
	for (size_t i = 0; i < EVENT_NUMBERS; i++)
		if (event_types[i].number && event_types[i].name[0] && sv_is(name, event_types[i].name))
			return &event_types[i];
	return NULL;
}

const struct field *fields_common(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(common_fields);
	return common_fields;
}

const struct field *fields_derived(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(derived_fields);
	return derived_fields;
}

static const struct field *find_in(const struct field *fields, size_t n, struct strview name)
{
	for (size_t i = 0; i < n; i++)
		if (sv_is(name, fields[i].name))
			return &fields[i];
	return NULL;
}

const struct field *field_find(const struct event_type *type, struct strview name)
{
	if (name.n == 0)
		return NULL;
	const struct field *f = find_in(type->fields, type->n_fields, name);
	if (!f)
		f = find_in(common_fields, ARRAY_SIZE(common_fields), name);
	if (!f)
		f = find_in(derived_fields, ARRAY_SIZE(derived_fields), name);
	return f;
}

static size_t add_public(const struct field *fields, size_t n, const struct field **out, size_t at)
{
	for (size_t i = 0; i < n && at < EVENT_MAX_FIELDS; i++) {
		if (!fields[i].name[0])
			continue;
		size_t to = at++;
		for (; to > 0 && json_path_compare(fields[i].name, out[to - 1]->name) < 0; to--)
			out[to] = out[to - 1];
		out[to] = &fields[i];
	}
	return at;
}

size_t event_type_sorted_fields(const struct event_type *type, const struct field *fields[static EVENT_MAX_FIELDS])
{
	size_t n = add_public(common_fields, ARRAY_SIZE(common_fields), fields, 0);
	n = add_public(derived_fields, ARRAY_SIZE(derived_fields), fields, n);
	return add_public(type->fields, type->n_fields, fields, n);
}

bool symbol_at(enum kind_id kind, size_t i, uint64_t *ret_value, const char **ret_text)
{
	size_t first = 0;
	while (first < ARRAY_SIZE(symbol_rows) && symbol_rows[first].kind != kind)
		first++;
	size_t at = first + i;
	if (at >= ARRAY_SIZE(symbol_rows) || symbol_rows[at].kind != kind)
		return false;
	*ret_value = symbol_rows[at].value;
	*ret_text = symbol_rows[at].text;
	return true;
}

const char *symbol_text(enum kind_id kind, uint64_t value)
{
	for (size_t i = 0; i < ARRAY_SIZE(symbol_rows); i++)
		if (symbol_rows[i].kind == kind && symbol_rows[i].value == value)
			return symbol_rows[i].text;
	return NULL;
}

bool symbol_value(enum kind_id kind, struct strview text, uint64_t *ret_value)
{
	for (size_t i = 0; i < ARRAY_SIZE(symbol_rows); i++) {
		if (symbol_rows[i].kind == kind && sv_is(text, symbol_rows[i].text)) {
			*ret_value = symbol_rows[i].value;
			return true;
		}
	}
	return false;
}
