/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of events as a tape has them, and what they are here. A writer reads the layout that it wrote itself, so both sides take one
 * road.
 */
#pragma once

#include "engine/base/arena.h"
#include "engine/tape/frame.h"
#include "engine/tape/tape.h"

enum coding {
	CODING_NUMBER = 1,   /* always there: the difference to the value before */
	CODING_OPTIONAL = 2, /* may be missing */
	CODING_TEXT = 3,     /* bytes, by way of the dictionary; may be missing */
};

/* Where a value belongs. */
enum layout_place { PLACE_NOWHERE, PLACE_RECORD, PLACE_DERIVED, PLACE_IMAGE_ID, PLACE_IMAGE_VERSION, PLACE_IMAGE_SLOT, PLACE_LINEAGE, PLACE_ANCESTORS };

struct layout_field {
	struct strview name; /* public name, or "." and the member, or "=" and what is no field */
	struct strview kind;
	enum coding coding;
	enum layout_place place;   /* PLACE_NOWHERE: not known here */
	const struct field *field; /* of PLACE_RECORD and PLACE_DERIVED */
};

struct layout_group {
	struct layout_field *fields;
	size_t n;
};

struct layout_event {
	struct strview name;
	uint32_t number;               /* on the tape */
	const struct event_type *type; /* here; NULL: not known */
	struct layout_group own;
	size_t first_slot;             /* of own, among all values of a layout; shared ones begin at 0 */
};

enum { LAYOUT_MAX_FIELDS = 256 }; /* of a group */

struct layout {
	struct arena arena;
	struct layout_group shared;
	struct layout_event events[EVENT_NUMBERS];
	size_t n_events;
	const struct layout_event *by_number[EVENT_NUMBERS]; /* into events */
	size_t n_slots;
	char digest[TAPE_DIGEST + 1];
};

/* The tables of this program as bytes. */
void layout_write(struct buf *out);
/* Copies what it needs. 0, -EBADMSG or -ENOMEM. */
int layout_read(struct strview bytes, struct layout *ret) MUST_CHECK;
void layout_done(struct layout *layout);

bool layout_has(const struct layout_group *group, enum layout_place place) PURE;

/* The event of this type as the tape has it, or NULL; whether a group has a field of ours. */
const struct layout_event *layout_event_of(const struct layout *layout, const struct event_type *type) PURE;
bool layout_has_field(const struct layout_group *group, const struct field *field) PURE;

/* One line for each thing that differs from the tables of this program; how many. */
size_t layout_differences(const struct layout *layout, struct buf *out);
