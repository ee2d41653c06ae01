/* SPDX-License-Identifier: Apache-2.0 */
/* Sinks that send to the journal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/sinks.h"
#include "engine/base/fd.h"
#include "tests/support/receiver.h"
#include "tests/support/sink_log.h"

/* KEY LF LENGTH DATA LF, or KEY=VALUE LF. */
static struct strview field(const struct buf *entry, const char *key)
{
	CLEANUP(buf_done) struct buf mark = { 0 };
	buf_add_format(&mark, "%s\n", key);
	const char *p = memmem(entry->p, entry->n, mark.p, mark.n);
	uint64_t n = 0;
	if (!p)
		return SV("");
	p += mark.n;
	memcpy(&n, p, sizeof(n)); /* little-endian as this machine */
	return (struct strview){ p + 8, (size_t)n };
}

static void the_journal_gets_message_and_record(void **state)
{
	struct fixture *f = *state;
	char options[256];
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	memcpy(un.sun_path, f->socket, strlen(f->socket));
	CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	(void)snprintf(options, sizeof(options), "type: journald, socket: '%s'", f->socket);
	start_sinks(f, options);
	add_lines(f, 15);
	for (size_t i = 0; i < 15; i++) {
		CLEANUP(buf_done) struct buf entry = { 0 };
		assert_true(is_readable(fd, WAIT_MS));
		assert_int_equal(receive(fd, &entry, 1), 1);
		assert_true(sv_equal(field(&entry, "VEDETTE_RECORD"), f->log.line[i]));
		assert_true(sv_is(field(&entry, "SYSLOG_IDENTIFIER"), "vedette"));
		assert_true(field(&entry, "MESSAGE").n > 0);
	}
	stop_sinks(f);
}

/* A queue of ten or some hundred entries is full at once, and that is no fault; a journal that was started anew is found again. */
static void a_journal_that_is_behind_is_waited_for(void **state)
{
	struct fixture *f = *state;
	char options[256];
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	memcpy(un.sun_path, f->socket, strlen(f->socket));
	(void)snprintf(options, sizeof(options), "type: journald, socket: '%s'", f->socket);
	start_sinks(f, options);
	for (unsigned life = 0; life < 2; life++) {
		CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		(void)unlink(f->socket);
		assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
		f->written = 0;
		for (unsigned k = 0; k < 5; k++, f->written = 0)
			add_lines(f, 100);
		for (size_t i = 0; i < 500; i++) {
			CLEANUP(buf_done) struct buf entry = { 0 };
			const struct timespec nap = { .tv_nsec = 1000000 };
			if (i % 100 == 0)
				nanosleep(&nap, NULL); /* behind */
			assert_true(is_readable(fd, WAIT_MS));
			assert_int_equal(receive(fd, &entry, 1), 1);
			if (!sv_equal(field(&entry, "VEDETTE_RECORD"), f->log.line[i % 100]))
				fail_msg("entry %zu of life %u is another one", i, life);
		}
		wait_for_lines(f, 0, 500 * (life + 1));
	}
	assert_int_equal(stop_sinks(f).faults, 0);
}

static void an_entry_too_large_for_the_socket_goes_as_a_file(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	CLEANUP(buf_done) struct buf big = { 0 };
	memcpy(un.sun_path, f->socket, strlen(f->socket));
	CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	struct sink_options options = { .kind = SINK_JOURNALD, .name = "one", .socket = f->socket };
	struct sink_fault fault;
	void *sink = NULL;
	size_t done = 0;
	for (size_t i = 0; i < 1000000; i++)
		buf_add_char(&big, 'x');
	const struct sink_line line = { .text = buf_sv(&big), .action = SV("exec") };
	assert_int_equal(sink_type_journald.open(&options, &wal_io_real, &sink, NULL), 0);
	assert_int_equal(sink_type_journald.send(sink, &line, 1, &done, &fault), 0);
	sink_type_journald.close(sink);
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char none;
	struct iovec part = { &none, 1 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	assert_int_equal(recvmsg(fd, &m, 0), 0);
	CLEANUP(fd_close) int file = -1;
	memcpy(&file, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(file));
	CLEANUP(buf_done) struct buf entry = { 0 };
	assert_int_equal(lseek(file, 0, SEEK_SET), 0);
	assert_int_equal(fd_read_all(file, 2 << 20, &entry), 0);
	assert_int_equal(field(&entry, "VEDETTE_RECORD").n, 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOG(the_journal_gets_message_and_record),
		WITH_LOG(a_journal_that_is_behind_is_waited_for),
		WITH_LOG(an_entry_too_large_for_the_socket_goes_as_a_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
