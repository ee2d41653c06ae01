/* SPDX-License-Identifier: Apache-2.0 */
/* `vedette verify`: proves or refutes a signed log. Reads and reports; the judging is in alerts/verify.c. */
#include "engine/daemon/commands.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/clock.h"
#include "engine/base/json.h"
#include "engine/daemon/args.h"
#include "engine/daemon/logwalk.h"

enum { GAPS_MAX = 1000 };

struct gap {
	struct verify_gap gap; /* what and stream are the copies below */
	char what[64], stream[STREAM_NAME_MAX + 1];
};

/* One agent's log, perhaps of several files. */
struct verify_run {
	bool wants_complete, wants_json;
	const char *keys_out; /* NULL: not wanted */
	FILE *keys;           /* owned */
	uint64_t since_ns, until_ns; /* of what is told; 0 and UINT64_MAX: all */
	char since[LOG_TIME_TEXT + 1], until[LOG_TIME_TEXT + 1]; /* the same as text; "": all */
	uint64_t told;       /* records in that time */
	struct gap *gaps;    /* owned; GAPS_MAX of them */
	size_t n_gaps;
	uint64_t more_gaps;
	const struct logfiles *files; /* borrowed */
	struct log_receipts receipts;
	struct logwalk walk;
};

static void usage(FILE *to)
{
	fputs("usage: vedette verify --key KEYS [--complete] [--from-middle] [--keys-out NEW] [--since TIME] [--until TIME]\n"
	      "                      [--receipt FILE]... [--receipt-key FILE] [--json] PATH...\n"
	      "\n"
	      "Checks that a log is whole and as it was signed. PATH: a file, a folder of them, or - for standard input. Several files are put in\n"
	      "the order in which they were written; each agent's are one log. Gaps are told, with cause and duration. In a folder empty files and\n"
	      "files of public keys count for nothing; what is no regular file (links, folders) is passed over, and named.\n"
	      "\n"
	      "  --key KEYS      file with the public keys, lines 'vedette-key/v1 STREAM EPOCH BASE64'\n"
	      "  --complete      fail also when the log does not end with its stream's close record, or follows a stream that is not here, or\n"
	      "                  something in a folder is passed over\n"
	      "  --from-middle   the log may begin within a stream, or behind another one of its agent\n"
	      "  --keys-out NEW  write every key that the log proves into a new file: for lines alone, and for logs that begin in its middle\n"
	      "  --since TIME    tell of what was signed from then on only, as 2026-01-31 or 2026-01-31T12:00:00Z; all is checked nevertheless\n"
	      "  --until TIME    the same up to then\n"
	      "  --receipt FILE  a collector's receipt: the log has to reach what it says\n"
	      "  --receipt-key FILE  the collector's public key\n"
	      "  --json          one line of JSON as the result, for each agent\n"
	      "\n"
	      "Exit status: 0 verified (a log that just stops is reported as open-ended), 1 not verified, 2 usage.\n",
	      to);
}

/* --- reading ------------------------------------------------------------------------------------------------------------------------ */

static void note_line(void *context, const struct logwalk *walk, struct strview line)
{
	struct verify_run *run = context;
	struct verify_result result;
	(void)line; /* was judged, and is no more than counted here */
	verifier_result(walk->verifier, &result);
	run->told += strcmp(result.last_time, run->since) >= 0 && (!run->until[0] || strcmp(result.last_time, run->until) <= 0);
}

static void note_gap(void *context, const struct verify_gap *gap)
{
	struct verify_run *run = context;
	/* the clock may have been set back meanwhile */
	uint64_t latest = MAX(gap->from_ns, gap->to_ns), earliest = gap->to_ns ? MIN(gap->from_ns, gap->to_ns) : gap->from_ns;
	if ((gap->to_ns && latest < run->since_ns) || earliest > run->until_ns)
		return;
	if (run->n_gaps == GAPS_MAX) {
		run->more_gaps++;
		return;
	}
	struct gap *g = &run->gaps[run->n_gaps++];
	*g = (struct gap){ .gap = *gap };
	(void)snprintf(g->what, sizeof(g->what), "%s", gap->what);
	(void)snprintf(g->stream, sizeof(g->stream), "%s", gap->stream); /* fits */
}

/* --- telling ------------------------------------------------------------------------------------------------------------------------ */

static void add_time(struct buf *out, uint64_t ns)
{
	if (ns)
		clock_add_rfc3339(out, ns);
	else
		buf_add_z(out, "an unknown time");
}

