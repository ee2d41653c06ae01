/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes signed logs, and the lines of their keys, for those who verify, convert and check records: what signers sign, and what none would.
 *
 *   log_samples FOLDER
 *
 * NAME.sample with its NAME.key is a log as an agent leaves it; NAME.log is one with a fault, or an oddity, that the name tells, by the key of the first sample.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alerts/sign.h"
#include "engine/base/fd.h"
#include "tests/support/sample_log.h"

static int write_file(const char *folder, const char *name, struct strview text)
{
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	CLEANUP(file_close) FILE *f = fopen(path, "w");
	return f && fwrite(text.p, 1, text.n, f) == text.n ? 0 : -EIO;
}

/* Bodies as no renderer makes them, signed all the same with the key of the first sample: the name says what is wrong. */
static int write_odd(const char *folder)
{
	static const struct {
		const char *name;
		const char *bodies[4];
	} odd[] = {
#define OPEN "{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":0}}"
#define CLOSE_1 "{\"event\":{\"dataset\":\"vedette.close\",\"sequence\":1}}"
		{ "good-minimal", { OPEN, CLOSE_1 } },
		{ "bad-sequence-as-string", { "{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":\"0\"}}", CLOSE_1 } },
		{ "bad-sequence-as-float", { "{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":0.0}}", CLOSE_1 } },
		{ "bad-sequence-as-bool", { OPEN, "{\"event\":{\"dataset\":\"vedette.close\",\"sequence\":true}}" } },
		{ "bad-sequence-lies", { "{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":1}}", CLOSE_1 } },
		{ "bad-no-sequence", { "{\"event\":{\"dataset\":\"vedette.open\"}}", CLOSE_1 } },
		{ "bad-no-dataset", { "{\"event\":{\"sequence\":0}}", CLOSE_1 } },
		{ "bad-doubled-key", { "{\"a\":1,\"a\":1,\"event\":{\"dataset\":\"vedette.open\",\"sequence\":0}}", CLOSE_1 } },
		{ "bad-doubled-sequence", { "{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":0,\"sequence\":0}}", CLOSE_1 } },
		{ "bad-doubled-key-escaped", { "{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":0},\"\\u0065vent\":{}}", CLOSE_1 } },
		{ "bad-not-utf8", { "{\"a\":\"\xff\",\"event\":{\"dataset\":\"vedette.open\",\"sequence\":0}}", CLOSE_1 } },
		{ "bad-nan", { "{\"a\":NaN,\"event\":{\"dataset\":\"vedette.open\",\"sequence\":0}}", CLOSE_1 } },
		{ "bad-first-is-not-open", { "{\"event\":{\"dataset\":\"vedette.alert\",\"sequence\":0}}", CLOSE_1 } },
		{ "bad-opened-twice", { OPEN, "{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":1}}" } },
		{ "bad-sequence-minus-zero", { "{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":-0}}", CLOSE_1 } },
		{ "bad-half-surrogate", { "{\"a\":\"\\ud800\",\"event\":{\"dataset\":\"vedette.open\",\"sequence\":0}}", CLOSE_1 } },
		{ "bad-open-escaped", { "{\"event\":{\"dataset\":\"vedette.\\u006fpen\",\"sequence\":0}}", CLOSE_1 } },
		{ "bad-event-escaped", { "{\"\\u0065vent\":{\"dataset\":\"vedette.open\",\"sequence\":0}}", CLOSE_1 } },
		{ "bad-event-dotted", { "{\"event.dataset\":\"vedette.open\",\"event.sequence\":0}", CLOSE_1 } },
		{ "bad-event-under-empty-key", { "{\"\":{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":0}}}", CLOSE_1 } },
		{ "bad-dataset-as-number", { OPEN, "{\"event\":{\"dataset\":1,\"sequence\":1}}" } },
		{ "good-blanks", { "{ \"a\" : [ 1e999, \"\\ud83d\\ude00\\\\u0065\\\"\" ], \"event\":{\"dataset\":\"vedette.open\",\"sequence\":0}}", CLOSE_1 } },
		{ "open-close-escaped", { OPEN, "{\"event\":{\"dataset\":\"vedette.clos\\u0065\",\"sequence\":1}}" } },
		{ "bad-signed-after-close", { OPEN, CLOSE_1, "{\"event\":{\"dataset\":\"vedette.alert\",\"sequence\":2}}" } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		CLEANUP(signer_free) struct signer *s = NULL;
		CLEANUP(buf_done) struct buf out = { 0 };
		struct crypto_key *key = NULL;
		char name[64];
		const uint8_t seed[32] = { 1 };
		int r = crypto_key_from_seed(seed, &key);
		if (!r)
			r = signer_new("00000000-0000-4000-8000-000000000000/0", &key, &s);
		for (uint64_t k = 0; !r && odd[i].bodies[k]; k++)
			r = signer_add(s, k, sv_from(odd[i].bodies[k]));
		if (!r)
			r = signer_flush(s, 1767323045000000000, &out);
		(void)snprintf(name, sizeof(name), "%s.log", odd[i].name);
		if (!r)
			r = write_file(folder, name, buf_sv(&out));
		if (r)
			return r;
	}
	return 0;
}

