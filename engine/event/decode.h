/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a record once, so that later code may trust it. */
#pragma once

#include "engine/event/event.h"

/*
 * bytes must be 8-byte aligned and stay as long as the event. 0, or -EBADMSG for a damaged record: unknown event, wrong
 * size, a string that leaves the record or points into its fixed part. Does not fill ret_event->derived.
 */
int event_decode(const void *bytes, size_t size, struct event *ret_event) MUST_CHECK;
