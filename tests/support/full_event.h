/* SPDX-License-Identifier: Apache-2.0 */
/* An event of any type in which every field has a value, made from the table; for tests of what shows events. */
#pragma once

#include "engine/event/event.h"

enum { FULL_EVENT_TEXT = 512 * 1024 };

struct full_event {
	struct event ev;
	struct derived derived;
	size_t text_n;
	_Alignas(8) unsigned char bytes[RECORD_MAX];
	char text[FULL_EVENT_TEXT]; /* of derived fields */
};

struct full_event_style {
	struct strview text;  /* every text; empty: the field's own name with a slash before */
	size_t repeat;        /* how often it stands there; 0: once */
	unsigned n_items;     /* of a list; 0: 2 */
};

/* Fails the running test when the result does not decode. */
void full_event_make(struct full_event *full, const struct event_type *type, const struct full_event_style *style);
