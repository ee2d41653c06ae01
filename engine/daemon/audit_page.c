/* SPDX-License-Identifier: Apache-2.0 */
/* Two ways to write a page. All text passes through add_text: it alone decides what is markup. */
#include "engine/daemon/audit_page.h"

#include <stdarg.h>
#include <stdio.h>


enum { WIDE_MAX = 44 }; /* a column of text is filled up to here; a longer cell pushes those behind it on */

static const char style[] =
	"body{font:15px/1.45 sans-serif;color:#111;background:#fff;max-width:75em;margin:2em auto;padding:0 1em}"
	"h1{font-size:1.6em}h2{font-size:1.25em;border-bottom:1px solid #999;margin-top:2em}h3{font-size:1.05em}"
	"table{border-collapse:collapse;margin:.6em 0;font-size:.86em}"
	"th,td{border:1px solid #bbb;padding:.2em .5em;text-align:left;vertical-align:top;overflow-wrap:anywhere}th{background:#eee}"
	".warn{border:2px solid #a00;background:#fee;padding:.6em 1em;font-weight:bold}"
	"@media print{body{max-width:none;margin:0}tr{break-inside:avoid}h2,h3{break-after:avoid}}";

static void add_text(struct page *p, struct strview text)
{
	for (size_t i = 0; i < text.n; i++) {
		const char *as = text.p[i] == '&' ? "&amp;" : text.p[i] == '<' ? "&lt;" : text.p[i] == '>' ? "&gt;" :
				 text.p[i] == '"' ? "&quot;" : text.p[i] == '\'' ? "&#39;" : NULL;
		if (p->is_html && as)
			buf_add_z(p->out, as);
		else
			buf_add_char(p->out, text.p[i]);
	}
}

/* The text that a format makes, between what opens and closes it as HTML; as text behind `lead`. */
static void add_block(struct page *p, const char *open, const char *close, const char *lead, const char *format, va_list args) __attribute__((format(printf, 5, 0)));
static void add_block(struct page *p, const char *open, const char *close, const char *lead, const char *format, va_list args)
{
	char text[8192];
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	buf_add_z(p->out, p->is_html ? open : lead);
	add_text(p, sv_from(text));
	buf_add_z(p->out, p->is_html ? close : "\n");
}

void page_begin(struct page *p, struct buf *out, bool is_html, const char *title)
{
	*p = (struct page){ .out = out, .is_html = is_html, .cells = { .max = PAGE_CELLS_MAX_BYTES } };
	if (!is_html)
		return;
	buf_add_z(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
		       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<title>");
	add_text(p, sv_from(title));
	buf_add_format(out, "</title>\n<style>%s</style>\n</head>\n<body>\n", style);
}

void page_end(struct page *p)
{
	if (p->is_html)
		buf_add_z(p->out, "</body>\n</html>\n");
	buf_done(&p->cells);
}

void page_heading(struct page *p, unsigned level, const char *format, ...)
{
	static const char *const open[] = { "<h1>", "<h2>", "<h3>" }, *const close[] = { "</h1>\n", "</h2>\n", "</h3>\n" };
	static const char *const lead[] = { "", "\n== ", "\n-- " };
	va_list args;
	va_start(args, format);
	add_block(p, open[level - 1], close[level - 1], lead[level - 1], format, args);
	va_end(args);
}

void page_say(struct page *p, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add_block(p, "<p>", "</p>\n", "", format, args);
	va_end(args);
}

void page_point(struct page *p, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add_block(p, "<p>&#8226; ", "</p>\n", "  * ", format, args);
	va_end(args);
}

void page_warn(struct page *p, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add_block(p, "<p class=\"warn\">", "</p>\n", "!! ", format, args);
	va_end(args);
}

/* --- tables ------------------------------------------------------------------------------------------------------------------------------- */

static void take_cell(struct page *p, struct strview text, bool is_heading)
{
	size_t column = p->n_cells++ % p->n_columns;
	if (!p->is_html) {
		buf_add_sv(&p->cells, text);
		buf_add_char(&p->cells, '\0');
		return;
	}
	buf_add_z(p->out, column == 0 ? "<tr>" : "");
	buf_add_z(p->out, is_heading ? "<th>" : "<td>");
	add_text(p, text);
	buf_add_z(p->out, is_heading ? "</th>" : "</td>");
	buf_add_z(p->out, column + 1 == p->n_columns ? "</tr>\n" : "");
}

void page_table_begin(struct page *p, const char *const *headings)
{
	buf_reset(&p->cells);
	p->n_cells = p->n_columns = 0;
	while (headings[p->n_columns] && p->n_columns < PAGE_COLUMNS_MAX)
		p->n_columns++;
	if (p->is_html)
		buf_add_z(p->out, "<table>\n");
	for (size_t i = 0; i < p->n_columns; i++)
		take_cell(p, sv_from(headings[i]), true);
}

void page_cell(struct page *p, const char *format, ...)
{
	char text[2048];
	va_list args;
	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	take_cell(p, sv_from(text), false);
}

/* Characters, for columns of text. */
static size_t width_of(const char *text)
{
	size_t n = 0;
	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

void page_table_end(struct page *p)
{
	size_t widths[PAGE_COLUMNS_MAX] = { 0 };
	if (p->is_html) {
		buf_add_z(p->out, "</table>\n");
		return;
	}
	const char *cell = buf_cstr(&p->cells);
	if (p->cells.failed) {
		buf_add_z(p->out, "  (this table is too long for a page of text)\n");
		return;
	}
	for (size_t i = 0; i < p->n_cells; i++, cell += strlen(cell) + 1)
		widths[i % p->n_columns] = MAX(widths[i % p->n_columns], MIN(width_of(cell), (size_t)WIDE_MAX));
	cell = buf_cstr(&p->cells);
	for (size_t i = 0; i < p->n_cells; i++, cell += strlen(cell) + 1) {
		size_t column = i % p->n_columns, n = width_of(cell);
		buf_add_z(p->out, "  ");
		buf_add_z(p->out, cell);
		for (; column + 1 < p->n_columns && n < widths[column]; n++)
			buf_add_char(p->out, ' ');
		if (column + 1 == p->n_columns)
			buf_add_char(p->out, '\n');
	}
}
