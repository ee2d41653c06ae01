/* SPDX-License-Identifier: Apache-2.0 */
/* Sinks that send syslog, over every transport, and connections that break. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/sinks.h"
#include "engine/base/fd.h"
#include "tests/support/receiver.h"
#include "tests/support/sink_log.h"

static void syslog_reaches_every_kind_of_receiver(void **state)
{
	static const struct { const char *what; int type; const char *more; } cases[] = {
		{ "UDP", SOCK_DGRAM, "protocol: rfc5424" },
		{ "UDP, the older form", SOCK_DGRAM, "protocol: rfc3164" },
		{ "TCP by lines", SOCK_STREAM, "protocol: rfc5424" },
		{ "TCP by octets", SOCK_STREAM, "framing: octet-counting" },
	};
	struct fixture *f = *state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		char address[64], options[256], name[160];
		CLEANUP(fd_close) int fd = listen_on(cases[i].type, address, sizeof(address));
		CLEANUP(fd_close) int peer = -1;
		(void)snprintf(name, sizeof(name), "%s/one.cursor", f->cursors);
		(void)unlink(name);
		f->written = MIN(f->written, (size_t)10);
		(void)snprintf(options, sizeof(options), "type: syslog, address: '%s', %s", address, cases[i].more);
		start_sinks(f, options);
		if (f->written == 0)
			add_lines(f, 10);
		if (cases[i].type == SOCK_STREAM)
			peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		size_t got = receive(peer >= 0 ? peer : fd, &text, 10);
		if (got != 10)
			fail_msg("%s: %zu messages of 10", cases[i].what, got);
		struct sink_status status = stop_sinks(f);
		assert_string_equal(status.delivered, "sent");
		assert_has_lines(&text, f, 10);
		if (strstr(cases[i].more, "octet")) { /* LENGTH SP MESSAGE, one after the other */
			size_t at = 0, n = 0;
			while (at < text.n) {
				size_t length = 0;
				for (; text.p[at] != ' '; at++)
					length = length * 10 + (size_t)(text.p[at] - '0');
				assert_int_equal(text.p[at + 1], '<');
				at += 1 + length;
				n++;
			}
			assert_int_equal(at, text.n);
			assert_int_equal(n, 10);
		}
	}
}

/* The head stays that of the record; the message is its line in the other format, and what does not fit is refused. */
static void syslog_has_the_format_that_was_asked_for(void **state)
{
	struct fixture *f = *state;
	char address[64], options[256], message[65536];
	CLEANUP(fd_close) int fd = listen_on(SOCK_DGRAM, address, sizeof(address));
	(void)snprintf(options, sizeof(options), "type: syslog, address: '%s', protocol: rfc5424, format: cef, max_bytes: 9KiB", address);
	start_sinks(f, options);
	add_lines(f, 3);
	for (size_t i = 0; i < 3; i++) {
		CLEANUP(buf_done) struct buf want = { 0 };
		assert_int_equal(format_convert(FORMAT_CEF, f->log.line[i], 0, &want), 0);
		assert_true(is_readable(fd, WAIT_MS));
		ssize_t n = recv(fd, message, sizeof(message), 0);
		struct strview got = { message, n > 0 ? (size_t)n : 0 };
		if (!sv_starts(got, SV("<")) || !sv_ends(got, buf_sv(&want)) || !memmem(got.p, got.n, " sequence=\"", 11))
			fail_msg("message %zu: " SV_FMT, i, SV_ARG(got));
	}
	assert_int_equal(stop_sinks(f).refused, 0);
	(void)snprintf(options, sizeof(options), "type: syslog, address: '%s', protocol: rfc5424, format: otlp, max_bytes: 700", address);
	start_sinks(f, options);
	add_lines(f, 1);
	assert_int_equal(stop_sinks(f).refused, 1);
}

/* Its id goes alone: that is no delivery of the record. */
static void a_record_that_is_too_long_counts_as_refused(void **state)
{
	struct fixture *f = *state;
	char address[64], options[256], message[65536];
	CLEANUP(fd_close) int fd = listen_on(SOCK_DGRAM, address, sizeof(address));
	(void)snprintf(options, sizeof(options), "type: syslog, address: '%s', max_bytes: 480", address);
	start_sinks(f, options);
	add_lines(f, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_true(is_readable(fd, WAIT_MS));
		ssize_t n = recv(fd, message, sizeof(message), 0);
		assert_true(n > 0 && memmem(message, (size_t)n, "\"record_bytes\":", 15));
	}
	struct sink_status status = stop_sinks(f);
	assert_int_equal(status.refused, 3);
	assert_int_equal(status.lines, 0);
	assert_non_null(strstr(status.last_error, "longer than max_bytes"));
}

