/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a report for auditors is made of: gathered from the lines of logs, each of which the verifier has taken before, in bounded memory. Judges
 * nothing and writes nothing. Text out of records is kept cut and printable (control characters and those that turn the direction of text as \xHH).
 */
#pragma once

#include "alerts/alert.h"
#include "alerts/verify.h"
#include "engine/base/strmap.h"

enum {
	AUDIT_LOGS_MAX = 256,     /* agents in one report */
	AUDIT_ROWS_MAX = 1000,    /* streams, keys, gaps and changes of the policy of one log that are listed; further ones are counted */
	AUDIT_KINDS_MAX = 64,     /* kinds of loss of one log, further ones together; the agent has about twenty */
	AUDIT_RULES_MAX = 4096,   /* rules that alerts are counted by, further ones together */
	AUDIT_SAMPLES_MAX = 3,    /* records shown for one thing */
	AUDIT_TEXT_MAX = 255,     /* of a text of a record */
	AUDIT_NAME_MAX = 79,      /* of a name, a digest, a reason */
	AUDIT_TIME_MAX = 34, /* a time, and room for what marks a cut */
};

enum audit_field {
#define AUDIT_FIELD(id, path) AUDIT_FIELD_##id,
#include "schemas/audit.def"
	AUDIT_FIELD_COUNT,
};

enum audit_content {
#define AUDIT_CONTENT(id, what, fields, not) AUDIT_CONTENT_##id,
#include "schemas/audit.def"
	AUDIT_CONTENT_COUNT,
};

enum audit_show {
#define AUDIT_SHOW(id, what) AUDIT_SHOW_##id,
#include "schemas/audit.def"
	AUDIT_SHOW_COUNT,
};

enum audit_standard {
#define AUDIT_STANDARD(id, key, name) AUDIT_STANDARD_##id,
#include "schemas/audit.def"
	AUDIT_STANDARD_COUNT,
};

/* Computed from all records, in a few sentences. */
enum audit_fact {
	AUDIT_FACT_VERIFICATION, AUDIT_FACT_COVERAGE, AUDIT_FACT_GAPS, AUDIT_FACT_LOSSES, AUDIT_FACT_PROBES, AUDIT_FACT_KEYS, AUDIT_FACT_POLICY,
	AUDIT_FACT_CLOCK, AUDIT_FACT_CONTENT, AUDIT_FACT_RULES, AUDIT_FACT_RECEIPTS, AUDIT_FACT_SPAN,
	AUDIT_FACT_COUNT,
};

struct audit_requirement {
	enum audit_standard standard;
	const char *number, *about, *cannot;
	uint64_t facts, shows; /* bits */
};
const struct audit_requirement *audit_requirements(size_t *ret_n);
const char *audit_standard_key(enum audit_standard standard) PURE;
const char *audit_standard_name(enum audit_standard standard) PURE;
const char *audit_show_text(enum audit_show show) PURE;
const char *audit_content_text(enum audit_content content) PURE;
/* What a kind of loss means, "" when it is none of ours; *ret_is_held: it was held back on purpose. */
const char *audit_loss_text(const char *what, bool *ret_is_held);

typedef char audit_text[AUDIT_TEXT_MAX + 1];
typedef char audit_name[AUDIT_NAME_MAX + 1];
typedef char audit_time[AUDIT_TIME_MAX + 1];

/* A record that is shown. */
struct audit_sample {
	uint64_t draw;    /* the least are taken */
	const char *file; /* borrowed */
	uint64_t line, sequence;
	audit_time time, signed_at;
	audit_name dataset, action, done, verdict, outcome, severity, rule, user;
	audit_text id, message, executable, object;
};

/* Records that are shown for a requirement. The samples have the least SHA-256 of their ids: a draw that nobody chooses and anybody can repeat. */
struct audit_shown {
	uint64_t count;
	audit_time first, last;
	struct audit_sample samples[AUDIT_SAMPLES_MAX];
	size_t n_samples;
};

struct audit_rule {
	audit_name id, name;
	unsigned severity; /* the highest */
	uint64_t alerts, blocked, would_block;
	audit_time first, last;
};

struct audit_stream {
	char name[STREAM_NAME_MAX + 1];
	audit_time from, to; /* signatures of its first and last record here */
	uint64_t first, last; /* sequences */
	bool is_closed, goes_on; /* goes_on: behind the time asked */
	audit_name close_reason, kernel, sensor, enforcement, boot, version;
	audit_text scope, hooks_missing;
};

struct audit_key {
	char stream[STREAM_NAME_MAX + 1]; /* in which it was named */
	uint64_t epoch;
	char fingerprint[2 * CRYPTO_HASH + 1]; /* SHA-256 of the public key, as `vedette keys show` has it */
};

