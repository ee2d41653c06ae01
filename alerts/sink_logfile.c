/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sink of type file. It holds whole lines of one agent, each once: when a crash came between the file and the cursor, the lines that are there already are
 * known by their bytes, and passed. Rotation renames PATH to PATH.1, PATH.1 to PATH.2, ...
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alerts/head.h"
#include "alerts/known_lines.h"
#include "alerts/sink.h"
#include "engine/base/clock.h"
#include "engine/base/fd.h"
#include "engine/base/jsonread.h"

enum {
	TAIL_BYTES = 256 * 1024,        /* holds the longest line there is */
	KNOWN_BYTES = 16 * 1024 * 1024, /* more than what is written between two cursors; what is older and comes again stands there twice */
	NAME_BYTES = PATH_MAX + 16,     /* a path that can be opened, and the number of a rotated file */
};

struct logfile {
	const struct sink_options *options; /* borrowed */
	const struct wal_io *io;            /* borrowed */
	int fd;                             /* -1: not open */
	uint64_t size;
	uint64_t opened;                    /* times that a file was */
	uint64_t settled_size;              /* that is on the disk */
	bool is_lost;                       /* a sync failed, and the frame does not know yet: what came since the settle before comes again */
	bool owes_cut;                      /* the file owed_dev:owed_ino is to be cut to settled_size before it is written again: it could not be */
	dev_t owed_dev;
	ino_t owed_ino;
	bool is_doubtful;                   /* what the file seems to hold may not be on the disk: nothing in it counts as there */
	uint64_t span;                      /* of rotate_time, the one that the file's last line is of */
	char agent[STREAM_NAME_MAX + 1];    /* of the file's last line; "": it has none */
	struct known_lines known;           /* that the files held when they were opened */
	struct buf out;
};

static uint64_t span_of(const struct logfile *f, uint64_t wall_ns)
{
	return f->options->rotate_time ? wall_ns / f->options->rotate_time : 0;
}

static void note_agent(struct logfile *f, const struct sink_line *line)
{
	struct strview agent = stream_agent(line->stream);
	if (agent.n == 0 || agent.n > STREAM_NAME_MAX)
		return;
	memcpy(f->agent, agent.p, agent.n);
	f->agent[agent.n] = '\0';
}

static bool is_of_agent(const struct sink_line *line, const char *agent)
{
	return !agent[0] || !line->stream.n || sv_is(stream_agent(line->stream), agent);
}

/* Bytes of the file from there on; -errno. */
static int read_part(int fd, uint64_t from, uint64_t to, struct buf *into)
{
	into->max = KNOWN_BYTES;
	if (buf_reserve(into, (size_t)(to - from)))
		return -ENOMEM;
	while (from < to) {
		ssize_t n = pread(fd, into->p + into->n, (size_t)(to - from), (off_t)from);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		into->n += (size_t)n;
		from += (uint64_t)n;
	}
	return 0;
}

/* The whole lines among the last bytes of a file; how many of them there may be, and what is left of that. */
static int know_file(struct logfile *f, int fd, uint64_t size, uint64_t *left)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	uint64_t from = size > *left ? size - *left : 0;
	int r = read_part(fd, from, size, &text);
	struct strview rest = buf_sv(&text);
	*left -= size - from;
	for (bool is_whole = from == 0; !r && rest.n; is_whole = true) {
		const char *end = memchr(rest.p, '\n', rest.n);
		if (!end)
			break;
		struct strview line = { rest.p, (size_t)(end - rest.p) };
		if (is_whole)
			r = known_lines_add(&f->known, line);
		rest = sv_from_index(rest, line.n + 1);
	}
	return r;
}

/* The file itself, and what was rotated away of late. What of that cannot be read is not known: it only spares doubles. */
static int know_lines(struct logfile *f)
{
	char name[NAME_BYTES];
	uint64_t left = KNOWN_BYTES;
	known_lines_clear(&f->known);
	if (f->is_doubtful)
		return 0;
	int r = know_file(f, f->fd, f->size, &left);
	bool has_hole = false; /* of a rotation that was interrupted */
	for (unsigned i = 1; !r && left && i <= f->options->keep; i++) {
		struct stat st;
		(void)snprintf(name, sizeof(name), "%s.%u", f->options->path, i); /* fits: the path could be opened */
		CLEANUP(fd_close) int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0 && errno == ENOENT && !has_hole) {
			has_hole = true;
			continue;
		}
		if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
			break;
		if (know_file(f, fd, (uint64_t)st.st_size, &left) == -ENOMEM)
			r = -ENOMEM;
	}
	return r;
}

