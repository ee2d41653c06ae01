/* SPDX-License-Identifier: Apache-2.0 */
/* Ends the process of an event, after the fact: what rules that kill do where the kernel could not before the first instruction. */
#pragma once

#include "engine/event/event.h"

/* What became of it, for the alert. */
struct ending {
	bool is_dead;     /* it is killed, or had ended before */
	const char *text; /* static */
};

/* Never the first process, the engine itself, or another process that has the number by now. */
struct ending process_end(const struct event *ev);
