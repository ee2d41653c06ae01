/* SPDX-License-Identifier: Apache-2.0 */
/* Small signed logs, made by the real renderer and signer with keys that are the same in every run. */
#pragma once

#include "engine/base/buf.h"

enum { SAMPLE_MAX_LINES = 600 };

struct sample_log {
	struct buf text;      /* the log */
	struct buf key_line;  /* what verifiers take */
	struct strview line[SAMPLE_MAX_LINES]; /* without line ends */
	size_t n;
};

/* What no agent does, though it is signed with its keys. */
enum sample_wrong {
	SAMPLE_RIGHT,
	SAMPLE_OLD_KEY,     /* the key goes on that has named another */
	SAMPLE_EARLY_ROLL,  /* a record that names a key is not the last of its batch */
	SAMPLE_NO_OPEN,     /* there is no open record */
	SAMPLE_MORE_OPEN,   /* the first record of each batch is one */
	SAMPLE_NO_PAST,     /* the next stream names none before it */
	SAMPLE_OTHER_CLOSE, /* it says of the close record the contrary */
	SAMPLE_WRONGS,
};

struct sample_spec {
	unsigned stream;       /* 0, 1, ...: other streams, other keys */
	const size_t *batches; /* records in each batch, ended by 0; the first is the open record, the last a close record */
	bool is_open_ended;    /* the last is a heartbeat instead */
	uint64_t rolls;        /* bit N: batch N ends with a record that names another key */
	const size_t *again;   /* the same of the agent's next stream; NULL: there is none. is_open_ended is about the first then */
	uint64_t rolls_again;
	bool forgets;          /* the next stream names the place behind the last roll of the first as its end */
	uint8_t key;           /* another key for the same stream */
	unsigned content;      /* other content at the same places */
	enum sample_wrong wrong;
	size_t max_bytes;      /* of the whole log; 0: as any buffer */
};

/* 0 or a negative errno. */
int sample_log_make(const struct sample_spec *spec, struct sample_log *ret) MUST_CHECK;
void sample_log_done(struct sample_log *log);
