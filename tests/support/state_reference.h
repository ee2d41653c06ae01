/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules about several events, done the slow way: all events are kept, sorted by time, and each rule is worked out again from the begin to
 * the end with lists and no limits. What engine/state says is compared with it.
 */
#pragma once

#include "engine/rules/set.h"

enum { REFERENCE_MAX_EVENTS = 4096, REFERENCE_MAX_LINE = 8, REFERENCE_MAX_ALERTS = 8192 };

struct reference_event {
	uint64_t time_ns, exec_id, parent_id;
	uint64_t line[REFERENCE_MAX_LINE]; /* the image itself, then those it descends from */
	size_t n_line;
	uint32_t matches[64];
	size_t n_matches;
	char *keys[64][8]; /* owned; text of each key field for input of rule: [feed][key], NULL: no value */
	char *values[64];  /* owned; of the distinct field */
	struct stateful_feed feeds[64];
	size_t n_feeds;
	uint64_t number;   /* order of arrival */
};

struct reference_alert {
	uint32_t rule;
	uint64_t at_ns, number, count; /* number: of the event it is about */
	uint64_t others; /* sum of the numbers of the others */
	bool is_at_end;  /* raised by the end of a time: comes after the events of that time */
};

struct reference {
	const struct ruleset *set;
	struct reference_event *events; /* owned */
	size_t n_events;
	struct reference_alert *alerts; /* owned */
	size_t n_alerts;
};

void reference_init(struct reference *r, const struct ruleset *set);
void reference_done(struct reference *r);
/* Keeps what the rules need to know of the event. */
void reference_add(struct reference *r, const struct event *ev, const struct matches *matches, uint64_t number);
/* All alerts, as if time went on until end_ns; sorted by time, rule and event. */
void reference_run(struct reference *r, uint64_t end_ns);
int reference_compare(const void *a, const void *b);
