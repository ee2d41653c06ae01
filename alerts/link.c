/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of sinks: sockets that never block for longer than they may, and TLS by OpenSSL on top of them. */
#include "alerts/link.h"

#include <errno.h>
#include <linux/sockios.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "alerts/tls_context.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/num.h"

enum {
	HOST_MAX = 254,
	PORT_MAX = 6,
	ADDRESSES_MAX = 16, /* of one name that are tried: each gets its share of the time-out */
	HEAR_READS = 64, /* a receiver that goes on talking is heard again at the next call */
};

#define SETTLE_POLL_NS 5000000u

struct link {
	enum link_kind kind;
	char host[HOST_MAX + 1], port[PORT_MAX]; /* host: the path of a unix socket */
	char name[HOST_MAX + 1];                 /* that a certificate must have */
	uint64_t timeout_ns;
	int fd;                                  /* -1: not connected */
	bool is_stream;
	SSL_CTX *context;                        /* owned; TLS only */
	SSL *ssl;                                /* owned; while connected */
	lookup_resolve *resolve;
	struct lookup *lookup;                   /* owned; of the host, while there is no answer */
	atomic_bool is_cancelled;
	int cancel_fd;                           /* readable from then on */
};

static void say(char error[static LINK_ERROR_TEXT], const char *format, ...) PRINTF_LIKE(2, 3);
static void say(char error[static LINK_ERROR_TEXT], const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)vsnprintf(error, LINK_ERROR_TEXT, format, args); /* cut where it is long */
	va_end(args);
}

/* --- addresses and files --------------------------------------------------------------------------------------------------------------- */

static bool copy_whole(char *into, size_t size, struct strview text)
{
	if (text.n == 0 || text.n >= size)
		return false;
	memcpy(into, text.p, text.n);
	into[text.n] = '\0';
	return true;
}

/* HOST:PORT or [V6]:PORT. */
static bool parse_host(struct link *l, struct strview text)
{
	const char *colon = text.n ? memrchr(text.p, ':', text.n) : NULL;
	if (!colon)
		return false;
	struct strview host = { text.p, (size_t)(colon - text.p) }, port = sv_from_index(text, host.n + 1);
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = (struct strview){ host.p + 1, host.n - 2 };
	else if (memchr(host.p, ':', host.n))
		return false;
	uint64_t number = 0; /* the resolver takes the lower 16 bits of anything */
	bool is_port = port.n && port.p[0] != '0' && num_parse_u64(port, UINT16_MAX, &number) == 0;
	return is_port && copy_whole(l->host, sizeof(l->host), host) && copy_whole(l->port, sizeof(l->port), port);
}

static int parse_address(struct link *l, const char *address, struct diag *diag)
{
	static const struct { const char *prefix; enum link_kind kind; } kinds[] = {
		{ "unix:", LINK_UNIX }, { "udp:", LINK_UDP }, { "tcp:", LINK_TCP }, { "tls:", LINK_TLS },
	};
	struct strview text = sv_from(address);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!sv_starts(text, sv_from(kinds[i].prefix)))
			continue;
		struct strview rest = sv_from_index(text, strlen(kinds[i].prefix));
		l->kind = kinds[i].kind;
		bool is_good = l->kind == LINK_UNIX ? copy_whole(l->host, sizeof(((struct sockaddr_un *)NULL)->sun_path), rest) : parse_host(l, rest);
		if (is_good)
			return 0;
	}
	char quoted[160];
	diag_error(diag, (struct place){ 0 }, "%s is no address as unix:PATH, udp:HOST:PORT, tcp:HOST:PORT or tls:HOST:PORT with a port from 1 to 65535", diag_quote(text, quoted, sizeof(quoted)));
	return -EINVAL;
}

