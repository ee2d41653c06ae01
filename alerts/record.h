/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of schemas/record.def as constant tables: the records of a log and their members. */
#pragma once

#include "engine/event/table.h"

enum record_id {
#define RECORD(id, dataset, kind, category, type, action, doc) RECORD_##id,
#include "schemas/record.def"
	RECORD_COUNT,
};

enum {
#define RECORD(id, dataset, kind, category, type, action, doc) IN_##id = 1 << RECORD_##id,
#include "schemas/record.def"
	IN_ANY = (1 << RECORD_COUNT) - 1,
	IN_EVENTS = IN_ALERT | IN_EVENT,
	IN_OWN = IN_ANY & ~IN_EVENTS,
};

enum member_id {
#define MEMBER(presence, records, kind, id, name, doc) MEMBER_##id,
#include "schemas/record.def"
	MEMBER_COUNT,
};

struct record_type {
	const char *dataset, *kind, *category, *type, *action, *doc; /* category to action: "" when the event has its own */
};

struct member {
	const char *name, *doc;
	enum kind_id kind;
	unsigned records; /* IN_* bits */
	bool is_always;
};

const struct record_type *record_type_get(enum record_id id) PURE;
const struct member *member_get(enum member_id id) PURE;
/* The member that such records have under this name, or NULL. */
const struct member *member_find(unsigned records, struct strview name) PURE;
