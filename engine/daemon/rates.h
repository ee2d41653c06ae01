/* SPDX-License-Identifier: Apache-2.0 */
/* What came in the last minute: differences of counters that are noted once a second. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { RATES_NOTES = 61 }; /* a minute of seconds, and its begin */

struct rates_note {
	uint64_t boot_ns, events, alerts, lost;
};

struct rates {
	struct rates_note notes[RATES_NOTES]; /* a ring */
	size_t n, next;
};

void rates_add(struct rates *r, const struct rates_note *now);
/* What came since the oldest note; its boot_ns is the time between. All 0 before there are two. */
void rates_get(const struct rates *r, struct rates_note *ret);
