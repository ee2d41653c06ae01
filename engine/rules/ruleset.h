/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded rules: what the steps after evaluation may know of them. Immutable after loading; a reload builds another set.
 */
#pragma once

#include "engine/base/diag.h"
#include "engine/base/buf.h"
#include "engine/event/event.h"

enum severity { SEVERITY_INFO, SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL, SEVERITY_COUNT };
enum rule_action { ACTION_ALERT, ACTION_BLOCK, ACTION_KILL };
enum unknown_default { UNKNOWN_DENY, UNKNOWN_ALLOW }; /* what a rule that blocks does where a value could not be read */
enum policy_mode { POLICY_DETECT, POLICY_ENFORCE };

enum {
	RULES_MAX = 20000,       /* rules of one set */
	RULE_MAX_ATTACK = 16,    /* ATT&CK ids of one rule */
	RULE_MAX_TAGS = 32,
	RULE_MAX_REFERENCES = 16,
	RULES_MAX_FILES = 4096,
	RULES_MAX_BYTES = 64 * 1024 * 1024,   /* text of all files of a load */
	RULES_MAX_MEMORY = 512 * 1024 * 1024, /* what a loaded set may take */
	RULE_MAX_TEXT = 4096,    /* bytes of title, message, description */
	RULES_MAX_MATCHES = 256, /* rules that one event may raise; further ones are counted */
};

/* How much of a rule can hold here: see docs/rules.md. */
enum coverage { COVERAGE_FULL, COVERAGE_PARTIAL, COVERAGE_NEEDS_SOURCE };

/* Something else that the author says of a rule: kept and shown, never evaluated. */
struct rule_remark {
	const char *key, *text;
};

struct rule_throttle; /* see throttle.h */

/* An `override:` that changed a rule. */
struct rule_change {
	struct place at;
	const char *keys; /* what it changed: "severity, append exceptions" */
	const struct rule_change *next;
};

/* One rule as others see it. Everything is owned by the set. */
struct rule_info {
	const char *id;          /* `rule:` of the file: [a-z0-9-]+, unique in the set */
	const char *title;       /* falls back on the id */
	const char *description; /* "" when missing */
	const char *author;      /* as the author wrote it; NULL: not given */
	const char *license;     /* NULL: not given */
	const char *format;      /* "falco", "sigma": what the rule was written for; NULL: our own */
	const char *needs_source; /* what it watches and nothing here reports, as "linux auditd"; then it never fires. NULL: nothing */
	enum coverage coverage;
	const char *const *reasons; /* which clauses can never hold here and why; empty for a rule that is covered in full */
	size_t n_reasons;
	const struct rule_remark *remarks;
	size_t n_remarks;
	const char *ruleset;     /* file name without folder and ending */
	struct place at;         /* where `rule:` stands */
	enum severity severity;
	enum rule_action action;
	enum unknown_default unknown;
	bool is_unknown_said;    /* by `unknown:`, and not only assumed */
	bool asks_content;       /* it asks what is known of files on some file systems only: file.hash.sha256, vedette.file.written */
	unsigned rollout;        /* percent of the processes in which it blocks; 0: all */
	const char *policy;      /* `name:` of the file's policy item, else the ruleset */
	enum policy_mode mode;   /* detect: block and kill only alert, whatever the command line says; a file without a policy item: enforce */
	bool is_enabled;         /* false: checked, counted, never evaluated */
	const char *attack[RULE_MAX_ATTACK + 1]; /* technique or tactic ids as T1003.008, TA0006; NULL-terminated */
	const char *tags[RULE_MAX_TAGS + 1];
	const char *references[RULE_MAX_REFERENCES + 1];
	uint64_t events;         /* bit N: applies to event number N */
	bool needs_outcome;      /* looks at event.outcome, vedette.errno, vedette.result or vedette.stage */
	const struct rule_throttle *throttle; /* NULL: every alert passes */
	const struct rule_change *changes;    /* the last one first; NULL: it is as it was written */
	uint32_t index;          /* 0.., dense: position in the set */
	bool is_step;            /* part of a stateful rule: evaluated with the others, raises nothing by itself */
	bool is_stateful;        /* raised by engine/state, never by evaluation */
};

