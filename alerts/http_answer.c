/* SPDX-License-Identifier: Apache-2.0 */
#include "alerts/http_answer.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "engine/base/jsonread.h"
#include "engine/base/num.h"

enum { WAIT_MOST_SECONDS = 86400, CONFLICT = 409, TOO_MANY = 429 };

static bool is_among(unsigned status, const unsigned *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == status)
			return true;
	return false;
}

enum http_verdict http_answer_judge(unsigned status)
{
	static const unsigned about_records[] = { 400, 413, 414, 422 };
	if (status >= 200 && status < 300)
		return HTTP_TAKEN;
	if (status == 410)
		return HTTP_GONE;
	return is_among(status, about_records, ARRAY_SIZE(about_records)) ? HTTP_REFUSED : HTTP_AGAIN;
}

bool http_answer_may_be_record(unsigned status)
{
	static const unsigned about_us[] = { 401, 404, 405, 407, 408, 410, 421, 425, 426, TOO_MANY, 503 };
	return status >= 400 && status < 600 && !is_among(status, about_us, ARRAY_SIZE(about_us));
}

/* --- Retry-After ------------------------------------------------------------------------------------------------------------------------- */

/* "Sun, 06 Nov 1994 08:49:37 GMT": every byte has its place. */
static int parse_date(struct strview text, time_t *ret)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	static const char shape[] = "aaa, 00 aaa 0000 00:00:00 GMT";
	if (text.n != sizeof(shape) - 1)
		return -EINVAL;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		bool is_good = shape[i] == '0' ? c >= '0' && c <= '9' : shape[i] == 'a' ? (c | 32) >= 'a' && (c | 32) <= 'z' : c == shape[i];
		if (!is_good)
			return -EINVAL;
	}
#define DIGITS(at) ((text.p[at] - '0') * 10 + text.p[(at) + 1] - '0')
	struct tm tm = { .tm_mday = DIGITS(5), .tm_year = DIGITS(12) * 100 + DIGITS(14) - 1900, .tm_hour = DIGITS(17), .tm_min = DIGITS(20), .tm_sec = DIGITS(23), .tm_mon = -1 };
#undef DIGITS
	for (int m = 0; m < 12; m++)
		if (memcmp(text.p + 8, months + (size_t)m * 3, 3) == 0)
			tm.tm_mon = m;
	if (tm.tm_mon < 0 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return -EINVAL;
	*ret = timegm(&tm);
	return 0;
}

static bool is_digits(struct strview text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
	return text.n > 0;
}

int http_answer_wait(struct strview text, uint64_t wall_ns, uint64_t *ret_ns)
{
	uint64_t seconds = 0;
	time_t at = 0;
	while (text.n && (*text.p == ' ' || *text.p == '\t'))
		text = sv_from_index(text, 1);
	while (text.n && strchr(" \t\r\n", text.p[text.n - 1]))
		text.n--;
	if (is_digits(text)) {
		while (text.n > 1 && *text.p == '0')
			text = sv_from_index(text, 1); /* these are no octal numbers */
		seconds = text.n > 9 || num_parse_u64(text, UINT64_MAX, &seconds) ? WAIT_MOST_SECONDS : seconds;
	} else if (parse_date(text, &at)) {
		return -EINVAL;
	} else if (at > (time_t)(wall_ns / 1000000000)) {
		seconds = (uint64_t)at - wall_ns / 1000000000;
	}
	*ret_ns = MIN(seconds, (uint64_t)WAIT_MOST_SECONDS) * 1000000000;
	return 0;
}

/* --- bodies ------------------------------------------------------------------------------------------------------------------------------ */

void http_answer_quote(struct strview text, char ret[static HTTP_REASON_MAX])
{
	size_t n = 0;
	for (size_t i = 0; i < text.n && n < HTTP_REASON_MAX - 1; i++) {
		char c = text.p[i];
		bool is_blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
		if (is_blank && (n == 0 || ret[n - 1] == ' '))
			continue;
		ret[n++] = is_blank ? ' ' : c > 32 && c < 127 ? c : '?';
	}
	ret[n] = '\0';
}