/* What is not covered by verified records. */
enum audit_gap_kind {
	AUDIT_GAP_BEFORE,  /* the log begins later */
	AUDIT_GAP_STOPPED, /* as enum verify_gap_kind */
	AUDIT_GAP_UNCLEAN,
	AUDIT_GAP_SILENCE,
	AUDIT_GAP_AFTER,   /* the log ends earlier */
	AUDIT_GAP_COUNT,
};
const char *audit_gap_text(enum audit_gap_kind kind) PURE;
struct audit_gap {
	enum audit_gap_kind kind;
	uint64_t from_ns, to_ns;  /* wall clock; 0: not known */
	uint64_t within_ns;       /* of it in the time asked, and not covered otherwise */
	uint64_t count;           /* unclean: records that were signed and are not there */
	audit_name what;
	char stream[STREAM_NAME_MAX + 1];
	uint64_t next;
};

struct audit_loss {
	audit_name what;
	uint64_t count, records;
	audit_time first, last;
};

/* From a record that tells of the rules in force to the next that does. */
struct audit_period {
	audit_time from, to;      /* to: "" up to the end */
	audit_name digest, how, name, reason; /* how: start, reload, apply, confirm, rollback, remove */
	audit_text id, errors;    /* errors: it was refused, and the rules before stayed */
	audit_name by;            /* "uid 0, login uid 1000, pid 77"; "": nobody is named */
	uint64_t rules, confirm_ns, blocked_on_trial; /* UINT64_MAX: not told */
	bool is_forced;
	audit_name mode;          /* enforce or detect, as the stream's open record says; "": it does not */
	uint64_t alerts, blocked, would_block;
};

enum audit_state { AUDIT_VERIFIED, AUDIT_OPEN_ENDED, AUDIT_BAD, AUDIT_UNREADABLE };

/* One agent's log. */
struct audit_log {
	const char *file; /* the first; borrowed */
	audit_name host, host_id, agent;
	enum audit_state state;
	char detail[DIAG_MAX_TEXT]; /* why it is not verified, or open-ended */
	uint64_t records, in_time;  /* that verified; of these in the time asked */
	uint64_t streams_n, first, last; /* sequences of the first and the last record */
	audit_time first_time, last_time;
	char follows[STREAM_NAME_MAX + 1];
	struct audit_stream *streams; /* owned; those in the time asked */
	struct audit_key *keys;       /* owned */
	struct audit_gap *gaps;       /* owned */
	struct audit_period *periods; /* owned */
	size_t n_streams, n_keys, n_gaps, n_periods;
	uint64_t more_streams, more_keys, more_gaps, more_periods;
	struct audit_loss losses[AUDIT_KINDS_MAX];
	size_t n_losses;
	uint64_t rolls, unexplained;  /* key rolls, and gaps that nobody gave a reason for, in the time asked */
	uint64_t uncovered_ns[AUDIT_GAP_COUNT], covered_ns;
	uint64_t clock_yes, clock_no, clock_unknown, set_back; /* own records, by what the kernel said of its clock; starts before the end of the stream before */
	uint64_t protection_failures, hooks_missing;  /* heartbeats that tell of failures; open and reload records that name refused probes */
	size_t n_receipts, n_reached;
	uint64_t first_ns, reached_ns; /* of signatures: the earliest, the latest so far */
	bool is_in_last_stream;        /* the last of streams is the one at hand */
};

struct audit {
	uint64_t from_ns, to_ns;
	struct audit_log *logs[AUDIT_LOGS_MAX]; /* owned */
	size_t n_logs;
	struct audit_shown shown[AUDIT_SHOW_COUNT];
	struct audit_rule *rules; /* owned */
	size_t n_rules;
	struct strmap rules_by_id;
	uint64_t other_alerts;    /* of rules past AUDIT_RULES_MAX */
	uint64_t by_severity[SEVERITY_COUNT];
	uint64_t alerts, events, blocked, would_block, killed;
	uint64_t content[AUDIT_CONTENT_COUNT]; /* of alerts and events */
	struct buf scratch;
};

/* The time asked: from_ns up to, and without, to_ns. 0 or -ENOMEM. */
int audit_new(uint64_t from_ns, uint64_t to_ns, struct audit **ret) MUST_CHECK;
void audit_free(struct audit **a);

/* Another log begins; file is borrowed for the life of the audit. 0, -E2BIG or -ENOMEM. */
int audit_begin_log(struct audit *a, const char *file) MUST_CHECK;
/* A line that the verifier took, and where it stands; file as above. 0 or -ENOMEM. */
int audit_line(struct audit *a, const struct verifier *verifier, const char *file, uint64_t line_number, struct strview line) MUST_CHECK;
/* What verify_options tell. */
void audit_gap(struct audit *a, const struct verify_gap *gap);
void audit_key(struct audit *a, const struct verify_key *key);
/* The log at hand ends: state and detail are filled in by then. Makes up the account of its time. */
void audit_end_log(struct audit *a, const struct verifier *verifier);

/* Something was lost that was not held back on purpose. */
bool audit_log_has_losses(const struct audit_log *log);
