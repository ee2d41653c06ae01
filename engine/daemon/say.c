/* SPDX-License-Identifier: Apache-2.0 */
/* Words for people. */
#include "engine/daemon/say.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void say_diag(const struct diag *diag)
{
	for (size_t i = 0; i < diag->n; i++) {
		char text[DIAG_MAX_TEXT + PATH_MAX + 64];
		diag_format(&diag->messages[i], text, sizeof(text));
		fprintf(stderr, "%s%s\n", diag->messages[i].file ? "" : "vedette: ", text);
	}
	size_t all = diag->errors + diag->warnings;
	if (all > diag->n)
		fprintf(stderr, "vedette: and %zu more\n", all - diag->n);
}

void say_result(int err, const struct diag *diag)
{
	say_diag(diag);
	if (err && !diag->errors)
		fprintf(stderr, "vedette: %s\n", strerror(-err));
}

char *say_shipped_rules(void)
{
	const char *given = getenv("VEDETTE_RULES");
	if (given && given[0])
		return strdup(given);
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 32);
	if (n > 0) {
		path[n] = '\0';
		/* PREFIX/bin/vedette -> PREFIX/share/vedette/rules; build/VARIANT/vedette -> rules */
		static const char *const beside[] = { "/../share/vedette/rules", "/../../rules" };
		char *slash = strrchr(path, '/');
		for (size_t i = 0; slash && i < ARRAY_SIZE(beside); i++) {
			snprintf(slash, (size_t)(path + sizeof(path) - slash), "%s", beside[i]);
			if (access(path, R_OK) == 0)
				return realpath(path, NULL);
		}
	}
	return access(VEDETTE_RULES_DIR, R_OK) == 0 ? strdup(VEDETTE_RULES_DIR) : NULL;
}
