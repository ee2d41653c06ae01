/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/base/heap.h"

enum { ITEMS = 4096, ROUNDS = 60000, STEPS_MAX = 2 * 13 + 2 }; /* two comparisons a level down, one up */

struct items {
	uint64_t keys[ITEMS];
	uint32_t places[ITEMS];
	bool is_in[ITEMS];
	size_t *n_compared;
};

static bool is_before(const void *of, uint32_t a, uint32_t b)
{
	const struct items *items = of;
	++*items->n_compared;
	return items->keys[a] != items->keys[b] ? items->keys[a] < items->keys[b] : a < b;
}

static uint32_t *place(void *of, uint32_t item)
{
	return &((struct items *)of)->places[item];
}

/* The first of all by looking at each. */
static uint32_t first_of(const struct items *items)
{
	uint32_t first = ITEMS;
	for (uint32_t i = 0; i < ITEMS; i++)
		if (items->is_in[i] && (first == ITEMS || items->keys[i] < items->keys[first]))
			first = i;
	return first;
}

static void the_first_is_on_top_and_little_is_compared(void **state)
{
	(void)state;
	static struct items items;
	static uint32_t room[ITEMS];
	size_t n_compared = 0;
	uint64_t random = 3;
	items.n_compared = &n_compared;
	struct heap h = { .items = room, .of = &items, .is_before = is_before, .place = place };
	for (size_t i = 0; i < ROUNDS; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		uint32_t item = (uint32_t)(random >> 40) % ITEMS;
		bool was_in = items.is_in[item];
		n_compared = 0;
		if (was_in && random >> 33 & 1) {
			heap_remove(&h, item);
			items.is_in[item] = false;
		} else {
			items.keys[item] = random >> 50;
			if (was_in)
				heap_settle(&h, item);
			else
				heap_add(&h, item);
			items.is_in[item] = true;
		}
		assert_true(n_compared <= STEPS_MAX);
		if (i % 64 == 0 && h.n)
			assert_int_equal(h.items[0], first_of(&items));
	}
	assert_true(h.n > ITEMS / 4);
	for (size_t n = h.n; n > 0; n--) {
		uint32_t first = first_of(&items);
		assert_int_equal(h.items[0], first);
		heap_remove(&h, first);
		items.is_in[first] = false;
	}
	assert_int_equal(h.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_first_is_on_top_and_little_is_compared) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
