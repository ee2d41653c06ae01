/* SPDX-License-Identifier: Apache-2.0 */
/* What each sensor mode cannot see: one constant table, said at start and in status. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct blind_spot {
	const char *what, *why;
};

/* The blind spots of a mode (SENSOR_LSM, SENSOR_TRACEPOINT), in order of weight; none, and NULL, for SENSOR_NONE. */
const struct blind_spot *blind_spots(uint32_t mode, size_t *ret_n);
