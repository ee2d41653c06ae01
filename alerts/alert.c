/* SPDX-License-Identifier: Apache-2.0 */
/* Names and numbers of actions and severities; reading the clocks. */
#include "alerts/alert.h"

#include "engine/base/clock.h"

struct instant instant_now(void)
{
	return (struct instant){ .wall_ns = clock_ns(CLOCK_REALTIME), .boot_ns = clock_ns(CLOCK_BOOTTIME), .clock_sync = clock_sync_text() };
}

const char *alert_action_text(enum alert_action action)
{
	static const char *const texts[ALERT_ACTION_COUNT] = {
		[ALERT_ACTION_ALERT] = "alert",
		[ALERT_ACTION_BLOCK] = "block",
		[ALERT_ACTION_WOULD_BLOCK] = "would-block",
		[ALERT_ACTION_KILL] = "kill",
		[ALERT_ACTION_WOULD_KILL] = "would-kill",
	};
	return texts[action];
}

const char *severity_text(enum severity severity)
{
	static const char *const texts[SEVERITY_COUNT] = { "info", "low", "medium", "high", "critical" };
	return texts[severity];
}

enum severity alert_severity(const struct alert *alert)
{
	return alert->undecided.n ? SEVERITY_LOW : alert->rule->severity;
}

unsigned severity_number(enum severity severity)
{
	static const unsigned numbers[SEVERITY_COUNT] = { 10, 21, 47, 73, 99 };
	return numbers[severity];
}

enum severity severity_of_number(uint64_t number)
{
	int s = SEVERITY_CRITICAL;
	while (s > SEVERITY_INFO && number < severity_number((enum severity)s))
		s--;
	return (enum severity)s;
}