static void add_gap(struct buf *out, const struct gap *g)
{
	const struct verify_gap *gap = &g->gap;
	buf_add_z(out, "gap: ");
	add_time(out, gap->from_ns);
	buf_add_z(out, " to ");
	add_time(out, gap->to_ns);
	if (gap->from_ns && gap->to_ns >= gap->from_ns)
		buf_add_format(out, " (%.3f s)", (double)(gap->to_ns - gap->from_ns) / 1e9);
	buf_add_format(out, ": %s", verify_gap_text(gap->kind));
	if (gap->kind == VERIFY_GAP_LOSS)
		buf_add_format(out, " of %llu (%s)", (unsigned long long)gap->count, g->what);
	else if (gap->kind == VERIFY_GAP_UNCLEAN && gap->count)
		buf_add_format(out, ", %llu signed records are not there", (unsigned long long)gap->count);
	else if (g->what[0])
		buf_add_format(out, " (%s)", g->what);
	buf_add_format(out, ", stream %s at %llu\n", g->stream, (unsigned long long)gap->next);
}

static void add_details(struct buf *out, const struct verify_run *run)
{
	if (run->since[0] || run->until[0])
		buf_add_format(out, "in that time: %llu records, %llu gaps\n", (unsigned long long)run->told, (unsigned long long)(run->n_gaps + run->more_gaps));
	for (size_t i = 0; i < run->n_gaps; i++)
		add_gap(out, &run->gaps[i]);
	if (run->more_gaps)
		buf_add_format(out, "and %llu gaps more\n", (unsigned long long)run->more_gaps);
	for (size_t i = 0; i < run->receipts.n; i++)
		if (log_receipt_is_of(&run->receipts.one[i], run->walk.verifier))
			log_receipt_add(&run->receipts.one[i], run->walk.verifier, out);
}

static void json_details(struct json *j, const struct verify_run *run)
{
	json_key(j, "gaps");
	json_array_begin(j);
	for (size_t i = 0; i < run->n_gaps; i++) {
		const struct verify_gap *gap = &run->gaps[i].gap;
		CLEANUP(buf_done) struct buf from = { 0 };
		CLEANUP(buf_done) struct buf to = { 0 };
		clock_add_rfc3339(&from, gap->from_ns);
		clock_add_rfc3339(&to, gap->to_ns);
		json_object_begin(j);
		json_key(j, "cause");
		json_str(j, sv_from(verify_gap_text(gap->kind)));
		json_key(j, "count");
		json_u64(j, gap->count);
		if (gap->from_ns) {
			json_key(j, "from");
			json_str(j, buf_sv(&from));
		}
		json_key(j, "next");
		json_u64(j, gap->next);
		json_key(j, "stream");
		json_str(j, sv_from(run->gaps[i].stream));
		if (gap->to_ns) {
			json_key(j, "to");
			json_str(j, buf_sv(&to));
		}
		json_key(j, "what");
		json_str(j, sv_from(run->gaps[i].what));
		json_object_end(j);
	}
	json_array_end(j);
	json_key(j, "gaps_left_out");
	json_u64(j, run->more_gaps);
}

static void json_receipts(struct json *j, const struct verify_run *run)
{
	json_key(j, "receipts");
	json_array_begin(j);
	for (size_t i = 0; i < run->receipts.n; i++) {
		const struct log_receipt *c = &run->receipts.one[i];
		if (!log_receipt_is_of(c, run->walk.verifier))
			continue;
		json_object_begin(j);
		json_key(j, "file");
		json_str(j, sv_from(c->file));
		json_key(j, "name");
		json_str(j, sv_from(c->receipt.name));
		json_key(j, "next");
		json_u64(j, c->receipt.head.next);
		json_key(j, "result");
		json_str(j, sv_from(log_receipt_text(c)));
		json_key(j, "stream");
		json_str(j, sv_from(c->receipt.head.stream));
		json_key(j, "time");
		json_str(j, sv_from(c->receipt.time));
		json_object_end(j);
	}
	json_array_end(j);
}

static void json_passed(struct json *j, const struct logfiles *files)
{
	json_key(j, "passed_over");
	json_array_begin(j);
	for (size_t i = 0; i < files->n_passed; i++) {
		json_object_begin(j);
		json_key(j, "file");
		json_str(j, sv_from(files->passed[i].path));
		json_key(j, "what");
		json_str(j, sv_from(files->passed[i].what));
		json_object_end(j);
	}
	json_array_end(j);
	json_key(j, "passed_over_left_out");
	json_u64(j, files->more_passed);
}

