/* SPDX-License-Identifier: Apache-2.0 */
/* For each requirement what the records show for it, samples of them, and what they cannot show. Counts what is there, and judges nothing. */
#include <stdio.h>

#include "alerts/audit_line.h"
#include "engine/daemon/audit_report.h"

typedef unsigned long long number;

enum { FACT_LOGS_MAX = 16 };

/* --- facts ------------------------------------------------------------------------------------------------------------------------------------ */

static void add_each(const struct audit_report *report, struct buf *out, void (*add)(const struct audit_report *, const struct audit_log *, struct buf *))
{
	size_t n = report->audit->n_logs;
	for (size_t i = 0; i < MIN(n, (size_t)FACT_LOGS_MAX); i++) {
		buf_add_format(out, "%s%s: ", i ? " " : "", report->audit->logs[i]->host);
		add(report, report->audit->logs[i], out);
	}
	if (n > FACT_LOGS_MAX)
		buf_add_format(out, " And %zu hosts more: see the section of each.", n - FACT_LOGS_MAX);
}

static void add_verification(const struct audit_report *report, const struct audit_log *log, struct buf *out)
{
	buf_add_format(out, "%s, %llu records of %llu streams, each signed and chained to the one before%s.",
		       audit_report_accepts(report, log) ? "verified" : "NOT VERIFIED", (number)log->records, (number)log->streams_n,
		       audit_report_accepts(report, log) ? "" : " up to the fault");
}

/* Streams of a command, a cgroup or a tape: their time is not the host's. */
static size_t narrow_streams(const struct audit_log *log)
{
	size_t n = 0;
	for (size_t i = 0; i < log->n_streams; i++)
		n += strcmp(log->streams[i].scope, "host") != 0;
	return n;
}

static void add_coverage(const struct audit_report *report, const struct audit_log *log, struct buf *out)
{
	uint64_t asked = report->audit->to_ns - report->audit->from_ns;
	buf_add_z(out, "a sensor was watching ");
	audit_add_seconds(out, log->covered_ns);
	buf_add_z(out, " of ");
	audit_add_seconds(out, asked);
	buf_add_z(out, ", ");
	audit_add_percent(out, log->covered_ns, asked);
	buf_add_char(out, '.');
	size_t narrow = narrow_streams(log);
	if (narrow)
		buf_add_format(out, " In %zu of %zu streams not the whole host was watched: see the scope of each.", narrow, log->n_streams);
}

static void add_gaps(const struct audit_report *report, const struct audit_log *log, struct buf *out)
{
	(void)report;
	buf_add_format(out, "%llu gaps, %llu of them without a reason in the log.", (number)(log->n_gaps + log->more_gaps), (number)log->unexplained);
}

static void add_losses(const struct audit_report *report, const struct audit_log *log, struct buf *out)
{
	(void)report;
	if (!log->n_losses)
		buf_add_z(out, "no record tells of a loss.");
	for (size_t i = 0; i < log->n_losses; i++)
		buf_add_format(out, "%s%llu (%s)%s", i ? ", " : "", (number)log->losses[i].count, log->losses[i].what, i + 1 == log->n_losses ? "." : "");
}

static void add_probes(const struct audit_report *report, const struct audit_log *log, struct buf *out)
{
	(void)report;
	buf_add_format(out, "%llu records name probes that the rules need and the kernel refused; %llu signs of life tell of failures of the agent's own protection.",
		       (number)log->hooks_missing, (number)log->protection_failures);
}

static void add_keys(const struct audit_report *report, const struct audit_log *log, struct buf *out)
{
	(void)report;
	buf_add_format(out, "%llu keys signed, %llu changes in the time asked.", (number)(log->n_keys + log->more_keys), (number)log->rolls);
	if (log->n_keys)
		buf_add_format(out, " The first is epoch %llu, SHA-256 %s.", (number)log->keys[0].epoch, log->keys[0].fingerprint);
}

static void add_policy(const struct audit_report *report, const struct audit_log *log, struct buf *out)
{
	(void)report;
	size_t rollbacks = 0, refused = 0, enforced = 0;
	for (size_t i = 0; i < log->n_periods; i++) {
		rollbacks += strcmp(log->periods[i].how, "rollback") == 0;
		refused += log->periods[i].errors[0] != '\0';
		enforced += strcmp(log->periods[i].mode, "enforce") == 0;
	}
	buf_add_format(out, "%zu records of rules put in force or tried, %zu refused, %zu taken back; %zu of them while blocking was on.", log->n_periods, refused,
		       rollbacks, enforced);
	if (log->n_periods)
		buf_add_format(out, " The last: %s.", log->periods[log->n_periods - 1].digest);
}

static void add_clock(const struct audit_report *report, const struct audit_log *log, struct buf *out)
{
	(void)report;
	buf_add_format(out, "of its own records %llu say that the kernel held its clock for synchronised, %llu that it did not, %llu do not know.",
		       (number)log->clock_yes, (number)log->clock_no, (number)log->clock_unknown);
}

static void add_span(const struct audit_report *report, const struct audit_log *log, struct buf *out)
{
	(void)report;
	buf_add_format(out, "what was given is signed from %s to %s.", log->first_time[0] ? log->first_time : "never", log->last_time[0] ? log->last_time : "never");
}

static void add_content(const struct audit *a, struct buf *out)
{
	uint64_t all = a->alerts + a->events;
	if (!all)
		buf_add_z(out, "No alert or event in the time asked.");
	for (size_t i = 0; all && i < AUDIT_CONTENT_COUNT; i++) {
		buf_add_format(out, "%s%llu of %llu (", i ? "; " : "Alerts and events that tell ", (number)a->content[i], (number)all);
		audit_add_percent(out, a->content[i], all);
		buf_add_format(out, ") %s", audit_content_text((enum audit_content)i));
	}
	if (all)
		buf_add_char(out, '.');
}

