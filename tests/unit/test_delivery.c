/* SPDX-License-Identifier: Apache-2.0 */
/* Log, sinks and stream together: what sinks refuse is told in the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/daemon/delivery.h"
#include "tests/support/sink_log.h"

static struct instant now(void)
{
	return (struct instant){ .wall_ns = clock_ns(CLOCK_REALTIME), .boot_ns = clock_ns(CLOCK_BOOTTIME), .clock_sync = "yes" };
}

static size_t count_in(const struct buf *text, const char *what)
{
	size_t n = 0;
	for (const char *p = text->p; (p = memmem(p, text->n - (size_t)(p - text->p), what, strlen(what))); p++)
		n++;
	return n;
}

/* One run of a daemon's delivery; `bad`: lines that no sink takes, put into its log. */
static void run(const struct delivery_options *options, struct strview bad, uint64_t n_bad)
{
	struct delivery *d = NULL;
	struct stream *stream = NULL;
	struct identity id;
	struct wal_stats stats;
	const struct outlet_batch batch = { .lines = bad, .count = n_bad };
	assert_int_equal(identity_gather(&id, NULL), 0);
	assert_int_equal(delivery_open(options, &d, NULL), 0);
	struct outlet *outlet = delivery_take_outlet(d);
	if (n_bad) {
		assert_int_equal(outlet->ops->write(outlet, &batch, 0), 0);
		assert_int_equal(outlet->ops->wait(outlet), 0);
	}
	assert_int_equal(stream_new(&id, NULL, &outlet, &stream, NULL), 0);
	assert_int_equal(delivery_connect(d, NULL), 0);
	assert_int_equal(delivery_start(d), 0);
	struct sink_status status = { .refused = 0 };
	for (unsigned i = 0; i < WAIT_MS && status.refused < n_bad; i++) {
		const struct timespec nap = { .tv_nsec = 1000000 };
		nanosleep(&nap, NULL);
		delivery_get_sink(d, 0, &status);
	}
	assert_int_equal(status.refused, n_bad);
	delivery_get_wal(d, &stats);
	const uint64_t before = stats.next;
	delivery_tell(d, stream, now());
	delivery_get_wal(d, &stats);
	assert_int_equal(stats.next, before + (n_bad > 0)); /* it is in the log's hands, and not only pending */
	const struct close_info end = { .at = now(), .reason = "test" };
	assert_int_equal(stream_close_record(stream, &end), 0);
	assert_int_equal(delivery_finish(d), 0);
	delivery_free(&d);
	assert_int_equal(stream_free(&stream), 0);
}

static void what_a_sink_refused_is_told_once(void **state)
{
	struct fixture *f = *state;
	static const char told[] = "\"loss\":{\"count\":2,\"group\":\"output\",";
	CLEANUP(buf_done) struct buf text = { 0 };
	char first[90];
	const struct delivery_options options = { .folder = f->cursors, .max_bytes = 64 << 20, .full = WAL_DROP_LOWEST, .output = f->path };
	run(&options, SV("{}\n{}\n"), 2);
	run(&options, SV(""), 0);
	(void)snprintf(first, sizeof(first), "%s.1", f->path); /* each run is another agent: its lines begin a file */
	assert_int_equal(fd_read_file(first, 1 << 20, &text), 0);
	assert_int_equal(count_in(&text, told), 1);
	assert_int_equal(fd_read_file(f->path, 1 << 20, &text), 0);
	assert_int_equal(count_in(&text, told), 1); /* with the bytes of both: not again */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOG(what_a_sink_refused_is_told_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
