/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets: made, connected, sent to, bound, listened on and accepted from, with addresses in all their disguises. */
#include "evade.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { COMPAT_SOCKETCALL = 102, COMPAT_SOCKET = 359, COMPAT_BIND = 361, COMPAT_CONNECT = 362, COMPAT_LISTEN = 363, COMPAT_SENDTO = 369,
       MUX_SOCKET = 1, MUX_BIND = 2, MUX_CONNECT = 3, MUX_LISTEN = 4, MUX_SENDTO = 11, PROTOCOL_MPTCP = 262, PROTOCOL_SCTP = 132, PROTOCOL_SMC = 256,
       PROTOCOL_UDPLITE = 136, SCTP_CONNECTX = 110, URING_BIND = 56, URING_LISTEN = 57 };

/* An address of any family, in the form of a socket call. */
struct end {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t n;
};

static struct end end_of(const char *address, const char *port)
{
	struct end e = { .v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)number_of(port)) }, .n = sizeof(e.v4) };
	if (inet_pton(AF_INET, address, &e.v4.sin_addr) == 1)
		return e;
	e = (struct end){ .v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)number_of(port)) }, .n = sizeof(e.v6) };
	PREPARED(inet_pton(AF_INET6, address, &e.v6.sin6_addr) == 1 ? 0 : -1);
	return e;
}

static int socket_of(int family, int type, int protocol)
{
	return (int)PREPARED(socket(family, type, protocol));
}

/* Refused by the peer is not refused by us. */
static long reached(long result)
{
	return result < 0 && errno != EPERM ? 0 : result;
}

/* --- connected --------------------------------------------------------------------------------------------------------------------- */

/* ADDRESS PORT TYPE PROTOCOL */
static long to_connect(char **a)
{
	struct end e = end_of(a[0], a[1]);
	return reached(connect(socket_of(e.any.sa_family, (int)number_of(a[2]), (int)number_of(a[3])), &e.any, e.n));
}

static long to_connect_smc(char **a) /* a family of its own, which goes over TCP */
{
	struct end e = end_of(a[0], a[1]);
	return reached(connect(socket_of(AF_SMC, SOCK_STREAM, 0), &e.any, e.n));
}

static long to_connect_smc_protocol(char **a) /* later kernels: as a protocol of TCP sockets */
{
	struct end e = end_of(a[0], a[1]);
	int fd = socket(AF_INET, SOCK_STREAM, PROTOCOL_SMC);
	return fd < 0 ? -1 : reached(connect(fd, &e.any, e.n));
}

