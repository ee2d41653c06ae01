/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/args.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "alerts/alert.h"
#include "engine/base/num.h"

static int misuse(const char *command, const char *option, const char *what, const char *text)
{
	fprintf(stderr, "vedette %s: %s %s '%s'; see vedette %s --help\n", command, option, what, text, command);
	return -EINVAL;
}

enum { OPTIONS_MAX = 32 };

static const struct option *long_of(const struct option *longs, int value)
{
	for (; longs->name; longs++)
		if (!longs->flag && longs->val == value)
			return longs;
	return NULL;
}

static void unknown_long(const char *command, const char *given, const struct option *longs)
{
	const char *names[OPTIONS_MAX];
	struct strview name = { given, strcspn(given, "=") }, bare = sv_from_index(name, MIN(name.n, 2));
	size_t n = 0;
	for (; longs[n].name && n < OPTIONS_MAX; n++)
		names[n] = longs[n].name;
	const char *near = diag_suggest(bare, names, n);
	fprintf(stderr, "vedette %s: no option '%.*s'%s%s%s; see vedette %s --help\n", command, (int)name.n, name.p, near ? " (did you mean '--" : "",
		near ? near : "", near ? "'?)" : "", command);
}

int args_next(const char *command, int argc, char **argv, const char *shorts, const struct option *longs)
{
	char marked[64];
	bool stops = shorts[0] == '+';
	(void)snprintf(marked, sizeof(marked), "%s:%s", stops ? "+" : "", shorts + stops); /* `:` has a missing value told apart; it fits */
	opterr = 0;
	int c = getopt_long(argc, argv, marked, longs, NULL);
	if (c != ':' && c != '?')
		return c;
	const char *given = optind > 0 && optind <= argc ? argv[optind - 1] : "";
	const struct option *option = optopt ? long_of(longs, optopt) : NULL;
	bool is_long = given[0] == '-' && given[1] == '-' && given[2];
	if (c == ':' && option)
		fprintf(stderr, "vedette %s: --%s needs a value; see vedette %s --help\n", command, option->name, command);
	else if (option && is_long)
		fprintf(stderr, "vedette %s: --%s takes no value; see vedette %s --help\n", command, option->name, command);
	else if (optopt)
		fprintf(stderr, "vedette %s: no option '-%c'; see vedette %s --help\n", command, optopt, command);
	else
		unknown_long(command, given, longs);
	return '?';
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
