/* SPDX-License-Identifier: Apache-2.0 */
/* `vedette verify`: proves or refutes a signed log. Reads and reports; the judging is in alerts/verify.c. */
#include "engine/daemon/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "alerts/verify.h"
#include "engine/base/fd.h"
#include "engine/base/json.h"
#include "engine/daemon/args.h"

struct verify_run {
	const char *file;
	bool wants_complete, wants_json;
	const char *keys_out; /* NULL: not wanted */
	FILE *keys;           /* owned */
	uint64_t lines;      /* read, the bad one included */
	size_t torn_bytes;   /* behind the last line end */
	enum verify_fault fault;
	struct verifier *verifier; /* owned */
};

static void usage(FILE *to)
{
	fputs("usage: vedette verify --key KEYS [--complete] [--from-middle] [--keys-out NEW] [--json] FILE\n"
	      "\n"
	      "Checks that a log is whole and as it was signed. FILE - is standard input.\n"
	      "\n"
	      "  --key KEYS      file with the public keys, lines 'vedette-key/v1 STREAM EPOCH BASE64'\n"
	      "  --complete      fail also when the log does not end with its stream's close record\n"
	      "  --from-middle   the log may begin within a stream\n"
	      "  --keys-out NEW  write every key that the log proves into a new file: for lines alone, and for logs that begin in its middle\n"
	      "  --json          one line of JSON as the result\n"
	      "\n"
	      "Exit status: 0 verified (a log that just stops is reported as open-ended), 1 not verified, 2 usage.\n",
	      to);
}

/* --- reading ------------------------------------------------------------------------------------------------------------------------ */

/* Hands whole lines of the buffer to the verifier and keeps the rest. */
static void take_lines(struct verify_run *run, struct buf *text)
{
	size_t from = 0;
	while (!run->fault) {
		const char *end = text->n > from ? memchr(text->p + from, '\n', text->n - from) : NULL;
		if (!end)
			break;
		size_t n = (size_t)(end - text->p) - from;
		run->lines++;
		run->fault = verifier_line(run->verifier, (struct strview){ text->p + from, n });
		from += n + 1;
	}
	if (from) {
		memmove(text->p, text->p + from, text->n - from);
		text->n -= from;
	}
}

/* Reads to the end or to the first bad line; 0 or -errno. Memory: one line and one chunk. */
static int read_log(struct verify_run *run, int fd)
{
	enum { CHUNK = 65536 };
	CLEANUP(buf_done) struct buf text = { .max = VERIFY_LINE_MAX + 2 * CHUNK };
	while (!run->fault) {
		char chunk[CHUNK];
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		buf_add(&text, chunk, (size_t)n);
		if (buf_error(&text))
			return -ENOMEM;
		take_lines(run, &text);
		if (!run->fault && text.n > VERIFY_LINE_MAX) { /* refused by its length: the end need not be seen */
			run->lines++;
			run->fault = verifier_line(run->verifier, buf_sv(&text));
		}
	}
	run->torn_bytes = run->fault ? 0 : text.n;
	return 0;
}

/* --- telling ------------------------------------------------------------------------------------------------------------------------ */

enum end { END_CLOSED, END_OPEN, END_EMPTY };

static enum end end_of(const struct verify_run *run, const struct verify_result *result)
{
	if (result->records == 0)
		return END_EMPTY;
	return result->is_closed && !result->missing && !result->unclosed && !run->torn_bytes ? END_CLOSED : END_OPEN;
}

/* Why a log is open-ended. */
static void add_end_reason(struct buf *out, const struct verify_run *run, const struct verify_result *result)
{
	if (run->torn_bytes)
		buf_add_format(out, "the last line is torn: %zu bytes without a line end", run->torn_bytes);
	else if (result->missing)
		buf_add_format(out, "the last batch is not whole: %llu more records were signed with it", (unsigned long long)result->missing);
	else if (result->is_closed)
		buf_add_format(out, "%llu streams before the last one have no close record: see the gaps", (unsigned long long)result->unclosed);
	else
		buf_add_z(out, "the stream's close record is missing: the agent runs on, was killed, or the end was cut off");
}

static void print_text(const struct verify_run *run, const struct verify_result *result)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	if (run->fault) {
		buf_add_format(&out, "%s:%llu: %s: %s\n%llu records before it verified\n", run->file, (unsigned long long)run->lines,
			       verify_fault_text(run->fault), verifier_explain(run->verifier), (unsigned long long)result->records);
	} else if (end_of(run, result) == END_EMPTY) {
		buf_add_format(&out, "%s: %s\n", run->file,
			       run->torn_bytes ? "not a record: the only line is torn" : "not a record: the log is empty, and a log begins with its open record");
	} else {
		buf_add_format(&out, "verified %llu records of stream %s", (unsigned long long)result->records, result->stream);
		if (end_of(run, result) == END_CLOSED) {
			buf_add_z(&out, ", closed");
		} else {
			buf_add_format(&out, "\nopen-ended after %llu: ", (unsigned long long)result->records);
			add_end_reason(&out, run, result);
		}
		buf_add_char(&out, '\n');
	}
	fputs(buf_cstr(&out), stdout);
}

