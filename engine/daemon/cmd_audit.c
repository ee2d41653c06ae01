/* SPDX-License-Identifier: Apache-2.0 */
/* `vedette audit report`: what signed logs show of a time. Walks through them as `vedette verify` does; only verified lines are gathered. */
#include "engine/daemon/commands.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "alerts/audit_line.h"
#include "engine/base/clock.h"
#include "engine/daemon/args.h"
#include "engine/daemon/audit_report.h"
#include "engine/daemon/logwalk.h"
#include "engine/daemon/say.h"
#include "engine/daemon/whole_file.h"

enum { REPORT_MAX_BYTES = 512 * 1024 * 1024, EXIT_GAPS = 1, EXIT_UNVERIFIED = 3 };

static const char usage[] =
	"usage: vedette audit report --from TIME --to TIME --key KEYS [--json | --html] [--output FILE] [--complete] [--from-middle]\n"
	"                            [--receipt FILE]... [--receipt-key FILE] PATH...\n"
	"\n"
	"Tells what signed logs show of a time: when a sensor was watching, gaps, losses, keys, rules in force, alerts, and records for requirements\n"
	"of PCI DSS 10 and 11.5 and of NIST SP 800-53 AU and SI. PATH: as for vedette verify; only what verifies is told.\n"
	"\n"
	"  --from TIME     from then on, as 2026-01-31 or 2026-01-31T12:00:00Z\n"
	"  --to TIME       up to then, and without it\n"
	"  -k, --key KEYS  file with the public keys, as for vedette verify\n"
	"  --json          one JSON document, as schemas/audit.schema.json says\n"
	"  --html          one HTML file that needs nothing else, to be read or printed\n"
	"  -o, --output FILE  write the report there, readable by its owner alone; only an earlier report of the same form is\n"
	"                  written over\n"
	"  --complete      a log that does not end with its stream's close record, or whose beginning is not here, counts as not verified;\n"
	"                  so does a folder in which something was passed over\n"
	"  --from-middle   a log may begin within a stream\n"
	"  --receipt FILE  a collector's receipt: the log has to reach what it says\n"
	"  --receipt-key FILE  the collector's public key\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 verified, without unexplained gaps or losses; 1 verified, with gaps or losses; 2 wrong use; 3 not verified, or no report.\n";

enum report_form { REPORT_TEXT, REPORT_JSON, REPORT_HTML };

struct audit_run {
	enum report_form form;
	const char *output; /* NULL: standard output */
	const char *key_file, *receipt_key;
	bool has_from, has_to;
	uint64_t from_ns, to_ns;
	struct audit_report report;
	struct audit *audit; /* owned */
	struct log_receipts receipts;
	struct logwalk walk;
	int err;             /* while lines were gathered */
};

/* --- gathering -------------------------------------------------------------------------------------------------------------------------------- */

static void take_line(void *context, const struct logwalk *walk, struct strview line)
{
	struct audit_run *run = context;
	int r = audit_line(run->audit, walk->verifier, walk->file, walk->lines, line);
	if (r)
		run->err = r;
}

static void take_gap(void *context, const struct verify_gap *gap)
{
	struct audit_run *run = context;
	audit_gap(run->audit, gap);
}

static void take_key(void *context, const struct verify_key *key)
{
	struct audit_run *run = context;
	audit_key(run->audit, key);
}

/* What became of the log: as vedette verify has it. */
static void judge(struct audit_run *run, struct audit_log *log, int read_error)
{
	CLEANUP(buf_done) struct buf why = { 0 };
	const struct logwalk *walk = &run->walk;
	if (read_error) {
		log->state = AUDIT_UNREADABLE;
		buf_add_format(&why, "%s: cannot be read: %s", walk->file, strerror(-read_error));
	} else if (walk->fault) {
		log->state = AUDIT_BAD;
		buf_add_format(&why, "%s:%llu: %s: %s", walk->file, (unsigned long long)walk->lines, verify_fault_text(walk->fault), verifier_explain(walk->verifier));
	} else if (logwalk_end(walk) == LOG_END_EMPTY) {
		log->state = AUDIT_BAD;
		buf_add_format(&why, "%s: %s", walk->file, walk->torn_bytes ? "the only line is torn" : "the log is empty");
	} else if (logwalk_end(walk) == LOG_END_OPEN) {
		log->state = AUDIT_OPEN_ENDED;
		logwalk_add_end_reason(walk, &why);
	}
	audit_printable(buf_sv(&why), log->detail, sizeof(log->detail));
}

