/* SPDX-License-Identifier: Apache-2.0 */
/* A map from text to pointers, for names that come from files. Owns neither keys nor values. */
#pragma once

#include <stddef.h>

#include "engine/base/attr.h"
#include "engine/base/strview.h"

struct strmap_entry {
	struct strview key; /* borrowed; p is NULL in an empty slot */
	void *value;        /* borrowed */
};

struct strmap {
	struct strmap_entry *slots; /* owned */
	size_t n, size;             /* size is a power of two */
};

void strmap_done(struct strmap *map);
/* The key must not be in the map and must outlive it; 0 or -ENOMEM. */
int strmap_add(struct strmap *map, struct strview key, void *value) MUST_CHECK;
/* NULL when there is none. */
void *strmap_get(const struct strmap *map, struct strview key) PURE;
