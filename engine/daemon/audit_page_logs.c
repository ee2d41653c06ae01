/* SPDX-License-Identifier: Apache-2.0 */
/* The page for people: the summary, then each log with its time, streams, keys, losses and rules, then the requirements. */
#include <stdio.h>

#include "alerts/audit_line.h"
#include "engine/base/clock.h"
#include "engine/daemon/audit_report.h"

const char *audit_state_text(enum audit_state state)
{
	static const char *const texts[] = {
		[AUDIT_VERIFIED] = "verified", [AUDIT_OPEN_ENDED] = "open-ended", [AUDIT_BAD] = "bad", [AUDIT_UNREADABLE] = "unreadable",
	};
	return texts[state];
}

const char *audit_grade_text(enum audit_grade grade)
{
	static const char *const texts[] = {
		[AUDIT_GRADE_WHOLE] = "verified, without unexplained gaps or losses", [AUDIT_GRADE_GAPS] = "verified, with gaps or losses",
		[AUDIT_GRADE_UNVERIFIED] = "not verified",
	};
	return texts[grade];
}

bool audit_report_accepts(const struct audit_report *report, const struct audit_log *log)
{
	return log->state == AUDIT_VERIFIED || (log->state == AUDIT_OPEN_ENDED && !report->wants_complete);
}

enum audit_grade audit_report_grade(const struct audit_report *report)
{
	const struct audit *a = report->audit;
	bool is_partial = report->is_unreached || (report->wants_complete && report->files->n_passed);
	enum audit_grade grade = is_partial ? AUDIT_GRADE_UNVERIFIED : AUDIT_GRADE_WHOLE;
	for (size_t i = 0; i < a->n_logs; i++) {
		const struct audit_log *log = a->logs[i];
		if (!audit_report_accepts(report, log))
			grade = AUDIT_GRADE_UNVERIFIED;
		else if (log->unexplained || audit_log_has_losses(log) || log->hooks_missing || log->protection_failures)
			grade = MAX(grade, AUDIT_GRADE_GAPS);
	}
	return a->n_logs ? grade : AUDIT_GRADE_UNVERIFIED;
}

/* --- numbers -------------------------------------------------------------------------------------------------------------------------------- */

uint64_t audit_percent(uint64_t part, uint64_t of)
{
	return of ? (uint64_t)((unsigned __int128)part * 1000000u / of) : 0;
}

void audit_add_percent(struct buf *out, uint64_t part, uint64_t of)
{
	uint64_t n = audit_percent(part, of);
	buf_add_format(out, "%llu.%04llu %%", (unsigned long long)(n / 10000), (unsigned long long)(n % 10000));
}

void audit_add_seconds(struct buf *out, uint64_t ns)
{
	buf_add_format(out, "%llu.%03llu s", (unsigned long long)(ns / 1000000000u), (unsigned long long)(ns / 1000000u % 1000u));
}

static void cell_number(struct page *p, uint64_t n)
{
	if (n == UINT64_MAX)
		page_cell(p, "%s", "");
	else
		page_cell(p, "%llu", (unsigned long long)n);
}

static void cell_time(struct page *p, uint64_t ns)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	if (ns)
		clock_add_rfc3339(&text, ns);
	page_cell(p, "%s", ns ? buf_cstr(&text) : "not known");
}

static void cell_seconds(struct page *p, uint64_t ns)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	audit_add_seconds(&text, ns);
	page_cell(p, "%s", buf_cstr(&text));
}

static void say_more(struct page *p, uint64_t more, const char *what)
{
	if (more)
		page_say(p, "and %llu %s more, which are counted and not listed", (unsigned long long)more, what);
}

/* --- one log -------------------------------------------------------------------------------------------------------------------------------- */

