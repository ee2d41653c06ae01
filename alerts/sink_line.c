/* SPDX-License-Identifier: Apache-2.0 */
/* What sinks need to know of a line, and the filter. */
#include "alerts/sink.h"

#include <stdarg.h>
#include <stdio.h>

#include "alerts/alert.h"
#include "alerts/crypto.h"
#include "alerts/render.h"
#include "engine/base/jsonread.h"

enum format sink_format(const struct sink_options *options)
{
	enum format format = FORMAT_NATIVE;
	if (options->format && format_find(sv_from(options->format), &format))
		return FORMAT_NATIVE; /* the configuration knows no other names */
	return format;
}

/* Of a syslog message, what its head leaves. */
size_t sink_line_max(const struct sink_options *options)
{
	enum { SYSLOG_HEAD = 1024 };
	if (options->kind != SINK_SYSLOG)
		return LINE_MAX_BYTES;
	size_t whole = MIN((size_t)options->max_bytes, (size_t)LINE_MAX_BYTES);
	return whole > 2 * SYSLOG_HEAD ? whole - SYSLOG_HEAD : whole / 2;
}

static enum severity severity_of(struct strview number)
{
	uint64_t n = 0;
	if (json_integer(number, &n))
		return SEVERITY_INFO;
	return severity_of_number(n);
}

bool sink_line_read(struct strview text, struct sink_line *ret)
{
	enum { SEQUENCE, DATASET, SEVERITY, STREAM, TIME, RULE, TAGS, ACTION, HOST, MESSAGE, TITLE };
	struct json_want want[] = {
		[SEQUENCE] = { .path = "event.sequence" },   [DATASET] = { .path = "event.dataset" }, [SEVERITY] = { .path = "event.severity" },
		[STREAM] = { .path = "vedette_sig.stream" }, [TIME] = { .path = "@timestamp" },       [RULE] = { .path = "rule.id" },
		[TAGS] = { .path = "tags" },                 [ACTION] = { .path = "event.action" },   [HOST] = { .path = "host.name" },
		[MESSAGE] = { .path = "message" },           [TITLE] = { .path = "rule.name" },
	};
	const char *error;
	size_t at;
	struct sink_line line = { .text = text };
	if (json_read_members(text, want, ARRAY_SIZE(want), &error, &at) || json_integer(want[SEQUENCE].raw, &line.sequence))
		return false;
	line.is_alert = sv_is(want[DATASET].raw, "vedette.alert");
	line.severity = line.is_alert ? severity_of(want[SEVERITY].raw) : SEVERITY_INFO;
	line.stream = want[STREAM].raw;
	line.time = want[TIME].raw;
	line.rule = want[RULE].raw;
	line.tags = want[TAGS].raw;
	line.action = want[ACTION].raw;
	line.host = want[HOST].raw;
	line.message = want[MESSAGE].raw;
	line.dataset = want[DATASET].raw;
	line.title = want[TITLE].raw;
	*ret = line;
	return true;
}

void sink_line_id(const struct sink_line *line, struct buf *out)
{
	enum { BYTES = 16 };
	uint8_t hash[CRYPTO_HASH];
	crypto_sha256(&line->text, 1, hash);
	buf_add_format(out, SV_FMT ":%llu:", SV_ARG(line->stream), (unsigned long long)line->sequence);
	for (size_t i = 0; i < BYTES; i++)
		buf_add_format(out, "%02x", hash[i]);
}

static bool is_word(const config_WORDS *words, struct strview text)
{
	for (size_t i = 0; i < words->n; i++)
		if (sv_is(text, words->items[i]))
			return true;
	return false;
}

/* Tags are plain words: no escapes in them that a comparison would miss. */
static bool has_tag(const config_WORDS *words, struct strview tags)
{
	struct json_reader r;
	json_reader_init(&r, tags);
	for (enum json_token t = json_next(&r); t != JSON_END && t != JSON_ERROR; t = json_next(&r))
		if (t == JSON_STRING && is_word(words, r.raw))
			return true;
	return false;
}

static enum severity severity_named(const char *name)
{
	for (int s = SEVERITY_INFO; s < SEVERITY_COUNT; s++)
		if (strcmp(name, severity_text((enum severity)s)) == 0)
			return (enum severity)s;
	return SEVERITY_INFO;
}

bool sink_line_fits(const struct sink_line *line, const struct sink_options *options)
{
	if (!line->is_alert)
		return options->own;
	if (line->severity < severity_named(options->least_severity) || (options->rules.n && !is_word(&options->rules, line->rule)))
		return false;
	return options->tags.n == 0 || has_tag(&options->tags, line->tags);
}

void sink_fault_set(struct sink_fault *fault, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)vsnprintf(fault->text, sizeof(fault->text), format, args); /* cut where it is long */
	va_end(args);
}
