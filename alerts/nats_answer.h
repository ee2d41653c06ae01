/* SPDX-License-Identifier: Apache-2.0 */
/* What JetStream says to a message: stored, or why not. It comes from the network, and nothing of it is trusted. */
#pragma once

#include <stdbool.h>

#include "alerts/http_answer.h"

struct nats_answer {
	bool is_stored;    /* now or before */
	bool is_final;     /* this message, never */
	char reason[HTTP_REASON_MAX]; /* when it is not stored */
};

/* 0, or -EBADMSG: it is no answer of JetStream. */
int nats_answer_read(struct strview text, struct nats_answer *ret) MUST_CHECK;
