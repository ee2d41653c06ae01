/* SPDX-License-Identifier: Apache-2.0 */
/* Names of system calls. */
#pragma once

#include <stdint.h>

#include "engine/base/attr.h"
#include "engine/base/strview.h"

/*
 * Name of the call that a record's number and way into the kernel stand for; n 0: there was none (io_uring, the kernel itself), or
 * the number is not known. The text lives for ever.
 */
struct strview syscall_name(uint32_t number, uint32_t via) PURE;

/* Is there a call of this name, 64-bit or 32-bit? */
bool syscall_is_known(struct strview name) PURE;
