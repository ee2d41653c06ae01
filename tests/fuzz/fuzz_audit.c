/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a report reads out of a record: any text is taken as a line that an agent signed. Whatever it says, what is kept of it is printable, UTF-8, ended, and
 * within its bounds; and nothing of it becomes markup.
 */
#include <stdlib.h>

#include "alerts/audit_line.h"
#include "engine/base/json.h"
#include "engine/daemon/audit_page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t size)
{
	size_t n = strnlen(text, size);
	if (n == size || !utf8_valid((struct strview){ text, n }))
		abort();
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			abort();
}

static size_t count_of(struct strview text, char c)
{
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++)
		n += text.p[i] == c;
	return n;
}

static void check_page(const char *text)
{
	static const char *const headings[] = { "one", NULL };
	CLEANUP(buf_done) struct buf empty = { 0 };
	CLEANUP(buf_done) struct buf out = { 0 };
	for (int i = 0; i < 2; i++) {
		struct page p;
		page_begin(&p, i ? &out : &empty, true, i ? text : "");
		page_warn(&p, "%s", i ? text : "");
		page_table_begin(&p, headings);
		page_cell(&p, "%s", i ? text : "");
		page_table_end(&p);
		page_end(&p);
	}
	if (count_of(buf_sv(&out), '<') != count_of(buf_sv(&empty), '<') || count_of(buf_sv(&out), '"') != count_of(buf_sv(&empty), '"'))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_done) struct buf scratch = { 0 };
	struct audit_record record;
	audit_text text;
	char small[8];
	audit_printable((struct strview){ (const char *)data, size }, text, sizeof(text));
	check_text(text, sizeof(text));
	check_page(text);
	if (audit_record_read((struct strview){ (const char *)data, size }, &record))
		return 0;
	for (size_t i = 0; i < AUDIT_FIELD_COUNT; i++) {
		audit_record_text(&record, (enum audit_field)i, text, sizeof(text), &scratch);
		audit_record_text(&record, (enum audit_field)i, small, sizeof(small), &scratch);
		check_text(text, sizeof(text));
		check_text(small, sizeof(small));
	}
	uint64_t shows = audit_record_shows(&record), contents = audit_record_contents(&record);
	if (shows >> AUDIT_SHOW_COUNT || contents >> AUDIT_CONTENT_COUNT)
		abort();
	return 0;
}
