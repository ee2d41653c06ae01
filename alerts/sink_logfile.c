/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sinks of type file and stdout. A file holds whole lines, each once: when a crash came between the file and the cursor, the lines that are
 * there already are known by their stream and sequence, and passed. Rotation renames PATH to PATH.1, PATH.1 to PATH.2, ...
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alerts/identity.h"
#include "alerts/sink.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"

enum { MARKS = 8, TAIL_BYTES = 256 * 1024, STDOUT_WAIT_MS = 1000 }; /* a tail holds the longest line there is */

/* A stream's last line that is there. */
struct mark {
	char stream[STREAM_NAME_MAX + 1];
	uint64_t sequence;
};

struct logfile {
	const struct sink_options *options; /* borrowed; NULL: standard output */
	const struct wal_io *io;            /* borrowed */
	int fd;                             /* -1: not open */
	uint64_t size;
	uint64_t settled_size;              /* that is on the disk */
	bool is_lost;                       /* a sync failed, and the frame does not know yet: what came since the settle before comes again */
	bool is_doubtful;                   /* what the file seems to hold may not be on the disk: nothing in it counts as there */
	uint64_t span;                      /* of rotate_time, the one that the file's last line is of */
	struct mark marks[MARKS];           /* last lines of the streams that the end of the file is of */
	size_t n_marks;                     /* ever */
	struct buf out;                     /* standard output: what is left of a line that was begun */
};

static uint64_t span_of(const struct logfile *f, uint64_t wall_ns)
{
	return f->options->rotate_time ? wall_ns / f->options->rotate_time : 0;
}

static void note_last(struct logfile *f, const struct sink_line *line)
{
	if (line->stream.n > STREAM_NAME_MAX)
		return;
	for (size_t i = 0; i < MIN(f->n_marks, (size_t)MARKS); i++) {
		if (!sv_is(line->stream, f->marks[i].stream))
			continue;
		f->marks[i].sequence = MAX(f->marks[i].sequence, line->sequence);
		return;
	}
	struct mark *mark = &f->marks[f->n_marks++ % MARKS];
	*mark = (struct mark){ .sequence = line->sequence };
	memcpy(mark->stream, line->stream.p, line->stream.n);
}

/* The lines of a text that begins within one, but for from 0; -EBADMSG when the last is none of ours. */
static int note_lines(struct logfile *f, struct strview text, bool begins_with_line)
{
	bool is_good = true;
	while (text.n) {
		const char *end = memchr(text.p, '\n', text.n);
		struct sink_line line;
		struct strview one = { text.p, end ? (size_t)(end - text.p) : text.n };
		if (begins_with_line) {
			is_good = sink_line_read(one, &line);
			if (is_good && !f->is_doubtful)
				note_last(f, &line);
		}
		begins_with_line = true;
		text = sv_from_index(text, one.n + 1);
	}
	return is_good ? 0 : -EBADMSG;
}

/* What was rotated away a moment ago. Nothing is said when it cannot be read: it only spares doubles. */
static void look_at_rotated(struct logfile *f, char *tail)
{
	char name[4200];
	struct stat st;
	if (snprintf(name, sizeof(name), "%s.1", f->options->path) >= (int)sizeof(name))
		return;
	CLEANUP(fd_close) int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return;
	off_t from = st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0;
	ssize_t n = pread(fd, tail, TAIL_BYTES, from);
	if (n > 0)
		IGNORE(note_lines(f, (struct strview){ tail, (size_t)n }, from == 0)); /* as above */
}

/* Cuts off a part of a line, and reads what the last whole one is. */
static int look_at_tail(struct logfile *f, struct sink_fault *fault)
{
	char *tail = malloc(TAIL_BYTES);
	uint64_t from = f->size > TAIL_BYTES ? f->size - TAIL_BYTES : 0;
	ssize_t n = tail ? pread(f->fd, tail, TAIL_BYTES, (off_t)from) : 0;
	int r = !tail ? -ENOMEM : n < 0 ? -errno : 0;
	const char *end = n > 0 ? memrchr(tail, '\n', (size_t)n) : NULL;
	size_t whole = end ? (size_t)(end - tail) + 1 : 0;
	if (!r && n > 0 && !end && from > 0)
		r = -EBADMSG; /* no log of ours has such lines */
	if (!r && n > 0 && whole < (size_t)n) {
		f->size = from + whole;
		r = ftruncate(f->fd, (off_t)f->size) ? -errno : 0;
	}
	if (!r)
		r = note_lines(f, (struct strview){ tail, whole }, from == 0);
	if (!r && from == 0)
		look_at_rotated(f, tail);
	if (r)
		sink_fault_set(fault, r == -EBADMSG ? "%s holds data that are no Vedette log: name another file, or remove it" : "%s: its end cannot be read: %s",
			       f->options->path, strerror(-r));
	free(tail);
	return r;
}

