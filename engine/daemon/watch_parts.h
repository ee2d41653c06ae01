/* SPDX-License-Identifier: Apache-2.0 */
/* A watch from inside: for watch.c, which builds and ends it, and watch_loop.c, which runs it. */
#pragma once

#include "engine/daemon/change.h"
#include "engine/daemon/delivery.h"
#include "engine/daemon/own_files.h"
#include "engine/daemon/protect.h"
#include "engine/daemon/status.h"
#include "engine/daemon/takeover.h"
#include "engine/daemon/watch.h"

struct watch {
	struct watch_options options; /* its strings are borrowed from the caller */
	struct policy *policy; /* in force */
	struct sensor *sensor;
	struct enrich *enrich;
	struct outcome_table *outcomes;
	struct identity identity;
	struct agent *agent; /* owned; NULL: none is kept */
	struct delivery *delivery; /* NULL: no write-ahead log */
	struct stream *stream;
	struct tape_writer *tape;
	struct pipeline *pipeline;
	struct teller *teller; /* NULL: nothing is approved */
	struct policies *policies; /* NULL: none can be applied under way */
	struct own_files own_files;
	struct change *change; /* NULL: the rules stay */
	struct protect *protect; /* NULL: not protected */
	struct protect_asker stop; /* who asked for the end; pid 0: nobody */
	int signal_fd;
	uint64_t next_tick, next_heartbeat;
	uint32_t told_generation, told_epoch; /* of the policy for which ancestors are told once more */
	uint64_t told_unlabelled; /* labels that were not kept by then */
	unsigned tell_ticks;      /* in which that is done */
	uint64_t expiry_seen_ns; /* wall clock up to which exceptions that expired were told */
	uint64_t told_lost_ring[EVENT_NUMBERS], told_lost_slot[EVENT_NUMBERS];
	uint64_t told_damaged, told_matches, told_state, told_misc[MISC_COUNT], told_missed_runs;
	uint64_t alerted_runs, next_alert_ns; /* missed runs of which there were alerts; time since boot from which there may be another one */
	uint64_t since_ns; /* wall clock of the last look at the losses after which all were told */
	uint64_t marked_files; /* of sinks, that the protection knows */
	bool is_untold;    /* a loss record found no room at this look */
	struct takeover takeover;
	int keep_error;    /* that was told */
	uint64_t shown_changes; /* of the rules that the status file shows */
	uint64_t start_ns; /* wall clock */
	struct rates rates;
	struct metrics_server *metrics; /* NULL: nobody can ask */
	uint64_t next_metrics_step, next_metrics_file;
	bool is_metrics_asked; /* and the time for the next step has not come */
	int metrics_error; /* of the last try to write the metrics */
	int status_error;  /* of the last try to write the status file */
};

/* --- watch.c --------------------------------------------------------------------------------------------------------------- */

/* What the status document is made of; borrowed from the watch. */
struct status_of watch_status_of(const struct watch *w);
/* With `on_exit: keep`: leaves with the pins what a daemon that follows has to know. */
void watch_note(struct watch *w, bool is_stopped);
