/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judges lines one by one as a collector gets them, of many agents, mixed: each by its own signature, and by where it stands behind those of its
 * stream that came before. What `verifier` (verify.h) refuses for good, this one only names, and goes on. Threads may share one.
 *
 * A signature is checked once for all lines under it. Keys begin with those given; a verified record that names the next key brings that in, if none is
 * known for its number. Memory is bounded by the agents of the key file.
 */
#pragma once

#include "alerts/verify.h"

enum line_order {
	LINE_FIRST,  /* of its agent, since the start: nothing is known of what was just before */
	LINE_NEXT,   /* behind the one before it */
	LINE_GAP,    /* records before it have not come */
	LINE_AGAIN,  /* its place was passed: it came before, or late, or is an old one played back */
	LINE_BROKEN, /* good by itself, but the stream has another past than it says, or ended: two histories were signed; or it stands where no agent puts it */
	LINE_ORDERS,
};
const char *line_order_text(enum line_order order) PURE;

struct line_verdict {
	enum verify_fault fault; /* VERIFY_OK, VERIFY_NOT_A_RECORD, VERIFY_EDITED or VERIFY_WRONG_KEY: no key is known; of the rest only of VERIFY_OK */
	struct strview agent;    /* whose record it is; in the line */
	enum line_order order;
	uint64_t missing;        /* LINE_GAP: how many, at least */
	bool has_new_key;        /* it named a key that was not known: line_judge_save has it */
};

struct line_judge;

/* Keys are copied; crypto_init must have been called. 0 or -ENOMEM. */
int line_judge_new(const struct verify_keys *keys, struct line_judge **ret) MUST_CHECK;
void line_judge_free(struct line_judge **j);
/* A line without its line end. */
void line_judge(struct line_judge *j, struct strview line, struct line_verdict *ret);

/* --- what outlasts a judge: line_judge_state.c ------------------------------------------------------------------------------------ */

enum {
	LINE_KEYS_KEPT = 8,                  /* of each agent, the latest that records named */
	LINE_STATE_MAX = 32 * 1024 * 1024,   /* bytes of a text: of VERIFY_KEYS_MAX agents */
};
/*
 * Appends the keys that records named, as lines of a key file, and behind # where each agent's last record stood. is_end: no line will be judged after
 * this, so that whoever loads it can tell what is missing; else it takes it for the least that came. The buffer may grow to LINE_STATE_MAX.
 */
void line_judge_save(struct line_judge *j, bool is_end, struct buf *out);
/*
 * Takes what line_judge_save gave: keys that are newer than those that records named here, and places of agents of which no record has come yet. Those of
 * agents without a key of their own are passed over: who is believed, the key file says. 0, or -EINVAL with the line that is none.
 */
int line_judge_load(struct line_judge *j, const char *name, struct strview text, struct diag *diag) MUST_CHECK;
