/* SPDX-License-Identifier: Apache-2.0 */
/* `vedette verify`: proves or refutes a signed log. Reads and reports; the judging is in alerts/verify.c. */
#include "engine/daemon/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "alerts/receipt.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/json.h"
#include "engine/daemon/logfiles.h"
#include "engine/daemon/args.h"

enum { GAPS_MAX = 1000, RECEIPTS_MAX = 16, TIME_TEXT = 30 };

struct gap {
	struct verify_gap gap; /* what and stream are the copies below */
	char what[64], stream[STREAM_NAME_MAX + 1];
};

struct receipt_check {
	const char *file;
	struct receipt receipt;
	enum { RECEIPT_OPEN, RECEIPT_REACHED, RECEIPT_BROKEN } state;
	bool is_told; /* with the log of its agent */
};

/* One agent's log, perhaps of several files. */
struct verify_run {
	const char *file;    /* at hand */
	bool wants_complete, wants_json, from_middle;
	const char *keys_out; /* NULL: not wanted */
	FILE *keys;           /* owned */
	uint64_t lines;      /* of the file, read, the bad one included */
	size_t torn_bytes;   /* behind the last line end of a file: of the last one that has any */
	const char *torn_file; /* that they are in; borrowed; NULL: there are none */
	uint64_t since_ns, until_ns; /* of what is told; 0 and UINT64_MAX: all */
	char since[TIME_TEXT + 1], until[TIME_TEXT + 1]; /* the same as text; "": all */
	uint64_t told;       /* records in that time */
	struct gap *gaps;    /* owned; GAPS_MAX of them */
	size_t n_gaps;
	uint64_t more_gaps;
	struct receipt_check *receipts; /* borrowed */
	size_t n_receipts;
	enum verify_fault fault;
	struct verifier *verifier; /* owned */
};

