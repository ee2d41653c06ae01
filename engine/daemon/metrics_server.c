/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/metrics_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/config/listen.h"
#include "engine/daemon/http_request.h"
#include "engine/daemon/unix_socket.h"

struct client {
	int fd;               /* -1: free */
	uint64_t deadline_ns;
	struct buf request;   /* owned; empty once it is answered */
	struct buf answer;    /* owned */
	bool is_answered, is_shut;
	size_t sent, dropped; /* bytes: of the answer, and of what came behind the request */
};

/* The last document of a form. */
struct document {
	struct buf text;  /* owned; empty: it did not fit */
	bool is_made;
	uint64_t made_ns;
};

struct metrics_server {
	struct unix_socket socket; /* without inode: TCP */
	int poll_fd;
	bool is_tcp, is_full;
	struct client clients[METRICS_MAX_CLIENTS];
	struct document documents[2]; /* by enum metrics_format */
	uint64_t answers[METRICS_ANSWERS];
};

/* --- opening ----------------------------------------------------------------------------------------------------------------- */

static int open_tcp(const struct listen_address *a, struct unix_socket *ret)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(a->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	memcpy(&v4.sin_addr, a->v4, sizeof(v4.sin_addr));
	const struct sockaddr *address = a->is_v6 ? (const struct sockaddr *)&v6 : (const struct sockaddr *)&v4;
	socklen_t size = a->is_v6 ? sizeof(v6) : sizeof(v4);
	const int on = 1;
	CLEANUP(fd_close) int fd = socket(a->is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) || bind(fd, address, size) || listen(fd, METRICS_MAX_CLIENTS))
		return -errno;
	ret->fd = TAKE_FD(fd);
	return 0;
}

static int open_socket(struct metrics_server *s, const struct listen_address *a, struct diag *diag)
{
	struct sockaddr_un address;
	s->is_tcp = !a->path;
	if (s->is_tcp)
		return open_tcp(a, &s->socket);
	int err = unix_address(a->path, &address, diag);
	return err ? err : unix_socket_open(&address, 0660, METRICS_MAX_CLIENTS, &s->socket);
}

static int watch_fd(const struct metrics_server *s, int fd, uint32_t events, int how)
{
	struct epoll_event e = { .events = events, .data.fd = fd };
	return epoll_ctl(s->poll_fd, how, fd, &e) ? -errno : 0;
}

int metrics_server_open(const char *where, struct metrics_server **ret, struct diag *diag)
{
	struct listen_address a;
	const char *why;
	CLEANUP(metrics_server_close) struct metrics_server *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->socket.fd = -1;
	for (size_t i = 0; i < METRICS_MAX_CLIENTS; i++)
		s->clients[i].fd = -1;
	for (size_t i = 0; i < ARRAY_SIZE(s->documents); i++)
		s->documents[i].text.max = METRICS_MAX_BYTES;
	s->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	int err = listen_parse(where, &a, &why);
	if (err) {
		diag_error(diag, (struct place){ .file = where }, "metrics: %s", why);
		return err;
	}
	err = s->poll_fd < 0 ? -errno : open_socket(s, &a, diag);
	if (!err)
		err = watch_fd(s, s->socket.fd, EPOLLIN, EPOLL_CTL_ADD);
	if (err) {
		diag_error(diag, (struct place){ .file = where }, "metrics cannot be served there: %s", a.path ? unix_socket_error(err) : strerror(-err));
		return err;
	}
	*ret = TAKE(s);
	return 0;
}

static void client_end(struct client *k)
{
	fd_close(&k->fd);
	buf_done(&k->request);
	buf_done(&k->answer);
	*k = (struct client){ .fd = -1 };
}

void metrics_server_close(struct metrics_server **server)
{
	struct metrics_server *s = *server;
	if (!s)
		return;
	for (size_t i = 0; i < METRICS_MAX_CLIENTS; i++)
		client_end(&s->clients[i]);
	for (size_t i = 0; i < ARRAY_SIZE(s->documents); i++)
		buf_done(&s->documents[i].text);
	unix_socket_close(&s->socket);
	fd_close(&s->poll_fd);
	free(s);
	*server = NULL;
}

int metrics_server_poll_fd(const struct metrics_server *s)
{
	return s->poll_fd;
}

/* --- answers ----------------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *code, *text;
} answers[METRICS_ANSWERS] = {
	[METRICS_OK] = { "200", "OK" },
	[METRICS_BAD] = { "400", "Bad Request" },
	[METRICS_FORBIDDEN] = { "403", "Forbidden" },
	[METRICS_NOT_FOUND] = { "404", "Not Found" },
	[METRICS_NOT_ALLOWED] = { "405", "Method Not Allowed" },
	[METRICS_TOO_LONG] = { "431", "Request Header Fields Too Large" },
	[METRICS_VERSION] = { "505", "HTTP Version Not Supported" },
	[METRICS_FAILED] = { "503", "Service Unavailable" },
};

const char *metrics_answer_code(enum metrics_answer answer)
{
	return answers[answer].code;
}

uint64_t metrics_server_answers(const struct metrics_server *s, enum metrics_answer answer)
{
	return s ? s->answers[answer] : 0;
}

/* What the request deserves. */
static enum metrics_answer judge(const struct metrics_server *s, int err, const struct http_request *r)
{
	if (err)
		return err == -E2BIG ? METRICS_TOO_LONG : err == -EPROTONOSUPPORT ? METRICS_VERSION : METRICS_BAD;
	if (s->is_tcp && !http_host_is_literal(r->host))
		return METRICS_FORBIDDEN; /* a web page that had its own name point here would ask so */
	if (!sv_is(r->path, "/metrics"))
		return METRICS_NOT_FOUND;
	return sv_is(r->method, "GET") ? METRICS_OK : METRICS_NOT_ALLOWED;
}

