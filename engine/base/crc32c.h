/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C (Castagnoli), by the processor's instruction where it has one. Finds damage; proves nothing against whoever means it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/base/attr.h"

/* Goes on from `crc`, which is 0 at the start. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t n) PURE;
/* The same without the processor's help. */
uint32_t crc32c_plain(uint32_t crc, const void *bytes, size_t n) PURE;
