/* SPDX-License-Identifier: Apache-2.0 */
/* Values of options that several commands have. */
#pragma once

#include <stdint.h>

#include "engine/event/event.h"

struct option;

/*
 * As getopt_long; what is no option of `vedette COMMAND`, or lacks its value, is told on standard error, with the nearest there is: '?'. At most 32
 * long options.
 */
int args_next(const char *command, int argc, char **argv, const char *shorts, const struct option *longs) MUST_CHECK;

/*
 * Each takes the value of an option of `vedette COMMAND`; 0, or -EINVAL after having said on standard error what it has to be.
 * args_file: not empty, and no option that came a word too late; "-" can be one.
 * args_ring: a power of two from 4KiB to 1GiB.
 */
int args_file(const char *command, const char *option, const char *text, const char **ret) MUST_CHECK;
int args_sensor(const char *command, const char *text, enum sensor_mode *ret) MUST_CHECK;
int args_ring(const char *command, const char *option, const char *text, uint64_t *ret_bytes) MUST_CHECK;
/* --fail-on; *ret: enum severity. */
int args_fail_on(const char *command, const char *text, int *ret) MUST_CHECK;
/* Whether a word without --rules can only be meant as rules: a folder, or a name that ends in .yaml or .yml. */
bool args_is_rules(const char *text);