/* Listens on ADDRESS-THERE, connects to ADDRESS, says whether the connection came. */
static long to_connect_really(char **a) /* ADDRESS PORT ADDRESS-THERE */
{
	struct end e = end_of(a[0], a[1]), there = end_of(a[2], a[1]);
	int one = 1, listener = socket_of(there.any.sa_family, SOCK_STREAM, 0);
	PREPARED(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	PREPARED(bind(listener, &there.any, there.n));
	PREPARED(listen(listener, 1));
	if (connect(socket_of(e.any.sa_family, SOCK_STREAM, 0), &e.any, e.n))
		return -1;
	return opened(accept(listener, NULL, NULL));
}

static long to_connect_bound(char **a) /* ADDRESS PORT SOURCE: any address means the one that the socket is bound to */
{
	struct end e = end_of(a[0], a[1]), from = end_of(a[2], "0");
	int fd = socket_of(AF_INET, SOCK_DGRAM, 0);
	PREPARED(bind(fd, &from.any, from.n));
	return reached(connect(fd, &e.any, e.n));
}

static long to_connect_v4_on_v6(char **a) /* an IPv4 address on an IPv6 socket */
{
	struct end e = end_of(a[0], a[1]);
	return reached(connect(socket_of(AF_INET6, SOCK_DGRAM, 0), &e.any, e.n));
}

static long to_connect_again(char **a) /* connected elsewhere, dissolved, connected */
{
	struct end e = end_of(a[0], a[1]), first = end_of("127.0.0.1", "9"), none = { .any = { .sa_family = AF_UNSPEC }, .n = sizeof(none.any) };
	int fd = socket_of(AF_INET, SOCK_DGRAM, 0);
	PREPARED(connect(fd, &first.any, first.n));
	PREPARED(connect(fd, &none.any, none.n));
	return reached(connect(fd, &e.any, e.n));
}

static long to_connect_compat(char **a)
{
	struct end e = end_of(a[0], a[1]);
	return reached(compat_call(COMPAT_CONNECT, socket_of(AF_INET, SOCK_STREAM, 0), (long)low_copy(&e.any, e.n), e.n, 0, 0));
}

static long multiplexed(long call, const uint32_t *arguments, size_t n)
{
	return compat_call(COMPAT_SOCKETCALL, call, (long)low_copy(arguments, n * sizeof(*arguments)), 0, 0, 0);
}

static long to_connect_multiplexed(char **a)
{
	struct end e = end_of(a[0], a[1]);
	uint32_t with[] = { (uint32_t)socket_of(AF_INET, SOCK_STREAM, 0), (uint32_t)(uintptr_t)low_copy(&e.any, e.n), e.n };
	return reached(multiplexed(MUX_CONNECT, with, ARRAY_SIZE(with)));
}

static long to_connect_uring(char **a) /* ADDRESS PORT SETUP-FLAGS */
{
	struct end e = end_of(a[0], a[1]);
	return reached(uring((struct io_uring_sqe){ .opcode = IORING_OP_CONNECT, .fd = socket_of(AF_INET, SOCK_STREAM, 0), .addr = (uintptr_t)&e.any,
						    .off = e.n }, (unsigned)number_of(a[2])));
}

static long to_connect_sctp(char **a) /* by an option: several addresses at once */
{
	struct end e = end_of(a[0], a[1]);
	return reached(setsockopt(socket_of(AF_INET, SOCK_STREAM, PROTOCOL_SCTP), PROTOCOL_SCTP, SCTP_CONNECTX, &e.any, e.n));
}

/* --- sent to ----------------------------------------------------------------------------------------------------------------------- */

static long send_on(int fd, const struct end *e, int flags)
{
	return reached(sendto(fd, "NONCE", 5, flags, &e->any, e->n));
}

static long to_send(char **a) /* ADDRESS PORT TYPE PROTOCOL FLAGS */
{
	struct end e = end_of(a[0], a[1]);
	return send_on(socket_of(e.any.sa_family, (int)number_of(a[2]), (int)number_of(a[3])), &e, (int)number_of(a[4]));
}

static long to_send_unspec(char **a) /* ADDRESS PORT TYPE PROTOCOL: no family is the socket's own */
{
	struct end e = end_of(a[0], a[1]);
	int fd = socket_of(e.any.sa_family, (int)number_of(a[2]), (int)number_of(a[3]));
	e.any.sa_family = AF_UNSPEC;
	return send_on(fd, &e, 0);
}

static long to_send_v4_on_v6(char **a)
{
	struct end e = end_of(a[0], a[1]);
	return send_on(socket_of(AF_INET6, SOCK_DGRAM, 0), &e, 0);
}

static long to_send_connected(char **a) /* connected elsewhere, the message has an address of its own */
{
	struct end e = end_of(a[0], a[1]), other = end_of("127.0.0.1", "9");
	int fd = socket_of(AF_INET, SOCK_DGRAM, 0);
	PREPARED(connect(fd, &other.any, other.n));
	return send_on(fd, &e, 0);
}

static long to_send_really(char **a) /* ADDRESS PORT ADDRESS-THERE */
{
	struct end e = end_of(a[0], a[1]), there = end_of(a[2], a[1]);
	int receiver = socket_of(there.any.sa_family, SOCK_DGRAM, 0);
	PREPARED(bind(receiver, &there.any, there.n));
	if (sendto(socket_of(e.any.sa_family, SOCK_DGRAM, 0), "NONCE", 5, 0, &e.any, e.n) < 0)
		return -1;
	struct pollfd came = { .fd = receiver, .events = POLLIN };
	char text[8];
	return poll(&came, 1, 5000) == 1 && recv(receiver, text, sizeof(text), MSG_DONTWAIT) == 5 ? 0 : -1;
}

static long to_send_message(char **a) /* ADDRESS PORT: the second of two messages of one call */
{
	struct end e = end_of(a[0], a[1]), first = end_of("127.0.0.1", "9");
	struct iovec data = { (char *)"x", 1 };
	struct mmsghdr m[2] = { { .msg_hdr = { .msg_name = &first.any, .msg_namelen = first.n, .msg_iov = &data, .msg_iovlen = 1 } },
				{ .msg_hdr = { .msg_name = &e.any, .msg_namelen = e.n, .msg_iov = &data, .msg_iovlen = 1 } } };
	int n = sendmmsg(socket_of(AF_INET, SOCK_DGRAM, 0), m, 2, 0);
	if (n == 1)
		errno = EPERM; /* that is how the second message's error is told */
	return n == 2 ? 0 : -1;
}

static long to_send_compat(char **a)
{
	struct end e = end_of(a[0], a[1]);
	uint32_t with[] = { (uint32_t)socket_of(AF_INET, SOCK_DGRAM, 0), (uint32_t)low_text("x"), 1, 0, (uint32_t)(uintptr_t)low_copy(&e.any, e.n), e.n };
	return reached(multiplexed(MUX_SENDTO, with, ARRAY_SIZE(with)));
}

static long to_send_uring(char **a) /* ADDRESS PORT: sendmsg, send or send-zc */
{
	struct end e = end_of(a[0], a[1]);
	struct iovec data = { (char *)"x", 1 };
	struct msghdr m = { .msg_name = &e.any, .msg_namelen = e.n, .msg_iov = &data, .msg_iovlen = 1 };
	int fd = socket_of(AF_INET, SOCK_DGRAM, 0);
	struct io_uring_sqe q = { .opcode = IORING_OP_SENDMSG, .fd = fd, .addr = (uintptr_t)&m, .len = 1 };
	if (a[2][4] != 'm')
		q = (struct io_uring_sqe){ .opcode = a[2][4] ? IORING_OP_SEND_ZC : IORING_OP_SEND, .fd = fd, .addr = (uintptr_t) "x", .len = 1,
					   .addr2 = (uintptr_t)&e.any, .addr_len = (uint16_t)e.n };
	return reached(uring(q, 0));
}

/* --- the local end ------------------------------------------------------------------------------------------------------------------- */

static int stream(const struct end *e)
{
	int one = 1, fd = socket_of(e->any.sa_family, SOCK_STREAM, 0);
	PREPARED(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	return fd;
}

static long at_bind(char **a)
{
	struct end e = end_of(a[0], a[1]);
	return bind(stream(&e), &e.any, e.n);
}

static long at_bind_unspec(char **a)
{
	struct end e = end_of(a[0], a[1]);
	int fd = stream(&e);
	e.any.sa_family = AF_UNSPEC; /* taken for any IPv4 address, and only for that */
	return bind(fd, &e.any, e.n);
}

static long at_bind_compat(char **a)
{
	struct end e = end_of(a[0], a[1]);
	return compat_call(COMPAT_BIND, stream(&e), (long)low_copy(&e.any, e.n), e.n, 0, 0);
}

static long at_bind_multiplexed(char **a)
{
	struct end e = end_of(a[0], a[1]);
	uint32_t with[] = { (uint32_t)stream(&e), (uint32_t)(uintptr_t)low_copy(&e.any, e.n), e.n };
	return multiplexed(MUX_BIND, with, ARRAY_SIZE(with));
}

static long at_bind_uring(char **a)
{
	struct end e = end_of(a[0], a[1]);
	return uring((struct io_uring_sqe){ .opcode = URING_BIND, .fd = stream(&e), .addr = (uintptr_t)&e.any, .off = e.n }, 0);
}

static int bound(char **a)
{
	struct end e = end_of(a[0], a[1]);
	int fd = stream(&e);
	PREPARED(bind(fd, &e.any, e.n));
	return fd;
}

static long at_listen(char **a) { return listen(bound(a), 1); }
static long at_listen_compat(char **a) { return compat_call(COMPAT_LISTEN, bound(a), 1, 0, 0, 0); }
static long at_listen_multiplexed(char **a) { return multiplexed(MUX_LISTEN, (uint32_t[]){ (uint32_t)bound(a), 1 }, 2); }
static long at_listen_uring(char **a) { return uring((struct io_uring_sqe){ .opcode = URING_LISTEN, .fd = bound(a), .len = 1 }, 0); }

/* ADDRESS PORT KIND: accept, accept4, uring */
static long at_accept(char **a)
{
	struct end e = end_of(a[0], a[1]);
	int fd = bound(a);
	PREPARED(listen(fd, 1));
	PREPARED(connect(socket_of(e.any.sa_family, SOCK_STREAM, 0), &e.any, e.n));
	if (a[2][0] == 'u')
		return uring((struct io_uring_sqe){ .opcode = IORING_OP_ACCEPT, .fd = fd }, 0);
	return opened(a[2][6] ? accept4(fd, NULL, NULL, SOCK_CLOEXEC) : accept(fd, NULL, NULL));
}

/* --- made --------------------------------------------------------------------------------------------------------------------------- */

/* FAMILY TYPE PROTOCOL: one that the kernel has not is not refused by us */
static long made(char **a) { return reached(opened(socket((int)number_of(a[0]), (int)number_of(a[1]), (int)number_of(a[2])))); }
static long made_compat(char **a) { return reached(compat_call(COMPAT_SOCKET, number_of(a[0]), number_of(a[1]), number_of(a[2]), 0, 0)); }

static long made_multiplexed(char **a)
{
	return reached(multiplexed(MUX_SOCKET, (uint32_t[]){ (uint32_t)number_of(a[0]), (uint32_t)number_of(a[1]), (uint32_t)number_of(a[2]) }, 3));
}

static long made_uring(char **a)
{
	return reached(uring((struct io_uring_sqe){ .opcode = IORING_OP_SOCKET, .fd = (int)number_of(a[0]), .off = (uint64_t)number_of(a[1]),
						    .len = (uint32_t)number_of(a[2]) }, 0));
}

/* --- unix sockets: NAME TYPE. The other end is made by us, so that it is there; @ begins an abstract name, in which % is a NUL --------- */

struct local {
	struct sockaddr_un a;
	socklen_t n;
};

static struct local local_of(const char *name)
{
	struct local l = { .a = { .sun_family = AF_UNIX }, .n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name)) };
	snprintf(l.a.sun_path, sizeof(l.a.sun_path), "%s", name);
	if (name[0] == '@')
		l.a.sun_path[0] = 0;
	for (size_t i = 1; name[0] == '@' && i < strlen(name) && i < sizeof(l.a.sun_path); i++)
		if (name[i] == '%')
			l.a.sun_path[i] = 0;
	return l;
}

