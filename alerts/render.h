/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as text: one JSON object without blanks or line end, members sorted as JCS asks, made of the field table and
 * schemas/record.def. What is made here is what gets signed.
 *
 * No line passes 128 KiB: when a body would, the longest texts are cut to a common length and named in vedette.truncated. Bytes that are
 * not UTF-8 are replaced; the raw bytes of a text stand base64 in a twin member <name>_b64, lists are named in vedette.replaced.
 */
#pragma once

#include "alerts/alert.h"
#include "alerts/identity.h"

enum {
	LINE_MAX_BYTES = 131072,                      /* a sealed line with its line end */
	LINE_SIGNATURE_MAX = 1024,                    /* what sealing adds: at most 8 hashes of path, chain, signature, names */
	BODY_MAX_BYTES = LINE_MAX_BYTES - LINE_SIGNATURE_MAX,
};

struct renderer;

/* identity is copied. 0 or -ENOMEM. Nothing is allocated after this, but by the out buffers. */
int renderer_new(const struct identity *identity, struct renderer **ret) MUST_CHECK;
void renderer_free(struct renderer **r);
/* Everything by the plain way from here on, which is slower and says the same: what the quick one is compared with. */
void renderer_go_plain(struct renderer *r);

/*
 * Each appends one body (`{...}`) with the given event.sequence to out; 0, or -ENOMEM with out as it was when out has no room, or
 * -EMSGSIZE when the record fits no line though all its text is cut (cannot happen with the present tables; see test_render).
 */
int render_alert(struct renderer *r, uint64_t sequence, const struct alert *alert, struct buf *out) MUST_CHECK;
int render_event(struct renderer *r, uint64_t sequence, const struct event *ev, struct buf *out) MUST_CHECK;
int render_open(struct renderer *r, const struct open_info *info, const char *public_key, struct buf *out) MUST_CHECK; /* sequence 0 */
int render_heartbeat(struct renderer *r, uint64_t sequence, const struct heartbeat_info *info, const struct log_counts *counts, struct buf *out) MUST_CHECK;
int render_loss(struct renderer *r, uint64_t sequence, const struct loss_info *info, struct buf *out) MUST_CHECK;
int render_reload(struct renderer *r, uint64_t sequence, const struct reload_info *info, struct buf *out) MUST_CHECK;
int render_policy(struct renderer *r, uint64_t sequence, const struct policy_info *info, struct buf *out) MUST_CHECK;
int render_key_roll(struct renderer *r, uint64_t sequence, const struct key_roll_info *info, struct buf *out) MUST_CHECK;
int render_close(struct renderer *r, uint64_t sequence, const struct close_info *info, const struct log_counts *counts, struct buf *out) MUST_CHECK;
