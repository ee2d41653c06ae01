/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All sinks of a run: a thread and a cursor each. None of them holds up another, or the stream. A record is delivered at least once, in order;
 * receivers know one that comes again by its event.id. FOLDER/NAME.cursor says of which log, and up to where, a sink has everything: give it
 * the log's own folder, whose lock then is that of the cursors, too.
 */
#pragma once

#include "alerts/sink.h"
#include "alerts/wal.h"

struct sinks;

/* Opens all, and their cursors; nothing is sent yet. The log must outlive them. 0, or -errno with diag. */
int sinks_open(const struct sinks_config *config, const char *folder, struct wal *wal, struct sinks **ret, struct diag *diag) MUST_CHECK;
int sinks_start(struct sinks *s) MUST_CHECK;
/*
 * Gives what is in the log `drain_ns` to go out, keeps the cursors, ends the threads: no receiver holds it up for longer, whatever it does; only the disk
 * can. Returns the records that required sinks do not have yet.
 */
uint64_t sinks_close(struct sinks **s, uint64_t drain_ns);

/* Files are opened anew (after a rotation by others), connections too. */
void sinks_reopen(struct sinks *s);

/* Opens one as sinks_open would, and closes it again: connects nothing, writes nothing. 0, or -errno with diag. */
int sinks_try(const struct sink_options *options, struct diag *diag) MUST_CHECK;

/*
 * refusing: it wanted the last line never. broken: five failures on end; one line at a time tries again. disabled: the receiver wants no more;
 * sinks_reopen asks it again
 */
enum sink_state { SINK_GOOD, SINK_RETRYING, SINK_REFUSING, SINK_BROKEN, SINK_DISABLED, SINK_STATES };

struct sink_status {
	const char *name, *kind, *delivered; /* borrowed */
	enum sink_state state;
	bool is_required;
	uint64_t lag_records, lag_ns; /* behind what is durable; age of the oldest record it has not */
	uint64_t lines;               /* delivered */
	uint64_t files;               /* opened by its thread: rotations, and what others took away */
	uint64_t faults;              /* failed tries */
	uint64_t refused;             /* lines that the receiver will never take */
	uint64_t missed;              /* lines that were gone before it had them */
	char last_error[SINK_FAULT_TEXT];
	uint64_t last_error_ns, last_good_ns; /* wall clock; 0: never */
};
size_t sinks_count(const struct sinks *s) PURE;
void sinks_get_status(struct sinks *s, size_t i, struct sink_status *ret);
const char *sink_state_text(enum sink_state state) PURE;

/*
 * Lines refused since the last call, of the first sink that has any, and none on their way into the log; false: none. Who takes them writes a record of
 * them, or gives them back. The cursor keeps them until that record is durable: after a crash before, the next start has them again.
 */
bool sinks_take_loss(struct sinks *s, const char **ret_name, uint64_t *ret_count);
void sinks_give_back_loss(struct sinks *s, const char *name, uint64_t count);
/* All that was taken stands in records of the log below `next`. */
void sinks_told(struct sinks *s, uint64_t next);