static void tell_verification(const struct audit_report *report, const struct audit_log *log, struct page *p)
{
	audit_text file;
	audit_printable(sv_from(log->file), file, sizeof(file));
	if (!audit_report_accepts(report, log))
		page_warn(p, "NOT VERIFIED (%s): %s. What follows of this host are the %llu records before it, and proves nothing about the rest.",
			  audit_state_text(log->state), log->detail, (unsigned long long)log->records);
	else
		page_say(p, "Verification: %s. %llu records of %llu streams, sequence %llu of the first to %llu of the last, signed from %s to %s.",
			 audit_state_text(log->state), (unsigned long long)log->records, (unsigned long long)log->streams_n, (unsigned long long)log->first,
			 (unsigned long long)log->last, log->first_time, log->last_time);
	if (audit_report_accepts(report, log) && log->detail[0])
		page_say(p, "The log is open-ended: %s.", log->detail);
	if (log->follows[0])
		page_say(p, "The log begins behind stream %s, which is not here.", log->follows);
	page_say(p, "Host %s (id %s), agent %s, first file %s; %llu records in the time asked.", log->host, log->host_id, log->agent, file,
		 (unsigned long long)log->in_time);
}

static void tell_coverage(const struct audit_report *report, const struct audit_log *log, struct page *p)
{
	CLEANUP(buf_done) struct buf sum = { 0 };
	uint64_t asked = report->audit->to_ns - report->audit->from_ns;
	page_heading(p, 3, "Coverage: when a sensor was watching");
	audit_add_seconds(&sum, asked);
	buf_add_z(&sum, " asked");
	for (size_t i = 0; i < AUDIT_GAP_COUNT; i++) {
		if (!log->uncovered_ns[i])
			continue;
		buf_add_z(&sum, " - ");
		audit_add_seconds(&sum, log->uncovered_ns[i]);
		buf_add_format(&sum, " (%s)", audit_gap_text((enum audit_gap_kind)i));
	}
	buf_add_z(&sum, " = ");
	audit_add_seconds(&sum, log->covered_ns);
	buf_add_z(&sum, " covered, ");
	audit_add_percent(&sum, log->covered_ns, asked);
	page_say(p, "%s", buf_cstr(&sum));
	page_say(p, "Only what stands under scope was watched in that time; the whole host is \"host\".");
	if (log->set_back)
		page_say(p, "The clock was set back %llu times between two streams: gaps there are told shorter than they were.", (unsigned long long)log->set_back);
	static const char *const headings[] = { "stream", "signed from", "to", "sequences", "kernel", "sensor", "mode", "scope", "probes missing", "end", NULL };
	page_table_begin(p, headings);
	for (size_t i = 0; i < log->n_streams; i++) {
		const struct audit_stream *s = &log->streams[i];
		page_cell(p, "%s", s->name);
		page_cell(p, "%s", s->from);
		page_cell(p, "%s", s->to);
		page_cell(p, "%llu to %llu", (unsigned long long)s->first, (unsigned long long)s->last);
		page_cell(p, "%s", s->kernel[0] ? s->kernel : "not told");
		page_cell(p, "%s", s->sensor[0] ? s->sensor : "not told");
		page_cell(p, "%s", s->enforcement[0] ? s->enforcement : "not told");
		page_cell(p, "%s", s->scope);
		page_cell(p, "%s", s->hooks_missing[0] ? s->hooks_missing : "none");
		page_cell(p, "%s%s", s->goes_on ? "goes on" : s->is_closed ? "closed: " : "no close record", s->close_reason);
	}
	page_table_end(p);
	say_more(p, log->more_streams, "streams");
}

static void tell_gaps(const struct audit_log *log, struct page *p)
{
	static const char *const headings[] = { "from", "to", "in the time asked", "cause", "what", "stream", "at", NULL };
	page_heading(p, 3, "Gaps");
	if (!log->n_gaps) {
		page_say(p, "None.");
		return;
	}
	page_table_begin(p, headings);
	for (size_t i = 0; i < log->n_gaps; i++) {
		const struct audit_gap *g = &log->gaps[i];
		cell_time(p, g->from_ns);
		cell_time(p, g->to_ns);
		cell_seconds(p, g->within_ns);
		page_cell(p, "%s", audit_gap_text(g->kind));
		if (g->count)
			page_cell(p, "%llu signed records are not there", (unsigned long long)g->count);
		else
			page_cell(p, "%s", g->what);
		page_cell(p, "%s", g->stream);
		cell_number(p, g->stream[0] ? g->next : UINT64_MAX);
	}
	page_table_end(p);
	say_more(p, log->more_gaps, "gaps");
}

