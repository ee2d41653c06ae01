/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a condition asks of the process image itself: its executable, arguments and working directory, which are the same in all its events. The
 * kernel cannot tell them, so user space does, once for each image, as far as they rule the condition out.
 */
#pragma once

#include "engine/rules/match.h"

/* Its tests of the image can make it false by themselves. */
bool image_can_rule_out(const struct condition *c, uint32_t event);
/* All other tests may come out as they will: false when the condition can still not hold on any event of the image that did this. m is scratch. */
bool image_may_hold(const struct condition *c, const struct event *ev, struct matcher *m);
/* Enough is known of the image for that, and will not change while its stamp does not. */
bool image_is_known(const struct event *ev) PURE;