/* Of a line in another format the id alone is read. */
static bool read_line(const struct logfile *f, struct strview text, struct sink_line *ret)
{
	enum format format = sink_format(f->options);
	struct strview id;
	if (format == FORMAT_NATIVE)
		return sink_line_read(text, ret);
	if (!format_find_id(format, text, &id))
		return false;
	const char *colon = memrchr(id.p, ':', id.n);
	*ret = (struct sink_line){ .text = text, .stream = { id.p, colon ? (size_t)(colon - id.p) : 0 } };
	return colon != NULL;
}

/* Can it be what is there of a line of ours that was cut short? */
static bool may_be_part(const struct logfile *f, struct strview text)
{
	enum format format = sink_format(f->options);
	struct strview begin = format == FORMAT_CEF ? SV("CEF:") : format == FORMAT_LEEF ? SV("LEEF:") : SV("{");
	struct sink_line line;
	const char *error;
	size_t at, n = MIN(begin.n, text.n);
	if (memcmp(text.p, begin.p, n) != 0)
		return false;
	return !format_is_json(format) || json_check(text, &error, &at) || read_line(f, text, &line); /* JSON that is whole, and no line of ours */
}

/* Reads what the last whole line is, and cuts off a part of one behind it. A file of others is left as it is. */
static int look_at_tail(struct logfile *f, struct sink_fault *fault)
{
	CLEANUP(buf_done) struct buf tail = { 0 };
	uint64_t from = f->size > TAIL_BYTES ? f->size - TAIL_BYTES : 0;
	int r = read_part(f->fd, from, f->size, &tail);
	const char *end = tail.n ? memrchr(tail.p, '\n', tail.n) : NULL;
	size_t whole = end ? (size_t)(end - tail.p) + 1 : 0;
	if (!r && tail.n && !end && from > 0)
		r = -EBADMSG; /* no log of ours has such lines */
	if (!r && whole < tail.n && !may_be_part(f, (struct strview){ tail.p + whole, tail.n - whole }))
		r = -EBADMSG;
	f->agent[0] = '\0';
	if (!r && whole) {
		const char *before = whole > 1 ? memrchr(tail.p, '\n', whole - 1) : NULL;
		const char *begin = before ? before + 1 : tail.p;
		struct sink_line line;
		if ((!before && from > 0) || !read_line(f, (struct strview){ begin, (size_t)(end - begin) }, &line))
			r = -EBADMSG;
		else
			note_agent(f, &line);
	}
	if (!r && whole < tail.n) {
		f->size = from + whole;
		r = f->io->cut(f->io->context, f->fd, (off_t)f->size);
	}
	if (r)
		sink_fault_set(fault, r == -EBADMSG ? "%s holds data that are no Vedette log in the sink's format: name another file, or remove it" : "%s: its end cannot be read: %s",
			       f->options->path, strerror(-r));
	return r;
}

/* What was written since the last settle is no longer believed to be there. */
static void forget(struct logfile *f)
{
	f->is_lost = true;
	known_lines_clear(&f->known);
}

/*
 * What a failed sync left is in the cache and perhaps nowhere else, and no later sync says so: the file is cut back to what was synced
 * before, and the rest is written anew.
 */
static int sync_file(struct logfile *f, struct sink_fault *fault)
{
	struct stat st = { 0 };
	int r = f->io->sync(f->io->context, f->fd);
	if (r == 0) {
		f->settled_size = f->size;
		f->is_doubtful = false;
		return 0;
	}
	sink_fault_set(fault, "%s cannot be synced: %s", f->options->path, strerror(-r));
	forget(f);
	bool is_longer = fstat(f->fd, &st) == 0 && (uint64_t)st.st_size >= f->settled_size; /* nobody else cut it */
	f->owes_cut = is_longer && f->io->cut(f->io->context, f->fd, (off_t)f->settled_size) != 0;
	f->is_doubtful = !is_longer || f->owes_cut;
	f->owed_dev = st.st_dev;
	f->owed_ino = st.st_ino;
	fd_close(&f->fd);
	return r;
}

/* What a failed sync left goes before the rest is written anew, or it would stand there twice. Another file owes nothing, and what it holds is not known. */
static int pay_cut(struct logfile *f, int fd, struct stat *st, struct sink_fault *fault)
{
	if (!f->owes_cut || st->st_dev != f->owed_dev || st->st_ino != f->owed_ino || (uint64_t)st->st_size < f->settled_size)
		return 0;
	int r = f->io->cut(f->io->context, fd, (off_t)f->settled_size);
	if (r) {
		sink_fault_set(fault, "%s cannot be cut back to what is on the disk: %s", f->options->path, strerror(-r));
		return r;
	}
	st->st_size = (off_t)f->settled_size;
	f->owes_cut = f->is_doubtful = false;
	return 0;
}

