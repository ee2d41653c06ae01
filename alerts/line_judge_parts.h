/* SPDX-License-Identifier: Apache-2.0 */
/* What a judge of lines knows; for line_judge.c and line_judge_state.c alone. */
#pragma once

#include <pthread.h>

#include "alerts/line_judge.h"
#include "alerts/verify_record.h"

enum { LINE_TIME = 30 }; /* bytes of a statement's time: verify_record_read takes no other form */

/* A signature that was found good. */
struct proof {
	uint8_t statement[CRYPTO_HASH], signature[CRYPTO_SIGNATURE];
	bool is_set;
};

/* Behind the last record in order. */
struct line_place {
	struct log_head head;      /* stream "": none came yet */
	uint64_t batch_end;        /* sequence behind the batch of that record */
	char time[LINE_TIME + 1];  /* of that batch */
	uint64_t rolled_next;      /* see struct verify_end */
	uint8_t rolled_statement[CRYPTO_HASH];
	bool has_hole;             /* of the stream since its last record that named a key, or its beginning, some did not come: there may have been another such */
	bool is_old;               /* from before the start, and records may have come since */
};

struct known_agent {
	char name[STREAM_NAME_MAX + 1];
	const struct verify_key *const *own; /* its keys of those given, in the judge's */
	size_t n_own;
	struct verify_key named[LINE_KEYS_KEPT]; /* by records; a ring */
	uint64_t n_named;
	struct line_place place;
	struct proof last, other;  /* its batch; one that was out of order: what is sent again costs no more than what comes first */
	bool is_heard;             /* a record was taken since the start */
};

struct line_judge {
	pthread_mutex_t lock;
	struct verify_keys keys;         /* owned */
	const struct verify_key **order; /* owned: of the keys by agent, as they stand within one */
	struct known_agent *agent;       /* owned; sorted by name */
	size_t n;
};

/* NULL: no key was given for the agent. The judge is locked. */
struct known_agent *line_judge_agent(const struct line_judge *j, struct strview stream);
const struct verify_key *line_judge_key(const struct known_agent *agent, uint64_t epoch);
void line_judge_keep_key(struct known_agent *agent, const struct verify_key *key);
