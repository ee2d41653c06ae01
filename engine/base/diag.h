/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What went wrong, for people: a list of messages with code, place and text. A function that can fail on bad input takes
 * one, adds to it on failure only, and returns a negative errno. Several faults of one file are reported in one go.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/attr.h"
#include "engine/base/strview.h"

enum {
	DIAG_MAX_MESSAGES = 64,  /* further ones are counted, not kept, errors before warnings: a damaged file must not fill memory */
	DIAG_MAX_TEXT = 1024,    /* bytes of one message, longer ones end in "..." */
};

enum diag_level { DIAG_ERROR, DIAG_WARNING };

struct diag_message {
	enum diag_level level;
	char *file; /* owned; NULL: no place */
	unsigned line, column; /* 1-based; 0: unknown */
	char *text; /* owned, printable */
};

struct diag {
	struct diag_message messages[DIAG_MAX_MESSAGES];
	size_t n;
	size_t errors, warnings; /* all of them, those not kept included */
};

/* Where in a file something stands. file is borrowed. */
struct place {
	const char *file;
	unsigned line, column;
};

void diag_done(struct diag *diag);

/* Adds a message; diag may be NULL (then nothing happens). Text is made printable: control bytes become \xHH. */
void diag_error(struct diag *diag, struct place at, const char *format, ...) PRINTF_LIKE(3, 4);
void diag_warn(struct diag *diag, struct place at, const char *format, ...) PRINTF_LIKE(3, 4);

/* "file:line:column: text" into buffer (always terminated), the file's control bytes as \xHH; returns the length it needed. */
size_t diag_format(const struct diag_message *m, char *buffer, size_t size);

/* A quoted, printable, cut form of outside text for use in messages; returns buffer. */
const char *diag_quote(struct strview text, char *buffer, size_t size);

/* Edits of one byte that make one text of the other; SIZE_MAX when one is longer than 64 bytes. */
size_t diag_distance(struct strview a, struct strview b) PURE;

/* Whether some message is about this very place. */
bool diag_speaks_of(const struct diag *diag, struct place at) PURE;
/* Whether some error is: then the load fails, and need not be told so again. */
bool diag_refuses(const struct diag *diag, struct place at) PURE;

/* The nearest of names[n] to text by edit distance, or NULL when none is near enough to suggest. */
const char *diag_suggest(struct strview text, const char *const *names, size_t n);
