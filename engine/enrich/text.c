/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the text region. Pages of the region are given to size classes and come back when their last string goes, so
 * that no mix of lengths can wedge the pool for long. Strings hang in hash chains under a secret key: who chooses
 * command lines must not be able to choose collisions.
 */
#include "engine/enrich/text.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "engine/base/num.h"
#include "engine/enrich/region.h"

enum { UNIT = 16 };
#define NO_PAGE UINT32_MAX

static const uint16_t class_sizes[] = { 32, 48, 64, 96, 128, 192, 256, 384, 512, 752, 1024, 1360, 2048, 2720, 4096, 8192 };

struct head { /* before each string; a free block uses next to chain the free ones of its page */
	uint32_t users;
	uint32_t length;
	uint32_t hash;
	text_id next;
};
_Static_assert(sizeof(struct head) == UNIT, "TEXT_MAX counts on it");

struct page {
	uint8_t class;
	uint16_t used;      /* blocks in use */
	text_id free_first; /* free blocks of the page */
	uint32_t prev, next; /* pages of the class with free blocks; next also chains free pages */
};

struct text {
	char *region;
	struct page *pages;
	text_id *buckets;
	size_t n_pages, n_buckets, bytes;
	uint32_t fresh;      /* pages from here on were never used */
	uint32_t free_page;  /* returned pages */
	size_t used_pages;
	uint32_t partial[ARRAY_SIZE(class_sizes)]; /* first page with a free block */
	unsigned char key[crypto_shorthash_KEYBYTES];
};

int text_new(size_t max_bytes, struct text **ret)
{
	CLEANUP(text_free) struct text *text = calloc(1, sizeof(*text));
	if (!text || sodium_init() < 0)
		return -ENOMEM;
	size_t n_pages = MIN(max_bytes, (size_t)1 << 34) / TEXT_PAGE + (max_bytes % TEXT_PAGE != 0);
	text->n_pages = MAX(n_pages, (size_t)1);
	text->bytes = text->n_pages * TEXT_PAGE;
	text->n_buckets = num_power_of_two(text->bytes / 128);
	text->free_page = NO_PAGE;
	for (size_t i = 0; i < ARRAY_SIZE(class_sizes); i++)
		text->partial[i] = NO_PAGE;
	crypto_shorthash_keygen(text->key);
	void *p = NULL;
	if (region_new(text->bytes + UNIT, &p)) /* block 0 of page 0 begins at unit 1: id 0 stays free */
		return -ENOMEM;
	text->region = p;
	if (region_new(text->n_pages * sizeof(struct page), &p))
		return -ENOMEM;
	text->pages = p;
	if (region_new(text->n_buckets * sizeof(text_id), &p))
		return -ENOMEM;
	text->buckets = p;
	*ret = TAKE(text);
	return 0;
}

void text_free(struct text **text)
{
	if (!*text)
		return;
	region_free((*text)->region, (*text)->bytes + UNIT);
	region_free((*text)->pages, (*text)->n_pages * sizeof(struct page));
	region_free((*text)->buckets, (*text)->n_buckets * sizeof(text_id));
	free(*text);
	*text = NULL;
}

static struct head *head_of(const struct text *text, text_id id)
{
	return (struct head *)(void *)(text->region + (size_t)id * UNIT);
}

static uint32_t page_of(text_id id)
{
	return (uint32_t)(((size_t)id - 1) * UNIT / TEXT_PAGE);
}

static void page_unlist(struct text *text, uint32_t at)
{
	struct page *page = &text->pages[at];
	if (page->prev != NO_PAGE)
		text->pages[page->prev].next = page->next;
	else
		text->partial[page->class] = page->next;
	if (page->next != NO_PAGE)
		text->pages[page->next].prev = page->prev;
}

static void page_list(struct text *text, uint32_t at)
{
	struct page *page = &text->pages[at];
	page->prev = NO_PAGE;
	page->next = text->partial[page->class];
	if (page->next != NO_PAGE)
		text->pages[page->next].prev = at;
	text->partial[page->class] = at;
}

