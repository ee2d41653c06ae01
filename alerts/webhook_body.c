/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of requests. Where a receiver keeps text as it is, the record goes as text, so that its signature can be checked there. */
#include "alerts/webhook_body.h"

#include <assert.h>

#include "alerts/alert.h"
#include "alerts/format.h"
#include "alerts/terminal.h"
#include "engine/base/clock.h"
#include "engine/base/json.h"
#include "engine/base/jsonread.h"

/* Bytes as they are written in the body: PagerDuty takes 1024 letters, Slack 40,000 for 20 alerts, Teams 28 KB for 10, in two bytes a letter. */
enum {
	TEXT_MAX = 1000,      /* of a sentence for people */
	TEAMS_TEXT_MAX = 700,
	NAME_MAX_BYTES = 200, /* of a host or a rule */
};

static const struct webhook_form forms[WEBHOOK_TEMPLATES] = {
	[WEBHOOK_NDJSON] = { "ndjson", "application/x-ndjson", 1000, true },
	[WEBHOOK_SLACK] = { "slack", "application/json", 20, false },
	[WEBHOOK_TEAMS] = { "teams", "application/json", 10, false },
	[WEBHOOK_PAGERDUTY] = { "pagerduty", "application/json", 1, false },
	[WEBHOOK_SPLUNK] = { "splunk", "application/json", 1000, true },
	[WEBHOOK_ELASTICSEARCH] = { "elasticsearch", "application/x-ndjson", 1000, true },
	[WEBHOOK_LOKI] = { "loki", "application/json", 1000, true },
	[WEBHOOK_OTLP] = { "otlp", "application/json", 1000, true },
};

const struct webhook_form *webhook_form(enum webhook_template t)
{
	return &forms[t];
}

enum webhook_template webhook_template_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (strcmp(forms[i].name, name) == 0)
			return (enum webhook_template)i;
	return WEBHOOK_NDJSON;
}

/* --- parts ------------------------------------------------------------------------------------------------------------------------------- */

static void add_member(struct json *j, const char *name, struct strview text)
{
	json_key(j, name);
	json_str(j, text);
}

/* The sentence for people, else the rule's title, else what happened. */
static void add_sentence(struct buf *out, const struct sink_line *line)
{
	const struct strview choices[] = { line->message, line->title, line->action };
	for (size_t i = 0; i < ARRAY_SIZE(choices); i++) {
		size_t before = out->n;
		if (choices[i].n && json_unescape(choices[i], out) == 0)
			return;
		out->n = before;
	}
}

static uint64_t time_of(const struct sink_line *line)
{
	uint64_t wall_ns = 0;
	return clock_parse_rfc3339(line->time, &wall_ns) ? clock_ns(CLOCK_REALTIME) : wall_ns;
}

static struct strview severity_name(const struct sink_line *line)
{
	return sv_from(severity_text(line->severity));
}

/* --- for people --------------------------------------------------------------------------------------------------------------------------- */

/* Slack's text has signs of its own: & < and >. */
static void add_letter(struct buf *out, struct strview letter, bool has_signs)
{
	if (has_signs && letter.p[0] == '&')
		buf_add_z(out, "&amp;");
	else if (has_signs && letter.p[0] == '<')
		buf_add_z(out, "&lt;");
	else if (has_signs && letter.p[0] == '>')
		buf_add_z(out, "&gt;");
	else
		buf_add_sv(out, letter);
}

/*
 * Words of others, on one line and without letters that turn or hide text. At most so many bytes as they are written in the body, escapes and all, and cut
 * between two letters: receivers cut what is longer themselves, with the alerts behind it, and say nothing.
 */
static void add_words(struct buf *out, struct strview text, size_t most, bool has_signs)
{
	static const char cut[] = "...";
	CLEANUP(buf_done) struct buf safe = { 0 };
	terminal_text(&safe, text);
	size_t written = 0, whole = out->n; /* whole: up to where the sign of the cut has room as well */
	for (size_t i = 0; i < safe.n && !out->failed;) {
		struct strview letter = { safe.p + i, MAX(utf8_length(safe.p + i, safe.n - i), (size_t)1) };
		size_t before = out->n;
		add_letter(out, letter, has_signs);
		written += out->n - before + (letter.p[0] == '"' || letter.p[0] == '\\');
		if (written > most) {
			out->n = whole;
			buf_add_z(out, cut);
			break;
		}
		if (written + sizeof(cut) - 1 <= most)
			whole = out->n;
		i += letter.n;
	}
	out->failed |= safe.failed;
}

