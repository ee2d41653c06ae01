/* SPDX-License-Identifier: Apache-2.0 */
/* Checks one line after the other against the rules of docs/verify.md. Trusts nothing but the keys. */
#include "alerts/verify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "alerts/verify_record.h"
#include "engine/base/clock.h"
#include "engine/base/jsonread.h"

enum {
	TIME_MAX = 35, /* RFC 3339, UTC, up to nanoseconds */
	REASON_MAX = 63,
	SILENT_BEATS = 3, /* heartbeats that may be missing before it counts as silence */
};

#define HEARTBEAT_NS UINT64_C(10000000000) /* where a log does not say how often */

/* --- the verifier ------------------------------------------------------------------------------------------------------------------ */

struct verifier {
	const struct verify_keys *keys;
	struct verify_options options;
	uint64_t records, next;
	bool is_closed;
	char stream[STREAM_NAME_MAX + 1];
	char time[TIME_MAX + 1];
	char first_time[TIME_MAX + 1];
	char close_reason[REASON_MAX + 1];
	char follows[STREAM_NAME_MAX + 1]; /* stream before the first one here, as that one says */
	uint64_t streams, unclosed;  /* taken in; of these without a close record, the one at hand left out */
	uint64_t heartbeat_ns;       /* of the stream at hand, as its open record says */
	/* the batch at hand */
	uint64_t epoch, first, count;
	uint8_t statement[CRYPTO_HASH]; /* SHA-256 of its statement; what the next batch names as prev */
	uint8_t signature[CRYPTO_SIGNATURE];
	uint64_t rolled_next;        /* in the stream at hand, behind its last record that named a key; 0: none has */
	uint8_t rolled_statement[CRYPTO_HASH];
	uint8_t key[CRYPTO_PUBLIC], next_key[CRYPTO_PUBLIC]; /* of the epoch; of the one after, once a verified record has named it */
	bool has_next_key;
	enum verify_fault fault;
	char explain[VERIFY_EXPLAIN_MAX];
	struct buf text; /* scratch */
};

/* A record, and what the verifier finds out about it. */
struct line {
	struct verify_record rec;
	bool is_joining;            /* begins a stream of the same agent behind another */
	bool is_forgetful;          /* and names an earlier place of that as its end */
	uint8_t key[CRYPTO_PUBLIC]; /* that the signature was checked with */
};

const char *verify_fault_text(enum verify_fault fault)
{
	static const char *const texts[VERIFY_FAULT_COUNT] = {
		[VERIFY_OK] = "ok",
		[VERIFY_NOT_A_RECORD] = "not a record",
		[VERIFY_EDITED] = "edited",
		[VERIFY_WRONG_KEY] = "wrong key",
		[VERIFY_SPLICED] = "spliced",
		[VERIFY_DELETED] = "deleted",
		[VERIFY_REPLAYED] = "replayed",
		[VERIFY_CHAIN_BROKEN] = "chain broken",
		[VERIFY_AFTER_CLOSE] = "after the close",
	};
	return texts[fault];
}

const char *verify_gap_text(enum verify_gap_kind kind)
{
	static const char *const texts[VERIFY_GAP_COUNT] = {
		[VERIFY_GAP_STOPPED] = "stopped", [VERIFY_GAP_UNCLEAN] = "unclean end", [VERIFY_GAP_LOSS] = "loss", [VERIFY_GAP_SILENCE] = "silence",
	};
	return texts[kind];
}

int verifier_new(const struct verify_keys *keys, const struct verify_options *options, struct verifier **ret)
{
	struct verifier *v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->keys = keys;
	v->options = *options;
	*ret = v;
	return 0;
}

void verifier_free(struct verifier **v)
{
	if (!*v)
		return;
	buf_done(&(*v)->text);
	free(*v);
	*v = NULL;
}

const char *verifier_explain(const struct verifier *v)
{
	return v->explain;
}

void verifier_result(const struct verifier *v, struct verify_result *ret)
{
	*ret = (struct verify_result){
		.records = v->records,
		.next = v->next,
		.is_closed = v->is_closed,
		.epoch = v->epoch,
		.missing = v->records ? v->first + v->count - v->next : 0,
		.stream = v->stream,
		.follows = v->follows,
		.first_time = v->first_time,
		.last_time = v->time,
		.streams = v->streams,
		.unclosed = v->unclosed,
	};
}

