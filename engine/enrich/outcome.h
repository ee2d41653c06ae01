/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of attempts, kept until the end of their system call is known. Several records may belong to one call.
 *
 * Use: outcome_hold each attempt with a call_id; at a wire_outcome record outcome_take its call_id, at each tick
 * outcome_expired until it returns 0: these calls' ends were lost, their outcome stays unknown.
 */
#pragma once

#include <stdint.h>

#include "engine/event/event.h"

enum {
	OUTCOME_MAX_PER_CALL = 16, /* a rename, a mount, an exec raise two or three */
	OUTCOME_DEFAULT_RECORDS = 4096,
	OUTCOME_DEFAULT_BYTES = 8 * 1024 * 1024,
};
#define OUTCOME_DEFAULT_TIMEOUT_NS 5000000000ull

struct outcome_table;

struct outcome_stats {
	uint64_t held;    /* records in the table now */
	uint64_t refused; /* not held: the table was full, or the call had OUTCOME_MAX_PER_CALL already */
	uint64_t expired; /* whose end never came */
};

/* Memory is set aside, and touched only in use. 0, -EINVAL (records 0 or above 2^20, bytes below RECORD_MAX or above 2^31) or -ENOMEM. */
int outcome_new(size_t max_records, size_t max_bytes, uint64_t timeout_ns, struct outcome_table **ret) MUST_CHECK;
void outcome_free(struct outcome_table **table);

/* Copies the record. 0; -ENOSPC: counted, the caller evaluates it at once with an unknown outcome; -EINVAL: call_id 0. */
int outcome_hold(struct outcome_table *table, const struct event *ev) MUST_CHECK;

/*
 * Takes the records of a call out, in the order they came; none (0) if nothing was held. The events are not derived; they
 * are valid until the next outcome_hold.
 */
size_t outcome_take(struct outcome_table *table, uint64_t call_id, struct event ret[static OUTCOME_MAX_PER_CALL]);
/* The same for up to max records that have waited for too long at boot_ns; 0: none left. */
size_t outcome_expired(struct outcome_table *table, uint64_t boot_ns, struct event *ret, size_t max);

void outcome_get_stats(const struct outcome_table *table, struct outcome_stats *ret);
