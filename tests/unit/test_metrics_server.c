/* SPDX-License-Identifier: Apache-2.0 */
/* Serving metrics: clients are bounded in number and time, the document in age, and nothing waits. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/fd.h"
#include "engine/daemon/metrics_server.h"
#include "tests/support/tree.h"

#define GET "GET /metrics HTTP/1.1\r\n\r\n"
#define MS 1000000ull

struct fixture {
	struct tree tree;
	char *path, where[200];
	struct metrics_server *server;
	uint64_t now_ns;
	size_t body;  /* bytes of the document */
	unsigned made; /* documents */
};

static void make(const void *context, enum metrics_format format, struct buf *out)
{
	struct fixture *f = (struct fixture *)context; /* the test's own, not const there */
	f->made++;
	for (size_t i = 0; i < f->body; i++)
		buf_add_char(out, format == METRICS_OPENMETRICS ? 'o' : 'p');
}

static void fixture_make(struct fixture *f)
{
	*f = (struct fixture){ .now_ns = 1000 * MS, .body = 10 };
	tree_new(&f->tree);
	f->path = tree_path(&f->tree, "s");
	snprintf(f->where, sizeof(f->where), "unix:%s", f->path);
	assert_int_equal(metrics_server_open(f->where, &f->server, NULL), 0);
}

static void fixture_drop(struct fixture *f)
{
	metrics_server_close(&f->server);
	assert_int_equal(access(f->path, F_OK), -1); /* the socket goes with its server */
	free(f->path);
	tree_free(&f->tree);
}

static int connected(const struct fixture *f, const char *request)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(fd_write_all(fd, request, strlen(request)), 0);
	return fd;
}

static void step(struct fixture *f, uint64_t ms)
{
	f->now_ns += ms * MS;
	metrics_server_step(f->server, f->now_ns, make, f);
}

/* What can be read now; ends tells whether the server has closed. */
static size_t read_now(int fd, struct buf *into, bool *ret_ended)
{
	char part[65536];
	ssize_t n;
	size_t sum = 0;
	*ret_ended = false;
	while ((n = recv(fd, part, sizeof(part), 0)) > 0) {
		buf_add(into, part, (size_t)n);
		sum += (size_t)n;
	}
	*ret_ended = n == 0 || errno == ECONNRESET;
	return sum;
}

static bool answered(int fd, const char *begins)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	bool ended;
	read_now(fd, &text, &ended);
	return sv_starts(buf_sv(&text), sv_from(begins)) && (begins[0] || text.n == 0);
}