static void note_fault(struct verifier *v, enum verify_fault what, const char *format, ...) PRINTF_LIKE(3, 4);
static void note_fault(struct verifier *v, enum verify_fault what, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	if (vsnprintf(v->explain, sizeof(v->explain), format, args) < 0)
		v->explain[0] = '\0';
	va_end(args);
	v->fault = what;
}

/* Notes the fault and is its value, so that `return fault(...)` reads as one; analyzers do not look into a variadic function. */
#define fault(v, what, ...) (note_fault(v, what, __VA_ARGS__), (what))

/* Its place among the records of its stream. */
static enum verify_fault check_sequence(struct verifier *v, const struct line *line)
{
	unsigned long long n = line->rec.sequence, next = v->next;
	if (v->is_closed)
		return fault(v, VERIFY_AFTER_CLOSE, "record %llu follows the stream's close%s", n, n < next ? ", and stands before it, too" : "");
	if (n < next)
		return fault(v, VERIFY_REPLAYED, "record %llu stands here again or in the wrong place; record %llu was expected", n, next);
	if (n == next + 1)
		return fault(v, VERIFY_DELETED, "record %llu is missing before it, or stands elsewhere", next);
	if (n > next)
		return fault(v, VERIFY_DELETED, "records %llu to %llu are missing before it, or stand elsewhere", next, n - 1);
	return VERIFY_OK;
}

/* The first record of a log, and no key for it. With an earlier one of its agent what is missing is what stood between. */
static enum verify_fault tell_no_key(struct verifier *v, const struct line *line)
{
	const struct statement *st = &line->rec.seal.st;
	const struct verify_key *earlier = verify_keys_find_earlier(v->keys, st->stream, st->epoch);
	unsigned long long n = line->rec.sequence, epoch = st->epoch;
	if (!earlier)
		return fault(v, VERIFY_WRONG_KEY, "there is no key for stream " SV_FMT " epoch %llu; the first key is for stream %s epoch %llu",
			     SV_ARG(st->stream), epoch, v->keys->key[0].stream, (unsigned long long)v->keys->key[0].epoch);
	if (v->options.from_middle)
		return fault(v, VERIFY_WRONG_KEY, "there is no key for stream " SV_FMT " epoch %llu, only for earlier ones of its agent, up to %llu; "
			     "--keys-out writes all keys of a log that verifies from its beginning", SV_ARG(st->stream), epoch, (unsigned long long)earlier->epoch);
	return fault(v, VERIFY_DELETED, "the log begins with record %llu of stream " SV_FMT ": what stands before it is missing, and with it what names its key (epoch %llu; "
		     "the last one given is of epoch %llu). What is here verifies with --from-middle and a key that --keys-out wrote", n, SV_ARG(st->stream), epoch,
		     (unsigned long long)earlier->epoch);
}

/* The key that has to have signed here: of the file for the first record, then that of the record before, or the one that it named. */
static enum verify_fault find_key(struct verifier *v, struct line *line)
{
	const struct statement *st = &line->rec.seal.st;
	if (v->records) {
		const unsigned long long wanted = v->epoch + v->has_next_key;
		if (st->epoch == wanted) {
			memcpy(line->key, v->has_next_key ? v->next_key : v->key, CRYPTO_PUBLIC);
			return VERIFY_OK;
		}
		enum verify_fault f = sv_is(st->stream, v->stream) ? check_sequence(v, line) : VERIFY_OK; /* with the record that names a key its key is missing, too */
		if (f)
			return f;
		return fault(v, VERIFY_CHAIN_BROKEN, "it was signed with key %llu of the stream, here signs key %llu", (unsigned long long)st->epoch, wanted);
	}
	const struct verify_key *key = verify_keys_find(v->keys, st->stream, st->epoch);
	if (!key)
		return tell_no_key(v, line);
	memcpy(line->key, key->public_key, CRYPTO_PUBLIC);
	return VERIFY_OK;
}

