/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/probe/blind.h"

#include "engine/base/attr.h"
#include "engine/event/event.h"

#define ROW_LSM_IF_LSM(...) __VA_ARGS__
#define ROW_LSM_IF_TRACEPOINT(...)
#define ROW_TRACEPOINT_IF_TRACEPOINT(...) __VA_ARGS__
#define ROW_TRACEPOINT_IF_LSM(...)

static const struct blind_spot lsm_spots[] = {
#define BLIND(mode, what, why) ROW_##mode##_IF_LSM({ what, why }, )
#include "engine/probe/blind.def"
};

static const struct blind_spot tracepoint_spots[] = {
#define BLIND(mode, what, why) ROW_##mode##_IF_TRACEPOINT({ what, why }, )
#include "engine/probe/blind.def"
};

const struct blind_spot *blind_spots(uint32_t mode, size_t *ret_n)
{
	switch (mode) {
	case SENSOR_LSM:
		*ret_n = ARRAY_SIZE(lsm_spots);
		return lsm_spots;
	case SENSOR_TRACEPOINT:
		*ret_n = ARRAY_SIZE(tracepoint_spots);
		return tracepoint_spots;
	default:
		*ret_n = 0;
		return NULL;
	}
}
