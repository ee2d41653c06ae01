/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alerts/sign.h"
#include "alerts/verify.h"
#include "tests/support/sample_log.h"

static const size_t batches[] = { 1, 3, 2, 1, 0 };

struct outcome {
	enum verify_fault fault;
	size_t line; /* of the fault */
	struct verify_result result;
	size_t torn;
};

/* As the command does: lines, then the end. */
static struct outcome judge(const struct verify_keys *keys, struct strview text, bool from_middle)
{
	CLEANUP(verifier_free) struct verifier *v = NULL;
	struct outcome o = { .fault = VERIFY_OK };
	assert_int_equal(verifier_new(keys, &(struct verify_options){ .from_middle = from_middle }, &v), 0);
	for (size_t at = 0; at < text.n && !o.fault; o.line++) {
		const char *end = memchr(text.p + at, '\n', text.n - at);
		if (!end) {
			o.torn = text.n - at;
			break;
		}
		size_t n = (size_t)(end - text.p) - at;
		o.fault = verifier_line(v, (struct strview){ text.p + at, n });
		at += n + 1;
	}
	verifier_result(v, &o.result);
	o.result.stream = o.result.last_time = NULL; /* of the verifier that ends here */
	return o;
}

static bool is_whole(const struct outcome *o)
{
	return !o->fault && !o->torn && !o->result.missing && o->result.is_closed && o->result.records;
}

/* A log put together from numbered lines of two samples: 0.. of the first, 100.. of the second. */
static void compose(struct buf *out, const struct sample_log *a, const struct sample_log *b, const int *order)
{
	buf_reset(out);
	for (; *order >= 0; order++) {
		buf_add_sv(out, *order < 100 ? a->line[*order] : b->line[*order - 100]);
		buf_add_char(out, '\n');
	}
}

static void the_first_bad_line_is_named_with_its_fault(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		unsigned other_stream, other_content;
		int order[12];
		enum verify_fault fault;
		size_t line; /* counted with it */
	} cases[] = {
		{ "deleted record", 1, 0, { 0, 1, 3, 4, 5, 6, -1 }, VERIFY_DELETED, 3 },
		{ "deleted batch", 1, 0, { 0, 1, 2, 3, 6, -1 }, VERIFY_DELETED, 5 },
		{ "deleted begin", 1, 0, { 1, 2, 3, 4, 5, 6, -1 }, VERIFY_DELETED, 1 },
		{ "reordered records", 1, 0, { 0, 2, 1, 3, 4, 5, 6, -1 }, VERIFY_DELETED, 2 },
		{ "reordered batches", 1, 0, { 0, 4, 5, 1, 2, 3, 6, -1 }, VERIFY_DELETED, 2 },
		{ "replayed record", 1, 0, { 0, 1, 2, 2, 3, 4, 5, 6, -1 }, VERIFY_REPLAYED, 4 },
		{ "replayed batch", 1, 0, { 0, 1, 2, 3, 1, 2, 3, 4, 5, 6, -1 }, VERIFY_REPLAYED, 5 },
		{ "replay after the close", 1, 0, { 0, 1, 2, 3, 4, 5, 6, 6, -1 }, VERIFY_AFTER_CLOSE, 8 },
		{ "line of another stream", 1, 0, { 0, 1, 102, 3, 4, 5, 6, -1 }, VERIFY_SPLICED, 3 },
		{ "end of another stream", 1, 0, { 0, 1, 2, 3, 104, 105, 106, -1 }, VERIFY_SPLICED, 5 },
		{ "another stream behind the close", 1, 0, { 0, 1, 2, 3, 4, 5, 6, 100, -1 }, VERIFY_SPLICED, 8 },
		{ "record signed twice, in a batch", 0, 1, { 0, 1, 102, 3, 4, 5, 6, -1 }, VERIFY_CHAIN_BROKEN, 3 },
		{ "batch signed twice", 0, 1, { 0, 1, 2, 3, 104, 105, 106, -1 }, VERIFY_CHAIN_BROKEN, 5 },
	};
	CLEANUP(sample_log_done) struct sample_log a;
	CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	assert_int_equal(sample_log_make(&(struct sample_spec){ .batches = batches }, &a), 0);
	assert_int_equal(verify_keys_parse("key", buf_sv(&a.key_line), &keys, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(sample_log_done) struct sample_log b;
		struct sample_spec spec = { .stream = cases[i].other_stream, .batches = batches, .content = cases[i].other_content };
		assert_int_equal(sample_log_make(&spec, &b), 0);
		compose(&text, &a, &b, cases[i].order);
		struct outcome o = judge(&keys, buf_sv(&text), false);
		if (o.fault != cases[i].fault || o.line != cases[i].line)
			fail_msg("%s: %s in line %zu", cases[i].what, verify_fault_text(o.fault), o.line);
	}
}

