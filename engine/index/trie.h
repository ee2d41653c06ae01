/* SPDX-License-Identifier: Apache-2.0 */
/* Which of many texts a text begins with, or (backwards) ends with. Looks at as many bytes as agree with one of them. */
#pragma once

#include "engine/base/attr.h"
#include "engine/base/strview.h"

struct trie;

struct trie_text {
	struct strview text; /* one byte or more; borrowed while building */
	uint32_t id;
};

enum trie_direction { TRIE_FORWARDS, TRIE_BACKWARDS };

/* 0 or -ENOMEM. */
int trie_new(const struct trie_text *texts, size_t n, enum trie_direction direction, struct trie **ret) MUST_CHECK;
void trie_free(struct trie **t);

typedef void trie_found(void *context, uint32_t id);
void trie_find(const struct trie *t, struct strview text, trie_found *found, void *context);

size_t trie_bytes(const struct trie *t);
