/* SPDX-License-Identifier: Apache-2.0 */
/* Sink of type stdout. Whoever else has the same pipe or terminal must not be able to make it wait, and its flags are theirs as well. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alerts/sink.h"
#include "engine/base/fd.h"

enum { WAIT_MS = 1000, TRIES = 100 };

struct standard_output {
	int fd;
	bool is_socket;
	struct buf out; /* what is left of a line that was begun */
};

/*
 * A descriptor that never blocks: a pipe or terminal is opened anew, so that the flag is ours alone; a socket is asked at each call; a file does not keep
 * anybody waiting for a reader.
 */
static int open_output(struct standard_output *f)
{
	struct stat st;
	int flags = fcntl(STDOUT_FILENO, F_GETFL);
	if (flags < 0 || fstat(STDOUT_FILENO, &st))
		return -errno;
	if ((flags & O_ACCMODE) == O_RDONLY) /* what stands for one that was closed, see main.c */
		return -EBADF;
	f->is_socket = S_ISSOCK(st.st_mode);
	if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))
		f->fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (f->fd < 0) /* as it is: a terminal of somebody else, or no /proc */
		f->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	return f->fd < 0 ? -errno : 0;
}

static int stdout_open(const struct sink_options *options, const struct wal_io *io, void **ret, struct diag *diag)
{
	(void)io; /* no file of its own */
	struct standard_output *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->fd = -1;
	int r = open_output(f);
	if (r) {
		diag_error(diag, options->at, "sink '%s': standard output %s", options->name,
			   r == -EBADF ? "is closed, or cannot be written to" : strerror(-r));
		free(f);
		return r;
	}
	*ret = f;
	return 0;
}

static ssize_t write_some(const struct standard_output *f)
{
	ssize_t n = f->is_socket ? send(f->fd, f->out.p, f->out.n, MSG_DONTWAIT | MSG_NOSIGNAL) : write(f->fd, f->out.p, MIN(f->out.n, (size_t)4096));
	return n < 0 ? -errno : n;
}

/* A thread of its own may wait for a slow reader, but not for ever: the end has to come through. */
static int stdout_drain(struct standard_output *f, struct sink_fault *fault)
{
	for (unsigned tries = 0; f->out.n;) {
		struct pollfd p = { .fd = f->fd, .events = POLLOUT };
		int ready = poll(&p, 1, WAIT_MS);
		ssize_t w = ready > 0 ? write_some(f) : 0;
		if (w == -EINTR || (w == -EAGAIN && ++tries < TRIES)) /* somebody else was quicker */
			continue;
		if (w <= 0) {
			int r = w < 0 ? (int)w : -EAGAIN;
			sink_fault_set(fault, "standard output: %s", r == -EAGAIN ? "its reader takes nothing" : strerror(-r));
			return r;
		}
		memmove(f->out.p, f->out.p + w, f->out.n - (size_t)w);
		f->out.n -= (size_t)w;
	}
	return 0;
}

static int stdout_send(void *sink, const struct sink_line *lines, size_t n, size_t *ret_done, struct sink_fault *fault)
{
	struct standard_output *f = sink;
	int r = stdout_drain(f, fault); /* the rest of a line that counts as done: it was begun */
	for (*ret_done = 0; !r && *ret_done < n; (*ret_done)++) {
		buf_add_sv(&f->out, lines[*ret_done].text);
		buf_add_char(&f->out, '\n');
		size_t whole = f->out.n;
		if (buf_error(&f->out)) {
			buf_reset(&f->out); /* nothing of it went out: it comes again */
			sink_fault_set(fault, "no memory for a line of %zu bytes", lines[*ret_done].text.n);
			return -ENOMEM;
		}
		r = stdout_drain(f, fault);
		if (r && f->out.n == whole) {
			buf_reset(&f->out); /* not begun: it comes again */
			break;
		}
	}
	return r;
}

static int stdout_settle(void *sink, struct sink_fault *fault)
{
	return stdout_drain(sink, fault);
}

static void stdout_close(void *sink)
{
	struct standard_output *f = sink;
	fd_close(&f->fd);
	buf_done(&f->out);
	free(f);
}

const struct sink_type sink_type_stdout = {
	.delivered = "written",
	.delivered_doc = "the reader of the pipe or terminal has it, or the kernel for it",
	.open = stdout_open,
	.send = stdout_send,
	.settle = stdout_settle,
	.close = stdout_close,
};