static void other_keys_do_not_fit(void **state)
{
	(void)state;
	CLEANUP(sample_log_done) struct sample_log a, other_key, other_stream;
	CLEANUP(verify_keys_done) struct verify_keys wrong = { 0 };
	CLEANUP(verify_keys_done) struct verify_keys foreign = { 0 };
	assert_int_equal(sample_log_make(&(struct sample_spec){ .batches = batches }, &a), 0);
	assert_int_equal(sample_log_make(&(struct sample_spec){ .batches = batches, .key = 1 }, &other_key), 0);
	assert_int_equal(sample_log_make(&(struct sample_spec){ .batches = batches, .stream = 1 }, &other_stream), 0);
	assert_int_equal(verify_keys_parse("key", buf_sv(&other_key.key_line), &wrong, NULL), 0);
	assert_int_equal(verify_keys_parse("key", buf_sv(&other_stream.key_line), &foreign, NULL), 0);
	assert_int_equal(judge(&wrong, buf_sv(&a.text), false).fault, VERIFY_EDITED);
	assert_int_equal(judge(&foreign, buf_sv(&a.text), false).fault, VERIFY_WRONG_KEY);
}

static void a_key_file_may_have_any_line_ends(void **state)
{
	(void)state;
	CLEANUP(sample_log_done) struct sample_log a;
	assert_int_equal(sample_log_make(&(struct sample_spec){ .batches = batches }, &a), 0);
	static const char *const ends[] = { "", "\n", "\r\n", "\r\n\r\n# a note\r\n", "\r" };
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
		CLEANUP(buf_done) struct buf text = { 0 };
		buf_add(&text, a.key_line.p, a.key_line.n - 1);
		buf_add_z(&text, ends[i]);
		assert_int_equal(verify_keys_parse("key", buf_sv(&text), &keys, NULL), 0);
		assert_int_equal(keys.n, 1);
		struct outcome o = judge(&keys, buf_sv(&a.text), false);
		assert_true(is_whole(&o));
	}
	CLEANUP(verify_keys_done) struct verify_keys none = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	buf_add(&text, a.key_line.p, a.key_line.n - 1);
	buf_add_z(&text, "\r\r\n");
	assert_int_equal(verify_keys_parse("key", buf_sv(&text), &none, NULL), -EINVAL);
}

static void the_end_of_a_log_is_told(void **state)
{
	(void)state;
	CLEANUP(sample_log_done) struct sample_log a;
	CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
	assert_int_equal(sample_log_make(&(struct sample_spec){ .batches = batches }, &a), 0);
	assert_int_equal(verify_keys_parse("key", buf_sv(&a.key_line), &keys, NULL), 0);
	struct outcome o = judge(&keys, buf_sv(&a.text), false);
	assert_true(is_whole(&o));
	for (size_t n = 0; n < a.text.n; n++) { /* every truncation */
		o = judge(&keys, (struct strview){ a.text.p, n }, false);
		assert_int_equal(o.fault, VERIFY_OK);
		if (is_whole(&o))
			fail_msg("cut to %zu bytes, yet whole", n);
	}
	size_t three = (size_t)(a.line[3].p - a.text.p);
	o = judge(&keys, (struct strview){ a.text.p, three }, false);
	assert_int_equal(o.result.records, 3);
	assert_int_equal(o.result.missing, 1); /* the batch holds records 1 to 3 */
	o = judge(&keys, (struct strview){ a.text.p, three + 5 }, false);
	assert_int_equal(o.torn, 5);
}

