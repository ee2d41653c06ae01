/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
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
		{ "the open record of the next stream", FIRST_STREAM, FIRST_STREAM + 1, "gap 1" },
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

/* --- one answer with `vedette verify` --------------------------------------------------------------------------------------------------- */

static const size_t twice[] = { 1, 3, 2, 1, 0 }, twice_again[] = { 1, 2, 1, 0 };

/* A log of numbered lines: those of a, then those of b. */
struct mix {
	const struct sample_log *a, *b;
	size_t line[64];
	size_t n;
	const char *what;
};

static struct strview mixed(const struct mix *m, size_t i)
{
	size_t n = m->line[i];
	return n < m->a->n ? m->a->line[n] : m->b->line[n - m->a->n];
}

/* Line by line, up to the first that one of them does not take as the next. Returns that one. */
static size_t compare_answers(const struct mix *m, const struct verify_keys *keys)
{
	CLEANUP(verifier_free) struct verifier *v = NULL;
	CLEANUP(line_judge_free) struct line_judge *j = NULL;
	bool is_pure = true; /* with lines of another history something can be wrong besides */
	size_t i = 0;
	assert_int_equal(verifier_new(keys, &(struct verify_options){ .from_middle = true }, &v), 0);
	assert_int_equal(line_judge_new(keys, &j), 0);
	for (bool goes_on = true; goes_on && i < m->n; i += goes_on) {
		struct line_verdict verdict;
		enum verify_fault fault = verifier_line(v, mixed(m, i));
		line_judge(j, mixed(m, i), &verdict);
		goes_on = !fault;
		if (goes_on != (!verdict.fault && verdict.order == (i ? LINE_NEXT : LINE_FIRST)))
			fail_msg("%s, line %zu: '%s' (%s) for the checker of logs; '%s', %s for this one", m->what, i + 1, verify_fault_text(fault), verifier_explain(v),
				 verify_fault_text(verdict.fault), line_order_text(verdict.order));
		is_pure &= m->line[i] < m->a->n;
		if (fault == VERIFY_DELETED && is_pure && verdict.fault != VERIFY_WRONG_KEY && (verdict.fault || verdict.order != LINE_GAP))
			fail_msg("%s, line %zu: something is missing, and this one says '%s', %s", m->what, i + 1, verify_fault_text(verdict.fault), line_order_text(verdict.order));
	}
	return i;
}

/* All of a from `from` on, without [hole, hole + width), and with line `extra` before that: none when they are too large. */
static void mix_lines(struct mix *m, size_t from, size_t hole, size_t width, size_t extra)
{
	m->n = 0;
	for (size_t i = from; i < m->a->n; i++) {
		if (i == hole && extra < m->a->n + m->b->n)
			m->line[m->n++] = extra;
		if (i < hole || i >= hole + width)
			m->line[m->n++] = i;
	}
}

static void single_lines_and_whole_logs_are_judged_alike(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		struct sample_spec spec, other; /* of which lines come between */
	} cases[] = {
		{ "a log", { .rolls = 1 << 1, .rolls_again = 1 << 1 }, { .content = 1, .rolls = 1 << 1 } },
		{ "a log without a close record", { .rolls = 1 << 1, .is_open_ended = true }, { .rolls = 1 << 1 } },
		{ "a lost log", { .rolls = 1 << 1, .is_open_ended = true, .forgets = true }, { .rolls = 1 << 1, .is_open_ended = true } },
		{ "a lost log with a close record", { .rolls = 1 << 1, .forgets = true }, { .rolls = 1 << 1 } },
		{ "a lost log whose key named another at its end", { .rolls = 1 << 2, .forgets = true }, { .rolls = 1 << 1, .forgets = true } },
		{ "another agent between", { .rolls = 1 << 1 }, { .stream = 1 } },
		{ "another key between", { .rolls = 1 << 1 }, { .key = 1 } },
	};
	size_t mixes = 0, whole = 0;
	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		CLEANUP(sample_log_done) struct sample_log a, b;
		CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
		struct sample_spec spec = cases[c].spec, other = cases[c].other;
		spec.batches = other.batches = twice;
		spec.again = other.again = twice_again;
		assert_int_equal(sample_log_make(&spec, &a), 0);
		assert_int_equal(sample_log_make(&other, &b), 0);
		assert_int_equal(verify_keys_parse("key", buf_sv(&a.key_line), &keys, NULL), 0);
		struct mix m = { .a = &a, .b = &b, .what = cases[c].what };
		for (size_t hole = 0; hole < a.n; hole++)
			for (size_t width = 0; width < 4; width++)
				for (size_t extra = 0; extra <= a.n + b.n; extra++, mixes++) {
					mix_lines(&m, 0, hole, width, extra);
					whole += compare_answers(&m, &keys) == a.n;
				}
		for (size_t from = 1; from < 4; from++) { /* until another key signs */
			mix_lines(&m, from, a.n, 0, SIZE_MAX);
			compare_answers(&m, &keys);
		}
	}
	assert_true(mixes > 5000 && whole >= ARRAY_SIZE(cases) * 11);
}

