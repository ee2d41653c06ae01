/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/sink_file.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"

#define LOG_LINE "{\"agent\":{\"type\":\"vedette\"},\"ecs\":{\"version\":\"9.0.0\"}}\n"

struct fixture {
	char folder[64];
	char path[128];
};

static int make_fixture(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	*state = f;
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/vedette-sink-XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	(void)snprintf(f->path, sizeof(f->path), "%s/log", f->folder);
	(void)signal(SIGXFSZ, SIG_IGN); /* the limit shall be an error, as a full disk is */
	return 0;
}

static int drop_fixture(void **state)
{
	struct fixture *f = *state;
	char command_path[192];
	static const char *const names[] = { "log", "log.1", "log.2", "other", "link" };
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		(void)snprintf(command_path, sizeof(command_path), "%s/%s", f->folder, names[i]);
		unlink(command_path);
	}
	rmdir(f->folder);
	free(f);
	return 0;
}

static struct sink_file *open_sink(const char *path)
{
	struct sink_file *s = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	const struct sink_file_config config = { .path = path, .retry_ns = 100 };
	if (sink_file_open(&config, &s, &diag))
		fail_msg("%s", diag.n ? diag.messages[0].text : "no message");
	return s;
}

static int open_result(const char *path, struct diag *diag)
{
	struct sink_file *s = NULL;
	const struct sink_file_config config = { .path = path };
	int r = sink_file_open(&config, &s, diag);
	assert_true(r || s);
	sink_file_close(&s);
	return r;
}

static void assert_content(const char *path, const char *expected)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	assert_int_equal(fd_read_file(path, 1 << 20, &text), 0);
	assert_string_equal(buf_cstr(&text), expected);
}

static void put_file(const char *path, const char *text)
{
	CLEANUP(file_close) FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
}

static void file_size_limit(rlim_t bytes)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void lines_go_into_a_private_file(void **state)
{
	struct fixture *f = *state;
	struct sink_file *s = open_sink(f->path);
	struct stat st;
	assert_int_equal(sink_file_write(s, SV("one\ntwo\n"), 0), 0);
	assert_int_equal(sink_file_write(s, SV("three\n"), 0), 0);
	assert_int_equal(sink_file_sync(s), 0);
	assert_content(f->path, "one\ntwo\nthree\n");
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(sink_file_close(&s), 0);
	assert_null(s);
}

static void an_earlier_log_is_kept_and_other_data_refused(void **state)
{
	struct fixture *f = *state;
	char name[192];
	put_file(f->path, LOG_LINE "the rest\n");
	struct sink_file *s = open_sink(f->path);
	(void)snprintf(name, sizeof(name), "%s.1", f->path);
	assert_string_equal(sink_file_kept_as(s), name);
	assert_content(name, LOG_LINE "the rest\n");
	assert_int_equal(sink_file_write(s, SV(LOG_LINE), 0), 0);
	sink_file_close(&s);
	s = open_sink(f->path);
	(void)snprintf(name, sizeof(name), "%s.2", f->path);
	assert_string_equal(sink_file_kept_as(s), name);
	sink_file_close(&s);

	static const char *const others[] = { "x", "{\"a\":1}\n", "#!/bin/sh\n\"type\":\"vedette\"" };
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		put_file(f->path, others[i]);
		assert_int_equal(open_result(f->path, &diag), -EEXIST);
		assert_int_equal(diag.errors, 1);
		assert_content(f->path, others[i]);
	}
}

static void dangerous_targets_are_refused(void **state)
{
	struct fixture *f = *state;
	char other[192], link_path[192];
	(void)snprintf(other, sizeof(other), "%s/other", f->folder);
	(void)snprintf(link_path, sizeof(link_path), "%s/link", f->folder);
	put_file(other, "");
	assert_int_equal(symlink(other, link_path), 0);
	CLEANUP(diag_done) struct diag diag = { 0 };
	assert_int_equal(open_result(link_path, &diag), -ELOOP);
	assert_int_equal(open_result(f->folder, &diag), -EISDIR);
	assert_int_equal(link(other, f->path), 0);
	assert_int_equal(open_result(other, &diag), -EMLINK);
	assert_int_equal(unlink(f->path), 0);
	struct sink_file *s = open_sink(f->path);
	assert_int_equal(open_result(f->path, &diag), -EBUSY);
	sink_file_close(&s);
	assert_int_equal(open_result("/nonexistent/folder/log", &diag), -ENOENT);
	assert_int_equal(diag.errors, 5);
}

