/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process table from inside: for images.c (the images, and how they are found, ordered and linked), proctable.c (what is said of them) and
 * lineage.c (who descends from whom).
 */
#pragma once

#include "engine/enrich/proctable.h"

enum { LIST_LEAF, LIST_EXITED, LIST_LIVING, LISTS }; /* in order of eviction; LEAF: exited, nothing refers to it */
enum { AWAITED_BITS = 1 << 15 };

struct list {
	uint32_t oldest, newest; /* slots; 0: none */
};

struct proctable {
	struct image *images; /* owned; slot 0 is not used */
	uint32_t *hash;       /* owned; slots, open addressing */
	size_t max, hash_size;
	unsigned hash_shift;
	uint64_t hash_key;   /* secret, odd */
	struct text *text;   /* borrowed */
	uint32_t fresh;      /* slots from here on were never used */
	uint32_t free_first; /* returned slots, chained by newer */
	uint32_t serial;
	uint32_t probe_at;
	struct list lists[LISTS];
	uint64_t changes;    /* counts what changes an image, and stamps */
	uint64_t late;       /* counts what may change an image or a line that was shown before; 1 at the start */
	uint64_t awaited[AWAITED_BITS / 64]; /* hashes of ids that were linked to and not found */
	struct proctable_stats stats;
};

static inline uint32_t image_slot(const struct proctable *t, const struct image *image)
{
	return (uint32_t)(image - t->images);
}

static inline bool image_has_program(const struct image *image)
{
	return image->executable || image->args;
}

/* --- images.c --- */

/* A new one of this id, which the table does not have. keep: an image in the caller's hands that must stay, or NULL. */
struct image *image_add(struct proctable *t, uint64_t exec_id, const struct image *keep);
/* The image of an id, about to be told of: what was known of it before changes. */
struct image *image_find_or_add(struct proctable *t, uint64_t exec_id);
void image_remove(struct proctable *t, struct image *image);
/* Puts an image into the list its state asks for. */
void image_settle(struct proctable *t, struct image *image);
/* What is shown of an image that was known before is other than it was. */
void image_touch(struct proctable *t, struct image *image);
/* The linked image, looked up anew when it moved; NULL: it is not there (yet). */
struct image *image_follow(struct proctable *t, struct image_link *link);
/* Links `from` to the image of an id, now or as soon as it is there. */
void image_set_link(struct proctable *t, const struct image *from, struct image_link *link, uint64_t id);
/* 0: of an empty text, or when there is no room even without some exited images. Cut and dropped texts are counted. keep: as above. */
text_id image_keep_text(struct proctable *t, struct strview s, size_t max, const struct image *keep);
void image_drop_texts(struct proctable *t, struct image *image);