/* Signed by the agent's keys, and not as agents do: none of them is taken to its end. */
static void what_no_agent_signs_is_refused_by_both(void **state)
{
	(void)state;
	for (int wrong = SAMPLE_RIGHT + 1; wrong < SAMPLE_WRONGS; wrong++) {
		CLEANUP(sample_log_done) struct sample_log a;
		CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
		char what[32];
		const struct sample_spec spec = { .batches = twice, .again = twice_again, .rolls = 1 << 1, .wrong = (enum sample_wrong)wrong };
		assert_int_equal(sample_log_make(&spec, &a), 0);
		assert_int_equal(verify_keys_parse("key", buf_sv(&a.key_line), &keys, NULL), 0);
		struct mix m = { .a = &a, .b = &a, .what = what };
		(void)snprintf(what, sizeof(what), "wrong %d", wrong);
		mix_lines(&m, 0, a.n, 0, SIZE_MAX);
		if (compare_answers(&m, &keys) == a.n)
			fail_msg("%s is taken", what);
	}
}

/* An agent that lost its log names the record that named its key. When that did not come, nothing is proven, and nothing said that is not. */
static void a_lost_log_with_a_hole_in_it_is_no_second_history(void **state)
{
	(void)state;
	CLEANUP(sample_log_done) struct sample_log a;
	CLEANUP(line_judge_free) struct line_judge *j = NULL;
	CLEANUP(buf_done) struct buf key = { 0 };
	const struct sample_spec spec = { .batches = twice, .again = twice_again, .rolls = 1 << 1, .is_open_ended = true, .forgets = true };
	assert_int_equal(sample_log_make(&spec, &a), 0);
	j = new_judge(&a, NULL);
	for (size_t i = 0; i < 4; i++)
		expect(j, a.line[i], i ? "next 0" : "first 0");
	line_judge_save(j, true, &key);
	key.n = (size_t)((char *)memchr(key.p, '\n', key.n) - key.p) + 1; /* the key that was named, and no place */
	line_judge_free(&j);
	j = new_judge(&a, NULL);
	assert_int_equal(line_judge_load(j, "learned", buf_sv(&key), NULL), 0);
	expect(j, a.line[0], "first 0");
	expect(j, a.line[5], "gap 4");
	expect(j, a.line[6], "next 0");
	expect(j, a.line[7], "gap 0");
	expect(j, a.line[8], "next 0");
}

/* --- what outlasts a judge ------------------------------------------------------------------------------------------------------------------ */

/* Another judge with what this one knew. */
static void start_anew(struct fixture *f, bool is_end)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	line_judge_save(f->judge, is_end, &text);
	line_judge_free(&f->judge);
	f->judge = new_judge(&f->log, NULL);
	assert_int_equal(line_judge_load(f->judge, "learned", buf_sv(&text), NULL), 0);
	CLEANUP(buf_done) struct buf saved = { 0 };
	assert_int_equal(line_judge_load(f->judge, "learned", buf_sv(&text), NULL), 0); /* twice is once */
	line_judge_save(f->judge, true, &saved);
	if (is_end)
		assert_true(sv_equal(buf_sv(&saved), buf_sv(&text)));
}

