/* SPDX-License-Identifier: Apache-2.0 */
/* A daemon after another: what the one before left in force (enforcement.on_exit: keep) is read, and undone once our own is in force. */
#pragma once

#include "alerts/stream.h"
#include "engine/daemon/pipeline.h"
#include "engine/daemon/policy.h"
#include "engine/daemon/twins.h"
#include "engine/probe/inherited.h"
#include "engine/probe/left.h"

struct takeover {
	struct left *left;      /* NULL: nothing was there, or all is read */
	struct left_state state;
	struct left_read read;  /* records and losses of the time between */
	struct inherited *labels; /* of ancestors; NULL: nothing is known, or nobody asks any more */
	uint64_t undone_boot_ns;  /* until then they were kept; 0: they are */
	struct twins *twins;    /* NULL: none can come */
};

/* Finds what there is, and has it spare this process. 0 or -errno with the reason. */
int takeover_open(struct takeover *t, struct diag *diag) MUST_CHECK;
void takeover_done(struct takeover *t);

/* Records of before name rules by number and generation: so that they name those of this policy if they are the same, and else none. */
void takeover_number(const struct takeover *t, struct policy *policy);
/* What was known of ancestors, for the tables that are filled. 0 or -errno with the reason. */
int takeover_labels(struct takeover *t, const struct verdict_tables *now, struct diag *diag) MUST_CHECK;
/* Nobody asks for it any more. */
void takeover_labels_done(struct takeover *t);
/*
 * Ours begin to tell of what happens, and then the ones of before end, so that nothing goes untold: but for what they refuse until takeover_undo.
 * 0 or -ENOMEM.
 */
int takeover_quiet(struct takeover *t, struct sensor *ours) MUST_CHECK;
/* Whether this record of ours is about an act that was told by one of before. */
bool takeover_is_told(struct takeover *t, const struct event *ev) MUST_CHECK;
/* No record from this time on can be such a one. */
void takeover_tick(struct takeover *t, uint64_t boot_ns);
/* When our own verdicts are in force: takes away those of before. 0 or -errno with the reason. */
int takeover_undo(struct takeover *t, struct diag *diag) MUST_CHECK;
/* When the process table is filled: reads what happened in between, and says how long that was and what was lost. stream NULL: only to people. */
void takeover_read(struct takeover *t, struct pipeline *pipeline, struct stream *stream);
