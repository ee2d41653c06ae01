/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sink of type journald: the journal's own protocol. An entry is a datagram of fields; one that is too large for the socket goes as a sealed
 * file in memory. MESSAGE is for people, VEDETTE_RECORD has the signed line.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "alerts/alert.h"
#include "alerts/sink.h"
#include "engine/base/fd.h"
#include "engine/base/jsonread.h"

enum { WAIT_MS = 1000 }; /* for a journal that is behind: its queue holds some hundred entries, which is no fault of its */

struct journald {
	struct sockaddr_un address;
	int fd; /* connected, so that it can be asked whether the journal's queue has room; -1: not yet */
	struct buf entry, message;
};

static void journald_close(void *sink)
{
	struct journald *s = sink;
	fd_close(&s->fd);
	buf_done(&s->entry);
	buf_done(&s->message);
	free(s);
}

static int journald_open(const struct sink_options *options, const struct wal_io *io, void **ret, struct diag *diag)
{
	(void)io; /* it has no file */
	struct journald *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->address.sun_family = AF_UNIX;
	s->fd = -1;
	if (strlen(options->socket) >= sizeof(s->address.sun_path)) {
		diag_error(diag, (struct place){ 0 }, "sink '%s': the path of its socket is too long", options->name);
		journald_close(s);
		return -EINVAL;
	}
	memcpy(s->address.sun_path, options->socket, strlen(options->socket));
	*ret = s;
	return 0;
}

/* With its length, so that any byte may be in it. */
static void add_field(struct buf *out, const char *name, struct strview value)
{
	if (value.n == 0)
		return;
	buf_add_z(out, name);
	buf_add_char(out, '\n');
	for (unsigned i = 0; i < 8; i++)
		buf_add_char(out, (char)((uint64_t)value.n >> 8 * i & 0xff));
	buf_add_sv(out, value);
	buf_add_char(out, '\n');
}

static int make_entry(struct journald *s, const struct sink_line *line)
{
	static const char *const priorities[SEVERITY_COUNT] = { "6", "5", "4", "3", "2" };
	buf_reset(&s->entry);
	buf_reset(&s->message);
	if (json_unescape(line->message, &s->message))
		buf_reset(&s->message);
	add_field(&s->entry, "MESSAGE", s->message.n ? buf_sv(&s->message) : line->action);
	add_field(&s->entry, "PRIORITY", sv_from(priorities[line->severity]));
	add_field(&s->entry, "SYSLOG_IDENTIFIER", SV("vedette"));
	add_field(&s->entry, "VEDETTE_ACTION", line->action);
	add_field(&s->entry, "VEDETTE_RULE", line->rule);
	add_field(&s->entry, "VEDETTE_SEVERITY", line->is_alert ? sv_from(severity_text(line->severity)) : SV(""));
	add_field(&s->entry, "VEDETTE_STREAM", line->stream);
	buf_add_format(&s->entry, "VEDETTE_SEQUENCE=%llu\n", (unsigned long long)line->sequence);
	add_field(&s->entry, "VEDETTE_RECORD", line->text);
	return buf_error(&s->entry);
}

static int send_file(struct journald *s)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = { 0 } };
	CLEANUP(fd_close) int fd = memfd_create("vedette-entry", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r = fd < 0 ? -errno : fd_write_all(fd, s->entry.p, s->entry.n);
	if (!r && fcntl(fd, F_ADD_SEALS, seals))
		r = -errno;
	if (r)
		return r;
	struct msghdr m = { .msg_control = &control, .msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(s->fd, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int connect_journal(struct journald *s)
{
	if (s->fd >= 0)
		return 0;
	CLEANUP(fd_close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&s->address, sizeof(s->address)))
		return -errno;
	s->fd = TAKE_FD(fd);
	return 0;
}

static int send_entry(struct journald *s)
{
	if (send(s->fd, s->entry.p, s->entry.n, MSG_NOSIGNAL) >= 0)
		return 0;
	return errno == EMSGSIZE || errno == ENOBUFS ? send_file(s) : -errno;
}

/* With one more try when the journal was behind, or is another one by now. */
static int deliver_entry(struct journald *s)
{
	int r = connect_journal(s);
	if (!r)
		r = send_entry(s);
	if (r == -EAGAIN) {
		struct pollfd p = { .fd = s->fd, .events = POLLOUT };
		(void)poll(&p, 1, WAIT_MS); /* what came of it the next try shows */
		r = send_entry(s);
	}
	if (r == -ECONNREFUSED || r == -ENOTCONN || r == -ECONNRESET || r == -EPIPE) {
		fd_close(&s->fd);
		r = connect_journal(s);
		if (!r)
			r = send_entry(s);
	}
	return r;
}

static int journald_send(void *sink, const struct sink_line *lines, size_t n, size_t *ret_done, struct sink_fault *fault)
{
	struct journald *s = sink;
	for (*ret_done = 0; *ret_done < n; (*ret_done)++) {
		int r = make_entry(s, &lines[*ret_done]);
		if (!r)
			r = deliver_entry(s);
		if (r) {
			sink_fault_set(fault, "%s: %s", s->address.sun_path, r == -EAGAIN ? "the journal takes nothing" : strerror(-r));
			return r;
		}
	}
	return 0;
}

const struct sink_type sink_type_journald = {
	.delivered = "written",
	.delivered_doc = "it stands in the journal's socket; the journal itself may drop what comes too fast (LogRateLimitIntervalSec=0 in our unit)",
	.open = journald_open,
	.send = journald_send,
	.close = journald_close,
};
