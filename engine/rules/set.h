/* SPDX-License-Identifier: Apache-2.0 */
/* A loaded set from the inside: for the files that build and read it. */
#pragma once

#include "engine/base/arena.h"
#include "engine/rules/compile.h"
#include "engine/rules/env.h"
#include "engine/rules/keys.h"
#include "engine/rules/op.h"
#include "engine/rules/stateful.h"

/* A message is text with fields in between. */
struct message_piece {
	struct strview text;           /* when field and expr are NULL */
	const struct field_ref *field;
	const struct expr *expr;       /* a transformer over fields, instead of one */
	size_t width;                  /* characters that the value is cut or padded to; 0: as it is */
	const char *missing;           /* stands for no value; NULL: "-" */
};

struct case_field {
	struct strview name;
	struct place at;
	struct strview *items;
	size_t n;
};

/* One of a rule's `exceptions:`. */
struct rule_exception {
	const char *name, *owner, *reason; /* "" when missing */
	struct place at;
	uint64_t expires_ns;               /* wall clock from which on it excepts nothing; 0: never */
	const struct condition *condition;
};

/* One of a rule's `cases:`. */
struct rule_case {
	struct place at;
	bool fires;
	bool is_in_list;               /* one of several events */
	const struct event_type *type;
	struct case_field *fields;
	size_t n;
	struct case_event *events;     /* of rules about several events, in the order they are written; type and fields are those of the last */
	size_t n_events;
};

/* One event of a case that has several; or the same one again and again. */
struct case_event {
	struct rule_case one;
	uint64_t at_ns, every_ns; /* since the begin of the case; between repetitions */
	uint32_t times;
};

/* What the author of a rule calls a field, where that is not its name here. */
struct field_alias {
	const char *name;
	const struct field_ref *field; /* NULL: there is none, it is the same in all events */
	const char *constant;          /* then: this */
	uint64_t events;               /* in which it is so */
};

/* One of several values of a test, which cannot be and was left out. */
struct lost_value {
	struct place at;
	const char *why;
	const struct lost_value *next;
};

/* Everything lives in the set's arena. */
struct rule {
	struct rule_info info;
	struct place id_at; /* where the author wrote the id */
	const struct condition *condition;  /* base, and not the exceptions */
	const struct condition *base;       /* `when`; NULL (imported rules): condition, up to rule_sink_add */
	const struct condition *scope, *allowed; /* of a rule that says what is allowed: what base is made of; allowed NULL: nothing is */
	const struct condition *appended;   /* base, when the last override appended to it: others may stand beside in the same group */
	size_t n_appended;
	struct rule_exception *exceptions;
	size_t n_exceptions;
	bool takes_all_events; /* the author named none: info.events are those in which the condition can hold */
	struct message_piece *message;
	size_t n_message;
	bool has_title_message; /* no `message:` was given */
	struct rule_case *cases;
	size_t n_cases;
	const struct lost_value *lost;
	const struct field_alias *aliases; /* names that events given for the rule may use as well */
	size_t n_aliases;
	struct stateful *stateful; /* NULL: it looks at one event; else its condition is never asked */
};

struct unused_name {
	const char *what, *name; /* "list", "macro" */
	struct place at;
	const struct unused_name *next;
};

struct ruleset {
	struct arena arena;
	struct regex_list regexes;
	struct matcher *matcher; /* owned */
	struct rule *rules;
	size_t n, n_files;
	uint32_t *by_event[EVENT_NUMBERS]; /* indexes of the enabled rules of an event, in load order */
	size_t n_by_event[EVENT_NUMBERS];
	uint64_t events, outcome_events;
	bool asks_hash;
	const struct stateful **stateful; /* of enabled rules, in load order */
	size_t n_stateful;
	const struct stateful_feed *feeds; /* of all entries, sorted by entry */
	const uint32_t *first_feed;        /* n + 1: those of entry i are first_feed[i] to first_feed[i + 1] */
	const struct unused_name *unused; /* lists and macros of our own format that nothing uses */
	const char *env_names[ENV_RULE_NAMES_MAX]; /* environment variables that the rules ask about */
	size_t n_env, n_env_left_out;
	uint64_t loaded_ns; /* wall clock of the load */
	char digest[65];
};

/* A file of a load, as long as the load. */
struct rule_file {
	struct raw_file raw;
	const char *name;    /* in the set's arena */
	const char *ruleset; /* name without folder and ending */
	const char *policy;  /* NULL: no policy item */
	enum policy_mode mode;
	bool has_policy_item;
};

/* One map of a file on its way into a rule. */
struct rule_reader {
	struct compiler *c;
	const struct rule_file *file;
	struct rule *rule;
	const struct yaml_node *item;
	bool is_appending; /* lists are added to what the rule has */
	int err;           /* of the last fault; 0: none yet */
};