static void print_text(const struct verify_run *run, const struct verify_result *result)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	if (run->walk.fault) {
		buf_add_format(&out, "%s:%llu: %s: %s\n%llu record%s before it verified\n", run->walk.file, (unsigned long long)run->walk.lines,
			       verify_fault_text(run->walk.fault), verifier_explain(run->walk.verifier), (unsigned long long)result->records,
			       result->records == 1 ? "" : "s");
	} else if (logwalk_end(&run->walk) == LOG_END_EMPTY) {
		buf_add_format(&out, "%s: %s\n", run->walk.file,
			       run->walk.torn_bytes ? "not a record: the only line is torn" : "not a record: the log is empty, and a log begins with its open record");
	} else {
		buf_add_format(&out, "verified %llu records of stream %s", (unsigned long long)result->records, result->stream);
		if (result->streams > 1)
			buf_add_format(&out, " and of %llu before it", (unsigned long long)result->streams - 1);
		if (logwalk_end(&run->walk) == LOG_END_CLOSED) {
			buf_add_z(&out, ", closed");
		} else {
			buf_add_format(&out, "\nopen-ended after %llu: ", (unsigned long long)result->records);
			logwalk_add_end_reason(&run->walk, &out);
		}
		buf_add_char(&out, '\n');
	}
	if (result->follows[0])
		buf_add_format(&out, "begins behind stream %s, which is not here\n", result->follows);
	add_details(&out, run);
	fputs(buf_cstr(&out), stdout);
}

static void print_json(const struct verify_run *run, const struct verify_result *result)
{
	static const char *const ends[] = { [LOG_END_CLOSED] = "verified", [LOG_END_OPEN] = "open-ended", [LOG_END_EMPTY] = "bad" };
	CLEANUP(buf_done) struct buf out = { 0 };
	CLEANUP(buf_done) struct buf detail = { 0 };
	enum log_end end = logwalk_end(&run->walk);
	struct json j;
	if (!run->walk.fault && end == LOG_END_OPEN)
		logwalk_add_end_reason(&run->walk, &detail);
	if (!run->walk.fault && end == LOG_END_EMPTY)
		buf_add_z(&detail, run->walk.torn_bytes ? "the only line is torn" : "the log is empty");
	json_init(&j, &out);
	json_object_begin(&j);
	if (run->walk.fault || detail.n) {
		json_key(&j, "detail");
		json_str(&j, run->walk.fault ? sv_from(verifier_explain(run->walk.verifier)) : buf_sv(&detail));
	}
	if (run->walk.fault || end == LOG_END_EMPTY) {
		json_key(&j, "fault");
		json_str(&j, sv_from(verify_fault_text(run->walk.fault ? run->walk.fault : VERIFY_NOT_A_RECORD)));
	}
	if (result->records) {
		json_key(&j, "epoch");
		json_u64(&j, result->epoch);
	}
	json_key(&j, "file");
	json_str(&j, sv_from(run->walk.file));
	if (result->records) {
		json_key(&j, "first_time");
		json_str(&j, sv_from(result->first_time));
	}
	if (result->follows[0]) {
		json_key(&j, "follows");
		json_str(&j, sv_from(result->follows));
	}
	json_details(&j, run);
	if (result->records) {
		json_key(&j, "last_time");
		json_str(&j, sv_from(result->last_time));
	}
	if (run->walk.fault) {
		json_key(&j, "line");
		json_u64(&j, run->walk.lines);
	}
	json_passed(&j, run->files);
	json_receipts(&j, run);
	json_key(&j, "records");
	json_u64(&j, result->records);
	json_key(&j, "result");
	json_str(&j, sv_from(run->walk.fault ? "bad" : ends[end]));
	json_key(&j, "stream");
	json_str(&j, sv_from(result->stream));
	json_key(&j, "streams");
	json_u64(&j, result->streams);
	json_key(&j, "told");
	json_u64(&j, run->told);
	json_key(&j, "unclosed");
	json_u64(&j, result->unclosed);
	json_object_end(&j);
	buf_add_char(&out, '\n');
	fputs(buf_cstr(&out), stdout);
}