static void a_new_start_goes_on_where_the_last_one_ended(void **state)
{
	struct fixture *f = *state;
	for (size_t i = 0; i < LINES; i++) {
		expect(f->judge, f->log.line[i], i ? "next 0" : "first 0");
		start_anew(f, true);
		for (size_t k = 0; k <= i; k++)
			expect(f->judge, f->log.line[k], "again 0");
	}
}

static void what_is_missing_over_a_new_start_is_counted(void **state)
{
	static const struct { const char *what; size_t upto, from; bool is_end; const char *expected; } cases[] = {
		{ "a batch, over an end", 4, 8, true, "gap 4" },
		{ "the end of a stream, over an end", 8, FIRST_STREAM, true, "gap 2" },
		{ "a batch, which may have come before a crash", 4, 8, false, "first 0" },
		{ "the end of a stream, before a crash", 8, FIRST_STREAM, false, "first 0" },
		{ "nothing, over a crash", 5, 5, false, "next 0" },
		{ "an old one, over a crash", 5, 4, false, "again 0" },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		line_judge_free(&f->judge);
		f->judge = new_judge(&f->log, NULL);
		expect_range(f, 0, cases[i].upto);
		start_anew(f, cases[i].is_end);
		expect(f->judge, f->log.line[cases[i].from], cases[i].expected);
	}
}

/* Who found a key of the past cannot begin a stream of his own with it after a new start. */
static void an_old_key_neither_begins_nor_names_anything_after_a_new_start(void **state)
{
	struct fixture *f = *state;
	CLEANUP(sample_log_done) struct sample_log thief;
	CLEANUP(buf_done) struct buf learned = { 0 }, named = { 0 };
	expect_range(f, 0, LINES);
	start_anew(f, false);
	const struct sample_spec spec = { .batches = batches, .again = again, .content = 1, .rolls = 1 << 2, .is_open_ended = true };
	assert_int_equal(sample_log_make(&spec, &thief), 0);
	line_judge_save(f->judge, false, &learned);
	for (size_t i = 0; i < 8; i++)
		expect(f->judge, thief.line[i], "again 0");
	line_judge_save(f->judge, false, &named);
	assert_true(sv_equal(buf_sv(&named), buf_sv(&learned)));
}

/* The same where only keys are known, as of a file from before places were kept. */
static void without_places_newer_keys_tell_an_old_one(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf learned = { 0 }, named = { 0 };
	buf_add_sv(&learned, buf_sv(&f->log.key_line));
	char *epoch = memchr(learned.p + sizeof("vedette-key/v1"), ' ', learned.n - sizeof("vedette-key/v1"));
	assert_non_null(epoch);
	assert_int_equal(epoch[1], '0');
	epoch[1] = '5'; /* whose key it is does not matter here, only that there is one */
	assert_int_equal(line_judge_load(f->judge, "learned", buf_sv(&learned), NULL), 0);
	for (size_t i = 0; i < 4; i++)
		expect(f->judge, f->log.line[i], "again 0");
	expect(f->judge, f->log.line[4], "wrong key"); /* under the key that the one before named */
	line_judge_save(f->judge, true, &named);
	assert_true(sv_equal(buf_sv(&named), buf_sv(&learned)));
}

