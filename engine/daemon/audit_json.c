/* SPDX-License-Identifier: Apache-2.0 */
/* The report as one JSON document: schemas/audit.schema.json has its form. Members are in order, texts as the page has them. */
#include "alerts/audit_line.h"
#include "engine/base/clock.h"
#include "engine/daemon/audit_report.h"

static void put_text(struct json *j, const char *name, const char *text)
{
	json_key(j, name);
	json_str(j, sv_from(text));
}

static void put_number(struct json *j, const char *name, uint64_t n)
{
	json_key(j, name);
	json_u64(j, n);
}

/* Left out when there is none. */
static void put_maybe(struct json *j, const char *name, const char *text)
{
	if (text[0])
		put_text(j, name, text);
}

static void put_known(struct json *j, const char *name, uint64_t n)
{
	if (n != UINT64_MAX)
		put_number(j, name, n);
}

static void put_time(struct json *j, const char *name, uint64_t ns)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	if (!ns)
		return;
	clock_add_rfc3339(&text, ns);
	put_text(j, name, buf_cstr(&text));
}

static void put_file(struct json *j, const char *path)
{
	audit_text file;
	audit_printable(sv_from(path), file, sizeof(file));
	put_text(j, "file", file);
}

static void put_list(struct json *j, const char *name)
{
	json_key(j, name);
	json_array_begin(j);
}

static void put_gaps(struct json *j, const struct audit_log *log)
{
	static const char *const causes[AUDIT_GAP_COUNT] = {
		[AUDIT_GAP_BEFORE] = "before", [AUDIT_GAP_STOPPED] = "stopped", [AUDIT_GAP_UNCLEAN] = "unclean end", [AUDIT_GAP_SILENCE] = "silence",
		[AUDIT_GAP_AFTER] = "after",
	};
	put_list(j, "gaps");
	for (size_t i = 0; i < log->n_gaps; i++) {
		const struct audit_gap *g = &log->gaps[i];
		json_object_begin(j);
		put_text(j, "cause", causes[g->kind]);
		put_time(j, "from", g->from_ns);
		put_number(j, "missing_records", g->count);
		if (g->stream[0])
			put_number(j, "next", g->next);
		put_maybe(j, "stream", g->stream);
		put_time(j, "to", g->to_ns);
		put_maybe(j, "what", g->what);
		put_number(j, "within_ns", g->within_ns);
		json_object_end(j);
	}
	json_array_end(j);
	put_number(j, "gaps_left_out", log->more_gaps);
}

static void put_keys(struct json *j, const struct audit_log *log)
{
	put_number(j, "key_changes", log->rolls);
	put_list(j, "keys");
	for (size_t i = 0; i < log->n_keys; i++) {
		json_object_begin(j);
		put_number(j, "epoch", log->keys[i].epoch);
		put_text(j, "fingerprint", log->keys[i].fingerprint);
		put_text(j, "stream", log->keys[i].stream);
		json_object_end(j);
	}
	json_array_end(j);
	put_number(j, "keys_left_out", log->more_keys);
}

static void put_losses(struct json *j, const struct audit_log *log)
{
	put_list(j, "losses");
	for (size_t i = 0; i < log->n_losses; i++) {
		const struct audit_loss *l = &log->losses[i];
		bool is_held;
		const char *meaning = audit_loss_text(l->what, &is_held);
		json_object_begin(j);
		put_number(j, "count", l->count);
		put_text(j, "first", l->first);
		json_key(j, "held_back");
		json_bool(j, is_held);
		put_text(j, "last", l->last);
		put_maybe(j, "meaning", meaning);
		put_number(j, "records", l->records);
		put_text(j, "what", l->what);
		json_object_end(j);
	}
	json_array_end(j);
}

static void put_policy(struct json *j, const struct audit_log *log)
{
	put_list(j, "policy");
	for (size_t i = 0; i < log->n_periods; i++) {
		const struct audit_period *d = &log->periods[i];
		json_object_begin(j);
		put_number(j, "alerts", d->alerts);
		put_number(j, "blocked", d->blocked);
		put_known(j, "blocked_on_trial", d->blocked_on_trial);
		put_maybe(j, "by", d->by);
		put_known(j, "confirm_ns", d->confirm_ns);
		put_text(j, "digest", d->digest);
		put_maybe(j, "errors", d->errors);
		json_key(j, "forced");
		json_bool(j, d->is_forced);
		put_text(j, "from", d->from);
		put_text(j, "how", d->how);
		put_text(j, "id", d->id);
		put_maybe(j, "mode", d->mode);
		put_maybe(j, "name", d->name);
		put_maybe(j, "reason", d->reason);
		put_known(j, "rules", d->rules);
		put_maybe(j, "to", d->to);
		put_number(j, "would_block", d->would_block);
		json_object_end(j);
	}
	json_array_end(j);
	put_number(j, "policy_left_out", log->more_periods);
}

