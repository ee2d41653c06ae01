/* SPDX-License-Identifier: Apache-2.0 */
/* What counters of the kernel side are called in loss records and metrics. */
#pragma once

#include "bpf/policy_abi.h"
#include "engine/base/attr.h"

/* NULL: it counts no loss. */
const char *loss_misc_name(enum misc_counter counter) PURE;
