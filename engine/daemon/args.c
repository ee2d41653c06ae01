/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/args.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "alerts/alert.h"
#include "engine/base/num.h"

static int misuse(const char *command, const char *option, const char *what, const char *text)
{
	fprintf(stderr, "vedette %s: %s %s '%s'; see vedette %s --help\n", command, option, what, text, command);
	return -EINVAL;
}

int args_file(const char *command, const char *option, const char *text, const char **ret)
{
	if (!text[0] || (text[0] == '-' && text[1]))
		return misuse(command, option, "needs the name of a file or socket (./-NAME for one that begins with -), not", text);
	*ret = text;
	return 0;
}

int args_sensor(const char *command, const char *text, enum sensor_mode *ret)
{
	static const struct { const char *name; enum sensor_mode mode; } modes[] = {
		{ "auto", SENSOR_NONE }, { "lsm", SENSOR_LSM }, { "tracepoint", SENSOR_TRACEPOINT },
	};
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (strcmp(text, modes[i].name) == 0) {
			*ret = modes[i].mode;
			return 0;
		}
	}
	return misuse(command, "--sensor", "is auto, lsm or tracepoint, not", text);
}

int args_ring(const char *command, const char *option, const char *text, uint64_t *ret_bytes)
{
	uint64_t n;
	if (num_parse_size(sv_from(text), &n) || n < 4096 || n > 1 << 30 || (n & (n - 1)))
		return misuse(command, option, "is a power of two from 4KiB to 1GiB, not", text);
	*ret_bytes = n;
	return 0;
}

int args_fail_on(const char *command, const char *text, int *ret)
{
	for (int s = 0; s < SEVERITY_COUNT; s++) {
		if (strcmp(text, severity_text((enum severity)s)) == 0) {
			*ret = s;
			return 0;
		}
	}
	return misuse(command, "--fail-on", "is info, low, medium, high or critical, not", text);
}

bool args_is_rules(const char *text)
{
	struct stat st;
	if (sv_ends(sv_from(text), SV(".yaml")) || sv_ends(sv_from(text), SV(".yml")))
		return true;
	return stat(text, &st) == 0 && S_ISDIR(st.st_mode);
}
