/* SPDX-License-Identifier: Apache-2.0 */
/* The file sink: opening with care, whole lines, a bounded queue, pipes that never block. */
#include "alerts/sink_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/fd.h"

enum { PEEK_BYTES = 4096 };
#define PIPE_RETRY_NS 5000000ull /* a full pipe has room again as soon as its reader wakes */

struct sink_file {
	struct outlet outlet; /* first: it is what a stream holds */
	int fd;               /* owned */
	bool is_regular;
	size_t torn;          /* bytes of a part of a line at the end of a regular file that could not be cut off yet */
	struct buf queue;     /* lines that wait; on pipes it may begin within a line; reserved at the start */
	size_t queue_max;
	uint64_t retry_ns, next_try_ns;
	uint64_t wait_end_ns; /* CLOCK_MONOTONIC; 0: sink_file_wait was not called yet */
	int error;
	char *kept_as;        /* owned */
};

const char *sink_file_name(const char *path)
{
	return strcmp(path, "-") == 0 ? "standard output" : path;
}

const char *sink_file_kept_as(const struct sink_file *s)
{
	return s->kept_as ? s->kept_as : "";
}

size_t sink_file_queued_bytes(const struct sink_file *s)
{
	return s->queue.n;
}

int sink_file_error(const struct sink_file *s)
{
	return s->error;
}

bool sink_file_is_due(const struct sink_file *s, uint64_t now_ns)
{
	return s->queue.n > 0 && now_ns >= s->next_try_ns;
}

size_t sink_file_room(const struct sink_file *s)
{
	return s->queue_max - s->queue.n;
}

/* --- opening ------------------------------------------------------------------------------------------------------------------ */

/* Does it begin as a log of ours does? The first line's start, up to agent.type, has the same shape in every record. */
static bool begins_like_a_log(int fd)
{
	char head[PEEK_BYTES];
	ssize_t n = pread(fd, head, sizeof(head), 0);
	if (n <= 0 || head[0] != '{')
		return false;
	static const char mark[] = "\"type\":\"vedette\"";
	return memmem(head, (size_t)n, mark, sizeof(mark) - 1) && memmem(head, (size_t)n, "\"ecs\":{\"version\":", 17);
}

/* A pipe is opened so that neither the opening nor a write ever waits for its reader. */
static int open_pipe(const char *path, int *ret_fd, struct diag *diag)
{
	struct place at = { path, 0, 0 };
	struct stat st = { 0 };
	char quoted[256];
	CLEANUP(fd_close) int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	int r = fd < 0 || fstat(fd, &st) ? -errno : 0;
	if (r == -ENXIO) {
		diag_error(diag, (struct place){ 0 }, "nobody reads the pipe %s: start its reader first", diag_quote(sv_from(path), quoted, sizeof(quoted)));
	} else if (r) {
		diag_error(diag, at, "cannot be opened for writing: %s", strerror(-r));
	} else if (!S_ISFIFO(st.st_mode)) {
		diag_error(diag, at, "was a pipe and is something else now: try again");
		r = -EAGAIN;
	} else {
		*ret_fd = TAKE_FD(fd);
	}
	return r;
}

