/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of the kernel's own variables, for the programs that read them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "engine/base/attr.h"

#define SYMBOLS_PATH "/proc/kallsyms"

struct symbol {
	const char *name;
	uint64_t address; /* 0: the kernel has none of this name, or does not tell (kernel.kptr_restrict) */
};

/*
 * Fills the addresses of all[0..n) from a list such as SYMBOLS_PATH, a line each: hexadecimal address, type, name, and of a module's "[module]" (these are
 * not meant). Reads no further than it has to, in a fixed room. 0 or -errno; what was found until then stands.
 */
int symbols_find(const char *path, struct symbol *all, size_t n) MUST_CHECK;
