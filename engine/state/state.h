/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules about several events: thresholds, sequences, absences. Takes each event with the entries of the set that hold on it, puts events in
 * the order of their time, and says what is to be raised. docs/rules.md ("Several events") says what each kind means; this keeps to it.
 *
 * Memory is fixed from state_new on. A group is what a rule keeps for one combination of values of its fields. When there is no room, the rule
 * that takes most loses the group that was touched longest ago, and it is counted.
 *
 * An event that is not fed costs one look-up for each match. One thread at a time.
 */
#pragma once

#include "engine/rules/ruleset.h"
#include "engine/rules/stateful.h"

enum {
	STATE_MAX_OTHERS = 16,      /* other events that an alert tells */
	STATE_MAX_WAITING = 8192,   /* events that wait to be put in order */
	STATE_MIN_MEMORY = 1 << 21,
	STATE_MAX_KEY_TEXT = 256,
};
#define STATE_DEFAULT_MEMORY ((size_t)32 << 20)
#define STATE_MAX_MEMORY ((size_t)1 << 30)
#define STATE_DEFAULT_REORDER_NS 1000000000ull

struct state_config {
	size_t memory_bytes;  /* all of it; STATE_MIN_MEMORY to STATE_MAX_MEMORY */
	uint64_t reorder_ns;  /* events that come up to this much too late are put in order; alerts come that much later */
};

struct state_stats {
	uint64_t fed;      /* events that a stateful rule looked at */
	uint64_t raised;
	uint64_t late;     /* events that came later than reorder_ns: taken at the earliest time still open */
	uint64_t hurried;  /* events that were put in order too early, because too many waited */
	uint64_t evicted;  /* groups dropped for want of memory */
	uint64_t dropped;  /* events that found no memory at all: not counted by some rule */
	size_t groups;     /* now */
	size_t used_bytes; /* of groups and events, now */
	size_t memory_bytes; /* that were set aside */
};

struct state;

/* set is borrowed and outlives the state. 0, -EINVAL (a size out of range) or -ENOMEM. */
int state_new(const struct ruleset *set, const struct state_config *config, struct state **ret) MUST_CHECK;
void state_free(struct state **s);

/* Are there such rules in the set at all? Without, all calls do nothing. */
bool state_is_needed(const struct ruleset *set);

/* An event that was evaluated, with what holds on it. Then state_next until it is false. */
void state_event(struct state *s, const struct event *ev, const struct matches *matches);
/*
 * The time is at least this (time since boot): what had to come until then has come, but for reorder_ns. For a quiet stream. UINT64_MAX:
 * time goes on for ever, so all waits end. Then state_next until it is false.
 */
void state_advance(struct state *s, uint64_t boot_ns);
/* No more events come: those that wait are taken, and no wait ends but by their times. Then state_next until it is false. */
void state_finish(struct state *s);

/* Waits that would end with an alert if nothing more came: an absence, a threshold below or at a count. What a watch that ends leaves open. */
size_t state_unfinished(const struct state *s);

/* One of the other events that an alert is about. */
struct seen_event {
	uint64_t time_ns;  /* since boot: that it counted at */
	uint64_t wall_ns;  /* 0: not known */
	uint64_t exec_id;
	uint64_t number;   /* order of arrival */
	uint64_t value[2]; /* of thresholds over values: which one */
	uint32_t event;    /* its number; 0: none */
	uint32_t input;    /* which input of the rule it was */
};

struct state_alert {
	uint32_t rule;        /* index in the set */
	const struct stateful *stateful;
	uint32_t input;       /* that `ev` was */
	const struct event *ev; /* the one that completed it; where a time had to end: the one that began it. Until the next call */
	uint64_t at_ns;       /* time since boot at which it came true */
	uint64_t count;       /* of a threshold: what was counted; else the events together */
	const struct seen_event *others; /* in the order of their times, the latest STATE_MAX_OTHERS of them; until the next call */
	size_t n_others;
	size_t n_left_out;    /* others that are not told */
	uint64_t since_wall_ns; /* wall clock of the first of all events; 0: not known */
};

/* The next alert that is due; false: none, now. */
bool state_next(struct state *s, struct state_alert *ret);

/* "field=value" of the rule's i-th key, with the name that this input gives the field: at most STATE_MAX_KEY_TEXT bytes, printable or not. */
void state_key_text(struct state *s, const struct state_alert *alert, uint32_t input, size_t i, struct buf *out);

/*
 * To be called on a new or cleared state: what the old one knows for rules that are the same in both (by their digest) goes
 * on, and so do events that wait to be put in order. The old state stays as it is; its counters go on in the new one. Call when
 * state_next has returned false. 0, or -ENOMEM: then the new one begins from nothing, but for the time.
 */
int state_carry_over(const struct state *old, struct state *new) MUST_CHECK;

/* What became of an event that was fed to a rule, for who explains. */
enum state_note_kind {
	NOTE_NO_KEY,     /* a field of `by` or `distinct` has no value, or the process is not known */
	NOTE_COUNTED,    /* n have been counted */
	NOTE_QUIET,      /* the threshold was reached; it begins anew after a time without events */
	NOTE_REPEATED,   /* counted already: another of the rules counted holds on it */
	NOTE_STEP,       /* it is the n-th step, or the n-th that has come of those that come together */
	NOTE_UNAWAITED,  /* the steps before it have not come in its group, or are of the same event */
	NOTE_LATE,       /* they came too long ago */
	NOTE_WAITS,      /* the wait for what is missing begins */
	NOTE_WAITING,    /* it had begun */
	NOTE_CAME,       /* what was missing came: the wait is over */
};

struct state_note {
	uint32_t rule;   /* index in the set */
	uint32_t input;
	uint64_t number; /* of the event: the first that is kept is 1 */
	enum state_note_kind kind;
	uint64_t n;
};

typedef void state_note_function(void *context, const struct state_note *note);
/* Calls it for each such event. NULL: no more. */
void state_watch(struct state *s, state_note_function *call, void *context);

/* Forgets every group and every event that waits; the time and the counters stay. So it may be carried over to, as a new one. */
void state_clear(struct state *s);

void state_get_stats(const struct state *s, struct state_stats *ret);
