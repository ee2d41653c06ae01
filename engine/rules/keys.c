/* SPDX-License-Identifier: Apache-2.0 */
/* Expansions of keys.def. */
#include "engine/rules/keys.h"

#include <assert.h>

enum { MAYBE, NEEDED };

static const struct part parts[PART_COUNT] = {
#define PART(id, k, w, d) [PART_##id] = { .key = (k), .what = (w), .doc = (d) },
#include "engine/rules/keys.def"
};

static const struct key rows[] = {
#define KEY(p, n, presence, s, d) { .name = (n), .doc = (d), .part = PART_##p, .is_needed = (presence) == NEEDED, .shape = SHAPE_##s },
#define RULE_KEY(n, presence, s, c, reader, d) \
	{ .name = (n), .doc = (d), .part = PART_RULE, .is_needed = (presence) == NEEDED, .shape = SHAPE_##s, .change = CHANGE_##c },
#include "engine/rules/keys.def"
};

const struct part *part_get(enum part_id id)
{
	return &parts[id];
}

static bool belongs(const struct key *row, enum part_id id)
{
	if (row->part == id)
		return true;
	if (row->part != PART_RULE)
		return false;
	return (id == PART_OVERRIDE && row->change != CHANGE_FIXED) || (id == PART_APPEND && row->change == CHANGE_BOTH);
}

size_t part_keys(enum part_id id, const struct key *keys[static PART_MAX_KEYS])
{
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (!belongs(&rows[i], id))
			continue;
		assert(n < PART_MAX_KEYS);
		keys[n++] = &rows[i];
	}
	return n;
}

bool part_has_key(enum part_id id, struct strview name)
{
	const struct key *keys[PART_MAX_KEYS];
	size_t n = part_keys(id, keys);
	for (size_t i = 0; i < n; i++)
		if (sv_is(name, keys[i]->name))
			return true;
	return false;
}
