/* SPDX-License-Identifier: Apache-2.0 */
/* Time: monotonic and wall nanoseconds, and RFC 3339 text. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "engine/base/buf.h"

static inline uint64_t clock_ns(clockid_t id)
{
	struct timespec ts = { 0 };
	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* "2026-01-02T03:04:05.000000006Z" (UTC, nanoseconds, 30 bytes) appended to b. */
void clock_add_rfc3339(struct buf *b, uint64_t wall_ns);

/* What clock_add_rfc3339 writes, with 0 to 9 digits behind the point; 0 or -EINVAL. */
int clock_parse_rfc3339(struct strview text, uint64_t *ret_wall_ns) MUST_CHECK;
/* The same of text that may be none: 0 when it is no time, or one that there is not. */
uint64_t clock_rfc3339_ns(struct strview text);
/* "2026-12-31" (UTC), from 1970 to 2261, as the nanosecond in which that day begins; 0 or -EINVAL. */
int clock_parse_date(struct strview text, uint64_t *ret_wall_ns) MUST_CHECK;

/* Does the kernel hold the wall clock for synchronised: "yes", "no" or "unknown". */
const char *clock_sync_text(void);