int link_new(const struct link_config *config, struct link **ret, struct diag *diag)
{
	struct link *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->fd = -1;
	l->timeout_ns = config->timeout_ns;
	l->resolve = config->resolve ? config->resolve : getaddrinfo;
	l->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int r = l->cancel_fd < 0 ? -errno : parse_address(l, config->address, diag);
	if (!r && !copy_whole(l->name, sizeof(l->name), sv_from(config->tls_name[0] ? config->tls_name : l->host)))
		r = -EINVAL;
	if (!r && l->kind == LINK_TLS)
		r = tls_context_new(&(struct tls_files){ config->tls_ca, config->tls_cert, config->tls_key }, &l->context, diag);
	if (r) {
		link_free(&l);
		return r;
	}
	*ret = l;
	return 0;
}

void link_free(struct link **l)
{
	if (!*l)
		return;
	link_disconnect(*l);
	lookup_free(&(*l)->lookup);
	fd_close(&(*l)->cancel_fd);
	SSL_CTX_free((*l)->context);
	free(*l);
	*l = NULL;
}

enum link_kind link_kind(const struct link *l)
{
	return l->kind;
}

bool link_is_stream(const struct link *l)
{
	return l->is_stream;
}

void link_disconnect(struct link *l)
{
	SSL_free(l->ssl); /* without a farewell, which could block: the receiver sees the end of the connection */
	l->ssl = NULL;
	fd_close(&l->fd);
}

/* --- waiting ------------------------------------------------------------------------------------------------------------------------------ */

void link_cancel(struct link *l)
{
	const uint64_t one = 1;
	atomic_store(&l->is_cancelled, true);
	if (write(l->cancel_fd, &one, sizeof(one)) < 0) {
		/* cannot be: nobody takes from the counter, and it is far from full */
	}
}

/* Until fd is ready; without one (-1) for the time alone. */
static int wait_for_fd(const struct link *l, int fd, short events, uint64_t until_ns)
{
	for (;;) {
		uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
		if (atomic_load(&l->is_cancelled))
			return -ECANCELED;
		if (now_ns >= until_ns)
			return -ETIMEDOUT;
		struct pollfd p[] = { { .fd = fd, .events = events }, { .fd = l->cancel_fd, .events = POLLIN } };
		int n = poll(p, ARRAY_SIZE(p), (int)MIN((until_ns - now_ns) / 1000000 + 1, (uint64_t)60000));
		if (n > 0 && p[0].revents)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
	}
}

static int wait_for(const struct link *l, short events, uint64_t until_ns)
{
	return wait_for_fd(l, l->fd, events, until_ns);
}

static uint64_t deadline(const struct link *l)
{
	return clock_ns(CLOCK_MONOTONIC) + l->timeout_ns;
}

/* After an SSL call: 0: try again (it was waited), else -errno with the text. */
static int tls_wait(struct link *l, int result, uint64_t until_ns, char error[static LINK_ERROR_TEXT])
{
	int why = SSL_get_error(l->ssl, result), saved = errno;
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) {
		int r = wait_for(l, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, until_ns);
		if (r)
			say(error, "TLS: %s", strerror(-r));
		return r;
	}
	long verified = SSL_get_verify_result(l->ssl);
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	if (verified != X509_V_OK)
		say(error, "the certificate of %s is not good: %s", l->name, X509_verify_cert_error_string(verified));
	else if (why == SSL_ERROR_SSL)
		say(error, "TLS: %s", reason ? reason : "unknown error");
	else
		say(error, "TLS: %s", why == SSL_ERROR_SYSCALL && saved ? strerror(saved) : "the receiver closed the connection");
	ERR_clear_error();
	return verified != X509_V_OK ? -EACCES : -EPROTO;
}

/* --- connecting --------------------------------------------------------------------------------------------------------------------------- */

static int finish_connect(struct link *l, int r, uint64_t until_ns)
{
	int error = 0;
	socklen_t size = sizeof(error);
	if (r == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -errno;
	r = wait_for(l, POLLOUT, until_ns);
	if (!r && getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &size))
		r = -errno;
	return r ? r : -error;
}

