/* SPDX-License-Identifier: Apache-2.0 */
/* When one key gives way to the next: disks that fail, are slow, or are always behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/agent.h"
#include "alerts/sink_file.h"
#include "alerts/stream.h"
#include "tests/support/agent_run.h"

/* While the disk does not take the next key, the one in force stays, and it is told how often. */
static void a_key_that_cannot_be_kept_does_not_take_over(void **state)
{
	struct fixture *f = *state;
	struct full_event *full = malloc(sizeof(*full));
	struct trouble trouble = { .at = -1 };
	struct run r;
	assert_non_null(full);
	full_event_make(full, event_type_by_name(SV("file.open")), &(struct full_event_style){ .repeat = 1 });
	enrol(f);
	assert_int_equal(begin_run(f, &trouble, &r), 0);
	assert_int_equal(say_critical(&r, &full->ev), 0);
	uint64_t epoch = agent_epoch(r.agent);
	trouble.at = trouble.n;
	assert_int_equal(say_critical(&r, &full->ev), 0);
	assert_int_equal(agent_epoch(r.agent), epoch);
	struct stream_stats stats;
	stream_get_stats(r.stream, &stats);
	assert_int_equal(stats.held, 1);
	r.now.boot_ns += STREAM_ROLL_PAUSE_NS;
	assert_true(stream_is_due(r.stream, r.now.boot_ns)); /* without another record */
	assert_int_equal(stream_flush(r.stream, r.now), 0);
	assert_int_equal(agent_epoch(r.agent), epoch + 1);
	end_run(&r);
	assert_int_equal(verify_all(f, "held").epoch, epoch);
	free(full);
}

/* An outlet whose disk is always some batches behind, and that frames what it takes: its queue is never empty, as that of a log under load. */
struct slow_outlet {
	struct outlet outlet;
	size_t batch[4]; /* that wait, the newest first; framed */
	size_t behind;   /* how many wait at most; 0: all, for ever */
	size_t queued;
};

static size_t slow_room(const struct outlet *o, enum severity severity)
{
	(void)o, (void)severity;
	return (size_t)1 << 30;
}

static int slow_write(struct outlet *o, const struct outlet_batch *batch, uint64_t now_ns)
{
	enum { FRAME = 64 };
	struct slow_outlet *slow = (struct slow_outlet *)(void *)o;
	(void)now_ns;
	slow->queued += batch->lines.n + FRAME;
	if (slow->behind)
		slow->queued -= slow->batch[slow->behind - 1];
	memmove(slow->batch + 1, slow->batch, sizeof(slow->batch) - sizeof(slow->batch[0]));
	slow->batch[0] = batch->lines.n + FRAME;
	return 0;
}

static int slow_retry(struct outlet *o, uint64_t now_ns)
{
	(void)o, (void)now_ns;
	return 0;
}

static bool slow_is_due(const struct outlet *o, uint64_t now_ns)
{
	(void)o, (void)now_ns;
	return false;
}

static int slow_nothing(struct outlet *o)
{
	(void)o;
	return 0;
}

static size_t slow_queued_bytes(const struct outlet *o)
{
	return ((const struct slow_outlet *)(const void *)o)->queued;
}

static int slow_error(const struct outlet *o)
{
	(void)o;
	return 0;
}

static enum outlet_state slow_state(const struct outlet *o)
{
	(void)o;
	return OUTLET_READY;
}

static const char *slow_kept_as(const struct outlet *o)
{
	(void)o;
	return "";
}

static size_t slow_close(struct outlet *o)
{
	return slow_queued_bytes(o);
}

static void a_key_rolls_though_the_queue_is_never_empty(void **state)
{
	static const struct outlet_ops ops = {
		.room = slow_room, .write = slow_write, .retry = slow_retry, .is_due = slow_is_due, .sync = slow_nothing, .wait = slow_nothing,
		.queued_bytes = slow_queued_bytes, .error = slow_error, .state = slow_state, .kept_as = slow_kept_as, .close = slow_close,
	};
	static const struct {
		const char *what;
		size_t behind;
		uint64_t epoch, held; /* after a roll at the start and twenty critical alerts, two seconds from one to the next; held: at least */
	} cases[] = {
		{ "a disk that is one batch behind", 1, 7, 10 },
		{ "two batches", 2, 6, 10 },
		{ "a disk that takes nothing", 0, 1, 20 },
	};
	struct fixture *f = *state;
	struct trouble calm = { .at = -1 };
	struct full_event *full = malloc(sizeof(*full));
	full_event_make(full, event_type_by_name(SV("file.open")), &(struct full_event_style){ .repeat = 1 });
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct slow_outlet slow = { .outlet.ops = &ops, .behind = cases[i].behind };
		struct outlet *outlet = &slow.outlet;
		struct run r = { .now = { .wall_ns = 1767323045000000000, .boot_ns = 1000000000, .clock_sync = "yes" } };
		struct identity id = { .host_id = "h", .host_name = "n", .boot_id = "b" };
		const struct agent_options options = { .makes = true, .on_step = on_step, .context = &calm };
		struct stream_stats stats;
		(void)snprintf(f->state, sizeof(f->state), "%s/slow%zu", f->folder, i);
		assert_int_equal(agent_open(f->state, &options, &r.agent, NULL), 0);
		assert_int_equal(agent_begin(r.agent, &id, NULL), 0);
		assert_int_equal(stream_new(&id, r.agent, &outlet, &r.stream, NULL), 0);
		struct open_info open = { .at = r.now, .policy_digest = "00", .config_digest = "", .sensor = "lsm", .scope = "", .hooks_attached = none, .hooks_missing = none };
		assert_int_equal(stream_open_record(r.stream, &open), 0);
		assert_int_equal(stream_flush(r.stream, r.now), 0);
		for (int k = 0; k < 20; k++)
			assert_int_equal(say_critical(&r, &full->ev), 0);
		stream_get_stats(r.stream, &stats);
		if (stats.epoch != cases[i].epoch || stats.held < cases[i].held)
			fail_msg("%s: key %llu signs, held %llu times", cases[i].what, (unsigned long long)stats.epoch, (unsigned long long)stats.held);
		end_run(&r);
	}
	free(full);
}

