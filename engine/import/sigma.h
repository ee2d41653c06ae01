/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sigma rules: what the files that read them share. A rule's log source picks rows of the mapping tables; each row says which
 * events the rule is about and which of our fields stands behind a Sigma field.
 */
#pragma once

#include "engine/rules/format.h"

extern const struct rule_format sigma_format;

enum {
	SIGMA_MAX_LAYERS = 16,         /* documents that `action:` puts together into one rule */
	SIGMA_MAX_SELECTIONS = 1024,   /* of one rule */
	SIGMA_MAX_MODIFIERS = 8,       /* of one field */
	SIGMA_MAX_ALTERNATIVES = 1024, /* texts that the modifiers make of one value */
	SIGMA_MAX_ROWS = 1024,         /* of all mapping tables */
	SIGMA_MAX_KEYWORD_FIELDS = 32,
	SIGMA_MAX_REASON = 200,        /* bytes of a text that says why a field is never there */
};

/* --- mapping tables (sigma_mapping.c) -------------------------------------------------------------------------------------- */

enum sigma_target { SIGMA_FIELD, SIGMA_CONSTANT, SIGMA_NEVER };

/* What stands behind a Sigma field. */
struct sigma_field {
	struct strview name;
	enum sigma_target target;
	const struct field_ref *ref; /* SIGMA_FIELD, SIGMA_NEVER: of the class text then */
	struct strview constant;     /* SIGMA_CONSTANT: the same in all events of the row */
};

struct sigma_source {
	struct strview category, product, service; /* n 0: none */
};

struct sigma_row {
	struct sigma_source source;
	uint64_t events;
	struct strmap fields; /* struct sigma_field */
	const struct field_ref *keywords[SIGMA_MAX_KEYWORD_FIELDS]; /* where words without a field are looked for */
	size_t n_keywords;
	const struct field_alias *aliases; /* of fields, made when a rule first asks; NULL: not yet */
	size_t n_aliases;
	bool is_replaced; /* a later table took its place */
	bool is_foreign;  /* stands for a log source that nothing here reports: no field of it is known, which goes without saying */
	bool takes_failures, has_failures; /* whether calls that failed count; whether the table says so */
};

struct sigma_mapping {
	struct sigma_row *rows; /* owned */
	size_t n, size;
};

/* Is this the root of a mapping table? */
bool sigma_mapping_owns(const struct yaml_node *document);
/* Adds the rows of a table; later ones win. Names are borrowed from the YAML tree. 0, or -EINVAL with reports, or -ENOMEM. */
int sigma_mapping_read(struct sigma_mapping *m, struct compiler *c, const char *file, const struct yaml_node *document) MUST_CHECK;
void sigma_mapping_done(struct sigma_mapping *m);
/* Whether a rule about `wanted` is about the events of this row. */
bool sigma_row_serves(const struct sigma_row *row, const struct sigma_source *wanted) PURE;
/*
 * The field behind a name: by the row; else a field of ours of that very name; else one that is never there, after a warning. NULL only
 * without memory.
 */
const struct sigma_field *sigma_row_field(struct compiler *c, struct sigma_row *row, struct strview name, struct place at);

/* Adds the row's names for fields to those of a rule. 0 or -ENOMEM. */
int sigma_row_aliases(struct compiler *c, struct sigma_row *row, struct rule *rule) MUST_CHECK;
/* Adds names that another rule has for fields. The same. */
int sigma_aliases_add(struct compiler *c, const struct field_alias *more, size_t n, struct rule *rule) MUST_CHECK;

/* The table that comes with the program: schemas/mappings/sigma.yaml. */
struct strview sigma_builtin_mapping(void);

/* --- values (sigma_item.c, sigma_value.c, sigma_encode.c) -------------------------------------------------------------------- */

enum sigma_match {
	SIGMA_EQUALS, SIGMA_CONTAINS, SIGMA_STARTSWITH, SIGMA_ENDSWITH, SIGMA_RE, SIGMA_CIDR, SIGMA_EXISTS,
	SIGMA_LT, SIGMA_LTE, SIGMA_GT, SIGMA_GTE,
};

enum sigma_encoding {
	SIGMA_WINDASH, SIGMA_EXPAND, SIGMA_BASE64, SIGMA_BASE64OFFSET, SIGMA_UTF16LE, SIGMA_UTF16BE, SIGMA_UTF16,
};

/* "CommandLine|contains|all" taken apart. */
struct sigma_item {
	struct strview field; /* n 0: words that may stand in any text */
	struct place at;
	enum sigma_match match;
	bool all, cased, neq, fieldref;
	bool re_i, re_m, re_s;
	enum sigma_encoding encodings[SIGMA_MAX_MODIFIERS]; /* in the order written */
	size_t n_encodings;
};

/* 0, or -EINVAL after a report. */
int sigma_item_read(struct compiler *c, const struct yaml_node *key, struct sigma_item *ret) MUST_CHECK;

