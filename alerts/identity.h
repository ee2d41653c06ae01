/* SPDX-License-Identifier: Apache-2.0 */
/* Who speaks: the agent, its stream, the host and its boot. Fixed for a stream's life. */
#pragma once

#include "engine/base/diag.h"

enum {
	IDENTITY_UUID = 36,
	STREAM_NAME_MAX = 64, /* agent id, "/", decimal incarnation */
};

struct identity {
	char agent_id[IDENTITY_UUID + 1];
	char stream[STREAM_NAME_MAX + 1]; /* agent_id "/" incarnation */
	char host_id[64 + 1];
	char host_name[255 + 1];
	char boot_id[IDENTITY_UUID + 1];
	char kernel[64 + 1]; /* its release; "": not known */
};

/*
 * Reads the host's part from the system and gives the agent a fresh random id, incarnation 0: right for one run that keeps no
 * state. What the host does not tell is "unknown"; that is warned of in diag. 0 or -EIO.
 */
int identity_gather(struct identity *ret, struct diag *diag) MUST_CHECK;

/* A random UUID, version 4, with its NUL. Needs crypto_init. */
void identity_make_uuid(char into[static IDENTITY_UUID + 1]);
