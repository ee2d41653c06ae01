/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/event/ancestors.h"

enum { TEXTS = 3, HEAD_BYTES = 4 + 8 + TEXTS * 4 };

static void texts_of(const struct ancestor *a, struct strview ret[static TEXTS])
{
	ret[0] = a->name;
	ret[1] = a->executable;
	ret[2] = a->args;
}

static char *put(char *at, const void *bytes, size_t n)
{
	if (n)
		memcpy(at, bytes, n);
	return at + n;
}

static char *put_ancestor(char *at, const struct ancestor *a)
{
	struct strview texts[TEXTS];
	texts_of(a, texts);
	at = put(at, &a->pid, sizeof(a->pid)); /* little-endian, as the kernels we run on */
	at = put(at, &a->start_boot_ns, sizeof(a->start_boot_ns));
	for (size_t i = 0; i < TEXTS; i++)
		at = put(at, &(uint32_t){ (uint32_t)texts[i].n }, sizeof(uint32_t));
	for (size_t i = 0; i < TEXTS; i++)
		at = put(at, texts[i].p, texts[i].n);
	return at;
}

size_t ancestors_pack(const struct derived *d, char *to, size_t room)
{
	struct ancestor all[ANCESTOR_MAX];
	size_t n = d->ancestors(d->ancestors_source, all, ANCESTOR_MAX), size = 0;
	for (size_t i = 0; i < n; i++)
		size += HEAD_BYTES + all[i].name.n + all[i].executable.n + all[i].args.n;
	for (size_t i = 0; i < n && size <= room; i++)
		to = put_ancestor(to, &all[i]);
	return size;
}

/* The next one; false: the rest is none. */
static bool take_ancestor(struct strview *rest, struct ancestor *ret)
{
	uint32_t lengths[TEXTS];
	struct strview texts[TEXTS];
	if (rest->n < HEAD_BYTES)
		return false;
	memcpy(&ret->pid, rest->p, sizeof(ret->pid));
	memcpy(&ret->start_boot_ns, rest->p + 4, sizeof(ret->start_boot_ns));
	memcpy(lengths, rest->p + 12, sizeof(lengths));
	*rest = sv_from_index(*rest, HEAD_BYTES);
	for (size_t i = 0; i < TEXTS; i++) {
		if (lengths[i] > rest->n)
			return false;
		texts[i] = (struct strview){ rest->p, lengths[i] };
		*rest = sv_from_index(*rest, lengths[i]);
	}
	ret->name = texts[0];
	ret->executable = texts[1];
	ret->args = texts[2];
	return true;
}

bool ancestors_pack_is_good(struct strview pack)
{
	struct ancestor unused;
	for (size_t n = 0; pack.n; n++)
		if (n == ANCESTOR_MAX || !take_ancestor(&pack, &unused))
			return false;
	return true;
}

size_t ancestors_unpack(void *source, struct ancestor *ret, size_t max)
{
	struct strview rest = *(const struct strview *)source;
	size_t n = 0;
	while (n < max && take_ancestor(&rest, &ret[n]))
		n++;
	return n;
}
