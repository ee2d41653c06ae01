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
	LINE_FIRST,  /* of its agent, since the start: nothing is known of what was before */
	LINE_NEXT,   /* behind the one before it */
	LINE_GAP,    /* records before it have not come */
	LINE_AGAIN,  /* its place was passed: it came before, or late, or is an old one played back */
	LINE_BROKEN, /* good by itself, but the stream has another past than it says, or ended: two histories were signed */
	LINE_ORDERS,
};
const char *line_order_text(enum line_order order) PURE;

struct line_verdict {
	enum verify_fault fault; /* VERIFY_OK, VERIFY_NOT_A_RECORD, VERIFY_EDITED or VERIFY_WRONG_KEY: no key is known; of the rest only of VERIFY_OK */
	enum line_order order;
	uint64_t missing;        /* LINE_GAP: how many, at least */
	bool has_new_key;        /* it named a key that was not known: line_judge_keys has it */
};

struct line_judge;

/* Keys are copied; crypto_init must have been called. 0 or -ENOMEM. */
int line_judge_new(const struct verify_keys *keys, struct line_judge **ret) MUST_CHECK;
void line_judge_free(struct line_judge **j);
/* Keys that line_judge_keys gave before the last end. Those of agents without a key of their own are passed over: who is believed, the key file says. */
void line_judge_add_keys(struct line_judge *j, const struct verify_keys *keys);
/* A line without its line end. */
void line_judge(struct line_judge *j, struct strview line, struct line_verdict *ret);
/* Appends the keys that records named and that are still kept, the latest LINE_KEYS_KEPT of each agent, as lines of a key file. */
enum { LINE_KEYS_KEPT = 8 };
void line_judge_keys(struct line_judge *j, struct buf *out);