static void tell_losses(const struct audit_log *log, struct page *p)
{
	static const char *const headings[] = { "kind", "count", "records", "first", "last", "meaning", NULL };
	page_heading(p, 3, "Losses, by kind");
	if (!log->n_losses) {
		page_say(p, "No record tells of a loss.");
		return;
	}
	page_table_begin(p, headings);
	for (size_t i = 0; i < log->n_losses; i++) {
		const struct audit_loss *l = &log->losses[i];
		bool is_held;
		const char *meaning = audit_loss_text(l->what, &is_held);
		page_cell(p, "%s", l->what);
		cell_number(p, l->count);
		cell_number(p, l->records);
		page_cell(p, "%s", l->first);
		page_cell(p, "%s", l->last);
		page_cell(p, "%s%s", is_held ? "held back on purpose: " : "", meaning);
	}
	page_table_end(p);
}

static void tell_keys(const struct audit_log *log, struct page *p)
{
	static const char *const headings[] = { "epoch", "SHA-256 of the public key", "named in stream", NULL };
	page_heading(p, 3, "Keys");
	page_say(p, "%llu changes of the signing key in the time asked. Each key but the first is named by a record that the one before signed.",
		 (unsigned long long)log->rolls);
	page_table_begin(p, headings);
	for (size_t i = 0; i < log->n_keys; i++) {
		cell_number(p, log->keys[i].epoch);
		page_cell(p, "%s", log->keys[i].fingerprint);
		page_cell(p, "%s", log->keys[i].stream);
	}
	page_table_end(p);
	say_more(p, log->more_keys, "keys");
}

static void cell_how(struct page *p, const struct audit_period *d)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	buf_add_z(&text, d->how);
	if (d->name[0])
		buf_add_format(&text, " %s", d->name);
	if (d->errors[0])
		buf_add_format(&text, ": refused, the rules before stayed (%s)", d->errors);
	if (d->reason[0])
		buf_add_format(&text, ", reason %s", d->reason);
	if (d->confirm_ns != UINT64_MAX && d->confirm_ns)
		buf_add_format(&text, ", to be confirmed within %llu s", (unsigned long long)(d->confirm_ns / 1000000000u));
	if (d->blocked_on_trial != UINT64_MAX)
		buf_add_format(&text, ", blocked %llu on trial", (unsigned long long)d->blocked_on_trial);
	if (d->is_forced)
		buf_add_z(&text, ", forced");
	page_cell(p, "%s", buf_cstr(&text));
}

static void tell_policy(const struct audit_log *log, struct page *p)
{
	static const char *const headings[] = { "from", "to", "digest", "rules", "mode", "how", "by", "alerts", "blocks", "would block", NULL };
	page_heading(p, 3, "Rules in force");
	page_table_begin(p, headings);
	for (size_t i = 0; i < log->n_periods; i++) {
		const struct audit_period *d = &log->periods[i];
		page_cell(p, "%s", d->from);
		page_cell(p, "%s", d->to[0] ? d->to : "end");
		page_cell(p, "%s", d->digest);
		cell_number(p, d->rules);
		page_cell(p, "%s", d->mode[0] ? d->mode : "not told");
		cell_how(p, d);
		page_cell(p, "%s", d->by[0] ? d->by : "nobody is named");
		cell_number(p, d->alerts);
		cell_number(p, d->blocked);
		cell_number(p, d->would_block);
	}
	page_table_end(p);
	say_more(p, log->more_periods, "changes");
}

static void tell_log(const struct audit_report *report, const struct audit_log *log, struct page *p)
{
	page_heading(p, 2, "Host %s", log->host[0] ? log->host : "not known");
	tell_verification(report, log, p);
	tell_coverage(report, log, p);
	tell_gaps(log, p);
	tell_losses(log, p);
	tell_keys(log, p);
	tell_policy(log, p);
}

/* --- all of it ------------------------------------------------------------------------------------------------------------------------------- */

