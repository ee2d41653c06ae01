/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the renderer share: plans, and the values of one record. Private to alerts/render*.c. */
#pragma once

#include "alerts/record.h"
#include "alerts/render.h"
#include "engine/base/arena.h"
#include "engine/event/value.h"

enum { CELLS_MAX = EVENT_MAX_FIELDS + MEMBER_COUNT };

/* How a cell is written quickly (render_quick.c). */
enum cell_way {
	WAY_MEMBER,       /* a member as the record has it, else its fixed text */
	WAY_UNUSED,       /* told by the plain way alone: vedette.truncated, vedette.replaced */
	WAY_TEXT,         /* a text of the record */
	WAY_DERIVED_TEXT,
	WAY_DERIVED,      /* a list or number with sign */
	WAY_NUMBER,       /* from here to WAY_SYMBOL: a number of the record, or derived, and how it is shown */
	WAY_DECIMAL,
	WAY_TRUTH,
	WAY_HEX,
	WAY_TIME,
	WAY_SYMBOL,
	WAY_OTHER,        /* by event_get */
};

struct cell_source {
	const char *name;
	struct json_name key;
	unsigned shared;           /* objects that it is in together with the cell before */
	const struct field *field; /* NULL: the member */
	enum member_id member;
	enum cell_way way;
	uint16_t offset;           /* of the field in the record, or in struct derived */
	bool is_derived;
	bool is_wide;              /* 8 bytes there, not 4 */
	bool has_missing;          /* and this number there says that there is none */
	uint64_t missing;
	struct strview fixed[2];   /* JSON of the member where it is the same in all alerts, and in all events; of the arena; n 0: it is not */
	const struct symbols *symbols; /* of the arena */
};

/* JSON texts of the symbols of a kind by their value; n 0 where there is none. */
enum { SYMBOLS_MAX = 512 };
struct symbols {
	struct strview text[SYMBOLS_MAX];
};

struct plan {
	struct cell_source *cells; /* owned */
	size_t n;
	bool is_quick;             /* render_quick can be asked */
};

/* Values of the members; what nobody set is missing. */
struct record {
	enum record_id id;
	bool is_set[MEMBER_COUNT];
	struct value member[MEMBER_COUNT]; /* only those that are set have one */
};

struct renderer {
	struct identity identity;
	struct arena keys;
	struct plan events[EVENT_NUMBERS]; /* alert and event */
	struct plan own;                   /* the other records */
	const struct symbols *symbols[KIND_COUNT]; /* of the arena; NULL: none were asked for */
	struct buf lists;                  /* items of lists, each ended by NUL; LISTS_MAX_BYTES from the start, so it never moves */
	struct buf names;                  /* the same, for vedette.truncated and vedette.replaced */
	struct buf body;                   /* the same: what does not fit is too long for a line anyway */
	struct value cells[CELLS_MAX];
	struct record record;              /* the one that is being made */
	char event_id[STREAM_NAME_MAX + 1 + 20 + 1];
	bool is_plain;                     /* of renderer_go_plain */
};


void record_clear(struct record *rec, enum record_id id);
/* Sets the members that are the same in all records of that id about events of that type, but those that are set. type NULL: one of our own records. */
void record_set_fixed(struct renderer *r, struct record *rec, const struct event_type *type);

/*
 * The way by which nearly all alerts and events go: each cell is read and written at once, by what was found out about it at the start. 0, and
 * the body is added to out; -EAGAIN, and out is as it was: something is out of the ordinary (text that is not UTF-8, was or has to be
 * cut, or no room), and the plain way has to do it. The bytes are the same.
 */
int render_quick(const struct renderer *r, const struct record *rec, const struct event *ev, struct buf *out) MUST_CHECK;
/* Finds that out for a plan; 0 or -ENOMEM. */
int render_quick_prepare(struct renderer *r, struct plan *plan, const struct event_type *type) MUST_CHECK;