/* Cuts an unused page into blocks of a class. False when the budget is used up. */
static bool page_open(struct text *text, uint8_t class)
{
	uint32_t at = text->free_page;
	if (at != NO_PAGE)
		text->free_page = text->pages[at].next;
	else if (text->fresh < text->n_pages)
		at = text->fresh++;
	else
		return false;
	struct page *page = &text->pages[at];
	*page = (struct page){ .class = class };
	text_id first = (text_id)((size_t)at * (TEXT_PAGE / UNIT) + 1);
	for (size_t i = TEXT_PAGE / class_sizes[class]; i-- > 0;) {
		text_id block = first + (text_id)(i * class_sizes[class] / UNIT);
		head_of(text, block)->next = page->free_first;
		page->free_first = block;
	}
	text->used_pages++;
	page_list(text, at);
	return true;
}

static text_id block_take(struct text *text, size_t length)
{
	uint8_t class = 0;
	while (class_sizes[class] < length + sizeof(struct head))
		class++;
	if (text->partial[class] == NO_PAGE && !page_open(text, class))
		return 0;
	uint32_t at = text->partial[class];
	struct page *page = &text->pages[at];
	text_id id = page->free_first;
	page->free_first = head_of(text, id)->next;
	page->used++;
	if (!page->free_first)
		page_unlist(text, at);
	return id;
}

static void block_return(struct text *text, text_id id)
{
	uint32_t at = page_of(id);
	struct page *page = &text->pages[at];
	bool was_full = page->free_first == 0;
	head_of(text, id)->next = page->free_first;
	page->free_first = id;
	if (was_full)
		page_list(text, at);
	if (--page->used)
		return;
	page_unlist(text, at);
	page->next = text->free_page;
	text->free_page = at;
	text->used_pages--;
}

text_id text_keep(struct text *text, struct strview s)
{
	if (s.n == 0 || s.n > TEXT_MAX)
		return 0;
	unsigned char digest[crypto_shorthash_BYTES];
	crypto_shorthash(digest, (const unsigned char *)s.p, s.n, text->key);
	uint32_t hash;
	memcpy(&hash, digest, sizeof(hash));
	text_id *bucket = &text->buckets[hash & (text->n_buckets - 1)];
	for (text_id id = *bucket; id; id = head_of(text, id)->next) {
		struct head *h = head_of(text, id);
		if (h->hash == hash && h->length == s.n && memcmp(h + 1, s.p, s.n) == 0)
			return text_share(text, id);
	}
	text_id id = block_take(text, s.n);
	if (!id)
		return 0;
	struct head *h = head_of(text, id);
	*h = (struct head){ .users = 1, .length = (uint32_t)s.n, .hash = hash, .next = *bucket };
	memcpy(h + 1, s.p, s.n);
	*bucket = id;
	return id;
}

text_id text_share(struct text *text, text_id id)
{
	if (id) {
		struct head *h = head_of(text, id);
		assert(h->users && h->users < UINT32_MAX);
		h->users++;
	}
	return id;
}

void text_drop(struct text *text, text_id *id)
{
	text_id gone = *id;
	*id = 0;
	if (!gone)
		return;
	struct head *h = head_of(text, gone);
	assert(h->users);
	if (--h->users)
		return;
	text_id *at = &text->buckets[h->hash & (text->n_buckets - 1)];
	while (*at != gone)
		at = &head_of(text, *at)->next;
	*at = h->next;
	block_return(text, gone);
}

struct strview text_get(const struct text *text, text_id id)
{
	if (!id)
		return (struct strview){ NULL, 0 };
	const struct head *h = head_of(text, id);
	return (struct strview){ (const char *)(h + 1), h->length };
}

size_t text_used_bytes(const struct text *text)
{
	return text->used_pages * TEXT_PAGE;
}
