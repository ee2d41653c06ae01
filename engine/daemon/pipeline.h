/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The road of an event: decode -> enrich -> evaluate -> alert -> stream. Calls the steps in order; decides nothing itself.
 */
#pragma once

#include "alerts/render.h"
#include "alerts/stream.h"
#include "engine/base/histogram.h"
#include "engine/daemon/ending.h"
#include "engine/daemon/noise.h"
#include "engine/daemon/policy.h"
#include "engine/daemon/rule_counts.h"
#include "engine/daemon/tally.h"
#include "engine/daemon/teller.h"
#include "engine/enrich/enrich.h"
#include "engine/enrich/outcome.h"
#include "engine/tape/tape.h"

struct pipeline_config {
	const struct policy *policy;      /* borrowed; the one to begin with */
	struct enrich *enrich;            /* borrowed; NULL, as outcomes: only pipeline_judge is called */
	struct outcome_table *outcomes;   /* borrowed */
	struct strview host_name;         /* borrowed; of the host whose records come; n 0: not said */
	struct teller *teller;            /* borrowed; NULL: nothing is dropped in the kernel */
	struct stream *stream;            /* borrowed; NULL: no log */
	struct tape_writer *tape;         /* borrowed; NULL: none */
	bool is_taped;                    /* events come from a tape: verdicts name rules of another time */
	struct renderer *renderer;        /* borrowed; NULL: no JSON */
	int json_fd;                      /* alerts as JSON lines without signature go there; with renderer */
	bool log_events;                  /* every event becomes a record of the log */
	const struct noise_options *noise; /* borrowed for pipeline_new; NULL: only throttles limit alerts */
	bool is_enforcing;                /* rules that block are decided in the kernel: user space does not raise them again */
	struct ending (*end)(const struct event *ev); /* ends the process of an event; NULL: rules that kill only say that they would */
	int terminal_fd;                  /* readable alerts go there; -1: nowhere */
	bool terminal_colour;
	bool terminal_events;             /* one line for every event, too */
};

enum { PIPELINE_TIMED = 64 }; /* reading the clock for each event would cost as much as judging some */

struct pipeline_stats {
	uint64_t delivered[EVENT_NUMBERS]; /* records by event number */
	uint64_t judged;                   /* events that the rules were asked about */
	uint64_t damaged;                  /* records that did not decode */
	uint64_t alerts;
	uint64_t blocked;                  /* alerts of acts that were blocked, and of processes that were ended */
	uint64_t blocked_on_trial;         /* of those, by rules of the file that pipeline_try names, since that call */
	struct histogram evaluate_ns;      /* to judge one event by all rules, of one in PIPELINE_TIMED */
	struct tally blocked_by;           /* of those, by the rule; what the protection of the engine refused is not among them */
	uint64_t suppressed;               /* alerts that throttles held back: each is told by a summary */
	uint64_t limited;                  /* alerts that the limit of all rules held back: so are these */
	struct rule_counts by_rule;        /* what became of the alerts of each rule */
	uint64_t matches_dropped;          /* matches beyond RULES_MAX_MATCHES */
	uint64_t undecided;                /* alerts of rules of which it is not known whether they hold */
	uint64_t unfinished;               /* waits for what did not come that were not over at the end: pipeline_finish */
	struct state_stats state;          /* of rules about several events */
	uint64_t unprinted;                /* JSON lines that could not be written */
	int worst;                         /* highest enum severity raised; -1: none */
};

struct pipeline;

int pipeline_new(const struct pipeline_config *config, struct pipeline **ret) MUST_CHECK;
void pipeline_free(struct pipeline **p);

/* One record, in ring order; matches sensor_record_fn with the pipeline as context. */
void pipeline_record(void *pipeline, const void *bytes, size_t size, bool is_priority);

/* One whose act was told by another record: only what it says of processes is taken over. */
void pipeline_twin(struct pipeline *p, const struct event *ev, bool is_priority);

/* An event that is enriched already, with its outcome if there is one. All events come through here. */
void pipeline_judge(struct pipeline *p, const struct event *ev);
/* A record that the engine made itself: judged like the kernel's, and counted with none of them. */
void pipeline_note(struct pipeline *p, const void *bytes, size_t size);

/*
 * From the next event on another policy judges. The one before must stay until pipeline_forget_earlier: verdicts that the kernel took by it
 * may still be on their way.
 */
void pipeline_swap(struct pipeline *p, const struct policy *policy);
void pipeline_forget_earlier(struct pipeline *p);
/* From now on the blocks by rules of this file are counted. Borrowed; "": of none. */
void pipeline_try(struct pipeline *p, const char *file);

/* Attempts whose outcome did not come in time are judged without it. boot_ns UINT64_MAX: all that are held. */
void pipeline_expire(struct pipeline *p, uint64_t boot_ns);

/*
 * Tells of alerts that throttles held back in windows that have ended. pipeline_judge does so by the events' time, pipeline_expire by the
 * clock; UINT64_MAX: all, before the stream ends.
 */
void pipeline_end_windows(struct pipeline *p, uint64_t boot_ns);

/* It is at least this late (time since boot): waits of rules about several events end. Cheap. */
void pipeline_advance(struct pipeline *p, uint64_t boot_ns);
/* No more events come: what waits to be put in order is judged. */
void pipeline_finish(struct pipeline *p);

const struct pipeline_stats *pipeline_get_stats(const struct pipeline *p);
