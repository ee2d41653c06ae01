/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by check and test. */
#include "engine/daemon/cmd_rules.h"

#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/daemon/args.h"
#include "engine/daemon/commands.h"

void rules_options_done(struct rules_options *options)
{
	free(options->paths);
	*options = (struct rules_options){ 0 };
}

int rules_options_read(int argc, char **argv, const char *help, const char *const own[2], struct rules_options *ret)
{
	const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "rules", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ "quiet", no_argument, NULL, 'q' },
		{ own[0], no_argument, NULL, 'm' }, /* NULL: the list ends here */
		{ own[0] ? own[1] : NULL, no_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	CLEANUP(rules_options_done) struct rules_options read = { .paths = calloc((size_t)argc, sizeof(*read.paths)) };
	if (!read.paths)
		return EXIT_FAILED;
	optind = 0; /* starts afresh: another command may have used it */
	for (int c; (c = args_next(argv[0], argc, argv, "hqr:", options)) != -1;) {
		switch (c) {
		case 'j':
			read.json = true;
			break;
		case 'r':
			read.paths[read.n_paths++] = optarg;
			break;
		case 'q':
			read.is_quiet = true;
			break;
		case 'm':
			read.more = true;
			break;
		case 'o':
			read.other = true;
			break;
		case 'h':
			fputs(help, stdout);
			read.is_done = true;
			break;
		default:
			return EXIT_USAGE;
		}
	}
	for (int i = optind; i < argc; i++)
		read.paths[read.n_paths++] = argv[i];
	*ret = read;
	ret->paths = TAKE(read.paths);
	return 0;
}

void errors_print(FILE *to, const struct diag *diag)
{
	char line[2 * DIAG_MAX_TEXT + 4096];
	size_t n = 0;
	for (size_t i = 0; i < diag->n; i++) {
		if (diag->messages[i].level != DIAG_ERROR)
			continue;
		diag_format(&diag->messages[i], line, sizeof(line));
		fprintf(to, "%s\n", line);
		n++;
	}
	if (diag->errors > n)
		fprintf(to, "... and %zu more\n", diag->errors - n);
}

void problems_print(FILE *to, const struct diag *diag)
{
	char line[2 * DIAG_MAX_TEXT + 4096];
	for (size_t i = 0; i < diag->n; i++) {
		diag_format(&diag->messages[i], line, sizeof(line));
		fprintf(to, "%s\n", line);
	}
	size_t all = diag->errors + diag->warnings;
	if (all > diag->n)
		fprintf(to, "... and %zu more\n", all - diag->n);
}

void messages_json(struct json *j, const struct diag *diag, bool with_level)
{
	json_array_begin(j);
	for (size_t i = 0; i < diag->n; i++) {
		const struct diag_message *m = &diag->messages[i];
		json_object_begin(j);
		json_key(j, "column");
		json_u64(j, m->column);
		json_key(j, "file");
		json_str(j, sv_from(m->file ? m->file : ""));
		if (with_level) {
			json_key(j, "level");
			json_str(j, m->level == DIAG_WARNING ? SV("warning") : SV("error"));
		}
		json_key(j, "line");
		json_u64(j, m->line);
		json_key(j, "text");
		json_str(j, sv_from(m->text ? m->text : "(out of memory)"));
		json_object_end(j);
	}
	json_array_end(j);
}

void problems_json(struct json *j, const struct diag *diag)
{
	json_key(j, "problems");
	messages_json(j, diag, true);
}

void add_count(struct buf *out, size_t n, const char *word)
{
	buf_add_format(out, "%zu %s%s", n, word, n == 1 ? "" : "s");
}

void say_errors(size_t n, const char *rest)
{
	fprintf(stderr, "%zu error%s%s\n", n, n == 1 ? "" : "s", rest);
}

int output_write(struct buf *out)
{
	int err = buf_error(out);
	if (!err)
		err = fd_write_all(STDOUT_FILENO, out->p, out->n);
	if (err)
		fprintf(stderr, "vedette: cannot write the output: %s\n", strerror(-err));
	return err ? EXIT_FAILED : EXIT_FINE;
}
