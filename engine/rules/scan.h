/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a condition, read from the left: what parse.c makes its grammar of. */
#pragma once

#include "engine/rules/compile.h"

struct parser {
	struct compiler *c;            /* borrowed */
	const struct text_source *src; /* borrowed */
	size_t at;
};

/* The byte that stands here; 0 at the end. */
char scan_peek(const struct parser *p) PURE;
bool scan_at_end(const struct parser *p) PURE;
void scan_blanks(struct parser *p);
struct place scan_place(const struct parser *p);
/* A character of a value without quotes. */
bool scan_is_value_char(char c) PURE;
struct strview scan_while(struct parser *p, bool (*is_part)(char));
/* The name that stands here, without taking it. */
struct strview scan_name(const struct parser *p);
/* Takes them behind blanks, if they are there. */
bool scan_char(struct parser *p, char c);
bool scan_word(struct parser *p, const char *word);

/* For messages: the word or byte that stands here, quoted. Returns buffer, or a constant. */
const char *scan_found(const struct parser *p, char *buffer, size_t size);
/* What other languages write here, and what ours does instead; NULL: nothing comes to mind. */
const char *scan_hint(const struct parser *p);
/* Reports what was expected. NULL, for the caller to return. */
void *scan_refuse(struct parser *p, const char *expected);

/* A text, its escapes replaced, in the arena. False after a report. */
bool scan_quoted(struct parser *p, struct written_value *ret);
bool scan_value(struct parser *p, struct written_value *ret);