static void a_log_may_begin_in_the_middle_when_asked(void **state)
{
	(void)state;
	CLEANUP(sample_log_done) struct sample_log a;
	CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
	assert_int_equal(sample_log_make(&(struct sample_spec){ .batches = batches }, &a), 0);
	assert_int_equal(verify_keys_parse("key", buf_sv(&a.key_line), &keys, NULL), 0);
	for (size_t i = 0; i < a.n; i++) {
		struct strview rest = { a.line[i].p, (size_t)(a.text.p + a.text.n - a.line[i].p) };
		struct outcome o = judge(&keys, rest, true);
		assert_true(is_whole(&o));
		assert_int_equal(o.result.records, a.n - i);
	}
}

/*
 * Every byte of a log changed in several ways, taken out, and doubled: none goes unnoticed. There is no harmless change: bodies are
 * hashed, and the signature member has one form only.
 */
static void every_mutation_of_a_log_is_noticed(void **state)
{
	(void)state;
	static const size_t few[] = { 1, 2, 0 }, again[] = { 2, 0 };
	CLEANUP(sample_log_done) struct sample_log a;
	CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	assert_int_equal(sample_log_make(&(struct sample_spec){ .batches = few, .again = again }, &a), 0);
	assert_int_equal(verify_keys_parse("key", buf_sv(&a.key_line), &keys, NULL), 0);
	static const unsigned char flips[] = { 0x01, 0x20, 0x80 };
	for (size_t i = 0; i < a.text.n; i++) {
		for (size_t how = 0; how < ARRAY_SIZE(flips) + 3; how++) {
			char old = a.text.p[i];
			buf_reset(&text);
			buf_add(&text, a.text.p, i);
			if (how < ARRAY_SIZE(flips))
				buf_add_char(&text, (char)(old ^ flips[how]));
			else if (how == ARRAY_SIZE(flips))
				buf_add_char(&text, old == '\n' ? ' ' : '\n');
			else if (how == ARRAY_SIZE(flips) + 1)
				buf_add(&text, (char[]){ old, old == ' ' ? '\t' : ' ' }, 2);
			/* else: taken out */
			buf_add(&text, a.text.p + i + 1, a.text.n - i - 1);
			struct outcome o = judge(&keys, buf_sv(&text), false);
			if (is_whole(&o))
				fail_msg("byte %zu (%c), change %zu goes unnoticed", i, old, how);
		}
	}
}