/* Would this rule block, if enforcement is on? */
static inline bool rule_is_blocking(const struct rule_info *rule)
{
	return rule->action == ACTION_BLOCK && rule->mode == POLICY_ENFORCE && rule->is_enabled;
}

/* Would this rule end processes, if enforcement is on? */
static inline bool rule_is_killing(const struct rule_info *rule)
{
	return rule->action == ACTION_KILL && rule->mode == POLICY_ENFORCE && rule->is_enabled;
}

struct ruleset;

/*
 * Loads files and folders (recursively, *.yaml and *.yml, sorted). All faults of all files go into diag; 0, or -EINVAL when there is
 * an error (then *ret_set is untouched). RULES_STDIN stands for a file on standard input.
 */
#define RULES_STDIN "-"
int ruleset_load(const char *const *paths, size_t n_paths, struct ruleset **ret_set, struct diag *diag) MUST_CHECK;
/* The same at a given time of the wall clock, which decides what has expired. */
int ruleset_load_at(const char *const *paths, size_t n_paths, uint64_t wall_ns, struct ruleset **ret_set, struct diag *diag) MUST_CHECK;
/* One text in place of a file, for tests and fuzzers. */
int ruleset_load_text(const char *file, struct strview text, struct ruleset **ret_set, struct diag *diag) MUST_CHECK;
int ruleset_load_text_at(const char *file, struct strview text, uint64_t wall_ns, struct ruleset **ret_set, struct diag *diag) MUST_CHECK;
void ruleset_free(struct ruleset **set);

/* Entries of the set: rules, and the steps of stateful ones. */
size_t ruleset_count(const struct ruleset *set);
/* Rules as people count them: without the steps. */
size_t ruleset_rules(const struct ruleset *set);
/* The rule as people know it: of a step, the (first) rule that it is a part of; else the entry itself. */
const struct rule_info *ruleset_owner(const struct ruleset *set, size_t index);
/* Files it was loaded from. */
size_t ruleset_files(const struct ruleset *set);
const struct rule_info *ruleset_get(const struct ruleset *set, size_t index);

/* Bits of the events that any rule looks at; bits of those whose rules need the outcome. */
uint64_t ruleset_events(const struct ruleset *set);
uint64_t ruleset_outcome_events(const struct ruleset *set);
/* Whether a rule asks for the hash of what is executed, which is made for no other reason. */
bool ruleset_asks_hash(const struct ruleset *set);

/* Environment variables that the rules' conditions name, which an exec event should keep; how many more there were no room for. */
const char *const *ruleset_env_names(const struct ruleset *set, size_t *ret_n, size_t *ret_left_out);

/*
 * Warns of each exception, with its owner and place, whose last day ended in (after_ns, until_ns]; returns how many. Loading does so
 * for those of the past. They except nothing in events from then on, without anyone's doing: what a step has to do is to tell.
 */
size_t ruleset_expired(const struct ruleset *set, uint64_t after_ns, uint64_t until_ns, struct diag *diag);

/* SHA-256 over the files' names and bytes in load order, as 64 hexadecimal digits: the policy digest of records. */
const char *ruleset_digest(const struct ruleset *set);

struct matches {
	uint32_t rule[RULES_MAX_MATCHES]; /* indexes, in load order */
	size_t n;
	size_t not_kept;                  /* matches beyond the maximum */
	uint32_t undecided[RULES_MAX_MATCHES]; /* rules whose truth turns on a test that was given up, in load order; not in `rule` */
	size_t n_undecided;
	size_t undecided_not_kept;        /* such rules beyond the maximum */
};
/* Notes a rule, or counts it where there is no room. */
void matches_add(struct matches *m, uint32_t rule);
void matches_add_undecided(struct matches *m, uint32_t rule);
bool matches_equal(const struct matches *a, const struct matches *b) PURE;