static void tell_receipts(struct audit_run *run)
{
	for (size_t i = 0; i < run->receipts.n; i++)
		if (log_receipt_is_of(&run->receipts.one[i], run->walk.verifier))
			log_receipt_add(&run->receipts.one[i], run->walk.verifier, &run->report.receipts);
	if (!log_receipts_are_reached(&run->receipts, run->walk.verifier))
		run->report.is_unreached = true;
}

static int gather_log(struct audit_run *run, const struct logfiles *files, size_t *at)
{
	int r = audit_begin_log(run->audit, files->file[*at].path);
	if (r == -E2BIG)
		fprintf(stderr, "vedette audit: logs of more than %d agents: name fewer\n", AUDIT_LOGS_MAX);
	if (r)
		return r;
	r = logwalk_next(&run->walk, files, at);
	if (!run->walk.verifier)
		return r;
	judge(run, run->audit->logs[run->audit->n_logs - 1], r);
	audit_end_log(run->audit, run->walk.verifier);
	tell_receipts(run);
	return run->err;
}

static int gather(struct audit_run *run, char *const *paths, size_t n, struct logfiles *files)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
	int r = verify_keys_read(run->key_file, &keys, &diag);
	if (!r)
		r = logfiles_find(paths, n, files, &diag);
	if (!r)
		r = audit_new(run->from_ns, run->to_ns, &run->audit);
	say_result(r, &diag);
	run->walk.keys = &keys;
	run->walk.receipts = &run->receipts;
	run->walk.options.on_gap = take_gap;
	run->walk.options.on_key = take_key;
	run->walk.options.context = run->walk.context = run;
	run->walk.on_line = take_line;
	for (size_t at = 0; !r && at < files->n;) {
		r = gather_log(run, files, &at);
		if (r && r != -E2BIG)
			fprintf(stderr, "vedette audit: %s: %s\n", run->walk.file, strerror(-r));
	}
	logwalk_done(&run->walk);
	return r;
}

/* --- telling ---------------------------------------------------------------------------------------------------------------------------------- */

static void write_report(const struct audit_run *run, struct buf *out)
{
	struct page page;
	if (run->form == REPORT_JSON) {
		audit_report_json(&run->report, out);
		return;
	}
	page_begin(&page, out, run->form == REPORT_HTML, "Vedette audit report");
	audit_report_page(&run->report, &page);
	page_end(&page);
}

/* What each form begins with, so that an earlier report is known from another file. */
static int check_output(const struct audit_run *run)
{
	static const char *const begins[] = { [REPORT_TEXT] = "Vedette audit report\n", [REPORT_JSON] = "{\"alerts\":{\"blocked\":", [REPORT_HTML] = "<!DOCTYPE html>\n<html lang=\"en\">" };
	CLEANUP(diag_done) struct diag diag = { 0 };
	const struct whole_file file = { .file = run->output, .begin = begins[run->form], .what = "report" };
	int r = run->output ? whole_file_check(&file, &diag) : 0;
	say_result(r, &diag);
	return r;
}

static int put_report(const struct audit_run *run)
{
	CLEANUP(buf_done) struct buf out = { .max = REPORT_MAX_BYTES };
	write_report(run, &out);
	int r = buf_error(&out);
	if (!r && run->output)
		r = whole_file_keep(run->output, buf_sv(&out));
	else if (!r && (fwrite(out.p, 1, out.n, stdout) != out.n || fflush(stdout)))
		r = errno ? -errno : -EIO;
	if (r)
		fprintf(stderr, "vedette audit: %s: the report cannot be written: %s\n", run->output ? run->output : "standard output", strerror(-r));
	return r;
}

