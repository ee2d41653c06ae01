/* SPDX-License-Identifier: Apache-2.0 */
/* `vedette reload`: has a running daemon load its rules anew, and says what became of it. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "engine/daemon/answer.h"
#include "engine/daemon/args.h"
#include "engine/daemon/commands.h"
#include "engine/daemon/control.h"

static const char usage[] =
	"usage: vedette reload [--json] [--control PATH]\n"
	"Has a running daemon read its configuration's `rules` and load them anew; waits until they are in force, or refused. Rules that are\n"
	"refused change nothing. SIGHUP to the daemon does the same, without an answer.\n"
	"\n"
	"  -c, --control PATH   the daemon's control socket (default: /run/vedette/control.sock)\n"
	"  -j, --json           the daemon's answer as it is\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 the new rules are in force; 1 they were refused, or the daemon does not answer; 2 wrong use.\n";

int cmd_reload(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "control", required_argument, NULL, 'c' }, { "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	const char *path = CONTROL_DEFAULT_PATH;
	bool json = false;
	int c;
	while ((c = args_next("reload", argc, argv, "c:jh", long_options)) != -1) {
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_FINE;
		default:
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		fputs("vedette reload: too many arguments; see vedette reload --help\n", stderr);
		return EXIT_USAGE;
	}
	static const char who[] = "vedette reload";
	CLEANUP(answer_done) struct answer a = { 0 };
	int status = answer_ask(who, path, SV("{\"command\":\"reload\"}"), &a);
	if (status)
		return status;
	if (json)
		return answer_print(&a);
	if (!answer_show_problems(who, &a, "", ""))
		return EXIT_FAILED;
	const char *rules = answer_text(a.root, "rules");
	printf("%s %s in force (before: %s), after %s ms; digest %s\n", rules, strcmp(rules, "1") == 0 ? "rule is" : "rules are", answer_text(a.root, "from_rules"),
	       answer_text(a.root, "milliseconds"), answer_text(a.root, "digest"));
	return EXIT_FINE;
}
