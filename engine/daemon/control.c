/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/daemon/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "engine/base/fd.h"
#include "engine/base/json.h"
#include "engine/base/jsonread.h"
#include "engine/base/num.h"
#include "engine/daemon/unix_socket.h"

enum { READ_PARTS = 16 }; /* of a large request, between two looks at the rings */

enum client_state { CLIENT_FREE, CLIENT_ASKING, CLIENT_WAITING, CLIENT_ANSWERED };

struct client {
	enum client_state state;
	int fd;
	control_client number;
	uint64_t deadline_ns; /* of all states but CLIENT_WAITING; 0: not set yet */
	struct control_peer peer;
	struct buf request; /* owned */
	struct buf answer;  /* owned */
	size_t sent;
};

struct control {
	struct unix_socket socket;
	int poll_fd;
	control_client next;
	bool is_full;
	struct client clients[CONTROL_MAX_CLIENTS];
};

/* --- opening ----------------------------------------------------------------------------------------------------------------- */

static int watch_fd(const struct control *c, int fd, uint32_t events, int how)
{
	struct epoll_event e = { .events = events, .data.fd = fd };
	return epoll_ctl(c->poll_fd, how, fd, &e) ? -errno : 0;
}

int control_open(const char *path, struct control **ret, struct diag *diag)
{
	struct sockaddr_un address;
	CLEANUP(control_close) struct control *c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->socket.fd = -1;
	c->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++)
		c->clients[i].fd = -1;
	int err = unix_address(path, &address, diag);
	if (err)
		return err;
	err = c->poll_fd < 0 ? -errno : unix_socket_open(&address, 0600, CONTROL_MAX_CLIENTS, &c->socket);
	if (!err)
		err = watch_fd(c, c->socket.fd, EPOLLIN, EPOLL_CTL_ADD);
	if (err) {
		diag_error(diag, (struct place){ .file = path }, "the control socket cannot be made: %s", unix_socket_error(err));
		return err;
	}
	*ret = TAKE(c);
	return 0;
}

static void client_end(struct client *k)
{
	fd_close(&k->fd);
	buf_done(&k->request);
	buf_done(&k->answer);
	*k = (struct client){ .fd = -1 };
}

void control_close(struct control **control)
{
	struct control *c = *control;
	if (!c)
		return;
	for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++)
		client_end(&c->clients[i]);
	unix_socket_close(&c->socket);
	fd_close(&c->poll_fd);
	free(c);
	*control = NULL;
}

int control_poll_fd(const struct control *c)
{
	return c->poll_fd;
}

/* --- clients ----------------------------------------------------------------------------------------------------------------- */

/* For the record only: a client that ends at once may have had its number given to another. */
static uint32_t login_of(pid_t pid)
{
	char file[48];
	uint64_t uid;
	CLEANUP(buf_done) struct buf text = { 0 };
	(void)snprintf(file, sizeof(file), "/proc/%d/loginuid", pid);
	if (fd_read_file(file, 32, &text) || num_parse_u64(buf_sv(&text), UINT32_MAX, &uid))
		return UINT32_MAX;
	return (uint32_t)uid;
}

/* Only root and our own user are. */
static bool is_trusted(int fd, struct control_peer *ret)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) || (peer.uid != 0 && peer.uid != geteuid()))
		return false;
	*ret = (struct control_peer){ .uid = peer.uid, .pid = (uint32_t)peer.pid, .login_uid = login_of(peer.pid) };
	return true;
}

static struct client *free_client(struct control *c)
{
	for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++)
		if (c->clients[i].state == CLIENT_FREE)
			return &c->clients[i];
	return NULL;
}

/* Those that find no slot wait in the queue of the socket until one ends. */
static void take_clients(struct control *c, uint64_t now_ns)
{
	for (struct client *k; (k = free_client(c));) {
		CLEANUP(fd_close) int fd = accept4(c->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		struct control_peer peer;
		if (!is_trusted(fd, &peer) || watch_fd(c, fd, EPOLLIN, EPOLL_CTL_ADD))
			continue;
		k->state = CLIENT_ASKING;
		k->fd = TAKE_FD(fd);
		k->peer = peer;
		k->request.max = CONTROL_MAX_REQUEST;
		k->number = ++c->next;
		k->deadline_ns = now_ns + CONTROL_PATIENCE_NS;
	}
}

void control_answer_error(struct control *c, control_client to, const char *text)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	struct json j;
	json_init(&j, &out);
	json_object_begin(&j);
	json_key(&j, "error");
	json_str(&j, sv_from(text));
	json_key(&j, "ok");
	json_bool(&j, false);
	json_object_end(&j);
	control_answer(c, to, buf_sv(&out));
}

