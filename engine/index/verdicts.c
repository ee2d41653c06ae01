/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/index/verdicts.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/index/lines.h"

int verdicts_init(struct verdicts *v, size_t max)
{
	size_t pairs = 1;
	while (pairs < (max + 1) / 2)
		pairs *= 2;
	*v = (struct verdicts){ .mask = pairs - 1 };
	hash_key_init(&v->key);
	v->places = lines_new(2 * pairs, sizeof(*v->places), &v->memory);
	v->is_used = calloc(2 * pairs, sizeof(*v->is_used));
	return v->places && v->is_used ? 0 : -ENOMEM;
}

void verdicts_done(struct verdicts *v)
{
	free(v->memory);
	free(v->is_used);
	*v = (struct verdicts){ 0 };
}

size_t verdicts_bytes(const struct verdicts *v)
{
	return 2 * (v->mask + 1) * (sizeof(*v->places) + sizeof(*v->is_used));
}

void verdicts_put(struct verdicts *v, const uint16_t *key, size_t n, uint64_t hash, uint16_t matches, uint16_t open)
{
	size_t first = ((size_t)hash & v->mask) * 2, at = first;
	if (v->places[first].key[0] && v->is_used[first])
		at++;
	if (at > first && v->places[at].key[0] && v->is_used[at]) {
		v->is_used[first] = v->is_used[at] = 0;
		at = first;
	}
	v->evictions += v->places[at].key[0] != 0;
	v->n += v->places[at].key[0] == 0;
	v->places[at] = (struct answer){ .matches = matches, .open = open };
	memcpy(v->places[at].key, key, n * sizeof(*key));
	v->is_used[at] = 1;
}

void verdicts_empty(struct verdicts *v)
{
	memset(v->places, 0, 2 * (v->mask + 1) * sizeof(*v->places));
	v->n = 0;
}
