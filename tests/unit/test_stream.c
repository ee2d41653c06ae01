/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/sink_file.h"
#include "alerts/stream.h"
#include "alerts/verify.h"
#include "engine/base/fd.h"
#include "tests/support/full_event.h"

static const char *const none[] = { NULL };
static const struct rule_info rule_high = { .id = "r", .title = "R", .description = "", .ruleset = "t", .severity = SEVERITY_HIGH };
static const struct rule_info rule_critical = { .id = "r", .title = "R", .description = "", .ruleset = "t", .severity = SEVERITY_CRITICAL };
static const struct rule_info rule_low = { .id = "r", .title = "R", .description = "", .ruleset = "t", .severity = SEVERITY_LOW };

struct fixture {
	char path[64];
	struct stream *stream;
	struct full_event *full;
	struct instant now;
	struct buf key; /* what the verifier is given: the first key */
};

static int make_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct identity id;
	struct sink_file *sink = NULL;
	struct outlet *outlet = NULL;
	*state = f;
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)snprintf(f->path, sizeof(f->path), "/tmp/vedette-stream-XXXXXX");
	CLEANUP(fd_close) int fd = mkstemp(f->path);
	f->full = malloc(sizeof(*f->full));
	f->now = (struct instant){ .wall_ns = 1767323045000000000, .boot_ns = 1000000000, .clock_sync = "yes" };
	if (fd < 0 || !f->full || identity_gather(&id, &diag) ||
	    sink_file_open(&(struct sink_file_config){ .path = f->path, .retry_ns = 1000 }, &sink, &diag))
		return -1;
	outlet = sink_file_outlet(&sink);
	if (stream_new(&id, NULL, &outlet, &f->stream, &diag))
		return -1;
	full_event_make(f->full, event_type_by_name(SV("file.open")), &(struct full_event_style){ .repeat = 1 });
	stream_key_line(f->stream, &f->key);
	struct open_info open = { f->now, "00", 1, "", "lsm", "host", none, none, 0, 0, NULL, NULL, false, false };
	return stream_open_record(f->stream, &open);
}

static int drop_fixture(void **state)
{
	struct fixture *f = *state;
	stream_free(&f->stream);
	unlink(f->path);
	buf_done(&f->key);
	free(f->full);
	free(f);
	return 0;
}

static int raise_alert(struct fixture *f, const struct rule_info *rule)
{
	struct alert alert = { .ev = &f->full->ev, .rule = rule, .message = SV("m"), .policy_digest = "00" };
	return stream_alert(f->stream, &alert, f->now);
}

static void step(struct fixture *f, uint64_t ns)
{
	f->now.wall_ns += ns;
	f->now.boot_ns += ns;
}

struct count {
	size_t lines, alerts, losses, rolls;
	uint64_t lost, epoch;
	bool is_closed;
};

/* Verifies the file with the stream's key and counts what is in it. */
static struct count read_back(const struct fixture *f)
{
	CLEANUP(buf_done) struct buf text = { .max = 64 * 1024 * 1024 };
	CLEANUP(verify_keys_done) struct verify_keys keys = { 0 };
	CLEANUP(verifier_free) struct verifier *v = NULL;
	struct count count = { 0 };
	assert_int_equal(verify_keys_parse("key", buf_sv(&f->key), &keys, NULL), 0);
	assert_int_equal(verifier_new(&keys, &(struct verify_options){ 0 }, &v), 0);
	assert_int_equal(fd_read_file(f->path, 64 * 1024 * 1024, &text), 0);
	for (size_t at = 0; at < text.n; count.lines++) {
		const char *end = memchr(text.p + at, '\n', text.n - at);
		assert_non_null(end);
		struct strview line = { text.p + at, (size_t)(end - text.p) - at };
		if (verifier_line(v, line))
			fail_msg("line %zu: %s", count.lines, verifier_explain(v));
		count.alerts += memmem(line.p, line.n, "\"vedette.alert\"", 15) != NULL;
		count.rolls += memmem(line.p, line.n, "\"vedette.key-roll\"", 18) != NULL;
		if (memmem(line.p, line.n, "\"vedette.loss\"", 14)) {
			static const char mark[] = "\"loss\":{\"count\":";
			const char *n = memmem(line.p, line.n, mark, sizeof(mark) - 1);
			assert_non_null(n);
			count.losses++;
			count.lost += strtoull(n + sizeof(mark) - 1, NULL, 10);
		}
		at += line.n + 1;
	}
	struct verify_result result;
	verifier_result(v, &result);
	count.is_closed = result.is_closed;
	count.epoch = result.epoch;
	return count;
}

static int close_stream(struct fixture *f)
{
	struct close_info close = { f->now, "test", { 0 } };
	return stream_close_record(f->stream, &close);
}

static void a_run_verifies(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 600; i++) {
		assert_int_equal(raise_alert(f, &rule_low), 0);
		step(f, 1000);
	}
	struct heartbeat_info beat = { f->now, "00", "lsm", { 1, 1, 0, 0 }, "on", 3, 2, 1 };
	struct loss_info loss = { f->now, "ring", "file.open", 0, 3, f->now.wall_ns, 0, "", "" };
	assert_int_equal(stream_heartbeat(f->stream, &beat), 0);
	assert_int_equal(stream_loss(f->stream, &loss), 0);
	assert_int_equal(stream_event(f->stream, &f->full->ev, f->now), 0);
	assert_int_equal(close_stream(f), 0);
	struct count count = read_back(f);
	assert_int_equal(count.lines, 605);
	assert_int_equal(count.alerts, 600);
	assert_int_equal(count.lost, 3);
	assert_true(count.is_closed);
}

static uint64_t epoch_of(const struct fixture *f)
{
	struct stream_stats stats;
	stream_get_stats(f->stream, &stats);
	return stats.epoch;
}

