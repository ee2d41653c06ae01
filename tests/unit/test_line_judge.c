/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alerts/line_judge.h"
#include "tests/support/sample_log.h"

/* Batches of 1, 3, 4 and 2 records; the second names another key. Then the agent's next stream. */
static const size_t batches[] = { 1, 3, 4, 2, 0 }, again[] = { 1, 2, 1, 0 };
static const struct sample_spec rolled = { .batches = batches, .rolls = 1 << 1, .again = again, .rolls_again = 1 << 1 };
static const struct sample_spec plain = { .batches = batches };
enum { FIRST_STREAM = 10, LINES = 14 };

struct fixture {
	struct sample_log log;
	struct line_judge *judge;
};

static struct line_judge *new_judge(const struct sample_log *a, const struct sample_log *b)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct verify_keys keys;
	struct line_judge *judge = NULL;
	buf_add_sv(&text, buf_sv(&a->key_line));
	if (b)
		buf_add_sv(&text, buf_sv(&b->key_line));
	assert_int_equal(verify_keys_parse("keys", buf_sv(&text), &keys, NULL), 0);
	assert_int_equal(line_judge_new(&keys, &judge), 0);
	verify_keys_done(&keys);
	return judge;
}

static int make_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	if (!f || sample_log_make(&rolled, &f->log) || f->log.n != LINES)
		return -1;
	f->judge = new_judge(&f->log, NULL);
	*state = f;
	return 0;
}

static int drop_fixture(void **state)
{
	struct fixture *f = *state;
	line_judge_free(&f->judge);
	sample_log_done(&f->log);
	free(f);
	return 0;
}

static void expect(struct line_judge *j, struct strview line, const char *expected)
{
	struct line_verdict v;
	char got[64];
	line_judge(j, line, &v);
	if (v.fault)
		(void)snprintf(got, sizeof(got), "%s", verify_fault_text(v.fault));
	else
		(void)snprintf(got, sizeof(got), "%s %llu", line_order_text(v.order), (unsigned long long)v.missing);
	if (strcmp(got, expected) != 0)
		fail_msg("'%s' instead of '%s' for " SV_FMT, got, expected, SV_ARG(line));
}

static void expect_range(const struct fixture *f, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		expect(f->judge, f->log.line[i], i ? "next 0" : "first 0");
}

static void a_whole_log_follows_itself_through_keys_and_streams(void **state)
{
	expect_range(*state, 0, LINES);
}

static void what_is_missing_is_counted(void **state)
{
	static const struct { const char *what; size_t upto, from; const char *expected; } cases[] = {
		{ "one within a batch", 1, 2, "gap 1" },
		{ "two over the end of a batch", 3, 5, "wrong key" }, /* the one that names the key among them */
		{ "a batch", 4, 8, "gap 4" },
		{ "the end of the stream", 8, FIRST_STREAM, "gap 2" },
		{ "the open record of the next stream", FIRST_STREAM, FIRST_STREAM + 1, "gap 2" },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		line_judge_free(&f->judge);
		f->judge = new_judge(&f->log, NULL);
		expect_range(f, 0, cases[i].upto);
		expect(f->judge, f->log.line[cases[i].from], cases[i].expected);
	}
}

static void what_comes_again_is_told_and_changes_nothing(void **state)
{
	const struct fixture *f = *state;
	expect_range(f, 0, 7);
	for (size_t i = 2; i < 7; i++)
		expect(f->judge, f->log.line[i], "again 0");
	expect_range(f, 7, 12);
	expect(f->judge, f->log.line[9], "again 0");
	expect(f->judge, f->log.line[0], "again 0");
	expect_range(f, 12, LINES);
}

static void every_changed_byte_is_noticed(void **state)
{
	const struct fixture *f = *state;
	const struct strview line = f->log.line[2];
	char *copy = malloc(line.n);
	assert_non_null(copy);
	expect_range(f, 0, 2);
	for (size_t i = 0; i < line.n; i++) {
		struct line_verdict v;
		memcpy(copy, line.p, line.n);
		copy[i] = (char)(copy[i] ^ 1);
		line_judge(f->judge, (struct strview){ copy, line.n }, &v);
		if (v.fault == VERIFY_OK)
			fail_msg("byte %zu", i);
	}
	expect_range(f, 2, 4); /* and none of them left a trace */
	free(copy);
}

static void who_has_no_key_is_not_believed(void **state)
{
	const struct fixture *f = *state;
	struct sample_log other, thief;
	assert_int_equal(sample_log_make(&(struct sample_spec){ .batches = batches, .stream = 1 }, &other), 0);
	assert_int_equal(sample_log_make(&(struct sample_spec){ .batches = batches, .key = 1 }, &thief), 0);
	expect(f->judge, other.line[0], "wrong key");
	expect(f->judge, thief.line[0], "edited");
	expect(f->judge, SV("<13>hello"), "not a record");
	expect(f->judge, SV(""), "not a record");
	expect_range(f, 0, 2);
	sample_log_done(&other);
	sample_log_done(&thief);
}

