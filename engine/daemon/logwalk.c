/* SPDX-License-Identifier: Apache-2.0 */
/* Reads; the judging is in alerts/verify.c. */
#include "engine/daemon/logwalk.h"

#include <errno.h>
#include <stdio.h>

#include "engine/base/clock.h"

static int take_line(void *context, struct strview line)
{
	struct logwalk *walk = context;
	walk->lines++;
	walk->fault = verifier_line(walk->verifier, line);
	if (walk->fault)
		return 1;
	if (walk->on_line)
		walk->on_line(walk->context, walk, line);
	if (walk->receipts && walk->receipts->n)
		log_receipts_check(walk->receipts, walk->verifier);
	return 0;
}

/* A torn line is told of whichever file it is in: what stands behind a file's last line was signed by nobody, or cannot be read any more. */
static int read_file(struct logwalk *walk)
{
	size_t torn_bytes = 0;
	walk->lines = 0;
	int r = logfile_read(walk->file, take_line, walk, &torn_bytes);
	if (torn_bytes) {
		walk->torn_bytes = torn_bytes;
		walk->torn_file = walk->file;
	}
	return r;
}

int logwalk_next(struct logwalk *walk, const struct logfiles *files, size_t *at)
{
	size_t end = *at + 1;
	while (end < files->n && !logfiles_begins_log(files, end))
		end++;
	logwalk_done(walk);
	walk->fault = VERIFY_OK;
	walk->torn_bytes = 0;
	walk->torn_file = NULL;
	walk->file = files->file[*at].path;
	int r = verifier_new(walk->keys, &walk->options, &walk->verifier);
	for (size_t i = *at; !r && !walk->fault && i < end; i++) {
		walk->file = files->file[i].path;
		r = read_file(walk);
	}
	*at = end;
	return r;
}

void logwalk_done(struct logwalk *walk)
{
	verifier_free(&walk->verifier);
}

enum log_end logwalk_end(const struct logwalk *walk)
{
	struct verify_result result;
	verifier_result(walk->verifier, &result);
	if (result.records == 0)
		return LOG_END_EMPTY;
	bool is_whole = result.is_closed && !result.missing && !result.unclosed && (walk->options.from_middle || !result.follows[0]);
	return is_whole && !walk->torn_bytes ? LOG_END_CLOSED : LOG_END_OPEN;
}

void logwalk_add_end_reason(const struct logwalk *walk, struct buf *out)
{
	struct verify_result result;
	verifier_result(walk->verifier, &result);
	if (walk->torn_bytes)
		buf_add_format(out, "%s: the last line is torn: %zu bytes without a line end", walk->torn_file, walk->torn_bytes);
	else if (result.missing)
		buf_add_format(out, "the last batch is not whole: %llu more records were signed with it", (unsigned long long)result.missing);
	else if (result.is_closed && result.unclosed)
		buf_add_format(out, "%llu streams before the last one have no close record: see the gaps", (unsigned long long)result.unclosed);
	else if (result.is_closed)
		buf_add_z(out, "its beginning is not here");
	else
		buf_add_z(out, "the stream's close record is missing: the agent runs on, was killed, or the end was cut off");
}

int logwalk_read_moment(const char *command, const char *option, const char *text, uint64_t *ret_ns, char ret_text[static LOG_TIME_TEXT + 1])
{
	CLEANUP(buf_done) struct buf again = { 0 };
	if (clock_parse_date(sv_from(text), ret_ns) && clock_parse_rfc3339(sv_from(text), ret_ns)) {
		fprintf(stderr, "vedette %s: %s '%s' is no time: expected 2026-01-31 or 2026-01-31T12:00:00Z (UTC)\n", command, option, text);
		return -EINVAL;
	}
	clock_add_rfc3339(&again, *ret_ns);
	(void)snprintf(ret_text, LOG_TIME_TEXT + 1, "%s", buf_cstr(&again)); /* fits */
	return 0;
}