static void a_key_signs_for_a_time_and_while_there_is_something_to_sign(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(stream_flush(f->stream, f->now), 0); /* the open record: the key's time begins */
	step(f, STREAM_ROLL_NS - 1);
	assert_int_equal(raise_alert(f, &rule_low), 0);
	assert_int_equal(stream_flush(f->stream, f->now), 0);
	assert_int_equal(epoch_of(f), 0);
	step(f, 1);
	assert_int_equal(stream_flush(f->stream, f->now), 0);
	assert_int_equal(epoch_of(f), 0); /* nothing to sign: no other key */
	assert_int_equal(raise_alert(f, &rule_low), 0);
	assert_int_equal(stream_flush(f->stream, f->now), 0);
	assert_int_equal(epoch_of(f), 1);
	step(f, 10 * STREAM_ROLL_NS);
	assert_int_equal(raise_alert(f, &rule_low), 0);
	assert_int_equal(stream_flush(f->stream, f->now), 0); /* the new key signs first here: its time begins */
	assert_int_equal(epoch_of(f), 1);
	step(f, STREAM_ROLL_NS);
	assert_int_equal(close_stream(f), 0); /* nothing follows the close, no roll either */
	struct count count = read_back(f);
	assert_int_equal(count.rolls, 1);
	assert_int_equal(count.lines, 6);
	assert_int_equal(count.epoch, 1);
	assert_true(count.is_closed);
}

static void a_critical_alert_takes_its_key_with_it(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(raise_alert(f, &rule_high), 0);
	assert_int_equal(stream_flush(f->stream, f->now), 0);
	assert_int_equal(epoch_of(f), 0);
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(raise_alert(f, &rule_critical), 0);
		assert_true(stream_is_due(f->stream, f->now.boot_ns));
		assert_int_equal(stream_flush(f->stream, f->now), 0);
		assert_int_equal(epoch_of(f), i);
	}
	struct heartbeat_info beat = { f->now, "00", "lsm", { 1, 1, 0, 0 }, "on", 3, 2, 1 };
	assert_int_equal(raise_alert(f, &rule_critical), 0);
	for (int i = 0; i < 300; i++) /* more than a batch: it is signed when the next record has its number already */
		assert_int_equal(stream_heartbeat(f->stream, &beat), 0);
	assert_int_equal(epoch_of(f), 3);
	assert_int_equal(stream_flush(f->stream, f->now), 0);
	assert_int_equal(epoch_of(f), 4);
	assert_int_equal(close_stream(f), 0);
	struct count count = read_back(f);
	assert_int_equal(count.alerts, 5);
	assert_int_equal(count.lines, 1 + 5 + 300 + 4 + 1);
	assert_int_equal(count.rolls, 4);
	assert_true(count.is_closed);
}

static void urgent_alerts_are_due_at_once_others_soon(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(stream_flush(f->stream, f->now), 0);
	assert_false(stream_is_due(f->stream, f->now.boot_ns));
	assert_int_equal(raise_alert(f, &rule_low), 0);
	assert_false(stream_is_due(f->stream, f->now.boot_ns));
	assert_true(stream_is_due(f->stream, f->now.boot_ns + STREAM_WAIT_NS));
	assert_int_equal(raise_alert(f, &rule_high), 0);
	assert_true(stream_is_due(f->stream, f->now.boot_ns));
	assert_int_equal(stream_flush(f->stream, f->now), 0);
	assert_false(stream_is_due(f->stream, f->now.boot_ns));
	assert_int_equal(read_back(f).alerts, 2);
}

static void a_full_disk_leaves_a_signed_loss_and_a_whole_chain(void **state)
{
	struct fixture *f = *state;
	struct rlimit limit = { .rlim_max = RLIM_INFINITY };
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	struct rlimit small = { .rlim_cur = 20000, .rlim_max = limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	size_t kept = 0, left_out = 0;
	for (int i = 0; i < 1000; i++) {
		int r = raise_alert(f, i % 2 ? &rule_high : &rule_low);
		kept += r == 0;
		left_out += r != 0;
		step(f, 100000);
		int flushed = stream_flush(f->stream, f->now);
		assert_true(i < 10 || flushed != 0);
	}
	assert_true(kept > 20 && left_out > 20);
	struct stream_stats stats;
	stream_get_stats(f->stream, &stats);
	assert_int_equal(stats.unwritten, left_out);
	assert_int_equal(stats.alerts, 1000);
	assert_true(stats.error != 0 && stats.queued_bytes > 0);
	(void)read_back(f); /* whole lines and an unbroken chain all the time */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	step(f, 1000000);
	assert_true(stream_is_due(f->stream, f->now.boot_ns));
	assert_int_equal(stream_flush(f->stream, f->now), 0);
	assert_int_equal(raise_alert(f, &rule_low), 0);
	assert_int_equal(close_stream(f), 0);
	struct count count = read_back(f);
	assert_int_equal(count.alerts, kept + 1);
	assert_int_equal(count.losses, 1);
	assert_int_equal(count.lost, left_out);
	assert_true(count.is_closed);
}

static void a_stream_that_is_not_closed_stays_open_ended(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(raise_alert(f, &rule_low), 0);
	assert_int_equal(stream_flush(f->stream, f->now), 0);
	assert_false(read_back(f).is_closed);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_fixture, drop_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_run_verifies),
		TEST(a_key_signs_for_a_time_and_while_there_is_something_to_sign),
		TEST(a_critical_alert_takes_its_key_with_it),
		TEST(urgent_alerts_are_due_at_once_others_soon),
		TEST(a_full_disk_leaves_a_signed_loss_and_a_whole_chain),
		TEST(a_stream_that_is_not_closed_stays_open_ended),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
