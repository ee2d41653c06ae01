/* SPDX-License-Identifier: Apache-2.0 */
/* Tells the kernel, once for each process image, which events of it no rule that asks for the image can hold on. */
#pragma once

#include "engine/daemon/policy.h"

struct teller;

/* Borrows the sensor. */
int teller_new(struct sensor *sensor, struct teller **ret) MUST_CHECK;
void teller_free(struct teller **t);

/* An event came that would not have come if the kernel knew more of its image. policy: the one whose approval is in force, or nothing is dropped now. */
void teller_event(struct teller *t, const struct policy *policy, const struct event *ev);