static void a_document_is_made_four_times_a_second_at_most(void **state)
{
	(void)state;
	struct fixture f;
	fixture_make(&f);
	for (int i = 0; i < 50; i++) {
		int fd = connected(&f, GET);
		step(&f, 10);
		if (!answered(fd, "HTTP/1.1 200 OK\r\n"))
			fail_msg("client %d", i);
		(void)close(fd); /* ours */
		step(&f, 0);
	}
	assert_true(f.made >= 2 && f.made <= 3); /* in half a second */
	assert_int_equal(metrics_server_answers(f.server, METRICS_OK), 50);
	int fd = connected(&f, "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text\r\n\r\n");
	step(&f, 1);
	assert_true(answered(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text"));
	(void)close(fd);
	fixture_drop(&f);
}

static void silent_clients_hold_their_places_for_a_while(void **state)
{
	(void)state;
	struct fixture f;
	int idle[METRICS_MAX_CLIENTS];
	fixture_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(idle); i++)
		idle[i] = connected(&f, i % 2 ? "GET /met" : "");
	step(&f, 1);
	int late = connected(&f, GET);
	for (int i = 0; i < 4; i++) {
		step(&f, 1000);
		assert_true(answered(late, ""));
	}
	step(&f, 1001); /* their time is up */
	step(&f, 1);
	assert_true(answered(late, "HTTP/1.1 200 OK\r\n"));
	for (size_t i = 0; i < ARRAY_SIZE(idle); i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		bool ended;
		assert_int_equal(read_now(idle[i], &text, &ended), 0);
		assert_true(ended);
		(void)close(idle[i]);
	}
	(void)close(late);
	fixture_drop(&f);
}

/* It reads nothing, of an answer that is larger than what the kernel holds for it. */
static void a_client_that_takes_nothing_is_sent_away(void **state)
{
	(void)state;
	struct fixture f;
	fixture_make(&f);
	f.body = METRICS_MAX_BYTES - 1;
	int fd = connected(&f, GET), other;
	step(&f, 1);
	other = connected(&f, GET);
	step(&f, 1);
	CLEANUP(buf_done) struct buf text = { .max = 8 << 20 };
	bool ended = false;
	for (int i = 0; i < 1000 && !ended && text.n < f.body; i++) { /* another one is served meanwhile */
		read_now(other, &text, &ended);
		step(&f, 1);
	}
	assert_true(text.n > f.body);
	step(&f, 6000);
	buf_reset(&text);
	size_t n = read_now(fd, &text, &ended);
	assert_true(ended && n > 0 && n < f.body);
	(void)close(fd);
	(void)close(other);
	fixture_drop(&f);
}

static void a_document_that_does_not_fit_is_an_error(void **state)
{
	(void)state;
	struct fixture f;
	fixture_make(&f);
	f.body = METRICS_MAX_BYTES + 1;
	int fd = connected(&f, GET);
	step(&f, 1);
	assert_true(answered(fd, "HTTP/1.1 503 "));
	(void)close(fd);
	for (int i = 0; i < 20; i++) { /* nor is it made for each who asks */
		fd = connected(&f, GET);
		step(&f, 10);
		assert_true(answered(fd, "HTTP/1.1 503 "));
		(void)close(fd);
		step(&f, 0);
	}
	assert_int_equal(f.made, 1);
	fixture_drop(&f);
}

/* One that has its answer, and has more to say: its place is another's before its time is up. */
static void a_client_that_goes_on_sending_is_sent_away(void **state)
{
	(void)state;
	static const char more[4096];
	struct fixture f;
	fixture_make(&f);
	int fd = connected(&f, GET);
	step(&f, 1);
	assert_true(answered(fd, "HTTP/1.1 200 OK\r\n"));
	size_t sent = 0;
	for (ssize_t n; (n = send(fd, more, sizeof(more), MSG_NOSIGNAL)) > 0; step(&f, 1)) {
		sent += (size_t)n;
		assert_true(sent <= METRICS_DROPPED_MAX + sizeof(more));
	}
	assert_true(errno == EPIPE || errno == ECONNRESET);
	assert_true(sent >= METRICS_DROPPED_MAX);
	(void)close(fd);
	fixture_drop(&f);
}

static void a_served_socket_is_not_taken_and_a_left_one_is(void **state)
{
	(void)state;
	struct fixture f;
	struct metrics_server *second = NULL;
	CLEANUP(diag_done) struct diag diag = { 0 };
	fixture_make(&f);
	assert_int_equal(metrics_server_open(f.where, &second, &diag), -EADDRINUSE);
	assert_non_null(strstr(diag.messages[0].text, "another daemon serves it"));
	int fd = connected(&f, GET);
	step(&f, 1);
	assert_true(answered(fd, "HTTP/1.1 200 "));
	(void)close(fd);
	char *left = tree_path(&f.tree, "left"), where[200];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", left);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd); /* nobody listens there any more */
	snprintf(where, sizeof(where), "unix:%s", left);
	assert_int_equal(metrics_server_open(where, &second, NULL), 0);
	metrics_server_close(&second);
	tree_file(&f.tree, "left", SV("mine"));
	assert_int_equal(metrics_server_open(where, &second, NULL), -EEXIST);
	free(left);
	fixture_drop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_is_made_four_times_a_second_at_most),
		cmocka_unit_test(silent_clients_hold_their_places_for_a_while),
		cmocka_unit_test(a_client_that_takes_nothing_is_sent_away),
		cmocka_unit_test(a_document_that_does_not_fit_is_an_error),
		cmocka_unit_test(a_client_that_goes_on_sending_is_sent_away),
		cmocka_unit_test(a_served_socket_is_not_taken_and_a_left_one_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
