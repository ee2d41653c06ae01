/* SPDX-License-Identifier: Apache-2.0 */
/* The table of rows, as read from rows.tsv for one kernel. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { ROWS_MAX = 512, ROWS_BYTES = 1 << 18 };

/* Columns of rows.tsv. */
struct row {
	const char *test, *source, *verb, *route, *hook, *rules;
	const char *expected; /* of this kernel: denied, unknown, alerted, passes, absent; - or gap: nothing is tried */
	const char *note, *act;
	bool is_idle_only;          /* takes long, or is a known gap: under one load is enough */
	bool is_changing_forbidden; /* not denied: what is below p has to be laid anew */
};

struct rows {
	char text[ROWS_BYTES];
	struct row row[ROWS_MAX];
	size_t n;
};

/* 0, or -1 with a message. */
int rows_read(struct rows *rows, const char *path, const char *kernel);