/* What one item of a bulk answer says: {"create":{"status":201,"error":{"reason":...}}}. Stands behind the item's opening brace. */
static int read_item(struct json_reader *r, uint64_t *ret_status, struct strview *ret_reason)
{
	struct strview key = { NULL, 0 };
	unsigned outside = r->depth - 1;
	*ret_status = 0;
	*ret_reason = (struct strview){ NULL, 0 };
	for (;;) {
		enum json_token t = json_next(r);
		if (t == JSON_ERROR || t == JSON_END)
			return -EBADMSG;
		if (t == JSON_KEY)
			key = r->raw;
		else if (t == JSON_NUMBER && r->depth == outside + 2 && sv_is(key, "status") && json_integer(r->raw, ret_status))
			return -EBADMSG;
		else if (t == JSON_STRING && r->depth == outside + 3 && sv_is(key, "reason"))
			*ret_reason = r->raw;
		else if (t == JSON_OBJECT_END && r->depth == outside)
			return 0;
	}
}

/* Goes to the array of a member of the outermost object. */
static int find_array(struct json_reader *r, const char *name)
{
	bool is_next = false;
	for (;;) {
		enum json_token t = json_next(r);
		if (t == JSON_ERROR || t == JSON_END)
			return -EBADMSG;
		if (t == JSON_ARRAY && is_next)
			return 0;
		is_next = t == JSON_KEY && r->depth == 1 && sv_is(r->raw, name);
	}
}

/* A status for each record. One that is there already was sent before. */
static void count_item(uint64_t status, struct strview reason, struct http_items *items, bool *has_stopped)
{
	bool is_taken = (status >= 200 && status < 300) || status == CONFLICT;
	bool is_later = status == TOO_MANY || status < 200 || status >= 500 || http_answer_judge((unsigned)status) == HTTP_AGAIN;
	if (*has_stopped)
		return;
	if (!is_taken && !items->reason[0]) {
		http_answer_quote(reason, items->reason);
		if (!items->reason[0])
			(void)snprintf(items->reason, sizeof(items->reason), "status %u of a record", (unsigned)MIN(status, (uint64_t)999));
	}
	if (!is_taken && is_later) {
		*has_stopped = true;
		items->may_be_record = status < 600 && http_answer_may_be_record((unsigned)status);
		return;
	}
	items->done++;
	items->refused += !is_taken;
}

int http_answer_bulk(struct strview body, size_t n, struct http_items *ret)
{
	struct json_reader r;
	struct http_items items = { 0 };
	bool has_stopped = false;
	size_t seen = 0;
	json_reader_init(&r, body);
	r.takes_any_keys = true;
	if (json_next(&r) != JSON_OBJECT || find_array(&r, "items"))
		return -EBADMSG;
	for (enum json_token t = json_next(&r); t != JSON_ARRAY_END; t = json_next(&r)) {
		uint64_t status;
		struct strview reason;
		if (t != JSON_OBJECT || seen++ == n || read_item(&r, &status, &reason))
			return -EBADMSG;
		count_item(status, reason, &items, &has_stopped);
	}
	for (enum json_token t = json_next(&r); t != JSON_END; t = json_next(&r))
		if (t == JSON_ERROR)
			return -EBADMSG;
	if (seen != n)
		return -EBADMSG;
	*ret = items;
	return 0;
}

int http_answer_otlp(struct strview body, size_t n, struct http_items *ret)
{
	struct json_want want[] = { { .path = "partialSuccess.rejectedLogRecords" }, { .path = "partialSuccess.errorMessage" } };
	struct http_items items = { .done = n };
	uint64_t rejected = 0;
	const char *error;
	size_t at;
	if (json_read_members(body, want, ARRAY_SIZE(want), &error, &at))
		return -EBADMSG;
	/* 64-bit numbers are strings in this form, and not everybody writes them so */
	if ((want[0].token == JSON_STRING || want[0].token == JSON_NUMBER) && json_integer(want[0].raw, &rejected))
		return -EBADMSG;
	items.refused = (size_t)MIN(rejected, (uint64_t)n);
	if (want[1].token == JSON_STRING)
		http_answer_quote(want[1].raw, items.reason);
	*ret = items;
	return 0;
}

int http_answer_splunk(struct strview body, size_t n, struct http_items *ret)
{
	struct json_want want[] = { { .path = "code" }, { .path = "text" } };
	uint64_t code = 0;
	const char *error;
	size_t at;
	*ret = (struct http_items){ .done = 0 };
	if (json_read_members(body, want, ARRAY_SIZE(want), &error, &at) || want[0].token != JSON_NUMBER || json_integer(want[0].raw, &code))
		return -EBADMSG;
	if (code == 0)
		ret->done = n;
	if (code == 0)
		return 0;
	http_answer_quote(want[1].token == JSON_STRING ? want[1].raw : SV("a code that is not 0"), ret->reason);
	return -EAGAIN;
}
