/* SPDX-License-Identifier: Apache-2.0 */
/* One verified record as a report reads it: the members of schemas/audit.def, and which of the things shown for requirements it is. */
#pragma once

#include "alerts/audit.h"
#include "engine/base/jsonread.h"

struct audit_record {
	struct json_want member[AUDIT_FIELD_COUNT];
};

/* 0, or -EBADMSG for what is no object. Views into the line. */
int audit_record_read(struct strview line, struct audit_record *ret) MUST_CHECK;

/* The text as it stands, "" of what is missing, no text or no number. */
struct strview audit_record_raw(const struct audit_record *r, enum audit_field field) PURE;
bool audit_record_is(const struct audit_record *r, enum audit_field field, const char *text) PURE;
/* SIZE_MAX when it is no whole number. */
uint64_t audit_record_number(const struct audit_record *r, enum audit_field field) PURE;
/* Printable and cut into `into`; of a list its items, joined by commas. */
void audit_record_text(const struct audit_record *r, enum audit_field field, char *into, size_t size, struct buf *scratch);
#define AUDIT_TAKE(record, field, into, scratch) audit_record_text(record, AUDIT_FIELD_##field, into, sizeof(into), scratch)
/* The same of any text. */
void audit_printable(struct strview text, char *into, size_t size);

/* Bits of enum audit_show and of enum audit_content. */
uint64_t audit_record_shows(const struct audit_record *r) PURE;
uint64_t audit_record_contents(const struct audit_record *r) PURE;
