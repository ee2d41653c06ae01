/* SPDX-License-Identifier: Apache-2.0 */
/* All metrics of a watch, in the order of schemas/metrics.def. */
#pragma once

#include "engine/daemon/metrics.h"
#include "engine/daemon/status.h"

void metrics_collect(const struct status_of *of, enum metrics_format format, struct buf *out);
/* Of the daemon's own memory, as the kernel counts it; 0: it does not say. */
uint64_t metrics_resident_bytes(void);
