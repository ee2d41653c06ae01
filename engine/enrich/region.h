/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory set aside once, zeroed, and taken from the host only where it is touched: a table of full size costs an idle
 * daemon nothing. Kept off huge pages, where one touched byte would cost 2 MiB.
 */
#pragma once

#include <stddef.h>

#include "engine/base/attr.h"

/* 0 or -ENOMEM. */
int region_new(size_t bytes, void **ret) MUST_CHECK;
void region_free(void *memory, size_t bytes);