/* Keys that follow one another: the file needs the first one only, and a later one serves the lines that it signed. */
static void a_log_is_followed_from_key_to_key(void **state)
{
	(void)state;
	static const size_t rolled[] = { 1, 3, 2, 2, 1, 0 };
	CLEANUP(sample_log_done) struct sample_log a;
	CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	assert_int_equal(sample_log_make(&(struct sample_spec){ .batches = rolled, .rolls = 1 << 1 | 1 << 3 }, &a), 0);
	assert_int_equal(verify_keys_parse("key", buf_sv(&a.key_line), &keys, NULL), 0);
	struct outcome o = judge(&keys, buf_sv(&a.text), false);
	assert_true(is_whole(&o));
	assert_int_equal(o.result.epoch, 2);
	for (size_t i = 0; i < a.n; i++) { /* records 0 to 3 are of the first key */
		struct strview rest = { a.line[i].p, (size_t)(a.text.p + a.text.n - a.line[i].p) };
		assert_int_equal(judge(&keys, rest, true).fault, i < 4 ? VERIFY_OK : VERIFY_WRONG_KEY);
	}
	static const struct {
		const char *what;
		int order[12];
		enum verify_fault fault;
		size_t line;
	} cases[] = {
		{ "the roll is gone", { 0, 1, 2, 4, 5, -1 }, VERIFY_DELETED, 4 },
		{ "an epoch is gone", { 0, 1, 2, 3, 8, -1 }, VERIFY_DELETED, 5 },
		{ "a record of the key before", { 0, 1, 2, 3, 4, 1, -1 }, VERIFY_REPLAYED, 6 },
		{ "a record of the key before, behind the close", { 0, 1, 2, 3, 4, 5, 6, 7, 8, 1, -1 }, VERIFY_AFTER_CLOSE, 10 },
		{ "the first key's records are gone", { 4, 5, 6, 7, 8, -1 }, VERIFY_DELETED, 1 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		compose(&text, &a, &a, cases[i].order);
		o = judge(&keys, buf_sv(&text), false);
		if (o.fault != cases[i].fault || o.line != cases[i].line)
			fail_msg("%s: %s in line %zu", cases[i].what, verify_fault_text(o.fault), o.line);
	}
}

/* What the gaps of a log are, in its order. */
struct gaps {
	struct verify_gap gap[8];
	size_t n;
};

static void note_gap(void *context, const struct verify_gap *gap)
{
	struct gaps *g = context;
	if (g->n < ARRAY_SIZE(g->gap))
		g->gap[g->n++] = *gap;
}

static const size_t twice[] = { 1, 3, 2, 1, 0 }, twice_again[] = { 1, 2, 1, 0 };

/* Its names are gone with the verifier. */
static struct verify_result take_whole_log(const struct sample_spec *spec, struct gaps *gaps)
{
	CLEANUP(sample_log_done) struct sample_log log;
	CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
	CLEANUP(verifier_free) struct verifier *v = NULL;
	struct verify_result result;
	assert_int_equal(sample_log_make(spec, &log), 0);
	assert_int_equal(verify_keys_parse("key", buf_sv(&log.key_line), &keys, NULL), 0);
	assert_int_equal(verifier_new(&keys, &(struct verify_options){ .on_gap = note_gap, .context = gaps }, &v), 0);
	for (size_t i = 0; i < log.n; i++)
		if (verifier_line(v, log.line[i]))
			fail_msg("line %zu: %s", i, verifier_explain(v));
	verifier_result(v, &result);
	result.stream = result.follows = result.first_time = result.last_time = NULL;
	return result;
}

static void an_agent_is_followed_from_stream_to_stream(void **state)
{
	(void)state;
	for (int is_open_ended = 0; is_open_ended < 2; is_open_ended++) {
		struct gaps gaps = { .n = 0 };
		const struct sample_spec spec = { .batches = twice, .rolls = 1 << 1, .again = twice_again, .rolls_again = 1 << 1, .is_open_ended = is_open_ended };
		struct verify_result result = take_whole_log(&spec, &gaps);
		assert_int_equal(result.records, 11);
		assert_int_equal(result.streams, 2);
		assert_int_equal(result.unclosed, is_open_ended);
		assert_int_equal(result.epoch, 2);
		assert_true(result.is_closed);
		assert_int_equal(gaps.n, 1);
		assert_int_equal(gaps.gap[0].kind, is_open_ended ? VERIFY_GAP_UNCLEAN : VERIFY_GAP_STOPPED);
		assert_int_equal((gaps.gap[0].to_ns - gaps.gap[0].from_ns + 500000000) / 1000000000, 60);
	}
}

/* An agent that lost its log names the place where its key began: nothing is missing, and it is told. */
static void an_agent_that_lost_its_log_is_told(void **state)
{
	(void)state;
	for (int is_open_ended = 0; is_open_ended < 2; is_open_ended++) {
		struct gaps gaps = { .n = 0 };
		const struct sample_spec spec = { .batches = twice, .rolls = 1 << 1, .again = twice_again, .is_open_ended = is_open_ended, .forgets = true };
		struct verify_result result = take_whole_log(&spec, &gaps);
		assert_int_equal(result.unclosed, 1);
		assert_int_equal(gaps.n, 1);
		assert_int_equal(gaps.gap[0].kind, VERIFY_GAP_UNCLEAN);
		assert_string_equal(gaps.gap[0].what, "the agent had lost its log");
	}
}

static void what_stands_between_two_streams_is_proven(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		int order[16];
		enum verify_fault fault;
		size_t line;
	} cases[] = {
		{ "the end of the first stream is gone", { 0, 1, 2, 3, 4, 5, 7, 8, 9, 10, -1 }, VERIFY_DELETED, 7 },
		{ "the last batch of the first stream is not whole", { 0, 1, 2, 3, 4, 7, 8, 9, 10, -1 }, VERIFY_DELETED, 6 },
		{ "the open record of the second stream is gone", { 0, 1, 2, 3, 4, 5, 6, 8, 9, 10, -1 }, VERIFY_DELETED, 8 },
		{ "the end of the first stream and the beginning of the second are gone", { 0, 1, 2, 3, 4, 9, 10, -1 }, VERIFY_DELETED, 6 },
		{ "the second stream before the first", { 7, 8, 9, 10, 0, 1, 2, 3, 4, 5, 6, -1 }, VERIFY_DELETED, 1 },
		{ "the second stream twice", { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 7, 8, 9, 10, -1 }, VERIFY_AFTER_CLOSE, 12 },
		{ "the first stream again", { 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1, 2, 3, -1 }, VERIFY_REPLAYED, 10 },
		{ "a record of the first stream in the second", { 0, 1, 2, 3, 4, 5, 6, 7, 5, 8, 9, 10, -1 }, VERIFY_REPLAYED, 9 },
		{ "the second stream behind another first one", { 100, 101, 102, 103, 104, 105, 106, 7, 8, 9, 10, -1 }, VERIFY_CHAIN_BROKEN, 8 },
	};
	CLEANUP(sample_log_done) struct sample_log a, other;
	CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	struct sample_spec spec = { .batches = twice, .rolls = 1 << 1, .again = twice_again };
	assert_int_equal(sample_log_make(&spec, &a), 0);
	spec.content = 1;
	assert_int_equal(sample_log_make(&spec, &other), 0);
	assert_int_equal(verify_keys_parse("key", buf_sv(&a.key_line), &keys, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		compose(&text, &a, &other, cases[i].order);
		struct outcome o = judge(&keys, buf_sv(&text), false);
		if (o.fault != cases[i].fault || o.line != cases[i].line)
			fail_msg("%s: %s in line %zu", cases[i].what, verify_fault_text(o.fault), o.line);
	}
}

static void the_end_of_a_log_is_where_its_last_line_says(void **state)
{
	(void)state;
	CLEANUP(sample_log_done) struct sample_log a;
	CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
	CLEANUP(verifier_free) struct verifier *v = NULL;
	assert_int_equal(sample_log_make(&(struct sample_spec){ .batches = twice, .rolls = 1 << 1, .again = twice_again }, &a), 0);
	assert_int_equal(verify_keys_parse("key", buf_sv(&a.key_line), &keys, NULL), 0);
	assert_int_equal(verifier_new(&keys, &(struct verify_options){ 0 }, &v), 0);
	for (size_t i = 0; i < a.n; i++) {
		struct log_head said, found = { .next = 0 };
		assert_int_equal(verifier_line(v, a.line[i]), VERIFY_OK);
		verifier_head(v, &said);
		assert_int_equal(log_head_of_line(a.line[i], &found), 0);
		assert_string_equal(said.stream, found.stream);
		assert_memory_equal(said.statement, found.statement, CRYPTO_HASH);
		assert_true(said.next == found.next && said.epoch == found.epoch && said.is_closed == found.is_closed);
	}
	struct log_head none;
	assert_int_equal(log_head_of_line(SV("{}"), &none), -EBADMSG);
	assert_int_equal(log_head_of_line(SV(""), &none), -EBADMSG);
}

static void lines_that_are_no_records_are_refused(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"", " ", "{}", "[]", "null", "{\"event\":{\"sequence\":0}}", "not json", "{\"a\":1,\"vedette_sig\":{}}", "\xff",
		"{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":\"0\"},\"vedette_sig\":{}}",
		"{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":0},\"vedette_sig\":{\"v\":1}}",
		"{\"event\":{\"dataset\":\"vedette.open\",\"sequence\":0},\"vedette_sig\":[]}",
		",\"vedette_sig\":", "{,\"vedette_sig\":}",
	};
	CLEANUP(sample_log_done) struct sample_log a;
	CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
	assert_int_equal(sample_log_make(&(struct sample_spec){ .batches = batches }, &a), 0);
	assert_int_equal(verify_keys_parse("key", buf_sv(&a.key_line), &keys, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		CLEANUP(verifier_free) struct verifier *v = NULL;
		assert_int_equal(verifier_new(&keys, &(struct verify_options){ 0 }, &v), 0);
		if (verifier_line(v, sv_from(lines[i])) != VERIFY_NOT_A_RECORD)
			fail_msg("taken for a record: %s", lines[i]);
		assert_true(verifier_explain(v)[0] != '\0');
		/* after a bad line nothing is taken any more */
		assert_int_equal(verifier_line(v, a.line[0]), VERIFY_NOT_A_RECORD);
	}
}

