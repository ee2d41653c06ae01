/* SPDX-License-Identifier: Apache-2.0 */
/* The program: finds the subcommand and runs it. */
#include <stdio.h>
#include <string.h>

#include "engine/base/attr.h"
#include "engine/daemon/commands.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *doc;
} commands[] = {
	{ "check", cmd_check, "load rules and report every problem" },
	{ "test", cmd_test, "run the cases that stand with the rules" },
	{ "fields", cmd_fields, "list the events and fields that rules may use" },
	{ "verify", cmd_verify, "prove or refute a log of alerts" },
};

static void usage(FILE *to)
{
	fprintf(to, "usage: vedette COMMAND [OPTION...] [ARGUMENT...]\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].doc);
	fprintf(to, "\n'vedette COMMAND --help' tells more. 'vedette --version' prints the version.\n");
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		usage(stdout);
		return EXIT_FINE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("vedette %s\n", VEDETTE_VERSION);
		return EXIT_FINE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "vedette: unknown command '%s'; try 'vedette --help'\n", argv[1]);
	return EXIT_USAGE;
}
