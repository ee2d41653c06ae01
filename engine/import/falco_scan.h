/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a condition of Falco's, read from the left: what falco_filter.c makes its grammar of. */
#pragma once

#include "engine/import/falco_filter.h"

struct falco_scan {
	struct arena *arena;               /* borrowed */
	const struct falco_source *source; /* borrowed */
	struct diag *diag;                 /* borrowed */
	const char *p;
	size_t n, at;
	unsigned depth;                    /* of the parentheses around what stands here */
	bool no_memory;
};

bool falco_is_blank(char c) PURE;
bool falco_is_letter(char c) PURE;
bool falco_is_digit(char c) PURE;
bool falco_is_word_char(char c) PURE;
bool falco_is_quote(char c) PURE;
/* What a text without quotes is made of; what stands so between [ and ]. */
bool falco_is_bare(char c) PURE;
bool falco_is_bare_argument(char c) PURE;

/* The byte that stands here, or further on; 0 behind the end. */
char falco_scan_peek(const struct falco_scan *s) PURE;
char falco_scan_peek_at(const struct falco_scan *s, size_t ahead) PURE;
struct strview falco_scan_rest(const struct falco_scan *s) PURE;
struct place falco_scan_place(const struct falco_scan *s);

/* Whether there were any. */
bool falco_scan_blanks(struct falco_scan *s);
/* Takes the token, if it stands here. */
bool falco_scan_take(struct falco_scan *s, const char *token);
struct strview falco_scan_while(struct falco_scan *s, bool (*is_part)(char));
/* A text in quotes, escapes replaced. False after a report. */
bool falco_scan_quoted(struct falco_scan *s, struct strview *ret);
/* The same, or a bare one; nothing is taken and p is NULL when neither stands here. */
bool falco_scan_text(struct falco_scan *s, struct strview *ret);
/* A number, as it is written; false: none stands here, and nothing is taken. */
bool falco_scan_number(struct falco_scan *s, struct strview *ret);

/* Reports what was expected here. NULL, for the caller to return. */
void *falco_scan_refuse(struct falco_scan *s, const char *expected);
/* NULL notes that there is no memory. */
void *falco_scan_alloc(struct falco_scan *s, size_t n);
