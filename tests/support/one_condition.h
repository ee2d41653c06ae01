/* SPDX-License-Identifier: Apache-2.0 */
/* Conditions asked about one event each: a rule is made around them. Faults that are no matter of the test end its program. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/event/builder.h"
#include "engine/rules/ruleset.h"

struct given {
	const char *field, *value; /* several items: separated by | */
};

enum { N_OPEN_EVENT = 19, N_CONNECT_EVENT = 5 };
extern const struct given open_event[N_OPEN_EVENT], connect_event[N_CONNECT_EVENT];

/* A rule `r` about these events, in a file with lists and macros (readers, none, reads_shadow, ...). What ruleset_load_text returns. */
int condition_load(const char *events, const char *condition, struct ruleset **ret, struct diag *diag);
void given_set(struct event_builder *b, const struct given *fields, size_t n);
/* Whether it holds on an event of this number with these fields. */
bool condition_holds_on(const char *condition, uint32_t number, const struct given *fields, size_t n);

struct truth {
	bool holds;
	const char *condition;
};

static inline void expect_on_open(const struct truth *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (condition_holds_on(cases[i].condition, EVENT_FILE_OPEN, open_event, N_OPEN_EVENT) != cases[i].holds)
			fail_msg("should %shold: %s", cases[i].holds ? "" : "not ", cases[i].condition);
}

static inline void expect_on_connect(const struct truth *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (condition_holds_on(cases[i].condition, EVENT_NET_CONNECT, connect_event, N_CONNECT_EVENT) != cases[i].holds)
			fail_msg("should %shold: %s", cases[i].holds ? "" : "not ", cases[i].condition);
}
