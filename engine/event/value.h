/* SPDX-License-Identifier: Apache-2.0 */
/* One field's value, read from an event; and the text forms of values. */
#pragma once

#include "engine/base/json.h"
#include "engine/event/event.h"

struct ip_address {
	uint32_t family; /* FAMILY_IPV4, FAMILY_IPV6 */
	uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
};

struct value {
	bool is_missing;
	enum value_class class;
	enum kind_id kind;
	union {
		uint64_t u;          /* UINT, BOOL (0 or 1), ENUM, FLAGS (bits) */
		int64_t i;           /* SINT */
		struct strview s;    /* STR; LIST: items each ended by NUL */
		struct ip_address ip;
	};
};

/* Reads a field. Fields without a value in this event come out with is_missing set. */
struct value event_get(const struct event *ev, const struct field *field);

/* Next item of a LIST or FLAGS value: *pos starts at 0. False at the end. FLAGS give their symbols. */
bool value_next_item(const struct value *v, size_t *pos, struct strview *ret_item);

/*
 * Text of a value as messages and string operators see it: numbers in their JSON form, lists joined by a blank. STR is
 * returned as it is; all else is written into scratch (not reset first).
 */
struct strview value_text(const struct value *v, struct buf *scratch);

/* The value as JSON; not for missing values. Bytes of STR and LIST items that are not UTF-8 set j->replaced. */
void value_json(struct json *j, const struct value *v);

/* "192.0.2.1" or "2001:db8::1". */
void ip_text(struct buf *out, const struct ip_address *ip);
/* Strict; 0 or -EINVAL. IPv4-mapped IPv6 becomes IPv4. */
int ip_parse(struct strview text, struct ip_address *ret) MUST_CHECK;
