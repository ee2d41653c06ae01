/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a signed log, with its public key beside it. */
#pragma once

#include "alerts/stream.h"

struct log_options {
	const char *file;     /* "-": standard output */
	const char *key_file; /* "": file with ".pub" */
	uint64_t queue_bytes;
	struct outlet *outlet; /* of a log that goes on where it ended; taken over; NULL: the file itself, begun anew */
	struct agent *agent;  /* borrowed for the stream's life; NULL: its key lives as long as the stream */
};

/* 0 or -errno with the reason in diag. Nothing is written to the log yet, but the key is. */
int log_open(const struct log_options *options, const struct identity *identity, struct stream **ret, struct diag *diag) MUST_CHECK;
