/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/enforce/registry.h"

#include <errno.h>
#include <stdlib.h>

void ancestor_registry_done(struct ancestor_registry *r)
{
	for (size_t i = 0; i < POLICY_ANCESTORS; i++)
		free((char *)(uintptr_t)r->names[i].p);
	*r = (struct ancestor_registry){ 0 };
}

static bool is_in_force(const struct ancestor_registry *r, size_t bit)
{
	return r->in_force[bit / 64] >> bit % 64 & 1;
}

static int set_name(struct ancestor_registry *r, size_t bit, struct strview name)
{
	char *copy = malloc(name.n + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, name.p, name.n);
	free((char *)(uintptr_t)r->names[bit].p);
	r->names[bit] = (struct strview){ copy, name.n };
	return 0;
}

int ancestor_registry_copy(const struct ancestor_registry *from, struct ancestor_registry *ret)
{
	CLEANUP(ancestor_registry_done) struct ancestor_registry copy = { 0 };
	for (size_t i = 0; from && i < POLICY_ANCESTORS; i++)
		if (from->names[i].p && set_name(&copy, i, from->names[i]))
			return -ENOMEM;
	*ret = copy;
	copy = (struct ancestor_registry){ 0 };
	return 0;
}

int ancestor_registry_find(const struct ancestor_registry *r, struct strview name)
{
	for (size_t i = 0; i < POLICY_ANCESTORS; i++)
		if (r->names[i].p && sv_equal(r->names[i], name))
			return (int)i;
	return -1;
}

/* One that never had a meaning, else one that neither the policy in force nor this one asks for. */
static int free_bit(const struct ancestor_registry *r, const struct ancestor_registry *before)
{
	for (size_t i = 0; i < POLICY_ANCESTORS; i++)
		if (!r->names[i].p)
			return (int)i;
	for (size_t i = 0; i < POLICY_ANCESTORS; i++)
		if (!is_in_force(r, i) && !(before && is_in_force(before, i)))
			return (int)i;
	return -ENOSPC;
}

int ancestor_registry_add(struct ancestor_registry *r, const struct ancestor_registry *before, struct strview name)
{
	int bit = ancestor_registry_find(r, name);
	if (bit < 0) {
		bit = free_bit(r, before);
		int err = bit < 0 ? bit : set_name(r, (size_t)bit, name);
		if (err)
			return err;
	}
	r->in_force[bit / 64] |= 1ull << bit % 64;
	return bit;
}

void ancestor_registry_names(const struct ancestor_registry *r, struct ancestor_name ret[static POLICY_ANCESTORS])
{
	for (size_t i = 0; i < POLICY_ANCESTORS; i++)
		ret[i] = is_in_force(r, i) ? (struct ancestor_name){ sv_hash(r->names[i]), r->names[i].n } : (struct ancestor_name){ 0 };
}

uint32_t ancestor_registry_count(const struct ancestor_registry *r)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < POLICY_ANCESTORS; i++)
		if (is_in_force(r, i))
			n = i + 1;
	return n;
}
