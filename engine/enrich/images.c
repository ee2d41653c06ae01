/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the images and the hash over their ids. Three lists keep the order of eviction, so that a full table costs no search.
 * Links between images hold slot and serial number: a slot that was used again does not match, and the link is looked
 * up anew. A valid link is a reference, which keeps an exited ancestor in the table.
 */
#include "engine/enrich/proctable_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine/enrich/region.h"

enum {
	TEXT_ROOM_TRIES = 16,     /* exited images dropped to make room for one string */
	SLOTS_MAX = 1 << 24,
};

int proctable_new(size_t max_images, struct text *text, struct proctable **ret)
{
	if (max_images < 8 || max_images > SLOTS_MAX)
		return -EINVAL;
	CLEANUP(proctable_free) struct proctable *t = calloc(1, sizeof(*t));
	void *p = NULL;
	if (!t)
		return -ENOMEM;
	t->max = max_images;
	t->text = text;
	t->fresh = 1;
	t->late = 1;
	t->hash_size = 16;
	t->hash_shift = 60;
	for (; t->hash_size < max_images * 2; t->hash_shift--)
		t->hash_size *= 2;
	if (getrandom(&t->hash_key, sizeof(t->hash_key), 0) != sizeof(t->hash_key))
		t->hash_key = 0x9e3779b97f4a7c15u; /* spreads as well; only not secret */
	t->hash_key |= 1;
	if (region_new((max_images + 1) * sizeof(struct image), &p))
		return -ENOMEM;
	t->images = p;
	if (region_new(t->hash_size * sizeof(uint32_t), &p))
		return -ENOMEM;
	t->hash = p;
	*ret = TAKE(t);
	return 0;
}

void proctable_free(struct proctable **table)
{
	if (!*table)
		return;
	region_free((*table)->images, ((*table)->max + 1) * sizeof(struct image));
	region_free((*table)->hash, (*table)->hash_size * sizeof(uint32_t));
	free(*table);
	*table = NULL;
}

/* --- hash ------------------------------------------------------------------------------------------------------------ */

static size_t bucket_of(const struct proctable *t, uint64_t exec_id)
{
	/* twice: ids in even steps, as snapshots have them, would crowd together under some keys with one product */
	uint64_t h = exec_id * t->hash_key;
	return (size_t)(((h ^ h >> 32) * 0x9e3779b97f4a7c15u) >> t->hash_shift);
}

struct image *proctable_find(const struct proctable *t, uint64_t exec_id)
{
	if (!exec_id)
		return NULL;
	size_t mask = t->hash_size - 1;
	for (size_t i = bucket_of(t, exec_id); t->hash[i]; i = (i + 1) & mask)
		if (t->images[t->hash[i]].exec_id == exec_id)
			return &t->images[t->hash[i]];
	return NULL;
}

static void hash_add(struct proctable *t, uint32_t slot)
{
	size_t i = bucket_of(t, t->images[slot].exec_id);
	while (t->hash[i])
		i = (i + 1) & (t->hash_size - 1);
	t->hash[i] = slot;
}

/* Closes the gap by moving back what stands behind it, so that no markers pile up. */
static void hash_remove(struct proctable *t, uint32_t slot)
{
	size_t mask = t->hash_size - 1, gap = bucket_of(t, t->images[slot].exec_id);
	while (t->hash[gap] != slot)
		gap = (gap + 1) & mask;
	for (size_t i = (gap + 1) & mask; t->hash[i]; i = (i + 1) & mask) {
		size_t home = bucket_of(t, t->images[t->hash[i]].exec_id);
		if (((i - home) & mask) < ((i - gap) & mask))
			continue; /* its way from home does not lead over the gap */
		t->hash[gap] = t->hash[i];
		gap = i;
	}
	t->hash[gap] = 0;
}

/* --- lists ----------------------------------------------------------------------------------------------------------- */

static void list_remove(struct proctable *t, struct image *image)
{
	struct list *list = &t->lists[image->list];
	if (image->older)
		t->images[image->older].newer = image->newer;
	else
		list->oldest = image->newer;
	if (image->newer)
		t->images[image->newer].older = image->older;
	else
		list->newest = image->older;
}

static void list_append(struct proctable *t, struct image *image, uint8_t which)
{
	struct list *list = &t->lists[which];
	uint32_t slot = image_slot(t, image);
	image->list = which;
	image->older = list->newest;
	image->newer = 0;
	if (list->newest)
		t->images[list->newest].newer = slot;
	else
		list->oldest = slot;
	list->newest = slot;
}

void image_settle(struct proctable *t, struct image *image)
{
	uint8_t which = LIST_LIVING;
	if (image->flags & IMAGE_EXITED)
		which = image->references ? LIST_EXITED : LIST_LEAF;
	if (image->list == which)
		return;
	list_remove(t, image);
	list_append(t, image, which);
}

/* --- changes after the fact ------------------------------------------------------------------------------------------ */

