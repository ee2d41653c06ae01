/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the kernel's capabilities, by their numbers. */
#pragma once

#include <stdint.h>

#include "engine/base/attr.h"
#include "engine/base/strview.h"

enum { CAPABILITIES = 41 }; /* that have a name */

const char *capability_name(unsigned number); /* "CAP_CHOWN" for 0; NULL when it has none */
/* The number's bit; 0: no such name. */
uint64_t capability_bit(struct strview name) PURE;
