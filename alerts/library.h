/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of shared libraries that are loaded only when a sink needs them. */
#pragma once

#include <stddef.h>

#include "engine/base/attr.h"

struct library_function {
	const char *name;
	size_t at; /* of its pointer in the struct of pointers */
};

/* Loads the library, for the life of the process, and fills the struct. NULL, or why not: then part of the struct may be filled. */
const char *library_load(const char *so_name, const struct library_function *functions, size_t n, void *pointers) MUST_CHECK;