/* Words and no formatting: a name of a file is no link, no list, and no other alert. */
static void slack(const struct sink_line *lines, size_t n, struct buf *out)
{
	CLEANUP(buf_done) struct buf text = { 0 }, sentence = { 0 };
	struct json j;
	for (size_t i = 0; i < n; i++) {
		buf_reset(&sentence);
		add_sentence(&sentence, &lines[i]);
		buf_add_format(&text, "%s" SV_FMT ": ", i ? "\n" : "", SV_ARG(severity_name(&lines[i])));
		add_words(&text, buf_sv(&sentence), TEXT_MAX, true);
		buf_add_z(&text, " (");
		add_words(&text, lines[i].host, NAME_MAX_BYTES, true);
		buf_add_z(&text, ", ");
		add_words(&text, lines[i].rule, NAME_MAX_BYTES, true);
		buf_add_char(&text, ')');
	}
	json_init(&j, out);
	json_object_begin(&j);
	json_key(&j, "mrkdwn");
	json_bool(&j, false);
	add_member(&j, "text", buf_sv(&text));
	json_object_end(&j);
	out->failed |= text.failed || sentence.failed;
}

/* A TextBlock would read its text as Markdown: this kind does not. */
static void teams_block(struct json *j, struct strview text, bool is_head)
{
	json_object_begin(j);
	json_key(j, "inlines");
	json_array_begin(j);
	json_object_begin(j);
	add_member(j, "text", text);
	add_member(j, "type", SV("TextRun"));
	if (is_head)
		add_member(j, "weight", SV("bolder"));
	json_object_end(j);
	json_array_end(j);
	if (is_head)
		add_member(j, "spacing", SV("medium"));
	add_member(j, "type", SV("RichTextBlock"));
	json_object_end(j);
}

/* An adaptive card in the envelope that Teams' workflows take. */
static void teams(const struct sink_line *lines, size_t n, struct buf *out)
{
	CLEANUP(buf_done) struct buf text = { 0 }, sentence = { 0 };
	struct json j;
	json_init(&j, out);
	json_object_begin(&j);
	json_key(&j, "attachments");
	json_array_begin(&j);
	json_object_begin(&j);
	json_key(&j, "content");
	json_object_begin(&j);
	add_member(&j, "$schema", SV("http://adaptivecards.io/schemas/adaptive-card.json"));
	json_key(&j, "body");
	json_array_begin(&j);
	for (size_t i = 0; i < n; i++) {
		buf_reset(&text);
		buf_add_format(&text, SV_FMT ": ", SV_ARG(severity_name(&lines[i])));
		add_words(&text, lines[i].rule, NAME_MAX_BYTES, false);
		buf_add_z(&text, " (");
		add_words(&text, lines[i].host, NAME_MAX_BYTES, false);
		buf_add_char(&text, ')');
		teams_block(&j, buf_sv(&text), true);
		buf_reset(&text);
		buf_reset(&sentence);
		add_sentence(&sentence, &lines[i]);
		add_words(&text, buf_sv(&sentence), TEAMS_TEXT_MAX, false);
		teams_block(&j, buf_sv(&text), false);
	}
	json_array_end(&j);
	add_member(&j, "type", SV("AdaptiveCard"));
	add_member(&j, "version", SV("1.4"));
	json_object_end(&j);
	add_member(&j, "contentType", SV("application/vnd.microsoft.card.adaptive"));
	json_object_end(&j);
	json_array_end(&j);
	add_member(&j, "type", SV("message"));
	json_object_end(&j);
	out->failed |= text.failed || sentence.failed;
}

/* Events v2: one alert is one incident, known by the record's id, so that one that is sent again opens no second one. */
static void pagerduty(const struct sink_line *line, struct strview token, struct buf *out)
{
	static const char *const severities[SEVERITY_COUNT] = { "info", "info", "warning", "error", "critical" };
	CLEANUP(buf_done) struct buf text = { 0 }, sentence = { 0 };
	struct json j;
	sink_line_id(line, &text);
	json_init(&j, out);
	json_object_begin(&j);
	add_member(&j, "client", SV("Vedette"));
	add_member(&j, "dedup_key", buf_sv(&text));
	add_member(&j, "event_action", SV("trigger"));
	json_key(&j, "payload");
	json_object_begin(&j);
	add_member(&j, "class", line->rule);
	add_member(&j, "component", line->action);
	json_key(&j, "custom_details");
	json_object_begin(&j);
	add_member(&j, "record", line->text);
	json_object_end(&j);
	add_member(&j, "severity", sv_from(severities[line->severity]));
	add_member(&j, "source", line->host.n ? line->host : SV("unknown"));
	buf_reset(&text);
	add_sentence(&sentence, line);
	add_words(&text, buf_sv(&sentence), TEXT_MAX, false);
	add_member(&j, "summary", buf_sv(&text));
	add_member(&j, "timestamp", line->time);
	json_object_end(&j);
	add_member(&j, "routing_key", token);
	json_object_end(&j);
	out->failed |= text.failed || sentence.failed;
}