static void take_request(struct control *c, struct client *k, struct strview line, control_function *call, void *context)
{
	struct json_want want = { .path = "command" };
	const char *error;
	size_t at;
	k->state = CLIENT_WAITING;
	(void)watch_fd(c, k->fd, 0, EPOLL_CTL_MOD); /* only its end wakes us; if this fails, we wake too often */
	if (json_read_members(line, &want, 1, &error, &at))
		control_answer_error(c, k->number, error);
	else if (want.token != JSON_STRING)
		control_answer_error(c, k->number, "no command: a request is a line as {\"command\":\"ping\"}");
	else
		call(context, &(struct control_request){ .from = k->number, .command = want.raw, .line = line, .peer = k->peer });
}

/* True: there may be more. */
static bool read_request(struct control *c, struct client *k, control_function *call, void *context)
{
	char part[16384];
	ssize_t n = recv(k->fd, part, sizeof(part), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		client_end(k);
		return false;
	}
	const char *end = memchr(part, '\n', (size_t)n);
	buf_add(&k->request, part, end ? (size_t)(end - part) : (size_t)n);
	if (buf_error(&k->request)) {
		k->state = CLIENT_WAITING;
		control_answer_error(c, k->number, "the request is too long");
	} else if (end) {
		/* the answer may end the client, and what the request lies in with it; what is answered later keeps no request */
		CLEANUP(buf_done) struct buf request = k->request;
		k->request = (struct buf){ 0 };
		take_request(c, k, buf_sv(&request), call, context);
	}
	return k->state == CLIENT_ASKING;
}

static void send_answer(struct client *k)
{
	while (k->sent < k->answer.n) {
		ssize_t n = send(k->fd, k->answer.p + k->sent, k->answer.n - k->sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			break;
		k->sent += (size_t)n;
	}
	client_end(k);
}

void control_answer(struct control *c, control_client to, struct strview json)
{
	for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		struct client *k = &c->clients[i];
		if (k->state != CLIENT_WAITING || k->number != to)
			continue;
		k->answer.max = CONTROL_MAX_ANSWER;
		buf_add_sv(&k->answer, json);
		buf_add_char(&k->answer, '\n');
		k->state = CLIENT_ANSWERED;
		k->deadline_ns = 0;
		if (buf_error(&k->answer) || watch_fd(c, k->fd, EPOLLOUT, EPOLL_CTL_MOD))
			client_end(k);
		else
			send_answer(k);
	}
}

void control_refuse_all(struct control *c, const char *text)
{
	for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++)
		if (c->clients[i].state == CLIENT_WAITING)
			control_answer_error(c, c->clients[i].number, text);
}

/* One that only shut its sending half down, as `nc -N` does, still waits. */
static bool has_hung_up(const struct client *k)
{
	struct pollfd p = { .fd = k->fd };
	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
}

void control_step(struct control *c, uint64_t now_ns, control_function *call, void *context)
{
	for (size_t i = 0; i < CONTROL_MAX_CLIENTS; i++) {
		struct client *k = &c->clients[i];
		for (int part = 0; k->state == CLIENT_ASKING && part < READ_PARTS; part++)
			if (!read_request(c, k, call, context))
				break;
		if (k->state == CLIENT_ANSWERED)
			send_answer(k);
		else if (k->state == CLIENT_WAITING && has_hung_up(k))
			client_end(k);
		if ((k->state == CLIENT_ASKING || k->state == CLIENT_ANSWERED) && k->deadline_ns == 0)
			k->deadline_ns = now_ns + CONTROL_PATIENCE_NS;
		if ((k->state == CLIENT_ASKING || k->state == CLIENT_ANSWERED) && now_ns >= k->deadline_ns)
			client_end(k);
	}
	take_clients(c, now_ns);
	bool is_full = !free_client(c);
	if (is_full != c->is_full && watch_fd(c, c->socket.fd, is_full ? 0 : EPOLLIN, EPOLL_CTL_MOD) == 0)
		c->is_full = is_full; /* who waits in the socket's queue must not wake us meanwhile */
}

