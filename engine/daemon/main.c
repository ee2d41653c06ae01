/* SPDX-License-Identifier: Apache-2.0 */
/* The program: finds the subcommand and runs it. */
#include <stdio.h>
#include <string.h>

#include "engine/base/attr.h"
#include "engine/daemon/commands.h"

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = {
		{ "verify", cmd_verify },
	};
	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "vedette: %s\nusage: vedette", argc > 1 ? "unknown command" : "no command");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(stderr, "%s%s", i ? "|" : " ", commands[i].name);
	fputs(" ...\n", stderr);
	return 2;
}
