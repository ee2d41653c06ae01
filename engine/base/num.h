/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers from text: the whole string must be the number, and it must be in range. */
#pragma once

#include <stdint.h>

#include "engine/base/attr.h"
#include "engine/base/strview.h"

/* The least power of two that is not below n. */
static inline size_t num_power_of_two(size_t n)
{
	size_t p = 1;
	while (p < n)
		p *= 2;
	return p;
}

/* Decimal, 0x hexadecimal or 0-prefixed octal; 0, -EINVAL (not a number) or -ERANGE. */
int num_parse_u64(struct strview text, uint64_t max, uint64_t *ret) MUST_CHECK;
int num_parse_s64(struct strview text, int64_t *ret) MUST_CHECK;
/* "64KiB", "8MiB", "1GiB" or plain bytes. */
int num_parse_size(struct strview text, uint64_t *ret_bytes) MUST_CHECK;
/* "250ms", "10s", "5m", "2h" or "500us"; a bare number is refused: the unit has to be said. */
int num_parse_duration(struct strview text, uint64_t *ret_ns) MUST_CHECK;
