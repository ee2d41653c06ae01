/* SPDX-License-Identifier: Apache-2.0 */
/* Takes a line apart by the rules of docs/verify.md that ask for no other line and no key. */
#include "alerts/verify_record.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "engine/base/jsonread.h"

static void note_fault(char explain[static VERIFY_EXPLAIN_MAX], const char *format, ...) PRINTF_LIKE(2, 3);
static void note_fault(char explain[static VERIFY_EXPLAIN_MAX], const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (vsnprintf(explain, VERIFY_EXPLAIN_MAX, format, args) < 0)
		explain[0] = '\0';
	va_end(args);
}

/* Says what is wrong and is that fault, so that `return fault(...)` reads as one; analyzers do not look into a variadic function. */
#define fault(explain, what, ...) (note_fault(explain, __VA_ARGS__), (what))

/* "first count", each without leading zeros. */
static bool parse_batch(struct strview text, struct statement *st)
{
	struct strview first, count;
	return sv_take_word(&text, &first) && sv_take_word(&text, &count) && text.n == 0 && json_integer(first, &st->first) == 0 &&
	       json_integer(count, &st->count) == 0 && st->count >= 1 && st->count <= VERIFY_BATCH_MAX;
}

static bool parse_path(struct strview array, struct verify_record *line)
{
	struct json_reader r;
	enum json_token token;
	json_reader_init(&r, array);
	(void)json_next(&r); /* the bracket */
	for (line->seal.n_path = 0; (token = json_next(&r)) == JSON_STRING; line->seal.n_path++)
		if (line->seal.n_path == TREE_PATH_MAX ||
		    crypto_base64_decode(r.raw, line->path + line->seal.n_path * CRYPTO_HASH, CRYPTO_HASH))
			return false;
	line->seal.path = line->path;
	return token == JSON_ARRAY_END;
}

/* Digits where digits belong; order of times is order of bytes only for one form: nanoseconds and Z. */
static bool is_time(struct strview t)
{
	static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddddddddZ";
	if (t.n != sizeof(shape) - 1)
		return false;
	for (size_t i = 0; i < t.n; i++)
		if (shape[i] == 'd' ? t.p[i] < '0' || t.p[i] > '9' : t.p[i] != shape[i])
			return false;
	return true;
}

enum { SEAL_BATCH, SEAL_EPOCH, SEAL_PATH, SEAL_PREV, SEAL_SIG, SEAL_STREAM, SEAL_TIME, SEAL_V, SEAL_WANTS };

static enum verify_fault parse_seal(struct verify_record *line, struct buf *scratch, char explain[static VERIFY_EXPLAIN_MAX])
{
	struct json_want w[SEAL_WANTS] = {
		[SEAL_BATCH] = { .path = "batch" }, [SEAL_EPOCH] = { .path = "epoch" }, [SEAL_PATH] = { .path = "path" },
		[SEAL_PREV] = { .path = "prev" },   [SEAL_SIG] = { .path = "sig" },     [SEAL_STREAM] = { .path = "stream" },
		[SEAL_TIME] = { .path = "time" },   [SEAL_V] = { .path = "v" },
	};
	const char *error;
	size_t at;
	uint64_t version = 0;
	struct statement *st = &line->seal.st;
	if (json_read_members(line->raw_seal, w, SEAL_WANTS, &error, &at))
		return fault(explain, VERIFY_NOT_A_RECORD, "its vedette_sig is no valid JSON: %s (byte %zu of it)", error, at);
	for (size_t i = 0; i < SEAL_WANTS; i++)
		if (w[i].token != (i == SEAL_EPOCH || i == SEAL_V ? JSON_NUMBER : i == SEAL_PATH ? JSON_ARRAY : JSON_STRING))
			return fault(explain, VERIFY_NOT_A_RECORD, "its vedette_sig has no '%s' of the right type", w[i].path);
	if (json_integer(w[SEAL_V].raw, &version) || version != 1)
		return fault(explain, VERIFY_NOT_A_RECORD, "its signature has a version that this program does not know; it knows 1");
	st->stream = w[SEAL_STREAM].raw;
	st->prev = w[SEAL_PREV].raw;
	st->time = w[SEAL_TIME].raw;
	if (!parse_batch(w[SEAL_BATCH].raw, st) || json_integer(w[SEAL_EPOCH].raw, &st->epoch) || !parse_path(w[SEAL_PATH].raw, line) ||
	    st->stream.n == 0 || st->stream.n > STREAM_NAME_MAX || !is_time(st->time) || crypto_base64_decode(st->prev, line->prev, CRYPTO_HASH) ||
	    crypto_base64_decode(w[SEAL_SIG].raw, line->seal.signature, CRYPTO_SIGNATURE))
		return fault(explain, VERIFY_NOT_A_RECORD, "its vedette_sig has a value that no signer writes");
	/* The only form: what is not signed itself (blanks, order, escapes) must not vary either. */
	buf_reset(scratch);
	seal_text(&line->seal, scratch);
	if (!sv_equal(buf_sv(scratch), line->raw_seal))
		return fault(explain, VERIFY_NOT_A_RECORD, "its vedette_sig is not written as signers write it (blanks, order of members, escapes)");
	return VERIFY_OK;
}