static int connect_unix(struct link *l, uint64_t until_ns)
{
	static const int types[] = { SOCK_DGRAM, SOCK_STREAM };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int r = -EPROTOTYPE;
	memcpy(address.sun_path, l->host, strlen(l->host));
	for (size_t i = 0; i < ARRAY_SIZE(types) && r == -EPROTOTYPE; i++) {
		fd_close(&l->fd);
		l->fd = socket(AF_UNIX, types[i] | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		l->is_stream = types[i] == SOCK_STREAM;
		r = l->fd < 0 ? -errno : finish_connect(l, connect(l->fd, (struct sockaddr *)&address, sizeof(address)), until_ns);
	}
	return r;
}

static void set_options(const struct link *l)
{
	const int on = 1, idle = 30;
	const unsigned silent_ms = (unsigned)(l->timeout_ns / 1000000);
	(void)setsockopt(l->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)); /* each of these only finds a dead peer sooner */
	(void)setsockopt(l->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(l->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms, sizeof(silent_ms));
}

/* The name is looked up beside, and an answer that takes too long is waited for again at the next call. */
static int resolve(struct link *l, uint64_t until_ns, const struct addrinfo **ret, char error[static LINK_ERROR_TEXT])
{
	const struct addrinfo hints = { .ai_socktype = l->kind == LINK_UDP ? SOCK_DGRAM : SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV };
	int r = l->lookup ? 0 : lookup_new(l->host, l->port, &hints, l->resolve, &l->lookup);
	if (!r)
		r = wait_for_fd(l, lookup_fd(l->lookup), POLLIN, until_ns);
	if (r) {
		say(error, "%s: %s", l->host, r == -ETIMEDOUT ? "its address cannot be looked up in time" : strerror(-r));
		return r;
	}
	int g = lookup_answer(l->lookup, ret);
	if (!g)
		return 0;
	say(error, "%s: %s", l->host, gai_strerror(g));
	lookup_free(&l->lookup);
	return -EHOSTUNREACH;
}

/* One address that says nothing leaves time for those behind it: what is left, by how many are left. */
static int connect_to_any(struct link *l, const struct addrinfo *list, uint64_t until_ns)
{
	unsigned left = 0;
	int r = -EHOSTUNREACH;
	for (const struct addrinfo *a = list; a && left < ADDRESSES_MAX; a = a->ai_next)
		left++;
	for (const struct addrinfo *a = list; left && r && r != -ECANCELED; a = a->ai_next, left--) {
		uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), share_ns = until_ns > now_ns ? (until_ns - now_ns) / left : 0;
		fd_close(&l->fd);
		l->fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
		r = l->fd < 0 ? -errno : finish_connect(l, connect(l->fd, a->ai_addr, a->ai_addrlen), now_ns + share_ns);
	}
	return r;
}

static int connect_inet(struct link *l, uint64_t until_ns, char error[static LINK_ERROR_TEXT])
{
	const struct addrinfo *list = NULL;
	int r = resolve(l, until_ns, &list, error);
	if (r)
		return r;
	r = connect_to_any(l, list, until_ns);
	lookup_free(&l->lookup); /* the next connection asks anew: names move */
	l->is_stream = l->kind != LINK_UDP;
	if (!r && l->is_stream)
		set_options(l);
	if (r)
		say(error, "%s:%s: %s", l->host, l->port, strerror(-r));
	return r;
}

static int start_tls(struct link *l, uint64_t until_ns, char error[static LINK_ERROR_TEXT])
{
	unsigned char address[16];
	ERR_clear_error();
	l->ssl = SSL_new(l->context);
	if (!l->ssl || SSL_set_fd(l->ssl, l->fd) != 1)
		return -ENOMEM;
	bool is_address = inet_pton(AF_INET, l->name, address) == 1 || inet_pton(AF_INET6, l->name, address) == 1;
	int named = is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(l->ssl), l->name) :
				 SSL_set1_host(l->ssl, l->name) && SSL_set_tlsext_host_name(l->ssl, l->name);
	if (named != 1)
		return -ENOMEM;
	for (;;) {
		int n = SSL_connect(l->ssl);
		int r = n == 1 ? 0 : tls_wait(l, n, until_ns, error);
		if (n == 1 || r)
			return r;
	}
}