static void put_streams(struct json *j, const struct audit_log *log)
{
	put_list(j, "streams");
	for (size_t i = 0; i < log->n_streams; i++) {
		const struct audit_stream *s = &log->streams[i];
		json_object_begin(j);
		put_maybe(j, "boot", s->boot);
		put_maybe(j, "close_reason", s->close_reason);
		json_key(j, "closed");
		json_bool(j, s->is_closed);
		put_number(j, "first", s->first);
		put_text(j, "from", s->from);
		json_key(j, "goes_on");
		json_bool(j, s->goes_on);
		put_maybe(j, "hooks_missing", s->hooks_missing);
		put_maybe(j, "kernel", s->kernel);
		put_number(j, "last", s->last);
		put_maybe(j, "mode", s->enforcement);
		put_text(j, "name", s->name);
		put_maybe(j, "scope", s->scope);
		put_maybe(j, "sensor", s->sensor);
		put_text(j, "to", s->to);
		put_maybe(j, "version", s->version);
		json_object_end(j);
	}
	json_array_end(j);
	put_number(j, "streams_left_out", log->more_streams);
}

static void put_coverage(struct json *j, const struct audit *a, const struct audit_log *log)
{
	static const char *const names[AUDIT_GAP_COUNT] = {
		[AUDIT_GAP_BEFORE] = "before_ns", [AUDIT_GAP_STOPPED] = "stopped_ns", [AUDIT_GAP_UNCLEAN] = "unclean_ns", [AUDIT_GAP_SILENCE] = "silence_ns",
		[AUDIT_GAP_AFTER] = "after_ns",
	};
	uint64_t asked = a->to_ns - a->from_ns;
	json_key(j, "coverage");
	json_object_begin(j);
	put_number(j, names[AUDIT_GAP_AFTER], log->uncovered_ns[AUDIT_GAP_AFTER]);
	put_number(j, "asked_ns", asked);
	put_number(j, names[AUDIT_GAP_BEFORE], log->uncovered_ns[AUDIT_GAP_BEFORE]);
	put_number(j, "clock_set_back", log->set_back);
	put_number(j, "covered_ns", log->covered_ns);
	put_number(j, "percent_e4", audit_percent(log->covered_ns, asked));
	put_number(j, names[AUDIT_GAP_SILENCE], log->uncovered_ns[AUDIT_GAP_SILENCE]);
	put_number(j, names[AUDIT_GAP_STOPPED], log->uncovered_ns[AUDIT_GAP_STOPPED]);
	put_number(j, names[AUDIT_GAP_UNCLEAN], log->uncovered_ns[AUDIT_GAP_UNCLEAN]);
	json_object_end(j);
}

static void put_clock(struct json *j, const struct audit_log *log)
{
	json_key(j, "clock");
	json_object_begin(j);
	put_number(j, "no", log->clock_no);
	put_number(j, "unknown", log->clock_unknown);
	put_number(j, "yes", log->clock_yes);
	json_object_end(j);
}

static void put_log(const struct audit_report *report, struct json *j, const struct audit_log *log)
{
	json_object_begin(j);
	json_key(j, "accepted");
	json_bool(j, audit_report_accepts(report, log));
	put_text(j, "agent", log->agent);
	put_clock(j, log);
	put_coverage(j, report->audit, log);
	put_maybe(j, "detail", log->detail);
	put_file(j, log->file);
	put_number(j, "first", log->first);
	put_text(j, "first_time", log->first_time);
	put_maybe(j, "follows", log->follows);
	put_gaps(j, log);
	put_number(j, "hooks_missing", log->hooks_missing);
	put_text(j, "host", log->host);
	put_text(j, "host_id", log->host_id);
	put_number(j, "in_time", log->in_time);
	put_keys(j, log);
	put_number(j, "last", log->last);
	put_text(j, "last_time", log->last_time);
	put_losses(j, log);
	put_policy(j, log);
	put_number(j, "protection_failures", log->protection_failures);
	put_number(j, "records", log->records);
	put_text(j, "state", audit_state_text(log->state));
	put_streams(j, log);
	put_number(j, "streams_verified", log->streams_n);
	put_number(j, "unexplained_gaps", log->unexplained);
	json_object_end(j);
}

