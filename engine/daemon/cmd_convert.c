/* SPDX-License-Identifier: Apache-2.0 */
/* vedette convert: rules written for other programs as rules of our own format. */
#include <errno.h>
#include <getopt.h>

#include "engine/daemon/args.h"
#include "engine/daemon/cmd_rules.h"
#include "engine/daemon/commands.h"
#include "engine/import/native.h"

static const char help[] = "usage: vedette convert [--from falco|sigma] PATH...\n"
			   "\n"
			   "Loads the rules of files and folders and prints those that were written for other programs as rules of Vedette's own\n"
			   "format. They hold on the same events; lists, macros and selections are written out.\n"
			   "\n"
			   "  --from NAME   falco or sigma: only rules written for that; otherwise both\n"
			   "  --help        this text\n"
			   "\n"
			   "Exit status: 0 fine, 1 errors in the rules, or none to convert, 2 usage.\n";

struct options {
	const char *from; /* NULL: any */
	bool is_done;     /* --help was given and printed */
};

static int read_options(int argc, char **argv, struct options *ret)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	optind = 0;
	for (int c; (c = args_next("convert", argc, argv, "h", options)) != -1;) {
		if (c == 'h') {
			fputs(help, stdout);
			ret->is_done = true;
		} else if (c == 'f' && (strcmp(optarg, "falco") == 0 || strcmp(optarg, "sigma") == 0)) {
			ret->from = optarg;
		} else {
			if (c == 'f')
				fprintf(stderr, "vedette convert: --from is falco or sigma, not '%s'; see vedette convert --help\n", optarg);
			return EXIT_USAGE;
		}
	}
	if (ret->is_done || optind < argc)
		return EXIT_FINE;
	fprintf(stderr, "vedette convert: no file or folder given; try 'vedette convert --help'\n");
	return EXIT_USAGE;
}

static int convert(const struct ruleset *set, const char *from, struct diag *diag)
{
	CLEANUP(buf_done) struct buf out = { .max = 256 * 1024 * 1024 };
	size_t n = 0;
	buf_add_z(&out, "# Converted by vedette convert.\n");
	int err = native_write(set, from, &out, &n, diag);
	problems_print(stderr, diag);
	if (err) {
		fprintf(stderr, "vedette convert: %s\n", strerror(-err));
		return EXIT_FAILED;
	}
	if (n == 0) {
		fprintf(stderr, "vedette convert: no rule to convert: none was written for %s\n", from ? from : "another program");
		return EXIT_FAILED;
	}
	return output_write(&out);
}

int cmd_convert(int argc, char **argv)
{
	struct options options = { 0 };
	int status = read_options(argc, argv, &options);
	if (status || options.is_done)
		return status;
	CLEANUP(ruleset_free) struct ruleset *set = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	if (ruleset_load((const char *const *)(argv + optind), (size_t)(argc - optind), &set, &diag) == 0)
		return convert(set, options.from, &diag);
	problems_print(stderr, &diag);
	say_errors(diag.errors, "");
	return EXIT_FAILED;
}
