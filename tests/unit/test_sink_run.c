/* SPDX-License-Identifier: Apache-2.0 */
/* What the thread of a sink makes of a receiver that refuses, fails on some lines, or takes few at once. The receiver is a function here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alerts/sinks_parts.h"
#include "tests/support/sink_log.h"

enum { LINES = 90 };

/* How it answers a line. */
enum answer { TAKES, REFUSES, SAYS_403, IS_AWAY, HAS_NO_WORDS };

struct receiver {
	enum answer (*answers)(const struct sink_line *line, const struct receiver *r);
	size_t most;         /* more lines at once fail */
	bool cannot_settle;  /* what it takes does not stay */
	bool judges_each;    /* one answer for each line, as a bulk request has it */
	const struct sink *sink; /* when it is set: how often its cursor was kept, and a line waited for that */
	unsigned kept, kept_first;
	unsigned calls;
	size_t most_asked;   /* of those that it took */
	size_t n;
	uint64_t taken[4 * LINES];
};

static int fail_with(struct sink_fault *fault, enum answer answer)
{
	if (answer == HAS_NO_WORDS)
		return -ENOMEM;
	fault->is_final = answer == REFUSES;
	fault->may_be_line = answer == SAYS_403;
	sink_fault_set(fault, "%s", answer == REFUSES ? "never" : answer == SAYS_403 ? "forbidden" : "nobody there");
	return -EAGAIN;
}

static void take(struct receiver *r, const struct sink_line *line)
{
	if (r->n < ARRAY_SIZE(r->taken))
		r->taken[r->n++] = line->sequence;
}

static int send_each(struct receiver *r, const struct sink_line *lines, size_t n, size_t *ret_done, struct sink_fault *fault)
{
	for (*ret_done = 0; *ret_done < n; (*ret_done)++) {
		enum answer answer = r->answers(&lines[*ret_done], r);
		if (answer == TAKES) {
			take(r, &lines[*ret_done]);
		} else if (answer == REFUSES) {
			fault->refused++;
			sink_fault_set(fault, "never");
		} else {
			return fail_with(fault, answer);
		}
	}
	return 0;
}

/* All of them or none, as a request is; one that refuses finds the line, as webhook does. */
static int fake_send(void *sink, const struct sink_line *lines, size_t n, size_t *ret_done, struct sink_fault *fault)
{
	struct receiver *r = sink;
	r->calls++;
	*ret_done = 0;
	if (r->judges_each)
		return send_each(r, lines, n, ret_done, fault);
	if (n > r->most)
		return fail_with(fault, SAYS_403);
	for (size_t i = 0; i < n; i++) {
		enum answer answer = r->answers(&lines[i], r);
		if (answer == TAKES)
			continue;
		if (answer != REFUSES || i == 0)
			return fail_with(fault, answer);
		n = i; /* it is asked again with what follows, and is then the first */
	}
	for (size_t i = 0; i < n; i++)
		take(r, &lines[i]);
	r->most_asked = MAX(r->most_asked, n);
	*ret_done = n;
	return 0;
}

static int fake_settle(void *sink, struct sink_fault *fault)
{
	struct receiver *r = sink;
	if (r->sink) {
		r->kept++;
		r->kept_first += r->sink->n_held > 0; /* this is its thread */
	}
	if (r->cannot_settle)
		sink_fault_set(fault, "it does not stay");
	return r->cannot_settle ? -EIO : 0;
}

static void fake_close(void *sink)
{
	(void)sink; /* the test's */
}

static const struct sink_type fake = { .delivered = "accepted", .gathers = true, .send = fake_send, .settle = fake_settle, .close = fake_close };

/* A sink of a kind that gathers, with another kind's functions. */
static void start_fake(struct fixture *f, struct receiver *r, const char *options)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	buf_add_format(&text, "rules: [r]\nagent: {folder: /a}\nwal: {folder: %s}\nsinks:\n"
			      "  - {name: one, type: webhook, url: 'https://h/', retry: {least: 1ms, most: 2ms}%s}\n", f->wal_folder, options);
	config_free(&f->config);
	if (config_parse("c", buf_sv(&text), &f->config, &diag) || sinks_open(&f->config->sinks, f->cursors, f->wal, &f->sinks, &diag))
		fail_msg("%s", diag.n ? diag.messages[0].text : "no reason");
	struct sink *s = &f->sinks->sink[0];
	s->type->close(s->self);
	s->type = &fake;
	s->self = r;
	assert_int_equal(sinks_start(f->sinks), 0);
}