/* A text to be looked for: an operator over text with its value. OP_EXISTS: any text will do. */
struct sigma_pattern {
	enum op_id op;
	struct strview text;
};

struct sigma_patterns {
	struct sigma_pattern *p; /* owned */
	size_t n, size;
};
void sigma_patterns_done(struct sigma_patterns *list);

/* All patterns that stand for one value; texts lie in the arena. 0, or -EINVAL after a report, or -ENOMEM. */
int sigma_patterns_read(struct compiler *c, const struct sigma_item *item, const struct yaml_node *value, struct sigma_patterns *ret) MUST_CHECK;

/* Texts made of texts; the result lies in the arena. 0, -EINVAL (not UTF-8), -E2BIG (too many), -ENOMEM. */
struct sigma_texts {
	struct strview p[SIGMA_MAX_ALTERNATIVES];
	size_t n;
};
void sigma_texts_free(struct sigma_texts **texts);
int sigma_encode(struct arena *arena, enum sigma_encoding encoding, struct strview text, struct sigma_texts *out) MUST_CHECK;

/* --- conditions (sigma_test.c, sigma_condition.c) ------------------------------------------------------------------------------ */

/* One rule over the events of one row. */
struct sigma_scope {
	struct compiler *c;
	struct sigma_row *row;
	bool needs_outcome; /* set when a field asks for it */
	const struct lost_value *lost; /* values that fields of the row cannot have */
};

struct sigma_selection {
	struct strview name;
	struct place at;               /* of the name */
	const struct yaml_node *node;
	const struct condition *built; /* NULL: not yet */
	bool is_faulty;                /* it could not be built, which was reported */
	bool is_shared;                /* of a global document: another rule may ask for it */
};

struct sigma_detection {
	struct sigma_selection *selections;
	size_t n;
	const struct yaml_node *condition;
};

/* AND, OR and NOT that are settled where a part of them is: what a constant field says is known before there is an event. */
const struct condition *sigma_group(struct compiler *c, enum node_type type, const struct condition *const *parts, size_t n, struct place at);
const struct condition *sigma_not(struct compiler *c, const struct condition *part, struct place at);
/* A selection: a map, a list of maps, or words. NULL after a report, or without memory. */
const struct condition *sigma_selection_build(struct sigma_scope *s, const struct yaml_node *node);
/* The whole: `condition:`, with the selections it names. NULL after a report, or without memory. */
const struct condition *sigma_condition_build(struct sigma_scope *s, const struct rule_file *file, struct sigma_detection *d);

/* --- rules (sigma_metadata.c, sigma_rule.c, sigma_correlation.c) --------------------------------------------------------------- */

/* A document with those that are merged below it; the first that has a key wins. */
struct sigma_document {
	const struct rule_file *file;
	const struct yaml_node *layers[SIGMA_MAX_LAYERS];
	size_t n;
	unsigned twin;          /* 0, or how many rules before this one have their id from the same global document */
	bool is_correlation;
	bool is_referred;       /* a correlation counts it, and it raises nothing by itself */
	bool is_added;          /* the rule is in the set, or was refused */
	bool is_waiting;        /* for rules that it is about, and that come before it */
	bool is_refused;
	struct rule rule;
	struct sigma_row *row;  /* that its fields are read by; NULL: no events */
	uint32_t index;         /* of the rule in the set */
};

struct sigma_documents {
	struct sigma_document *p; /* owned */
	size_t n, size;
	struct strmap by_name;    /* id or name -> the first document that has it; filled once all are there */
};

const struct yaml_node *sigma_document_get(const struct sigma_document *d, const char *key);
/* Title, id and the rest of what is said about the rule. 0, or -EINVAL after a report, or -ENOMEM. */
int sigma_metadata_read(struct compiler *c, const struct sigma_document *d, struct rule *rule) MUST_CHECK;
/* Fills d->rule and d->row. The same. */
int sigma_rule_read(struct compiler *c, struct sigma_mapping *m, struct sigma_document *d) MUST_CHECK;
/* The rule says its title. */
int sigma_message_set(struct compiler *c, struct rule *rule) MUST_CHECK;

/* All documents are known: fills by_name. 0 or -ENOMEM. */
int sigma_documents_index(struct sigma_documents *all) MUST_CHECK;

/* The documents that a correlation's `rules:` name, in that order; n 0 after a report. */
struct sigma_references {
	struct sigma_document *p[STATEFUL_MAX_INPUTS];
	size_t n;
};
int sigma_references_read(struct compiler *c, const struct sigma_documents *all, const struct sigma_document *d, struct sigma_references *ret) MUST_CHECK;
/* The same as sigma_rule_read, for a correlation whose rules are in the set; without any it tells its other faults, and is refused. */
int sigma_correlation_read(struct compiler *c, const struct sigma_references *rules, struct sigma_document *d) MUST_CHECK;

/* Whether the word is this name, in whatever case; the name is in small letters. */
bool sigma_is_word(struct strview word, const char *name);
/* A scalar without quotes that is empty, ~ or null. */
bool sigma_is_null(const struct yaml_node *node);
