/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time in which a policy has to be confirmed: when it ends, and whether the policy blocks more than it may meanwhile. Knows no policy and
 * no clock: both are the caller's. Once closed it says nothing any more, so being blocked later never loosens anything.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { WINDOW_BUCKETS = 60 }; /* of a second each: the breaker counts over a minute */
#define WINDOW_MIN_NS 10000000000ull
#define WINDOW_MAX_NS 3600000000000ull

enum window_end { WINDOW_GOES_ON, WINDOW_TIMEOUT, WINDOW_BREAKER };

struct window {
	bool is_open;
	uint64_t until_ns;
	uint64_t breaker;                /* blocks of a minute that are too many when there are more; 0: any number may be */
	uint64_t blocked;                /* so far, as the caller counts */
	uint64_t second_ns;              /* begin of the newest bucket */
	uint64_t buckets[WINDOW_BUCKETS]; /* blocks of each second, in a ring */
	unsigned newest;
	uint64_t last_minute;            /* sum of the buckets */
};

void window_open(struct window *w, uint64_t now_ns, uint64_t length_ns, uint64_t breaker);
void window_close(struct window *w);
/* blocked: blocks since the window was opened. The clock never goes back. */
enum window_end window_step(struct window *w, uint64_t now_ns, uint64_t blocked);
/* 0: closed, or over. */
uint64_t window_left_ns(const struct window *w, uint64_t now_ns);
