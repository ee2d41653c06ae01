/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/enforce/dimensions.h"

#include <string.h>

enum row_kind { ROW_OBJECT, ROW_SUBJECT, ROW_NOT_YET };

static const struct row {
	enum row_kind kind;
	uint32_t event; /* 0: of a subject */
	enum policy_dimension dimension;
	int bit;
	const char *name;
} rows[] = {
#define OBJECT(event, dimension, name) { ROW_OBJECT, EVENT_##event, DIMENSION_##dimension, -1, name },
#define FLAG(event, bit, name) { ROW_OBJECT, EVENT_##event, DIMENSION_FLAGS, bit, name },
#define NOT_YET(event, name) { ROW_NOT_YET, EVENT_##event, DIMENSION_FLAGS, -1, name },
#include "schemas/decisions.def"
#define SUBJECT(dimension, name) { ROW_SUBJECT, 0, DIMENSION_##dimension, -1, name },
#include "schemas/decisions.def"
};

static const struct {
	bool is_pair;
	const char *doc;
} spaces[DIMENSION_COUNT] = {
#define SPACE(dimension, number, pair, text) [number] = { pair, text },
#include "schemas/decisions.def"
};

enum dimension_kind dimension_kind(enum policy_dimension d)
{
	switch (d) {
	case DIMENSION_FLAGS:
	case DIMENSION_CONTAINER:
	case DIMENSION_ROLLOUT:
	case DIMENSION_IMAGE:
		return KIND_OF_SMALL;
	case DIMENSION_PATH:
	case DIMENSION_NEW_PATH:
	case DIMENSION_EXECUTABLE:
	case DIMENSION_ANCESTORS:
	case DIMENSION_NAME:
	case DIMENSION_CGROUP:
	case DIMENSION_COMM:
	case DIMENSION_ENDING:
	case DIMENSION_NEW_NAME:
	case DIMENSION_NEW_ENDING:
	case DIMENSION_ARGUMENTS:
		return KIND_OF_TEXT;
	case DIMENSION_ADDRESS:
		return KIND_OF_ADDRESS;
	default:
		return KIND_OF_NUMBER;
	}
}

bool dimension_is_pair(enum policy_dimension d)
{
	return spaces[d].is_pair;
}

const char *dimension_doc(enum policy_dimension d)
{
	return spaces[d].doc;
}

unsigned dimension_small(enum policy_dimension d)
{
	return d == DIMENSION_FLAGS ? SMALL_FLAGS : d == DIMENSION_CONTAINER ? SMALL_CONTAINER : d == DIMENSION_IMAGE ? SMALL_IMAGE : SMALL_ROLLOUT;
}

enum policy_dimension dimension_domain(enum policy_dimension d)
{
	switch (d) {
	case DIMENSION_NEW_PATH:
		return DIMENSION_PATH;
	case DIMENSION_NEW_NAME:
		return DIMENSION_NAME;
	case DIMENSION_NEW_ENDING:
		return DIMENSION_ENDING;
	default:
		return d;
	}
}

bool dimension_is_subject(enum policy_dimension d)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].kind == ROW_SUBJECT && rows[i].dimension == d)
			return true;
	return d == DIMENSION_ROLLOUT;
}

uint64_t events_decided(void)
{
	return 0
#define DECIDED(event) | 1ull << EVENT_##event
#include "schemas/decisions.def"
		;
}

bool event_is_decided(uint32_t event)
{
	return events_decided() >> event & 1;
}

uint32_t event_recorded(uint32_t event)
{
	return event == EVENT_PROC_IMAGE ? EVENT_PROC_EXEC : event;
}

uint64_t events_approved(void)
{
	return 0
#define APPROVED(event) | 1ull << EVENT_##event
#include "schemas/decisions.def"
		;
}

bool dimension_is_as_recorded(enum policy_dimension d)
{
	switch (d) {
	case DIMENSION_CONTAINER:
	case DIMENSION_ROLLOUT:
	case DIMENSION_IMAGE:
	case DIMENSION_CGROUP:
	case DIMENSION_EXECUTABLE:
	case DIMENSION_ANCESTORS:
	case DIMENSION_ARGUMENTS:
	case DIMENSION_NAME: /* cut at another length */
	case DIMENSION_NEW_NAME:
		return false;
	default:
		return true;
	}
}

static bool is_object_of(uint32_t event, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].kind == ROW_OBJECT && rows[i].event == event && strcmp(rows[i].name, name) == 0)
			return true;
	return false;
}

static bool is_not_yet_of(uint32_t event, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].kind == ROW_NOT_YET && rows[i].event == event && strcmp(rows[i].name, name) == 0)
			return true;
	return false;
}

bool decided_field_at(uint32_t event, size_t i, struct decided_field *ret)
{
	for (size_t k = 0; k < ARRAY_SIZE(rows); k++) {
		const struct row *row = &rows[k];
		if (row->kind == ROW_NOT_YET || (row->event && row->event != event))
			continue;
		if (row->kind == ROW_SUBJECT && is_object_of(event, row->name))
			continue; /* the same name says something of the object here */
		if (i-- == 0) {
			*ret = (struct decided_field){ row->name, row->dimension, row->bit, is_not_yet_of(event, row->name) };
			return true;
		}
	}
	return false;
}

bool decided_field(uint32_t event, const char *name, struct decided_field *ret)
{
	struct decided_field f;
	for (size_t i = 0; decided_field_at(event, i, &f); i++) {
		if (strcmp(f.name, name) == 0) {
			*ret = f;
			return true;
		}
	}
	return false;
}

bool needed_field_at(uint32_t event, size_t i, struct decided_field *ret)
{
	static const struct {
		uint32_t event; /* 0: of a subject */
		enum policy_dimension dimension;
		const char *name;
	} needed[] = {
#define NEEDED(event, dimension, name) { EVENT_##event, DIMENSION_##dimension, name },
#define NEEDED_SUBJECT(dimension, name) { 0, DIMENSION_##dimension, name },
#include "schemas/decisions.def"
	};
	for (size_t k = 0; k < ARRAY_SIZE(needed); k++) {
		if ((needed[k].event && needed[k].event != event) || i--)
			continue;
		*ret = (struct decided_field){ needed[k].name, needed[k].dimension, -1, false };
		return true;
	}
	return false;
}

bool needed_field(uint32_t event, const char *name, struct decided_field *ret)
{
	struct decided_field f;
	for (size_t i = 0; needed_field_at(event, i, &f); i++) {
		if (strcmp(f.name, name) == 0) {
			*ret = f;
			return true;
		}
	}
	return false;
}

const char *dimension_field(uint32_t event, enum policy_dimension d)
{
	struct decided_field f;
	for (size_t i = 0; decided_field_at(event, i, &f); i++)
		if (f.dimension == d)
			return f.name;
	for (size_t i = 0; needed_field_at(event, i, &f); i++)
		if (f.dimension == d)
			return f.name;
	return dimension_doc(d);
}
