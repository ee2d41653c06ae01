/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The declaration of events and fields (schemas/) as tables to look things up in. Everything here is constant.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi.h"
#include "engine/base/attr.h"
#include "engine/base/strview.h"

enum value_class { CLASS_UINT, CLASS_SINT, CLASS_BOOL, CLASS_STR, CLASS_LIST, CLASS_IP, CLASS_ENUM, CLASS_FLAGS };

/* Text forms in JSON. */
enum json_form {
	FORM_NUMBER, FORM_DECIMAL, FORM_HEX, FORM_DEVICE, FORM_OCTAL, FORM_RFC3339, FORM_TRUTH,
	FORM_TEXT, FORM_ITEMS, FORM_ADDRESS, FORM_SYMBOL, FORM_SYMBOLS,
};

enum kind_id {
#define KIND(name, wire, class, json, doc) KIND_##name,
#include "schemas/kinds.def"
	KIND_COUNT,
};

struct kind {
	const char *name;
	enum value_class class;
	enum json_form form;
	bool is_optional;  /* wire value "all bits set" means missing */
	uint8_t wire_size; /* bytes */
	const char *doc;
};

/* Bits of the events that have a name: those that rules may be about. */
uint64_t event_types_named(void) PURE;

enum field_source { FIELD_COMMON, FIELD_DERIVED, FIELD_OWN };

struct field {
	const char *name; /* "" for fields that rules and JSON do not show */
	const char *member_name; /* of the wire struct or of struct derived; unlike a name, every field has one */
	const char *doc;
	enum kind_id kind;
	enum field_source source;
	uint16_t offset;  /* in the wire struct, or in struct derived */
	uint16_t index;   /* derived: its bit in derived.present */
};

enum { EVENT_MAX_FIELDS = 128 }; /* public fields of one event, all sources */

struct event_type {
	uint32_t number;     /* EVENT_*; 0: no such event */
	uint32_t wire_size;  /* bytes of the fixed part */
	const char *name;    /* "file.open"; "" for records that never become events */
	const char *category, *ecs_type; /* ECS event.category, event.type; several separated by commas */
	const char *doc;
	const struct field *fields; /* own fields, wire order */
	size_t n_fields;
};

const struct kind *kind_get(enum kind_id id) PURE;

/* NULL when there is none. Types that never become events are found by number only. */
const struct event_type *event_type_by_number(uint32_t number) PURE;
const struct event_type *event_type_by_name(struct strview name) PURE;

/* All common / derived fields. */
const struct field *fields_common(size_t *ret_n);
const struct field *fields_derived(size_t *ret_n);

/* Public field of an event by name, or NULL. */
const struct field *field_find(const struct event_type *type, struct strview name) PURE;

/*
 * The public fields of an event, all sources, in the order JSON wants them (json_path_compare).
 * Returns how many were put into fields[], which has room for EVENT_MAX_FIELDS.
 */
size_t event_type_sorted_fields(const struct event_type *type, const struct field *fields[static EVENT_MAX_FIELDS]);

/* The i-th symbol of an ENUM or FLAGS kind in order of declaration: false when there are no more. */
bool symbol_at(enum kind_id kind, size_t i, uint64_t *ret_value, const char **ret_text);
/* Text of a symbol of an ENUM or FLAGS kind, NULL if the value has none; and back. */
const char *symbol_text(enum kind_id kind, uint64_t value) PURE;
bool symbol_value(enum kind_id kind, struct strview text, uint64_t *ret_value) MUST_CHECK;