static void put_alerts(struct json *j, const struct audit *a)
{
	json_key(j, "alerts");
	json_object_begin(j);
	put_number(j, "blocked", a->blocked);
	json_key(j, "by_severity");
	json_object_begin(j);
	put_number(j, "critical", a->by_severity[SEVERITY_CRITICAL]);
	put_number(j, "high", a->by_severity[SEVERITY_HIGH]);
	put_number(j, "info", a->by_severity[SEVERITY_INFO]);
	put_number(j, "low", a->by_severity[SEVERITY_LOW]);
	put_number(j, "medium", a->by_severity[SEVERITY_MEDIUM]);
	json_object_end(j);
	put_number(j, "count", a->alerts);
	put_number(j, "events", a->events);
	put_number(j, "killed", a->killed);
	put_number(j, "of_other_rules", a->other_alerts);
	put_list(j, "rules");
	for (size_t i = 0; i < a->n_rules; i++) {
		const struct audit_rule *r = &a->rules[i];
		json_object_begin(j);
		put_number(j, "alerts", r->alerts);
		put_number(j, "blocked", r->blocked);
		put_text(j, "first", r->first);
		put_text(j, "id", r->id);
		put_text(j, "last", r->last);
		put_text(j, "name", r->name);
		put_number(j, "severity", r->severity);
		put_number(j, "would_block", r->would_block);
		json_object_end(j);
	}
	json_array_end(j);
	put_number(j, "would_block", a->would_block);
	json_object_end(j);
}

static void put_sample(struct json *j, const struct audit_sample *s)
{
	json_object_begin(j);
	put_maybe(j, "action", s->action);
	put_text(j, "dataset", s->dataset);
	put_maybe(j, "done", s->done);
	put_maybe(j, "executable", s->executable);
	put_file(j, s->file);
	put_text(j, "id", s->id);
	put_number(j, "line", s->line);
	put_maybe(j, "message", s->message);
	put_maybe(j, "object", s->object);
	put_maybe(j, "outcome", s->outcome);
	put_maybe(j, "rule", s->rule);
	put_known(j, "sequence", s->sequence);
	put_maybe(j, "severity", s->severity);
	put_text(j, "signed", s->signed_at);
	put_maybe(j, "time", s->time);
	put_maybe(j, "user", s->user);
	put_maybe(j, "verdict", s->verdict);
	json_object_end(j);
}

static void put_shown(struct json *j, const struct audit_shown *shown, const char *what)
{
	json_object_begin(j);
	put_number(j, "count", shown->count);
	put_maybe(j, "first", shown->first);
	put_maybe(j, "last", shown->last);
	put_list(j, "samples");
	for (size_t i = 0; i < shown->n_samples; i++)
		put_sample(j, &shown->samples[i]);
	json_array_end(j);
	put_text(j, "what", what);
	json_object_end(j);
}

static void put_requirement(const struct audit_report *report, struct json *j, const struct audit_requirement *q)
{
	json_object_begin(j);
	put_text(j, "about", q->about);
	put_list(j, "facts");
	for (size_t f = 0; f < AUDIT_FACT_COUNT; f++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		if (!(q->facts >> f & 1))
			continue;
		audit_fact_add(report, (enum audit_fact)f, &text);
		json_str(j, buf_sv(&text));
	}
	json_array_end(j);
	put_text(j, "not_shown", q->cannot);
	put_text(j, "number", q->number);
	put_list(j, "shown");
	for (size_t s = 0; s < AUDIT_SHOW_COUNT; s++)
		if (q->shows >> s & 1)
			put_shown(j, &report->audit->shown[s], audit_show_text((enum audit_show)s));
	json_array_end(j);
	put_text(j, "standard", audit_standard_key(q->standard));
	json_object_end(j);
}

/* What nobody has looked at. */
static void put_passed(struct json *j, const struct logfiles *files)
{
	put_list(j, "passed_over");
	for (size_t i = 0; i < files->n_passed; i++) {
		json_object_begin(j);
		put_file(j, files->passed[i].path);
		put_text(j, "what", files->passed[i].what);
		json_object_end(j);
	}
	json_array_end(j);
	put_number(j, "passed_over_left_out", files->more_passed);
}

void audit_report_json(const struct audit_report *report, struct buf *out)
{
	const struct audit *a = report->audit;
	enum audit_grade grade = audit_report_grade(report);
	size_t n;
	const struct audit_requirement *q = audit_requirements(&n);
	struct json j;
	json_init(&j, out);
	json_object_begin(&j);
	put_alerts(&j, a);
	put_number(&j, "files", report->files->n);
	put_text(&j, "from", report->from);
	put_list(&j, "logs");
	for (size_t i = 0; i < a->n_logs; i++)
		put_log(report, &j, a->logs[i]);
	json_array_end(&j);
	put_text(&j, "made", report->made);
	put_text(&j, "made_by", "vedette " VEDETTE_VERSION);
	put_passed(&j, report->files);
	json_key(&j, "receipts");
	json_str(&j, buf_sv(&report->receipts));
	put_list(&j, "requirements");
	for (size_t i = 0; i < n; i++)
		put_requirement(report, &j, &q[i]);
	json_array_end(&j);
	put_text(&j, "result", audit_grade_text(grade));
	put_text(&j, "to", report->to);
	json_key(&j, "verified");
	json_bool(&j, grade != AUDIT_GRADE_UNVERIFIED);
	json_object_end(&j);
	buf_add_char(out, '\n');
}
