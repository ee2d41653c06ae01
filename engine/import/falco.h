/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one load collects of Falco's rule files: lists, macros and rules as they stand after all definitions, appendings and overrides,
 * in the order of their first definition. Texts stay where they are in the files; the rest lies in an arena that ends with the load.
 */
#pragma once

#include "engine/import/falco_filter.h"
#include "engine/import/falco_text.h"
#include "engine/rules/compile.h"
#include "engine/rules/format.h"

enum {
	FALCO_MAX_ITEMS = 100000,                /* of all files of a load */
	FALCO_MAX_MEMORY = 256 * 1024 * 1024,    /* of what is collected; gone when the rules are made */
	FALCO_MAX_FIELDS = 32,                   /* of one exception */
};

/* The engine whose rule files are read. */
#define FALCO_ENGINE_MAJOR 0
#define FALCO_ENGINE_MINOR 63
#define FALCO_ENGINE_PATCH 0

/* A scalar of a file, and what was appended to it. */
struct falco_part {
	const struct yaml_node *node;
	const struct raw_file *file;
	struct falco_part *next;
};

struct falco_list_item {
	struct strview text;
	struct place at;
	bool is_quoted;
	struct falco_list_item *next;
};

struct falco_list {
	struct strview name;
	struct place at;
	struct falco_list_item *items;
	enum resolve_state state;
	struct falco_item *flat; /* items, lists among them replaced by theirs */
	size_t n;
	bool is_used;
	bool is_shared;       /* from a file of lists alone: one list for both formats, which either may change and nobody need use */
	struct falco_list *next;
};

struct falco_macro {
	struct strview name;
	struct place at;
	struct falco_part *condition;
	unsigned index, visibility; /* it sees macros whose index is below its visibility */
	bool is_used;
	const struct falco_node *root; /* NULL: it has a fault that was reported */
	enum resolve_state state;
	const struct condition *bound;
	struct falco_macro *next;
};

/* A row of values, or one value, of an exception. */
struct falco_row {
	const struct yaml_node *node;
	const struct raw_file *file;
	struct falco_row *next;
};

struct falco_exception {
	struct strview name;
	struct place at;
	const struct yaml_node *fields, *comps; /* comps NULL: "in" for one field, "=" for several */
	const struct raw_file *file;
	struct falco_row *rows;
	struct falco_exception *next;
};

struct falco_tag {
	const struct yaml_node *node;
	struct falco_tag *next;
};

struct falco_rule {
	struct strview name;
	struct place at, name_at;
	const struct rule_file *file;
	struct falco_part *condition, *output, *desc;
	const struct yaml_node *priority;
	struct strview source;
	struct place source_at;
	struct falco_tag *tags;
	struct falco_exception *exceptions;
	bool is_enabled, warns_of_types, skips_unknown;
	bool is_faulty; /* a key is missing or of the wrong kind, which was reported */
	unsigned index;
	struct falco_rule *next;
};

struct falco {
	struct compiler *c; /* borrowed */
	struct arena arena;
	struct strmap list_names, macro_names, rule_names;
	struct falco_list *lists, **lists_end;
	struct falco_macro *macros, **macros_end;
	struct falco_rule *rules, **rules_end;
	const char **macro_suggestions; /* names of all macros, once all are known */
	const char **list_suggestions;  /* names of all lists, likewise */
	size_t n_macros, n_lists, n_items;
	size_t n_expanded; /* bytes of the conditions so far, their lists put in */
	unsigned next_index;
	struct place is_falco_at; /* the item that makes the document Falco's */
	bool is_switch;           /* that item only switches a rule */
	bool no_memory;
};

/* Zeroed memory that ends with the load; NULL notes that there is none. */
void *falco_alloc(struct falco *f, size_t n) MUST_CHECK;

/* --- falco_file.c ------------------------------------------------------------------------------------------------------------ */

/* One item of a file; 0, -EINVAL after a report, or -ENOMEM. */
int falco_item_add(struct falco *f, const struct rule_file *file, const struct yaml_node *item) MUST_CHECK;
/* A list of a file of lists alone: those that are not right are left to our own format, which reports them. */
int falco_shared_list_add(struct falco *f, const struct rule_file *file, const struct yaml_node *item) MUST_CHECK;
/* The items of a shared list as they stand when all overrides, of either format, are applied. 0 or -ENOMEM. */
int falco_shared_list_settle(struct falco *f, struct falco_list *list) MUST_CHECK;

/* --- falco_exception.c ------------------------------------------------------------------------------------------------------- */

/* Reads an item of `exceptions:` into the rule: a new one, or, while appending, values for one that is there. */
int falco_exception_add(struct falco *f, struct falco_rule *rule, const struct raw_file *file, const struct yaml_node *item, bool is_append) MUST_CHECK;
/* "(condition) and not (...)", when the rule has exceptions. */
int falco_exceptions_text(struct falco *f, const struct falco_rule *rule, struct falco_text *condition) MUST_CHECK;

/* --- falco_bind.c ------------------------------------------------------------------------------------------------------------ */

/* The tree with its macros, fields and types; NULL without memory, or when it grows too large, which is reported. */
const struct condition *falco_bind(struct falco *f, const struct falco_node *node, unsigned visibility);
/* A field of a condition that there is not, macros included, or NULL. */
const struct falco_expr *falco_unknown_field(struct falco *f, const struct falco_node *node, unsigned visibility);
/* A field or transformer over fields; NULL after a report. */
const struct expr *falco_bind_expr(struct falco *f, const struct falco_expr *x);
/* The macro, if it can be seen. */
struct falco_macro *falco_macro_find(struct falco *f, struct strview name, unsigned visibility);

enum { FALCO_SEES_ALL = UINT32_MAX };

/* --- falco_value.c ----------------------------------------------------------------------------------------------------------- */

/* A value as our own language writes it: numbers, names of ports, networks and regular expressions mean what they do to Falco. */
struct written_value falco_value_read(struct compiler *c, const struct test_draft *d, const struct falco_value *v);

/* --- falco_output.c ---------------------------------------------------------------------------------------------------------- */

/* Cuts an output template into the rule's message. 0, -EINVAL after a report, or -ENOMEM. */
int falco_output_compile(struct falco *f, const struct falco_text *text, struct rule *rule) MUST_CHECK;

/* --- falco_rule.c ------------------------------------------------------------------------------------------------------------ */

/* Lists, macros and rules of the whole load: checked, and the rules handed to the sink. */
int falco_finish(struct falco *f, struct rule_sink *sink) MUST_CHECK;