/* A disk that takes its time. */
struct gate {
	struct trouble calm; /* first: what on_step takes */
	bool is_shut;
	unsigned waits;
};

static int wait_at_gate(void *context, enum agent_step step)
{
	struct gate *g = context;
	(void)step;
	if (__atomic_load_n(&g->is_shut, __ATOMIC_SEQ_CST))
		__atomic_add_fetch(&g->waits, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&g->is_shut, __ATOMIC_SEQ_CST))
		usleep(1000);
	return 0;
}

static void flush_until_epoch(struct run *r, uint64_t epoch)
{
	for (unsigned i = 0; i < 10000 && agent_epoch(r->agent) < epoch; i++) {
		r->now.boot_ns += STREAM_SYNC_NS;
		assert_int_equal(stream_flush(r->stream, r->now), 0);
		usleep(1000);
	}
	assert_int_equal(agent_epoch(r->agent), epoch);
}

/* Who signs goes on signing; the key goes as soon as the next one is on the disk, and a wait is no key that stays. */
static void a_slow_disk_holds_up_nobody_who_signs(void **state)
{
	struct fixture *f = *state;
	struct gate gate = { .calm = { .at = -1 } };
	struct full_event *full = malloc(sizeof(*full));
	struct agent *a = NULL;
	struct identity id = { .host_id = "h", .host_name = "n", .boot_id = "b" };
	struct sink_file *sink = NULL;
	struct stream_stats stats;
	const struct agent_options options = { .makes = true, .on_step = wait_at_gate, .context = &gate };
	struct run r = { .now = { .wall_ns = 1767323045000000000, .boot_ns = 1000000000, .clock_sync = "yes" } };
	full_event_make(full, event_type_by_name(SV("file.open")), &(struct full_event_style){ .repeat = 1 });
	enrol(f);
	assert_int_equal(agent_open(f->state, &options, &a, NULL), 0);
	r.agent = a;
	assert_int_equal(agent_begin(a, &id, NULL), 0);
	assert_int_equal(agent_start_writer(a), 0);
	assert_int_equal(sink_file_open(&(struct sink_file_config){ .path = f->log, .queue_max_bytes = SINK_FILE_QUEUE_MIN, .retry_ns = 1000 }, &sink, NULL), 0);
	struct outlet *outlet = sink_file_outlet(&sink);
	assert_int_equal(stream_new(&id, a, &outlet, &r.stream, NULL), 0);
	struct open_info open = { .at = r.now, .policy_digest = "00", .config_digest = "", .sensor = "lsm", .scope = "", .hooks_attached = none, .hooks_missing = none };
	assert_int_equal(stream_open_record(r.stream, &open), 0);
	flush_until_epoch(&r, 1);
	for (unsigned i = 0; i < 10000 && agent_is_unsettled(a); i++) {
		usleep(1000);
		r.now.boot_ns += STREAM_SYNC_NS;
		assert_int_equal(stream_flush(r.stream, r.now), 0);
	}
	__atomic_store_n(&gate.is_shut, true, __ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < 20; i++) /* would hang here */
		assert_int_equal(say_critical(&r, &full->ev), 0);
	stream_get_stats(r.stream, &stats);
	assert_int_equal(stats.epoch, 1);
	assert_int_equal(stats.held, 0);
	while (!__atomic_load_n(&gate.waits, __ATOMIC_SEQ_CST))
		usleep(1000);
	__atomic_store_n(&gate.is_shut, false, __ATOMIC_SEQ_CST);
	flush_until_epoch(&r, 2);
	assert_int_equal(stream_close_record(r.stream, &(struct close_info){ .at = r.now, .reason = "test" }), 0);
	end_run(&r);
	assert_true(verify_all(f, "slow").is_closed);
	free(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_key_that_cannot_be_kept_does_not_take_over),
		TEST(a_key_rolls_though_the_queue_is_never_empty),
		TEST(a_slow_disk_holds_up_nobody_who_signs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
