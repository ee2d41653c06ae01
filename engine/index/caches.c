/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/index/caches.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/num.h"
#include "engine/index/lines.h"

enum {
	LISTS_EACH = 8,        /* lists for each class that there may be */
	CLASS_ITEMS_EACH = 16, /* lists that a class is made of, on average */
	STRINGS_DEFAULT = 65536,
	IMAGES_DEFAULT = 32768,
	CLASSES_DEFAULT = 8192,
	VERDICTS_DEFAULT = 16384,
};

static int scratch_init(struct engine *e)
{
	size_t n = e->predicates.n;
	e->finder.folded = malloc(FOLD_MAX);
	e->marks = calloc(n + 1, sizeof(*e->marks));
	e->n_items_max = 2 * MAX(n, e->n_plans_max) + 1;
	e->items = calloc(e->n_items_max, sizeof(*e->items));
	e->now = calloc(e->n_columns_max + 1, sizeof(*e->now));
	e->class_items = calloc(e->n_columns_max + 1, sizeof(*e->class_items));
	if (!e->finder.folded || !e->marks || !e->items || !e->now || !e->class_items)
		return -ENOMEM;
	if (bitset_init(&e->finder.held, 2 * n + 2) || bitset_init(&e->finder.asked, n + 1))
		return -ENOMEM;
	return bitset_init(&e->candidates, e->n_plans_max + 1);
}

static int images_init(struct engine *e)
{
	size_t n = num_power_of_two(e->config.max_images ? e->config.max_images : IMAGES_DEFAULT);
	size_t known = (e->n_image_inputs + e->n_events) * sizeof(uint16_t);
	e->steady_at = (sizeof(struct image_row) + known + 7) & ~(size_t)7;
	size_t bytes = e->steady_at + e->n_steady * sizeof(struct value_place *);
	e->image_stride = (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
	e->image_mask = n - 1;
	e->images = lines_new(n, e->image_stride, &e->images_memory);
	e->no_image = calloc(1, e->image_stride);
	e->generation = 1;
	return e->images && e->no_image ? 0 : -ENOMEM;
}

int caches_init(struct engine *e)
{
	const struct engine_config *c = &e->config;
	size_t max_classes = c->max_classes ? c->max_classes : CLASSES_DEFAULT;
	size_t memos = (e->lists.max + 1) * (e->n_events + 1);
	e->projected = calloc(memos, sizeof(*e->projected));
	e->candidate_lists = calloc(memos, sizeof(*e->candidate_lists));
	if (!e->projected || !e->candidate_lists)
		return -ENOMEM;
	e->lists.max = MIN(e->lists.max, e->lists.n_fixed + LISTS_EACH * max_classes);
	if (matcher_new(&e->matcher) || scratch_init(e) || images_init(e))
		return -ENOMEM;
	if (lists_init(&e->classes, max_classes, max_classes * CLASS_ITEMS_EACH + e->n_columns_max + 1))
		return -ENOMEM;
	if (values_init(&e->values, c->max_strings ? c->max_strings : STRINGS_DEFAULT))
		return -ENOMEM;
	return verdicts_init(&e->verdicts, c->max_verdicts ? c->max_verdicts : VERDICTS_DEFAULT);
}

void caches_done(struct engine *e)
{
	matcher_free(&e->matcher);
	free(e->finder.folded);
	bitset_done(&e->finder.held);
	bitset_done(&e->finder.asked);
	bitset_done(&e->candidates);
	free(e->marks);
	free(e->items);
	free(e->now);
	free(e->class_items);
	free(e->images_memory);
	free(e->no_image);
	free(e->projected);
	free(e->candidate_lists);
	lists_done(&e->lists);
	lists_done(&e->classes);
	values_done(&e->values);
	verdicts_done(&e->verdicts);
}

static size_t lists_bytes(const struct lists *l)
{
	return l->max * sizeof(*l->places) + l->max_items * sizeof(*l->items) + l->n_slots * sizeof(*l->slots);
}

size_t caches_bytes(const struct engine *e)
{
	return values_bytes(&e->values) + verdicts_bytes(&e->verdicts) + lists_bytes(&e->lists) + lists_bytes(&e->classes) +
	       (e->image_mask + 1) * e->image_stride + 2 * (e->lists.max + 1) * (e->n_events + 1) * sizeof(*e->projected) + FOLD_MAX +
	       e->predicates.n * sizeof(*e->marks) + e->n_items_max * sizeof(*e->items);
}

void caches_empty(struct engine *e)
{
	size_t used = e->lists.n * e->n_events;
	memset(e->projected, 0, used * sizeof(*e->projected));
	memset(e->candidate_lists, 0, used * sizeof(*e->candidate_lists));
	lists_empty(&e->lists);
	lists_empty(&e->classes);
	values_empty(&e->values);
	verdicts_empty(&e->verdicts);
	e->is_full = false;
	e->stats.flushes++;
	if (++e->generation == 0) { /* a row of long ago might seem to be of now */
		memset(e->images, 0, (e->image_mask + 1) * e->image_stride);
		e->generation = 1;
	}
}

struct image_row *caches_image_anew(struct engine *e, struct image_row *row, const struct image_stamp *stamp)
{
	e->stats.image_misses++;
	memset(row, 0, e->image_stride);
	if (row != e->no_image)
		*row = (struct image_row){ .id = stamp->id, .version = stamp->version, .generation = e->generation };
	return row;
}
