/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/index/values.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/base/num.h"
#include "engine/index/lines.h"

/* Bytes of a place, and how many values share one of the smallest: paths and names are short, arguments are not. */
static const struct {
	uint16_t bytes, share;
} value_sizes[VALUE_SIZES] = {
	{ VALUE_SMALL, 1 }, { VALUE_MIDDLE, 4 }, { VALUE_LARGE, 8 }, { sizeof(struct value_place) + VALUE_MAX, 64 },
};

int values_init(struct values *v, size_t max)
{
	*v = (struct values){ 0 };
	hash_key_init(&v->key);
	for (size_t i = 0; i < VALUE_SIZES; i++) {
		size_t pairs = num_power_of_two((max / value_sizes[i].share + 1) / 2);
		struct value_rank *rank = &v->ranks[i];
		*rank = (struct value_rank){ .mask = pairs - 1, .bytes = value_sizes[i].bytes };
		rank->places = lines_new(2 * pairs, rank->bytes, &rank->memory);
		rank->tags = calloc(2 * pairs, sizeof(*rank->tags));
		if (!rank->places || !rank->tags)
			return -ENOMEM;
	}
	v->once_mask = num_power_of_two(2 * max) - 1;
	v->once = calloc(v->once_mask + 1, sizeof(*v->once));
	return v->once ? 0 : -ENOMEM;
}

void values_done(struct values *v)
{
	for (size_t i = 0; i < VALUE_SIZES; i++) {
		free(v->ranks[i].memory);
		free(v->ranks[i].tags);
	}
	free(v->once);
	*v = (struct values){ 0 };
}

size_t values_bytes(const struct values *v)
{
	size_t bytes = (v->once_mask + 1) * sizeof(*v->once);
	for (size_t i = 0; i < VALUE_SIZES; i++)
		bytes += 2 * (v->ranks[i].mask + 1) * (v->ranks[i].bytes + sizeof(*v->ranks[i].tags));
	return bytes;
}

struct value_place *values_put(struct values *v, uint16_t input, struct strview text, uint64_t hash)
{
	if (text.n > VALUE_MAX)
		return NULL;
	struct value_rank *rank = value_rank_of(v, text.n);
	size_t first = ((size_t)hash & rank->mask) * 2, at = first;
	uint32_t *once = value_once(v, hash);
	if ((rank->tags[first] || rank->tags[first + 1]) && *once != value_tag(hash)) {
		*once = value_tag(hash);
		return NULL;
	}
	if (rank->tags[at] && value_place_at(rank, at)->is_used)
		at++;
	if (rank->tags[at] && at > first && value_place_at(rank, at)->is_used) {
		value_place_at(rank, first)->is_used = value_place_at(rank, at)->is_used = 0; /* both are in use: the second chance is over */
		at = first;
	}
	struct value_place *place = value_place_at(rank, at);
	v->evictions += rank->tags[at] != 0;
	v->n += rank->tags[at] == 0;
	*place = (struct value_place){ .n = (uint16_t)text.n, .input = input, .list = LIST_NONE, .is_used = 1 };
	if (text.n)
		memcpy(place->text, text.p, text.n);
	rank->tags[at] = value_tag(hash);
	return place;
}

void values_empty(struct values *v)
{
	for (size_t i = 0; i < VALUE_SIZES; i++)
		memset(v->ranks[i].tags, 0, 2 * (v->ranks[i].mask + 1) * sizeof(*v->ranks[i].tags));
	v->n = 0;
}