static int make_report(struct audit_run *run, char *const *paths, size_t n)
{
	static const int status[] = { [AUDIT_GRADE_WHOLE] = EXIT_FINE, [AUDIT_GRADE_GAPS] = EXIT_GAPS, [AUDIT_GRADE_UNVERIFIED] = EXIT_UNVERIFIED };
	CLEANUP(logfiles_done) struct logfiles files = { 0 };
	CLEANUP(buf_done) struct buf made = { 0 };
	if (check_output(run) || gather(run, paths, n, &files))
		return EXIT_UNVERIFIED;
	if (log_receipts_tell_others(&run->receipts, "audit"))
		run->report.is_unreached = true;
	clock_add_rfc3339(&made, clock_ns(CLOCK_REALTIME));
	(void)snprintf(run->report.made, sizeof(run->report.made), "%s", buf_cstr(&made)); /* fits */
	run->report.audit = run->audit;
	run->report.key_file = run->key_file;
	run->report.files = &files;
	int r = put_report(run) ? EXIT_UNVERIFIED : status[audit_report_grade(&run->report)];
	run->report.files = NULL; /* they end here */
	return r;
}

/* --- options ---------------------------------------------------------------------------------------------------------------------------------- */

static int take_option(struct audit_run *run, int option)
{
	switch (option) {
	case 'f':
		run->has_from = true;
		return logwalk_read_moment("audit", "--from", optarg, &run->from_ns, run->report.from);
	case 't':
		run->has_to = true;
		return logwalk_read_moment("audit", "--to", optarg, &run->to_ns, run->report.to);
	case 'k':
		run->key_file = optarg;
		return 0;
	case 'j':
	case 'H':
		if (run->form != REPORT_TEXT && run->form != (option == 'j' ? REPORT_JSON : REPORT_HTML)) {
			fputs("vedette audit: --json and --html exclude one another\n", stderr);
			return -EINVAL;
		}
		run->form = option == 'j' ? REPORT_JSON : REPORT_HTML;
		return 0;
	case 'o':
		return args_file("audit", "--output", optarg, &run->output);
	case 'c':
		run->report.wants_complete = true;
		return 0;
	case 'm':
		run->walk.options.from_middle = true;
		return 0;
	case 'r':
		return log_receipts_add(&run->receipts, "audit", optarg);
	case 'R':
		run->receipt_key = optarg;
		return 0;
	default:
		return -EINVAL;
	}
}

/* What is wrong with the options together; NULL: nothing. */
static const char *find_fault(const struct audit_run *run, const char *verb, bool has_path)
{
	if (strcmp(verb, "report") != 0)
		return "report is needed: vedette audit report";
	if (!run->has_from || !run->has_to)
		return "--from TIME and --to TIME are needed: the time to be told of";
	if (run->from_ns >= run->to_ns)
		return "--to has to be later than --from";
	if (!run->key_file)
		return "--key is missing: without a key from elsewhere a log proves nothing";
	return has_path ? NULL : "a PATH is needed";
}

int cmd_audit(int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' },    { "to", required_argument, NULL, 't' },      { "key", required_argument, NULL, 'k' },
		{ "json", no_argument, NULL, 'j' },          { "html", no_argument, NULL, 'H' },          { "output", required_argument, NULL, 'o' },
		{ "complete", no_argument, NULL, 'c' },      { "from-middle", no_argument, NULL, 'm' },   { "receipt", required_argument, NULL, 'r' },
		{ "receipt-key", required_argument, NULL, 'R' }, { "help", no_argument, NULL, 'h' },      { 0 },
	};
	struct audit_run run = { .form = REPORT_TEXT };
	optind = 0; /* main may have used getopt */
	for (int c; (c = args_next("audit", argc, argv, "k:o:h", options)) != -1;) {
		if (c == 'h') {
			fputs(usage, stdout);
			return EXIT_FINE;
		}
		if (take_option(&run, c))
			return EXIT_USAGE;
	}
	const char *verb = optind < argc ? argv[optind++] : "";
	const char *fault = find_fault(&run, verb, optind < argc);
	if (fault) {
		fprintf(stderr, "vedette audit: %s\n%s", fault, usage);
		return EXIT_USAGE;
	}
	int status = EXIT_UNVERIFIED;
	if (crypto_init() == 0 && log_receipts_read(&run.receipts, "audit", run.receipt_key) == 0)
		status = make_report(&run, argv + optind, (size_t)(argc - optind));
	audit_free(&run.audit);
	buf_done(&run.report.receipts);
	return status;
}
