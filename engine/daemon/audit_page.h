/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A page of headings, sentences and tables: as plain text, or as one HTML file that needs nothing from elsewhere, no script included. Whoever writes on it
 * gives plain text; nothing of it can become markup.
 */
#pragma once

#include "engine/base/buf.h"

enum { PAGE_COLUMNS_MAX = 10, PAGE_CELLS_MAX_BYTES = 8 * 1024 * 1024 };

struct page {
	struct buf *out; /* borrowed */
	bool is_html;
	/* the table at hand */
	size_t n_columns;
	struct buf cells; /* each ended by NUL, the headings first; text only */
	size_t n_cells;
};

void page_begin(struct page *p, struct buf *out, bool is_html, const char *title);
void page_end(struct page *p);

void page_heading(struct page *p, unsigned level, const char *format, ...) PRINTF_LIKE(3, 4);
/* A sentence, or some. */
void page_say(struct page *p, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same, as one of a list. */
void page_point(struct page *p, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same, not to be overlooked. */
void page_warn(struct page *p, const char *format, ...) PRINTF_LIKE(2, 3);

/* headings: ended by NULL. Then as many cells for each row. */
void page_table_begin(struct page *p, const char *const *headings);
void page_cell(struct page *p, const char *format, ...) PRINTF_LIKE(2, 3);
void page_table_end(struct page *p);
