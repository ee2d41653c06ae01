/* SPDX-License-Identifier: Apache-2.0 */
#include "benchmarks/http_desk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/buf.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/num.h"

struct http_desk {
	int socket;
	unsigned port;
	pthread_t thread;
	struct buf request;   /* the thread's */
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t found;
	const char *expected;
	uint64_t found_ns;    /* 0: not yet */
};

/* Bytes of a whole request at the beginning of text; 0: it is not whole yet. */
static size_t whole_request(struct strview text)
{
	static const char length[] = "\r\nContent-Length: ";
	const char *end = text.n ? memmem(text.p, text.n, "\r\n\r\n", 4) : NULL;
	size_t head = end ? (size_t)(end - text.p) + 4 : 0;
	const char *at = head ? memmem(text.p, head, length, sizeof(length) - 1) : NULL;
	uint64_t n;
	if (!at)
		return 0;
	at += sizeof(length) - 1;
	size_t digits = strspn(at, "0123456789"); /* the head ends with other bytes */
	if (num_parse_u64((struct strview){ at, digits }, UINT32_MAX, &n))
		return 0;
	return text.n >= head + n ? head + (size_t)n : 0;
}

static void look_into(struct http_desk *d, struct strview request, uint64_t read_ns)
{
	pthread_mutex_lock(&d->lock);
	if (d->expected && !d->found_ns && memmem(request.p, request.n, d->expected, strlen(d->expected))) {
		d->found_ns = read_ns;
		pthread_cond_signal(&d->found);
	}
	pthread_mutex_unlock(&d->lock);
}

/* Until the sender closes it, or a read fails. */
static void serve(struct http_desk *d, int fd)
{
	static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";
	char bytes[65536];
	buf_reset(&d->request);
	for (ssize_t got; (got = recv(fd, bytes, sizeof(bytes), 0)) > 0;) {
		buf_add(&d->request, bytes, (size_t)got);
		size_t n = whole_request(buf_sv(&d->request));
		if (!n)
			continue;
		look_into(d, buf_sv(&d->request), clock_ns(CLOCK_MONOTONIC));
		buf_reset(&d->request); /* the next one comes after the answer */
		if (fd_write_all(fd, answer, sizeof(answer) - 1))
			return;
	}
}

static void *serve_all(void *context)
{
	struct http_desk *d = context;
	for (int fd; (fd = accept4(d->socket, NULL, NULL, SOCK_CLOEXEC)) >= 0; close(fd))
		serve(d, fd);
	return NULL;
}

static int begin(struct http_desk *d)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(in);
	pthread_condattr_t steady;
	d->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (d->socket < 0 || bind(d->socket, (struct sockaddr *)&in, n) || getsockname(d->socket, (struct sockaddr *)&in, &n) || listen(d->socket, 5))
		return -errno;
	d->port = ntohs(in.sin_port);
	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&d->found, &steady);
	return -pthread_create(&d->thread, NULL, serve_all, d);
}

int http_desk_open(struct http_desk **ret)
{
	struct http_desk *d = calloc(1, sizeof(*d));
	int r = d ? begin(d) : -ENOMEM;
	if (r) {
		free(d); /* and the program ends */
		return r;
	}
	*ret = d;
	return 0;
}

void http_desk_close(struct http_desk **desk)
{
	struct http_desk *d = TAKE(*desk);
	if (!d)
		return;
	(void)shutdown(d->socket, SHUT_RDWR); /* accept returns; the sender has closed its connection */
	pthread_join(d->thread, NULL);
	fd_close(&d->socket);
	buf_done(&d->request);
	free(d);
}

unsigned http_desk_port(const struct http_desk *d)
{
	return d->port;
}

void http_desk_expect(struct http_desk *d, const char *text)
{
	pthread_mutex_lock(&d->lock);
	d->expected = text;
	d->found_ns = 0;
	pthread_mutex_unlock(&d->lock);
}

uint64_t http_desk_await(struct http_desk *d, uint64_t wait_ns)
{
	uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + wait_ns;
	const struct timespec until = { .tv_sec = (time_t)(until_ns / 1000000000), .tv_nsec = (long)(until_ns % 1000000000) };
	pthread_mutex_lock(&d->lock);
	while (!d->found_ns && clock_ns(CLOCK_MONOTONIC) < until_ns)
		pthread_cond_timedwait(&d->found, &d->lock, &until);
	uint64_t found_ns = d->found_ns;
	pthread_mutex_unlock(&d->lock);
	return found_ns;
}