/* What no signer signs: logs sealed by hand, with one record of each batch. */
struct crafted {
	const char *name;
	struct {
		const char *body, *time;
		uint64_t epoch, first;
		enum { PREV_RIGHT, PREV_ZERO, PREV_OTHER } prev;
		uint64_t count; /* 0: one; otherwise the record is the last and its path one hash */
		uint8_t key;    /* which one signs it: 0, or the one that ROLL names */
		const char *stream; /* NULL: the first sample's */
	} batch[3];
};

/* A body with the SHA-256 of the statement before in place of LINK. */
static void join_body(struct buf *out, const char *body, const uint8_t link[static CRYPTO_HASH])
{
	const char *at = strstr(body, "LINK");
	buf_add(out, body, at ? (size_t)(at - body) : strlen(body));
	if (!at)
		return;
	crypto_base64(out, link, CRYPTO_HASH);
	buf_add_z(out, at + 4);
}

static int write_crafted_log(const char *folder, const struct crafted *crafted)
{
	uint8_t link[CRYPTO_HASH] = { 0 };
	CLEANUP(buf_done) struct buf out = { 0 };
	for (size_t i = 0; i < ARRAY_SIZE(crafted->batch) && crafted->batch[i].body; i++) {
		CLEANUP(crypto_key_free) struct crypto_key *key = NULL;
		const uint8_t seed[32] = { 1, 0, crafted->batch[i].key };
		if (crypto_key_from_seed(seed, &key))
			return -ENOMEM;
		static const uint8_t prevs[][CRYPTO_HASH] = { [PREV_ZERO] = { 0 }, [PREV_OTHER] = { 7 } };
		CLEANUP(buf_done) struct buf prev = { 0 };
		CLEANUP(buf_done) struct buf text = { 0 };
		const char *stream = crafted->batch[i].stream ? crafted->batch[i].stream : "00000000-0000-4000-8000-000000000000/0";
		struct seal seal = { .st = { .stream = sv_from(stream), .time = sv_from(crafted->batch[i].time),
					     .epoch = crafted->batch[i].epoch, .first = crafted->batch[i].first, .count = MAX(crafted->batch[i].count, 1) } };
		CLEANUP(buf_done) struct buf joined = { 0 };
		join_body(&joined, crafted->batch[i].body, link);
		const struct strview body = buf_sv(&joined);
		crypto_base64(&prev, crafted->batch[i].prev == PREV_RIGHT ? link : prevs[crafted->batch[i].prev], CRYPTO_HASH);
		seal.st.prev = buf_sv(&prev);
		tree_leaf(body, SV(""), seal.st.root);
		if (crafted->batch[i].count) {
			seal.path = prevs[PREV_OTHER];
			seal.n_path = 1;
			tree_node(seal.path, seal.st.root, seal.st.root);
		}
		statement_text(&seal.st, &text);
		const struct strview statement = buf_sv(&text);
		crypto_key_sign(key, statement, seal.signature);
		crypto_sha256(&statement, 1, link);
		buf_add(&out, body.p, body.n - 1);
		buf_add_z(&out, SEAL_MEMBER);
		seal_text(&seal, &out);
		buf_add_z(&out, "}\n");
	}
	char name[64];
	(void)snprintf(name, sizeof(name), "%s.log", crafted->name);
	return write_file(folder, name, buf_sv(&out));
}

