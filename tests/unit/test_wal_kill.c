/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that signs into a write-ahead log is killed again and again: at any instant, and at each operation on the disk. What it had
 * shown to a reader is there afterwards, with the same bytes; each stream verifies up to where it ended. VEDETTE_KILLS says how
 * often (30).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/stream.h"
#include "alerts/verify.h"
#include "alerts/wal.h"
#include "engine/base/clock.h"
#include "engine/base/crc32c.h"
#include "engine/base/fd.h"
#include "engine/base/num.h"
#include "tests/support/faulty_io.h"
#include "tests/support/full_event.h"
#include "tests/support/random.h"

enum { RECORDS_MAX = 1 << 20, ALERTS_MAX = 3000, KILLS = 30 };

/* Shared with the processes that are killed: what a receiver would have got. */
struct seen {
	uint64_t next;             /* records below were given to the reader */
	uint64_t twice;            /* records that came again with other bytes */
	bool has[RECORDS_MAX];
	uint32_t sum[RECORDS_MAX];
};

struct fixture {
	char folder[64], log[80], keys[80];
	struct seen *seen;
	struct random random;
	unsigned kills;
	uint64_t slowest_ns; /* of all starts */
};

static int make_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *kills = getenv("VEDETTE_KILLS");
	uint64_t n = KILLS;
	if (!f || (kills && num_parse_u64(sv_from(kills), 1000000, &n)))
		return -1;
	*state = f;
	f->kills = (unsigned)n;
	f->random.state = clock_ns(CLOCK_REALTIME);
	printf("# seed %llu, %u kills\n", (unsigned long long)f->random.state, f->kills);
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/vedette-kill-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	(void)snprintf(f->log, sizeof(f->log), "%s/wal", f->folder);
	(void)snprintf(f->keys, sizeof(f->keys), "%s/keys", f->folder);
	f->seen = mmap(NULL, sizeof(*f->seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return f->seen == MAP_FAILED ? -1 : 0;
}

static int drop_fixture(void **state)
{
	struct fixture *f = *state;
	const char *const argv[] = { "rm", "-rf", f->folder, NULL };
	pid_t child = fork();
	if (child == 0) {
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	waitpid(child, NULL, 0);
	munmap(f->seen, sizeof(*f->seen));
	free(f);
	return 0;
}

/* --- the process that is killed ------------------------------------------------------------------------------------------------- */

struct receiver {
	struct wal_reader *reader;
	struct seen *seen;
};

static void *receive_on(void *context)
{
	struct receiver *of = context;
	struct wal_item item;
	for (;;) {
		if (wal_reader_next(of->reader, 1000, &item) != 1)
			continue;
		uint64_t n = item.header.number;
		uint32_t sum = crc32c(0, item.lines.p, item.lines.n);
		if (n >= RECORDS_MAX)
			_exit(2);
		of->seen->twice += of->seen->has[n] && of->seen->sum[n] != sum;
		of->seen->sum[n] = sum;
		of->seen->has[n] = true;
		of->seen->next = MAX(of->seen->next, n + 1);
	}
	return NULL;
}

static void must(int r)
{
	if (r)
		_exit(3);
}

/* Never returns: it is killed, or its process ends with a number that says where it failed. */
static void sign_on(const struct fixture *f, struct faulty_io *fault, int began)
{
	static const char *const none[] = { NULL };
	static const struct rule_info rule = { .id = "r", .title = "R", .description = "", .ruleset = "t", .severity = SEVERITY_HIGH };
	struct wal_config config = wal_defaults();
	struct wal_io io = faulty_io(fault);
	struct identity id;
	struct stream *stream = NULL;
	struct wal *w = NULL;
	struct receiver receiver = { .seen = f->seen };
	pthread_t thread;
	struct full_event *full = malloc(sizeof(*full));
	struct buf key = { 0 };
	config.folder = f->log;
	config.io = fault->at ? &io : &wal_io_real;
	config.segment_bytes = 1 << 16;
	config.commit_ns = 1000000;
	must(!full || wal_open(&config, &w, NULL));
	must(wal_reader_new(w, f->seen->next, true, &receiver.reader));
	must(pthread_create(&thread, NULL, receive_on, &receiver));
	struct outlet *o = wal_outlet(w);
	must(identity_gather(&id, NULL) || stream_new(&id, NULL, &o, &stream, NULL));
	stream_key_line(stream, &key);
	CLEANUP(fd_close) int fd = open(f->keys, O_WRONLY | O_CREAT | O_APPEND, 0600);
	must(fd_write_all(fd, key.p, key.n));
	full_event_make(full, event_type_by_name(SV("file.open")), &(struct full_event_style){ .repeat = 1 });
	struct open_info open_info = { instant_now(), "00", 1, "", "lsm", "host", none, none, 0, 0, NULL };
	must(stream_open_record(stream, &open_info));
	must(write(began, "", 1) != 1);
	for (unsigned i = 0; i < ALERTS_MAX; i++) {
		struct alert alert = { .ev = &full->ev, .rule = &rule, .message = SV("m"), .policy_digest = "00" };
		must(stream_alert(stream, &alert, instant_now()));
		if (i % 3 == 0)
			IGNORE(stream_flush(stream, instant_now())); /* a fault of the disk that is tried again */
	}
	for (;;)
		pause();
}

/* One life: begins, is killed. */
static void live_and_die(struct fixture *f, unsigned round)
{
	int began[2], status = 0;
	char byte;
	struct faulty_io fault = { .op = FAULTY_ANY, .error = -1 };
	if (round % 2)
		fault.at = 1 + (unsigned)random_below(&f->random, 60);
	assert_int_equal(pipe2(began, O_CLOEXEC), 0);
	uint64_t since_ns = clock_ns(CLOCK_MONOTONIC);
	pid_t child = fork();
	if (child == 0)
		sign_on(f, &fault, began[1]);
	close(began[1]);
	if (read(began[0], &byte, 1) == 1) {
		f->slowest_ns = MAX(f->slowest_ns, clock_ns(CLOCK_MONOTONIC) - since_ns);
		const struct timespec nap = { .tv_nsec = (long)random_below(&f->random, 40000000) };
		nanosleep(&nap, NULL);
	}
	close(began[0]);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFSIGNALED(status))
		fail_msg("round %u ended by itself: %x", round, (unsigned)status);
}

/* --- what is left ----------------------------------------------------------------------------------------------------------------- */

struct checked {
	struct verify_keys keys;
	struct verifier *verifier;
	char stream[STREAM_NAME_MAX + 1];
	uint64_t lines, streams, next;
};

/* Lines carry `"stream":"NAME"` in their signature. */
static void check_line(struct checked *c, struct strview line)
{
	static const char mark[] = "\"stream\":\"";
	const char *name = memmem(line.p, line.n, mark, sizeof(mark) - 1);
	assert_non_null(name);
	name += sizeof(mark) - 1;
	size_t n = strcspn(name, "\"");
	assert_true(n < sizeof(c->stream));
	if (strlen(c->stream) != n || memcmp(c->stream, name, n) != 0) {
		verifier_free(&c->verifier);
		assert_int_equal(verifier_new(&c->keys, &(struct verify_options){ 0 }, &c->verifier), 0);
		memcpy(c->stream, name, n);
		c->stream[n] = '\0';
		c->streams++;
	}
	if (verifier_line(c->verifier, line))
		fail_msg("line %llu: %s", (unsigned long long)c->lines, verifier_explain(c->verifier));
	c->lines++;
}

static void check_item(struct checked *c, const struct fixture *f, const struct wal_item *item)
{
	uint64_t n = item->header.number;
	assert_int_equal(item->missed, 0);
	assert_int_equal(n, c->next);
	c->next = n + 1;
	if (f->seen->has[n] && crc32c(0, item->lines.p, item->lines.n) != f->seen->sum[n])
		fail_msg("record %llu was given to a receiver with other bytes", (unsigned long long)n);
	for (struct strview left = item->lines; left.n;) {
		const char *end = memchr(left.p, '\n', left.n);
		assert_non_null(end);
		check_line(c, (struct strview){ left.p, (size_t)(end - left.p) });
		left = sv_from_index(left, (size_t)(end - left.p) + 1);
	}
}

static void nothing_acknowledged_is_lost_or_changed_by_a_kill(void **state)
{
	struct fixture *f = *state;
	struct wal_config config = wal_defaults();
	struct wal *w = NULL;
	struct wal_reader *r = NULL;
	struct wal_item item;
	struct checked c = { .streams = 0 };
	for (unsigned i = 0; i < f->kills; i++)
		live_and_die(f, i);
	assert_int_equal(f->seen->twice, 0);
	config.folder = f->log;
	assert_int_equal(wal_open(&config, &w, NULL), 0);
	assert_int_equal(verify_keys_read(f->keys, &c.keys, NULL), 0);
	assert_int_equal(wal_reader_new(w, 0, false, &r), 0);
	while (wal_reader_next(r, 0, &item) == 1)
		check_item(&c, f, &item);
	assert_true(c.next >= f->seen->next);
	assert_true(f->seen->next > 0);
	assert_true(f->slowest_ns < 2000000000);
	printf("# %llu records, %llu of them received, %llu lines of %llu streams; the slowest start took %llu ms\n", (unsigned long long)c.next,
	       (unsigned long long)f->seen->next, (unsigned long long)c.lines, (unsigned long long)c.streams, (unsigned long long)(f->slowest_ns / 1000000));
	verifier_free(&c.verifier);
	verify_keys_done(&c.keys);
	wal_reader_free(&r);
	wal_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_acknowledged_is_lost_or_changed_by_a_kill, make_fixture, drop_fixture),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