/* What was written since the last settle is no longer believed to be there. */
static void forget(struct logfile *f)
{
	f->is_lost = true;
	f->n_marks = 0;
}

/*
 * What a failed sync left is in the cache and perhaps nowhere else, and no later sync says so: the file is cut back to what was synced
 * before, and the rest is written anew.
 */
static int sync_file(struct logfile *f, struct sink_fault *fault)
{
	struct stat st;
	int r = f->io->sync(f->io->context, f->fd);
	if (r == 0) {
		f->settled_size = f->size;
		f->is_doubtful = false;
		return 0;
	}
	sink_fault_set(fault, "%s cannot be synced: %s", f->options->path, strerror(-r));
	forget(f);
	bool is_longer = fstat(f->fd, &st) == 0 && (uint64_t)st.st_size >= f->settled_size; /* nobody else cut it */
	f->is_doubtful = !is_longer || f->io->cut(f->io->context, f->fd, (off_t)f->settled_size) != 0;
	fd_close(&f->fd);
	return r;
}

/* The frame is told once that what it believes to be written is not. */
static bool take_lost(struct logfile *f, struct sink_fault *fault)
{
	bool is_lost = f->is_lost;
	fault->is_window_lost |= is_lost;
	if (is_lost && !fault->text[0])
		sink_fault_set(fault, "%s could not be synced: what was written last is written again", f->options->path);
	f->is_lost = false;
	return is_lost;
}

static int open_file(struct logfile *f, struct sink_fault *fault)
{
	const char *path = f->options->path;
	struct stat st = { 0 };
	CLEANUP(fd_close) int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	int r = fd < 0 || fstat(fd, &st) ? -errno : 0;
	if (r) {
		sink_fault_set(fault, "%s cannot be opened for writing: %s", path, r == -ELOOP ? "it is a symbolic link" : strerror(-r));
		return r;
	}
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1) {
		sink_fault_set(fault, "%s must be a regular file with one name", path);
		return -EINVAL;
	}
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		sink_fault_set(fault, "%s is in use by another run", path);
		return -EBUSY;
	}
	f->fd = TAKE_FD(fd);
	f->size = (uint64_t)st.st_size;
	f->span = span_of(f, (uint64_t)st.st_mtim.tv_sec * 1000000000u);
	r = look_at_tail(f, fault);
	if (!r && (r = f->io->sync(f->io->context, f->fd))) { /* lines that are there count as delivered */
		sink_fault_set(fault, "%s cannot be synced: %s", path, strerror(-r));
		forget(f);
		f->is_doubtful = true;
	}
	if (r)
		fd_close(&f->fd);
	else
		f->settled_size = f->size;
	return r;
}

static int logfile_open(const struct sink_options *options, const struct wal_io *io, void **ret, struct diag *diag)
{
	struct sink_fault fault = { .text = "" };
	struct logfile *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->fd = -1;
	f->options = options;
	f->io = io;
	int r = open_file(f, &fault);
	if (r) {
		diag_error(diag, (struct place){ 0 }, "sink '%s': %s", options->name, fault.text);
		free(f);
		return r;
	}
	*ret = f;
	return 0;
}

static int rename_one(const char *path, unsigned from, unsigned to)
{
	char old[4200], new[4200];
	int n = from ? snprintf(old, sizeof(old), "%s.%u", path, from) : snprintf(old, sizeof(old), "%s", path);
	int m = snprintf(new, sizeof(new), "%s.%u", path, to);
	if (n >= (int)sizeof(old) || m >= (int)sizeof(new))
		return -ENAMETOOLONG;
	return rename(old, new) ? -errno : 0;
}

/* The oldest is replaced by the one after it. */
static int rotate(struct logfile *f, struct sink_fault *fault)
{
	const char *path = f->options->path;
	unsigned n = 0;
	char name[4200];
	int r = sync_file(f, fault);
	if (r)
		return r;
	while (!r && n + 1 < f->options->keep && snprintf(name, sizeof(name), "%s.%u", path, n + 1) < (int)sizeof(name) && access(name, F_OK) == 0)
		n++;
	for (; !r && n > 0; n--)
		r = rename_one(path, n, n + 1);
	if (!r)
		r = rename_one(path, 0, 1);
	if (r) {
		sink_fault_set(fault, "%s cannot be rotated: %s", path, strerror(-r));
		return r;
	}
	fd_close(&f->fd);
	return open_file(f, fault);
}

static bool is_to_rotate(const struct logfile *f, size_t more)
{
	if (f->size == 0)
		return false;
	return (f->options->rotate_size && f->size + more > f->options->rotate_size) || span_of(f, clock_ns(CLOCK_REALTIME)) != f->span;
}

