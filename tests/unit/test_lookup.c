/* SPDX-License-Identifier: Apache-2.0 */
/* A resolver that this process plays itself: no name of the test reaches a network. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/lookup.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/num.h"

static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };

/* Asks as long as the descriptor that the host's name is the number of has nothing to read. */
static int resolve_when_told(const char *host, const char *port, const struct addrinfo *given, struct addrinfo **ret)
{
	uint64_t fd = 0;
	char byte;
	if (num_parse_u64(sv_from(host), 1000000, &fd) || read((int)fd, &byte, 1) != 1)
		return EAI_FAIL;
	return getaddrinfo("127.0.0.1", port, given, ret);
}

static bool is_ready(const struct lookup *l, int timeout_ms)
{
	struct pollfd p = { .fd = lookup_fd(l), .events = POLLIN };
	return poll(&p, 1, timeout_ms) == 1;
}

struct gate {
	int fd[2];
	char name[16];
};

static void open_gate(struct gate *g)
{
	CLEANUP(buf_done) struct buf name = { 0 };
	assert_int_equal(pipe(g->fd), 0);
	buf_add_format(&name, "%d", g->fd[0]);
	memcpy(g->name, buf_cstr(&name), name.n + 1);
}

static void the_answer_comes_when_it_is_there(void **state)
{
	struct gate g;
	struct lookup *l = NULL;
	const struct addrinfo *list = NULL;
	(void)state;
	open_gate(&g);
	assert_int_equal(lookup_new(g.name, "514", &hints, resolve_when_told, &l), 0);
	assert_int_equal(lookup_answer(l, &list), -EAGAIN);
	assert_false(is_ready(l, 20));
	assert_int_equal(write(g.fd[1], "", 1), 1);
	assert_true(is_ready(l, 10000));
	assert_int_equal(lookup_answer(l, &list), 0);
	assert_non_null(list);
	assert_int_equal(list->ai_socktype, SOCK_STREAM);
	lookup_free(&l);
	assert_null(l);
	close(g.fd[0]);
	close(g.fd[1]);
}

static void a_name_without_an_answer_says_why(void **state)
{
	struct lookup *l = NULL;
	const struct addrinfo *list = NULL;
	(void)state;
	assert_int_equal(lookup_new("no number", "514", &hints, resolve_when_told, &l), 0);
	assert_true(is_ready(l, 10000));
	assert_int_equal(lookup_answer(l, &list), EAI_FAIL);
	lookup_free(&l);
}

/* Until this thread is the only one. */
static void wait_for_threads(void)
{
	uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + 10000000000;
	struct stat st = { .st_nlink = 0 };
	do {
		sched_yield();
		assert_int_equal(stat("/proc/self/task", &st), 0); /* a link for each, and two */
	} while (st.st_nlink > 3 && clock_ns(CLOCK_MONOTONIC) < until_ns);
	assert_int_equal(st.st_nlink, 3);
}

/* Nobody stays for an answer that does not come; the thread that asks frees what is left. */
static void who_leaves_is_not_held(void **state)
{
	struct gate g;
	(void)state;
	open_gate(&g);
	for (unsigned i = 0; i < 4; i++) {
		struct lookup *l = NULL;
		assert_int_equal(lookup_new(g.name, "514", &hints, resolve_when_told, &l), 0);
		assert_false(is_ready(l, 1));
		lookup_free(&l);
	}
	close(g.fd[1]); /* ends them: a thread that still reads would be a leak to some tools */
	wait_for_threads();
	close(g.fd[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_comes_when_it_is_there),
		cmocka_unit_test(a_name_without_an_answer_says_why),
		cmocka_unit_test(who_leaves_is_not_held),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
