/* SPDX-License-Identifier: Apache-2.0 */
/* What this kernel can do, as far as reading tells; loading and the canaries tell the rest. */
#pragma once

#include "engine/probe/sensor.h"

struct btf;

/* The kernel's own type information; the caller frees it. */
int caps_open(struct btf **ret, struct diag *diag) MUST_CHECK;
/* Fills what can be read: LSM list, preemption model, unguarded LSM programs. */
void caps_read(const struct btf *kernel, struct sensor_caps *caps);
/* May verdicts be trusted to this kernel? 0, or -EOPNOTSUPP with the reason. */
int caps_check_enforcement(const struct sensor_caps *caps, struct diag *diag) MUST_CHECK;
/* A program that does nothing, of the type that hosts refuse, is loaded and dropped: 0, or -errno with the reason. */
int caps_try_lsm(const struct btf *kernel, struct diag *diag) MUST_CHECK;
/*
 * The mode that a sensor would come to on this host, as far as can be told without attaching anything: 0, or why it would not open.
 * wanted, enforce: as in sensor_options. Needs the right to load programs.
 */
int caps_foresee_mode(enum sensor_mode wanted, bool enforce, enum sensor_mode *ret, struct diag *diag) MUST_CHECK;
/* Does the kernel have this hook? where is a program's section name ("lsm/file_open", "fexit/..."). */
bool caps_has_hook(const struct btf *kernel, const char *where);
