/* SPDX-License-Identifier: Apache-2.0 */
/* The program: finds the subcommand and runs it. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/attr.h"
#include "engine/base/diag.h"
#include "engine/base/strview.h"
#include "engine/daemon/commands.h"

static const struct command {
	const char *name, *what;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "run", "watch one command and its descendants", cmd_run },
	{ "daemon", "watch the host, by a configuration file", cmd_daemon },
	{ "status", "how a running daemon fares", cmd_status },
	{ "reload", "have a running daemon load its rules anew", cmd_reload },
	{ "policy", "apply policies to a running daemon, with a way back", cmd_policy },
	{ "protect", "let others at a protected daemon for a time", cmd_protect },
	{ "stop", "end a running daemon", cmd_stop },
	{ "release", "take away what a daemon that is gone left in force", cmd_release },
	{ "check", "check rule files", cmd_check },
	{ "test", "run the cases of rule files", cmd_test },
	{ "explain", "why a rule fires on an event, or does not", cmd_explain },
	{ "fields", "events and fields that rules can use", cmd_fields },
	{ "convert", "rules of Falco and Sigma as rules of our own", cmd_convert },
	{ "record", "write events to a tape", cmd_record },
	{ "replay", "ask rules about a tape", cmd_replay },
	{ "verify", "prove or refute a signed log", cmd_verify },
	{ "keys", "make, show or change the key that an agent signs with", cmd_keys },
	{ "receipt", "sign where a collected log ends", cmd_receipt },
	{ "audit", "what signed logs show of a time, for auditors", cmd_audit },
	{ "format", "a signed log as OCSF, CEF, LEEF, Falco, OTLP", cmd_format },
};

static void print_usage(FILE *to)
{
	fputs("usage: vedette COMMAND [OPTION]...\n\n", to);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].what);
	fputs("\nvedette COMMAND --help tells more; vedette --version names the version.\n", to);
}

static int unknown(const char *name)
{
	const char *names[ARRAY_SIZE(commands)];
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		names[i] = commands[i].name;
	const char *near = diag_suggest(sv_from(name), names, ARRAY_SIZE(commands));
	fprintf(stderr, "vedette: no command '%s'%s%s%s; see vedette --help\n", name, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
	return 2;
}

/*
 * A closed standard descriptor would be the next file that is opened, and messages would go into it. Standard output, which somebody may want to
 * have read, cannot be written to then: what is put there fails, and does not vanish.
 */
static void open_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR) < 0)
			_exit(2);
}

int main(int argc, char **argv)
{
	open_standard_descriptors();
	if (argc < 2) {
		print_usage(stderr);
		return 2;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		print_usage(stdout);
		return 0;
	}
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "version") == 0) {
		puts("vedette " VEDETTE_VERSION);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		if (argc == 3 && strcmp(argv[2], "--version") == 0) {
			puts("vedette " VEDETTE_VERSION);
			return 0;
		}
		return commands[i].run(argc - 1, argv + 1);
	}
	return unknown(argv[1]);
}