static void add_rules(const struct audit *a, struct buf *out)
{
	buf_add_format(out, "%llu alerts of %zu rules, %llu of severity high or critical; %llu acts were blocked, %llu would have been.", (number)a->alerts,
		       a->n_rules, (number)(a->by_severity[SEVERITY_HIGH] + a->by_severity[SEVERITY_CRITICAL]), (number)a->blocked, (number)a->would_block);
}

void audit_fact_add(const struct audit_report *report, enum audit_fact fact, struct buf *out)
{
	static void (*const each[AUDIT_FACT_COUNT])(const struct audit_report *, const struct audit_log *, struct buf *) = {
		[AUDIT_FACT_VERIFICATION] = add_verification, [AUDIT_FACT_COVERAGE] = add_coverage, [AUDIT_FACT_GAPS] = add_gaps,
		[AUDIT_FACT_LOSSES] = add_losses, [AUDIT_FACT_PROBES] = add_probes, [AUDIT_FACT_KEYS] = add_keys, [AUDIT_FACT_POLICY] = add_policy,
		[AUDIT_FACT_CLOCK] = add_clock, [AUDIT_FACT_SPAN] = add_span,
	};
	if (each[fact])
		add_each(report, out, each[fact]);
	else if (fact == AUDIT_FACT_CONTENT)
		add_content(report->audit, out);
	else if (fact == AUDIT_FACT_RULES)
		add_rules(report->audit, out);
	else
		buf_add_z(out, report->receipts.n ? "Receipts of a collector were held against the logs: see the summary." :
						    "No receipt of a collector was given, so nothing is shown.");
}

/* --- the page --------------------------------------------------------------------------------------------------------------------------------- */

/* As text a table of ten columns would be too wide for any page. */
static void tell_samples_as_lines(const struct audit_shown *shown, struct page *p)
{
	for (size_t i = 0; i < shown->n_samples; i++) {
		const struct audit_sample *s = &shown->samples[i];
		audit_text file;
		audit_printable(sv_from(s->file), file, sizeof(file));
		page_say(p, "      %s %s (%s:%llu)", s->signed_at, s->id, file, (number)s->line);
		page_say(p, "        %s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s", s->action, s->verdict[0] ? ", verdict " : "", s->verdict, s->done[0] ? ", done: " : "", s->done,
			 s->outcome[0] ? ", outcome " : "", s->outcome, s->rule[0] ? ", rule " : "", s->rule, s->severity[0] ? ", severity " : "", s->severity,
			 s->user[0] ? ", user " : "", s->user, s->executable[0] ? ", program " : "", s->executable, s->object[0] ? ", on " : "", s->object,
			 s->message[0] ? ": " : "", s->message);
	}
}

static void tell_samples(const struct audit_shown *shown, struct page *p)
{
	static const char *const headings[] = { "signed", "record", "place", "action", "verdict", "outcome", "rule, severity", "user", "program", "on what, message", NULL };
	if (!p->is_html) {
		tell_samples_as_lines(shown, p);
		return;
	}
	page_table_begin(p, headings);
	for (size_t i = 0; i < shown->n_samples; i++) {
		const struct audit_sample *s = &shown->samples[i];
		audit_text file;
		audit_printable(sv_from(s->file), file, sizeof(file));
		page_cell(p, "%s", s->signed_at);
		page_cell(p, "%s", s->id);
		page_cell(p, "%s:%llu", file, (number)s->line);
		page_cell(p, "%s", s->action);
		page_cell(p, "%s%s%s", s->verdict, s->verdict[0] && s->done[0] ? ", " : "", s->done);
		page_cell(p, "%s", s->outcome);
		page_cell(p, "%s%s%s", s->rule, s->rule[0] && s->severity[0] ? ", " : "", s->severity);
		page_cell(p, "%s", s->user);
		page_cell(p, "%s", s->executable);
		page_cell(p, "%s%s%s", s->object, s->object[0] && s->message[0] ? ": " : "", s->message);
	}
	page_table_end(p);
}

static void tell_shown(const struct audit *a, enum audit_show show, struct page *p)
{
	const struct audit_shown *shown = &a->shown[show];
	if (!shown->count) {
		page_point(p, "No record in the time asked is one of: %s.", audit_show_text(show));
		return;
	}
	page_point(p, "%llu records, %s to %s: %s. Samples:", (number)shown->count, shown->first, shown->last, audit_show_text(show));
	tell_samples(shown, p);
}

static void tell_requirement(const struct audit_report *report, const struct audit_requirement *q, struct page *p)
{
	page_heading(p, 3, "%s %s: %s", audit_standard_name(q->standard), q->number, q->about);
	for (size_t f = 0; f < AUDIT_FACT_COUNT; f++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		if (!(q->facts >> f & 1))
			continue;
		audit_fact_add(report, (enum audit_fact)f, &text);
		page_point(p, "%s", buf_cstr(&text));
	}
	for (size_t s = 0; s < AUDIT_SHOW_COUNT; s++)
		if (q->shows >> s & 1)
			tell_shown(report->audit, (enum audit_show)s, p);
	page_point(p, "Not shown by the records: %s", q->cannot);
}

void audit_report_requirements(const struct audit_report *report, struct page *p)
{
	size_t n;
	const struct audit_requirement *q = audit_requirements(&n);
	if (audit_report_grade(report) == AUDIT_GRADE_UNVERIFIED)
		page_warn(p, "Not built on a verified log: see the top.");
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || q[i].standard != q[i - 1].standard)
			page_heading(p, 2, "%s", audit_standard_name(q[i].standard));
		tell_requirement(report, &q[i], p);
	}
}
