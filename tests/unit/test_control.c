/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket: good clients, slow ones, hostile ones; all in one process, by a clock of the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/fd.h"
#include "engine/daemon/control.h"

struct fixture {
	char folder[32], path[48];
	struct control *control;
	uint64_t now_ns;
	control_client waiting; /* the last that asked for something slow */
	struct control_peer peer; /* of the last request */
	size_t line_bytes;        /* the same */
	size_t asked;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	snprintf(f->folder, sizeof(f->folder), "/tmp/test_ctl.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/sock", f->folder);
	assert_int_equal(control_open(f->path, &f->control, NULL), 0);
	f->now_ns = 1;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	control_close(&f->control);
	(void)unlink(f->path); /* a test may have left a file */
	assert_int_equal(rmdir(f->folder), 0);
	free(f);
	return 0;
}

static int client(const struct fixture *f)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	memcpy(a.sun_path, f->path, strlen(f->path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void on_command(void *context, const struct control_request *q)
{
	struct fixture *f = context;
	f->asked++;
	f->peer = q->peer;
	f->line_bytes = q->line.n;
	if (sv_is(q->command, "slow"))
		f->waiting = q->from;
	else if (sv_is(q->command, "much")) {
		CLEANUP(buf_done) struct buf out = { .max = CONTROL_MAX_ANSWER };
		buf_add_char(&out, '"');
		for (size_t i = 0; i < CONTROL_MAX_ANSWER / 2; i++)
			buf_add_char(&out, 'x');
		buf_add_char(&out, '"');
		control_answer(f->control, q->from, buf_sv(&out));
	} else
		control_answer(f->control, q->from, SV("{\"ok\":true}"));
}

static void step(struct fixture *f)
{
	for (int i = 0; i < 3; i++) /* take, read, answer */
		control_step(f->control, f->now_ns, on_command, f);
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* What came so far; ended: and then the end. */
static void expect(int fd, const char *text, bool ended)
{
	char got[1024] = "";
	ssize_t n = recv(fd, got, sizeof(got) - 1, 0);
	if (n != (ssize_t)strlen(text) || strcmp(got, text) != 0)
		fail_msg("got '%s' (%zd), not '%s'", got, n, text);
	if (ended)
		assert_int_equal(recv(fd, got, sizeof(got), 0), 0);
}

static bool is_ended(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, 0);
	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static void requests_are_answered_once(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *request, *answer;
	} cases[] = {
		{ "{\"command\":\"ping\"}\n", "{\"ok\":true}\n" },
		{ "{\"command\":\"ping\",\"more\":[1,{}]}\n", "{\"ok\":true}\n" },
		{ "{\"command\":\"ping\"}\n{\"command\":\"ping\"}\n", "{\"ok\":true}\n" },
		{ "{\"command\":7}\n", "{\"error\":\"no command: a request is a line as {\\\"command\\\":\\\"ping\\\"}\",\"ok\":false}\n" },
		{ "{}\n", "{\"error\":\"no command: a request is a line as {\\\"command\\\":\\\"ping\\\"}\",\"ok\":false}\n" },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(fd_close) int fd = client(f);
		say(fd, cases[i].request);
		step(f);
		expect(fd, cases[i].answer, false);
		assert_true(is_ended(fd));
	}
	assert_int_equal(f->asked, 3);
}

static void nonsense_is_refused(void **state)
{
	struct fixture *f = *state;
	static const char *const requests[] = { "\n", "reload\n", "[]\n", "{\"command\":\"ping\"\n", "\xff\xfe\n", "{\"command\":\"ping\"} x\n" };
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		CLEANUP(fd_close) int fd = client(f);
		char got[512] = "";
		say(fd, requests[i]);
		step(f);
		assert_true(recv(fd, got, sizeof(got) - 1, 0) > 0);
		assert_non_null(strstr(got, "\"ok\":false"));
		assert_true(is_ended(fd));
	}
	assert_int_equal(f->asked, 0);
}

/* So many bytes of x, as fast as they are taken. */
static void say_much(struct fixture *f, int fd, size_t n)
{
	static const char part[4096] = { [0 ... 4095] = 'x' };
	while (n) {
		ssize_t sent = send(fd, part, MIN(n, sizeof(part)), MSG_NOSIGNAL);
		assert_true(sent > 0);
		n -= (size_t)sent;
		step(f);
	}
}

static void a_request_may_be_large_and_not_larger(void **state)
{
	static const char begin[] = "{\"command\":\"ping\",\"text\":\"", end[] = "\"}\n";
	struct fixture *f = *state;
	for (size_t more = 0; more < 2; more++) {
		CLEANUP(fd_close) int fd = client(f);
		say(fd, begin);
		say_much(f, fd, CONTROL_MAX_REQUEST - strlen(begin) - strlen(end) + 1);
		if (more == 0) {
			say(fd, end);
			step(f);
			expect(fd, "{\"ok\":true}\n", true);
			assert_int_equal(f->line_bytes, CONTROL_MAX_REQUEST);
		} else {
			say(fd, "xxxxx");
			step(f);
			expect(fd, "{\"error\":\"the request is too long\",\"ok\":false}\n", false);
		}
	}
	assert_int_equal(f->asked, 1);
}

static void it_is_known_who_asks(void **state)
{
	struct fixture *f = *state;
	CLEANUP(fd_close) int fd = client(f);
	say(fd, "{\"command\":\"ping\"}\n");
	step(f);
	assert_int_equal(f->peer.uid, getuid());
	assert_int_equal(f->peer.pid, getpid());
}

static void a_request_may_come_in_pieces(void **state)
{
	struct fixture *f = *state;
	CLEANUP(fd_close) int fd = client(f);
	for (const char *p = "{\"command\":\"ping\"}\n"; *p; p++) {
		char one[] = { *p, '\0' };
		assert_int_equal(f->asked, 0);
		say(fd, one);
		step(f);
	}
	expect(fd, "{\"ok\":true}\n", true);
}

static void who_is_slow_is_left(void **state)
{
	struct fixture *f = *state;
	CLEANUP(fd_close) int silent = client(f);
	CLEANUP(fd_close) int half = client(f);
	CLEANUP(fd_close) int greedy = client(f);
	say(half, "{\"comm");
	say(greedy, "{\"command\":\"much\"}\n");
	step(f);
	f->now_ns += CONTROL_PATIENCE_NS - 1;
	step(f);
	CLEANUP(fd_close) int good = client(f);
	say(good, "{\"command\":\"ping\"}\n");
	step(f);
	expect(good, "{\"ok\":true}\n", true);
	char byte;
	assert_int_equal(recv(silent, &byte, 1, 0), -1);
	assert_int_equal(recv(half, &byte, 1, 0), -1);
	f->now_ns += CONTROL_PATIENCE_NS + 1;
	step(f);
	assert_true(is_ended(silent));
	assert_true(is_ended(half));
	/* the one that does not read gets what fitted the socket, and no more */
	size_t n = 0;
	char part[4096];
	for (ssize_t r; (r = recv(greedy, part, sizeof(part), 0)) > 0;)
		n += (size_t)r;
	assert_true(n < CONTROL_MAX_ANSWER / 2);
}

static void slots_are_few_and_come_free(void **state)
{
	struct fixture *f = *state;
	int fds[CONTROL_MAX_CLIENTS];
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = client(f);
	step(f);
	CLEANUP(fd_close) int late = client(f);
	say(late, "{\"command\":\"ping\"}\n");
	step(f);
	assert_int_equal(f->asked, 0);
	f->now_ns += CONTROL_PATIENCE_NS + 1;
	step(f);
	expect(late, "{\"ok\":true}\n", true);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fd_close(&fds[i]);
}

static void an_answer_may_take_its_time(void **state)
{
	struct fixture *f = *state;
	CLEANUP(fd_close) int fd = client(f);
	say(fd, "{\"command\":\"slow\"}\n");
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	step(f);
	f->now_ns += 100 * CONTROL_PATIENCE_NS;
	step(f);
	control_answer(f->control, f->waiting, SV("[1]"));
	control_answer(f->control, f->waiting, SV("[2]"));
	control_answer(f->control, f->waiting + 1, SV("[3]"));
	expect(fd, "[1]\n", true);
	/* one that has gone meanwhile frees its slot */
	int gone = client(f);
	say(gone, "{\"command\":\"slow\"}\n");
	step(f);
	fd_close(&gone);
	step(f);
	control_answer(f->control, f->waiting, SV("[4]"));
}

static void the_place_is_taken_with_care(void **state)
{
	struct fixture *f = *state;
	struct stat st;
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct control *other = NULL;
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(control_open(f->path, &other, &diag), -EADDRINUSE);
	assert_non_null(strstr(diag.messages[0].text, "another daemon serves it"));
	/* left over by one that was killed: nobody listens */
	control_close(&f->control);
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	memcpy(a.sun_path, f->path, strlen(f->path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	fd_close(&fd);
	assert_int_equal(control_open(f->path, &f->control, &diag), 0);
	control_close(&f->control);
	assert_int_not_equal(stat(f->path, &st), 0);
	/* something else stays as it is */
	fd = open(f->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	fd_close(&fd);
	assert_int_equal(control_open(f->path, &f->control, &diag), -EEXIST);
	assert_int_equal(stat(f->path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void count_notice(void *context, unsigned seconds_more)
{
	unsigned *told = context;
	told[0]++;
	told[1] = seconds_more;
}

/* A daemon that takes the question and hangs. */
static void who_asks_does_not_wait_for_ever(void **state)
{
	(void)state;
	char folder[] = "/tmp/test_control.XXXXXX";
	CLEANUP(buf_done) struct buf answer = { 0 };
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	assert_non_null(mkdtemp(folder));
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/s", folder);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(control_ask(address.sun_path, "reload", &(struct control_patience){ .seconds = 1 }, &answer, &diag), -EAGAIN);
	assert_non_null(strstr(diag.messages[0].text, "no answer within 1 second:"));
	unsigned told[2] = { 0 };
	const struct control_patience patience = { .seconds = 2, .notice_s = 1, .notice = count_notice, .context = told };
	assert_int_equal(control_ask(address.sun_path, "reload", &patience, &answer, &diag), -EAGAIN);
	assert_non_null(strstr(diag.messages[1].text, "no answer within 2 seconds:"));
	assert_int_equal(told[0], 1); /* once */
	assert_int_equal(told[1], 1); /* second to go */
	close(fd);
	unlink(address.sun_path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_asks_does_not_wait_for_ever),
		cmocka_unit_test_setup_teardown(requests_are_answered_once, setup, teardown),
		cmocka_unit_test_setup_teardown(nonsense_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_request_may_be_large_and_not_larger, setup, teardown),
		cmocka_unit_test_setup_teardown(it_is_known_who_asks, setup, teardown),
		cmocka_unit_test_setup_teardown(a_request_may_come_in_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(who_is_slow_is_left, setup, teardown),
		cmocka_unit_test_setup_teardown(slots_are_few_and_come_free, setup, teardown),
		cmocka_unit_test_setup_teardown(an_answer_may_take_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(the_place_is_taken_with_care, setup, teardown),
	};
	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
