/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/link.h"
#include "engine/base/attr.h"
#include "engine/base/clock.h"

static void write_encrypted_key(const char *path)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	FILE *file = fopen(path, "w");
	assert_non_null(key);
	assert_non_null(file);
	assert_int_equal(PEM_write_PKCS8PrivateKey(file, key, EVP_aes_256_cbc(), "secret", 6, NULL, NULL), 1);
	assert_int_equal(fclose(file), 0);
	EVP_PKEY_free(key);
}

/* What a start without a terminal says of the key, with a pass phrase waiting on its standard input. */
static int try_key(const char *path)
{
	CLEANUP(diag_done) struct diag diag = { 0 };
	struct link *l = NULL;
	const struct link_config config = { .address = "tls:h:1", .tls_ca = "", .tls_cert = "", .tls_key = path, .tls_name = "", .timeout_ns = 1 };
	int ends[2];
	(void)setsid();
	if (pipe(ends) || write(ends[1], "secret\n", 7) != 7 || dup2(ends[0], STDIN_FILENO) < 0)
		return 2;
	(void)alarm(20);
	if (link_new(&config, &l, &diag) == 0 || diag.n != 1)
		return 3;
	return strstr(diag.messages[0].text, "which it does not fit") ? 4 : 0; /* 4: it was read, with what stood there */
}

static void ports_are_refused_that_are_none(void **state)
{
	(void)state;
	static const struct {
		const char *address;
		bool is_good;
	} cases[] = {
		{ "tcp:127.0.0.1:1", true }, { "udp:h:65535", true }, { "tcp:[::1]:514", true }, { "tcp:h:65536", false }, { "tcp:127.0.0.1:70000", false },
		{ "udp:h:0", false }, { "tcp:h:", false }, { "tcp:h:0514", false }, { "tcp:h:0x50", false }, { "tcp:h:-1", false }, { "tcp:h", false },
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(diag_done) struct diag diag = { 0 };
		struct link *l = NULL;
		const struct link_config config = { .address = cases[i].address, .tls_ca = "", .tls_cert = "", .tls_key = "", .tls_name = "", .timeout_ns = 1 };
		if ((link_new(&config, &l, &diag) == 0) != cases[i].is_good || (diag.n == 0) != cases[i].is_good)
			fail_msg("%s", cases[i].address);
		if (l)
			link_free(&l);
	}
}

static void an_encrypted_key_is_refused_and_nobody_is_asked(void **state)
{
	char path[] = "/tmp/vedette-link-XXXXXX";
	int fd = mkstemp(path), status = -1;
	(void)state;
	assert_true(fd >= 0);
	close(fd);
	write_encrypted_key(path);
	pid_t child = fork();
	if (child == 0)
		_exit(try_key(path));
	assert_int_equal(waitpid(child, &status, 0), child);
	(void)unlink(path);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* --- receivers that would keep a call for ever ------------------------------------------------------------------------------------------- */

static void talk_on(int fd)
{
	static const char bytes[65536] = { 0 };
	while (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0)
		;
}

static void take_little(int fd)
{
	const struct timespec nap = { .tv_nsec = 10000000 };
	static char bytes[65536]; /* fast enough for the socket to take more before each time-out */
	while (recv(fd, bytes, sizeof(bytes), 0) > 0)
		nanosleep(&nap, NULL);
}

static pid_t start_receiver(void (*receive)(int fd), char *address, size_t size)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	assert_int_equal(listen(fd, 5), 0);
	(void)snprintf(address, size, "tcp:127.0.0.1:%u", ntohs(in.sin_port));
	pid_t child = fork();
	if (child == 0) {
		(void)alarm(30);
		receive(accept4(fd, NULL, NULL, SOCK_CLOEXEC));
		_exit(0);
	}
	close(fd);
	return child;
}