static void a_full_disk_leaves_whole_lines_and_catches_up(void **state)
{
	struct fixture *f = *state;
	struct sink_file *s = open_sink(f->path);
	assert_int_equal(sink_file_write(s, SV("0123456789\n"), 0), 0);
	file_size_limit(28); /* within the second of the next lines */
	assert_int_equal(sink_file_write(s, SV("abcdefghij\nklmnopqrst\n"), 1), -EFBIG);
	assert_content(f->path, "0123456789\nabcdefghij\n");
	assert_int_equal(sink_file_queued_bytes(s), 11);
	assert_int_equal(sink_file_error(s), EFBIG);
	/* not tried again before its time */
	assert_false(sink_file_is_due(s, 50));
	assert_int_equal(sink_file_write(s, SV("more\n"), 50), -EFBIG);
	assert_int_equal(sink_file_queued_bytes(s), 16);
	assert_true(sink_file_is_due(s, 101));
	assert_int_equal(sink_file_retry(s, 101), -EFBIG);
	assert_content(f->path, "0123456789\nabcdefghij\n");
	file_size_limit(RLIM_INFINITY);
	assert_int_equal(sink_file_write(s, SV("last\n"), 300), 0);
	assert_int_equal(sink_file_error(s), 0);
	assert_content(f->path, "0123456789\nabcdefghij\nklmnopqrst\nmore\nlast\n");
	assert_int_equal(sink_file_close(&s), 0);
}

static void the_queue_has_a_ceiling_and_says_so_before(void **state)
{
	struct fixture *f = *state;
	struct sink_file *s = open_sink(f->path);
	static char lines[SINK_FILE_QUEUE_MIN / 2];
	memset(lines, 'x', sizeof(lines));
	lines[sizeof(lines) - 1] = '\n';
	struct strview half = { lines, sizeof(lines) };
	file_size_limit(0);
	assert_int_equal(sink_file_room(s), SINK_FILE_QUEUE_MIN);
	assert_int_equal(sink_file_write(s, half, 0), -EFBIG);
	assert_int_equal(sink_file_write(s, half, 0), -EFBIG);
	assert_int_equal(sink_file_room(s), 0);
	assert_int_equal(sink_file_write(s, SV("x\n"), 0), -ENOBUFS);
	assert_int_equal(sink_file_queued_bytes(s), SINK_FILE_QUEUE_MIN);
	assert_int_equal(sink_file_close(&s), SINK_FILE_QUEUE_MIN); /* told, not hidden */
	file_size_limit(RLIM_INFINITY);
}

static void dev_full_is_an_error_like_any_other(void **state)
{
	(void)state;
	struct sink_file *s = open_sink("/dev/full");
	assert_int_equal(sink_file_write(s, SV("x\n"), 0), -ENOSPC);
	assert_int_equal(sink_file_close(&s), 2);
}

/* Fills the pipe: whole lines until the sink says that it is full. Returns the bytes given to the sink. */
static size_t fill_pipe(struct sink_file *s)
{
	size_t given = 0;
	int r;
	do {
		r = sink_file_write(s, SV("0123456789abcde\n"), 0);
		given += 16;
	} while (r == 0 && given < (4u << 20));
	assert_int_equal(r, -EAGAIN);
	return given;
}

/* Reads what there is without waiting; every byte must continue the lines. */
static size_t read_lines(int fd, size_t got)
{
	char chunk[4096];
	ssize_t n;
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(chunk[i], "0123456789abcde\n"[got++ % 16]);
	return got;
}

static void a_pipe_without_reader_is_refused(void **state)
{
	struct fixture *f = *state;
	CLEANUP(diag_done) struct diag diag = { 0 };
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(open_result(f->path, &diag), -ENXIO);
	assert_int_equal(diag.errors, 1);
	assert_non_null(strstr(diag.messages[0].text, "nobody reads the pipe '"));
	assert_non_null(strstr(diag.messages[0].text, f->path));
}

