/* SPDX-License-Identifier: Apache-2.0 */
/* Syslog messages. Whatever stands in a record, header and structured data keep their shape. */
#include "alerts/syslog_message.h"

#include <errno.h>
#include <time.h>

#include "alerts/alert.h"
#include "engine/base/clock.h"

enum { NAME_MAX_BYTES = 48, HOST_MAX_BYTES = 255, MSGID_MAX_BYTES = 32, MICROSECONDS = 26 };

int syslog_facility(const char *name)
{
	static const struct { const char *name; int number; } facilities[] = {
		{ "user", 1 },    { "daemon", 3 },  { "auth", 4 },    { "authpriv", 10 }, { "local0", 16 }, { "local1", 17 },
		{ "local2", 18 }, { "local3", 19 }, { "local4", 20 }, { "local5", 21 },   { "local6", 22 }, { "local7", 23 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(facilities); i++)
		if (strcmp(facilities[i].name, name) == 0)
			return facilities[i].number;
	return -EINVAL;
}

static int priority_of(const struct sink_line *line, const struct sink_options *options)
{
	static const int levels[SEVERITY_COUNT] = { 6, 5, 4, 3, 2 };
	return 8 * syslog_facility(options->facility) + levels[line->severity];
}

/* Visible ASCII without blanks, at most so many bytes; "-" where nothing is left. */
static void add_name(struct buf *out, struct strview text, size_t max)
{
	size_t before = out->n;
	for (size_t i = 0; i < text.n && out->n - before < max; i++)
		if (text.p[i] > 32 && text.p[i] < 127)
			buf_add_char(out, text.p[i]);
	if (out->n == before)
		buf_add_char(out, '-');
}

/* In structured data, " \ and ] are escaped; the rest is UTF-8 as it stands. */
static void add_param(struct buf *out, const char *name, struct strview value)
{
	if (value.n == 0)
		return;
	buf_add_format(out, " %s=\"", name);
	for (size_t i = 0; i < value.n; i++) {
		if (strchr("\"\\]", value.p[i]))
			buf_add_char(out, '\\');
		buf_add_char(out, value.p[i]);
	}
	buf_add_char(out, '"');
}

/* False: it is too long, and only its id stands there. */
static bool add_record(struct buf *out, const struct sink_line *line, size_t begin, size_t max)
{
	if (out->n - begin + line->text.n <= max) {
		buf_add_sv(out, line->text);
		return true;
	}
	buf_add_format(out, "{\"event\":{\"id\":\"" SV_FMT ":%llu\"},\"vedette\":{\"record_bytes\":%zu}}", SV_ARG(line->stream),
		       (unsigned long long)line->sequence, line->text.n);
	return false;
}

static bool add_5424(const struct sink_line *line, const struct sink_options *options, size_t begin, struct buf *out)
{
	buf_add_format(out, "<%d>1 ", priority_of(line, options));
	if (line->time.n == MICROSECONDS + 4) /* nanoseconds are more than the form has */
		buf_add_format(out, "%.*sZ ", (int)MICROSECONDS, line->time.p);
	else
		buf_add_z(out, "- ");
	add_name(out, line->host, HOST_MAX_BYTES);
	buf_add_char(out, ' ');
	add_name(out, sv_from(options->app_name), NAME_MAX_BYTES);
	buf_add_z(out, " - ");
	add_name(out, line->action, MSGID_MAX_BYTES);
	buf_add_z(out, " [");
	add_name(out, sv_from(options->sd_id), MSGID_MAX_BYTES);
	buf_add_format(out, " sequence=\"%llu\"", (unsigned long long)line->sequence);
	add_param(out, "stream", line->stream);
	add_param(out, "rule", line->rule);
	if (line->is_alert)
		add_param(out, "severity", sv_from(severity_text(line->severity)));
	buf_add_z(out, "] ");
	return add_record(out, line, begin, options->max_bytes);
}

static bool add_3164(const struct sink_line *line, const struct sink_options *options, bool is_local, size_t begin, struct buf *out)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	uint64_t wall_ns = 0;
	struct tm tm = { .tm_mday = 1 };
	if (clock_parse_rfc3339(line->time, &wall_ns) == 0) {
		time_t seconds = (time_t)(wall_ns / 1000000000);
		(void)localtime_r(&seconds, &tm); /* the form knows the receiver's time only */
	}
	buf_add_format(out, "<%d>%s %2d %02d:%02d:%02d ", priority_of(line, options), months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (!is_local) {
		add_name(out, line->host, HOST_MAX_BYTES);
		buf_add_char(out, ' ');
	}
	add_name(out, sv_from(options->app_name), MSGID_MAX_BYTES);
	buf_add_z(out, ": ");
	return add_record(out, line, begin, options->max_bytes);
}

bool syslog_message(const struct sink_line *line, const struct sink_options *options, bool is_local, struct buf *out)
{
	bool is_auto = strcmp(options->protocol, "auto") == 0;
	if (is_auto ? is_local : strcmp(options->protocol, "rfc3164") == 0)
		return add_3164(line, options, is_local, out->n, out);
	return add_5424(line, options, out->n, out);
}
