/* SPDX-License-Identifier: Apache-2.0 */
/* How generated JSON Schemas are laid out. For the generators of this folder. */
#pragma once

#include <stdio.h>

#include "engine/base/strview.h"

/* One member a line, so that a change shows as one: a line end after each comma and bracket outside of text, indented by depth. */
static inline void write_pretty(FILE *f, struct strview json)
{
	bool in_text = false;
	unsigned depth = 0;
	for (size_t i = 0; i < json.n; i++) {
		char c = json.p[i];
		bool opens = !in_text && (c == '{' || c == '['), closes = !in_text && (c == '}' || c == ']');
		if (c == '"' && (i == 0 || json.p[i - 1] != '\\'))
			in_text = !in_text;
		if (closes && --depth < 6 && json.p[i - 1] != '{' && json.p[i - 1] != '[')
			fprintf(f, "\n%*s", (int)depth, "");
		fputc(c, f);
		if ((opens && ++depth < 7 && json.p[i + 1] != '}' && json.p[i + 1] != ']') || (!in_text && c == ',' && depth < 7))
			fprintf(f, "\n%*s", (int)depth, "");
	}
	fputc('\n', f);
}
