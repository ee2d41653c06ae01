/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a record, in every format, with and without a limit: what is refused leaves nothing behind, what is made is one line of text within the
 * limit, JSON where it says so, and tells the record's own id.
 */
#include <errno.h>
#include <stdlib.h>

#include "alerts/format.h"
#include "engine/base/json.h"
#include "engine/base/jsonread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As the formats have it: what they cut, and what they escape, is no id of ours. */
static bool is_plain(struct strview id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!strchr("0123456789abcdef-/:", id.p[i]) || !id.p[i])
			return false;
	return id.n < 64;
}

static void check_line(enum format format, struct strview record, size_t limit, const struct buf *out)
{
	struct strview line = buf_sv(out), id;
	struct json_want want = { .path = "event.id" };
	const char *error;
	size_t at;
	if ((limit && line.n > limit) || !utf8_valid(line) || (line.n && memchr(line.p, '\n', line.n)))
		abort();
	if (format_is_json(format) && json_check(line, &error, &at))
		abort();
	if (json_read_members(record, &want, 1, &error, &at) || want.token != JSON_STRING)
		abort();
	if (is_plain(want.raw) && (!format_find_id(format, line, &id) || !sv_equal(id, want.raw)))
		abort();
}

/* As a request of OTLP, twice: what is refused leaves nothing behind, what is made is JSON. */
static void check_request(struct strview record)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	const char *error;
	size_t at;
	if (format_otlp_begin(record, true, &out)) {
		if (out.n)
			abort();
		return;
	}
	size_t before = out.n;
	int r = format_otlp_add(record, 0, true, &out);
	if (r && out.n != before)
		abort();
	if (!r && format_otlp_add(record, FORMAT_LEAST_BYTES, false, &out) == -ENOMEM)
		return;
	format_otlp_end(&out);
	if (json_check(buf_sv(&out), &error, &at))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t limits[] = { 0, FORMAT_LEAST_BYTES, 700 };
	struct strview record = { (const char *)data, size };
	CLEANUP(buf_done) struct buf out = { 0 };
	for (int f = FORMAT_NATIVE + 1; f < FORMAT_COUNT; f++) {
		struct strview id;
		IGNORE(format_find_id((enum format)f, record, &id)); /* of anything: it only must end */
		for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
			buf_reset(&out);
			int r = format_convert((enum format)f, record, limits[i], &out);
			if (r && out.n)
				abort();
			if (r == 0)
				check_line((enum format)f, record, limits[i], &out);
		}
	}
	check_request(record);
	return 0;
}