static void print_json(const struct verify_run *run, const struct verify_result *result)
{
	static const char *const ends[] = { [END_CLOSED] = "verified", [END_OPEN] = "open-ended", [END_EMPTY] = "bad" };
	CLEANUP(buf_done) struct buf out = { 0 };
	CLEANUP(buf_done) struct buf detail = { 0 };
	enum end end = end_of(run, result);
	struct json j;
	if (!run->fault && end == END_OPEN)
		add_end_reason(&detail, run, result);
	if (!run->fault && end == END_EMPTY)
		buf_add_z(&detail, run->torn_bytes ? "the only line is torn" : "the log is empty");
	json_init(&j, &out);
	json_object_begin(&j);
	if (run->fault || detail.n) {
		json_key(&j, "detail");
		json_str(&j, run->fault ? sv_from(verifier_explain(run->verifier)) : buf_sv(&detail));
	}
	if (run->fault || end == END_EMPTY) {
		json_key(&j, "fault");
		json_str(&j, sv_from(verify_fault_text(run->fault ? run->fault : VERIFY_NOT_A_RECORD)));
	}
	if (result->records) {
		json_key(&j, "epoch");
		json_u64(&j, result->epoch);
	}
	json_key(&j, "file");
	json_str(&j, sv_from(run->file));
	if (run->fault) {
		json_key(&j, "line");
		json_u64(&j, run->lines);
	}
	json_key(&j, "records");
	json_u64(&j, result->records);
	json_key(&j, "result");
	json_str(&j, sv_from(run->fault ? "bad" : ends[end]));
	json_key(&j, "stream");
	json_str(&j, sv_from(result->stream));
	json_object_end(&j);
	buf_add_char(&out, '\n');
	fputs(buf_cstr(&out), stdout);
}

static int report(const struct verify_run *run)
{
	struct verify_result result;
	verifier_result(run->verifier, &result);
	if (run->wants_json)
		print_json(run, &result);
	else
		print_text(run, &result);
	if (fflush(stdout) || ferror(stdout)) { /* a verdict that nobody gets is none */
		fprintf(stderr, "vedette verify: cannot write the output: %s\n", strerror(errno));
		return 1;
	}
	enum end end = end_of(run, &result);
	return run->fault || end == END_EMPTY || (end == END_OPEN && run->wants_complete);
}

static void print_diag(const struct diag *diag)
{
	for (size_t i = 0; i < diag->n; i++) {
		char text[DIAG_MAX_TEXT + 256];
		diag_format(&diag->messages[i], text, sizeof(text));
		fprintf(stderr, "vedette verify: %s\n", text);
	}
}

static void write_key(void *context, const struct verify_key *key)
{
	struct verify_run *run = context;
	CLEANUP(buf_done) struct buf text = { 0 };
	crypto_base64(&text, key->public_key, CRYPTO_PUBLIC);
	fprintf(run->keys, "vedette-key/v1 %s %llu %s\n", key->stream, (unsigned long long)key->epoch, buf_cstr(&text));
}

/* The keys go into a file that was not there before, so that no key is written over. */
static int open_keys(struct verify_run *run, struct verify_options *options)
{
	run->keys = fopen(run->keys_out, "wxe");
	if (!run->keys) {
		fprintf(stderr, "vedette verify: --keys-out %s: %s; name a file that is not there yet\n", run->keys_out, strerror(errno));
		return -EIO;
	}
	options->on_key = write_key;
	options->context = run;
	return 0;
}

static int close_keys(struct verify_run *run)
{
	FILE *file = TAKE(run->keys);
	bool is_bad = file && ferror(file);
	if (file && (fclose(file) || is_bad)) {
		fprintf(stderr, "vedette verify: --keys-out %s: cannot be written\n", run->keys_out);
		return 1;
	}
	return 0;
}

static int verify_file(struct verify_run *run, const char *key_file, struct verify_options *options)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
	CLEANUP(fd_close) int opened = -1;
	int fd = STDIN_FILENO;
	int r = crypto_init();
	if (!r)
		r = verify_keys_read(key_file, &keys, &diag);
	if (r) {
		print_diag(&diag);
		return 1;
	}
	if (strcmp(run->file, "-") != 0) {
		opened = open(run->file, O_RDONLY | O_CLOEXEC);
		fd = opened;
	}
	r = fd < 0 ? -errno : 0;
	if (!r && run->keys_out && open_keys(run, options))
		return 1;
	if (!r)
		r = verifier_new(&keys, options, &run->verifier);
	if (!r)
		r = read_log(run, fd);
	if (r)
		fprintf(stderr, "vedette verify: %s: cannot be read: %s\n", run->file, strerror(-r));
	int status = r ? 1 : report(run);
	verifier_free(&run->verifier);
	return close_keys(run) ? 1 : status;
}

int cmd_verify(int argc, char **argv)
{
	static const struct option options[] = {
		{ "key", required_argument, NULL, 'k' },  { "complete", no_argument, NULL, 'c' }, { "from-middle", no_argument, NULL, 'm' },
		{ "keys-out", required_argument, NULL, 'o' }, { "json", no_argument, NULL, 'j' },       { "help", no_argument, NULL, 'h' },     { 0 },
	};
	struct verify_run run = { 0 };
	struct verify_options verify_options = { 0 };
	const char *key_file = NULL;
	int opt;
	optind = 0; /* main may have used getopt */
	while ((opt = args_next("verify", argc, argv, "k:h", options)) != -1) {
		switch (opt) {
		case 'k':
			key_file = optarg;
			break;
		case 'c':
			run.wants_complete = true;
			break;
		case 'm':
			verify_options.from_middle = true;
			break;
		case 'o':
			run.keys_out = optarg;
			break;
		case 'j':
			run.wants_json = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			return 2;
		}
	}
	if (!key_file || optind + 1 != argc) {
		fputs(!key_file ? "vedette verify: --key is missing: without a key from elsewhere a log proves nothing\n" :
				  "vedette verify: exactly one FILE is needed\n", stderr);
		usage(stderr);
		return 2;
	}
	run.file = argv[optind];
	return verify_file(&run, key_file, &verify_options);
}