static void answered(const struct local *l, int type, const char *name)
{
	int fd = socket_of(AF_UNIX, type, 0);
	if (name[0] != '@')
		unlink(name);
	PREPARED(bind(fd, (const struct sockaddr *)&l->a, l->n));
	if (type != SOCK_DGRAM)
		PREPARED(listen(fd, 4));
}

static long unix_connect(char **a) /* NAME TYPE [OTHER NAME OF IT] */
{
	struct local l = local_of(a[0]);
	int type = (int)number_of(a[1]);
	answered(&l, type, a[0]);
	if (a[2]) {
		PREPARED(symlink(a[0], a[2]));
		l = local_of(a[2]);
	}
	long result = connect(socket_of(AF_UNIX, type, 0), (struct sockaddr *)&l.a, l.n);
	int keep = errno;
	if (a[2])
		unlink(a[2]);
	errno = keep;
	return result;
}

static long unix_send(char **a)
{
	struct local l = local_of(a[0]);
	answered(&l, SOCK_DGRAM, a[0]);
	return sendto(socket_of(AF_UNIX, SOCK_DGRAM, 0), "x", 1, 0, (struct sockaddr *)&l.a, l.n);
}

static long unix_uring(char **a)
{
	struct local l = local_of(a[0]);
	answered(&l, SOCK_STREAM, a[0]);
	return uring((struct io_uring_sqe){ .opcode = IORING_OP_CONNECT, .fd = socket_of(AF_UNIX, SOCK_STREAM, 0), .addr = (uintptr_t)&l.a, .off = l.n }, 0);
}

