/* SPDX-License-Identifier: Apache-2.0 */
/* Which environment variables exec events keep: those of the configuration, then those that the rules in force name. */
#pragma once

#include "engine/probe/sensor.h"
#include "engine/rules/ruleset.h"

/* Borrowed from the configuration and the rules; NULL-terminated. */
struct environment {
	const char *names[SENSOR_MAX_ENV_NAMES + 1];
	size_t n, n_configured;
};

/* What there is no room for is left out and warned of. configured: NULL-terminated, or NULL. */
void environment_fill(struct environment *e, const char *const *configured, const struct ruleset *rules, struct diag *diag);
