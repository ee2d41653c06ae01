/* SPDX-License-Identifier: Apache-2.0 */
/* How the watch fares, as one JSON document: written by it to a file, shown by `vedette status`. */
#pragma once

#include "engine/daemon/change.h"
#include "engine/daemon/delivery.h"
#include "engine/daemon/metrics_server.h"
#include "engine/daemon/pipeline.h"
#include "engine/daemon/protect.h"
#include "engine/daemon/rates.h"
#include "engine/enrich/enrich.h"
#include "engine/probe/sensor.h"

/* Whom it is about; all borrowed. */
struct status_of {
	const struct sensor *sensor;
	const struct policy *policy;
	const struct pipeline_stats *stats;
	const struct enrich *enrich;
	struct totals totals;
	const struct stream *stream; /* may be NULL */
	struct delivery *delivery;   /* may be NULL */
	struct change_status change;
	struct protect_state protection;
	bool is_agent_kept;          /* over its runs */
	bool is_enforcing, keeps; /* `enforce`; `enforcement.on_exit: keep` */
	uint64_t start_ns;        /* wall clock */
	struct rates rates;
	const struct metrics_server *server; /* may be NULL */
};

/* May the file be (re)placed? It must be missing in a folder that is there, empty, or an earlier status; 0 or -errno with the reason. */
int status_check(const char *file, struct diag *diag) MUST_CHECK;
/* Replaces the file at once; 0 or -errno. */
int status_write(const char *file, const struct status_of *of) MUST_CHECK;
/* The document. */
void status_json(const struct status_of *of, struct buf *out);