/* Calls until one fails, or two seconds have gone; the longest that one took. It has to come to a call. */
static uint64_t longest_call_ns(struct link *l)
{
	static const char bytes[64 << 20] = { 0 };
	char error[LINK_ERROR_TEXT];
	uint64_t longest_ns = 0, began_ns = clock_ns(CLOCK_MONOTONIC), now_ns = began_ns;
	int r = link_connect(l, error);
	if (r)
		fail_msg("no connection: %s", error);
	while (!r && now_ns - began_ns < 2000000000) {
		r = link_send(l, (struct strview){ bytes, sizeof(bytes) }, error);
		uint64_t after_ns = clock_ns(CLOCK_MONOTONIC);
		longest_ns = MAX(longest_ns, after_ns - now_ns);
		now_ns = after_ns;
	}
	return longest_ns;
}

static void no_receiver_keeps_a_call_for_longer_than_the_time_out(void **state)
{
	static const struct { const char *what; void (*receive)(int fd); } cases[] = {
		{ "it goes on talking", talk_on },
		{ "it takes a little, again and again", take_little },
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		CLEANUP(link_free) struct link *l = NULL;
		char address[64];
		pid_t child = start_receiver(cases[i].receive, address, sizeof(address));
		const struct link_config config = { .address = address, .tls_ca = "", .tls_cert = "", .tls_key = "", .tls_name = "", .timeout_ns = 1000000000 };
		assert_int_equal(link_new(&config, &l, NULL), 0);
		uint64_t took_ns = longest_call_ns(l);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
		if (took_ns < 500000000)
			fail_msg("%s: no call had to wait: %llu ms", cases[i].what, (unsigned long long)took_ns / 1000000);
		if (took_ns > 2500000000)
			fail_msg("%s: a call with a time-out of a second took %llu ms", cases[i].what, (unsigned long long)took_ns / 1000000);
	}
}

/* --- names with several addresses --------------------------------------------------------------------------------------------------------- */

static int listen_with(int backlog, char port[static 8])
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
	assert_int_equal(listen(fd, backlog), 0);
	(void)snprintf(port, 8, "%u", ntohs(in.sin_port));
	return fd;
}

/* The queue of a listener that accepts nobody: once it is full, who connects hears nothing. */
static void fill(const char *port, int fd[static 4])
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };
	for (size_t i = 0; i < 4; i++) {
		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_true(connect(fd[i], (struct sockaddr *)&in, sizeof(in)) == 0 || errno == EINPROGRESS);
	}
}

/* The host is the port of the address that comes first. */
static int resolve_two(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **ret)
{
	struct addrinfo *first = NULL, *second = NULL;
	int g = getaddrinfo("127.0.0.1", host, hints, &first);
	if (!g)
		g = getaddrinfo("127.0.0.1", port, hints, &second);
	if (g)
		return g;
	first->ai_next = second;
	*ret = first;
	return 0;
}

static void an_address_that_says_nothing_leaves_time_for_the_next(void **state)
{
	char silent[8], good[8], address[64], error[LINK_ERROR_TEXT] = "";
	int waiting[4], silent_fd = listen_with(0, silent), good_fd = listen_with(5, good);
	CLEANUP(link_free) struct link *alone = NULL;
	CLEANUP(link_free) struct link *l = NULL;
	(void)state;
	fill(silent, waiting);
	(void)snprintf(address, sizeof(address), "tcp:127.0.0.1:%s", silent);
	struct link_config config = { .address = address, .tls_ca = "", .tls_cert = "", .tls_key = "", .tls_name = "", .timeout_ns = 300000000 };
	assert_int_equal(link_new(&config, &alone, NULL), 0);
	assert_int_equal(link_connect(alone, error), -ETIMEDOUT); /* it does say nothing */
	(void)snprintf(address, sizeof(address), "tcp:%s:%s", silent, good);
	config.timeout_ns = 2000000000;
	config.resolve = resolve_two;
	assert_int_equal(link_new(&config, &l, NULL), 0);
	if (link_connect(l, error))
		fail_msg("the second address was not reached: %s", error);
	for (size_t i = 0; i < ARRAY_SIZE(waiting); i++)
		close(waiting[i]);
	close(silent_fd);
	close(good_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_refused_that_are_none),
		cmocka_unit_test(an_encrypted_key_is_refused_and_nobody_is_asked),
		cmocka_unit_test(no_receiver_keeps_a_call_for_longer_than_the_time_out),
		cmocka_unit_test(an_address_that_says_nothing_leaves_time_for_the_next),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
