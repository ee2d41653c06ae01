/* SPDX-License-Identifier: Apache-2.0 */
/* What the sensor's programs see and what they do not, for people and for records. */
#pragma once

#include "engine/probe/sensor.h"

/* Sections of the programs, as lsm/file_open: NULL-terminated, as records take them. */
struct hook_lists {
	const char *attached[SENSOR_MAX_HOOKS + 1];
	const char *missing[SENSOR_MAX_HOOKS + 1]; /* needed, and refused by this kernel */
};
/* sensor NULL: none of either. */
void hooks_list(const struct sensor *sensor, struct hook_lists *ret);

/* A warning for each that is needed and missing, with the reason. */
void hooks_warn(const struct sensor *sensor, struct diag *diag);
