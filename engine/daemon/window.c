/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/window.h"

#include "engine/base/attr.h"

#define SECOND_NS 1000000000ull

void window_open(struct window *w, uint64_t now_ns, uint64_t length_ns, uint64_t breaker)
{
	*w = (struct window){ .is_open = true, .until_ns = now_ns + length_ns, .breaker = breaker, .second_ns = now_ns };
}

void window_close(struct window *w)
{
	*w = (struct window){ 0 };
}

/* Buckets of a minute ago and longer become the new ones. */
static void turn(struct window *w, uint64_t now_ns)
{
	uint64_t seconds = (now_ns - w->second_ns) / SECOND_NS;
	w->second_ns += seconds * SECOND_NS;
	for (uint64_t i = 0; i < MIN(seconds, (uint64_t)WINDOW_BUCKETS); i++) {
		w->newest = (w->newest + 1) % WINDOW_BUCKETS;
		w->last_minute -= w->buckets[w->newest];
		w->buckets[w->newest] = 0;
	}
}

enum window_end window_step(struct window *w, uint64_t now_ns, uint64_t blocked)
{
	if (!w->is_open)
		return WINDOW_GOES_ON;
	turn(w, now_ns);
	w->buckets[w->newest] += blocked - w->blocked;
	w->last_minute += blocked - w->blocked;
	w->blocked = blocked;
	if (w->breaker && w->last_minute > w->breaker)
		return WINDOW_BREAKER;
	return now_ns >= w->until_ns ? WINDOW_TIMEOUT : WINDOW_GOES_ON;
}

uint64_t window_left_ns(const struct window *w, uint64_t now_ns)
{
	return w->is_open && w->until_ns > now_ns ? w->until_ns - now_ns : 0;
}
