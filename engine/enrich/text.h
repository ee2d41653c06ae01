/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text kept beyond an event, within a fixed budget. Equal strings are stored once and counted: executables, command lines
 * and cgroup paths repeat a lot. A string is named by a number; 0 is no string.
 */
#pragma once

#include <stdint.h>

#include "engine/base/attr.h"
#include "engine/base/strview.h"

enum {
	TEXT_PAGE = 8192,             /* bytes handed to one size of string at a time */
	TEXT_MAX = TEXT_PAGE - 16,    /* bytes of one string: longest path and some */
	TEXT_HALF = TEXT_PAGE / 2 - 16, /* longest string that leaves half a page to another */
};

typedef uint32_t text_id;

struct text;

/* max_bytes is rounded up to whole pages; at least one. 0 or -ENOMEM. */
int text_new(size_t max_bytes, struct text **ret) MUST_CHECK;
void text_free(struct text **text);

/* Stores a string, or counts one more user of it. 0 when it is empty, longer than TEXT_MAX, or the budget is used up. */
text_id text_keep(struct text *text, struct strview s);
/* One more user; gives id back. */
text_id text_share(struct text *text, text_id id);
/* One user less; *id becomes 0. */
void text_drop(struct text *text, text_id *id);

/* Valid until the last user drops it. p is NULL for id 0. */
struct strview text_get(const struct text *text, text_id id);

/* Bytes of pages in use: what the budget has been spent on. */
size_t text_used_bytes(const struct text *text);