const struct way network_ways[] = {
	{ "to-connect", 4, to_connect }, { "to-connect-smc", 2, to_connect_smc },
	{ "to-connect-smc-protocol", 2, to_connect_smc_protocol }, { "to-connect-really", 3, to_connect_really }, { "to-connect-bound", 3, to_connect_bound },
	{ "to-connect-v4-on-v6", 2, to_connect_v4_on_v6 }, { "to-connect-again", 2, to_connect_again }, { "to-connect-compat", 2, to_connect_compat },
	{ "to-connect-multiplexed", 2, to_connect_multiplexed }, { "to-connect-uring", 3, to_connect_uring },
	{ "to-connect-sctp", 2, to_connect_sctp }, { "to-send", 5, to_send }, { "to-send-unspec", 4, to_send_unspec },
	{ "to-send-v4-on-v6", 2, to_send_v4_on_v6 }, { "to-send-connected", 2, to_send_connected }, { "to-send-really", 3, to_send_really },
	{ "to-send-message", 2, to_send_message }, { "to-send-compat", 2, to_send_compat }, { "to-send-uring", 3, to_send_uring },
	{ "at-bind", 2, at_bind }, { "at-bind-unspec", 2, at_bind_unspec }, { "at-bind-compat", 2, at_bind_compat },
	{ "at-bind-multiplexed", 2, at_bind_multiplexed }, { "at-bind-uring", 2, at_bind_uring }, { "at-listen", 2, at_listen },
	{ "at-listen-compat", 2, at_listen_compat }, { "at-listen-multiplexed", 2, at_listen_multiplexed }, { "at-listen-uring", 2, at_listen_uring },
	{ "at-accept", 3, at_accept }, { "made", 3, made }, { "made-compat", 3, made_compat }, { "made-multiplexed", 3, made_multiplexed },
	{ "made-uring", 3, made_uring }, { "unix-connect", 2, unix_connect }, { "unix-send", 1, unix_send }, { "unix-uring", 1, unix_uring },
	{ NULL, 0, NULL },
};