static void usage(FILE *to)
{
	fputs("usage: vedette verify --key KEYS [--complete] [--from-middle] [--keys-out NEW] [--since TIME] [--until TIME]\n"
	      "                      [--receipt FILE]... [--receipt-key FILE] [--json] PATH...\n"
	      "\n"
	      "Checks that a log is whole and as it was signed. PATH: a file, a folder of them, or - for standard input. Several files are put in\n"
	      "the order in which they were written; each agent's are one log. Gaps are told, with cause and duration.\n"
	      "\n"
	      "  --key KEYS      file with the public keys, lines 'vedette-key/v1 STREAM EPOCH BASE64'\n"
	      "  --complete      fail also when the log does not end with its stream's close record, or follows a stream that is not here\n"
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

static void check_receipts(struct verify_run *run)
{
	struct log_head head;
	verifier_head(run->verifier, &head);
	for (size_t i = 0; i < run->n_receipts; i++) {
		struct receipt_check *c = &run->receipts[i];
		if (c->state != RECEIPT_OPEN || c->receipt.head.next != head.next || strcmp(c->receipt.head.stream, head.stream) != 0)
			continue;
		c->state = memcmp(c->receipt.head.statement, head.statement, CRYPTO_HASH) == 0 ? RECEIPT_REACHED : RECEIPT_BROKEN;
	}
}

static int take_line(void *context, struct strview line)
{
	struct verify_run *run = context;
	run->lines++;
	run->fault = verifier_line(run->verifier, line);
	if (run->fault)
		return 1;
	struct verify_result result;
	verifier_result(run->verifier, &result);
	run->told += strcmp(result.last_time, run->since) >= 0 && (!run->until[0] || strcmp(result.last_time, run->until) <= 0);
	if (run->n_receipts)
		check_receipts(run);
	return 0;
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

enum end { END_CLOSED, END_OPEN, END_EMPTY };

static enum end end_of(const struct verify_run *run, const struct verify_result *result)
{
	if (result->records == 0)
		return END_EMPTY;
	bool is_whole = result->is_closed && !result->missing && !result->unclosed && (run->from_middle || !result->follows[0]);
	return is_whole && !run->torn_bytes ? END_CLOSED : END_OPEN;
}

/* Why a log is open-ended. */
static void add_end_reason(struct buf *out, const struct verify_run *run, const struct verify_result *result)
{
	if (run->torn_bytes)
		buf_add_format(out, "%s: the last line is torn: %zu bytes without a line end", run->torn_file, run->torn_bytes);
	else if (result->missing)
		buf_add_format(out, "the last batch is not whole: %llu more records were signed with it", (unsigned long long)result->missing);
	else if (result->is_closed && result->unclosed)
		buf_add_format(out, "%llu streams before the last one have no close record: see the gaps", (unsigned long long)result->unclosed);
	else if (result->is_closed)
		buf_add_z(out, "its beginning is not here");
	else
		buf_add_z(out, "the stream's close record is missing: the agent runs on, was killed, or the end was cut off");
}

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

/* Is it about the agent whose log is at hand? */
static bool is_of_log(const struct verify_run *run, const struct receipt_check *c)
{
	struct log_head head;
	verifier_head(run->verifier, &head);
	return sv_equal(stream_agent(sv_from(head.stream)), stream_agent(sv_from(c->receipt.head.stream)));
}

static const char *receipt_text(const struct receipt_check *c)
{
	return c->state == RECEIPT_REACHED ? "reached" : c->state == RECEIPT_BROKEN ? "chain broken" : "truncated";
}

static void add_receipt(struct buf *out, const struct verify_run *run, const struct receipt_check *c)
{
	struct log_head head;
	verifier_head(run->verifier, &head);
	buf_add_format(out, "receipt %s: %s: %s had %llu records of stream %s at %s", c->file, receipt_text(c), c->receipt.name,
		       (unsigned long long)c->receipt.head.next, c->receipt.head.stream, c->receipt.time);
	if (c->state == RECEIPT_OPEN && strcmp(head.stream, c->receipt.head.stream) == 0 && head.next < c->receipt.head.next)
		buf_add_format(out, "; the last %llu of them are missing", (unsigned long long)(c->receipt.head.next - head.next));
	else if (c->state == RECEIPT_OPEN)
		buf_add_z(out, "; that place is not in this log");
	else if (c->state == RECEIPT_BROKEN)
		buf_add_z(out, "; others than stand here");
	buf_add_char(out, '\n');
}

static void add_details(struct buf *out, const struct verify_run *run)
{
	if (run->since[0] || run->until[0])
		buf_add_format(out, "in that time: %llu records, %llu gaps\n", (unsigned long long)run->told, (unsigned long long)(run->n_gaps + run->more_gaps));
	for (size_t i = 0; i < run->n_gaps; i++)
		add_gap(out, &run->gaps[i]);
	if (run->more_gaps)
		buf_add_format(out, "and %llu gaps more\n", (unsigned long long)run->more_gaps);
	for (size_t i = 0; i < run->n_receipts; i++)
		if (is_of_log(run, &run->receipts[i]))
			add_receipt(out, run, &run->receipts[i]);
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
	for (size_t i = 0; i < run->n_receipts; i++) {
		const struct receipt_check *c = &run->receipts[i];
		if (!is_of_log(run, c))
			continue;
		json_object_begin(j);
		json_key(j, "file");
		json_str(j, sv_from(c->file));
		json_key(j, "name");
		json_str(j, sv_from(c->receipt.name));
		json_key(j, "next");
		json_u64(j, c->receipt.head.next);
		json_key(j, "result");
		json_str(j, sv_from(receipt_text(c)));
		json_key(j, "stream");
		json_str(j, sv_from(c->receipt.head.stream));
		json_key(j, "time");
		json_str(j, sv_from(c->receipt.time));
		json_object_end(j);
	}
	json_array_end(j);
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
		if (result->streams > 1)
			buf_add_format(&out, " and of %llu before it", (unsigned long long)result->streams - 1);
		if (end_of(run, result) == END_CLOSED) {
			buf_add_z(&out, ", closed");
		} else {
			buf_add_format(&out, "\nopen-ended after %llu: ", (unsigned long long)result->records);
			add_end_reason(&out, run, result);
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
	if (run->fault) {
		json_key(&j, "line");
		json_u64(&j, run->lines);
	}
	json_receipts(&j, run);
	json_key(&j, "records");
	json_u64(&j, result->records);
	json_key(&j, "result");
	json_str(&j, sv_from(run->fault ? "bad" : ends[end]));
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

static bool are_receipts_reached(const struct verify_run *run)
{
	bool are_reached = true;
	for (size_t i = 0; i < run->n_receipts; i++) {
		if (!is_of_log(run, &run->receipts[i]))
			continue;
		run->receipts[i].is_told = true;
		are_reached &= run->receipts[i].state == RECEIPT_REACHED;
	}
	return are_reached;
}

/* Receipts of agents of which there is nothing here. */
static int report_other_receipts(const struct verify_run *run)
{
	int status = 0;
	for (size_t i = 0; i < run->n_receipts; i++) {
		if (run->receipts[i].is_told)
			continue;
		fprintf(stderr, "vedette verify: receipt %s: no log of its agent is here: %s\n", run->receipts[i].file, run->receipts[i].receipt.head.stream);
		status = 1;
	}
	return status;
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
	bool are_reached = are_receipts_reached(run);
	return run->fault || end == END_EMPTY || (end == END_OPEN && run->wants_complete) || !are_reached;
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

/* A torn line is told of whichever file it is in: what stands behind a file's last line was signed by nobody, or cannot be read any more. */
static int read_log_file(struct verify_run *run)
{
	size_t torn_bytes = 0;
	int r = logfile_read(run->file, take_line, run, &torn_bytes);
	if (torn_bytes) {
		run->torn_bytes = torn_bytes;
		run->torn_file = run->file;
	}
	return r;
}

/* One log: its files from the first on, up to that of another agent. */
static int verify_log(struct verify_run *run, const struct logfiles *files, size_t *at, const struct verify_keys *keys, const struct verify_options *options)
{
	int r = verifier_new(keys, options, &run->verifier);
	run->n_gaps = 0;
	run->fault = VERIFY_OK;
	run->more_gaps = run->told = 0;
	run->torn_bytes = 0;
	size_t end = *at + 1;
	while (end < files->n && !logfiles_begins_log(files, end))
		end++;
	for (size_t i = *at; !r && !run->fault && i < end; i++) {
		run->file = files->file[i].path;
		run->lines = 0;
		r = read_log_file(run);
	}
	*at = end;
	if (r) {
		fprintf(stderr, "vedette verify: %s: cannot be read: %s\n", run->file, strerror(-r));
		(void)are_receipts_reached(run); /* of this agent: its log is here, though no verdict */
	}
	int status = r ? 1 : report(run);
	verifier_free(&run->verifier);
	return status;
}

static int verify_files(struct verify_run *run, const char *key_file, char *const *paths, size_t n, struct verify_options *options)
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
	options->on_key = run->keys ? write_key : NULL;
	options->on_gap = note_gap;
	options->context = run;
	int status = 0;
	for (size_t at = 0; at < files.n;)
		status |= verify_log(run, &files, &at, &keys, options);
	status |= report_other_receipts(run);
	return close_keys(run) ? 1 : status;
}

/* A day, or a moment; as the statements write theirs. */
static int read_moment(const char *option, const char *text, uint64_t *ret_ns, char ret_text[static TIME_TEXT + 1])
{
	CLEANUP(buf_done) struct buf again = { 0 };
	if (clock_parse_date(sv_from(text), ret_ns) && clock_parse_rfc3339(sv_from(text), ret_ns)) {
		fprintf(stderr, "vedette verify: %s '%s' is no time: expected 2026-01-31 or 2026-01-31T12:00:00Z (UTC)\n", option, text);
		return -EINVAL;
	}
	clock_add_rfc3339(&again, *ret_ns);
	(void)snprintf(ret_text, TIME_TEXT + 1, "%s", buf_cstr(&again)); /* fits */
	return 0;
}

/* The receipts that the options name, each checked against the collector's key. */
static int read_receipts(struct receipt_check *checks, size_t n, const char *key_file)
{
	struct receipt_verifier by = { .name = "" };
	CLEANUP(buf_done) struct buf key = { 0 };
	if (n == 0)
		return 0;
	if (!key_file) {
		fputs("vedette verify: --receipt-key is missing: without the collector's key a receipt proves nothing\n", stderr);
		return -EINVAL;
	}
	if (fd_read_file(key_file, RECEIPT_MAX, &key) || receipt_verifier_parse(buf_sv(&key), &by)) {
		fprintf(stderr, "vedette verify: %s: is no collector's public key: expected NAME+ID+BASE64 as `vedette receipt init` prints it\n", key_file);
		return -EINVAL;
	}
	for (size_t i = 0; i < n; i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		int r = fd_read_file(checks[i].file, RECEIPT_MAX, &text);
		if (!r)
			r = receipt_parse(buf_sv(&text), &by, &checks[i].receipt);
		if (r) {
			fprintf(stderr, "vedette verify: %s: %s\n", checks[i].file, r == -EINVAL ? "is no receipt" : r == -EKEYREJECTED ?
				"is not signed by that collector, or was changed" : strerror(-r));
			return r;
		}
	}
	return 0;
}

int cmd_verify(int argc, char **argv)
{
	static const struct option options[] = {
		{ "key", required_argument, NULL, 'k' },  { "complete", no_argument, NULL, 'c' }, { "from-middle", no_argument, NULL, 'm' },
		{ "keys-out", required_argument, NULL, 'o' }, { "json", no_argument, NULL, 'j' },       { "help", no_argument, NULL, 'h' },
		{ "since", required_argument, NULL, 's' }, { "until", required_argument, NULL, 'u' }, { "receipt", required_argument, NULL, 'r' },
		{ "receipt-key", required_argument, NULL, 'R' }, { 0 },
	};
	struct receipt_check receipts[RECEIPTS_MAX] = { 0 };
	struct verify_run run = { .until_ns = UINT64_MAX, .receipts = receipts };
	const char *receipt_key = NULL;
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
			verify_options.from_middle = run.from_middle = true;
			break;
		case 'o':
			run.keys_out = optarg;
			break;
		case 'j':
			run.wants_json = true;
			break;
		case 's':
			if (read_moment("--since", optarg, &run.since_ns, run.since))
				return 2;
			break;
		case 'u':
			if (read_moment("--until", optarg, &run.until_ns, run.until))
				return 2;
			break;
		case 'r':
			if (run.n_receipts == RECEIPTS_MAX) {
				fprintf(stderr, "vedette verify: more than %d receipts\n", RECEIPTS_MAX);
				return 2;
			}
			receipts[run.n_receipts++].file = optarg;
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
		fputs(!key_file ? "vedette verify: --key is missing: without a key from elsewhere a log proves nothing\n" :
				  "vedette verify: a FILE is needed\n", stderr);
		usage(stderr);
		return 2;
	}
	if (crypto_init() || read_receipts(receipts, run.n_receipts, receipt_key))
		return 1;
	int status = verify_files(&run, key_file, argv + optind, (size_t)(argc - optind), &verify_options);
	free(run.gaps);
	return status;
}