static enum verify_fault check_signature(struct verifier *v, struct line *line)
{
	enum verify_fault f = find_key(v, line);
	if (f)
		return f;
	f = verify_record_hash(&line->rec, &v->text, v->explain);
	if (f) {
		v->fault = f;
		return f;
	}
	/* the same statement was verified with the same signature a line ago: no need to pay again */
	bool is_known = v->records && memcmp(line->rec.statement, v->statement, CRYPTO_HASH) == 0 &&
			memcmp(line->rec.seal.signature, v->signature, CRYPTO_SIGNATURE) == 0;
	if (!is_known && !crypto_verify(line->key, buf_sv(&v->text), line->rec.seal.signature))
		return fault(v, VERIFY_EDITED, "the signature does not fit: the record, its proof or its signature was changed%s",
			     v->records ? "" : ", or the key is not the one it was signed with");
	return VERIFY_OK;
}

static enum verify_fault check_first(struct verifier *v, const struct line *line)
{
	static const uint8_t genesis[CRYPTO_HASH];
	const struct statement *st = &line->rec.seal.st;
	if (!v->options.from_middle && line->rec.sequence != 0)
		return fault(v, VERIFY_DELETED, "the log begins with record %llu: records 0 to %llu are missing",
			     (unsigned long long)line->rec.sequence, (unsigned long long)line->rec.sequence - 1);
	if (st->first == 0 && memcmp(line->rec.prev, genesis, CRYPTO_HASH) != 0)
		return fault(v, VERIFY_CHAIN_BROKEN, "the first batch names one before it");
	v->next = line->rec.sequence;
	return VERIFY_OK;
}

/* --- from one stream of an agent to its next ------------------------------------------------------------------------------------- */

static enum verify_fault check_previous(struct verifier *v, struct line *line)
{
	struct verify_past past;
	struct verify_end end = { .next = v->next, .is_closed = v->is_closed, .rolled_next = v->rolled_next };
	memcpy(end.statement, v->statement, CRYPTO_HASH);
	memcpy(end.rolled_statement, v->rolled_statement, CRYPTO_HASH);
	if (!verify_record_past(&line->rec, &past))
		return fault(v, VERIFY_SPLICED, "another stream of the agent begins, which does not say where the one before it ended");
	const uint64_t number = stream_number(past.stream);
	if (number > stream_number(sv_from(v->stream)) && number < stream_number(line->rec.seal.st.stream) &&
	    sv_equal(stream_agent(past.stream), stream_agent(sv_from(v->stream))))
		return fault(v, VERIFY_DELETED, "it follows stream " SV_FMT ", which is missing before it, or stands elsewhere: behind %s it stands", SV_ARG(past.stream), v->stream);
	if (!sv_is(past.stream, v->stream))
		return fault(v, VERIFY_CHAIN_BROKEN, "it follows stream " SV_FMT ", but behind %s it stands", SV_ARG(past.stream), v->stream);
	enum verify_join join = verify_past_joins(&past, &end);
	if (join == JOIN_MISSING)
		return fault(v, VERIFY_DELETED, "records %llu to %llu are missing before it, at the end of stream %s", (unsigned long long)v->next,
			     (unsigned long long)past.next - 1, v->stream);
	if (join == JOIN_OTHER)
		return fault(v, VERIFY_CHAIN_BROKEN, "stream %s ends otherwise than the one that follows it says", v->stream);
	line->is_forgetful = join == JOIN_FORGETFUL;
	return VERIFY_OK;
}

