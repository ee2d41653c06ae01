/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A condition as a tree, ready to be evaluated: names resolved, types checked, values converted. Built by parse.c and bind.c,
 * read by match.c and, through ruleset.h, by the compiler of kernel policies. Lives in the arena of its ruleset; macros are
 * shared sub-trees, so it is a graph without cycles, with limits on its depth and on its size as a tree.
 */
#pragma once

#include "engine/event/value.h"
#include "engine/rules/ruleset.h"

enum {
	CONDITION_MAX_BYTES = 64 * 1024, /* of one condition as text */
	CONDITION_MAX_DEPTH = 64,        /* nesting, macros included: evaluation recurses that deep */
	CONDITION_MAX_NODES = 20000,     /* of one rule as a tree, macros counted at each use: bounds the time of an evaluation */
	TEST_MAX_VALUES = 10000,         /* of one test or list, lists in lists included */
	VALUE_MAX_BYTES = 4096,          /* one value: the longest path */
	EXPR_MAX_DEPTH = 8,              /* transformers in transformers */
	EXPR_MAX_ARGS = 8,
	MATCH_SCRATCH_BYTES = 256 * 1024, /* what the transformers of one test may produce: several times the longest argv */
};

enum op_id {
#define OPERATOR(id, text, values, classes, form, function, doc) OP_##id,
#include "engine/rules/ops.def"
	OP_COUNT,
};

enum op_values { OP_VALUES_NONE, OP_VALUES_ONE, OP_VALUES_SET };
enum op_form { OP_FORM_OWN, OP_FORM_GLOB, OP_FORM_REGEX, OP_FORM_HEX, OP_FORM_PATH };

struct regex;

struct network {
	struct ip_address ip;
	unsigned prefix; /* bits of ip.bytes: 96 to 128 for IPv4 */
};

/* One value on the right side, converted to the class of the left side. */
struct operand {
	struct strview text; /* as written, without quotes; bytes for OP_FORM_HEX */
	union {
		uint64_t u;
		int64_t i;
		struct network net;
		struct regex *regex;
	};
};

struct matcher; /* scratch memory of evaluation, see op.h */

typedef bool op_function(struct matcher *m, const struct value *value, const struct operand *operand);

struct operator {
	const char *text;
	enum op_id id;
	enum op_values values;
	enum op_form form;
	const char *classes;
	op_function *function;
	const char *doc;
};

/* NULL when there is none. */
const struct operator *operator_find(struct strview text) PURE;
const struct operator *operator_get(enum op_id id) PURE;
bool operator_fits(const struct operator *op, enum value_class class) PURE;

struct field_ref;
/* The value of a computed field; text may be made in m's scratch, which lives as long as the test. */
typedef struct value field_function(struct matcher *m, const struct event *ev, const struct field_ref *ref);

/* Whether an event of this number can have this value (or, in a list, this item). */
typedef bool field_may_be(const struct field_ref *ref, uint32_t event, struct strview text);

/*
 * A field name with what it stands for in each event. A computed field has a function, and by_event is that of the field it is made of,
 * if there is one.
 */
struct field_ref {
	const char *name;
	enum value_class class;
	enum kind_id kind;
	uint64_t events;                                 /* bit N: event N has it */
	const struct field *by_event[EVENT_NUMBERS];     /* NULL: the event has no such field */
	uint32_t truncated[2], uncertain[2];             /* bits in the common fields that concern it: [1] in process.exec */
	field_function *compute;                         /* computed field; NULL: by_event */
	struct strview argument;                         /* computed field: what stands in its [brackets]; p NULL: nothing */
	uint64_t number;                                 /* computed field: the argument as a number, where it is one */
	bool is_of_image;                                /* the same for all events of one derived.image */
	bool is_each;                                    /* a list of processes: tests hold when they hold for one of them */
	const void *plan;                                /* computed field: what its function keeps of the argument */
	bool needs_outcome;                              /* known only when the call has ended */
	const char *never;                               /* why no event ever has a value for it; NULL: some do */
	const char *source;                              /* beside never: what would have it, as "container metadata"; NULL: nothing would */
	size_t max_bytes;                                /* no text of it is longer; 0: no such limit is known */
	field_may_be *may_be;                            /* NULL: nothing is known beforehand of its values */
	field_may_be *may_hold_word;                     /* whether some value holds the word; NULL: nothing is known */
};

/* Its name, so that a rule of ours that has it means the same. */
void field_ref_source(const struct field_ref *ref, struct buf *out);

struct expr;
/* A side of a test as our language writes it. */
void expr_source(const struct expr *x, struct buf *out);
/* Of which of these events it, or something it is made of, is none. */
bool expr_is_out_of(const struct expr *x, uint64_t events) PURE;

typedef struct value transform_function(struct matcher *m, const struct expr *call, const struct value *args);

enum transform_result { TRANSFORM_SAME, TRANSFORM_STR, TRANSFORM_UINT, TRANSFORM_LIST };

struct transformer {
	const char *name;
	size_t min_args, max_args;
	enum transform_result result;
	transform_function *function;
	const char *doc;
};
const struct transformer *transformer_find(struct strview name) PURE;

enum expr_type { EXPR_FIELD, EXPR_TEXT, EXPR_CALL };

/* A side of a test: a field, a text in quotes (as an argument), or a transformer over others. */
struct expr {
	enum expr_type type;
	enum value_class class;
	enum kind_id kind; /* of fields; KIND_STR, KIND_LIST, KIND_U64 of calls */
	struct place at;
	const struct field_ref *field;
	const struct transformer *call;
	const struct expr **args;
	size_t n_args;
	struct strview text; /* EXPR_TEXT; EXPR_CALL: the [argument] of getopt, p NULL when there is none */
};

enum modifier { MODIFIER_NONE, MODIFIER_ONEOF, MODIFIER_ANYOF, MODIFIER_ALLOF };

struct test {
	const struct expr *left;
	const struct operator *op;
	enum modifier modifier;
	const struct operand *operands;
	size_t n_operands;
	uint64_t mask;             /* FLAGS: the operands' bits together */
	const struct expr *right;  /* field-to-field, instead of operands */
	uint64_t can_hold;         /* bit N: it can hold on event N, by its fields and what is known beforehand of their values */
	const char *ancestor;      /* ancestor(): the field as written; left is then the list of all creators */
};

struct condition {
	enum node_type type;
	bool truth;            /* CONST */
	const char *why;       /* CONST: why it is so, if its author did not write it so; NULL: nothing is known */
	unsigned depth;        /* height of the tree below, this node included */
	unsigned weight;       /* nodes of the tree, shared ones counted each time */
	struct place at;
	const char *macro;     /* name of the macro that was written here, or NULL */
	const struct condition **children;
	size_t n;
	const struct test *test;
};
