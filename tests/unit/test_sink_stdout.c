/* SPDX-License-Identifier: Apache-2.0 */
/* The sink of type stdout, with a pipe in the place of standard output. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/sinks.h"
#include "engine/base/fd.h"
#include "tests/support/receiver.h"
#include "tests/support/sink_log.h"

struct output {
	int fd;     /* the reader's end */
	int before; /* standard output as it was */
};

static struct output take_output(void)
{
	int ends[2];
	struct output o = { .fd = -1 };
	(void)fflush(stdout);
	o.before = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
	assert_true(o.before >= 0);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
	close(ends[1]);
	o.fd = ends[0];
	return o;
}

static void give_output_back(struct output *o)
{
	(void)fflush(stdout);
	(void)dup2(o->before, STDOUT_FILENO);
	fd_close(&o->before);
	fd_close(&o->fd);
}

/* What is there by now. */
static void drain(int fd, struct buf *into)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char bytes[65536];
	while (poll(&p, 1, 0) == 1) {
		ssize_t n = read(fd, bytes, sizeof(bytes));
		if (n <= 0)
			return;
		buf_add(into, bytes, (size_t)n);
	}
}

static void *open_sink(void)
{
	static const struct sink_options options = { .kind = SINK_STDOUT, .name = "one" };
	void *sink = NULL;
	return sink_type_stdout.open(&options, &wal_io_real, &sink, NULL) ? NULL : sink;
}

static void every_line_comes_whole_and_in_order(void **state)
{
	struct fixture *f = *state;
	struct output o = take_output();
	CLEANUP(buf_done) struct buf text = { 0 };
	start_sinks(f, "type: stdout");
	add_lines(f, 20);
	struct sink_status status = stop_sinks(f);
	drain(o.fd, &text);
	give_output_back(&o);
	assert_int_equal(status.lines, 20);
	assert_string_equal(status.delivered, "written");
	assert_has_lines(&text, f, 20);
	size_t ends = 0;
	for (size_t i = 0; i < text.n; i++)
		ends += text.p[i] == '\n';
	assert_int_equal(ends, 20);
}

/* A line that there is no memory for is a fault with a text, and those behind it are none. */
static void a_lack_of_memory_ends_with_the_line_it_met(void **state)
{
	struct fixture *f = *state;
	struct output o = take_output();
	CLEANUP(buf_done) struct buf text = { 0 };
	void *sink = open_sink();
	struct sink_fault fault = { .text = "" };
	struct sink_line line[2];
	size_t n = BUF_DEFAULT_MAX, done = 9; /* with its end it passes what a buffer may hold: as if nothing could be allocated */
	char *large = malloc(n);
	assert_non_null(large);
	memset(large, 'x', n);
	const struct sink_line too_large = { .text = { large, n } };
	for (size_t i = 0; i < 2; i++)
		assert_true(sink_line_read(f->log.line[i], &line[i]));
	int first = sink ? sink_type_stdout.send(sink, &too_large, 1, &done, &fault) : 1;
	size_t done_first = done;
	int second = sink ? sink_type_stdout.send(sink, line, 2, &done, &(struct sink_fault){ .text = "" }) : 1;
	drain(o.fd, &text);
	if (sink)
		sink_type_stdout.close(sink);
	give_output_back(&o);
	free(large);
	assert_int_equal(first, -ENOMEM);
	assert_int_equal(done_first, 0);
	assert_non_null(strstr(fault.text, "no memory for a line"));
	assert_int_equal(second, 0);
	assert_int_equal(done, 2);
	assert_int_equal(text.n, f->log.line[0].n + f->log.line[1].n + 2);
	assert_has_lines(&text, f, 2);
}

/* Nothing of a line goes out twice, and no line is without its end, however little the reader takes. */
static void what_a_slow_reader_takes_is_whole(void **state)
{
	struct fixture *f = *state;
	struct output o = take_output();
	CLEANUP(buf_done) struct buf text = { 0 }, want = { 0 };
	void *sink = open_sink();
	struct sink_line line[40];
	size_t at = 0;
	int worst = sink ? 0 : 1;
	(void)fcntl(o.fd, F_SETPIPE_SZ, 4096);
	for (size_t i = 0; i < ARRAY_SIZE(line); i++) {
		assert_true(sink_line_read(f->log.line[i], &line[i]));
		buf_add_sv(&want, line[i].text);
		buf_add_char(&want, '\n');
	}
	for (unsigned tries = 0; sink && at < ARRAY_SIZE(line) && tries < 100; tries++) {
		struct sink_fault fault = { .text = "" };
		size_t done = 0;
		int r = sink_type_stdout.send(sink, &line[at], ARRAY_SIZE(line) - at, &done, &fault);
		worst = r && r != -EAGAIN ? r : worst;
		at += done;
		drain(o.fd, &text);
	}
	for (unsigned tries = 0; sink && tries < 10 && sink_type_stdout.settle(sink, &(struct sink_fault){ .text = "" }); tries++)
		drain(o.fd, &text);
	drain(o.fd, &text);
	if (sink)
		sink_type_stdout.close(sink);
	give_output_back(&o);
	assert_int_equal(worst, 0);
	assert_true(sv_equal(buf_sv(&text), buf_sv(&want)));
}

static void a_reader_that_is_gone_is_a_fault_with_a_text(void **state)
{
	struct fixture *f = *state;
	struct output o = take_output();
	struct sink_fault fault = { .text = "" };
	struct sink_line line;
	void *sink = open_sink();
	size_t done = 0;
	fd_close(&o.fd);
	int r = sink && sink_line_read(f->log.line[0], &line) ? sink_type_stdout.send(sink, &line, 1, &done, &fault) : 1;
	if (sink)
		sink_type_stdout.close(sink);
	give_output_back(&o);
	assert_int_equal(r, -EPIPE);
	assert_int_equal(done, 0);
	assert_non_null(strstr(fault.text, "standard output"));
}

/* Closed, or what the program puts in its place so that no file gets that number: nobody reads what goes there. */
static void an_output_that_is_closed_is_refused(void **state)
{
	static const struct sink_options options = { .kind = SINK_STDOUT, .name = "one" };
	(void)state;
	for (unsigned is_replaced = 0; is_replaced < 2; is_replaced++) {
		struct output o = take_output();
		CLEANUP(diag_done) struct diag diag = { 0 };
		int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
		void *sink = NULL;
		close(STDOUT_FILENO);
		if (is_replaced)
			(void)dup2(null, STDOUT_FILENO);
		int r = sink_type_stdout.open(&options, &wal_io_real, &sink, &diag);
		close(null);
		give_output_back(&o);
		assert_int_equal(r, -EBADF);
		assert_non_null(strstr(diag.messages[0].text, "standard output is closed"));
	}
}

int main(void)
{
	(void)signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	const struct CMUnitTest tests[] = {
		WITH_LOG(every_line_comes_whole_and_in_order),
		WITH_LOG(a_lack_of_memory_ends_with_the_line_it_met),
		WITH_LOG(what_a_slow_reader_takes_is_whole),
		WITH_LOG(a_reader_that_is_gone_is_a_fault_with_a_text),
		cmocka_unit_test(an_output_that_is_closed_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