/* A record of another stream. Those of one agent are numbered, as records are: what goes back was copied or moved, what leaves out is deleted. */
static enum verify_fault tell_other_stream(struct verifier *v, const struct line *line)
{
	const struct statement *st = &line->rec.seal.st;
	const uint64_t here = stream_number(sv_from(v->stream)), there = stream_number(st->stream);
	unsigned long long n = line->rec.sequence;
	if (!sv_equal(stream_agent(st->stream), stream_agent(sv_from(v->stream))))
		return fault(v, VERIFY_SPLICED, "it is of stream " SV_FMT ", the log is of stream %s", SV_ARG(st->stream), v->stream);
	if (there < here)
		return fault(v, VERIFY_REPLAYED, "record %llu of stream " SV_FMT " stands here again or in the wrong place, behind stream %s", n, SV_ARG(st->stream), v->stream);
	if (there == here || n == 0)
		return VERIFY_OK;
	if (v->is_closed)
		return fault(v, VERIFY_DELETED, "the beginning of stream " SV_FMT ", up to record %llu, is missing before it, or stands elsewhere", SV_ARG(st->stream), n - 1);
	return fault(v, VERIFY_DELETED, "stream %s from record %llu on and the beginning of stream " SV_FMT ", up to record %llu, are missing before it, or stand elsewhere",
		     v->stream, (unsigned long long)v->next, SV_ARG(st->stream), n - 1);
}

/* A record of another stream has to be of the same agent, its first one, and to name the end of what stands here. */
static enum verify_fault check_joins(struct verifier *v, struct line *line)
{
	static const uint8_t genesis[CRYPTO_HASH];
	const struct statement *st = &line->rec.seal.st;
	enum verify_fault f = tell_other_stream(v, line);
	if (f)
		return f;
	if (!line->is_joining) /* of a name without a number */
		return fault(v, VERIFY_SPLICED, "it is of stream " SV_FMT ", the log is of stream %s", SV_ARG(st->stream), v->stream);
	if (st->first != 0 || memcmp(line->rec.prev, genesis, CRYPTO_HASH) != 0)
		return fault(v, VERIFY_CHAIN_BROKEN, "the first batch names one before it");
	return check_previous(v, line);
}

/* How it joins what was there before. */
static enum verify_fault check_place(struct verifier *v, struct line *line)
{
	const struct statement *st = &line->rec.seal.st;
	if (!v->records)
		return check_first(v, line);
	if (!sv_is(st->stream, v->stream))
		return check_joins(v, line);
	enum verify_fault f = check_sequence(v, line);
	if (f)
		return f;
	if (v->next < v->first + v->count) { /* within the batch */
		if (memcmp(line->rec.statement, v->statement, CRYPTO_HASH) != 0 || memcmp(line->rec.seal.signature, v->signature, CRYPTO_SIGNATURE) != 0)
			return fault(v, VERIFY_CHAIN_BROKEN, "it was signed in another batch than the record before it says");
		return VERIFY_OK;
	}
	if (st->first != v->next)
		return fault(v, VERIFY_CHAIN_BROKEN, "its batch begins at record %llu, not after the batch before", (unsigned long long)st->first);
	if (memcmp(line->rec.prev, v->statement, CRYPTO_HASH) != 0)
		return fault(v, VERIFY_CHAIN_BROKEN, "it was signed after another batch than the one that stands before it");
	if (sv_compare(st->time, sv_from(v->time)) < 0)
		return fault(v, VERIFY_CHAIN_BROKEN, "its batch was signed at " SV_FMT ", before the one it follows (%s)", SV_ARG(st->time), v->time);
	return VERIFY_OK;
}

static enum verify_fault check_kind(struct verifier *v, const struct line *line)
{
	bool is_open = sv_is(line->rec.dataset, "vedette.open");
	if (!is_open && line->rec.sequence == 0)
		return fault(v, VERIFY_NOT_A_RECORD, "the stream does not begin with its open record");
	if (is_open && line->rec.sequence != 0)
		return fault(v, VERIFY_NOT_A_RECORD, "an open record stands within the stream");
	return VERIFY_OK;
}

static void tell_key(const struct verifier *v, const struct line *line, uint64_t epoch, const uint8_t public_key[static CRYPTO_PUBLIC])
{
	struct verify_key key = { .epoch = epoch };
	if (!v->options.on_key)
		return;
	memcpy(key.stream, line->rec.seal.st.stream.p, line->rec.seal.st.stream.n); /* checked: at most STREAM_NAME_MAX */
	memcpy(key.public_key, public_key, CRYPTO_PUBLIC);
	v->options.on_key(v->options.context, &key);
}