/* The peer learns of it by a reset, and loses what nobody read. */
static void reset_connection(int peer)
{
	const struct linger reset = { .l_onoff = 1 };
	assert_true(peer >= 0);
	(void)setsockopt(peer, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(peer);
}

static void what_a_broken_connection_took_comes_again(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf text = { 0 };
	char address[64], options[256];
	CLEANUP(fd_close) int fd = listen_on(SOCK_STREAM, address, sizeof(address));
	(void)snprintf(options, sizeof(options), "type: syslog, address: '%s'", address);
	start_sinks(f, options);
	add_lines(f, 30);
	for (unsigned i = 0; i < 3; i++) { /* accepts, reads a little or nothing, resets */
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		char some[100];
		if (i && is_readable(peer, 1000))
			(void)recv(peer, some, sizeof(some), 0);
		reset_connection(peer);
		add_lines(f, 1);
	}
	CLEANUP(fd_close) int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	size_t got = receive(peer, &text, 33);
	assert_true(got >= 33);
	assert_has_lines(&text, f, 33);
	struct sink_status status = stop_sinks(f);
	assert_true(status.faults >= 1);
}

/* The lines went out and were settled; nothing follows them that could notice. */
static void a_connection_that_breaks_soon_after_is_noticed_though_nothing_follows(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_done) struct buf text = { 0 };
	const struct timespec settled = { .tv_nsec = 700000000 }; /* once and more, and not two seconds */
	char address[64], options[256];
	CLEANUP(fd_close) int fd = listen_on(SOCK_STREAM, address, sizeof(address));
	(void)snprintf(options, sizeof(options), "type: syslog, address: '%s'", address);
	start_sinks(f, options);
	add_lines(f, 5);
	int first = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	nanosleep(&settled, NULL);
	reset_connection(first);
	if (!is_readable(fd, WAIT_MS))
		fail_msg("nobody connected again");
	CLEANUP(fd_close) int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_int_equal(receive(peer, &text, 5), 5);
	assert_has_lines(&text, f, 5);
	stop_sinks(f);
}

/* SIGHUP comes just when the connection has broken: nobody has been told yet, and a new connection would not know. */
static void what_broke_before_a_reopen_is_told_by_the_next_call(void **state)
{
	static const struct { const char *what; bool settles; } cases[] = { { "a send is next", false }, { "a settle is next", true } };
	struct fixture *f = *state;
	const struct sink_type *type = &sink_type_syslog;
	struct sink_line lines[6];
	char address[64], options[128];
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_true(sink_line_read(f->log.line[i], &lines[i]));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		CLEANUP(fd_close) int fd = listen_on(SOCK_STREAM, address, sizeof(address)), peer = -1;
		struct sink_fault fault = { .text = "" };
		size_t done = 0;
		void *sink = NULL;
		(void)snprintf(options, sizeof(options), "type: syslog, address: '%s'", address);
		read_options(f, options);
		assert_int_equal(type->open(&f->config->sinks.sinks[0], &f->io, &sink, NULL), 0);
		assert_int_equal(type->send(sink, lines, 5, &done, &fault), 0);
		reset_connection(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
		type->reopen(sink);
		int r = cases[i].settles ? type->settle(sink, &fault) : type->send(sink, &lines[5], 1, &done, &fault);
		if (r == 0 || !fault.is_window_lost || !fault.text[0])
			fail_msg("%s: %d, window lost: %d, '%s'", cases[i].what, r, fault.is_window_lost, fault.text);
		fault = (struct sink_fault){ .text = "" };
		assert_int_equal(type->send(sink, lines, 6, &done, &fault), 0); /* once is enough */
		assert_int_equal(done, 6);
		peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		assert_int_equal(receive(peer, &text, 6), 6);
		assert_int_equal(type->settle(sink, &fault), 0);
		type->close(sink);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOG(syslog_reaches_every_kind_of_receiver),
		WITH_LOG(syslog_has_the_format_that_was_asked_for),
		WITH_LOG(a_record_that_is_too_long_counts_as_refused),
		WITH_LOG(what_a_broken_connection_took_comes_again),
		WITH_LOG(a_connection_that_breaks_soon_after_is_noticed_though_nothing_follows),
		WITH_LOG(what_broke_before_a_reopen_is_told_by_the_next_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
