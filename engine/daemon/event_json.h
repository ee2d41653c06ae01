/* SPDX-License-Identifier: Apache-2.0 */
/* An event out of JSON: a line of a log, or an object of fields as in a rule's case. For commands; no event on the road comes this way. */
#pragma once

#include "engine/event/builder.h"

/*
 * text: one object, members nested as in logs or with dotted names. Which event it is: event.action, or `event` as a text, or else
 * otherwise (may be NULL). Members that are no fields are faults, but for a line of a log (event.dataset), which has others. Faults go into diag
 * under the name `file`. 0, -EINVAL or -ENOMEM.
 */
int event_from_json(const char *file, struct strview text, const struct event_type *otherwise, struct event_builder *b, struct event *ret,
		    struct diag *diag) MUST_CHECK;
