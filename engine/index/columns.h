/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an event's fields to lists of the predicates that hold of them. What is asked of every event stands here, to be put in
 * line where it is asked.
 */
#pragma once

#include "engine/index/engine_parts.h"
#include "engine/index/number_index.h"

/* An id of a list, or the note that the caches are full. */
static inline uint16_t engine_list_id(struct engine *e, struct lists *lists, const uint32_t *items, size_t n)
{
	uint16_t id = lists_id(lists, items, n);
	e->is_full |= id == LIST_NONE;
	return id;
}

/* A value that is not in the cache, or too long for it. value NULL: it is the bytes. */
uint16_t column_list_of_missed(struct engine *e, const struct column *c, const struct event *ev, const struct value *value,
			       struct strview bytes, uint64_t hash);
/* Any column, read by the rules' own means. LIST_NONE: it has none, and the event must be evaluated plainly. */
uint16_t column_list_of_any(struct engine *e, const struct column *c, const struct event *ev);

static inline uint16_t list_of_number(const struct column *c, const struct event *ev)
{
	uint32_t u;
	memcpy(&u, (const char *)ev->common + c->offset, sizeof(u));
	if (c->may_be_missing && u == UINT32_MAX)
		return LIST_EMPTY;
	return number_index_list(c->numbers, u);
}

static inline uint16_t list_of_truth(const struct column *c, const struct event *ev)
{
	uint32_t u;
	memcpy(&u, (const char *)ev->common + c->offset, sizeof(u));
	return c->truths[u != 0];
}

/* The bytes that name a text; p NULL: there is none. */
static inline struct strview text_of(const struct column *c, const struct event *ev)
{
	struct strview s = { NULL, 0 };
	struct wire_str wire;
	if (c->access == ACCESS_DERIVED_TEXT) {
		if (!ev->derived || !(ev->derived->present >> c->bit & 1))
			return s;
		memcpy(&s, (const char *)ev->derived + c->offset, sizeof(s));
		if (!s.p)
			s.p = "";
	} else if (c->access == ACCESS_RECORD_TEXT) {
		memcpy(&wire, (const char *)ev->common + c->offset, sizeof(wire));
		s = event_str(ev, wire);
	} else if (c->access == ACCESS_COMM) { /* kept with what stands behind its end: no need to look for that each time */
		s = (struct strview){ (const char *)ev->common + c->offset, RECORD_COMM };
		if (!s.p[0])
			s.p = NULL;
	} else {
		s = (struct strview){ (const char *)ev->common + c->offset, sizeof(struct ip_address) };
		if (hash_load32(s.p) == 0) /* the family */
			s.p = NULL;
	}
	return s;
}

static inline struct value_place **steady_place(const struct engine *e, const struct column *c, struct image_row *row)
{
	return (struct value_place **)(void *)((char *)row + e->steady_at) + e->steady_index[c->input];
}

/* The list, if what the column is like tells without a look; LIST_NONE: it does not. */
static inline uint16_t list_by_habit(const struct engine *e, const struct column *c, struct image_row *row, struct strview s)
{
	if (c->habit == HABIT_STEADY) {
		const struct value_place *last = *steady_place(e, c, row);
		return last && value_is(last, c->input, s) ? last->list : LIST_NONE;
	}
	const struct value_place *path = e->path_place;
	bool is_end = c->habit == HABIT_TAIL && path && s.n == path->tail_n && s.n && s.p == e->path_end - s.n;
	return is_end ? path->tail_list : LIST_NONE;
}

/* Notes where the value was found, for the next time. */
static inline void learn_habit(struct engine *e, const struct column *c, struct image_row *row, struct strview s, struct value_place *place)
{
	if (c->habit == HABIT_STEADY) {
		*steady_place(e, c, row) = place;
	} else if (c->habit == HABIT_PATH) {
		e->path_place = place;
		e->path_end = s.p + s.n;
	} else if (e->path_place && s.n < 256 && s.n <= e->path_place->n && s.p == e->path_end - s.n) {
		e->path_place->tail_n = (uint8_t)s.n;
		e->path_place->tail_list = place->list;
	}
}

static inline uint16_t list_of_bytes_in_place(struct engine *e, const struct column *c, const struct event *ev, struct image_row *row)
{
	struct strview s = text_of(c, ev);
	if (!s.p)
		return LIST_EMPTY;
	uint16_t list = c->habit == HABIT_NONE ? LIST_NONE : list_by_habit(e, c, row, s);
	if (list != LIST_NONE)
		return list;
	if (s.n > VALUE_MAX || e->config.no_cache)
		return column_list_of_missed(e, c, ev, NULL, s, 0);
	uint64_t hash = values_hash(&e->values, c->input, s);
	struct value_place *place = values_find(&e->values, c->input, s, hash);
	if (!place || place->list == LIST_NONE)
		return column_list_of_missed(e, c, ev, NULL, s, hash);
	if (c->habit != HABIT_NONE)
		learn_habit(e, c, row, s, place);
	return place->list;
}

static inline uint16_t column_list(struct engine *e, const struct column *c, const struct event *ev, struct image_row *row)
{
	if (c->access < ACCESS_BYTES_END)
		return list_of_bytes_in_place(e, c, ev, row);
	if (c->access == ACCESS_TRUTH)
		return list_of_truth(c, ev);
	return c->access == ACCESS_U32 ? list_of_number(c, ev) : column_list_of_any(e, c, ev);
}
