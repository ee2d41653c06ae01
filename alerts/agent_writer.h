/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the agent's file in a thread of its own, one state at a time: who signs never waits for the disk. */
#pragma once

#include "alerts/agent_file.h"

struct agent_writer;

/* The folder is borrowed for its life. 0 or -errno. */
int agent_writer_new(int folder_fd, const struct agent_file_steps *steps, struct agent_writer **ret) MUST_CHECK;
/* Waits for what is under way. */
void agent_writer_free(struct agent_writer **w);
/* Takes a copy of the state. 0, -ENOMEM, or -EBUSY: the one before is under way, or its result was not taken. */
int agent_writer_put(struct agent_writer *w, const struct agent_state *state) MUST_CHECK;
/* -EINPROGRESS; or, once, what became of the state that was put. */
int agent_writer_take(struct agent_writer *w) MUST_CHECK;
/* The same, when it is there. */
int agent_writer_wait(struct agent_writer *w) MUST_CHECK;