static int write_crafted(const char *folder)
{
#define ALERT_1 "{\"event\":{\"dataset\":\"vedette.alert\",\"sequence\":1}}"
#define CLOSE_2 "{\"event\":{\"dataset\":\"vedette.close\",\"sequence\":2}}"
#define ROLL_BODY(epoch, key) "{\"event\":{\"dataset\":\"vedette.key-roll\",\"sequence\":1},\"vedette\":{\"next_epoch\":" epoch ",\"next_key\":" key "}}"
#define ROLL_KEY "Y7mPrvbq4kX9ih3onG8d+mTJn/9PDl3/T4bOC0Io23s"
#define ROLL ROLL_BODY("1", "\"" ROLL_KEY "=\"")
#define T1 "2026-01-02T03:04:05.000000001Z"
#define T2 "2026-01-02T03:04:05.000000002Z"
#define AGENT "00000000-0000-4000-8000-000000000000"
#define OPEN_AGAIN(previous) "{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":0},\"vedette\":{\"previous\":{" previous "}}}"
#define PREVIOUS(closed, next, statement, stream) "\"closed\":" closed ",\"next\":" next ",\"statement\":" statement ",\"stream\":" stream
#define AGAIN(closed, next, statement, stream) OPEN_AGAIN(PREVIOUS(closed, next, statement, stream))
	/* behind an open record alone, which is never closed; then the same behind one that is */
#define NEXT(body) { { OPEN, T2, 0, 0, 0, 0, 0, NULL }, { body, T1, 0, 0, PREV_ZERO, 0, 0, AGENT "/1" }, { CLOSE_1, T2, 0, 1, 0, 0, 0, AGENT "/1" } }
#define FIRST(body) { { body, T1, 0, 0, 0, 0, 0, NULL }, { CLOSE_1, T2, 0, 1, 0, 0, 0, NULL } }
#define NEXT_OF(body, ...) { { OPEN, T2, 0, 0, 0, 0, 0, NULL }, { body, T1, 0, 0, __VA_ARGS__ }, { CLOSE_1, T2, 0, 1, 0, 0, 0, AGENT "/1" } }
#define RIGHT AGAIN("false", "1", "\"LINK\"", "\"" AGENT "/0\"")
	static const struct crafted logs[] = {
		{ "open-agent-again", NEXT(RIGHT) },
		{ "open-agent-again-with-more", NEXT(OPEN_AGAIN("\"a\":1," PREVIOUS("false", "1", "\"LINK\"", "\"" AGENT "/0\"") ",\"x\":[]")) },
		{ "open-begins-behind-another", FIRST(AGAIN("true", "1", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"", "\"" AGENT "/7\"")) },
		{ "open-begins-behind-nothing", FIRST("{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":0},\"vedette\":{\"previous\":null}}") },
		{ "open-begins-behind-an-empty-past", FIRST(OPEN_AGAIN("")) },
		{ "open-begins-behind-a-text", FIRST("{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":0},\"vedette\":{\"previous\":\"x\"}}") },
		{ "good-begins-with-a-list", FIRST("{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":0},\"vedette\":[{\"previous\":{}}]}") },
		{ "good-begins-with-a-text", FIRST("{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":0},\"vedette\":\"previous\"}") },
		{ "good-begins-with-a-past-elsewhere", FIRST("{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":0},\"previous\":{}}") },
		{ "bad-again-without-a-past", NEXT(OPEN) },
		{ "bad-again-with-an-empty-past", NEXT(OPEN_AGAIN("")) },
		{ "bad-again-closed", NEXT(AGAIN("true", "1", "\"LINK\"", "\"" AGENT "/0\"")) },
		{ "bad-again-closed-as-text", NEXT(AGAIN("\"false\"", "1", "\"LINK\"", "\"" AGENT "/0\"")) },
		{ "bad-again-closed-as-number", NEXT(AGAIN("0", "1", "\"LINK\"", "\"" AGENT "/0\"")) },
		{ "bad-again-closed-as-fraction", NEXT(AGAIN("0.0", "1", "\"LINK\"", "\"" AGENT "/0\"")) },
		{ "bad-again-closed-null", NEXT(AGAIN("null", "1", "\"LINK\"", "\"" AGENT "/0\"")) },
		{ "bad-again-more-before", NEXT(AGAIN("false", "2", "\"LINK\"", "\"" AGENT "/0\"")) },
		{ "bad-again-less-before", NEXT(AGAIN("false", "0", "\"LINK\"", "\"" AGENT "/0\"")) },
		{ "bad-again-next-as-text", NEXT(AGAIN("false", "\"1\"", "\"LINK\"", "\"" AGENT "/0\"")) },
		{ "bad-again-next-as-fraction", NEXT(AGAIN("false", "1.0", "\"LINK\"", "\"" AGENT "/0\"")) },
		{ "bad-again-other-statement", NEXT(AGAIN("false", "1", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"", "\"" AGENT "/0\"")) },
		{ "bad-again-other-stream-before", NEXT(AGAIN("false", "1", "\"LINK\"", "\"" AGENT "/7\"")) },
		{ "bad-again-a-stream-left-out", { { OPEN, T2, 0, 0, 0, 0, 0, NULL }, { AGAIN("false", "1", "\"LINK\"", "\"" AGENT "/7\""), T1, 0, 0, PREV_ZERO, 0, 0, AGENT "/9" } } },
		{ "bad-again-stream-escaped", NEXT(AGAIN("false", "1", "\"LINK\"", "\"\\u0030" "0000000-0000-4000-8000-000000000000/0\"")) },
		{ "bad-again-past-in-a-list", NEXT("{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":0},\"vedette\":{\"previous\":[{" PREVIOUS("false", "1", "\"LINK\"", "\"" AGENT "/0\"") "}]}}") },
		{ "bad-again-past-elsewhere", NEXT("{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":0},\"previous\":{" PREVIOUS("false", "1", "\"LINK\"", "\"" AGENT "/0\"") "}}") },
		{ "bad-again-of-another-agent", NEXT_OF(RIGHT, PREV_ZERO, 0, 0, "00000000-0000-4000-8000-000000000001/1") },
		{ "bad-again-of-an-agent-without-a-slash", NEXT_OF(RIGHT, PREV_ZERO, 0, 0, AGENT) },
		{ "bad-again-in-the-same-stream", NEXT_OF(RIGHT, PREV_ZERO, 0, 0, NULL) },
		{ "bad-again-with-a-batch-before", NEXT_OF(RIGHT, PREV_RIGHT, 0, 0, AGENT "/1") },
		{ "bad-again-by-another-key", NEXT_OF(RIGHT, PREV_ZERO, 0, 1, AGENT "/1") },
		{ "bad-again-begins-with-an-alert", { { OPEN, T2, 0, 0, 0, 0, 0, NULL }, { "{\"event\":{\"dataset\":\"vedette.alert\",\"sequence\":0},\"vedette\":{\"previous\":{" PREVIOUS("false", "1", "\"LINK\"", "\"" AGENT "/0\"") "}}}", T2, 0, 0, PREV_ZERO, 0, 0, AGENT "/1" } } },
		{ "bad-again-begins-late", { { OPEN, T2, 0, 0, 0, 0, 0, NULL }, { ALERT_1, T2, 0, 1, 0, 0, 0, AGENT "/1" } } },
		{ "bad-again-next-epoch", { { OPEN, T2, 0, 0, 0, 0, 0, NULL }, { RIGHT, T2, 1, 0, PREV_ZERO, 0, 0, AGENT "/1" } } },
		{ "open-agent-again-closed", { { OPEN, T2, 0, 0, 0, 0, 0, NULL }, { CLOSE_1, T2, 0, 1, 0, 0, 0, NULL }, { AGAIN("true", "2", "\"LINK\"", "\"" AGENT "/0\""), T1, 0, 0, PREV_ZERO, 0, 0, AGENT "/1" } } },
		{ "open-agent-again-after-a-roll", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { ROLL, T1, 0, 1, 0, 0, 0, NULL }, { AGAIN("false", "2", "\"LINK\"", "\"" AGENT "/0\""), T1, 1, 0, PREV_ZERO, 0, 1, AGENT "/1" } } },
		{ "bad-again-old-key-after-a-roll", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { ROLL, T1, 0, 1, 0, 0, 0, NULL }, { AGAIN("false", "2", "\"LINK\"", "\"" AGENT "/0\""), T1, 0, 0, PREV_ZERO, 0, 0, AGENT "/1" } } },
		{ "good-by-hand", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { ALERT_1, T1, 0, 1, 0, 0, 0, NULL }, { CLOSE_2, T2, 0, 2, 0, 0, 0, NULL } } },
		{ "bad-time-goes-back", { { OPEN, T2, 0, 0, 0, 0, 0, NULL }, { CLOSE_1, T1, 0, 1, 0, 0, 0, NULL } } },
		{ "bad-time-goes-back-later", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { ALERT_1, T2, 0, 1, 0, 0, 0, NULL }, { CLOSE_2, T1, 0, 2, 0, 0, 0, NULL } } },
		{ "bad-time-without-fraction", { { OPEN, "2026-01-02T03:04:05Z", 0, 0, 0, 0, 0, NULL }, { CLOSE_1, T1, 0, 1, 0, 0, 0, NULL } } },
		{ "bad-second-batch-begins-anew", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { CLOSE_1, T1, 0, 1, PREV_ZERO, 0, 0, NULL } } },
		{ "bad-second-batch-follows-another", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { CLOSE_1, T1, 0, 1, PREV_OTHER, 0, 0, NULL } } },
		{ "bad-first-batch-follows-one", { { OPEN, T1, 0, 0, PREV_OTHER, 0, 0, NULL }, { CLOSE_1, T1, 0, 1, 0, 0, 0, NULL } } },
		{ "bad-epoch-changes", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { CLOSE_1, T1, 1, 1, 0, 0, 0, NULL } } },
		{ "bad-batch-elsewhere", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { CLOSE_1, T1, 0, 2, 0, 0, 0, NULL } } },
		{ "bad-batch-over-an-earlier-one", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { CLOSE_1, T1, 0, 0, 0, 2, 0, NULL } } },
		{ "good-roll", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { ROLL, T1, 0, 1, 0, 0, 0, NULL }, { CLOSE_2, T1, 1, 2, 0, 0, 1, NULL } } },
		{ "open-roll-at-the-end", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { ROLL, T1, 0, 1, 0, 0, 0, NULL } } },
		{ "bad-old-key-after-its-roll", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { ROLL, T1, 0, 1, 0, 0, 0, NULL }, { CLOSE_2, T1, 0, 2, 0, 0, 0, NULL } } },
		{ "bad-old-key-in-the-new-epoch", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { ROLL, T1, 0, 1, 0, 0, 0, NULL }, { CLOSE_2, T1, 1, 2, 0, 0, 0, NULL } } },
		{ "bad-new-key-in-the-old-epoch", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { ROLL, T1, 0, 1, 0, 0, 0, NULL }, { CLOSE_2, T1, 0, 2, 0, 0, 1, NULL } } },
		{ "bad-epoch-left-out", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { ROLL, T1, 0, 1, 0, 0, 0, NULL }, { CLOSE_2, T1, 2, 2, 0, 0, 1, NULL } } },
		{ "bad-roll-by-the-new-key", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { ROLL, T1, 1, 1, 0, 0, 1, NULL }, { CLOSE_2, T1, 1, 2, 0, 0, 1, NULL } } },
		{ "bad-roll-within-its-batch", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { ROLL, T1, 0, 1, 0, 2, 0, NULL }, { CLOSE_2, T1, 1, 2, 0, 0, 1, NULL } } },
		{ "bad-roll-to-its-own-epoch", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { ROLL_BODY("0", "\"" ROLL_KEY "=\""), T1, 0, 1, 0, 0, 0, NULL } } },
		{ "bad-roll-past-an-epoch", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { ROLL_BODY("2", "\"" ROLL_KEY "=\""), T1, 0, 1, 0, 0, 0, NULL } } },
		{ "bad-roll-epoch-as-text", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { ROLL_BODY("\"1\"", "\"" ROLL_KEY "=\""), T1, 0, 1, 0, 0, 0, NULL } } },
		{ "bad-roll-without-a-key", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { ROLL_BODY("1", "1"), T1, 0, 1, 0, 0, 0, NULL } } },
		{ "bad-roll-key-without-padding", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { ROLL_BODY("1", "\"" ROLL_KEY "\""), T1, 0, 1, 0, 0, 0, NULL } } },
		{ "bad-roll-key-with-stray-bits", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { ROLL_BODY("1", "\"Y7mPrvbq4kX9ih3onG8d+mTJn/9PDl3/T4bOC0Io23t=\""), T1, 0, 1, 0, 0, 0, NULL } } },
		{ "bad-roll-key-escaped", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { ROLL_BODY("1", "\"\\u00597mPrvbq4kX9ih3onG8d+mTJn/9PDl3/T4bOC0Io23s=\""), T1, 0, 1, 0, 0, 0, NULL } } },
		{ "good-roll-that-is-none", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { "{\"event\":{\"dataset\":\"vedette.alert\",\"sequence\":1},\"vedette\":{\"next_epoch\":1,\"next_key\":\"" ROLL_KEY "=\"}}", T1, 0, 1, 0, 0, 0, NULL }, { CLOSE_2, T1, 0, 2, 0, 0, 0, NULL } } },
		/* these also from the middle */
		{ "bad-batch-of-65537", { { "{\"event\":{\"dataset\":\"vedette.close\",\"sequence\":65536}}", T1, 0, 0, 0, 65537, 0, NULL } } },
		{ "bad-sequence-behind-its-batch", { { "{\"event\":{\"dataset\":\"vedette.close\",\"sequence\":9}}", T1, 0, 7, 0, 0, 0, NULL } } },
		{ "bad-sequence-past-the-most", { { "{\"event\":{\"dataset\":\"vedette.close\",\"sequence\":9007199254740993}}", T1, 0, 9007199254740993, 0, 0, 0, NULL } } },
		{ "bad-closed-twice", { { OPEN, T1, 0, 0, 0, 0, 0, NULL }, { CLOSE_1, T1, 0, 1, 0, 0, 0, NULL }, { CLOSE_2, T1, 0, 2, 0, 0, 0, NULL } } },
	};
	int r = 0;
	for (size_t i = 0; !r && i < ARRAY_SIZE(logs); i++)
		r = write_crafted_log(folder, &logs[i]);
	return r;
}