/* The frame is told once that what it believes to be written is not. */
static bool take_lost(struct logfile *f, struct sink_fault *fault)
{
	bool is_lost = f->is_lost;
	fault->is_window_lost |= is_lost;
	if (is_lost && !fault->text[0])
		sink_fault_set(fault, "%s has not kept what was written last: that is written again", f->options->path);
	f->is_lost = false;
	return is_lost;
}

/* A file whose name is not on the disk is not there after the next boot, whatever was synced into it. */
static int sync_folder(struct logfile *f, struct sink_fault *fault)
{
	char name[NAME_BYTES];
	const char *path = f->options->path, *slash = strrchr(path, '/');
	(void)snprintf(name, sizeof(name), "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : "."); /* fits: the path could be opened */
	CLEANUP(fd_close) int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno : f->io->sync(f->io->context, fd);
	if (r)
		sink_fault_set(fault, "the folder of %s cannot be synced: %s", path, strerror(-r));
	return r;
}

/* is_fresh: after a rotation of our own, what the files hold is known. */
static int open_file(struct logfile *f, bool is_fresh, struct sink_fault *fault)
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
	r = pay_cut(f, fd, &st, fault);
	if (r)
		return r;
	f->owes_cut = false;
	f->fd = TAKE_FD(fd);
	f->opened++;
	f->size = (uint64_t)st.st_size;
	f->span = span_of(f, (uint64_t)st.st_mtim.tv_sec * 1000000000u);
	r = look_at_tail(f, fault);
	if (!r && !is_fresh && (r = know_lines(f)))
		sink_fault_set(fault, "%s: its lines cannot be read: %s", path, strerror(-r));
	if (!r)
		r = sync_folder(f, fault);
	if (!r && (r = f->io->sync(f->io->context, f->fd))) { /* lines that are there count as delivered */
		sink_fault_set(fault, "%s cannot be synced: %s", path, strerror(-r));
		if (f->size) { /* an empty one has nothing to lose, and what stands in those before it was synced */
			forget(f);
			f->is_doubtful = true;
		}
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
	int r = open_file(f, false, &fault);
	if (r) {
		diag_error(diag, options->at, "sink '%s': %s", options->name, fault.text);
		free(f);
		return r;
	}
	*ret = f;
	return 0;
}

static int rename_one(const struct logfile *f, unsigned from, unsigned to)
{
	const char *path = f->options->path;
	char old[NAME_BYTES], new[NAME_BYTES]; /* fit: the path could be opened */
	(void)(from ? snprintf(old, sizeof(old), "%s.%u", path, from) : snprintf(old, sizeof(old), "%s", path));
	(void)snprintf(new, sizeof(new), "%s.%u", path, to);
	return f->io->rename(f->io->context, AT_FDCWD, old, new);
}

static bool has_rotated(const char *path, unsigned number)
{
	char name[NAME_BYTES];
	(void)snprintf(name, sizeof(name), "%s.%u", path, number); /* fits: the path could be opened */
	return access(name, F_OK) == 0;
}

/* Somebody removed it, or cut it: what was written last is nowhere, or in a file that nobody finds. It is written anew, to a file that is there. */
static int check_name(struct logfile *f, struct sink_fault *fault)
{
	struct stat st;
	int r = fstat(f->fd, &st) ? -errno : 0;
	if (!r && st.st_nlink > 0 && (uint64_t)st.st_size >= f->size)
		return 0;
	if (r)
		sink_fault_set(fault, "%s: %s", f->options->path, strerror(-r));
	else
		sink_fault_set(fault, "%s was %s by somebody: what was written last is written again", f->options->path, st.st_nlink ? "cut" : "removed");
	forget(f);
	fd_close(&f->fd);
	return r ? r : -EIO;
}

/* The oldest is replaced by the one after it. */
static int rotate(struct logfile *f, struct sink_fault *fault)
{
	const char *path = f->options->path;
	unsigned n = 0;
	int r = sync_file(f, fault);
	if (!r)
		r = check_name(f, fault);
	if (r)
		return r;
	while (n + 1 < f->options->keep && has_rotated(path, n + 1))
		n++;
	for (; !r && n > 0; n--)
		r = rename_one(f, n, n + 1);
	if (!r)
		r = rename_one(f, 0, 1);
	if (r) {
		sink_fault_set(fault, "%s cannot be rotated: %s", path, strerror(-r));
		return r;
	}
	fd_close(&f->fd);
	return open_file(f, true, fault);
}

/* Another agent's lines have no place in the same file: nobody could verify it. */
static bool is_to_rotate(const struct logfile *f, const struct sink_line *line, size_t more)
{
	if (f->size == 0)
		return false;
	if (!is_of_agent(line, f->agent))
		return true;
	return (f->options->rotate_size && f->size + more > f->options->rotate_size) || span_of(f, clock_ns(CLOCK_REALTIME)) != f->span;
}

static int write_whole(const struct logfile *f, struct strview bytes)
{
	while (bytes.n) {
		ssize_t n = f->io->write(f->io->context, f->fd, bytes, 0); /* the place does not count: it is appended */
		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n ? (int)n : -EIO;
		bytes = sv_from_index(bytes, (size_t)n);
	}
	return 0;
}

/* Whole lines or none: a part of one is cut off again. */
static int append(struct logfile *f, struct strview bytes, struct sink_fault *fault)
{
	int r = write_whole(f, bytes);
	if (r == 0) {
		f->size += bytes.n;
		f->span = span_of(f, clock_ns(CLOCK_REALTIME));
		return 0;
	}
	sink_fault_set(fault, "%s: %s", f->options->path, strerror(-r));
	if (f->io->cut(f->io->context, f->fd, (off_t)f->size)) {
		struct sink_fault other = { .text = "" };
		IGNORE(sync_file(f, &other)); /* told by the next settle, when it fails */
		fd_close(&f->fd);             /* the next opening cuts it */
	}
	return r;
}

/* The next lines that one write takes, of one agent and one file, as f->out; returns the index behind them. */
static size_t collect(struct logfile *f, const struct sink_line *lines, size_t n, size_t i, const struct sink_line **ret_last)
{
	*ret_last = NULL;
	buf_reset(&f->out);
	for (; i < n && f->out.n < TAIL_BYTES; i++) {
		if (known_lines_has(&f->known, lines[i].text))
			continue;
		if (*ret_last && f->options->rotate_size && f->size + f->out.n + lines[i].text.n >= f->options->rotate_size)
			break;
		if (*ret_last && !sv_equal(stream_agent((*ret_last)->stream), stream_agent(lines[i].stream)))
			break;
		buf_add_sv(&f->out, lines[i].text);
		buf_add_char(&f->out, '\n');
		*ret_last = &lines[i];
	}
	return i;
}

static int logfile_send(void *sink, const struct sink_line *lines, size_t n, size_t *ret_done, struct sink_fault *fault)
{
	struct logfile *f = sink;
	*ret_done = 0;
	if (take_lost(f, fault))
		return -EIO;
	int r = f->fd < 0 ? open_file(f, false, fault) : 0;
	while (!r && *ret_done < n) {
		const struct sink_line *last;
		size_t next = collect(f, lines, n, *ret_done, &last);
		r = buf_error(&f->out);
		if (!r && last && is_to_rotate(f, last, f->out.n))
			r = rotate(f, fault);
		if (!r && last)
			r = append(f, buf_sv(&f->out), fault);
		if (r)
			break;
		if (last)
			note_agent(f, last);
		*ret_done = next;
	}
	IGNORE(take_lost(f, fault)); /* r says it: a rotation could not sync */
	return r;
}

static int logfile_settle(void *sink, struct sink_fault *fault)
{
	struct logfile *f = sink;
	int r = f->fd >= 0 ? sync_file(f, fault) : 0;
	if (!r && f->fd >= 0)
		r = check_name(f, fault);
	return take_lost(f, fault) && !r ? -EIO : r;
}

static uint64_t logfile_files(const void *sink)
{
	const struct logfile *f = sink;
	return f->opened;
}

static void logfile_reopen(void *sink)
{
	struct logfile *f = sink;
	struct sink_fault fault = { .text = "" };
	if (f->fd >= 0 && sync_file(f, &fault) == 0)
		IGNORE(check_name(f, &fault)); /* the next settle tells it, as it does a failed sync */
	fd_close(&f->fd);
}

static void logfile_close(void *sink)
{
	struct logfile *f = sink;
	fd_close(&f->fd);
	known_lines_done(&f->known);
	buf_done(&f->out);
	free(f);
}

const struct sink_type sink_type_file = {
	.delivered = "written",
	.delivered_doc = "it is in the file, and the file is synced",
	.open = logfile_open,
	.send = logfile_send,
	.settle = logfile_settle,
	.files = logfile_files,
	.reopen = logfile_reopen,
	.close = logfile_close,
};