/* A record that names the next key: the last under its own. Takes the key. */
static enum verify_fault check_roll(struct verifier *v, const struct line *line)
{
	const struct statement *st = &line->rec.seal.st;
	uint64_t next_epoch = 0;
	v->has_next_key = false;
	if (!sv_is(line->rec.dataset, "vedette.key-roll"))
		return VERIFY_OK;
	if (line->rec.sequence + 1 != st->first + st->count)
		return fault(v, VERIFY_NOT_A_RECORD, "it names the next key, but is not the last record of its batch");
	if (json_integer(line->rec.next_epoch, &next_epoch) || next_epoch != st->epoch + 1)
		return fault(v, VERIFY_NOT_A_RECORD, "it names a next key without the number %llu", (unsigned long long)st->epoch + 1);
	if (crypto_base64_decode(line->rec.next_key, v->next_key, CRYPTO_PUBLIC))
		return fault(v, VERIFY_NOT_A_RECORD, "it names no next key (vedette.next_key, 32 bytes in base64)");
	v->has_next_key = true;
	tell_key(v, line, next_epoch, v->next_key);
	return VERIFY_OK;
}

/* --- gaps -------------------------------------------------------------------------------------------------------------------------- */

static void tell_gap(const struct verifier *v, struct verify_gap *gap)
{
	if (v->options.on_gap)
		v->options.on_gap(v->options.context, gap);
}

/* What the open record of a stream tells: how the one before ended, and how often this one will give a sign of life. */
static void note_open(struct verifier *v, const struct line *line)
{
	struct json_want w = { .path = "vedette.heartbeat.interval" };
	const char *error;
	size_t at;
	if (line->is_joining) {
		bool is_clean = v->is_closed && !line->is_forgetful;
		struct verify_gap gap = { .kind = is_clean ? VERIFY_GAP_STOPPED : VERIFY_GAP_UNCLEAN, .from_ns = clock_rfc3339_ns(sv_from(v->time)),
					  .to_ns = clock_rfc3339_ns(line->rec.seal.st.time), .count = v->first + v->count - v->next,
					  .what = is_clean ? v->close_reason : line->is_forgetful ? "the agent had lost its log" : "", .stream = v->stream, .next = v->next };
		tell_gap(v, &gap);
		v->unclosed += !is_clean;
	}
	v->streams++;
	v->heartbeat_ns = HEARTBEAT_NS;
	if (json_read_members(line->rec.text, &w, 1, &error, &at) || w.token != JSON_NUMBER || json_integer(w.raw, &v->heartbeat_ns) || !v->heartbeat_ns)
		v->heartbeat_ns = HEARTBEAT_NS;
}

static void note_silence(struct verifier *v, const struct line *line)
{
	uint64_t from = clock_rfc3339_ns(sv_from(v->time)), to = clock_rfc3339_ns(line->rec.seal.st.time);
	if (!from || to <= from || (to - from) / SILENT_BEATS <= v->heartbeat_ns)
		return;
	tell_gap(v, &(struct verify_gap){ .kind = VERIFY_GAP_SILENCE, .from_ns = from, .to_ns = to, .what = "", .stream = v->stream, .next = v->next });
}

static void copy_text(char *into, size_t size, struct strview text)
{
	size_t n = MIN(text.n, size - 1);
	memcpy(into, text.n ? text.p : "", n);
	into[n] = '\0';
}

static void note_loss(struct verifier *v, const struct line *line)
{
	struct json_want w[] = { { .path = "vedette.loss.what" }, { .path = "vedette.loss.count" }, { .path = "vedette.loss.since" }, { .path = "@timestamp" } };
	char what[REASON_MAX + 1];
	const char *error;
	size_t at;
	uint64_t count = 0;
	if (json_read_members(line->rec.text, w, ARRAY_SIZE(w), &error, &at) || w[0].token != JSON_STRING || json_integer(w[1].raw, &count))
		return; /* signed, but nothing that this program writes */
	copy_text(what, sizeof(what), w[0].raw);
	tell_gap(v, &(struct verify_gap){ .kind = VERIFY_GAP_LOSS, .from_ns = clock_rfc3339_ns(w[2].raw), .to_ns = clock_rfc3339_ns(w[3].raw), .count = count,
					  .what = what, .stream = v->stream, .next = line->rec.sequence });
}

