/* SPDX-License-Identifier: Apache-2.0 */
/* System calls on sockets as tracepoint mode sees them, done and failed; see calls.c. */
#include "calls.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <sys/un.h>

static unsigned local_port(int fd)
{
	struct sockaddr_in6 name;
	socklen_t length = sizeof(name);
	MUST(getsockname(fd, (void *)&name, &length));
	return ntohs(name.sin6_port); /* at the same place in IPv4 */
}

static void expect_ends(const struct deeds *d, const char *event, const char *source, const struct address *to)
{
	expect(d, event);
	from(d, source);
	expect_str(d, "destination.ip", to->text);
	expect_num(d, "destination.port", to->port);
}

static void expect_dup(const struct deeds *d, const struct address *to, int fd)
{
	expect_ends(d, "process.dup", "descriptor", to);
	expect_num(d, "source.port", local_port(fd));
	expect_num(d, "vedette.fd.old", fd);
	expect_num(d, "vedette.fd.new", 0);
}

static int listener(const char *text)
{
	struct address any = address_of(text, 0);
	int fd = (int)MUST(socket(any.raw.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	MUST(bind(fd, (void *)&any.raw, any.length));
	return fd;
}

static void streams(const struct deeds *d, const char *text, const char *type)
{
	int server = listener(text);
	struct address to = address_of(text, local_port(server));
	struct outcome o = { 0 };
	expect_ends(d, "network.bind", "descriptor", &to);
	expect_str(d, "network.type", type);
	expect_str(d, "network.transport", "tcp");
	ended(d, 0, 0);

	int refused = (int)MUST(socket(to.raw.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	o = DO(connect(refused, (void *)&to.raw, to.length)); /* nobody listens yet */
	expect_ends(d, "network.connect", "argument", &to);
	ended(d, o.result, o.error);
	close(refused);

	o = DO(listen(server, 7));
	expect_ends(d, "network.listen", "descriptor", &to);
	expect_num(d, "vedette.socket.backlog", 7);
	ended(d, o.result, o.error);
	int client = (int)MUST(socket(to.raw.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	o = DO(connect(client, (void *)&to.raw, to.length));
	expect_ends(d, "network.connect", "descriptor", &to);
	expect_str(d, "source.ip", to.text);
	expect_num(d, "source.port", local_port(client));
	expect_str(d, "vedette.socket.type", "SOCK_STREAM");
	ended(d, o.result, o.error);
	o = DO(accept4(server, NULL, NULL, SOCK_CLOEXEC));
	expect_ends(d, "network.accept", "descriptor", &to);
	expect_str(d, "source.ip", to.text);
	expect_num(d, "source.port", local_port(client));
	ended(d, o.result, o.error);

	int kept = (int)MUST(fcntl(0, F_DUPFD_CLOEXEC, 10));
	struct outcome dup_outcome = DO(dup2(client, 0));
	MUST(dup2(kept, 0)); /* before the expectation is written */
	expect_dup(d, &to, client);
	ended(d, dup_outcome.result, dup_outcome.error);
	close(0);
	dup_outcome = DO(fcntl(client, F_DUPFD, 0));
	MUST(dup2(kept, 0));
	expect_dup(d, &to, client);
	ended(d, dup_outcome.result, dup_outcome.error);
	close(kept);
	close((int)o.result);
	close(client);
	close(server);
}

static void datagrams(const struct deeds *d)
{
	struct address to = address_of("127.0.0.1", 9), far = address_of("::ffff:127.0.0.1", 10);
	char text[] = "hello";
	int fd = (int)MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	struct outcome o = DO(sendto(fd, text, 5, 0, (void *)&to.raw, to.length));
	expect_ends(d, "network.send", "argument", &to);
	expect_num(d, "network.bytes", 5);
	expect_str(d, "network.transport", "udp");
	ended(d, o.result, o.error);

	struct iovec part = { text, 4 };
	struct mmsghdr message = { .msg_hdr = { .msg_name = &to.raw, .msg_namelen = to.length, .msg_iov = &part, .msg_iovlen = 1 } };
	close(fd); /* the refusal of the first one would come back on this socket */
	fd = (int)MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	o = DO(sendmsg(fd, &message.msg_hdr, 0));
	expect_ends(d, "network.send", "argument", &to);
	expect_num(d, "network.bytes", 4);
	ended(d, o.result, o.error);
	close(fd);
	fd = (int)MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	part.iov_len = 3;
	o = DO(sendmmsg(fd, &message, 1, 0));
	expect_ends(d, "network.send", "argument", &to);
	expect_num(d, "network.bytes", 3);
	ended(d, o.result, o.error);
	close(fd);

	/* an address without a family counts as IPv4 on such a socket */
	fd = (int)MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	struct address none = to;
	none.raw.ss_family = AF_UNSPEC;
	o = DO(sendto(fd, text, 2, 0, (void *)&none.raw, none.length));
	expect_ends(d, "network.send", "argument", &to);
	expect_num(d, "network.bytes", 2);
	ended(d, o.result, o.error);
	o = DO(connect(fd, (void *)&to.raw, to.length));
	expect_ends(d, "network.connect", "descriptor", &to);
	expect_str(d, "network.transport", "udp");
	ended(d, o.result, o.error);
	close(fd);

	fd = (int)MUST(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	o = DO(connect(fd, (void *)&far.raw, far.length));
	snprintf(far.text, sizeof(far.text), "127.0.0.1");
	expect_ends(d, "network.connect", "descriptor", &far);
	expect_str(d, "network.type", "ipv4");
	expect_str(d, "vedette.socket.family", "AF_INET6");
	ended(d, o.result, o.error);
	close(fd);

	/* multicast without a route out: the socket keeps nothing of the address */
	far = address_of("203.0.113.77", 80);
	fd = (int)MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	MUST(setsockopt(fd, SOL_SOCKET, SO_DONTROUTE, &(int){ 1 }, sizeof(int)));
	o = DO(connect(fd, (void *)&far.raw, far.length));
	expect_ends(d, "network.connect", "argument", &far);
	ended(d, o.result, o.error);
	close(fd);
	o = DO(connect(999, (void *)&far.raw, far.length));
	expect_ends(d, "network.connect", "argument", &far);
	ended(d, o.result, o.error);
	o = DO(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP));
	expect(d, "network.socket");
	expect_str(d, "vedette.socket.type", "SOCK_DGRAM");
	expect_num(d, "vedette.socket.protocol", IPPROTO_UDP);
	ended(d, o.result, o.error);
	close((int)o.result);
}

static void unix_sockets(const struct deeds *d)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX }, abstract = { .sun_family = AF_UNIX };
	snprintf(name.sun_path, sizeof(name.sun_path), "%s/socket", d->dir);
	int length = snprintf(abstract.sun_path + 1, sizeof(abstract.sun_path) - 1, "vedette-%d", getpid());
	socklen_t abstract_length = (socklen_t)(sizeof(sa_family_t) + 1 + (size_t)length);
	int server = (int)MUST(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	MUST(bind(server, (void *)&name, sizeof(name)));
	expect_object(d, "file.create", name.sun_path);
	expect_end(d);
	MUST(listen(server, 1));
	int client = (int)MUST(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	/* by a relative name: the peer knows the whole path */
	struct sockaddr_un relative = { .sun_family = AF_UNIX, .sun_path = "socket" };
	struct outcome o = DO(connect(client, (void *)&relative, sizeof(relative)));
	expect_object(d, "network.unix_connect", name.sun_path);
	expect_str(d, "network.type", "unix");
	ended(d, o.result, o.error);
	close(client);
	client = (int)MUST(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	snprintf(relative.sun_path, sizeof(relative.sun_path), "no-socket");
	o = DO(connect(client, (void *)&relative, sizeof(relative)));
	char *missing = in_dir(d, "no-socket");
	expect_named(d, "network.unix_connect", missing);
	ended(d, o.result, o.error);
	free(missing);

	int other = (int)MUST(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	MUST(bind(other, (void *)&abstract, abstract_length));
	int sender = (int)MUST(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	o = DO(sendto(sender, "x", 1, 0, (void *)&abstract, abstract_length));
	expect(d, "network.unix_connect");
	from(d, "argument");
	abstract.sun_path[0] = '@';
	expect_str(d, "vedette.unix.name", abstract.sun_path);
	expect_str(d, "vedette.socket.type", "SOCK_DGRAM");
	expect_missing(d, "file.path");
	ended(d, o.result, o.error);
	close(sender);
	close(other);
	close(client);
	close(server);
}

int main(int argc, char **argv)
{
	struct deeds d = deeds_begin(argc, argv);
	umask(022);
	MUST(chdir(d.dir));
	streams(&d, "127.0.0.1", "ipv4");
	streams(&d, "::1", "ipv6");
	datagrams(&d);
	unix_sockets(&d);
	return 0;
}