/*
 * Which rules hold on this event. The plain evaluator: walks each rule's tree. Does not allocate; the set owns the scratch
 * memory, so one thread at a time may evaluate a set. An event needs its derived fields filled for rules over them to hold.
 *
 * A field without a value makes every test of it false, != included. A field that was cut short or changed while it was read
 * (vedette.truncated, vedette.uncertain) is tested as it is, but below an odd number of `not` (so also in an exception) its
 * tests are false: what is not known whole buys no exception.
 *
 * A test that had to be given up (a regular expression at its limit, a function without scratch memory) is undecided, and so is a
 * rule whose truth turns on it: neither a match nor none.
 */
void ruleset_evaluate(const struct ruleset *set, const struct event *ev, struct matches *ret);
/* Does this one rule hold, or can it not be told? By the plain evaluator. */
bool ruleset_may_hold(const struct ruleset *set, uint32_t rule, const struct event *ev);
/* Why the rule is undecided on this event: the test that was given up, as text. "" when it is decided. */
void ruleset_undecided_reason(const struct ruleset *set, uint32_t rule, const struct event *ev, struct buf *out);

/* The rule's message with its {fields} filled in; missing ones become "-". Control bytes are shown as \xHH. */
void ruleset_message(const struct ruleset *set, uint32_t rule, const struct event *ev, struct buf *out);

/* --- for engine/enforce: the condition as a tree ----------------------------------------------------------------------- */

enum node_type { NODE_AND, NODE_OR, NODE_NOT, NODE_TEST, NODE_CONST };
/* Operators as written; see engine/rules/ops.def. */
struct condition;

/* Root of the rule's condition, lists and macros resolved, exceptions included as `and not`. */
const struct condition *ruleset_condition(const struct ruleset *set, uint32_t rule);
enum node_type condition_type(const struct condition *c);
/* AND, OR, NOT: the children. */
size_t condition_children(const struct condition *c);
const struct condition *condition_child(const struct condition *c, size_t i);
/*
 * TEST: field name, operator as text ("=", "in", "startswith", ...), values as text. The field is "" when the test is more than a
 * field against written values: a transformer, another field on the right, a modifier. `==` comes out as "="; ancestor(...) as a
 * test of vedette.ancestors.executable or vedette.ancestors.name that holds when some item does.
 */
const char *condition_field(const struct condition *c);
const char *condition_operator(const struct condition *c);
size_t condition_values(const struct condition *c);
struct strview condition_value(const struct condition *c, size_t i);
/* CONST: its truth. */
bool condition_truth(const struct condition *c);
struct place condition_place(const struct condition *c);
/* Name of the macro that was written here, or NULL. */
const char *condition_macro(const struct condition *c);
/* The condition as text again, for messages. */
void condition_text(const struct condition *c, struct buf *out);
/* The same to be loaded again, in a rule about these events: no text can be taken for a word or a list, no field is out of place. */
/* A test of a field that none of these events has: condition_source writes `false`, which our own language has for it. */
bool condition_is_out_of(const struct condition *c, uint64_t events);
void condition_source(const struct condition *c, uint64_t events, struct buf *out);

/* --- commands ------------------------------------------------------------------------------------------------------------ */

struct case_result {
	size_t passed, failed;
	size_t rules_without_cases;
};
/*
 * Runs the `cases:` of every rule: an event is made of the case's fields (through the same table), evaluated by the whole set,
 * and must (fires) or must not (quiet) raise its rule. Failures are described in diag.
 */
int ruleset_run_cases(const struct ruleset *set, struct case_result *ret, struct diag *diag) MUST_CHECK;
