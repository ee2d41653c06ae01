/* SPDX-License-Identifier: Apache-2.0 */
/* Zeroed arrays that begin at a cache line, so that an entry of a line's size is one line. Not touched until they are used. */
#pragma once

#include <stdint.h>
#include <stdlib.h>

#include "engine/base/attr.h"

enum { LINE_BYTES = 64 };

/* NULL without memory; what is to be freed is *ret_memory. */
static inline MUST_CHECK void *lines_new(size_t n, size_t size, void **ret_memory)
{
	if (size && n > (SIZE_MAX - LINE_BYTES) / size)
		return NULL;
	*ret_memory = calloc(1, n * size + LINE_BYTES);
	uintptr_t at = (uintptr_t)*ret_memory;
	return *ret_memory ? (char *)*ret_memory + (LINE_BYTES - at % LINE_BYTES) % LINE_BYTES : NULL;
}