static enum answer takes_all(const struct sink_line *line, const struct receiver *r)
{
	(void)line, (void)r;
	return TAKES;
}

static enum answer refuses_all(const struct sink_line *line, const struct receiver *r)
{
	(void)line, (void)r;
	return REFUSES;
}

static enum answer refuses_some(const struct sink_line *line, const struct receiver *r)
{
	(void)r;
	return line->sequence >= 30 && line->sequence < 45 ? REFUSES : TAKES;
}

static enum answer refuses_many(const struct sink_line *line, const struct receiver *r)
{
	(void)r;
	return line->sequence >= 30 && line->sequence < 70 ? REFUSES : TAKES;
}

static enum answer forbids_one(const struct sink_line *line, const struct receiver *r)
{
	(void)r;
	return line->sequence == 33 ? SAYS_403 : TAKES;
}

static enum answer forbids_first_and_some(const struct sink_line *line, const struct receiver *r)
{
	(void)r;
	return line->sequence == 0 || (line->sequence >= 40 && line->sequence < 44) ? SAYS_403 : TAKES;
}

static enum answer forbids_all(const struct sink_line *line, const struct receiver *r)
{
	(void)line, (void)r;
	return SAYS_403;
}

static enum answer is_away_for_a_while(const struct sink_line *line, const struct receiver *r)
{
	(void)line;
	return r->calls < 60 ? IS_AWAY : TAKES;
}

static enum answer forbids_for_a_while(const struct sink_line *line, const struct receiver *r)
{
	(void)line;
	return r->calls < 60 ? SAYS_403 : TAKES;
}

static void wait_until_done(struct fixture *f, uint64_t n, unsigned ms)
{
	struct sink_status status = { .lines = 0 };
	for (unsigned i = 0; i < ms && status.lines + status.refused < n; i++) {
		const struct timespec nap = { .tv_nsec = 1000000 };
		nanosleep(&nap, NULL);
		sinks_get_status(f->sinks, 0, &status);
	}
}

static void only_what_is_at_fault_is_refused(void **state)
{
	static const struct {
		const char *what, *options;
		enum answer (*answers)(const struct sink_line *line, const struct receiver *r);
		bool judges_each;
		size_t lines, refused;
	} cases[] = {
		{ "all are taken", "", takes_all, false, LINES, 0 },
		{ "some are refused", "", refuses_some, false, LINES - 15, 15 },
		{ "some are refused, one answer each", "", refuses_some, true, LINES - 15, 15 },
		{ "more are refused on end than are believed, but others are taken", "", refuses_many, false, LINES - 40, 40 },
		{ "the same, one answer each", "", refuses_many, true, LINES - 40, 40 },
		{ "one is answered 403 for ever", "", forbids_one, false, LINES - 1, 1 },
		{ "one is answered 403 for ever, one answer each", "", forbids_one, true, LINES - 1, 1 },
		{ "one is, and each line goes by itself", ", batch: {count: 1}", forbids_one, false, LINES - 1, 1 },
		{ "one is, and a batch has room for no line beside it", ", batch: {bytes: 1024}", forbids_one, false, LINES - 1, 1 },
		{ "the first, and some on end", "", forbids_first_and_some, false, LINES - 5, 5 },
		{ "the receiver is away", "", is_away_for_a_while, false, LINES, 0 },
		{ "the receiver fails whatever it is sent", "", forbids_for_a_while, false, LINES, 0 },
		{ "the same, one answer each", "", forbids_for_a_while, true, LINES, 0 },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct receiver r = { .answers = cases[i].answers, .judges_each = cases[i].judges_each, .most = SIZE_MAX };
		assert_int_equal(make_fixture(state), 0);
		struct fixture *f = *state;
		start_fake(f, &r, cases[i].options);
		add_lines(f, LINES);
		wait_until_done(f, LINES, WAIT_MS);
		struct sink_status status;
		sinks_get_status(f->sinks, 0, &status);
		if (status.lines != cases[i].lines || status.refused != cases[i].refused || r.n != cases[i].lines || status.state != SINK_GOOD)
			fail_msg("%s: %llu lines, %llu refused, %zu taken, %s: %s", cases[i].what, (unsigned long long)status.lines, (unsigned long long)status.refused, r.n,
				 sink_state_text(status.state), status.last_error);
		uint64_t sum = 0;
		for (size_t k = 0; k < r.n; k++)
			sum += r.taken[k];
		uint64_t want = 0;
		for (uint64_t k = 0; k < LINES; k++) {
			const struct sink_line line = { .sequence = k };
			want += cases[i].answers(&line, &r) == TAKES ? k : 0;
		}
		if (sum != want)
			fail_msg("%s: other lines were taken", cases[i].what);
		assert_int_equal(sinks_close(&f->sinks, 5000000000), 0);
		assert_int_equal(drop_fixture(state), 0);
	}
}

