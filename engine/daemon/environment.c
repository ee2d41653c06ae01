/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/environment.h"

#include <string.h>

/* False: there is no room. */
static bool add(struct environment *e, const char *name)
{
	for (size_t i = 0; i < e->n; i++)
		if (strcmp(e->names[i], name) == 0)
			return true;
	if (e->n == SENSOR_MAX_ENV_NAMES)
		return false;
	e->names[e->n++] = name;
	return true;
}

void environment_fill(struct environment *e, const char *const *configured, const struct ruleset *rules, struct diag *diag)
{
	*e = (struct environment){ 0 };
	size_t n, left_out = 0;
	for (size_t i = 0; configured && configured[i]; i++)
		IGNORE(add(e, configured[i])); /* the configuration holds no more than there is room for */
	e->n_configured = e->n;
	const char *const *named = ruleset_env_names(rules, &n, &left_out);
	for (size_t i = 0; i < n; i++)
		left_out += !add(e, named[i]);
	if (left_out)
		diag_warn(diag, (struct place){ 0 }, "%zu environment variables that rules name are not kept: there is room for %d", left_out,
			     SENSOR_MAX_ENV_NAMES);
}