/* --- the other side ------------------------------------------------------------------------------------------------------------ */

struct asking {
	int fd;
	const struct control_patience *patience;
	bool is_told;
};

static int set_patience(int fd, unsigned seconds)
{
	const struct timeval t = { .tv_sec = seconds };
	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) ? -errno : 0;
}

/* After a call that failed: whether to try it again. The first time-out is told, the next one is the end. */
static bool goes_on(struct asking *a)
{
	const struct control_patience *p = a->patience;
	if (errno == EINTR)
		return true;
	if (errno != EAGAIN || a->is_told || !p->notice_s || set_patience(a->fd, p->seconds - p->notice_s))
		return false;
	a->is_told = true;
	p->notice(p->context, p->seconds - p->notice_s);
	return true;
}

static int send_request(struct asking *a, struct strview request)
{
	while (request.n) {
		ssize_t n = send(a->fd, request.p, request.n, MSG_NOSIGNAL);
		if (n < 0 && !goes_on(a))
			return -errno;
		request = sv_from_index(request, n < 0 ? 0 : (size_t)n);
	}
	return 0;
}

static int ask(struct asking *a, const struct sockaddr_un *address, struct strview request, struct buf *answer)
{
	const struct control_patience *p = a->patience;
	int err = a->fd < 0 ? -errno : set_patience(a->fd, p->notice_s ? p->notice_s : p->seconds);
	while (!err && connect(a->fd, (const struct sockaddr *)address, sizeof(*address)))
		err = goes_on(a) ? 0 : -errno;
	if (!err)
		err = send_request(a, request);
	while (!err) {
		char part[4096];
		ssize_t n = read(a->fd, part, sizeof(part));
		if (n < 0 && goes_on(a))
			continue;
		if (n < 0)
			err = -errno;
		if (n <= 0)
			break;
		buf_add(answer, part, (size_t)n);
		err = buf_error(answer);
	}
	return err ? err : answer->n && answer->p[answer->n - 1] == '\n' ? 0 : -ECONNRESET;
}

static void say_silent(const char *path, int err, struct diag *diag)
{
	diag_error(diag, (struct place){ .file = path }, "the daemon does not answer: %s%s", strerror(-err),
		   err == -ENOENT || err == -ECONNREFUSED ? " (does it run, with this control socket?)" : "");
}

int control_process(const char *path, int *ret, struct diag *diag)
{
	struct sockaddr_un address;
	struct ucred peer;
	socklen_t n = sizeof(peer);
	int err = unix_address(path, &address, diag);
	if (err)
		return err;
	CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n)) {
		err = -errno;
		say_silent(path, err, diag);
		return err;
	}
	*ret = (int)syscall(SYS_pidfd_open, peer.pid, 0);
	return 0;
}

int control_ask(const char *path, const char *command, const struct control_patience *patience, struct buf *answer, struct diag *diag)
{
	CLEANUP(buf_done) struct buf line = { 0 };
	buf_add_format(&line, "{\"command\":\"%s\"}", command);
	return buf_error(&line) ? -ENOMEM : control_ask_line(path, buf_sv(&line), patience, answer, diag);
}

int control_ask_line(const char *path, struct strview line, const struct control_patience *patience, struct buf *answer, struct diag *diag)
{
	struct sockaddr_un address;
	CLEANUP(buf_done) struct buf request = { 0 };
	int err = unix_address(path, &address, diag);
	if (err)
		return err;
	buf_add_sv(&request, line);
	buf_add_char(&request, '\n');
	if (buf_error(&request))
		return -ENOMEM;
	answer->max = CONTROL_MAX_ANSWER + 1;
	CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	err = ask(&(struct asking){ fd, patience, false }, &address, buf_sv(&request), answer);
	if (err == -EAGAIN)
		diag_error(diag, (struct place){ .file = path }, "no answer within %u second%s: the daemon hangs, or is still at work", patience->seconds,
			   patience->seconds == 1 ? "" : "s");
	else if (err)
		say_silent(path, err, diag);
	return err;
}
