/* SPDX-License-Identifier: Apache-2.0 */
/* Every network event by a real operation, on the loopback interface and on unix sockets. */
#include "expect.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/un.h>

/* Either family in one type, with its length. */
struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t length;
};

static struct address address_v4(const char *text, unsigned port)
{
	struct address a = { .v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) }, .length = sizeof(struct sockaddr_in) };
	inet_pton(AF_INET, text, &a.v4.sin_addr);
	return a;
}

static struct address address_v6(const char *text, unsigned port)
{
	struct address a = { .v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) }, .length = sizeof(struct sockaddr_in6) };
	inet_pton(AF_INET6, text, &a.v6.sin6_addr);
	return a;
}

static struct address own_address(int fd)
{
	struct address a = { .length = sizeof(struct sockaddr_in6) };
	MUST(getsockname(fd, &a.any, &a.length));
	return a;
}

static unsigned port_of(const struct address *a)
{
	return ntohs(a->any.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port);
}

/* side: "source" or "destination". IPv4-mapped addresses are expected as IPv4. */
static void expect_address(const struct deeds *d, const char *side, const struct address *a)
{
	char field[32], text[INET6_ADDRSTRLEN];
	snprintf(field, sizeof(field), "%s.ip", side);
	if (a->any.sa_family == AF_INET)
		inet_ntop(AF_INET, &a->v4.sin_addr, text, sizeof(text));
	else if (IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
		inet_ntop(AF_INET, &a->v6.sin6_addr.s6_addr[12], text, sizeof(text));
	else
		inet_ntop(AF_INET6, &a->v6.sin6_addr, text, sizeof(text));
	expect_str(d, field, text);
	snprintf(field, sizeof(field), "%s.port", side);
	expect_num(d, field, port_of(a));
}

static void expect_no_address(const struct deeds *d, const char *side)
{
	char field[32];
	snprintf(field, sizeof(field), "%s.ip", side);
	expect_missing(d, field);
	snprintf(field, sizeof(field), "%s.port", side);
	expect_missing(d, field);
}

static void expect_kind(const struct deeds *d, const char *net_type, const char *family, const char *type, const char *transport)
{
	expect_str(d, "network.type", net_type);
	expect_str(d, "vedette.socket.family", family);
	expect_str(d, "vedette.socket.type", type);
	expect_str(d, "network.transport", transport);
}

struct family {
	int number;
	const char *name, *net_type, *loopback;
};
static const struct family families[] = {
	{ AF_INET, "AF_INET", "ipv4", "127.0.0.1" },
	{ AF_INET6, "AF_INET6", "ipv6", "::1" },
};

static struct address loopback(const struct family *f, unsigned port)
{
	return f->number == AF_INET ? address_v4(f->loopback, port) : address_v6(f->loopback, port);
}

static int new_socket(const struct deeds *d, const struct family *f, int type, const char *type_name_text, const char *transport)
{
	int fd = (int)MUST(socket(f->number, type | SOCK_CLOEXEC, 0));
	expect(d, "network.socket");
	expect_str(d, "vedette.socket.family", f->name);
	expect_str(d, "vedette.socket.type", type_name_text);
	expect_str(d, "network.transport", transport);
	expect_num(d, "vedette.socket.protocol", 0);
	expect_num(d, "vedette.result", fd);
	expect_success(d);
	return fd;
}

static int do_listen(const struct deeds *d, const struct family *f)
{
	int fd = new_socket(d, f, SOCK_STREAM, "SOCK_STREAM", "tcp");
	struct address at = loopback(f, 0);
	MUST(bind(fd, &at.any, at.length));
	expect(d, "network.bind");
	expect_address(d, "destination", &at);
	expect_no_address(d, "source");
	expect_kind(d, f->net_type, f->name, "SOCK_STREAM", "tcp");
	expect_success(d);
	at = own_address(fd);
	MUST(listen(fd, 17));
	expect(d, "network.listen");
	expect_address(d, "destination", &at);
	expect_no_address(d, "source");
	expect_kind(d, f->net_type, f->name, "SOCK_STREAM", "tcp");
	expect_num(d, "vedette.socket.backlog", 17);
	expect_success(d);
	return fd;
}

/* A client bound first, so that the local end is known when it connects; both sides of the connection are told. */
static void do_tcp(const struct deeds *d, const struct family *f)
{
	int server = do_listen(d, f), client = new_socket(d, f, SOCK_STREAM, "SOCK_STREAM", "tcp");
	struct address to = own_address(server), from = loopback(f, 0), peer = { .length = sizeof(struct sockaddr_in6) };
	MUST(bind(client, &from.any, from.length));
	expect(d, "network.bind");
	expect_address(d, "destination", &from);
	expect_no_address(d, "source");
	expect_kind(d, f->net_type, f->name, "SOCK_STREAM", "tcp");
	expect_success(d);
	from = own_address(client);
	MUST(connect(client, &to.any, to.length));
	expect(d, "network.connect");
	expect_address(d, "source", &from);
	expect_address(d, "destination", &to);
	expect_kind(d, f->net_type, f->name, "SOCK_STREAM", "tcp");
	expect_success(d);
	int accepted = (int)MUST(accept4(server, &peer.any, &peer.length, SOCK_NONBLOCK));
	to = own_address(accepted);
	expect(d, "network.accept");
	expect_address(d, "source", &peer);
	expect_address(d, "destination", &to);
	expect_kind(d, f->net_type, f->name, "SOCK_STREAM", "tcp");
	expect_num(d, "vedette.result", accepted);
	expect_success(d);
	MUST(send(client, "no event", 8, 0));
	expect(d, "network.send");
	expect_address(d, "destination", &to);
	expect_never(d);
	close(accepted);
	close(client);
	close(server);
}

/* An IPv6 socket to an IPv4-mapped address, unbound: the local end is not known yet. */
static void do_mapped(const struct deeds *d)
{
	int server = do_listen(d, &families[0]), client = new_socket(d, &families[1], SOCK_STREAM, "SOCK_STREAM", "tcp");
	struct address at = own_address(server), to = address_v6("::ffff:127.0.0.1", port_of(&at));
	MUST(connect(client, &to.any, to.length));
	expect(d, "network.connect");
	expect_str(d, "destination.ip", "127.0.0.1");
	expect_num(d, "destination.port", port_of(&at));
	expect_no_address(d, "source");
	expect_kind(d, "ipv4", "AF_INET6", "SOCK_STREAM", "tcp");
	expect_success(d);
	struct address from = own_address(client), peer = { .length = sizeof(struct sockaddr_in6) };
	int accepted = (int)MUST(accept(server, &peer.any, &peer.length));
	expect(d, "network.accept");
	expect_address(d, "source", &from);
	expect_address(d, "destination", &at);
	expect_success(d);
	close(accepted);
	close(client);
	close(server);
}

static void do_refused(const struct deeds *d)
{
	int server = do_listen(d, &families[0]), client = new_socket(d, &families[0], SOCK_STREAM, "SOCK_STREAM", "tcp");
	struct address to = own_address(server);
	close(server);
	expect(d, "network.connect");
	expect_address(d, "destination", &to);
	expect_result(d, connect(client, &to.any, to.length), ECONNREFUSED, "ECONNREFUSED");
	close(client);
	client = new_socket(d, &families[0], SOCK_DGRAM, "SOCK_DGRAM", "udp");
	to = address_v4("198.51.100.7", 9); /* no route in the guest */
	expect(d, "network.connect");
	expect_address(d, "destination", &to);
	expect_kind(d, "ipv4", "AF_INET", "SOCK_DGRAM", "udp");
	expect_result(d, connect(client, &to.any, to.length), ENETUNREACH, "ENETUNREACH");
	to = address_v4("192.0.2.1", 80); /* not an address of ours */
	expect(d, "network.bind");
	expect_address(d, "destination", &to);
	expect_result(d, bind(client, &to.any, to.length), EADDRNOTAVAIL, "EADDRNOTAVAIL");
	close(client);
}

static void expect_send(const struct deeds *d, const struct address *to, const struct family *f, unsigned bytes)
{
	expect(d, "network.send");
	expect_address(d, "destination", to);
	expect_kind(d, f->net_type, f->name, "SOCK_DGRAM", "udp");
	expect_num(d, "network.bytes", bytes);
}

static void do_udp(const struct deeds *d, const struct family *f)
{
	int fd = new_socket(d, f, SOCK_DGRAM, "SOCK_DGRAM", "udp");
	struct address to = loopback(f, 4711);
	MUST(sendto(fd, "12345", 5, 0, &to.any, to.length));
	expect_send(d, &to, f, 5);
	expect_success(d);

	char part[2][4] = { "abc", "def" };
	struct iovec pieces[2] = { { part[0], 3 }, { part[1], 3 } };
	struct address second = loopback(f, 4715);
	/* to two addresses: for a second message to the same one the kernel does not ask again */
	struct mmsghdr many[2] = {
		{ .msg_hdr = { .msg_name = &to, .msg_namelen = to.length, .msg_iov = pieces, .msg_iovlen = 2 } },
		{ .msg_hdr = { .msg_name = &second, .msg_namelen = second.length, .msg_iov = pieces, .msg_iovlen = 1 } },
	};
	to = loopback(f, 4712);
	MUST(sendmsg(fd, &many[0].msg_hdr, MSG_DONTWAIT));
	expect_send(d, &to, f, 6);
	expect_success(d);
	to = loopback(f, 4713);
	MUST(sendmmsg(fd, many, 2, MSG_DONTWAIT) == 2 ? 0 : -1);
	expect_send(d, &to, f, 6);
	expect_success(d);
	expect_send(d, &second, f, 3);
	expect_success(d);

	to = loopback(f, 4714);
	MUST(connect(fd, &to.any, to.length));
	expect(d, "network.connect");
	expect_address(d, "destination", &to);
	expect_kind(d, f->net_type, f->name, "SOCK_DGRAM", "udp");
	expect_success(d);
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	MUST(connect(fd, &none, sizeof(none)));
	expect(d, "network.connect");
	expect_missing(d, "destination.ip");
	expect_never(d);
	close(fd);
}

/* An IPv4 socket takes an address without family for IPv4: a way around a filter that trusts the family. */
static void do_odd_sends(const struct deeds *d)
{
	int fd = new_socket(d, &families[0], SOCK_DGRAM, "SOCK_DGRAM", "udp");
	struct address to = address_v4("127.0.0.1", 4720), unspec = to;
	unspec.any.sa_family = AF_UNSPEC;
	MUST(sendto(fd, "12", 2, 0, &unspec.any, unspec.length));
	expect_send(d, &to, &families[0], 2);
	expect_success(d);
	close(fd);

	int server = do_listen(d, &families[0]);
	to = own_address(server);
	fd = new_socket(d, &families[0], SOCK_STREAM, "SOCK_STREAM", "tcp");
	MUST(sendto(fd, "123", 3, MSG_FASTOPEN, &to.any, to.length));
	expect(d, "network.send");
	expect_address(d, "destination", &to);
	expect_kind(d, "ipv4", "AF_INET", "SOCK_STREAM", "tcp");
	expect_num(d, "network.bytes", 3);
	expect_success(d);
	close(fd);
	close(server);

	fd = (int)MUST(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	expect(d, "network.socket");
	expect_str(d, "vedette.socket.type", "SOCK_RAW");
	expect_str(d, "network.transport", "icmp");
	expect_num(d, "vedette.socket.protocol", IPPROTO_ICMP);
	expect_success(d);
	to = address_v4("127.0.0.1", 0);
	MUST(sendto(fd, "\x08\0\xf7\xff\0\0\0\0", 8, 0, &to.any, to.length));
	expect(d, "network.send");
	expect_str(d, "destination.ip", "127.0.0.1");
	expect_missing(d, "destination.port");
	expect_kind(d, "ipv4", "AF_INET", "SOCK_RAW", "icmp");
	expect_num(d, "network.bytes", 8);
	expect_success(d);
	close(fd);

	fd = (int)MUST(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
	expect(d, "network.socket");
	expect_str(d, "vedette.socket.family", "AF_NETLINK");
	expect_str(d, "network.transport", "none");
	expect_success(d);
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	MUST(bind(fd, (void *)&kernel, sizeof(kernel)));
	expect(d, "network.bind");
	expect_str(d, "vedette.socket.family", "AF_NETLINK");
	expect_never(d);
	close(fd);
}

/* Several paths behind one connection: still one connect, one accept. */
static void do_mptcp(const struct deeds *d)
{
	int server = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP), client = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	if (server < 0 || client < 0) {
		fprintf(stderr, "# MPTCP is not there: left out\n");
		return;
	}
	struct address to = address_v4("127.0.0.1", 0), peer = { .length = sizeof(struct sockaddr_in6) };
	MUST(bind(server, &to.any, to.length));
	expect(d, "network.bind");
	expect_address(d, "destination", &to);
	expect_no_address(d, "source");
	expect_kind(d, "ipv4", "AF_INET", "SOCK_STREAM", "tcp");
	expect_success(d);
	MUST(listen(server, 1));
	to = own_address(server);
	MUST(connect(client, &to.any, to.length));
	expect(d, "network.connect");
	expect_address(d, "destination", &to);
	expect_kind(d, "ipv4", "AF_INET", "SOCK_STREAM", "tcp");
	expect_success(d);
	int accepted = (int)MUST(accept(server, &peer.any, &peer.length));
	expect(d, "network.accept");
	expect_address(d, "source", &peer);
	expect_address(d, "destination", &to);
	expect_str(d, "network.type", "ipv4");
	expect_success(d);
	close(accepted);
	close(client);
	close(server);
}

static socklen_t unix_name(struct sockaddr_un *a, const char *name, size_t n)
{
	*a = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(a->sun_path, name, n);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

static void do_unix(const struct deeds *d)
{
	static const struct {
		int type;
		const char *name;
		bool is_sent; /* a datagram sent to it, instead of connect */
	} kinds[] = {
		{ SOCK_STREAM, "SOCK_STREAM", false },
		{ SOCK_SEQPACKET, "SOCK_SEQPACKET", false },
		{ SOCK_DGRAM, "SOCK_DGRAM", false },
		{ SOCK_DGRAM, "SOCK_DGRAM", true },
	};
	struct sockaddr_un at;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (int is_abstract = 0; is_abstract < 2; is_abstract++) {
			char path[100];
			snprintf(path, sizeof(path), "%s/unix-%zu", d->dir, i);
			/* an abstract name with a NUL inside, as long as it says */
			char abstract[] = "\0name\0inside-N";
			abstract[sizeof(abstract) - 2] = (char)('0' + i);
			socklen_t n = is_abstract ? unix_name(&at, abstract, sizeof(abstract) - 1) : unix_name(&at, path, strlen(path) + 1);
			int server = (int)MUST(socket(AF_UNIX, kinds[i].type, 0)), client = (int)MUST(socket(AF_UNIX, kinds[i].type, 0));
			MUST(bind(server, (void *)&at, n));
			if (kinds[i].type != SOCK_DGRAM)
				MUST(listen(server, 1));
			if (kinds[i].is_sent)
				MUST(sendto(client, "x", 1, 0, (void *)&at, n));
			else
				MUST(connect(client, (void *)&at, n));
			expect(d, "network.unix_connect");
			if (is_abstract) {
				char shown[] = "@name\\u0000inside-N";
				shown[sizeof(shown) - 2] = (char)('0' + i);
				expect_str(d, "vedette.unix.name", shown);
				expect_missing(d, "file.path");
				expect_missing(d, "file.type");
			} else {
				expect_file(d, path);
				expect_missing(d, "vedette.unix.name");
			}
			expect_str(d, "network.type", "unix");
			expect_str(d, "vedette.socket.type", kinds[i].name);
			expect_success(d);
			close(client);
			close(server);
		}
	}
	int pair[2];
	MUST(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	MUST(send(pair[0], "x", 1, 0));
	expect(d, "network.unix_connect");
	expect_missing(d, "file.path");
	expect_missing(d, "vedette.unix.name");
	expect_never(d);
	close(pair[0]);
	close(pair[1]);
}

static void expect_dup(const struct deeds *d, int fd, int onto, const struct address *from, const struct address *to)
{
	expect(d, "process.dup");
	expect_address(d, "source", from);
	expect_address(d, "destination", to);
	expect_kind(d, "ipv4", "AF_INET", "SOCK_STREAM", "tcp");
	expect_num(d, "vedette.fd.old", fd);
	expect_num(d, "vedette.fd.new", onto);
	expect_str(d, "vedette.stage", "completed");
	expect_success(d);
}

/* A child of its own: its three standard descriptors go. */
static void do_dup(const struct deeds *d)
{
	pid_t child = (pid_t)MUST(fork());
	if (child) {
		wait_child(child);
		return;
	}
	int server = (int)MUST(socket(AF_INET, SOCK_STREAM, 0)), client = (int)MUST(socket(AF_INET, SOCK_STREAM, 0));
	MUST(listen(server, 1));
	struct address to = own_address(server);
	to = address_v4("127.0.0.1", port_of(&to));
	MUST(connect(client, &to.any, to.length));
	struct address from = own_address(client);

	MUST(dup2(client, 0));
	expect_dup(d, client, 0, &from, &to);
	MUST(dup3(client, 1, O_CLOEXEC));
	expect_dup(d, client, 1, &from, &to);
	close(2);
	MUST(dup(client) == 2 ? 0 : -1);
	expect_dup(d, client, 2, &from, &to);
	close(1);
	MUST(fcntl(client, F_DUPFD, 1) == 1 ? 0 : -1);
	expect_dup(d, client, 1, &from, &to); /* the second time on 1: both must be told */
	close(0);
	MUST(fcntl(client, F_DUPFD_CLOEXEC, 0) == 0 ? 0 : -1);
	expect_dup(d, client, 0, &from, &to);

	int other = dup2(client, 50), pipes[2];
	MUST(pipe(pipes));
	MUST(dup2(pipes[0], 0));
	MUST(dup2(client, client));
	expect(d, "process.dup");
	expect_num(d, "vedette.fd.new", other);
	expect_never(d);
	expect(d, "process.dup");
	expect_num(d, "vedette.fd.old", pipes[0]);
	expect_never(d);
	_exit(0);
}

int main(int argc, char **argv)
{
	struct deeds d = deeds_begin(argc, argv);
	for (size_t i = 0; i < 2; i++) {
		do_tcp(&d, &families[i]);
		do_udp(&d, &families[i]);
	}
	do_mapped(&d);
	do_refused(&d);
	do_odd_sends(&d);
	do_mptcp(&d);
	do_unix(&d);
	do_dup(&d);
	return fclose(d.out) != 0;
}
