/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/hooks.h"

void hooks_list(const struct sensor *sensor, struct hook_lists *ret)
{
	const struct sensor_hook *hooks = NULL;
	size_t n = sensor ? sensor_get_hooks(sensor, &hooks) : 0, attached = 0, missing = 0;
	for (size_t i = 0; i < n; i++) {
		if (hooks[i].is_attached)
			ret->attached[attached++] = hooks[i].where;
		else if (hooks[i].missing)
			ret->missing[missing++] = hooks[i].where;
	}
	ret->attached[attached] = ret->missing[missing] = NULL;
}

void hooks_warn(const struct sensor *sensor, struct diag *diag)
{
	const struct sensor_hook *hooks;
	size_t n = sensor_get_hooks(sensor, &hooks);
	for (size_t i = 0; i < n; i++)
		if (hooks[i].missing)
			diag_warn(diag, (struct place){ 0 }, "%s is missing: %s", hooks[i].where, hooks[i].missing);
}
