/* SPDX-License-Identifier: Apache-2.0 */
/* schemas/decisions.def as tables to look things up in: which field of which event is looked up by which dimension. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bpf/decision_abi.h"
#include "engine/base/attr.h"

/* What the values of a dimension are. */
enum dimension_kind {
	KIND_OF_TEXT,
	KIND_OF_NUMBER,
	KIND_OF_ADDRESS,
	KIND_OF_SMALL, /* numbers that are their class: FLAGS, CONTAINER, ROLLOUT, IMAGE */
};

enum {
	DIMENSION_NONE = DIMENSION_COUNT,
	SMALL_FLAGS = 16,    /* numbers that the dimension FLAGS has: a bit for each truth value of an event */
	SMALL_CONTAINER = 2,
	SMALL_IMAGE = 2,
	SMALL_ROLLOUT = 100,
	SMALL_MAX = SMALL_ROLLOUT,
};

enum dimension_kind dimension_kind(enum policy_dimension d) PURE;
bool dimension_is_pair(enum policy_dimension d) PURE;
/* What it is looked up by, for people. */
const char *dimension_doc(enum policy_dimension d) PURE;
/* Of a SMALL dimension: how many numbers there are. */
unsigned dimension_small(enum policy_dimension d) PURE;
/* Dimensions whose predicates make classes together: both paths of an event are looked up in one table, and so are both names. */
enum policy_dimension dimension_domain(enum policy_dimension d) PURE;
/* Says who acts, not on what: means the same in every event. */
bool dimension_is_subject(enum policy_dimension d) PURE;

bool event_is_decided(uint32_t event) PURE;
/* The event by whose record rules know it: EVENT_PROC_IMAGE has none of its own. */
uint32_t event_recorded(uint32_t event) PURE;
/* Bits of the events whose hooks ask. */
uint64_t events_decided(void) PURE;

/* Bits of the events that the kernel need not send where no rule can hold. */
uint64_t events_approved(void) PURE;
/*
 * What the kernel finds there when a hook asks is what the record says: not so of the image and its creators, which may have been renamed
 * since, nor of groups of processes, of which user space knows more.
 */
bool dimension_is_as_recorded(enum policy_dimension d) PURE;

struct decided_field {
	const char *name;
	enum policy_dimension dimension;
	int bit;         /* FLAGS: which; else -1 */
	bool is_not_yet; /* not known when this event is decided */
};
/* A field of an event whose hooks ask; false: the field has no row. */
bool decided_field(uint32_t event, const char *name, struct decided_field *ret) MUST_CHECK;
/* The same of a field that is there for approval alone. */
bool needed_field(uint32_t event, const char *name, struct decided_field *ret) MUST_CHECK;
/* The i-th of them; false: there are no more. */
bool needed_field_at(uint32_t event, size_t i, struct decided_field *ret) MUST_CHECK;
/* The first field of the event that is looked up by this dimension; where there is none, what is. */
const char *dimension_field(uint32_t event, enum policy_dimension d);
/* The i-th of the event's decided fields, objects before subjects; false: there are no more. */
bool decided_field_at(uint32_t event, size_t i, struct decided_field *ret) MUST_CHECK;
