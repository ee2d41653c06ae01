/* SPDX-License-Identifier: Apache-2.0 */
/* The file 'agent' in the agent's folder: read whole, replaced whole. */
#pragma once

#include "alerts/agent.h"

struct agent_state {
	char id[IDENTITY_UUID + 1];
	uint64_t incarnation;   /* of the last stream; 0: there was none */
	uint64_t epoch;         /* of key */
	struct crypto_key *key;  /* owned */
	struct crypto_key *next; /* owned; NULL: no roll is under way */
	struct log_head head;   /* where the log ended when the file was written */
};
void agent_state_done(struct agent_state *s);

struct agent_file_steps {
	int (*on_step)(void *context, enum agent_step step);
	void *context;
};

enum { AGENT_FILE_MAX = 1024 };

/* 0, -ENOENT, -EBADMSG when it is damaged, or -errno. A copy that was never put in place is wiped. */
int agent_file_read(int folder_fd, struct agent_state *ret) MUST_CHECK;
/* The text of the file. 0, -EBADMSG or -ENOMEM. */
int agent_file_parse(struct strview text, struct agent_state *ret) MUST_CHECK;
/*
 * 0: it is on the disk, and what it replaces is overwritten there, as far as the file system writes in place. -errno: the file is as it was, or,
 * when the very last step failed, perhaps this one.
 */
int agent_file_write(int folder_fd, const struct agent_state *state, const struct agent_file_steps *steps) MUST_CHECK;