static int open_path(const char *path, int flags, int *ret_fd, struct stat *st, struct diag *diag)
{
	struct place at = { path, 0, 0 };
	CLEANUP(fd_close) int fd = open(path, flags | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	if (fd < 0) {
		int r = -errno;
		diag_error(diag, at, r == -ELOOP ? "is a symbolic link: name the file itself" : "cannot be opened for writing: %s", strerror(-r));
		return r;
	}
	if (fstat(fd, st)) {
		int r = -errno;
		diag_error(diag, at, "cannot be looked at: %s", strerror(-r));
		return r;
	}
	if (S_ISFIFO(st->st_mode)) { /* it was none a moment ago */
		diag_error(diag, at, "became a pipe while it was opened: try again");
		return -EAGAIN;
	}
	if (S_ISREG(st->st_mode) && st->st_nlink != 1) {
		diag_error(diag, at, "has %lu names (hard links): a log must have one", (unsigned long)st->st_nlink);
		return -EMLINK;
	}
	if (S_ISREG(st->st_mode) && flock(fd, LOCK_EX | LOCK_NB)) {
		diag_error(diag, at, "is in use by another run");
		return -EBUSY;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* Gives an earlier log another name, never taking one that exists. */
static int keep_earlier(const char *path, char **ret_name, struct diag *diag)
{
	int r = -EEXIST;
	for (unsigned i = 1; i <= SINK_FILE_KEEP_MAX && r == -EEXIST; i++) {
		CLEANUP(str_free) char *name = NULL;
		if (asprintf(&name, "%s.%u", path, i) < 0) {
			name = NULL; /* asprintf leaves it undefined */
			return -ENOMEM;
		}
		r = renameat2(AT_FDCWD, path, AT_FDCWD, name, RENAME_NOREPLACE) ? -errno : 0;
		if (r == 0)
			*ret_name = TAKE(name);
	}
	if (r)
		diag_error(diag, (struct place){ path, 0, 0 }, "holds an earlier log that cannot be renamed: %s", strerror(-r));
	return r;
}

int sink_file_set_aside(const char *path, char **ret_name, struct diag *diag)
{
	struct stat st = { 0 };
	CLEANUP(fd_close) int fd = -1;
	*ret_name = NULL;
	if (lstat(path, &st) || !S_ISREG(st.st_mode) || st.st_size == 0)
		return 0;
	int r = open_path(path, O_RDWR, &fd, &st, diag); /* nobody writes it now */
	return r || !begins_like_a_log(fd) ? r : keep_earlier(path, ret_name, diag);
}

/* Never truncated: others may write there. A pipe is opened anew: O_NONBLOCK on the one we were given would reach its other users. */
static int open_standard_output(struct sink_file *s, struct diag *diag)
{
	struct stat st;
	int flags = fcntl(STDOUT_FILENO, F_GETFL);
	bool is_open = flags >= 0 && (flags & O_ACCMODE) != O_RDONLY; /* what stands for one that was closed can only be read, see main.c */
	if (is_open && fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode))
		s->fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (is_open && s->fd < 0) /* no pipe, or one that belongs to someone else: it is taken as it is */
		s->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (s->fd < 0)
		diag_error(diag, (struct place){ 0 }, "standard output is closed");
	return s->fd < 0 ? -EBADF : 0;
}

static int open_output(struct sink_file *s, const char *path, struct diag *diag)
{
	struct stat st = { 0 };
	if (strcmp(path, "-") == 0)
		return open_standard_output(s, diag);
	if (lstat(path, &st) == 0 && S_ISFIFO(st.st_mode))
		return open_pipe(path, &s->fd, diag);
	int r = open_path(path, O_RDWR | O_CREAT, &s->fd, &st, diag);
	if (r)
		return r;
	s->is_regular = S_ISREG(st.st_mode);
	if (!s->is_regular || st.st_size == 0)
		return 0;
	if (!begins_like_a_log(s->fd)) {
		diag_error(diag, (struct place){ path, 0, 0 }, "holds data that are no Vedette log: name another file, or remove it");
		return -EEXIST;
	}
	r = keep_earlier(path, &s->kept_as, diag);
	if (r)
		return r;
	fd_close(&s->fd);
	return open_path(path, O_RDWR | O_CREAT | O_EXCL, &s->fd, &st, diag);
}

int sink_file_open(const struct sink_file_config *config, struct sink_file **ret, struct diag *diag)
{
	struct sink_file *s = calloc(1, sizeof(*s));
	int r = -ENOMEM;
	if (!s) {
		diag_error(diag, (struct place){ sink_file_name(config->path), 0, 0 }, "no memory for its queue");
		return r;
	}
	s->fd = -1;
	s->queue_max = MAX(config->queue_max_bytes, (size_t)SINK_FILE_QUEUE_MIN);
	s->queue.max = s->queue_max;
	s->retry_ns = config->retry_ns;
	r = buf_reserve(&s->queue, s->queue_max);
	if (r)
		diag_error(diag, (struct place){ sink_file_name(config->path), 0, 0 }, "no memory for a queue of %zu bytes", s->queue_max);
	else
		r = open_output(s, config->path, diag);
	if (r) {
		fd_close(&s->fd);
		buf_done(&s->queue);
		str_free(&s->kept_as);
		free(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* --- writing ------------------------------------------------------------------------------------------------------------------- */

/* Bytes of text up to and with its last line end. */
static size_t whole_lines(const char *p, size_t n)
{
	const char *end = n ? memrchr(p, '\n', n) : NULL;
	return end ? (size_t)(end - p) + 1 : 0;
}

/* Cuts the torn part of a line off the end. Nobody else appends: the file is locked. */
static int cut_torn_line(struct sink_file *s)
{
	struct stat st;
	if (s->torn == 0)
		return 0;
	if (fstat(s->fd, &st))
		return -errno;
	if (st.st_size >= (off_t)s->torn && ftruncate(s->fd, st.st_size - (off_t)s->torn))
		return -errno;
	s->torn = 0; /* a smaller file was cut by someone else, and the torn line with it */
	return 0;
}

/* Writes what it can; *ret_done bytes are safe to forget. A regular file is cut back to its last whole line. */
static int write_some(struct sink_file *s, struct strview text, size_t *ret_done)
{
	size_t done = 0;
	int r = cut_torn_line(s);
	while (!r && done < text.n) {
		ssize_t w = write(s->fd, text.p + done, text.n - done);
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			r = w < 0 ? -errno : -EIO;
		else
			done += (size_t)w;
	}
	*ret_done = s->is_regular ? whole_lines(text.p, done) : done;
	if (done != *ret_done) {
		s->torn = done - *ret_done;
		(void)cut_torn_line(s); /* tried again before anything else is written */
	}
	return r;
}

static int note_result(struct sink_file *s, int r, uint64_t now_ns)
{
	s->error = -r;
	s->next_try_ns = now_ns + (r == -EAGAIN ? MIN(s->retry_ns, PIPE_RETRY_NS) : s->retry_ns);
	return r;
}

static int drain(struct sink_file *s, uint64_t now_ns)
{
	size_t done = 0;
	int r = write_some(s, buf_sv(&s->queue), &done);
	if (done) {
		memmove(s->queue.p, s->queue.p + done, s->queue.n - done);
		s->queue.n -= done;
	}
	return note_result(s, r, now_ns);
}

int sink_file_retry(struct sink_file *s, uint64_t now_ns)
{
	if (s->queue.n == 0)
		return 0;
	if (now_ns < s->next_try_ns)
		return -s->error;
	return drain(s, now_ns);
}

int sink_file_write(struct sink_file *s, struct strview lines, uint64_t now_ns)
{
	size_t done = 0;
	int r = 0;
	if (lines.n > sink_file_room(s))
		return -ENOBUFS;
	if (s->queue.n)
		r = sink_file_retry(s, now_ns);
	if (s->queue.n == 0)
		r = note_result(s, write_some(s, lines, &done), now_ns);
	if (done == lines.n)
		return r;
	buf_add(&s->queue, lines.p + done, lines.n - done); /* reserved: cannot fail */
	return r ? r : -s->error;
}

int sink_file_sync(struct sink_file *s)
{
	if (!s->is_regular)
		return 0;
	return fdatasync(s->fd) ? -errno : 0;
}

int sink_file_wait(struct sink_file *s)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	int r = 0;
	if (s->wait_end_ns == 0)
		s->wait_end_ns = now_ns + SINK_FILE_WAIT_MS * 1000000ull;
	while (s->queue.n) {
		r = drain(s, 0);
		now_ns = clock_ns(CLOCK_MONOTONIC);
		if (r != -EAGAIN || now_ns >= s->wait_end_ns)
			break;
		struct pollfd p = { .fd = s->fd, .events = POLLOUT };
		if (poll(&p, 1, (int)((s->wait_end_ns - now_ns) / 1000000) + 1) < 0 && errno != EINTR)
			return -errno;
	}
	return r;
}

size_t sink_file_close(struct sink_file **s)
{
	if (!*s)
		return 0;
	IGNORE(sink_file_wait(*s)); /* last try: what is left is returned */
	size_t left = (*s)->queue.n;
	if ((*s)->is_regular)
		(void)fdatasync((*s)->fd); /* nobody could do more about a fault now */
	fd_close(&(*s)->fd);
	buf_done(&(*s)->queue);
	str_free(&(*s)->kept_as);
	free(*s);
	*s = NULL;
	return left;
}

/* --- as an outlet ---------------------------------------------------------------------------------------------------------------- */

static struct sink_file *of(struct outlet *o)
{
	return (struct sink_file *)(void *)o; /* its first member */
}

static const struct sink_file *of_const(const struct outlet *o)
{
	return (const struct sink_file *)(const void *)o;
}

static size_t outlet_room(const struct outlet *o, enum severity severity)
{
	(void)severity; /* its queue is one for all */
	return sink_file_room(of_const(o));
}

static int outlet_write(struct outlet *o, const struct outlet_batch *batch, uint64_t now_ns)
{
	return sink_file_write(of(o), batch->lines, now_ns);
}

static int outlet_retry(struct outlet *o, uint64_t now_ns)
{
	return sink_file_retry(of(o), now_ns);
}

static bool outlet_is_due(const struct outlet *o, uint64_t now_ns)
{
	return sink_file_is_due(of_const(o), now_ns);
}

static int outlet_sync(struct outlet *o)
{
	return sink_file_sync(of(o));
}

static int outlet_wait(struct outlet *o)
{
	return sink_file_wait(of(o));
}

static size_t outlet_queued_bytes(const struct outlet *o)
{
	return sink_file_queued_bytes(of_const(o));
}

static int outlet_error(const struct outlet *o)
{
	return sink_file_error(of_const(o));
}

static enum outlet_state outlet_state(const struct outlet *o)
{
	(void)o;
	return OUTLET_READY; /* what finds no room is left out, counted and told */
}

static const char *outlet_kept_as(const struct outlet *o)
{
	return sink_file_kept_as(of_const(o));
}

static size_t close_outlet(struct outlet *o)
{
	struct sink_file *s = of(o);
	return sink_file_close(&s);
}

struct outlet *sink_file_outlet(struct sink_file **s)
{
	static const struct outlet_ops ops = {
		.room = outlet_room,
		.write = outlet_write,
		.retry = outlet_retry,
		.is_due = outlet_is_due,
		.sync = outlet_sync,
		.wait = outlet_wait,
		.queued_bytes = outlet_queued_bytes,
		.error = outlet_error,
		.state = outlet_state,
		.kept_as = outlet_kept_as,
		.close = close_outlet,
	};
	(*s)->outlet.ops = &ops;
	return &TAKE(*s)->outlet;
}
