/* SPDX-License-Identifier: Apache-2.0 */
/* Text form of times. */
#include "engine/base/clock.h"

#include <sys/timex.h>

void clock_add_rfc3339(struct buf *b, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000u);
	struct tm tm = { 0 };
	gmtime_r(&seconds, &tm);
	buf_add_format(b, "%04d-%02d-%02dT%02d:%02d:%02d.%09uZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		       tm.tm_min, tm.tm_sec, (unsigned)(wall_ns % 1000000000u));
}

const char *clock_sync_text(void)
{
	struct timex query = { 0 }; /* modes 0: ask only, needs no privilege */
	int state = adjtimex(&query);
	if (state < 0)
		return "unknown";
	return state == TIME_ERROR || (query.status & STA_UNSYNC) ? "no" : "yes";
}