/* A key file still: places are comments there. And one of before, with keys alone, is taken. */
/* As many agents as a key file may name, each with all the keys that are kept of one. */
static void what_a_fleet_named_fits(void **state)
{
	enum { AGENTS = VERIFY_KEYS_MAX };
	static const char key[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	CLEANUP(buf_done) struct buf known = { .max = LINE_STATE_MAX }, named = { .max = LINE_STATE_MAX }, saved = { 0 };
	CLEANUP(line_judge_free) struct line_judge *j = NULL;
	struct verify_keys keys;
	(void)state;
	for (unsigned i = 0; i < AGENTS; i++) {
		buf_add_format(&known, "vedette-key/v1 an-agent-of-a-large-fleet-with-a-long-name-%08u/1 0 %s\n", i, key);
		for (unsigned k = 1; k <= LINE_KEYS_KEPT; k++)
			buf_add_format(&named, "vedette-key/v1 an-agent-of-a-large-fleet-with-a-long-name-%08u/1 900000000000000%u %s\n", i, k, key);
	}
	assert_int_equal(buf_error(&known), 0);
	assert_int_equal(buf_error(&named), 0);
	assert_true(named.n > BUF_DEFAULT_MAX);
	assert_int_equal(verify_keys_parse("keys", buf_sv(&known), &keys, NULL), 0);
	assert_int_equal(line_judge_new(&keys, &j), 0);
	verify_keys_done(&keys);
	assert_int_equal(line_judge_load(j, "learned", buf_sv(&named), NULL), 0);
	line_judge_save(j, true, &saved);
	assert_int_equal(buf_error(&saved), 0);
	assert_true(sv_equal(buf_sv(&saved), buf_sv(&named)));
}

static void what_is_saved_is_a_key_file(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf text = { 0 };
	CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
	expect_range(f, 0, LINES);
	line_judge_save(f->judge, true, &text);
	assert_int_equal(verify_keys_parse("named", buf_sv(&text), &keys, NULL), 0);
	assert_int_equal(keys.n, 2);
	line_judge_free(&f->judge);
	f->judge = new_judge(&f->log, NULL);
	expect(f->judge, f->log.line[LINES - 1], "wrong key");
}

static void damaged_states_are_refused(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf text = { 0 };
	expect_range(f, 0, LINES);
	line_judge_save(f->judge, true, &text);
	const struct strview whole = buf_sv(&text);
	const char *place = memmem(whole.p, whole.n, "# vedette-place/v1 ", 19);
	assert_non_null(place);
	for (size_t at = (size_t)(place - whole.p) + 19, words = 0; at < whole.n; at++) {
		CLEANUP(buf_done) struct buf cut = { 0 };
		CLEANUP(diag_done) struct diag diag = { 0 };
		if (whole.p[at] != ' ' && whole.p[at] != '\n')
			continue;
		words++;
		buf_add(&cut, whole.p, at); /* from here on a word is missing, or the last of them is longer */
		if (words == 12)
			buf_add(&cut, " x", 2);
		assert_int_equal(line_judge_load(f->judge, "state", buf_sv(&cut), &diag), -EINVAL);
		assert_int_equal(diag.messages[0].line, 3);
	}
	CLEANUP(diag_done) struct diag diag = { 0 };
	assert_int_equal(line_judge_load(f->judge, "state", SV("# a comment\n\nvedette-key/v2 a 0 x\n"), &diag), -EINVAL);
	assert_int_equal(diag.messages[0].line, 3);
	assert_int_equal(line_judge_load(f->judge, "state", SV(""), NULL), 0);
}

int main(void)
{
#define WITH_LOG(test) cmocka_unit_test_setup_teardown(test, make_fixture, drop_fixture)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_fleet_named_fits),
		WITH_LOG(a_whole_log_follows_itself_through_keys_and_streams),
		WITH_LOG(what_is_missing_is_counted),
		WITH_LOG(what_comes_again_is_told_and_changes_nothing),
		WITH_LOG(every_changed_byte_is_noticed),
		WITH_LOG(who_has_no_key_is_not_believed),
		WITH_LOG(agents_may_be_mixed),
		WITH_LOG(two_histories_of_one_key_are_told),
		cmocka_unit_test(single_lines_and_whole_logs_are_judged_alike),
		cmocka_unit_test(what_no_agent_signs_is_refused_by_both),
		cmocka_unit_test(a_lost_log_with_a_hole_in_it_is_no_second_history),
		WITH_LOG(a_new_start_goes_on_where_the_last_one_ended),
		WITH_LOG(what_is_missing_over_a_new_start_is_counted),
		WITH_LOG(what_is_saved_is_a_key_file),
		WITH_LOG(damaged_states_are_refused),
		WITH_LOG(without_places_newer_keys_tell_an_old_one),
		WITH_LOG(an_old_key_neither_begins_nor_names_anything_after_a_new_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
