/* SPDX-License-Identifier: Apache-2.0 */
/* What engine/state found, in the words of an alert. */
#pragma once

#include "alerts/alert.h"
#include "engine/state/state.h"

struct correlation {
	struct alert_correlation info;
	struct alert_other others[STATE_MAX_OTHERS];
	struct buf text; /* owned; of the keys; does not move */
};

int correlation_init(struct correlation *c) MUST_CHECK;
void correlation_done(struct correlation *c);

/* Fills info, which points into c and the alert. Allocates nothing. */
void correlation_make(struct correlation *c, struct state *state, const struct state_alert *alert);
