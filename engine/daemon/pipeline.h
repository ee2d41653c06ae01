/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The road of an event: decode -> enrich -> evaluate -> alert -> stream. Calls the steps in order; decides nothing itself.
 */
#pragma once

#include "alerts/stream.h"
#include "engine/enrich/enrich.h"
#include "engine/enrich/outcome.h"
#include "engine/rules/ruleset.h"

struct pipeline_config {
	const struct ruleset *rules;      /* borrowed */
	struct enrich *enrich;            /* borrowed */
	struct outcome_table *outcomes;   /* borrowed */
	struct stream *stream;            /* borrowed; NULL: no log */
	bool log_events;                  /* every event becomes a record of the log */
	bool is_enforcing;                /* rules that block are decided in the kernel: user space does not raise them again */
	int terminal_fd;                  /* readable alerts go there; -1: nowhere */
	bool terminal_colour;
	bool terminal_events;             /* one line for every event, too */
};

struct pipeline_stats {
	uint64_t delivered[EVENT_NUMBERS]; /* records by event number */
	uint64_t damaged;                  /* records that did not decode */
	uint64_t alerts;
	uint64_t blocked;                  /* alerts of acts that were blocked */
	uint64_t matches_dropped;          /* matches beyond RULES_MAX_MATCHES */
	uint64_t undecided;                /* regexes that ran into their limit */
	int worst;                         /* highest enum severity raised; -1: none */
};

struct pipeline;

int pipeline_new(const struct pipeline_config *config, struct pipeline **ret) MUST_CHECK;
void pipeline_free(struct pipeline **p);

/* One record, in ring order; matches sensor_record_fn with the pipeline as context. */
void pipeline_record(void *pipeline, const void *bytes, size_t size, bool is_priority);

/* Attempts whose outcome did not come in time are judged without it. boot_ns UINT64_MAX: all that are held. */
void pipeline_expire(struct pipeline *p, uint64_t boot_ns);

const struct pipeline_stats *pipeline_get_stats(const struct pipeline *p);