static int write_samples(const char *folder)
{
	static const size_t batches[] = { 1, 3, 2, 1, 0 }, twice[] = { 1, 3, 2, 1, 0 }, twice_again[] = { 1, 2, 1, 0 };
	static const size_t small[] = { 2, 0 }, many[] = { 1, 2, 3, 5, 7, 13, 100, 256, 1, 0 }, fuzz[] = { 1, 2, 1, 0 }, rolled[] = { 1, 3, 2, 2, 1, 0 };
	static const struct {
		const char *name;
		struct sample_spec spec;
	} samples[] = {
		{ "a", { .batches = batches } },                      { "other-stream", { .batches = batches, .stream = 1 } },
		{ "other-key", { .batches = batches, .key = 1 } },    { "other-content", { .batches = batches, .content = 1 } },
		{ "open-ended", { .batches = batches, .is_open_ended = true } },
		{ "fuzz", { .batches = fuzz, .rolls = 1 << 1, .key = 9 } }, /* what tests/fuzz/corpus/verify/sample holds */
		{ "rolled", { .batches = rolled, .rolls = 1 << 1 | 1 << 3 } },
		{ "twice", { .batches = twice, .rolls = 1 << 1, .again = twice_again, .rolls_again = 1 << 1 } },
		{ "twice-open", { .batches = twice, .again = twice_again, .is_open_ended = true } },
		{ "twice-forgotten", { .batches = twice, .rolls = 1 << 1, .again = twice_again, .is_open_ended = true, .forgets = true } },
		{ "twice-other", { .batches = twice, .rolls = 1 << 1, .again = twice_again, .content = 1 } },
		{ "small", { .batches = small, .again = small } },                      { "many", { .batches = many } },
	};
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		CLEANUP(sample_log_done) struct sample_log log;
		char name[64];
		int r = sample_log_make(&samples[i].spec, &log);
		(void)snprintf(name, sizeof(name), "%s.sample", samples[i].name);
		if (!r)
			r = write_file(folder, name, buf_sv(&log.text));
		(void)snprintf(name, sizeof(name), "%s.key", samples[i].name);
		if (!r)
			r = write_file(folder, name, buf_sv(&log.key_line));
		if (r)
			return r;
	}
	int r = write_odd(folder);
	return r ? r : write_crafted(folder);
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		(void)fprintf(stderr, "usage: log_samples FOLDER\n");
		return 1;
	}
	return write_samples(argv[1]) != 0;
}