static void tell_alerts(const struct audit *a, struct page *p)
{
	static const char *const headings[] = { "rule", "severity", "alerts", "blocks", "would block", "first", "last", "name", NULL };
	page_heading(p, 2, "Alerts and blocks");
	page_say(p, "%llu alerts: %llu critical, %llu high, %llu medium, %llu low, %llu info. %llu acts were blocked or ended (%llu of them ended), %llu would have been. "
		    "%llu events besides.", (unsigned long long)a->alerts, (unsigned long long)a->by_severity[SEVERITY_CRITICAL],
		 (unsigned long long)a->by_severity[SEVERITY_HIGH], (unsigned long long)a->by_severity[SEVERITY_MEDIUM],
		 (unsigned long long)a->by_severity[SEVERITY_LOW], (unsigned long long)a->by_severity[SEVERITY_INFO], (unsigned long long)a->blocked,
		 (unsigned long long)a->killed, (unsigned long long)a->would_block, (unsigned long long)a->events);
	if (!a->n_rules)
		return;
	page_table_begin(p, headings);
	for (size_t i = 0; i < a->n_rules; i++) {
		const struct audit_rule *r = &a->rules[i];
		page_cell(p, "%s", r->id);
		cell_number(p, r->severity);
		cell_number(p, r->alerts);
		cell_number(p, r->blocked);
		cell_number(p, r->would_block);
		page_cell(p, "%s", r->first);
		page_cell(p, "%s", r->last);
		page_cell(p, "%s", r->name);
	}
	page_table_end(p);
	say_more(p, a->other_alerts, "alerts of other rules");
}

/* Each line as a point of a list. */
static void say_lines(struct page *p, struct strview rest)
{
	while (rest.n) {
		const char *end = memchr(rest.p, '\n', rest.n);
		size_t n = end ? (size_t)(end - rest.p) : rest.n;
		char line[1024];
		audit_printable((struct strview){ rest.p, n }, line, sizeof(line));
		page_point(p, "%s", line);
		rest = sv_from_index(rest, n + 1);
	}
}

static void tell_summary(const struct audit_report *report, struct page *p)
{
	enum audit_grade grade = audit_report_grade(report);
	audit_text key_file;
	audit_printable(sv_from(report->key_file), key_file, sizeof(key_file));
	if (grade == AUDIT_GRADE_UNVERIFIED)
		page_warn(p, "THIS REPORT IS NOT BUILT ON A VERIFIED LOG. Part of what was given did not verify, as told below: do not rely on it.");
	page_say(p, "Result: %s.", audit_grade_text(grade));
	page_say(p, "From %s up to %s (UTC); made %s by vedette " VEDETTE_VERSION " from %zu files, with the public keys of %s. Times are those of the signatures.",
		 report->from, report->to, report->made, report->files->n, key_file);
	page_say(p, "It tells what the records show and what they cannot show. Whether a requirement is met is for people to judge.");
	static const char *const headings[] = { "host", "verification", "records", "coverage", "gaps without a reason", "kinds of loss", "changes of rules", NULL };
	page_table_begin(p, headings);
	for (size_t i = 0; i < report->audit->n_logs; i++) {
		const struct audit_log *log = report->audit->logs[i];
		CLEANUP(buf_done) struct buf percent = { 0 };
		audit_add_percent(&percent, log->covered_ns, report->audit->to_ns - report->audit->from_ns);
		page_cell(p, "%s", log->host);
		page_cell(p, "%s", audit_state_text(log->state));
		cell_number(p, log->in_time);
		page_cell(p, "%s", buf_cstr(&percent));
		cell_number(p, log->unexplained);
		cell_number(p, log->n_losses);
		cell_number(p, log->n_periods + log->more_periods - (log->n_periods > 0));
	}
	page_table_end(p);
	CLEANUP(buf_done) struct buf passed = { 0 };
	logfiles_add_passed(report->files, &passed);
	say_lines(p, buf_sv(&passed));
	say_lines(p, buf_sv(&report->receipts));
}

void audit_report_page(const struct audit_report *report, struct page *p)
{
	page_heading(p, 1, "Vedette audit report");
	tell_summary(report, p);
	for (size_t i = 0; i < report->audit->n_logs; i++)
		tell_log(report, report->audit->logs[i], p);
	tell_alerts(report->audit, p);
	audit_report_requirements(report, p);
}
