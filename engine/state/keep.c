/* SPDX-License-Identifier: Apache-2.0 */
/* Copies by the table of derived fields; nothing lists them by hand. */
#include "engine/state/keep.h"

#include "engine/event/ancestors.h"

static size_t aligned(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

/* The text of a derived field that has one, or NULL. */
static struct strview *text_of(struct derived *d, const struct field *field)
{
	enum value_class class = kind_get(field->kind)->class;
	if (!(d->present >> field->index & 1) || (class != CLASS_STR && class != CLASS_LIST))
		return NULL;
	return (struct strview *)(void *)((char *)d + field->offset);
}

size_t kept_size(const struct event *ev, size_t n_feeds)
{
	size_t n_fields, n = aligned(sizeof(struct kept)) + n_feeds * sizeof(struct stateful_feed) + aligned(ev->size);
	const struct field *fields = fields_derived(&n_fields);
	if (!ev->derived)
		return n;
	n += ev->derived->n_lineage * sizeof(uint64_t);
	n += ev->derived->ancestors ? ancestors_pack(ev->derived, NULL, 0) : 0;
	struct derived copy = *ev->derived;
	for (size_t i = 0; i < n_fields; i++)
		if (text_of(&copy, &fields[i]))
			n += text_of(&copy, &fields[i])->n;
	return n;
}

/* The next n bytes of the block; NULL: it is full. */
static void *part(char **at, const char *end, size_t n)
{
	char *p = *at;
	if ((size_t)(end - p) < n)
		return NULL;
	*at += n;
	return p;
}

/* The event outlives what its source knows of it now. */
static char *copy_ancestors(struct kept *k, const struct derived *from, char *at, const char *end)
{
	k->derived.ancestors = NULL;
	k->derived.ancestors_source = NULL;
	if (!from->ancestors)
		return at;
	size_t room = (size_t)(end - at), n = ancestors_pack(from, at, room);
	if (n > room)
		return at;
	k->ancestors = (struct strview){ at, n };
	k->derived.ancestors = ancestors_unpack;
	k->derived.ancestors_source = &k->ancestors;
	return at + n;
}

static void copy_derived(struct kept *k, const struct derived *from, char *at, const char *end)
{
	size_t n_fields;
	const struct field *fields = fields_derived(&n_fields);
	k->derived = *from;
	k->ev.derived = &k->derived;
	uint64_t *lineage = part(&at, end, from->n_lineage * sizeof(*lineage));
	k->derived.lineage = lineage;
	k->derived.n_lineage = lineage ? from->n_lineage : 0;
	if (k->derived.n_lineage)
		memcpy(lineage, from->lineage, from->n_lineage * sizeof(*lineage));
	at = copy_ancestors(k, from, at, end);
	for (size_t i = 0; i < n_fields; i++) {
		struct strview *text = text_of(&k->derived, &fields[i]);
		char *copy = text && text->n ? part(&at, end, text->n) : NULL;
		if (copy) {
			memcpy(copy, text->p, text->n);
			text->p = copy;
		} else if (text && text->n) {
			*text = (struct strview){ NULL, 0 };
			k->derived.present &= ~(1ull << fields[i].index);
		}
	}
}

struct kept *kept_fill(struct pool *p, uint32_t block, const struct event *ev, size_t n_feeds)
{
	struct kept *k = pool_at(p, block);
	char *at = (char *)k + aligned(sizeof(*k));
	const char *end = (const char *)k + pool_size(p, block);
	*k = (struct kept){ .ev = *ev, .refs = 1, .n_feeds = (uint32_t)n_feeds };
	k->feeds = part(&at, end, n_feeds * sizeof(*k->feeds));
	void *record = part(&at, end, aligned(ev->size));
	if (!record || (n_feeds && !k->feeds))
		return NULL;
	memcpy(record, ev->common, ev->size);
	k->ev.common = record;
	if (ev->derived)
		copy_derived(k, ev->derived, at, end);
	return k;
}