static uint64_t *awaited_word(struct proctable *t, uint64_t exec_id, uint64_t *ret_bit)
{
	uint64_t h = exec_id * t->hash_key;
	size_t at = (size_t)((h ^ h >> 32) * 0x9e3779b97f4a7c15u >> 49);
	*ret_bit = 1ull << at % 64;
	return &t->awaited[at / 64];
}

static void await(struct proctable *t, uint64_t exec_id)
{
	uint64_t bit, *word = awaited_word(t, exec_id, &bit);
	*word |= bit;
}

/* Ids that share a bit only cause a line to be looked at once more. */
static void arrive(struct proctable *t, uint64_t exec_id)
{
	uint64_t bit, *word = awaited_word(t, exec_id, &bit);
	t->late += (*word & bit) != 0;
	*word &= ~bit;
}

void image_touch(struct proctable *t, struct image *image)
{
	image->changed = ++t->changes;
	t->late++;
}

/* --- links ----------------------------------------------------------------------------------------------------------- */

static struct image *link_peek(const struct proctable *t, const struct image_link *link)
{
	struct image *image = &t->images[link->at];
	return link->serial && image->serial == link->serial ? image : NULL;
}

static void link_drop(struct proctable *t, struct image_link *link)
{
	struct image *image = link_peek(t, link);
	*link = (struct image_link){ 0 };
	if (!image)
		return;
	assert(image->references);
	image->references--;
	image_settle(t, image);
}

struct image *image_follow(struct proctable *t, struct image_link *link)
{
	struct image *image = link_peek(t, link);
	if (image || !link->id)
		return image;
	image = proctable_find(t, link->id);
	if (!image) {
		await(t, link->id);
		return NULL;
	}
	link->at = image_slot(t, image);
	link->serial = image->serial;
	image->references++;
	image_settle(t, image);
	return image;
}

void image_set_link(struct proctable *t, const struct image *from, struct image_link *link, uint64_t id)
{
	if (link->id != id) {
		link_drop(t, link);
		link->id = id == from->exec_id ? 0 : id; /* only damaged records say so */
	}
	(void)image_follow(t, link); /* not there yet: found when it is needed */
}

/* --- images ---------------------------------------------------------------------------------------------------------- */

void image_drop_texts(struct proctable *t, struct image *image)
{
	text_id *const ids[] = { &image->executable, &image->args, &image->command_line, &image->cwd, &image->tty, &image->cgroup, &image->fs_path };
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		text_drop(t->text, ids[i]);
}

void image_remove(struct proctable *t, struct image *image)
{
	uint32_t slot = image_slot(t, image);
	t->late += image->references != 0;
	hash_remove(t, slot);
	link_drop(t, &image->parent);
	link_drop(t, &image->previous);
	list_remove(t, image);
	image_drop_texts(t, image);
	*image = (struct image){ .newer = t->free_first }; /* serial 0: no link fits any more */
	t->free_first = slot;
	t->stats.images--;
}

/* Makes room by the order of eviction. keep: an image that must stay, or NULL. False when there is nothing to drop. */
static bool evict_one(struct proctable *t, const struct image *keep, int lists)
{
	for (int i = 0; i < lists; i++) {
		uint32_t slot = t->lists[i].oldest;
		if (keep && &t->images[slot] == keep)
			slot = keep->newer;
		if (!slot)
			continue;
		image_remove(t, &t->images[slot]);
		t->stats.evicted++;
		return true;
	}
	return false;
}

struct image *image_add(struct proctable *t, uint64_t exec_id, const struct image *keep)
{
	if (!t->free_first && t->fresh > t->max)
		(void)evict_one(t, keep, LISTS); /* cannot fail: eight images at least, one of them kept */
	uint32_t slot = t->free_first;
	if (slot)
		t->free_first = t->images[slot].newer;
	else
		slot = t->fresh++;
	if (++t->serial == 0)
		t->serial = 1;
	struct image *image = &t->images[slot];
	*image = (struct image){ .exec_id = exec_id, .serial = t->serial, .changed = ++t->changes };
	arrive(t, exec_id);
	hash_add(t, slot);
	list_append(t, image, LIST_LIVING);
	t->stats.images++;
	return image;
}

struct image *image_find_or_add(struct proctable *t, uint64_t exec_id)
{
	struct image *image = proctable_find(t, exec_id);
	if (!image)
		return image_add(t, exec_id, NULL);
	image_touch(t, image);
	return image;
}

text_id image_keep_text(struct proctable *t, struct strview s, size_t max, const struct image *keep)
{
	if (s.n > max) {
		s.n = max;
		t->stats.text_cut++;
	}
	if (!s.n)
		return 0;
	text_id id = text_keep(t->text, s);
	for (int i = 0; !id && i < TEXT_ROOM_TRIES && evict_one(t, keep, LIST_EXITED); i++)
		id = text_keep(t->text, s);
	if (!id)
		t->stats.text_cut++;
	return id;
}
