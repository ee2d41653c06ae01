/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data received, each time by a process of its own, named after the deed, from a port of its own.
 *
 * usage: receive
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char text[100] = "\xca\xfe\xba\xbe and more";

static struct sockaddr_in at(int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static int bound(int type, int port)
{
	struct sockaddr_in own = at(port);
	int fd = socket(AF_INET, type, 0), on = 1; /* the run before may have left connections that wait for their end */
	return fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) || bind(fd, (const struct sockaddr *)&own, sizeof(own)) ? -1 : fd;
}

static int sent(int from, int to)
{
	struct sockaddr_in peer = at(to);
	return sendto(from, text, sizeof(text), 0, (const struct sockaddr *)&peer, sizeof(peer)) == sizeof(text) ? 0 : -1;
}

/* Two datagrams of one peer, whose address is asked for: the second is no new one. Then nothing is there: no event. */
static int do_recvfrom(void)
{
	int from = bound(SOCK_DGRAM, 5001), to = bound(SOCK_DGRAM, 5002);
	char buf[200];
	struct sockaddr_in peer;
	for (int i = 0; i < 2; i++) {
		socklen_t n = sizeof(peer);
		if (sent(from, 5002) || recvfrom(to, buf, sizeof(buf), 0, (struct sockaddr *)&peer, &n) != sizeof(text))
			return 1;
	}
	return recvfrom(to, buf, sizeof(buf), MSG_DONTWAIT, NULL, NULL) != -1 || errno != EAGAIN;
}

/* A short buffer first, of two. */
static int do_recvmsg(void)
{
	int from = bound(SOCK_DGRAM, 5003), to = bound(SOCK_DGRAM, 5004);
	char first[3], second[200];
	struct sockaddr_in peer;
	struct iovec parts[] = { { first, sizeof(first) }, { second, sizeof(second) } };
	struct msghdr m = { .msg_name = &peer, .msg_namelen = sizeof(peer), .msg_iov = parts, .msg_iovlen = 2 };
	return sent(from, 5004) || recvmsg(to, &m, 0) != sizeof(text);
}

static int do_stream(void)
{
	struct sockaddr_in server = at(5006);
	int listening = bound(SOCK_STREAM, 5006), client = bound(SOCK_STREAM, 5005);
	char buf[200];
	if (listen(listening, 1) || connect(client, (const struct sockaddr *)&server, sizeof(server)))
		return 1;
	int accepted = accept(listening, NULL, NULL);
	return accepted < 0 || send(accepted, text, 4, 0) != 4 || recv(client, buf, sizeof(buf), 0) != 4;
}

/* A unix socket is none of these. */
static int do_unix(void)
{
	int pair[2];
	char buf[8];
	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || send(pair[0], text, 4, 0) != 4 || recv(pair[1], buf, sizeof(buf), 0) != 4;
}

static const struct {
	const char *name;
	int (*act)(void);
} deeds[] = { { "d-recvfrom", do_recvfrom }, { "d-recvmsg", do_recvmsg }, { "d-stream", do_stream }, { "d-unix", do_unix } };

int main(void)
{
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		int status = 0;
		pid_t pid = fork();
		if (pid == 0) {
			prctl(PR_SET_NAME, deeds[i].name);
			_exit(deeds[i].act() ? 1 : 0);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
			printf("%s failed\n", deeds[i].name);
			return 1;
		}
	}
	return 0;
}
