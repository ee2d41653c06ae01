/* SPDX-License-Identifier: Apache-2.0 */
/* What this kernel can do, as far as reading tells; loading and the canaries tell the rest. */
#pragma once

#include "engine/probe/sensor.h"

struct btf;

/* Fills what can be read: LSM list, preemption model, unguarded LSM programs. */
void caps_read(const struct btf *kernel, struct sensor_caps *caps);
/* May verdicts be trusted to this kernel? 0, or -EOPNOTSUPP with the reason. */
int caps_check_enforcement(const struct sensor_caps *caps, struct diag *diag) MUST_CHECK;
/* Does the kernel have this hook? where is a program's section name ("lsm/file_open", "fexit/..."). */
bool caps_has_hook(const struct btf *kernel, const char *where);
