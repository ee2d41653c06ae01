/* SPDX-License-Identifier: Apache-2.0 */
/* Which system calls serve which events in tracepoint mode: the table of schemas/syscalls.def seen from user space. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/base/attr.h"

enum { SYSCALL_NUMBERS = 512, SYSCALL_WORDS = SYSCALL_NUMBERS / 64 };

/* A call of the table. */
struct syscall_row {
	const char *name;
	uint16_t number;
	uint8_t verb;
};

/* All 64-bit calls, and all 32-bit calls. */
const struct syscall_row *syscalls_native(size_t *ret_n);
const struct syscall_row *syscalls_compat(size_t *ret_n);

/* The events that the call can be reported as; bit N: event number N. */
uint64_t syscall_events(const struct syscall_row *row) PURE;

/*
 * The members `native` and `compat` of struct sensor_config: bit N is set when call number N serves one of the wanted events.
 * All zero when none is: then the sensor's sys_exit program need not be attached.
 */
void syscalls_wanted(uint64_t events, uint64_t ret_native[static SYSCALL_WORDS], uint64_t ret_compat[static SYSCALL_WORDS]);