static void a_full_pipe_does_not_block_and_catches_up(void **state)
{
	struct fixture *f = *state;
	assert_int_equal(mkfifo(f->path, 0600), 0);
	CLEANUP(fd_close) int reader = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct sink_file *s = open_sink(f->path);
	size_t given = fill_pipe(s);
	assert_int_equal(sink_file_error(s), EAGAIN);
	assert_int_equal(sink_file_queued_bytes(s), 16);
	assert_false(sink_file_is_due(s, 50));
	assert_true(sink_file_is_due(s, 100));
	assert_int_equal(sink_file_retry(s, 100), -EAGAIN);
	size_t got = read_lines(reader, 0);
	assert_int_equal(got, given - 16);
	assert_int_equal(sink_file_write(s, SV("0123456789abcde\n"), 300), 0);
	assert_int_equal(sink_file_error(s), 0);
	assert_int_equal(read_lines(reader, got), given + 16);
	assert_int_equal(sink_file_close(&s), 0);
}

static uint64_t close_timed(struct sink_file **s, size_t *ret_left)
{
	uint64_t from = clock_ns(CLOCK_MONOTONIC);
	*ret_left = sink_file_close(s);
	return (clock_ns(CLOCK_MONOTONIC) - from) / 1000000;
}

static void closing_waits_for_a_reader_but_not_for_ever(void **state)
{
	struct fixture *f = *state;
	size_t left;
	assert_int_equal(mkfifo(f->path, 0600), 0);
	CLEANUP(fd_close) int reader = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct sink_file *s = open_sink(f->path);
	fill_pipe(s);
	assert_in_range(close_timed(&s, &left), SINK_FILE_WAIT_MS, SINK_FILE_WAIT_MS + 3000);
	assert_int_equal(left, 16);

	/* one that reads on later gets all of it */
	(void)read_lines(reader, 0);
	s = open_sink(f->path);
	size_t given = fill_pipe(s);
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		size_t got = 0;
		for (int i = 0; i < 200 && got < given; i++) {
			(void)usleep(50000);
			char chunk[65536];
			ssize_t n = read(reader, chunk, sizeof(chunk));
			got += n > 0 ? (size_t)n : 0;
		}
		_exit(got == given ? 0 : 1);
	}
	assert_true(child > 0);
	assert_in_range(close_timed(&s, &left), 1, SINK_FILE_WAIT_MS - 1);
	assert_int_equal(left, 0);
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void a_reader_that_left_is_an_error_and_is_not_waited_for(void **state)
{
	struct fixture *f = *state;
	size_t left;
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	CLEANUP(fd_close) int reader = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct sink_file *s = open_sink(f->path);
	fd_close(&reader);
	assert_int_equal(sink_file_write(s, SV("x\n"), 0), -EPIPE);
	/* the next reader gets what waited */
	reader = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(sink_file_retry(s, 100), 0);
	char text[8] = "";
	assert_int_equal(read(reader, text, sizeof(text)), 2);
	fd_close(&reader);
	assert_int_equal(sink_file_write(s, SV("y\n"), 200), -EPIPE);
	assert_true(close_timed(&s, &left) < SINK_FILE_WAIT_MS);
	assert_int_equal(left, 2);
}

static void standard_output_as_a_pipe_keeps_its_own_flags(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fflush(stdout);
	int saved = dup(STDOUT_FILENO);
	assert_int_equal(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
	struct sink_file *s = NULL;
	const struct sink_file_config config = { .path = "-", .retry_ns = 100 };
	int opened = sink_file_open(&config, &s, NULL);
	int flags = fcntl(STDOUT_FILENO, F_GETFL);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	assert_int_equal(opened, 0);
	assert_false(flags & O_NONBLOCK);
	size_t given = fill_pipe(s); /* would hang here */
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	size_t got = read_lines(ends[0], 0);
	assert_int_equal(sink_file_close(&s), 0);
	assert_int_equal(read_lines(ends[0], got), given);
	close(ends[0]);
	close(ends[1]);
	assert_string_equal(sink_file_name("-"), "standard output");
	assert_string_equal(sink_file_name("./-"), "./-");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_fixture, drop_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_go_into_a_private_file),
		TEST(an_earlier_log_is_kept_and_other_data_refused),
		TEST(dangerous_targets_are_refused),
		TEST(a_full_disk_leaves_whole_lines_and_catches_up),
		TEST(the_queue_has_a_ceiling_and_says_so_before),
		TEST(dev_full_is_an_error_like_any_other),
		TEST(a_pipe_without_reader_is_refused),
		TEST(a_full_pipe_does_not_block_and_catches_up),
		TEST(closing_waits_for_a_reader_but_not_for_ever),
		TEST(a_reader_that_left_is_an_error_and_is_not_waited_for),
		TEST(standard_output_as_a_pipe_keeps_its_own_flags),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