static void note_close(struct verifier *v, const struct line *line)
{
	struct json_want w = { .path = "vedette.close.reason" };
	const char *error;
	size_t at;
	if (json_read_members(line->rec.text, &w, 1, &error, &at) == 0)
		copy_text(v->close_reason, sizeof(v->close_reason), w.raw);
}

/* The first record of the log says which stream came before its own. One that says so in another form follows something all the same. */
static void note_past(struct verifier *v, const struct line *line)
{
	struct json_want w[] = { { .path = "vedette.previous" }, { .path = "vedette.previous.stream" } };
	const char *error;
	size_t at;
	if (json_read_members(line->rec.text, w, ARRAY_SIZE(w), &error, &at) || w[0].token == JSON_ERROR)
		return;
	copy_text(v->follows, sizeof(v->follows), w[1].token == JSON_STRING && w[1].raw.n ? w[1].raw : SV("without a name"));
}

/* A verified line: what it tells about times in which something is missing. */
static void note_gaps(struct verifier *v, const struct line *line)
{
	if (!v->records && line->rec.sequence == 0)
		note_past(v, line);
	if (line->rec.sequence == 0)
		note_open(v, line);
	else if (!v->records)
		v->streams++; /* from the middle */
	else if (line->rec.sequence == line->rec.seal.st.first)
		note_silence(v, line);
	if (sv_is(line->rec.dataset, "vedette.loss"))
		note_loss(v, line);
	else if (sv_is(line->rec.dataset, "vedette.close"))
		note_close(v, line);
}

static void remember(struct verifier *v, const struct line *line)
{
	const struct statement *st = &line->rec.seal.st;
	memcpy(v->stream, st->stream.p, st->stream.n); /* checked: at most STREAM_NAME_MAX */
	v->stream[st->stream.n] = '\0';
	memcpy(v->time, st->time.p, st->time.n);
	if (!v->records)
		memcpy(v->first_time, st->time.p, st->time.n);
	if (line->rec.sequence == 0)
		v->rolled_next = 0;
	if (v->has_next_key) {
		v->rolled_next = line->rec.sequence + 1;
		memcpy(v->rolled_statement, line->rec.statement, CRYPTO_HASH);
	}
	memcpy(v->statement, line->rec.statement, CRYPTO_HASH);
	memcpy(v->signature, line->rec.seal.signature, CRYPTO_SIGNATURE);
	memcpy(v->key, line->key, CRYPTO_PUBLIC);
	v->epoch = st->epoch;
	v->first = st->first;
	v->count = st->count;
	v->records++;
	v->next = line->rec.sequence + 1;
	v->is_closed = sv_is(line->rec.dataset, "vedette.close");
}

enum verify_fault verifier_line(struct verifier *v, struct strview text)
{
	struct line line = { .is_joining = false };
	if (v->fault)
		return v->fault;
	enum verify_fault f = v->fault = verify_record_read(text, &v->text, v->explain, &line.rec);
	if (!f && v->records && !sv_is(line.rec.seal.st.stream, v->stream)) {
		line.is_joining = line.rec.sequence == 0 && sv_equal(stream_agent(line.rec.seal.st.stream), stream_agent(sv_from(v->stream)));
		f = check_place(v, &line); /* of another stream: say so rather than that its key is missing */
	}
	if (!f)
		f = check_signature(v, &line);
	if (!f)
		f = check_place(v, &line);
	if (!f)
		f = check_kind(v, &line);
	if (!f && !v->records)
		tell_key(v, &line, line.rec.seal.st.epoch, line.key);
	if (!f)
		f = check_roll(v, &line);
	if (!f) {
		note_gaps(v, &line);
		remember(v, &line);
	}
	return f;
}

void verifier_head(const struct verifier *v, struct log_head *ret)
{
	*ret = (struct log_head){ .next = v->next, .epoch = v->epoch + v->has_next_key, .is_closed = v->is_closed };
	memcpy(ret->stream, v->stream, sizeof(ret->stream));
	memcpy(ret->statement, v->statement, CRYPTO_HASH);
}