static void key_files_are_read_strictly(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int result;
	} cases[] = {
		{ "vedette-key/v1 a/0 0 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", 0 },
		{ "# comment\n\nvedette-key/v1 a/0 0 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 0 },
		{ "", -EINVAL },
		{ "# nothing\n", -EINVAL },
		{ "vedette-key/v2 a/0 0 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", -EINVAL },
		{ "vedette-key/v1 a/0 00 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", -EINVAL },
		{ "vedette-key/v1 a/0 0 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", -EINVAL },
		{ "vedette-key/v1 a/0 0 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= x\n", -EINVAL },
		{ "vedette-key/v1  a/0 0 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", -EINVAL },
		{ "vedette-key/v1 a/0\n", -EINVAL },
	};
	assert_int_equal(crypto_init(), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
		CLEANUP(diag_done) struct diag diag = { 0 };
		if (verify_keys_parse("k", sv_from(cases[i].text), &keys, &diag) != cases[i].result)
			fail_msg("%s", cases[i].text);
		assert_int_equal(diag.errors, cases[i].result != 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_bad_line_is_named_with_its_fault),
		cmocka_unit_test(other_keys_do_not_fit),
		cmocka_unit_test(a_key_file_may_have_any_line_ends),
		cmocka_unit_test(the_end_of_a_log_is_told),
		cmocka_unit_test(a_log_may_begin_in_the_middle_when_asked),
		cmocka_unit_test(every_mutation_of_a_log_is_noticed),
		cmocka_unit_test(a_log_is_followed_from_key_to_key),
		cmocka_unit_test(an_agent_is_followed_from_stream_to_stream),
		cmocka_unit_test(an_agent_that_lost_its_log_is_told),
		cmocka_unit_test(what_stands_between_two_streams_is_proven),
		cmocka_unit_test(the_end_of_a_log_is_where_its_last_line_says),
		cmocka_unit_test(lines_that_are_no_records_are_refused),
		cmocka_unit_test(key_files_are_read_strictly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
