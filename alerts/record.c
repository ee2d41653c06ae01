/* SPDX-License-Identifier: Apache-2.0 */
/* Expansions of schemas/record.def. Nothing here lists a record or a member by hand. */
#include "alerts/record.h"

enum { MAYBE, ALWAYS };

static const struct record_type record_types[RECORD_COUNT] = {
#define RECORD(id, ds, k, cat, ty, act, d) \
	[RECORD_##id] = { .dataset = (ds), .kind = (k), .category = (cat), .type = (ty), .action = (act), .doc = (d) },
#include "schemas/record.def"
};

static const struct member members[MEMBER_COUNT] = {
#define MEMBER(presence, in, k, id, n, d) \
	[MEMBER_##id] = { .name = (n), .doc = (d), .kind = KIND_##k, .records = (in), .is_always = (presence) == ALWAYS },
#include "schemas/record.def"
};

const struct record_type *record_type_get(enum record_id id)
{
	return &record_types[id];
}

const struct member *member_get(enum member_id id)
{
	return &members[id];
}

const struct member *member_find(unsigned records, struct strview name)
{
	for (size_t i = 0; i < MEMBER_COUNT; i++)
		if ((members[i].records & records) && sv_is(name, members[i].name))
			return &members[i];
	return NULL;
}