int link_connect(struct link *l, char error[static LINK_ERROR_TEXT])
{
	if (l->fd >= 0)
		return 0;
	uint64_t until_ns = deadline(l); /* for all addresses and TLS together */
	int r = l->kind == LINK_UNIX ? connect_unix(l, until_ns) : connect_inet(l, until_ns, error);
	if (r && l->kind == LINK_UNIX)
		say(error, "%s: %s", l->host, strerror(-r));
	if (!r && l->kind == LINK_TLS)
		r = start_tls(l, until_ns, error);
	if (r)
		link_disconnect(l);
	return r;
}

/* --- bytes ----------------------------------------------------------------------------------------------------------------------------------- */

/* Reads and forgets what the peer says; -EPIPE when it is gone. */
static int hear(struct link *l, char error[static LINK_ERROR_TEXT])
{
	char bytes[1024];
	if (!l->is_stream)
		return 0;
	for (unsigned i = 0; i < HEAR_READS; i++) {
		if (l->ssl) {
			ERR_clear_error();
			int n = SSL_read(l->ssl, bytes, sizeof(bytes));
			int why = n > 0 ? SSL_ERROR_NONE : SSL_get_error(l->ssl, n);
			if (n > 0)
				continue;
			return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : tls_wait(l, n, 0, error);
		}
		ssize_t n = recv(l->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n > 0 || (n < 0 && errno == EINTR))
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		say(error, "%s", n < 0 ? strerror(errno) : "the receiver closed the connection");
		return -EPIPE;
	}
	return 0;
}

static int send_some(struct link *l, struct strview bytes, uint64_t until_ns, size_t *ret_sent, char error[static LINK_ERROR_TEXT])
{
	if (l->ssl) {
		ERR_clear_error();
		int n = SSL_write(l->ssl, bytes.p, (int)MIN(bytes.n, (size_t)16384));
		*ret_sent = n > 0 ? (size_t)n : 0;
		return n > 0 ? 0 : tls_wait(l, n, until_ns, error);
	}
	ssize_t n = send(l->fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	int r = n < 0 ? -errno : 0;
	*ret_sent = n > 0 ? (size_t)n : 0;
	if (r == -EAGAIN || r == -EINTR)
		r = wait_for(l, POLLOUT, until_ns);
	if (r)
		say(error, "%s", r == -ETIMEDOUT ? "the receiver takes nothing" : strerror(-r));
	return r;
}

int link_send(struct link *l, struct strview bytes, char error[static LINK_ERROR_TEXT])
{
	uint64_t until_ns = deadline(l);
	int r = hear(l, error);
	while (!r && bytes.n) {
		size_t sent = 0;
		r = send_some(l, bytes, until_ns, &sent, error);
		bytes = sv_from_index(bytes, sent);
		if (!r && bytes.n && atomic_load(&l->is_cancelled))
			r = -ECANCELED;
		if (!r && bytes.n && clock_ns(CLOCK_MONOTONIC) >= until_ns) { /* a byte now and then does not hold up the end */
			say(error, "the receiver takes too little");
			r = -ETIMEDOUT;
		}
	}
	if (r && (l->is_stream || r != -EMSGSIZE))
		link_disconnect(l);
	return r;
}

int link_settle(struct link *l, char error[static LINK_ERROR_TEXT])
{
	uint64_t until_ns = deadline(l);
	int waiting = 0;
	if (l->fd < 0)
		return l->is_stream ? -ENOTCONN : 0;
	int r = hear(l, error);
	while (!r && l->is_stream && l->kind != LINK_UNIX && ioctl(l->fd, SIOCOUTQ, &waiting) == 0 && waiting > 0) {
		uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
		r = now_ns >= until_ns ? -ETIMEDOUT : wait_for_fd(l, -1, 0, now_ns + SETTLE_POLL_NS); /* what the kernel has acknowledged makes nothing ready */
		if (r == -ETIMEDOUT && now_ns < until_ns)
			r = hear(l, error);
		else if (r == -ETIMEDOUT)
			say(error, "the receiver acknowledges nothing");
	}
	if (r)
		link_disconnect(l);
	return r;
}