static void agents_may_be_mixed(void **state)
{
	struct fixture *f = *state;
	struct sample_log other;
	assert_int_equal(sample_log_make(&(struct sample_spec){ .batches = batches, .stream = 1 }, &other), 0);
	line_judge_free(&f->judge);
	f->judge = new_judge(&other, &f->log);
	for (size_t i = 0; i < other.n; i++) {
		expect(f->judge, f->log.line[i], i ? "next 0" : "first 0");
		expect(f->judge, other.line[i], i ? "next 0" : "first 0");
	}
	sample_log_done(&other);
}

static void two_histories_of_one_key_are_told(void **state)
{
	struct fixture *f = *state;
	struct sample_log a, b;
	struct sample_spec content = plain;
	content.content = 1;
	assert_int_equal(sample_log_make(&plain, &a), 0);
	assert_int_equal(sample_log_make(&content, &b), 0);
	static const struct { const char *what; size_t upto, from; } cases[] = {
		{ "a batch behind another one", 4, 4 },
		{ "a record within the batch", 5, 5 },
		{ "a batch that begins before the end of the last one", 5, 6 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		line_judge_free(&f->judge);
		f->judge = new_judge(&a, NULL);
		for (size_t k = 0; k < cases[i].upto; k++)
			expect(f->judge, a.line[k], k ? "next 0" : "first 0");
		expect(f->judge, b.line[cases[i].from], "broken 0");
	}
	sample_log_done(&a);
	sample_log_done(&b);
}

static void keys_that_were_named_outlast_a_new_start(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf named = { 0 };
	struct verify_keys keys;
	expect_range(f, 0, LINES);
	line_judge_keys(f->judge, &named);
	line_judge_free(&f->judge);
	f->judge = new_judge(&f->log, NULL);
	expect(f->judge, f->log.line[LINES - 1], "wrong key");
	assert_int_equal(verify_keys_parse("named", buf_sv(&named), &keys, NULL), 0);
	assert_int_equal(keys.n, 2);
	line_judge_add_keys(f->judge, &keys);
	line_judge_add_keys(f->judge, &keys); /* twice is once */
	verify_keys_done(&keys);
	expect(f->judge, f->log.line[LINES - 2], "first 0");
	expect(f->judge, f->log.line[LINES - 1], "next 0");
	buf_reset(&named);
	line_judge_keys(f->judge, &named);
	size_t lines = 0;
	for (size_t i = 0; i < named.n; i++)
		lines += named.p[i] == '\n';
	assert_int_equal(lines, 2);
}

/* What an agent of the past had: a key that was found, and the way to name others with it. */
static void an_old_key_neither_begins_nor_names_anything_after_a_new_start(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf learned = { 0 }, named = { 0 };
	struct verify_keys keys;
	buf_add_sv(&learned, buf_sv(&f->log.key_line));
	char *epoch = memchr(learned.p + sizeof("vedette-key/v1"), ' ', learned.n - sizeof("vedette-key/v1"));
	assert_non_null(epoch);
	assert_int_equal(epoch[1], '0');
	epoch[1] = '5'; /* whose key it is does not matter here, only that there is one */
	assert_int_equal(verify_keys_parse("learned", buf_sv(&learned), &keys, NULL), 0);
	line_judge_add_keys(f->judge, &keys);
	verify_keys_done(&keys);
	for (size_t i = 0; i < 4; i++)
		expect(f->judge, f->log.line[i], "again 0");
	expect(f->judge, f->log.line[4], "wrong key"); /* under the key that the one before named */
	line_judge_keys(f->judge, &named);
	assert_true(sv_equal(buf_sv(&named), buf_sv(&learned)));
}

int main(void)
{
#define WITH_LOG(test) cmocka_unit_test_setup_teardown(test, make_fixture, drop_fixture)
	const struct CMUnitTest tests[] = {
		WITH_LOG(a_whole_log_follows_itself_through_keys_and_streams),
		WITH_LOG(what_is_missing_is_counted),
		WITH_LOG(what_comes_again_is_told_and_changes_nothing),
		WITH_LOG(every_changed_byte_is_noticed),
		WITH_LOG(who_has_no_key_is_not_believed),
		WITH_LOG(agents_may_be_mixed),
		WITH_LOG(two_histories_of_one_key_are_told),
		WITH_LOG(keys_that_were_named_outlast_a_new_start),
		WITH_LOG(an_old_key_neither_begins_nor_names_anything_after_a_new_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
