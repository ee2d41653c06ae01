/* SPDX-License-Identifier: Apache-2.0 */
/* Who descends from whom, by the links between images; and the stamp that says when what is shown of that has changed. */
#include "engine/enrich/proctable_parts.h"

enum {
	FIRST_PROCESS = 1,
	FIRST_KERNEL_THREAD = 2,
};

struct image *proctable_parent(struct proctable *t, struct image *image)
{
	return image_follow(t, &image->parent);
}

struct image *proctable_previous(struct proctable *t, struct image *image)
{
	return image_follow(t, &image->previous);
}

static struct image *step_back(struct proctable *t, struct image *image)
{
	struct image *previous = image_follow(t, &image->previous);
	return previous ? previous : image_follow(t, &image->parent);
}

struct image *proctable_next_living(struct proctable *t, uint32_t *at)
{
	while (++*at < t->fresh) {
		struct image *image = &t->images[*at];
		if (image->exec_id && image->list == LIST_LIVING && !(image->flags & IMAGE_EXITED))
			return image;
	}
	return NULL;
}

size_t proctable_lineage(struct proctable *t, struct image *image, const struct image *ret[static LINEAGE_MAX])
{
	size_t n = 0;
	struct image *at = step_back(t, image);
	for (int i = 0; at && at != image && n < LINEAGE_MAX && i < LINEAGE_STEPS; i++) {
		struct image *next = step_back(t, at);
		bool is_copy = at->flags & IMAGE_FORKED && next; /* without its creator the copy stands for the program */
		if (!is_copy && (image_has_program(at) || at->comm[0]))
			ret[n++] = at;
		at = next;
	}
	return n;
}

/* Kernel threads alone have no executable. */
static bool is_told(const struct proctable *t, const struct image *at, const struct image *next)
{
	if (at->flags & IMAGE_MADE_UP)
		return false;
	if (at->executable)
		return text_get(t->text, at->executable).n < TEXT_MAX;
	return at->pid == FIRST_KERNEL_THREAD || (next && next->pid == FIRST_KERNEL_THREAD);
}

bool proctable_is_whole(struct proctable *t, struct image *image)
{
	struct image *at = image;
	for (int i = 0; i < LINEAGE_STEPS; i++) {
		bool has_lost = at->previous.id && !image_follow(t, &at->previous);
		struct image *next = step_back(t, at);
		bool is_copy = at->flags & IMAGE_FORKED && next;
		if (has_lost || (at != image && !is_copy && !is_told(t, at, next)))
			return false;
		if (!next)
			return !at->parent.id && (at->pid == FIRST_PROCESS || at->pid == FIRST_KERNEL_THREAD);
		at = next;
	}
	return false;
}

size_t proctable_line(struct proctable *t, struct image *image, uint64_t ret_ids[static LINEAGE_STEPS])
{
	size_t n = 0;
	ret_ids[n++] = image->exec_id;
	struct image *at = step_back(t, image);
	for (; at && at != image && n < LINEAGE_STEPS; at = step_back(t, at))
		ret_ids[n++] = at->exec_id;
	return n;
}

static uint64_t mixed(const struct proctable *t, uint64_t mix, const struct image *image)
{
	uint64_t h = (mix ^ (image ? image->exec_id : 1)) * t->hash_key;
	h = (h ^ h >> 29 ^ (image ? image->changed : 0)) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

/* Two walks: a line goes by the images that exec replaced first, creators by the link to the creator alone, and neither is part of the other. */
static uint64_t mix_of_ancestors(struct proctable *t, struct image *image)
{
	uint64_t mix = mixed(t, 0, image);
	struct image *at = proctable_parent(t, image);
	mix = mixed(t, mix, at);
	for (int i = 1; at && at != image && i < LINEAGE_MAX; i++)
		mix = mixed(t, mix, at = proctable_parent(t, at));
	at = step_back(t, image);
	for (int i = 0; at && at != image && i < LINEAGE_STEPS; i++, at = step_back(t, at))
		mix = mixed(t, mix, at);
	return mix;
}

uint64_t proctable_stamp(struct proctable *t, struct image *image)
{
	if (image->stamp && image->stamp_late == t->late)
		return image->stamp;
	uint64_t mix = mix_of_ancestors(t, image);
	if (!image->stamp || mix != image->stamp_mix)
		image->stamp = ++t->changes;
	image->stamp_mix = mix;
	image->stamp_late = t->late;
	return image->stamp;
}

uint32_t proctable_slot(const struct proctable *t, const struct image *image)
{
	return image_slot(t, image);
}
