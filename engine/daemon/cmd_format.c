/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vedette format`: a signed log in another format. Other formats prove nothing, so a line is verified before it is converted, and the first
 * that is not as it was signed ends it.
 */
#include "engine/daemon/commands.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "alerts/format.h"
#include "alerts/verify.h"
#include "engine/base/num.h"
#include "engine/daemon/args.h"
#include "engine/daemon/logfiles.h"
#include "engine/daemon/say.h"

enum { MAX_LIMIT = 16 * 1024 * 1024 };

struct format_run {
	enum format format;
	uint64_t max_bytes;
	const char *key_file;      /* NULL: nothing is verified */
	bool is_unverified;
	const char *file;          /* at hand */
	uint64_t lines;            /* of it */
	uint64_t too_long;         /* of all files */
	struct verifier *verifier; /* of the log at hand; owned; NULL: nothing is verified */
	struct buf out;
};

static void usage(FILE *to)
{
	fputs("usage: vedette format --to FORMAT --key KEYS [--from-middle] [--max BYTES] PATH...\n"
	      "       vedette format --to FORMAT --unverified [--max BYTES] PATH...\n"
	      "\n"
	      "Prints a signed log in another format, a line for each record. PATH: a file, a folder of them, or - for standard input. What is printed\n"
	      "proves nothing any more, so each line is verified first; the first that is not as it was signed ends it with status 1.\n"
	      "\n",
	      to);
	for (int f = 0; f < FORMAT_COUNT; f++)
		fprintf(to, "  --to %-10s %s\n", format_name((enum format)f), format_doc((enum format)f));
	fputs("  --key KEYS      file with the public keys, as for vedette verify\n"
	      "  --from-middle   the log may begin within a stream\n"
	      "  --unverified    do not ask who signed the lines\n"
	      "  --max BYTES     longest line, at least 8KiB: the copy of the native line is left out, then long values are cut, which the line tells\n"
	      "\n"
	      "Exit status: 0 all is printed, 1 a line did not verify, is no record or is too long, 2 usage.\n",
	      to);
}

static int take_line(void *context, struct strview line)
{
	struct format_run *run = context;
	run->lines++;
	enum verify_fault fault = run->verifier ? verifier_line(run->verifier, line) : VERIFY_OK;
	if (fault) {
		fprintf(stderr, "vedette format: %s:%llu: %s: %s\n", run->file, (unsigned long long)run->lines, verify_fault_text(fault),
			verifier_explain(run->verifier));
		return -EKEYREJECTED;
	}
	buf_reset(&run->out);
	int r = format_convert(run->format, line, run->max_bytes, &run->out);
	if (r == -EMSGSIZE) {
		fprintf(stderr, "vedette format: %s:%llu: does not fit %llu bytes, and is left out\n", run->file, (unsigned long long)run->lines,
			(unsigned long long)run->max_bytes);
		run->too_long++;
		return 0;
	}
	if (r) {
		fprintf(stderr, "vedette format: %s:%llu: %s\n", run->file, (unsigned long long)run->lines, r == -EBADMSG ? "is no record" : strerror(-r));
		return r;
	}
	buf_add_char(&run->out, '\n');
	if (buf_error(&run->out) || fwrite(run->out.p, 1, run->out.n, stdout) != run->out.n)
		return -EIO;
	return 0;
}

/* The reader ends at a line that is not taken, without an error of its own: what became of that line stands in `worst`. */
struct reading {
	struct format_run *run;
	int worst;
};

static int read_line(void *context, struct strview line)
{
	struct reading *reading = context;
	reading->worst = take_line(reading->run, line);
	return reading->worst;
}

static int print_file(struct format_run *run)
{
	struct reading reading = { .run = run };
	size_t torn_bytes = 0;
	run->lines = 0;
	int r = logfile_read(run->file, read_line, &reading, &torn_bytes);
	if (reading.worst)
		return reading.worst;
	if (r)
		fprintf(stderr, "vedette format: %s: cannot be read: %s\n", run->file, strerror(-r));
	else if (torn_bytes)
		fprintf(stderr, "vedette format: %s: the last line is torn and left out: %zu bytes without a line end\n", run->file, torn_bytes);
	return r;
}

/* Files of one agent are one log. */
static int print_files(struct format_run *run, const struct logfiles *files, const struct verify_keys *keys, const struct verify_options *options)
{
	int r = 0;
	for (size_t i = 0; !r && i < files->n; i++) {
		if (i == 0 || logfiles_begins_log(files, i)) {
			verifier_free(&run->verifier);
			r = run->is_unverified ? 0 : verifier_new(keys, options, &run->verifier);
		}
		run->file = files->file[i].path;
		if (!r)
			r = print_file(run);
	}
	verifier_free(&run->verifier);
	return r;
}

static int format_paths(struct format_run *run, char *const *paths, size_t n, const struct verify_options *options)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
	CLEANUP(logfiles_done) struct logfiles files = { 0 };
	int r = run->is_unverified ? 0 : verify_keys_read(run->key_file, &keys, &diag);
	if (!r)
		r = logfiles_find(paths, n, &files, &diag);
	say_diag(&diag);
	logfiles_say_passed(&files);
	if (!r)
		r = print_files(run, &files, &keys, options);
	if (fflush(stdout) || ferror(stdout)) {
		fputs("vedette format: standard output cannot be written\n", stderr);
		return 1;
	}
	return r || run->too_long ? 1 : 0;
}

static int read_format(const char *text, enum format *ret)
{
	if (format_find(sv_from(text), ret) == 0)
		return 0;
	fprintf(stderr, "vedette format: --to '%s' is no format: expected", text);
	for (int f = 0; f < FORMAT_COUNT; f++)
		fprintf(stderr, "%s%s", f == 0 ? " " : f + 1 < FORMAT_COUNT ? ", " : " or ", format_name((enum format)f));
	fputc('\n', stderr);
	return -EINVAL;
}

static int read_max(const char *text, uint64_t *ret)
{
	if (num_parse_size(sv_from(text), ret) == 0 && *ret >= FORMAT_LEAST_BYTES && *ret <= MAX_LIMIT)
		return 0;
	fprintf(stderr, "vedette format: --max '%s': expected a size from 8KiB to 16MiB\n", text);
	return -EINVAL;
}

/* What is wrong with the options together; NULL: nothing. */
static const char *find_fault(const struct format_run *run, bool has_format, bool from_middle, bool has_path)
{
	if (!has_format)
		return "--to FORMAT is missing";
	if (!run->key_file && !run->is_unverified)
		return "--key KEYS is missing: what is printed can be verified no more, so the log is verified first; or say --unverified";
	if (run->key_file && run->is_unverified)
		return "--key and --unverified exclude one another";
	if (from_middle && run->is_unverified)
		return "--from-middle is about verifying, and --unverified does not";
	return has_path ? NULL : "a PATH is needed";
}

int cmd_format(int argc, char **argv)
{
	static const struct option options[] = {
		{ "to", required_argument, NULL, 't' },  { "key", required_argument, NULL, 'k' }, { "from-middle", no_argument, NULL, 'm' },
		{ "unverified", no_argument, NULL, 'u' }, { "max", required_argument, NULL, 'M' }, { "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct format_run run = { .format = FORMAT_NATIVE };
	struct verify_options verify_options = { 0 };
	bool has_format = false;
	optind = 0; /* main may have used getopt */
	for (int c; (c = args_next("format", argc, argv, "t:k:h", options)) != -1;) {
		switch (c) {
		case 't':
			has_format = true;
			if (read_format(optarg, &run.format))
				return 2;
			break;
		case 'k':
			run.key_file = optarg;
			break;
		case 'm':
			verify_options.from_middle = true;
			break;
		case 'u':
			run.is_unverified = true;
			break;
		case 'M':
			if (read_max(optarg, &run.max_bytes))
				return 2;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			return 2;
		}
	}
	const char *fault = find_fault(&run, has_format, verify_options.from_middle, optind < argc);
	if (fault) {
		fprintf(stderr, "vedette format: %s; see vedette format --help\n", fault);
		return 2;
	}
	if (crypto_init())
		return 1;
	int status = format_paths(&run, argv + optind, (size_t)(argc - optind), &verify_options);
	buf_done(&run.out);
	return status;
}
