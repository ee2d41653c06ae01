/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an agent keeps between its runs: its id, the number of its last stream, the key that signs, and where its log ended. One file in a
 * folder of its own, replaced as a whole; one process at a time.
 *
 * The order of things, for each key that takes over: agent_roll puts the next key on the disk beside the one in force; then a record that
 * names it is signed (agent_named); when that record is on the disk, agent_settle takes the one before off it. Wherever that stops, the log
 * tells at the next start which of the two is in force, so none is ever lost, and none signs what another has signed.
 */
#pragma once

#include "alerts/crypto.h"
#include "alerts/head.h"
#include "alerts/identity.h"
#include "engine/base/diag.h"

struct agent;

/* The steps of replacing the file, for tests: one that answers less than 0 stands for a failure of that step, and the step is not done. */
enum agent_step { AGENT_WRITE, AGENT_FSYNC, AGENT_RENAME, AGENT_FSYNC_FOLDER, AGENT_WIPE, AGENT_STEP_COUNT };
struct agent_options {
	bool makes;      /* a folder without an agent gets one; else that is an error */
	bool must_make;  /* a folder with an agent is an error */
	int (*on_step)(void *context, enum agent_step step); /* may be NULL */
	void *context;
};

/*
 * Opens the agent of a folder, which is made (0700) when it is missing, and holds the folder until agent_close. Refused with the reason: a
 * folder that others may write to or that another process holds, a damaged file. 0 or -errno; nothing has changed on the disk but a new agent.
 */
int agent_open(const char *folder, const struct agent_options *options, struct agent **ret, struct diag *diag) MUST_CHECK;
void agent_close(struct agent **a);

/*
 * A line that a log of this agent may end with: of its write-ahead log, of its files, as many as there are. Called before agent_begin, which takes the furthest
 * of them. Nobody is believed but the agent's own keys: what others signed is passed over, and told when it would be later than what the agent knows.
 */
void agent_found(struct agent *a, struct strview line, struct diag *diag);

/*
 * The next stream of the agent, behind the end that was found. Decides which key is in force when a roll was under way, and puts the number of the stream on
 * the disk before it is used. Fills in agent id and stream. 0 or -errno.
 */
int agent_begin(struct agent *a, struct identity *identity, struct diag *diag) MUST_CHECK;

bool agent_is_new(const struct agent *a); /* made by this agent_open */
const char *agent_id(const struct agent *a);
uint64_t agent_incarnation(const struct agent *a);
uint64_t agent_epoch(const struct agent *a);
/* Where the stream before the one begun ended; NULL: there was none. */
const struct log_head *agent_previous(const struct agent *a);
/* "vedette-key/v1 STREAM EPOCH KEY\n" of the key in force: to be given to those who verify. */
void agent_key_line(const struct agent *a, struct buf *out);
void agent_public_key(const struct agent *a, uint8_t ret_public[static CRYPTO_PUBLIC]);

/* A copy of the key in force, for the signer. 0 or -ENOMEM. */
int agent_key(const struct agent *a, struct crypto_key **ret) MUST_CHECK;

/*
 * From now on a thread writes the agent's file: agent_roll and agent_settle say -EINPROGRESS, and the same call again later what became of it. Until
 * agent_stop_writer, which waits for it. 0 or -errno.
 */
int agent_start_writer(struct agent *a) MUST_CHECK;
void agent_stop_writer(struct agent *a);

/* A next key that is on the disk: its copy. 0, -EBUSY while the roll before is not settled, or -errno of the disk: then there is none. */
int agent_roll(struct agent *a, struct crypto_key **ret) MUST_CHECK;
/* The record that names the key of agent_roll is signed: that key is in force. */
void agent_named(struct agent *a);
/*
 * All of the log up to head is on the disk: only the key in force stays there, with the head. 0 or -errno: it may be tried again, and no other key
 * takes over before.
 */
int agent_settle(struct agent *a, const struct log_head *head) MUST_CHECK;
bool agent_is_unsettled(const struct agent *a);