/* Whole lines or none: a part of one is cut off again. */
static int append(struct logfile *f, struct strview bytes, struct sink_fault *fault)
{
	int r = fd_write_all(f->fd, bytes.p, bytes.n);
	if (r == 0) {
		f->size += bytes.n;
		f->span = span_of(f, clock_ns(CLOCK_REALTIME));
		return 0;
	}
	sink_fault_set(fault, "%s: %s", f->options->path, strerror(-r));
	if (ftruncate(f->fd, (off_t)f->size)) {
		struct sink_fault other = { .text = "" };
		IGNORE(sync_file(f, &other)); /* told by the next settle, when it fails */
		fd_close(&f->fd);             /* the next opening cuts it */
	}
	return r;
}

static bool is_there(const struct logfile *f, const struct sink_line *line)
{
	for (size_t i = 0; i < MIN(f->n_marks, (size_t)MARKS); i++)
		if (sv_is(line->stream, f->marks[i].stream))
			return line->sequence <= f->marks[i].sequence;
	return false;
}

static int logfile_send(void *sink, const struct sink_line *lines, size_t n, size_t *ret_done, struct sink_fault *fault)
{
	struct logfile *f = sink;
	size_t i = 0;
	*ret_done = 0;
	if (take_lost(f, fault))
		return -EIO;
	int r = f->fd < 0 ? open_file(f, fault) : 0;
	while (!r && i < n) {
		size_t first = i;
		buf_reset(&f->out);
		for (; i < n && f->out.n < TAIL_BYTES; i++) {
			if (is_there(f, &lines[i]))
				continue;
			if (i > first && f->options->rotate_size && f->size + f->out.n + lines[i].text.n >= f->options->rotate_size)
				break;
			buf_add_sv(&f->out, lines[i].text);
			buf_add_char(&f->out, '\n');
		}
		r = buf_error(&f->out);
		if (!r && is_to_rotate(f, f->out.n))
			r = rotate(f, fault);
		if (!r && f->out.n)
			r = append(f, buf_sv(&f->out), fault);
		if (r)
			break;
		note_last(f, &lines[i - 1]); /* never to a lower one */
		*ret_done = i;
	}
	IGNORE(take_lost(f, fault)); /* r says it: a rotation could not sync */
	return r;
}

static int logfile_settle(void *sink, struct sink_fault *fault)
{
	struct logfile *f = sink;
	int r = f->fd >= 0 ? sync_file(f, fault) : 0;
	return take_lost(f, fault) && !r ? -EIO : r;
}

static void logfile_reopen(void *sink)
{
	struct logfile *f = sink;
	struct sink_fault fault = { .text = "" };
	if (f->fd >= 0)
		IGNORE(sync_file(f, &fault)); /* the next settle tells it */
	fd_close(&f->fd);
}

static void logfile_close(void *sink)
{
	struct logfile *f = sink;
	fd_close(&f->fd);
	buf_done(&f->out);
	free(f);
}

const struct sink_type sink_type_file = {
	.delivered = "written",
	.delivered_doc = "it is in the file, and the file is synced",
	.open = logfile_open,
	.send = logfile_send,
	.settle = logfile_settle,
	.reopen = logfile_reopen,
	.close = logfile_close,
};

/* --- standard output --------------------------------------------------------------------------------------------------------------------- */

static int stdout_open(const struct sink_options *options, const struct wal_io *io, void **ret, struct diag *diag)
{
	(void)io, (void)options; /* no file of its own */
	struct logfile *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (f->fd < 0) {
		diag_error(diag, (struct place){ 0 }, "sink '%s': standard output is closed", options->name);
		free(f);
		return -EBADF;
	}
	*ret = f;
	return 0;
}

/* A thread of its own may wait for a slow reader, but not for ever: the end has to come through. */
static int stdout_drain(struct logfile *f, struct sink_fault *fault)
{
	while (f->out.n) {
		struct pollfd p = { .fd = f->fd, .events = POLLOUT };
		int ready = poll(&p, 1, STDOUT_WAIT_MS);
		/* 4096 bytes fit a pipe that is said to be writable: such a write does not wait */
		ssize_t w = ready > 0 ? write(f->fd, f->out.p, MIN(f->out.n, (size_t)4096)) : 0;
		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0) {
			int r = w < 0 ? -errno : -EAGAIN;
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
	struct logfile *f = sink;
	int r = stdout_drain(f, fault); /* the rest of a line that counts as done: it was begun */
	for (*ret_done = 0; !r && *ret_done < n; (*ret_done)++) {
		buf_add_sv(&f->out, lines[*ret_done].text);
		buf_add_char(&f->out, '\n');
		size_t whole = f->out.n;
		if (buf_error(&f->out))
			return -ENOMEM;
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

const struct sink_type sink_type_stdout = {
	.delivered = "written",
	.delivered_doc = "the reader of the pipe or terminal has it, or the kernel for it",
	.open = stdout_open,
	.send = stdout_send,
	.settle = stdout_settle,
	.close = logfile_close,
};