/* A wrong index, an unknown encoding, a gateway that says 400 to all: the log keeps what is there, and the status is not good. */
static void who_refuses_everything_is_kept_for(void **state)
{
	static const struct {
		const char *what;
		enum answer (*answers)(const struct sink_line *line, const struct receiver *r);
		bool judges_each;
		uint64_t refused;
		const char *says;
	} cases[] = {
		{ "each line is refused", refuses_all, false, EFFORT_REFUSED, "everything is refused" },
		{ "each line is refused, one answer each", refuses_all, true, EFFORT_REFUSED, "everything is refused" },
		{ "each is answered 403", forbids_all, false, 0, "forbidden" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct receiver r = { .answers = cases[i].answers, .judges_each = cases[i].judges_each, .most = SIZE_MAX };
		assert_int_equal(make_fixture(state), 0);
		struct fixture *f = *state;
		struct sink_status status = { .lines = 0 };
		start_fake(f, &r, "");
		add_lines(f, LINES);
		for (unsigned k = 0; k < WAIT_MS && status.faults < 40; k++) {
			const struct timespec nap = { .tv_nsec = 1000000 };
			nanosleep(&nap, NULL);
			sinks_get_status(f->sinks, 0, &status);
		}
		if (status.faults < 40 || status.refused > cases[i].refused || status.state != SINK_BROKEN || status.lag_records == 0 || !strstr(status.last_error, cases[i].says))
			fail_msg("%s: %llu faults, %llu refused, %s, %llu behind: %s", cases[i].what, (unsigned long long)status.faults, (unsigned long long)status.refused,
				 sink_state_text(status.state), (unsigned long long)status.lag_records, status.last_error);
		assert_true(sinks_close(&f->sinks, 0) >= LINES - cases[i].refused);
		r.answers = takes_all; /* mended: all that was kept comes */
		start_fake(f, &r, "");
		wait_until_done(f, LINES - status.refused, WAIT_MS);
		sinks_get_status(f->sinks, 0, &status);
		if (status.lines < LINES - cases[i].refused || status.state != SINK_GOOD)
			fail_msg("%s: %llu lines after it was mended", cases[i].what, (unsigned long long)status.lines);
		assert_int_equal(drop_fixture(state), 0);
	}
}

/* Each line is taken, and none is known to stay. */
static void a_sink_that_cannot_settle_is_not_good(void **state)
{
	struct fixture *f = *state;
	struct receiver r = { .answers = takes_all, .most = SIZE_MAX, .cannot_settle = true };
	struct sink_status status = { .lines = 0 };
	start_fake(f, &r, "");
	add_lines(f, 10);
	for (unsigned i = 0; i < WAIT_MS && (status.lines < 10 || status.faults < 2); i++) {
		const struct timespec nap = { .tv_nsec = 1000000 };
		nanosleep(&nap, NULL);
		sinks_get_status(f->sinks, 0, &status);
	}
	assert_int_equal(status.lines, 10);
	assert_int_equal(status.state, SINK_RETRYING);
	assert_string_equal(status.last_error, "it does not stay");
	assert_int_equal(sinks_close(&f->sinks, 0), 10); /* they come again */
}

/* The last line was refused, and nothing follows it. */
static void a_sink_whose_last_line_was_refused_is_not_good(void **state)
{
	struct fixture *f = *state;
	struct receiver r = { .answers = refuses_some, .most = SIZE_MAX };
	struct sink_status status;
	start_fake(f, &r, "");
	add_lines(f, 31);
	wait_until_done(f, 31, WAIT_MS);
	sinks_get_status(f->sinks, 0, &status);
	assert_int_equal(status.refused, 1);
	assert_int_equal(status.state, SINK_REFUSING);
	assert_string_equal(status.last_error, "never");
	add_lines(f, 20);
	wait_until_done(f, 51, WAIT_MS);
	sinks_get_status(f->sinks, 0, &status);
	assert_int_equal(status.state, SINK_GOOD);
}

static enum answer has_no_words(const struct sink_line *line, const struct receiver *r)
{
	(void)line, (void)r;
	return HAS_NO_WORDS;
}

/* One fault, one message: also where the kind had none. */
static void a_fault_without_a_text_has_that_of_its_number(void **state)
{
	struct fixture *f = *state;
	struct receiver r = { .answers = has_no_words, .most = SIZE_MAX };
	struct sink_status status = { .faults = 0 };
	start_fake(f, &r, "");
	add_lines(f, 1);
	for (unsigned i = 0; i < WAIT_MS && status.faults < 1; i++) {
		const struct timespec nap = { .tv_nsec = 1000000 };
		nanosleep(&nap, NULL);
		sinks_get_status(f->sinks, 0, &status);
	}
	assert_string_equal(status.last_error, strerror(ENOMEM));
}

/* Ninety fail, nine do not: it finds what works, and does not begin anew with all of them each time. */
static void a_receiver_that_takes_few_at_once_gets_few(void **state)
{
	struct fixture *f = *state;
	struct receiver r = { .answers = takes_all, .most = 9 };
	struct sink_status status;
	add_lines(f, LINES);
	start_fake(f, &r, "");
	wait_until_done(f, LINES, WAIT_MS);
	sinks_get_status(f->sinks, 0, &status);
	assert_int_equal(status.lines, LINES);
	assert_int_equal(status.refused, 0);
	assert_true(r.most_asked > 1);
	if (status.faults > 12)
		fail_msg("%llu faults on the way", (unsigned long long)status.faults);
}

/* One line alone after the other, each when the one before has come: none of them is held while the disk is waited for. */
static void no_line_waits_for_the_cursor(void **state)
{
	struct fixture *f = *state;
	struct receiver r = { .answers = takes_all, .most = SIZE_MAX };
	start_fake(f, &r, "");
	r.sink = &f->sinks->sink[0]; /* nothing has been sent yet */
	for (size_t i = 0; i < LINES; i++) {
		const struct timespec nap = { .tv_nsec = 8000000 }; /* a cursor is kept five times a second */
		add_lines(f, 1);
		wait_until_done(f, i + 1, WAIT_MS);
		nanosleep(&nap, NULL);
	}
	assert_int_equal(sinks_close(&f->sinks, 5000000000), 0);
	if (r.kept < 2 || r.kept_first * 2 > r.kept) /* once, perhaps, where the thread was kept from running */
		fail_msg("of %u times that the cursor was kept, a line waited for it %u times", r.kept, r.kept_first);
}

int main(void)
{
#define WITH_LOG(test) cmocka_unit_test_setup_teardown(test, make_fixture, drop_fixture)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_at_fault_is_refused),
		cmocka_unit_test(who_refuses_everything_is_kept_for),
		WITH_LOG(a_sink_that_cannot_settle_is_not_good),
		WITH_LOG(a_sink_whose_last_line_was_refused_is_not_good),
		WITH_LOG(a_fault_without_a_text_has_that_of_its_number),
		WITH_LOG(a_receiver_that_takes_few_at_once_gets_few),
		WITH_LOG(no_line_waits_for_the_cursor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