/* --- for machines ------------------------------------------------------------------------------------------------------------------------- */

static void ndjson(const struct sink_line *lines, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		buf_add_sv(out, lines[i].text);
		buf_add_char(out, '\n');
	}
}

/* The event is text and no object: Splunk keeps that as _raw to the byte, and still finds its fields. */
static void splunk(const struct sink_line *lines, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		const uint64_t ms = time_of(&lines[i]) / 1000000;
		struct json j;
		json_init(&j, out);
		json_object_begin(&j);
		add_member(&j, "event", lines[i].text);
		if (lines[i].host.n)
			add_member(&j, "host", lines[i].host);
		add_member(&j, "source", SV("vedette"));
		add_member(&j, "sourcetype", SV("_json"));
		json_key(&j, "time");
		CLEANUP(buf_done) struct buf time = { 0 };
		buf_add_format(&time, "%llu.%03u", (unsigned long long)(ms / 1000), (unsigned)(ms % 1000));
		json_raw(&j, buf_sv(&time));
		json_object_end(&j);
		buf_add_char(out, '\n');
		out->failed |= time.failed;
	}
}

/* Created under the record's id: one that is sent again is there already. */
static void elasticsearch(const struct sink_line *lines, size_t n, struct buf *out)
{
	CLEANUP(buf_done) struct buf id = { 0 };
	for (size_t i = 0; i < n; i++) {
		struct json j;
		buf_reset(&id);
		sink_line_id(&lines[i], &id);
		json_init(&j, out);
		json_object_begin(&j);
		json_key(&j, "create");
		json_object_begin(&j);
		add_member(&j, "_id", buf_sv(&id));
		json_object_end(&j);
		json_object_end(&j);
		buf_add_char(out, '\n');
		buf_add_sv(out, lines[i].text);
		buf_add_char(out, '\n');
	}
	out->failed |= id.failed;
}

static bool is_same_loki_stream(const struct sink_line *a, const struct sink_line *b)
{
	return sv_equal(a->host, b->host) && a->severity == b->severity && sv_equal(a->dataset, b->dataset);
}

/* A stream of Loki for each run of records with the same labels, which are few by design. */
static void loki(const struct sink_line *lines, size_t n, struct buf *out)
{
	struct json j;
	json_init(&j, out);
	json_object_begin(&j);
	json_key(&j, "streams");
	json_array_begin(&j);
	for (size_t i = 0; i < n;) {
		const struct sink_line *first = &lines[i];
		json_object_begin(&j);
		json_key(&j, "stream");
		json_object_begin(&j);
		add_member(&j, "dataset", first->dataset);
		add_member(&j, "host", first->host);
		add_member(&j, "job", SV("vedette"));
		add_member(&j, "severity", severity_name(first));
		json_object_end(&j);
		json_key(&j, "values");
		json_array_begin(&j);
		for (; i < n && is_same_loki_stream(&lines[i], first); i++) {
			CLEANUP(buf_done) struct buf time = { 0 };
			buf_add_u64(&time, time_of(&lines[i]));
			json_array_begin(&j);
			json_str(&j, buf_sv(&time));
			json_str(&j, lines[i].text);
			json_array_end(&j);
			out->failed |= time.failed;
		}
		json_array_end(&j);
		json_object_end(&j);
	}
	json_array_end(&j);
	json_object_end(&j);
}

/* A resource for each run of an agent: another one may have another version, host or name. */
static int otlp(const struct sink_line *lines, size_t n, struct buf *out)
{
	int r = 0;
	for (size_t i = 0; i < n && !r; i++) {
		bool is_same = i && sv_equal(lines[i].stream, lines[i - 1].stream) && sv_equal(lines[i].host, lines[i - 1].host);
		if (!is_same)
			r = format_otlp_begin(lines[i].text, i == 0, out);
		if (!r)
			r = format_otlp_add(lines[i].text, 0, !is_same, out);
	}
	format_otlp_end(out);
	return r;
}

int webhook_body(enum webhook_template t, const struct sink_line *lines, size_t n, struct strview token, struct buf *out)
{
	int r = 0;
	assert(n > 0 && n <= forms[t].most);
	switch (t) {
	case WEBHOOK_SLACK: slack(lines, n, out); break;
	case WEBHOOK_TEAMS: teams(lines, n, out); break;
	case WEBHOOK_PAGERDUTY: pagerduty(&lines[0], token, out); break;
	case WEBHOOK_SPLUNK: splunk(lines, n, out); break;
	case WEBHOOK_ELASTICSEARCH: elasticsearch(lines, n, out); break;
	case WEBHOOK_LOKI: loki(lines, n, out); break;
	case WEBHOOK_OTLP: r = otlp(lines, n, out); break;
	default: ndjson(lines, n, out); break;
	}
	return r ? r : buf_error(out);
}
