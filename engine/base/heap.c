/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/base/heap.h"

static void put(struct heap *h, size_t at, uint32_t item)
{
	h->items[at] = item;
	*h->place(h->of, item) = (uint32_t)at;
}

void heap_settle(struct heap *h, uint32_t item)
{
	size_t at = *h->place(h->of, item);
	for (; at > 0 && h->is_before(h->of, item, h->items[(at - 1) / 2]); at = (at - 1) / 2)
		put(h, at, h->items[(at - 1) / 2]);
	for (size_t child; (child = 2 * at + 1) < h->n; at = child) {
		if (child + 1 < h->n && h->is_before(h->of, h->items[child + 1], h->items[child]))
			child++;
		if (!h->is_before(h->of, h->items[child], item))
			break;
		put(h, at, h->items[child]);
	}
	put(h, at, item);
}

void heap_add(struct heap *h, uint32_t item)
{
	put(h, h->n++, item);
	heap_settle(h, item);
}

void heap_remove(struct heap *h, uint32_t item)
{
	size_t at = *h->place(h->of, item);
	uint32_t last = h->items[--h->n];
	if (last == item)
		return;
	put(h, at, last);
	heap_settle(h, last);
}