static int report(struct verify_run *run)
{
	struct verify_result result;
	verifier_result(run->walk.verifier, &result);
	if (run->wants_json)
		print_json(run, &result);
	else
		print_text(run, &result);
	if (fflush(stdout) || ferror(stdout)) { /* a verdict that nobody gets is none */
		fprintf(stderr, "vedette verify: cannot write the output: %s\n", strerror(errno));
		return 1;
	}
	enum log_end end = logwalk_end(&run->walk);
	bool are_reached = log_receipts_are_reached(&run->receipts, run->walk.verifier);
	return run->walk.fault || end == LOG_END_EMPTY || (end == LOG_END_OPEN && run->wants_complete) || !are_reached;
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
static int open_keys(struct verify_run *run)
{
	run->keys = fopen(run->keys_out, "wxe");
	if (!run->keys) {
		fprintf(stderr, "vedette verify: --keys-out %s: %s; name a file that is not there yet\n", run->keys_out, strerror(errno));
		return -EIO;
	}
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

/* Of the folders, not of one agent: once, behind all verdicts. With --complete it is a fault: what was not judged may be of the log. */
static int tell_passed(const struct verify_run *run)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	logfiles_add_passed(run->files, &out);
	if (!run->wants_json) /* there each line has it */
		fputs(buf_cstr(&out), stdout);
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "vedette verify: cannot write the output: %s\n", strerror(errno));
		return 1;
	}
	return run->wants_complete && run->files->n_passed;
}

/* One log: its files from the first on, up to that of another agent. */
static int verify_log(struct verify_run *run, const struct logfiles *files, size_t *at)
{
	run->n_gaps = 0;
	run->more_gaps = run->told = 0;
	int r = logwalk_next(&run->walk, files, at);
	if (!r)
		return report(run);
	fprintf(stderr, "vedette verify: %s: cannot be read: %s\n", run->walk.file, strerror(-r));
	if (run->walk.verifier)
		(void)log_receipts_are_reached(&run->receipts, run->walk.verifier); /* of this agent: its log is here, though no verdict */
	return 1;
}

static int verify_files(struct verify_run *run, const char *key_file, char *const *paths, size_t n)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
	CLEANUP(logfiles_done) struct logfiles files = { 0 };
	int r = verify_keys_read(key_file, &keys, &diag);
	if (!r)
		r = logfiles_find(paths, n, &files, &diag);
	print_diag(&diag);
	run->gaps = r ? NULL : calloc(GAPS_MAX, sizeof(*run->gaps));
	if (r || !run->gaps || (run->keys_out && open_keys(run)))
		return 1;
	run->files = &files;
	run->walk.keys = &keys;
	run->walk.options.on_key = run->keys ? write_key : NULL;
	run->walk.options.on_gap = note_gap;
	run->walk.options.context = run->walk.context = run;
	run->walk.on_line = note_line;
	run->walk.receipts = &run->receipts;
	int status = 0;
	for (size_t at = 0; at < files.n;)
		status |= verify_log(run, &files, &at);
	logwalk_done(&run->walk);
	status |= tell_passed(run);
	status |= log_receipts_tell_others(&run->receipts, "verify");
	return close_keys(run) ? 1 : status;
}

int cmd_verify(int argc, char **argv)
{
	static const struct option options[] = {
		{ "key", required_argument, NULL, 'k' },  { "complete", no_argument, NULL, 'c' }, { "from-middle", no_argument, NULL, 'm' },
		{ "keys-out", required_argument, NULL, 'o' }, { "json", no_argument, NULL, 'j' },       { "help", no_argument, NULL, 'h' },
		{ "since", required_argument, NULL, 's' }, { "until", required_argument, NULL, 'u' }, { "receipt", required_argument, NULL, 'r' },
		{ "receipt-key", required_argument, NULL, 'R' }, { 0 },
	};
	struct verify_run run = { .until_ns = UINT64_MAX };
	const char *receipt_key = NULL;
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
			run.walk.options.from_middle = true;
			break;
		case 'o':
			run.keys_out = optarg;
			break;
		case 'j':
			run.wants_json = true;
			break;
		case 's':
			if (logwalk_read_moment("verify", "--since", optarg, &run.since_ns, run.since))
				return 2;
			break;
		case 'u':
			if (logwalk_read_moment("verify", "--until", optarg, &run.until_ns, run.until))
				return 2;
			break;
		case 'r':
			if (log_receipts_add(&run.receipts, "verify", optarg))
				return 2;
			break;
		case 'R':
			receipt_key = optarg;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			return 2;
		}
	}
	if (!key_file || optind == argc) {
		fprintf(stderr, "vedette verify: %s; see vedette verify --help\n",
			!key_file ? "--key is missing: without a key from elsewhere a log proves nothing" : "a PATH is needed");
		return 2;
	}
	if (run.since_ns > run.until_ns) {
		fprintf(stderr, "vedette verify: --since %s is later than --until %s: there is no such time\n", run.since, run.until);
		return 2;
	}
	if (crypto_init() || log_receipts_read(&run.receipts, "verify", receipt_key))
		return 1;
	int status = verify_files(&run, key_file, argv + optind, (size_t)(argc - optind));
	free(run.gaps);
	return status;
}