struct making {
	uint64_t now_ns;
	metrics_function *make;
	const void *context;
};

/* Fresh enough; NULL: it does not fit memory. */
static const struct buf *document(struct metrics_server *s, enum metrics_format format, const struct making *m)
{
	struct document *d = &s->documents[format];
	if (!d->is_made || m->now_ns - d->made_ns >= METRICS_FRESH_NS) {
		buf_reset(&d->text);
		m->make(m->context, format, &d->text);
		if (buf_error(&d->text))
			buf_reset(&d->text);
		d->is_made = true;
		d->made_ns = m->now_ns;
	}
	return d->text.n ? &d->text : NULL;
}

static void answer(struct metrics_server *s, struct client *k, enum metrics_answer what, const struct buf *body, enum metrics_format format)
{
	struct strview text = body ? buf_sv(body) : sv_from(answers[what].text);
	s->answers[what]++;
	buf_done(&k->request);
	k->is_answered = true;
	k->answer.max = METRICS_MAX_BYTES + 1024;
	buf_add_format(&k->answer, "HTTP/1.1 %s %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n%sConnection: close\r\n\r\n",
		       answers[what].code, answers[what].text, body ? metrics_content_type(format) : "text/plain; charset=utf-8", text.n,
		       what == METRICS_NOT_ALLOWED ? "Allow: GET\r\n" : "");
	buf_add_sv(&k->answer, text);
	if (buf_error(&k->answer) || watch_fd(s, k->fd, EPOLLOUT, EPOLL_CTL_MOD))
		client_end(k);
}

/* --- clients ----------------------------------------------------------------------------------------------------------------- */

static void take_request(struct metrics_server *s, struct client *k, const struct making *m)
{
	struct http_request r = { 0 };
	int err = http_request_parse(buf_sv(&k->request), &r);
	if (err == -EAGAIN)
		return;
	enum metrics_answer what = judge(s, err, &r);
	enum metrics_format format = r.wants_openmetrics ? METRICS_OPENMETRICS : METRICS_PROMETHEUS;
	const struct buf *body = what == METRICS_OK ? document(s, format, m) : NULL;
	answer(s, k, what == METRICS_OK && !body ? METRICS_FAILED : what, body, format);
}

static void read_request(struct metrics_server *s, struct client *k, const struct making *m)
{
	char part[2048];
	while (k->fd >= 0 && !k->is_answered) {
		ssize_t n = recv(k->fd, part, sizeof(part), 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			client_end(k);
			return;
		}
		buf_add(&k->request, part, (size_t)n); /* bounded: what is too long is answered at once */
		if (buf_error(&k->request))
			client_end(k);
		else
			take_request(s, k, m);
	}
}

/*
 * The answer is taken: what the client still sends is read and dropped, or closing would take back what it has not read yet. Some, for one that goes on
 * sending would have us read for as long as its time lasts.
 */
static void linger(struct metrics_server *s, struct client *k)
{
	char part[2048];
	if (!k->is_shut && (shutdown(k->fd, SHUT_WR) || watch_fd(s, k->fd, EPOLLIN, EPOLL_CTL_MOD))) {
		client_end(k);
		return;
	}
	k->is_shut = true;
	while (k->dropped < METRICS_DROPPED_MAX) {
		ssize_t n = recv(k->fd, part, sizeof(part), 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0)
			break;
		k->dropped += (size_t)n;
	}
	client_end(k);
}

static void send_answer(struct metrics_server *s, struct client *k)
{
	while (k->sent < k->answer.n) {
		ssize_t n = send(k->fd, k->answer.p + k->sent, k->answer.n - k->sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			client_end(k);
			return;
		}
		k->sent += (size_t)n;
	}
	linger(s, k);
}

static struct client *free_client(struct metrics_server *s)
{
	for (size_t i = 0; i < METRICS_MAX_CLIENTS; i++)
		if (s->clients[i].fd < 0)
			return &s->clients[i];
	return NULL;
}

/* Those that find no place wait in the queue of the socket until one ends. */
static void take_clients(struct metrics_server *s, const struct making *m)
{
	for (int taken = 0; taken < METRICS_MAX_CLIENTS; taken++) { /* and no more at once, however fast they come and go */
		struct client *k = free_client(s);
		if (!k)
			return;
		CLEANUP(fd_close) int fd = accept4(s->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		if (watch_fd(s, fd, EPOLLIN, EPOLL_CTL_ADD))
			continue;
		k->fd = TAKE_FD(fd);
		k->deadline_ns = m->now_ns + METRICS_PATIENCE_NS;
		k->request.max = HTTP_HEAD_MAX + 4096;
		read_request(s, k, m);
		if (k->is_answered)
			send_answer(s, k);
	}
}

void metrics_server_step(struct metrics_server *s, uint64_t now_ns, metrics_function *make, const void *context)
{
	const struct making m = { now_ns, make, context };
	for (size_t i = 0; i < METRICS_MAX_CLIENTS; i++) {
		struct client *k = &s->clients[i];
		if (k->fd >= 0 && !k->is_answered)
			read_request(s, k, &m);
		if (k->fd >= 0 && k->is_answered)
			send_answer(s, k);
		if (k->fd >= 0 && now_ns >= k->deadline_ns)
			client_end(k);
	}
	take_clients(s, &m);
	bool is_full = !free_client(s);
	if (is_full != s->is_full && watch_fd(s, s->socket.fd, is_full ? 0 : EPOLLIN, EPOLL_CTL_MOD) == 0)
		s->is_full = is_full; /* who waits in the socket's queue must not wake us meanwhile */
}