enum verify_fault verify_record_read(struct strview text, struct buf *scratch, char explain[static VERIFY_EXPLAIN_MAX],
				     struct verify_record *ret)
{
	struct json_want w[] = {
		{ .path = "event.sequence" }, { .path = "event.dataset" }, { .path = "vedette.next_epoch" }, { .path = "vedette.next_key" },
	};
	const char *error;
	size_t at;
	*ret = (struct verify_record){ .text = text };
	if (text.n > VERIFY_LINE_MAX)
		return fault(explain, VERIFY_NOT_A_RECORD, "the line is longer than %d bytes", VERIFY_LINE_MAX);
	if (text.n == 0)
		return fault(explain, VERIFY_NOT_A_RECORD, "the line is empty");
	if (json_read_members(text, w, ARRAY_SIZE(w), &error, &at))
		return fault(explain, VERIFY_NOT_A_RECORD, "the line is no valid JSON object: %s (byte %zu)", error, at + 1);
	const char *mark = seal_find(text);
	if (!mark || text.p[text.n - 1] != '}')
		return fault(explain, VERIFY_NOT_A_RECORD, "the line has no vedette_sig at its end: it was never signed, or the signature was cut off");
	ret->body = (struct strview){ text.p, (size_t)(mark - text.p) };
	size_t from = ret->body.n + sizeof(SEAL_MEMBER) - 1;
	ret->raw_seal = (struct strview){ text.p + from, text.n - from - 1 };
	if (w[0].token != JSON_NUMBER || json_integer(w[0].raw, &ret->sequence))
		return fault(explain, VERIFY_NOT_A_RECORD, "event.sequence is missing or no whole number");
	if (w[1].token != JSON_STRING)
		return fault(explain, VERIFY_NOT_A_RECORD, "event.dataset is missing or no text");
	ret->dataset = w[1].raw;
	if (w[2].token == JSON_NUMBER)
		ret->next_epoch = w[2].raw;
	if (w[3].token == JSON_STRING)
		ret->next_key = w[3].raw;
	return parse_seal(ret, scratch, explain);
}

/* From the leaf to the root along the path; false when the path has not the length that the place in the tree asks for. */
static bool climb(struct verify_record *line)
{
	uint64_t index = line->sequence - line->seal.st.first, last = line->seal.st.count - 1;
	uint8_t *root = line->seal.st.root;
	size_t used = 0;
	tree_leaf(line->body, SV("}"), root);
	for (; last; index >>= 1, last >>= 1) {
		if (!(index & 1) && index >= last)
			continue;
		if (used == line->seal.n_path)
			return false;
		const uint8_t *sibling = line->path + CRYPTO_HASH * used++;
		if (index & 1)
			tree_node(sibling, root, root);
		else
			tree_node(root, sibling, root);
	}
	return used == line->seal.n_path;
}

