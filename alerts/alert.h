/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps before hand to the alerts half. Plain structs; everything in them is borrowed for the call. */
#pragma once

#include "alerts/head.h"
#include "engine/event/event.h"
#include "engine/rules/ruleset.h"

enum alert_action { ALERT_ACTION_ALERT, ALERT_ACTION_BLOCK, ALERT_ACTION_WOULD_BLOCK, ALERT_ACTION_KILL, ALERT_ACTION_WOULD_KILL, ALERT_ACTION_COUNT };

/* Another event that an alert of a rule about several events is about. */
struct alert_other {
	uint64_t wall_ns;    /* 0: not known */
	const char *action;
	uint64_t exec_id;
	struct strview keys; /* fields that join it, as field=value */
};

/* What a rule about several events found. */
struct alert_correlation {
	const char *kind;              /* threshold, sequence, together, absence */
	uint64_t count;
	uint64_t since_ns, until_ns;   /* wall clock; 0: not known */
	struct strview keys;           /* list: items each ended by NUL */
	const struct alert_other *others;
	size_t n_others, n_left_out;
};

struct alert {
	const struct event *ev;
	const struct rule_info *rule;
	struct strview message;      /* of ruleset_message; empty: the rule's title */
	enum alert_action action;    /* what was done */
	const struct alert_correlation *correlation; /* NULL: the rule looks at one event */
	struct strview undecided;    /* why it is not known whether the rule holds (of ruleset_undecided_reason); empty: it does */
	const char *policy_digest;   /* of the rules that judged */
	const char *kill;            /* of a rule that kills: when, or why not; NULL: there is nothing to say */
};

/* The rule's, or low when it is not known whether the rule holds. */
enum severity alert_severity(const struct alert *alert) PURE;

/* The clocks, read together. */
struct instant {
	uint64_t wall_ns;
	uint64_t boot_ns;
	const char *clock_sync; /* of clock_sync_text */
};
struct instant instant_now(void);

struct totals {
	uint64_t produced, delivered, lost; /* kernel records; produced = delivered + lost */
	uint64_t filtered; /* events of which the kernel made none */
};

struct open_info {
	struct instant at;
	const char *policy_digest;
	size_t policy_rules;
	const char *config_digest;           /* "": none */
	const char *sensor;                  /* "lsm", "tracepoint" */
	const char *scope;                   /* "host", or what is run; "": not said */
	const char *const *hooks_attached;   /* NULL-terminated */
	const char *const *hooks_missing;    /* NULL-terminated */
	uint64_t heartbeat_ns;               /* time between two heartbeats; 0: there are none */
	uint64_t epoch;                      /* of the key that signs; stream_open_record fills this and the next in */
	const struct log_head *previous;     /* where the stream before ended; NULL: there was none */
	const char *enforcement;             /* "enforce", "detect"; NULL: nothing could be blocked */
	bool is_agent_kept;                  /* over its runs; filled in as well */
	bool has_wal;                        /* records are on the disk before anybody gets them */
};

struct heartbeat_info {
	struct instant at;
	const char *policy_digest;
	const char *sensor;
	struct totals totals;
	const char *protection; /* of the agent itself: on, off or none; NULL: not said */
	uint64_t refused, canaries, failures; /* acts against it; canaries that were refused as they must be; those that were not, and other faults */
};

struct loss_info {
	struct instant at;
	const char *what;  /* ring, decode, matches, state, output, suppress, limit, wait, tape, render, log-torn, log-damaged, log-dropped, sink */
	const char *event; /* name of the event; "": any */
	int cpu;           /* -1: any */
	uint64_t count;
	uint64_t since_ns; /* wall clock */
	uint64_t last_ns;  /* suppress, limit: of the last alert held back; 0: not known */
	const char *rule;  /* suppress, limit: id of the rule; "" or NULL: none */
	const char *group; /* suppress: the values that its throttle counts by, "user.name=root"; "" or NULL: none */
};

struct reload_info {
	struct instant at;
	const char *policy_digest;      /* in force now */
	size_t policy_rules;
	const char *from_digest;        /* in force before */
	size_t from_rules;
	uint64_t duration_ns;
	const char *const *errors;      /* NULL-terminated; none: the new rules are in force */
	const char *const *hooks_missing; /* NULL-terminated */
};

struct policy_info {
	struct instant at;
	const char *action;        /* apply, confirm, rollback, remove */
	const char *name;
	const char *reason;        /* asked, timeout, breaker, stopped, unkept */
	const char *policy_digest; /* in force now */
	size_t policy_rules;
	const char *from_digest;   /* in force before */
	size_t from_rules;
	uint64_t confirm_ns;       /* time to confirm it in; 0: none */
	uint64_t blocked;          /* UINT64_MAX: not counted */
	bool is_forced;
	bool has_by;               /* somebody asked */
	uint32_t by_uid, by_pid, by_login; /* by_login UINT32_MAX: no login */
	const char *const *errors; /* NULL-terminated; none: it is done */
};

struct close_info {
	struct instant at;
	const char *reason; /* "signal 15", "command ended", ... */
	struct totals totals;
};

struct key_roll_info {
	struct instant at;
	const char *reason;   /* interval, critical, start, stop, asked */
	uint64_t next_epoch;
	const char *next_key; /* base64 */
};

/* What the log itself knows of its past. */
struct log_counts {
	uint64_t alerts;      /* raised */
	uint64_t unwritten;   /* alerts and events that got no record */
	uint64_t queue_bytes; /* sealed lines that wait to be written */
	uint64_t epoch;       /* of the signing key */
	uint64_t held;        /* times that it had to go and stayed, because the next one could not be put on the disk */
};

const char *alert_action_text(enum alert_action action) PURE;
const char *severity_text(enum severity severity) PURE;
/* ECS event.severity. */
unsigned severity_number(enum severity severity) PURE;
/* The highest that the number reaches; of a number that is none of ours, too. */
enum severity severity_of_number(uint64_t number);