/* Keeps the fault. */
static inline void rule_reader_fail(struct rule_reader *r, int err)
{
	r->err = err ? err : r->err;
}

/* A condition out of a node of the reader's file; NULL after a report. */
const struct condition *rule_condition_parse(struct rule_reader *r, const struct yaml_node *node, const char *what);

/* Reads a list of exceptions behind those that the rule has (exception.c). */
void exceptions_read(struct rule_reader *r, const struct yaml_node *exceptions);
/* The value of `throttle:` (throttle.c). */
void throttle_read(struct rule_reader *r, const struct yaml_node *node);
/* base and exceptions to the rule's condition; 0, or -EINVAL after a report. */
int rule_compose(struct compiler *c, struct rule *rule) MUST_CHECK;

/* Changes a rule of any format as an `override:` item says; 0, or a negative errno after a report. */
int rule_override(struct compiler *c, const struct rule_file *file, const struct yaml_node *item, struct rule *rule) MUST_CHECK;

/* Reads a `rule:` item; 0, or a negative errno when the rule has faults (in the compiler's diag). */
int rule_read(struct compiler *c, const struct rule_file *file, const struct yaml_node *item, struct rule *ret) MUST_CHECK;

/* Reads one step of a stateful rule as a rule of its own: `event`, `when`, `exceptions`; the same results. */
int rule_step_read(struct compiler *c, const struct rule_file *file, const struct yaml_node *node, const struct rule *owner, struct rule *ret) MUST_CHECK;

/* --- stateful.c ------------------------------------------------------------------------------------------------------------ */

/* Whether a rule item has a key that makes it stateful. */
bool stateful_is_meant(const struct yaml_node *item);
/*
 * Reads the stateful part of a rule whose simple keys are read: sets rule->stateful, and the rule's events to those that its alerts may be
 * about (all, where they follow from rules that are not known yet). Reports; 0, -EINVAL or -ENOMEM.
 */
int stateful_read(struct compiler *c, const struct rule_file *file, const struct yaml_node *item, struct rule *rule) MUST_CHECK;
/* All rules are known: looks up ids, checks, sets digests. Reports; the same results. */
struct rule_sink;
int stateful_resolve(struct rule_sink *sink) MUST_CHECK;
/* The arrays of the set over its stateful rules; 0 or -ENOMEM. */
int stateful_index(struct ruleset *set) MUST_CHECK;

/* Cuts a template into pieces; needs_outcome is set when a field asks for it. Reports. */
int message_compile(struct compiler *c, const struct text_source *text, uint64_t events, struct rule *rule) MUST_CHECK;

/* Reads `cases:` of a rule whose events are known. Reports. */
/* Behind those that it has; their places are in the compiler's file. */
int cases_read(struct compiler *c, const struct yaml_node *node, struct rule *rule) MUST_CHECK;

/* What a case or one of its events says the event is. Reports. */
const struct event_type *case_event_type(struct compiler *c, const struct yaml_node *item, const struct rule *rule);
int case_fields_read(struct compiler *c, const struct rule *rule, const struct yaml_node *map, struct rule_case *ret) MUST_CHECK;
/* The field that the rule's author calls so in such events; NULL: none. */
const struct field_ref *rule_alias(const struct rule *rule, struct strview name, const struct event_type *type) PURE;
/* What the name stands for in all such events, if it stands for no field; NULL: it does, or is no alias. */
const char *rule_constant(const struct rule *rule, struct strview name, const struct event_type *type) PURE;
/* Whether an event that has the text there is one of ours: ASCII letters of either case, as Sigma compares. */
bool is_constant_value(const char *constant, struct strview text) PURE;
/* The events of a case of a stateful rule: a list, or a map for a single one. Reports. */
int case_events_read(struct compiler *c, const struct yaml_node *node, const struct rule *rule, struct rule_case *ret) MUST_CHECK;
/* The event that fields stand for, at the wall clock of the set's load and wall_ns more. Reports. */
struct event_builder;
int case_event_build(struct event_builder *b, const struct ruleset *set, const struct rule *rule, const struct rule_case *one, uint64_t wall_ns,
		     struct event *ret, struct diag *diag) MUST_CHECK;

/* T1003, T1003.008 or TA0006. */
bool rule_is_attack_id(struct strview id) PURE;

/* Helpers over YAML for the readers of items; they report and return a negative errno. */
int item_text(struct compiler *c, const struct yaml_node *node, const char *what, const char **ret) MUST_CHECK;
int item_list(struct compiler *c, const struct yaml_node *node, const char *what, size_t max, const char **ret) MUST_CHECK;
int item_check_keys(struct compiler *c, const struct yaml_node *map, const char *const *keys, size_t n, const char *what) MUST_CHECK;
/* The same by the tables of keys.def: only keys of the part. */
int item_check(struct compiler *c, const struct yaml_node *map, enum part_id part) MUST_CHECK;