enum verify_fault verify_record_hash(struct verify_record *record, struct buf *scratch, char explain[static VERIFY_EXPLAIN_MAX])
{
	const struct statement *st = &record->seal.st;
	if (record->sequence < st->first || record->sequence - st->first >= st->count)
		return fault(explain, VERIFY_EDITED, "its sequence %llu is not among the records that its signature covers", (unsigned long long)record->sequence);
	if (!climb(record))
		return fault(explain, VERIFY_EDITED, "its proof has the wrong length");
	buf_reset(scratch);
	statement_text(st, scratch);
	if (buf_error(scratch))
		return fault(explain, VERIFY_EDITED, "there is no memory to check it with");
	const struct strview text = buf_sv(scratch);
	crypto_sha256(&text, 1, record->statement);
	return VERIFY_OK;
}

bool verify_record_past(const struct verify_record *record, struct verify_past *ret)
{
	enum { CLOSED, NEXT, STATEMENT, STREAM, WANTS };
	struct json_want w[WANTS] = {
		[CLOSED] = { .path = "vedette.previous.closed" },       [NEXT] = { .path = "vedette.previous.next" },
		[STATEMENT] = { .path = "vedette.previous.statement" }, [STREAM] = { .path = "vedette.previous.stream" },
	};
	const char *error;
	size_t at;
	if (json_read_members(record->text, w, WANTS, &error, &at) || w[STREAM].token != JSON_STRING || w[NEXT].token != JSON_NUMBER ||
	    w[STATEMENT].token != JSON_STRING || (w[CLOSED].token != JSON_TRUE && w[CLOSED].token != JSON_FALSE))
		return false;
	ret->stream = w[STREAM].raw;
	ret->is_closed = w[CLOSED].token == JSON_TRUE;
	return json_integer(w[NEXT].raw, &ret->next) == 0 && crypto_base64_decode(w[STATEMENT].raw, ret->statement, CRYPTO_HASH) == 0;
}

enum verify_join verify_past_joins(const struct verify_past *past, const struct verify_end *end)
{
	if (past->next > end->next)
		return JOIN_MISSING;
	if (!past->is_closed && end->rolled_next && past->next == end->rolled_next && past->next < end->next &&
	    memcmp(past->statement, end->rolled_statement, CRYPTO_HASH) == 0)
		return JOIN_FORGETFUL;
	bool fits = past->next == end->next && past->is_closed == end->is_closed && memcmp(past->statement, end->statement, CRYPTO_HASH) == 0;
	return fits ? JOIN_FITS : JOIN_OTHER;
}

int log_head_of_line(struct strview text, struct log_head *ret)
{
	CLEANUP(buf_done) struct buf scratch = { 0 };
	char explain[VERIFY_EXPLAIN_MAX];
	struct verify_record record;
	if (verify_record_read(text, &scratch, explain, &record) || verify_record_hash(&record, &scratch, explain))
		return buf_error(&scratch) ? -ENOMEM : -EBADMSG;
	const struct statement *st = &record.seal.st;
	struct log_head head = { .next = record.sequence + 1, .epoch = st->epoch + sv_is(record.dataset, "vedette.key-roll"),
				 .is_closed = sv_is(record.dataset, "vedette.close") };
	memcpy(head.stream, st->stream.p, st->stream.n); /* checked: at most STREAM_NAME_MAX */
	memcpy(head.statement, record.statement, CRYPTO_HASH);
	*ret = head;
	return 0;
}

bool log_line_is_signed(struct strview text, const uint8_t public_key[static CRYPTO_PUBLIC])
{
	CLEANUP(buf_done) struct buf scratch = { 0 };
	char explain[VERIFY_EXPLAIN_MAX];
	struct verify_record record;
	return verify_record_read(text, &scratch, explain, &record) == VERIFY_OK && verify_record_hash(&record, &scratch, explain) == VERIFY_OK &&
	       crypto_verify(public_key, buf_sv(&scratch), record.seal.signature);
}
