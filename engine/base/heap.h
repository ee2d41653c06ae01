/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A heap of numbered items, the first of an order on top. Items know their places, so that any can be taken out or moved when what
 * it is ordered by has changed; each of these takes steps by the logarithm of their number.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap {
	uint32_t *items; /* owned by the caller, with room for all there can be */
	size_t n;
	void *of;        /* handed to the functions */
	bool (*is_before)(const void *of, uint32_t a, uint32_t b); /* a strict order */
	uint32_t *(*place)(void *of, uint32_t item);               /* where the item keeps its place */
};

void heap_add(struct heap *h, uint32_t item);
void heap_remove(struct heap *h, uint32_t item);
/* Brings an item to where it belongs now. */
void heap_settle(struct heap *h, uint32_t item);
