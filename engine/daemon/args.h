/* SPDX-License-Identifier: Apache-2.0 */
/* Values of options that several commands have. */
#pragma once

#include <stdint.h>

#include "engine/event/event.h"

/* enum severity, or -1 for no name of one. */
int args_severity(const char *text);
/* auto, lsm or tracepoint; 0 or -EINVAL. */
int args_sensor(const char *text, enum sensor_mode *ret) MUST_CHECK;
/* A power of two from 4KiB to 1GiB; 0 or -EINVAL. */
int args_ring(const char *text, uint64_t *ret_bytes) MUST_CHECK;
/* Whether this can be meant as the name of a file to be written: not empty, and not an option that came a word too late. "-" can be. */
bool args_is_file(const char *text);
/* Whether a word without --rules can only be meant as rules: a folder, or a name that ends in .yaml or .yml. */
bool args_is_rules(const char *text);
