/* SPDX-License-Identifier: Apache-2.0 */
/* The self-test at start: a child of ours does a harmless deed that must be seen, and one that must be denied. */
#pragma once

#include "engine/probe/sensor.h"

struct canary_result {
	bool is_seen;   /* the child's exec was seen by the tracepoint programs */
	bool is_denied; /* lsm mode: its exec was denied by the LSM program */
};

/* config: the programs' settings; changed during the test, put back afterwards. */
int canary_run(struct sensor *s, struct sensor_config *config, struct canary_result *ret, struct diag *diag) MUST_CHECK;
