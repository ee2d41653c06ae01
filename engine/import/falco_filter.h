/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Falco's condition language as a tree of what was written: syntax alone. Which fields exist, what type they have and which
 * macros there are is asked later (falco_bind.h), so that a condition is accepted or refused here as Falco's own parser does.
 */
#pragma once

#include "engine/base/arena.h"
#include "engine/base/diag.h"
#include "engine/rules/condition.h"

enum {
	FILTER_MAX_BYTES = 1024 * 1024, /* of one condition, its lists put in */
	FILTER_MAX_DEPTH = 100,         /* parentheses in parentheses: the parser recurses that deep */
};

/* Text with the file, line and column of each of its bytes, as lists and appended parts come from elsewhere. */
struct falco_source {
	struct strview text;
	const struct place *places; /* text.n + 1 of them; NULL: line 1, columns by bytes */
	bool takes_words;           /* a word before an operator comes out as a field, which its binder refuses by name; else a fault of syntax */
};
struct place falco_source_place(const struct falco_source *s, size_t offset);

enum falco_expr_type { FALCO_FIELD, FALCO_CALL, FALCO_TEXT, FALCO_LIST };

/* What can stand on a side of a check, and as an argument of a transformer. */
struct falco_expr {
	enum falco_expr_type type;
	struct place at;
	struct strview text;      /* name of the field or transformer; the text */
	struct strview argument;  /* in [brackets]; p NULL: none */
	struct falco_expr *args;  /* of a transformer; items of a list; linked by next */
	struct falco_expr *next;
};

struct falco_value {
	struct strview text;
	struct place at;
	struct falco_value *next;
};

enum falco_node_type { FALCO_AND, FALCO_OR, FALCO_NOT, FALCO_MACRO, FALCO_CHECK };

struct falco_node {
	enum falco_node_type type;
	struct place at, op_at;
	struct falco_node *first, *next; /* AND, OR: at least two; NOT: one */
	struct strview name;             /* MACRO */
	/* CHECK */
	const struct falco_expr *left;
	const struct operator *op;
	enum modifier modifier;
	struct falco_value *values;
	size_t n_values;
	const struct falco_expr *right;  /* val(field) as a FIELD, or a CALL; NULL: values */
};

/*
 * Parses into the arena, which borrows the source's text for its names. *ret is set on success; else -EINVAL with a report, or
 * -ENOMEM.
 */
int falco_filter_parse(struct arena *arena, const struct falco_source *source, struct diag *diag, const struct falco_node **ret) MUST_CHECK;
/*
 * One transformer over fields, as "tolower(proc.name)", at text[*at]; *at is moved behind it. The same results; -ENOENT, without a
 * report, when none begins there.
 */
int falco_call_parse(struct arena *arena, const struct falco_source *source, size_t *at, struct diag *diag, const struct falco_expr **ret) MUST_CHECK;
/* Length of the name of a field, "word.word...", at the beginning of the text; 0: none is there. */
size_t falco_field_length(struct strview text);
