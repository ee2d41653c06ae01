/* SPDX-License-Identifier: Apache-2.0 */
/* The id of the record in a line of any format: where a file of such lines stands, after a restart. */
#include "alerts/format.h"
#include "alerts/format_record.h"

enum which { FIRST, LAST };

static bool find_behind(struct strview line, struct strview mark, enum which which, char end, struct strview *ret)
{
	for (size_t i = 0; i < line.n; i++) {
		struct strview rest = sv_from_index(line, which == FIRST ? i : line.n - 1 - i);
		if (!sv_starts(rest, mark))
			continue;
		rest = sv_from_index(rest, mark.n);
		const char *stop = rest.n ? memchr(rest.p, end, rest.n) : NULL;
		*ret = (struct strview){ rest.p, stop ? (size_t)(stop - rest.p) : rest.n };
		return true;
	}
	return false;
}

static bool find_member(struct strview line, const char *path, struct strview *ret)
{
	struct json_want want = { .path = path };
	const char *error;
	size_t at;
	if (json_read_members(line, &want, 1, &error, &at) || want.token != JSON_STRING)
		return false;
	*ret = want.raw;
	return true;
}

bool format_find_id(enum format format, struct strview line, struct strview *ret)
{
	struct strview id = { 0 };
	bool has = false;
	switch (format) {
	case FORMAT_NATIVE:
		has = find_member(line, "event.id", &id);
		break;
	case FORMAT_OCSF:
		has = find_member(line, "metadata.uid", &id);
		break;
	case FORMAT_FALCO:
		has = find_member(line, "vedette.event_id", &id);
		break;
	case FORMAT_CEF: /* the head may have it behind a bar with a backslash; in values equals signs have one */
		has = sv_starts(line, SV("CEF:0|Vedette|")) && find_behind(line, SV("|externalId="), LAST, ' ', &id);
		break;
	case FORMAT_LEEF: /* fields of the head have no bars */
		has = sv_starts(line, SV("LEEF:2.0|Vedette|")) && find_behind(line, SV("|x09|externalId="), FIRST, '\t', &id);
		break;
	case FORMAT_OTLP: /* quotes in values have a backslash */
		has = sv_starts(line, SV("{\"resourceLogs\":[")) && find_behind(line, SV("{\"key\":\"event.id\",\"value\":{\"stringValue\":\""), FIRST, '"', &id);
		break;
	case FORMAT_COUNT:
		break;
	}
	if (!has || id.n == 0)
		return false;
	*ret = id;
	return true;
}
