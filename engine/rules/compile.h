/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to conditions: what one load knows (lists, macros, fields), and the steps that build a tree. Semantic faults are
 * reported and replaced by a test that never holds, so that one load reports them all; a syntax fault ends its condition.
 */
#pragma once

#include <errno.h>

#include "engine/base/arena.h"
#include "engine/base/strmap.h"
#include "engine/base/yaml.h"
#include "engine/rules/condition.h"
#include "engine/rules/source.h"

enum {
	RULES_MAX_VALUES = 1000000, /* values of all tests and lists of a load: about 100 MB with their texts */
	LIST_MAX_DEPTH = 16,        /* lists in lists */
};

enum resolve_state { RESOLVE_NEW, RESOLVE_BUSY, RESOLVE_DONE };

/* A value as it stands in a list or a condition. */
struct written_value {
	struct strview text;
	struct place at;
	bool is_quoted; /* then it is never the name of a list */
};

/* More values of a list, from an override. */
struct list_part {
	const struct yaml_node *items;
	const char *file; /* outlives the load */
	struct list_part *next;
};

struct named_list {
	struct strview name;
	struct place at;
	const struct yaml_node *items;
	const char *file; /* of the items; outlives the load */
	struct list_part *more, *last;
	bool is_used;
	enum resolve_state state;
	struct written_value *values; /* flat, once resolved */
	size_t n;
};

/* More of a macro's condition, from an override. */
struct macro_part {
	enum node_type type; /* NODE_AND, NODE_OR */
	const struct yaml_node *when;
	const struct raw_file *file;
	struct macro_part *next;
};

struct named_macro {
	struct strview name;
	struct place at;
	const struct yaml_node *when;
	const struct raw_file *file;
	struct macro_part *more, *last; /* in the order they are added */
	bool is_used;
	enum resolve_state state;
	const struct condition *condition; /* NULL: it has a fault that was reported */
};

struct compiler {
	struct arena *arena;         /* borrowed; everything built lives there */
	struct diag *diag;           /* borrowed */
	struct regex_list *regexes;  /* borrowed; who owns the compiled expressions */
	struct strmap lists, macros; /* struct named_list, struct named_macro */
	struct strmap imported_lists, imported_macros; /* names that files of other formats define: those change them in their own way */
	struct strmap fields;        /* struct field_ref: our own fields */
	struct strmap computed;      /* struct field_ref: those of computed.def */
	bool takes_falco_names;      /* a name that is ours and Falco's with another meaning means Falco's */
	const char **field_names;    /* all public fields, once each */
	size_t n_field_names;
	const char **macro_names;    /* for suggestions */
	size_t n_macro_names;
	const char **list_names;     /* for suggestions; as long as the load */
	size_t n_list_names;
	size_t n_values;
	const char *file;            /* that is being compiled; outlives what is made of it, unlike the YAML tree */
	unsigned depth;              /* levels that the parser is in, macros included */
	bool no_memory;              /* an allocation failed: what was built is not whole */
};

struct regex_list {
	struct regex **p; /* owned */
	size_t n, size;
};
void regex_list_done(struct regex_list *list);

int compiler_init(struct compiler *c, struct arena *arena, struct regex_list *regexes, struct diag *diag) MUST_CHECK;
void compiler_done(struct compiler *c);

/* Of two results the one to hand on, where reading goes on behind a fault to report them all: no memory, then a fault. */
static inline int worse_of(int a, int b)
{
	return a == -ENOMEM || !b ? a : b;
}

/* --- parse.c --------------------------------------------------------------------------------------------------------------- */

/* NULL when there was a syntax fault or no memory. */
const struct condition *condition_parse(struct compiler *c, const struct text_source *source);
/* A side of a test that stands in the text from `from` to its end; NULL after a report, or without memory. */
const struct expr *side_parse(struct compiler *c, const struct text_source *source, size_t from);
/* The condition of a macro, parsed at its first use; NULL when it has a fault. */
const struct condition *macro_resolve(struct compiler *c, struct named_macro *macro, struct place used_at);

/* --- field.c --------------------------------------------------------------------------------------------------------------- */

/* The field, or NULL after reporting it as unknown. */
const struct field_ref *field_resolve(struct compiler *c, struct strview name, struct place at);
/* By the whole name, [argument] included; our own fields, then the computed ones (the other way round with takes_falco_names). NULL: none. */
const struct field_ref *field_lookup(struct compiler *c, struct strview name);
/* Our own only. */
const struct field_ref *field_lookup_own(struct compiler *c, struct strview name);
/* A character that names of fields, macros and functions are made of. */
bool is_name_char(char c) PURE;
/* Sigma's authors write any text as a field; one that our language has no way to write is not taken for ours. */
bool is_plain_name(struct strview name) PURE;
/* Fields whose values begin with a '/', whenever there is one. */
bool field_holds_path(const char *name) PURE;

/* --- bind.c ---------------------------------------------------------------------------------------------------------------- */

const struct expr *bind_field(struct compiler *c, struct strview name, struct place at);
/* call: the transformer, the [argument], args and place are set; checks and fills the rest. NULL after a report. */
const struct expr *bind_call(struct compiler *c, const struct expr *call);

struct test_draft {
	struct place at, op_at;
	const struct expr *left; /* NULL: was reported */
	const struct operator *op;
	enum modifier modifier;
	struct written_value *values; /* names of lists not yet replaced */
	size_t n;
	const struct expr *right;
	bool has_right;
	bool is_ancestor;
};
const struct condition *bind_test(struct compiler *c, const struct test_draft *draft);

/* --- list.c ---------------------------------------------------------------------------------------------------------------- */

/* All values of a list, its lists included: appended to *values (malloc'd, grown). Reports. */
struct value_list {
	struct written_value *p; /* owned */
	size_t n, size;
};
void value_list_done(struct value_list *list);
int value_list_add(struct compiler *c, struct value_list *list, struct written_value v) MUST_CHECK;
/* Adds v, or the values of the list that it names. */
int value_list_expand(struct compiler *c, struct value_list *list, struct written_value v) MUST_CHECK;
/*
 * The name that is a slip of the fingers away from a text, or NULL: so near that a text that merely resembles the name of a list is
 * let alone.
 */
const char *list_very_near(struct strview text, const char *const *names, size_t n) PURE;
/* Other items, or more of them: lists of scalars, or NULL. 0 or -ENOMEM. Before anything is resolved. */
int list_change(struct compiler *c, struct named_list *list, const char *file, const struct yaml_node *items, const struct yaml_node *append) MUST_CHECK;
/* Resolves a list and reports its faults, used or not. */
int list_resolve(struct compiler *c, struct named_list *list, unsigned depth) MUST_CHECK;

/* --- operand.c ------------------------------------------------------------------------------------------------------------- */

/* Converts a written value for a left side; false after a report. */
bool operand_read(struct compiler *c, const struct expr *left, const struct operator *op, const struct written_value *v,
		  struct operand *ret);

/* --- tree nodes (bind.c) --------------------------------------------------------------------------------------------------- */

const struct condition *node_const(struct compiler *c, bool truth, struct place at);
/* why: in the arena, or NULL. */
const struct condition *node_settled(struct compiler *c, bool truth, struct place at, const char *why);
const struct condition *node_not(struct compiler *c, const struct condition *child, struct place at);
/* AND or OR; a single child is returned as it is. */
const struct condition *node_group(struct compiler *c, enum node_type type, const struct condition *const *children, size_t n,
				   struct place at);
