/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include "evade.h"

enum { COLUMNS = 11 };

static int row_of(struct rows *rows, char *line, size_t number, bool is_612)
{
	char *column[COLUMNS], *rest = line;
	size_t n = 0;
	for (char *c; n < COLUMNS && (c = strsep(&rest, "\t"));)
		column[n++] = c;
	if (n != COLUMNS || rest || rows->n == ROWS_MAX) {
		printf("not ok - line %zu of the table has %d columns\n", number, COLUMNS);
		return -1;
	}
	struct row *r = &rows->row[rows->n++];
	*r = (struct row){ column[0], column[1], column[2], column[3], column[4], column[5], column[is_612 ? 7 : 6], column[9], column[10],
			   .is_idle_only = strcmp(column[8], "idle") == 0 };
	r->is_changing_forbidden = strcmp(r->expected, "passes") == 0 || strcmp(r->expected, "alerted") == 0;
	return 0;
}

int rows_read(struct rows *rows, const char *path, const char *kernel)
{
	FILE *f = fopen(path, "re");
	size_t n = f ? fread(rows->text, 1, sizeof(rows->text) - 1, f) : 0, number = 0;
	if (f)
		fclose(f);
	if (!n || n == sizeof(rows->text) - 1) {
		printf("not ok - the table %s can be read\n", path);
		return -1;
	}
	rows->text[n] = '\0';
	char *rest = rows->text;
	for (char *line; (line = strsep(&rest, "\n"));) {
		number++;
		if (*line && *line != '#' && row_of(rows, line, number, strcmp(kernel, "6.12") == 0))
			return -1;
	}
	return 0;
}
