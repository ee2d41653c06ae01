/* SPDX-License-Identifier: Apache-2.0 */
/* `vedette reload`: has a running daemon load its rules anew, and says what became of it. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/yaml.h"
#include "engine/daemon/cmd_rules.h"
#include "engine/daemon/commands.h"
#include "engine/daemon/control.h"
#include "engine/daemon/say.h"

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

static const char *text_of(const struct yaml_node *map, const char *key)
{
	const struct yaml_node *n = yaml_get(map, key);
	return n && n->type == YAML_SCALAR ? n->text.p : "";
}

static void show_problem(const struct yaml_node *problem)
{
	const char *file = text_of(problem, "file"), *line = text_of(problem, "line"), *column = text_of(problem, "column");
	bool has_line = line[0] && strcmp(line, "0") != 0, has_column = column[0] && strcmp(column, "0") != 0;
	bool is_warning = strcmp(text_of(problem, "level"), "warning") == 0;
	fprintf(stderr, "%s%s%s%s%s: %s%s\n", file[0] ? file : "vedette", has_line ? ":" : "", has_line ? line : "", has_column ? ":" : "",
		has_column ? column : "", is_warning ? "warning: " : "", text_of(problem, "text"));
}

static int show(const struct yaml_node *answer)
{
	bool is_good = strcmp(text_of(answer, "ok"), "true") == 0;
	const struct yaml_node *problems = yaml_get(answer, "problems");
	for (const struct yaml_node *p = problems && problems->type == YAML_LIST ? problems->first : NULL; p; p = p->next)
		show_problem(p);
	if (!is_good) {
		fprintf(stderr, "vedette reload: %s\n", text_of(answer, "error"));
		return EXIT_FAILED;
	}
	printf("%s rules are in force (before: %s), after %s ms; digest %s\n", text_of(answer, "rules"), text_of(answer, "from_rules"),
	       text_of(answer, "milliseconds"), text_of(answer, "digest"));
	return EXIT_FINE;
}

int cmd_reload(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "control", required_argument, NULL, 'c' }, { "json", no_argument, NULL, 'j' }, { "help", no_argument, NULL, 'h' }, { NULL, 0, NULL, 0 },
	};
	const char *path = CONTROL_DEFAULT_PATH;
	bool json = false;
	int c;
	while ((c = getopt_long(argc, argv, "c:jh", long_options, NULL)) != -1) {
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
	CLEANUP(buf_done) struct buf answer = { 0 };
	CLEANUP(yaml_tree_free) struct yaml_tree *tree = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	int err = control_ask(path, "reload", CONTROL_ASK_S, &answer, &diag);
	say_result(err, &diag);
	if (err)
		return EXIT_FAILED;
	/* JSON is YAML: the tree reader serves */
	if (yaml_parse(path, buf_sv(&answer), &tree, NULL) || !yaml_root(tree)->first || yaml_root(tree)->first->type != YAML_MAP) {
		fprintf(stderr, "vedette reload: %s: the answer makes no sense\n", path);
		return EXIT_FAILED;
	}
	if (!json)
		return show(yaml_root(tree)->first);
	bool is_good = strcmp(text_of(yaml_root(tree)->first, "ok"), "true") == 0;
	return output_write(&answer) || !is_good ? EXIT_FAILED : EXIT_FINE;
}
