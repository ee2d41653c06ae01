/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/args.h"

#include <errno.h>
#include <sys/stat.h>

#include "alerts/alert.h"
#include "engine/base/num.h"

int args_severity(const char *text)
{
	for (int s = 0; s < SEVERITY_COUNT; s++)
		if (strcmp(text, severity_text((enum severity)s)) == 0)
			return s;
	return -1;
}

int args_sensor(const char *text, enum sensor_mode *ret)
{
	if (strcmp(text, "auto") == 0)
		*ret = SENSOR_NONE;
	else if (strcmp(text, "lsm") == 0)
		*ret = SENSOR_LSM;
	else if (strcmp(text, "tracepoint") == 0)
		*ret = SENSOR_TRACEPOINT;
	else
		return -EINVAL;
	return 0;
}

int args_ring(const char *text, uint64_t *ret_bytes)
{
	uint64_t n;
	if (num_parse_size(sv_from(text), &n) || n < 4096 || n > 1 << 30 || (n & (n - 1)))
		return -EINVAL;
	*ret_bytes = n;
	return 0;
}

bool args_is_file(const char *text)
{
	return text[0] && (text[0] != '-' || !text[1]);
}

bool args_is_rules(const char *text)
{
	struct stat st;
	if (sv_ends(sv_from(text), SV(".yaml")) || sv_ends(sv_from(text), SV(".yml")))
		return true;
	return stat(text, &st) == 0 && S_ISDIR(st.st_mode);
}
